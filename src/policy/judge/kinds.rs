//! Judging `[kinds.…]`: lengths that fit each other, and a ladder that climbs.

use super::Judge;
use crate::policy::faults::one_of;
use crate::policy::limits::{Kind, KindLimits, Kinds, Reaches, Step};
use crate::policy::raw::RawKind;
use crate::text::Length;

const MOST_STEPS: usize = 16;
const MOST_EXTENSIONS: u32 = 20;

impl Judge<'_> {
    pub(super) fn kinds_of_request(&mut self, leads: bool) -> Kinds {
        let mut kinds = Kinds::default();
        for name in self.document.names("kinds") {
            let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.word() == name) else {
                let cure = one_of(&name, Kind::ALL.map(Kind::word), "");
                self.fault(&["kinds", &name], &format!("there is no kind of request called {name}"), &cure);
                continue;
            };
            let Some(raw) = self.document.entry::<RawKind>("kinds", &name) else { continue };
            let limits = match kind {
                Kind::Emergency => &mut kinds.emergency,
                Kind::Planned => &mut kinds.planned,
                Kind::Day => &mut kinds.day,
            };
            self.kind(&name, &raw, limits, leads);
            self.long_window(kind, limits.longest);
        }
        kinds
    }

    fn kind(&mut self, name: &str, raw: &RawKind, limits: &mut KindLimits, leads: bool) {
        let path = |key| ["kinds", name, key];
        limits.longest = self.length(raw.longest.as_ref(), &path("longest")).unwrap_or(limits.longest);
        match self.length(raw.default.as_ref(), &path("default")) {
            None => limits.default = limits.default.min(limits.longest),
            Some(default) if default > limits.longest => {
                let sentence = format!("{name} requests get {default} by default, but {} at most", limits.longest);
                self.fault(&path("default"), &sentence, "lower default or raise longest");
            }
            Some(default) => limits.default = default,
        }
        limits.undecided = self.length(raw.undecided.as_ref(), &path("undecided")).unwrap_or(limits.undecided);
        match raw.extensions {
            Some(many) if many > MOST_EXTENSIONS => {
                let sentence = format!("extensions = {many} would let a grant go on for ever");
                self.fault(&path("extensions"), &sentence, &format!("write {MOST_EXTENSIONS} at most"));
            }
            few => limits.extensions = few.unwrap_or(limits.extensions),
        }
        limits.lead_may_approve = raw.lead_may_approve.unwrap_or(limits.lead_may_approve);
        if let Some(ladder) = &raw.escalate {
            limits.escalate = self.ladder(name, ladder, limits.undecided);
        }
        let climbs_to_lead = raw.escalate.is_some() && limits.escalate.iter().any(|step| step.reaches == Reaches::Lead);
        if !leads && (climbs_to_lead || raw.lead_may_approve == Some(true)) {
            let key = if climbs_to_lead { "escalate" } else { "lead_may_approve" };
            let sentence = format!("{name} requests reach the incident lead, but the policy names none");
            self.warn(&path(key), &sentence, "write leads = \"…\" at the top: a rota or a person");
        }
    }

    fn ladder(&mut self, name: &str, ladder: &[String], undecided: Length) -> Vec<Step> {
        let cure = "write a length and approver, backup or lead, such as \"10m backup\"";
        if ladder.is_empty() || ladder.len() > MOST_STEPS {
            let sentence = format!("the ladder of {name} requests has {} steps", ladder.len());
            self.fault(&["kinds", name, "escalate"], &sentence, "write 1 to 16, such as \"0m approver\"");
        }
        let mut steps = Vec::new();
        for (at, text) in ladder.iter().take(MOST_STEPS).enumerate() {
            let at = at.to_string();
            let path = ["kinds", name, "escalate", &at];
            let (after, word) = text.trim().rsplit_once(char::is_whitespace).unwrap_or(("", text));
            let reaches = match word {
                "approver" => Reaches::Approver,
                "backup" => Reaches::Backup,
                "lead" => Reaches::Lead,
                _ => {
                    self.fault(&path, &format!("the step {text:?} reaches nobody"), cure);
                    continue;
                }
            };
            match Length::parse_or_zero(after) {
                Ok(after) if steps.last().is_some_and(|last: &Step| last.after > after) => {
                    self.fault(&path, &format!("the step {text:?} comes after a later one"), "put the earliest first");
                }
                Ok(after) => {
                    if after >= undecided {
                        let sentence = format!("the step {text:?} is never reached: undecided is {undecided}");
                        self.warn(&path, &sentence, "take it out, or raise undecided");
                    }
                    steps.push(Step { after, reaches });
                }
                Err(error) => self.fault(&path, &format!("the step {text:?} has no length: {}", error.sentence), cure),
            }
        }
        steps
    }

    fn long_window(&mut self, kind: Kind, longest: Length) {
        let usual = Length::from_hours(match kind {
            Kind::Emergency => 4,
            Kind::Planned => 12,
            Kind::Day => 24,
        });
        if longest > usual {
            let sentence = format!("{kind} requests may get {longest} at once");
            let cure = format!("{usual} at most is usual; more can be had by extensions, each decided");
            self.warn(&["kinds", kind.word(), "longest"], &sentence, &cure);
        }
    }
}

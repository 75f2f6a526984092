//! Who is next, and when nobody is: looking ahead along the edges of turns, hours and leave.
//!
//! Never reads the time: from when on is an argument.

use super::limits::Kind;
use super::rota::OnDuty;
use super::systems::{Hours, System};
use super::{Capacity, Policy};
use crate::text::instant::first_at;
use crate::text::{Instant, Length, PersonId};
use chrono::{Days, NaiveDate};

/// How far ahead somebody else is looked for.
const NEXT: Length = Length::from_hours(24 * 14);
/// The most gaps that are told.
const MOST_GAPS: usize = 20;

/// A time at which nobody is on duty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// From when.
    pub from: Instant,
    /// Until when, as far as it was looked.
    pub until: Instant,
    /// Whose turn it is, who is away then; `None` where it is nobody's.
    pub away: Option<PersonId>,
}

impl Policy {
    /// The next time at which other people may decide, or in another order, and who they are then.
    pub fn next_change(
        &self,
        system: &System,
        kind: Kind,
        at: Instant,
    ) -> Option<(Instant, Vec<(PersonId, Capacity)>)> {
        let now = self.eligible(system, kind, at);
        let until = at.plus(NEXT);
        let mut edges = self.edges_of(&system.backup, at, until);
        edges.extend(self.leads.iter().flat_map(|leads| self.edges_of(leads, at, until)));
        edges.extend(self.leave_edges(&system.owner));
        edges.extend(self.hours_edges(system, at, until));
        edges.retain(|edge| at < *edge && *edge <= until);
        edges.sort_unstable();
        edges.dedup();
        edges.into_iter().map(|edge| (edge, self.eligible(system, kind, edge))).find(|(_, then)| *then != now)
    }

    /// When nobody is on duty between `from` and `until`; of a calendar, as far as it was read.
    pub fn gaps(&self, who: &OnDuty, from: Instant, until: Instant) -> Vec<Gap> {
        let covers = match who {
            OnDuty::Rota(name) => self.rotas.get(name).and_then(|rota| rota.covers),
            OnDuty::Person(_) => None,
        };
        let until = covers.map_or(until, |(_, known)| until.min(known));
        let mut edges = self.edges_of(who, from, until);
        edges.retain(|edge| from < *edge && *edge < until);
        edges.extend([from, until]);
        edges.sort_unstable();
        edges.dedup();
        let mut gaps: Vec<Gap> = Vec::new();
        for pair in edges.windows(2) {
            let [begin, end] = *pair else { continue };
            if self.on_duty(who, begin).is_some() {
                continue;
            }
            let away = match who {
                OnDuty::Person(person) => Some(person.clone()),
                OnDuty::Rota(name) => self.rotas.get(name).and_then(|rota| rota.at(begin)).cloned(),
            };
            let full = gaps.len() == MOST_GAPS;
            match gaps.last_mut() {
                Some(last) if last.until == begin && last.away == away => last.until = end,
                _ if full => break,
                _ => gaps.push(Gap { from: begin, until: end, away }),
            }
        }
        gaps
    }

    /// Whenever it can become somebody else's turn, or who has it goes on leave or comes back.
    fn edges_of(&self, who: &OnDuty, from: Instant, until: Instant) -> Vec<Instant> {
        let mut edges = Vec::new();
        if let OnDuty::Rota(name) = who
            && let Some(rota) = self.rotas.get(name)
        {
            edges.extend(rota.overrides.iter().chain(&rota.slots).flat_map(|turn| [turn.from, turn.until]));
            edges.extend(rota.handovers(from, until));
        }
        let mut people = self.everybody(who);
        people.sort_unstable();
        people.dedup();
        edges.extend(people.into_iter().flat_map(|person| self.leave_edges(person)));
        edges
    }

    fn leave_edges(&self, person: &PersonId) -> Vec<Instant> {
        let Some(person) = self.people.get(person) else { return Vec::new() };
        let midnight = |day: NaiveDate| day.and_hms_opt(0, 0, 0).map(|local| first_at(local, person.zone));
        let edges = person.leave.iter().flat_map(|(first, last)| [Some(*first), last.succ_opt()]);
        edges.flatten().filter_map(midnight).collect()
    }

    fn hours_edges(&self, system: &System, from: Instant, until: Instant) -> Vec<Instant> {
        let Hours::Week { from: begins, until: ends, .. } = &system.hours else { return Vec::new() };
        let zone = self.people.get(&system.owner).map_or(self.zone, |owner| owner.zone);
        let first = from.utc().with_timezone(&zone).date_naive();
        let days = until.since(from).millis().div_euclid(24 * 3_600_000).clamp(0, 400) + 2;
        let mut edges = Vec::new();
        for day in (0..u64::try_from(days).unwrap_or(0)).filter_map(|day| first.checked_add_days(Days::new(day))) {
            edges.push(first_at(day.and_time(*begins), zone));
            edges.extend(ends.map(|ends| first_at(day.and_time(ends), zone)));
            edges.extend(day.and_hms_opt(0, 0, 0).map(|local| first_at(local, zone)));
        }
        edges
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Source;

    const POLICY: &str = r#"
zone = "Europe/London"
leads = "lena"
[people.sam]
name = "Sam Lee"
leave = ["2026-12-24..2026-12-26"]
[people.li]
name = "Li Wei"
leave = ["2026-12-24..2026-12-26"]
[people.kim]
name = "Kim Park"
[people.lena]
name = "Lena Roth"
leave = ["2026-12-25"]
[rotas.nights]
handover = "Mon 09:00"
starts = "2026-11-23"
people = ["li", "kim"]
swaps = [{ turn = "2026-11-30", with = "2026-12-07" }]
[systems.payments]
owner = "sam"
backup = "nights"
hours = "Mon-Fri 09:00-18:00"
[[systems.payments.roles]]
name = "logs-read"
allows = "Read the logs"
provisioner = "sandbox"
[provisioners.sandbox]
kind = "files"
folder = "sandbox"
"#;

    fn policy(text: &str) -> Policy {
        match crate::policy::read(&Source::one("policy.toml", text), &["files"]) {
            Ok((policy, _)) => policy,
            Err(faults) => panic!("{faults:?}"),
        }
    }

    fn utc(text: &str) -> Instant {
        Instant::parse_rfc3339(text).unwrap()
    }

    fn next(policy: &Policy, at: &str) -> String {
        let system = policy.systems.values().next().unwrap();
        let (at, then) = policy.next_change(system, Kind::Planned, utc(at)).unwrap();
        let then: Vec<String> = then.iter().map(|(who, _)| who.to_string()).collect();
        format!("{at} {}", then.join(" "))
    }

    #[test]
    fn the_next_change_is_found_along_hours_turns_and_leave() {
        let policy = policy(POLICY);
        assert_eq!(next(&policy, "2026-11-25T12:00:00Z"), "2026-11-25T18:00:00Z li sam");
        assert_eq!(next(&policy, "2026-11-25T20:00:00Z"), "2026-11-26T09:00:00Z sam");
        // Over the weekend until Monday, when hours and the turn begin at once.
        assert_eq!(next(&policy, "2026-11-28T20:00:00Z"), "2026-11-30T09:00:00Z sam");
        // Li and Sam go on leave at once: nobody is left.
        assert_eq!(next(&policy, "2026-12-23T20:00:00Z"), "2026-12-24T00:00:00Z ");
    }

    #[test]
    fn a_swap_changes_two_turns_and_no_other() {
        let policy = policy(POLICY);
        let rota = &policy.rotas["nights"];
        let whose = |day: &str| rota.at(utc(&format!("{day}T12:00:00Z"))).unwrap().to_string();
        assert_eq!(["2026-11-24", "2026-12-01", "2026-12-08", "2026-12-15"].map(whose), ["li", "li", "kim", "kim"]);
        let no = POLICY.replace("2026-12-07", "2026-12-08");
        let faults = crate::policy::read(&Source::one("policy.toml", &no), &["files"]).unwrap_err();
        assert!(faults[0].to_string().contains("no turn of nights begins on 2026-12-08"), "{faults:?}");
    }

    #[test]
    fn gaps_are_told_with_who_is_away() {
        let mut policy = policy(POLICY);
        let who = OnDuty::Rota("nights".into());
        assert_eq!(policy.gaps(&who, utc("2026-12-01T00:00:00Z"), utc("2026-12-24T00:00:00Z")), []);
        policy.people.get_mut(&"kim".parse::<PersonId>().unwrap()).unwrap().leave =
            vec![(NaiveDate::from_ymd_opt(2026, 12, 27).unwrap(), NaiveDate::from_ymd_opt(2027, 1, 3).unwrap())];
        let gaps = policy.gaps(&who, utc("2026-12-01T00:00:00Z"), utc("2027-01-10T00:00:00Z"));
        let said: Vec<String> = gaps
            .iter()
            .map(|gap| format!("{} {} {:?}", gap.from, gap.until, gap.away.as_ref().map(PersonId::as_str)))
            .collect();
        assert_eq!(
            said,
            [
                "2026-12-24T00:00:00Z 2026-12-27T00:00:00Z Some(\"li\")",
                "2026-12-28T09:00:00Z 2027-01-04T00:00:00Z Some(\"kim\")"
            ]
        );
        // A calendar of which nothing was read has nobody at all.
        let rota = policy.rotas.get_mut("nights").unwrap();
        (rota.people, rota.overrides) = (Vec::new(), Vec::new());
        let gaps = policy.gaps(&who, utc("2026-12-01T00:00:00Z"), utc("2026-12-10T00:00:00Z"));
        assert_eq!(gaps.iter().map(|gap| gap.away.clone()).collect::<Vec<_>>(), [None]);
    }

    #[test]
    fn when_everybody_is_on_leave_nobody_may_decide_and_who_comes_back_first_is_known() {
        let mut policy = policy(POLICY);
        let all =
            vec![(NaiveDate::from_ymd_opt(2026, 12, 24).unwrap(), NaiveDate::from_ymd_opt(2026, 12, 27).unwrap())];
        for person in policy.people.values_mut() {
            person.leave.clone_from(&all);
        }
        let system = policy.systems.values().next().unwrap();
        for kind in Kind::ALL {
            assert_eq!(policy.eligible(system, kind, utc("2026-12-25T12:00:00Z")), []);
        }
        assert_eq!(next(&policy, "2026-12-25T12:00:00Z"), "2026-12-28T00:00:00Z li sam");
        let gaps = policy.gaps(&system.backup, utc("2026-12-23T00:00:00Z"), utc("2026-12-30T00:00:00Z"));
        assert_eq!(gaps.len(), 1);
    }
}

//! A request that is being written: five fields, what the checks find in it by now, and never a key that is lost.

use super::field::{Field, Wants};
use super::filter::fuzzy;
use super::msg::{ActId, AskId, Moment};
use crate::checks::{self, Check, Verdict};
use crate::text::{Clean, Length};
use crate::wire::{AmendBody, ChecksView, FileBody, RequestView, RoleView, SystemView, SystemsView, WindowBody};
use std::sync::Arc;
use std::time::Duration;

/// The checks are asked when nothing was typed for so long.
pub const REST: Duration = Duration::from_millis(300);

/// The fields, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each is a field of a request")]
pub enum Part {
    System,
    Role,
    Task,
    Window,
    Ticket,
    /// Why it is filed although a check fails.
    Anyway,
}

/// Every field.
pub const PARTS: [Part; 6] = [Part::System, Part::Role, Part::Task, Part::Window, Part::Ticket, Part::Anyway];

/// The form.
#[derive(Debug, Clone)]
pub struct Form {
    /// The request that is mended; none: a new one.
    pub mends: Option<Arc<RequestView>>,
    fields: [Field; 6],
    /// Where the keys go.
    pub at: Part,
    /// Somebody said, or has to say, why it is filed although a check fails.
    pub anyway: bool,
    /// What is said of the task before the checks can be asked.
    pub early: Option<Check>,
    /// When the checks are asked.
    pub check_at: Option<Moment>,
    /// What was asked last, and not answered yet.
    pub asked: Option<AskId>,
    /// What the checks found last.
    pub checked: Option<Box<ChecksView>>,
    /// The body about which they said it.
    pub checked_body: Option<serde_json::Value>,
    /// Why they could not be asked.
    pub unchecked: Option<String>,
    /// What came of the last Enter.
    pub said: Option<String>,
    /// A swallowed key shows until then.
    pub flash_until: Moment,
    /// It was sent and not answered yet.
    pub sending: Option<ActId>,
}

impl Form {
    /// An empty one.
    pub fn new() -> Self {
        let field = |label, wants| Field::new(label, wants);
        Self {
            mends: None,
            fields: [
                field("system", Wants::Words),
                field("role", Wants::Words),
                field("task", Wants::Words),
                field("window", Wants::Words),
                field("ticket", Wants::Maybe),
                field("anyway", Wants::Words),
            ],
            at: Part::System,
            anyway: false,
            early: None,
            check_at: None,
            asked: None,
            checked: None,
            checked_body: None,
            unchecked: None,
            said: None,
            flash_until: Moment::default(),
            sending: None,
        }
    }

    /// One that mends a request.
    pub fn mending(view: Arc<RequestView>) -> Self {
        let mut form = Self::new();
        let window = match (view.asked_for_seconds, view.window.until) {
            (Some(seconds), _) => Length::from_seconds(seconds).to_string(),
            (None, Some(until)) => format!("until {until}"),
            (None, None) => String::new(),
        };
        let task = view.task.clone().unwrap_or_default();
        let ticket = view.ticket.clone().unwrap_or_default();
        for (part, text) in
            [(Part::System, &view.system), (Part::Role, &view.role_asked), (Part::Task, &task), (Part::Ticket, &ticket)]
        {
            // It stands in a field now, where it is edited as it is seen.
            form.field_mut(part).set(Clean::line(text).as_str());
        }
        form.field_mut(Part::Window).set(&window);
        form.at = Part::Task;
        form.mends = Some(view);
        form
    }

    /// A field.
    pub const fn field(&self, part: Part) -> &Field {
        let [system, role, task, window, ticket, anyway] = &self.fields;
        match part {
            Part::System => system,
            Part::Role => role,
            Part::Task => task,
            Part::Window => window,
            Part::Ticket => ticket,
            Part::Anyway => anyway,
        }
    }

    /// A field, to be written in.
    pub const fn field_mut(&mut self, part: Part) -> &mut Field {
        let [system, role, task, window, ticket, anyway] = &mut self.fields;
        match part {
            Part::System => system,
            Part::Role => role,
            Part::Task => task,
            Part::Window => window,
            Part::Ticket => ticket,
            Part::Anyway => anyway,
        }
    }

    /// What was typed into a field, without blanks around it.
    pub fn typed(&self, part: Part) -> &str {
        self.field(part).typed().trim()
    }

    /// Whether nothing was written yet.
    pub fn is_empty(&self) -> bool {
        PARTS.iter().all(|part| self.typed(*part).is_empty())
    }

    /// The fields that there are now: a request that is mended keeps its system.
    pub fn parts(&self) -> impl Iterator<Item = Part> + '_ {
        PARTS.into_iter().filter(|part| match part {
            Part::System => self.mends.is_none(),
            Part::Anyway => self.anyway,
            _ => true,
        })
    }

    /// The field after this one, or before it.
    pub fn next(&self, back: bool) -> Part {
        let parts: Vec<Part> = self.parts().collect();
        let at = parts.iter().position(|part| *part == self.at).unwrap_or(0);
        let next = if back { at + parts.len().saturating_sub(1) } else { at + 1 } % parts.len().max(1);
        parts.get(next).copied().unwrap_or(Part::Task)
    }

    /// The systems that what was typed may mean, the nearest first.
    pub fn systems<'a>(&self, systems: Option<&'a SystemsView>) -> Vec<&'a SystemView> {
        let typed = self.typed(Part::System);
        // What was chosen is among all of them.
        let known = |systems: &SystemsView| systems.systems.iter().any(|system| system.id == typed);
        let typed = if systems.is_some_and(known) { "" } else { typed };
        let all = systems.iter().flat_map(|systems| &systems.systems).filter(|system| system.may_ask);
        nearest(all, typed, |system| vec![&system.id, &system.name])
    }

    /// The system that is meant.
    pub fn system<'a>(&self, systems: Option<&'a SystemsView>) -> Option<&'a SystemView> {
        let typed = self.typed(Part::System);
        let exact = systems.iter().flat_map(|systems| &systems.systems).find(|system| system.id == typed);
        // Nobody chose yet where several are offered and nothing was typed.
        exact.or_else(|| {
            Some(self.systems(systems)).filter(|fits| !typed.is_empty() || fits.len() == 1)?.first().copied()
        })
    }

    /// The roles that what was typed may mean, the nearest first; narrowest first where nothing was.
    pub fn roles<'a>(&self, systems: Option<&'a SystemsView>) -> Vec<&'a RoleView> {
        let typed = self.typed(Part::Role);
        let roles = self.system_named(systems).and_then(|named| {
            systems.iter().flat_map(|systems| &systems.systems).find(|system| system.id == named).map(|one| &one.roles)
        });
        let typed = if roles.is_some_and(|roles| roles.iter().any(|role| role.id == typed)) { "" } else { typed };
        nearest(roles.into_iter().flatten(), typed, |role| vec![&role.id])
    }

    /// The role that is meant.
    pub fn role<'a>(&self, systems: Option<&'a SystemsView>) -> Option<&'a RoleView> {
        let typed = self.typed(Part::Role);
        let exact = self.roles(systems).into_iter().find(|role| role.id == typed);
        exact
            .or_else(|| Some(self.roles(systems)).filter(|fits| !typed.is_empty() || fits.len() == 1)?.first().copied())
    }

    /// Writes out what is meant, when the field is left.
    pub fn settle_choice(&mut self, systems: Option<&SystemsView>) {
        let meant = match self.at {
            Part::System => self.system(systems).map(|system| system.id.clone()),
            Part::Role => self.role(systems).map(|role| role.id.clone()),
            _ => None,
        };
        if let Some(meant) = meant {
            let part = self.at;
            self.field_mut(part).set(&meant);
        }
    }

    /// The next or the one before of what is offered, written out.
    pub fn choose(&mut self, systems: Option<&SystemsView>, forward: bool) -> bool {
        let names = |form: &Self, part| -> Vec<String> {
            if part == Part::System {
                form.systems(systems).into_iter().map(|system| system.id.clone()).collect()
            } else {
                form.roles(systems).into_iter().map(|role| role.id.clone()).collect()
            }
        };
        let part = self.at;
        if !matches!(part, Part::System | Part::Role) {
            return false;
        }
        let fits = names(self, part);
        let typed = self.typed(part);
        let here = fits.iter().position(|name| name == typed);
        let next = match here {
            Some(at) if forward => at + 1,
            Some(at) => at.saturating_sub(1),
            // The first is what letters mean already.
            None => usize::from(forward && !typed.is_empty()),
        };
        let next = next.min(fits.len().saturating_sub(1));
        let Some(name) = fits.get(next) else { return false };
        self.field_mut(part).set(name);
        true
    }

    /// The first field that is not as it has to be, and why.
    pub fn missing(&self, systems: Option<&SystemsView>) -> Option<(Part, String)> {
        if self.mends.is_none() && self.system(systems).is_none() {
            let typed = self.typed(Part::System);
            let why = if typed.is_empty() { "name a system".into() } else { format!("no system is like {typed:?}") };
            return Some((Part::System, why));
        }
        if self.role_named(systems).is_none() {
            let typed = self.typed(Part::Role);
            let why = if typed.is_empty() { "name a role".into() } else { format!("no role is like {typed:?}") };
            return Some((Part::Role, why));
        }
        if self.typed(Part::Task).is_empty() {
            return Some((Part::Task, "say what exactly will be done, and how one will know that it worked".into()));
        }
        if let Err(why) = window(self.typed(Part::Window)) {
            return Some((Part::Window, why));
        }
        if self.anyway && self.typed(Part::Anyway).is_empty() {
            return Some((Part::Anyway, "a check fails: mend it, or say here why it is filed all the same".into()));
        }
        None
    }

    fn system_named(&self, systems: Option<&SystemsView>) -> Option<String> {
        let mended = self.mends.as_ref().map(|view| view.system.clone());
        mended.or_else(|| self.system(systems).map(|system| system.id.clone()))
    }

    fn role_named(&self, systems: Option<&SystemsView>) -> Option<String> {
        // A role of a system that was not told is still the role that it was.
        let kept = self.mends.as_ref().filter(|view| view.role_asked == self.typed(Part::Role));
        self.role(systems).map(|role| role.id.clone()).or_else(|| kept.map(|view| view.role_asked.clone()))
    }

    /// What is filed, or checked; nothing while something is missing. Times are read in `zone`.
    pub fn body(&self, systems: Option<&SystemsView>, zone: &str) -> Option<FileBody> {
        let ticket = Some(self.typed(Part::Ticket).to_owned()).filter(|ticket| !ticket.is_empty());
        let mut window = window(self.typed(Part::Window)).ok()?;
        if window.for_seconds.is_none() || window.from.is_some() {
            window.zone = Some(zone.to_owned());
        }
        let task = self.typed(Part::Task).to_owned();
        let (system, role) = (self.system_named(systems)?, self.role_named(systems)?);
        let user = self.mends.as_ref().map(|view| view.user.id.clone());
        let approver = self.mends.as_ref().map(|view| view.approver.id.clone());
        let kind = self.mends.as_ref().map(|view| view.kind);
        let anyway = self.anyway && !self.typed(Part::Anyway).is_empty();
        (!task.is_empty()).then_some(FileBody { system, role, task, window, kind, ticket, user, approver, anyway })
    }

    /// What a mended request is sent: what stayed is left out.
    pub fn amended(&self, view: &RequestView, body: FileBody) -> AmendBody {
        let same = Self::mending(Arc::new(view.clone()));
        let moved = |part: Part| self.typed(part) != same.typed(part);
        AmendBody {
            role: Some(body.role).filter(|role| *role != view.role_asked),
            task: Some(body.task).filter(|_| moved(Part::Task)),
            window: Some(body.window).filter(|_| moved(Part::Window)),
            kind: None,
            ticket: Some(body.ticket.unwrap_or_default()).filter(|_| moved(Part::Ticket)),
            user: None,
            approver: None,
            anyway: body.anyway,
        }
    }

    /// Reads the task by itself, as soon as there is one.
    pub fn look_early(&mut self, systems: Option<&SystemsView>) {
        let named = self.system_named(systems);
        let known =
            systems.iter().flat_map(|systems| &systems.systems).find(|system| Some(&system.id) == named.as_ref());
        let mut places =
            known.map(|known| format!("{} {} {}", known.id, known.name, known.environment)).unwrap_or_default();
        if let Some(role) = self.role_named(systems) {
            places = format!("{places} {role}");
        }
        let task = self.typed(Part::Task);
        self.early = (!task.is_empty()).then(|| checks::of_task(task, &places));
    }

    /// The checks that fail by now.
    pub fn failed(&self) -> usize {
        let checks = self.checked.iter().flat_map(|checked| &checked.checks);
        checks.filter(|check| check.verdict == Verdict::Fail).count()
    }
}

impl Default for Form {
    fn default() -> Self {
        Self::new()
    }
}

fn nearest<'a, T>(
    all: impl Iterator<Item = &'a T>,
    typed: &str,
    names: impl Fn(&'a T) -> Vec<&'a String>,
) -> Vec<&'a T> {
    let mut fits: Vec<(usize, &T)> =
        all.filter_map(|one| Some((names(one).iter().filter_map(|name| fuzzy(typed, name)).min()?, one))).collect();
    if !typed.is_empty() {
        fits.sort_by_key(|(far, _)| *far);
    }
    fits.into_iter().map(|(_, one)| one).collect()
}

/// A window as people write it: `30m`, `until 00:30`, `from 22:00 for 2h`, `22:00 to 23:30`. Instants are left to the host,
/// which knows the zone's rules.
pub fn window(text: &str) -> Result<WindowBody, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("say how long, or until when: 30m, until 00:30, from 22:00 for 2h".into());
    }
    let (from, end) = if let Some(rest) = text.strip_prefix("from ") {
        let cut = [" for ", " until ", " to "].into_iter().find_map(|word| Some((rest.find(word)?, word)));
        let Some((at, word)) = cut else {
            return Err("from when is said, and until when is not: from 22:00 for 2h".into());
        };
        (rest.get(..at), rest.get(at + word.len()..).unwrap_or_default())
    } else if let Some((from, until)) = text.split_once(" to ") {
        (Some(from), until)
    } else {
        (None, text)
    };
    let from = from.map(|from| from.trim().to_owned());
    let end = end.trim();
    let bare = end.strip_prefix("for ").or_else(|| end.strip_prefix("until ")).unwrap_or(end).trim();
    let mut window = WindowBody { from, ..WindowBody::default() };
    if bare.contains(':') || end.starts_with("until ") {
        window.until = Some(bare.to_owned());
    } else {
        let length: Length = bare.parse().map_err(|bad| format!("{bad}; or until 00:30"))?;
        if length <= Length::ZERO {
            return Err("that is no time at all: write 30m, or until 00:30".into());
        }
        window.for_seconds = Some(length.seconds());
    }
    Ok(window)
}

#[cfg(test)]
mod tests {
    use super::super::tests::samples::{pending, systems};
    use super::*;

    fn typed(pairs: &[(Part, &str)]) -> Form {
        let mut form = Form::new();
        for (part, text) in pairs {
            form.field_mut(*part).set(text);
        }
        form
    }

    #[test]
    fn windows_as_people_write_them() {
        let read = |text: &str| {
            let window = window(text).unwrap();
            (window.from, window.until, window.for_seconds)
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(read("30m"), (None, None, Some(1800)));
        assert_eq!(read("for 1h 30m"), (None, None, Some(5400)));
        assert_eq!(read("00:30"), (None, some("00:30"), None));
        assert_eq!(read("until 2026-11-22 00:30"), (None, some("2026-11-22 00:30"), None));
        assert_eq!(read("from 22:00 for 2h"), (some("22:00"), None, Some(7200)));
        assert_eq!(read("from 22:00 until 23:30"), (some("22:00"), some("23:30"), None));
        assert_eq!(read("22:00 to 23:30"), (some("22:00"), some("23:30"), None));
        for bad in ["", "soon", "from 22:00", "0m", "1y"] {
            assert!(window(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_few_letters_name_a_system_and_a_role() {
        let systems = systems();
        let form = typed(&[(Part::System, "ord"), (Part::Role, "w")]);
        assert_eq!(form.system(Some(&systems)).unwrap().id, "orders-db");
        assert_eq!(form.role(Some(&systems)).unwrap().id, "write");
        let form = typed(&[(Part::System, "payments-worker")]);
        assert_eq!(form.role(Some(&systems)).unwrap().id, "restart", "there is only one");
        let form = typed(&[(Part::System, "orders-db")]);
        assert!(form.role(Some(&systems)).is_none(), "nobody chose");
        assert!(typed(&[(Part::System, "zzz")]).missing(Some(&systems)).unwrap().1.contains("zzz"));
        assert!(Form::new().missing(Some(&systems)).unwrap().0 == Part::System);
    }

    #[test]
    fn only_what_was_changed_is_mended() {
        let view = pending(317, "bo", "orders-db", "write", 60, "Check which lock blocks");
        let mut form = Form::mending(Arc::new(view.clone()));
        assert_eq!(form.typed(Part::Window), "1h 30m");
        form.field_mut(Part::Task).set("Check which lock blocks checkout; done when orders commit");
        let body = form.body(Some(&systems()), "UTC").unwrap();
        let amended = form.amended(&view, body);
        assert_eq!(amended.task.as_deref(), Some("Check which lock blocks checkout; done when orders commit"));
        assert!(amended.role.is_none() && amended.window.is_none() && amended.ticket.is_none());
    }
}

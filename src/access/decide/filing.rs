//! Asking: file, amend, withdraw.

use super::{request, seen, standing, words};
use crate::access::actor::Actor;
use crate::access::command::{Filing, Prepared};
use crate::access::event::{Ask, Event};
use crate::access::facts::{Facts, Now};
use crate::access::refusal::{Code, Refusal};
use crate::access::request::Request;
use crate::access::status::{Status, status};
use crate::access::who;
use crate::access::window::End;
use crate::checks;
use crate::policy::{Role, System};
use crate::text::{Instant, Length, PersonId};

/// How far ahead a window may begin or end.
pub(super) const HORIZON: Length = Length::from_hours(24 * 90);
/// The longest ticket, in characters.
const TICKET: usize = 64;
/// How many requests of one user may be open at once.
const OPEN: usize = 50;

pub(super) fn file(
    facts: &Facts<'_>,
    actor: &Actor,
    filing: &Filing,
    anyway: bool,
    prepared: &Prepared,
    now: Now,
) -> Result<Vec<Event>, Refusal> {
    let person = who::person(facts, actor)?;
    let ask = ask(facts, person, filing, anyway, prepared, now)?;
    if facts.open.len() >= OPEN {
        return Err(Refusal::new(
            Code::TooMany,
            format!("{} has {OPEN} open requests", filing.user),
            "withdraw or hand back what is no longer needed",
        ));
    }
    Ok(vec![Event::Filed { ask }])
}

/// Whether `person` may mend or revise it.
pub fn may_amend(facts: &Facts<'_>, actor: &Actor, now: Now) -> Result<(), Refusal> {
    let (request, person) = seen(facts, actor, now)?;
    if request.requester != *person {
        let hint = format!("{} may", request.requester);
        return Err(Refusal::new(Code::NotAllowed, format!("only its requester amends {}", request.number), hint));
    }
    match status(request, now.at) {
        Status::Pending | Status::SentBack => Ok(()),
        other @ (Status::Approved
        | Status::Granting
        | Status::Active
        | Status::Ending
        | Status::Removed
        | Status::Denied
        | Status::Withdrawn
        | Status::Lapsed
        | Status::Failed) => Err(decided(facts, request, other)),
    }
}

pub(super) fn amend(
    facts: &Facts<'_>,
    actor: &Actor,
    filing: &Filing,
    (anyway, task_changed): (bool, bool),
    prepared: &Prepared,
    now: Now,
) -> Result<Vec<Event>, Refusal> {
    may_amend(facts, actor, now)?;
    let person = who::person(facts, actor)?;
    let request = request(facts)?;
    if prepared.ask_seq != request.ask_seq {
        return Err(standing::changed(request, prepared.ask_seq));
    }
    let mut ask = ask(facts, person, filing, anyway, prepared, now)?;
    let pending = status(request, now.at) == Status::Pending;
    if pending && ask.kind == request.ask.kind {
        ask.undecided_until = request.ask.undecided_until;
    }
    let changes = changes(&request.ask, &ask, task_changed);
    if changes.is_empty() && pending {
        return Err(Refusal::new(
            Code::WrongState,
            "nothing would change",
            "name what to change: --task, --for, --role …",
        ));
    }
    Ok(vec![Event::Amended { ask, changes }])
}

/// What differs between two revisions, a sentence each.
fn changes(old: &Ask, new: &Ask, task_changed: bool) -> Vec<String> {
    let mut out = Vec::new();
    let mut say = |what: &str, old: String, new: String| {
        if old != new {
            out.push(format!("the {what} changed from {old} to {new}"));
        }
    };
    let ticket = |ask: &Ask| ask.ticket.clone().unwrap_or_else(|| "none".into());
    let from = |ask: &Ask| ask.asked.from.map_or_else(|| "approval".into(), |from| from.to_string());
    let end = |ask: &Ask| match ask.asked.end {
        End::Until(until) => until.to_string(),
        End::For(length) => length.to_string(),
    };
    say("system", old.system.to_string(), new.system.to_string());
    say("role", old.role.to_string(), new.role.to_string());
    say("user", old.user.to_string(), new.user.to_string());
    say("approver", old.approver.to_string(), new.approver.to_string());
    say("kind", old.kind.to_string(), new.kind.to_string());
    say("ticket", ticket(old), ticket(new));
    say("start", from(old), from(new));
    say("end", end(old), end(new));
    if task_changed {
        out.push("the task was written anew".into());
    }
    out
}

/// Whether `person` may take it back.
pub fn may_withdraw(facts: &Facts<'_>, actor: &Actor, now: Now) -> Result<(), Refusal> {
    let (request, person) = seen(facts, actor, now)?;
    if request.requester != *person && request.ask.user != *person {
        return Err(Refusal::new(
            Code::NotAllowed,
            format!("only its requester or user withdraws {}", request.number),
            "an approver denies it or sends it back",
        ));
    }
    match status(request, now.at) {
        Status::Pending | Status::SentBack => Ok(()),
        Status::Approved | Status::Granting | Status::Active => Err(Refusal::new(
            Code::WrongState,
            format!("{} is approved already", request.number),
            format!("hand it back with nightlatch hand-back {}", request.number.0),
        )),
        other @ (Status::Ending
        | Status::Removed
        | Status::Denied
        | Status::Withdrawn
        | Status::Lapsed
        | Status::Failed) => Err(decided(facts, request, other)),
    }
}

pub(super) fn withdraw(facts: &Facts<'_>, actor: &Actor, now: Now) -> Result<Vec<Event>, Refusal> {
    may_withdraw(facts, actor, now)?;
    Ok(vec![Event::Withdrawn {}])
}

/// Why a decided request takes no further step of asking.
pub(super) fn decided(facts: &Facts<'_>, request: &Request, now: Status) -> Refusal {
    standing::already(facts, request, now)
}

fn ask(
    facts: &Facts<'_>,
    person: &PersonId,
    filing: &Filing,
    anyway: bool,
    prepared: &Prepared,
    now: Now,
) -> Result<Ask, Refusal> {
    let (system, _) = place(facts, filing)?;
    if system.ask.as_ref().is_some_and(|ask| !ask.contains(person)) {
        return Err(Refusal::new(
            Code::MayNotAsk,
            format!("you may not ask for {}", system.id),
            format!("ask {} to add you to its ask list", system.owner),
        ));
    }
    known(facts, system, filing)?;
    window(filing, now.at)?;
    let task = match words("task", &filing.task) {
        Ok(task) => task,
        Err(refusal) => return Err(Refusal { code: Code::Malformed, ..refusal }),
    };
    if prepared.policy != facts.policy_hash {
        return Err(standing::moved());
    }
    let failed = checks::failed(&prepared.checks);
    if prepared.checks.is_empty() {
        return Err(standing::moved());
    }
    if !failed.is_empty() && !anyway {
        let sentences: Vec<&str> = prepared
            .checks
            .iter()
            .filter(|check| check.verdict == checks::Verdict::Fail)
            .map(|check| check.sentence.as_str())
            .collect();
        return Err(Refusal::new(
            Code::CheckFailed,
            sentences.join("; "),
            "mend it, or file it all the same with --anyway",
        ));
    }
    Ok(Ask {
        system: filing.system.clone(),
        environment: system.environment.clone(),
        role: filing.role.clone(),
        user: filing.user.clone(),
        approver: filing.approver.clone(),
        kind: filing.kind,
        ticket: filing.ticket.clone(),
        task,
        asked: filing.asked,
        undecided_until: now.at.plus(facts.policy.kinds.of(filing.kind).undecided),
        checks: prepared.checks.clone(),
    })
}

fn place<'a>(facts: &Facts<'a>, filing: &Filing) -> Result<(&'a System, &'a Role), Refusal> {
    let policy = facts.policy;
    let Some(system) = policy.systems.get(&filing.system) else {
        return Err(Refusal::new(
            Code::Unknown,
            format!("there is no system {}", filing.system),
            format!("the systems: {}", existing(policy.systems.keys(), filing.system.as_str())),
        ));
    };
    let Some(role) = system.role(filing.role.as_str()) else {
        let roles: Vec<&str> = system.roles.iter().map(|role| role.id.as_str()).collect();
        return Err(Refusal::new(
            Code::Unknown,
            format!("{} has no role {}", filing.system, filing.role),
            format!("its roles, narrowest first: {}", roles.join(", ")),
        ));
    };
    Ok((system, role))
}

/// How many names a hint lists.
const NAMES: usize = 12;

/// Names that there are: all where they are few, else those that begin as the wrong one does.
fn existing<T: std::fmt::Display>(names: impl Iterator<Item = T>, wrong: &str) -> String {
    let names: Vec<String> = names.map(|name| name.to_string()).collect();
    let alike = |name: &&String| names.len() <= NAMES || name.chars().next() == wrong.chars().next();
    let mut listed: Vec<&str> = names.iter().filter(alike).take(NAMES).map(String::as_str).collect();
    if listed.len() < names.len() {
        listed.push("…");
    }
    listed.join(", ")
}

fn known(facts: &Facts<'_>, system: &System, filing: &Filing) -> Result<(), Refusal> {
    for (field, who) in [("user", &filing.user), ("approver", &filing.approver)] {
        if facts.policy.person(who).is_none() {
            let people = existing(facts.policy.people.keys(), who.as_str());
            let hint = format!("name a person, not a team or a shared account: {people}");
            return Err(Refusal::new(Code::Unknown, format!("{field}: {who} is nobody in the policy"), hint));
        }
    }
    if system.ask.as_ref().is_some_and(|ask| !ask.contains(&filing.user)) {
        return Err(Refusal::new(
            Code::MayNotAsk,
            format!("{} may not hold access to {}", filing.user, system.id),
            format!("ask {} to add them to its ask list", system.owner),
        ));
    }
    let Some(ticket) = &filing.ticket else { return Ok(()) };
    let fits = (1..=TICKET).contains(&ticket.len()) && ticket.bytes().all(|b| b.is_ascii_graphic());
    if fits {
        return Ok(());
    }
    Err(Refusal::malformed("ticket", "is not one word of 1 to 64 visible ASCII characters", "write it as INC-88"))
}

/// A window that can be one at all; whether it is short enough is a check's.
fn window(filing: &Filing, at: Instant) -> Result<(), Refusal> {
    let last = at.plus(HORIZON);
    if let Some(from) = filing.asked.from {
        if from < at.minus(Length::from_minutes(1)) {
            return Err(Refusal::malformed("from", "is in the past", "leave it out to start when it is approved"));
        }
        if from > last {
            return Err(Refusal::malformed("from", "is more than 90 days ahead", "ask again nearer to it"));
        }
    }
    let start = filing.asked.from.map_or(at, |from| from.max(at));
    match filing.asked.end {
        End::Until(until) if until <= at => {
            Err(Refusal::malformed("until", "is in the past", "name an end that is ahead"))
        }
        End::Until(until) if until <= start => {
            Err(Refusal::malformed("until", "is not after the start", "name an end after the start"))
        }
        End::Until(until) if until > last => {
            Err(Refusal::malformed("until", "is more than 90 days ahead", "name a nearer end"))
        }
        End::For(length) if length.millis() <= 0 => {
            Err(Refusal::malformed("for", "is no time at all", "name a length such as 45m"))
        }
        End::For(length) if length > Length::from_hours(24 * 31) => {
            Err(Refusal::malformed("for", "is more than 31 days", "name a length such as 45m"))
        }
        End::Until(_) | End::For(_) => Ok(()),
    }
}

//! What is told of access that is held: before its end to its user, and after it, while it was not read back as gone, to those
//! who can do something about it, up the ladder of its kind and then hourly. What was slept through is told once.

use crate::access::due;
use crate::access::event::{About, Event, Rung};
use crate::access::facts::Facts;
use crate::access::request::{Held, Request};
use crate::access::status::{Status, status};
use crate::access::who;
use crate::policy::limits::{KindLimits, Reaches};
use crate::text::{Instant, Length, PersonId};

/// When the ladder is at its end, it is told again after this.
const AGAIN: Length = Length::from_hours(1);

/// What fell due by `at`.
pub(super) fn look(facts: &Facts<'_>, request: &Request, at: Instant) -> Option<Event> {
    let held = request.held()?;
    match status(request, at) {
        Status::Active => ending(facts, request, held, at),
        Status::Ending => overdue(facts, request, held, at),
        Status::Pending
        | Status::SentBack
        | Status::Approved
        | Status::Granting
        | Status::Removed
        | Status::Denied
        | Status::Withdrawn
        | Status::Lapsed
        | Status::Failed => None,
    }
}

/// Its user, and who asked for it, hear that it ends soon.
fn ending(facts: &Facts<'_>, request: &Request, held: &Held, at: Instant) -> Option<Event> {
    let marks = due::marks(held);
    let due_at = marks.iter().copied().filter(|mark| *mark <= at).max()?;
    let next_at = marks.iter().copied().find(|mark| *mark > due_at);
    let step = due::ENDING.iter().filter(|before| held.window.until.minus(**before) <= due_at).count();
    let to: Vec<PersonId> = request.askers().into_iter().filter(|who| facts.policy.person(who).is_some()).collect();
    (!to.is_empty()).then(|| {
        let rung = Rung { step: number(step), due_at, next_at, extension: false };
        Event::Told { to, about: About::Ending, rung: Some(rung) }
    })
}

/// Whom a step of an overdue removal reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Who approved it, who took it over, who is on duty.
    First,
    Reach(Reaches),
    /// All of them, and whoever was told before.
    Again,
}

/// The steps that fell due after `taken`, by their time, and when the next one does.
fn steps(
    limits: &KindLimits,
    from: Instant,
    taken: Option<Instant>,
    at: Instant,
) -> (Vec<(usize, Instant, Step)>, Instant) {
    let later = limits.escalate.iter().filter(|step| step.after > Length::ZERO);
    let mut all = vec![(1_usize, from, Step::First)];
    all.extend(later.zip(2..).map(|(step, number)| (number, from.plus(step.after), Step::Reach(step.reaches))));
    let (count, last) = all.last().map_or((1, from), |(count, last, _)| (*count, *last));
    let hours = at.since(last).millis().div_euclid(AGAIN.millis()).max(0);
    let hourly = |hours: i64| last.plus(Length::from_millis(AGAIN.millis().saturating_mul(hours)));
    if hours > 0 {
        let number = count.saturating_add(usize::try_from(hours).unwrap_or(usize::MAX));
        all.push((number, hourly(hours), Step::Again));
    }
    let next = all.iter().map(|(_, due_at, _)| *due_at).find(|due_at| *due_at > at);
    let next = next.unwrap_or_else(|| hourly(hours.saturating_add(1)));
    all.retain(|(_, due_at, _)| *due_at <= at && taken.is_none_or(|taken| *due_at > taken));
    (all, next)
}

/// Those who can do something about a removal that is overdue hear of it.
fn overdue(facts: &Facts<'_>, request: &Request, held: &Held, at: Instant) -> Option<Event> {
    let policy = facts.policy;
    let taken = held.alarm.as_ref().map(|alarm| alarm.taken);
    let (steps, next_at) = steps(policy.kinds.of(request.ask.kind), due::alarms_from(held), taken, at);
    let (step, due_at, _) = *steps.last()?;
    let mut all: Vec<PersonId> = Vec::new();
    for (_, _, step) in steps {
        match step {
            Step::First | Step::Reach(Reaches::Approver) => all.extend(who::looks_after(policy, request, at)),
            Step::Reach(Reaches::Backup) => {
                let system = policy.systems.get(&request.ask.system);
                all.extend(system.and_then(|system| policy.on_duty(&system.backup, at)));
            }
            Step::Reach(Reaches::Lead) => {
                all.extend(policy.leads.as_ref().and_then(|leads| policy.on_duty(leads, at)));
            }
            Step::Again => {
                all.extend(who::looks_after(policy, request, at));
                all.extend(held.alarm.iter().flat_map(|alarm| alarm.told.iter().cloned()));
            }
        }
    }
    all.retain(|who| who::may_end(policy, request, who, at));
    // Whoever acknowledged it since it is overdue is left in peace.
    let quiet = |who: &PersonId| held.alarm.is_some() && request.acknowledged.contains(who);
    let mut to: Vec<PersonId> = Vec::with_capacity(all.len());
    for who in all.iter().filter(|who| !quiet(who)) {
        if !to.contains(who) {
            to.push(who.clone());
        }
    }
    if to.is_empty() && !all.is_empty() {
        return None;
    }
    let rung = Rung { step: number(step), due_at, next_at: Some(next_at), extension: false };
    Some(Event::Told { to, about: About::Overdue, rung: Some(rung) })
}

fn number(step: usize) -> u32 {
    u32::try_from(step).unwrap_or(u32::MAX)
}

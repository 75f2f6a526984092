//! Who is told of what happened, written down right after it: who asked reads each verdict, and everybody who was alerted
//! learns that it was decided by somebody else.

use super::ladder::look;
use crate::access::actor::Actor;
use crate::access::apply::{Place, apply};
use crate::access::event::{About, Event};
use crate::access::facts::{Facts, Now};
use crate::access::id::RequestNumber;
use crate::access::request::Request;
use crate::text::PersonId;

/// Adds to `events` who is told of them.
pub(super) fn add(facts: &Facts<'_>, actor: &Actor, events: &mut Vec<Event>, now: Now) {
    let Some(event) = events.first() else { return };
    let about = match event {
        Event::Filed { .. } | Event::ExtensionAsked { .. } => {
            // What waits begins its ladder at once.
            if let Some(after) = after(facts, actor, event, now) {
                let steps = look(facts, &after, now.at);
                events.extend(steps);
            }
            return;
        }
        Event::Amended { .. } => {
            let Some(after) = after(facts, actor, event, now) else { return };
            // Mended, its ladder begins anew; revised while it waits, those who were alerted hear of it.
            match &after.escalation {
                None => events.extend(look(facts, &after, now.at)),
                Some(_) => events.extend(changed(facts, &after, now)),
            }
            return;
        }
        Event::SentBack { .. }
        | Event::Approved { .. }
        | Event::Denied { .. }
        | Event::Extended { .. }
        | Event::ExtensionDenied { .. }
        | Event::Withdrawn {}
        | Event::Undone { .. } => About::Decided,
        Event::Removed { .. } => {
            events.extend(removed(facts, actor));
            return;
        }
        Event::Lapsed {} => About::Lapsed,
        Event::Revoked { .. } => About::Ended,
        Event::GrantFailed { gave_up: true, .. } => About::Failed,
        Event::Granted { .. } if !was_granted(facts) => About::Ready,
        Event::GrantFailed { .. }
        | Event::Granted { .. }
        | Event::Claimed { .. }
        | Event::Acknowledged {}
        | Event::Noted { .. }
        | Event::HandedBack { .. }
        | Event::CredentialHanded { .. }
        | Event::RemovalFailed { .. }
        | Event::Attested { .. }
        | Event::Drifted { .. }
        | Event::HandedOver { .. }
        | Event::Retried {}
        | Event::Routed { .. }
        | Event::Told { .. }
        | Event::DutyPassed { .. }
        | Event::Delivered { .. }
        | Event::Refused { .. }
        | Event::PolicyChanged { .. }
        | Event::PolicyRefused { .. }
        | Event::RotaChanged { .. }
        | Event::Frozen { .. }
        | Event::Thawed { .. }
        | Event::Stray { .. }
        | Event::Erased { .. }
        | Event::SignedIn { .. }
        | Event::TokenChanged { .. }
        | Event::KeyChanged { .. }
        | Event::ClockAccepted { .. }
        | Event::LossAccepted { .. } => return,
    };
    let Some(request) = facts.request else { return };
    let mut to = request.askers();
    if matches!(about, About::Decided | About::Lapsed) {
        to.extend(request.alerted.iter().map(|alerted| alerted.who.clone()));
    }
    let to = others(to, actor);
    if !to.is_empty() {
        events.push(Event::Told { to, about, rung: None });
    }
}

/// Whoever was told that it is overdue hears that it is gone.
fn removed(facts: &Facts<'_>, actor: &Actor) -> Option<Event> {
    let alarm = facts.request.and_then(Request::held).and_then(|held| held.alarm.as_ref())?;
    let known = alarm.told.iter().filter(|who| facts.policy.person(who).is_some()).cloned().collect();
    let to = others(known, actor);
    (!to.is_empty()).then_some(Event::Told { to, about: About::Removed, rung: None })
}

/// Those who were alerted about an ask that changed while it waits, and whom it goes to now.
fn changed(facts: &Facts<'_>, after: &Request, now: Now) -> Option<Event> {
    let may = crate::access::who::eligible(facts.policy, after, now.at);
    let mut to: Vec<PersonId> = after.alerted.iter().map(|alerted| alerted.who.clone()).collect();
    to.extend(may.iter().map(|(who, _)| who.clone()).filter(|who| *who == after.ask.approver));
    to.retain(|who| may.iter().any(|(other, _)| other == who));
    let to = others(to, &Actor::Clock);
    (!to.is_empty()).then_some(Event::Told { to, about: About::Changed, rung: None })
}

/// Each once, without who acts.
fn others(all: Vec<PersonId>, actor: &Actor) -> Vec<PersonId> {
    let mut others: Vec<PersonId> = Vec::with_capacity(all.len());
    for who in all {
        if actor.person() != Some(&who) && !others.contains(&who) {
            others.push(who);
        }
    }
    others
}

fn was_granted(facts: &Facts<'_>) -> bool {
    facts.request.and_then(Request::held).is_some_and(|held| held.granted.is_some())
}

/// The request as it is after `event`.
fn after(facts: &Facts<'_>, actor: &Actor, event: &Event, now: Now) -> Option<Request> {
    let number = facts.request.map_or(RequestNumber(facts.next_number), |request| request.number);
    let place = Place { seq: 0, at: now.at, actor, policy: facts.policy_hash };
    let before = facts.request.filter(|_| !matches!(event, Event::Filed { .. })).cloned();
    apply(before, number, event, place)
}

//! What is about no request: freezes, the policy, tokens, erasure, the store itself.

use super::words;
use crate::access::actor::{Actor, Via};
use crate::access::command::Command;
use crate::access::event::{Event, Text, TokenChange};
use crate::access::facts::{Facts, Now};
use crate::access::refusal::{Code, Refusal};
use crate::policy::Duty;
use crate::policy::rota::Override;
use crate::text::Instant;

pub(super) fn decide(facts: &Facts<'_>, actor: &Actor, command: &Command, now: Now) -> Result<Vec<Event>, Refusal> {
    Ok(vec![match command {
        Command::Freeze { system, words: text } => {
            governs(facts, actor, system.as_ref(), now.at)?;
            Event::Frozen { words: words("words", text)? }
        }
        Command::Thaw { system, words: text } => {
            governs(facts, actor, system.as_ref(), now.at)?;
            let there = facts.frozen.iter().any(|frozen| frozen.system == *system);
            if !there {
                return Err(Refusal::new(Code::WrongState, "it is not frozen", "nightlatch systems shows what is"));
            }
            Event::Thawed { words: words("words", text)? }
        }
        Command::ChangePolicy { hash, text, words: why } => {
            admin(facts, actor)?;
            if *hash == facts.policy_hash {
                return Ok(Vec::new());
            }
            let why = super::optional("words", why.as_deref())?;
            Event::PolicyChanged { hash: hash.clone(), policy: Text::draft(text.clone()), words: why }
        }
        Command::RefusePolicy { hash, fault } => {
            admin(facts, actor)?;
            Event::PolicyRefused { hash: hash.clone(), fault: Text::draft(super::said(fault)) }
        }
        Command::ChangeRota { rota, calendar, from, until, slots } => {
            return read_anew(facts, actor, rota, calendar, (*from, *until), slots);
        }
        Command::CreateToken { person, name, invitation, expires_at, token, .. } => {
            own_or_admin(facts, actor, person)?;
            if facts.policy.person(person).is_none() {
                return Err(Refusal::new(
                    Code::Unknown,
                    format!("{person} is nobody in the policy"),
                    "add the person to the policy first",
                ));
            }
            token_event(*token, person, *invitation, TokenChange::Created, name, *expires_at)
        }
        Command::EndToken { token, person, name, invitation, used } => {
            own_or_admin(facts, actor, person)?;
            let change = if *used { TokenChange::Used } else { TokenChange::Revoked };
            token_event(*token, person, *invitation, change, name, None)
        }
        Command::RecordRefusal { act, code, count } => {
            Event::Refused { act: act.clone(), code: code.clone(), count: *count }
        }
        Command::Erase { texts, words: why } => {
            admin(facts, actor)?;
            Event::Erased { texts: texts.clone(), words: words("words", why)? }
        }
        Command::AcceptClock { at } => {
            admin(facts, actor)?;
            Event::ClockAccepted { at: *at }
        }
        Command::AcceptLoss { lost, words: why } => {
            admin(facts, actor)?;
            Event::LossAccepted { lost: *lost, words: words("words", why)? }
        }
        Command::ChangeKey { key, note } => {
            admin(facts, actor)?;
            Event::KeyChanged { key: key.clone(), note: note.clone() }
        }
        Command::ReportStray { target, mark, evidence } => Event::Stray {
            target: target.clone(),
            mark: mark.clone(),
            evidence: Text::draft(crate::text::Clean::line(evidence).as_str()),
        },
        Command::File { .. }
        | Command::Amend { .. }
        | Command::Withdraw
        | Command::Claim { .. }
        | Command::Acknowledge
        | Command::Note { .. }
        | Command::Approve { .. }
        | Command::Deny { .. }
        | Command::SendBack { .. }
        | Command::Extend { .. }
        | Command::Revoke { .. }
        | Command::EndByPolicy { .. }
        | Command::HandBack { .. }
        | Command::Undo
        | Command::Retry
        | Command::HandOver { .. }
        | Command::Attest { .. }
        | Command::Collect
        | Command::Lapse
        | Command::Escalate
        | Command::Delivered { .. }
        | Command::ReportGrant(_)
        | Command::ReportRemoval(_)
        | Command::ReportDrift { .. } => {
            return Err(Refusal::new(Code::Malformed, "this is about a request", "name it"));
        }
    }])
}

/// What a calendar says, where it is news. Another replica may have said it just before.
fn read_anew(
    facts: &Facts<'_>,
    actor: &Actor,
    name: &str,
    calendar: &str,
    (from, until): (Instant, Instant),
    slots: &[Override],
) -> Result<Vec<Event>, Refusal> {
    if *actor != Actor::Clock {
        return Err(Refusal::new(Code::NotAllowed, "only the calendar's reader does this", "change the calendar"));
    }
    let rota = facts.policy.rotas.get(name).filter(|rota| rota.calendar.is_some());
    let known = |slot: &Override| facts.policy.person(&slot.person).is_some();
    let in_order = slots.iter().zip(slots.iter().skip(1)).all(|(one, next)| one.until <= next.from);
    let Some(rota) = rota.filter(|_| in_order && slots.iter().all(|slot| known(slot) && slot.from < slot.until)) else {
        return Err(super::standing::moved());
    };
    if !rota.is_news(from, until, slots) {
        return Ok(Vec::new());
    }
    let (rota, calendar) = (name.to_owned(), calendar.to_owned());
    Ok(vec![Event::RotaChanged { rota, calendar, from, until, slots: slots.to_vec() }])
}

fn token_event(
    token: i64,
    person: &crate::text::PersonId,
    invitation: bool,
    change: TokenChange,
    name: &str,
    expires_at: Option<crate::text::Instant>,
) -> Event {
    Event::TokenChanged { token, person: person.clone(), invitation, change, name: name.to_owned(), expires_at }
}

/// Owner, backup, leads and admins freeze and thaw a system; leads and admins everything.
fn governs(
    facts: &Facts<'_>,
    actor: &Actor,
    system: Option<&crate::text::SystemId>,
    at: crate::text::Instant,
) -> Result<(), Refusal> {
    if matches!(actor, Actor::Os(_) | Actor::Clock) {
        return Ok(());
    }
    let person = crate::access::who::person(facts, actor)?;
    let may = match system {
        Some(id) => match facts.policy.systems.get(id) {
            Some(system) => crate::access::who::governs(facts.policy, system, person, at),
            None => {
                return Err(Refusal::new(
                    Code::Unknown,
                    format!("there is no system {id}"),
                    "nightlatch systems lists them",
                ));
            }
        },
        None => facts.policy.is_lead(person, at) || facts.policy.is(person, Duty::Admin),
    };
    if may {
        return Ok(());
    }
    Err(Refusal::new(
        Code::NotAllowed,
        "you may not freeze or thaw this",
        "a system's owner, backup, a lead or an admin may; everything: a lead or an admin",
    ))
}

/// The machine's account at the `admin` verbs, an admin of the policy, or the file's owner.
fn admin(facts: &Facts<'_>, actor: &Actor) -> Result<(), Refusal> {
    match actor {
        Actor::Os(_) | Actor::Clock => Ok(()),
        Actor::Person(id, _) if facts.policy.is(id, Duty::Admin) => Ok(()),
        Actor::Person(..) | Actor::Reconciler | Actor::Notifier => Err(Refusal::new(
            Code::NotAllowed,
            "only an admin may do this",
            "give the person duties = [\"admin\"] in the policy",
        )),
    }
}

fn own_or_admin(facts: &Facts<'_>, actor: &Actor, person: &crate::text::PersonId) -> Result<(), Refusal> {
    match actor {
        Actor::Person(id, Via::Socket | Via::Session | Via::Token) if id == person => Ok(()),
        Actor::Person(..) | Actor::Clock | Actor::Reconciler | Actor::Notifier | Actor::Os(_) => admin(facts, actor),
    }
}

//! Ending: revoke, hand back, and looking after a removal that is late. Ending is always allowed to those who may.

use super::{optional, seen, standing, words};
use crate::access::actor::Actor;
use crate::access::event::Event;
use crate::access::facts::{Facts, Now};
use crate::access::refusal::{Code, Refusal};
use crate::access::request::{Held, Request};
use crate::access::status::{Status, status};
use crate::access::who;
use crate::text::PersonId;

/// Whether `actor` is one of those who may end it.
fn ender<'a>(facts: &Facts<'a>, actor: &Actor, now: Now) -> Result<(&'a Request, PersonId), Refusal> {
    let (request, person) = seen(facts, actor, now)?;
    if who::may_end(facts.policy, request, person, now.at) {
        return Ok((request, person.clone()));
    }
    Err(Refusal::new(
        Code::NotAllowed,
        format!("you may not end {}", request.number),
        "its owner, backup, approver, a lead or an admin may; its user hands back",
    ))
}

/// Whether `actor` may end it, and it is not over.
pub fn may_end(facts: &Facts<'_>, actor: &Actor, now: Now) -> Result<(), Refusal> {
    let (request, _) = ender(facts, actor, now)?;
    live(facts, request, now)
}

/// Approved and not ended yet.
fn live(facts: &Facts<'_>, request: &Request, now: Now) -> Result<(), Refusal> {
    match status(request, now.at) {
        Status::Approved | Status::Granting | Status::Active => Ok(()),
        Status::Pending | Status::SentBack => Err(Refusal::new(
            Code::WrongState,
            format!("{} is not approved: there is nothing to end", request.number),
            "deny it, or send it back",
        )),
        Status::Ending => Err(Refusal::new(
            Code::Over,
            format!("{} has ended already and is being removed", request.number),
            "nightlatch retry tries the removal again now",
        )),
        over @ (Status::Removed | Status::Denied | Status::Withdrawn | Status::Lapsed | Status::Failed) => {
            Err(standing::already(facts, request, over))
        }
    }
}

pub(super) fn revoke(facts: &Facts<'_>, actor: &Actor, text: &str, now: Now) -> Result<Vec<Event>, Refusal> {
    may_end(facts, actor, now)?;
    Ok(vec![Event::Revoked { words: words("words", text)?, by_policy: false }])
}

pub(super) fn by_policy(facts: &Facts<'_>, actor: &Actor, text: &str, now: Now) -> Result<Vec<Event>, Refusal> {
    let request = super::request(facts)?;
    if *actor != Actor::Clock {
        return Err(Refusal::new(Code::NotAllowed, "only the policy's change does this", "use revoke"));
    }
    live(facts, request, now)?;
    Ok(vec![Event::Revoked { words: words("words", text)?, by_policy: true }])
}

pub(super) fn hand_back(
    facts: &Facts<'_>,
    actor: &Actor,
    texts: [&Option<String>; 3],
    now: Now,
) -> Result<Vec<Event>, Refusal> {
    let (request, person) = seen(facts, actor, now)?;
    if request.ask.user != *person {
        let hint = "others end it with nightlatch revoke";
        return Err(Refusal::new(Code::NotAllowed, format!("only its user hands back {}", request.number), hint));
    }
    live(facts, request, now)?;
    let [changed, checked, follow_up] = texts;
    Ok(vec![Event::HandedBack {
        changed: optional("changed", changed.as_deref())?,
        checked: optional("checked", checked.as_deref())?,
        follow_up: optional("follow_up", follow_up.as_deref())?,
    }])
}

/// A request whose removal is under way, for one who may look after it.
fn removing<'a>(facts: &Facts<'a>, actor: &Actor, now: Now) -> Result<(&'a Request, &'a Held, PersonId), Refusal> {
    let (request, person) = ender(facts, actor, now)?;
    let standing = status(request, now.at);
    match request.held().filter(|_| standing == Status::Ending) {
        Some(held) => Ok((request, held, person)),
        None => Err(Refusal::new(
            Code::WrongState,
            format!("{} is {standing}: there is no removal under way", request.number),
            "nightlatch show tells where it stands",
        )),
    }
}

pub(super) fn retry(facts: &Facts<'_>, actor: &Actor, now: Now) -> Result<Vec<Event>, Refusal> {
    removing(facts, actor, now)?;
    Ok(vec![Event::Retried {}])
}

pub(super) fn hand_over(facts: &Facts<'_>, actor: &Actor, to: &PersonId, now: Now) -> Result<Vec<Event>, Refusal> {
    let (_, held, _) = removing(facts, actor, now)?;
    if facts.policy.person(to).is_none() {
        return Err(Refusal::new(Code::Unknown, format!("{to} is nobody in the policy"), "name a person"));
    }
    if held.looked_after_by.as_ref() == Some(to) {
        return Ok(Vec::new());
    }
    Ok(vec![Event::HandedOver { to: to.clone() }])
}

pub(super) fn attest(facts: &Facts<'_>, actor: &Actor, text: &str, now: Now) -> Result<Vec<Event>, Refusal> {
    let (request, _, person) = removing(facts, actor, now)?;
    if facts.policy.same_person(&request.ask.user, &person) {
        return Err(Refusal::new(
            Code::OwnRequest,
            "its user does not attest that it is gone",
            "somebody else looks at the target",
        ));
    }
    Ok(vec![Event::Attested { words: words("words", text)? }])
}

pub(super) fn collect(facts: &Facts<'_>, actor: &Actor, now: Now) -> Result<Vec<Event>, Refusal> {
    let (request, person) = seen(facts, actor, now)?;
    if request.ask.user != *person {
        return Err(Refusal::new(
            Code::NotAllowed,
            format!("only its user takes the credential of {}", request.number),
            "nobody else can, not even an admin",
        ));
    }
    let standing = status(request, now.at);
    let Some(held) = request.held().filter(|_| standing == Status::Active) else {
        return Err(Refusal::new(
            Code::WrongState,
            format!("{} is {standing}: there is a credential only while it is active", request.number),
            "nightlatch show tells where it stands",
        ));
    };
    standing::sane(now)?;
    standing::thawed(facts, request)?;
    let count = held.credential.map_or(1, |(count, _)| count.saturating_add(1));
    Ok(vec![Event::CredentialHanded { count }])
}

//! Extensions: a fresh decision on what was done, what remains and a new end, on the same grant.

use super::{request, seen, standing, words};
use crate::access::actor::Actor;
use crate::access::command::Terms;
use crate::access::event::{Decider, Event, Text};
use crate::access::facts::{Facts, Now};
use crate::access::refusal::{Code, Refusal};
use crate::access::request::{Held, Request};
use crate::access::status::{Status, status};
use crate::access::window::{Asked, End};
use crate::text::instant::said;
use crate::text::{Instant, Length, PersonId};

/// Whether `actor` may ask for a later end now.
pub fn may_ask(facts: &Facts<'_>, actor: &Actor, now: Now) -> Result<(), Refusal> {
    let (request, person) = seen(facts, actor, now)?;
    if request.ask.user != *person {
        let hint = format!("{} may", request.ask.user);
        return Err(Refusal::new(Code::NotAllowed, format!("only its user extends {}", request.number), hint));
    }
    let standing = status(request, now.at);
    let Some(held) = request.held().filter(|_| standing == Status::Active) else {
        let code = if standing.is_over() || standing == Status::Ending { Code::Over } else { Code::WrongState };
        let sentence = format!("{} is {standing}: only an active grant can be extended", request.number);
        return Err(Refusal::new(code, sentence, "a new problem is a new request"));
    };
    if held.waiting_extension().is_some() {
        return Err(Refusal::new(
            Code::WrongState,
            format!("an extension of {} waits already", request.number),
            "wait for its verdict",
        ));
    }
    let allowed = facts.policy.kinds.of(request.ask.kind).extensions;
    if held.extended.len() >= usize::try_from(allowed).unwrap_or(usize::MAX) {
        return Err(Refusal::new(
            Code::NoMoreExtensions,
            format!(
                "{} was extended {} times, as often as {} may be",
                request.number,
                held.extended.len(),
                request.ask.kind
            ),
            "hand it back and file a new request",
        ));
    }
    Ok(())
}

/// The furthest end that a decision at `at` may set.
pub(super) fn furthest(facts: &Facts<'_>, request: &Request, held: &Held, at: Instant) -> Instant {
    let role = facts.policy.systems.get(&request.ask.system).and_then(|system| system.role(held.role.as_str()));
    at.plus(role.map_or(Length::ZERO, |role| facts.policy.longest(role, request.ask.kind)))
}

/// The end asked for: `--for` counts from the decision.
fn end(asked: &Asked, at: Instant) -> Instant {
    match asked.end {
        End::Until(until) => until,
        End::For(length) => at.plus(length),
    }
}

pub(super) fn ask(
    facts: &Facts<'_>,
    actor: &Actor,
    as_of: i64,
    asked: &Asked,
    (done, remaining): (&str, &str),
    approver: &PersonId,
    now: Now,
) -> Result<Vec<Event>, Refusal> {
    may_ask(facts, actor, now)?;
    let request = request(facts)?;
    if as_of != request.version {
        return Err(standing::changed(request, as_of));
    }
    let Some(held) = request.held() else { return Ok(Vec::new()) };
    if facts.policy.person(approver).is_none() {
        return Err(Refusal::new(
            Code::Unknown,
            format!("approver: {approver} is nobody in the policy"),
            "name a person",
        ));
    }
    let until = end(asked, now.at);
    if until <= held.window.until {
        return Err(Refusal::new(
            Code::BadWindow,
            format!("until: {} is not later than the end, {}", said(until), said(held.window.until)),
            "name a later end; a length counts from the decision",
        ));
    }
    let furthest = furthest(facts, request, held, now.at);
    if until > furthest {
        return Err(Refusal::new(
            Code::TooLong,
            format!("until: {} is further than an extension may move the end now, {}", said(until), said(furthest)),
            "ask for less; another extension can follow",
        ));
    }
    let (done, remaining) = (words("done", done)?, words("remaining", remaining)?);
    Ok(vec![Event::ExtensionAsked { asked: *asked, done, remaining, approver: approver.clone() }])
}

pub(super) fn approve(
    facts: &Facts<'_>,
    request: &Request,
    decider: Decider,
    terms: &Terms,
    text: Option<Text>,
    now: Now,
) -> Result<Event, Refusal> {
    let Some((held, extension)) = request.held().and_then(|held| held.waiting_extension().map(|e| (held, e))) else {
        return Err(standing::already(facts, request, status(request, now.at)));
    };
    if terms.role.is_some() || terms.from.is_some() {
        return Err(Refusal::new(
            Code::Wider,
            "an extension moves only the end",
            "name only --until or --for; another role or start is a new request",
        ));
    }
    let asked = end(&extension.asked, now.at);
    let until = terms.until.or(terms.length.map(|length| now.at.plus(length))).unwrap_or(asked);
    if until > asked {
        return Err(Refusal::new(
            Code::TooLong,
            format!(
                "until: {} is later than the end asked for, {}: an approver never lengthens",
                said(until),
                said(asked)
            ),
            "approve it as asked or shorter",
        ));
    }
    if until <= held.window.until {
        return Err(Refusal::new(
            Code::BadWindow,
            format!("until: {} is not later than the end, {}", said(until), said(held.window.until)),
            "name a later end, or deny the extension",
        ));
    }
    let furthest = furthest(facts, request, held, now.at);
    if until > furthest {
        return Err(Refusal::new(
            Code::TooLong,
            format!("until: {} is further than this decision may move the end, {}", said(until), said(furthest)),
            "shorten it with --until",
        ));
    }
    let allowed = facts.policy.kinds.of(request.ask.kind).extensions;
    if held.extended.len() >= usize::try_from(allowed).unwrap_or(usize::MAX) {
        return Err(Refusal::new(Code::NoMoreExtensions, "it was extended as often as allowed", "deny it"));
    }
    if text.is_none() && standing::risky(facts, request) {
        return Err(Refusal::new(
            Code::WordsWanted,
            "a second or later extension wants a line of words",
            "write why with --words",
        ));
    }
    Ok(Event::Extended { decider, was: held.window.until, until, words: text })
}

//! The verdicts: approve, deny, send back, on the request or its waiting extension; claim; undo.

use super::{CLAIM, UNDO, extension, filing, optional, request, seen, standing, words};
use crate::access::actor::Actor;
use crate::access::command::{Prepared, Terms};
use crate::access::event::{Decider, Event, SendBackCode, Verdict};
use crate::access::facts::{Facts, Now};
use crate::access::refusal::{Code, Refusal};
use crate::access::request::Request;
use crate::access::status::{Status, lapses_at, status};
use crate::access::who;
use crate::access::window::{End, Window};
use crate::checks;
use crate::policy::System;
use crate::text::RoleId;
use crate::text::instant::said;

/// What an approver had before their eyes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Read {
    pub as_of: i64,
    pub unseen: bool,
}

/// What waits for a verdict on a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::access) enum Waits {
    Request,
    Extension,
}

/// Whether `actor` may decide now, as what, and about what.
pub(in crate::access) fn may_verdict(facts: &Facts<'_>, actor: &Actor, now: Now) -> Result<(Decider, Waits), Refusal> {
    let (request, person) = seen(facts, actor, now)?;
    let (capacity, own) = who::decides(facts, request, person, now.at)?;
    let standing = status(request, now.at);
    let extension = request.held().is_some_and(|held| held.waiting_extension().is_some());
    let waits = if standing == Status::Pending {
        Waits::Request
    } else if standing == Status::Active && extension {
        Waits::Extension
    } else {
        return Err(standing::already(facts, request, standing));
    };
    let known = facts.policy.person(person);
    let decider = Decider {
        name: known.map_or_else(|| person.to_string(), |p| p.name.clone()),
        title: known.and_then(|p| p.title.clone()),
        capacity,
        own,
        as_of: None,
        unseen: false,
    };
    Ok((decider, waits))
}

fn as_read(request: &Request, as_of: Option<i64>) -> Result<(), Refusal> {
    match as_of {
        Some(as_of) if as_of != request.version => Err(standing::changed(request, as_of)),
        Some(_) | None => Ok(()),
    }
}

pub(super) fn approve(
    facts: &Facts<'_>,
    actor: &Actor,
    read: Read,
    terms: &Terms,
    text: Option<&str>,
    prepared: &Prepared,
    now: Now,
) -> Result<Vec<Event>, Refusal> {
    let (mut decider, waits) = may_verdict(facts, actor, now)?;
    let request = request(facts)?;
    as_read(request, Some(read.as_of))?;
    standing::sane(now)?;
    standing::thawed(facts, request)?;
    decider.as_of = Some(read.as_of);
    decider.unseen = read.unseen;
    let text = optional("words", text)?;
    if waits == Waits::Extension {
        return extension::approve(facts, request, decider, terms, text, now).map(|event| vec![event]);
    }
    let Some(system) = facts.policy.systems.get(&request.ask.system) else {
        return Err(who_knows(request));
    };
    if facts.policy.person(&request.ask.user).is_none() {
        return Err(Refusal::new(
            Code::WrongState,
            format!("the policy no longer knows {}, who would hold the access", request.ask.user),
            "send it back for another user, or put the person back into the policy",
        ));
    }
    let role = contained(system, request, terms)?;
    let window = settle(facts, system, request, &role, terms, now)?;
    if prepared.policy != facts.policy_hash || prepared.ask_seq != request.ask_seq {
        return Err(standing::moved());
    }
    let Some(placement) = prepared.placement.clone() else { return Err(standing::moved()) };
    if prepared.checks.is_empty() {
        return Err(standing::moved());
    }
    // The end and the approver are settled here, on the terms and the person themselves.
    let failed: Vec<String> =
        checks::failed(&prepared.checks).into_iter().filter(|code| code != "end" && code != "approver").collect();
    if !failed.is_empty() {
        if !system.override_allowed {
            return Err(Refusal::new(
                Code::CheckFailed,
                format!("{} forbids overriding a failed check: {}", system.id, failed.join(", ")),
                "send it back with what is missing",
            ));
        }
        if text.is_none() {
            return Err(Refusal::new(
                Code::WordsWanted,
                format!("a check failed ({}): overriding it wants words", failed.join(", ")),
                "write why with --words, or send it back",
            ));
        }
    }
    if text.is_none() && standing::risky(facts, request) {
        return Err(Refusal::new(
            Code::WordsWanted,
            "this one wants a line of words: it is broad, long or overridden",
            "write why with --words",
        ));
    }
    Ok(vec![Event::Approved { decider, window, role, words: text, overridden: failed, grant: placement }])
}

fn who_knows(request: &Request) -> Refusal {
    Refusal::new(
        Code::WrongState,
        format!("the policy no longer knows the system {}", request.ask.system),
        "send it back, or put the system back into the policy",
    )
}

/// The role given: as asked, or one that it contains.
fn contained(system: &System, request: &Request, terms: &Terms) -> Result<RoleId, Refusal> {
    let asked = &request.ask.role;
    let Some(role) = system.role(asked.as_str()) else {
        return Err(Refusal::new(
            Code::WrongState,
            format!("the policy no longer knows the role {asked} of {}", system.id),
            "send it back for another role",
        ));
    };
    match &terms.role {
        Some(other) if other != asked && !role.contains.contains(other) => Err(Refusal::new(
            Code::Wider,
            format!("{asked} does not contain {other}: an approver never widens"),
            "choose a role that it contains, or send it back",
        )),
        Some(other) => Ok(other.clone()),
        None => Ok(asked.clone()),
    }
}

/// The window given: as asked, shorter, or shifted; never longer, never past a hard end.
fn settle(
    facts: &Facts<'_>,
    system: &System,
    request: &Request,
    role: &RoleId,
    terms: &Terms,
    now: Now,
) -> Result<Window, Refusal> {
    let asked = request.ask.asked.window_if_approved(now.at);
    let from = terms.from.map_or(asked.from, |from| from.max(now.at));
    let shifted = matches!(request.ask.asked.end, End::For(_));
    let mut until = if shifted { from.plus(asked.length()) } else { asked.until };
    if let Some(length) = terms.length {
        until = from.plus(length);
    }
    if let Some(end) = terms.until {
        until = end;
    }
    let window = Window { from, until };
    if window.length().millis() <= 0 {
        return Err(Refusal::new(
            Code::BadWindow,
            "until: is not after the start",
            "name an end that is ahead and after the start",
        ));
    }
    if window.from > now.at.plus(filing::HORIZON) {
        return Err(Refusal::new(
            Code::BadWindow,
            "from: is more than 90 days ahead",
            "shift it less far, or send it back to be asked for nearer to it",
        ));
    }
    if window.length() > asked.length() || (!shifted && until > asked.until) {
        return Err(Refusal::new(
            Code::TooLong,
            format!(
                "until: {} is more than the {} asked for: an approver never lengthens",
                window.length(),
                asked.length()
            ),
            "approve it as asked or shorter; its user can ask for an extension",
        ));
    }
    let longest = system.role(role.as_str()).map(|role| facts.policy.longest(role, request.ask.kind));
    match longest {
        Some(longest) if window.length() > longest => Err(Refusal::new(
            Code::TooLong,
            format!("until: {} is longer than {} of {role} may be", window.length(), request.ask.kind),
            format!("shorten it to {longest} with --for, or send it back"),
        )),
        Some(_) | None => Ok(window),
    }
}

pub(super) fn deny(
    facts: &Facts<'_>,
    actor: &Actor,
    as_of: Option<i64>,
    text: &str,
    now: Now,
) -> Result<Vec<Event>, Refusal> {
    let (mut decider, waits) = may_verdict(facts, actor, now)?;
    as_read(request(facts)?, as_of)?;
    decider.as_of = as_of;
    let words = words("words", text)?;
    Ok(vec![match waits {
        Waits::Request => Event::Denied { decider, words },
        Waits::Extension => Event::ExtensionDenied { decider, words },
    }])
}

pub(super) fn send_back(
    facts: &Facts<'_>,
    actor: &Actor,
    as_of: Option<i64>,
    text: &str,
    codes: &[SendBackCode],
    now: Now,
) -> Result<Vec<Event>, Refusal> {
    let (mut decider, waits) = may_verdict(facts, actor, now)?;
    as_read(request(facts)?, as_of)?;
    decider.as_of = as_of;
    let mut codes = codes.to_vec();
    codes.dedup();
    if codes.len() > 8 {
        return Err(Refusal::malformed("codes", "are more than there are", "name each once"));
    }
    Ok(vec![Event::SentBack { decider, words: words("words", text)?, codes, extension: waits == Waits::Extension }])
}

pub(super) fn claim(facts: &Facts<'_>, actor: &Actor, release: bool, now: Now) -> Result<Vec<Event>, Refusal> {
    let (request, person) = seen(facts, actor, now)?;
    let mine = request.claim.as_ref().is_some_and(|claim| claim.by == *person && claim.until > now.at);
    if release {
        return Ok(if mine { vec![Event::Claimed { until: None }] } else { Vec::new() });
    }
    may_verdict(facts, actor, now)?;
    Ok(vec![Event::Claimed { until: Some(now.at.plus(CLAIM)) }])
}

/// Whether `actor` may take back the last verdict.
pub(in crate::access) fn may_undo(facts: &Facts<'_>, actor: &Actor, now: Now) -> Result<(), Refusal> {
    let (request, person) = seen(facts, actor, now)?;
    let no = |sentence: String, hint: &str| Err(Refusal::new(Code::NotUndoable, sentence, hint));
    let Some(last) = &request.last_verdict else {
        return no(
            format!("there is no verdict on {} to take back", request.number),
            "nightlatch show tells what was decided",
        );
    };
    if last.by != *person {
        return no(format!("the last verdict on {} is {}'s", request.number, last.by), "who decided takes it back");
    }
    if now.at.since(last.at) > UNDO {
        return no("more than 60 s have passed".into(), "an active grant is ended by nightlatch revoke");
    }
    let followed = request.version != last.seq;
    if followed {
        return no(format!("something followed on {}", request.number), "nightlatch show tells what");
    }
    // It would wait again, and lapse in the same second: one that was sent back can still be mended.
    let stands = match last.verdict {
        Verdict::SentBack => Some("who asked can still mend it"),
        Verdict::Denied => Some("a new problem is a new request"),
        Verdict::Approved | Verdict::Extended | Verdict::ExtensionDenied | Verdict::ExtensionSentBack => None,
    };
    let lapsed = lapses_at(request);
    if let Some(hint) = stands.filter(|_| lapsed <= now.at) {
        return no(format!("the time for a verdict on {} was over at {}", request.number, said(lapsed)), hint);
    }
    match status(request, now.at) {
        Status::Ending | Status::Removed | Status::Failed => {
            no(format!("{} has ended already", request.number), "nothing is left to take back")
        }
        Status::Lapsed | Status::Withdrawn => {
            no(format!("{} is over", request.number), "a new problem is a new request")
        }
        Status::Pending | Status::SentBack | Status::Approved | Status::Granting | Status::Active | Status::Denied => {
            Ok(())
        }
    }
}

pub(super) fn undo(facts: &Facts<'_>, actor: &Actor, now: Now) -> Result<Vec<Event>, Refusal> {
    may_undo(facts, actor, now)?;
    let request = request(facts)?;
    let Some(last) = &request.last_verdict else { return Ok(Vec::new()) };
    let until = match last.verdict {
        Verdict::Extended => request.held().and_then(|held| held.extended.last()).map(|extended| extended.was),
        Verdict::Approved
        | Verdict::Denied
        | Verdict::SentBack
        | Verdict::ExtensionDenied
        | Verdict::ExtensionSentBack => None,
    };
    Ok(vec![Event::Undone { verdict: last.verdict, seq: last.seq, until }])
}

//! A webhook, purely: what it is sent of an event, how that is signed, what an answer means, and when it is tried again.
//!
//! Must never say what a person wrote: no task, no words, no note, no evidence. Of a private system it says the number and
//! nothing else.

use crate::access::event::About;
use crate::access::{Event, Request, Status, overdue, status};
use crate::config::webhooks::What;
use crate::policy::{Duty, Kind, Policy};
use crate::text::{Clean, Instant, Length, PersonId, Secret};
use ring::hmac;
use serde::Serialize;

/// The header of the signature, and the one of the event's number.
pub const SIGNATURE: &str = "Nightlatch-Signature";
/// The header that holds the event's number: the same for each delivery of it.
pub const DELIVERY: &str = "Nightlatch-Delivery";

/// So often one event is tried while the others wait behind it, or so long.
const TRIES: u32 = 5;
const PATIENCE: Length = Length::from_minutes(2);
/// After this long it is given up.
pub const GIVEN_UP: Length = Length::from_hours(24);
/// The shortest and the longest pause after a failure, and after a refusal.
const FIRST: Length = Length::from_seconds(1);
const LONGEST: Length = Length::from_minutes(5);
const SLOW: Length = Length::from_minutes(5);
const SLOWEST: Length = Length::from_hours(1);
/// The longest pause that a receiver may ask for.
const LONGEST_ASKED: Length = Length::from_minutes(5);
/// The longest ticket that is sent, in columns.
const TICKET: usize = 100;

/// Where an event stands in the trail, and what happened.
#[derive(Debug, Clone, Copy)]
pub struct Happened<'a> {
    /// Its number.
    pub seq: i64,
    /// When.
    pub at: Instant,
    /// Its kind, as in the record.
    pub kind: &'a str,
    /// What happened.
    pub event: &'a Event,
}

/// What stands in the body.
#[derive(Debug, Serialize)]
struct Payload<'a> {
    id: i64,
    at: Instant,
    store: &'a str,
    event: Kinds<'a>,
    to: Vec<Who>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<Shown<'a>>,
    sentence: String,
}

#[derive(Debug, Serialize)]
struct Kinds<'a> {
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    about: Option<String>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Who {
    id: String,
    name: String,
}

#[derive(Debug, Serialize)]
struct Shown<'a> {
    id: i64,
    number: String,
    #[serde(flatten)]
    more: Option<Details<'a>>,
}

#[derive(Debug, Serialize)]
struct Details<'a> {
    system: &'a str,
    environment: &'a str,
    role: &'a str,
    kind: Kind,
    status: Status,
    overdue: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    ticket: Option<String>,
    requester: Who,
    user: Who,
    approver: Who,
}

/// Whether an event is one of those that somebody is told.
pub const fn is_told(event: &Event) -> bool {
    matches!(event, Event::Told { .. } | Event::Routed { .. } | Event::DutyPassed { .. } | Event::PolicyRefused { .. })
}

/// Whether a webhook for `what` is sent an event.
pub fn wants(what: &[What], event: &Event) -> bool {
    what.iter().any(|what| match what {
        What::Told => is_told(event),
        What::Verdicts => matches!(
            event,
            Event::Approved { .. }
                | Event::Denied { .. }
                | Event::SentBack { .. }
                | Event::Extended { .. }
                | Event::ExtensionDenied { .. }
                | Event::Undone { .. }
                | Event::Withdrawn {}
                | Event::Lapsed {}
        ),
        What::Access => matches!(
            event,
            Event::Granted { .. }
                | Event::GrantFailed { gave_up: true, .. }
                | Event::Revoked { .. }
                | Event::HandedBack { .. }
                | Event::Removed { .. }
        ),
        What::Overdue => match event {
            Event::RemovalFailed { .. } | Event::Drifted { .. } => true,
            Event::Told { about, .. } => word(*about) == "overdue",
            _ => false,
        },
    })
}

/// The word of what somebody is told about, as in the record.
fn word(about: About) -> String {
    let word = serde_json::to_value(about).ok();
    word.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
}

/// The body of a delivery. `now` is when it is sent: the request is told as it stands then.
pub fn body(happened: Happened<'_>, request: &Request, policy: &Policy, store: &str, now: Instant) -> String {
    // A system that the policy no longer knows may have been a private one.
    let private = policy.systems.get(&request.ask.system).is_none_or(|system| system.private);
    let about = match happened.event {
        Event::Told { about, .. } => Some(word(*about)),
        _ => None,
    };
    let to: &[PersonId] = match happened.event {
        Event::Told { to, .. } => to,
        Event::Routed { to, .. } | Event::DutyPassed { to, .. } => std::slice::from_ref(to),
        _ => &[],
    };
    let details = Details {
        system: request.ask.system.as_str(),
        environment: &request.ask.environment,
        role: request.role().as_str(),
        kind: request.ask.kind,
        status: status(request, now),
        overdue: overdue(request, now),
        ticket: request.ask.ticket.as_deref().map(|ticket| Clean::line(ticket).cut(TICKET).into()),
        requester: who(policy, &request.requester),
        user: who(policy, &request.ask.user),
        approver: who(policy, &request.ask.approver),
    };
    let said = said(happened.kind, about.as_deref(), &request.number.to_string());
    let sentence = if private {
        said
    } else {
        format!("{said}: {}, {} on {} ({})", details.user.name, details.role, details.system, details.kind.word())
    };
    let payload = Payload {
        id: happened.seq,
        at: happened.at,
        store,
        event: Kinds { kind: happened.kind, about },
        to: if private { Vec::new() } else { to.iter().map(|id| who(policy, id)).collect() },
        request: Some(Shown {
            id: request.number.0,
            number: request.number.to_string(),
            more: Some(details).filter(|_| !private),
        }),
        sentence,
    };
    // Nothing in it can fail to be written as JSON.
    serde_json::to_string(&payload).unwrap_or_default()
}

/// The body of a delivery that is about the policy, for its admins. What is wrong with its file is not told: it may name
/// whatever stands there.
pub fn body_about_policy(happened: Happened<'_>, policy: &Policy, store: &str) -> String {
    let admins = policy.people.keys().filter(|person| policy.is(person, Duty::Admin));
    let payload = Payload {
        id: happened.seq,
        at: happened.at,
        store,
        event: Kinds { kind: happened.kind, about: None },
        to: admins.map(|person| who(policy, person)).collect(),
        request: None,
        sentence: "a policy was refused: the one before it rules on".into(),
    };
    serde_json::to_string(&payload).unwrap_or_default()
}

/// The body of a trial.
pub fn trial(store: &str, at: Instant) -> String {
    let payload = Payload {
        id: 0,
        at,
        store,
        event: Kinds { kind: "test", about: None },
        to: Vec::new(),
        request: None,
        sentence: "a trial of this webhook: nothing happened".into(),
    };
    serde_json::to_string(&payload).unwrap_or_default()
}

fn who(policy: &Policy, id: &PersonId) -> Who {
    let name = policy.person(id).map_or(id.as_str(), |person| person.name.as_str());
    Who { id: id.to_string(), name: Clean::line(name).into() }
}

/// What happened, in a few words.
fn said(kind: &str, about: Option<&str>, number: &str) -> String {
    let said = match (kind, about) {
        ("told", Some("ask")) | ("routed" | "duty-passed", _) => "waits for a verdict",
        ("told", Some("again")) => "still waits for a verdict",
        ("told", Some("changed")) => "changed while it waits",
        ("told", Some("decided")) => "was decided",
        ("told", Some("unanswered")) => "waits, and nobody answered",
        ("told", Some("lapsing")) => "is about to lapse",
        ("told", Some("lapsed")) | ("lapsed", _) => "lapsed",
        ("told", Some("ready")) => "is ready to use",
        ("granted", _) => "was given",
        ("told", Some("failed")) | ("grant-failed", _) => "could not be given",
        ("told", Some("ended")) | ("revoked", _) => "was ended",
        ("told", Some("ending")) => "ends soon",
        ("told", Some("overdue")) | ("removal-failed", _) => "has ended, and was not read as removed",
        ("told", Some("removed")) | ("removed", _) => "is removed",
        ("drifted", _) => "was changed behind our back",
        ("approved", _) => "is approved",
        ("denied", _) => "is denied",
        ("sent-back", _) => "is sent back",
        ("extended", _) => "is extended",
        ("extension-denied", _) => "is not extended",
        ("undone", _) => "was decided, and the verdict is taken back",
        ("withdrawn", _) => "is withdrawn",
        ("handed-back", _) => "was handed back",
        (_, Some(other)) | (other, None) => return format!("{number}: {other}"),
    };
    format!("{number} {said}")
}

/// The signature of a body sent `at`: its time in seconds, and HMAC-SHA256 over `TIME.BODY` with the secret, in hex.
pub fn signature(secret: &Secret, at: Instant, body: &str) -> String {
    let seconds = at.millis().div_euclid(1000);
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.reveal().as_bytes());
    let mac = hmac::sign(&key, format!("{seconds}.{body}").as_bytes());
    format!("t={seconds},v1={}", crate::trail::link::hex(mac.as_ref()))
}

/// What came of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was taken.
    Delivered,
    /// The receiver cannot now; it may have asked for a pause.
    Failed(String, Option<Length>),
    /// The receiver, or our own configuration, will not have it: tried again slowly, and the others go on.
    Refused(String),
    /// The receiver wants no more of it.
    Gone(String),
}

/// What an answer means. `pause` is what its `Retry-After` says.
pub fn outcome(code: u16, pause: Option<Length>) -> Outcome {
    let said = format!("it answered {code}");
    match code {
        200..=299 => Outcome::Delivered,
        300..=399 => {
            Outcome::Refused(format!("{said}, a redirect, which is not followed: write the address it leads to"))
        }
        410 => Outcome::Gone(format!("{said}: it wants no more of it")),
        408 | 425 | 429 => Outcome::Failed(said, pause.map(|pause| pause.min(LONGEST_ASKED))),
        400..=499 => Outcome::Refused(format!("{said}: look at the receiver, and at the secret that both hold")),
        _ => Outcome::Failed(said, pause.map(|pause| pause.min(LONGEST_ASKED))),
    }
}

/// How long to wait after this many failures in a row: anything up to 1 s, doubled each time, up to 5 minutes. `draw` gives a
/// number below its argument.
pub fn pause(failures: u32, draw: impl FnOnce(u64) -> u64) -> Length {
    let most = doubled(FIRST, failures, LONGEST);
    Length::from_millis(jitter(most, draw).max(20))
}

/// How long to wait before an event that was refused is tried again: some minutes, then an hour.
pub fn slowly(tries: u32, draw: impl FnOnce(u64) -> u64) -> Length {
    let most = doubled(SLOW, tries, SLOWEST);
    Length::from_millis(most.millis() / 2 + jitter(Length::from_millis(most.millis() / 2), draw))
}

fn doubled(first: Length, times: u32, most: Length) -> Length {
    let doubled = first.millis().saturating_mul(1_i64 << times.saturating_sub(1).min(32));
    Length::from_millis(doubled.min(most.millis()))
}

fn jitter(most: Length, draw: impl FnOnce(u64) -> u64) -> i64 {
    let below = u64::try_from(most.millis()).unwrap_or(0).saturating_add(1);
    i64::try_from(draw(below)).unwrap_or(0)
}

/// Whether an event that was tried so often, first so long ago, makes way for the others.
pub fn makes_way(tries: u32, since: Length) -> bool {
    tries >= TRIES || since >= PATIENCE
}

/// Whether it is given up.
pub fn is_given_up(since: Length) -> bool {
    since >= GIVEN_UP
}

/// The longest that anything is put off: what stands further ahead was put there by a clock that had jumped.
pub const FURTHEST: Length = SLOWEST;

#[cfg(test)]
#[path = "webhook_tests.rs"]
mod tests;

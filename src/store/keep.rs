//! How requests, events and tokens stand in their tables, and back. Must lose no byte of an event's body: it is hashed.

use super::fault::StoreError;
use super::row::{Arg, Row};
use crate::access::due::{due, phase};
use crate::access::{Actor, Event, Request, RequestNumber, Subject, closed_at};
use crate::text::{Instant, PersonId};
use crate::trail::Link;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The columns of a request's row, in the order of [`request_args`].
pub(super) const REQUEST: &str = "number, seq, version, phase, system, role, user_id, requester, approver, ticket, \
    access_key, filed_at, from_at, until_at, closed_at, due, body";
/// How many they are.
pub(super) const REQUEST_COLUMNS: usize = 17;
/// What an upsert of them sets.
pub(super) const REQUEST_THEN: &str = "ON CONFLICT (number) DO UPDATE SET seq = excluded.seq, version = excluded.version, \
    phase = excluded.phase, system = excluded.system, role = excluded.role, user_id = excluded.user_id, \
    requester = excluded.requester, approver = excluded.approver, ticket = excluded.ticket, \
    access_key = excluded.access_key, filed_at = excluded.filed_at, from_at = excluded.from_at, \
    until_at = excluded.until_at, closed_at = excluded.closed_at, due = excluded.due, body = excluded.body";

/// The length of most bodies, in bytes.
const ROW: usize = 3 * 1024;

/// The row of `request`.
pub(super) fn request_args(request: &Request) -> Result<[Arg; REQUEST_COLUMNS], StoreError> {
    let mut body = Vec::with_capacity(ROW);
    serde_json::to_writer(&mut body, request).map_err(|fault| odd("a request", &fault))?;
    let body = String::from_utf8(body).map_err(|fault| odd("a request", &fault))?;
    let held = request.held();
    let at = |instant: Option<Instant>| instant.map(Instant::millis).into();
    Ok([
        request.number.0.into(),
        request.seq.into(),
        request.version.into(),
        phase(request).word().into(),
        request.ask.system.as_str().into(),
        request.role().as_str().into(),
        request.ask.user.as_str().into(),
        request.requester.as_str().into(),
        request.ask.approver.as_str().into(),
        request.ask.ticket.as_deref().into(),
        held.map(|held| held.placement.access_key.as_str()).into(),
        request.filed_at.millis().into(),
        at(held.map(|held| held.window.from)),
        at(held.map(crate::access::Held::end)),
        at(closed_at(request)),
        at(due(request)),
        body.into(),
    ])
}

/// The request that `body` holds.
pub(super) fn request(body: &str) -> Result<Request, StoreError> {
    serde_json::from_str(body).map_err(|fault| odd("a request's row", &fault))
}

fn odd(what: &str, fault: &dyn std::fmt::Display) -> StoreError {
    StoreError::Broken(format!("{what} cannot be read or written ({fault}): run nightlatch doctor"))
}

/// The columns of an event's row.
pub(super) const EVENT: &str = "seq, at, subject, kind, actor, policy, body, link";
/// How many they are.
pub(super) const EVENT_COLUMNS: usize = 8;

/// An event as it is stored: what is hashed, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its number.
    pub seq: i64,
    /// When.
    pub at: Instant,
    /// What it is about.
    pub subject: String,
    /// What happened.
    pub kind: String,
    /// Who, and the way in.
    pub actor: String,
    /// The policy version that ruled.
    pub policy: String,
    /// The body, as hashed.
    pub body: String,
    /// Its link.
    pub link: Link,
}

/// An event that was understood, with where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Its number.
    pub seq: i64,
    /// When.
    pub at: Instant,
    /// What it is about.
    pub subject: Subject,
    /// Who.
    pub actor: Actor,
    /// The policy version that ruled.
    pub policy: String,
    /// What happened; its texts are without their words.
    pub event: Event,
}

impl Told {
    /// Where it stands, for `apply`.
    pub fn place(&self) -> crate::access::Place<'_> {
        crate::access::Place { seq: self.seq, at: self.at, actor: &self.actor, policy: &self.policy }
    }
}

impl Stored {
    /// From a row of [`EVENT`].
    pub(super) fn of(row: &Row) -> Result<Self, StoreError> {
        let seq = row.int(0)?;
        let link = row.text(7)?.parse();
        Ok(Self {
            seq,
            at: Instant::from_millis(row.int(1)?),
            subject: row.text(2)?.to_owned(),
            kind: row.text(3)?.to_owned(),
            actor: row.text(4)?.to_owned(),
            policy: row.text(5)?.to_owned(),
            body: row.text(6)?.to_owned(),
            link: link.map_err(|_| {
                StoreError::Broken(format!("the link of event {seq} is no hash: run nightlatch audit verify"))
            })?,
        })
    }

    /// Its row.
    pub(super) fn args(&self) -> [Arg; EVENT_COLUMNS] {
        [
            self.seq.into(),
            self.at.millis().into(),
            self.subject.as_str().into(),
            self.kind.as_str().into(),
            self.actor.as_str().into(),
            self.policy.as_str().into(),
            self.body.as_str().into(),
            self.link.to_string().into(),
        ]
    }

    /// What it says. An event of a kind that this program does not know is [`StoreError::Broken`].
    pub fn told(&self) -> Result<Told, StoreError> {
        let bad = |what: &dyn std::fmt::Display| {
            StoreError::Broken(format!("event {} cannot be read ({what}): run nightlatch audit verify", self.seq))
        };
        Ok(Told {
            seq: self.seq,
            at: self.at,
            subject: self.subject.parse().map_err(|fault: String| bad(&fault))?,
            actor: self.actor.parse().map_err(|fault: String| bad(&fault))?,
            policy: self.policy.clone(),
            event: join(&self.kind, &self.body).map_err(|fault| bad(&fault))?,
        })
    }
}

#[derive(Serialize, Deserialize)]
struct Tagged<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    body: &'a RawValue,
}

/// An event's kind, and its body as the text that is hashed.
pub(super) fn split(event: &Event) -> Result<(String, String), StoreError> {
    let text = serde_json::to_string(event).map_err(|fault| odd("an event", &fault))?;
    let tagged: Tagged<'_> = serde_json::from_str(&text).map_err(|fault| odd("an event", &fault))?;
    Ok((tagged.kind.into_owned(), tagged.body.get().to_owned()))
}

fn join(kind: &str, body: &str) -> Result<Event, serde_json::Error> {
    let body: &RawValue = serde_json::from_str(body)?;
    let text = serde_json::to_string(&Tagged { kind: Cow::Borrowed(kind), body })?;
    serde_json::from_str(&text)
}

/// The columns of a token's row.
pub(super) const TOKEN: &str = "id, person, kind, name, hash, created_at, expires_at, used_at, revoked_at";
/// How many they are.
pub(super) const TOKEN_COLUMNS: usize = 9;

/// A token or an invitation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// Its number.
    pub id: i64,
    /// Whose.
    pub person: PersonId,
    /// One use, for signing in.
    pub invitation: bool,
    /// What it is called.
    pub name: String,
    /// The hash of it.
    pub hash: String,
    /// When it was made.
    pub created_at: Instant,
    /// When it ends.
    pub expires_at: Option<Instant>,
    /// When it was used last, to the minute; an invitation is revoked by that.
    pub used_at: Option<Instant>,
    /// When it was revoked.
    pub revoked_at: Option<Instant>,
}

impl TokenRow {
    /// From a row of [`TOKEN`].
    pub(super) fn of(row: &Row) -> Result<Self, StoreError> {
        let at = |column| row.opt_int(column).map(|at| at.map(Instant::from_millis));
        let person = row.text(1)?.parse();
        Ok(Self {
            id: row.int(0)?,
            person: person
                .map_err(|fault: crate::text::name::BadName| StoreError::Broken(format!("a token: {fault}")))?,
            invitation: row.text(2)? == "invitation",
            name: row.text(3)?.to_owned(),
            hash: row.text(4)?.to_owned(),
            created_at: Instant::from_millis(row.int(5)?),
            expires_at: at(6)?,
            used_at: at(7)?,
            revoked_at: at(8)?,
        })
    }

    /// Its row.
    pub(super) fn args(&self) -> [Arg; TOKEN_COLUMNS] {
        let at = |instant: Option<Instant>| instant.map(Instant::millis).into();
        [
            self.id.into(),
            self.person.as_str().into(),
            if self.invitation { "invitation" } else { "token" }.into(),
            self.name.as_str().into(),
            self.hash.as_str().into(),
            self.created_at.millis().into(),
            at(self.expires_at),
            at(self.used_at),
            at(self.revoked_at),
        ]
    }

    /// Whether it opens the door at `at`.
    pub fn good(&self, at: Instant) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|ends| at < ends)
    }
}

/// The request that `subject` names.
pub(super) fn number(subject: &Subject) -> Option<RequestNumber> {
    match subject {
        Subject::Request(number) => Some(*number),
        _ => None,
    }
}

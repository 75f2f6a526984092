//! A request as its events make it: the record that everything else hangs on.

use super::channel::ChannelName;
use super::event::{Ask, Decider, Observed, Placement, SendBackCode, Text, Verdict};
use super::id::RequestNumber;
use super::window::{Asked, Window};
use crate::text::{Instant, PersonId, RoleId};
use serde::{Deserialize, Serialize};

/// A request, folded from its events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Its number.
    pub number: RequestNumber,
    /// The sequence number of its last material event.
    pub version: i64,
    /// The sequence number of its last event.
    pub seq: i64,
    /// Who asked.
    pub requester: PersonId,
    /// What is asked for, as last amended.
    pub ask: Ask,
    /// When it was filed first.
    pub filed_at: Instant,
    /// When it was last filed or amended.
    pub amended_at: Instant,
    /// Since when it has waited for a verdict; a revision of a waiting one does not begin it anew.
    pub waits_since: Instant,
    /// The event that last filed or amended it.
    pub ask_seq: i64,
    /// What changed between revisions.
    #[serde(default)]
    pub revisions: Vec<Revision>,
    /// Where it stands.
    pub state: State,
    /// The last verdict, while it can be undone.
    #[serde(default)]
    pub last_verdict: Option<LastVerdict>,
    /// Who is reading it.
    #[serde(default)]
    pub claim: Option<Claim>,
    /// Whom an escalation has reached.
    #[serde(default)]
    pub reached: Vec<PersonId>,
    /// Who wants no more alerts.
    #[serde(default)]
    pub acknowledged: Vec<PersonId>,
    /// Who was alerted about what waits, or waited last.
    #[serde(default)]
    pub alerted: Vec<Alerted>,
    /// Where the ladder of what waits, or waited last, stands.
    #[serde(default)]
    pub escalation: Option<Escalation>,
    /// Who was told by which event, and what became of it: the newest [`TOLD`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<Telling>,
    /// What people noted.
    #[serde(default)]
    pub notes: Vec<Note>,
}

/// So many tellings of a request are remembered: a report on an older one comes too late.
pub const TOLD: usize = 64;

/// An event that tells somebody something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Telling {
    /// Itself.
    pub seq: i64,
    /// Whom it tells.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<PersonId>,
    /// What is known of its way there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub brought: Vec<Brought>,
}

/// What one channel says of one telling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brought {
    /// To whom; nobody in particular where the server itself sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<PersonId>,
    /// By which channel.
    pub channel: ChannelName,
    /// When that was recorded.
    pub at: Instant,
    /// Why it did not arrive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Text>,
}

/// Somebody was alerted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alerted {
    /// Who.
    pub who: PersonId,
    /// When first.
    pub first: Instant,
    /// When last.
    pub last: Instant,
    /// How often.
    pub times: u32,
}

/// Where a ladder stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Escalation {
    /// The last step taken, from 1.
    pub step: u32,
    /// When that fell due.
    pub taken: Instant,
    /// When the next one does.
    pub next_at: Option<Instant>,
    /// Who was alerted last.
    pub to: PersonId,
    /// Whom it goes to while duty does not pass.
    pub holder: PersonId,
    /// Since when.
    pub since: Instant,
    /// It is an extension's.
    pub extension: bool,
}

/// Where a request stands by its events alone; time adds the rest (`status`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Waits for a verdict.
    Pending,
    /// Waits to be mended, until this instant.
    SentBack(SentBack),
    /// Refused by a decider.
    Denied(Decision),
    /// Taken back by its requester or user.
    Withdrawn(Withdrawn),
    /// Nobody decided in time.
    Lapsed(Instant),
    /// Approved: access is to be given, is there, or is to be removed.
    Held(Box<Held>),
}

/// Who decided what, when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The person.
    pub by: PersonId,
    /// The way in.
    pub via: super::actor::Via,
    /// When.
    pub at: Instant,
    /// The event.
    pub seq: i64,
    /// The policy version that ruled.
    pub policy: String,
    /// As what, and how they were called.
    pub decider: Decider,
    /// What they wrote.
    #[serde(default)]
    pub words: Option<Text>,
}

/// A send-back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentBack {
    /// Who sent it back.
    pub decision: Decision,
    /// Why.
    pub codes: Vec<SendBackCode>,
    /// Not mended by then, it lapses.
    pub until: Instant,
}

/// A withdrawal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawn {
    /// Who took it back.
    pub by: PersonId,
    /// When.
    pub at: Instant,
}

/// What an approval made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The approval.
    pub decision: Decision,
    /// The window in force.
    pub window: Window,
    /// The role given; contained in the one asked for.
    pub role: RoleId,
    /// Where it goes.
    pub placement: Placement,
    /// The failed checks that were overridden.
    #[serde(default)]
    pub overridden: Vec<String>,
    /// The access was given and read back.
    #[serde(default)]
    pub granted: Option<Given>,
    /// A person, the policy or a failure ended it before its window did.
    #[serde(default)]
    pub ended: Option<Ended>,
    /// The extension that waits, or was sent back.
    #[serde(default)]
    pub extension: Option<Extension>,
    /// Extensions given.
    #[serde(default)]
    pub extended: Vec<Extended>,
    /// What the user handed back with.
    #[serde(default)]
    pub handed_back: Option<HandedBack>,
    /// What was read back last, where it was worth an event.
    #[serde(default)]
    pub observed: Option<Observed>,
    /// The last failure that was recorded.
    #[serde(default)]
    pub failure: Option<Failure>,
    /// Who looks after its overdue removal.
    #[serde(default)]
    pub looked_after_by: Option<PersonId>,
    /// Up to when what is told before the end was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ending: Option<Instant>,
    /// Where the ladder of its overdue removal stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarm: Option<Alarm>,
    /// Somebody says by hand that it is gone; it stays open until it is read.
    #[serde(default)]
    pub attested: Option<Note>,
    /// How often a credential was handed out, and when last.
    #[serde(default)]
    pub credential: Option<(u32, Instant)>,
    /// Read back as gone: the end of the record.
    #[serde(default)]
    pub closed: Option<Closed>,
}

/// The ladder of a removal that is overdue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// The last step taken, from 1.
    pub step: u32,
    /// When that fell due.
    pub taken: Instant,
    /// When the next one does.
    pub next_at: Option<Instant>,
    /// Who was told.
    pub told: Vec<PersonId>,
}

/// The access was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// When it was read back first.
    pub at: Instant,
    /// The end that the target was last told.
    pub until: Instant,
    /// Whether the target itself ends it.
    pub second_lock: bool,
}

/// An end before the window's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// When.
    pub at: Instant,
    /// Who: an actor's id.
    pub by: String,
    /// How.
    pub how: How,
    /// What they wrote.
    #[serde(default)]
    pub words: Option<Text>,
}

/// How a grant ended before its window did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the words are the ends")]
pub enum How {
    Revoked,
    ByPolicy,
    HandedBack,
    Undone,
    GaveUp,
}

/// An extension that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    /// When it was asked for.
    pub at: Instant,
    /// The event.
    pub seq: i64,
    /// The new end asked for.
    pub asked: Asked,
    /// What was done.
    pub done: Text,
    /// What remains.
    pub remaining: Text,
    /// Whom it goes to.
    pub approver: PersonId,
    /// Set when it was answered otherwise than by a new end.
    #[serde(default)]
    pub answered: Option<(Verdict, Decision)>,
}

/// An extension that was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extended {
    /// Who decided.
    pub decision: Decision,
    /// The end before.
    pub was: Instant,
    /// The end after.
    pub until: Instant,
    /// What was asked, done and remained.
    pub extension: Extension,
}

/// What the user handed back with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedBack {
    /// What was changed.
    pub changed: Option<Text>,
    /// What was checked.
    pub checked: Option<Text>,
    /// What needs follow-up.
    pub follow_up: Option<Text>,
}

/// An attempt that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// When it was recorded.
    pub at: Instant,
    /// Which attempt.
    pub attempt: i64,
    /// What the target said.
    pub sentence: Text,
    /// While removing.
    pub removing: bool,
    /// The target said that it was done, and it was not.
    pub contradicted: bool,
}

/// Read back as gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// When it was recorded.
    pub at: Instant,
    /// Granting had failed, and nothing was left behind.
    pub failed: bool,
    /// Another live grant on the same access key holds it.
    #[serde(default)]
    pub carried_by: Option<RequestNumber>,
}

/// What changed in one revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// The event.
    pub seq: i64,
    /// When.
    pub at: Instant,
    /// Who.
    pub by: String,
    /// A sentence each.
    pub changes: Vec<String>,
}

/// A verdict that can still be undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastVerdict {
    /// Which one.
    pub verdict: Verdict,
    /// Its event.
    pub seq: i64,
    /// Whose.
    pub by: PersonId,
    /// When.
    pub at: Instant,
}

/// Somebody reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Who.
    pub by: PersonId,
    /// Until when the claim holds.
    pub until: Instant,
}

/// What somebody noted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Who.
    pub by: String,
    /// When.
    pub at: Instant,
    /// The words.
    pub text: Text,
}

impl Request {
    /// Who asked and who will hold the access, each once.
    pub fn askers(&self) -> Vec<PersonId> {
        let mut askers = vec![self.requester.clone()];
        if self.ask.user != self.requester {
            askers.push(self.ask.user.clone());
        }
        askers
    }

    /// What an approval made, if there was one.
    pub fn held(&self) -> Option<&Held> {
        match &self.state {
            State::Held(held) => Some(held),
            State::Pending | State::SentBack(_) | State::Denied(_) | State::Withdrawn(_) | State::Lapsed(_) => None,
        }
    }

    /// The role given, else the role asked for.
    pub fn role(&self) -> &RoleId {
        self.held().map_or(&self.ask.role, |held| &held.role)
    }
}

impl Held {
    /// When the access has to be gone, as known by now.
    pub fn end(&self) -> Instant {
        self.ended.as_ref().map_or(self.window.until, |ended| ended.at.min(self.window.until))
    }

    /// The extension that waits for an answer.
    pub fn waiting_extension(&self) -> Option<&Extension> {
        self.extension.as_ref().filter(|extension| extension.answered.is_none())
    }
}

//! What happened. Bodies only grow: an old record must always be readable; a new kind raises the store's format.

use super::channel::ChannelName;
use super::id::RequestNumber;
use super::window::{Asked, Window};
use crate::checks::Check;
use crate::policy::rota::Override;
use crate::policy::{Capacity, Kind};
use crate::text::{Instant, PersonId, RoleId, SystemId};
use serde::{Deserialize, Serialize};

/// The format of the record that this binary knows. A higher one in a store makes it refuse to write.
pub const FORMAT: i64 = 3;
/// The format of a store in which nothing stands yet; the first event of a newer kind raises it.
pub const FIRST_FORMAT: i64 = 1;

/// Free text, kept apart so that it can be erased: events hold its number and SHA-256(salt ‖ words).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Text {
    /// Its number in the store; zero until it is sealed.
    #[serde(rename = "text")]
    pub id: i64,
    /// SHA-256(salt ‖ words) in hex; empty until it is sealed.
    pub hash: String,
    /// The words themselves; never part of a stored body.
    #[serde(skip)]
    pub words: String,
}

impl Text {
    /// Words that are not sealed yet.
    pub fn draft(words: impl Into<String>) -> Self {
        Self { id: 0, hash: String::new(), words: words.into() }
    }
}

/// What a request asks for: the whole of it, at filing and at each revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// The system.
    pub system: SystemId,
    /// Its environment then.
    pub environment: String,
    /// The role.
    pub role: RoleId,
    /// Who will hold the access.
    pub user: PersonId,
    /// The one named person whom it goes to.
    pub approver: PersonId,
    /// The kind.
    pub kind: Kind,
    /// An outside reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// What exactly will be done, and how one will know that it worked.
    pub task: Text,
    /// The window asked for.
    pub asked: Asked,
    /// Undecided by then, it lapses.
    pub undecided_until: Instant,
    /// The checks as they stood.
    pub checks: Vec<Check>,
}

/// Who decided, as what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decider {
    /// Their name then.
    pub name: String,
    /// Their title then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// As what they may decide.
    #[serde(rename = "as")]
    pub capacity: Capacity,
    /// They decided what they asked for or will hold, where the policy allows it.
    #[serde(default, rename = "self", skip_serializing_if = "std::ops::Not::not")]
    pub own: bool,
    /// The version that they read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<i64>,
    /// False where a script decided on what it had just read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unseen: bool,
}

/// What was read back from a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// When it was read.
    pub at: Instant,
    /// Whether the access was there.
    pub present: bool,
    /// Until when the target itself holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Instant>,
    /// Live sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions: Option<u32>,
    /// What was read, in words.
    pub evidence: Text,
}

/// Everything that can happen. Serialised as its `kind` and its `body`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "body", rename_all = "kebab-case")]
#[allow(missing_docs, reason = "each variant is a word of the record; its fields say what they are")]
pub enum Event {
    Filed {
        #[serde(flatten)]
        ask: Ask,
    },
    Amended {
        #[serde(flatten)]
        ask: Ask,
        /// What changed, a sentence each.
        changes: Vec<String>,
    },
    SentBack {
        #[serde(flatten)]
        decider: Decider,
        words: Text,
        codes: Vec<SendBackCode>,
        /// The extension was sent back, not the request.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        extension: bool,
    },
    Approved {
        #[serde(flatten)]
        decider: Decider,
        window: Window,
        role: RoleId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        words: Option<Text>,
        /// The failed checks that the words override.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        overridden: Vec<String>,
        grant: Placement,
    },
    Denied {
        #[serde(flatten)]
        decider: Decider,
        words: Text,
    },
    Withdrawn {},
    Lapsed {},
    Claimed {
        /// `None` releases it.
        until: Option<Instant>,
    },
    Acknowledged {},
    Noted {
        note: Text,
    },
    ExtensionAsked {
        asked: Asked,
        done: Text,
        remaining: Text,
        approver: PersonId,
    },
    Extended {
        #[serde(flatten)]
        decider: Decider,
        was: Instant,
        until: Instant,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        words: Option<Text>,
    },
    ExtensionDenied {
        #[serde(flatten)]
        decider: Decider,
        words: Text,
    },
    Revoked {
        words: Text,
        /// The policy no longer knows the person, the role or the system.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        by_policy: bool,
    },
    HandedBack {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        changed: Option<Text>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        checked: Option<Text>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        follow_up: Option<Text>,
    },
    Undone {
        verdict: Verdict,
        /// The sequence number of what is taken back.
        seq: i64,
        /// The end that holds again, where an extension is undone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Instant>,
    },
    Granted {
        attempt: i64,
        until: Instant,
        second_lock: bool,
        observed: Observed,
    },
    GrantFailed {
        attempt: i64,
        sentence: Text,
        /// No further attempt; what was left behind is removed.
        gave_up: bool,
    },
    CredentialHanded {
        /// How often by now; each voids the one before.
        count: u32,
    },
    Removed {
        attempt: i64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        observed: Option<Observed>,
        /// Another live grant holds the same access key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        carried_by: Option<RequestNumber>,
        /// Done while the store was away, at this instant.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        done_at: Option<Instant>,
        /// It was never given: granting had failed.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        never_given: bool,
    },
    RemovalFailed {
        attempt: i64,
        sentence: Text,
        /// The target said that it was done, and the access was still there.
        contradicted: bool,
    },
    Attested {
        words: Text,
    },
    Drifted {
        evidence: Text,
        /// The access was read as gone before its end: it is given again.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        gone: bool,
    },
    HandedOver {
        to: PersonId,
    },
    Retried {},
    Routed {
        to: PersonId,
        reason: String,
        /// Which step of the ladder it was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rung: Option<Rung>,
    },
    /// Somebody is told. Nobody there, and the step says so.
    Told {
        to: Vec<PersonId>,
        about: About,
        /// Which step of the ladder it was, if it was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rung: Option<Rung>,
    },
    /// It goes to somebody else, because duty passed while it waited.
    DutyPassed {
        from: PersonId,
        to: PersonId,
    },
    /// A channel brought what somebody is told, or says why not.
    Delivered {
        /// The event that tells it.
        of: i64,
        /// To whom; nobody in particular where the server itself sent it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<PersonId>,
        channel: ChannelName,
        /// Why it did not arrive.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fault: Option<Text>,
    },
    Refused {
        act: String,
        code: String,
        /// How many since the last one that was recorded.
        count: u32,
    },
    PolicyChanged {
        hash: String,
        policy: Text,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        words: Option<Text>,
    },
    /// The policy's file was refused; the one before rules on. The admins are told by it.
    PolicyRefused {
        /// Of what was refused: each is told once.
        hash: String,
        fault: Text,
    },
    RotaChanged {
        rota: String,
        /// The hash of where the calendar is and how it is matched; the turns are laid only over that one.
        calendar: String,
        from: Instant,
        until: Instant,
        slots: Vec<Override>,
    },
    Frozen {
        words: Text,
    },
    Thawed {
        words: Text,
    },
    Stray {
        target: String,
        mark: String,
        evidence: Text,
    },
    Erased {
        texts: Vec<i64>,
        words: Text,
    },
    SignedIn {
        token: i64,
    },
    TokenChanged {
        token: i64,
        person: PersonId,
        invitation: bool,
        change: TokenChange,
        name: String,
        expires_at: Option<Instant>,
    },
    KeyChanged {
        /// The new public key, in the notes' verifier form.
        key: String,
        /// A note over the new key, signed with the old one.
        note: String,
    },
    ClockAccepted {
        at: Instant,
    },
    LossAccepted {
        /// How many events the checkpoint knew and the store does not.
        lost: i64,
        words: Text,
    },
}

/// A step that was taken: of the ladder, of what is told before an end, or of an overdue removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rung {
    /// Which one, from 1.
    pub step: u32,
    /// When it fell due.
    pub due_at: Instant,
    /// When the next one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_at: Option<Instant>,
    /// Of an extension's ladder.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub extension: bool,
}

/// What somebody is told about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum About {
    /// It waits for them.
    Ask,
    /// It still waits for them.
    Again,
    /// It changed while it waits.
    Changed,
    /// A verdict was given, or it was withdrawn.
    Decided,
    /// Nobody answered: who was tried, and how they are reached.
    Unanswered,
    /// It is about to lapse.
    Lapsing,
    /// It lapsed.
    Lapsed,
    /// The access is ready to use.
    Ready,
    /// Granting failed.
    Failed,
    /// The access was ended by somebody else.
    Ended,
    /// The access ends soon.
    Ending,
    /// The access should be gone, and was not read back as gone.
    Overdue,
    /// What was overdue is closed: read back as gone, or carried on by another grant.
    Removed,
}

impl About {
    /// Whether it came with the third format.
    const fn is_newer(self) -> bool {
        match self {
            Self::Ending | Self::Overdue | Self::Removed => true,
            Self::Ask
            | Self::Again
            | Self::Changed
            | Self::Decided
            | Self::Unanswered
            | Self::Lapsing
            | Self::Lapsed
            | Self::Ready
            | Self::Failed
            | Self::Ended => false,
        }
    }
}

/// Where the access goes, fixed at approval: a grant keeps these settings until it is observed absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// What names the access in the target.
    pub access_key: String,
    /// The provisioner.
    pub target: String,
    /// How long after the end a removal may take, in milliseconds.
    pub bound: crate::text::Length,
}

/// Why a request is sent back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the words are the codes")]
pub enum SendBackCode {
    VagueTask,
    NoEnd,
    BroadRole,
    LongWindow,
    OldTicket,
    WrongUser,
    WrongApprover,
    Other,
}

impl SendBackCode {
    /// The code for a check that failed, by the check's own.
    pub fn of_check(code: &str) -> Self {
        match code {
            "task" => Self::VagueTask,
            "end" => Self::LongWindow,
            "role" => Self::BroadRole,
            "fresh" => Self::OldTicket,
            "approver" => Self::WrongApprover,
            _ => Self::Other,
        }
    }

    /// The codes with which an ask is sent back on whose checks somebody leans: of the failed ones, each once.
    pub fn of_failed(checks: &[Check]) -> Vec<Self> {
        let mut codes: Vec<Self> = crate::checks::failed(checks).iter().map(|code| Self::of_check(code)).collect();
        codes.sort_by_key(|code| *code as u8);
        codes.dedup();
        codes
    }
}

/// A verdict that can be undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the words are the verdicts")]
pub enum Verdict {
    Approved,
    Denied,
    SentBack,
    Extended,
    ExtensionDenied,
    ExtensionSentBack,
}

/// What happened to a token or an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the words are the changes")]
pub enum TokenChange {
    Created,
    Used,
    Revoked,
}

impl Event {
    /// Whether it changes what an approver decides about. Claims, alerts, notes, observations and the clock do not.
    pub const fn material(&self) -> bool {
        match self {
            Self::Filed { .. }
            | Self::Amended { .. }
            | Self::SentBack { .. }
            | Self::Approved { .. }
            | Self::Denied { .. }
            | Self::Withdrawn {}
            | Self::ExtensionAsked { .. }
            | Self::Extended { .. }
            | Self::ExtensionDenied { .. }
            | Self::Revoked { .. }
            | Self::HandedBack { .. }
            | Self::Undone { .. } => true,
            Self::Lapsed {}
            | Self::Claimed { .. }
            | Self::Acknowledged {}
            | Self::Noted { .. }
            | Self::Granted { .. }
            | Self::GrantFailed { .. }
            | Self::CredentialHanded { .. }
            | Self::Removed { .. }
            | Self::RemovalFailed { .. }
            | Self::Attested { .. }
            | Self::Drifted { .. }
            | Self::HandedOver { .. }
            | Self::Retried {}
            | Self::Routed { .. }
            | Self::Told { .. }
            | Self::DutyPassed { .. }
            | Self::Delivered { .. }
            | Self::Refused { .. }
            | Self::PolicyChanged { .. }
            | Self::PolicyRefused { .. }
            | Self::RotaChanged { .. }
            | Self::Frozen { .. }
            | Self::Thawed { .. }
            | Self::Stray { .. }
            | Self::Erased { .. }
            | Self::SignedIn { .. }
            | Self::TokenChanged { .. }
            | Self::KeyChanged { .. }
            | Self::ClockAccepted { .. }
            | Self::LossAccepted { .. } => false,
        }
    }

    /// The format of the record from which on there is this kind.
    pub const fn format(&self) -> i64 {
        let newer = matches!(self, Self::Told { about, .. } if about.is_newer());
        if newer || matches!(self, Self::Delivered { .. } | Self::PolicyRefused { .. }) {
            3
        } else if matches!(self, Self::RotaChanged { .. } | Self::Told { .. } | Self::DutyPassed { .. }) {
            2
        } else {
            FIRST_FORMAT
        }
    }

    /// Every free text in it, by name, to be sealed.
    pub fn texts(&mut self) -> Vec<&mut Text> {
        match self {
            Self::Filed { ask } | Self::Amended { ask, .. } => vec![&mut ask.task],
            Self::SentBack { words, .. }
            | Self::Denied { words, .. }
            | Self::ExtensionDenied { words, .. }
            | Self::Revoked { words, .. }
            | Self::Attested { words }
            | Self::Frozen { words }
            | Self::Thawed { words }
            | Self::Erased { words, .. }
            | Self::LossAccepted { words, .. } => vec![words],
            Self::Approved { words, .. } | Self::Extended { words, .. } => words.iter_mut().collect(),
            Self::Noted { note } => vec![note],
            Self::Delivered { fault, .. } => fault.iter_mut().collect(),
            Self::PolicyRefused { fault, .. } => vec![fault],
            Self::ExtensionAsked { done, remaining, .. } => vec![done, remaining],
            Self::HandedBack { changed, checked, follow_up } => {
                [changed, checked, follow_up].into_iter().flatten().collect()
            }
            Self::Granted { observed, .. } => vec![&mut observed.evidence],
            Self::Removed { observed, .. } => observed.iter_mut().map(|o| &mut o.evidence).collect(),
            Self::GrantFailed { sentence, .. } | Self::RemovalFailed { sentence, .. } => vec![sentence],
            Self::Drifted { evidence, .. } | Self::Stray { evidence, .. } => vec![evidence],
            Self::PolicyChanged { policy, words, .. } => std::iter::once(policy).chain(words).collect(),
            Self::Withdrawn {}
            | Self::Lapsed {}
            | Self::Claimed { .. }
            | Self::Acknowledged {}
            | Self::Undone { .. }
            | Self::CredentialHanded { .. }
            | Self::HandedOver { .. }
            | Self::Retried {}
            | Self::Routed { .. }
            | Self::Told { .. }
            | Self::DutyPassed { .. }
            | Self::Refused { .. }
            | Self::RotaChanged { .. }
            | Self::SignedIn { .. }
            | Self::TokenChanged { .. }
            | Self::KeyChanged { .. }
            | Self::ClockAccepted { .. } => Vec::new(),
        }
    }
}

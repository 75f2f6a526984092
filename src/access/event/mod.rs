//! What happened. Bodies only grow: an old record must always be readable; a new kind raises the store's format.

mod parts;

pub use parts::{About, Ask, Decider, Observed, Placement, Rung, SendBackCode, Text, TokenChange, Verdict};

use super::channel::ChannelName;
use super::id::RequestNumber;
use super::window::{Asked, Window};
use crate::policy::rota::Override;
use crate::text::{Instant, PersonId, RoleId};
use serde::{Deserialize, Serialize};

/// The format of the record that this binary knows. A higher one in a store makes it refuse to write.
pub const FORMAT: i64 = 3;
/// The format of a store in which nothing stands yet; the first event of a newer kind raises it.
pub const FIRST_FORMAT: i64 = 1;

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

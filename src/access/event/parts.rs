//! What events are made of: the free texts, the ask, who decided, what was read, and the words of codes and verdicts.

use super::super::window::Asked;
use crate::checks::Check;
use crate::policy::{Capacity, Kind};
use crate::text::{Instant, Length, PersonId, RoleId, SystemId};
use serde::{Deserialize, Serialize};

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
    pub(super) const fn is_newer(self) -> bool {
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
    pub bound: Length,
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

//! What somebody wants to happen. Every way in sends one of these through the one door.

use super::channel::ChannelName;
use super::event::{Observed, Placement, SendBackCode};
use super::id::RequestNumber;
use super::window::Asked;
use crate::checks::Check;
use crate::policy::Kind;
use crate::policy::rota::Override;
use crate::text::{Instant, PersonId, RoleId, SystemId};
use serde::{Deserialize, Serialize};

/// What the service worked out before the write, with what it saw: the checks need texts, the key needs the provisioner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Prepared {
    /// The policy version that it used.
    pub policy: String,
    /// The event that last filed or amended the request that it saw; zero for a new one.
    pub ask_seq: i64,
    /// The checks' findings.
    pub checks: Vec<Check>,
    /// Where the access would go, for the role chosen.
    pub placement: Option<Placement>,
}

/// The five details, as they come in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filing {
    /// The system.
    pub system: SystemId,
    /// The role.
    pub role: RoleId,
    /// What exactly will be done, and how one will know that it worked.
    pub task: String,
    /// The window.
    pub asked: Asked,
    /// The kind.
    pub kind: Kind,
    /// An outside reference.
    pub ticket: Option<String>,
    /// Who will hold the access.
    pub user: PersonId,
    /// Whom it goes to.
    pub approver: PersonId,
}

/// What an approver makes of the window and the role; all left out: as asked.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Terms {
    /// A later start, or another one within the rules.
    pub from: Option<Instant>,
    /// An earlier end.
    pub until: Option<Instant>,
    /// A shorter length.
    pub length: Option<crate::text::Length>,
    /// A contained role.
    pub role: Option<RoleId>,
}

/// What a provisioner did on one attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The attempt that the lease named; another one is refused.
    pub attempt: i64,
    /// What came of it.
    pub outcome: Outcome,
    /// When to try again, where it failed (drawn by the service, with its jitter).
    pub retry_at: Instant,
    /// Done while the store was away; such a report carries no lease.
    pub spooled: Option<Spooled>,
}

/// A removal that was done and read back while the store was away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spooled {
    /// When it was read, by the clock of whoever did it.
    pub at: Instant,
    /// When the target had been read last, as far as they knew. No clock says whether somebody has read it since: this does.
    pub knew: Option<Instant>,
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Given, and read back as present.
    Granted {
        /// The end that the target was told.
        until: Instant,
        /// Whether the target itself ends it.
        second_lock: bool,
        /// What was read.
        observed: Observed,
    },
    /// Read back as absent.
    Absent(Observed),
    /// Not done, or not to be seen.
    Failed {
        /// The target's sentence.
        sentence: String,
        /// Trying again is useless, for granting.
        useless: bool,
        /// The target said that it was done, and it was not.
        contradicted: bool,
    },
    /// Another live grant holds the same access key, so nothing was done.
    Carried(RequestNumber),
}

/// What somebody wants to happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Ask.
    File {
        /// The five details.
        filing: Filing,
        /// File although a check fails.
        anyway: bool,
        /// Worked out before.
        prepared: Prepared,
    },
    /// Mend a sent-back request or revise a pending one: the whole of it, as it shall be.
    Amend {
        /// The five details.
        filing: Filing,
        /// File although a check fails.
        anyway: bool,
        /// Worked out before.
        prepared: Prepared,
        /// Whether the task's words differ.
        task_changed: bool,
    },
    /// Take it back.
    Withdraw,
    /// "I am reading this", for two minutes; or not any more.
    Claim {
        /// Let go.
        release: bool,
    },
    /// Stop alerting me about it.
    Acknowledge,
    /// Write something down.
    Note {
        /// What.
        words: String,
    },
    /// Say yes, to the request or its waiting extension.
    Approve {
        /// The version read.
        as_of: i64,
        /// A script decides on what it just read.
        unseen: bool,
        /// Shorter, shifted, narrower.
        terms: Terms,
        /// What the approver writes.
        words: Option<String>,
        /// Worked out before.
        prepared: Prepared,
    },
    /// Say no.
    Deny {
        /// The version read, if it matters.
        as_of: Option<i64>,
        /// Why.
        words: String,
    },
    /// Mend this and ask again.
    SendBack {
        /// The version read, if it matters.
        as_of: Option<i64>,
        /// Why.
        words: String,
        /// Why, in codes.
        codes: Vec<SendBackCode>,
    },
    /// Ask for a later end.
    Extend {
        /// The version read.
        as_of: i64,
        /// The new end.
        asked: Asked,
        /// What was done.
        done: String,
        /// What remains.
        remaining: String,
        /// Whom it goes to.
        approver: PersonId,
    },
    /// End it now.
    Revoke {
        /// Why.
        words: String,
    },
    /// The policy no longer knows its person, role or system.
    EndByPolicy {
        /// Which of them.
        words: String,
    },
    /// The user is done.
    HandBack {
        /// What was changed.
        changed: Option<String>,
        /// What was checked.
        checked: Option<String>,
        /// What needs follow-up.
        follow_up: Option<String>,
    },
    /// Take back one's own last verdict.
    Undo,
    /// Try the removal again now.
    Retry,
    /// Somebody else looks after the overdue removal.
    HandOver {
        /// Who.
        to: PersonId,
    },
    /// "I looked by hand, and it is gone."
    Attest {
        /// What was looked at.
        words: String,
    },
    /// The user takes the grant's credential.
    Collect,
    /// Nobody decided in time.
    Lapse,
    /// Steps of the ladder fell due, or duty passed.
    Escalate,
    /// A channel brought what somebody is told, or says why not.
    Delivered {
        /// The event that tells it.
        of: i64,
        /// By which channel.
        channel: ChannelName,
        /// Why it did not arrive.
        fault: Option<String>,
    },
    /// What granting came to.
    ReportGrant(Report),
    /// What removing came to.
    ReportRemoval(Report),
    /// Access changed behind our back.
    ReportDrift {
        /// What was read.
        evidence: String,
        /// The access itself was read as gone, although it is wanted.
        gone: bool,
    },
    /// Nothing is approved or granted any more; on a system or the store.
    Freeze {
        /// Which system; left out: everything.
        system: Option<SystemId>,
        /// Why.
        words: String,
    },
    /// The freeze ends.
    Thaw {
        /// Which system; left out: everything.
        system: Option<SystemId>,
        /// Why.
        words: String,
    },
    /// Another policy rules.
    ChangePolicy {
        /// Its hash.
        hash: String,
        /// Its text.
        text: String,
        /// Why.
        words: Option<String>,
    },
    /// The policy's file is refused.
    RefusePolicy {
        /// Of what is refused.
        hash: String,
        /// What is wrong with it.
        fault: String,
    },
    /// A calendar was read, and says something new.
    ChangeRota {
        /// The rota.
        rota: String,
        /// The hash of where the calendar is and how it is matched.
        calendar: String,
        /// From when on it was read.
        from: Instant,
        /// Until when.
        until: Instant,
        /// Who is on duty in this time, in order.
        slots: Vec<Override>,
    },
    /// A token or an invitation is made.
    CreateToken {
        /// Whose.
        person: PersonId,
        /// What it is called.
        name: String,
        /// One use, ten minutes, for signing in.
        invitation: bool,
        /// The hash of it.
        hash: String,
        /// When it ends.
        expires_at: Option<Instant>,
        /// Its number.
        token: i64,
    },
    /// A token or an invitation is used up or revoked.
    EndToken {
        /// Its number.
        token: i64,
        /// Whose.
        person: PersonId,
        /// What it is called.
        name: String,
        /// It was an invitation.
        invitation: bool,
        /// It was used, not revoked.
        used: bool,
    },
    /// Somebody acted without the right to.
    RecordRefusal {
        /// What they tried.
        act: String,
        /// The refusal's code.
        code: String,
        /// How many since the last one recorded.
        count: u32,
    },
    /// Words are erased; what they were stays provable by hash.
    Erase {
        /// Which texts.
        texts: Vec<i64>,
        /// Why.
        words: String,
    },
    /// The wall clock is right after all.
    AcceptClock {
        /// What it says.
        at: Instant,
    },
    /// The store is behind its own checkpoint, and that is accepted.
    AcceptLoss {
        /// How many events are gone.
        lost: i64,
        /// Why.
        words: String,
    },
    /// Another checkpoint key.
    ChangeKey {
        /// The new public key.
        key: String,
        /// A note over it, signed with the old one.
        note: String,
    },
    /// A target holds access that no live grant explains.
    ReportStray {
        /// The target.
        target: String,
        /// The mark.
        mark: String,
        /// What was read.
        evidence: String,
    },
}

impl Command {
    /// The word that people use for it.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::File { .. } => "file",
            Self::Amend { .. } => "amend",
            Self::Withdraw => "withdraw",
            Self::Claim { .. } => "claim",
            Self::Acknowledge => "ack",
            Self::Note { .. } => "note",
            Self::Approve { .. } => "approve",
            Self::Deny { .. } => "deny",
            Self::SendBack { .. } => "send-back",
            Self::Extend { .. } => "extend",
            Self::Revoke { .. } => "revoke",
            Self::EndByPolicy { .. } => "end-by-policy",
            Self::HandBack { .. } => "hand-back",
            Self::Undo => "undo",
            Self::Retry => "retry",
            Self::HandOver { .. } => "hand-over",
            Self::Attest { .. } => "removal-confirm",
            Self::Collect => "connect",
            Self::Lapse => "lapse",
            Self::Escalate => "escalate",
            Self::Delivered { .. } => "delivered",
            Self::ReportGrant(_) => "report-grant",
            Self::ReportRemoval(_) => "report-removal",
            Self::ReportDrift { .. } => "report-drift",
            Self::Freeze { .. } => "freeze",
            Self::Thaw { .. } => "thaw",
            Self::ChangePolicy { .. } => "change-policy",
            Self::RefusePolicy { .. } => "refuse-policy",
            Self::ChangeRota { .. } => "change-rota",
            Self::CreateToken { .. } => "create-token",
            Self::EndToken { .. } => "end-token",
            Self::RecordRefusal { .. } => "record-refusal",
            Self::Erase { .. } => "erase",
            Self::AcceptClock { .. } => "accept-clock",
            Self::AcceptLoss { .. } => "accept-loss",
            Self::ChangeKey { .. } => "change-key",
            Self::ReportStray { .. } => "report-stray",
        }
    }
}

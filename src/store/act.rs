//! What goes into the one write and what comes out of it. Types only.

use super::fault::StoreError;
use super::work::WorkRow;
use crate::access::command::Command;
use crate::access::{Actor, Refusal, Request, Subject};
use crate::text::{Instant, Length};
use std::sync::Arc;

/// What makes a command safe to send again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Made by the client.
    pub key: String,
    /// SHA-256 (hex) of what it came with.
    pub body_hash: String,
}

/// Which queue: people go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queue {
    /// People's commands.
    People,
    /// The clock's and the reconciler's.
    Machine,
}

/// One command on its way to the one write.
#[derive(Debug, Clone)]
pub struct Act {
    /// What it is about; `None` files a new request, or is what the command itself names.
    pub subject: Option<Subject>,
    /// Who acts.
    pub actor: Actor,
    /// What they want.
    pub command: Command,
    /// For replays.
    pub key: Option<Key>,
    /// Which queue.
    pub queue: Queue,
}

/// What a write came to.
#[derive(Debug, Clone)]
pub struct Done {
    /// The head's sequence number after it (of the first write, for a replay).
    pub seq: i64,
    /// The request after it, if it was about one.
    pub request: Option<Arc<Request>>,
    /// What there is to do about its access.
    pub work: Option<WorkRow>,
    /// The texts that came with it, by number.
    pub texts: Vec<(i64, String)>,
    /// It had been done before, under the same key.
    pub replay: bool,
    /// How many events it made; none for a replay.
    pub events: usize,
    /// When.
    pub at: Instant,
}

/// Why a command left nothing behind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// A rule said no.
    #[error("{0}")]
    Refused(Refusal),
    /// The store did not do it. After [`StoreError::Unknown`] it may stand all the same: send it again under its key.
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl From<Refusal> for WriteError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// A lease that is given back: its access key, and the attempt that it was for.
pub type GivenBack = (String, i64);

/// Due work of one target, leased to this replica.
#[derive(Debug, Clone)]
pub struct Leased {
    /// The access.
    pub access_key: String,
    /// The attempt that reports must name.
    pub attempt: i64,
    /// How many attempts before it failed one after the other.
    pub failures: i64,
    /// What the target said last.
    pub error: Option<String>,
    /// Every held request on this key.
    pub requests: Vec<Request>,
}

/// What a replica asks to lease.
#[derive(Debug, Clone)]
pub struct LeaseAsk {
    /// The target.
    pub target: String,
    /// Only this access, due or not, unless somebody has it: to hand out a credential.
    pub only: Option<String>,
    /// Past an end (removals), or not (grants).
    pub removals: bool,
    /// At most so many.
    pub limit: i64,
    /// Until it falls due again by itself.
    pub holds: Length,
    /// Whose.
    pub replica: String,
}

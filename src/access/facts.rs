//! What `decide` may know: bounded, and read in the same transaction that will hold its answer.

use super::actor::Actor;
use super::request::Request;
use crate::policy::Policy;
use crate::text::{Instant, SystemId};

/// An instant, and whether it can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// The instant.
    pub at: Instant,
    /// False while wall clock and elapsed time disagree: ends are judged, removals go on, nothing new is given.
    pub sane: bool,
}

/// What `decide` may know.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The policy that the head names.
    pub policy: &'a Policy,
    /// Its hash.
    pub policy_hash: &'a str,
    /// The request that the command is about.
    pub request: Option<&'a Request>,
    /// The open requests of the user concerned (at most fifty).
    pub open: &'a [&'a Request],
    /// Other held requests on the same access key.
    pub holders: &'a [&'a Request],
    /// What is frozen.
    pub frozen: &'a [Frozen],
    /// The lease reported on.
    pub lease: Option<&'a Lease>,
    /// The number that a new request gets.
    pub next_number: i64,
}

impl<'a> Facts<'a> {
    /// What is enough to run a command dry on one request.
    pub const fn about(policy: (&'a Policy, &'a str), request: &'a Request, frozen: &'a [Frozen]) -> Self {
        let (policy, policy_hash) = policy;
        let request = Some(request);
        Self { policy, policy_hash, request, open: &[], holders: &[], frozen, lease: None, next_number: 0 }
    }
}

/// A freeze in force: nothing is approved or granted, removals go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frozen {
    /// The system, or everything.
    pub system: Option<SystemId>,
    /// Who froze it.
    pub by: Actor,
    /// Since when.
    pub at: Instant,
}

/// A replica's right to act on one access key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Which attempt it is.
    pub attempt: i64,
    /// Whose it is.
    pub replica: String,
    /// The last failure's sentence, as [`super::decide::said`] keeps it.
    pub error: Option<String>,
    /// How many attempts have failed one after the other.
    pub failures: i64,
}

impl Facts<'_> {
    /// The freeze that covers `system`, if any.
    pub fn frozen(&self, system: &SystemId) -> Option<&Frozen> {
        self.frozen.iter().find(|f| f.system.as_ref().is_none_or(|s| s == system))
    }
}

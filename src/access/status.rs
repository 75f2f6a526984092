//! Where a request stands at an instant: derived, never stored.

use super::request::{Held, Request, State};
use crate::text::Instant;
use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! statuses {
    ($($(#[$doc:meta])* $variant:ident = $word:literal;)*) => {
        /// Where a request stands.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Status { $($(#[$doc])* $variant,)* }
        impl Status {
            /// Every status.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];
            /// The word for it.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
    };
}

statuses! {
    /// Waits for a verdict.
    Pending = "pending";
    /// Waits to be mended.
    SentBack = "sent-back";
    /// Approved, its window not begun.
    Approved = "approved";
    /// Its window has begun, the access was not read back yet.
    Granting = "granting";
    /// The access is there.
    Active = "active";
    /// The access has to go, and was not read back as gone yet.
    Ending = "ending";
    /// Read back as gone.
    Removed = "removed";
    /// Refused by a decider.
    Denied = "denied";
    /// Taken back.
    Withdrawn = "withdrawn";
    /// Nobody decided in time.
    Lapsed = "lapsed";
    /// Granting was given up, and nothing was left behind.
    Failed = "failed";
}

impl Status {
    /// Whether nothing can follow (undo aside).
    pub const fn is_over(self) -> bool {
        match self {
            Self::Pending | Self::SentBack | Self::Approved | Self::Granting | Self::Active | Self::Ending => false,
            Self::Removed | Self::Denied | Self::Withdrawn | Self::Lapsed | Self::Failed => true,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// Where `request` stands at `at`.
pub fn status(request: &Request, at: Instant) -> Status {
    match &request.state {
        State::Pending if at >= lapses_at(request) => Status::Lapsed,
        State::Pending => Status::Pending,
        State::SentBack(sent_back) if at >= sent_back.until => Status::Lapsed,
        State::SentBack(_) => Status::SentBack,
        State::Denied(_) => Status::Denied,
        State::Withdrawn(_) => Status::Withdrawn,
        State::Lapsed(_) => Status::Lapsed,
        State::Held(held) => held_status(held, at),
    }
}

fn held_status(held: &Held, at: Instant) -> Status {
    if let Some(closed) = &held.closed {
        return if closed.failed { Status::Failed } else { Status::Removed };
    }
    if at >= held.end() {
        Status::Ending
    } else if at < held.window.from {
        Status::Approved
    } else if held.granted.is_some() {
        Status::Active
    } else {
        Status::Granting
    }
}

/// When a request was over by its events, if it is.
pub fn closed_at(request: &Request) -> Option<Instant> {
    match &request.state {
        State::Pending | State::SentBack(_) => None,
        State::Denied(decision) => Some(decision.at),
        State::Withdrawn(withdrawn) => Some(withdrawn.at),
        State::Lapsed(at) => Some(*at),
        State::Held(held) => held.closed.as_ref().map(|closed| closed.at),
    }
}

/// When a pending request lapses: undecided for too long, or its hard end is over.
pub fn lapses_at(request: &Request) -> Instant {
    match request.ask.asked.end {
        super::window::End::Until(until) => request.ask.undecided_until.min(until),
        super::window::End::For(_) => request.ask.undecided_until,
    }
}

/// Whether a removal is overdue: ended longer ago than the provisioner's bound, or an attempt failed or was contradicted,
/// and no observation has said absent.
pub fn overdue(request: &Request, at: Instant) -> bool {
    let Some(held) = request.held() else { return false };
    if held.closed.is_some() || at < held.end() {
        return false;
    }
    let failed = held.failure.as_ref().is_some_and(|failure| failure.removing);
    failed || at > held.end().plus(held.placement.bound)
}

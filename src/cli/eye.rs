//! How a page is looked at: when, in which zone, and how wide it is.

use super::times;
use crate::text::Instant;
use chrono_tz::Tz;

/// How a page is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Eye {
    /// The server's time.
    pub now: Instant,
    /// The viewer's zone.
    pub zone: Tz,
    /// Columns, on a terminal.
    pub width: Option<usize>,
}

impl Eye {
    /// An instant in full.
    pub fn full(&self, at: Instant) -> String {
        times::full(at, self.zone)
    }
    /// An instant, shorter where it is near.
    pub fn short(&self, at: Instant) -> String {
        times::short(at, self.zone, self.now)
    }
    /// How long until `at`.
    pub fn left(&self, at: Instant) -> String {
        times::left(at.since(self.now))
    }
    /// How long since `at`.
    pub fn age(&self, at: Instant) -> String {
        times::age(self.now.since(at))
    }
}

//! The window: as it was asked for, and as it is once approved.

use crate::text::{Instant, Length};
use serde::{Deserialize, Serialize};

/// From–until, absolute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Not before.
    pub from: Instant,
    /// Not at or after.
    pub until: Instant,
}

impl Window {
    /// How long it is.
    pub const fn length(self) -> Length {
        self.until.since(self.from)
    }
}

/// The window as it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Not before; left out: from approval on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Instant>,
    /// Its end.
    #[serde(flatten)]
    pub end: End,
}

/// How an end was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// A hard end, which never moves by itself.
    Until(Instant),
    /// A length in milliseconds, which becomes a window when approved.
    For(Length),
}

impl Asked {
    /// The window if it were approved at `at`.
    pub fn window_if_approved(&self, at: Instant) -> Window {
        let from = self.from.map_or(at, |from| from.max(at));
        match self.end {
            End::Until(until) => Window { from, until },
            End::For(length) => Window { from, until: from.plus(length) },
        }
    }
    /// How much time was asked for, seen from `at`.
    pub fn length(&self, at: Instant) -> Length {
        self.window_if_approved(at).length()
    }
}

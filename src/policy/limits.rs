//! The three kinds of request and their limits.

use crate::text::Length;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What sort of request it is; it rules the default and the longest window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Something is broken now: 30 to 90 minutes.
    Emergency,
    /// Foreseen work: 2 to 4 hours.
    Planned,
    /// One business day, rarely.
    Day,
}

impl Kind {
    /// All kinds, shortest first.
    pub const ALL: [Self; 3] = [Self::Emergency, Self::Planned, Self::Day];

    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Emergency => "emergency",
            Self::Planned => "planned",
            Self::Day => "day",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// One step of the ladder that an undecided request climbs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// How long after filing.
    pub after: Length,
    /// Whom it reaches.
    pub reaches: Reaches,
}

/// Whom a step of the ladder reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaches {
    /// The named approver.
    Approver,
    /// The system's backup on duty.
    Backup,
    /// The incident lead on duty.
    Lead,
}

/// The limits of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindLimits {
    /// The window when none is named.
    pub default: Length,
    /// The longest window, and the furthest that an extension may move the end from its decision.
    pub longest: Length,
    /// A request that nobody decided lapses after this.
    pub undecided: Length,
    /// How often one grant may be extended.
    pub extensions: u32,
    /// Whether the incident lead on duty may decide.
    pub lead_may_approve: bool,
    /// The ladder, earliest step first.
    pub escalate: Vec<Step>,
}

/// The limits of all three kinds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kinds {
    /// `[kinds.emergency]`
    pub emergency: KindLimits,
    /// `[kinds.planned]`
    pub planned: KindLimits,
    /// `[kinds.day]`
    pub day: KindLimits,
}

impl Kinds {
    /// The limits of `kind`.
    pub fn of(&self, kind: Kind) -> &KindLimits {
        match kind {
            Kind::Emergency => &self.emergency,
            Kind::Planned => &self.planned,
            Kind::Day => &self.day,
        }
    }
}

impl Default for Kinds {
    fn default() -> Self {
        let step = |minutes, reaches| Step { after: Length::from_minutes(minutes), reaches };
        let limits = |default, longest, undecided, extensions| KindLimits {
            default,
            longest,
            undecided,
            extensions,
            lead_may_approve: false,
            escalate: vec![step(0, Reaches::Approver)],
        };
        let (m, h) = (Length::from_minutes, Length::from_hours);
        Self {
            emergency: KindLimits {
                lead_may_approve: true,
                escalate: vec![
                    step(0, Reaches::Approver),
                    step(5, Reaches::Approver),
                    step(10, Reaches::Backup),
                    step(15, Reaches::Lead),
                ],
                ..limits(m(45), m(90), m(30), 3)
            },
            planned: limits(h(2), h(4), h(24), 2),
            day: limits(h(8), h(8), h(24), 0),
        }
    }
}

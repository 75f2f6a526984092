//! One alert, as every channel brings it.

use crate::access::RequestNumber;
use crate::text::Clean;

/// How urgently somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Urgency {
    /// Good to know.
    Low,
    /// It waits for them.
    Normal,
    /// It breaks quiet hours: an emergency, or access that is overdue for removal.
    Critical,
}

/// What an alert is about. A later one under the same key replaces the earlier one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// One request.
    Request(RequestNumber),
    /// Several at once.
    Digest,
    /// The link to the store.
    Link,
    /// The policy.
    Policy,
    /// The self-test's.
    Test,
}

impl Key {
    /// The key as one word of ASCII letters, digits and hyphens, as programs and terminals know it.
    pub fn word(&self) -> String {
        match self {
            Self::Request(number) => number.to_string(),
            Self::Digest => "digest".to_owned(),
            Self::Link => "link".to_owned(),
            Self::Policy => "policy".to_owned(),
            Self::Test => "test".to_owned(),
        }
    }
}

impl Urgency {
    /// Its word: `low`, `normal`, `critical`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::Critical => "critical",
        }
    }
}

/// One alert. Its words are cleaned, and hold neither the task nor anything secret: a lock screen may show them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// What it is about.
    pub key: Key,
    /// A few words: who, which system.
    pub title: Clean,
    /// A sentence; may be empty.
    pub body: Clean,
    /// How urgently.
    pub urgency: Urgency,
    /// With a sound.
    pub sound: bool,
    /// The request that a click opens.
    pub opens: Option<RequestNumber>,
    /// The events it tells of, newest last: `(request, seq)`. Each is reported as brought, once a channel.
    pub of: Vec<(RequestNumber, i64)>,
}

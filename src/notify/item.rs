//! What somebody is told about one request: how urgently, and when it comes. Pure.

use super::alert::Urgency;
use super::heard::{Facts, What};
use crate::access::RequestNumber;
use crate::text::{Clean, Instant, Length};
use serde::{Deserialize, Serialize};

/// The same thing is not brought twice within this, unless it grew more urgent or it is over.
pub const COOL: Length = Length::from_seconds(20);
/// What is critical is repeated so often.
const AGAIN: Length = Length::from_minutes(1);
/// An end that is further away than this is only good to know.
const FAR: Length = Length::from_minutes(10);

/// How it was brought last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brought {
    pub at: Instant,
    pub critical: bool,
    /// Within a digest.
    pub together: bool,
}

/// What somebody is told about one request.
#[derive(Debug, Clone)]
pub struct Item {
    pub what: What,
    /// What the trail calls it.
    pub word: Clean,
    pub facts: Facts,
    pub since: Instant,
    /// There is something that was not brought yet.
    pub fresh: bool,
    /// Quiet hours held it back.
    pub held: bool,
    /// The events that were not brought yet.
    pub of: Vec<i64>,
    pub brought: Option<Brought>,
}

/// An item as it is kept between two starts. What the request is like is read again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptItem {
    /// The request.
    pub request: RequestNumber,
    pub(super) what: What,
    pub(super) word: String,
    pub(super) since: Instant,
    pub(super) fresh: bool,
    pub(super) of: Vec<i64>,
    pub(super) brought: Option<Brought>,
}

impl Item {
    /// How urgently it is told.
    pub fn urgency(&self, now: Instant) -> Urgency {
        match self.what {
            what if what.is_critical(&self.facts) => Urgency::Critical,
            What::Settled | What::Removed => Urgency::Low,
            What::Lapsed if !self.facts.own => Urgency::Low,
            What::Ending if self.facts.ends.is_some_and(|at| at.since(now) > FAR) => Urgency::Low,
            _ => Urgency::Normal,
        }
    }

    /// Whether it breaks quiet hours.
    pub fn is_critical(&self, now: Instant) -> bool {
        self.urgency(now) == Urgency::Critical
    }

    /// Whether it only says in silence that what stands is over.
    pub fn replaces(&self, now: Instant) -> bool {
        self.what.is_last() && self.brought.is_some() && self.urgency(now) == Urgency::Low
    }

    /// When it is to be brought, quiet hours aside; now where that is past.
    pub fn comes(&self, now: Instant) -> Option<Instant> {
        let over = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if (self.what.asks() && over(self.facts.lapses)) || (self.what == What::Ending && over(self.facts.ends)) {
            return None;
        }
        let critical = self.is_critical(now);
        match self.brought {
            None => self.fresh.then_some(self.since),
            Some(last) if self.fresh => {
                let at_once = self.what.is_last() || self.what == What::Ready || (critical && !last.critical);
                Some(if at_once { self.since } else { last.at.plus(COOL) })
            }
            Some(last) if critical => {
                let next = last.at.plus(AGAIN);
                Some(self.facts.claimed_until.map_or(next, |until| until.max(next)))
            }
            Some(_) => None,
        }
    }
}

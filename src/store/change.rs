//! What this process wrote lately, for whoever in it follows the events: so that nobody reads what was just in hand.
//!
//! Only a shortcut: what is not here is read from the store, and says the same.

use super::keep::number;
use super::work::WorkRow;
use super::world::World;
use crate::access::{Request, RequestNumber};
use crate::trail::Link;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// So many wait for a follower; where nobody follows, none are kept.
const MOST: usize = 64;

/// What one write changed, where all of it is about requests.
#[derive(Debug)]
pub struct Change {
    /// The last event before it.
    pub after: i64,
    /// Its last event.
    pub seq: i64,
    /// The link of that.
    pub link: Link,
    /// The requests as they are now, with the last event about each and what there is to do.
    pub requests: Vec<(i64, Arc<Request>, Option<WorkRow>)>,
    /// The texts that were written, by number.
    pub texts: BTreeMap<i64, String>,
}

impl Change {
    /// Of a batch that was committed, if it is one that can be told so.
    pub(super) fn of(world: &World) -> Option<Self> {
        let mut last: BTreeMap<RequestNumber, i64> = BTreeMap::new();
        for event in &world.changes.events {
            last.insert(number(&event.subject.parse().ok()?)?, event.seq);
        }
        let after = world.changes.events.first()?.seq - 1;
        let requests = last.into_iter().filter_map(|(number, seq)| {
            let request = world.requests.get(&number)?.clone();
            let work = world.work_of(&request).cloned();
            Some((seq, request, work))
        });
        let texts = world.changes.texts.iter().map(|text| (text.id, text.words.clone()));
        Some(Self {
            after,
            seq: world.head.seq,
            link: world.head.link,
            requests: requests.collect(),
            texts: texts.collect(),
        })
    }
}

/// The changes that nobody took yet, in the order of their events.
#[derive(Debug, Default)]
pub(super) struct Changes(Mutex<VecDeque<Change>>);

impl Changes {
    /// Puts one at the end. Beyond the most they are dropped: whoever follows then reads.
    pub fn put(&self, change: Change) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.clear();
        }
        all.push_back(change);
    }

    /// Takes all that follow event `after` without a gap; `None` where there is a gap, or nothing.
    pub fn take(&self, after: i64) -> Option<Vec<Change>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while all.front().is_some_and(|change| change.seq <= after) {
            all.pop_front();
        }
        let (mut taken, mut last) = (Vec::new(), after);
        while let Some(change) = all.pop_front_if(|change| change.after == last) {
            last = change.seq;
            taken.push(change);
        }
        (!taken.is_empty()).then_some(taken)
    }
}

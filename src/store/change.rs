//! What this process wrote lately, for whoever in it follows the events: so that nobody reads what was just in hand.
//!
//! Only a shortcut: what is not here is read from the store, and says the same.

use super::keep::number;
use super::work::WorkRow;
use super::world::World;
use crate::access::{Request, RequestNumber};
use crate::text::Instant;
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
    /// When a target has to be visited first for any of it.
    pub due: Option<Instant>,
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
        let work = world.changes.work.iter().filter_map(|key| world.work.get(key));
        Some(Self {
            after,
            seq: world.head.seq,
            link: world.head.link,
            requests: requests.collect(),
            texts: texts.collect(),
            due: work.map(|work| work.next_at.min(work.ends_at)).min(),
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

/// When a target has to be visited for what this process wrote lately: so that what there is to do is read only when some of it
/// is due sooner than whoever sleeps knows.
#[derive(Debug, Default)]
pub(super) struct Dues(Mutex<VecDeque<Due>>);

/// One write: the last event before it, its last event, and when it falls due.
#[derive(Debug, Clone, Copy)]
struct Due {
    after: i64,
    seq: i64,
    at: Option<Instant>,
}

impl Dues {
    /// Puts one at the end.
    pub fn put(&self, change: &Change) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.pop_front();
        }
        all.push_back(Due { after: change.after, seq: change.seq, at: change.due });
    }

    /// `until`, or whatever was written after event `after`, up to `seq`, falls due before that. `None` where there is a gap:
    /// somebody else wrote, or something that can fall due otherwise.
    pub fn between(&self, after: i64, seq: i64, until: Instant) -> Option<Instant> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut last, mut first) = (after, until);
        for due in all.iter().skip_while(|due| due.after < after) {
            if due.after != last {
                return None;
            }
            last = due.seq;
            first = due.at.into_iter().fold(first, Instant::min);
        }
        (last >= seq).then_some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_falls_due_is_known_as_long_as_nothing_is_missing() {
        let put = |dues: &Dues, after, seq, due: Option<i64>| {
            let due = due.map(Instant::from_millis);
            dues.put(&Change { after, seq, link: Link::ZERO, requests: vec![], texts: BTreeMap::new(), due });
        };
        let dues = Dues::default();
        let between = |after, seq| dues.between(after, seq, Instant::from_millis(90)).map(Instant::millis);
        assert_eq!(between(5, 5), Some(90));
        put(&dues, 5, 7, Some(70));
        put(&dues, 7, 8, None);
        put(&dues, 8, 11, Some(30));
        put(&dues, 11, 12, Some(100));
        assert_eq!([between(5, 8), between(5, 12), between(7, 11), between(8, 12)], [Some(30); 4]);
        assert_eq!([between(11, 12), between(12, 12)], [Some(90); 2]);
        assert_eq!([between(6, 12), between(4, 12), between(5, 13)], [None; 3], "not from here");
        put(&dues, 13, 14, Some(10));
        assert_eq!([between(8, 14), between(13, 14)], [None, Some(10)], "somebody else wrote event 13");
        (0..100).for_each(|n| put(&dues, 14 + n, 15 + n, None));
        assert_eq!([between(14, 114), between(100, 114)], [None, Some(90)], "no more than so many are kept");
    }
}

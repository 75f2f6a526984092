//! The reconciler: makes the targets be as wanted, and reports what was read back.
//!
//! Woken by the head and by the next instant at which something is due. Takes no input, keeps nothing, retries nothing
//! inside itself: a lease falls due again by itself. Each target has two lanes, so removals never wait behind grants and
//! one hung target never delays another.

mod left;
mod plan;
mod run;
mod spool;
mod sweep;

use super::{Answered, Service};
use crate::store::Visit;
use crate::text::{Instant, Length};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

pub(super) use left::Left;
pub(super) use spool::Spool;
pub(super) use sweep::Reported;

/// How long past-end removals may hold up the start.
const FIRST: Length = Length::from_seconds(5);
/// A lease outlives its time limit by this.
const GRACE: Length = Length::from_seconds(5);
/// Due work whose lane is busy, or that may not be done now, is looked at again after this.
const SOON: Length = Length::from_millis(500);

/// The lanes that are busy: a target, and whether it removes; and whether somebody wanted to start one meanwhile.
#[derive(Debug, Default, Clone)]
pub(super) struct Lanes(Arc<Mutex<HashMap<(String, bool), bool>>>);

impl Lanes {
    /// Takes a lane, unless it is taken.
    fn take(&self, target: &str, removals: bool) -> Option<Lane> {
        let lane = (target.to_owned(), removals);
        let mut busy = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(missed) = busy.get_mut(&lane) {
            *missed = true;
            return None;
        }
        busy.insert(lane.clone(), false);
        Some(Lane { lanes: self.clone(), place: lane, ended: false })
    }
    /// How many are busy.
    pub fn busy(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// One lane, given back when dropped.
struct Lane {
    lanes: Lanes,
    place: (String, bool),
    ended: bool,
}

impl Lane {
    /// Gives it back; not where something fell due that it may not have seen: then it has to be gone through once more.
    fn end(&mut self) -> bool {
        let mut busy = self.lanes.0.lock().unwrap_or_else(PoisonError::into_inner);
        match busy.get_mut(&self.place) {
            Some(missed) if *missed => *missed = false,
            _ => {
                busy.remove(&self.place);
                self.ended = true;
            }
        }
        self.ended
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        // Given back already, it may be somebody else's by now.
        if !self.ended {
            self.lanes.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.place);
        }
    }
}

impl Service {
    /// The reconciler's loop.
    pub(super) async fn run_reconciler(self) {
        let mut head = self.inner.store.subscribe();
        loop {
            // Before the work is read: what is written meanwhile is news.
            let known = *head.borrow_and_update();
            let next = match self.start_lanes().await {
                Ok(next) => next,
                Err(error) => {
                    tracing::warn!(%error, "the store is away: what is past its end is removed all the same");
                    self.remove_unrecorded().await;
                    Some(self.now().at.plus(Length::from_seconds(1)))
                }
            };
            let next = next.into_iter().chain(self.remove_left()).min();
            let furthest = self.now().at.plus(Length::from_hours(1));
            let until = next.map_or(furthest, |next| next.min(furthest));
            if !self.rest(&mut head, known, until).await {
                return;
            }
        }
    }

    /// Sleeps until then, or until something may be due sooner; event `known` is the last that was looked at. False: it is over.
    async fn rest(&self, head: &mut watch::Receiver<i64>, mut known: i64, mut until: Instant) -> bool {
        loop {
            tokio::select! {
                biased;
                () = self.inner.stop.cancelled() => return false,
                // By the clock that ends are judged by: one that jumps forward ends access at once.
                () = self.inner.clock.sleep_until(until) => return true,
                () = self.inner.wake.notified() => return true,
                changed = head.changed() => if changed.is_err() { return false },
            }
            let seq = *head.borrow_and_update();
            let Some(due) = self.inner.store.due_between(known, seq, until) else { return true };
            (known, until) = (seq, due);
        }
    }

    /// Starts the lanes of each target with due work; returns when to look again.
    async fn start_lanes(&self) -> Answered<Option<Instant>> {
        self.replay_spool().await?;
        let at = self.now().at;
        let mut next = None;
        for Visit { target, due, end } in self.inner.store.next_work(at).await? {
            if due <= at {
                for removals in [true, false] {
                    if removals || self.inner.granting() {
                        self.start_lane(&target, removals);
                    }
                }
            }
            // What is due and cannot be done now is no reason to sleep through an end.
            let look = if due <= at { end.into_iter().fold(at.plus(SOON), Instant::min) } else { due };
            next = Some(next.map_or(look, |next: Instant| next.min(look)));
        }
        Ok(next)
    }

    fn start_lane(&self, target: &str, removals: bool) {
        let Some(mut lane) = self.inner.lanes.take(target, removals) else { return };
        let service = self.clone();
        let target = target.to_owned();
        tokio::spawn(async move {
            loop {
                let outcome = service.run_lane(&target, removals).await;
                let ended = outcome.is_ok() && lane.end();
                // A report that was not worth an event moves no head, and yet says when to look again. One lane must not wake
                // the others for nothing: they would wake it.
                if matches!(outcome, Ok(true)) {
                    service.inner.wake.notify_one();
                }
                match outcome {
                    Ok(_) if ended => return,
                    Ok(_) => {}
                    Err(error) => {
                        drop(lane);
                        tracing::warn!(%error, target, removals, "a lane stopped; it starts again by itself");
                        // It can be read and not written: what is past its end is removed all the same.
                        if removals {
                            service.remove_unrecorded().await;
                        }
                        return;
                    }
                }
            }
        });
    }

    /// Tries every removal that is past its end once, before anything else is given; five seconds at most.
    pub(super) async fn remove_first(&self) -> Answered<()> {
        self.replay_spool().await?;
        self.find_left().await?;
        let at = self.now().at;
        let work = self.inner.store.next_work(at).await?;
        let due: BTreeSet<String> =
            work.into_iter().filter(|visit| visit.due <= at).map(|visit| visit.target).collect();
        let mut lanes = tokio::task::JoinSet::new();
        for request in self.left_past_end().0 {
            let service = self.clone();
            lanes.spawn(async move { drop(service.remove_bare(&request).await) });
        }
        for target in due {
            let Some(lane) = self.inner.lanes.take(&target, true) else { continue };
            let service = self.clone();
            lanes.spawn(async move {
                if let Err(error) = service.run_lane(&target, true).await {
                    tracing::warn!(%error, target, "a past-end removal could not be tried at the start");
                }
                drop(lane);
            });
        }
        tokio::select! {
            biased;
            () = async { while lanes.join_next().await.is_some() {} } => {}
            () = self.inner.clock.sleep(FIRST) => lanes.detach_all(),
        }
        Ok(())
    }
}

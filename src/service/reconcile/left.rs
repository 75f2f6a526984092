//! Leases that somebody else held when this process began: most likely its own forerunner, killed in the middle of an act.
//!
//! Nobody can tell from here whether their holder lives, so a lease on a grant is never broken: what it started may still
//! arrive. But access past its end does not wait for a lease to lapse. Removing is idempotent and needs none: it is done at
//! the end, again and again until the lease lapses, and recorded then, by a reading that comes after all.

use super::super::{Answered, Service};
use super::spool::carried;
use crate::access::{Request, Status, status};
use crate::store::GivenBack;
use crate::text::{Instant, Length};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How soon what was tried is tried again.
const AGAIN: Length = Length::from_seconds(5);

/// A lease on a grant that was not ours.
#[derive(Debug, Clone)]
pub(in crate::service) struct Left {
    access_key: String,
    lapses: Instant,
}

impl Service {
    /// Finds them at the start. A lease on a removal is taken over at once: removing twice does no harm, and the report of
    /// whoever had it is then too old.
    pub(super) async fn find_left(&self) -> Answered<()> {
        let at = self.now().at;
        let mut left = Vec::new();
        let mut removals: BTreeMap<String, Vec<GivenBack>> = BTreeMap::new();
        for work in self.inner.store.work().await? {
            let Some(replica) = work.replica.filter(|replica| *replica != self.inner.replica) else { continue };
            if work.next_at <= at {
                continue;
            }
            if work.removing {
                removals.entry(replica).or_default().push((work.access_key, work.attempt));
            } else {
                left.push(Left { access_key: work.access_key, lapses: work.next_at });
            }
        }
        for (replica, leases) in removals {
            self.inner.store.give_back(&replica, &leases, at).await?;
        }
        *self.left() = left;
        Ok(())
    }

    fn left(&self) -> std::sync::MutexGuard<'_, Vec<Left>> {
        self.inner.left.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// What is past its end under such a lease and was not tried a moment ago, and when to look again.
    pub(super) fn left_past_end(&self) -> (Vec<Arc<Request>>, Option<Instant>) {
        let at = self.now().at;
        let mut left = self.left();
        left.retain(|left| left.lapses > at);
        if left.is_empty() {
            return (Vec::new(), None);
        }
        let (mut past, mut next) = (Vec::new(), None::<Instant>);
        let held = self.inner.board.held();
        for request in &held {
            let Some(access) = request.held() else { continue };
            if !left.iter().any(|left| left.access_key == access.placement.access_key) {
                continue;
            }
            let ending = status(request, at) == Status::Ending;
            let look = if ending { at.plus(AGAIN) } else { access.end() };
            next = Some(next.map_or(look, |next| next.min(look)));
            if ending && !carried(&held, request, at) && !self.inner.spool.lately(request.number, at) {
                past.push(request.clone());
            }
        }
        (past, next)
    }

    /// Removes that, without waiting for it; says when to look again.
    pub(super) fn remove_left(&self) -> Option<Instant> {
        let (past, next) = self.left_past_end();
        for request in past {
            let service = self.clone();
            tokio::spawn(async move { service.remove_bare(&request).await });
        }
        next
    }
}

//! Sweeping: reads what a target holds under our mark, and reports what no live grant explains, and what is missing there.

use super::super::{Answered, Service};
use crate::access::command::Command;
use crate::access::due::{Phase, phase};
use crate::access::{Actor, Request, RequestNumber, Status, Subject, status};
use crate::provision::{Presence, Provisioner, mark};
use crate::text::Clean;
use futures_util::future::join_all;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

/// So many accesses of one target are looked for at a time.
const AT_ONCE: usize = 16;

/// What was reported and is still there: once is enough.
#[derive(Debug, Default)]
pub(in crate::service) struct Reported(Mutex<HashSet<(String, String)>>);

impl Service {
    /// Sweeps every target of the ruling policy that can say what it holds, all at once: none waits for one that hangs. `every`:
    /// each access that is wanted is looked for, whatever the target lists.
    pub(in crate::service) async fn sweep(&self, every: bool) -> Answered<()> {
        let ruling = self.ruling().await?;
        join_all(ruling.table.iter().map(|(name, provisioner)| async move {
            if let Err(error) = self.sweep_one(name, provisioner.as_ref(), every).await {
                tracing::warn!(%error, target = name, "a target could not be swept");
            }
        }))
        .await;
        Ok(())
    }

    async fn sweep_one(&self, name: &str, provisioner: &dyn Provisioner, every: bool) -> Answered<()> {
        self.probe(name, provisioner).await;
        // What is live before or after the reading explains what was read.
        let before = self.held_now().await?;
        let limit = provisioner.time_limit().to_std();
        let Some(Ok(found)) = self.inner.clock.within(limit, provisioner.strays(&self.inner.store_id)).await else {
            return Ok(());
        };
        let after = self.held_now().await?;
        let live: HashSet<String> = before.iter().chain(&after).filter_map(|request| self.mark_of(request)).collect();
        let marks: HashSet<&str> = found.iter().map(|stray| stray.mark.as_str()).collect();
        let doubtful = before.iter().filter(|request| {
            let Some(held) = request.held().filter(|held| held.placement.target == name) else { return false };
            // One that was tried to be removed may be listed for a session that it left.
            let tried = held.failure.as_ref().is_some_and(|failure| failure.removing);
            every || tried || self.mark_of(request).is_some_and(|mark| !marks.contains(mark.as_str()))
        });
        let looks = stream::iter(doubtful.map(|request| self.look_for(request)).collect::<Vec<_>>());
        looks.buffer_unordered(AT_ONCE).try_collect::<()>().await?;
        let strays: Vec<_> = found.iter().filter(|stray| !live.contains(&stray.mark)).collect();
        {
            let mut reported = self.inner.reported.0.lock().unwrap_or_else(PoisonError::into_inner);
            reported.retain(|(target, mark)| target != name || strays.iter().any(|stray| stray.mark == *mark));
        }
        for stray in strays {
            let fresh = {
                let mut reported = self.inner.reported.0.lock().unwrap_or_else(PoisonError::into_inner);
                reported.insert((name.to_owned(), stray.mark.clone()))
            };
            if fresh {
                let mark = Clean::line(&stray.mark).cut(100).to_string();
                tracing::error!(target = name, mark, "a target holds access that no live grant explains");
                let evidence = stray.evidence.clone();
                let command = Command::ReportStray { target: name.to_owned(), mark, evidence };
                self.send(&Actor::Reconciler, Some(Subject::Store), command, None).await?;
            }
        }
        Ok(())
    }

    /// Looks for whatever is wanted under the access key of one request: its own access, or that of another.
    pub(super) async fn look_again(&self, number: RequestNumber) -> Answered<()> {
        let key = |request: &Request| request.held().map(|held| held.placement.access_key.clone());
        let Some((request, _)) = self.inner.store.request(number).await? else { return Ok(()) };
        let taken = key(&request);
        for wanted in self.held_now().await?.iter().filter(|other| key(other) == taken) {
            self.look_for(wanted).await?;
        }
        Ok(())
    }

    /// Looks for access that is wanted and was not among what the target holds. One that is gone is given again: it was
    /// taken out under a clock that had jumped, or by somebody's hand; whoever wants it gone revokes it.
    async fn look_for(&self, request: &Request) -> Answered<()> {
        let now = self.now();
        if !now.sane || status(request, now.at) != Status::Active {
            return Ok(());
        }
        let Ok((provisioner, spec)) = self.placed(Some(request), None).await else { return Ok(()) };
        let limit = provisioner.time_limit().to_std();
        let seen = self.inner.clock.within(limit, provisioner.observe(std::slice::from_ref(&spec))).await;
        let Some(Ok(seen)) = seen.and_then(|seen| seen.into_iter().next()) else { return Ok(()) };
        if seen.presence == Presence::Absent {
            let evidence = format!("gone before its end: {}", seen.evidence);
            let command = Command::ReportDrift { evidence, gone: true };
            self.send(&Actor::Reconciler, Some(Subject::Request(request.number)), command, None).await?;
        }
        Ok(())
    }

    /// Everything that is given, being given or being removed.
    async fn held_now(&self) -> Answered<Vec<Arc<Request>>> {
        if self.is_current_with_all().await? {
            return Ok(self.inner.board.held());
        }
        let open = self.inner.store.open_requests().await?.into_iter().map(|(request, _)| Arc::new(request));
        Ok(open.filter(|request| phase(request) == Phase::Held).collect())
    }

    fn mark_of(&self, request: &Request) -> Option<String> {
        let number = u64::try_from(request.number.0).ok()?;
        Some(mark(&self.inner.store_id, number, request.ask.user.as_str()))
    }
}

//! Sweeping: reads what a target holds under our mark, and reports what no live grant explains.

use super::super::{Answered, Service};
use crate::access::command::Command;
use crate::access::{Actor, Subject};
use crate::provision::{Provisioner, mark};
use crate::text::Clean;
use std::collections::{BTreeSet, HashSet};
use std::sync::{Mutex, PoisonError};

/// What was reported and is still there: once is enough.
#[derive(Debug, Default)]
pub(in crate::service) struct Reported(Mutex<HashSet<(String, String)>>);

impl Service {
    /// Sweeps every target of the ruling policy that can say what it holds.
    pub(in crate::service) async fn sweep(&self) -> Answered<()> {
        let ruling = self.ruling().await?;
        for (name, provisioner) in ruling.table.iter() {
            if let Err(error) = self.sweep_one(name, provisioner.as_ref()).await {
                tracing::warn!(%error, target = name, "a target could not be swept");
            }
        }
        Ok(())
    }

    async fn sweep_one(&self, name: &str, provisioner: &dyn Provisioner) -> Answered<()> {
        self.probe(name, provisioner).await;
        // What is live before or after the reading explains what was read.
        let mut live = self.live_marks().await?;
        let limit = provisioner.time_limit().to_std();
        let Some(Ok(held)) = self.inner.clock.within(limit, provisioner.strays(&self.inner.store_id)).await else {
            return Ok(());
        };
        live.extend(self.live_marks().await?);
        let strays: Vec<_> = held.into_iter().filter(|stray| !live.contains(&stray.mark)).collect();
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
                let command = Command::ReportStray { target: name.to_owned(), mark, evidence: stray.evidence };
                self.send(&Actor::Reconciler, Some(Subject::Store), command, None).await?;
            }
        }
        Ok(())
    }

    /// The marks of everything that is given, being given or being removed.
    async fn live_marks(&self) -> Answered<BTreeSet<String>> {
        let open = self.inner.store.open_requests().await?;
        let held = open.into_iter().filter(|(request, _)| request.held().is_some_and(|held| held.closed.is_none()));
        Ok(held
            .filter_map(|(request, _)| {
                let number = u64::try_from(request.number.0).ok()?;
                Some(mark(&self.inner.store_id, number, request.ask.user.as_str()))
            })
            .collect())
    }
}

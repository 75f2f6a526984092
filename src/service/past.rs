//! What the checks need beyond the ask itself: earlier tasks and asks of the same person, and what is known of the target.
//!
//! Little, and by index: the last few requests of one user, their texts, and the last probe that this replica made.

use super::ruling::Ruling;
use super::{Answered, Service};
use crate::access::{Request, RequestNumber};
use crate::checks::{self, Earlier, Lately, Past, Target};
use crate::policy::{Role, System};
use crate::provision::Provisioner;
use crate::text::{Clean, Instant, Length, PersonId, SystemId};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// So many earlier requests of a person are read.
const REQUESTS: i64 = 30;
/// So many of their tasks.
const TASKS: usize = 10;
/// How far back an earlier task is looked for.
const EARLIER: Length = Length::from_hours(24 * 400);

/// When a target was last probed, and what was wrong.
type Probe = (Instant, Result<(), String>);

/// The last probe of each target.
#[derive(Debug, Default)]
pub(in crate::service) struct Probes(Mutex<BTreeMap<String, Probe>>);

impl Probes {
    fn keep(&self, target: &str, at: Instant, found: Result<(), String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(target.to_owned(), (at, found));
    }

    fn of(&self, target: &str) -> Option<Probe> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(target).cloned()
    }
}

impl Service {
    /// Asks a target whether it can be acted on, and keeps the answer for the checks.
    pub(super) async fn probe(&self, name: &str, provisioner: &dyn Provisioner) {
        let limit = provisioner.time_limit();
        let found = match self.inner.clock.within(limit.to_std(), provisioner.probe()).await {
            Some(Ok(())) => Ok(()),
            Some(Err(fault)) => Err(Clean::line(&fault.sentence).cut(200).to_string()),
            None => Err(format!("no answer within {limit}")),
        };
        self.inner.probes.keep(name, self.now().at, found);
    }

    /// What happened before an ask of this user for this role; `not` is the ask itself, where it is filed already.
    pub(super) async fn past_of(
        &self,
        ruling: &Ruling,
        user: &PersonId,
        (system, role): (&SystemId, &Role),
        not: Option<RequestNumber>,
    ) -> Answered<Past> {
        let at = self.now().at;
        let recent = self.inner.store.recent_of(user, at.minus(EARLIER), REQUESTS).await?;
        let recent: Vec<_> =
            recent.into_iter().filter(|request| not.is_none_or(|not| request.number.0 < not.0)).collect();
        // On this system only: who may see this one may see those, or it is theirs.
        let same = |request: &&Request| request.held().is_some() && request.ask.system == *system;
        let approved: Vec<_> = recent.iter().filter(same).take(TASKS).collect();
        let ids: Vec<i64> = approved.iter().map(|request| request.ask.task.id).collect();
        let mut texts = self.texts(&ids).await?;
        let earlier = approved.iter().filter_map(|request| {
            let task = texts.remove(&request.ask.task.id)?;
            Some(Earlier { number: request.number.to_string(), ticket: request.ask.ticket.clone(), task })
        });
        let earlier = earlier.collect();
        let broad = |system: &System, role: &str| system.role(role).is_some_and(|role| checks::broadest(system, role));
        let lately =
            recent.iter().filter(|request| at.since(request.filed_at) <= checks::LATELY).map(|request| Lately {
                at: request.filed_at,
                kind: request.ask.kind,
                ticket: request.ask.ticket.clone(),
                broad: ruling
                    .policy
                    .systems
                    .get(&request.ask.system)
                    .is_some_and(|system| broad(system, request.ask.role.as_str())),
            });
        let target = ruling.table.get(&role.provisioner).map(|provisioner| Target {
            name: role.provisioner.clone(),
            second_lock: provisioner.second_lock(),
            probed: self.inner.probes.of(&role.provisioner),
        });
        Ok(Past { earlier, lately: lately.collect(), target })
    }
}

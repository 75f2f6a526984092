//! What the checks need beyond the ask itself: earlier tasks and asks of the same person, and what is known of the target.
//!
//! Little, and by index: the last few requests of one user, their texts, and the last probe that this replica made.

use super::ruling::Ruling;
use super::view::Texts;
use super::{Answered, Service};
use crate::access::{Request, RequestNumber};
use crate::checks::{self, Earlier, Lately, Past, Target};
use crate::policy::{Kind, Role, System};
use crate::provision::Provisioner;
use crate::text::{Clean, Instant, Length, PersonId, RoleId, SystemId};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// So many earlier requests of a person are looked at.
const REQUESTS: usize = 30;
/// So many are kept: some of them are newer than the one that is decided.
const KEPT: usize = 40;
/// Of so many users at most.
const USERS: usize = 4_096;
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

/// What is remembered of one request of a user.
#[derive(Debug, Clone)]
struct Filed {
    number: i64,
    at: Instant,
    system: SystemId,
    role: RoleId,
    kind: Kind,
    ticket: Option<String>,
    /// Its task, where it was approved and is not erased.
    task: Option<checks::Words>,
}

impl Filed {
    fn of(request: &Request, texts: &Texts) -> Self {
        let ask = &request.ask;
        Self {
            number: request.number.0,
            at: request.filed_at,
            system: ask.system.clone(),
            role: ask.role.clone(),
            kind: ask.kind,
            ticket: ask.ticket.clone(),
            task: request.held().and_then(|_| texts.get(&ask.task.id)).map(|words| words.as_str().into()),
        }
    }

    /// Itself, with the task as it was read before, where that is the same.
    fn instead_of(mut self, before: &Self) -> Self {
        if self.task == before.task {
            self.task.clone_from(&before.task);
        }
        self
    }
}

/// The last requests of a user, latest first.
#[derive(Debug)]
enum Known {
    /// They are being read, by whoever knows this number; touched where something was written meanwhile.
    Reading(u64, bool),
    There(Vec<Filed>),
}

/// The last requests of the users whom somebody decided about lately, kept up by the events as the board is.
#[derive(Debug, Default)]
pub(in crate::service) struct Pasts {
    known: Mutex<HashMap<PersonId, Known>>,
    readings: AtomicU64,
}

impl Pasts {
    fn lock(&self) -> MutexGuard<'_, HashMap<PersonId, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a request as it is now; `was` is its user before.
    pub fn follow(&self, request: &Request, texts: &Texts, was: Option<&PersonId>) {
        let mut all = self.lock();
        if let Some(was) = was.filter(|was| **was != request.ask.user) {
            all.remove(was);
        }
        match all.get_mut(&request.ask.user) {
            Some(Known::Reading(_, touched)) => *touched = true,
            Some(Known::There(filed)) => {
                let fresh = Filed::of(request, texts);
                match filed.iter().position(|known| known.number <= fresh.number) {
                    Some(place) => match filed.get_mut(place) {
                        Some(known) if known.number == fresh.number => *known = fresh.instead_of(known),
                        _ => filed.insert(place, fresh),
                    },
                    None if filed.len() < KEPT => filed.push(fresh),
                    None => {}
                }
                filed.truncate(KEPT);
            }
            None => {}
        }
    }

    /// Forgets all: some words were erased.
    pub fn forget(&self) {
        self.lock().clear();
    }

    /// What is known; else the number of a reading that begins now, or has begun.
    fn begin(&self, user: &PersonId) -> Result<Vec<Filed>, u64> {
        let mut all = self.lock();
        match all.get(user) {
            Some(Known::There(filed)) => return Ok(filed.clone()),
            Some(Known::Reading(reading, _)) => return Err(*reading),
            None => {}
        }
        if all.len() >= USERS {
            all.clear();
        }
        let reading = self.readings.fetch_add(1, Ordering::Relaxed);
        all.insert(user.clone(), Known::Reading(reading, false));
        Err(reading)
    }

    /// Keeps what was read, unless something was written meanwhile.
    fn end(&self, user: &PersonId, reading: u64, filed: Option<&Vec<Filed>>) {
        let mut all = self.lock();
        let Some(known) = all.get_mut(user) else { return };
        match (&*known, filed) {
            (Known::Reading(mine, false), Some(filed)) if *mine == reading => *known = Known::There(filed.clone()),
            (Known::Reading(mine, _), _) if *mine == reading => drop(all.remove(user)),
            _ => {}
        }
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
        let recent = self.recent_of(user, at).await?;
        let recent = recent
            .iter()
            .filter(|filed| at.since(filed.at) <= EARLIER && not.is_none_or(|not| filed.number < not.0))
            .take(REQUESTS);
        // On this system only: who may see this one may see those, or it is theirs.
        let approved = recent.clone().filter(|filed| filed.system == *system);
        let earlier = approved.filter_map(|filed| {
            let number = RequestNumber(filed.number).to_string();
            Some(Earlier { number, ticket: filed.ticket.clone(), task: filed.task.clone()? })
        });
        let earlier = earlier.take(TASKS).collect();
        let broad = |system: &System, role: &str| system.role(role).is_some_and(|role| checks::broadest(system, role));
        let lately = recent.filter(|filed| at.since(filed.at) <= checks::LATELY).map(|filed| Lately {
            at: filed.at,
            kind: filed.kind,
            ticket: filed.ticket.clone(),
            broad: ruling.policy.systems.get(&filed.system).is_some_and(|system| broad(system, filed.role.as_str())),
        });
        let target = ruling.table.get(&role.provisioner).map(|provisioner| Target {
            name: role.provisioner.clone(),
            second_lock: provisioner.second_lock(),
            probed: self.inner.probes.of(&role.provisioner),
        });
        Ok(Past { earlier, lately: lately.collect(), target })
    }

    /// The last requests of a user: as kept, else read.
    async fn recent_of(&self, user: &PersonId, at: Instant) -> Answered<Vec<Filed>> {
        let pasts = &self.inner.pasts;
        let reading = match self.is_current().await.then(|| pasts.begin(user)) {
            Some(Ok(filed)) => return Ok(filed),
            Some(Err(reading)) => Some(reading),
            None => None,
        };
        let read = async {
            let limit = i64::try_from(KEPT).unwrap_or(40);
            let recent = self.inner.store.recent_of(user, at.minus(EARLIER), limit).await?;
            let tasks: Vec<i64> =
                recent.iter().filter(|request| request.held().is_some()).map(|request| request.ask.task.id).collect();
            let texts = self.texts(&tasks).await?;
            Ok(recent.iter().map(|request| Filed::of(request, &texts)).collect())
        };
        let read: Answered<Vec<Filed>> = read.await;
        if let Some(reading) = reading {
            pasts.end(user, reading, read.as_ref().ok());
        }
        read
    }
}

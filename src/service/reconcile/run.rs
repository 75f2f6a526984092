//! One lane of one target: lease, plan, act, read back, report.

use super::super::ruling::{Shape, shape};
use super::super::{Answered, Fault as Failure, Service};
use super::GRACE;
use super::plan::{Act, plan};
use crate::access::command::{Command, Outcome, Report};
use crate::access::due::{Wanted, visits, wanted};
use crate::access::event::{Observed, Text};
use crate::access::window::Window;
use crate::access::{Actor, Code, Held, Request, RequestNumber, Subject};
use crate::provision::{Fault, Granted, Observation, Presence, Provisioner, Removed, Spec};
use crate::secret::Chance;
use crate::store::{GivenBack, LeaseAsk, Leased};
use crate::text::{Instant, Length};
use futures_util::future::join_all;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// The bounds of the time until a failed attempt is made again: what is drawn lies below a bound that doubles.
const LEAST: Length = Length::from_millis(200);
const MOST: Length = Length::from_seconds(30);
/// A grant that waits for a thaw is looked at again after this.
const FROZEN: Length = Length::from_seconds(2);
/// By then whoever acts beside us has reported.
const SAID: Length = Length::from_seconds(10);
/// What a lease holds where the ruling policy does not know the target.
const UNKNOWN: Length = Length::from_seconds(30);

/// One piece of leased work, ready for its provisioner.
struct Job {
    attempt: i64,
    failures: i64,
    of: Vec<RequestNumber>,
    provisioner: Arc<dyn Provisioner>,
    spec: Spec,
}

/// A piece of work, and what came of it.
type Done = (Job, Outcome);

/// When a key that is as wanted has to be looked at again.
fn rest(requests: &[Request], at: Instant) -> Instant {
    let held: Vec<&Held> = requests.iter().filter_map(Request::held).collect();
    visits(&held, at).into_iter().filter(|visit| *visit > at).min().unwrap_or_else(|| at.plus(MOST))
}

/// How long until the next attempt after so many failures: full jitter.
fn backoff(failures: i64, chance: &Chance) -> Length {
    let doubled = LEAST.millis().saturating_mul(1_i64 << failures.clamp(0, 16));
    let bound = u64::try_from(doubled.min(MOST.millis())).unwrap_or(200);
    Length::from_millis(i64::try_from(1 + chance.below(bound)).unwrap_or(200))
}

impl Service {
    /// Works through what is due in one lane, a batch at a time. Says whether there was anything.
    pub(super) async fn run_lane(&self, target: &str, removals: bool) -> Answered<bool> {
        let mut reports = JoinSet::new();
        let worked = self.run_batches(target, removals, &mut reports).await;
        while reports.join_next().await.is_some() {}
        worked
    }

    /// While a batch is reported, the next one is acted on.
    async fn run_batches(&self, target: &str, removals: bool, reports: &mut JoinSet<()>) -> Answered<bool> {
        let mut worked = false;
        loop {
            if self.inner.stop.is_cancelled() || (!removals && !self.inner.granting()) {
                return Ok(worked);
            }
            let (limit, holds) = self.bounds(target).await?;
            let (target, replica) = (target.to_owned(), self.inner.replica.clone());
            let ask = LeaseAsk { target, removals, limit, holds, replica, only: None };
            let taken = self.inner.clock.monotonic();
            let leased = self.inner.store.lease(ask).await?;
            if leased.is_empty() {
                return Ok(worked);
            }
            let taken_up: Vec<GivenBack> = leased.iter().map(|one| (one.access_key.clone(), one.attempt)).collect();
            let (grants, removes, idle) = self.plan_all(leased, removals).await;
            let only_idle = idle.len() == taken_up.len();
            for (lease, at) in idle {
                self.inner.store.give_back(&self.inner.replica, &[lease], at).await?;
            }
            // Due by the head and not by this clock: looking again at once would only go round.
            if only_idle {
                return Ok(worked);
            }
            worked = true;
            // A replica that was frozen over its lease must not act on it when it wakes.
            if self.inner.clock.monotonic().saturating_sub(taken) > holds.to_std().saturating_sub(GRACE.to_std()) {
                tracing::warn!("woke too late for a lease: it is given back, if nobody took it meanwhile");
                self.inner.store.give_back(&self.inner.replica, &taken_up, self.now().at).await?;
                continue;
            }
            let (given, gone) = tokio::join!(self.grant_batch(grants), self.remove_batch(removes));
            while reports.join_next().await.is_some() {}
            let service = self.clone();
            reports.spawn(async move {
                tokio::join!(service.report_grants(given), service.report_removals(gone));
            });
        }
    }

    /// How many at once, and for how long, of the target as the ruling policy has it.
    async fn bounds(&self, target: &str) -> Answered<(i64, Length)> {
        let ruling = self.ruling().await?;
        let Some(provisioner) = ruling.table.get(target) else { return Ok((16, UNKNOWN)) };
        let limit = provisioner.time_limit();
        // Acting and reading back, each within its limit, and a second reading where the target needs it.
        let millis = 3 * limit.millis() + provisioner.settles().millis() + GRACE.millis();
        Ok((i64::try_from(provisioner.at_once()).unwrap_or(16).clamp(1, 1000), Length::from_millis(millis)))
    }

    /// Grants, removals, and leases to give back until an instant; `removals`: they were leased for that.
    async fn plan_all(&self, leased: Vec<Leased>, removals: bool) -> (Vec<Job>, Vec<Job>, Vec<(GivenBack, Instant)>) {
        let (mut grants, mut removes, mut idle) = (Vec::new(), Vec::new(), Vec::new());
        for Leased { access_key, attempt, failures, requests, .. } in leased {
            let plan = plan(&requests, self.now().at);
            if !plan.carried.is_empty() {
                let carried = plan.carried.iter();
                let report =
                    |(number, by): &(_, _)| self.report(*number, false, attempt, failures, Outcome::Carried(*by));
                join_all(carried.map(report)).await;
                // A report ends the lease: what else there is to do falls due at once, and is leased anew by whoever does it.
                continue;
            }
            let (of, until) = match plan.act {
                Act::Nothing => {
                    idle.push(((access_key, attempt), rest(&requests, self.now().at)));
                    continue;
                }
                Act::Grant { .. } if removals => {
                    // The clock is right again. Whoever starts takes a lease on a removal over, so nothing is given under it.
                    idle.push(((access_key, attempt), self.now().at));
                    continue;
                }
                Act::Grant { until, of } => (of, Some(until)),
                Act::Remove { of } => (of, None),
            };
            if until.is_some() && self.is_frozen(&requests) {
                // Nothing is given now; what is given already is looked after at its end.
                let at = self.now().at;
                idle.push(((access_key, attempt), rest(&requests, at).min(at.plus(FROZEN))));
                continue;
            }
            let first = requests.iter().find(|request| of.contains(&request.number));
            match self.placed(first, until).await {
                Ok((provisioner, spec)) => {
                    let job = Job { attempt, failures, of, provisioner, spec };
                    if until.is_some() { grants.push(job) } else { removes.push(job) }
                }
                Err(sentence) => {
                    let outcome = failed(&Fault::passing(sentence));
                    let grant = until.is_some();
                    join_all(of.iter().map(|n| self.report(*n, grant, attempt, failures, outcome.clone()))).await;
                }
            }
        }
        (grants, removes, idle)
    }

    /// Whether nothing may be given on the system of these requests.
    fn is_frozen(&self, requests: &[Request]) -> bool {
        let frozen = self.inner.board.frozen();
        let covers = |system: &Option<crate::text::SystemId>| {
            system.as_ref().is_none_or(|system| requests.iter().any(|request| request.ask.system == *system))
        };
        frozen.iter().any(|freeze| covers(&freeze.system))
    }

    /// The provisioner and the spec, by the policy version that approved it.
    pub(in crate::service) async fn placed(
        &self,
        request: Option<&Request>,
        until: Option<Instant>,
    ) -> Result<(Arc<dyn Provisioner>, Spec), String> {
        let request = request.ok_or("the request is gone")?;
        let held = request.held().ok_or("the request is not approved")?;
        let ruling = self.inner.rulings.of(&held.decision.policy).await.map_err(|fault| fault.to_string())?;
        let window = Window { until: until.unwrap_or(held.window.until), ..held.window };
        let spec = ruling.spec(&self.inner.store_id, &Shape { window, ..shape(request) });
        spec.ok_or_else(|| "its policy version no longer names its target".to_owned())
    }

    /// Sends what came of an attempt. False where the attempt was overtaken.
    async fn report(&self, number: RequestNumber, grant: bool, attempt: i64, failures: i64, outcome: Outcome) -> bool {
        let retry_at = self.now().at.plus(backoff(failures, &self.inner.chance));
        let report = Report { attempt, outcome, retry_at, spooled: None };
        let command = if grant { Command::ReportGrant(report) } else { Command::ReportRemoval(report) };
        match self.send(&Actor::Reconciler, Some(Subject::Request(number)), command, None).await {
            Ok(_) => true,
            Err(Failure::Refused(refusal)) if refusal.code == Code::StaleReport => false,
            Err(error) => {
                tracing::warn!(%error, %number, "a report did not reach the store; its lease falls due again");
                true
            }
        }
    }

    async fn grant_batch(&self, jobs: Vec<Job>) -> Vec<Done> {
        let mut done = Vec::with_capacity(jobs.len());
        for (provisioner, jobs) in by_provisioner(jobs) {
            let specs: Vec<Spec> = jobs.iter().map(|job| job.spec.clone()).collect();
            let limit = limit(provisioner.as_ref());
            let granted = self.within(limit, specs.len(), provisioner.grant(&specs)).await;
            let seen = self.within(limit, specs.len(), provisioner.observe(&specs)).await;
            let at = self.now().at;
            done.extend(jobs.into_iter().zip(granted.into_iter().zip(seen)).map(|(job, (granted, seen))| {
                let outcome = granted_outcome(&job, &granted, &seen, at);
                (job, outcome)
            }));
        }
        done
    }

    async fn report_grants(&self, done: Vec<Done>) {
        join_all(done.iter().map(|(job, outcome)| self.report_grant(job, outcome))).await;
    }

    /// A grant whose attempt was overtaken must not stay where it is no longer wanted.
    async fn report_grant(&self, job: &Job, outcome: &Outcome) {
        let there = matches!(outcome, Outcome::Granted { .. });
        let reports = job.of.iter().map(|n| self.report(*n, true, job.attempt, job.failures, outcome.clone()));
        let counted = join_all(reports).await.into_iter().any(|counted| counted);
        if counted || !there {
            return;
        }
        let Some(number) = job.of.first() else { return };
        let still_wanted = match self.inner.store.request(*number).await {
            Ok(Some((request, _))) => matches!(wanted(&request, self.now().at), Some(Wanted::Present(_))),
            Ok(None) => false,
            // Not known: whoever holds the next lease reads the target.
            Err(_) => true,
        };
        if !still_wanted {
            self.take_back(job).await;
        }
    }

    /// Removes what an overtaken grant left behind; what cannot be removed is reported as a stray.
    async fn take_back(&self, job: &Job) {
        let specs = std::slice::from_ref(&job.spec);
        let limit = limit(job.provisioner.as_ref());
        let removed = self.within(limit, 1, job.provisioner.remove(specs)).await;
        let seen = self.within(limit, 1, job.provisioner.observe(specs)).await;
        job.of.first().into_iter().for_each(|number| self.look_later(*number));
        if seen.first().is_some_and(|seen| seen.as_ref().is_ok_and(|o| o.presence == Presence::Absent)) {
            return;
        }
        let command = Command::ReportStray {
            target: job.provisioner.target().to_owned(),
            mark: job.spec.mark.clone(),
            evidence: format!("an overtaken grant may be left behind: {removed:?}"),
        };
        if let Err(error) = self.send(&Actor::Reconciler, Some(Subject::Store), command, None).await {
            tracing::error!(%error, mark = job.spec.mark, "a stray could not be recorded");
        }
    }

    /// Removes and reads back. What has to be read a second time reports itself.
    async fn remove_batch(&self, jobs: Vec<Job>) -> Vec<Done> {
        let mut done = Vec::with_capacity(jobs.len());
        for (provisioner, jobs) in by_provisioner(jobs) {
            let specs: Vec<Spec> = jobs.iter().map(|job| job.spec.clone()).collect();
            let limit = limit(provisioner.as_ref());
            let removed = self.within(limit, specs.len(), provisioner.remove(&specs)).await;
            let seen = self.within(limit, specs.len(), provisioner.observe(&specs)).await;
            let settles = provisioner.settles();
            let mut later = Vec::new();
            let at = self.now().at;
            for ((job, removed), seen) in jobs.into_iter().zip(removed).zip(seen) {
                self.report_drift(&job.of, &removed).await;
                let outcome = removed_outcome(&removed, &seen, at);
                if settles > Length::ZERO && matches!(outcome, Outcome::Absent(_)) {
                    later.push((job, removed));
                } else {
                    done.push((job, outcome));
                }
            }
            if !later.is_empty() {
                // The second reading happens under the same lease, without holding up the lane.
                tokio::spawn(self.clone().read_again(provisioner, later, settles));
            }
        }
        done
    }

    /// What a removal found beyond the access itself. It is known once only, so it goes out before what was read.
    async fn report_drift(&self, of: &[RequestNumber], removed: &Result<Removed, Fault>) {
        for evidence in removed.iter().flat_map(|removed| &removed.drift) {
            for number in of {
                let command = Command::ReportDrift { evidence: evidence.clone(), gone: false };
                if let Err(error) = self.send(&Actor::Reconciler, Some(Subject::Request(*number)), command, None).await
                {
                    tracing::error!(%error, %number, evidence, "drift could not be recorded");
                }
            }
        }
    }

    async fn read_again(
        self,
        provisioner: Arc<dyn Provisioner>,
        jobs: Vec<(Job, Result<Removed, Fault>)>,
        settles: Length,
    ) {
        self.inner.clock.sleep(settles).await;
        let specs: Vec<Spec> = jobs.iter().map(|(job, _)| job.spec.clone()).collect();
        let seen = self.within(limit(provisioner.as_ref()), specs.len(), provisioner.observe(&specs)).await;
        let at = self.now().at;
        let outcomes = jobs.into_iter().zip(seen);
        self.report_removals(
            outcomes.map(|((job, removed), seen)| (job, removed_outcome(&removed, &seen, at))).collect(),
        )
        .await;
        self.inner.wake.notify_one();
    }

    /// A removal whose attempt was overtaken may have taken out what is still wanted: whoever leased it had a clock that
    /// had jumped. It is looked for, and given again.
    async fn report_removals(&self, outcomes: Vec<Done>) {
        let reports = outcomes.iter().flat_map(|(job, outcome)| job.of.iter().map(move |n| (job, *n, outcome)));
        let all = reports.map(|(job, number, outcome)| async move {
            let counted = self.report(number, false, job.attempt, job.failures, outcome.clone()).await;
            if counted || !matches!(outcome, Outcome::Absent(_)) {
                return;
            }
            if let Err(error) = self.look_again(number).await {
                tracing::warn!(%error, %number, "what an overtaken removal took out is looked for by the next sweep");
            }
        });
        join_all(all).await;
    }

    /// Calls a provisioner within its limit; an answer of another length is as good as none.
    async fn within<T>(
        &self,
        limit: Duration,
        count: usize,
        act: crate::provision::Act<'_, T>,
    ) -> Vec<Result<T, Fault>> {
        let nothing = |sentence: &str| (0..count).map(|_| Err(Fault::passing(sentence))).collect::<Vec<_>>();
        match self.inner.clock.within(limit, act).await {
            Some(answers) if answers.len() == count => answers,
            Some(_) => nothing("the target answered for another number of grants"),
            None => nothing("the target did not answer in time"),
        }
    }

    /// Whoever removes without a lease may have come between: what somebody else was given under the same key is looked for,
    /// once whoever gave it has said so.
    fn look_later(&self, number: RequestNumber) {
        let service = self.clone();
        tokio::spawn(async move {
            service.inner.clock.sleep(SAID).await;
            if let Err(error) = service.look_again(number).await {
                tracing::debug!(%error, %number, "what shares its key is looked for by the next sweep");
            }
        });
    }

    /// Takes access out and reads it back, for one request, without a lease: removing is idempotent.
    pub(super) async fn remove_bare(&self, request: &Request) -> Option<Observed> {
        let (provisioner, spec) = self.placed(Some(request), None).await.ok()?;
        let specs = std::slice::from_ref(&spec);
        let limit = limit(provisioner.as_ref());
        let removed = self.within(limit, 1, provisioner.remove(specs)).await.into_iter().next()?;
        let seen = self.within(limit, 1, provisioner.observe(specs)).await.into_iter().next()?;
        self.look_later(request.number);
        match removed_outcome(&removed, &seen, self.now().at) {
            Outcome::Absent(observed) => Some(observed),
            Outcome::Granted { .. } | Outcome::Failed { .. } | Outcome::Carried(_) => None,
        }
    }
}

/// The provisioner's limit, and a little, so that its own sentence comes first.
fn limit(provisioner: &dyn Provisioner) -> Duration {
    provisioner.time_limit().to_std() + Duration::from_secs(1)
}

/// Jobs of the same provisioner together: an older policy version has its own.
fn by_provisioner(jobs: Vec<Job>) -> Vec<(Arc<dyn Provisioner>, Vec<Job>)> {
    let mut out: Vec<(Arc<dyn Provisioner>, Vec<Job>)> = Vec::new();
    for job in jobs {
        match out.iter_mut().find(|(provisioner, _)| Arc::ptr_eq(provisioner, &job.provisioner)) {
            Some((_, jobs)) => jobs.push(job),
            None => out.push((job.provisioner.clone(), vec![job])),
        }
    }
    out
}

fn observed(observation: &Observation, at: Instant) -> Observed {
    Observed {
        at,
        present: observation.presence == Presence::Present || observation.sessions.is_some_and(|n| n > 0),
        until: observation.until,
        sessions: observation.sessions,
        evidence: Text::draft(observation.evidence.clone()),
    }
}

fn failed(fault: &Fault) -> Outcome {
    Outcome::Failed { sentence: fault.sentence.clone(), useless: !fault.retry, contradicted: false }
}

fn granted_outcome(
    job: &Job,
    granted: &Result<Granted, Fault>,
    seen: &Result<Observation, Fault>,
    at: Instant,
) -> Outcome {
    match (granted, seen) {
        (Err(fault), _) | (Ok(_), Err(fault)) => failed(fault),
        (Ok(granted), Ok(seen)) if seen.presence == Presence::Present => {
            Outcome::Granted { until: job.spec.until, second_lock: granted.second_lock, observed: observed(seen, at) }
        }
        (Ok(_), Ok(seen)) => Outcome::Failed {
            sentence: format!("the target said that it was given, and it was not there: {}", seen.evidence),
            useless: false,
            contradicted: true,
        },
    }
}

/// What was read decides, whatever the target said: it is gone when it was read as gone.
fn removed_outcome(removed: &Result<Removed, Fault>, seen: &Result<Observation, Fault>, at: Instant) -> Outcome {
    match (removed, seen) {
        (_, Ok(seen)) if !observed(seen, at).present => Outcome::Absent(observed(seen, at)),
        (Err(fault), _) | (Ok(_), Err(fault)) => failed(fault),
        (Ok(_), Ok(seen)) => Outcome::Failed {
            sentence: format!(
                "contradicted: the target said that it was removed, and it is still there: {}",
                seen.evidence
            ),
            useless: false,
            contradicted: true,
        },
    }
}

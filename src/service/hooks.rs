//! Webhooks: each follows the trail at its own pace, moved by one replica at a time, and is sent what it wants, in order, at
//! least once. What cannot be brought makes way for the rest, is tried again, and after a day is a dead letter.
//!
//! Must never hold up an act, the reconciler or the board: each webhook has a task of its own, and knows a page of events at
//! most. Nothing is done with before it was brought or put aside in the same write.

use super::{Answered, Fault, Service};
use crate::access::channel::BadChannel;
use crate::access::{Event, Request, Subject};
use crate::config::webhooks::What;
use crate::config::{self, read_secret};
use crate::notify::webhook::{self, Happened, Outcome};
use crate::outbound::{Allow, Outbound};
use crate::policy::Fault as FileFault;
use crate::store::{HOLDS, Step, Stored, Undelivered};
use crate::text::{Clean, Instant, Length, Secret, SystemId};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a receiver may take.
const TIME_LIMIT: Duration = Duration::from_secs(10);
/// How many events are looked at at once.
const PAGE: i64 = 64;
/// So many events that nobody wants are passed before that is written down.
const PASSED: i64 = 1_000;
/// How often what came from elsewhere is looked for: a command to send again, a replica that went.
const LOOK: Length = Length::from_seconds(1);
/// How long dead letters are kept, and how often old ones are looked for.
const KEPT: Length = Length::from_hours(24 * 30);
const SWEEP: Length = Length::from_hours(1);
/// The shortest secret, in bytes.
const SHORTEST: usize = 16;
/// The longest sentence about a failure, in columns.
const SENTENCE: usize = 200;

/// A webhook, with its secret.
#[derive(Debug, Clone)]
pub struct Hook {
    name: String,
    url: Secret,
    secret: Secret,
    secret_file: PathBuf,
    /// Why the file of the secret was refused when it was read last.
    secret_fault: Option<String>,
    systems: Option<Vec<SystemId>>,
    what: Vec<What>,
    allow: Vec<Allow>,
}

impl Hook {
    /// Those of `server.toml`, their secrets read.
    pub fn all(server: &config::Server) -> Result<Vec<Self>, FileFault> {
        server.webhooks.iter().map(Self::of).collect()
    }

    fn of(webhook: &config::webhooks::Webhook) -> Result<Self, FileFault> {
        Ok(Self {
            name: webhook.name.clone(),
            url: webhook.url.clone(),
            secret: secret(&webhook.name, &webhook.secret_file)?,
            secret_file: webhook.secret_file.clone(),
            secret_fault: None,
            systems: webhook.systems.clone(),
            what: webhook.what.clone(),
            allow: webhook.allow.iter().filter_map(|allow| allow.parse().ok()).collect(),
        })
    }

    /// Reads the secret again: somebody may have written another one. A file that is refused leaves the one before in place.
    fn renew(&mut self) {
        let fault = match secret(&self.name, &self.secret_file) {
            Ok(secret) => {
                self.secret = secret;
                None
            }
            Err(fault) => Some(fault.to_string()),
        };
        if self.secret_fault != fault {
            if let Some(fault) = &fault {
                tracing::error!(webhook = self.name, fault, "a webhook's secret is refused; the one before signs on");
            }
            self.secret_fault = fault;
        }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its word in the record, and the name that it follows the trail by.
    fn channel(&self) -> String {
        format!("webhook:{}", self.name)
    }

    fn outbound(&self) -> Outbound {
        Outbound::patient(self.allow.clone(), TIME_LIMIT)
    }

    /// Sends it a trial. The error says why it was not taken.
    pub async fn send_trial(&self, store: &str, at: Instant) -> Result<(), String> {
        match self.send(&self.outbound(), 0, webhook::trial(store, at), at).await {
            Outcome::Delivered => Ok(()),
            Outcome::Failed(said, _) | Outcome::Refused(said) | Outcome::Gone(said) => Err(said),
        }
    }

    async fn send(&self, out: &Outbound, id: i64, body: String, at: Instant) -> Outcome {
        let (signed, id) = (webhook::signature(&self.secret, at, &body), id.to_string());
        let headers = [(webhook::SIGNATURE, signed.as_str()), (webhook::DELIVERY, id.as_str())];
        match out.post(self.url.reveal(), &headers, body).await {
            Ok(answer) => {
                let pause = answer.pause.map(|pause| i64::try_from(pause.as_secs()).unwrap_or(i64::MAX / 1000));
                webhook::outcome(answer.code, pause.map(Length::from_seconds))
            }
            Err(said) => Outcome::Failed(Clean::line(&said).cut(SENTENCE).into(), None),
        }
    }
}

fn secret(name: &str, file: &Path) -> Result<Secret, FileFault> {
    let secret = read_secret(file)?;
    if secret.reveal().len() < SHORTEST {
        let sentence = format!("the secret of webhook {name} is shorter than {SHORTEST} characters");
        let cure = "write what openssl rand -hex 32 prints";
        return Err(FileFault::new(&file.display().to_string(), 0, &sentence, cure));
    }
    Ok(secret)
}

impl Service {
    /// Follows the trail for each of these, from where each stands; a new one begins at the head.
    pub async fn follow_webhooks(&self, hooks: Vec<Hook>) -> Answered<()> {
        for hook in hooks {
            let out = hook.outbound();
            let name = hook.channel();
            self.inner.store.begin_follower(&name, self.inner.store.seq(), self.now().at).await?;
            tokio::spawn(Courier::new(self.clone(), hook, out, name).run());
        }
        Ok(())
    }
}

/// An event that is wanted.
struct Wanted {
    stored: Stored,
    event: Event,
    /// What it is about, where that is a request.
    request: Option<Request>,
}

impl Wanted {
    /// The number of the request, as it is kept with what could not be brought; 0 for none.
    fn number(&self) -> i64 {
        self.request.as_ref().map_or(0, |request| request.number.0)
    }
}

/// The event that the others wait behind, since it failed.
#[derive(Debug, Clone, Copy)]
struct Waits {
    seq: i64,
    tries: u32,
    since: Instant,
}

/// When to look again.
enum Nap {
    /// At once.
    None,
    /// After this long.
    For(Length),
    /// When something happens.
    Idle,
}

/// What brings one webhook its events.
struct Courier {
    service: Service,
    hook: Hook,
    out: Outbound,
    name: String,
    /// Nothing up to here is wanted that is not done with.
    passed: i64,
    waits: Option<Waits>,
    /// What was taken, and could not be written down as done yet.
    taken: Option<i64>,
    /// Failures in a row.
    failures: u32,
    /// Until when the receiver is left in peace.
    quiet_until: Instant,
    lease_until: Instant,
    /// It is the turn of the event at the head, not of what was put aside.
    turn: bool,
    swept: Instant,
}

impl Courier {
    fn new(service: Service, hook: Hook, out: Outbound, name: String) -> Self {
        Self {
            service,
            hook,
            out,
            name,
            passed: 0,
            waits: None,
            taken: None,
            failures: 0,
            quiet_until: Instant::default(),
            lease_until: Instant::default(),
            turn: true,
            swept: Instant::default(),
        }
    }

    async fn run(mut self) {
        let service = self.service.clone();
        let mut head = service.inner.store.subscribe();
        let mut away = false;
        while !service.inner.stop.is_cancelled() {
            head.borrow_and_update();
            let step = tokio::select! {
                biased;
                () = service.inner.stop.cancelled() => break,
                step = self.step() => step,
            };
            let nap = step.unwrap_or_else(|error| {
                if !std::mem::replace(&mut away, true) {
                    tracing::warn!(webhook = self.hook.name, %error, "a webhook cannot be looked after; it is tried again");
                }
                Nap::For(LOOK)
            });
            let (length, wakes) = match nap {
                Nap::None => {
                    away = false;
                    continue;
                }
                Nap::For(length) => (length.min(LOOK), false),
                Nap::Idle => {
                    away = false;
                    (LOOK, true)
                }
            };
            tokio::select! {
                biased;
                () = service.inner.stop.cancelled() => break,
                changed = head.changed(), if wakes => if changed.is_err() { break },
                () = service.inner.clock.sleep(length) => {}
            }
        }
        // The lease lapses by itself where the store is gone already.
        drop(service.inner.store.leave_followers(&service.inner.replica).await);
    }

    /// Does one thing, if there is one to do.
    async fn step(&mut self) -> Answered<Nap> {
        let (store, at) = (self.service.inner.store.clone(), self.service.now().at);
        let Some(standing) = store.follower(&self.name).await? else {
            store.begin_follower(&self.name, store.seq(), at).await?;
            return Ok(Nap::None);
        };
        if let Some(until) = standing.held_by_other(&self.service.inner.replica, at) {
            (self.waits, self.lease_until) = (None, Instant::default());
            return Ok(Nap::For(until.since(at)));
        }
        let old = webhook::GIVEN_UP;
        let aside = store.next_undelivered(&self.name, at, old, webhook::FURTHEST).await?;
        if let Some(aside) = aside.as_ref().filter(|aside| webhook::is_given_up(at.since(aside.since))) {
            return self.bury(aside.clone(), at).await;
        }
        if at.since(self.swept).millis().abs() >= SWEEP.millis() {
            self.swept = at;
            store.forget_dead(at.minus(KEPT)).await?;
        }
        let wanted = self.next(standing.seq).await?;
        let quiet = left(self.quiet_until, at);
        // What somebody asked to be sent again is not kept waiting by what failed before.
        let due = aside.filter(|aside| left(aside.next_at, at).is_none() && (quiet.is_none() || aside.tries == 0));
        match (wanted, due) {
            (wanted, Some(aside)) if wanted.is_none() || quiet.is_some() || !self.turn => {
                self.turn = true;
                self.try_aside(aside, at).await
            }
            (Some(_), _) if quiet.is_some() => Ok(Nap::For(quiet.unwrap_or(LOOK))),
            (Some(wanted), _) => {
                self.turn = false;
                self.try_head(&wanted, at).await
            }
            (None, _) => {
                if self.passed.saturating_sub(standing.seq) >= PASSED {
                    self.write(at, Step { seq: Some(self.passed), ..Step::default() }).await?;
                }
                Ok(Nap::Idle)
            }
        }
    }

    /// The first event after `done` that is wanted.
    async fn next(&mut self, done: i64) -> Answered<Option<Wanted>> {
        let store = &self.service.inner.store;
        self.passed = self.passed.max(done);
        while self.passed < store.seq() {
            let events = store.events(None, self.passed, PAGE).await?;
            if events.is_empty() {
                break;
            }
            for stored in events {
                if let Some(wanted) = wanted(&self.service, &self.hook, &stored).await? {
                    return Ok(Some(wanted));
                }
                self.passed = stored.seq;
            }
        }
        Ok(None)
    }

    /// Sends an event, and says what came of it; one that was taken already is not sent again.
    async fn send(&mut self, wanted: &Wanted, at: Instant) -> Answered<Option<Outcome>> {
        let seq = wanted.stored.seq;
        if self.taken == Some(seq) {
            return Ok(Some(Outcome::Delivered));
        }
        // The lease is held for longer than any receiver may take.
        if self.lease_until.since(at) < Length::from_millis(HOLDS.millis() / 2)
            && !self.write(at, Step::default()).await?
        {
            return Ok(None);
        }
        let ruling = self.service.ruling().await?;
        let happened = Happened { seq, at: wanted.stored.at, kind: &wanted.stored.kind, event: &wanted.event };
        let body = {
            let store = &self.service.inner.store_id;
            match &wanted.request {
                Some(request) => webhook::body(happened, request, &ruling.policy, store, at),
                None => webhook::body_about_policy(happened, &ruling.policy, store),
            }
        };
        self.hook.renew();
        let outcome = self.hook.send(&self.out, seq, body, at).await;
        let now = self.service.now().at;
        match &outcome {
            Outcome::Delivered => {
                (self.failures, self.quiet_until, self.taken) = (0, now, Some(seq));
            }
            Outcome::Failed(said, asked) => {
                self.failures = self.failures.saturating_add(1);
                let pause = webhook::pause(self.failures, |below| self.service.inner.chance.below(below));
                self.quiet_until = now.plus(asked.map_or(pause, |asked| asked.max(pause)));
                if self.failures == 1 {
                    tracing::warn!(
                        webhook = self.hook.name,
                        seq,
                        said,
                        "a webhook could not be brought; it is tried again"
                    );
                }
            }
            Outcome::Refused(said) | Outcome::Gone(said) => {
                tracing::warn!(webhook = self.hook.name, seq, said, "a webhook was refused");
            }
        }
        Ok(Some(outcome))
    }

    /// Brings the event that the others wait behind.
    async fn try_head(&mut self, wanted: &Wanted, at: Instant) -> Answered<Nap> {
        let (seq, request) = (wanted.stored.seq, wanted.number());
        let Some(outcome) = self.send(wanted, at).await? else { return Ok(Nap::For(LOOK)) };
        let now = self.service.now().at;
        let known = self.waits.filter(|waits| waits.seq == seq);
        let waits =
            Waits { seq, tries: known.map_or(0, |k| k.tries).saturating_add(1), since: known.map_or(at, |k| k.since) };
        let aside = |sentence: String, next_at: Instant, dead_at: Option<Instant>| Undelivered {
            follower: self.name.clone(),
            seq,
            request,
            since: waits.since,
            tries: waits.tries,
            next_at,
            dead_at,
            sentence,
        };
        let draw = |below| self.service.inner.chance.below(below);
        let put = match outcome {
            Outcome::Delivered => None,
            Outcome::Failed(..) if !webhook::makes_way(waits.tries, now.since(waits.since)) => {
                self.waits = Some(waits);
                return Ok(Nap::None);
            }
            Outcome::Failed(said, _) => Some(aside(said, now.plus(webhook::pause(waits.tries, draw)), None)),
            Outcome::Refused(said) => Some(aside(said, now.plus(webhook::slowly(waits.tries, draw)), None)),
            Outcome::Gone(said) => Some(aside(said, now, Some(now))),
        };
        let fault = put.as_ref().map(|put| (put.dead_at.is_some(), put.sentence.clone()));
        match fault {
            None => self.record(wanted, None).await?,
            Some((true, said)) => self.record(wanted, Some(said)).await?,
            Some((false, _)) => {}
        }
        if self.write(now, Step { seq: Some(seq), put, gone: None }).await? {
            (self.waits, self.taken, self.passed) = (None, None, self.passed.max(seq));
        }
        Ok(Nap::None)
    }

    /// Tries once more what was put aside.
    async fn try_aside(&mut self, mut aside: Undelivered, at: Instant) -> Answered<Nap> {
        let Some(wanted) = self.found(aside.seq).await? else {
            aside.sentence = "its event cannot be read: run nightlatch doctor".into();
            return self.bury(aside, at).await;
        };
        let Some(outcome) = self.send(&wanted, at).await? else { return Ok(Nap::For(LOOK)) };
        let now = self.service.now().at;
        aside.tries = aside.tries.saturating_add(1);
        let draw = |below| self.service.inner.chance.below(below);
        match outcome {
            Outcome::Delivered => {
                self.record(&wanted, None).await?;
                if self.write(now, Step { gone: Some(aside.seq), ..Step::default() }).await? {
                    self.taken = None;
                }
                return Ok(Nap::None);
            }
            Outcome::Gone(said) => {
                aside.sentence = said;
                return self.bury(aside, now).await;
            }
            Outcome::Failed(said, _) => {
                (aside.sentence, aside.next_at) = (said, now.plus(webhook::pause(aside.tries, draw)));
            }
            Outcome::Refused(said) => {
                (aside.sentence, aside.next_at) = (said, now.plus(webhook::slowly(aside.tries, draw)));
            }
        }
        self.write(now, Step { put: Some(aside), ..Step::default() }).await?;
        Ok(Nap::None)
    }

    /// Gives up: from now on it is a dead letter.
    async fn bury(&mut self, mut aside: Undelivered, at: Instant) -> Answered<Nap> {
        if let Some(wanted) = self.found(aside.seq).await? {
            self.record(&wanted, Some(aside.sentence.clone())).await?;
        }
        tracing::error!(
            webhook = self.hook.name,
            seq = aside.seq,
            said = aside.sentence,
            "a webhook's event is given up"
        );
        aside.dead_at = Some(at);
        let written = self.write(at, Step { put: Some(aside), ..Step::default() }).await?;
        Ok(if written { Nap::None } else { Nap::For(LOOK) })
    }

    async fn found(&self, seq: i64) -> Answered<Option<Wanted>> {
        let Some(stored) = self.service.inner.store.event(seq).await? else { return Ok(None) };
        about(&self.service, &stored).await
    }

    /// Writes a step down; false where another replica took over meanwhile.
    async fn write(&mut self, at: Instant, step: Step) -> Answered<bool> {
        let inner = &self.service.inner;
        let held = inner.store.step_follower(&self.name, &inner.replica, at, step).await?;
        self.lease_until = if held { at.plus(HOLDS) } else { Instant::default() };
        Ok(held)
    }

    async fn record(&self, wanted: &Wanted, fault: Option<String>) -> Answered<()> {
        // What is told of no request stands on none.
        let Some(request) = wanted.request.as_ref().filter(|_| webhook::is_told(&wanted.event)) else { return Ok(()) };
        let (number, seq) = (request.number, wanted.stored.seq);
        let channel = self.name.parse().map_err(|bad: BadChannel| Fault::Broken(bad.to_string()))?;
        match self.service.delivered(number, seq, &channel, fault).await {
            Err(Fault::Refused(refusal)) => {
                tracing::warn!(webhook = self.hook.name, seq, %refusal, "a delivery could not be recorded");
                Ok(())
            }
            other => other,
        }
    }
}

/// How long until `then`, if it is still to come; what a clock that had jumped put off is due.
fn left(then: Instant, at: Instant) -> Option<Length> {
    let left = then.since(at);
    (left > Length::ZERO && left <= webhook::FURTHEST).then_some(left)
}

/// An event with its request, if it is one of a request, or about the policy.
async fn about(service: &Service, stored: &Stored) -> Answered<Option<Wanted>> {
    // What a newer version wrote is not for this one to tell.
    let (Ok(told), Ok(subject)) = (stored.told(), stored.subject.parse()) else { return Ok(None) };
    let request = match subject {
        Subject::Request(number) => match service.inner.store.request(number).await? {
            Some((request, _)) => Some(request),
            None => return Ok(None),
        },
        Subject::Policy => None,
        _ => return Ok(None),
    };
    Ok(Some(Wanted { stored: stored.clone(), event: told.event, request }))
}

async fn wanted(service: &Service, hook: &Hook, stored: &Stored) -> Answered<Option<Wanted>> {
    if !stored.told().is_ok_and(|told| webhook::wants(&hook.what, &told.event)) {
        return Ok(None);
    }
    let found = about(service, stored).await?;
    // One that wants some systems wants nothing that is about none.
    let ours = |wanted: &Wanted| {
        let system = wanted.request.as_ref().map(|request| &request.ask.system);
        hook.systems.as_ref().is_none_or(|systems| system.is_some_and(|system| systems.contains(system)))
    };
    Ok(found.filter(ours))
}

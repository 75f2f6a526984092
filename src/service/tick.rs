//! What happens by itself: once a second, and at once when something was written.

use super::{Answered, Service};
use crate::access::command::Command;
use crate::access::facts::Facts;
use crate::access::{Actor, Now, Status, Subject, decide, status};
use crate::policy::Policy;
use crate::text::{Instant, Length};
use std::path::Path;
use std::sync::atomic::Ordering;

/// How often the store is told that we live.
const ALIVE: Length = Length::from_seconds(30);
/// How often the clock is held against the database's.
const COMPARE: Length = Length::from_seconds(10);
/// How often the targets are swept.
const SWEEP: Length = Length::from_minutes(5);
/// How long after the first sweep, or after the clock was wrong, they are swept once more: longer than any act takes.
const SOON: Length = Length::from_seconds(35);
/// How often whoever waits is held against who is on duty.
const DUTY: Length = Length::from_seconds(20);
/// How many lapses one tick records.
const LAPSES: i64 = 500;

/// When what was done last.
#[derive(Default)]
struct Turns {
    alive: Instant,
    compared: Instant,
    swept: Instant,
    /// How often the clock had been wrong when what it put off was last put right.
    doubts: Option<u64>,
    /// The targets were swept for that last.
    anew: bool,
    duty: Instant,
    stamp: Option<std::time::SystemTime>,
    /// The policy file that could not be read last time: one that is so twice is told of.
    refused: Option<String>,
}

/// A policy file that is refused.
pub(super) struct Broken {
    /// Of what stands in it.
    hash: String,
    fault: String,
}

impl Service {
    /// The loop of the clock: follows the head, records lapses, signs, reloads the policy's file.
    pub(super) async fn run_ticks(self) {
        let mut head = self.inner.store.subscribe();
        let mut turns = Turns::default();
        loop {
            if let Err(error) = self.tick(&mut turns).await {
                tracing::warn!(%error, "the tick did not come through; it is tried again in a second");
            }
            let tick = self.inner.clock.pause(std::time::Duration::from_secs(1));
            tokio::pin!(tick);
            // Between two ticks only the board is kept up, so that panes see what was written at once.
            loop {
                tokio::select! {
                    biased;
                    () = &mut tick => break,
                    () = self.inner.stop.cancelled() => return,
                    changed = head.changed() => {
                        if changed.is_err() {
                            return;
                        }
                        if let Err(error) = self.follow().await {
                            tracing::warn!(%error, "the board could not follow");
                        }
                    }
                }
            }
        }
    }

    async fn tick(&self, turns: &mut Turns) -> Answered<()> {
        self.inner.clock.look();
        let now = self.now();
        // One reading of the head is all that an idle second costs, and on SQLite most often not even that.
        let head = self.inner.store.poll_head().await?;
        if head > self.inner.board.seq() {
            self.follow().await?;
        }
        if self.inner.board.is_due(now.at) {
            self.lapse(now.at).await?;
        }
        // A clock that jumped ahead and came back must not keep a turn waiting, so the distance counts either way.
        let is_over = |last: Instant, length: Length| now.at.since(last).millis().abs() >= length.millis();
        let duty = is_over(turns.duty, DUTY) || self.inner.duty_moved.swap(false, Ordering::SeqCst);
        if duty {
            turns.duty = now.at;
        }
        self.escalate(now, duty).await?;
        if is_over(turns.alive, ALIVE) && self.inner.board.open() > 0 {
            self.inner.store.touch_alive(now.at).await?;
            turns.alive = now.at;
        }
        if let Some(path) = self.inner.options.policy_file.clone() {
            let modified = newest(&path);
            let asked = self.inner.reload.swap(false, Ordering::SeqCst);
            if turns.stamp != modified || asked || turns.refused.is_some() {
                turns.stamp = modified;
                let refused = self.reload_policy(&path).await?;
                self.tell_refused(&mut turns.refused, refused).await?;
            }
        }
        self.read_calendars(now.at).await?;
        self.compare_clocks(&mut turns.compared).await?;
        // While the clock was wrong, what is wanted may have been taken out, and whatever waits was put off by that clock.
        let doubts = Some(self.inner.clock.doubts());
        let came_back = now.sane && turns.doubts != doubts;
        if came_back {
            match self.inner.store.end_pauses(now.at).await {
                Ok(()) => turns.doubts = doubts,
                Err(error) => {
                    tracing::warn!(%error, "what a wrong clock put off stays put off; tried again in a second");
                }
            }
            self.inner.wake.notify_one();
        }
        let anew = came_back && turns.doubts == doubts;
        if anew || is_over(turns.swept, SWEEP) {
            // What somebody was at while they died, or by the wrong clock, may still arrive there: looked at again soon.
            turns.swept = if anew { now.at.minus(SWEEP).plus(SOON) } else { now.at };
            let every = std::mem::replace(&mut turns.anew, anew) || anew;
            let service = self.clone();
            // A slow target must not hold up the tick.
            tokio::spawn(async move {
                if let Err(error) = service.sweep(every).await {
                    tracing::warn!(%error, "the targets could not be swept");
                }
            });
        }
        self.sweep_board(now.at);
        if self.inner.keeper.is_signed(head) { Ok(()) } else { self.keep(now.at).await }
    }

    /// Holds the clock against the database's, where that has one: replicas must agree on what time it is.
    async fn compare_clocks(&self, compared: &mut Instant) -> Answered<()> {
        let wall = self.inner.clock.wall();
        if wall.since(*compared).millis().abs() < COMPARE.millis() {
            return Ok(());
        }
        *compared = wall;
        if let Some(other) = self.inner.store.database_at().await? {
            let apart = Length::from_millis(other.since(self.inner.clock.wall()).millis().abs());
            let skewed = apart > self.inner.options.clock_skew;
            if skewed {
                tracing::error!(%apart, "the clock and the database's disagree: nothing is given until they agree");
            }
            self.inner.clock.set_skewed(skewed);
        }
        Ok(())
    }

    /// Writes down what nobody decided in time. It holds already; this is only its event.
    pub(super) async fn lapse(&self, at: Instant) -> Answered<()> {
        for number in self.inner.store.due(at, LAPSES).await? {
            self.send(&Actor::Clock, Some(Subject::Request(number)), Command::Lapse, None).await?;
        }
        Ok(())
    }

    /// Takes the steps of ladders that fell due; `duty`: looks at all that waits, for a change of duty.
    async fn escalate(&self, now: Now, duty: bool) -> Answered<()> {
        let waiting = self.inner.board.to_look_at(now.at, duty);
        if waiting.is_empty() || self.ready().is_err() {
            return Ok(());
        }
        let ruling = self.ruling().await?;
        let frozen = self.inner.board.frozen();
        for request in waiting {
            let facts = Facts::about((&ruling.policy, &ruling.hash), &request, &frozen);
            // Run dry first: looking must not cost a write.
            if !decide(&facts, &Actor::Clock, &Command::Escalate, now).is_ok_and(|events| !events.is_empty()) {
                continue;
            }
            let subject = Some(Subject::Request(request.number));
            self.send(&Actor::Clock, subject, Command::Escalate, None).await?;
        }
        Ok(())
    }

    /// Reads the policy's file; a broken one is refused whole, and the old one stays: what of it, and why.
    pub(super) async fn reload_policy(&self, path: &Path) -> Answered<Option<Broken>> {
        match self.read_policy_file(path) {
            Ok((text, by)) => {
                let hash = super::ruling::policy_hash(&text);
                self.set_file_fault(None);
                if self.inner.store.head().await?.policy != hash {
                    let command = Command::ChangePolicy { hash: hash.clone(), text, words: None };
                    self.send(&Actor::os(&by), Some(Subject::Policy), command, None).await?;
                    self.refresh_ruling().await?;
                    tracing::info!(hash, "another policy rules");
                    self.end_by_policy();
                }
            }
            Err(broken) => {
                if self.file_fault().as_ref() != Some(&broken.fault) {
                    tracing::error!(fault = broken.fault, "the policy's file is refused; the old policy stays");
                    self.set_file_fault(Some(broken.fault.clone()));
                }
                return Ok(Some(broken));
            }
        }
        Ok(None)
    }

    /// Writes down that the policy's file is refused, once for what stands in it, and not while it is still being written.
    async fn tell_refused(&self, before: &mut Option<String>, refused: Option<Broken>) -> Answered<()> {
        let hash = refused.as_ref().map(|broken| broken.hash.clone());
        let Some(Broken { hash, fault }) = refused.filter(|_| *before == hash) else {
            *before = hash;
            return Ok(());
        };
        let last = self.inner.store.policy_said().await?.filter(|last| last.kind == "policy-refused");
        let known = last.and_then(|last| serde_json::from_str::<serde_json::Value>(&last.body).ok());
        if known.is_none_or(|known| known.get("hash").and_then(serde_json::Value::as_str) != Some(hash.as_str())) {
            self.send(&Actor::Clock, Some(Subject::Policy), Command::RefusePolicy { hash, fault }, None).await?;
        }
        *before = None;
        Ok(())
    }

    /// The text of the policy's files, when it is without fault, and whose they are.
    fn read_policy_file(&self, path: &Path) -> Result<(String, String), Broken> {
        // What cannot even be read is known by what is wrong with it.
        let file = crate::config::PolicyFile::load(path).map_err(|faults| {
            let fault = sentences(&faults);
            Broken { hash: super::ruling::policy_hash(&fault), fault }
        })?;
        let text = file.source.to_text();
        super::ruling::read_policy(&text, &self.inner.options.base).map_err(|faults| {
            let hash = super::ruling::policy_hash(&text);
            Broken { hash, fault: faults.join("; ") }
        })?;
        Ok((text, file.by))
    }

    /// Ends the live grants that the ruling policy no longer knows, in the background: a crash only delays it to the next start.
    pub(super) fn end_by_policy(&self) {
        let service = self.clone();
        tokio::spawn(async move {
            if let Err(error) = service.end_unknown().await {
                tracing::error!(%error, "grants that the policy no longer knows were not all ended");
            }
        });
    }

    async fn end_unknown(&self) -> Answered<()> {
        let ruling = self.ruling().await?;
        for (request, _) in self.inner.store.open_requests().await? {
            let Some(lost) = lost(&ruling.policy, &request) else { continue };
            let live = matches!(status(&request, self.now().at), Status::Approved | Status::Granting | Status::Active);
            if live {
                let command = Command::EndByPolicy { words: lost };
                self.send(&Actor::Clock, Some(Subject::Request(request.number)), command, None).await?;
            }
        }
        Ok(())
    }
}

/// What a policy no longer knows of a request, in a sentence.
pub(super) fn lost(policy: &Policy, request: &crate::access::Request) -> Option<String> {
    if policy.person(&request.ask.user).is_none() {
        return Some(format!("the policy no longer knows {}", request.ask.user));
    }
    let Some(system) = policy.systems.get(&request.ask.system) else {
        return Some(format!("the policy no longer knows the system {}", request.ask.system));
    };
    let role = request.role();
    if system.role(role.as_str()).is_none() {
        return Some(format!("the policy no longer knows the role {role} of {}", system.id));
    }
    None
}

fn sentences(faults: &[crate::policy::Fault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// When the policy's file, or anything in its folder, was changed last.
fn newest(path: &Path) -> Option<std::time::SystemTime> {
    let of = |path: &Path| std::fs::metadata(path).and_then(|meta| meta.modified()).ok();
    let folder = path.parent().map(|folder| folder.join("policy.d"));
    let entries = folder.and_then(|folder| std::fs::read_dir(folder).ok());
    let others = entries.into_iter().flatten().filter_map(|entry| of(&entry.ok()?.path()));
    others.chain(of(path)).max()
}

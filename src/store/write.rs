//! The one write. One task a process takes commands from two queues, people first, and does what waits in one transaction: take
//! the head, load, read the clock once, decide in memory, append, fold, commit, answer.
//!
//! Must never wait to fill a batch, never answer before the commit, and never believe a commit that failed: it reads again.

use super::act::{Act, Done, GivenBack, LeaseAsk, Leased, WriteError};
use super::change::{Change, Changes, Dues};
use super::engine::{Engine, Writer};
use super::fault::StoreError;
use super::follow::{self, Follow};
use super::keep::Stored;
use super::lease;
use super::load::{KEYS_LIVE, begin_at_head, load};
use super::policies::Policies;
use super::row::Arg;
use super::save::save;
use super::world::Moment;
use crate::access::Now;
use crate::clock::Clock;
use crate::text::{Instant, Length};
use crate::trail::Link;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// How often, and how far apart, a commit that failed is read again.
const READS_AGAIN: u32 = 20;
const READ_AGAIN_AFTER: Duration = Duration::from_millis(500);
/// Gives back all that a replica has leased.
const GIVE_ALL_BACK: &str = "UPDATE work SET replica = NULL, next_at = $1 WHERE replica = $2";
/// How often old keys are swept.
const SWEEP: Length = Length::from_hours(1);

/// Where an answer goes. Whoever asked may be gone.
pub(super) type Answer<T> = oneshot::Sender<T>;
type ActAnswer = Answer<Result<Done, WriteError>>;

/// A small write without an event.
#[derive(Debug, Clone)]
pub(super) enum Side {
    GiveBack { replica: String, leases: Vec<GivenBack>, at: Instant },
    GiveAllBack { replica: String, at: Instant },
    EndPauses { at: Instant },
    Alive { at: Instant },
    Checkpoint { size: i64, at: Instant, note: String },
    TouchToken { id: i64, at: Instant },
}

/// What waits in a queue.
pub(super) enum Job {
    Act(Box<Act>, ActAnswer),
    Lease(LeaseAsk, Answer<Result<Vec<Leased>, StoreError>>),
    Side(Side, Answer<Result<(), StoreError>>),
    Follow(Follow, Answer<Result<usize, StoreError>>),
    /// Take no more, do what waits, say so.
    Stop(Answer<()>),
}

/// The writer's task.
pub(super) struct Scribe {
    pub writer: Writer,
    pub engine: Engine,
    pub clock: Clock,
    pub policies: Arc<Policies>,
    pub seq: Arc<watch::Sender<i64>>,
    pub changes: Arc<Changes>,
    pub dues: Arc<Dues>,
    /// How many commands one transaction takes at most.
    pub limit: usize,
    pub swept: Option<Instant>,
}

/// The two queues, people's first.
pub(super) struct Queues {
    pub people: mpsc::Receiver<Job>,
    pub machine: mpsc::Receiver<Job>,
}

impl Queues {
    /// What waits, at least one and at most `limit`; `None` when nothing can come any more. A quarter is the machine's, so
    /// that no crowd of people keeps access from being removed.
    async fn next(&mut self, limit: usize) -> Option<Vec<Job>> {
        let first = tokio::select! {
            biased;
            Some(job) = self.people.recv() => job,
            Some(job) = self.machine.recv() => job,
            else => return None,
        };
        let mut jobs = vec![first];
        // Whoever is about to send comes along: others run once, and again as long as that brings more. Nobody is waited for.
        let mut before = 0;
        while jobs.len() > before && jobs.len() < limit {
            before = jobs.len();
            tokio::task::yield_now().await;
            for (queue, upto) in [(&mut self.people, limit - limit / 4), (&mut self.machine, limit)] {
                while jobs.len() < upto
                    && let Ok(job) = queue.try_recv()
                {
                    jobs.push(job);
                }
            }
        }
        while jobs.len() < limit
            && let Ok(job) = self.people.try_recv()
        {
            jobs.push(job);
        }
        Some(jobs)
    }
}

impl Scribe {
    /// Writes until every sender is gone, or somebody says stop.
    pub(super) async fn run(mut self, mut queues: Queues) {
        let mut stopped = Vec::new();
        while let Some(jobs) = queues.next(self.limit).await {
            let mut acts = Vec::with_capacity(jobs.len());
            let mut others = Vec::new();
            for job in jobs {
                match job {
                    Job::Act(act, answer) => acts.push((act, answer)),
                    other => others.push(other),
                }
            }
            if !acts.is_empty() {
                self.acts(acts).await;
            }
            for job in others {
                match job {
                    Job::Lease(ask, answer) => drop(answer.send(self.lease(&ask).await)),
                    Job::Side(side, answer) => drop(answer.send(self.side(side).await)),
                    Job::Follow(follow, answer) => drop(answer.send(self.follow(follow).await)),
                    Job::Stop(answer) => {
                        queues.people.close();
                        queues.machine.close();
                        stopped.push(answer);
                    }
                    Job::Act(..) => {}
                }
            }
        }
        for answer in stopped {
            let _ = answer.send(());
        }
    }

    async fn acts(&mut self, jobs: Vec<(Box<Act>, ActAnswer)>) {
        let acts: Vec<&Act> = jobs.iter().map(|(act, _)| &**act).collect();
        let answers = match self.batch(&acts).await {
            Ok(answers) => answers,
            // One of them may be at fault: the others must not suffer for it.
            Err(StoreError::Refused(_) | StoreError::Broken(_)) if acts.len() > 1 => {
                let mut answers = Vec::with_capacity(acts.len());
                for act in acts {
                    answers.push(match self.batch(&[act]).await {
                        Ok(answer) => answer.into_iter().next().unwrap_or_else(|| Err(lost().into())),
                        Err(fault) => Err(fault.into()),
                    });
                }
                answers
            }
            Err(fault) => acts.iter().map(|_| Err(fault.clone().into())).collect(),
        };
        for ((_, answer), done) in jobs.into_iter().zip(answers) {
            let _ = answer.send(done);
        }
    }

    /// Does `acts` in one transaction. An error means that none of them left anything, unless it is unknown.
    pub(super) async fn batch(&mut self, acts: &[&Act]) -> Result<Vec<Result<Done, WriteError>>, StoreError> {
        let done = self.batch_once(acts).await;
        if done.is_err() {
            self.writer.rollback().await;
        }
        done
    }

    async fn batch_once(&mut self, acts: &[&Act]) -> Result<Vec<Result<Done, WriteError>>, StoreError> {
        let mut world = load(&mut self.writer, acts, &self.policies).await?;
        let moment = self.moment(world.head.at);
        let answers = acts.iter().map(|act| world.act(act, moment, &self.policies)).collect();
        if world.changes.is_empty() {
            self.writer.rollback().await;
        } else {
            save(&mut self.writer, &world, moment.recorded).await?;
            self.sweep(moment.recorded).await?;
            match self.writer.commit().await {
                Err(StoreError::Unknown(why)) => self.settle(&world.changes.events, why).await?,
                other => other?,
            }
        }
        if world.head.seq > *self.seq.borrow() {
            let engine = self.engine.clone();
            // From another connection, and never waited for: it is only a hint.
            tokio::spawn(async move { engine.hint().await });
        }
        if let Some(change) = Change::of(&world) {
            self.dues.put(&change);
            self.changes.put(change);
        }
        self.publish(world.head.seq);
        Ok(answers)
    }

    /// The clock, read once for a batch; never before the head.
    fn moment(&self, head: Instant) -> Moment {
        let reading = self.clock.read();
        let now = Now { at: reading.now.at.max(head), sane: reading.now.sane };
        Moment { recorded: reading.recorded.max(head), now }
    }

    /// Old keys are forgotten now and then.
    async fn sweep(&mut self, at: Instant) -> Result<(), StoreError> {
        if self.swept.is_some_and(|swept| at.since(swept) < SWEEP) {
            return Ok(());
        }
        let args = vec![at.minus(KEYS_LIVE).millis().into()];
        self.writer.execute("DELETE FROM command_key WHERE at <= $1", args).await?;
        self.swept = Some(at);
        Ok(())
    }

    /// After a commit that failed: did it happen? Our link at the batch's first number means all of it did.
    pub(super) async fn settle(&mut self, events: &[Stored], why: String) -> Result<(), StoreError> {
        let Some(first) = events.first() else { return Err(StoreError::Unknown(why)) };
        for _ in 0..READS_AGAIN {
            let found = self.link_at(first.seq).await;
            self.writer.rollback().await;
            match found {
                Ok(Some(link)) if link == first.link && self.engine.location().reads_what_lasts() => return Ok(()),
                // A sync that failed is not believed because a later reading looks well.
                Ok(Some(link)) if link == first.link => return Err(StoreError::Unknown(why)),
                Ok(_) => {
                    let sentence = "the store failed while committing, and nothing was written: try again";
                    return Err(StoreError::Away(sentence.into()));
                }
                Err(StoreError::Broken(fault)) => return Err(StoreError::Unknown(format!("{why} ({fault})"))),
                Err(_) => self.clock.pause(READ_AGAIN_AFTER).await,
            }
        }
        Err(StoreError::Unknown(why))
    }

    /// The link of event `seq`, read under the head: a commit that is still under way on the other side is over by then.
    async fn link_at(&mut self, seq: i64) -> Result<Option<Link>, StoreError> {
        begin_at_head(&mut self.writer).await?;
        let rows = self.writer.fetch("SELECT link FROM event WHERE seq = $1", vec![seq.into()]).await?;
        let link = rows.first().map(|row| row.text(0)).transpose()?;
        Ok(link.and_then(|link| link.parse().ok()))
    }

    fn publish(&self, seq: i64) {
        self.seq.send_if_modified(|known| {
            let newer = seq > *known;
            *known = seq.max(*known);
            newer
        });
    }

    async fn lease(&mut self, ask: &LeaseAsk) -> Result<Vec<Leased>, StoreError> {
        // A lane ends by finding nothing more to do: that must not cost a commit.
        if !lease::any(&self.engine, ask, self.clock.read()).await? {
            return Ok(Vec::new());
        }
        let taken = async {
            let leased = lease::take(&mut self.writer, ask, self.clock.read()).await?;
            self.writer.commit().await?;
            Ok(leased)
        };
        let taken = taken.await;
        if taken.is_err() {
            self.writer.rollback().await;
        }
        taken
    }

    async fn side(&mut self, side: Side) -> Result<(), StoreError> {
        let (sql, args) = Self::side_sql(side);
        let done = async {
            self.writer.begin_with(vec![(sql, args)]).await?;
            self.writer.commit().await
        };
        let done = done.await;
        if done.is_err() {
            self.writer.rollback().await;
        }
        done
    }

    async fn follow(&mut self, follow: Follow) -> Result<usize, StoreError> {
        let done = follow::write(&mut self.writer, follow).await;
        if done.is_err() {
            self.writer.rollback().await;
        }
        done
    }

    fn side_sql(side: Side) -> (String, Vec<Arg>) {
        match side {
            Side::GiveBack { replica, leases, at } => {
                let mut args: Vec<Arg> = vec![at.millis().into(), replica.into()];
                let mut named = Vec::with_capacity(leases.len());
                for (key, attempt) in leases {
                    named.push(format!("(access_key = ${} AND attempt = ${})", args.len() + 1, args.len() + 2));
                    args.extend([Arg::from(key), attempt.into()]);
                }
                (format!("{GIVE_ALL_BACK} AND ({})", named.join(" OR ")), args)
            }
            Side::GiveAllBack { replica, at } => (GIVE_ALL_BACK.into(), vec![at.millis().into(), replica.into()]),
            Side::EndPauses { at } => {
                let sql = "UPDATE work SET next_at = $1 WHERE replica IS NULL AND failures > 0 AND next_at > $1";
                (sql.into(), vec![at.millis().into()])
            }
            Side::Alive { at } => {
                let sql = "UPDATE head SET alive_at = $1 WHERE one = 1 AND alive_at < $1";
                (sql.into(), vec![at.millis().into()])
            }
            Side::Checkpoint { size, at, note } => {
                let sql = "INSERT INTO checkpoint (size, at, note) VALUES ($1, $2, $3) \
                    ON CONFLICT (size) DO UPDATE SET at = excluded.at, note = excluded.note";
                (sql.into(), vec![size.into(), at.millis().into(), note.into()])
            }
            Side::TouchToken { id, at } => {
                let sql = "UPDATE token SET used_at = $2 WHERE id = $1 AND kind = 'token' \
                    AND (used_at IS NULL OR used_at < $3)";
                let before = at.minus(Length::from_minutes(1));
                (sql.into(), vec![id.into(), at.millis().into(), before.millis().into()])
            }
        }
    }
}

fn lost() -> StoreError {
    StoreError::Broken("a write came to no answer: this is a fault of nightlatch".into())
}

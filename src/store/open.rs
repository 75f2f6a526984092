//! Opening a store, and what may be asked of its writer. A store has one writer a process; a SQLite file has one server.

use super::act::{Act, Done, GivenBack, LeaseAsk, Leased, Queue, WriteError};
use super::change::{Change, Changes, Dues};
use super::engine::{Engine, Writer};
use super::fault::StoreError;
use super::follow::{self, Follow};
use super::head::{COLUMNS, Head};
use super::hint;
use super::location::{Location, Trace};
use super::policies::{Policies, PolicyReader};
use super::schema;
use super::stand_in::StandIn;
use super::write::{Answer, Job, Queues, Scribe, Side};
use crate::access::event::FIRST_FORMAT;
use crate::access::id::BEFORE_FIRST;
use crate::clock::Clock;
use crate::secret;
use crate::text::Instant;
use crate::trail::{Frontier, Link};
use futures_util::future::BoxFuture;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot, watch};

/// How many commands may wait in one queue; whoever comes then waits before it.
const QUEUE: usize = 1_024;
/// So many leases are given back in one statement.
const GIVEN_BACK: usize = 100;
/// So often in a row the files alone may say that nobody wrote.
const UNASKED: u32 = 30;
/// The letters of a store's id, and how many.
const ID_LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
const ID_LONG: usize = 8;

/// How a store is opened.
#[derive(Clone)]
pub struct Options {
    /// Reads a policy's text.
    pub policies: PolicyReader,
    /// To serve: on SQLite, no second server may.
    pub serve: bool,
}

/// An open store. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub engine: Engine,
    pub clock: Clock,
    pub policies: Arc<Policies>,
    pub store_id: String,
    people: mpsc::Sender<Job>,
    machine: mpsc::Sender<Job>,
    seq: Arc<watch::Sender<i64>>,
    changes: Arc<Changes>,
    dues: Arc<Dues>,
    /// What the store's files looked like before the head was polled last, and how often it was not asked since.
    seen: Mutex<(Option<Trace>, u32)>,
    /// Held as long as the store is open.
    _lock: Option<File>,
}

impl Inner {
    /// Whether the files say that nobody wrote since the last look. Now and then the store is asked all the same.
    fn is_quiet(&self) -> bool {
        let trace = self.engine.location().trace();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let quiet = trace.is_some() && seen.0 == trace && seen.1 < UNASKED;
        *seen = (trace, if quiet { seen.1 + 1 } else { 0 });
        quiet
    }
}

impl Store {
    /// Opens the store, and makes it if there is none. `clock` begins after what the store knows.
    pub async fn open(location: &Location, clock: Clock, options: Options) -> Result<Self, StoreError> {
        let engine = Engine::open(location).await?;
        let lock = match location {
            Location::Sqlite(path) if options.serve => Some(lock(path)?),
            _ => None,
        };
        Self::open_on(engine, lock, clock, options).await
    }

    /// Opens a store on what stands in for a database, for simulation.
    pub async fn simulated(it: Arc<dyn StandIn>, clock: Clock, options: Options) -> Result<Self, StoreError> {
        Self::open_on(Engine::stand_in(it), None, clock, options).await
    }

    async fn open_on(engine: Engine, lock: Option<File>, clock: Clock, options: Options) -> Result<Self, StoreError> {
        let mut writer = engine.writer();
        schema::create(&mut writer).await?;
        let head = begin(&mut writer).await?;
        if lock.is_some() {
            // Nobody else serves this file: what whoever died here held is free.
            follow::free_all(&mut writer).await?;
        }
        let live = engine.read("SELECT number FROM request WHERE phase = 'held' LIMIT 1", vec![]).await?;
        clock.begin_after(head.at.max(head.alive_at), !live.is_empty());
        let (people, people_queue) = mpsc::channel(QUEUE);
        let (machine, machine_queue) = mpsc::channel(QUEUE);
        let seq = Arc::new(watch::Sender::new(head.seq));
        let changes = Arc::new(Changes::default());
        let dues = Arc::new(Dues::default());
        let policies = Arc::new(Policies::new(options.policies));
        let scribe = Scribe {
            writer,
            engine: engine.clone(),
            clock: clock.clone(),
            policies: policies.clone(),
            seq: seq.clone(),
            changes: changes.clone(),
            dues: dues.clone(),
            limit: engine.batch_limit(),
            swept: None,
        };
        tokio::spawn(scribe.run(Queues { people: people_queue, machine: machine_queue }));
        let (store_id, seen) = (head.store_id, Mutex::default());
        let inner = Arc::new(Inner {
            engine,
            clock,
            policies,
            store_id,
            people,
            machine,
            seq,
            changes,
            dues,
            seen,
            _lock: lock,
        });
        let weak = Arc::downgrade(&inner);
        let on_hint = move || {
            let store = Self { inner: weak.upgrade()? };
            let looking: BoxFuture<'static, ()> = Box::pin(async move {
                // A failure is found by the tick as well, which says so.
                drop(store.poll_head().await);
            });
            Some(looking)
        };
        tokio::spawn(hint::follow(inner.engine.clone(), on_hint));
        Ok(Self { inner })
    }

    /// Which store it is.
    pub fn id(&self) -> &str {
        &self.inner.store_id
    }

    /// The clock that it writes by.
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// Does one command: the only way in which anything changes. Answered after the commit. Whoever stops waiting does not
    /// stop it.
    pub async fn act(&self, act: Act) -> Result<Done, WriteError> {
        let queue = act.queue;
        self.ask(queue, |answer| Job::Act(Box::new(act), answer)).await?
    }

    /// Takes due work of one target. While the clock is insane only removals are given out.
    pub async fn lease(&self, ask: LeaseAsk) -> Result<Vec<Leased>, StoreError> {
        self.ask(Queue::Machine, |answer| Job::Lease(ask, answer)).await?
    }

    /// Gives leases back that nobody will report on: they fall due `at`. Each is a key and the attempt that it was leased for:
    /// one that comes late must not take a later lease of the same replica away.
    pub async fn give_back(&self, replica: &str, leases: &[GivenBack], at: Instant) -> Result<(), StoreError> {
        for some in leases.chunks(GIVEN_BACK) {
            self.side(Side::GiveBack { replica: replica.to_owned(), leases: some.to_vec(), at }).await?;
        }
        Ok(())
    }

    /// Gives everything back that `replica` holds.
    pub async fn give_all_back(&self, replica: &str, at: Instant) -> Result<(), StoreError> {
        self.side(Side::GiveAllBack { replica: replica.to_owned(), at }).await
    }

    /// Ends the pauses after failed attempts: what waits for another try falls due `at`. A clock that was wrong set them.
    pub async fn end_pauses(&self, at: Instant) -> Result<(), StoreError> {
        self.side(Side::EndPauses { at }).await
    }

    /// Writes down that a server lives at `at`; never later than elapsed time says, so that a jump is not kept.
    pub async fn touch_alive(&self, at: Instant) -> Result<(), StoreError> {
        self.side(Side::Alive { at: at.min(self.inner.clock.read().recorded) }).await
    }

    /// Keeps a checkpoint over the first `size` events.
    pub async fn put_checkpoint(&self, size: i64, at: Instant, note: &str) -> Result<(), StoreError> {
        self.side(Side::Checkpoint { size, at, note: note.to_owned() }).await
    }

    /// Writes down that a token was used, to the minute.
    pub async fn touch_token(&self, id: i64, at: Instant) -> Result<(), StoreError> {
        self.side(Side::TouchToken { id, at }).await
    }

    /// The head's number, as it moves: after each commit here, and whenever [`Store::poll_head`] finds another process's.
    pub fn subscribe(&self) -> watch::Receiver<i64> {
        self.inner.seq.subscribe()
    }

    /// The head's number as known here, without asking.
    pub fn seq(&self) -> i64 {
        *self.inner.seq.borrow()
    }

    /// What was written here after event `after`, up to the first gap; each is given once. `None`: it has to be read.
    pub fn changes(&self, after: i64) -> Option<Vec<Change>> {
        self.inner.changes.take(after)
    }

    /// `until`, or when a target has to be visited before that for what was written after event `after`, up to `seq`. `None`: what
    /// there is to do has to be read.
    pub fn due_between(&self, after: i64, seq: i64, until: Instant) -> Option<Instant> {
        self.inner.dues.between(after, seq, until)
    }

    /// Looks whether another process wrote; wakes those who follow.
    pub async fn poll_head(&self) -> Result<i64, StoreError> {
        if self.inner.is_quiet() {
            return Ok(*self.inner.seq.borrow());
        }
        let head = self.head().await?;
        self.inner.seq.send_if_modified(|known| {
            let newer = head.seq > *known;
            *known = head.seq.max(*known);
            newer
        });
        Ok(head.seq)
    }

    /// Takes no more commands, does those that wait, and closes.
    pub async fn close(&self) {
        // Already closed: nothing waits.
        let _ = self.ask(Queue::Machine, Job::Stop).await;
        self.inner.engine.close().await;
    }

    async fn side(&self, side: Side) -> Result<(), StoreError> {
        self.ask(Queue::Machine, |answer| Job::Side(side, answer)).await?
    }

    /// A follower's write; says how many rows its first statement touched.
    pub(super) async fn follow(&self, follow: Follow) -> Result<usize, StoreError> {
        self.ask(Queue::Machine, |answer| Job::Follow(follow, answer)).await?
    }

    async fn ask<T>(&self, queue: Queue, job: impl FnOnce(Answer<T>) -> Job) -> Result<T, StoreError> {
        let closed = || StoreError::Away("the store is being closed: ask again once it is back".into());
        let (answer, answered) = oneshot::channel();
        let sender = match queue {
            Queue::People => &self.inner.people,
            Queue::Machine => &self.inner.machine,
        };
        sender.send(job(answer)).await.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())
    }
}

/// Makes the head row where there is none, and reads it.
async fn begin(writer: &mut Writer) -> Result<Head, StoreError> {
    let args = vec![
        Link::ZERO.to_string().into(),
        Frontier::new().to_string().into(),
        BEFORE_FIRST.into(),
        FIRST_FORMAT.into(),
        new_id()?.into(),
    ];
    let sql = "INSERT INTO head (one, seq, at, alive_at, link, tree, number, policy, format, store_id) \
        VALUES (1, 0, 0, 0, $1, $2, $3, '', $4, $5) ON CONFLICT (one) DO NOTHING";
    let read = format!("SELECT {COLUMNS} FROM head WHERE one = 1");
    let rows = writer.begin_with(vec![(sql.to_owned(), args), (read, vec![])]).await?;
    let head = Head::first(rows.get(1).map_or(&[], Vec::as_slice))?;
    writer.commit().await?;
    Ok(head)
}

fn new_id() -> Result<String, StoreError> {
    let bytes = secret::bytes::<ID_LONG>().map_err(|fault| StoreError::Broken(fault.to_string()))?;
    let letter =
        |byte: u8| ID_LETTERS.get(usize::from(byte) % ID_LETTERS.len()).map_or('a', |letter| char::from(*letter));
    Ok(bytes.into_iter().map(letter).collect())
}

/// Takes `PATH.lock`, which the operating system gives back when this process ends, however it ends.
fn lock(path: &Path) -> Result<File, StoreError> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let lock = Path::new(&name);
    let fault = |fault: std::io::Error| {
        StoreError::Broken(format!("{} cannot be locked: {fault}. Look at the folder's owner and mode", lock.display()))
    };
    let file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(lock).map_err(fault)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let path = path.display();
            Err(StoreError::Broken(format!("another server has {path} open: stop it first, or use the one that runs")))
        }
        Err(TryLockError::Error(other)) => Err(fault(other)),
    }
}

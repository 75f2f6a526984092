//! The database of a run, and the door through which one replica comes to it: where the store's faults are made.

use super::sql::{Known, Tables, Value};
use futures_util::future::BoxFuture;
use nightlatch::clock::Clock;
use nightlatch::store::StoreError;
use nightlatch::store::row::Arg;
use nightlatch::store::stand_in::{Came, Session, StandIn};
use nightlatch::text::Length;
use std::cell::RefCell;
use std::sync::{Arc, Mutex, MutexGuard};

/// What is committed, and what one session has begun.
#[derive(Default)]
pub struct Database {
    pub tables: Tables,
    open: Option<(u64, Tables)>,
    sessions: u64,
    /// How many statements there were at this instant, and the last of them.
    pub busy: u64,
    pub last: Vec<String>,
}

/// More statements at one instant than anything sensible takes.
pub const ROUND: u64 = 4_000;

impl Database {
    pub fn new(tables: Tables) -> Self {
        Self { tables, ..Self::default() }
    }
}

thread_local! {
    static KNOWN: RefCell<Known> = RefCell::default();
}

/// How a replica finds the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// It does what it is told.
    Well,
    /// Nothing reaches it.
    Away,
    /// It can be read and not written.
    Full,
    /// A write begins only after so many milliseconds.
    Slow(i64),
    /// Every third commit fails, and may stand all the same.
    Unknown,
    /// The next commit is not answered for as long as this lasts: for a crash. The flag says whether it stands.
    Stuck(bool),
}

/// So often one who waits for a store that is slow or stuck looks whether it still is.
const STUCK: Length = Length::from_millis(100);

/// One replica's way to the database.
pub struct Door {
    pub database: Arc<Mutex<Database>>,
    pub store: Mutex<Store>,
    pub clock: Mutex<Clock>,
    commits: Mutex<u64>,
}

impl Door {
    pub fn new(database: Arc<Mutex<Database>>, clock: Clock) -> Self {
        Self { database, store: Mutex::new(Store::Well), clock: Mutex::new(clock), commits: Mutex::default() }
    }
    pub fn set(&self, store: Store) {
        *self.store.lock().unwrap() = store;
    }
    pub fn is(&self) -> Store {
        *self.store.lock().unwrap()
    }
}

/// The same door for [`StandIn`].
pub struct Way(pub Arc<Door>);

impl StandIn for Way {
    fn session(&self) -> Box<dyn Session> {
        let mut database = self.0.database.lock().unwrap();
        database.sessions += 1;
        Box::new(Line { door: self.0.clone(), id: database.sessions, begun: false })
    }
}

struct Line {
    door: Arc<Door>,
    id: u64,
    begun: bool,
}

fn away() -> StoreError {
    StoreError::Away("the simulated store is away".into())
}

impl Line {
    fn database(&self) -> MutexGuard<'_, Database> {
        self.door.database.lock().unwrap()
    }

    fn end(&mut self, keep: bool) {
        self.begun = false;
        let mut database = self.door.database.lock().unwrap();
        if database.open.as_ref().is_some_and(|(id, _)| *id == self.id)
            && let Some((_, tables)) = database.open.take()
            && keep
        {
            database.tables = tables;
        }
    }

    async fn commit(&mut self) -> Result<Came, StoreError> {
        let lost = || StoreError::Away("the connection was lost while committing".into());
        match self.door.is() {
            Store::Away => {
                self.end(false);
                return Err(lost());
            }
            Store::Stuck(stands) => {
                self.end(stands);
                let clock = self.door.clock.lock().unwrap().clone();
                while matches!(self.door.is(), Store::Stuck(_)) {
                    clock.sleep(STUCK).await;
                }
                return Err(lost());
            }
            Store::Unknown => {
                let commits = {
                    let mut commits = self.door.commits.lock().unwrap();
                    *commits += 1;
                    *commits
                };
                if commits % 3 != 0 {
                    self.end(commits % 2 == 0);
                    return Err(lost());
                }
            }
            Store::Well | Store::Full | Store::Slow(_) => {}
        }
        self.end(true);
        Ok((0, vec![]))
    }

    async fn ran(&mut self, sql: &str, args: Vec<Arg>) -> Result<Came, StoreError> {
        let busy = {
            let mut database = self.database();
            database.busy += 1;
            if database.busy + 40 > ROUND {
                database.last.push(format!("{sql} {args:?}").chars().take(200).collect());
            }
            database.busy
        };
        if busy > ROUND {
            // It goes round and round: whoever looks says so.
            std::future::pending::<()>().await;
        }
        match sql {
            "BEGIN" => {
                let store = self.door.is();
                if let Store::Slow(millis) = store {
                    let clock = self.door.clock.lock().unwrap().clone();
                    let until = clock.monotonic() + Length::from_millis(millis).to_std();
                    while self.door.is() == store && clock.monotonic() < until {
                        clock.sleep(STUCK).await;
                    }
                }
                if self.door.is() == Store::Away {
                    return Err(away());
                }
                let id = self.id;
                let mut database = self.database();
                assert!(database.open.is_none(), "two writes at once");
                database.open = Some((id, database.tables.clone()));
                drop(database);
                self.begun = true;
                return Ok((0, vec![]));
            }
            "COMMIT" => return self.commit().await,
            "ROLLBACK" => {
                self.end(false);
                return Ok((0, vec![]));
            }
            _ => {}
        }
        let store = self.door.is();
        if store == Store::Away {
            self.end(false);
            return Err(away());
        }
        let mut database = self.database();
        let database = &mut *database;
        let tables = match &mut database.open {
            Some((id, tables)) if *id == self.id => tables,
            _ => &mut database.tables,
        };
        let statement = KNOWN.with_borrow_mut(|known| known.read(sql, tables));
        if statement.writes() && store == Store::Full && sql.starts_with("INSERT") {
            return Err(StoreError::Refused("the simulated disk is full".into()));
        }
        let args: Vec<Value> = args.into_iter().map(Value::from).collect();
        match statement.run(tables, &args) {
            Ok((count, rows)) => Ok((count, rows.iter().map(|row| row.iter().map(Arg::from).collect()).collect())),
            Err(fault) => Err(StoreError::Refused(fault)),
        }
    }
}

impl Session for Line {
    fn run<'a>(&'a mut self, sql: &'a str, args: Vec<Arg>) -> BoxFuture<'a, Result<Came, StoreError>> {
        Box::pin(self.ran(sql, args))
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.begun {
            self.end(false);
        }
    }
}

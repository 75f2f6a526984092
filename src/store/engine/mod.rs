//! The engine: SQLite or PostgreSQL. The only folder that knows which; everything beside it writes one SQL text for both, with
//! `$1` placeholders and BIGINT and TEXT columns only.
//!
//! Must never hold a rule of ours. SQL comes from constants and [`values`](super::row::values); whatever a person wrote goes in
//! as an [`Arg`].

mod connect;
mod native;
mod writer;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::postgres::PgListener;
use sqlx::{AssertSqlSafe, Postgres, Sqlite, Transaction};

use super::codes::judge;
use super::fault::StoreError;
use super::location::{Location, private_file};
use super::row::{Arg, Row};
use super::stand_in::{Session, StandIn};
use connect::{connect, readers};
use native::{Cells, Connection, Pool, bound, native, rows, within};
pub use writer::Writer;

/// How long we wait for PostgreSQL's answer to a read: longer than its own limit.
const READ_ANSWER: Duration = Duration::from_secs(35);

/// A statement and its values.
pub type Statement = (String, Vec<Arg>);

/// Several reads of one and the same state. Rolled back when dropped.
pub struct Snapshot(SnapshotOf);

enum SnapshotOf {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
    StandIn(Box<dyn Session>),
}

impl Snapshot {
    /// Reads all rows of a query.
    pub async fn read(&mut self, sql: &str, args: Vec<Arg>) -> Result<Vec<Row>, StoreError> {
        let limit = matches!(self.0, SnapshotOf::Postgres(_)).then_some(READ_ANSWER);
        let reading = async {
            native!(SnapshotOf, &mut self.0, |tx, Db| rows!(Db, sql, args, &mut **tx), |it| it.rows(sql, args).await)
        };
        within(limit, reading).await.map_err(|fault| judge(&fault).0)
    }
}

/// An open store: a pool of readers, and the way to a writer.
#[derive(Clone)]
pub struct Engine {
    location: Location,
    pool: Pool,
    /// The connection that was looked over at the start, for whoever writes first.
    first: Arc<Mutex<Option<Connection>>>,
}

impl Engine {
    /// Opens the store and looks whether it can be trusted with writes. A SQLite file is made if there is none.
    pub async fn open(location: &Location) -> Result<Self, StoreError> {
        if let Location::Sqlite(path) = location {
            private_file(path)?;
        }
        // SQLite's first connection turns the write-ahead log on, before any reader is there.
        let first = Arc::new(Mutex::new(Some(connect(location).await?)));
        let pool = readers(location)?;
        Ok(Self { location: location.clone(), pool, first })
    }

    /// Something that stands in for a database, in a simulation.
    pub fn stand_in(it: Arc<dyn StandIn>) -> Self {
        let first = Arc::new(Mutex::new(None));
        Self { location: Location::Sqlite("a stand-in".into()), pool: Pool::StandIn(it), first }
    }

    /// Where it is.
    pub const fn location(&self) -> &Location {
        &self.location
    }

    /// How many commands a write may take at most: SQLite's writer is one for all, so nobody waits long for it.
    pub const fn batch_limit(&self) -> usize {
        match self.pool {
            Pool::Sqlite(_) | Pool::StandIn(_) => 64,
            Pool::Postgres(_) => 256,
        }
    }

    /// How many placeholders a multi-row statement gets. The engines allow 32,766 and 65,535, but SQLite looks each `$n` up
    /// among those before it, so long statements take time by the square.
    const fn places(&self) -> usize {
        match self.location {
            Location::Sqlite(_) => 2_048,
            Location::Postgres(_) => 65_535,
        }
    }

    /// Reads all rows of a query. A connection that broke since it was last used is replaced, once.
    pub async fn read(&self, sql: &str, args: Vec<Arg>) -> Result<Vec<Row>, StoreError> {
        match self.read_once(sql, args.clone()).await {
            Err((_, true)) => self.read_once(sql, args).await.map_err(|(fault, _)| fault),
            other => other.map_err(|(fault, _)| fault),
        }
    }

    async fn read_once(&self, sql: &str, args: Vec<Arg>) -> Result<Vec<Row>, (StoreError, bool)> {
        let reading = async {
            native!(Pool, &self.pool, |pool, Db| rows!(Db, sql, args, pool), |it| it.session().rows(sql, args).await)
        };
        within(self.limit(READ_ANSWER), reading).await.map_err(|fault| judge(&fault))
    }

    /// Several reads of one and the same state.
    pub async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let begun = match &self.pool {
            Pool::Sqlite(pool) => pool.begin().await.map(SnapshotOf::Sqlite),
            Pool::StandIn(it) => Ok(SnapshotOf::StandIn(it.session())),
            Pool::Postgres(pool) => {
                let begin = pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
                within(Some(READ_ANSWER), begin).await.map(SnapshotOf::Postgres)
            }
        };
        begun.map(Snapshot).map_err(|fault| judge(&fault).0)
    }

    /// What the database's own clock says, in milliseconds since 1970, where it has one of its own.
    pub async fn clock_millis(&self) -> Result<Option<i64>, StoreError> {
        match self.pool {
            Pool::Sqlite(_) | Pool::StandIn(_) => Ok(None),
            Pool::Postgres(_) => {
                let sql = "SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint";
                self.read(sql, vec![]).await?.first().map(|row| row.int(0)).transpose()
            }
        }
    }

    /// Tells other replicas that something was written, where the engine can. May be lost.
    pub async fn hint(&self) {
        if let Pool::Postgres(pool) = &self.pool {
            drop(sqlx::query("SELECT pg_notify('nightlatch', '')").execute(pool).await);
        }
    }

    /// What other replicas tell, where the engine can.
    pub async fn hints(&self) -> Option<Hints> {
        let Pool::Postgres(pool) = &self.pool else { return None };
        // Large, and not for SQLite: whoever waits for it should not have to hold it.
        let listening = Box::pin(async {
            let mut listener = PgListener::connect_with(pool).await?;
            listener.listen("nightlatch").await?;
            Ok::<_, sqlx::Error>(listener)
        });
        Some(Hints(listening.await.ok()))
    }

    fn take_first(&self) -> Option<Connection> {
        self.first.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Closes the readers. Waits for those at work.
    pub async fn close(&self) {
        drop(self.take_first());
        native!(Pool, &self.pool, |pool, _Db| pool.close().await, |_it| ());
    }

    /// SQLite needs no limit of ours: it is in this process, and waits for others no longer than its busy timeout.
    fn limit(&self, limit: Duration) -> Option<Duration> {
        matches!(self.pool, Pool::Postgres(_)).then_some(limit)
    }
}

/// A connection on which other replicas' hints arrive.
pub struct Hints(Option<PgListener>);

impl Hints {
    /// Waits for one. False when the connection broke.
    pub async fn next(&mut self) -> bool {
        let Some(listener) = &mut self.0 else { return false };
        listener.recv().await.is_ok()
    }
}

#[cfg(test)]
mod tests;

//! The engine: SQLite or PostgreSQL. The only file that knows which; everything beside it writes one SQL text for both, with
//! `$1` placeholders and BIGINT and TEXT columns only.
//!
//! Must never hold a rule of ours, never retry a write by itself, and never call an error at COMMIT anything but unknown.
//! SQL comes from constants and [`values`]; whatever a person wrote goes in as an [`Arg`].

use std::future::Future;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::TryStreamExt as _;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPool, PgPoolOptions, PgRow};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Either, Executor as _, PgConnection, Postgres, Row as _, Sqlite,
    SqliteConnection, Transaction, TypeInfo as _, ValueRef as _,
};

use super::codes::judge;
use super::fault::StoreError;
use super::location::{Location, fit_for_a_log, new_enough, private_file};
use super::row::{Arg, Cell, Row, in_order, values};
use super::stand_in::{Session, StandIn};

/// How long a read waits for a connection.
const ACQUIRE: Duration = Duration::from_secs(5);
/// How long SQLite waits for another writer.
const BUSY: Duration = Duration::from_secs(5);
/// What a reader of SQLite keeps of its pages, in KiB (hence the minus): the system keeps them all.
const READER_PAGES: &str = "-512";
/// How long we wait for PostgreSQL's answer to one statement: longer than its own limit, so that it says so itself when it can.
const ANSWER: Duration = Duration::from_secs(10);
/// The same for a read.
const READ_ANSWER: Duration = Duration::from_secs(35);
/// What PostgreSQL is told on the writer's connection. A frozen replica otherwise holds the head for ever.
const WRITER_SETTINGS: &str = "SET lock_timeout = '5s'; SET statement_timeout = '5s'; \
    SET idle_in_transaction_session_timeout = '2s'; SET client_min_messages = warning";
/// What it is told on a reader's.
const READER_SETTINGS: &str = "SET statement_timeout = '30s'; SET idle_in_transaction_session_timeout = '60s'; SET default_transaction_read_only = on";

/// One body for two native types of connection, transaction or pool; `$db` names the engine's type in it.
macro_rules! native {
    ($type:ident, $what:expr, |$it:ident, $db:ident| $body:expr, |$other:ident| $instead:expr) => {
        match $what {
            $type::Sqlite($it) => {
                type $db = Sqlite;
                $body
            }
            $type::Postgres($it) => {
                type $db = Postgres;
                $body
            }
            $type::StandIn($other) => $instead,
        }
    };
}

/// A statement with its values.
macro_rules! bound {
    ($db:ident, $sql:expr, $args:expr) => {
        $args.into_iter().fold(sqlx::query::<$db>(AssertSqlSafe($sql)), |query, arg| match arg {
            Arg::Int(value) => query.bind(value),
            Arg::Text(value) => query.bind(value),
        })
    };
}

/// All rows of a query.
macro_rules! rows {
    ($db:ident, $sql:expr, $args:expr, $on:expr) => {
        bound!($db, $sql, $args).fetch_all($on).await.map(|rows| rows.iter().map(Cells::row).collect::<Vec<Row>>())
    };
}

#[derive(Clone)]
enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
    StandIn(Arc<dyn StandIn>),
}

enum Connection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
    StandIn(Box<dyn Session>),
}

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
        let pool = match location {
            Location::Sqlite(path) => {
                let pool = SqlitePoolOptions::new().max_connections(4).acquire_timeout(ACQUIRE);
                Pool::Sqlite(pool.connect_lazy_with(
                    sqlite_options(path).pragma("query_only", "1").pragma("cache_size", READER_PAGES),
                ))
            }
            Location::Postgres(url) => {
                let pool = PgPoolOptions::new()
                    .max_connections(8)
                    .acquire_timeout(ACQUIRE)
                    .after_connect(|conn, _| Box::pin(async move { conn.execute(READER_SETTINGS).await.map(drop) }));
                Pool::Postgres(pool.connect_lazy_with(postgres_options(url)?))
            }
        };
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
        let listening = async {
            let mut listener = PgListener::connect_with(pool).await?;
            listener.listen("nightlatch").await?;
            Ok::<_, sqlx::Error>(listener)
        };
        Some(Hints(listening.await.ok()))
    }

    /// The writer's connection. A store has one writer a process.
    pub fn writer(&self) -> Writer {
        Writer { engine: self.clone(), connection: self.take_first(), state: State::Idle }
    }

    fn take_first(&self) -> Option<Connection> {
        self.first.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Closes the readers. Waits for those at work.
    pub async fn close(&self) {
        drop(self.take_first());
        native!(Pool, &self.pool, |pool, _Db| pool.close().await, |_it| ());
    }

    /// SQLite needs no limit of ours: it is in this process, and waits for others no longer than [`BUSY`].
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

/// Where the writer's transaction stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// There is none.
    Idle,
    /// It is open and whole.
    Open,
    /// A statement in it failed or was abandoned. SQLite may have rolled it back by itself and would take what follows as
    /// writes of their own; PostgreSQL would answer COMMIT with a silent rollback. So nothing but a rollback may follow.
    Failed,
}

/// The one connection that writes. It is made at the first `begin` and again whenever it broke.
pub struct Writer {
    engine: Engine,
    /// Taken out while a statement runs, so that a future that is dropped halfway drops the connection too, which rolls back.
    connection: Option<Connection>,
    state: State,
}

impl Writer {
    /// Begins a transaction that no other writer can be in at the same time (SQLite), or that waits at the head (PostgreSQL).
    /// What was not committed before is rolled back.
    pub async fn begin(&mut self) -> Result<(), StoreError> {
        self.rollback().await;
        let fresh = self.connection.is_none();
        match self.begin_once().await {
            // Broken while it lay idle: nothing was begun, so a new connection is safe.
            Err((_, true)) if !fresh => self.begin_once().await.map_err(|(fault, _)| fault),
            other => other.map_err(|(fault, _)| fault),
        }
    }

    async fn begin_once(&mut self) -> Result<(), (StoreError, bool)> {
        let mut connection = match (self.connection.take(), &self.engine.pool) {
            (Some(connection), _) => connection,
            (None, Pool::StandIn(it)) => Connection::StandIn(it.session()),
            (None, _) => connect(&self.engine.location).await.map_err(|fault| (fault, false))?,
        };
        let begun = within(self.engine.limit(ANSWER), async {
            match &mut connection {
                Connection::Sqlite(conn) => conn.execute("BEGIN IMMEDIATE").await.map(drop),
                Connection::Postgres(conn) => {
                    conn.execute("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE").await.map(drop)
                }
                Connection::StandIn(it) => it.count("BEGIN", vec![]).await.map(drop),
            }
        });
        begun.await.map_err(|fault| judge(&fault))?;
        self.connection = Some(connection);
        self.state = State::Open;
        Ok(())
    }

    /// Runs a statement; says how many rows it touched.
    pub async fn execute(&mut self, sql: &str, args: Vec<Arg>) -> Result<u64, StoreError> {
        let (mut connection, limit) = self.take()?;
        let done = within(limit, async {
            native!(
                Connection,
                &mut connection,
                |conn, Db| bound!(Db, sql, args).execute(conn).await.map(|done| done.rows_affected()),
                |it| it.count(sql, args).await
            )
        });
        let done = done.await;
        self.put_back(connection, done)
    }

    /// Runs a statement and reads the rows that it gives.
    pub async fn fetch(&mut self, sql: &str, args: Vec<Arg>) -> Result<Vec<Row>, StoreError> {
        let (mut connection, limit) = self.take()?;
        let rows = within(limit, async {
            let conn = &mut connection;
            native!(Connection, conn, |conn, Db| rows!(Db, sql, args, conn), |it| it.rows(sql, args).await)
        });
        let rows = rows.await;
        self.put_back(connection, rows)
    }

    /// Begins, and reads what each of `all` gives. With SQLite that is one way to its thread and back, which costs most.
    pub async fn begin_with(&mut self, all: Vec<Statement>) -> Result<Vec<Vec<Row>>, StoreError> {
        if !matches!(self.connection, Some(Connection::Sqlite(_))) {
            self.begin().await?;
            return self.fetch_all(all).await;
        }
        self.rollback().await;
        if self.connection.is_none() {
            self.begin().await?;
            return self.fetch_all(all).await;
        }
        self.state = State::Open;
        let begin = ("BEGIN IMMEDIATE".to_owned(), vec![]);
        let mut rows = self.fetch_all(std::iter::once(begin).chain(all).collect()).await?;
        rows.remove(0);
        Ok(rows)
    }

    /// Runs several statements, one after the other, and reads the rows that each gives; with SQLite all at once.
    pub async fn fetch_all(&mut self, all: Vec<Statement>) -> Result<Vec<Vec<Row>>, StoreError> {
        if all.is_empty() {
            return Ok(Vec::new());
        }
        if !matches!(self.connection, Some(Connection::Sqlite(_))) {
            let mut rows = Vec::with_capacity(all.len());
            for (sql, args) in all {
                rows.push(self.fetch(&sql, args).await?);
            }
            return Ok(rows);
        }
        let (mut connection, _) = self.take()?;
        let rows = match &mut connection {
            Connection::Sqlite(conn) => together(conn, all).await,
            Connection::Postgres(_) | Connection::StandIn(_) => Ok(Vec::new()),
        };
        self.put_back(connection, rows)
    }

    /// The statements that insert many rows, as few as the engine allows: `into` is `INSERT INTO t (a, b)`, `then` follows the
    /// values (`ON CONFLICT …`, or nothing), `args` holds row after row.
    pub fn inserts(
        &self,
        into: &str,
        columns: usize,
        args: Vec<Arg>,
        then: &str,
    ) -> Result<Vec<Statement>, StoreError> {
        if columns == 0 || !args.len().is_multiple_of(columns) {
            return Err(StoreError::Broken(format!("{} values do not make rows of {columns}: {into}", args.len())));
        }
        let (mut all, mut args) = (Vec::new(), args.into_iter());
        loop {
            let some: Vec<Arg> = args.by_ref().take(self.engine.places() / columns * columns).collect();
            if some.is_empty() {
                return Ok(all);
            }
            all.push((format!("{into} VALUES {} {then}", values(some.len() / columns, columns)), some));
        }
    }

    /// Inserts many rows; says how many it touched.
    pub async fn insert(&mut self, into: &str, columns: usize, args: Vec<Arg>, then: &str) -> Result<u64, StoreError> {
        let mut touched = 0;
        for (sql, args) in self.inserts(into, columns, args, then)? {
            touched += self.execute(&sql, args).await?;
        }
        Ok(touched)
    }

    /// Makes it so. After an error at this point only a new read can tell whether it is.
    pub async fn commit(&mut self) -> Result<(), StoreError> {
        let (mut connection, limit) = self.take()?;
        let done = within(limit, async {
            native!(Connection, &mut connection, |c, _Db| c.execute("COMMIT").await.map(drop), |it| it
                .end("COMMIT")
                .await)
        });
        let done = done.await;
        self.state = State::Idle;
        match done {
            Ok(()) => {
                self.connection = Some(connection);
                Ok(())
            }
            // The connection goes: after a failed fsync nothing that it believes is worth anything.
            Err(fault) => Err(StoreError::Unknown(format!(
                "the store failed while committing, so whether this was written must be read again: {}",
                judge(&fault).0
            ))),
        }
    }

    /// Takes everything since `begin` back. Cannot fail: where the database does not answer, the connection is dropped, which
    /// comes to the same.
    pub async fn rollback(&mut self) {
        if std::mem::replace(&mut self.state, State::Idle) == State::Idle {
            return;
        }
        let Some(mut connection) = self.connection.take() else { return };
        let done = within(self.engine.limit(ANSWER), async {
            let conn = &mut connection;
            native!(Connection, conn, |conn, _Db| conn.execute("ROLLBACK").await.map(drop), |it| it
                .end("ROLLBACK")
                .await)
        });
        if done.await.is_ok() {
            self.connection = Some(connection);
        }
    }

    /// The connection for a statement. Until it is put back the transaction counts as failed.
    fn take(&mut self) -> Result<(Connection, Option<Duration>), StoreError> {
        let limit = self.engine.limit(ANSWER);
        match (std::mem::replace(&mut self.state, State::Failed), self.connection.take()) {
            (State::Open, Some(connection)) => Ok((connection, limit)),
            (State::Idle, connection) => {
                self.connection = connection;
                self.state = State::Idle;
                Err(StoreError::Broken("a write was tried outside a transaction: this is a fault of nightlatch".into()))
            }
            (_, connection) => {
                self.connection = connection;
                Err(StoreError::Refused("the write failed before this statement, so all of it is taken back".into()))
            }
        }
    }

    fn put_back<T>(&mut self, connection: Connection, done: Result<T, sqlx::Error>) -> Result<T, StoreError> {
        match done.map_err(|fault| judge(&fault)) {
            Ok(done) => {
                self.connection = Some(connection);
                self.state = State::Open;
                Ok(done)
            }
            Err((fault, lost)) => {
                self.connection = (!lost).then_some(connection);
                Err(fault)
            }
        }
    }
}

/// Several statements as one, and the rows of each. SQLite's driver takes them so, and gives each one's end with its rows.
async fn together(conn: &mut SqliteConnection, all: Vec<Statement>) -> Result<Vec<Vec<Row>>, sqlx::Error> {
    let (mut sql, mut args, count) = (String::new(), Vec::new(), all.len());
    for (one, with) in all {
        in_order(&one, with, &mut sql, &mut args);
        sql.push(';');
    }
    let mut came = conn.fetch_many(bound!(Sqlite, sql, args));
    let mut rows = vec![Vec::new()];
    while let Some(one) = came.try_next().await? {
        match (one, rows.last_mut()) {
            (Either::Right(row), Some(last)) => last.push(row.row()),
            _ => rows.push(Vec::new()),
        }
    }
    rows.resize_with(count, Vec::new);
    Ok(rows)
}

/// A connection that may write, looked over first.
async fn connect(location: &Location) -> Result<Connection, StoreError> {
    let connected = match location {
        Location::Sqlite(path) => looked_over_sqlite(path).await.map(|found| found.map(Connection::Sqlite)),
        Location::Postgres(url) => {
            let options = postgres_options(url)?;
            within(Some(ANSWER), looked_over_postgres(&options)).await.map(|found| found.map(Connection::Postgres))
        }
    };
    connected.map_err(|fault| judge(&fault).0)?
}

async fn looked_over_sqlite(path: &Path) -> Result<Result<SqliteConnection, StoreError>, sqlx::Error> {
    let mut conn = sqlite_options(path).connect().await?;
    let version: String = sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&mut conn).await?;
    let journal: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut conn).await?;
    Ok(new_enough(&version).and_then(|()| fit_for_a_log(path, &journal)).map(|()| conn))
}

async fn looked_over_postgres(options: &PgConnectOptions) -> Result<Result<PgConnection, StoreError>, sqlx::Error> {
    let mut conn = options.connect().await?;
    conn.execute(WRITER_SETTINGS).await?;
    let commit: String = sqlx::query_scalar("SHOW synchronous_commit").fetch_one(&mut conn).await?;
    let encoding: String = sqlx::query_scalar("SHOW server_encoding").fetch_one(&mut conn).await?;
    let sentence = if commit == "off" {
        "PostgreSQL has synchronous_commit = off, so it could lose what it acknowledged: set it to on for this database"
    } else if encoding != "UTF8" {
        "the database does not keep text as UTF8: make one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
    } else {
        return Ok(Ok(conn));
    };
    Ok(Err(StoreError::Broken(sentence.into())))
}

fn sqlite_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY)
        .foreign_keys(false)
        .disable_statement_logging()
}

fn postgres_options(url: &str) -> Result<PgConnectOptions, StoreError> {
    // The parser's own sentence could quote the password.
    let broken = |_| StoreError::Broken("the store's postgres:// url cannot be read: mend [store] url".into());
    Ok(url.parse::<PgConnectOptions>().map_err(broken)?.application_name("nightlatch").disable_statement_logging())
}

/// Waits for PostgreSQL only so long: a connection whose other end vanished would otherwise hold its caller for ever.
async fn within<T>(
    limit: Option<Duration>,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    let Some(limit) = limit else { return work.await };
    let late = || sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "it did not answer in time"));
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| Err(late()))
}

/// A native row taken over.
trait Cells {
    fn row(&self) -> Row;
}

macro_rules! cells {
    ($row:ty, $($int:literal)|+ => $number:ty, $($text:literal)|+) => {
        impl Cells for $row {
            fn row(&self) -> Row {
                let cell = |column: usize| {
                    let raw = self.try_get_raw(column).ok()?;
                    if raw.is_null() {
                        return Some(Cell::Null);
                    }
                    let kind = raw.type_info().name().to_owned();
                    let known = match kind.as_str() {
                        $($int)|+ => self.try_get_unchecked::<$number, _>(column).ok().map(Cell::Int),
                        $($text)|+ => self.try_get_unchecked::<String, _>(column).ok().map(Cell::Text),
                        _ => None,
                    };
                    Some(known.unwrap_or(Cell::Foreign(kind)))
                };
                Row((0..self.len()).map(|column| cell(column).unwrap_or(Cell::Null)).collect())
            }
        }
    };
}
cells!(SqliteRow, "INTEGER" | "BOOLEAN" => i64, "TEXT");
cells!(PgRow, "INT8" | "INT4" | "INT2" => i64, "TEXT" | "VARCHAR" | "NAME");

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;

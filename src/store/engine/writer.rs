//! The one connection that writes, and its transaction.
//!
//! Must never retry a write by itself, and never call an error at COMMIT anything but unknown.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use sqlx::{AssertSqlSafe, Either, Executor as _, Postgres, Sqlite, SqliteConnection};

use super::super::codes::judge;
use super::super::fault::StoreError;
use super::super::row::{Arg, Row, in_order, values};
use super::connect::{ANSWER, connect};
use super::native::{Cells, Connection, Pool, bound, native, rows, within};
use super::{Engine, Statement};

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

impl Engine {
    /// The writer's connection. A store has one writer a process.
    pub fn writer(&self) -> Writer {
        Writer { engine: self.clone(), connection: self.take_first(), state: State::Idle }
    }
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

    /// What the type of a table's one number for a key is called when it is made. SQLite keeps a table in the order of such a
    /// key only under this very name; under any other it keeps an index beside it.
    pub const fn key_type(&self) -> &'static str {
        match self.engine.pool {
            Pool::Sqlite(_) => "INTEGER",
            Pool::Postgres(_) | Pool::StandIn(_) => "BIGINT",
        }
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
    pub(super) fn take(&mut self) -> Result<(Connection, Option<Duration>), StoreError> {
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

//! How a connection is made: what each engine is told first, and what is looked at before it is trusted with writes.

use std::path::Path;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Executor as _, PgConnection, SqliteConnection};

use super::super::codes::judge;
use super::super::fault::StoreError;
use super::super::location::{Location, fit_for_a_log, new_enough};
use super::native::{Connection, Pool, within};

/// How long a read waits for a connection.
const ACQUIRE: Duration = Duration::from_secs(5);
/// How long SQLite waits for another writer.
const BUSY: Duration = Duration::from_secs(5);
/// How many rows SQLite's thread may be ahead: a whole batch, without waiting for whoever takes them.
const ROWS_AHEAD: usize = 1_024;
/// How long a reader of SQLite lives. Then it goes with its thread and its pages, and another is made when one is needed, within a
/// millisecond: a server that nobody asks anything keeps no more than one.
const READER_LIVES: Duration = Duration::from_mins(1);
/// What a reader of SQLite keeps of its pages, in KiB (hence the minus): the system keeps them all.
const READER_PAGES: &str = "-512";
/// How long we wait for PostgreSQL's answer to one statement: longer than its own limit, so that it says so itself when it can.
pub(super) const ANSWER: Duration = Duration::from_secs(10);
/// What PostgreSQL is told on the writer's connection. A frozen replica otherwise holds the head for ever.
const WRITER_SETTINGS: &str = "SET lock_timeout = '5s'; SET statement_timeout = '5s'; \
    SET idle_in_transaction_session_timeout = '2s'; SET client_min_messages = warning";
/// What it is told on a reader's.
const READER_SETTINGS: &str = "SET statement_timeout = '30s'; SET idle_in_transaction_session_timeout = '60s'; SET default_transaction_read_only = on";

/// Those who read; each connection is made when it is needed first.
pub(super) fn readers(location: &Location) -> Result<Pool, StoreError> {
    Ok(match location {
        Location::Sqlite(path) => {
            let pool = SqlitePoolOptions::new()
                .max_connections(4)
                .acquire_timeout(ACQUIRE)
                .max_lifetime(READER_LIVES)
                .idle_timeout(None);
            Pool::Sqlite(
                pool.connect_lazy_with(
                    sqlite_options(path).pragma("query_only", "1").pragma("cache_size", READER_PAGES),
                ),
            )
        }
        Location::Postgres(url) => {
            let pool = PgPoolOptions::new()
                .max_connections(8)
                .acquire_timeout(ACQUIRE)
                .after_connect(|conn, _| Box::pin(async move { conn.execute(READER_SETTINGS).await.map(drop) }));
            Pool::Postgres(pool.connect_lazy_with(postgres_options(url)?))
        }
    })
}

/// A connection that may write, looked over first.
pub(super) async fn connect(location: &Location) -> Result<Connection, StoreError> {
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
    // What takes one statement of several back is small and short-lived: it needs no file in the system's temporary folder.
    let mut conn = sqlite_options(path).pragma("temp_store", "memory").connect().await?;
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
        .row_buffer_size(ROWS_AHEAD)
        .disable_statement_logging()
}

pub(super) fn postgres_options(url: &str) -> Result<PgConnectOptions, StoreError> {
    // The parser's own sentence could quote the password.
    let broken = |_| StoreError::Broken("the store's postgres:// url cannot be read: mend [store] url".into());
    Ok(url.parse::<PgConnectOptions>().map_err(broken)?.application_name("nightlatch").disable_statement_logging())
}

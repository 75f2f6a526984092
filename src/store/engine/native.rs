//! What stands for both engines' own types: one body is written, and each engine gets it with its own connection and row.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgPool, PgRow};
use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{PgConnection, Row as _, SqliteConnection, TypeInfo as _, ValueRef as _};

use super::super::row::{Cell, Row};
use super::super::stand_in::{Session, StandIn};

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

pub(super) use {bound, native, rows};

/// Those who read.
#[derive(Clone)]
pub(super) enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
    StandIn(Arc<dyn StandIn>),
}

/// The one that writes.
pub(super) enum Connection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
    StandIn(Box<dyn Session>),
}

/// Waits for PostgreSQL only so long: a connection whose other end vanished would otherwise hold its caller for ever.
pub(super) async fn within<T>(
    limit: Option<Duration>,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    let Some(limit) = limit else { return work.await };
    let late = || sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "it did not answer in time"));
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| Err(late()))
}

/// A native row taken over.
pub(super) trait Cells {
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

//! What may stand in for a database, in a simulation: it is given the same SQL, and answers in cells. Production makes none;
//! a law holds that.

use super::fault::StoreError;
use super::row::{Arg, Cell, Row};
use futures_util::future::BoxFuture;
use std::error::Error;

/// What a statement came to: how many rows it touched, and the rows that it gave.
pub type Came = (u64, Vec<Vec<Arg>>);

/// A database that is none.
pub trait StandIn: Send + Sync {
    /// A connection to it. What it began and did not commit is taken back when it is dropped.
    fn session(&self) -> Box<dyn Session>;
}

/// One connection.
pub trait Session: Send {
    /// Runs one statement; BEGIN, COMMIT and ROLLBACK come as such.
    fn run<'a>(&'a mut self, sql: &'a str, args: Vec<Arg>) -> BoxFuture<'a, Result<Came, StoreError>>;
}

type Driven<T> = Result<T, sqlx::Error>;

impl dyn Session {
    async fn came(&mut self, sql: &str, args: Vec<Arg>) -> Driven<Came> {
        self.run(sql, args).await.map_err(|fault| sqlx::Error::AnyDriverError(Box::new(fault)))
    }
    pub(super) async fn count(&mut self, sql: &str, args: Vec<Arg>) -> Driven<u64> {
        self.came(sql, args).await.map(|(count, _)| count)
    }
    pub(super) async fn end(&mut self, sql: &str) -> Driven<()> {
        self.came(sql, vec![]).await.map(drop)
    }
    pub(super) async fn rows(&mut self, sql: &str, args: Vec<Arg>) -> Driven<Vec<Row>> {
        self.came(sql, args).await.map(|(_, rows)| rows.into_iter().map(row).collect())
    }
}

fn row(cells: Vec<Arg>) -> Row {
    let cell = |arg| match arg {
        Arg::Int(Some(value)) => Cell::Int(value),
        Arg::Text(Some(value)) => Cell::Text(value),
        Arg::Int(None) | Arg::Text(None) => Cell::Null,
    };
    Row(cells.into_iter().map(cell).collect())
}

/// What a stand-in's fault means, and whether the connection is lost with it.
pub(super) fn judge(fault: &(dyn Error + Send + Sync + 'static)) -> (StoreError, bool) {
    match fault.downcast_ref::<StoreError>() {
        Some(fault) => (fault.clone(), !matches!(fault, StoreError::Refused(_))),
        None => (StoreError::Broken(super::fault::one_line(&fault.to_string())), true),
    }
}

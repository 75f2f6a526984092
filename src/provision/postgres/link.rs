//! The connections to one target: made when needed, looked over before each act, kept while they are sound.
//!
//! Must never be handed out on a server that only reads: what a standby says may be of an hour ago.

use crate::provision::contract::Fault;
use crate::text::words::safe_line;
use crate::text::{Length, Secret};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgRow};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, Row as _};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long the making of a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How many connections are kept for later.
const KEPT: usize = 4;

/// How a refusal by the server is told, after the target's name.
pub(super) const DENIED: &str = " does not let us: ";

/// Where the password of our own role is.
#[derive(Debug, Clone)]
pub(super) enum Password {
    /// There is none: the server knows us otherwise.
    None,
    /// In a file of mode 0600.
    File(PathBuf),
    /// In a variable of the environment.
    Variable(String),
}

/// The way to one server.
pub(super) struct Link {
    target: String,
    options: PgConnectOptions,
    password: Password,
    limit: Length,
    idle: Mutex<Vec<PgConnection>>,
}

/// Why a statement did not succeed.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    /// As people read it.
    pub fault: Fault,
    /// The connection is of no use any more.
    pub lost: bool,
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        failure.fault
    }
}

impl Link {
    pub(super) fn new(target: &str, options: PgConnectOptions, password: Password, limit: Length) -> Self {
        let options = options.application_name("nightlatch").disable_statement_logging();
        Self { target: target.to_owned(), options, password, limit, idle: Mutex::default() }
    }

    /// A connection that answered just now and may write. It must be given back to be used again.
    pub(super) async fn open(&self) -> Result<Conn<'_>, Fault> {
        loop {
            let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some(conn) = kept else { break };
            let mut conn = Conn { link: self, conn };
            match conn.look_over().await {
                // It broke while it lay idle: the next one, or a new one.
                Err(Failure { lost: true, .. }) => {}
                Err(failure) => return Err(failure.fault),
                Ok(()) => return Ok(conn),
            }
        }
        self.fresh(&self.options).await
    }

    /// A connection to another database of the same server.
    pub(super) async fn open_in(&self, database: &str) -> Result<Conn<'_>, Fault> {
        self.fresh(&self.options.clone().database(database)).await
    }

    async fn fresh(&self, options: &PgConnectOptions) -> Result<Conn<'_>, Fault> {
        let mut options = options.clone();
        if let Some(password) = self.password()? {
            options = options.password(password.reveal());
        }
        let late = || Fault::passing(format!("{} did not answer in 5 s: see that PostgreSQL runs there", self.target));
        let conn = tokio::time::timeout(CONNECT, options.connect()).await.map_err(|_| late())?;
        let mut conn = Conn { link: self, conn: conn.map_err(|error| self.failure(&error).fault)? };
        // A user's locks must not hold us up, and nothing of theirs may stand in for what we call.
        let limit = (self.limit.millis() / 2).max(50);
        conn.run(&format!(
            "SET lock_timeout = {}; SET statement_timeout = {limit}; SET idle_in_transaction_session_timeout = '10s'; \
             SET search_path = pg_catalog; SET standard_conforming_strings = on; SET client_min_messages = warning",
            limit.min(1000)
        ))
        .await?;
        conn.look_over().await?;
        Ok(conn)
    }

    fn password(&self) -> Result<Option<Secret>, Fault> {
        let text = match &self.password {
            Password::None => return Ok(None),
            Password::Variable(name) => std::env::var(name).map_err(|_| {
                Fault::passing(format!("the variable {name} holds no password for {}: set it", self.target))
            })?,
            Password::File(path) => {
                let shown = safe_line(path.display().to_string().as_bytes());
                let unread = |error| Fault::passing(format!("the password file {shown} cannot be read: {error}"));
                let mode = std::fs::metadata(path).map_err(unread)?;
                if std::os::unix::fs::PermissionsExt::mode(&mode.permissions()) & 0o077 != 0 {
                    return Err(Fault::passing(format!("others can read the password: run chmod 600 {shown}")));
                }
                std::fs::read_to_string(path).map_err(unread)?
            }
        };
        Ok(Some(Secret::new(text.trim_end_matches(['\r', '\n']))))
    }

    /// An error of the driver as a sentence, and whether the connection is lost with it.
    pub(super) fn failure(&self, error: &sqlx::Error) -> Failure {
        let target = &self.target;
        let said = safe_line(error.to_string().as_bytes());
        let passing = |sentence: String, lost| Failure { fault: Fault::passing(sentence), lost };
        let sqlx::Error::Database(fault) = error else {
            return passing(format!("{target} cannot be reached: {said}"), true);
        };
        let said = safe_line(fault.message().as_bytes());
        let code = fault.code().unwrap_or_default();
        match &*code {
            "25006" => passing(self.only_reads(), true),
            "42501" => passing(format!("{target}{DENIED}{said}; config/README.md has what nightlatch needs"), false),
            "42704" => Failure {
                fault: Fault::lasting(format!("{target}: {said}: make it there, or mend the policy")),
                lost: false,
            },
            "55P03" => passing(
                format!("{target}: something is locked there, see pg_locks and pg_prepared_xacts: {said}"),
                false,
            ),
            // What an owner gave it, only that owner and a superuser can take back.
            "2BP01" => passing(
                format!(
                    "{target}: {said}: somebody gave it rights; a superuser takes them back by DROP OWNED BY it, in each database"
                ),
                false,
            ),
            "57014" => passing(format!("{target} took too long and was stopped: {said}"), false),
            code if code.starts_with("28") => passing(format!("{target} refuses our sign-in: {said}"), true),
            code if code.starts_with("08") || code.starts_with("57P") || code == "25P03" => {
                passing(format!("{target} closed the connection: {said}"), true)
            }
            _ => passing(format!("{target}: {said} ({code})"), false),
        }
    }

    fn only_reads(&self) -> String {
        format!(
            "{} only reads (a standby, or set so), so nothing is known: point url at the one that writes",
            self.target
        )
    }
}

/// One connection in use. Dropped, it is closed; what was cut short on it is rolled back.
pub(super) struct Conn<'a> {
    link: &'a Link,
    conn: PgConnection,
}

impl Conn<'_> {
    /// Statements without an answer, all or none.
    pub(super) async fn run(&mut self, sql: &str) -> Result<(), Failure> {
        let ran = self.conn.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await;
        ran.map(drop).map_err(|error| self.link.failure(&error))
    }

    /// The rows of one query.
    pub(super) async fn rows(
        &mut self,
        query: sqlx::query::Query<'_, sqlx::Postgres, sqlx::postgres::PgArguments>,
    ) -> Result<Vec<PgRow>, Failure> {
        query.fetch_all(&mut self.conn).await.map_err(|error| self.link.failure(&error))
    }

    /// Keeps it for the next act.
    pub(super) fn give_back(self) {
        let mut idle = self.link.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT {
            idle.push(self.conn);
        }
    }

    /// Whether it answers, and by a server that writes.
    async fn look_over(&mut self) -> Result<(), Failure> {
        let sql = "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool";
        let rows = self.rows(sqlx::query(sql)).await?;
        match rows.first().map(|row| row.try_get::<bool, _>(0)) {
            Some(Ok(false)) => Ok(()),
            _ => Err(Failure { fault: Fault::passing(self.link.only_reads()), lost: true }),
        }
    }

    /// Runs each item's statements, as many at once as `size`; where they fail together, each half by itself, so that one
    /// bad element fails alone. Calls `done` for each item as soon as it is known.
    pub(super) async fn each(
        &mut self,
        items: &[(usize, String)],
        size: usize,
        done: &mut (dyn FnMut(usize, Result<(), Fault>) + Send),
    ) -> Result<(), Fault> {
        let mut stack: Vec<&[(usize, String)]> = items.chunks(size.max(1)).rev().collect();
        while let Some(some) = stack.pop() {
            let sql: Vec<&str> = some.iter().map(|(_, sql)| sql.as_str()).collect();
            match self.run(&sql.join("; ")).await {
                Ok(()) => some.iter().for_each(|(at, _)| done(*at, Ok(()))),
                Err(failure) if failure.lost => return Err(failure.fault),
                Err(failure) => match some {
                    [] => {}
                    [(at, _)] => done(*at, Err(failure.fault)),
                    _ => {
                        let (left, right) = some.split_at(some.len() / 2);
                        stack.extend([right, left]);
                    }
                },
            }
        }
        Ok(())
    }
}

/// A name in SQL.
pub(super) fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text in SQL, under `standard_conforming_strings`.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

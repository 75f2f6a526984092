//! A PostgreSQL database for one test, on the cluster that `tests/run` started.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// An empty database, dropped with the value, whoever is still connected to it.
pub struct TempDatabase {
    name: String,
    cluster: String,
    tampered: AtomicBool,
}

/// A fresh database; or `None`, and the test is counted as skipped, where there is no cluster to make it on.
///
/// Waits for the database on a thread of its own, so that it may be called from tests with and without a runtime.
pub fn pg_database(test: &str) -> Option<TempDatabase> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let Ok(cluster) = std::env::var("NIGHTLATCH_TEST_PG") else {
        super::skip(test, "no PostgreSQL: run it by tests/run");
        return None;
    };
    let name = format!("nl_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    run(&cluster, format!("CREATE DATABASE {name} TEMPLATE template0"));
    Some(TempDatabase { name, cluster, tampered: AtomicBool::new(false) })
}

impl TempDatabase {
    /// Its address, as a store or a provisioner is told of it.
    pub fn url(&self) -> String {
        let (address, query) = self.cluster.split_once('?').unwrap_or((&self.cluster, ""));
        let host = address.rsplit_once('/').unwrap().0;
        format!("{host}/{}?{query}", self.name)
    }

    /// The store in it is broken on purpose: nobody verifies what it leaves behind.
    pub fn tampered(&self) {
        self.tampered.store(true, Ordering::SeqCst);
    }

    /// Nobody gets in any more, and who is in is thrown out.
    pub fn shut(&self) {
        run(&self.cluster, format!("ALTER DATABASE {} ALLOW_CONNECTIONS false", self.name));
        let others = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'", self.name);
        run(&self.cluster, others);
    }

    /// Everybody may come in again.
    pub fn open(&self) {
        run(&self.cluster, format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", self.name));
    }
}

impl Drop for TempDatabase {
    fn drop(&mut self) {
        if !self.tampered.load(Ordering::SeqCst) {
            super::trails::leave(&nightlatch::store::Location::Postgres(self.url()));
        }
        run(&self.cluster, format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}

fn run(cluster: &str, statement: String) {
    let cluster = cluster.to_owned();
    let work = move || {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let mut connection = PgConnection::connect(&cluster).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        });
    };
    let done = std::thread::spawn(work).join();
    // A second panic while a failing test unwinds would hide the first one.
    assert!(done.is_ok() || std::thread::panicking(), "the test's database cannot be made or dropped");
}

#[test]
fn a_test_has_a_database_of_its_own() {
    let Some(first) = pg_database("support::a_test_has_a_database_of_its_own") else { return };
    let second = pg_database("support::a_test_has_a_database_of_its_own").unwrap();
    assert_ne!(first.url(), second.url());
    run(&first.url(), "CREATE TABLE here (x BIGINT)".into());
    run(&second.url(), "CREATE TABLE here (x BIGINT)".into());
}

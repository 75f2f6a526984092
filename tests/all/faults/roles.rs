//! PostgreSQL as the target of a bed: a server's roles, a ground for each folder.

use crate::postgres_target::ground::Target;
use crate::support::TempFolder;
use sqlx::{Connection as _, PgConnection, Row as _};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Mutex;

static GROUNDS: Mutex<BTreeMap<PathBuf, Target>> = Mutex::new(BTreeMap::new());

/// A policy whose sandbox is the ground of this folder, which is made when it is asked for first.
pub fn policy(folder: &TempFolder, policy: &str) -> String {
    let mut grounds = GROUNDS.lock().unwrap();
    let ground = grounds.entry(folder.path().to_owned()).or_insert_with(|| Target::new("faults::roles").unwrap());
    ground.policy(policy)
}

/// The marks of the roles that are there.
pub fn held(folder: &TempFolder) -> BTreeSet<String> {
    let sql = {
        let grounds = GROUNDS.lock().unwrap();
        let Some(ground) = grounds.get(folder.path()) else { return BTreeSet::new() };
        ground.held()
    };
    LOOKS.with_borrow_mut(|looks| looks.get_or_insert_with(Looks::new).names(sql))
}

/// Takes the ground of this folder away.
pub fn leave(folder: &TempFolder) {
    let ground = GROUNDS.lock().unwrap().remove(folder.path());
    drop(ground);
}

thread_local! {
    /// Looked at every few milliseconds: a connection is kept.
    static LOOKS: RefCell<Option<Looks>> = const { RefCell::new(None) };
}

struct Looks {
    runtime: tokio::runtime::Runtime,
    conn: PgConnection,
}

impl Looks {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let cluster = std::env::var("NIGHTLATCH_TEST_PG").unwrap();
        let conn = runtime.block_on(PgConnection::connect(&cluster)).unwrap();
        Self { runtime, conn }
    }

    fn names(&mut self, sql: String) -> BTreeSet<String> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&mut self.conn);
        let rows = self.runtime.block_on(rows).unwrap();
        rows.iter().map(|row| row.get::<String, _>(0)).collect()
    }
}

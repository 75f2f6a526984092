//! A role of nightlatch's own on the tests' cluster, with no more rights than the documentation says that it needs.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;

/// A role's name that must be quoted everywhere.
pub(in crate::provision) const GROUP: &str = "quotes; and \"spaces\"";

/// Names of its own on the cluster; what carries them is gone with the value.
pub(in crate::provision) struct Cluster {
    pub url: String,
    /// How the names of this bench begin.
    pub own: String,
    _alone: Arc<Alone>,
}

/// One test at a time: the roles of a cluster are common to all of its databases.
pub(in crate::provision) struct Alone(Option<mpsc::Sender<()>>, Option<std::thread::JoinHandle<()>>);

impl Alone {
    fn wait(cluster: &str) -> Self {
        let (free, freed) = mpsc::channel::<()>();
        let (taken, is_taken) = mpsc::channel();
        let cluster = cluster.to_owned();
        let keeper = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let mut conn = runtime.block_on(PgConnection::connect(&cluster)).unwrap();
            runtime.block_on(sqlx::raw_sql("SELECT pg_advisory_lock(79020)").execute(&mut conn)).unwrap();
            taken.send(()).unwrap();
            let _ = freed.recv();
            drop(runtime.block_on(conn.close()));
        });
        is_taken.recv().unwrap();
        Self(Some(free), Some(keeper))
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        drop(self.0.take());
        drop(self.1.take().map(std::thread::JoinHandle::join));
    }
}

/// Runs statements as the cluster's superuser.
pub(in crate::provision) fn as_superuser(sql: &str) {
    let cluster = std::env::var("NIGHTLATCH_TEST_PG").unwrap();
    let sql = sql.to_owned();
    let work = move || {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let mut conn = PgConnection::connect(&cluster).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut conn).await.unwrap();
            conn.close().await.unwrap();
        });
    };
    std::thread::spawn(work).join().unwrap();
}

const CLEAN: &str = "DO $$ DECLARE r record; BEGIN FOR r IN SELECT rolname FROM pg_roles WHERE rolname LIKE 'nl-7f3a-%' LOOP \
    EXECUTE format('DROP OWNED BY %I; DROP ROLE %I', r.rolname, r.rolname); END LOOP; END $$";

impl Cluster {
    /// One for each of so many benches, which share the cluster; none where there is no PostgreSQL.
    pub(in crate::provision) fn some(count: usize) -> Vec<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let Ok(cluster) = std::env::var("NIGHTLATCH_TEST_PG") else {
            eprintln!("SKIPPED the contract on PostgreSQL: NIGHTLATCH_TEST_PG is not set");
            return Vec::new();
        };
        let alone = Arc::new(Alone::wait(&cluster));
        as_superuser(CLEAN);
        let one = |_| {
            let own = format!("nlt{}x{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
            let group = GROUP.replace('"', "\"\"");
            as_superuser(&format!(
                "CREATE ROLE {own}_latch LOGIN CREATEROLE; GRANT pg_signal_backend TO {own}_latch; \
                 CREATE ROLE {own}_app; GRANT {own}_app TO {own}_latch; CREATE ROLE \"{own}{group}\"; \
                 CREATE ROLE {own}_ana LOGIN; CREATE ROLE {own}_li LOGIN; CREATE ROLE {own}_sam LOGIN"
            ));
            let url = cluster.replacen("postgres@", &format!("{own}_latch@"), 1);
            Self { url, own, _alone: alone.clone() }
        };
        (0..count).map(one).collect()
    }

    /// What a policy says about the role.
    pub(in crate::provision) fn with(&self) -> serde_json::Value {
        serde_json::json!({"member_of": format!("{}{GROUP}", self.own), "reassign_to": format!("{}_app", self.own)})
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let own = &self.own;
        let group = GROUP.replace('"', "\"\"");
        let sql = format!(
            "{CLEAN}; DROP OWNED BY {own}_latch, {own}_app, \"{own}{group}\"; DROP ROLE {own}_latch, {own}_app, \
             \"{own}{group}\", {own}_ana, {own}_li, {own}_sam"
        );
        // A second panic while a failing test unwinds would hide the first one.
        drop(std::panic::catch_unwind(|| as_superuser(&sql)));
    }
}

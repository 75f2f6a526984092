//! PostgreSQL as a target: real roles, real sessions, by a role of nightlatch's own that has no more rights than it needs.

use crate::support::house::{House, POLICY, person};
use crate::support::served::{Start, policy as served_policy, until};
use crate::support::{TempDatabase, pg_database};
use nightlatch::access::{RequestNumber, Status};
use nightlatch::clock::Clock;
use nightlatch::store::Location;
use nightlatch::text::Instant;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;

/// A database with nightlatch's role and what the policy names; gone with the value.
struct Target {
    _database: TempDatabase,
    /// How the names of its roles begin: roles are common to a cluster.
    own: String,
    socket: String,
}

impl Target {
    fn new(test: &str) -> Option<Self> {
        let database = pg_database(test)?;
        let url = database.url();
        let own = url.rsplit_once('/').map(|_| url.split('?').next().unwrap().rsplit_once('/').unwrap().1).unwrap();
        let socket = url.split_once("host=").unwrap().1.split('&').next().unwrap().to_owned();
        let target = Self { own: own.to_owned(), _database: database, socket };
        let own = &target.own;
        target.sql(&format!(
            "DO $$ BEGIN CREATE ROLE nightlatch_scram; EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$; \
             CREATE ROLE {own}_latch LOGIN CREATEROLE; GRANT pg_signal_backend TO {own}_latch; \
             CREATE ROLE {own}_app; GRANT {own}_app TO {own}_latch; \
             CREATE ROLE \"{own} quotes; and \"\"spaces\"\"\"; GRANT nightlatch_scram TO \"{own} quotes; and \"\"spaces\"\"\"; \
             CREATE SCHEMA work; CREATE TABLE work.stuck AS SELECT 42 AS worker; \
             GRANT USAGE, CREATE ON SCHEMA work TO \"{own} quotes; and \"\"spaces\"\"\"; \
             GRANT SELECT ON work.stuck TO \"{own} quotes; and \"\"spaces\"\"\""
        ));
        Some(target)
    }

    /// What psql says to this, as the superuser.
    fn sql(&self, sql: &str) -> String {
        let out = self.psql("postgres", "").args(["-At", "-v", "ON_ERROR_STOP=1", "-c", sql]).output().unwrap();
        assert!(out.status.success(), "{sql}: {out:?}");
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    }

    fn psql(&self, user: &str, password: &str) -> Command {
        let mut psql = Command::new("psql");
        psql.args(["-X", "-h", &self.socket, "-U", user, "-d", &self.own]).stdin(Stdio::null());
        psql.env("PGPASSWORD", password).env_remove("PGPASSFILE");
        psql
    }

    fn provisioner(&self) -> String {
        let own = &self.own;
        let url = format!("postgres://{own}_latch@localhost/{own}?host={}", self.socket);
        format!("[provisioners.sandbox]\nkind = \"postgres\"\nurl = \"{url}\"\n")
    }

    /// A policy whose sandbox is this target.
    fn policy(&self, policy: &str) -> String {
        let own = &self.own;
        let with = format!(
            "provisioner = \"sandbox\"\nwith = {{ member_of = '{own} quotes; and \"spaces\"', reassign_to = \"{own}_app\" }}"
        );
        let (head, _) = policy.split_once("[provisioners.sandbox]").unwrap();
        head.replace("provisioner = \"sandbox\"", &with) + &self.provisioner()
    }

    /// A house whose clock begins where the server's stands.
    async fn house(&self) -> House {
        let folder = Arc::new(crate::support::TempFolder::new());
        let now = self.sql("SELECT floor(extract(epoch FROM now()) * 1000)::bigint").parse().unwrap();
        let clock = Clock::manual(Instant::from_millis(now));
        let store = Location::Sqlite(folder.join("store.db"));
        House::open(store, &self.policy(POLICY), folder, clock).await
    }

    /// How many sessions there are of a role.
    fn sessions(&self, role: &str) -> usize {
        self.sql(&format!("SELECT count(*) FROM pg_stat_activity WHERE usename = '{role}'")).parse().unwrap()
    }

    fn has_role(&self, role: &str) -> bool {
        self.sql(&format!("SELECT count(*) FROM pg_roles WHERE rolname = '{role}'")) == "1"
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let own = &self.own;
        let group = format!("\"{own} quotes; and \"\"spaces\"\"\"");
        // What of this is not there any more is no matter: the cluster is the tests' own.
        let each = [
            format!("DROP OWNED BY {own}_latch, {own}_app, {group}"),
            format!("DROP ROLE {group}"),
            format!("DROP ROLE {own}_latch"),
            format!("DROP ROLE {own}_app"),
        ];
        for sql in each {
            drop(self.psql("postgres", "").args(["-qc", &sql]).output());
        }
    }
}

/// Collects the credential: the role and its password.
async fn collect(house: &House, id: i64) -> (String, String) {
    let given = house.service.credential(&person("ana"), RequestNumber(id), None).await.unwrap().credential;
    (given["user"].as_str().unwrap().to_owned(), given["password"].as_str().unwrap().to_owned())
}

/// A session that says when it is in, and then stays.
fn session(target: &Target, (user, password): &(String, String), first: &str) -> Child {
    let sql = format!("{first}; SELECT pg_sleep(600)");
    target.psql(user, password).args(["-c", &sql]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn sign_in(target: &Target, (user, password): &(String, String), sql: &str) -> Output {
    target.psql(user, password).args(["-Atc", sql]).output().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a47_a_session_that_set_another_role_ends_with_the_window_and_nobody_gets_in_again() {
    let Some(target) = Target::new("postgres_target::a47") else { return };
    let house = target.house().await;
    let id = house.active(30).await.id;
    let first = collect(&house, id).await;
    let second = collect(&house, id).await;
    assert!(!sign_in(&target, &first, "SELECT 1").status.success(), "the second one voids the first");
    let read = sign_in(&target, &second, "SELECT worker FROM work.stuck");
    assert_eq!(String::from_utf8_lossy(&read.stdout).trim(), "42", "{read:?}");
    let group = format!("\"{} quotes; and \"\"spaces\"\"\"", target.own);
    let mut child = session(&target, &second, &format!("SET ROLE {group}"));
    until("the session is in", || (target.sessions(&second.0) == 1).then_some(()));
    house.advance(31);
    let shown = house.until_status(id, Status::Removed).await;
    assert!(!child.wait().unwrap().success());
    assert_eq!(target.sessions(&second.0), 0);
    assert!(!sign_in(&target, &second, "SELECT 1").status.success());
    let observed = shown.grant.unwrap().observed.unwrap();
    let said = format!("{observed:?}");
    assert!(said.contains(&format!("role {}: not in the catalogue, 0 sessions", second.0)), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a48_a_user_with_tables_locks_and_many_sessions_is_gone_at_the_end_and_it_is_noted() {
    let Some(target) = Target::new("postgres_target::a48") else { return };
    let house = target.house().await;
    let id = house.active(30).await.id;
    let who = collect(&house, id).await;
    let made = sign_in(&target, &who, "CREATE TABLE work.mine AS SELECT 1 AS x; GRANT SELECT ON work.mine TO PUBLIC");
    assert!(made.status.success(), "{made:?}");
    let lock = "BEGIN; LOCK work.mine IN ACCESS EXCLUSIVE MODE";
    let mut children = vec![session(&target, &who, lock)];
    children.extend((0..9).map(|_| session(&target, &who, "BEGIN; SELECT 1")));
    until("all are in", || (target.sessions(&who.0) == 10).then_some(()));
    house.advance(31);
    house.until_status(id, Status::Removed).await;
    for mut child in children {
        assert!(!child.wait().unwrap().success());
    }
    let owner = "SELECT tableowner FROM pg_tables WHERE tablename = 'mine'";
    assert_eq!(target.sql(owner), format!("{}_app", target.own));
    let of = Some(RequestNumber(id));
    let told = house.service.events(&person("sam"), of, 0, 100, std::time::Duration::ZERO).await.unwrap();
    let shown = format!("{:?}", told.events);
    assert!(shown.contains("owned 1 objects in"), "{shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a50_a_target_that_is_away_at_both_ends_is_tried_until_it_is_back() {
    let Some(target) = Target::new("postgres_target::a50") else { return };
    let house = target.house().await;
    target.shut_out();
    let filed = house.file("ana", 30).await;
    house.approve("sam", &filed).await.unwrap();
    house
        .until("it was tried", async || house.show(filed.id).await.grant.is_some_and(|g| g.last_error.is_some()))
        .await;
    target.let_in();
    house.until_status(filed.id, Status::Active).await;
    let who = collect(&house, filed.id).await;
    target.shut_out();
    house.advance(90);
    house.until("it failed", async || house.show(filed.id).await.grant.is_some_and(|g| g.removal_failed)).await;
    assert!(target.has_role(&who.0));
    target.let_in();
    house.until_status(filed.id, Status::Removed).await;
    assert!(!target.has_role(&who.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_only_reads_is_never_taken_for_an_absence_and_a_dropped_role_is_seen_as_gone() {
    let Some(target) = Target::new("postgres_target::read_only") else { return };
    let house = target.house().await;
    let id = house.active(30).await.id;
    let who = collect(&house, id).await;
    let own = &target.own;
    target.sql(&format!("ALTER ROLE {own}_latch SET default_transaction_read_only = on"));
    target.cut_latch();
    target.sql(&format!("DROP OWNED BY \"{0}\"; DROP ROLE \"{0}\"", who.0));
    house.advance(31);
    house.until("it failed", async || house.show(id).await.grant.is_some_and(|g| g.removal_failed)).await;
    let said = house.show(id).await.grant.unwrap().last_error.unwrap();
    assert!(said.contains("only reads"), "{said}");
    target.sql(&format!("ALTER ROLE {own}_latch RESET default_transaction_read_only"));
    target.cut_latch();
    house.until_status(id, Status::Removed).await;
}

impl Target {
    /// Nightlatch's own role cannot sign in, and its connections are lost.
    fn shut_out(&self) {
        self.sql(&format!("ALTER ROLE {}_latch NOLOGIN", self.own));
        self.cut_latch();
    }

    fn cut_latch(&self) {
        let own = &self.own;
        self.sql(&format!(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = '{own}_latch'"
        ));
    }

    /// Nightlatch's own role can sign in again.
    fn let_in(&self) {
        self.sql(&format!("ALTER ROLE {}_latch LOGIN", self.own));
    }
}

#[test]
fn a_session_by_connect_reads_in_its_window_and_is_cut_at_its_end() {
    let Some(target) = Target::new("postgres_target::connect") else { return };
    let mut start = Start::socket();
    start.policy = Some(target.policy(&served_policy()));
    let served = start.serve();
    let sam = served.token("sam");
    let filed = served.cli(&[
        "request",
        "payments",
        "restart",
        "--task",
        "Restart the stuck payment worker",
        "--for",
        "8s",
        "--json",
    ]);
    let filed: serde_json::Value = serde_json::from_slice(&filed.stdout).unwrap_or_else(|_| panic!("{filed:?}"));
    let id = filed["id"].to_string();
    let approved =
        served.command().env("NIGHTLATCH_TOKEN", &sam).args(["approve", &id, "--words", "go"]).output().unwrap();
    assert!(approved.status.success(), "{approved:?}");
    let show =
        || -> serde_json::Value { serde_json::from_slice(&served.cli(&["show", &id, "--json"]).stdout).unwrap() };
    until("it is active", || (show()["status"] == "active").then_some(()));
    let seen = served.folder.join("seen");
    let file = format!("\\copy work.stuck to '{}'", seen.display());
    let out = served.cli(&["connect", &id, "--", "psql", "-X", "-c", &file, "-c", "SELECT pg_sleep(600)"]);
    assert!(!out.status.success(), "{out:?}");
    assert!(String::from_utf8_lossy(&out.stderr).contains("terminating connection"), "{out:?}");
    assert_eq!(std::fs::read_to_string(&seen).unwrap().trim(), "42");
    let removed = until("it is removed", || Some(show()).filter(|shown| shown["status"] == "removed"));
    let evidence = removed["grant"]["observed"]["evidence"].to_string();
    assert!(evidence.contains("not in the catalogue, 0 sessions"), "{removed}");
    assert!(!served.cli(&["connect", &id, "--", "psql", "-c", "SELECT 1"]).status.success());
}

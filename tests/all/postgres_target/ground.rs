//! A PostgreSQL server to give access on: a role of nightlatch's own with no more rights than it needs, and what a policy names.

use crate::support::house::{House, POLICY, person};
use crate::support::{TempDatabase, pg_database};
use nightlatch::access::RequestNumber;
use nightlatch::clock::Clock;
use nightlatch::store::Location;
use nightlatch::text::Instant;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;

/// A database with nightlatch's role and what the policy names; gone with the value.
pub struct Target {
    _database: TempDatabase,
    /// How the names of its roles begin: roles are common to a cluster.
    pub own: String,
    pub socket: String,
}

impl Target {
    pub fn new(test: &str) -> Option<Self> {
        let database = pg_database(test)?;
        let url = database.url();
        let own = url.rsplit_once('/').map(|_| url.split('?').next().unwrap().rsplit_once('/').unwrap().1).unwrap();
        let socket = url.split_once("host=").unwrap().1.split('&').next().unwrap().to_owned();
        let target = Self { own: own.to_owned(), _database: database, socket };
        let own = &target.own;
        target.sql(&format!(
            "DO $$ BEGIN CREATE ROLE nightlatch_scram; EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$; \
             CREATE ROLE {own}_latch LOGIN CREATEROLE; GRANT pg_signal_backend TO {own}_latch; \
             CREATE ROLE {own}_app; GRANT {own}_app TO {own}_latch; CREATE ROLE {own}_ana LOGIN; \
             CREATE ROLE \"{own} quotes; and \"\"spaces\"\"\"; GRANT nightlatch_scram TO \"{own} quotes; and \"\"spaces\"\"\"; \
             CREATE SCHEMA work; CREATE TABLE work.stuck AS SELECT 42 AS worker; \
             GRANT USAGE, CREATE ON SCHEMA work TO \"{own} quotes; and \"\"spaces\"\"\"; \
             GRANT SELECT ON work.stuck TO \"{own} quotes; and \"\"spaces\"\"\""
        ));
        Some(target)
    }

    /// What psql says to this, as the superuser.
    pub fn sql(&self, sql: &str) -> String {
        let out = self.psql("postgres", "").args(["-At", "-v", "ON_ERROR_STOP=1", "-c", sql]).output().unwrap();
        assert!(out.status.success(), "{sql}: {out:?}");
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    }

    pub fn psql(&self, user: &str, password: &str) -> Command {
        let mut psql = Command::new("psql");
        psql.args(["-X", "-h", &self.socket, "-U", user, "-d", &self.own]).stdin(Stdio::null());
        psql.env("PGPASSWORD", password).env_remove("PGPASSFILE");
        psql
    }

    /// A policy whose sandbox is this target, reached by this socket, with more keys of the provisioner.
    pub fn policy_by(&self, policy: &str, socket: &str, more: &str) -> String {
        let own = &self.own;
        let with = format!(
            "provisioner = \"sandbox\"\nwith = {{ member_of = '{own} quotes; and \"spaces\"', reassign_to = \"{own}_app\" }}"
        );
        let (head, _) = policy.split_once("[provisioners.sandbox]").unwrap();
        let head = head.replace("provisioner = \"sandbox\"", &with);
        let url = format!("postgres://{own}_latch@localhost/{own}?host={socket}");
        format!("{head}[provisioners.sandbox]\nkind = \"postgres\"\nurl = \"{url}\"\n{more}")
    }

    /// A policy whose sandbox is this target.
    pub fn policy(&self, policy: &str) -> String {
        self.policy_by(policy, &self.socket, "")
    }

    /// The role that is given, quoted.
    pub fn group(&self) -> String {
        format!("\"{} quotes; and \"\"spaces\"\"\"", self.own)
    }

    /// The roles that are members of the role that is given, and are ours by their name.
    pub fn held(&self) -> String {
        format!(
            "SELECT m.rolname FROM pg_auth_members a JOIN pg_roles m ON m.oid = a.member JOIN pg_roles g ON g.oid = a.roleid \
             WHERE g.rolname = '{} quotes; and \"spaces\"' AND m.rolname LIKE 'nl-%'",
            self.own
        )
    }

    /// A house whose clock begins where the server's stands.
    pub async fn house(&self) -> House {
        self.house_of(&self.policy(POLICY)).await
    }

    pub async fn house_of(&self, policy: &str) -> House {
        let folder = Arc::new(crate::support::TempFolder::new());
        let now = self.sql("SELECT floor(extract(epoch FROM now()) * 1000)::bigint").parse().unwrap();
        let clock = Clock::manual(Instant::from_millis(now));
        let store = Location::Sqlite(folder.join("store.db"));
        House::open(store, policy, folder, clock).await
    }

    /// How many sessions there are of a role.
    pub fn sessions(&self, role: &str) -> usize {
        self.sql(&format!("SELECT count(*) FROM pg_stat_activity WHERE usename = '{role}'")).parse().unwrap()
    }

    pub fn has_role(&self, role: &str) -> bool {
        self.sql(&format!("SELECT count(*) FROM pg_roles WHERE rolname = '{role}'")) == "1"
    }

    /// Drops roles that a test made, and what they own.
    pub fn drop_role(&self, role: &str) {
        self.sql(&format!("DROP OWNED BY \"{role}\"; DROP ROLE \"{role}\""));
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
            format!("DROP ROLE {own}_ana"),
            format!("DROP ROLE {own}_latch"),
            format!("DROP ROLE {own}_app"),
        ];
        for sql in each {
            drop(self.psql("postgres", "").args(["-qc", &sql]).output());
        }
    }
}

impl Target {
    /// Nightlatch's own role cannot sign in, and its connections are lost.
    pub fn shut_out(&self) {
        self.sql(&format!("ALTER ROLE {}_latch NOLOGIN", self.own));
        self.cut_latch();
    }

    pub fn cut_latch(&self) {
        let own = &self.own;
        self.sql(&format!(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = '{own}_latch'"
        ));
    }

    /// Nightlatch's own role can sign in again.
    pub fn let_in(&self) {
        self.sql(&format!("ALTER ROLE {}_latch LOGIN", self.own));
    }
}

/// Collects the credential: the role and its password.
pub async fn collect(house: &House, id: i64) -> (String, String) {
    let given = house.service.credential(&person("ana"), RequestNumber(id), None).await.unwrap().credential;
    (given["user"].as_str().unwrap().to_owned(), given["password"].as_str().unwrap().to_owned())
}

/// A session that says when it is in, and then stays.
pub fn session(target: &Target, (user, password): &(String, String), first: &str) -> Child {
    let sql = format!("{first}; SELECT pg_sleep(600)");
    target.psql(user, password).args(["-c", &sql]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

pub fn sign_in(target: &Target, (user, password): &(String, String), sql: &str) -> Output {
    target.psql(user, password).args(["-Atc", sql]).output().unwrap()
}

/// The kinds of everything that was recorded, in its order, with what was said.
pub async fn told(house: &House, of: Option<i64>) -> Vec<(String, String)> {
    let of = of.map(RequestNumber);
    let told = house.service.events(&person("sam"), of, 0, 1000, std::time::Duration::ZERO).await.unwrap();
    told.events.into_iter().map(|event| (event.kind, event.body.to_string())).collect()
}

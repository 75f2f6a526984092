//! A place for the real server to fail in: an engine, a target, and clients that ask until they are answered.

use super::roles;
use crate::support::served::{PATIENCE, Served, Start, Watch, Wire, policy};
use crate::support::{TempDatabase, TempFolder, pg_database};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

/// What a folder of access lies in, as [`POLICY`](crate::support::house::POLICY) has it.
const SANDBOX: &str = "kind = \"files\"\nfolder = \"sandbox\"\n";

/// A kind of target: the policy that has it in the place of [`SANDBOX`], and the marks of the access that is in it, read past
/// nightlatch.
pub struct Target {
    pub name: &'static str,
    policy: fn(&TempFolder, &str) -> String,
    pub held: fn(&TempFolder) -> BTreeSet<String>,
}

/// A further kind is one more line.
pub const TARGETS: [Target; 3] = [
    Target { name: "files", policy: |_, policy| policy.to_owned(), held: |folder| names(folder, "sandbox") },
    Target { name: "command", policy: helper, held: |folder| names(folder, "helper") },
    Target { name: "postgres", policy: roles::policy, held: roles::held },
];

pub fn target(name: &str) -> &'static Target {
    TARGETS.iter().find(|target| target.name == name).unwrap()
}

/// A helper that keeps one file a mark beside itself.
const HELPER: &str = r#"here=$(dirname "$0")
mark=$(sed -n 's/.*"mark":"\([a-z0-9-]*\)".*/\1/p')
case $1 in
grant) : >"$here/$mark" && echo '{"second_lock":false}' ;;
remove) rm -f "$here/$mark" && echo '{}' ;;
observe) if [ -e "$here/$mark" ]; then echo '{"present":true,"until":null,"sessions":0,"evidence":"a file"}'
    else echo '{"present":false,"until":null,"sessions":0,"evidence":"no file"}'; fi ;;
probe) echo '{}' ;;
*) exit 1 ;;
esac
"#;

fn helper(folder: &TempFolder, policy: &str) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    let path = folder.join("helper/run.sh");
    if !path.exists() {
        folder.write("helper/run.sh", HELPER);
        for path in [&folder.join("helper"), &path] {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).unwrap();
        }
    }
    // By its interpreter: a file just written cannot always be run itself while other tests fork.
    let table = format!("kind = \"command\"\nargv = [\"/bin/sh\", \"{}\"]\n", path.display());
    policy.replace(SANDBOX, &table)
}

/// The marks that are names of files.
fn names(folder: &TempFolder, below: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder.join(below)).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| name.starts_with("nl-")).map(|name| name.trim_end_matches(".json").to_owned()).collect()
}

/// Where a store is, an engine each.
pub enum Engine {
    Sqlite,
    Postgres(TempDatabase),
}

impl Engine {
    /// PostgreSQL, or nothing where there is none.
    pub fn postgres(test: &str) -> Option<Self> {
        pg_database(test).map(Self::Postgres)
    }
}

/// The server's files, kept from one start to the next.
pub struct Bed {
    pub folder: Arc<TempFolder>,
    pub target: &'static Target,
    engine: Engine,
}

impl Bed {
    pub fn new(engine: Engine, target: &'static Target) -> Self {
        Self { folder: Arc::new(TempFolder::new()), target, engine }
    }

    /// In a folder that is there already, with files as its target.
    pub fn on(folder: Arc<TempFolder>) -> Self {
        Self { folder, target: target("files"), engine: Engine::Sqlite }
    }

    fn start(&self) -> Start {
        let store = match &self.engine {
            Engine::Sqlite => None,
            Engine::Postgres(database) => Some(database.url()),
        };
        let policy = (self.target.policy)(&self.folder, &policy());
        Start { folder: Arc::clone(&self.folder), policy: Some(policy), store, ..Start::socket() }
    }

    pub fn serve(&self) -> Served {
        self.start().serve()
    }

    pub fn serve_by(&self, program: std::process::Command) -> Served {
        self.start().serve_by(program)
    }

    pub fn held(&self) -> BTreeSet<String> {
        (self.target.held)(&self.folder)
    }

    /// A client of the server that is, or will be, here.
    pub fn client(&self, token: Option<&str>) -> Client {
        Client { socket: self.folder.join("sock"), token: token.map(str::to_owned) }
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        roles::leave(&self.folder);
    }
}

/// One act, as it was sent, so that it can be sent again.
#[derive(Debug, Clone)]
pub struct Sent {
    pub path: String,
    pub key: String,
    pub body: Value,
}

/// A client that is not put off by a server that dies.
#[derive(Debug, Clone)]
pub struct Client {
    socket: std::path::PathBuf,
    token: Option<String>,
}

impl Client {
    /// One try: nothing where no whole answer came.
    pub fn once(&self, method: &str, path: &str, more: &str, body: &str) -> Option<(u16, Value)> {
        let stream = UnixStream::connect(&self.socket).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        let mut wire = Wire::Unix(stream);
        let token = self.token.as_ref().map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{token}{more}");
        let head = format!("{head}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
        wire.write_all(format!("{head}{body}").as_bytes()).ok()?;
        let said = wire.answer().ok()?;
        Some((said.status, serde_json::from_str(&said.body).ok()?))
    }

    pub fn act_once(&self, sent: &Sent) -> Option<(u16, Value)> {
        self.once("POST", &sent.path, &format!("Idempotency-Key: {}\r\n", sent.key), &sent.body.to_string())
    }

    /// The same again until it is answered by anything else than "not now".
    fn answered(what: &str, ask: impl Fn() -> Option<(u16, Value)>) -> (u16, Value) {
        let begun = Watch::start();
        loop {
            match ask() {
                Some((503 | 500, _)) | None => {}
                Some(answer) => return answer,
            }
            assert!(begun.elapsed() < PATIENCE, "no answer: {what}");
            std::thread::sleep(Duration::from_millis(15));
        }
    }

    /// Sends an act under its key until it is answered.
    pub fn act(&self, sent: &Sent) -> (u16, Value) {
        Self::answered(&sent.path, || self.act_once(sent))
    }

    pub fn show(&self, id: i64) -> Value {
        let (status, view) = Self::answered("show", || self.once("GET", &format!("/v1/requests/{id}"), "", ""));
        assert_eq!(status, 200, "NL-{id} is gone: {view}");
        view
    }
}

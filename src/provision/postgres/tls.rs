//! TLS to a real server with a certificate of a real authority, both made here.

use crate::policy::ProvisionerSettings;
use serde_json::json;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// PostgreSQL's programs and the account that may run them; nothing where something is missing.
fn programs() -> Option<(PathBuf, Vec<String>)> {
    let found = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let folder = found.map(|entry| entry.path().join("bin")).filter(|bin| bin.join("initdb").exists()).max()?;
    let has = |program: &str| Command::new(program).arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status();
    has("openssl").ok()?;
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        return Some((folder, Vec::new()));
    }
    has("setpriv").ok()?;
    let known = Command::new("id").arg("postgres").output().ok()?.status.success();
    let account = if known { "postgres" } else { "nobody" };
    let group = Command::new("id").args(["-g", account]).output().ok()?.stdout;
    let group = String::from_utf8(group).ok()?;
    let words = ["setpriv", &format!("--reuid={account}"), &format!("--regid={}", group.trim()), "--clear-groups"];
    Some((folder, words.map(str::to_owned).to_vec()))
}

/// A server that speaks TLS only, on a port of its own; it ends with the value.
struct Server {
    folder: tempfile::TempDir,
    bin: PathBuf,
    runs_as: Vec<String>,
    port: u16,
}

impl Server {
    fn start() -> Option<Self> {
        let (bin, runs_as) = programs()?;
        let folder = tempfile::Builder::new().prefix("nl-tls-").tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Self { folder, bin, runs_as, port };
        for name in ["good", "other"] {
            server.sh(&format!(
                "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj '/CN=The {name} authority' \
                 -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign -keyout {name}.key -out {name}.pem"
            ));
        }
        server.sh(
            "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout server.key -out server.csr
             printf 'subjectAltName=DNS:localhost\\nbasicConstraints=CA:FALSE\\n' >ext
             openssl x509 -req -in server.csr -CA good.pem -CAkey good.key -CAcreateserial -days 2 -extfile ext -out server.pem
             chmod 600 server.key",
        );
        if let Some(account) = server.runs_as.iter().find_map(|word| word.strip_prefix("--reuid=")) {
            server.sh(&format!("chown -R {account} ."));
        }
        server.pg("initdb", "-D data -U postgres -A trust -E UTF8 --locale=C --no-instructions --no-sync");
        server.pg(
            "pg_ctl",
            &format!(
                "-D data -l log -w -t 60 -o \"-c listen_addresses=127.0.0.1 -p {port} -c unix_socket_directories= -c fsync=off \
                 -c ssl=on -c ssl_cert_file={0}/server.pem -c ssl_key_file={0}/server.key\" start >>out 2>&1 </dev/null",
                server.folder.path().display()
            ),
        );
        Some(server)
    }

    fn sh(&self, script: &str) {
        self.run(Command::new("sh").args(["-ec", script]));
    }

    fn pg(&self, program: &str, words: &str) {
        let script = format!("'{}' {words}", self.bin.join(program).display());
        match self.runs_as.split_first() {
            None => self.sh(&script),
            Some((first, rest)) => self.run(Command::new(first).args(rest).args(["sh", "-ec", &script])),
        }
    }

    fn run(&self, command: &mut Command) {
        let out = command.current_dir(self.folder.path()).stdin(Stdio::null()).output().unwrap();
        assert!(out.status.success(), "{command:?}: {out:?}");
    }

    async fn probe(&self, host: &str, root: &str, mode: &str) -> Result<(), String> {
        let root = self.folder.path().join(root);
        let query = format!("sslmode={mode}&sslrootcert={}", root.display());
        let url = format!("postgres://postgres@{host}:{}/postgres?{query}", self.port);
        let serde_json::Value::Object(settings) = json!({"url": url}) else { panic!("an object") };
        let settings = ProvisionerSettings { kind: "postgres".into(), settings };
        let built = super::build("db", &settings, Path::new("/"))?;
        let spec = crate::provision::contract_tests::spec(1, "ana");
        let by_hand = built.by_hand(&crate::provision::Spec {
            with: serde_json::Map::from_iter([("member_of".to_owned(), json!("app"))]),
            ..spec
        });
        assert!(by_hand.contains(&format!("sslrootcert='\\''{}", root.display())), "{by_hand}");
        built.probe().await.map_err(|fault| fault.sentence)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A second panic while a failing test unwinds would hide the first one.
        let stop = || self.pg("pg_ctl", "-D data -m immediate -w stop >>out 2>&1");
        drop(std::panic::catch_unwind(std::panic::AssertUnwindSafe(stop)));
    }
}

#[tokio::test]
#[ignore = "makes a cluster: tests/run all"]
async fn a_server_is_believed_by_its_name_and_its_authority_only() {
    let Some(server) = Server::start() else {
        let line = "SKIPPED provision::postgres::tls: no initdb, openssl or setpriv\n";
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        return;
    };
    assert_eq!(server.probe("localhost", "good.pem", "verify-full").await, Ok(()));
    let fault = server.probe("127.0.0.1", "good.pem", "verify-full").await.unwrap_err();
    assert!(fault.contains("cannot be reached"), "another name: {fault}");
    let fault = server.probe("localhost", "other.pem", "verify-full").await.unwrap_err();
    assert!(fault.contains("cannot be reached"), "another authority: {fault}");
    let fault = server.probe("localhost", "other.pem", "verify-ca").await.unwrap_err();
    assert!(fault.contains("cannot be reached"), "another authority: {fault}");
}

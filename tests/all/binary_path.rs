//! The main job through the real binary, in real time: file, approve, active by observation, end, removed by observation;
//! then the trail is exported and verified, twice, and a changed byte is found, twice.

use crate::support::{TempFolder, binary, pg_database};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

/// A server of its own, stopped with the value.
struct Served {
    server: Child,
    folder: TempFolder,
    address: String,
}

fn account() -> String {
    let id = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(id.stdout).unwrap().trim().to_owned()
}

fn policy() -> String {
    format!(
        r#"
zone = "Europe/London"
[people.ana]
name = "Ana Ruiz"
os_user = "{}"
duties = ["admin"]
[people.sam]
name = "Sam Lee"
[people.li]
name = "Li Wei"
[systems.payments]
name = "Payment service"
environment = "production"
owner = "sam"
backup = "li"
hours = "always"
[[systems.payments.roles]]
name = "logs-read"
allows = "Read the logs"
provisioner = "sandbox"
[[systems.payments.roles]]
name = "restart"
allows = "Restart the workers"
provisioner = "sandbox"
[provisioners.sandbox]
kind = "files"
folder = "sandbox"
"#,
        account()
    )
}

impl Served {
    fn new(store: &str) -> Self {
        let folder = TempFolder::new();
        folder.write("policy.toml", &policy());
        let socket = folder.join("sock");
        let store =
            if store == "sqlite" { format!("sqlite:{}", folder.join("store.db").display()) } else { store.to_owned() };
        let server = format!(
            "policy = \"policy.toml\"\nlisten = \"unix:{}\"\ncheckpoint_key = \"keys/checkpoint\"\n[store]\nurl = \"{store}\"\n",
            socket.display()
        );
        folder.write("server.toml", &server);
        let mut server = Command::new(binary())
            .args(["serve", "--config"])
            .arg(folder.join("server.toml"))
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(folder.join("log")).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap_or_else(|| {
            panic!("it said {line:?}, and: {}", std::fs::read_to_string(folder.join("log")).unwrap())
        });
        Self { address: address.to_owned(), server, folder }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(binary());
        command.env("NIGHTLATCH_STORE", &self.address).env("HOME", self.folder.path()).stdin(Stdio::null());
        for name in ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "NIGHTLATCH_TOKEN"] {
            command.env_remove(name);
        }
        command
    }

    fn token(&self, person: &str) -> String {
        let file = self.folder.join("server.toml");
        let out = self.command().args(["admin", "token", "create", person, "--config"]).arg(file).output().unwrap();
        assert!(out.status.success(), "{out:?}");
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    }

    fn ok(&self, args: &[&str], token: Option<&str>) -> Value {
        let mut command = self.command();
        if let Some(token) = token {
            command.env("NIGHTLATCH_TOKEN", token);
        }
        let out = command.args(args).arg("--json").output().unwrap();
        assert!(out.status.success(), "{args:?}: {out:?}");
        serde_json::from_slice(&out.stdout).unwrap()
    }

    fn until(&self, id: i64, status: &str) -> Value {
        for _ in 0..1200 {
            let shown = self.ok(&["show", &id.to_string()], None);
            if shown["status"] == status {
                return shown;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("never {status}: {}", self.ok(&["show", &id.to_string()], None))
    }

    fn verify(&self, export: &str, python: bool) -> Output {
        let mut command = if python {
            let mut command = Command::new("python3");
            command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/verify.py")).arg("-");
            command
        } else {
            let mut command = self.command();
            command.args(["audit", "verify", "-"]);
            command
        };
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Whoever finds the fault early reads no further.
        drop(child.stdin.take().unwrap().write_all(export.as_bytes()));
        child.wait_with_output().unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

fn story(store: &str) {
    let served = Served::new(store);
    let sam = served.token("sam");
    let task = "Restart the stuck payment worker; done when the queue drains";
    let filed = served.ok(&["request", "payments", "restart", "--task", task, "--for", "2s"], None);
    let id = filed["id"].as_i64().unwrap();
    assert_eq!(filed["status"], "pending");
    served.ok(&["approve", &id.to_string(), "--words", "go"], Some(&sam));
    let active = served.until(id, "active");
    assert_eq!(active["grant"]["observed"]["presence"], "present");
    assert_eq!(std::fs::read_dir(served.folder.join("sandbox")).unwrap().count(), 1);
    let removed = served.until(id, "removed");
    assert_eq!(removed["grant"]["observed"]["presence"], "absent");
    assert_eq!(std::fs::read_dir(served.folder.join("sandbox")).unwrap().count(), 0);

    let export = served.command().args(["audit", "export"]).output().unwrap();
    assert!(export.status.success(), "{export:?}");
    let export = String::from_utf8(export.stdout).unwrap();
    let count = export.lines().count();
    for python in [false, true] {
        let good = served.verify(&export, python);
        let said = String::from_utf8_lossy(&good.stdout).into_owned();
        assert!(good.status.success() && said.contains(&count.to_string()), "python {python}: {good:?}");
        let changed = export.replacen("queue drains", "queue brains", 1);
        assert_ne!(changed, export);
        assert_eq!(served.verify(&changed, python).status.code(), Some(8), "a changed byte, python {python}");
        let mut lines: Vec<&str> = export.lines().collect();
        lines.swap(2, 3);
        assert_eq!(
            served.verify(&(lines.join("\n") + "\n"), python).status.code(),
            Some(8),
            "swapped, python {python}"
        );
        lines.swap(2, 3);
        lines.remove(2);
        assert_eq!(
            served.verify(&(lines.join("\n") + "\n"), python).status.code(),
            Some(8),
            "dropped, python {python}"
        );
    }
    let file = served.folder.join("server.toml");
    let doctor = served.command().args(["doctor", "--config"]).arg(file).output().unwrap();
    assert!(doctor.status.success(), "{doctor:?}");
}

#[test]
fn the_recorded_path_runs_through_the_binary_on_sqlite() {
    story("sqlite");
}

#[test]
fn the_recorded_path_runs_through_the_binary_on_postgres() {
    if let Some(database) = pg_database("binary_path_postgres") {
        story(&database.url());
    }
}

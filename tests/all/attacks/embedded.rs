//! The embedded store: started by whoever needs it, one at a time, there as long as something is open.

use crate::support::TempFolder;
use crate::support::served::{PATIENCE, TASK, Watch, bare, ends, signal_to, stderr, stdout, until};
use rustix::process::Signal;
use serde_json::Value;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

/// A home without any configuration. What was started in it ends with it.
pub struct Home(TempFolder);

impl Home {
    pub fn new() -> Self {
        Self(TempFolder::new())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    fn run(&self, args: &[&str]) -> Output {
        bare(self.0.path()).args(args).output().unwrap()
    }

    /// The servers of this home: told by their environment, so that nobody else's is ever touched.
    pub fn servers(&self) -> Vec<u32> {
        let own = format!("HOME={}", self.0.path().display());
        let all = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
        all.filter(|process| {
            let read = |what: &str| fs::read(format!("/proc/{process}/{what}")).unwrap_or_default();
            let words = |bytes: Vec<u8>| bytes.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect::<Vec<_>>();
            words(read("environ")).iter().any(|word| word == own.as_bytes())
                && words(read("cmdline")).iter().any(|word| word == b"--embedded")
        })
        .collect()
    }

    fn file(&self, path: &str) -> std::path::PathBuf {
        self.0.join(path)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        for server in self.servers() {
            signal_to(server, Signal::KILL);
        }
        // The folder goes next: nobody may still write into it.
        until("the servers are gone", || self.servers().is_empty().then_some(()));
    }
}

#[test]
fn it_starts_by_itself_and_outlives_who_started_it() {
    let home = Home::new();
    let first = home.run(&["systems"]);
    ends(&first, 0, "sandbox");
    let policy = home.file("c/nightlatch/policy.toml");
    assert!(policy.exists());
    assert!(stderr(&first).contains(&policy.display().to_string()), "where the starter policy is: {}", stderr(&first));
    let servers = home.servers();
    assert_eq!(servers.len(), 1, "it outlives the command");
    let stat = fs::read_to_string(format!("/proc/{}/stat", servers[0])).unwrap();
    let session = stat.rsplit_once(") ").unwrap().1.split(' ').nth(3).unwrap().to_owned();
    assert_eq!(session, servers[0].to_string(), "a session of its own");
    for (path, mode) in [
        ("c/nightlatch", 0o700),
        ("d/nightlatch", 0o700),
        ("r/nightlatch", 0o700),
        ("c/nightlatch/checkpoint.key", 0o600),
        ("r/nightlatch/sock", 0o600),
        ("d/nightlatch/store.db", 0o600),
    ] {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(home.file(path)).unwrap().permissions().mode() & 0o777, mode, "{path}");
    }

    let filed = home.run(&["request", "sandbox", "read", "--task", TASK, "--for", "30m", "--json"]);
    ends(&filed, 0, "\"id\":101");
    assert!(!stderr(&filed).contains("starter"), "said once: {}", stderr(&filed));
    ends(&home.run(&["approve", "101", "--words", "mine"]), 0, "NL-101");
    until("active", || {
        let shown: Value = serde_json::from_str(&stdout(&home.run(&["show", "101", "--json"]))).unwrap();
        (shown["status"] == "active").then_some(())
    });
    ends(&home.run(&["show", "101"]), 0, "self");
    ends(&home.run(&["hand-back", "101"]), 0, "NL-101");
    until("removed", || {
        let shown: Value = serde_json::from_str(&stdout(&home.run(&["show", "101", "--json"]))).unwrap();
        (shown["status"] == "removed").then_some(())
    });
    assert_eq!(home.servers(), servers, "one server for all of it");

    // Another home that joins it is told of no policy that was not written.
    let guest = Home::new();
    let joined = bare(guest.0.path()).env("XDG_RUNTIME_DIR", home.file("r")).arg("systems").output().unwrap();
    ends(&joined, 0, "sandbox");
    assert_eq!((stderr(&joined), guest.servers()), (String::new(), vec![]));

    // A hangup, as when its terminal closes, ends nothing.
    signal_to(servers[0], Signal::HUP);
    ends(&home.run(&["list"]), 0, "NL-101");
    // Killed, it starts again with all that it had.
    signal_to(servers[0], Signal::KILL);
    until("gone", || home.servers().is_empty().then_some(()));
    ends(&home.run(&["show", "101"]), 0, "removed");
    assert_eq!(home.servers().len(), 1);
}

#[test]
fn several_who_start_it_at_once_end_with_one() {
    let home = Home::new();
    let all: Vec<_> = (0..5)
        .map(|_| bare(home.0.path()).arg("systems").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
        .collect();
    for one in all {
        ends(&one.wait_with_output().unwrap(), 0, "sandbox");
    }
    until("one server", || (home.servers().len() == 1).then_some(()));
    ends(&home.run(&["whoami"]), 0, "by socket");
}

fn ask(socket: &Path, text: &str) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    said
}

fn post(socket: &Path, path: &str, body: &str) -> String {
    let head = "Host: localhost\r\nConnection: close\r\nContent-Type: application/json";
    ask(socket, &format!("POST {path} HTTP/1.1\r\n{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
}

#[test]
fn it_stops_by_itself_when_nothing_is_open_and_not_before() {
    let home = Home::new();
    let idle = Duration::from_secs(2);
    let mut serve = bare(home.0.path());
    let mut server = serve
        .args(["serve", "--embedded", "--idle", "2s"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let socket = home.file("r/nightlatch/sock");
    assert_eq!(line.trim(), format!("listening on unix:{}", socket.display()));
    let ready = "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    until("ready", || ask(&socket, ready).contains(" 200 ").then_some(()));
    let body =
        format!("{{\"system\":\"sandbox\",\"role\":\"read\",\"task\":\"{TASK}\",\"window\":{{\"for_seconds\":1800}}}}");
    let filed = post(&socket, "/v1/requests", &body);
    assert!(filed.contains(" 201 "), "{filed}");
    let begun = Watch::start();
    while begun.elapsed() < 2 * idle {
        assert_eq!(server.try_wait().unwrap(), None, "something is open");
        std::thread::sleep(Duration::from_millis(50));
    }
    let withdrawn = post(&socket, "/v1/requests/101/withdraw", "{}");
    assert!(withdrawn.contains(" 200 "), "{withdrawn}");
    let begun = Watch::start();
    let status = loop {
        if let Some(status) = server.try_wait().unwrap() {
            break status;
        }
        assert!(begun.elapsed() < PATIENCE, "it does not stop");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(status.code(), Some(0));
    assert!(!socket.exists());
    // The next command starts it again, and the request is there.
    ends(&home.run(&["show", "101"]), 0, "withdrawn");
}

#[test]
fn what_stops_it_from_starting_is_said() {
    use std::os::unix::fs::PermissionsExt as _;
    let private = |home: &Home, folder: &str, mode| {
        fs::create_dir_all(home.file(folder)).unwrap();
        fs::set_permissions(home.file(folder), fs::Permissions::from_mode(mode)).unwrap();
    };
    let home = Home::new();
    private(&home, "c/nightlatch", 0o700);
    home.0.write("c/nightlatch/policy.toml", "zone = \"Nowhere\"\n");
    let out = home.run(&["systems"]);
    assert!(matches!(out.status.code(), Some(2 | 7)), "{out:?}");
    assert!(stderr(&out).contains("policy.toml"), "{}", stderr(&out));
    assert!(home.servers().is_empty());

    for folder in ["c/nightlatch", "d/nightlatch", "r/nightlatch"] {
        let home = Home::new();
        private(&home, folder, 0o755);
        let out = home.run(&["systems"]);
        assert!(matches!(out.status.code(), Some(2 | 7)), "{out:?}");
        let cure = format!("chmod 700 {}", home.file(folder).display());
        assert!(stderr(&out).contains(&cure), "{}", stderr(&out));
    }
}

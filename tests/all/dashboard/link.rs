//! The host that is slow, wrong, gone and back: a sentence, the old data with its age, and on.

use super::{alone, dashboard_of, file, open};
use crate::support::TempFolder;
use crate::support::served::{PATIENCE, Served, Start, TASK, bare, ends};
use rustix::process::Signal;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

/// A host that answers everything with `body`.
fn wrong(kind: &'static str, body: &'static str, declared: usize) -> String {
    listening(move |_| (kind, body.to_owned(), declared))
}

/// A host that answers each path as `answer` says, in JSON.
pub fn playing(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> String {
    listening(move |path| {
        let body = answer(path);
        let length = body.len();
        ("application/json", body, length)
    })
}

fn listening(answer: impl Fn(&str) -> (&'static str, String, usize) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer = std::sync::Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, answer) = (stream.unwrap(), answer.clone());
            std::thread::spawn(move || {
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                let mut asked = [0; 8192];
                let count = stream.read(&mut asked).unwrap_or_default();
                let asked = String::from_utf8_lossy(&asked[..count]).into_owned();
                let (kind, body, declared) = answer(asked.split(' ').nth(1).unwrap_or_default());
                let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {declared}\r\n");
                drop(stream.write_all(format!("{head}Connection: close\r\n\r\n{body}").as_bytes()));
            });
        }
    });
    format!("http://{address}")
}

#[test]
fn a_wrong_answer_is_a_sentence_and_never_an_end() {
    let html = "<html><body>Sign in to the hotel network</body></html>";
    let other = r#"{"rows":"none","server_now":1}"#;
    for (kind, body, declared, says) in [
        ("text/html", html, html.len(), "text/html, which is no answer of nightlatch"),
        ("application/json", "{\"seq\":1,\"rows\":[", 4000, "broke off before it had answered"),
        ("application/json", other, other.len(), "cannot be read"),
    ] {
        let home = TempFolder::new();
        let mut command = bare(home.path());
        command.env("NIGHTLATCH_STORE", wrong(kind, body, declared));
        let mut pty = super::Pty::sized(&command, 160, 40);
        pty.shows(says);
        pty.keys("r");
        pty.shows(says);
        pty.keys("q");
        assert!(pty.ends().success());
    }
}

#[test]
fn nobody_there_is_said_with_the_next_try() {
    let home = TempFolder::new();
    let mut pty = open(&alone(&home));
    pty.shows("OFFLINE");
    pty.shows("cannot be reached");
    pty.keys("q");
    assert!(pty.ends().success());
    pty.is_as_before();
}

#[test]
fn gone_and_back_with_the_rows_still_there() {
    let mut served = Served::socket();
    file(&served, "logs-read", TASK);
    let command = dashboard_of(&served, "sam");
    let mut pty = open(&command);
    pty.shows("LIVE");
    pty.shows("Restart the");
    served.signal(Signal::TERM);
    served.end();
    pty.shows("OFFLINE");
    pty.shows("Restart the");
    // Nothing is sent, and nothing is kept to be sent later.
    pty.keys("a");
    pty.shows("offline");
    pty.keys("\x1b");
    let folder = served.folder.clone();
    let served = Start { folder, ..Start::socket() }.serve();
    pty.shows("LIVE");
    assert_eq!(super::look(&served, 101)["status"], "pending");
    let second = file(&served, "logs-read", "Count the stuck jobs; done when counted");
    pty.so("the new one", |screen| screen.contains("Board 2·"));
    pty.keys("q");
    assert!(pty.ends().success());
    drop(served);

    // The next time what was seen last is there before any host, with its age.
    let mut pty = open(&command);
    pty.shows("Restart the");
    assert_eq!(second, 102);
    pty.shows("OFFLINE");
    pty.keys("q");
    assert!(pty.ends().success());
    let mut once = bare(std::path::Path::new(command.get_envs().find(|(name, _)| *name == "HOME").unwrap().1.unwrap()));
    for (name, value) in command.get_envs() {
        once.env(name, value.unwrap_or_default());
    }
    let out = once.args(["board", "--once"]).output().unwrap();
    ends(&out, 30, "Restart the stuck");
    let out = once.arg("--json").output().unwrap();
    ends(&out, 30, "\"cached\":true");
    let folder = command.get_envs().find(|(name, _)| *name == "XDG_CACHE_HOME").unwrap().1.unwrap();
    let kept = std::fs::read_dir(std::path::Path::new(folder).join("nightlatch")).unwrap();
    let kept: Vec<_> = kept.map(|entry| entry.unwrap().path()).collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(kept[0].metadata().unwrap().permissions().mode() & 0o777, 0o600);
    // One that others could read is not believed.
    std::fs::set_permissions(&kept[0], std::fs::Permissions::from_mode(0o644)).unwrap();
    ends(&once.output().unwrap(), 7, "cannot be reached");
}

/// Takes half a minute of real time: nothing but the real clock makes a real pane's data old.
#[test]
#[ignore = "it waits half a minute: tests/run all"]
fn a_host_that_says_nothing_makes_it_stale_then_refused_then_live_and_one_that_is_gone_offline() {
    let mut served = Served::socket();
    let id = file(&served, "logs-read", TASK);
    let mut pty = open(&dashboard_of(&served, "sam"));
    pty.shows("LIVE");
    pty.shows("Restart the");
    served.signal(Signal::STOP);
    pty.shows("STALE");
    pty.shows("Restart the");
    // Old, and then too old.
    pty.so("30 s of silence", |screen| {
        let age = screen.split("STALE ").nth(1).and_then(|rest| rest.split(' ').next()?.parse::<u32>().ok());
        age.is_some_and(|age| age >= 30)
    });
    pty.keys("a");
    pty.shows("older than 30 s: nothing is approved");
    assert!(!pty.text().contains("APPROVE"), "{}", pty.text());
    served.signal(Signal::CONT);
    pty.shows("LIVE");
    super::dialog(&mut pty, "a", &format!("APPROVE NL-{id}"));
    pty.keys("\x1b");
    pty.loses("APPROVE");
    served.signal(Signal::KILL);
    served.end();
    pty.shows("OFFLINE");
    pty.shows("Restart the");
    let folder = served.folder.clone();
    let served = Start { folder, ..Start::socket() }.serve();
    pty.shows("LIVE");
    assert_eq!(super::look(&served, id)["status"], "pending");
    pty.keys("q");
    assert!(pty.ends().success());
}

#[test]
fn the_log_tells_of_the_link_and_never_of_a_task() {
    let served = Served::socket();
    file(&served, "logs-read", "Zanzibar; done when it is");
    let command = dashboard_of(&served, "sam");
    let mut pty = open(&command);
    pty.shows("Zanzibar");
    super::dialog(&mut pty, "d", "DENY NL-101");
    super::types(&mut pty, "Kilimanjaro");
    pty.keys("\r");
    super::stands(&served, 101, "denied");
    pty.loses("DENY NL-");
    pty.keys("q");
    assert!(pty.ends().success());
    let log = served.folder.join(".local/state/nightlatch/dashboard.log");
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("the board is followed") && log.contains("verb=\"deny\""), "{log}");
    assert!(!log.contains("Zanzibar") && !log.contains("Kilimanjaro"), "{log}");
}

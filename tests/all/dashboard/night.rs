//! The demo's night lived at a terminal, and the whole of it inside tmux.

use super::{dialog, types};
use crate::attacks::embedded::Home;
use crate::support::TempFolder;
use crate::support::served::{Watch, bare, ends, stdout, until};
use std::process::{Command, Stdio};
use std::time::Duration;

#[test]
fn the_night_is_lived_and_its_trail_tells_of_you() {
    let home = TempFolder::new();
    let mut command = bare(home.path());
    command.env("TMPDIR", home.path()).args(["demo", "--fast"]);
    let mut pty = super::Pty::sized(&command, 120, 40);
    pty.shows("LIVE");
    pty.shows("Look at");
    pty.keys("\r");
    pty.shows("NL-104 pending");
    dialog(&mut pty, "a", "APPROVE NL-104");
    types(&mut pty, "104");
    pty.keys("\r");
    pty.shows("NL-104 active");
    dialog(&mut pty, "u", "TAKE BACK");
    pty.keys("\r");
    pty.loses("TAKE BACK");
    pty.shows("NL-104 removed");
    pty.keys("q");
    pty.shows("This verifies it");
    assert!(pty.ends().success());
    pty.is_as_before();
    let folder = std::fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().path());
    let folder = folder.into_iter().find(|path| path.join("trail.jsonl").exists()).unwrap();
    let file = |name: &str| folder.join(name).display().to_string();
    let key = file("verifier.key");
    let mut verify = bare(home.path());
    verify.args(["audit", "verify", &file("trail.jsonl"), "--against", &file("checkpoint.note"), "--key", &key]);
    ends(&verify.output().unwrap(), 0, "signed by");
    let trail = std::fs::read_to_string(folder.join("trail.jsonl")).unwrap();
    for kind in ["approved", "undone", "removal-failed", "removed"] {
        assert!(trail.contains(kind), "{kind} is not in the trail");
    }
}

#[test]
fn the_embedded_store_comes_with_the_first_dashboard_and_outlives_the_last() {
    let home = Home::new();
    let mut one = super::open(&bare(home.path()));
    one.shows("LIVE");
    let mut two = super::open(&bare(home.path()));
    two.shows("LIVE");
    one.keys("q");
    assert!(one.ends().success());
    one.is_as_before();
    one.shows("a starter policy was written to");
    assert!(!one.text().contains("stays running"), "another one is open: {}", one.text());
    two.keys("q");
    assert!(two.ends().success());
    two.shows("The embedded store stays running: nothing waits and no access is open");
    assert_eq!(home.servers().len(), 1);
}

#[test]
fn it_works_inside_tmux() {
    let socket = TempFolder::new();
    let tmux = |args: &[&str]| {
        let mut command = Command::new("tmux");
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("LANG", "C.UTF-8")
            .env("HOME", socket.path());
        command.env("TERM", "xterm-256color").arg("-S").arg(socket.join("sock")).args(["-f", "/dev/null"]).args(args);
        command.output()
    };
    if tmux(&["-V"]).is_err() {
        return crate::support::skip("dashboard::night::it_works_inside_tmux", "there is no tmux");
    }
    let home = TempFolder::new();
    let command = super::alone(&home);
    let mut words = vec!["new-session".to_owned(), "-d".into(), "-x".into(), "80".into(), "-y".into(), "24".into()];
    words.push("env".into());
    for (name, value) in command.get_envs() {
        words.push(format!("{}={}", name.to_str().unwrap(), value.unwrap_or_default().to_str().unwrap()));
    }
    words.push(command.get_program().to_str().unwrap().to_owned());
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let started = tmux(&words).unwrap();
    assert!(started.status.success(), "{started:?}");
    let screen = || tmux(&["capture-pane", "-p"]).map(|out| stdout(&out)).unwrap_or_default();
    until("OFFLINE in tmux", || screen().contains("OFFLINE").then_some(()));
    tmux(&["send-keys", "?"]).unwrap();
    until("the help in tmux", || screen().contains("approve").then_some(()));
    tmux(&["send-keys", "q"]).unwrap();
    tmux(&["send-keys", "q"]).unwrap();
    until("tmux ends with it", || (!tmux(&["list-sessions"]).unwrap().status.success()).then_some(()));
}

/// Whoever sits before the embedded store keeps it, and starts it again when it died.
fn keeps_its_store(args: &[&str], open: &str, back: &str, leave: &str) {
    let home = Home::new();
    let (idle, null) = (Duration::from_secs(1), Stdio::null);
    let mut serve = bare(home.path());
    let mut server = serve.args(["serve", "--embedded", "--idle", "1s"]).stdout(null()).stderr(null()).spawn().unwrap();
    until("it listens", || home.path().join("r/nightlatch/sock").exists().then_some(()));
    let mut command = bare(home.path());
    let mut pty = super::Pty::sized(command.args(args), 120, 40);
    pty.shows(open);
    let begun = Watch::start();
    while begun.elapsed() < 4 * idle {
        assert_eq!(server.try_wait().unwrap(), None, "somebody looks at it");
        std::thread::sleep(Duration::from_millis(50));
    }
    server.kill().unwrap();
    server.wait().unwrap();
    until("it is started again", || (home.servers().len() == 1).then_some(()));
    pty.shows(back);
    pty.keys(leave);
    assert!(pty.ends().success());
}

#[test]
fn an_open_dashboard_keeps_the_embedded_store_and_starts_it_again_when_it_died() {
    keeps_its_store(&[], "LIVE", "LIVE", "q");
}

#[test]
fn so_does_the_one_of_lines() {
    keeps_its_store(&["--plain"], "0 overdue, ", "0 overdue, ", "quit\r");
}

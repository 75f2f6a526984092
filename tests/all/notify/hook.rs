//! A hook: programs that work, fail, hang, flood, and leave something running.

use super::alert;
use crate::support::TempFolder;
use crate::support::served::until;
use nightlatch::notify::hook::Hook;
use nightlatch::notify::{Channel as _, Key, Urgency};
use nightlatch::text::Length;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;

/// A hook that is this shell script.
fn hook(folder: &TempFolder, script: &str) -> Hook {
    let path = folder.write("hook", &format!("#!/bin/sh\n{script}\n"));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    Hook::new(vec![path.to_str().unwrap().to_owned(), folder.path().to_str().unwrap().to_owned()])
}

async fn brought(hook: &mut Hook) -> Result<(), String> {
    hook.bring(&alert(142, "bo asks; $(id)", "it's \"so\"\u{1b}[2J", Urgency::Critical)).await
}

#[tokio::test]
async fn a_hook_reads_the_alert_and_sees_little_else() {
    let folder = TempFolder::new();
    let mut hook = hook(&folder, "cat > \"$1/read\"; env > \"$1/env\"; echo said");
    brought(&mut hook).await.unwrap();
    let read = std::fs::read_to_string(folder.join("read")).unwrap();
    assert_eq!(read.lines().count(), 1);
    let read: Value = serde_json::from_str(&read).unwrap();
    assert_eq!(
        read,
        json!({
            "version": 1, "key": "NL-142", "title": "bo asks; $(id)", "body": "it's \"so\"␛[2J", "urgency": "critical",
            "sound": true, "request": "NL-142", "of": [{"request": "NL-142", "seq": 57}],
        })
    );
    let env = std::fs::read_to_string(folder.join("env")).unwrap();
    // What the shell adds by itself is not ours.
    let known = ["PATH", "HOME", "LANG", "DBUS", "XDG_", "WAYLAND_", "DISPLAY", "XAUTHORITY", "TMUX", "USER", "LC_ALL"];
    let own = ["PWD=", "OLDPWD=", "SHLVL=", "_="];
    for line in env.lines() {
        assert!(known.iter().chain(&own).any(|name| line.starts_with(name)), "{line}");
    }
    // Nothing is run to take one back: what became of it only the program knows.
    std::fs::remove_file(folder.join("read")).unwrap();
    hook.take_back(&Key::Test).await.unwrap();
    assert!(!folder.join("read").exists());
}

#[tokio::test]
async fn a_hook_that_fails_says_why() {
    let folder = TempFolder::new();
    let said = brought(&mut hook(&folder, "echo one >&2; printf 'no \\033[2Jnetwork\\n' >&2; exit 3")).await;
    assert_eq!(said.unwrap_err(), "no <001B>[2Jnetwork");
    let said = brought(&mut hook(&folder, "exit 3")).await.unwrap_err();
    assert!(said.starts_with("the hook ") && said.ends_with("ended with exit status: 3 and said nothing"), "{said}");
    for (argv, why) in
        [(vec!["notify-send"], "absolute path"), (vec!["/nowhere/hook"], "cannot find"), (vec![], "absolute")]
    {
        let argv = argv.into_iter().map(str::to_owned).collect();
        let said = brought(&mut Hook::new(argv)).await.unwrap_err();
        assert!(said.contains(why), "{said}");
    }
    // A55: others could put their words into somebody's mouth.
    let mut open = hook(&folder, "exit 0");
    std::fs::set_permissions(folder.join("hook"), std::fs::Permissions::from_mode(0o772)).unwrap();
    let said = brought(&mut open).await.unwrap_err();
    assert!(said.contains("chmod go-w"), "{said}");
}

#[tokio::test]
async fn a19_a_hook_that_hangs_or_floods_is_stopped_with_all_that_it_started() {
    let folder = TempFolder::new();
    let script = "trap '' TERM; sleep 600 & echo $! > \"$1/child\"; sleep 600";
    let mut hangs = hook(&folder, script).within(Length::from_seconds(2));
    let said = brought(&mut hangs).await.unwrap_err();
    assert!(said.contains("did not end within 2s and was stopped"), "{said}");
    let child = std::fs::read_to_string(folder.join("child")).unwrap();
    until("what it started is gone", || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.trim())).unwrap_or_default();
        (stat.is_empty() || stat.contains(") Z ")).then_some(())
    });
    for script in ["head -c 10000000 /dev/zero", "head -c 10000000 /dev/zero >&2"] {
        let said = brought(&mut hook(&folder, script)).await.unwrap_err();
        assert!(said.contains("more than 64 KiB"), "{said}");
    }
}

#[tokio::test]
async fn a19_a_hook_that_leaves_a_daemon_does_not_hold_anybody() {
    let folder = TempFolder::new();
    // It holds both outputs; ten seconds would be too long.
    brought(&mut hook(&folder, "setsid sleep 15 & exit 0")).await.unwrap();
}

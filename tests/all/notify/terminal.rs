//! Terminals: the real program in one, in tmux that passes things on or does not, and nowhere.

use super::bus::{ABLE, Bus};
use crate::dashboard::pty::Pty;
use crate::support::served::{bare, ends, stdout, until};
use crate::support::{TempFolder, skip};
use base64::Engine as _;
use serde_json::Value;
use std::process::{Command, Stdio};

/// `doctor notify`, with folders of its own.
fn doctor(home: &TempFolder) -> Command {
    let mut command = bare(home.path());
    command.args(["doctor", "notify"]);
    command
}

/// What kitty is told first, as it stands in the bytes.
fn kitty() -> String {
    let title = base64::engine::general_purpose::STANDARD.encode("nightlatch: this is a test");
    format!("99;i=nightlatch-test:d=0:e=1:u=1:f=bmlnaHRsYXRjaA==:s=c3lzdGVt;{title}\x07")
}

#[test]
fn a_terminal_is_told_in_its_own_words() {
    let home = TempFolder::new();
    for (term, words, says) in [
        ("xterm-kitty", kitty(), "written to kitty, by OSC 99"),
        ("foot", "777;notify;nightlatch: this is a test;Sent by".to_owned(), "written to foot, by OSC 777"),
    ] {
        let mut pty = Pty::sized(doctor(&home).env("TERM", term), 160, 24);
        assert_eq!(pty.ends().exit_code(), 0, "{}", pty.text());
        pty.shows("nightlatch notify would use terminal");
        let text = pty.text();
        assert!(text.contains(says) && text.contains("no session bus"), "{text}");
        let raw = String::from_utf8(pty.raw()).unwrap();
        assert!(raw.contains(&format!("\x1b]{words}")), "{raw:?}");
        assert_eq!(pty.beside().bells, 1);
    }
}

#[test]
fn a_terminal_that_only_rings_is_no_way_to_be_told() {
    let home = TempFolder::new();
    let mut pty = Pty::sized(doctor(&home).env("TERM", "linux"), 160, 24);
    assert_eq!(pty.ends().exit_code(), 1, "{}", pty.text());
    pty.shows("no notification would arrive");
    pty.shows("only the bell could be rung");
    assert_eq!(pty.beside().bells, 1);
}

/// A tmux of a test's own, ended with the value.
struct Tmux<'a>(&'a TempFolder);

impl Drop for Tmux<'_> {
    fn drop(&mut self) {
        let mut end = Command::new("tmux");
        end.arg("-S").arg(self.0.join("tmux")).arg("kill-server").stderr(Stdio::null());
        drop(end.status());
    }
}

#[test]
fn tmux_passes_on_the_words_or_only_the_bell() {
    if Command::new("tmux").arg("-V").output().is_err() {
        let cure = "no tmux: sudo apt-get install -y --no-install-recommends tmux";
        return skip("tmux_passes_on_the_words_or_only_the_bell", cure);
    }
    for (passthrough, passes) in [("on", true), ("off", false)] {
        let home = TempFolder::new();
        let conf = format!("set -g allow-passthrough {passthrough}\nset -g status off\nset -g bell-action any\n");
        let conf = home.write("tmux.conf", &conf);
        let inner = format!("'{}' doctor notify; echo ENDED $?; exec sleep 600", crate::support::binary().display());
        let bare = bare(home.path());
        let mut tmux = Command::new("tmux");
        tmux.env_clear().envs(bare.get_envs().filter_map(|(name, value)| Some((name, value?))));
        tmux.args(["-u", "-S"]).arg(home.join("tmux")).arg("-f").arg(conf);
        // What kitty says of itself goes through tmux; its name does not.
        tmux.args(["new-session", &inner]).env("KITTY_WINDOW_ID", "1").env("SHELL", "/bin/sh");
        let pty = Pty::sized(&tmux, 160, 24);
        let _tmux = Tmux(&home);
        pty.shows("ENDED");
        until("the bell came through", || (pty.beside().bells > 0).then_some(()));
        let (text, raw) = (pty.text(), String::from_utf8_lossy(&pty.raw()).into_owned());
        assert_eq!(raw.contains(&format!("\x1b]{}", kitty())), passes, "{passthrough}: {raw:?}\n{text}");
        if passes {
            assert!(text.contains("ENDED 0") && text.contains("kitty, told by OSC 99, through tmux"), "{text}");
        } else {
            assert!(text.contains("ENDED 1") && text.contains("tmux set -g allow-passthrough on"), "{text}");
        }
    }
}

#[test]
fn without_any_way_each_cure_is_said_and_with_a_desktop_it_is_used() {
    let home = TempFolder::new();
    // Without a terminal of its own.
    let run = |bus: Option<&Bus>| {
        let mut command = Command::new("setsid");
        command.arg("-w").arg(crate::support::binary()).args(["doctor", "notify", "--json"]);
        let inner = bare(home.path());
        command.env_clear().envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        if let Some(bus) = bus {
            command.env("DBUS_SESSION_BUS_ADDRESS", bus.address());
        }
        command.stdin(Stdio::null()).output().unwrap()
    };
    let out = run(None);
    ends(&out, 1, "no notification would arrive");
    let found: Value = serde_json::from_str(&stdout(&out)).unwrap();
    let cures = ["DBUS_SESSION_BUS_ADDRESS is not set", "there is no terminal here", "name a program as hook"];
    for (row, cure) in found["channels"].as_array().unwrap().iter().zip(cures) {
        assert!(row["works"] == false && row["sentence"].as_str().unwrap().contains(cure), "{row}");
    }

    let Some(bus) = Bus::start("without_any_way_each_cure_is_said_and_with_a_desktop_it_is_used") else { return };
    let mut server = bus.server(ABLE);
    let out = run(Some(&bus));
    ends(&out, 0, "nightlatch notify would use desktop");
    let told = server.told();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].summary, "nightlatch: this is a test");
    assert_eq!(told[0].hints["sound-name"], "message-new-instant");
}

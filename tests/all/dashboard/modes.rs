//! The terminal is left as it was found: on the way out, on every signal, on a panic, and over a stop.

use super::pty::Pty;
use super::{alone, open};
use crate::support::TempFolder;
use crate::support::served::{signal_to, until};
use rustix::process::Signal;
use std::process::Command;

#[test]
fn leaving_puts_the_terminal_back() {
    let home = TempFolder::new();
    let mut pty = open(&alone(&home));
    let (raw, before) = pty.modes();
    assert_ne!(raw, before, "keys are read one by one");
    pty.keys("q");
    assert!(pty.ends().success());
    pty.is_as_before();
}

#[test]
fn every_signal_that_ends_it_puts_the_terminal_back() {
    let home = TempFolder::new();
    for (signal, code) in [(Signal::TERM, 143), (Signal::HUP, 129), (Signal::INT, 130)] {
        let mut pty = open(&alone(&home));
        pty.signal(signal);
        assert_eq!(pty.ends().exit_code(), code);
        pty.is_as_before();
    }
}

/// What panics runs here, in a process of its own: see [`a_panic_in_any_task_puts_the_terminal_back`].
#[tokio::test]
#[ignore = "run in a terminal of its own by the test of panics"]
async fn panics_when_told() {
    use nightlatch::dashboard::terminal;
    let Ok(place) = std::env::var("NIGHTLATCH_TEST_PANICS_IN") else { return };
    terminal::guard_panics();
    terminal::enter().unwrap();
    if place == "task" {
        let task = tokio::spawn(async { panic!("a task fell over") });
        assert!(task.await.is_err());
    } else {
        panic!("the loop fell over");
    }
    terminal::broken().await;
    // Whoever goes on drawing draws nothing.
    terminal::say("SHOULD NOT BE SEEN").unwrap();
}

#[test]
fn a_panic_in_any_task_puts_the_terminal_back() {
    for place in ["task", "loop"] {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "dashboard::modes::panics_when_told", "--ignored", "--nocapture"]);
        command.env("NIGHTLATCH_TEST_PANICS_IN", place).env("PATH", std::env::var_os("PATH").unwrap());
        let mut pty = Pty::start(&command);
        pty.ends();
        pty.is_as_before();
        pty.shows("fell over");
        let raw = String::from_utf8(pty.raw()).unwrap();
        assert!(raw.find("\x1b[?1049l") < raw.find("fell over"), "it is told on the screen that stays: {raw}");
        assert!(!raw.contains("SHOULD NOT BE SEEN"));
    }
}

/// A shell with job control in a terminal, and the dashboard in it.
fn in_a_shell(home: &TempFolder) -> Pty {
    let mut command = alone(home);
    let program = command.get_program().to_owned();
    let envs: Vec<_> = command.get_envs().map(|(k, v)| (k.to_owned(), v.map(ToOwned::to_owned))).collect();
    command = Command::new("sh");
    command.arg("-i");
    for (name, value) in envs {
        command.env(name, value.unwrap_or_default());
    }
    command.env("PS1", "ready> ").env("ENV", "/dev/null");
    let mut pty = Pty::start(&command);
    pty.shows("ready>");
    pty.keys(&format!("{}\r", program.to_str().unwrap()));
    until("the screen is on", || pty.screen(|screen| screen.alternate_screen().then_some(())));
    pty
}

/// The screen was left, and the shell reads: a shell that takes its terminal back forgets what was typed before.
fn is_left_to_the_shell(pty: &Pty) {
    pty.is_left();
    until("the shell waits for a line", || pty.text().trim_end().ends_with("ready>").then_some(()));
}

#[test]
fn ctrl_z_gives_the_shell_its_terminal_and_fg_takes_it_again() {
    let home = TempFolder::new();
    let mut pty = in_a_shell(&home);
    for round in 0..2 {
        pty.keys("\x1a");
        is_left_to_the_shell(&pty);
        pty.keys(&format!("stty -a | grep -c ' -icanon'; echo st''opped {round}\r"));
        pty.shows(&format!("stopped {round}"));
        pty.keys("fg\r");
        until("the screen is on again", || pty.screen(|screen| screen.alternate_screen().then_some(())));
    }
    pty.keys("q");
    is_left_to_the_shell(&pty);
    pty.keys("echo ba''ck\r");
    pty.shows("back");
}

/// The dashboard that a shell of [`in_a_shell`] started.
fn child_of(shell: u32) -> u32 {
    until("the dashboard's process", || {
        let children = std::fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).ok()?;
        children.split_whitespace().next()?.parse().ok()
    })
}

#[test]
fn a_stop_from_outside_gives_the_shell_its_terminal_too() {
    let home = TempFolder::new();
    let mut pty = in_a_shell(&home);
    let dashboard = child_of(pty.process());
    for round in 0..2 {
        signal_to(dashboard, Signal::TSTP);
        is_left_to_the_shell(&pty);
        pty.keys(&format!("stty -a | grep -c ' -icanon'; echo st''opped {round}\r"));
        pty.shows(&format!("stopped {round}"));
        pty.keys("fg\r");
        until("the screen is on again", || pty.screen(|screen| screen.alternate_screen().then_some(())));
        pty.shows("OFFLINE");
    }
    pty.keys("q");
    pty.is_left();
}

#[test]
fn where_no_shell_could_continue_it_nothing_stops() {
    let home = TempFolder::new();
    let mut pty = open(&alone(&home));
    pty.shows("OFFLINE");
    pty.signal(Signal::TSTP);
    pty.keys("\x1a");
    // What was typed before it had the terminal again is dropped.
    for _ in 0..200 {
        pty.keys("?");
        std::thread::sleep(std::time::Duration::from_millis(300));
        if pty.text().contains("each opens a dialog") {
            break;
        }
    }
    pty.shows("each opens a dialog");
    pty.keys("q");
    assert!(pty.ends().success());
    pty.is_as_before();
}

#[test]
fn a_light_background_is_asked_for_and_no_answer_is_a_key() {
    let home = TempFolder::new();
    let mut command = alone(&home);
    command.env("COLORTERM", "truecolor");
    let mut pty = open(&command);
    pty.shows("OFFLINE");
    let asked = |pty: &Pty| String::from_utf8_lossy(&pty.raw()).contains("\x1b]11;?\x1b\\");
    until("it is asked", || asked(&pty).then_some(()));
    let ink = |pty: &Pty| {
        pty.screen(|screen| {
            let (_, columns) = screen.size();
            let text: String = (0..columns).map(|x| screen.cell(0, x).unwrap().contents()).collect();
            let at = u16::try_from(text.find("OFFLINE").unwrap()).unwrap();
            screen.cell(0, at).unwrap().fgcolor()
        })
    };
    let dark = ink(&pty);
    pty.keys("\x1b]11;rgb:ffff/ffff/e0e0\x1b\\");
    until("other inks", || (ink(&pty) != dark).then_some(()));
    assert_eq!(ink(&pty), vt100::Color::Rgb(0xa8, 0x1d, 0x1d));
    // Not one of its letters opened or moved anything.
    assert!(!pty.text().contains("SEND BACK") && !pty.text().contains("asking for everything"), "{}", pty.text());
    pty.keys("q");
    assert!(pty.ends().success());
    // Where it is known already, or nothing is coloured, nobody asks.
    for (name, value) in [("COLORFGBG", "0;15"), ("NO_COLOR", "1"), ("TERM", "linux")] {
        let mut command = alone(&home);
        command.env(name, value);
        let mut pty = open(&command);
        pty.shows("OFFLINE");
        assert!(!asked(&pty), "{name}");
        pty.keys("q");
        assert!(pty.ends().success());
    }
}

#[test]
fn without_a_terminal_that_can_move_its_cursor_the_board_is_printed() {
    let home = TempFolder::new();
    for term in ["dumb", ""] {
        let mut command = alone(&home);
        command.env("TERM", term);
        let mut pty = Pty::start(&command);
        assert_eq!(pty.ends().exit_code(), 7, "{}", pty.text());
        pty.shows("cannot be reached");
        assert!(!String::from_utf8(pty.raw()).unwrap().contains("\x1b[?1049h"));
    }
}

#[test]
fn a_terminal_of_old_is_not_asked_for_what_it_has_not() {
    let home = TempFolder::new();
    let mut command = alone(&home);
    command.env("TERM", "linux");
    let mut pty = open(&command);
    pty.keys("q");
    assert!(pty.ends().success());
    assert!(!String::from_utf8(pty.raw()).unwrap().contains("\x1b[>"), "no kitty keyboard");
}

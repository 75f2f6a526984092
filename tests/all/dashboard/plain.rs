//! `--plain` in a real terminal: lines that are never rewritten, and the same guards as everywhere.

use super::pty::Pty;
use super::{dashboard_of, file, look, stands};
use crate::support::served::{Served, TASK, ends};

/// What the terminal was told, with clocks and dates made alike and the lines of one's own store left out.
fn transcript(pty: &Pty) -> String {
    let raw = String::from_utf8(pty.raw()).unwrap();
    // Not one sequence, no going back on a line: only text and new lines.
    let after: Vec<char> =
        raw.chars().zip(raw.chars().skip(1)).filter(|(ch, _)| *ch == '\r').map(|(_, next)| next).collect();
    assert!(after.iter().all(|ch| *ch == '\n'), "a line is rewritten: {raw:?}");
    assert!(!raw.chars().any(|ch| ch.is_control() && !"\r\n".contains(ch)), "{raw:?}");
    let dates = regex::Regex::new(r"\d{4}-\d\d-\d\d ").unwrap();
    let clocks = regex::Regex::new(r"\b\d\d:\d\d(:\d\d)?").unwrap();
    clocks.replace_all(&dates.replace_all(&raw.replace('\r', ""), ""), "HH:MM").into_owned()
}

fn plain(served: &Served, person: &str, flags: &[&str]) -> Pty {
    let mut command = dashboard_of(served, person);
    command.env("TERM", "dumb").arg("--plain").args(flags);
    let pty = Pty::sized(&command, 160, 60);
    pty.shows("0 overdue, ");
    pty
}

#[test]
fn a_session_of_lines_as_it_reads() {
    let served = Served::socket();
    let mut pty = plain(&served, "sam", &[]);
    let (one, two) = (file(&served, "logs-read", TASK), file(&served, "restart", TASK));
    pty.shows(&format!("New: NL-{two}"));
    let mut line = |typed: &str, then: &str| {
        pty.keys(&format!("{typed}\r"));
        pty.shows(then);
    };
    line("aprove 101", "no command");
    line(&format!("approve {one}"), "and Enter to approve:");
    line("999", "that is not 101");
    assert_eq!(look(&served, one)["status"], "pending");
    line(&format!("deny {one}"), "why");
    line("not tonight", "denied, not tonight. By Sam Lee (sam).");
    line("serve", "not done here");
    line("board", "1 pending, 1 of them for you");
    line("deny 'x", "not closed");
    pty.keys("quit\r");
    assert!(pty.ends().success());
    stands(&served, one, "denied");
    assert_eq!(look(&served, two)["status"], "pending");
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("plain", transcript(&pty)));
}

#[test]
fn approved_and_ended_by_typed_commands() {
    let served = Served::socket();
    let id = file(&served, "logs-read", TASK);
    let mut pty = plain(&served, "sam", &[]);
    pty.shows("1 pending, 1 of them for you");
    pty.keys(&format!("approve {id}\r"));
    pty.shows("and Enter to approve:");
    pty.keys("101\r");
    stands(&served, id, "active");
    pty.shows("NL-101 payments (production) logs-read for Ana Ruiz (ana): active");
    pty.keys(&format!("revoke {id} --words 'all is well'\r"));
    stands(&served, id, "removed");
    pty.shows("removed, read back as gone.");
    // The end of the input is a farewell.
    pty.keys("\x04");
    assert!(pty.ends().success());
    drop(transcript(&pty));
}

#[test]
fn read_only_and_a_lost_link_are_said() {
    let mut served = Served::socket();
    let id = file(&served, "logs-read", TASK);
    let mut pty = plain(&served, "sam", &["--read-only"]);
    pty.keys(&format!("deny {id} --words no\r"));
    pty.shows("read-only: nothing acts here");
    served.signal(rustix::process::Signal::TERM);
    served.end();
    pty.shows("OFFLINE:");
    pty.keys("quit\r");
    assert!(pty.ends().success());
    drop(transcript(&pty));
}

#[test]
fn in_a_pipe_an_approval_names_what_was_read() {
    use std::io::Write as _;
    let served = Served::socket();
    let id = file(&served, "logs-read", TASK);
    let version = look(&served, id)["version"].to_string();
    let run = |lines: &str| {
        let mut command = dashboard_of(&served, "sam");
        let pipe = std::process::Stdio::piped;
        let mut child = command.arg("--plain").stdin(pipe()).stdout(pipe()).stderr(pipe()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let out = run(&format!("approve {id}\n101\nquit\n"));
    ends(&out, 0, "it cannot be shown and asked about first");
    assert_eq!(look(&served, id)["status"], "pending");
    ends(&run(&format!("approve {id} --seen {version}\nquit\n")), 0, "approved by Sam Lee");
}

#[test]
fn a_question_that_nobody_would_see_approves_nothing() {
    let served = Served::socket();
    let id = file(&served, "logs-read", TASK);
    let sam = dashboard_of(&served, "sam");
    let mut command = std::process::Command::new("sh");
    for (name, value) in sam.get_envs() {
        command.env(name, value.unwrap());
    }
    let program = sam.get_program().to_str().unwrap();
    let file = served.folder.join("said").display().to_string();
    command.args(["-c", &format!("{program} approve {id} 2>{file}; echo ended as $?")]);
    let pty = Pty::sized(&command, 160, 24);
    pty.shows("ended as 2");
    assert!(std::fs::read_to_string(&file).unwrap().contains("the question would not be seen"));
    assert_eq!(look(&served, id)["status"], "pending");
}

//! What tmux says of itself: whether it hands anything on, and to which terminal.

use super::known::{Inside, Terminal};
use crate::program::{self, Program};
use crate::text::Length;

/// What tmux is asked, apart by a tab, which stands in no name of a terminal.
const QUESTION: &str = "#{allow-passthrough}\t#{window_active}\t#{session_attached}\t#{client_termname}";

/// How tmux stands between a program and whoever looks at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Between {
    /// Why the words do not reach the terminal, with the cure.
    pub held: Option<String>,
    /// The terminal that it is attached to.
    pub outer: Option<String>,
}

impl Between {
    /// Reads tmux's answer. A tmux before 3.3 does not know the option, and hands on everything.
    fn read(answer: &str) -> Self {
        let mut parts = answer.trim_end_matches('\n').split('\t');
        let mut part = || parts.next().unwrap_or_default().to_owned();
        let (allowed, active, attached, outer) = (part(), part(), part(), part());
        let held = if attached == "0" {
            Some("nobody is attached to this tmux session".to_owned())
        } else if matches!(allowed.as_str(), "off" | "0") {
            Some("tmux lets only the bell through: run tmux set -g allow-passthrough on".to_owned())
        } else if matches!(allowed.as_str(), "on" | "1") && active == "0" {
            let sentence = "tmux 3.4 and later can pass it on from a window that is not shown: run tmux set -g allow-passthrough all";
            Some(sentence.to_owned())
        } else {
            None
        };
        Self { held, outer: Some(outer).filter(|name| !name.is_empty()) }
    }
}

/// Asks the tmux that this program runs in. A fault is a sentence.
pub async fn ask(env: &(dyn Fn(&str) -> Option<String> + Sync)) -> Result<Between, String> {
    let mut argv: Vec<String> = ["tmux", "display-message", "-p"].map(str::to_owned).to_vec();
    if let Some(pane) = env("TMUX_PANE").filter(|pane| !pane.is_empty()) {
        argv.extend(["-t".to_owned(), pane]);
    }
    argv.push(QUESTION.to_owned());
    let what =
        Program { argv: &argv, shown: "tmux", limit: Length::from_seconds(1), passed_on: &["TMUX", "TMUX_PANE"] };
    let ran = program::run(what, Vec::new()).await?;
    if ran.success { Ok(Between::read(&String::from_utf8_lossy(&ran.stdout))) } else { Err(ran.complaint("tmux")) }
}

/// Looks at the terminal, and asks tmux where that stands between. The sentence says why the words do not get through.
pub async fn look(env: &(dyn Fn(&str) -> Option<String> + Sync)) -> (Terminal, Option<String>) {
    let terminal = Terminal::recognise(env);
    if !matches!(terminal.inside, Inside::Tmux { .. }) || env("TMUX").is_none_or(|tmux| tmux.is_empty()) {
        return (terminal, None);
    }
    // A tmux that cannot be asked may still hand it on.
    let Ok(between) = ask(env).await else { return (terminal, None) };
    let mut terminal = Terminal::behind(env, between.outer.as_deref());
    terminal.inside = Inside::Tmux { passes: between.held.is_none() };
    (terminal, between.held)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tmux_says_is_understood() {
        let held = |answer: &str| Between::read(answer).held;
        assert_eq!(held("all\t0\t1\txterm-kitty\n"), None);
        assert_eq!(held("on\t1\t1\txterm\n"), None);
        assert_eq!(held("\t1\t1\txterm\n"), None, "before 3.3");
        assert!(held("off\t1\t1\txterm\n").unwrap().contains("allow-passthrough"));
        assert!(held("on\t0\t1\txterm\n").unwrap().contains("not shown"));
        assert!(held("all\t1\t0\t\n").unwrap().contains("nobody is attached"));
        assert_eq!(Between::read("all\t1\t1\txterm-kitty\n").outer.as_deref(), Some("xterm-kitty"));
        assert_eq!(Between::read("").outer, None);
    }
}

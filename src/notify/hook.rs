//! A program of one's own as a channel: each alert as one JSON object on its standard input.
//!
//! No shell. Of our environment it sees only what it needs to reach a desktop or a terminal, never a token. It has
//! [`LIMIT`], then it is killed with all that it started; what it should leave running must make a session of its own. Its
//! last line on standard error says why it failed.

use super::alert::{Alert, Key};
use super::{Brought, Channel};
use crate::program::{self, Program, safe};
use crate::text::Length;
use crate::text::words::safe_line;
use serde_json::{Value, json};

/// How long it may take.
pub const LIMIT: Length = Length::from_seconds(10);

/// What it sees of our environment beside `PATH`, `HOME` and `LANG`.
const PASSED_ON: [&str; 10] = [
    "DBUS_SESSION_BUS_ADDRESS",
    "XDG_RUNTIME_DIR",
    "XDG_CONFIG_HOME",
    "WAYLAND_DISPLAY",
    "DISPLAY",
    "XAUTHORITY",
    "TMUX",
    "TMUX_PANE",
    "USER",
    "LC_ALL",
];

/// The version of what it reads.
const VERSION: u32 = 1;

/// The program.
#[derive(Debug, Clone)]
pub struct Hook {
    argv: Vec<String>,
    limit: Length,
}

impl Hook {
    /// The program and its arguments; the first word is an absolute path.
    pub const fn new(argv: Vec<String>) -> Self {
        Self { argv, limit: LIMIT }
    }

    /// As [`Hook::new`], with another limit.
    #[must_use]
    pub const fn within(mut self, limit: Length) -> Self {
        self.limit = limit;
        self
    }

    async fn tell(&self, alert: &Alert) -> Result<(), String> {
        let mut input = written(alert).to_string().into_bytes();
        input.push(b'\n');
        let words = self.argv.clone();
        tokio::task::spawn_blocking(move || safe::check(&words))
            .await
            .map_err(|_| "looking at the hook was interrupted".to_owned())?
            .map_err(|refused| refused.sentence)?;
        let first = self.argv.first().map(String::as_str).unwrap_or_default();
        let shown = format!("the hook {}", safe_line(first.as_bytes()));
        let what = Program { argv: &self.argv, shown: &shown, limit: self.limit, passed_on: &PASSED_ON };
        let ran = program::run(what, input).await?;
        if ran.success { Ok(()) } else { Err(ran.complaint(&shown)) }
    }
}

/// The alert as a program reads it.
fn written(alert: &Alert) -> Value {
    let of: Vec<Value> =
        alert.of.iter().map(|(request, seq)| json!({ "request": request.to_string(), "seq": seq })).collect();
    json!({
        "version": VERSION,
        "key": alert.key.word(),
        "title": alert.title.as_str(),
        "body": alert.body.as_str(),
        "urgency": alert.urgency.word(),
        "sound": alert.sound,
        "request": alert.opens.map(|number| number.to_string()),
        "of": of,
    })
}

impl Channel for Hook {
    fn name(&self) -> &'static str {
        "hook"
    }

    fn bring<'a>(&'a mut self, alert: &'a Alert) -> Brought<'a> {
        Box::pin(self.tell(alert))
    }

    /// What a program did with it, only it knows.
    fn take_back<'a>(&'a mut self, _: &'a Key) -> Brought<'a> {
        Box::pin(async { Ok(()) })
    }
}

//! The teller: says what happens as it happens, and carries the people's words to the server.

use super::stage::Stage;
use crate::access::Status;
use crate::cli::output::Output;
use crate::cli::page::Page;
use crate::cli::{Exit, Trouble};
use crate::client::{Client, ClientError};
use crate::clock::Clock;
use crate::service::host;
use crate::text::Instant;
use crate::wire::{BoardView, RequestView};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::time::Duration;

/// How often a request is looked at while something is waited for.
const LOOK: Duration = Duration::from_millis(150);
/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(90);
/// What a second of the night is when it is told fast.
const FAST: Duration = Duration::from_millis(40);

/// Tells one night.
pub struct Teller<'a> {
    pub stage: &'a Stage,
    out: Output,
    clock: Clock,
    fast: bool,
    silent: bool,
}

impl<'a> Teller<'a> {
    pub fn new(stage: &'a Stage, out: Output, fast: bool) -> Self {
        Self { stage, out, clock: host::clock(), fast, silent: false }
    }

    /// One who acts and says nothing: the screen is somebody else's.
    pub fn silent(stage: &'a Stage, fast: bool) -> Self {
        Self { silent: true, ..Self::new(stage, Output::new(false), fast) }
    }

    /// What the people's clocks say.
    pub fn now(&self) -> Instant {
        self.clock.now().at
    }

    /// An instant with its zone: `23:40:07 GMT`.
    pub fn exact(&self, at: Instant) -> String {
        at.utc().with_timezone(&self.stage.zone).format("%H:%M:%S %Z").to_string()
    }

    /// To the minute: `00:30 GMT`.
    pub fn minute(&self, at: Instant) -> String {
        at.utc().with_timezone(&self.stage.zone).format("%H:%M %Z").to_string()
    }

    /// One line of the story, with its time.
    pub fn say(&self, text: &str) -> Result<(), Trouble> {
        if self.silent {
            return Ok(());
        }
        let now = self.now();
        if self.out.json {
            return self.out.json_value(&json!({ "at": now, "says": text }));
        }
        let mut page = Page::new();
        page.field(&self.exact(now), text, self.out.width);
        self.out.page(&page)
    }

    /// What belongs to the line before.
    pub fn more(&self, text: &str) -> Result<(), Trouble> {
        if self.out.json || self.silent {
            return self.say(text);
        }
        let mut page = Page::new();
        page.field("", &format!("  {text}"), self.out.width);
        self.out.page(&page)
    }

    /// Lines outside the story.
    pub fn lines(&self, lines: &[String]) -> Result<(), Trouble> {
        if self.out.json || self.silent {
            return Ok(());
        }
        let mut page = Page::new();
        for line in lines {
            page.line(line);
        }
        self.out.page(&page)
    }

    /// So many seconds in which nothing is said.
    pub async fn pause(&self, seconds: u32) {
        let second = if self.fast { FAST } else { Duration::from_secs(1) };
        tokio::time::sleep(second * seconds).await;
    }

    /// The longer length, or the shorter one where the night is told fast, in seconds.
    pub const fn seconds(&self, whole: i64, fast: i64) -> i64 {
        if self.fast { fast } else { whole }
    }

    fn client(&self, who: &str) -> Result<&Client, Trouble> {
        self.stage.people.get(who).ok_or_else(|| Trouble::new(Exit::Fault, format!("{who} is not in the story"), ""))
    }

    /// What somebody reads.
    pub async fn read<T: DeserializeOwned>(&self, who: &str, path: &str) -> Result<T, Trouble> {
        Ok(self.client(who)?.get(path).await?)
    }

    /// What somebody does to one request. Where a rule, or you, were faster, they are told so and the story goes on.
    pub async fn act(&self, who: &str, path: &str, body: &Value) -> Result<Option<RequestView>, Trouble> {
        match self.client(who)?.post(path, body).await {
            Ok(view) => Ok(Some(view)),
            Err(ClientError::Problem(problem)) if problem.status < 500 => {
                self.say(&format!("{} is told: {}.", name(who), problem.detail.trim_end_matches('.')))?;
                Ok(None)
            }
            Err(other) => Err(other.into()),
        }
    }

    /// A verb on a request.
    pub async fn verb(&self, who: &str, id: i64, verb: &str, body: Value) -> Result<Option<RequestView>, Trouble> {
        self.act(who, &format!("/v1/requests/{id}/{verb}"), &body).await
    }

    /// Approves what `who` reads now.
    pub async fn approve(&self, who: &str, id: i64, words: &str) -> Result<Option<RequestView>, Trouble> {
        let version = self.look(id).await?.version;
        self.verb(who, id, "approve", json!({ "as_of": version, "words": words })).await
    }

    /// A request as it stands.
    pub async fn look(&self, id: i64) -> Result<RequestView, Trouble> {
        self.read("mira", &format!("/v1/requests/{id}")).await
    }

    /// Waits until a request is so, or can no longer become so.
    pub async fn until(&self, id: i64, so: impl Fn(&RequestView) -> bool) -> Result<RequestView, Trouble> {
        let looked = async {
            loop {
                let view = self.look(id).await?;
                if so(&view) || view.status.is_over() {
                    return Ok(view);
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        match tokio::time::timeout(PATIENCE, looked).await {
            Ok(view) => view,
            // It goes on without: the trail says how it was.
            Err(_) => self.look(id).await,
        }
    }

    /// Waits until the access was read in its target, and says so.
    pub async fn given(&self, id: i64) -> Result<(), Trouble> {
        let view = self.until(id, |view| !matches!(view.status, Status::Approved | Status::Granting)).await?;
        match (view.status, view.window.until) {
            (Status::Active, Some(until)) => {
                self.say(&format!("NL-{id} is active until {}: the access was read in its target.", self.end(until)))?;
                self.evidence(&view)
            }
            (status, _) => self.say(&format!("NL-{id} is {}.", status.word())),
        }
    }

    /// Waits until the access was read as gone, and says so.
    pub async fn gone(&self, id: i64) -> Result<(), Trouble> {
        let view = self.until(id, |view| view.status == Status::Removed).await?;
        if view.status != Status::Removed {
            return self.say(&format!("NL-{id} is {}.", view.status.word()));
        }
        self.say(&format!("NL-{id} is removed: its target was read, and the access is not there."))?;
        self.evidence(&view)
    }

    fn evidence(&self, view: &RequestView) -> Result<(), Trouble> {
        let observed = view.grant.as_ref().and_then(|grant| grant.observed.as_ref());
        let Some(evidence) = observed.and_then(|observed| observed.evidence.as_ref()) else { return Ok(()) };
        // The folder was said once.
        let folder = format!("{}/", self.stage.folder.display());
        self.more(&evidence.replace(&folder, ""))
    }

    /// An end: to the second where it is near.
    fn end(&self, until: Instant) -> String {
        if until.since(self.now()).seconds() < 120 { self.exact(until) } else { self.minute(until) }
    }

    /// Whether somebody sits at a terminal.
    pub fn is_watched(&self) -> bool {
        self.out.is_terminal() && !self.out.json
    }

    /// The board between two acts, on a terminal.
    pub async fn board(&self) -> Result<(), Trouble> {
        if !self.is_watched() {
            return Ok(());
        }
        let mut board: BoardView = self.read("mira", "/v1/board").await?;
        board.rows.sort_by_key(|row| (!row.overdue, row.id));
        let rows: Vec<Vec<String>> = board
            .rows
            .iter()
            .map(|row| {
                let status = if row.overdue { "OVERDUE".to_owned() } else { row.status.word().to_owned() };
                let end = row.window.until.filter(|_| !row.status.is_over());
                vec![
                    format!("NL-{}", row.id),
                    status,
                    row.user.name.clone(),
                    row.system.clone(),
                    row.role.clone(),
                    end.map_or_else(|| "-".to_owned(), |end| self.end(end)),
                    row.task.clone().unwrap_or_default(),
                ]
            })
            .collect();
        let mut page = Page::of("");
        page.table(&["NL", "STATUS", "WHO", "SYSTEM", "ROLE", "ENDS", "TASK"], &rows, self.out.width);
        page.line("");
        self.out.page(&page)
    }
}

/// What people call them.
pub fn name(who: &str) -> &'static str {
    match who {
        "ana" => "Ana Ruiz",
        "bo" => "Bo Berg",
        "priya" => "Priya Shah",
        "sam" => "Sam Lee",
        "li" => "Li Wei",
        "mira" => "Mira Holt",
        _ => "Somebody",
    }
}

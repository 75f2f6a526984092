//! The hands: carry effects out. What takes time runs beside the loop and comes back as a message; what is refused or cannot be
//! sent comes back as its sentence. Nothing is kept to be sent later.

use super::effect::{EVENTS, Effect};
use super::follow::{Way, follow};
use super::model::Model;
use super::msg::{Moment, Msg, Refused};
use super::open::Opened;
use super::run::Hands;
use super::{open, stop, terminal, told};
use crate::client::{Client, ClientError, Door, encoded, kept};
use crate::clock::{Clock, Stopwatch};
use crate::config::Paths;
use crate::notifier;
use crate::notify::terminal::{Progress, Terminal as Outer, progress as progress_of};
use crate::text::{Clean, Instant, Length};
use crate::wire::{BoardView, ChecksView, ListQuery, ListView, MeView, RequestView, SystemsView};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};

/// So many things are on their way to the host at once.
const AT_ONCE: usize = 32;
/// What is known is kept so often at most.
const KEEP: Duration = Duration::from_mins(1);
/// A stop that is heard so soon after one's own is that one.
const ECHO: Duration = Duration::from_millis(500);
/// The longest text that terminals take for a clipboard, in bytes.
const LONGEST_COPY: usize = 50_000;

/// The hands of one pane.
pub struct Desk {
    door: Door,
    watch: Stopwatch,
    line: Option<Way>,
    news: mpsc::Sender<Msg>,
    room: Arc<Semaphore>,
    clock: Clock,
    keeps: Option<Paths>,
    keeps_next: Duration,
    /// What brings to this desk what its person is told; begun with the first frame.
    tells: Option<notifier::Start>,
    /// tmux passes on only what is wrapped for it.
    tmux: bool,
    /// It is shown outside the screen that something is overdue.
    marked: bool,
    /// Wheel and clicks are told.
    mouse: bool,
    /// When it came back from stopping its whole job.
    back_at: Option<Duration>,
}

impl Desk {
    /// Hands that reach the host through `door` and answer through `news`.
    pub fn new(door: Door, clock: Clock, watch: Stopwatch, news: mpsc::Sender<Msg>) -> Self {
        let tmux = std::env::var_os("TMUX").is_some();
        let (keeps_next, room) = (Duration::ZERO, Arc::new(Semaphore::new(AT_ONCE)));
        Self {
            door,
            clock,
            watch,
            line: None,
            news,
            room,
            keeps: None,
            keeps_next,
            tells: None,
            tmux,
            marked: false,
            mouse: false,
            back_at: None,
        }
    }

    /// Keeps what is known below these folders, for the next start.
    pub fn keep_in(&mut self, paths: Option<Paths>) {
        self.keeps = paths;
    }

    /// Brings to this desk what its person is told.
    pub fn tell_by(&mut self, tells: notifier::Start) {
        self.tells = Some(tells);
    }

    /// Nothing of ours stays outside the screen when the terminal is given back.
    pub fn unmark(&mut self) {
        if self.marked {
            self.mark(false);
        }
    }

    /// Keeps it at once.
    pub fn keep_now(&self, model: &Model, paths: &Paths) {
        if let Some((at, me, board)) = self.known(model) {
            written(kept::write(paths, &self.door, at, &me, board));
        }
    }

    /// What the host said last, and when; nothing where it said nothing yet.
    fn known(&self, model: &Model) -> Option<(Instant, MeView, BoardView)> {
        let Moment(answered) = model.link.answered?;
        let ago = self.watch.elapsed().saturating_sub(answered);
        let ago = Length::from_millis(i64::try_from(ago.as_millis()).ok()?);
        let mut rows: Vec<_> = model.board.all().collect();
        rows.sort_unstable_by_key(|row| kept::rank(row));
        rows.truncate(kept::MOST);
        let board = BoardView {
            seq: 0,
            server_now: model.server_now().minus(ago),
            full: true,
            rows: rows.into_iter().map(|row| (**row).clone()).collect(),
            gone: Vec::new(),
            link: model.head.clone(),
            frozen: model.frozen.clone(),
            sane: model.sane,
        };
        Some((self.clock.wall().minus(ago), model.me.clone()?, board))
    }

    /// Does `work` beside the loop, with the host if there is a way to it; what it gives is a message.
    fn beside<F: Future<Output = Msg> + Send>(&self, work: impl FnOnce(Result<Client, Refused>) -> F + Send + 'static) {
        let (news, room, client) = (self.news.clone(), self.room.clone(), self.line.as_ref().and_then(Way::client));
        tokio::spawn(async move {
            let Ok(_place) = room.acquire().await else { return };
            let msg = work(client.ok_or_else(nowhere)).await;
            // Where nobody listens any more, nobody has to be told.
            let _ = news.send(msg).await;
        });
    }

    /// Says it at the foot, unless so much waits to be told already that nobody would read it.
    fn say(&self, words: String) {
        drop(self.news.try_send(Msg::Said(words)));
    }
}

fn copy(text: &str, tmux: bool) {
    if text.len() <= LONGEST_COPY && terminal::say(&clipboard(text, tmux)).is_err() {
        tracing::warn!("the terminal took nothing for its clipboard");
    }
}

impl Hands for Desk {
    fn begin(&mut self) {
        let line = follow(self.door.clone(), self.watch.clone(), self.news.clone());
        if let Some(tells) = self.tells.take() {
            tokio::spawn(told::tell(tells, line.clone(), self.news.clone()));
        }
        self.line = Some(line);
    }

    fn keep(&mut self, model: &Model) {
        let now = self.watch.elapsed();
        let Some(paths) = self.keeps.clone().filter(|_| now >= self.keeps_next) else { return };
        let Some((at, me, board)) = self.known(model) else { return };
        self.keeps_next = now.saturating_add(KEEP);
        let door = self.door.clone();
        tokio::task::spawn_blocking(move || written(kept::write(&paths, &door, at, &me, board)));
    }

    fn carry(&mut self, effect: Effect) {
        match effect {
            Effect::Read(id) => self.beside(move |client| async move {
                let path = format!("/v1/requests/{id}");
                Msg::Request { id, outcome: read::<RequestView>(client, &path).await.map(Box::new) }
            }),
            Effect::ReadEvents { id, after } => self.beside(move |client| async move {
                let path = format!("/v1/requests/{id}/events?after={after}&limit={EVENTS}");
                Msg::Events { id, after, outcome: read(client, &path).await }
            }),
            Effect::ReadSystems => self.beside(|client| async move {
                match read::<SystemsView>(client, "/v1/systems").await {
                    Ok(systems) => Msg::Systems(systems),
                    // The next refreshing reads them.
                    Err(_) => Msg::Tick,
                }
            }),
            Effect::Act { act, id, verb, body } => self.beside(move |client| async move {
                let path = format!("/v1/requests/{id}/{verb}");
                let outcome = match client {
                    Ok(client) => client.post::<_, RequestView>(&path, &body).await.map_err(refused),
                    Err(nowhere) => Err(nowhere),
                };
                match &outcome {
                    Ok(view) => tracing::info!(id, verb, seq = view.seq, "done"),
                    Err(refused) => tracing::info!(id, verb, code = refused.code, "not done"),
                }
                Msg::Acted { act, id, outcome: outcome.map(Box::new) }
            }),
            Effect::List { ask, query } => self.beside(move |client| async move {
                Msg::Listed { ask, outcome: read::<ListView>(client, &list_path(&query)).await }
            }),
            Effect::Check { ask, body } => self.beside(move |client| async move {
                Msg::Checked { ask, outcome: send::<ChecksView>(client, "/v1/checks", &body).await }
            }),
            Effect::File { act, mends, body } => self.beside(move |client| async move {
                let path = mends.map_or("/v1/requests".to_owned(), |id| format!("/v1/requests/{id}/amend"));
                let outcome = send::<RequestView>(client, &path, &body).await;
                match &outcome {
                    Ok(view) => tracing::info!(id = view.id, seq = view.seq, "filed"),
                    Err(refused) => tracing::info!(code = refused.code, "not filed"),
                }
                Msg::Filed { act, outcome }
            }),
            Effect::Release(id) => self.beside(move |client| async move {
                if let Ok(client) = client {
                    let path = format!("/v1/requests/{id}/claim");
                    drop(client.post::<_, RequestView>(&path, &json!({ "release": true })).await);
                }
                Msg::Tick
            }),
            Effect::Resync => self.line.iter().for_each(Way::resync),
            Effect::Copy(text) => copy(&text, self.tmux),
            Effect::Open(address) if !open::is_web(&address) => {
                self.say("the ticket is not opened: its address is none of the web".into());
            }
            Effect::Open(address) => {
                let (news, tmux) = (self.news.clone(), self.tmux);
                tokio::spawn(async move {
                    let words = match open::open(&address).await {
                        Ok(Opened::Yes) => "the ticket is opened".into(),
                        Ok(Opened::HandedTo(opener)) => format!("{opener} has the ticket's address"),
                        Err(why) => {
                            tracing::warn!("no browser was opened: {why}");
                            copy(&address, tmux);
                            format!("the ticket is not opened, its address is copied instead: {why}")
                        }
                    };
                    let _ = news.send(Msg::Said(words)).await;
                });
            }
            Effect::Mouse(on) => {
                self.mouse = on;
                drop(terminal::mouse(on));
            }
            Effect::Bell => drop(terminal::say("\x07")),
            Effect::Suspend | Effect::Quit => {}
        }
    }

    fn entitle(&mut self, title: &str) {
        // Whoever cannot be told is not told.
        let _ = terminal::say(&format!("\x1b]2;{}\x1b\\", Clean::line(title)));
    }

    fn mark(&mut self, late: bool) {
        let progress = if late { Progress::Wrong } else { Progress::None };
        let shown = progress_of(progress, &Outer::recognise(&|name| std::env::var(name).ok()));
        if let Ok(shown) = String::from_utf8(shown) {
            drop(terminal::say(&shown));
        }
        self.marked = late;
    }

    fn nudge(&mut self) {
        self.line.iter().for_each(Way::nudge);
    }

    fn suspend(&mut self, job: bool) {
        // What stopped the whole job is heard by us as well, a moment later.
        if self.back_at.is_some_and(|back| self.watch.elapsed().saturating_sub(back) < ECHO) && !job {
            return;
        }
        self.unmark();
        terminal::leave();
        stop::stop(job);
        self.back_at = job.then(|| self.watch.elapsed());
        self.resume();
    }

    fn resume(&mut self) {
        if let Err(why) = terminal::enter() {
            tracing::warn!("the terminal cannot be switched over: {why}");
        }
        if self.mouse {
            drop(terminal::mouse(true));
        }
    }
}

fn written(kept: std::io::Result<()>) {
    if let Err(why) = kept {
        tracing::warn!("the board cannot be kept: {why}");
    }
}

fn nowhere() -> Refused {
    Refused {
        code: String::new(),
        sentence: "there is no link to the store: nothing was sent".into(),
        hint: "wait until it is LIVE, or press r to try now".into(),
    }
}

fn refused(error: ClientError) -> Refused {
    match error {
        ClientError::Problem(problem) => Refused { code: problem.code, sentence: problem.detail, hint: problem.hint },
        ClientError::Away(sentence) | ClientError::Wrong(sentence) => {
            Refused { code: String::new(), sentence, hint: String::new() }
        }
    }
}

async fn read<T: serde::de::DeserializeOwned>(client: Result<Client, Refused>, path: &str) -> Result<T, Refused> {
    client?.get(path).await.map_err(refused)
}

async fn send<T: serde::de::DeserializeOwned>(
    client: Result<Client, Refused>,
    path: &str,
    body: &serde_json::Value,
) -> Result<Box<T>, Refused> {
    client?.post::<_, T>(path, body).await.map(Box::new).map_err(refused)
}

/// Where a page of requests is read; every value is encoded.
fn list_path(query: &ListQuery) -> String {
    let mut path = String::from("/v1/requests?");
    let said = serde_json::to_value(query).unwrap_or_default();
    for (name, value) in said.as_object().into_iter().flatten() {
        let value = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        if !path.ends_with('?') {
            path.push('&');
        }
        path.extend([name, "=", &encoded(&value)]);
    }
    path
}

/// What makes a terminal put `text` on its clipboard (OSC 52): for tmux itself, and for the terminal around it.
fn clipboard(text: &str, tmux: bool) -> String {
    let plain = format!("\x1b]52;c;{}\x07", STANDARD.encode(text));
    if !tmux {
        return plain;
    }
    let wrapped = plain.replace('\x1b', "\x1b\x1b");
    format!("{plain}\x1bPtmux;{wrapped}\x1b\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copied_text_cannot_leave_its_sequence() {
        let hostile = "x\x1b]0;gone\x07\x1b\\y";
        let plain = clipboard(hostile, false);
        assert_eq!(plain.matches('\x1b').count(), 1);
        assert_eq!(plain.matches('\x07').count(), 1);
        assert!(plain.contains(&STANDARD.encode(hostile)));
        let tmux = clipboard("x", true);
        assert_eq!(tmux, "\x1b]52;c;eA==\x07\x1bPtmux;\x1b\x1b]52;c;eA==\x07\x1b\\");
    }

    #[test]
    fn a_list_is_asked_for_with_every_value_encoded() {
        let query = ListQuery { search: Some("a&b=c d#\u{e4}".into()), limit: Some(50), ..ListQuery::default() };
        assert_eq!(list_path(&query), "/v1/requests?limit=50&search=a%26b%3Dc%20d%23%C3%A4");
        assert_eq!(list_path(&ListQuery::default()), "/v1/requests?");
    }

    #[test]
    fn what_the_host_says_is_what_is_told() {
        let problem = crate::wire::Problem {
            kind: String::new(),
            status: 409,
            code: "already-decided".into(),
            detail: "li denied this".into(),
            hint: "look".into(),
            request_id: None,
        };
        let told = refused(ClientError::Problem(Box::new(problem)));
        assert_eq!(
            (told.code.as_str(), told.sentence.as_str(), told.hint.as_str()),
            ("already-decided", "li denied this", "look")
        );
        assert_eq!(refused(ClientError::Away("gone".into())).code, "");
    }
}

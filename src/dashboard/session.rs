//! One sitting at the dashboard: from the first paint to the last word.

use super::background::{self, Sieve};
use super::hands::Desk;
use super::log;
use super::model::{Colours, Model, Options};
use super::msg::{Moment, Msg};
use super::run::{Ended, Inlets, Told, run};
use super::terminal::{self, Out, Screen, Tty};
use super::update::update;
use crate::client::{Door, kept};
use crate::clock::{Clock, Stopwatch};
use crate::config::Paths;
use crate::config::client::Notify;
use crate::notifier;
use crate::text::{Instant, Length};
use crossterm::event::EventStream;
use futures_util::stream::{self, Stream, StreamExt};
use ratatui::Terminal;
use std::io;
use std::path::PathBuf;
use std::pin::pin;
use std::task::{Context, Poll};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

/// So many messages wait at most; whoever has more waits.
const WAITING: usize = 64;

/// What a sitting needs.
#[derive(Debug)]
pub struct Start {
    /// The way to the host.
    pub door: Door,
    /// Where the last board is kept; none: nowhere.
    pub keeps: Option<Paths>,
    /// How somebody wants to be told; none: nobody is told here.
    pub tells: Option<Notify>,
    /// Where the log goes.
    pub log: PathBuf,
    /// How somebody likes it. The size is read from the terminal.
    pub options: Options,
}

/// How it ended.
#[derive(Debug)]
pub struct Left {
    /// By whom or what.
    pub ended: Ended,
    /// What was known at the end.
    pub model: Model,
}

/// Opens the dashboard on this terminal, and gives the terminal back as it was.
pub async fn sit(start: Start) -> io::Result<Left> {
    log::begin(&start.log);
    let clock = Clock::system(Instant::default(), false);
    let watch = Stopwatch::start(&clock);
    let told = told()?;
    let size = Out.size()?;
    let mut model = Model::new(Options { size: (size.width, size.height), ..start.options });
    if let Some(paths) = &start.keeps {
        remember(&mut model, paths, &start.door, &clock);
    }
    terminal::guard_panics();
    terminal::enter()?;
    let given_back = GivenBack;
    if background::is_wanted(&model.options) {
        terminal::say(background::ASK)?;
    }
    let (news, heard) = mpsc::channel(WAITING);
    let keeps = start.keeps;
    let mut hands = Desk::new(start.door, clock, watch.clone(), news);
    hands.keep_in(keeps.clone());
    if let Some((likes, paths)) = start.tells.zip(keeps.clone()) {
        let here = model.options.zone;
        hands.tell_by(notifier::Start { likes, paths, here, seat: notifier::Seat::Dashboard, watch: watch.clone() });
    }
    let inlets = Inlets { told, input: pin!(received(typed())), news: pin!(received(heard)) };
    let ended = match Terminal::new(Screen::new(Out)) {
        Ok(mut screen) => run(&mut model, &mut screen, &watch, inlets, &mut hands).await,
        Err(error) => Err(error),
    };
    hands.unmark();
    drop(given_back);
    if let Some(paths) = &keeps {
        hands.keep_now(&model, paths);
    }
    match ended {
        Ok(ended) => Ok(Left { ended, model }),
        // The terminal took no more frames: it is gone.
        Err(error) => {
            tracing::warn!("the screen cannot be drawn: {error}");
            Ok(Left { ended: Ended::Gone, model })
        }
    }
}

/// The terminal is given back even where nobody waits for the end of the sitting.
struct GivenBack;

impl Drop for GivenBack {
    fn drop(&mut self) {
        terminal::leave();
    }
}

/// Takes up what was kept, with its age.
fn remember(model: &mut Model, paths: &Paths, door: &Door, clock: &Clock) {
    let kept = match kept::read(paths, door) {
        Ok(kept) => kept,
        Err(why) => {
            tracing::warn!("{why}");
            update(model, Moment::default(), Msg::Said(why));
            return;
        }
    };
    // One from the future would be younger than it is.
    let Some(kept) = kept.filter(|kept| kept.at <= clock.wall()) else { return };
    let age = clock.wall().since(kept.at).max(Length::ZERO).to_std();
    update(model, Moment::default(), Msg::Kept { board: kept.board, me: kept.me, age });
}

/// What is typed. It is fetched beside the loop: crossterm remembers only who asked it first, and the loop asks it in passing, too.
fn typed() -> mpsc::Receiver<Msg> {
    let (keys, typed) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        let mut events = EventStream::new();
        let mut sieve = Sieve::default();
        // An error is the terminal's end.
        while let Some(Ok(event)) = events.next().await {
            for msg in sieve.take(event) {
                if keys.send(msg).await.is_err() {
                    return;
                }
            }
        }
    });
    typed
}

fn received<T>(mut from: mpsc::Receiver<T>) -> impl Stream<Item = T> {
    stream::poll_fn(move |cx| from.poll_recv(cx))
}

/// What reaches the process, as a stream.
fn told() -> io::Result<impl Stream<Item = Told> + Unpin> {
    let on = |kind: SignalKind, told: Told| signal(kind).map(|signal| (signal, told));
    let ends = [SignalKind::terminate(), SignalKind::hangup(), SignalKind::interrupt()];
    let mut signals: Vec<(Signal, Told)> =
        ends.into_iter().map(|kind| on(kind, Told::End(kind.as_raw_value()))).collect::<io::Result<_>>()?;
    signals.push(on(SignalKind::from_raw(STOPPED), Told::Stop)?);
    signals.push(on(SignalKind::from_raw(CONTINUED), Told::Continued)?);
    let mut broken = Box::pin(terminal::broken());
    Ok(stream::poll_fn(move |cx: &mut Context<'_>| {
        if broken.as_mut().poll(cx).is_ready() {
            broken = Box::pin(terminal::broken());
            return Poll::Ready(Some(Told::Broken));
        }
        for (signal, told) in &mut signals {
            if signal.poll_recv(cx).is_ready() {
                return Poll::Ready(Some(*told));
            }
        }
        Poll::Pending
    }))
}

/// SIGTSTP.
const STOPPED: i32 = rustix::process::Signal::TSTP.as_raw();
/// SIGCONT.
const CONTINUED: i32 = rustix::process::Signal::CONT.as_raw();

impl Left {
    /// What goes on after the last dashboard of the embedded store was left.
    pub fn stays(&self) -> String {
        let (waiting, live, overdue) = self.model.board.counts();
        let open = match (waiting, live, overdue) {
            _ if self.model.link.answered.is_none() => String::new(),
            (0, 0, _) => ": nothing waits and no access is open".to_owned(),
            (waiting, live, 0) => format!(": {waiting} waiting, {live} open, each ends by itself"),
            (waiting, live, overdue) => {
                format!(": {waiting} waiting, {live} open, {overdue} OVERDUE, and their removal is tried on and on")
            }
        };
        format!(
            "The embedded store stays running{open}. It stops by itself when nothing was open for 10 minutes; nightlatch opens \
             this again."
        )
    }
}

impl Options {
    /// What the environment says of the terminal.
    pub fn of_terminal() -> Self {
        let said = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        let colours = match (said("NO_COLOR"), said("COLORTERM").as_deref()) {
            (Some(_), _) => Colours::None,
            (None, Some("truecolor" | "24bit")) => Colours::True,
            (None, _) => Colours::Sixteen,
        };
        let charset = said("LC_ALL").or_else(|| said("LC_CTYPE")).or_else(|| said("LANG")).unwrap_or_default();
        let charset = charset.to_ascii_lowercase().replace('-', "");
        // Foreground;background by number: the last is the background, and 7 and 15 are the light ones.
        let light = said("COLORFGBG").is_some_and(|both| matches!(both.rsplit(';').next(), Some("7" | "15")));
        Self { colours, light, ascii: !charset.contains("utf8"), ..Self::default() }
    }
}

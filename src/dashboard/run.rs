//! The loop: takes what happened, updates, carries out the effects, draws once.
//!
//! Any stream of messages goes in and any screen comes out, so that tests type keys into this very loop. It never waits for
//! anything but the next thing to happen: whatever takes time is carried out elsewhere and comes back as a message.

use super::effect::Effect;
use super::model::Model;
use super::msg::{Moment, Msg};
use super::update::update;
use super::view::{draw, title};
use crate::clock::Stopwatch;
use crossterm::event::{Event, KeyEventKind};
use futures_util::{FutureExt, Stream, StreamExt};
use ratatui::Terminal;
use ratatui::backend::Backend;
use std::time::Duration;

/// So many messages are taken before the screen is drawn again.
const MOST: usize = 256;
/// Time is never looked at more often than this, whatever the model asks for.
const SHORTEST: Duration = Duration::from_millis(10);

/// What reaches the process itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// Asked to end, by this signal.
    End(i32),
    /// Asked to stop, from outside.
    Stop,
    /// Stopped from outside, and back.
    Continued,
    /// Something panicked.
    Broken,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Somebody left.
    Quit,
    /// By this signal.
    Signal(i32),
    /// The terminal is gone.
    Gone,
    /// Something panicked; it was told.
    Broken,
}

/// Where everything comes from, the most urgent first.
#[derive(Debug)]
pub struct Inlets<T, I, N> {
    /// What reaches the process.
    pub told: T,
    /// What is typed; its end is the end of the terminal.
    pub input: I,
    /// What the host says: the board, and what came of acts.
    pub news: N,
}

/// Who carries effects out. None of it may take time.
pub trait Hands {
    /// The first frame is on the screen: whatever takes time begins now.
    fn begin(&mut self);
    /// What is known by now, for the next start; often.
    fn keep(&mut self, model: &Model);
    /// Carries one out. `Quit` and `Suspend` never come here.
    fn carry(&mut self, effect: Effect);
    /// Sets the terminal's title.
    fn entitle(&mut self, title: &str);
    /// Shows outside the screen that something is overdue, or no longer is.
    fn mark(&mut self, _late: bool) {}
    /// Somebody looks again: whatever waits for its next try need not wait.
    fn nudge(&mut self);
    /// Stops until somebody continues it: alone, or with the whole job as Ctrl-Z does.
    fn suspend(&mut self, job: bool);
    /// The terminal's modes may have been lost.
    fn resume(&mut self);
}

/// A key or anything else that a terminal sends, as a message.
pub fn message(event: Event) -> Msg {
    match event {
        Event::Key(key) => Msg::Key(key),
        Event::Paste(text) => Msg::Paste(text),
        Event::Mouse(mouse) => Msg::Mouse(mouse),
        Event::FocusGained => Msg::Focus(true),
        Event::FocusLost => Msg::Focus(false),
        Event::Resize(columns, rows) => Msg::Resize(columns, rows),
    }
}

/// One pane: what it knows, where it is drawn, and who acts for it.
struct Pane<'a, B: Backend, H> {
    model: &'a mut Model,
    terminal: &'a mut Terminal<B>,
    watch: &'a Stopwatch,
    hands: &'a mut H,
    title: String,
    /// Whether it is shown outside the screen that something is overdue.
    late: bool,
    /// Something happened since the last frame.
    stale: bool,
    /// When the last frame is no longer what there is to see.
    wake: Option<Moment>,
}

/// Runs until it ends.
pub async fn run<B, H, T, I, N>(
    model: &mut Model,
    terminal: &mut Terminal<B>,
    watch: &Stopwatch,
    mut inlets: Inlets<T, I, N>,
    hands: &mut H,
) -> Result<Ended, B::Error>
where
    B: Backend,
    H: Hands,
    T: Stream<Item = Told> + Unpin,
    I: Stream<Item = Msg> + Unpin,
    N: Stream<Item = Msg> + Unpin,
{
    let mut pane = Pane { model, terminal, watch, hands, title: String::new(), late: false, stale: true, wake: None };
    pane.draw()?;
    pane.hands.begin();
    let mut looked = Duration::ZERO;
    loop {
        let wake = pane.wake.map(|Moment(at)| at.max(looked.saturating_add(SHORTEST)));
        let first = tokio::select! {
            biased;
            Some(told) = inlets.told.next() => Happened::Told(told),
            typed = inlets.input.next() => typed.map_or(Happened::Gone, Happened::Typed),
            Some(news) = inlets.news.next() => Happened::News(news),
            () = until(watch, wake) => Happened::News(Msg::Tick),
        };
        if let Some(ended) = pane.take(first)? {
            return Ok(ended);
        }
        // All that is there already, keys first: what is typed is about what was seen.
        for _ in 0..MOST {
            let next = if let Some(Some(told)) = inlets.told.next().now_or_never() {
                Happened::Told(told)
            } else if let Some(typed) = inlets.input.next().now_or_never() {
                typed.map_or(Happened::Gone, Happened::Typed)
            } else if let Some(Some(news)) = inlets.news.next().now_or_never() {
                Happened::News(news)
            } else {
                break;
            };
            if let Some(ended) = pane.take(next)? {
                return Ok(ended);
            }
        }
        looked = watch.elapsed();
        pane.draw()?;
        pane.hands.keep(pane.model);
    }
}

/// One thing.
enum Happened {
    Told(Told),
    Typed(Msg),
    News(Msg),
    Gone,
}

async fn until(watch: &Stopwatch, wake: Option<Duration>) {
    match wake {
        Some(at) => watch.until(at).await,
        None => std::future::pending().await,
    }
}

impl<B: Backend, H: Hands> Pane<'_, B, H> {
    fn take(&mut self, happened: Happened) -> Result<Option<Ended>, B::Error> {
        match happened {
            Happened::Told(Told::End(signal)) => Ok(Some(Ended::Signal(signal))),
            Happened::Told(Told::Broken) => Ok(Some(Ended::Broken)),
            Happened::Told(Told::Stop) => {
                self.hands.suspend(false);
                self.again()
            }
            Happened::Told(Told::Continued) => {
                self.hands.resume();
                self.again()
            }
            Happened::Typed(msg) => {
                // A key is about the frame that was seen, so there must be one of all that came before.
                if matches!(&msg, Msg::Key(key) if key.kind == KeyEventKind::Press) {
                    self.draw()?;
                }
                if matches!(msg, Msg::Focus(true)) {
                    self.hands.nudge();
                }
                self.update(msg)
            }
            Happened::News(msg) => self.update(msg),
            Happened::Gone => Ok(Some(Ended::Gone)),
        }
    }

    fn update(&mut self, msg: Msg) -> Result<Option<Ended>, B::Error> {
        self.stale = true;
        for effect in update(self.model, Moment(self.watch.elapsed()), msg) {
            match effect {
                Effect::Quit => return Ok(Some(Ended::Quit)),
                Effect::Suspend => {
                    self.hands.suspend(true);
                    return self.again();
                }
                effect => self.hands.carry(effect),
            }
        }
        Ok(None)
    }

    /// Back after a while in which anything may have been written over the screen.
    fn again(&mut self) -> Result<Option<Ended>, B::Error> {
        self.terminal.clear()?;
        self.title.clear();
        self.late = false;
        self.hands.nudge();
        self.update(Msg::Resumed)
    }

    fn draw(&mut self) -> Result<(), B::Error> {
        if !std::mem::take(&mut self.stale) {
            return Ok(());
        }
        let model = &*self.model;
        let wake = &mut self.wake;
        self.terminal.draw(|frame| *wake = draw(model, frame))?;
        self.model.drawn();
        let title = title(self.model);
        if title != self.title {
            self.hands.entitle(&title);
            self.title = title;
        }
        let late = self.model.board.counts().2 > 0;
        if late != self.late {
            self.hands.mark(late);
            self.late = late;
        }
        Ok(())
    }
}

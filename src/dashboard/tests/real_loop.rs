//! Keys typed into the real loop on a screen of paper, with a clock that the test holds.

use super::super::run::{Hands, Inlets, Told, run};
use super::super::terminal::{Screen, Tty};
use super::super::{Effect, Ended, Model, Msg};
use super::{event, samples};
use crate::clock::{Clock, Stopwatch};
use crate::text::{Instant, Length};
use crossterm::event::KeyEventKind;
use futures_util::stream::{self, Stream};
use ratatui::Terminal;
use ratatui::layout::Size;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

/// What was written, a write each.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<String>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().push(String::from_utf8(bytes.to_vec()).unwrap());
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Tty for Paper {
    fn size(&self) -> io::Result<Size> {
        Ok(Size { width: 80, height: 24 })
    }
}

/// What was to be carried out, as words.
#[derive(Clone, Default)]
struct Noted(Arc<Mutex<Vec<String>>>);

impl Noted {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }
    fn count(&self, what: &str) -> usize {
        self.0.lock().unwrap().iter().filter(|noted| noted.starts_with(what)).count()
    }
}

impl Hands for Noted {
    fn begin(&mut self) {
        self.note("begin");
    }
    fn keep(&mut self, _: &Model) {}
    fn carry(&mut self, effect: Effect) {
        self.note(format!("{effect:?}"));
    }
    fn entitle(&mut self, title: &str) {
        self.note(format!("title {title}"));
    }
    fn nudge(&mut self) {
        self.note("nudge");
    }
    fn suspend(&mut self, job: bool) {
        self.note(if job { "suspend the job" } else { "suspend" });
    }
    fn resume(&mut self) {
        self.note("resume");
    }
}

struct Sitting {
    clock: Clock,
    told: UnboundedSender<Told>,
    keys: Option<UnboundedSender<Msg>>,
    news: UnboundedSender<Msg>,
    paper: Paper,
    noted: Noted,
    run: JoinHandle<Ended>,
}

fn received<T>(mut from: UnboundedReceiver<T>) -> impl Stream<Item = T> + Unpin {
    stream::poll_fn(move |cx| from.poll_recv(cx))
}

impl Sitting {
    async fn begin() -> Self {
        let clock = Clock::manual(Instant::from_millis(1_795_304_400_000));
        let (told, signals) = unbounded_channel();
        let (keys, typed) = unbounded_channel();
        let (news, heard) = unbounded_channel();
        let (paper, noted, watch) = (Paper::default(), Noted::default(), Stopwatch::start(&clock));
        let run = tokio::spawn({
            let (paper, mut noted) = (paper.clone(), noted.clone());
            async move {
                let mut model = Model::new(samples::options((80, 24)));
                let mut terminal = Terminal::new(Screen::new(paper)).unwrap();
                let inlets = Inlets { told: received(signals), input: received(typed), news: received(heard) };
                run(&mut model, &mut terminal, &watch, inlets, &mut noted).await.unwrap()
            }
        });
        let sitting = Self { clock, told, keys: Some(keys), news, paper, noted, run };
        sitting.settled().await;
        sitting
    }

    /// Lets the loop take everything in.
    async fn settled(&self) {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    }

    async fn key(&self, key: &str, kind: KeyEventKind) {
        self.keys.as_ref().unwrap().send(Msg::Key(event(key, kind))).unwrap();
        self.settled().await;
    }

    async fn press(&self, key: &str) {
        self.key(key, KeyEventKind::Press).await;
    }

    async fn hears(&self, msg: Msg) {
        self.news.send(msg).unwrap();
        self.settled().await;
    }

    fn writes(&self) -> usize {
        self.paper.0.lock().unwrap().len()
    }
}

#[tokio::test]
async fn approved_through_the_loop_and_a_frame_is_one_write() {
    let sitting = Sitting::begin().await;
    assert_eq!((sitting.writes(), sitting.noted.count("begin")), (1, 1), "the first frame, then what takes time");
    sitting.hears(Msg::Me(samples::me())).await;
    let row = samples::pending(317, "bo", "orders-db", "read", 60, "Check which lock blocks; done when it is free");
    sitting.hears(Msg::Board(samples::board(vec![row.clone()]))).await;
    let before = sitting.writes();
    // The same again changes nothing: not one byte.
    sitting.hears(Msg::Board(samples::change(vec![], 0))).await;
    assert_eq!(sitting.writes(), before);
    sitting.press("a").await;
    assert_eq!(sitting.writes(), before + 1, "the dialog is one write");
    let read = samples::with_may(row);
    sitting.hears(Msg::Request { id: 317, outcome: Ok(Box::new(read)) }).await;
    // Held, released and too early keys type nothing.
    sitting.press("9").await;
    sitting.clock.advance(Length::from_millis(500));
    sitting.settled().await;
    sitting.key("3", KeyEventKind::Repeat).await;
    sitting.key("3", KeyEventKind::Release).await;
    for key in ["3", "1", "7"] {
        sitting.press(key).await;
    }
    assert_eq!(sitting.noted.0.lock().unwrap().iter().filter(|noted| noted.contains("\"approve\"")).count(), 0);
    sitting.press("enter").await;
    let noted = sitting.noted.0.lock().unwrap().clone();
    let acts: Vec<_> = noted.iter().filter(|noted| noted.contains("\"approve\"")).collect();
    assert_eq!(acts.len(), 1, "{noted:?}");
    assert!(acts[0].contains("id: 317") && acts[0].contains("as_of\": Number(3170)"), "{acts:?}");
    let written = sitting.paper.0.lock().unwrap().clone();
    assert!(written.iter().all(|frame| frame.starts_with("\x1b[?2026h") && frame.ends_with("\x1b[?2026l")));
}

#[tokio::test]
async fn what_is_typed_in_one_go_is_about_what_was_drawn_between() {
    let sitting = Sitting::begin().await;
    let rows = vec![
        samples::pending(101, "bo", "orders-db", "read", 120, "The first; done when it is"),
        samples::pending(102, "cy", "orders-db", "read", 60, "The second; done when it is"),
    ];
    sitting.hears(Msg::Board(samples::board(rows))).await;
    let keys = sitting.keys.as_ref().unwrap();
    for key in ["j", "a"] {
        keys.send(Msg::Key(event(key, KeyEventKind::Press))).unwrap();
    }
    sitting.settled().await;
    let written = sitting.paper.0.lock().unwrap().concat();
    assert!(written.contains("APPROVE NL-102"), "{written}");
    assert!(!written.contains("APPROVE NL-101"), "{written}");
}

#[tokio::test]
async fn time_alone_wakes_it_and_only_when_something_changes() {
    let sitting = Sitting::begin().await;
    sitting.hears(Msg::Board(samples::board(vec![samples::active(201, "dee", "search", "restart", 600, 1200)]))).await;
    // What rests after a change is over.
    sitting.clock.advance(Length::from_seconds(2));
    sitting.settled().await;
    let before = sitting.writes();
    sitting.clock.advance(Length::from_millis(300));
    sitting.settled().await;
    assert_eq!(sitting.writes(), before);
    // Half an hour later, the host silent: it says how old it is.
    for _ in 0..30 {
        sitting.clock.advance(Length::from_minutes(1));
        sitting.settled().await;
    }
    assert!(sitting.writes() > before);
    assert!(sitting.paper.0.lock().unwrap().concat().contains("STALE"));
}

#[tokio::test]
async fn it_ends_as_it_is_told() {
    for (told, ended) in [(Told::End(15), Ended::Signal(15)), (Told::Broken, Ended::Broken)] {
        let sitting = Sitting::begin().await;
        sitting.told.send(told).unwrap();
        assert_eq!(sitting.run.await.unwrap(), ended);
    }
    let sitting = Sitting::begin().await;
    sitting.press("q").await;
    assert_eq!(sitting.run.await.unwrap(), Ended::Quit);
    let mut sitting = Sitting::begin().await;
    sitting.keys = None;
    assert_eq!(sitting.run.await.unwrap(), Ended::Gone);
}

#[tokio::test]
async fn back_after_a_stop_the_whole_screen_is_drawn() {
    let sitting = Sitting::begin().await;
    sitting.hears(Msg::Board(samples::board(samples::night()))).await;
    let mut zed = event("z", KeyEventKind::Press);
    zed.modifiers = crossterm::event::KeyModifiers::CONTROL;
    for (round, begins) in [(1, Ok(zed)), (2, Err(Told::Stop)), (3, Err(Told::Continued))] {
        let before = sitting.writes();
        match begins {
            Ok(key) => sitting.keys.as_ref().unwrap().send(Msg::Key(key)).unwrap(),
            Err(told) => sitting.told.send(told).unwrap(),
        }
        sitting.settled().await;
        let written = sitting.paper.0.lock().unwrap()[before..].concat();
        assert!(written.contains("\x1b[2J") && written.contains("nightlatch"), "{written:?}");
        assert_eq!(sitting.noted.count("nudge"), round);
    }
    assert_eq!((sitting.noted.count("suspend the job"), sitting.noted.count("suspend")), (1, 2));
    assert_eq!(sitting.noted.count("resume"), 1);
}

//! The dashboard without a terminal and without a host: messages in, effects and screens out, on a clock that the test holds.

mod cost;
mod guard;
mod hostile;
mod lookup;
mod order;
mod pictures;
mod real_loop;
pub mod samples;
mod screens;
mod sources;
mod time;
mod views;

use super::*;
use crate::wire::{BoardView, RequestView};
use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use std::time::Duration;

/// A pane: what a person sees and presses.
pub struct Pane {
    pub model: Model,
    pub now: Moment,
    terminal: Terminal<TestBackend>,
    /// When the frame is no longer what there is to see.
    pub wake: Option<Moment>,
    /// Everything that was caused.
    pub effects: Vec<Effect>,
}

impl Pane {
    pub fn new(options: Options) -> Self {
        let (columns, rows) = options.size;
        let terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
        let mut pane =
            Self { model: Model::new(options), now: Moment::default(), terminal, wake: None, effects: Vec::new() };
        pane.draw();
        pane
    }

    /// Sam's pane of this size on a board.
    pub fn on(size: (u16, u16), rows: Vec<RequestView>) -> Self {
        let mut pane = Self::new(samples::options(size));
        pane.send(Msg::Me(samples::me()));
        pane.send(Msg::Board(samples::board(rows)));
        pane.send(Msg::Systems(samples::systems()));
        pane.effects.clear();
        pane
    }

    pub fn send(&mut self, msg: Msg) -> Vec<Effect> {
        let effects = update(&mut self.model, self.now, msg);
        self.effects.extend(effects.clone());
        self.draw();
        effects
    }

    pub fn draw(&mut self) {
        self.terminal.draw(|frame| self.wake = draw(&self.model, frame)).unwrap();
        self.model.drawn();
    }

    pub fn pass(&mut self, millis: u64) -> Vec<Effect> {
        self.now = Moment(self.now.0 + Duration::from_millis(millis));
        self.send(Msg::Tick)
    }

    pub fn press(&mut self, key: &str) -> Vec<Effect> {
        self.send(Msg::Key(event(key, KeyEventKind::Press)))
    }

    /// Presses one after another, each seen before the next.
    pub fn type_text(&mut self, text: &str) {
        for ch in text.chars() {
            self.send(Msg::Key(KeyEvent::new(KeyCode::Char(ch), KeyModifiers::NONE)));
        }
    }

    /// Opens a dialog, lets it be read again, and waits until it listens.
    pub fn open(&mut self, key: &str) {
        self.press(key);
        self.answer_reads();
        self.pass(400);
    }

    /// Answers what was asked to be read, as it stands on the board.
    pub fn answer_reads(&mut self) {
        for effect in std::mem::take(&mut self.effects) {
            if let Effect::Read(id) = &effect
                && let Some(view) = self.model.board.get(*id)
            {
                let view = samples::with_may((**view).clone());
                self.send(Msg::Request { id: *id, outcome: Ok(Box::new(view)) });
            }
            self.effects.push(effect);
        }
    }

    pub fn screen(&self) -> String {
        let buffer = self.terminal.backend().buffer();
        let width = usize::from(buffer.area.width).max(1);
        let lines = buffer.content().chunks(width).map(|cells| {
            let mut line = String::new();
            let mut skip = 0;
            for cell in cells {
                if skip == 0 {
                    line.push_str(cell.symbol());
                    skip = unicode_width::UnicodeWidthStr::width(cell.symbol()).saturating_sub(1);
                } else {
                    skip -= 1;
                }
            }
            line.trim_end().to_owned()
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    pub fn buffer(&self) -> &ratatui::buffer::Buffer {
        self.terminal.backend().buffer()
    }

    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
        self.send(Msg::Resize(columns, rows));
    }

    /// What was sent to the host, claims aside.
    pub fn acts(&self) -> Vec<(i64, &'static str, serde_json::Value)> {
        self.effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Act { id, verb, body, .. } if *verb != "claim" => Some((*id, *verb, body.clone())),
                _ => None,
            })
            .collect()
    }

    pub fn merge(&mut self, board: BoardView) {
        self.send(Msg::Board(board));
    }

    #[track_caller]
    pub fn says(&self, part: &str) {
        assert!(self.screen().contains(part), "{part:?} is not on\n{}", self.screen());
    }
}

pub fn event(key: &str, kind: KeyEventKind) -> KeyEvent {
    let (code, modifiers) = match key {
        "enter" => (KeyCode::Enter, KeyModifiers::NONE),
        "esc" => (KeyCode::Esc, KeyModifiers::NONE),
        "tab" => (KeyCode::Tab, KeyModifiers::NONE),
        "backtab" => (KeyCode::BackTab, KeyModifiers::SHIFT),
        "up" => (KeyCode::Up, KeyModifiers::NONE),
        "down" => (KeyCode::Down, KeyModifiers::NONE),
        "left" => (KeyCode::Left, KeyModifiers::NONE),
        "right" => (KeyCode::Right, KeyModifiers::NONE),
        "pgdn" => (KeyCode::PageDown, KeyModifiers::NONE),
        "pgup" => (KeyCode::PageUp, KeyModifiers::NONE),
        "backspace" => (KeyCode::Backspace, KeyModifiers::NONE),
        "ctrl-u" => (KeyCode::Char('u'), KeyModifiers::CONTROL),
        "ctrl-n" => (KeyCode::Char('n'), KeyModifiers::CONTROL),
        "ctrl-c" => (KeyCode::Char('c'), KeyModifiers::CONTROL),
        other => (KeyCode::Char(other.chars().next().unwrap()), KeyModifiers::NONE),
    };
    let mut event = KeyEvent::new(code, modifiers);
    event.kind = kind;
    event
}

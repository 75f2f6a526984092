//! Everything that may happen to the dashboard. Nothing else changes its model.

use crate::wire::{BoardView, ChecksView, EventsView, ListView, MeView, RequestView, SystemsView};
use crossterm::event::{KeyEvent, MouseEvent};
use std::time::Duration;

/// The pane's own time: how long ago it was started, by a clock that only goes forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Moment(pub Duration);

/// The number of one sent act, so that its answer finds its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActId(pub u64);

/// The number of one question, so that a late answer to another one is known to be late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct AskId(pub u64);

/// What happened.
#[derive(Debug, Clone)]
pub enum Msg {
    /// A key. Repeats and releases come too; only presses count.
    Key(KeyEvent),
    /// A bracketed paste. It never acts.
    Paste(String),
    /// The mouse. It focuses, it never acts.
    Mouse(MouseEvent),
    /// The pane got the focus, or lost it.
    Focus(bool),
    /// The terminal has this many columns and rows.
    Resize(u16, u16),
    /// Time went by; the moment says how far.
    Tick,
    /// The board as it was when it was kept, for the first paint: how old it is now, and whose it was.
    Kept {
        /// What was kept.
        board: BoardView,
        /// Who looked at it.
        me: MeView,
        /// How old it is.
        age: Duration,
    },
    /// The board, whole or what changed.
    Board(BoardView),
    /// The board could not be read.
    Away {
        /// Why, with its cure.
        sentence: String,
        /// When it is tried again.
        next_try: Moment,
        /// Connecting failed, rather than the answer being wrong.
        offline: bool,
    },
    /// Who one is, and for what on duty.
    Me(MeView),
    /// The systems, their roles, and who can say yes now.
    Systems(SystemsView),
    /// One request, read again with what this viewer may do.
    Request {
        /// Its number.
        id: i64,
        /// The request, or the sentence that says why it could not be read.
        outcome: Result<Box<RequestView>, Refused>,
    },
    /// The timeline of one request.
    Events {
        /// Its number.
        id: i64,
        /// They are those after this sequence number.
        after: i64,
        /// The events, or why they could not be read.
        outcome: Result<EventsView, Refused>,
    },
    /// A page of a list of requests.
    Listed {
        /// Which question it answers.
        ask: AskId,
        /// The page, or why there is none.
        outcome: Result<ListView, Refused>,
    },
    /// What the checks find in a request that is being written.
    Checked {
        /// Which question it answers.
        ask: AskId,
        /// What they found.
        outcome: Result<Box<ChecksView>, Refused>,
    },
    /// What came of filing or mending a request.
    Filed {
        /// Which act.
        act: ActId,
        /// The request as it stands, or the refusal.
        outcome: Result<Box<RequestView>, Refused>,
    },
    /// What came of an act.
    Acted {
        /// Which.
        act: ActId,
        /// On which request.
        id: i64,
        /// The request as it stands, or the refusal.
        outcome: Result<Box<RequestView>, Refused>,
    },
    /// Somebody clicked on a notification: open this request.
    Open(i64),
    /// What an effect came to that was not as hoped, in a sentence.
    Said(String),
    /// The terminal said what its background is like.
    Background {
        /// Light, rather than dark.
        light: bool,
    },
    /// Stopped by Ctrl-Z and back in the foreground.
    Resumed,
}

/// Why something did not come about, in the host's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The stable code; empty where there was no answer.
    pub code: String,
    /// One sentence.
    pub sentence: String,
    /// How to cure it.
    pub hint: String,
}

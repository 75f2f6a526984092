//! What the dashboard knows. Only `update` changes it, only `view` reads it.

use super::msg::Moment;
use crate::text::Length;
use chrono_tz::Tz;
use std::collections::BTreeMap;

/// How many colours the terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Colours {
    /// None: mark, word and weight carry everything.
    None,
    /// The sixteen of the terminal's own palette.
    #[default]
    Sixteen,
    /// All of them.
    True,
}

/// How somebody likes it, as read from flags, files and the terminal.
#[derive(Debug, Clone)]
pub struct Options {
    /// For wall screens: nothing acts.
    pub read_only: bool,
    /// Open on this request.
    pub open: Option<i64>,
    /// The zone in which times are shown.
    pub zone: Tz,
    /// Locks itself after this long without a key.
    pub lock_after: Length,
    /// The theme's name; none: as the terminal looks.
    pub theme: Option<String>,
    /// The terminal's background is light.
    pub light: bool,
    /// How many colours there are.
    pub colours: Colours,
    /// Nothing but ASCII of our own.
    pub ascii: bool,
    /// Action to its keys, instead of the built-in ones.
    pub keys: BTreeMap<String, Vec<String>>,
    /// Columns and rows.
    pub size: (u16, u16),
}

impl Default for Options {
    fn default() -> Self {
        Self {
            read_only: false,
            open: None,
            zone: Tz::UTC,
            lock_after: Length::from_minutes(5),
            theme: None,
            light: false,
            colours: Colours::default(),
            ascii: false,
            keys: BTreeMap::new(),
            size: (80, 24),
        }
    }
}

/// The dashboard's whole state.
#[derive(Debug)]
pub struct Model {
    /// How somebody likes it.
    pub options: Options,
    /// The moment of the last update: what `draw` calls now.
    pub now: Moment,
}

impl Model {
    /// An empty dashboard.
    pub fn new(options: Options) -> Self {
        Self { options, now: Moment::default() }
    }

    /// The frame that `draw` made was put on the screen: what somebody does next is about what it showed.
    pub fn drawn(&mut self) {}
}

/// When the next text changes by itself, if any does.
pub fn next_wake(model: &Model) -> Option<Moment> {
    let _ = model;
    None
}

//! A field of one line that takes text.

use tui_textarea::TextArea;

/// What a field wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wants {
    /// The last three digits of the number, and nothing else.
    Digits,
    /// Words, at least one.
    Words,
    /// Words, or nothing.
    Maybe,
}

/// A field that takes text.
#[derive(Debug, Clone)]
pub struct Field {
    /// What stands before it.
    pub label: &'static str,
    /// What it wants.
    pub wants: Wants,
    /// Its text.
    pub text: TextArea<'static>,
}

impl Field {
    /// An empty one.
    pub fn new(label: &'static str, wants: Wants) -> Self {
        Self { label, wants, text: TextArea::default() }
    }
    /// What was typed.
    pub fn typed(&self) -> &str {
        self.text.lines().first().map(String::as_str).unwrap_or_default()
    }
    /// Writes something else into it, with the cursor at its end.
    pub fn set(&mut self, text: &str) {
        let line: String = text.split(['\n', '\r']).collect::<Vec<_>>().join(" ");
        self.text = TextArea::from([line]);
        self.text.move_cursor(tui_textarea::CursorMove::End);
    }
    /// The character before which the cursor stands.
    pub fn cursor(&self) -> usize {
        self.text.cursor().1
    }
}

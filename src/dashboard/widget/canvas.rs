//! What is to be put where, before anything is.

use super::super::theme::{Look, Tone};
use super::text::{Words, wipe};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

#[derive(Debug)]
enum Put {
    Line(Rect, Words, Option<Tone>),
    Nothing(Rect),
}

/// Lines in their places; later ones go over earlier ones.
#[derive(Debug, Default)]
pub struct Canvas {
    put: Vec<Put>,
}

impl Canvas {
    /// One line, as wide as its place.
    pub fn line(&mut self, at: Rect, words: Words) {
        self.put.push(Put::Line(Rect { height: at.height.min(1), ..at }, words, None));
    }

    /// One line with a tone under all of it.
    pub fn bar(&mut self, at: Rect, words: Words, tone: Tone) {
        self.put.push(Put::Line(Rect { height: at.height.min(1), ..at }, words, Some(tone)));
    }

    /// Lines from the top of `at` on; what does not fit is left out.
    pub fn lines(&mut self, at: Rect, lines: impl IntoIterator<Item = Words>) {
        for (offset, words) in (0..at.height).zip(lines) {
            self.line(Rect { y: at.y.saturating_add(offset), height: 1, ..at }, words);
        }
    }

    /// Empties a place.
    pub fn clear(&mut self, at: Rect) {
        self.put.push(Put::Nothing(at));
    }

    /// Puts it all on the screen.
    pub fn paint(&self, buffer: &mut Buffer, look: Look) {
        for put in &self.put {
            match put {
                Put::Line(at, words, over) => words.paint(buffer, *at, look, *over),
                Put::Nothing(at) => wipe(buffer, *at),
            }
        }
    }
}

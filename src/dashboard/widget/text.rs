//! The only door to the screen: text in, cleaned, with its tone. No other file of the dashboard makes a span, a line or a
//! cell, so nothing foreign can reach the terminal as it came (a test reads the sources and holds it).

use super::super::theme::{Look, Tone};
use crate::text::Clean;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// More than this of one text is never shown: a frame must stay cheap whatever somebody wrote.
pub const MOST: usize = 20_000;

/// One line of a screen, in pieces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    pieces: Vec<(Clean, Tone)>,
}

impl Words {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One piece.
    pub fn of(text: impl AsRef<str>, tone: Tone) -> Self {
        Self::new().and(text, tone)
    }

    /// Adds a piece.
    #[must_use]
    pub fn and(mut self, text: impl AsRef<str>, tone: Tone) -> Self {
        self.push(text, tone);
        self
    }

    /// Adds a plain piece.
    #[must_use]
    pub fn plain(self, text: impl AsRef<str>) -> Self {
        self.and(text, Tone::Plain)
    }

    /// Adds a piece.
    pub fn push(&mut self, text: impl AsRef<str>, tone: Tone) {
        let text = first(text.as_ref(), MOST);
        if !text.is_empty() {
            self.pieces.push((Clean::line(text), tone));
        }
    }

    /// Adds a piece that fills exactly so many columns, cut or padded.
    pub fn cell(&mut self, text: impl AsRef<str>, columns: usize, tone: Tone) {
        let clean = Clean::line(first(text.as_ref(), columns.saturating_mul(8) + 64)).cut(columns);
        let rest = columns.saturating_sub(clean.width());
        self.pieces.push((clean, tone));
        self.push(" ".repeat(rest), tone);
    }

    /// Adds a column of a table: a piece cut to its room, and a blank after it.
    pub fn column(&mut self, text: impl AsRef<str>, columns: usize, tone: Tone) {
        self.cell(text, columns.saturating_sub(1), tone);
        self.push(" ", Tone::Plain);
    }

    /// Adds other words.
    pub fn append(&mut self, other: Self) {
        self.pieces.extend(other.pieces);
    }

    /// The beginning of it, cut with a `~` where it does not fit.
    #[must_use]
    pub fn cut(self, columns: usize) -> Self {
        let mut left = columns;
        let mut pieces = Vec::new();
        for (text, tone) in self.pieces {
            if text.width() > left {
                pieces.push((text.cut(left), tone));
                break;
            }
            left -= text.width();
            pieces.push((text, tone));
        }
        Self { pieces }
    }

    /// All of it in one tone.
    #[must_use]
    pub fn all(mut self, tone: Tone) -> Self {
        self.pieces.iter_mut().for_each(|piece| piece.1 = tone);
        self
    }

    /// How many columns it takes.
    pub fn width(&self) -> usize {
        self.pieces.iter().map(|(text, _)| text.width()).sum()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// The bare text.
    pub fn text(&self) -> String {
        self.pieces.iter().map(|(text, _)| text.as_str()).collect()
    }

    /// Puts it on the screen, cut with a `~` where it does not fit. `over` goes over every piece's tone.
    pub fn paint(&self, buffer: &mut Buffer, at: Rect, look: Look, over: Option<Tone>) {
        let at = at.intersection(buffer.area);
        if at.is_empty() {
            return;
        }
        if let Some(tone) = over {
            buffer.set_style(at, look.style(tone));
        }
        let room = usize::from(at.width);
        let cut = self.width() > room;
        // Where it does not fit, one column is kept for the mark that says so.
        let (mut x, mut left) = (at.x, if cut { room.saturating_sub(1) } else { room });
        for (text, tone) in &self.pieces {
            let over = cut && text.width() > left;
            // The space makes it too long by one at least, so that the mark is always there.
            let text = if over { Clean::line(&format!("{text} ")).cut(left + 1) } else { text.clone() };
            let shown = if look.ascii { ascii(&text) } else { text };
            let most = usize::from(at.right().saturating_sub(x));
            let (next, _) = buffer.set_stringn(x, at.y, shown.as_str(), most, look.style(*tone));
            left = left.saturating_sub(usize::from(next.saturating_sub(x)));
            x = next;
            if over {
                break;
            }
        }
    }
}

/// Empties a place.
pub fn wipe(buffer: &mut Buffer, at: Rect) {
    let at = at.intersection(buffer.area);
    for y in at.top()..at.bottom() {
        for x in at.left()..at.right() {
            if let Some(cell) = buffer.cell_mut((x, y)) {
                cell.reset();
            }
        }
    }
}

/// Only ASCII, one character a column.
fn ascii(text: &Clean) -> Clean {
    if text.as_str().is_ascii() {
        return text.clone();
    }
    let mut out = String::with_capacity(text.as_str().len());
    for ch in text.as_str().chars() {
        match ch {
            '·' => out.push('.'),
            '→' => out.push('>'),
            '–' | '—' | '─' => out.push('-'),
            '│' => out.push('|'),
            '█' => out.push('#'),
            ch if ch.is_ascii() => out.push(ch),
            ch => out.push_str(&"?".repeat(Clean::line(&ch.to_string()).width().min(2))),
        }
    }
    Clean::line(&out)
}

fn first(text: &str, characters: usize) -> &str {
    text.char_indices().nth(characters).map_or(text, |(at, _)| text.get(..at).unwrap_or_default())
}

/// A foreign text in lines of at most so many columns, broken at spaces where there are any. The second says whether some of
/// it is left out because it is too much to show.
pub fn wrap(text: &str, columns: usize) -> (Vec<String>, bool) {
    let columns = columns.max(2);
    let short = first(text, MOST);
    let block = Clean::block(short);
    let mut lines = Vec::new();
    for line in block.lines() {
        let (mut now, mut wide) = (String::new(), 0);
        for word in line.as_str().split_inclusive(' ') {
            let width = columns_of(word.trim_end_matches(' '));
            if wide > 0 && wide + width > columns {
                lines.push(std::mem::take(&mut now).trim_end().to_owned());
                wide = 0;
            }
            if width <= columns {
                now.push_str(word);
                wide += columns_of(word);
                continue;
            }
            for ch in word.chars() {
                let width = columns_of(ch.encode_utf8(&mut [0; 4]));
                if wide + width > columns {
                    lines.push(std::mem::take(&mut now));
                    wide = 0;
                }
                now.push(ch);
                wide += width;
            }
        }
        lines.push(now.trim_end().to_owned());
    }
    (lines, short.len() < text.len())
}

fn columns_of(text: &str) -> usize {
    text.chars().map(|ch| unicode_width::UnicodeWidthChar::width(ch).unwrap_or(0)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_broken_at_spaces_and_never_wider_than_its_room() {
        assert_eq!(wrap("one two three", 8).0, ["one two", "three"]);
        assert_eq!(wrap("abcdefghij", 4).0, ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("a\nb", 4).0, ["a", "b"]);
        assert_eq!(wrap("日本語日本語", 5).0, ["日本", "語日", "本語"]);
        assert_eq!(wrap("", 5).0, [""]);
        assert!(wrap(&"x".repeat(MOST + 1), 80).1 && !wrap(&"x".repeat(MOST), 80).1);
    }

    #[test]
    fn a_line_is_cut_with_a_mark_and_pieces_know_of_each_other() {
        let look = Look::named(None, false, super::super::super::theme::Colours::None, false).unwrap();
        let shown = |words: Words, width: u16| {
            let mut buffer = Buffer::empty(Rect::new(0, 0, width, 1));
            words.paint(&mut buffer, Rect::new(0, 0, width, 1), look, None);
            buffer.content().iter().map(ratatui::buffer::Cell::symbol).collect::<String>()
        };
        let words = || Words::of("abc", Tone::Plain).plain("def");
        assert_eq!(shown(words(), 6), "abcdef");
        assert_eq!(shown(words(), 5), "abcd~");
        assert_eq!(shown(words(), 3), "ab~");
        assert_eq!(shown(words(), 1), "~");
        assert_eq!(shown(Words::of("日本語", Tone::Plain), 5).trim_end(), "日 本 ~");
    }
}

//! What is printed, before it is printed: lines that are safe to show, and tables that fit.
//!
//! Nothing reaches a page except through [`Clean`], so no foreign text can move a cursor, forge a line or swap words.

use crate::text::Clean;

/// A line is broken at a space where the terminal ends, but never narrower than this.
const NARROWEST: usize = 40;

/// Lines to print.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page(Vec<Clean>);

impl Page {
    /// An empty page.
    pub fn new() -> Self {
        Self::default()
    }

    /// A page of one line.
    pub fn of(line: impl AsRef<str>) -> Self {
        let mut page = Self::new();
        page.line(line);
        page
    }

    /// One line, whatever is in it.
    pub fn line(&mut self, line: impl AsRef<str>) {
        self.0.push(Clean::line(line.as_ref()));
    }

    /// A text of several lines, each after `before`.
    pub fn block(&mut self, before: &str, text: &str) {
        for line in Clean::block(text).lines() {
            self.line(format!("{before}{line}"));
        }
    }

    /// A label and what belongs to it, on as many lines as it takes at this width.
    pub fn field(&mut self, label: &str, text: &str, width: Option<usize>) {
        let room = width.map_or(usize::MAX, |width| width.max(NARROWEST).saturating_sub(LABEL + 1));
        let mut before = format!("{label:LABEL$} ");
        for paragraph in Clean::block(text).lines() {
            for line in wrapped(paragraph.as_str(), room) {
                self.line(format!("{before}{line}").trim_end());
                before = " ".repeat(LABEL + 1);
            }
        }
    }

    /// A table under its head; `width` is the terminal's, if it is one.
    pub fn table(&mut self, head: &[&str], rows: &[Vec<String>], width: Option<usize>) {
        let mut cells = vec![head.iter().map(|name| Clean::line(name)).collect::<Vec<_>>()];
        cells.extend(rows.iter().map(|row| row.iter().map(|cell| Clean::line(cell)).collect()));
        let mut widths: Vec<usize> = Vec::new();
        for row in &cells {
            for (at, cell) in row.iter().enumerate() {
                match widths.get_mut(at) {
                    Some(widest) => *widest = cell.width().max(*widest),
                    None => widths.push(cell.width()),
                }
            }
        }
        if let Some(width) = width {
            fit(&mut widths, width);
        }
        for row in &cells {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                let cell = cell.cut(*width);
                line.push_str(cell.as_str());
                line.push_str(&" ".repeat(width.saturating_sub(cell.width()) + 2));
            }
            self.0.push(Clean::line(line.trim_end()));
        }
    }

    /// Everything of another page after this one.
    pub fn append(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The lines.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(Clean::as_str)
    }

    /// Whether there is nothing on it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Display for Page {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.lines().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// Columns that a label takes.
const LABEL: usize = 12;
/// A column is not made narrower than this to fit a table.
const COLUMN: usize = 6;

/// Takes from the widest column until the table fits, or all columns are narrow.
fn fit(widths: &mut [usize], width: usize) {
    let gaps = widths.len().saturating_sub(1) * 2;
    loop {
        let over = (widths.iter().sum::<usize>() + gaps).saturating_sub(width);
        let Some(widest) = widths.iter_mut().max() else { return };
        if over == 0 || *widest <= COLUMN {
            return;
        }
        // A step at a time: otherwise one long column would pay for two.
        *widest -= 1;
    }
}

/// Breaks a clean line at spaces; a word that is too long by itself is broken where it must.
fn wrapped(line: &str, room: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut now = String::new();
    for word in line.split(' ') {
        let wide = |text: &str| Clean::line(text).width();
        if !now.is_empty() && wide(&now) + 1 + wide(word) > room {
            lines.push(std::mem::take(&mut now));
        } else if !now.is_empty() {
            now.push(' ');
        }
        if wide(word) <= room {
            now.push_str(word);
            continue;
        }
        let mut used = wide(&now);
        for ch in word.chars() {
            let width = unicode_width::UnicodeWidthChar::width(ch).unwrap_or(0);
            if used + width > room {
                lines.push(std::mem::take(&mut now));
                used = 0;
            }
            now.push(ch);
            used += width;
        }
    }
    lines.push(now);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_lines_up_by_what_a_terminal_shows() {
        let mut page = Page::new();
        page.table(&["NL", "WHO"], &[vec!["NL-101".into(), "漢字".into()], vec!["NL-1".into(), "bo".into()]], None);
        assert_eq!(page.to_string(), "NL      WHO\nNL-101  漢字\nNL-1    bo\n");
    }

    #[test]
    fn a_table_fits_the_terminal_and_marks_what_is_cut() {
        let mut page = Page::new();
        let task = "Restart the stuck worker and see that the queue drains again".to_owned();
        page.table(&["NL", "TASK"], &[vec!["NL-101".into(), task]], Some(30));
        assert_eq!(page.to_string(), "NL      TASK\nNL-101  Restart the stuck wor~\n");
    }

    #[test]
    fn a21_a26_a27_hostile_text_stays_on_its_line_and_shows() {
        let hostile = "x\u{1b}]52;c;aGk=\u{7}\ny\u{202e}z\u{9b}2J\u{200b}";
        let mut page = Page::new();
        page.line(hostile);
        page.field("task", hostile, Some(60));
        page.block("  ", hostile);
        page.table(&["A", "B"], &[vec![hostile.into(), "b".into()]], Some(80));
        for line in page.lines() {
            assert!(!line.chars().any(char::is_control), "{line:?}");
            assert!(!line.contains(['\u{202e}', '\u{200b}', '\n']), "{line:?}");
        }
        // A newline ends a line only where lines are ours to end: in a field or a block.
        assert_eq!(page.lines().count(), 1 + 2 + 2 + 2);
        assert!(page.to_string().contains("<U+202E>"));
    }

    #[test]
    fn a_field_is_wrapped_and_never_overflows() {
        let mut page = Page::new();
        page.field("task", &format!("one two {} three", "w".repeat(100)), Some(50));
        for line in page.lines() {
            assert!(Clean::line(line).width() <= 50, "{line:?}");
        }
        assert!(page.to_string().starts_with("task         one two\n             www"));
    }
}

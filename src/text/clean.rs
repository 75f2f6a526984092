//! Foreign text made safe to show: the one sanitising type.
//!
//! Whatever reaches a terminal, a log or a message from outside (tasks, notes, names, target errors) passes here once.
//! Nothing it lets through can move a cursor, end a line that is not its own, swap the order of words or hide. It never
//! refuses: what could harm is shown as a visible mark, so that a reader sees that it was there.

use std::fmt::{self, Write as _};
use unicode_width::UnicodeWidthChar;

/// Combining marks that one base may carry; Vietnamese, Thai and Hebrew need three.
const MARKS: usize = 4;
/// Hidden characters in a row that are each shown; the rest of the run is counted.
const HIDDEN: usize = 8;

/// Foreign text, cleaned for one line of a terminal, a log or a message.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Clean(String);

impl Clean {
    /// One line: a newline becomes `⏎`, a tab a space.
    pub fn line(text: &str) -> Self {
        Self(clean(text, false))
    }

    /// Several lines: keeps `\n`, everything else as in [`Clean::line`].
    pub fn block(text: &str) -> Self {
        Self(clean(text, true))
    }

    /// The cleaned text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The lines of a block, each one clean by itself.
    pub fn lines(&self) -> impl Iterator<Item = Self> + '_ {
        self.0.split('\n').map(|line| Self(line.to_owned()))
    }

    /// How many columns a line takes; never less than a terminal gives it.
    pub fn width(&self) -> usize {
        if is_usual(&self.0) {
            return self.0.len();
        }
        self.0.chars().map(columns_of).sum()
    }

    /// At most this many columns, the last one `~` where something is missing. For lines.
    #[must_use]
    pub fn cut(&self, columns: usize) -> Self {
        if self.0.len() <= columns && is_usual(&self.0) {
            return self.clone();
        }
        let (mut used, mut keep) = (0_usize, 0_usize);
        for (at, ch) in self.0.char_indices() {
            let wide = columns_of(ch);
            used += wide;
            if used > columns {
                // The cut must leave one column for the mark, and takes the marks of a letter with it.
                let head = self.0.get(..keep).unwrap_or_default();
                return if columns == 0 { Self::default() } else { Self(format!("{head}~")) };
            }
            if used < columns || (wide == 0 && keep == at) {
                keep = at + ch.len_utf8();
            }
        }
        self.clone()
    }

    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Clean {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl AsRef<str> for Clean {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl From<Clean> for String {
    fn from(clean: Clean) -> Self {
        clean.0
    }
}

/// Printable ASCII and nothing else, as most text is: clean as it stands, each letter a column.
fn is_usual(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

fn columns_of(ch: char) -> usize {
    ch.width().unwrap_or(0)
}

/// What a character is to a screen.
enum Sort {
    Plain,
    Combining,
    Newline,
    Control,
    Hidden,
}

fn sort(ch: char) -> Sort {
    match ch {
        '\n' => Sort::Newline,
        ch if ch.is_control() => Sort::Control,
        ch if is_hidden(ch) => Sort::Hidden,
        ch if ch.width() == Some(0) => Sort::Combining,
        _ => Sort::Plain,
    }
}

/// Bidi controls that open or close an embedding, an override or an isolate.
pub(super) const fn is_bidi_scope(ch: char) -> bool {
    matches!(ch, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Tag characters and the rest of their plane that is not a variation selector.
pub(super) const fn is_tag(ch: char) -> bool {
    matches!(ch, '\u{E0000}'..='\u{E00FF}')
}

/// Characters that take no room but change order, identity or breaking.
pub(crate) const fn is_hidden(ch: char) -> bool {
    is_bidi_scope(ch)
        || matches!(ch,
            '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2028}' | '\u{2029}' | '\u{2060}'..='\u{2065}'
            | '\u{206A}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
            | '\u{FDD0}'..='\u{FDEF}' | '\u{FFF0}'..='\u{FFFB}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
        || (ch as u32) & 0xFFFE == 0xFFFE
}

/// Scripts whose ordinary words need joiners (Arabic to Myanmar, Khmer).
const fn joins(ch: char) -> bool {
    matches!(ch, '\u{0600}'..='\u{109F}' | '\u{1780}'..='\u{17FF}' | '\u{FB50}'..='\u{FDCF}' | '\u{FE70}'..='\u{FEFC}')
}

/// Bases that an emoji sequence may begin with or go on after.
const fn is_pictorial(ch: char) -> bool {
    matches!(ch, '#' | '*' | '0'..='9' | '\u{A9}' | '\u{AE}' | '\u{203C}'..='\u{3299}' | '\u{1F000}'..='\u{1FAFF}')
}

/// A joiner or selector in its ordinary place says nothing that must be seen: it is dropped, so that every terminal
/// agrees on the width.
const fn is_ordinary(ch: char, before: Option<char>) -> bool {
    let Some(before) = before else { return false };
    match ch {
        '\u{200D}' => joins(before) || is_pictorial(before),
        '\u{200C}' => joins(before),
        '\u{FE0E}' | '\u{FE0F}' => is_pictorial(before),
        _ => false,
    }
}

#[derive(Default)]
struct Scrub {
    out: String,
    before: Option<char>,
    marks: usize,
    hidden: usize,
}

fn clean(text: &str, block: bool) -> String {
    if is_usual(text) { text.to_owned() } else { scrub(text, block) }
}

fn scrub(text: &str, block: bool) -> String {
    let mut scrub = Scrub { out: String::with_capacity(text.len()), ..Scrub::default() };
    let mut chars = text.chars().peekable();
    while let Some(ch) = chars.next() {
        // A carriage return before a newline is how some systems end a line, nothing more.
        if ch == '\r' && chars.peek() == Some(&'\n') {
            continue;
        }
        scrub.take(ch, block);
    }
    scrub.flush(true, true);
    scrub.out
}

impl Scrub {
    fn take(&mut self, ch: char, block: bool) {
        if is_ordinary(ch, self.before) {
            return;
        }
        let sort = sort(ch);
        self.flush(!matches!(sort, Sort::Combining), !matches!(sort, Sort::Hidden));
        match sort {
            Sort::Plain => self.push(ch),
            Sort::Combining => self.combine(ch),
            Sort::Newline if block => {
                self.out.push('\n');
                self.before = None;
            }
            Sort::Newline => self.mark('⏎'),
            Sort::Control if ch == '\t' => self.push(' '),
            Sort::Control => match ch as u32 {
                code @ 0..=0x1F => self.mark(char::from_u32(0x2400 + code).unwrap_or('␀')),
                0x7F => self.mark('␡'),
                code => self.code(code),
            },
            Sort::Hidden => {
                self.hidden += 1;
                if self.hidden <= HIDDEN {
                    self.code(ch as u32);
                }
            }
        }
    }

    fn push(&mut self, ch: char) {
        self.out.push(ch);
        self.before = Some(ch);
    }

    fn mark(&mut self, ch: char) {
        self.out.push(ch);
        self.before = None;
    }

    fn code(&mut self, code: u32) {
        let _ = write!(self.out, "<U+{code:04X}>");
        self.before = None;
    }

    /// A mark without a letter gets a circle to sit on, so that it cannot sit on ours.
    fn combine(&mut self, ch: char) {
        if self.before.is_none() {
            self.push('◌');
        }
        self.marks += 1;
        if self.marks <= MARKS {
            self.out.push(ch);
        }
    }

    /// Ends a run of combining marks or of hidden characters, and counts what was left out.
    fn flush(&mut self, marks: bool, hidden: bool) {
        if marks {
            if self.marks > MARKS {
                let _ = write!(self.out, "<+{} marks>", self.marks - MARKS);
            }
            self.marks = 0;
        }
        if hidden {
            if self.hidden > HIDDEN {
                let _ = write!(self.out, "<+{} hidden>", self.hidden - HIDDEN);
            }
            self.hidden = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(text: &str) -> String {
        Clean::line(text).into()
    }

    #[test]
    fn a21_a_newline_cannot_forge_a_log_line() {
        assert_eq!(line("ok\nERROR all is lost"), "ok⏎ERROR all is lost");
        assert_eq!(line("ok\r\nnext\rover"), "ok⏎next␍over");
        assert_eq!(line("a\u{2028}b\u{85}c"), "a<U+2028>b<U+0085>c");
        assert_eq!(Clean::block("a\r\nb\tc").as_str(), "a\nb c");
    }

    #[test]
    fn a26_no_control_sequence_gets_through() {
        assert_eq!(line("\u{1b}]52;c;ZXZpbA==\u{7}"), "␛]52;c;ZXZpbA==␇");
        assert_eq!(line("\u{1b}[2J\u{1b}[6n"), "␛[2J␛[6n");
        assert_eq!(line("\u{9b}31m\u{90}q\u{9c}\u{9f}x"), "<U+009B>31m<U+0090>q<U+009C><U+009F>x");
        assert_eq!(line("\0\u{7f}"), "␀␡");
    }

    #[test]
    fn a27_bidi_controls_are_marked_and_the_order_kept() {
        assert_eq!(line("\u{202e}ynned\u{202c} approve"), "<U+202E>ynned<U+202C> approve");
        assert_eq!(line("a\u{2066}b\u{2069}c\u{200e}\u{200f}"), "a<U+2066>b<U+2069>c<U+200E><U+200F>");
    }

    #[test]
    fn a28_hidden_characters_are_marked() {
        assert_eq!(line("ad\u{200b}min"), "ad<U+200B>min");
        assert_eq!(line("ad\u{ad}min\u{feff}"), "ad<U+00AD>min<U+FEFF>");
        assert_eq!(line("x\u{e0041}\u{e0042}"), "x<U+E0041><U+E0042>");
        assert_eq!(line("a\u{fe0f}\u{ffff}\u{200d}"), "a<U+FE0F><U+FFFF><U+200D>");
        let flood = line(&"\u{e0041}".repeat(1000));
        assert!(flood.ends_with("<+992 hidden>"), "{flood}");
    }

    #[test]
    fn a29_combining_marks_are_bounded() {
        let zalgo = format!("e{}x", "\u{301}".repeat(100_000));
        assert_eq!(line(&zalgo), format!("e{}<+99996 marks>x", "\u{301}".repeat(4)));
        assert_eq!(line("\u{301}x"), "◌\u{301}x");
        assert_eq!(Clean::block("a\n\u{301}").as_str(), "a\n◌\u{301}");
    }

    #[test]
    fn ordinary_text_of_any_script_stays() {
        for text in
            ["Größe", "Việt Nam", "日本語", "привет", "שָׁלוֹם", "مرحبا", "हिन्दी", "ภาษาไทย", "한국어", "🙂 done", "👍🏽"]
        {
            assert_eq!(line(text), text);
        }
        assert_eq!(line("👨\u{200d}👩\u{200d}👧"), "👨👩👧");
        assert_eq!(line("☎\u{fe0f}"), "☎");
        assert_eq!(line("می\u{200c}خواهم"), "میخواهم");
    }

    #[test]
    fn cut_keeps_to_the_columns() {
        let cut = |text: &str, columns| Clean::line(text).cut(columns).0;
        assert_eq!(cut("payments", 8), "payments");
        assert_eq!(cut("payments", 7), "paymen~");
        assert_eq!(cut("payments", 1), "~");
        assert_eq!(cut("payments", 0), "");
        assert_eq!(cut("日本語", 5), "日本~");
        assert_eq!(cut("日本語", 4), "日~");
        assert_eq!(cut("e\u{301}e\u{301}e\u{301}", 2), "e\u{301}~");
        assert_eq!(cut("", 0), "");
    }

    proptest! {
        #[test]
        fn usual_text_is_clean_as_it_stands(text in "[ -~]{0,40}", columns in 1_usize..50) {
            prop_assert_eq!(scrub(&text, false), text.clone());
            let (clean, marked) = (Clean(text.clone()), Clean(format!("é{text}")));
            prop_assert_eq!(clean.width() + 1, marked.width());
            prop_assert_eq!(format!("é{}", clean.cut(columns)), marked.cut(columns + 1).0);
        }

        #[test]
        fn nothing_raw_gets_through(text in ".*", columns in 0_usize..40) {
            let clean = Clean::line(&text);
            prop_assert!(clean.as_str().chars().all(|ch| !ch.is_control() && !is_hidden(ch)));
            prop_assert!(clean.cut(columns).width() <= columns);
            prop_assert_eq!(Clean::line(clean.as_str()), clean.clone());
            prop_assert!(Clean::block(&text).as_str().chars().all(|ch| ch == '\n' || !ch.is_control()));
        }
    }
}

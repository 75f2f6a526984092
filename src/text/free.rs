//! Free text: what a person may write in a task, a note or words to a verdict.
//!
//! Kept exactly as it was accepted, so what could deceive a later reader is refused here with its place, instead of being
//! changed silently. How text is shown is [`super::Clean`]'s work.

use super::clean::{is_bidi_scope, is_tag};

/// The longest free text, in characters, where nothing shorter is asked for.
pub const LONGEST: usize = 10_000;

/// Why a text is refused: a sentence and its cure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {sentence}; {cure}")]
pub struct BadText {
    /// Which field it was written in.
    pub field: &'static str,
    /// What is wrong with it; the field's name goes before.
    pub sentence: String,
    /// How to mend it.
    pub cure: String,
}

/// A text that must say something: without white space around it, at most `longest_chars` characters.
pub fn accept(field: &'static str, text: &str, longest_chars: usize) -> Result<String, BadText> {
    accept_optional(field, text, longest_chars)?.ok_or_else(|| BadText {
        field,
        sentence: "is empty".to_owned(),
        cure: "write at least a word".to_owned(),
    })
}

/// A text that may be left empty: `None` is nothing but white space.
pub fn accept_optional(field: &'static str, text: &str, longest_chars: usize) -> Result<Option<String>, BadText> {
    let mut length = 0_usize;
    let mut chars = text.chars().enumerate().peekable();
    while let Some((at, ch)) = chars.next() {
        // Windows and HTML forms end lines with both; it is kept as one newline.
        let ends_line = ch == '\r' && chars.peek().is_some_and(|(_, next)| *next == '\n');
        if let Some(what) = refused(ch).filter(|_| !ends_line) {
            return Err(BadText {
                field,
                sentence: format!("holds {what} (U+{:04X}) at character {}", ch as u32, at + 1),
                cure: "take it out: only text, newlines and tabs are kept".to_owned(),
            });
        }
        length += 1;
        // Bounded before anything else is done with it; white space around it may be half as much again.
        if length > longest_chars.saturating_mul(2).saturating_add(1000) {
            return Err(too_long(field, text.chars().count(), longest_chars));
        }
    }
    let kept = text.trim().replace("\r\n", "\n");
    let length = kept.chars().count();
    if length > longest_chars {
        return Err(too_long(field, length, longest_chars));
    }
    Ok(Some(kept).filter(|kept| !kept.is_empty()))
}

fn too_long(field: &'static str, length: usize, longest: usize) -> BadText {
    BadText {
        field,
        sentence: format!("has {length} characters, {longest} at most are kept"),
        cure: "shorten it, and point to where the rest can be read".to_owned(),
    }
}

/// What a refused character is, in words.
fn refused(ch: char) -> Option<&'static str> {
    match ch {
        '\n' | '\t' => None,
        '\0' => Some("a NUL"),
        '\u{1b}' => Some("an escape"),
        ch if ch.is_control() => Some("a control character"),
        ch if is_bidi_scope(ch) => Some("a character that reverses the order of text"),
        ch if is_tag(ch) => Some("an invisible tag character"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_people_write() {
        assert_eq!(accept("task", "  Restart it\r\n\tand look \n", LONGEST).unwrap(), "Restart it\n\tand look");
        assert_eq!(
            accept("task", "שלום \u{200f}(מחר) 👨\u{200d}👩", LONGEST).unwrap(),
            "שלום \u{200f}(מחר) 👨\u{200d}👩"
        );
        assert_eq!(accept_optional("note", " \n ", LONGEST).unwrap(), None);
        assert_eq!(accept("task", "'; DROP TABLE event; --", LONGEST).unwrap(), "'; DROP TABLE event; --");
    }

    #[test]
    fn a26_a27_a28_refuses_what_deceives_and_says_where() {
        let cases = [
            ("", "task is empty; write at least a word"),
            (" \t\n", "task is empty; write at least a word"),
            ("ab\0", "task holds a NUL (U+0000) at character 3; take it out: only text, newlines and tabs are kept"),
            ("é\u{1b}[2J", "task holds an escape (U+001B) at character 2; "),
            ("a\rb", "task holds a control character (U+000D) at character 2; "),
            ("a\u{7f}", "(U+007F) at character 2; "),
            ("\u{9b}", "(U+009B) at character 1; "),
            ("x\u{202e}y", "task holds a character that reverses the order of text (U+202E) at character 2; "),
            ("\u{2066}", "(U+2066) at character 1; "),
            ("\u{e0041}", "task holds an invisible tag character (U+E0041) at character 1; "),
            ("123456", "task has 6 characters, 5 at most are kept; shorten it"),
        ];
        for (text, says) in cases {
            let refused = accept("task", text, 5).unwrap_err().to_string();
            assert!(refused.contains(says), "{text:?}: {refused}");
        }
        assert!(accept("task", &"x".repeat(1_000_000), LONGEST).is_err());
        assert!(accept("task", &"é".repeat(LONGEST), LONGEST).is_ok());
    }
}

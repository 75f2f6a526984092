//! Text typed into a field of one line.

use super::super::dialog::{Field, Wants};
use crate::text::Clean;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// The longest line of words, in characters.
const LONGEST: usize = 2000;
/// The longest that a field of digits takes, so that a wrong number is seen to be one.
const DIGITS: usize = 12;

/// One key. Whether it was taken.
pub fn key(field: &mut Field, key: &KeyEvent) -> bool {
    let held = key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
    match key.code {
        KeyCode::Char(ch) if !held => {
            let long = field.typed().chars().count() >= if field.wants == Wants::Digits { DIGITS } else { LONGEST };
            if long || ch.is_control() {
                return false;
            }
            field.text.insert_char(ch);
            true
        }
        KeyCode::Char('a' | 'e' | 'b' | 'f' | 'w' | 'u' | 'k' | 'd' | 'h') if held => {
            field.text.input(*key);
            true
        }
        KeyCode::Backspace | KeyCode::Delete | KeyCode::Left | KeyCode::Right | KeyCode::Home | KeyCode::End => {
            field.text.input(*key);
            true
        }
        _ => false,
    }
}

/// A paste into words: one line, and nothing of it but what can be seen.
pub fn paste(field: &mut Field, text: &str) -> bool {
    let room = LONGEST.saturating_sub(field.typed().chars().count());
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(room).collect();
    let line = Clean::line(&line);
    !line.is_empty() && field.text.insert_str(line.as_str())
}

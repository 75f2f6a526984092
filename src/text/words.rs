//! Words that cross the border to a target or a program: foreign bytes made into one safe line, and words quoted for a shell.

use std::fmt::Write as _;

/// The longest line that is taken from outside, in characters.
const LONGEST_LINE: usize = 400;

/// Foreign bytes as one line: whatever a terminal would act on, or an eye would not see, becomes a visible mark.
pub fn safe_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut line = String::new();
    for (count, c) in text.trim().chars().enumerate() {
        if count == LONGEST_LINE {
            line.push('…');
            break;
        }
        if unseen(c) {
            let _ = write!(line, "<{:04X}>", u32::from(c));
        } else {
            line.push(c);
        }
    }
    line
}

/// The last line that says something.
pub fn last_line(bytes: &[u8]) -> String {
    bytes
        .split(|b| matches!(b, b'\n' | b'\r'))
        .rev()
        .find(|line| !line.trim_ascii().is_empty())
        .map(safe_line)
        .unwrap_or_default()
}

/// Control, bidirectional, zero-width, tag and other invisible characters.
fn unseen(c: char) -> bool {
    c.is_control()
        || matches!(u32::from(c),
            0x00AD | 0x034F | 0x061C | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180B..=0x180F | 0x200B..=0x200F
            | 0x2028..=0x202E | 0x2060..=0x206F | 0x3164 | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0 | 0xFFF9..=0xFFFB
            | 0xE0000..=0xE0FFF)
}

/// One word for a POSIX shell. Quotes are left out only where no shell could see anything in the word.
pub fn shell(word: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'_' | b'-' | b':' | b'=' | b',' | b'@');
    if !word.is_empty() && word.bytes().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a26_what_a_target_says_becomes_one_harmless_line() {
        let line = safe_line("\x1b]52;c;aGk=\x07 no\u{9b}2J \u{202e}yned\u{200b}\r\nlog: forged\n".as_bytes());
        assert_eq!(line, "<001B>]52;c;aGk=<0007> no<009B>2J <202E>yned<200B><000D><000A>log: forged");
        assert!(safe_line(&vec![b'x'; 100_000]).chars().count() <= LONGEST_LINE + 1);
        assert_eq!(safe_line(b"\xff\xfe"), "\u{fffd}\u{fffd}");
        assert_eq!(last_line(b"first\nthe role is locked\n\n  \n"), "the role is locked");
        assert_eq!(last_line(b""), "");
    }

    #[test]
    fn a18_words_for_a_shell_are_quoted() {
        assert_eq!(shell("/srv/a_b.json"), "/srv/a_b.json");
        assert_eq!(shell(""), "''");
        assert_eq!(shell("a b"), "'a b'");
        assert_eq!(shell("a'; $(id) `x`"), r"'a'\''; $(id) `x`'");
        assert_eq!(shell("~root"), "'~root'");
    }
}

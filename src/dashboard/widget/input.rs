//! A field as it is drawn: the part of its text that has the cursor in it.

use super::super::field::Field;
use super::super::theme::Tone;
use super::text::Words;

/// One line of so many columns; `here`: the keys go there; `flash`: it just swallowed one.
pub fn line(field: &Field, room: usize, here: bool, flash: bool) -> Words {
    let (typed, cursor) = (field.typed(), field.cursor());
    let from = (cursor + 2).saturating_sub(room);
    let part = |from: usize, to: usize| typed.chars().skip(from).take(to.saturating_sub(from)).collect::<String>();
    let tone = if flash { Tone::Flash } else { Tone::Field };
    let mut inside = Words::of(part(from, cursor), tone);
    if here {
        let under = typed.chars().nth(cursor).unwrap_or(' ');
        inside.push(under.to_string(), Tone::Flash);
        inside.push(part(cursor + 1, typed.chars().count()), tone);
    } else {
        inside.push(part(cursor, typed.chars().count()), tone);
    }
    let rest = room.saturating_sub(inside.width());
    inside.push("_".repeat(rest), if flash { Tone::Flash } else { Tone::Dim });
    inside
}

/// As many lines as the text takes, at least so many: for what is longer than a line.
pub fn lines(field: &Field, room: usize, here: bool, flash: bool, least: usize) -> Vec<Words> {
    let room = room.max(4);
    let mut letters: Vec<char> = field.typed().chars().collect();
    let cursor = field.cursor();
    if here && cursor >= letters.len() {
        letters.push(' ');
    }
    let tone = if flash { Tone::Flash } else { Tone::Field };
    let mut out = Vec::new();
    for (index, chunk) in letters.chunks(room).enumerate() {
        let at = cursor.checked_sub(index * room).filter(|at| here && *at < chunk.len());
        let text = |from: usize, to: usize| chunk.iter().take(to).skip(from).collect::<String>();
        let mut line = match at {
            Some(at) => {
                let mut line = Words::of(text(0, at), tone);
                line.push(text(at, at + 1), Tone::Flash);
                line.push(text(at + 1, chunk.len()), tone);
                line
            }
            None => Words::of(text(0, chunk.len()), tone),
        };
        let rest = room.saturating_sub(line.width());
        line.push("_".repeat(rest), if flash { Tone::Flash } else { Tone::Dim });
        out.push(line);
    }
    while out.len() < least {
        out.push(Words::of("_".repeat(room), if flash { Tone::Flash } else { Tone::Dim }));
    }
    out
}

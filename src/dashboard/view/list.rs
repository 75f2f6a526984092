//! The one list of a view: its heading, its rows with the cursor, and what is above, below and new.

use super::super::eye::Eye;
use super::super::keys::Action;
use super::super::link::State;
use super::super::model::Model;
use super::super::roll::Roll;
use super::super::standing::overdue;
use super::super::theme::Tone;
use super::super::widget::canvas::Canvas;
use super::super::widget::text::Words;
use crate::access::RequestNumber;
use crate::wire::RequestView;
use ratatui::layout::Rect;

/// How a view shows its rows.
pub struct Face<'a> {
    /// The names of the columns.
    pub heading: Words,
    /// One row, after the mark of the cursor.
    pub row: &'a dyn Fn(&RequestView) -> Words,
    /// What is said where there is no row.
    pub nothing: String,
    /// What is said under the rows.
    pub foot: Words,
}

/// Puts the list in its place.
pub fn compose(model: &Model, eye: &Eye, canvas: &mut Canvas, roll: &Roll, place: Rect, face: Face<'_>) {
    if place.height == 0 {
        return;
    }
    let _ = eye;
    let focused = !model.in_detail;
    let line = |offset: u16| Rect { y: place.y + offset, height: u16::from(offset < place.height), ..place };
    canvas.line(line(0), if focused { face.heading.all(Tone::Head) } else { face.heading });
    let rows = place.height.saturating_sub(2);
    for (offset, id) in (0..rows).zip(roll.pane.window(rows)) {
        let Some(id) = id else { continue };
        let cursor = roll.pane.cursor == Some(id) && focused;
        let mark = match (cursor, model.marks.contains_key(&id)) {
            (true, false) => ">",
            (true, true) => "#",
            (false, true) => "*",
            (false, false) => " ",
        };
        let mut words = Words::of(mark, Tone::Strong);
        match model.known(id) {
            Some(view) => {
                // What is old is dimmed, except what is too urgent to be.
                let old = model.link.state(model.now) != State::Live;
                let row = (face.row)(&view);
                words.append(if old && !overdue(&view, model.server_now()) { row.all(Tone::Dim) } else { row });
            }
            None => words.push(format!("  {} is not known any more", RequestNumber(id)), Tone::Dim),
        }
        let at = line(offset + 1);
        if cursor { canvas.bar(at, words, Tone::Cursor) } else { canvas.line(at, words) }
    }
    if roll.pane.is_empty() && rows > 0 {
        canvas.line(line(1), Words::of(format!("   {}", face.nothing), Tone::Dim));
    }
    if place.height > 1 {
        canvas.line(line(place.height - 1), foot(model, roll, rows, face.foot));
    }
}

fn foot(model: &Model, roll: &Roll, rows: u16, said: Words) -> Words {
    let mut words = Words::new();
    let arrived = roll.arrived();
    if arrived > 0 {
        let key = model.keys.first(Action::Merge);
        words.push(format!("   -- {arrived} new arrived while you were here: press {key} --"), Tone::Strong);
    }
    let above = usize::try_from(roll.pane.top).unwrap_or(0).min(roll.pane.len());
    let last = usize::try_from(roll.pane.top + i64::from(rows)).unwrap_or(0);
    let below = roll.pane.len().saturating_sub(last);
    if above > 0 || below > 0 {
        words.push(format!("   {above} above · {below} below"), Tone::Dim);
    }
    words.append(said);
    words
}

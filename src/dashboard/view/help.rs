//! The help: the table of keys, as it holds for this person.

use super::super::keys::{IN_DIALOG, IN_FORM, Scope, TABLE};
use super::super::layout::Plan;
use super::super::model::Model;
use super::super::theme::Tone;
use super::super::widget::canvas::Canvas;
use super::super::widget::text::Words;
use ratatui::layout::Rect;

/// Every line of it.
pub fn lines(model: &Model) -> Vec<Words> {
    let mut out = Vec::new();
    let sections = [
        (Scope::Act, "acts: each opens a dialog, nothing is sent before it is complete"),
        (Scope::Take, "about the row under the cursor"),
        (Scope::Move, "moving and looking"),
    ];
    for (scope, title) in sections {
        out.push(Words::of(format!(" {title}"), Tone::Head));
        for entry in TABLE.iter().filter(|entry| entry.scope == scope) {
            out.push(line(&model.keys.all(entry.action), entry.words));
        }
    }
    out.push(Words::of(" in a dialog every printable key is text, and", Tone::Head));
    out.extend(IN_DIALOG.iter().map(|(keys, words)| line(keys, words)));
    out.push(Words::of(" where one writes: a request, a filter, a command", Tone::Head));
    out.extend(IN_FORM.iter().map(|(keys, words)| line(keys, words)));
    out.push(Words::of(" marks", Tone::Head));
    for (mark, words) in [
        ("~", "soon: under a quarter of an hour, or of the window"),
        ("!", "now: under five minutes; or a check failed"),
        ("!!", "OVERDUE: ended, and the access was not read back as gone"),
        ("(!)", "the broadest role of its system"),
        (">", "the cursor; * a mark; - a row that left"),
        ("LOCKS", "2: the target ends it too; 1: only the removal does"),
    ] {
        out.push(line(mark, words));
    }
    out
}

fn line(keys: &str, words: &str) -> Words {
    let mut line = Words::of("   ", Tone::Plain);
    line.cell(keys, 16, Tone::Key);
    line.push(words, Tone::Plain);
    line
}

/// On a wide screen it stands in two columns, and need not be scrolled.
const fn columns(width: u16) -> u16 {
    if width >= 180 { 2 } else { 1 }
}

/// How far it can be scrolled.
pub fn longest_scroll(model: &Model) -> usize {
    let middle = model.plan().middle;
    lines(model).len().div_ceil(usize::from(columns(middle.width))).saturating_sub(usize::from(middle.height))
}

/// Puts it in its place.
pub fn compose(model: &Model, canvas: &mut Canvas, plan: &Plan) {
    let top = model.help.unwrap_or_default();
    let lines = lines(model);
    let (columns, width) = (columns(plan.middle.width), plan.middle.width / columns(plan.middle.width));
    let height = lines.len().div_ceil(usize::from(columns));
    let mut x = plan.middle.x;
    for column in lines.chunks(height.max(1)) {
        let place = Rect { x, width, ..plan.middle };
        canvas.lines(place, column.iter().skip(top).cloned());
        x = x.saturating_add(width);
    }
}

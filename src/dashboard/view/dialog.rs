//! A dialog: what it is about above, whole; what is wanted below.

use super::super::dialog::{Dialog, EndAsked, Stop, Verb, Wants};
use super::super::eye::Eye;
use super::super::model::Model;
use super::super::theme::Tone;
use super::super::widget::canvas::Canvas;
use super::super::widget::input;
use super::super::widget::text::{Words, wrap};
use super::request::{block, checks, field, grant, history, task, who, window, word};
use crate::access::RequestNumber;
use crate::text::Length;
use ratatui::layout::Rect;

/// What a dialog looks like at a size.
struct Face {
    place: Rect,
    text: Vec<Words>,
    controls: Vec<Words>,
    /// How many lines of the text fit.
    height: usize,
}

/// How many lines the dialog's text has, and how many of them fit on the screen.
pub fn measure(model: &Model) -> (usize, usize) {
    let Some(dialog) = &model.dialog else { return (0, 0) };
    let face = face(model, dialog, &model.eye(), model.size);
    (face.text.len(), face.height)
}

/// Why nothing can be typed or sent now, if so.
pub fn disarmed(model: &Model) -> Option<String> {
    let dialog = model.dialog.as_ref()?;
    if dialog.sending.is_some() {
        return Some("it is on its way".into());
    }
    if let Some(over) = &dialog.over {
        return Some(over.clone());
    }
    if let Some(why) = model.link.refuses(model.now, dialog.verb.wants_fresh()) {
        return Some(why.into());
    }
    if dialog.reading {
        return Some("it is being read again".into());
    }
    if dialog.bulk.is_empty() && dialog.read.is_none() {
        return Some("it could not be read again: esc, and open it once more".into());
    }
    if let Some(refusal) = dialog.refusal() {
        return Some(format!("{}; {}", refusal.sentence, refusal.hint));
    }
    let (total, height) = measure(model);
    let too_long = dialog.view().task.as_deref().is_some_and(|task| wrap(task, 80).1);
    if too_long {
        return Some("the task is more than a screen can show: send it back, or decide with nightlatch approve".into());
    }
    let left = total.saturating_sub(dialog.read_to);
    if left > 0 {
        let how =
            if height == 0 { "make the pane larger".into() } else { format!("{left} lines are still to be read") };
        return Some(format!("pgdn: {how}"));
    }
    None
}

/// Puts it over everything but the bands.
pub fn compose(model: &Model, eye: &Eye, canvas: &mut Canvas, size: (u16, u16)) {
    let Some(dialog) = &model.dialog else { return };
    let face = face(model, dialog, eye, size);
    let Face { place, text, controls, height } = face;
    let total = text.len();
    let top = dialog.top.min(total.saturating_sub(height));
    let more = if total > height {
        format!(" {} of {total} lines, pgdn pgup ", (top + height).min(total))
    } else {
        String::new()
    };
    let inner = boxed(canvas, place, &heading(dialog), &more);
    let fits = u16::try_from(height).unwrap_or(u16::MAX).min(inner.height);
    canvas.lines(Rect { height: fits, ..inner }, text.into_iter().skip(top));
    let below = Rect { y: inner.y + fits, height: inner.height - fits, ..inner };
    canvas.lines(below, controls);
}

/// An empty box with a word in its upper and its lower edge; what is inside it.
pub fn boxed(canvas: &mut Canvas, place: Rect, above: &str, below: &str) -> Rect {
    canvas.clear(place);
    let wide = usize::from(place.width);
    let line = |offset: u16| Rect { y: place.y + offset, height: u16::from(offset < place.height), ..place };
    let inner = Rect {
        x: place.x + 1,
        y: place.y + 1,
        width: place.width.saturating_sub(2),
        height: place.height.saturating_sub(2),
    };
    canvas.line(line(0), edge(above, wide));
    for y in inner.top()..inner.bottom() {
        canvas.line(Rect { x: place.x, y, width: 1, height: 1 }, Words::of("|", Tone::Dim));
        canvas.line(Rect { x: place.right().saturating_sub(1), y, width: 1, height: 1 }, Words::of("|", Tone::Dim));
    }
    canvas.line(line(place.height.saturating_sub(1)), edge(below, wide));
    inner
}

/// The upper or lower edge of a box, with a word in it.
fn edge(text: &str, width: usize) -> Words {
    let words = Words::of("+-", Tone::Dim).and(text, Tone::Head);
    let rest = width.saturating_sub(words.width() + 1);
    words.and("-".repeat(rest), Tone::Dim).and("+", Tone::Dim)
}

fn heading(dialog: &Dialog) -> String {
    let waits = super::super::standing::extension_waits(dialog.view()) && dialog.verb.is_verdict();
    let what = if waits { " THE EXTENSION OF" } else { "" };
    let number = RequestNumber(dialog.id);
    let walk = if dialog.walk { "(walk, ctrl-n next) " } else { "" };
    if dialog.bulk.is_empty() {
        format!(" {}{what} {number} {walk}", dialog.verb.heading())
    } else {
        let many = if dialog.bulk.len() == 1 { "REQUEST" } else { "REQUESTS" };
        format!(" {} {} {many} ", dialog.verb.heading(), dialog.bulk.len())
    }
}

fn face(model: &Model, dialog: &Dialog, eye: &Eye, size: (u16, u16)) -> Face {
    let plan = model.plan();
    let most = plan.dialog(size);
    let width = usize::from(most.width.saturating_sub(2));
    let mut text = text(model, dialog, eye, width, false);
    let mut controls = controls(model, dialog, eye, width);
    let mut last = foot(model, dialog, width, false);
    let inner = usize::from(most.height.saturating_sub(2));
    let room = inner.saturating_sub(controls.len() + last.len());
    if text.len() > room {
        text = self::text(model, dialog, eye, width, true);
    }
    if text.len() > room && dialog.read_to.max(dialog.top + room) < text.len() {
        let lines = last.len();
        last = foot(model, dialog, width, true);
        last.truncate(lines);
    }
    controls.extend(last);
    // On a low screen the fields come before the remarks, and the text keeps at least three lines.
    controls.truncate(inner.saturating_sub(3).max(1));
    let height = inner.saturating_sub(controls.len()).min(text.len());
    let tall = u16::try_from(height + controls.len() + 2).unwrap_or(u16::MAX).min(most.height);
    Face { place: Rect { height: tall, ..most }, text, controls, height }
}

/// What a decision is about. Where there is little room, what is as it should be takes one line.
fn text(model: &Model, dialog: &Dialog, eye: &Eye, width: usize, tight: bool) -> Vec<Words> {
    if !dialog.bulk.is_empty() {
        return bulk(model, dialog, width);
    }
    let view = dialog.view();
    let mut out = Vec::new();
    if !dialog.differences.is_empty() {
        out.extend(block("CHANGED since you saw it:", width, Tone::Now));
        for difference in &dialog.differences {
            out.extend(block(&format!("  {difference}"), width, Tone::Strong));
        }
    }
    out.extend(who(view, width));
    if matches!(dialog.verb, Verb::Retry | Verb::HandOver | Verb::Acknowledge) {
        out.extend(grant(view, eye, width));
        return out;
    }
    out.extend(task(view, width));
    out.extend(window(view, eye, width));
    if dialog.verb.is_verdict() {
        out.extend(checks(view, width, tight));
    }
    // That it was approved once is no news to whom decides on its extension.
    let known = tight && super::super::standing::extension_waits(view);
    out.extend(history(view, model.me.as_ref(), eye, width, !known));
    let locked = view.grant.as_ref().map(|grant| grant.second_lock);
    if dialog.verb == Verb::Approve
        && let Some(locked) = locked
    {
        let said = if locked { "yes, the target ends it too" } else { "no, only the removal ends it" };
        out.extend(field("2nd lock", said, width, Tone::Plain));
    }
    out
}

fn bulk(model: &Model, dialog: &Dialog, width: usize) -> Vec<Words> {
    let each = dialog.bulk.iter().flat_map(|(id, _)| {
        let number = RequestNumber(*id);
        let what = match model.known(*id) {
            Some(view) => {
                let stands = super::super::standing::standing(&view, model.server_now());
                format!("{number} {} {} {} ({stands})", view.user.id, view.system, view.role)
            }
            None => format!("{number} is no longer on the board"),
        };
        block(&what, width, Tone::Plain)
    });
    each.collect()
}

fn controls(model: &Model, dialog: &Dialog, eye: &Eye, width: usize) -> Vec<Words> {
    let mut out = Vec::new();
    let flash = model.now < dialog.flash_until;
    for (index, given) in dialog.fields.iter().enumerate() {
        out.push(input(dialog, index, given, flash, width));
    }
    if dialog.fields.is_empty() {
        let tone = if flash { Tone::Flash } else { Tone::Strong };
        let what = format!(">Enter: {}", dialog.verb.enter());
        out.push(Words::of(what, tone));
    }
    if !dialog.codes.is_empty() {
        out.extend(codes(dialog, width));
    }
    out.extend(terms(dialog, eye, width));
    if dialog.verb.is_verdict() && dialog.bulk.is_empty() {
        let mut words = pointed(dialog, Stop::Verdicts, "instead");
        for (index, verb) in dialog.others().into_iter().enumerate() {
            let here = dialog.stop == Stop::Verdicts && index == dialog.other;
            let name = verb.path().replace('-', " ");
            words.push(
                if here { format!("[{name}] ") } else { format!(" {name}  ") },
                if here { Tone::Strong } else { Tone::Plain },
            );
        }
        out.push(words);
    }
    out
}

/// The last lines: what came of the last Enter, or what to do next; with `more`, that there is more to read first.
fn foot(model: &Model, dialog: &Dialog, width: usize, more: bool) -> Vec<Words> {
    let disarmed = disarmed_without_measure(model, dialog);
    // What was said of the last Enter, else why nothing can be sent, else the keys.
    let (said, tone) = match (&dialog.said, disarmed) {
        (_, _) if dialog.sending.is_some() => ("sending: esc leaves it on its way".to_owned(), Tone::Soon),
        (_, Some(why)) if dialog.over.is_some() => (why, Tone::Strong),
        (Some(said), _) => (said.clone(), Tone::Now),
        (None, Some(why)) => (why, Tone::Soon),
        (None, None) if more => (format!("pgdn: more below, then {}", first_field(dialog)), Tone::Soon),
        (None, None) => (keys(dialog), Tone::Dim),
    };
    let lines = wrap(&said, width.saturating_sub(2)).0.into_iter().take(3);
    lines.map(|line| Words::of(format!(" {line}"), tone)).collect()
}

fn first_field(dialog: &Dialog) -> &'static str {
    match dialog.fields.first().map(|field| field.wants) {
        Some(Wants::Digits) => "the digits",
        Some(Wants::Words | Wants::Maybe) => "the words",
        None => "enter",
    }
}

/// What the keys do where they go now.
fn keys(dialog: &Dialog) -> String {
    let back = first_field(dialog);
    match dialog.stop {
        Stop::Codes => format!("left right: choose, space: mark   enter: to {back}   esc leaves"),
        Stop::End => format!("enter: to {back}   tab: on   esc leaves"),
        Stop::Role => format!("up down: choose   enter: to {back}   tab: on   esc leaves"),
        Stop::Verdicts => "left right: choose   enter: that one instead   esc leaves".into(),
        Stop::Field(at) => {
            let mut names: Vec<&str> = Vec::new();
            for stop in dialog.stops() {
                match stop {
                    Stop::Field(index) if index > at && !names.contains(&"the next field") => {
                        names.push("the next field");
                    }
                    Stop::Field(_) => {}
                    Stop::Codes => names.push("codes"),
                    Stop::End => names.push("end"),
                    Stop::Role => names.push("role"),
                    Stop::Verdicts => names.push("other verdicts"),
                }
            }
            if names.is_empty() { "esc leaves".into() } else { format!("tab: {}   esc leaves", names.join(", ")) }
        }
    }
}

/// As [`disarmed`], but for what has still to be read, which depends on how tall the controls are.
fn disarmed_without_measure(model: &Model, dialog: &Dialog) -> Option<String> {
    if let Some(over) = &dialog.over {
        return Some(over.clone());
    }
    if let Some(why) = model.link.refuses(model.now, dialog.verb.wants_fresh()) {
        return Some(why.into());
    }
    if dialog.reading {
        return Some("it is being read again".into());
    }
    dialog.refusal().map(|refusal| format!("{}; {}", refusal.sentence, refusal.hint))
}

/// The label of a stop, with a mark where the keys go.
fn pointed(dialog: &Dialog, stop: Stop, label: &str) -> Words {
    let here = dialog.stop == stop;
    let mut words = Words::of(if here { ">" } else { " " }, Tone::Strong);
    words.cell(label, 10, if here { Tone::Strong } else { Tone::Dim });
    words
}

fn input(dialog: &Dialog, index: usize, given: &super::super::dialog::Field, flash: bool, width: usize) -> Words {
    let here = dialog.stop == Stop::Field(index);
    let label = match given.wants {
        Wants::Digits => format!("Type {} and Enter:", dialog.wanted()),
        Wants::Words => format!("{}:", given.label),
        Wants::Maybe => format!("{} (if anything):", given.label),
    };
    let words = Words::of(if here { ">" } else { " " }, Tone::Strong).and(label, Tone::Strong).plain(" [");
    let room = width.saturating_sub(words.width() + 1);
    let room = if given.wants == Wants::Digits { room.min(14) } else { room };
    let mut words = words;
    words.append(input::line(given, room, here, flash && here));
    words.plain("]")
}

fn codes(dialog: &Dialog, width: usize) -> Vec<Words> {
    let mut out = Vec::new();
    let mut line = pointed(dialog, Stop::Codes, "codes");
    for (index, (code, on)) in dialog.codes.iter().enumerate() {
        let here = dialog.stop == Stop::Codes && index == dialog.code;
        let mark = if *on { "[x]" } else { "[ ]" };
        let piece = format!("{mark} {}  ", word(code));
        if line.width() + piece.len() > width {
            out.push(std::mem::replace(&mut line, Words::of(" ".repeat(11), Tone::Plain)));
        }
        line.push(piece, if here { Tone::Flash } else { Tone::Plain });
    }
    out.push(line);
    out
}

fn terms(dialog: &Dialog, eye: &Eye, width: usize) -> Vec<Words> {
    let (Some(terms), Some(now)) = (&dialog.terms, eye.at) else { return Vec::new() };
    let start = dialog.starts(now);
    let mut out = Vec::new();
    let mut line = pointed(dialog, Stop::End, "end");
    let here = dialog.stop == Stop::End;
    let _ = eye.clock();
    let length = terms.until(start).since(terms.from(start));
    let whole = Length::from_millis(length.millis() - length.millis().rem_euclid(60_000));
    let text = if dialog.verb == Verb::Extend {
        let EndAsked::Until(until) = terms.asked else { return out };
        let more = dialog.view().window.until.map(|end| format!(", {} later", until.since(end))).unwrap_or_default();
        format!("{}{more}", eye.full(until))
    } else if terms.shifts {
        format!("{whole}: {}", eye.window(terms.from(start), terms.until(start)))
    } else {
        eye.full(terms.until(start))
    };
    let changed = terms.steps > 0 || terms.shift > 0;
    line.push(text, if changed { Tone::Now } else { Tone::Plain });
    if changed {
        line.push("  not as asked", Tone::Now);
    }
    if here {
        let keys = if terms.shifts { "  up down 15m, left right later" } else { "  up down 15m" };
        line.push(keys, Tone::Dim);
    }
    out.push(line);
    if terms.roles.len() > 1 {
        let mut line = pointed(dialog, Stop::Role, "role");
        for (index, role) in terms.roles.iter().enumerate() {
            let chosen = index == terms.role;
            let tone = if chosen && index > 0 { Tone::Now } else { Tone::Plain };
            line.push(if chosen { format!("[{role}] ") } else { format!(" {role}  ") }, tone);
        }
        out.push(line);
    }
    let _ = width;
    out
}

//! The form in which a request is written: five fields, what can be chosen, and what the checks find by now.

use super::super::eye::Eye;
use super::super::form::{Form, Part};
use super::super::model::Model;
use super::super::theme::Tone;
use super::super::widget::canvas::Canvas;
use super::super::widget::input;
use super::super::widget::text::{Words, wrap};
use super::dialog::boxed;
use super::request::{block, field, person};
use crate::access::RequestNumber;
use crate::checks::{Check, Verdict};
use crate::text::Length;
use ratatui::layout::Rect;

/// How wide the labels are.
const LABEL: usize = 10;
/// How wide a short field is.
const SHORT: usize = 26;
/// How many lines a task has at least.
const TASK: usize = 3;

/// Puts it over everything but the bands.
pub fn compose(model: &Model, eye: &Eye, canvas: &mut Canvas, size: (u16, u16)) {
    let Some(form) = &model.form else { return };
    let most = model.plan().dialog(size);
    let width = usize::from(most.width.saturating_sub(2));
    let fields = fields(model, form, eye, width);
    let below = if form.at <= Part::Role { offers(model, form, width) } else { found(model, form, eye, width) };
    let foot = foot(form, width);
    let inner = usize::from(most.height.saturating_sub(2));
    let room = inner.saturating_sub(fields.len() + foot.len());
    let shown: Vec<Words> = if below.len() > room {
        let mut shown: Vec<Words> = below.into_iter().take(room.saturating_sub(1)).collect();
        shown.push(Words::of(" … and more: make the pane taller", Tone::Dim));
        shown
    } else {
        below
    };
    // It keeps its height while one types: nothing jumps.
    let tall = most.height.min(24);
    let place = Rect { height: tall, ..most };
    let inner = boxed(canvas, place, &heading(form), "");
    let last = u16::try_from(foot.len()).unwrap_or(1).min(inner.height);
    canvas.lines(Rect { height: inner.height - last, ..inner }, fields.into_iter().chain(shown));
    canvas.lines(Rect { y: inner.bottom() - last, height: last, ..inner }, foot);
}

fn heading(form: &Form) -> String {
    match &form.mends {
        Some(view) => format!(" MEND {} ", RequestNumber(view.id)),
        None => " ASK FOR ACCESS ".into(),
    }
}

fn label(form: &Form, part: Part, text: &str) -> Words {
    let here = form.at == part;
    let mut words = Words::of(if here { ">" } else { " " }, Tone::Strong);
    words.cell(text, LABEL, if here { Tone::Strong } else { Tone::Dim });
    words
}

fn fields(model: &Model, form: &Form, eye: &Eye, width: usize) -> Vec<Words> {
    let flash = model.now < form.flash_until;
    let systems = model.systems.as_ref();
    let mut out = Vec::new();
    let short = |part: Part, name: &str, meaning: Words| {
        let here = form.at == part;
        let mut words = label(form, part, name).plain("[");
        words.append(input::line(form.field(part), SHORT.min(width.saturating_sub(LABEL + 4)), here, flash && here));
        words.push("] ", Tone::Plain);
        words.append(meaning);
        words
    };
    let system = form.system(systems);
    if let Some(view) = &form.mends {
        let said = format!("{} ({})", view.system, view.environment);
        out.extend(field("system", &said, width, Tone::Strong));
    } else {
        let said = system.map(|system| {
            let frozen = if system.frozen { ", FROZEN" } else { "" };
            let name = if system.name == system.id { String::new() } else { format!(": {}", system.name) };
            format!("{} ({}){name}{frozen}", system.id, system.environment)
        });
        out.push(short(Part::System, "system", Words::of(said.unwrap_or_default(), Tone::Strong)));
    }
    let role = form.role(systems);
    let said = role.map(|role| format!("{}: {}", role.id, role.allows)).unwrap_or_default();
    out.push(short(Part::Role, "role", Words::of(said, Tone::Strong)));
    let here = form.at == Part::Task;
    let lines = input::lines(form.field(Part::Task), width.saturating_sub(LABEL + 3), here, flash && here, TASK);
    for (index, typed) in lines.into_iter().enumerate() {
        let mut words =
            if index == 0 { label(form, Part::Task, "task") } else { Words::of(" ".repeat(LABEL + 1), Tone::Plain) };
        words.push("[", Tone::Plain);
        words.append(typed);
        words.push("]", Tone::Plain);
        out.push(words);
    }
    let window = form.checked.as_ref().and_then(|checked| Some((checked.window.from?, checked.window.until?)));
    let said = match (super::super::form::window(form.typed(Part::Window)), window) {
        (Err(why), _) if form.at != Part::Window || !form.typed(Part::Window).is_empty() => Words::of(why, Tone::Soon),
        (Err(_), _) => Words::of("30m, until 00:30, from 22:00 for 2h", Tone::Dim),
        (Ok(asked), None) => Words::of(
            asked.for_seconds.map(|seconds| Length::from_seconds(seconds).to_string()).unwrap_or_default(),
            Tone::Plain,
        ),
        (Ok(_), Some((from, until))) => Words::of(eye.window(from, until), Tone::Strong),
    };
    out.push(short(Part::Window, "window", said));
    let pattern = system.and_then(|system| system.ticket.as_ref());
    let said = pattern.map_or("may stay empty".to_owned(), |pattern| format!("wanted, like {pattern}"));
    out.push(short(Part::Ticket, "ticket", Words::of(said, Tone::Dim)));
    if form.anyway {
        let here = form.at == Part::Anyway;
        let mut words = label(form, Part::Anyway, "anyway").plain("[");
        words.append(input::line(form.field(Part::Anyway), width.saturating_sub(LABEL + 3), here, flash && here));
        out.push(words.plain("]"));
    }
    out.push(Words::new());
    out
}

/// What can be chosen.
fn offers(model: &Model, form: &Form, width: usize) -> Vec<Words> {
    let Some(systems) = model.systems.as_ref() else {
        return vec![Words::of(" the systems are being read", Tone::Dim)];
    };
    let line = |meant: bool, name: &str, said: String| {
        let mut words = Words::of(if meant { " > " } else { "   " }, Tone::Strong);
        words.cell(name, 22, if meant { Tone::Strong } else { Tone::Plain });
        words.push(" ", Tone::Plain);
        words.push(said, Tone::Dim);
        words
    };
    if form.at == Part::System {
        let meant = form.system(Some(systems)).map(|system| system.id.as_str());
        let fits = form.systems(Some(systems));
        if fits.is_empty() {
            return block("no system that you may ask for is like this: ctrl-u empties the field", width, Tone::Soon);
        }
        return fits
            .into_iter()
            .map(|system| {
                let who = system.who_can_say_yes.first().map(|(who, _)| format!(", {} can say yes", who.name));
                let said = format!("{} ({}){}", system.name, system.environment, who.unwrap_or_default());
                line(meant == Some(system.id.as_str()), &system.id, said)
            })
            .collect();
    }
    let meant = form.role(Some(systems)).map(|role| role.id.as_str());
    let fits = form.roles(Some(systems));
    if fits.is_empty() {
        return block("no role is like this, or no system is named: ctrl-u empties the field", width, Tone::Soon);
    }
    let lines = fits.into_iter().map(|role| {
        let longest = Length::from_seconds(role.longest_seconds);
        line(meant == Some(role.id.as_str()), &role.id, format!("{}, {longest} at most", role.allows))
    });
    lines.collect()
}

/// A check and its sentence.
fn line_of(check: &Check, width: usize, tone: impl Fn(Tone) -> Tone) -> Vec<Words> {
    let (mark, how, said) = match check.verdict {
        Verdict::Fail => ("[fail]", Tone::Now, Tone::Strong),
        Verdict::Warn => ("[warn]", Tone::Soon, Tone::Plain),
        Verdict::Pass => ("[pass]", Tone::Good, Tone::Plain),
    };
    let text = format!("{}: {}", check.code, check.sentence);
    let lines = wrap(&text, width.saturating_sub(9)).0.into_iter().enumerate();
    let line = |(index, line)| {
        let mut words = Words::of(" ", Tone::Plain);
        words.cell(if index == 0 { mark } else { "" }, 7, tone(how));
        words.push(line, tone(said));
        words
    };
    lines.map(line).collect()
}

/// What can be said before the checks can be asked.
fn early(form: &Form, width: usize) -> Vec<Words> {
    let mut out = Vec::new();
    if let Some(check) = &form.early {
        out.extend(line_of(check, width, |tone| tone));
    }
    let said = match (form.asked, &form.early) {
        (Some(_), _) => "being checked",
        (None, Some(_)) => "the other checks come when system, role and window are named, too",
        (None, None) => "the checks come when system, role, task and window are named",
    };
    out.push(Words::of(format!(" {said}"), Tone::Dim));
    out
}

/// What the checks find by now.
fn found(model: &Model, form: &Form, eye: &Eye, width: usize) -> Vec<Words> {
    if let Some(why) = &form.unchecked {
        return block(why, width, Tone::Now);
    }
    let mut out = Vec::new();
    let Some(checked) = &form.checked else {
        return early(form, width);
    };
    let _ = eye;
    let mut body = form.body(model.systems.as_ref(), model.zone.name());
    if let Some(body) = body.as_mut() {
        body.anyway = false;
    }
    let current = body.and_then(|body| serde_json::to_value(&body).ok()) == form.checked_body;
    let fresh = form.asked.is_none() && current;
    let tone = |tone: Tone| if fresh { tone } else { Tone::Dim };
    let to = checked.approver.as_ref().map_or_else(|| "nobody can say yes now".into(), person);
    out.extend(field("goes to", &format!("{to}; {}", checked.kind.word()), width, tone(Tone::Plain)));
    // What is to be mended comes first; what is as it should be takes one line.
    let mut checks: Vec<_> = checked.checks.iter().filter(|check| check.verdict != Verdict::Pass).collect();
    checks.sort_by_key(|check| check.verdict != Verdict::Fail);
    for check in checks {
        out.extend(line_of(check, width, tone));
    }
    for remark in &checked.remarks {
        out.extend(block(remark, width, tone(Tone::Soon)));
    }
    let passed: Vec<&str> =
        checked.checks.iter().filter(|check| check.verdict == Verdict::Pass).map(|check| check.code.as_str()).collect();
    for (index, line) in wrap(&passed.join(", "), width.saturating_sub(9)).0.into_iter().enumerate() {
        let mut words = Words::of(" ", Tone::Plain);
        words.cell(if index == 0 && !passed.is_empty() { "[pass]" } else { "" }, 7, tone(Tone::Good));
        words.push(line, tone(Tone::Plain));
        out.push(words);
    }
    if !fresh {
        out.push(Words::of(" being checked again", Tone::Dim));
    }
    out
}

fn foot(form: &Form, width: usize) -> Vec<Words> {
    let (said, tone) = match (&form.said, form.sending.is_some()) {
        (_, true) => ("sending: esc leaves it on its way".to_owned(), Tone::Soon),
        (Some(said), _) => (said.clone(), Tone::Now),
        (None, _) => (keys(form).to_owned(), Tone::Dim),
    };
    let lines = wrap(&said, width.saturating_sub(2)).0.into_iter().take(3);
    lines.map(|line| Words::of(format!(" {line}"), tone)).collect()
}

fn keys(form: &Form) -> &'static str {
    match form.at {
        Part::System | Part::Role => "a few letters, or up down: choose   enter: on   esc leaves and keeps it",
        Part::Task => "what exactly, and how one will know that it worked   enter: on   esc leaves and keeps it",
        Part::Window => "enter: on   tab: next   esc leaves and keeps it",
        Part::Ticket if form.mends.is_some() => "enter: send it as it is now   tab: next   esc leaves and keeps it",
        Part::Ticket if form.anyway => "enter: on   tab: next   esc leaves and keeps it",
        Part::Ticket => "enter: file it   tab: next   esc leaves and keeps it",
        Part::Anyway => "enter: file it although a check fails   esc leaves and keeps it",
    }
}

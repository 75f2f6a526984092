//! The open request: one decision on one screen.

use super::super::allowed::{verb, why_not};
use super::super::eye::Eye;
use super::super::keys::{Action, Scope, TABLE};
use super::super::layout::{Class, Plan};
use super::super::link::State;
use super::super::model::{Detail, Model};
use super::super::standing;
use super::super::theme::Tone;
use super::super::views::View;
use super::super::widget::canvas::Canvas;
use super::super::widget::text::Words;
use super::ladder;
use super::request::{block, checks, field, grant, history, task, who, window};
use crate::access::RequestNumber;
use crate::access::may::Guard;
use crate::wire::{EventView, RequestView};
use ratatui::layout::Rect;
use std::fmt::Write as _;

/// Puts it in its place, if it has one.
pub fn compose(model: &Model, eye: &Eye, canvas: &mut Canvas, plan: &Plan) {
    if plan.detail.is_empty() {
        return;
    }
    let mut place = plan.detail;
    if plan.beside() {
        let line = Rect { x: place.x.saturating_sub(2), width: 1, ..place };
        for y in line.top()..line.bottom() {
            canvas.line(Rect { y, height: 1, ..line }, Words::of("│", Tone::Dim));
        }
    }
    let Some(detail) = &model.detail else {
        let key = model.keys.first(Action::Open);
        canvas
            .line(Rect { height: 1, ..place }, Words::of(format!(" {key} opens the row under the cursor"), Tone::Dim));
        return;
    };
    let lines = shown(model, detail, eye, plan);
    let (total, most) = (lines.len(), usize::from(place.height));
    // Where it does not fit, one line says so: the last line of the text is above it.
    let top = detail.top.min(if total > most { (total + 1).saturating_sub(most) } else { 0 });
    if total > most {
        let foot = Rect { y: place.bottom().saturating_sub(1), height: 1, ..place };
        let keys = format!("{} {}", model.keys.first(Action::PageDown), model.keys.first(Action::PageUp));
        let shown = (top + most - 1).min(total);
        canvas.line(foot, Words::of(format!(" -- {shown} of {total} lines, {keys} --"), Tone::Dim));
        place.height -= 1;
    }
    canvas.lines(place, lines.into_iter().skip(top));
    aside(model, detail, eye, canvas, plan);
}

/// How far the text can be scrolled.
pub fn longest_scroll(model: &Model) -> usize {
    let (plan, eye) = (model.plan(), model.eye());
    let Some(detail) = &model.detail else { return 0 };
    let total = shown(model, detail, &eye, &plan).len();
    let most = usize::from(plan.detail.height);
    if total > most { (total + 1).saturating_sub(most) } else { 0 }
}

/// What is shown of it: in the history the whole record, else what a decision needs.
fn shown(model: &Model, detail: &Detail, eye: &Eye, plan: &Plan) -> Vec<Words> {
    let width = usize::from(plan.detail.width);
    match model.view {
        View::History => super::record::lines(model, detail, eye, width),
        _ => lines(model, detail, eye, width, plan.aside.is_empty()),
    }
}

fn lines(model: &Model, detail: &Detail, eye: &Eye, width: usize, timeline: bool) -> Vec<Words> {
    let number = RequestNumber(detail.id);
    let Some(view) = model.known(detail.id) else {
        let why = detail.fault.clone().unwrap_or_else(|| "it is being read".into());
        return vec![Words::of(format!(" {number}"), Tone::Head), Words::of(format!(" {why}"), Tone::Plain)];
    };
    let now = model.server_now();
    let stands = standing::standing(&view, now);
    let late = standing::overdue(&view, now);
    let state = if late { "OVERDUE REMOVAL".to_owned() } else { stands.word().to_owned() };
    let tone = if late { Tone::Overdue } else { Tone::Head };
    let mut out = vec![Words::of(format!(" {number} "), Tone::Head).and(state, tone)];
    if let Some(age) = model.link.age(model.now).filter(|_| model.link.state(model.now) != State::Live) {
        let old = super::super::eye::age(super::super::eye::length(age)).0;
        for words in &mut out {
            words.push(format!("  as it was {old} ago"), Tone::Soon);
        }
    }
    if late {
        out.extend(grant(&view, eye, width));
    }
    out.extend(who(&view, width));
    out.extend(task(&view, width));
    out.extend(window(&view, eye, width));
    // Once nobody answered it is what matters most; until then it stands below what one may do.
    let unanswered = view.escalation.as_ref().is_some_and(|ladder| ladder.next_at.is_none());
    let ladder = ladder::ladder(&view, eye, width);
    let (above, below) = if unanswered { (ladder, Vec::new()) } else { (Vec::new(), ladder) };
    out.extend(above);
    out.extend(checks(&view, width, false));
    out.extend(history(&view, model.me.as_ref(), eye, width, true));
    out.extend(others(model, &view, eye, width));
    if !late {
        out.extend(grant(&view, eye, width));
    }
    if let Some(back) = &view.follow_up {
        for (label, said) in [("changed", &back.changed), ("checked", &back.checked), ("follow-up", &back.follow_up)] {
            if let Some(said) = said {
                out.extend(field(label, said, width, Tone::Plain));
            }
        }
    }
    let read = detail.read.as_deref().unwrap_or(&view);
    for note in read.notes.iter().flatten() {
        let text = format!("{} {}: {}", note.by, eye.near(note.at), note.text.as_deref().unwrap_or("(erased)"));
        out.extend(field("note", &text, width, Tone::Plain));
    }
    out.extend(actions(model, width, read));
    out.extend(below);
    if timeline {
        out.extend(events(&detail.events, eye, width));
    }
    out
}

/// What else this person can reach, from the board.
fn others(model: &Model, view: &RequestView, eye: &Eye, width: usize) -> Vec<Words> {
    let now = model.server_now();
    let mut others: Vec<_> = model
        .board
        .of_person(&view.user.id)
        .filter(|other| other.user.id == view.user.id && other.id != view.id && standing::lives(other, now))
        .collect();
    others.sort_by_key(|other| other.id);
    let said = others.iter().take(5).map(|other| {
        let end = standing::end(other).map(|at| format!(" until {}", eye.near(at))).unwrap_or_default();
        format!("{} {} {}{end}", RequestNumber(other.id), other.system, other.role)
    });
    let mut said: Vec<String> = said.collect();
    if others.len() > 5 {
        said.push(format!("and {} more", others.len() - 5));
    }
    if said.is_empty() { Vec::new() } else { field("also has", &said.join("; "), width, Tone::Soon) }
}

/// The actions; each one that is not allowed with why not.
fn actions(model: &Model, width: usize, read: &RequestView) -> Vec<Words> {
    let known = read.may.is_some() && model.pointed() == Some(read.id);
    if !known {
        return vec![Words::of(" what you may do is being read", Tone::Dim)];
    }
    let mut out = vec![Words::of(" you may", Tone::Head)];
    let mut no = Vec::new();
    for entry in TABLE.iter().filter(|entry| entry.scope != Scope::Move) {
        let Some(path) = verb(entry.action).map(super::super::dialog::Verb::path) else { continue };
        let key = model.keys.first(entry.action);
        if let Some(why) = why_not(model, entry.action) {
            no.extend(block(&format!("({key} {}) {why}", entry.short), width, Tone::Dim));
            continue;
        }
        let guard = read.may.iter().flatten().find(|may| may.verb == path).map(|may| may.guard);
        let digits = RequestNumber(read.id).last_three();
        let how = match guard {
            Some(Guard::Number) => format!(": type {digits} and Enter"),
            Some(Guard::NumberWords) => format!(": type {digits} and a line of words (high risk)"),
            Some(Guard::Words) => ": with a line of words".into(),
            Some(Guard::None) | None => String::new(),
        };
        out.push(Words::of(" ", Tone::Plain).and(key, Tone::Key).plain(format!(" {}{how}", entry.short)));
    }
    if out.len() == 1 {
        out.push(Words::of(" nothing, now", Tone::Dim));
    }
    out.append(&mut no);
    out
}

fn events(events: &[EventView], eye: &Eye, width: usize) -> Vec<Words> {
    if events.is_empty() {
        return Vec::new();
    }
    let mut out = vec![Words::of(" timeline", Tone::Head)];
    for event in events.iter().rev() {
        out.extend(block(&format!("{} {}", eye.second(event.at), said(event)), width, Tone::Plain));
    }
    out
}

/// What happened, in one line.
fn said(event: &EventView) -> String {
    let mut text = format!("{} by {}", event.kind, event.actor);
    for key in ["words", "note", "task", "done", "remaining", "sentence", "reason", "evidence"] {
        let value = event.body.get(key).or_else(|| event.body.get("observed")?.get(key));
        if let Some(words) = value.and_then(serde_json::Value::as_str) {
            let _ = write!(text, ": {words}");
        }
    }
    text
}

/// The third column: the timeline, and who can say yes now.
fn aside(model: &Model, detail: &Detail, eye: &Eye, canvas: &mut Canvas, plan: &Plan) {
    if plan.class != Class::Large || plan.aside.is_empty() {
        return;
    }
    let place = plan.aside;
    let width = usize::from(place.width);
    let line = Rect { x: place.x.saturating_sub(2), width: 1, ..place };
    for y in line.top()..line.bottom() {
        canvas.line(Rect { y, height: 1, ..line }, Words::of("│", Tone::Dim));
    }
    let mut out = Vec::new();
    let system = model.known(detail.id).map(|view| view.system.clone());
    let systems = model.systems.iter().flat_map(|systems| &systems.systems);
    if let Some(system) = systems.into_iter().find(|known| Some(&known.id) == system.as_ref()) {
        out.extend(ladder::duty(system, eye, width));
        out.push(Words::new());
    }
    if let Some(view) = model.known(detail.id) {
        out.extend(ladder::log(&view, &detail.events, eye, width));
    }
    out.extend(events(&detail.events, eye, width));
    canvas.lines(place, out);
}

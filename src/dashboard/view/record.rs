//! The record of one request: what was asked, what was found and decided, what the target said, every event with its place
//! in the chain.

use super::super::eye::Eye;
use super::super::model::{Detail, Model};
use super::super::standing;
use super::super::theme::Tone;
use super::super::widget::text::{Words, wrap};
use super::ladder;
use super::request::{block, checks, field, grant, history, person, task, who, window, word};
use crate::access::RequestNumber;
use crate::wire::{EventView, RequestView, Ways};
use serde_json::Value;

/// How wide a copied record is.
const COPIED: usize = 100;

/// The whole record, in lines.
pub fn lines(model: &Model, detail: &Detail, eye: &Eye, width: usize) -> Vec<Words> {
    let number = RequestNumber(detail.id);
    let Some(view) = model.known(detail.id) else {
        let why = detail.fault.clone().unwrap_or_else(|| "it is being read".into());
        return vec![Words::of(format!(" {number}"), Tone::Head), Words::of(format!(" {why}"), Tone::Plain)];
    };
    let now = model.server_now();
    let stands = standing::standing(&view, now);
    let mut out = vec![
        Words::of(format!(" {number} {}", stands.word()), Tone::Head)
            .and(format!("  event {} is the last, version {}", view.seq, view.version), Tone::Dim),
    ];
    out.extend(who(&view, width));
    out.extend(field("filed", &eye.full(view.filed_at), width, Tone::Plain));
    out.extend(field("went to", &person(&view.approver), width, Tone::Plain));
    out.extend(task(&view, width));
    out.extend(window(&view, eye, width));
    out.extend(checks(&view, width, false));
    out.extend(history(&view, model.me.as_ref(), eye, width, true));
    out.extend(policy(&view, width));
    out.extend(grant(&view, eye, width));
    out.extend(back(&view, width));
    let read = detail.read.as_deref().unwrap_or(&view);
    for note in read.notes.iter().flatten() {
        let text = format!("{} {}: {}", note.by, eye.full(note.at), note.text.as_deref().unwrap_or("(erased)"));
        out.extend(field("note", &text, width, Tone::Plain));
    }
    out.push(Words::new());
    out.extend(events(model, detail, eye, width));
    out
}

fn policy(view: &RequestView, width: usize) -> Vec<Words> {
    let said = view.decision.as_ref().map(|decision| {
        format!("{} ruled, the verdict came by {}", short(&decision.policy_version), word(&decision.via))
    });
    said.map(|said| field("policy", &said, width, Tone::Dim)).unwrap_or_default()
}

fn back(view: &RequestView, width: usize) -> Vec<Words> {
    let Some(back) = &view.follow_up else { return Vec::new() };
    let parts = [("changed", &back.changed), ("checked", &back.checked), ("follow-up", &back.follow_up)];
    let said = parts.into_iter().filter_map(|(label, said)| Some((label, said.as_ref()?)));
    said.flat_map(|(label, said)| field(label, said, width, Tone::Plain)).collect()
}

fn events(model: &Model, detail: &Detail, eye: &Eye, width: usize) -> Vec<Words> {
    if detail.events.is_empty() {
        return vec![Words::of(" its events are being read", Tone::Dim)];
    }
    let head: String = model.head.chars().take(12).collect();
    let mut out = vec![
        Words::of(format!(" {} events", detail.events.len() + detail.earlier), Tone::Head)
            .and(format!("  each linked to the one before it in the trail; the head is {head}"), Tone::Dim),
    ];
    if detail.earlier > 0 {
        let words = format!("the first {} are not here: nightlatch show {} prints them", detail.earlier, detail.id);
        out.extend(block(&words, width, Tone::Soon));
    }
    let ways = Ways::of(&detail.events);
    for event in &detail.events {
        out.extend(one(event, &ways, eye, width));
    }
    out.extend(block("nightlatch audit export | nightlatch audit verify - checks the chain", width, Tone::Dim));
    out
}

fn one(event: &EventView, ways: &Ways, eye: &Eye, width: usize) -> Vec<Words> {
    let place = format!("#{}", event.seq);
    let said =
        format!("{place} {} {} by {} ({})", eye.stamp_exact(event.at), event.kind, event.actor, word(&event.via));
    let mut out = block(&said, width, Tone::Strong);
    let mut parts = Vec::new();
    told(&event.body, "", &mut parts);
    for (name, text) in parts {
        out.extend(indented(&format!("{name}: {text}"), width, Tone::Plain));
    }
    if let Some(reached) = ladder::reached(ways, event, eye) {
        out.extend(indented(&format!("reached: {reached}"), width, Tone::Plain));
    }
    let chain = format!("link {} · policy {}", short(&event.link), short(&event.policy));
    out.extend(indented(&chain, width, Tone::Dim));
    out
}

fn indented(text: &str, width: usize, tone: Tone) -> Vec<Words> {
    let indent = |line: String| Words::of("     ", Tone::Plain).and(line, tone);
    wrap(text, width.saturating_sub(6)).0.into_iter().map(indent).collect()
}

/// What is said in one line of an array, such as one check.
fn flat(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(parts) => parts.values().map(flat).filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", "),
        Value::Array(all) => all.iter().map(flat).collect::<Vec<_>>().join(", "),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Everything that an event says, a name and a text each.
fn told(value: &Value, name: &str, out: &mut Vec<(String, String)>) {
    // Deeper and longer than this nothing of ours goes.
    if out.len() > 200 || name.len() > 80 {
        return;
    }
    match value {
        Value::Null => {}
        Value::Object(parts) => {
            for (part, inner) in parts {
                let path = if name.is_empty() { part.clone() } else { format!("{name} {part}") };
                told(inner, &path, out);
            }
        }
        Value::Array(all) => {
            out.extend(all.iter().map(|inner| (name.to_owned(), flat(inner))));
        }
        Value::String(text) => out.push((name.to_owned(), text.clone())),
        other => out.push((name.to_owned(), other.to_string())),
    }
}

fn short(hash: &str) -> String {
    hash.chars().take(12).collect()
}

/// The record of a request as text, as far as it is known here.
pub fn text(model: &Model, id: i64) -> String {
    let empty = Detail::new(id);
    let detail = model.detail.as_ref().filter(|detail| detail.id == id).unwrap_or(&empty);
    let eye = model.eye();
    let lines = lines(model, detail, &eye, COPIED);
    lines.iter().map(|line| line.text().trim_end().to_owned() + "\n").collect()
}

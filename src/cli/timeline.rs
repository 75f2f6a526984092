//! What happened, a line an event, with the words that people wrote.
//!
//! Pure. A kind of event that is not known here is shown by its name: a newer host must not make an older face fall silent.

use super::page::Page;
use super::sheet::Eye;
use super::times;
use crate::wire::{EventView, told_about};
use serde_json::Value;
use std::fmt::Write as _;

/// The parts of a body that people wrote or targets said, with what stands before each.
const SAID: [(&str, &str); 11] = [
    ("task", "task"),
    ("words", ""),
    ("note", ""),
    ("done", "done"),
    ("remaining", "remains"),
    ("changed", "changed"),
    ("checked", "checked"),
    ("follow_up", "follow-up"),
    ("sentence", ""),
    ("evidence", ""),
    ("reason", ""),
];

/// The parts of a body that are short facts, with what stands before each.
const FACTS: [(&str, &str); 12] = [
    ("role", "role"),
    ("as", "as"),
    ("rota", "of"),
    ("from", "from"),
    ("to", "to"),
    ("about", "about"),
    ("attempt", "try"),
    ("carried_by", "carried on by"),
    ("act", "tried"),
    ("code", "refused as"),
    ("count", "count"),
    ("codes", "codes"),
];

/// The events as a table without a head.
pub fn page(events: &[EventView], eye: &Eye) -> Page {
    let mut page = Page::new();
    for event in events {
        page.field(&short_time(event, eye), &line(event, eye), eye.width);
    }
    page
}

fn short_time(event: &EventView, eye: &Eye) -> String {
    times::exact(event.at, eye.zone)
}

/// What happened, who did it, and what was said.
fn line(event: &EventView, eye: &Eye) -> String {
    if event.kind == "told" {
        return told(&event.body);
    }
    let mut text = format!("{} by {}", event.kind, event.actor);
    if let Some(facts) = facts(&event.body, eye) {
        let _ = write!(text, " ({facts})");
    }
    for (key, label) in SAID {
        let Some(value) = part(&event.body, key).filter(|value| !value.is_null()) else { continue };
        let said = said(value);
        let gap = if label.is_empty() { "" } else { "; " };
        let _ = write!(text, "{gap}{label}: {said}");
    }
    text
}

/// Who was told what. Whoever caused it stands in the event before.
fn told(body: &Value) -> String {
    let all = body.get("to").and_then(Value::as_array).into_iter().flatten();
    let all: Vec<&str> = all.filter_map(Value::as_str).collect();
    let who = if all.is_empty() { "nobody, for nobody who may decide is on duty".to_owned() } else { all.join(", ") };
    let about = body.get("about").and_then(Value::as_str).unwrap_or_default();
    format!("told {who}: {}", told_about(about))
}

fn part<'a>(body: &'a Value, key: &str) -> Option<&'a Value> {
    body.get(key).or_else(|| body.get("observed")?.get(key))
}

fn facts(body: &Value, eye: &Eye) -> Option<String> {
    let mut facts = Vec::new();
    for (key, label) in FACTS {
        match body.get(key) {
            // A beginning is no person.
            Some(Value::String(word)) if key == "from" && crate::text::Instant::parse_rfc3339(word).is_some() => {}
            Some(Value::String(word)) => facts.push(format!("{label} {word}")),
            Some(Value::Number(number)) => facts.push(format!("{label} {number}")),
            Some(Value::Array(words)) if !words.is_empty() => {
                let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
                facts.push(format!("{label} {}", words.join(", ")));
            }
            _ => {}
        }
    }
    let until = body.get("until").or_else(|| body.get("window")?.get("until"));
    if let Some(at) = until.and_then(Value::as_str).and_then(crate::text::Instant::parse_rfc3339) {
        facts.push(format!("until {}", eye.full(at)));
    }
    if let Some(changes) = body.get("changes").and_then(Value::as_array) {
        facts.extend(changes.iter().filter_map(Value::as_str).map(str::to_owned));
    }
    (!facts.is_empty()).then(|| facts.join(", "))
}

/// A text as it travels: the words themselves, or an object that has them beside their hash.
fn said(value: &Value) -> String {
    match value {
        Value::String(words) => words.clone(),
        Value::Object(fields) => {
            let words = ["words", "text"].into_iter().find_map(|key| fields.get(key).and_then(Value::as_str));
            words.unwrap_or("(erased)").to_owned()
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Via;
    use crate::text::Instant;
    use serde_json::json;

    fn shown(kind: &str, body: Value) -> String {
        let at = Instant::parse_rfc3339("2026-11-22T00:10:04Z").unwrap();
        let event = EventView {
            seq: 7,
            at,
            subject: "request 142".into(),
            kind: kind.into(),
            actor: "sam".into(),
            via: Via::Socket,
            policy: String::new(),
            body,
            link: String::new(),
        };
        page(&[event], &Eye { now: at, zone: chrono_tz::Tz::Europe__London, width: None }).to_string()
    }

    #[test]
    fn an_event_says_who_what_and_the_words() {
        assert_eq!(
            shown("denied", json!({"as": "owner", "words": {"text": 4, "hash": "ab", "words": "which worker?"}})),
            "2026-11-22 00:10:04 GMT denied by sam (as owner): which worker?\n"
        );
        assert_eq!(
            shown("noted", json!({"note": {"text": 4, "hash": "ab"}})),
            "2026-11-22 00:10:04 GMT noted by sam: (erased)\n"
        );
        assert_eq!(shown("from-the-future", json!({"x": 1})), "2026-11-22 00:10:04 GMT from-the-future by sam\n");
        assert_eq!(
            shown("approved", json!({"window": {"until": "2026-11-22T00:30:00Z"}, "words": "ok"})),
            "2026-11-22 00:10:04 GMT approved by sam (until 2026-11-22 00:30 GMT (00:30Z)): ok\n"
        );
    }

    #[test]
    fn a26_words_of_an_event_are_clean() {
        let page = shown("noted\u{1b}[2J", json!({"note": "a\u{1b}]0;x\u{7}\u{202e}b"}));
        assert!(!page.trim_end().chars().any(char::is_control) && !page.contains('\u{202e}'), "{page}");
    }
}

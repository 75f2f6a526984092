//! What happened, a line an event, with the words that people wrote.
//!
//! Pure. A kind of event that is not known here is shown by its name: a newer host must not make an older face fall silent.

use super::eye::Eye;
use super::page::Page;
use super::times;
use crate::wire::{EventView, Ways, told_about};
use serde_json::Value;
use std::fmt::Write as _;

/// The parts of a body that people wrote or targets said, with what stands before each.
const SAID: [(&str, &str); 12] = [
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
    ("fault", "failed"),
];

/// The parts of a body that are short facts, with what stands before each.
const FACTS: [(&str, &str); 14] = [
    ("role", "role"),
    ("as", "as"),
    ("rota", "of"),
    ("from", "from"),
    ("to", "to"),
    ("about", "about"),
    ("of", "of event"),
    ("channel", "by"),
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
    let ways = Ways::of(events);
    let time = |at| times::second(at, eye.zone);
    for event in events.iter().filter(|event| !ways.is_said(event, events)) {
        let reached = ways.reached(event, eye.now, &time).map_or_else(String::new, |reached| format!(" — {reached}"));
        page.field(&short_time(event, eye), &format!("{}{reached}", line(event, eye)), eye.width);
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
    let about = body.get("about").and_then(Value::as_str).unwrap_or_default();
    let nobody = if about == "overdue" {
        "nobody, for nobody who may end it is on duty"
    } else {
        "nobody, for nobody who may decide is on duty"
    };
    let who = if all.is_empty() { nobody.to_owned() } else { all.join(", ") };
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
    fn what_became_of_a_telling_stands_with_it() {
        let at = Instant::parse_rfc3339("2026-11-22T02:14:02Z").unwrap();
        let event = |seq: i64, seconds: i64, kind: &str, body: Value| EventView {
            seq,
            at: at.plus(crate::text::Length::from_seconds(seconds)),
            subject: "request 142".into(),
            kind: kind.into(),
            actor: "clock".into(),
            via: Via::Replica,
            policy: String::new(),
            body,
            link: String::new(),
        };
        let events = [
            event(7, 1, "told", json!({"to": ["li"], "about": "ask"})),
            event(8, 1, "delivered", json!({"of": 7, "to": "li", "channel": "desktop"})),
            event(9, 2, "delivered", json!({"of": 7, "to": "li", "channel": "hook", "fault": "exit 3"})),
            event(10, 3, "told", json!({"to": ["sam"], "about": "overdue"})),
            event(11, 4, "delivered", json!({"of": 2, "to": "li", "channel": "hook"})),
        ];
        let now = at.plus(crate::text::Length::from_minutes(3));
        let told = page(&events, &Eye { now, zone: chrono_tz::Tz::Europe__London, width: None }).to_string();
        assert_eq!(
            told,
            "2026-11-22 02:14:03 GMT told li: it waits for a verdict — desktop 02:14:03, hook failed: exit 3\n\
             2026-11-22 02:14:05 GMT told sam: it is overdue: it should be gone, and was not seen to be — nobody confirmed\n\
             2026-11-22 02:14:06 GMT delivered by clock (to li, of event 2, by hook)\n"
        );
    }

    #[test]
    fn a26_words_of_an_event_are_clean() {
        let page = shown("noted\u{1b}[2J", json!({"note": "a\u{1b}]0;x\u{7}\u{202e}b"}));
        assert!(!page.trim_end().chars().any(char::is_control) && !page.contains('\u{202e}'), "{page}");
    }
}

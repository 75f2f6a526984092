//! What became of what somebody is told, from the events: which channel brought it to whom, or why not. For every face.

use super::view::EventView;
use crate::text::{Instant, Length};
use serde_json::Value;
use std::collections::BTreeMap;

/// The kinds of events that tell somebody something.
pub const TELLING: [&str; 3] = ["told", "routed", "duty-passed"];
/// The kind of a channel's report.
pub const DELIVERED: &str = "delivered";
/// A channel that has not reported after this did not reach anybody, as far as is known.
pub const PATIENCE: Length = Length::from_minutes(2);

/// What one channel says.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Way {
    to: Option<String>,
    channel: String,
    at: Instant,
    fault: Option<String>,
}

/// The reports of channels, by the event that they are about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ways(BTreeMap<i64, Vec<Way>>);

impl Ways {
    /// All reports among `events`.
    pub fn of(events: &[EventView]) -> Self {
        let mut ways: BTreeMap<i64, Vec<Way>> = BTreeMap::new();
        for event in events.iter().filter(|event| event.kind == DELIVERED) {
            let text = |key: &str| event.body.get(key).and_then(Value::as_str).map(str::to_owned);
            let (Some(of), Some(channel)) = (event.body.get("of").and_then(Value::as_i64), text("channel")) else {
                continue;
            };
            // An erased sentence is still a fault.
            let fault = event.body.get("fault").map(|said| said.as_str().unwrap_or("(erased)").to_owned());
            let way = Way { to: text("to"), channel, at: event.at, fault };
            let all = ways.entry(of).or_default();
            // Sent again, the last report of one way holds.
            all.retain(|known| (&known.to, &known.channel) != (&way.to, &way.channel));
            all.push(way);
        }
        Self(ways)
    }

    /// Whether `event` is a report on one of `events`, which says it itself.
    pub fn is_said(&self, event: &EventView, events: &[EventView]) -> bool {
        let of = event.body.get("of").and_then(Value::as_i64).filter(|_| event.kind == DELIVERED);
        of.is_some_and(|of| events.iter().any(|other| other.seq == of && TELLING.contains(&other.kind.as_str())))
    }

    /// What became of a telling: `desktop 02:14:03, hook failed: exit 3`, each person's own where there are several. Nothing
    /// while there is time left to report, and where nobody was told.
    pub fn reached(&self, event: &EventView, now: Instant, time: &dyn Fn(Instant) -> String) -> Option<String> {
        let to = told(event);
        let none = Vec::new();
        let ways = self.0.get(&event.seq).unwrap_or(&none);
        let late = now.since(event.at) >= PATIENCE;
        let said = |of: Option<&str>| {
            let all = ways.iter().filter(|way| way.to.as_deref() == of).map(|way| match &way.fault {
                Some(fault) => format!("{} failed: {fault}", way.channel),
                None => format!("{} {}", way.channel, time(way.at)),
            });
            Some(all.collect::<Vec<_>>().join(", ")).filter(|all| !all.is_empty())
        };
        let mut parts: Vec<String> = Vec::new();
        if ways.is_empty() {
            return (late && !to.is_empty()).then(|| "nobody confirmed".to_owned());
        }
        for person in &to {
            let name = if to.len() > 1 { format!("{person}: ") } else { String::new() };
            match said(Some(person)) {
                Some(said) => parts.push(format!("{name}{said}")),
                None if late => parts.push(format!("{name}not confirmed")),
                None => {}
            }
        }
        parts.extend(said(None));
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

/// Whom an event tells.
pub fn told(event: &EventView) -> Vec<&str> {
    if !TELLING.contains(&event.kind.as_str()) {
        return Vec::new();
    }
    match event.body.get("to") {
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(one)) => vec![one],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Via;
    use serde_json::json;

    fn event(seq: i64, seconds: i64, kind: &str, body: Value) -> EventView {
        let at = Instant::from_millis(seconds * 1_000);
        let (subject, actor) = ("request 142".into(), "clock".into());
        EventView {
            seq,
            at,
            subject,
            kind: kind.into(),
            actor,
            via: Via::Replica,
            policy: String::new(),
            body,
            link: String::new(),
        }
    }

    #[test]
    fn what_became_of_a_telling_is_said_in_a_few_words() {
        let time = |at: Instant| format!("+{}s", at.millis() / 1_000);
        let events = [
            event(1, 0, "told", json!({"to": ["li"], "about": "ask"})),
            event(2, 1, "delivered", json!({"of": 1, "to": "li", "channel": "desktop"})),
            event(3, 2, "delivered", json!({"of": 1, "to": "li", "channel": "hook", "fault": "exit 3"})),
            event(4, 3, "told", json!({"to": ["li", "sam"], "about": "overdue"})),
            event(5, 4, "delivered", json!({"of": 4, "to": "sam", "channel": "hook", "fault": null})),
            event(6, 5, "delivered", json!({"of": 4, "to": "sam", "channel": "hook"})),
            event(7, 6, "routed", json!({"to": "kim"})),
            event(8, 7, "told", json!({"to": [], "about": "ask"})),
            event(9, 8, "delivered", json!({"of": 7, "channel": "webhook:pager"})),
            event(10, 9, "duty-passed", json!({"from": "li", "to": "kim"})),
            event(11, 9, "delivered", json!({"of": "x", "channel": 3})),
            event(12, 9, "delivered", json!({"of": 99, "channel": "hook"})),
        ];
        let ways = Ways::of(&events);
        let said = |seq: usize, now: i64| ways.reached(&events[seq - 1], Instant::from_millis(now * 1_000), &time);
        assert_eq!(said(1, 3).unwrap(), "desktop +1s, hook failed: exit 3");
        assert_eq!(said(4, 9).unwrap(), "sam: hook +5s", "sent again, and there is time left for the other");
        assert_eq!(said(4, 200).unwrap(), "li: not confirmed; sam: hook +5s");
        assert_eq!(said(7, 9).unwrap(), "webhook:pager +8s");
        assert_eq!((said(8, 900), said(10, 100)), (None, None));
        assert_eq!(said(10, 129).unwrap(), "nobody confirmed");
        assert!(
            ways.is_said(&events[1], &events) && !ways.is_said(&events[11], &events),
            "of an event that is not here"
        );
    }
}

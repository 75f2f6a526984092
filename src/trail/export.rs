//! The export: one JSON line an event, which carries all that is needed to verify it offline.
//!
//! `body` stands in the line as it was stored, byte for byte, so that people and `jq` can read it: whoever verifies takes the
//! characters from the `{` after `"body":` to its matching `}`. A stored body that is not one line of a JSON object (only
//! tampering makes such a thing) is given as a JSON string instead; its content is then the stored text.
//!
//! `texts` lists the free texts that the body refers to, in the order of their ids. An erased one has no `text` and no `salt`.
//! Nothing here may depend on a field that the link does not cover: every value is either hashed or checked against one that is.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Link, Record};
use crate::text::Instant;

/// A salt is this long, always. With any other length a border between salt and words could be moved and the hash still hold.
pub const SALT_BYTES: usize = 16;

/// The hash that an event holds of a free text: SHA-256(salt ‖ words).
pub fn text_hash(salt: &[u8], words: &str) -> Link {
    Link::of(&[salt, words.as_bytes()])
}

/// A free text that an event's body refers to: an object with a whole number `text` and 64 hexadecimal digits `hash`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// The text's number in the store.
    pub id: i64,
    /// The key under which it stands in the body, `task`.
    pub name: String,
    /// Its hash.
    pub hash: Link,
}

/// All texts that a body refers to, wherever they stand in it, each once, by id.
pub fn references(body: &Value) -> Vec<Reference> {
    fn walk(name: &str, value: &Value, found: &mut Vec<Reference>) {
        match value {
            Value::Object(fields) => {
                let hash = fields.get("hash").and_then(Value::as_str).and_then(|hash| hash.parse().ok());
                if let (Some(id), Some(hash)) = (fields.get("text").and_then(Value::as_i64), hash) {
                    found.push(Reference { id, name: name.to_owned(), hash });
                } else {
                    fields.iter().for_each(|(key, value)| walk(key, value, found));
                }
            }
            Value::Array(values) => values.iter().for_each(|value| walk(name, value, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk("", body, &mut found);
    found.sort();
    found.dedup();
    found
}

/// One line of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// The event's number.
    pub seq: u64,
    /// When.
    #[serde(serialize_with = "write_at", deserialize_with = "read_at")]
    pub at: Instant,
    /// The store's id.
    pub store: String,
    /// What it is about.
    pub subject: String,
    /// What happened.
    pub kind: String,
    /// Who, and the way in.
    pub actor: Actor,
    /// The policy version that ruled.
    pub policy: String,
    /// The body as stored.
    pub body: Body,
    /// The texts that the body refers to, in the order of [`references`].
    pub texts: Vec<Text>,
    /// The link of the event before.
    pub prev: Link,
    /// The event's link.
    pub hash: Link,
}

impl Line {
    /// The record that is hashed. `actor` is the buffer for the actor's stored text.
    pub fn record<'a>(&'a self, actor: &'a str) -> Record<'a> {
        Record {
            store_id: &self.store,
            seq: self.seq,
            at_millis: self.at.millis(),
            subject: &self.subject,
            kind: &self.kind,
            actor,
            policy: &self.policy,
            body: &self.body.0,
            prev: self.prev,
        }
    }
}

/// Who did it, and the way in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    /// A person, `clock` or `reconciler`.
    pub id: String,
    /// `socket`, `token`, `session`, `chat`, `replica`…
    pub via: String,
}

impl Actor {
    /// From the stored text, `ID VIA`.
    pub fn from_stored(text: &str) -> Self {
        let (id, via) = text.rsplit_once(' ').unwrap_or((text, ""));
        Self { id: id.to_owned(), via: via.to_owned() }
    }

    /// The stored text, which is what is hashed.
    pub fn stored(&self) -> String {
        if self.via.is_empty() { self.id.clone() } else { format!("{} {}", self.id, self.via) }
    }
}

/// A free text beside its event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// The key under which the body refers to it.
    pub name: String,
    /// The salt in hexadecimal; none when the text is erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<String>,
    /// SHA-256(salt ‖ text), as in the body.
    pub hash: Link,
    /// The words; none when the text is erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// An event's body, the text as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body(pub String);

impl Serialize for Body {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match serde_json::from_str::<&RawValue>(&self.0) {
            // Only what reads back as the very same characters is embedded: no line break, no space around it.
            Ok(raw) if raw.get() == self.0 && self.0.starts_with('{') && !self.0.contains(['\n', '\r']) => {
                raw.serialize(serializer)
            }
            _ => serializer.serialize_str(&self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        match raw.get().chars().next() {
            Some('{') => Ok(Self(raw.get().to_owned())),
            Some('"') => serde_json::from_str(raw.get()).map(Self).map_err(de::Error::custom),
            _ => Err(de::Error::custom("the body is neither an object nor a string")),
        }
    }
}

/// An instant is exported only where its text says it to the millisecond: in the years 0 to 9999.
#[allow(clippy::trivially_copy_pass_by_ref)] // serde hands over a reference
fn write_at<S: Serializer>(at: &Instant, serializer: S) -> Result<S::Ok, S::Error> {
    let text = at.to_string();
    if Instant::parse_rfc3339(&text) == Some(*at) {
        serializer.serialize_str(&text)
    } else {
        Err(ser::Error::custom(format!(
            "the instant {} ms cannot be written as a date: the event was tampered with",
            at.millis()
        )))
    }
}

/// Takes only the one spelling that we write, so that no character of it can change unseen.
fn read_at<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Instant, D::Error> {
    let text = Cow::<'de, str>::deserialize(deserializer)?;
    Instant::parse_rfc3339(&text).filter(|at| at.to_string() == text).ok_or_else(|| {
        de::Error::custom("`at` is not an instant as 2026-11-21T23:40:00Z or with three digits after the second")
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::trail::link::hex;

    /// A line with one text, as a store would write it.
    pub fn line(seq: u64, prev: Link, words: &str) -> Line {
        let salt = [u8::try_from(seq % 251).unwrap(); SALT_BYTES];
        let hash = text_hash(&salt, words);
        let text = Text { name: "task".into(), salt: Some(hex(&salt)), hash, text: Some(words.into()) };
        let body =
            format!(r#"{{"role":"restart", "task":{{"text":{},"hash":"{hash}"}},"naïve":"\u00e9{{"}}"#, seq * 16);
        sealed(Line {
            seq,
            at: Instant::from_millis(1_795_304_400_000 + i64::try_from(seq).unwrap() * 250),
            store: "7f3a".into(),
            subject: format!("request {}", 100 + seq),
            kind: "filed".into(),
            actor: Actor { id: "sam".into(), via: "socket".into() },
            policy: "0".repeat(64),
            body: Body(body),
            texts: vec![text],
            prev,
            hash: Link::ZERO,
        })
    }

    /// The line with its right hash.
    pub fn sealed(mut line: Line) -> Line {
        line.hash = line.record(&line.actor.stored()).link();
        line
    }

    #[test]
    fn a_line_keeps_the_bytes_of_the_body_and_stays_readable() {
        let line = line(57, Link::ZERO, "restart the \"worker\"\n");
        let text = serde_json::to_string(&line).unwrap();
        assert!(text.contains(&format!(r#""body":{}"#, line.body.0)), "{text}");
        assert!(text.starts_with(r#"{"seq":57,"at":"2026-11-21T23:40:14.250Z"#), "{text}");
        assert_eq!(serde_json::from_str::<Line>(&text).unwrap(), line);
        for body in ["", " {}", "{} ", "{\n}", "nonsense", "\"text\"", "[]", "{\"a\":\"\u{1}\"}"] {
            let odd = Line { body: Body(body.into()), ..line.clone() };
            let text = serde_json::to_string(&odd).unwrap();
            assert!(!text.contains('\n'));
            assert_eq!(serde_json::from_str::<Line>(&text).unwrap(), odd, "{body:?}");
        }
    }

    #[test]
    fn an_instant_has_one_spelling() {
        let text = serde_json::to_string(&line(57, Link::ZERO, "x")).unwrap();
        let at = "\"2026-11-21T23:40:14.250Z\"";
        let found = text.split(',').nth(1).unwrap().strip_prefix("\"at\":").unwrap();
        for other in
            ["2026-11-22T00:00:00z", "2026-11-22T00:00:00+00:00", "2026-11-22T00:00:00.000Z", "2026-11-22 00:00:00Z"]
        {
            assert!(serde_json::from_str::<Line>(&text.replace(found, &format!("{other:?}"))).is_err(), "{other}");
        }
        assert!(serde_json::from_str::<Line>(&text.replace(found, at)).is_ok());
        let far = Line { at: Instant::from_millis(i64::MAX), ..line(1, Link::ZERO, "x") };
        assert!(serde_json::to_string(&far).is_err());
    }

    #[test]
    fn texts_are_found_wherever_they_stand() {
        let (a, b) = ("a".repeat(64), "b".repeat(64));
        let body = serde_json::json!({
            "words": {"text": 33, "hash": b}, "deep": [{"task": {"text": 32, "hash": a}}], "notes": [{"text": 34, "hash": a}],
            "again": [{"words": {"text": 33, "hash": b}}], "not": {"text": "33", "hash": a}, "nor": {"text": 35, "hash": "short"},
        });
        let found: Vec<_> = references(&body).into_iter().map(|found| (found.id, found.name)).collect();
        assert_eq!(found, [(32, "task".into()), (33, "words".into()), (34, "notes".into())]);
    }

    #[test]
    fn an_actor_is_stored_as_id_and_way_in() {
        for text in ["sam socket", "clock clock", "os:root admin", "sam"] {
            assert_eq!(Actor::from_stored(text).stored(), text);
        }
    }
}

//! The export: one JSON line an event, which carries all that is needed to verify it offline.
//!
//! `body` stands in the line as it was stored, byte for byte, so that people and `jq` can read it: whoever verifies takes the
//! characters from the `{` after `"body":` to its matching `}`. A stored body that is not one line of a JSON object (only
//! tampering makes such a thing) is given as a JSON string instead; its content is then the stored text.
//!
//! `texts` lists the free texts that the body refers to, in the order of their ids. An erased one has no `text` and no `salt`.
//! Nothing here may depend on a field that the link does not cover: every value is either hashed or checked against one that is.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
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
    // A tree that is there already can be walked to its end.
    Walk { key: "" }.deserialize(body).map(Part::references).unwrap_or_default()
}

/// The same, of a body that is still text. Fails where it is not JSON.
pub fn references_in(body: &str) -> serde_json::Result<Vec<Reference>> {
    let mut reader = serde_json::Deserializer::from_str(body);
    let found = Walk { key: "" }.deserialize(&mut reader)?;
    reader.end()?;
    Ok(found.references())
}

/// Walks the value that stands under `key`, without making a tree of it: verifying walks every body of a trail.
struct Walk<'k> {
    key: &'k str,
}

/// What a value may be to the object around it.
enum Part {
    /// A whole number: the id of a text, under `text`.
    Number(i64),
    /// A hash, under `hash`.
    Hash(Link),
    /// The references in it.
    Found(Vec<Reference>),
}

const NOTHING: Part = Part::Found(Vec::new());

impl Part {
    fn references(self) -> Vec<Reference> {
        let Self::Found(mut found) = self else { return Vec::new() };
        found.sort();
        found.dedup();
        found
    }
}

/// A text that is borrowed where it holds no escape.
#[derive(Deserialize)]
struct Borrowed<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = Part;
    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<Part, D::Error> {
        value.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = Part;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_unit<E>(self) -> Result<Part, E> {
        Ok(NOTHING)
    }
    fn visit_bool<E>(self, _: bool) -> Result<Part, E> {
        Ok(NOTHING)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Part, E> {
        Ok(NOTHING)
    }
    fn visit_i64<E>(self, number: i64) -> Result<Part, E> {
        Ok(Part::Number(number))
    }
    fn visit_u64<E>(self, number: u64) -> Result<Part, E> {
        Ok(i64::try_from(number).map_or(NOTHING, Part::Number))
    }
    fn visit_str<E>(self, text: &str) -> Result<Part, E> {
        let hash = if self.key == "hash" { text.parse().ok() } else { None };
        Ok(hash.map_or(NOTHING, Part::Hash))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Part, A::Error> {
        let mut found = Vec::new();
        while let Some(part) = values.next_element_seed(Walk { key: self.key })? {
            if let Part::Found(more) = part {
                found.extend(more);
            }
        }
        Ok(Part::Found(found))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Part, A::Error> {
        let (mut text, mut hash) = (None, None);
        let mut found: Vec<(Cow<'de, str>, Vec<Reference>)> = Vec::new();
        while let Some(Borrowed(key)) = fields.next_key()? {
            let part = fields.next_value_seed(Walk { key: &key })?;
            // Of two equal keys the last one counts, as everywhere in JSON.
            found.retain(|(known, _)| *known != key);
            match &*key {
                "text" => text = if let Part::Number(id) = part { Some(id) } else { None },
                "hash" => hash = if let Part::Hash(link) = part { Some(link) } else { None },
                _ => {}
            }
            if let Part::Found(more) = part
                && !more.is_empty()
            {
                found.push((key, more));
            }
        }
        Ok(Part::Found(match (text, hash) {
            (Some(id), Some(hash)) => vec![Reference { id, name: self.key.to_owned(), hash }],
            _ => found.into_iter().flat_map(|(_, more)| more).collect(),
        }))
    }
}

/// One line of an export. Read, it borrows from the text of the line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line<'a> {
    /// The event's number.
    pub seq: u64,
    /// When.
    #[serde(serialize_with = "write_at", deserialize_with = "read_at")]
    pub at: Instant,
    /// The store's id.
    #[serde(borrow)]
    pub store: Cow<'a, str>,
    /// What it is about.
    #[serde(borrow)]
    pub subject: Cow<'a, str>,
    /// What happened.
    #[serde(borrow)]
    pub kind: Cow<'a, str>,
    /// Who, and the way in.
    #[serde(borrow)]
    pub actor: Actor<'a>,
    /// The policy version that ruled.
    #[serde(borrow)]
    pub policy: Cow<'a, str>,
    /// The body as stored.
    #[serde(borrow)]
    pub body: Body<'a>,
    /// The texts that the body refers to, in the order of [`references`].
    #[serde(borrow)]
    pub texts: Vec<Text<'a>>,
    /// The link of the event before.
    pub prev: Link,
    /// The event's link.
    pub hash: Link,
}

impl Line<'_> {
    /// The record that is hashed. `actor` is the buffer for the actor's stored text.
    pub fn record<'r>(&'r self, actor: &'r str) -> Record<'r> {
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
pub struct Actor<'a> {
    /// A person, `clock` or `reconciler`.
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    /// `socket`, `token`, `session`, `chat`, `replica`…
    #[serde(borrow)]
    pub via: Cow<'a, str>,
}

impl<'a> Actor<'a> {
    /// From the stored text, `ID VIA`.
    pub fn from_stored(text: &'a str) -> Self {
        let (id, via) = text.rsplit_once(' ').unwrap_or((text, ""));
        Self { id: id.into(), via: via.into() }
    }

    /// The stored text, which is what is hashed.
    pub fn stored(&self) -> String {
        let mut text = String::with_capacity(self.id.len() + 1 + self.via.len());
        text.push_str(&self.id);
        if !self.via.is_empty() {
            text.push(' ');
            text.push_str(&self.via);
        }
        text
    }
}

/// A free text beside its event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text<'a> {
    /// The key under which the body refers to it.
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    /// The salt in hexadecimal; none when the text is erased.
    #[serde(borrow, default, deserialize_with = "read_some", skip_serializing_if = "Option::is_none")]
    pub salt: Option<Cow<'a, str>>,
    /// SHA-256(salt ‖ text), as in the body.
    pub hash: Link,
    /// The words; none when the text is erased.
    #[serde(borrow, default, deserialize_with = "read_some", skip_serializing_if = "Option::is_none")]
    pub text: Option<Cow<'a, str>>,
}

/// An event's body, the text as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body<'a>(pub Cow<'a, str>);

impl Serialize for Body<'_> {
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

impl<'de: 'a, 'a> Deserialize<'de> for Body<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(deserializer)?;
        match raw.get().chars().next() {
            Some('{') => Ok(Self(raw.get().into())),
            Some('"') => serde_json::from_str(raw.get()).map(|Borrowed(text)| Self(text)).map_err(de::Error::custom),
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

/// A text that may be left out; borrowed like the others.
fn read_some<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Cow<'a, str>>, D::Error> {
    Ok(Option::<Borrowed<'a>>::deserialize(deserializer)?.map(|Borrowed(text)| text))
}

/// Takes only the one spelling that we write, so that no character of it can change unseen.
fn read_at<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Instant, D::Error> {
    let Borrowed(text) = Borrowed::deserialize(deserializer)?;
    Instant::parse_written(&text).ok_or_else(|| {
        de::Error::custom("`at` is not an instant as 2026-11-21T23:40:00Z or with three digits after the second")
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::trail::link::hex;

    /// A line with one text, as a store would write it.
    pub fn line(seq: u64, prev: Link, words: &str) -> Line<'static> {
        let salt = [u8::try_from(seq % 251).unwrap(); SALT_BYTES];
        let hash = text_hash(&salt, words);
        let text =
            Text { name: "task".into(), salt: Some(hex(&salt).into()), hash, text: Some(words.to_owned().into()) };
        let body =
            format!(r#"{{"role":"restart", "task":{{"text":{},"hash":"{hash}"}},"naïve":"\u00e9{{"}}"#, seq * 16);
        sealed(Line {
            seq,
            at: Instant::from_millis(1_795_304_400_000 + i64::try_from(seq).unwrap() * 250),
            store: "7f3a".into(),
            subject: format!("request {}", 100 + seq).into(),
            kind: "filed".into(),
            actor: Actor { id: "sam".into(), via: "socket".into() },
            policy: "0".repeat(64).into(),
            body: Body(body.into()),
            texts: vec![text],
            prev,
            hash: Link::ZERO,
        })
    }

    /// The line with its right hash.
    pub fn sealed(mut line: Line<'_>) -> Line<'_> {
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
    fn a_body_that_is_text_names_the_same_texts() {
        let (a, b) = ("a".repeat(64), "b".repeat(64));
        let one = format!(r#"{{"text":32,"hash":"{a}"}}"#);
        let bodies = [
            format!(r#"{{"task":{one},"n":[1,2.5,-3,null,true,{{"words":{{"hash":"{b}","text":33,"more":{one}}}}}]}}"#),
            format!(r#"{{"t\u0061sk":{{"te\u0078t":32,"hash":"{a}"}}}}"#),
            // Of equal keys the last counts, with all that stands under it.
            format!(r#"{{"task":{one},"task":1}}"#),
            format!(r#"{{"task":{{"text":1,"hash":"{a}","text":"2"}}}}"#),
            format!(r#"{{"task":{{"text":18446744073709551615,"hash":"{a}"}},"x":{{"text":1.0,"hash":"{a}"}}}}"#),
            format!("[{one},{one}]"),
            "7".to_owned(),
        ];
        for body in bodies {
            assert_eq!(references_in(&body).unwrap(), references(&serde_json::from_str(&body).unwrap()), "{body}");
        }
        for bad in ["", "{", "{}{}", "{\"a\":1e999}", &"[".repeat(200)] {
            assert!(references_in(bad).is_err() && serde_json::from_str::<Value>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_actor_is_stored_as_id_and_way_in() {
        for text in ["sam socket", "clock clock", "os:root admin", "sam"] {
            assert_eq!(Actor::from_stored(text).stored(), text);
        }
    }
}

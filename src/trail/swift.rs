//! A line of an export as we write it, read in one go and without making anything: what nearly every line is.
//!
//! Whatever is written otherwise in the least, or does not fit, is left to the slow reading, which says what is wrong with it.
//! Must never take a line that the slow reading would not take, nor take it for another.

use super::export::SALT_BYTES;
use super::link::unhex_exactly;
use super::{Link, Record};
use crate::text::Instant;

/// Deeper than any body of ours.
const DEEPEST: u32 = 32;

/// A line that is whole: it says what its hash says, and its texts are those of its body, with all their words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Whole<'a> {
    pub seq: u64,
    pub store: &'a str,
    pub policy: &'a str,
    pub prev: Link,
    pub hash: Link,
}

/// What is used again from line to line.
#[derive(Debug, Clone, Default)]
pub(super) struct Buffers {
    record: Vec<u8>,
    actor: String,
    words: Vec<u8>,
}

/// A text that a body refers to: its number, its name, its hash in digits and as read.
type Reference<'a> = (i64, &'a str, &'a str, Link);

/// Reads a line; `None` where it is not as we write it, or anything about it does not fit.
pub(super) fn whole<'a>(line: &'a str, buffers: &mut Buffers) -> Option<Whole<'a>> {
    // Control characters stand in no JSON text.
    if line.bytes().min().is_some_and(|least| least < b' ') {
        return None;
    }
    let mut cut = Cut { line, at: 0 };
    cut.mark("{\"seq\":")?;
    let seq = u64::try_from(cut.number()?).ok()?;
    cut.mark(",\"at\":\"")?;
    let at = Instant::parse_written(cut.plain()?)?;
    cut.mark(",\"store\":\"")?;
    let store = cut.plain()?;
    cut.mark(",\"subject\":\"")?;
    let subject = cut.plain()?;
    cut.mark(",\"kind\":\"")?;
    let kind = cut.plain()?;
    if kind == "erased" {
        return None;
    }
    cut.mark(",\"actor\":{\"id\":\"")?;
    buffers.actor.clear();
    buffers.actor.push_str(cut.plain()?);
    cut.mark(",\"via\":\"")?;
    let via = cut.plain()?;
    if !via.is_empty() {
        buffers.actor.push(' ');
        buffers.actor.push_str(via);
    }
    cut.mark("},\"policy\":\"")?;
    let policy = cut.plain()?;
    cut.mark(",\"body\":")?;
    let begun = cut.at;
    let mut named = Vec::new();
    cut.object("", &mut named, DEEPEST)?;
    let body = line.get(begun..cut.at)?;
    named.sort_unstable();
    named.dedup();
    cut.mark(",\"texts\":[")?;
    for (place, (_, name, hash, read)) in named.iter().enumerate() {
        cut.mark(if place == 0 { "{\"name\":\"" } else { ",{\"name\":\"" })?;
        if cut.plain()? != *name {
            return None;
        }
        cut.mark(",\"salt\":\"")?;
        let salt: [u8; SALT_BYTES] = unhex_exactly(cut.plain()?)?;
        cut.mark(",\"hash\":\"")?;
        if cut.plain()? != *hash {
            return None;
        }
        cut.mark(",\"text\":\"")?;
        buffers.words.clear();
        buffers.words.extend(salt);
        cut.words(&mut buffers.words)?;
        cut.mark("}")?;
        if Link::of_one(&buffers.words) != *read {
            return None;
        }
    }
    cut.mark("],\"prev\":\"")?;
    let prev: Link = cut.plain()?.parse().ok()?;
    cut.mark(",\"hash\":\"")?;
    let hash: Link = cut.plain()?.parse().ok()?;
    cut.mark("}")?;
    let (at_millis, actor) = (at.millis(), buffers.actor.as_str());
    let record = Record { store_id: store, seq, at_millis, subject, kind, actor, policy, body, prev };
    let fits = cut.at == line.len() && record.link_by(&mut buffers.record) == hash;
    fits.then_some(Whole { seq, store, policy, prev, hash })
}

/// What a value may be to the object around it.
enum Part<'a> {
    Number(i64),
    Text(&'a str),
    Other,
}

/// The line, and how far it was read.
struct Cut<'a> {
    line: &'a str,
    at: usize,
}

impl<'a> Cut<'a> {
    fn rest(&self) -> &'a [u8] {
        self.line.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// Exactly these letters.
    fn mark(&mut self, letters: &str) -> Option<()> {
        self.rest().starts_with(letters.as_bytes()).then(|| self.at += letters.len())
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.rest().first().copied()?;
        self.at += 1;
        Some(byte)
    }

    /// How far it is to the next quotation mark or backslash.
    fn to_mark(&self) -> usize {
        const ONES: u64 = 0x0101_0101_0101_0101;
        let rest = self.rest();
        // Eight at a time: a byte that is zero after the difference lights the highest bit of the first such byte.
        let (eights, _) = rest.as_chunks::<8>();
        for (place, eight) in eights.iter().enumerate() {
            let eight = u64::from_le_bytes(*eight);
            let zero = |mark: u8| {
                let off = eight ^ (ONES * u64::from(mark));
                off.wrapping_sub(ONES) & !off & (ONES << 7)
            };
            let found = zero(b'"') | zero(b'\\');
            if found != 0 {
                return place * 8 + found.trailing_zeros() as usize / 8;
            }
        }
        let from = eights.len() * 8;
        let tail = rest.get(from..).unwrap_or_default();
        from + tail.iter().position(|byte| matches!(byte, b'"' | b'\\')).unwrap_or(tail.len())
    }

    /// A text up to its end, without an escape; its beginning was read.
    fn plain(&mut self) -> Option<&'a str> {
        let end = self.at + self.to_mark();
        let text = self.line.get(self.at..end)?;
        self.at = end;
        (self.next()? == b'"').then_some(text)
    }

    /// The same with simple escapes, whose letters are put into `words`.
    fn words(&mut self, words: &mut Vec<u8>) -> Option<()> {
        loop {
            let far = self.to_mark();
            words.extend_from_slice(self.rest().get(..far)?);
            self.at += far;
            if self.next()? == b'"' {
                return Some(());
            }
            words.push(match self.next()? {
                mark @ (b'"' | b'\\' | b'/') => mark,
                b'b' => 8,
                b'f' => 12,
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                _ => return None,
            });
        }
    }

    /// A whole number of at most 18 digits.
    fn number(&mut self) -> Option<i64> {
        let rest = self.rest();
        let (sign, digits) = match rest.strip_prefix(b"-") {
            Some(digits) => (-1, digits),
            None => (1, rest),
        };
        let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, after) = digits.split_at(count);
        let zero = digits.first() == Some(&b'0') && (count > 1 || sign < 0);
        if count == 0 || count > 18 || zero || matches!(after.first(), Some(b'.' | b'e' | b'E')) {
            return None;
        }
        self.at += count + usize::from(sign < 0);
        Some(sign * digits.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')))
    }

    /// A value that stands under `key`; what it refers to is put at the end of `named`.
    fn value(&mut self, key: &'a str, named: &mut Vec<Reference<'a>>, depth: u32) -> Option<Part<'a>> {
        match self.rest().first()? {
            b'"' => {
                self.at += 1;
                let begun = self.at;
                loop {
                    self.at += self.to_mark();
                    match self.next()? {
                        b'"' => break,
                        _ => matches!(self.next()?, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't')
                            .then_some(())?,
                    }
                }
                return Some(Part::Text(self.line.get(begun..self.at - 1)?));
            }
            b'{' => self.object(key, named, depth.checked_sub(1)?)?,
            b'[' => self.array(key, named, depth.checked_sub(1)?)?,
            b't' => self.mark("true")?,
            b'f' => self.mark("false")?,
            b'n' => self.mark("null")?,
            _ => return self.number().map(Part::Number),
        }
        Some(Part::Other)
    }

    fn array(&mut self, key: &'a str, named: &mut Vec<Reference<'a>>, depth: u32) -> Option<()> {
        self.mark("[")?;
        if self.mark("]").is_some() {
            return Some(());
        }
        loop {
            self.value(key, named, depth)?;
            match self.next()? {
                b',' => {}
                b']' => return Some(()),
                _ => return None,
            }
        }
    }

    fn object(&mut self, key: &'a str, named: &mut Vec<Reference<'a>>, depth: u32) -> Option<()> {
        self.mark("{")?;
        if self.mark("}").is_some() {
            return Some(());
        }
        let begun = named.len();
        // The keys under which something is referred to. One that comes again is left to the slow reading.
        let mut taken: Vec<&str> = Vec::new();
        let (mut text, mut hash) = (None, None);
        loop {
            self.mark("\"")?;
            let own = self.plain()?;
            self.mark(":")?;
            if taken.contains(&own) {
                return None;
            }
            let before = named.len();
            let part = self.value(own, named, depth)?;
            match (own, part) {
                ("text", part) => {
                    taken.push(own);
                    text = if let Part::Number(id) = part { Some(id) } else { None };
                }
                ("hash", part) => {
                    taken.push(own);
                    hash = if let Part::Text(digits) = part {
                        digits.parse::<Link>().ok().map(|read| (digits, read))
                    } else {
                        None
                    };
                }
                _ if named.len() > before => taken.push(own),
                _ => {}
            }
            match self.next()? {
                b',' => {}
                b'}' => break,
                _ => return None,
            }
        }
        if let (Some(id), Some((hash, read))) = (text, hash) {
            named.truncate(begun);
            named.push((id, key, hash, read));
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::export::tests::{line, sealed};
    use super::super::export::{Body, Line};
    use super::super::verify::Looker;
    use super::*;

    /// A line with a body as compact as ours are, of many shapes.
    fn compact(seq: u64, words: &str) -> Line<'static> {
        let plain = line(seq, Link::ZERO, words);
        let hash = plain.texts[0].hash;
        let body = format!(
            r#"{{"role":"restart","n":[1,-20,0,true,null,{{"a":{{}},"b":[]}}],"notes":[{{"words":{{"text":{0},"hash":"{hash}"}}}}],"said":"a \"quoted\" \\ é","nor":{{"text":"x","hash":"short"}}}}"#,
            seq * 16
        );
        let mut texts = plain.texts.clone();
        texts[0].name = "words".into();
        sealed(Line { body: Body(body.into()), texts, ..plain })
    }

    #[test]
    fn a_line_of_ours_is_read_swiftly_and_as_slowly() {
        for words in ["restart the worker", "a \"b\"\n\tc\\ / é", ""] {
            let line = compact(57, words);
            let text = serde_json::to_string(&line).unwrap();
            let found = whole(&text, &mut Buffers::default()).unwrap_or_else(|| panic!("{text}"));
            let same = Whole { seq: 57, store: "7f3a", policy: &line.policy, prev: line.prev, hash: line.hash };
            assert_eq!(found, same);
        }
    }

    #[test]
    fn a54_no_changed_byte_passes_swiftly() {
        let text = serde_json::to_string(&compact(57, "restart \"it\"\n")).unwrap();
        let mut buffers = Buffers::default();
        for at in 0..text.len() {
            for other in 0..=255 {
                let mut bytes = text.clone().into_bytes();
                if std::mem::replace(&mut bytes[at], other) == other {
                    continue;
                }
                let Ok(changed) = String::from_utf8(bytes) else { continue };
                assert_eq!(whole(&changed, &mut buffers), None, "{changed}");
            }
        }
    }

    #[test]
    fn what_is_written_otherwise_is_read_slowly_and_the_same() {
        let hash = "a".repeat(64);
        let one = format!(r#"{{"text":32,"hash":"{hash}"}}"#);
        let bodies = [
            r#"{"a":1.5}"#.to_owned(),
            r#"{"a":-0}"#.to_owned(),
            r#"{"a":01}"#.to_owned(),
            r#"{"a":12345678901234567890}"#.to_owned(),
            r#"{"a":"\u00e9"}"#.to_owned(),
            r#"{"a":"\x"}"#.to_owned(),
            r#"{ "a":1}"#.to_owned(),
            r#"{"a":1,}"#.to_owned(),
            r#"{"a":[1,]}"#.to_owned(),
            r#"{"a":tru}"#.to_owned(),
            r#"{"a":{"b":1}"#.to_owned(),
            format!(r#"{{"t":{one},"t":1}}"#),
            format!(r#"{{"text":1,"text":2,"hash":"{hash}"}}"#),
            format!("{}{}", r#"{"a":"#.repeat(60), "1".to_owned() + &"}".repeat(60)),
        ];
        let mut buffers = Buffers::default();
        for body in bodies {
            let line = sealed(Line { body: Body(body.into()), texts: Vec::new(), ..line(1, Link::ZERO, "x") });
            // As one who can make hashes would write it: the body stands in the line whatever it is.
            let text = serde_json::to_string(&Line { body: Body("{}".into()), ..line.clone() }).unwrap();
            let text = text.replace("\"body\":{}", &format!("\"body\":{}", line.body.0));
            assert_eq!(whole(&text, &mut buffers), None, "{text}");
            // The slow way may take it, or name its fault; it must not be the swift one that says.
            drop(Looker::default().look(&text));
        }
    }
}

//! The record: the exact bytes of an event that are hashed. Final from the first store on; must never change, only get a
//! second version beside it.
//!
//! ```text
//! record = 0x01 ‖ F(store id) ‖ F(seq) ‖ F(at) ‖ F(subject) ‖ F(kind) ‖ F(actor) ‖ F(policy) ‖ F(body) ‖ F(previous link)
//! F(x)   = length of x in bytes, 4 bytes, most significant first ‖ x
//! link   = SHA-256(0x00 ‖ record)
//! ```
//! Texts are UTF-8. `seq` and `at` (milliseconds since 1970, UTC) are 8 bytes, most significant first, two's complement. The
//! body is the text as it was stored, byte for byte. The previous link is 32 bytes; the first event's are zero. The length
//! before every field means that no two events have the same record; the 0x00 makes the link an RFC 6962 leaf hash.

use ring::digest;

use super::Link;

/// The version of the record format, its first byte.
pub const VERSION: u8 = 1;

/// One event as it is hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// The store's id, so that events cannot move to another store.
    pub store_id: &'a str,
    /// The event's number, from 1, without gaps.
    pub seq: u64,
    /// When, in milliseconds since 1970.
    pub at_millis: i64,
    /// What it is about: `request 142`, `system payments`, `policy`, `store`.
    pub subject: &'a str,
    /// What happened: `approved`, `granted`.
    pub kind: &'a str,
    /// Who and the way in, as stored: `sam socket`, `clock clock`.
    pub actor: &'a str,
    /// The policy version that ruled.
    pub policy: &'a str,
    /// The event's body, the JSON text as stored.
    pub body: &'a str,
    /// The link of the event before.
    pub prev: Link,
}

impl Record<'_> {
    /// The event's link: the RFC 6962 leaf hash of its record.
    pub fn link(&self) -> Link {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(&[0]);
        self.each_part(|part| context.update(part));
        Link::finish(context)
    }

    /// The same in one go, by way of a buffer that can be used again.
    pub(super) fn link_by(&self, buffer: &mut Vec<u8>) -> Link {
        buffer.clear();
        buffer.push(0);
        self.each_part(|part| buffer.extend_from_slice(part));
        Link::of_one(buffer)
    }

    /// The bytes that are hashed, for those who want to look at them.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(160 + self.body.len());
        self.each_part(|part| bytes.extend_from_slice(part));
        bytes
    }

    /// Hands out the record piece by piece, so that hashing needs no copy.
    fn each_part(&self, mut take: impl FnMut(&[u8])) {
        take(&[VERSION]);
        for field in [
            self.store_id.as_bytes(),
            &self.seq.to_be_bytes(),
            &self.at_millis.to_be_bytes(),
            self.subject.as_bytes(),
            self.kind.as_bytes(),
            self.actor.as_bytes(),
            self.policy.as_bytes(),
            self.body.as_bytes(),
            self.prev.bytes(),
        ] {
            // No field comes near 4 GiB: bodies are capped at the door.
            take(&u32::try_from(field.len()).unwrap_or(u32::MAX).to_be_bytes());
            take(field);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: Record<'static> = Record {
        store_id: "7f3a",
        seq: 57,
        at_millis: 1_795_304_400_123,
        subject: "request 142",
        kind: "approved",
        actor: "sam socket",
        policy: "p1",
        body: r#"{"words":"ok"}"#,
        prev: Link::ZERO,
    };

    #[test]
    fn the_record_format_is_final() {
        let mut expected = b"\x01\x00\x00\x00\x047f3a\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x39".to_vec();
        expected.extend(b"\x00\x00\x00\x08");
        expected.extend(1_795_304_400_123_i64.to_be_bytes());
        expected.extend(b"\x00\x00\x00\x0brequest 142\x00\x00\x00\x08approved\x00\x00\x00\x0asam socket");
        expected.extend(b"\x00\x00\x00\x02p1\x00\x00\x00\x0e{\"words\":\"ok\"}\x00\x00\x00\x20");
        expected.extend([0; 32]);
        assert_eq!(RECORD.bytes(), expected);
        assert_eq!(RECORD.link(), Link::of(&[&[0], &expected]));
        assert_eq!(RECORD.link_by(&mut vec![9]), RECORD.link());
        // If this line fails, every store in the world fails to verify. Mend the code, not the line.
        assert_eq!(RECORD.link().to_string(), "b4fe461aca30509ed79c5d3e111ca34dcd18b0333cfaa014e3f3538f4833654b");
    }

    #[test]
    fn every_field_moves_the_link() {
        let others = [
            Record { store_id: "7f3b", ..RECORD },
            Record { seq: 58, ..RECORD },
            Record { at_millis: -1, ..RECORD },
            Record { subject: "request 143", ..RECORD },
            Record { kind: "denied", ..RECORD },
            Record { actor: "sam token", ..RECORD },
            Record { policy: "p2", ..RECORD },
            Record { body: r#"{"words":"ok" }"#, ..RECORD },
            Record { prev: Link([1; 32]), ..RECORD },
            // A letter that moves over the border of two fields is another record.
            Record { kind: "approveds", actor: "am socket", ..RECORD },
        ];
        for other in others {
            assert_ne!(other.link(), RECORD.link(), "{other:?}");
        }
    }
}

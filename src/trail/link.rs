//! A link: the SHA-256 that ties an event to everything before it. Only ever 64 lower-case hexadecimal digits as text.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;

/// A SHA-256: the hash of an event, of a tree node or of a free text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Link(pub [u8; 32]);

/// Why a text is not a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a hash: write its 32 bytes as 64 hexadecimal digits, 0-9 and a-f")]
pub struct BadLink;

impl Link {
    /// What the first event follows: 32 zero bytes.
    pub const ZERO: Self = Self([0; 32]);

    /// The SHA-256 of `parts`, one after the other.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut context = ring::digest::Context::new(&ring::digest::SHA256);
        for part in parts {
            context.update(part);
        }
        Self::finish(context)
    }

    /// The SHA-256 of one piece, in one go.
    pub(super) fn of_one(bytes: &[u8]) -> Self {
        let mut hash = [0; 32];
        for (to, from) in hash.iter_mut().zip(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref()) {
            *to = *from;
        }
        Self(hash)
    }

    /// The hash of all that went into `context`, which must be one for SHA-256.
    pub(super) fn finish(context: ring::digest::Context) -> Self {
        let mut bytes = [0; 32];
        // SHA-256 gives 32 bytes, so nothing is cut and nothing stays zero.
        for (to, from) in bytes.iter_mut().zip(context.finish().as_ref()) {
            *to = *from;
        }
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&hex(&self.0))
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link({self})")
    }
}

impl FromStr for Link {
    type Err = BadLink;
    fn from_str(text: &str) -> Result<Self, BadLink> {
        unhex_exactly(text).map(Self).ok_or(BadLink)
    }
}

impl Serialize for Link {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex(&self.0))
    }
}

impl<'de> Deserialize<'de> for Link {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Digits)
    }
}

/// Reads a link where it stands: a trail holds many, and none needs a text of its own.
struct Digits;

impl de::Visitor<'_> for Digits {
    type Value = Link;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a hash of 64 hexadecimal digits")
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Link, E> {
        text.parse().map_err(E::custom)
    }
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(nibble + if nibble < 10 { b'0' } else { b'a' - 10 });
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 15));
    }
    text
}

/// What a byte is worth as a digit: without a branch, so that many are read at once. Sixteen or more: it is none.
const fn digit(letter: u8) -> u8 {
    let (number, letter) = (letter.wrapping_sub(b'0'), letter.wrapping_sub(b'a'));
    if number < 10 {
        number
    } else if letter < 6 {
        letter + 10
    } else {
        255
    }
}

/// One byte from its two digits.
fn byte([high, low]: [u8; 2]) -> Option<u8> {
    let (high, low) = (digit(high), digit(low));
    (high | low < 16).then_some(high << 4 | low)
}

/// Bytes from lower-case hexadecimal digits; upper case is not taken, so that each hash has one spelling.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if rest.is_empty() { pairs.iter().map(|pair| byte(*pair)).collect() } else { None }
}

/// The same, where they must be exactly so many.
pub fn unhex_exactly<const N: usize>(text: &str) -> Option<[u8; N]> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() || pairs.len() != N {
        return None;
    }
    let (mut bytes, mut worst) = ([0; N], 0);
    for (to, [high, low]) in bytes.iter_mut().zip(pairs) {
        let (high, low) = (digit(*high), digit(*low));
        worst |= high | low;
        *to = high << 4 | low & 15;
    }
    (worst < 16).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_64_lower_case_digits_and_nothing_else() {
        let link = Link::of(&[b"a", b"bc"]);
        assert_eq!(link.to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(link.to_string().parse(), Ok(link));
        for bad in ["", "00", &"0".repeat(63), &"0".repeat(65), &"A".repeat(64), &"g".repeat(64), &"é".repeat(32)] {
            assert_eq!(bad.parse::<Link>(), Err(BadLink), "{bad}");
        }
    }
}

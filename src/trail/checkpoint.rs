//! Checkpoints: the head of the trail, signed, to be kept where nobody who can write the store can reach it. They are C2SP
//! signed notes (c2sp.org/signed-note, c2sp.org/tlog-checkpoint), so that tools which are not ours can read them.
//!
//! ```text
//! nightlatch/7f3a                        origin: the store
//! 57                                     how many events
//! 3NnInKcGWaqaVZrLcB7ZormauCeC+tkm…=     RFC 6962 root over their links
//! link 9d3a…                             extension: the link of the last event
//! at 2026-11-21T23:40:00Z                extension: when it was signed
//!
//! — nightlatch/7f3a yRpxuw…=             ed25519 over everything above the empty line
//! ```
//! No file, no chance, no clock here: keys and instants are handed in. The secret key never shows in Debug.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

use super::Link;
use super::link::{hex, unhex};
use crate::text::Instant;

/// A note larger than this is not one of ours.
const LONGEST: usize = 64 * 1024;
/// C2SP's number for ed25519.
const ED25519_TYPE: u8 = 1;

/// Why a text is not a note, a checkpoint or a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadNote {
    /// Not the signed-note format.
    #[error("not a signed note: {0}")]
    Note(&'static str),
    /// A note, but not a checkpoint of ours.
    #[error("not a checkpoint: {0}")]
    Checkpoint(&'static str),
    /// Not a verifier key.
    #[error("not a verifier key: {0}. Give it as nightlatch audit key prints it, NAME+ID+KEY")]
    Key(&'static str),
    /// Not a secret key.
    #[error("not an ed25519 key: {0}")]
    Secret(&'static str),
    /// The note carries no signature by any of the keys.
    #[error("the note is not signed by {0}: it is signed by somebody else, or it was changed")]
    Unsigned(String),
}

/// What a checkpoint says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The store's id; the origin line is `nightlatch/` and this.
    pub store_id: String,
    /// How many events.
    pub size: u64,
    /// The RFC 6962 root over their links.
    pub root: Link,
    /// The link of the last of them, so that a part of the trail can be held against it too.
    pub link: Option<Link>,
    /// When it was signed.
    pub at: Option<Instant>,
}

/// The origin line of a store, which is also the name of its key.
pub fn origin(store_id: &str) -> String {
    format!("nightlatch/{store_id}")
}

impl Checkpoint {
    /// The signed part of the note, with its last newline.
    pub fn text(&self) -> String {
        let link = self.link.map(|link| format!("link {link}\n")).unwrap_or_default();
        let at = self.at.map(|at| format!("at {at}\n")).unwrap_or_default();
        format!("{}\n{}\n{}\n{link}{at}", origin(&self.store_id), self.size, STANDARD.encode(self.root.bytes()))
    }

    /// Signs it.
    pub fn sign(&self, signer: &Signer) -> Note {
        let text = self.text();
        let signature = signer.sign(&text);
        Note { text, signatures: vec![signature] }
    }

    /// Reads the signed part of a note. Extension lines that are not ours are passed over.
    pub fn parse(text: &str) -> Result<Self, BadNote> {
        let bad = BadNote::Checkpoint;
        let mut lines = text.strip_suffix('\n').ok_or(bad("its last line is cut"))?.split('\n');
        let store_id = lines
            .next()
            .and_then(|line| line.strip_prefix("nightlatch/"))
            .ok_or(bad("its first line does not begin with nightlatch/"))?;
        let size = lines.next().and_then(decimal).ok_or(bad("its second line is not a number of events"))?;
        let root = lines
            .next()
            .and_then(|line| STANDARD.decode(line).ok())
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or(bad("its third line is not a base64 hash"))?;
        let (mut link, mut at) = (None, None);
        for line in lines {
            if let Some(text) = line.strip_prefix("link ") {
                link = Some(text.parse().map_err(|_| bad("its link line is not a hash"))?);
            } else if let Some(text) = line.strip_prefix("at ") {
                at = Some(Instant::parse_rfc3339(text).ok_or(bad("its at line is not an instant"))?);
            }
        }
        Ok(Self { store_id: store_id.to_owned(), size, root: Link(root), link, at })
    }
}

/// Decimal digits without sign or leading zero.
fn decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// One signature line of a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The key's name.
    pub name: String,
    /// The key's id, the first four bytes of a hash over name and key.
    pub key_id: [u8; 4],
    /// The signature itself.
    pub bytes: Vec<u8>,
}

/// A signed note: a text and who signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The signed text, with its last newline.
    pub text: String,
    /// The signatures, none of them checked yet.
    pub signatures: Vec<Signature>,
}

impl Note {
    /// Reads a note. Says nothing about whether its signatures are good.
    pub fn parse(note: &str) -> Result<Self, BadNote> {
        let bad = BadNote::Note;
        if note.len() > LONGEST {
            return Err(bad("it is larger than 64 KiB"));
        }
        if note.bytes().any(|byte| byte < 0x20 && byte != b'\n') {
            return Err(bad("it holds control characters"));
        }
        let at = note.rfind("\n\n").ok_or(bad("it has no empty line before its signatures"))?;
        let (text, tail) = (note.get(..=at).unwrap_or_default(), note.get(at + 2..).unwrap_or_default());
        let lines = tail.strip_suffix('\n').ok_or(bad("it has no signature, or its last line is cut"))?;
        let signatures = lines.split('\n').map(signature).collect::<Option<Vec<_>>>();
        Ok(Self { text: text.to_owned(), signatures: signatures.ok_or(bad("a signature line is malformed"))? })
    }

    /// Whether one of `keys` signed the text, and which. A signature that names a key but does not fit it is an error even
    /// when another one fits: somebody tampered with the note.
    pub fn verify<'k>(&self, keys: &'k [VerifierKey]) -> Result<&'k VerifierKey, BadNote> {
        let mut good = None;
        for signature in &self.signatures {
            let named = keys.iter().find(|key| key.name == signature.name && key.id() == signature.key_id);
            let Some(key) = named else { continue };
            if UnparsedPublicKey::new(&ED25519, key.key).verify(self.text.as_bytes(), &signature.bytes).is_err() {
                return Err(BadNote::Unsigned(key.name.clone()));
            }
            good = good.or(Some(key));
        }
        let names = || keys.iter().map(VerifierKey::to_string).collect::<Vec<_>>().join(" or ");
        good.ok_or_else(|| BadNote::Unsigned(names()))
    }

    /// What the checkpoint says.
    pub fn checkpoint(&self) -> Result<Checkpoint, BadNote> {
        Checkpoint::parse(&self.text)
    }
}

/// Reads one signature line.
fn signature(line: &str) -> Option<Signature> {
    let (name, encoded) = line.strip_prefix("— ")?.split_once(' ')?;
    let bytes = STANDARD.decode(encoded).ok()?;
    let (key_id, signature) = bytes.split_first_chunk::<4>()?;
    (is_key_name(name) && !signature.is_empty()).then(|| Signature {
        name: name.to_owned(),
        key_id: *key_id,
        bytes: signature.to_vec(),
    })
}

/// C2SP: a key's name is not empty and holds neither spaces nor a plus.
fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|letter: char| letter.is_whitespace() || letter == '+')
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| {
            let bytes = [signature.key_id.as_slice(), &signature.bytes].concat();
            writeln!(f, "— {} {}", signature.name, STANDARD.encode(bytes))
        })
    }
}

/// A public key with its name: `NAME+ID+KEY`, as `nightlatch audit key` prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    key: [u8; 32],
}

impl VerifierKey {
    /// The key's name, the origin line of its store.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key's id: SHA-256(name ‖ newline ‖ 0x01 ‖ key), its first four bytes.
    pub fn id(&self) -> [u8; 4] {
        let hash = Link::of(&[self.name.as_bytes(), b"\n", &[ED25519_TYPE], &self.key]);
        hash.bytes().first_chunk().copied().unwrap_or_default()
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[ED25519_TYPE], self.key.as_slice()].concat();
        write!(f, "{}+{}+{}", self.name, hex(&self.id()), STANDARD.encode(key))
    }
}

impl FromStr for VerifierKey {
    type Err = BadNote;
    fn from_str(text: &str) -> Result<Self, BadNote> {
        let bad = BadNote::Key;
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(bad("it has not three parts with + between"));
        };
        let key = STANDARD.decode(key).map_err(|_| bad("its key is not base64"))?;
        let Some((&ED25519_TYPE, key)) = key.split_first() else { return Err(bad("it is not an ed25519 key")) };
        let key = key.try_into().map_err(|_| bad("its key is not 32 bytes long"))?;
        let key = Self { name: name.to_owned(), key };
        if !is_key_name(name) || unhex(id).as_deref() != Some(&key.id()) {
            return Err(bad("its id does not belong to its name and key"));
        }
        Ok(key)
    }
}

/// The secret key that signs checkpoints.
pub struct Signer {
    name: String,
    pair: Ed25519KeyPair,
}

impl Signer {
    /// From a 32-byte seed; the name is the store's origin.
    pub fn from_seed(store_id: &str, seed: &[u8]) -> Result<Self, BadNote> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed);
        Self::new(store_id, pair.map_err(|_| BadNote::Secret("its seed is not 32 bytes long"))?)
    }

    /// From PKCS #8 as `openssl genpkey -algorithm ed25519 -outform DER` writes it.
    pub fn from_pkcs8(store_id: &str, der: &[u8]) -> Result<Self, BadNote> {
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der);
        Self::new(store_id, pair.map_err(|_| BadNote::Secret("it is not PKCS #8"))?)
    }

    fn new(store_id: &str, pair: Ed25519KeyPair) -> Result<Self, BadNote> {
        let name = origin(store_id);
        if is_key_name(&name) { Ok(Self { name, pair }) } else { Err(BadNote::Secret("a store's id has no spaces")) }
    }

    /// The public key to give away.
    pub fn verifier_key(&self) -> VerifierKey {
        let mut key = [0; 32];
        for (to, from) in key.iter_mut().zip(self.pair.public_key().as_ref()) {
            *to = *from;
        }
        VerifierKey { name: self.name.clone(), key }
    }

    /// Signs a note's text, which must end with a newline.
    pub fn sign(&self, text: &str) -> Signature {
        let bytes = self.pair.sign(text.as_bytes()).as_ref().to_vec();
        Signature { name: self.name.clone(), key_id: self.verifier_key().id(), bytes }
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({}, secret)", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of golang.org/x/mod/sumdb/note.
    const GO_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const GO_NOTE: &str = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    fn signer(seed: u8) -> Signer {
        Signer::from_seed("7f3a", &[seed; 32]).unwrap()
    }

    fn checkpoint() -> Checkpoint {
        Checkpoint {
            store_id: "7f3a".into(),
            size: 57,
            root: Link([7; 32]),
            link: Some(Link([9; 32])),
            at: Some(Instant::from_millis(1_795_304_400_123)),
        }
    }

    #[test]
    fn a_note_of_another_tool_verifies() {
        let key: VerifierKey = GO_KEY.parse().unwrap();
        assert_eq!(key.to_string(), GO_KEY);
        let note = Note::parse(GO_NOTE).unwrap();
        assert_eq!(note.to_string(), GO_NOTE);
        assert_eq!(note.verify(std::slice::from_ref(&key)).unwrap(), &key);
        let changed = Note::parse(&GO_NOTE.replace("answer", "anzwer")).unwrap();
        assert!(matches!(changed.verify(&[key]), Err(BadNote::Unsigned(_))));
    }

    #[test]
    fn a_checkpoint_survives_the_way_out_and_back() {
        let note = checkpoint().sign(&signer(1));
        let read = Note::parse(&note.to_string()).unwrap();
        assert_eq!(read, note);
        assert_eq!(read.checkpoint().unwrap(), checkpoint());
        let key: VerifierKey = signer(1).verifier_key().to_string().parse().unwrap();
        assert_eq!(read.verify(std::slice::from_ref(&key)).unwrap(), &key);
        assert!(read.verify(&[signer(2).verifier_key(), key]).is_ok(), "one of several keys");
    }

    #[test]
    fn a54_a_changed_checkpoint_or_a_foreign_key_is_refused() {
        let note = checkpoint().sign(&signer(1)).to_string();
        let keys = [signer(1).verifier_key()];
        for n in 0..note.len() {
            let mut bytes = note.clone().into_bytes();
            bytes[n] ^= 1;
            let Ok(text) = String::from_utf8(bytes) else { continue };
            assert!(!Note::parse(&text).is_ok_and(|note| note.verify(&keys).is_ok()), "byte {n}");
        }
        assert!(Note::parse(&note).unwrap().verify(&[signer(2).verifier_key()]).is_err());
        let mut forged = Note::parse(&note).unwrap();
        forged.signatures = vec![Signature { name: "nightlatch/7f3a".into(), ..signer(2).sign(&forged.text) }];
        assert!(forged.verify(&keys).is_err());
    }

    #[test]
    fn malformed_notes_and_keys_are_refused() {
        for bad in [
            "",
            "\n\n",
            "a\n",
            "a\n\n",
            "a\n\n— b\n",
            "a\n\n— b AAAA\n",
            "a\n\n- b AAAAAAA=\n",
            "a\t\n\n— b AAAAAAA=\n",
        ] {
            assert!(Note::parse(bad).is_err(), "{bad:?}");
        }
        for bad in ["", "nightlatch/a\n", "other/a\n1\nAA==\n", "nightlatch/a\n01\nAA==\n", "nightlatch/a\n1\nAA==\n"] {
            assert!(Checkpoint::parse(bad).is_err(), "{bad:?}");
        }
        for bad in
            ["", "a+b", &GO_KEY.replace("c7", "c8"), &GO_KEY.replace("Peter", "Petra"), &GO_KEY.replace("ARpc", "AhpC")]
        {
            assert!(bad.parse::<VerifierKey>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn i13_the_secret_key_is_not_in_debug() {
        assert_eq!(format!("{:?}", signer(1)), "Signer(nightlatch/7f3a, secret)");
    }
}

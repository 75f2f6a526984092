//! Verifying a trail: is it whole, in order and unchanged, and which number is the first bad one?
//!
//! [`Chain`] checks records as they come from a store; [`Verifier`] checks the lines of an export, with their texts and
//! against checkpoints. Both see each event once and keep next to nothing. What cannot be proven is said, never passed over.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::checkpoint::{Checkpoint, Note, VerifierKey};
use super::export::{Line, Reference, SALT_BYTES, Text, references_in, text_hash};
use super::link::unhex_exactly;
use super::swift::{self, Buffers, Whole};
use super::{Frontier, Link, Record};

/// Where a trail is broken first, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
pub struct Broken {
    /// The first bad number; none where it is a checkpoint that is at fault.
    pub seq: Option<u64>,
    /// What is wrong with it.
    pub sentence: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(seq) = self.seq {
            write!(f, "event {seq}: ")?;
        }
        f.write_str(&self.sentence)
    }
}

/// A break at `seq`.
fn broken(seq: u64, sentence: impl Into<String>) -> Broken {
    Broken { seq: Some(seq), sentence: sentence.into() }
}

/// The chain of one store's events, checked one by one without JSON.
#[derive(Debug, Clone)]
pub struct Chain {
    store_id: String,
    last: u64,
    head: Link,
    /// None when the chain does not begin with the first event: the root cannot be known then.
    tree: Option<Frontier>,
}

impl Chain {
    /// The chain from the first event on.
    pub fn new(store_id: &str) -> Self {
        Self { store_id: store_id.to_owned(), last: 0, head: Link::ZERO, tree: Some(Frontier::new()) }
    }

    /// The chain after an event that is taken on trust.
    pub fn after(store_id: &str, seq: u64, link: Link) -> Self {
        Self { store_id: store_id.to_owned(), last: seq, head: link, tree: None }
    }

    /// The number of the last event.
    pub const fn last(&self) -> u64 {
        self.last
    }

    /// The link of the last event: what the next one must follow.
    pub const fn head(&self) -> Link {
        self.head
    }

    /// The tree over all events, unless the chain began in the middle.
    pub const fn tree(&self) -> Option<&Frontier> {
        self.tree.as_ref()
    }

    /// Takes the next event. `stored` is the link that stands beside it; `record.prev` is [`Chain::head`] where the store
    /// does not keep it.
    pub fn push(&mut self, record: &Record<'_>, stored: Link) -> Result<(), Broken> {
        self.take(record.seq, record.store_id, record.prev, stored, || record.link() == stored)
    }

    /// Takes the next event; `fits` tells whether `stored` is the hash of what it says.
    fn take(
        &mut self,
        seq: u64,
        store_id: &str,
        prev: Link,
        stored: Link,
        fits: impl FnOnce() -> bool,
    ) -> Result<(), Broken> {
        let (last, next) = (self.last, self.last + 1);
        if seq > next {
            return Err(broken(next, format!("is missing: event {seq} stands where {next} should")));
        }
        if seq < next {
            return Err(broken(seq, format!("stands a second time or out of order, after event {last}")));
        }
        if store_id != self.store_id {
            let ours = &self.store_id;
            return Err(broken(next, format!("belongs to store {store_id:?}, not to {ours:?}")));
        }
        if prev != self.head {
            return Err(broken(next, self.does_not_follow()));
        }
        if !fits() {
            let or = if last == 0 { String::new() } else { format!(", or event {last} was rewritten with its hash") };
            return Err(broken(next, format!("was changed: its hash does not fit what it says{or}")));
        }
        self.last = next;
        self.head = stored;
        if let Some(tree) = &mut self.tree {
            tree.push(stored);
        }
        Ok(())
    }

    fn does_not_follow(&self) -> String {
        match self.last {
            0 => "is said to follow another, yet it is the first".to_owned(),
            last => format!("does not follow event {last} as it stands here: one of the two was rewritten"),
        }
    }
}

/// A checkpoint that the trail agrees with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Agreed {
    /// How many events it covers.
    pub size: u64,
    /// The key that signed it, when keys were given.
    pub signed_by: Option<String>,
}

/// What verifying found: all that was read is whole, except as `cannot_prove` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The store's id.
    pub store: Option<String>,
    /// How many events were read.
    pub events: u64,
    /// The number of the first event read.
    pub first_seq: u64,
    /// The number of the last.
    pub last_seq: u64,
    /// The link of the last.
    pub head: Link,
    /// The RFC 6962 root over all links; none when the export does not begin with the first event.
    pub root: Option<Link>,
    /// How many texts are erased, each named by an `erased` event.
    pub erased: usize,
    /// The policy versions that ruled.
    pub policies: BTreeSet<String>,
    /// The checkpoints that the trail agrees with.
    pub checkpoints: Vec<Agreed>,
    /// What this verdict does not cover, in sentences.
    pub cannot_prove: Vec<String>,
}

/// What one line of an export says, looked at by itself: everything but whether it follows the line before. Most of verifying
/// is this, and pieces of a file can be looked at in any order and on any thread.
#[derive(Debug, Clone)]
pub struct Looked {
    seq: u64,
    /// `None`: as the line looked at before.
    store: Option<Arc<str>>,
    policy: Option<Arc<str>>,
    prev: Link,
    hash: Link,
    /// Whether `hash` is that of what it says.
    fits: bool,
    /// What its texts come to, or what is wrong with them.
    texts: Result<Texts, String>,
}

/// What is to be remembered of an event's texts.
#[derive(Debug, Clone, Default)]
struct Texts {
    /// Those without words.
    missing: Vec<i64>,
    /// Those that it erases.
    erased: Vec<i64>,
}

/// Looks at the lines of a piece, one after the other.
#[derive(Debug, Clone, Default)]
pub struct Looker {
    // Nearly every line names the same store and policy as the one before.
    store: Option<Arc<str>>,
    policy: Option<Arc<str>>,
    buffers: Buffers,
}

impl Looker {
    /// Another piece begins: its first line names its store and policy whatever stood before.
    pub fn begin(&mut self) {
        (self.store, self.policy) = (None, None);
    }

    /// Looks at a line as it stands in the file, without its line break. Says why it is none.
    pub fn look_bytes(&mut self, line: &[u8]) -> Result<Looked, String> {
        self.look(std::str::from_utf8(line).map_err(|_| "its line is not UTF-8".to_owned())?)
    }

    /// The same, of one that is text.
    pub fn look(&mut self, line: &str) -> Result<Looked, String> {
        if let Some(Whole { seq, store, policy, prev, hash }) = swift::whole(line, &mut self.buffers) {
            let (store, policy) = (other(&mut self.store, store), other(&mut self.policy, policy));
            return Ok(Looked { seq, store, policy, prev, hash, fits: true, texts: Ok(Texts::default()) });
        }
        let line: Line<'_> = serde_json::from_str(line).map_err(|e| {
            // The fault may quote the line: whatever it holds must not reach a terminal raw.
            let fault: String = e.to_string().chars().take(200).collect();
            format!("its line is not an export line: {}", fault.escape_debug())
        })?;
        Ok(Looked {
            seq: line.seq,
            store: other(&mut self.store, &line.store),
            policy: other(&mut self.policy, &line.policy),
            prev: line.prev,
            hash: line.hash,
            fits: line.record(&line.actor.stored()).link() == line.hash,
            texts: texts(&line),
        })
    }
}

/// `text`, where it is another than the last.
fn other(last: &mut Option<Arc<str>>, text: &str) -> Option<Arc<str>> {
    if last.as_ref().is_some_and(|last| **last == *text) {
        return None;
    }
    *last = Some(Arc::from(text));
    last.clone()
}

/// Checks that the line's texts are those that its body names, with the words that were written.
fn texts(line: &Line<'_>) -> Result<Texts, String> {
    // Some bodies name no text: spare them the parsing. An escape could spell the key otherwise.
    let body = &*line.body.0;
    let erases = line.kind == "erased";
    let named = if erases || body.contains("\"text\"") || body.contains("\\u") {
        references_in(body).map_err(|_| "its body is not JSON".to_owned())?
    } else {
        Vec::new()
    };
    let alike = |(reference, text): (&Reference, &Text<'_>)| reference.name == text.name && reference.hash == text.hash;
    if named.len() != line.texts.len() || !named.iter().zip(&line.texts).all(alike) {
        return Err("the texts beside it are not those that its body names".to_owned());
    }
    let mut found = Texts::default();
    for (reference, text) in named.iter().zip(&line.texts) {
        match (&text.salt, &text.text) {
            (None, None) => found.missing.push(reference.id),
            (Some(salt), Some(words)) => {
                let salt = unhex_exactly::<SALT_BYTES>(salt);
                if salt.is_none_or(|salt| text_hash(&salt, words) != reference.hash) {
                    return Err(format!("its text {:?} was changed", reference.name));
                }
            }
            _ => return Err(format!("its text {:?} is only half there", reference.name)),
        }
    }
    if erases {
        let body: Value = serde_json::from_str(body).map_err(|_| "its body is not JSON".to_owned())?;
        let ids = body.get("texts").and_then(Value::as_array).into_iter().flatten();
        found.erased = ids.filter_map(Value::as_i64).collect();
    }
    Ok(found)
}

/// A checkpoint that waits for the trail to reach its size.
struct Awaited {
    checkpoint: Checkpoint,
    signed_by: Option<String>,
}

/// Verifies the lines of an export, one after the other.
pub struct Verifier {
    chain: Option<Chain>,
    first_seq: u64,
    keys_given: bool,
    /// By falling size, so that the next one due is the last.
    awaited: Vec<Awaited>,
    agreed: Vec<Agreed>,
    cannot_prove: Vec<String>,
    /// Texts without words, with the first event that refers to each.
    missing: BTreeMap<i64, u64>,
    /// Texts that an `erased` event names.
    erased: HashSet<i64>,
    policies: BTreeSet<String>,
    /// The store of the last line.
    store: Arc<str>,
    looker: Looker,
}

impl Verifier {
    /// Begins. The signatures of the checkpoints are checked at once when keys are given.
    pub fn new(against: &[Note], keys: &[VerifierKey]) -> Result<Self, Broken> {
        let fault = |fault: &dyn fmt::Display| Broken { seq: None, sentence: format!("the checkpoint: {fault}") };
        let mut awaited = Vec::new();
        for note in against {
            let signed_by = match keys {
                [] => None,
                _ => Some(note.verify(keys).map_err(|e| fault(&e))?.name().to_owned()),
            };
            awaited.push(Awaited { checkpoint: note.checkpoint().map_err(|e| fault(&e))?, signed_by });
        }
        awaited.sort_by_key(|awaited| std::cmp::Reverse(awaited.checkpoint.size));
        Ok(Self {
            chain: None,
            first_seq: 0,
            keys_given: !keys.is_empty(),
            awaited,
            agreed: Vec::new(),
            cannot_prove: Vec::new(),
            missing: BTreeMap::new(),
            erased: HashSet::new(),
            policies: BTreeSet::new(),
            store: Arc::default(),
            looker: Looker::default(),
        })
    }

    /// Takes the next line as it stands in the file, without its line break.
    pub fn push_text(&mut self, line: &[u8]) -> Result<(), Broken> {
        let looked = self.looker.look_bytes(line);
        self.push(looked)
    }

    /// Takes the next line, looked at already.
    pub fn push(&mut self, looked: Result<Looked, String>) -> Result<(), Broken> {
        let next = self.chain.as_ref().map_or(1, |chain| chain.last() + 1);
        let line = looked.map_err(|sentence| broken(next, sentence))?;
        if let Some(store) = &line.store {
            self.store = Arc::clone(store);
        }
        if self.chain.is_none() {
            self.begin(&line)?;
        }
        let Some(chain) = &mut self.chain else { return Ok(()) };
        chain.take(line.seq, &self.store, line.prev, line.hash, || line.fits)?;
        let Texts { missing, erased } = line.texts.map_err(|sentence| broken(line.seq, sentence))?;
        for id in missing {
            self.missing.entry(id).or_insert(line.seq);
        }
        self.erased.extend(erased);
        // The event that brings the first policy was ruled by none.
        if let Some(policy) = line.policy.filter(|policy| !policy.is_empty() && !self.policies.contains(&**policy)) {
            self.policies.insert(policy.as_ref().to_owned());
        }
        self.hold_against_checkpoints()
    }

    /// The first event tells which store it is and where the trail begins.
    fn begin(&mut self, line: &Looked) -> Result<(), Broken> {
        let chain = match line.seq {
            0 | 1 => Chain::new(&self.store),
            seq => Chain::after(&self.store, seq - 1, line.prev),
        };
        self.first_seq = line.seq;
        if let Some(other) = self.awaited.iter().find(|awaited| awaited.checkpoint.store_id != chain.store_id) {
            let (other, ours) = (&other.checkpoint.store_id, &chain.store_id);
            let sentence = format!("the checkpoint is of store {other:?}, the trail of {ours:?}: take the right one");
            return Err(Broken { seq: None, sentence });
        }
        if chain.last > 0 {
            self.cannot_prove.push(format!("anything up to event {}: the export begins after it", chain.last));
        }
        self.chain = Some(chain);
        self.hold_against_checkpoints()
    }

    /// Compares the trail with every checkpoint whose size it has reached.
    fn hold_against_checkpoints(&mut self) -> Result<(), Broken> {
        let Some(chain) = &self.chain else { return Ok(()) };
        while let Some(Awaited { checkpoint, signed_by }) =
            self.awaited.pop_if(|next| next.checkpoint.size <= chain.last)
        {
            let size = checkpoint.size;
            let here = size == chain.last;
            let same_root = chain.tree().map(|tree| tree.root() == checkpoint.root);
            let same_link = checkpoint.link.map(|link| link == chain.head);
            match (here, same_root, same_link) {
                (true, Some(false), _) | (true, _, Some(false)) => {
                    let since = self.agreed.last().map_or(1, |agreed| agreed.size + 1);
                    let sentence = format!(
                        "is not what the checkpoint over {size} events signed: events from {since} to {size} were rewritten"
                    );
                    return Err(broken(size, sentence));
                }
                (true, Some(true), _) | (true, None, Some(true)) => self.agreed.push(Agreed { size, signed_by }),
                _ => self.cannot_prove.push(format!(
                    "that the trail agrees with the checkpoint over {size} events: the export begins after it"
                )),
            }
        }
        Ok(())
    }

    /// The verdict over all lines taken.
    pub fn finish(mut self) -> Result<Verdict, Broken> {
        if self.chain.is_none() {
            // Every trail begins with its policy: nothing at all is most often an export that was refused.
            let sentence = "there is no event to verify: was the export refused?";
            return Err(Broken { seq: None, sentence: sentence.to_owned() });
        }
        let last = self.chain.as_ref().map_or(0, Chain::last);
        if let Some(longest) = self.awaited.first() {
            let size = longest.checkpoint.size;
            let sentence = format!("is missing: the trail ends at {last}, yet the checkpoint covers {size} events");
            return Err(broken(last + 1, sentence));
        }
        let unexplained = self.missing.iter().filter(|(id, _)| !self.erased.contains(id)).map(|(_, seq)| *seq).min();
        if let Some(seq) = unexplained {
            return Err(broken(seq, "a text of it is missing, and no erased event names that text"));
        }
        let cannot_prove = self.left_unproven(last);
        Ok(Verdict {
            store: self.chain.as_ref().map(|chain| chain.store_id.clone()),
            events: if self.first_seq == 0 { 0 } else { last + 1 - self.first_seq },
            first_seq: self.first_seq,
            last_seq: last,
            head: self.chain.as_ref().map_or(Link::ZERO, Chain::head),
            root: self.chain.as_ref().map_or(Some(Frontier::new().root()), |chain| chain.tree().map(Frontier::root)),
            erased: self.missing.len(),
            policies: self.policies,
            checkpoints: self.agreed,
            cannot_prove,
        })
    }

    /// What stays open, in sentences.
    fn left_unproven(&mut self, last: u64) -> Vec<String> {
        let mut open = std::mem::take(&mut self.cannot_prove);
        match self.agreed.last() {
            None => open.push(
                "that no events were cut off the end, nor the whole trail rewritten: hold it against a checkpoint that \
                 was kept elsewhere, with --against"
                    .to_owned(),
            ),
            Some(agreed) if agreed.size < last => open.push(format!(
                "that nothing after event {} was cut off or rewritten: the checkpoint covers only {0} events",
                agreed.size
            )),
            Some(_) => {}
        }
        if !self.keys_given && !self.agreed.is_empty() {
            open.push("that the checkpoint is the store's own: check its signature, with --key".to_owned());
        }
        if self.keys_given && self.agreed.is_empty() {
            open.push("anything with the key alone: it checks the checkpoint given with --against".to_owned());
        }
        open
    }
}

/// Verifies a whole export. The outer error is that of the reading, the inner one the verdict's.
pub fn verify<L: AsRef<[u8]>, E>(
    lines: impl IntoIterator<Item = Result<L, E>>,
    against: &[Note],
    keys: &[VerifierKey],
) -> Result<Result<Verdict, Broken>, E> {
    let mut verifier = match Verifier::new(against, keys) {
        Ok(verifier) => verifier,
        Err(broken) => return Ok(Err(broken)),
    };
    for line in lines {
        if let Err(broken) = verifier.push_text(line?.as_ref()) {
            return Ok(Err(broken));
        }
    }
    Ok(verifier.finish())
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;

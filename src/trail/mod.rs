//! The trail: what happened, all of it in order, so that nobody can change a part of it unseen.
//!
//! An event's [`Record`] is hashed together with the link before it; the hash is at once the next [`Link`] of the chain and a
//! leaf of an RFC 6962 Merkle [`tree`]; a [`checkpoint`] signs the tree's root; [`export`] is how the trail travels and
//! [`verify`] is how anybody checks it, here or in `assets/verify.py`.
//!
//! Floor 1: no clock, no file, no network, no chance. The record format is final: a store written once stays verifiable.

pub mod checkpoint;
pub mod export;
pub mod link;
pub mod record;
mod swift;
pub mod tree;
pub mod verify;

pub use checkpoint::{Checkpoint, Note, Signer, VerifierKey};
pub use export::{Line, SALT_BYTES, references, text_hash};
pub use link::Link;
pub use record::Record;
pub use tree::Frontier;
pub use verify::{Broken, Chain, Looked, Looker, Verdict, Verifier};

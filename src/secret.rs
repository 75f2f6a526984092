//! Secrets, and the only place that draws chance.

use ring::rand::{SecureRandom, SystemRandom};

pub use crate::text::Secret;

/// The system would not give randomness; nothing secret can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no randomness: check /dev/urandom")]
pub struct NoChance;

/// `N` random bytes.
pub fn bytes<const N: usize>() -> Result<[u8; N], NoChance> {
    let mut out = [0; N];
    SystemRandom::new().fill(&mut out).map_err(|_| NoChance)?;
    Ok(out)
}

/// `N` random bytes in hex.
pub fn hex<const N: usize>() -> Result<String, NoChance> {
    Ok(crate::trail::link::hex(&bytes::<N>()?))
}

/// A number in `0..below`, evenly enough for jitter.
pub fn below(below: u64) -> u64 {
    bytes::<8>().map_or(0, |bytes| u64::from_le_bytes(bytes) % below.max(1))
}

/// SHA-256 of a token, as it is stored.
pub fn token_hash(token: &Secret) -> String {
    crate::trail::link::hex(ring::digest::digest(&ring::digest::SHA256, token.reveal().as_bytes()).as_ref())
}

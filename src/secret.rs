//! Secrets, and the only place that draws chance.

use ring::rand::{SecureRandom, SystemRandom};
use std::sync::{Arc, Mutex, PoisonError};

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

/// Where jitter comes from: the system, or for a simulation that must replay, a seed. Secrets never come from here.
#[derive(Clone, Default)]
pub struct Chance(Option<Arc<Mutex<u64>>>);

impl Chance {
    /// The same numbers for the same seed, for simulation.
    pub fn seeded(seed: u64) -> Self {
        Self(Some(Arc::new(Mutex::new(seed))))
    }

    /// A number in `0..below`, evenly enough for jitter.
    pub fn below(&self, below: u64) -> u64 {
        let drawn = match &self.0 {
            None => bytes::<8>().map_or(0, u64::from_le_bytes),
            Some(seed) => split_mix(&mut seed.lock().unwrap_or_else(PoisonError::into_inner)),
        };
        drawn % below.max(1)
    }
}

/// A number in `0..below`, evenly enough for jitter.
pub fn below(below: u64) -> u64 {
    Chance::default().below(below)
}

/// The next number of SplitMix64.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// SHA-256 of a token, as it is stored.
pub fn token_hash(token: &Secret) -> String {
    crate::trail::link::hex(ring::digest::digest(&ring::digest::SHA256, token.reveal().as_bytes()).as_ref())
}

//! Chance from a seed: the same seed, the same run.

use nightlatch::secret::Chance;

/// What a run draws from.
#[derive(Clone)]
pub struct Dice(Chance);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(Chance::seeded(seed))
    }
    /// A number in `0..below`.
    pub fn below(&self, below: u64) -> u64 {
        self.0.below(below)
    }
    /// True so many times in a hundred.
    pub fn percent(&self, percent: u64) -> bool {
        self.below(100) < percent
    }
    pub fn one<'a, T>(&self, of: &'a [T]) -> &'a T {
        &of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }
    /// The place of one of these weights.
    pub fn weighted(&self, weights: &[u64]) -> usize {
        let mut left = self.below(weights.iter().sum());
        for (place, weight) in weights.iter().enumerate() {
            if left < *weight {
                return place;
            }
            left -= weight;
        }
        0
    }
}

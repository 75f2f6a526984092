//! The pauses between tries to reach a host: up to twice as long each time, and hardly ever as long as anybody else's, so that
//! those who lost it together do not come back together.

use crate::secret::below;
use std::time::Duration;

/// The shortest.
const SHORTEST: Duration = Duration::from_millis(500);
/// The longest, and a little more, where nobody says otherwise.
const LONGEST: Duration = Duration::from_secs(30);

/// One row of pauses.
#[derive(Debug, Clone)]
pub struct Pauses {
    /// What the next one has at most beyond the shortest.
    upto: Duration,
    longest: Duration,
}

impl Default for Pauses {
    fn default() -> Self {
        Self::growing_to(LONGEST)
    }
}

impl Pauses {
    /// A row that grows no further than to `longest`, about.
    pub const fn growing_to(longest: Duration) -> Self {
        Self { upto: SHORTEST, longest }
    }

    /// Whether none was made since the beginning.
    pub fn is_fresh(&self) -> bool {
        self.upto == SHORTEST
    }

    /// The next pause.
    pub fn make(&mut self) -> Duration {
        let upto = u64::try_from(self.upto.as_millis()).unwrap_or(u64::MAX);
        self.upto = self.upto.saturating_mul(2).min(self.longest);
        SHORTEST.saturating_add(Duration::from_millis(below(upto)))
    }

    /// From the beginning: it worked, or somebody looks.
    pub const fn begin_again(&mut self) {
        self.upto = SHORTEST;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_longest_and_begin_again() {
        let mut pauses = Pauses::growing_to(Duration::from_secs(3));
        assert!(pauses.is_fresh());
        for most in [1000, 1500, 2500, 3500, 3500] {
            let pause = pauses.make();
            assert!(pause >= SHORTEST && pause < Duration::from_millis(most), "{pause:?}");
            assert!(!pauses.is_fresh());
        }
        pauses.begin_again();
        assert!(pauses.is_fresh() && pauses.make() < Duration::from_secs(1));
    }
}

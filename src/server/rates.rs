//! How often is too often: requests by person; bad tokens and codes by place and by the token's beginning.
//!
//! A good token is never counted as bad and never slowed, so guessing cannot lock its owner out.

use super::Options;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::num::NonZeroU32;
use std::time::Duration;

/// How long a bad token waits for its answer once there were many.
const SLOWED: Duration = Duration::from_secs(1);
/// With more keys than this the old ones are forgotten.
const KEYS: usize = 10_000;
/// So many characters of a token are its beginning: random enough to tell tokens apart, too few to use.
const BEGINNING: usize = 10;

#[allow(clippy::struct_field_names, reason = "all are kept by something")]
pub struct Rates {
    by_person: DefaultKeyedRateLimiter<String>,
    by_place: DefaultKeyedRateLimiter<String>,
    by_beginning: DefaultKeyedRateLimiter<String>,
}

impl Rates {
    pub fn new(options: &Options) -> Self {
        let keyed =
            |a_minute: u32| RateLimiter::keyed(Quota::per_minute(NonZeroU32::new(a_minute).unwrap_or(NonZeroU32::MIN)));
        Self {
            by_person: keyed(options.requests_per_minute),
            by_place: keyed(options.logins_per_minute),
            by_beginning: keyed(options.logins_per_minute),
        }
    }

    /// Counts a request of this person; says whether there were too many.
    pub fn busy(&self, person: &str) -> bool {
        exceeded(&self.by_person, person)
    }

    /// Counts a bad token or code; says whether there were too many, after making the guesser wait.
    pub async fn bad(&self, place: &str, guess: &str) -> bool {
        let beginning: String = guess.chars().take(BEGINNING).collect();
        // Both are counted, whatever the first one says.
        let many = exceeded(&self.by_place, place) | exceeded(&self.by_beginning, &beginning);
        if many {
            tokio::time::sleep(SLOWED).await;
        }
        many
    }
}

fn exceeded(keys: &DefaultKeyedRateLimiter<String>, key: &str) -> bool {
    if keys.len() > KEYS {
        keys.retain_recent();
    }
    keys.check_key(&key.to_owned()).is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a42_guesses_are_slowed_by_place_and_by_beginning() {
        let rates = Rates::new(&Options::default());
        for n in 0..10 {
            assert!(!rates.bad("192.0.2.1", &format!("nlt_{n}aaaaa")).await);
        }
        assert!(rates.bad("192.0.2.1", "nlt_other1").await, "one place");
        for n in 0..10 {
            assert!(!rates.bad(&format!("198.51.100.{n}"), "nlt_bbbbbbcc").await);
        }
        assert!(rates.bad("198.51.100.99", "nlt_bbbbbbdd").await, "one beginning");
        assert!(!rates.bad("203.0.113.1", "nlt_cccccc").await);
        assert!((0..600).all(|_| !rates.busy("sam")) && rates.busy("sam"));
        assert!(!rates.busy("li"));
    }
}

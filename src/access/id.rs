//! The number of a request: `142` or `NL-142`.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The number of a request; the first of a store is 101.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestNumber(pub i64);

/// The number before the first.
pub const BEFORE_FIRST: i64 = 100;

impl RequestNumber {
    /// The last three digits, which an approver types to confirm.
    pub fn last_three(self) -> String {
        format!("{:03}", self.0 % 1000)
    }
}

impl fmt::Display for RequestNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("NL-{}", self.0))
    }
}

/// Why a text is not a request's number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the number of a request: write it as 142 or NL-142")]
pub struct BadNumber(String);

impl FromStr for RequestNumber {
    type Err = BadNumber;
    fn from_str(text: &str) -> Result<Self, BadNumber> {
        let digits = text.strip_prefix("NL-").or_else(|| text.strip_prefix("nl-")).unwrap_or(text);
        let plain = !digits.is_empty() && digits.len() <= 15 && digits.bytes().all(|b| b.is_ascii_digit());
        match digits.parse() {
            Ok(number) if plain && number > 0 => Ok(Self(number)),
            _ => Err(BadNumber(text.chars().take(40).collect())),
        }
    }
}

//! What was looked at, and how bad it is.

use serde::Serialize;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finding {
    /// As it should be.
    Ok,
    /// Worth a look.
    Warning,
    /// Wrong.
    Fault,
    /// The record is not what it was.
    Tampered,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Look {
    /// What: `configuration`, `policy`, `target sandbox`, …
    pub what: String,
    /// How bad it is.
    pub finding: Finding,
    /// In words, with the cure.
    pub sentence: String,
}

/// What the doctor has found so far.
#[derive(Debug, Default)]
pub(super) struct Looks(pub Vec<Look>);

impl Looks {
    pub fn say(&mut self, what: &str, finding: Finding, sentence: impl Into<String>) {
        self.0.push(Look { what: what.to_owned(), finding, sentence: sentence.into() });
    }
}

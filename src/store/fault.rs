//! What can be wrong with a store, in sentences. Must not know which engine said it.

/// Why the store did not do it: a sentence with its cure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached, or is busy: nothing was written, trying again is sensible.
    #[error("{0}")]
    Away(String),
    /// It said no to this statement: a constraint, a full disk. Nothing was written.
    #[error("{0}")]
    Refused(String),
    /// It failed while committing: whether the writes stand must be read again.
    #[error("{0}")]
    Unknown(String),
    /// It is not as it must be: set-up, damage, or tampering. Somebody has to look.
    #[error("{0}")]
    Broken(String),
}

/// A foreign sentence without anything that could move a terminal's cursor or forge a line of a log.
pub(super) fn one_line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(300).collect()
}

//! Why there is no answer.

use crate::wire::Problem;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The host said no.
    #[error("{}", .0.detail)]
    Problem(Box<Problem>),
    /// The host cannot be reached, with a sentence and its cure.
    #[error("{0}")]
    Away(String),
    /// The host answered something that is no answer of ours.
    #[error("{0}")]
    Wrong(String),
}

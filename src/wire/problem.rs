//! Errors as they travel: problem+json (RFC 9457) with a stable code, a sentence and a cure.

use serde::{Deserialize, Serialize};

/// An error, as every face says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Problem {
    /// A URI reference of the kind of problem.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// The HTTP status.
    pub status: u16,
    /// The stable code.
    pub code: String,
    /// One sentence.
    pub detail: String,
    /// How to cure it.
    #[serde(default)]
    pub hint: String,
    /// Where to find it in the server's log, for faults of the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

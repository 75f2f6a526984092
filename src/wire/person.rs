//! People, as every answer shows them.

use serde::{Deserialize, Serialize};

/// A person, as shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PersonView {
    /// The name in the policy.
    pub id: String,
    /// As people say it.
    pub name: String,
    /// What they are.
    #[serde(default)]
    pub title: Option<String>,
}

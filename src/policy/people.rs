//! People: named persons, never teams or shared accounts.

use chrono::NaiveDate;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A standing duty that gives rights beyond one system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Duty {
    /// Leads incidents: may end any access.
    Lead,
    /// Reads everything, acts on nothing.
    Auditor,
    /// Policy and tokens; decides nothing as an admin.
    Admin,
}

/// A named person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// As people say it: "Priya Shah".
    pub name: String,
    /// What they are: "Senior Platform Engineer".
    pub title: Option<String>,
    /// What an identity provider calls them; lower case.
    pub email: Option<String>,
    /// What the machine calls them on a Unix socket.
    pub os_user: Option<String>,
    /// Shown to a requester whom nobody answers.
    pub contact: Option<String>,
    /// Their own zone.
    pub zone: Tz,
    /// Days away, first and last included, in their own zone.
    pub leave: Vec<(NaiveDate, NaiveDate)>,
    /// Standing duties.
    pub duties: BTreeSet<Duty>,
}

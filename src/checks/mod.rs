//! The approver's quick checks: what can be seen of an ask before anybody is woken. One file each, one table.
//!
//! Pure: each check gets the same view of an ask and says pass, warn or fail with one sentence.

pub mod approver;
mod end;
mod overlap;
mod record;
mod task;

use crate::policy::{Kind, Policy, Role, System};
use crate::text::{Instant, Length, PersonId};
pub use approver::{may_decide, own_and_forbidden};
use serde::{Deserialize, Serialize};

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Nothing to say.
    Pass,
    /// Worth a look.
    Warn,
    /// A fact stands against it.
    Fail,
}

/// One check's finding, with one sentence that says what was seen and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Which check.
    pub code: String,
    /// What it found.
    pub verdict: Verdict,
    /// In words.
    pub sentence: String,
}

/// What the checks look at.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The policy that rules.
    pub policy: &'a Policy,
    /// The system asked for.
    pub system: &'a System,
    /// The role asked for.
    pub role: &'a Role,
    /// The kind.
    pub kind: Kind,
    /// The task, as written.
    pub task: &'a str,
    /// The ticket, if any.
    pub ticket: Option<&'a str>,
    /// Who asks.
    pub requester: &'a PersonId,
    /// Who will hold the access.
    pub user: &'a PersonId,
    /// The named approver.
    pub approver: &'a PersonId,
    /// How long it would be if approved now.
    pub length: Length,
    /// The end if approved now.
    pub until: Instant,
    /// What the user holds or has asked for on this system: the request, its role, its end.
    pub open: &'a [Open],
    /// Now.
    pub at: Instant,
}

/// Another open request of the same user on the same system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// Its number, as shown.
    pub number: String,
    /// Its role.
    pub role: crate::text::RoleId,
    /// Its end, if approved now.
    pub until: Instant,
    /// Whether it is approved.
    pub held: bool,
}

type Run = fn(&View<'_>) -> (Verdict, String);

/// Every check, in the order in which they are shown.
const TABLE: [(&str, Run); 5] = [
    ("task", task::run),
    ("end", end::run),
    ("approver", approver::run),
    ("record", record::run),
    ("overlap", overlap::run),
];

/// Runs every check.
pub fn run(view: &View<'_>) -> Vec<Check> {
    TABLE
        .iter()
        .map(|(code, run)| {
            let (verdict, sentence) = run(view);
            Check { code: (*code).to_owned(), verdict, sentence }
        })
        .collect()
}

/// The codes of the failed ones.
pub fn failed(checks: &[Check]) -> Vec<String> {
    checks.iter().filter(|c| c.verdict == Verdict::Fail).map(|c| c.code.clone()).collect()
}

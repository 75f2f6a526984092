//! The approver's quick checks: what can be seen of an ask before anybody is woken. One file each, one table.
//!
//! Pure: each check gets the same view of an ask and says pass, warn or fail with one sentence.

pub mod approver;
mod end;
mod fresh;
mod overlap;
mod pattern;
mod reading;
mod record;
mod removal;
mod role;
pub mod score;
mod task;
#[cfg(test)]
mod tests;

use crate::policy::{Kind, Policy, Role, System};
use crate::text::{Instant, Length, PersonId};
pub use approver::{may_decide, own_and_forbidden};
pub use overlap::covers;
pub use pattern::{LATELY, broadest};
use reading::Task;
use reading::clear::{self, Weights};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, OnceLock};

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
    /// What the user holds or has asked for on this system, lowest number first; what gives none of this role may be left out,
    /// and all but the first that does.
    pub open: &'a [Open],
    /// What happened before, and what is known of the target.
    pub past: &'a Past,
    /// Now.
    pub at: Instant,
}

/// What happened before this ask, and what is known of where it would go. All of it may be empty: then nothing is said of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Past {
    /// Tasks that were approved for the same user, latest first; a few.
    pub earlier: Vec<Earlier>,
    /// What the same user asked for in the last days, this one left out.
    pub lately: Vec<Lately>,
    /// Where the access would go.
    pub target: Option<Target>,
}

/// A task that was approved before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// Its request, as shown.
    pub number: String,
    /// Its ticket.
    pub ticket: Option<String>,
    /// Its words.
    pub task: Words,
}

/// A task's words, which are read when they are first compared, and not again.
#[derive(Debug, Clone)]
pub struct Words(Arc<(String, OnceLock<Task>)>);

impl Words {
    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0.0
    }
    /// As read.
    fn task(&self) -> &Task {
        self.0.1.get_or_init(|| Task::of(&self.0.0))
    }
}

impl<T: Into<String>> From<T> for Words {
    fn from(text: T) -> Self {
        Self(Arc::new((text.into(), OnceLock::new())))
    }
}

impl PartialEq for Words {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Words {}

/// An ask of the last days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lately {
    /// When it was filed.
    pub at: Instant,
    /// Its kind.
    pub kind: Kind,
    /// Its ticket.
    pub ticket: Option<String>,
    /// Whether its role contains every other one of its system.
    pub broad: bool,
}

/// Where access would go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its name under `[provisioners]`.
    pub name: String,
    /// Whether it can end an access by itself.
    pub second_lock: bool,
    /// When it was last tried, and what was wrong.
    pub probed: Option<(Instant, Result<(), String>)>,
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

/// An ask with its task as it was read, once for all checks.
struct Seen<'a> {
    view: &'a View<'a>,
    task: Task,
    unclear: bool,
}

type Run = fn(&Seen<'_>) -> (Verdict, String);

/// Every check, in the order in which they are shown.
const TABLE: [(&str, Run); 9] = [
    ("task", task::run),
    ("end", end::run),
    ("approver", approver::run),
    ("record", record::run),
    ("removal", removal::run),
    ("role", role::run),
    ("fresh", fresh::run),
    ("pattern", pattern::run),
    ("overlap", overlap::run),
];

/// Runs every check.
pub fn run(view: &View<'_>) -> Vec<Check> {
    run_with(view, &clear::WEIGHTS)
}

fn run_with(view: &View<'_>, weights: &Weights) -> Vec<Check> {
    let task = Task::of(view.task);
    let unclear = clear::unclear(&clear::signs(&task), weights) > clear::UNCLEAR;
    let seen = Seen { view, task, unclear };
    TABLE
        .iter()
        .map(|(code, run)| {
            let (verdict, sentence) = run(&seen);
            Check { code: (*code).to_owned(), verdict, sentence }
        })
        .collect()
}

/// What the check of the task says before everything else is known. `places` are the names of what is asked for, as far as there
/// are any.
pub fn of_task(text: &str, places: &str) -> Check {
    let task = Task::of(text);
    let unclear = clear::unclear(&clear::signs(&task), &clear::WEIGHTS) > clear::UNCLEAR;
    let (verdict, sentence) = task::judge(text, &task, unclear, places);
    Check { code: "task".to_owned(), verdict, sentence }
}

/// The codes of the failed ones.
pub fn failed(checks: &[Check]) -> Vec<String> {
    checks.iter().filter(|c| c.verdict == Verdict::Fail).map(|c| c.code.clone()).collect()
}

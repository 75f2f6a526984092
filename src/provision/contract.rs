//! What every provisioner does, and the words in which it is told and answers.
//!
//! Nothing here acts. A `Fault` means *not known*: whoever reads one must never take it for an absence.

use crate::text::{Instant, Length, PersonId, RoleId, SystemId};
use futures_util::future::BoxFuture;
use serde::Serialize;
use serde_json::{Map, Value};
use std::fmt;

/// One access as a provisioner is told of it. Its JSON is the object that a helper reads on standard input.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Spec {
    /// The name of this grant in the target, made by [`mark`].
    pub mark: String,
    /// The request's number.
    pub request: u64,
    /// Who will hold the access.
    pub user: UserFacts,
    /// The system.
    pub system: SystemId,
    /// The system's environment, such as `production`.
    pub environment: String,
    /// The role on that system.
    pub role: RoleId,
    /// The role's own settings from the policy.
    pub with: Map<String, Value>,
    /// The start of the window.
    pub from: Instant,
    /// The end of the window; an extension moves it.
    pub until: Instant,
}

/// What a target may need to know about the person who will hold the access.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UserFacts {
    /// Their name in the policy.
    pub id: PersonId,
    /// As people say it.
    pub name: String,
    /// What an identity provider calls them; `null` in JSON when the policy does not say.
    pub email: Option<String>,
}

/// What one reading of the target said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// Whether the access is there.
    pub presence: Presence,
    /// The end that the target itself holds, where it holds one.
    pub until: Option<Instant>,
    /// Sessions that live on this access; `None` where the target cannot count them.
    pub sessions: Option<u32>,
    /// What was read, in one line that is safe to show.
    pub evidence: String,
    /// Whether what is there carries our store's mark. Access that is not ours is never taken over, so never removed.
    pub ours: bool,
}

/// Whether access is in a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It was read there.
    Present,
    /// The target was read, and it was not there.
    Absent,
}

/// What a successful grant says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Granted {
    /// The target itself ends this access at its `until`.
    pub second_lock: bool,
}

/// What a successful removal says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Removed {
    /// What its user left behind or changed in the window beyond the access itself, a line each, safe to show.
    pub drift: Vec<String>,
}

/// Why an act on a target did not succeed, or why nothing is known about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}")]
pub struct Fault {
    /// One line with its cure, safe to show.
    pub sentence: String,
    /// False when trying to grant again is useless. Removal is tried again all the same.
    pub retry: bool,
}

impl Fault {
    /// A fault that may be gone at the next attempt.
    pub fn passing(sentence: impl Into<String>) -> Self {
        Self { sentence: sentence.into(), retry: true }
    }

    /// A fault that no further attempt to grant will cure.
    pub fn lasting(sentence: impl Into<String>) -> Self {
        Self { sentence: sentence.into(), retry: false }
    }
}

/// The secret with which a user takes their access: fields by name. Its Debug shows the names only.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential(Map<String, Value>);

impl Credential {
    /// Wraps the fields; the caller keeps no copy.
    pub fn new(fields: Map<String, Value>) -> Self {
        Self(fields)
    }

    /// The fields, for the one answer that hands them to their user.
    pub fn reveal(&self) -> &Map<String, Value> {
        &self.0
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.keys().map(|name| (name, "redacted"))).finish()
    }
}

/// Access in the target that carries our store's mark, whether or not a live grant explains it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    /// The mark that it carries.
    pub mark: String,
    /// What was read, in one line that is safe to show.
    pub evidence: String,
}

/// The answers to a batch: one for each spec, in their order.
pub type Act<'a, T> = BoxFuture<'a, Vec<Result<T, Fault>>>;

/// One target and the way to act on it.
///
/// `grant` is called again when `until` moves, `remove` until an observation says absent: both are idempotent. A call may
/// be dropped half-way; what it leaves must be something that the next call can finish.
pub trait Provisioner: Send + Sync {
    /// This target's name: its key under `[provisioners]`.
    fn target(&self) -> &str;
    /// The access in the target that this spec speaks of. Grants that share a key share one access.
    fn key(&self, spec: &Spec) -> String;
    /// Makes each access be there until its `until`.
    fn grant<'a>(&'a self, specs: &'a [Spec]) -> Act<'a, Granted>;
    /// Takes each access out, with every session that lives on it. One that is not there is a success.
    fn remove<'a>(&'a self, specs: &'a [Spec]) -> Act<'a, Removed>;
    /// Reads the target.
    fn observe<'a>(&'a self, specs: &'a [Spec]) -> Act<'a, Observation>;
    /// Mints the access's credential anew, voiding the one before.
    fn hand<'a>(&'a self, spec: &'a Spec) -> BoxFuture<'a, Result<Credential, Fault>>;
    /// Everything in the target that carries this store's mark, live or not.
    fn strays<'a>(&'a self, store: &'a str) -> BoxFuture<'a, Result<Vec<Stray>, Fault>>;
    /// Whether the target can be reached and acted on.
    fn probe(&self) -> BoxFuture<'_, Result<(), Fault>>;
    /// The command that a person types to remove this access without us, quoted for a POSIX shell.
    fn by_hand(&self, spec: &Spec) -> String;
    /// How far apart two readings must be to be proof; zero where one reading after the act is enough.
    fn settles(&self) -> Length {
        Length::ZERO
    }
    /// How long after the end the removal should have been observed.
    fn bound(&self) -> Length {
        DEFAULT_BOUND
    }
    /// The longest that one call of `grant`, `remove` or `observe` takes, its whole batch included.
    fn time_limit(&self) -> Length;
    /// The most specs that one call takes.
    fn at_once(&self) -> usize;
    /// Whether this target can end an access by itself.
    fn second_lock(&self) -> bool;
}

/// The bound of a provisioner that names none.
pub const DEFAULT_BOUND: Length = Length::from_seconds(5);

/// The longest mark, in bytes: what a role's name in PostgreSQL and a label in Kubernetes can hold.
pub const LONGEST_MARK: usize = 63;

/// The longest store part of a mark, so that request and user keep their room.
const LONGEST_STORE: usize = 24;

/// `nl-STORE-REQUEST-USER`, the name of a grant in its target: `[a-z0-9-]`, at most 63 bytes, the user part cut.
pub fn mark(store: &str, request: u64, user: &str) -> String {
    let mut mark = format!("{}{request}-", store_part(store));
    let room = LONGEST_MARK.saturating_sub(mark.len());
    mark.extend(user.chars().filter(|c| plain(*c) || *c == '-').take(room));
    mark.truncate(mark.trim_end_matches('-').len());
    mark
}

/// `nl-STORE-`: how every mark of this store begins. No dash in STORE, so that it can be read back out of a mark.
pub fn store_part(store: &str) -> String {
    let store: String = store.chars().filter(|c| plain(*c)).take(LONGEST_STORE).collect();
    format!("nl-{store}-")
}

/// The `nl-STORE-` with which this mark begins, or nothing when it is no mark at all.
pub(super) fn store_of(mark: &str) -> Option<&str> {
    let rest = mark.strip_prefix("nl-")?;
    let (store, rest) = rest.split_once('-')?;
    let fits = mark.len() <= LONGEST_MARK
        && !store.is_empty()
        && !rest.is_empty()
        && store.chars().all(plain)
        && rest.chars().all(|c| plain(c) || c == '-');
    if fits { mark.get(..store.len() + 4) } else { None }
}

fn plain(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_short_plain_and_begins_with_its_store() {
        assert_eq!(mark("7f3a", 142, "ana"), "nl-7f3a-142-ana");
        let long = mark("7f3a", u64::MAX, &"ab-".repeat(40));
        assert!(long.len() <= LONGEST_MARK && !long.ends_with('-'), "{long}");
        assert_eq!(store_of(&long), Some("nl-7f3a-"));
        assert_eq!(store_of(&mark(&"f".repeat(64), u64::MAX, "ana")), Some(&*store_part(&"f".repeat(64))));
    }

    #[test]
    fn a18_a_mark_carries_nothing_that_a_target_could_misread() {
        assert_eq!(mark("7F'3;a/..", 1, "a'; drop\n$(id)../-o"), "nl-73a-1-adropid-o");
        for bad in ["", "nl-", "nl-7f3a", "nl-7f3a-", "nl--1-a", "nl-7f3a-1-a/../b", "xx-7f3a-1-a", "nl-7f3a-1-A"] {
            assert_eq!(store_of(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn i13_a_credential_does_not_show_its_secret() {
        let credential = Credential::new(Map::from_iter([("password".to_owned(), Value::from("hunter2"))]));
        let shown = format!("{credential:?}");
        assert!(shown.contains("password") && !shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn a_spec_is_the_json_that_helpers_read() {
        let spec = Spec {
            mark: mark("7f3a", 142, "ana"),
            request: 142,
            user: UserFacts { id: "ana".parse().unwrap(), name: "Ana Ruiz".into(), email: None },
            system: "payments".parse().unwrap(),
            environment: "production".into(),
            role: "restart".parse().unwrap(),
            with: Map::new(),
            from: Instant::parse_rfc3339("2026-11-21T23:40:00Z").unwrap(),
            until: Instant::parse_rfc3339("2026-11-22T00:30:00Z").unwrap(),
        };
        assert_eq!(
            serde_json::to_string(&spec).unwrap(),
            r#"{"mark":"nl-7f3a-142-ana","request":142,"user":{"id":"ana","name":"Ana Ruiz","email":null},"system":"payments","environment":"production","role":"restart","with":{},"from":"2026-11-21T23:40:00Z","until":"2026-11-22T00:30:00Z"}"#
        );
    }
}

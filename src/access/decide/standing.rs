//! Where a request stands against a command: what was decided before, what changed since, what forbids giving now.

use crate::access::facts::{Facts, Now};
use crate::access::refusal::{Code, Refusal};
use crate::access::request::{Request, State};
use crate::access::status::Status;
use crate::checks;
use crate::policy::Kind;
use crate::text::PersonId;
use crate::text::instant::said;

/// "Already approved by Sam Lee at 02:14", as information.
pub(super) fn already(facts: &Facts<'_>, request: &Request, standing: Status) -> Refusal {
    let number = request.number;
    let name = |who: &PersonId| facts.policy.person(who).map_or_else(|| who.to_string(), |p| p.name.clone());
    let (sentence, code) = match &request.state {
        State::Pending | State::Lapsed(_) => (format!("{number} lapsed: nobody decided in time"), Code::Over),
        State::SentBack(_) if standing == Status::Lapsed => {
            (format!("{number} lapsed: it was not mended in time"), Code::Over)
        }
        State::SentBack(s) => (
            format!("{number} was already sent back by {} at {}", name(&s.decision.by), said(s.decision.at)),
            Code::AlreadyDecided,
        ),
        State::Denied(d) => {
            (format!("{number} was already denied by {} at {}", name(&d.by), said(d.at)), Code::AlreadyDecided)
        }
        State::Withdrawn(w) => (format!("{number} was withdrawn by {} at {}", name(&w.by), said(w.at)), Code::Over),
        State::Held(held) => {
            let by = &held.decision;
            let code = if standing.is_over() || standing == Status::Ending { Code::Over } else { Code::AlreadyDecided };
            (format!("{number} was already approved by {} at {}; it is {standing}", name(&by.by), said(by.at)), code)
        }
    };
    let hint =
        if code == Code::Over { "a new problem is a new request" } else { "nightlatch show tells what was decided" };
    Refusal::new(code, sentence, hint)
}

/// "Changed since you read it: the end moved from 00:30 to 02:00".
pub(super) fn changed(request: &Request, as_of: i64) -> Refusal {
    let since: Vec<&str> = request
        .revisions
        .iter()
        .filter(|revision| revision.seq > as_of)
        .flat_map(|revision| revision.changes.iter().map(String::as_str))
        .collect();
    let what = if since.is_empty() { "something was decided or asked".to_owned() } else { since.join("; ") };
    Refusal::new(
        Code::Changed,
        format!("{} changed since you read it: {what}", request.number),
        format!("read it again (version {}) and decide on that", request.version),
    )
}

/// The policy moved between working something out and deciding on it; the service tries again by itself.
pub(super) fn moved() -> Refusal {
    Refusal::new(Code::PolicyMoved, "the policy changed in the same moment", "try again")
}

/// High-risk: the broadest of several roles, kind `day`, a failed check, or a second or later extension.
pub(in crate::access) fn risky(facts: &Facts<'_>, request: &Request) -> bool {
    let broadest = facts.policy.systems.get(&request.ask.system).is_some_and(|system| {
        system.roles.len() > 1 && system.roles.last().is_some_and(|role| role.id == *request.role())
    });
    match request.held() {
        Some(held) => !held.extended.is_empty(),
        None => broadest || request.ask.kind == Kind::Day || !checks::failed(&request.ask.checks).is_empty(),
    }
}

pub(super) fn sane(now: Now) -> Result<(), Refusal> {
    if now.sane {
        return Ok(());
    }
    Err(Refusal::new(
        Code::Clock,
        "the server's clock cannot be trusted now, so nothing new is given; removals go on",
        "mend the clock, or accept it with nightlatch admin clock accept",
    ))
}

pub(super) fn thawed(facts: &Facts<'_>, request: &Request) -> Result<(), Refusal> {
    let Some(frozen) = facts.frozen(&request.ask.system) else { return Ok(()) };
    let what = frozen.system.as_ref().map_or_else(|| "everything".to_owned(), ToString::to_string);
    Err(Refusal::new(
        Code::Frozen,
        format!("{what} is frozen by {} since {}", frozen.by.id(), said(frozen.at)),
        "nightlatch thaw ends it, for those who may",
    ))
}

//! What a viewer may do with one request: `decide` run dry, each verb with its guard or the refusal that they would get.

use super::actor::Actor;
use super::command::Command;
use super::decide::{decide, may_amend, may_end, may_extend, may_undo, may_verdict, may_withdraw, risky};
use super::facts::{Facts, Now};
use super::refusal::Refusal;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// What a face asks for before it sends the verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Guard {
    /// Nothing.
    #[serde(rename = "none")]
    None,
    /// A line of words.
    #[serde(rename = "words")]
    Words,
    /// The last three digits of the number.
    #[serde(rename = "number")]
    Number,
    /// Both.
    #[serde(rename = "number+words")]
    NumberWords,
}

/// One verb, for one viewer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct May {
    /// The verb.
    pub verb: Cow<'static, str>,
    /// What it asks for first.
    pub guard: Guard,
    /// Why not, if not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refusal>,
}

/// Every verb on the request in `facts`, for `actor`.
pub fn may(facts: &Facts<'_>, actor: &Actor, now: Now) -> Vec<May> {
    let Some(request) = facts.request else { return Vec::new() };
    let dry = |command: Command| decide(facts, actor, &command, now).map(drop);
    let verdict = may_verdict(facts, actor, now).map(drop);
    let text = || "dry run".to_owned();
    let somebody = actor.person().unwrap_or(&request.requester).clone();
    let approve = if risky(facts, request) { Guard::NumberWords } else { Guard::Number };
    let verbs: [(&str, Guard, Result<(), Refusal>); 15] = [
        ("approve", approve, verdict.clone().and_then(|()| not_now(facts, request, now))),
        ("deny", Guard::Words, verdict.clone()),
        ("send-back", Guard::Words, verdict.clone()),
        ("claim", Guard::None, verdict),
        ("undo", Guard::None, may_undo(facts, actor, now)),
        ("extend", Guard::Words, may_extend(facts, actor, now)),
        ("revoke", Guard::Words, may_end(facts, actor, now)),
        ("hand-back", Guard::None, dry(Command::HandBack { changed: None, checked: None, follow_up: None })),
        ("amend", Guard::None, may_amend(facts, actor, now)),
        ("withdraw", Guard::None, may_withdraw(facts, actor, now)),
        ("note", Guard::Words, dry(Command::Note { words: text() })),
        ("connect", Guard::None, dry(Command::Collect)),
        ("retry", Guard::None, dry(Command::Retry)),
        ("hand-over", Guard::None, dry(Command::HandOver { to: somebody })),
        ("removal-confirm", Guard::Words, dry(Command::Attest { words: text() })),
    ];
    verbs
        .into_iter()
        .map(|(verb, guard, answer)| May { verb: Cow::Borrowed(verb), guard, refusal: answer.err() })
        .collect()
}

fn not_now(facts: &Facts<'_>, request: &super::request::Request, now: Now) -> Result<(), Refusal> {
    super::decide::approvable(facts, request, now)
}

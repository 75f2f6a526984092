//! `decide`: what happens when somebody wants something, or why it does not.
//!
//! The order of refusals is fixed: not found · not allowed · already decided · changed · rule.

mod alarm;
mod delivered;
mod elsewhere;
mod ending;
mod extension;
mod filing;
mod ladder;
mod reports;
mod standing;
mod telling;
mod verdicts;

pub(super) use ending::may_end;
pub(super) use extension::may_ask as may_extend;
pub(super) use filing::{may_amend, may_withdraw};
pub use reports::said;
pub(super) use standing::risky;
pub(super) use verdicts::{may_undo, may_verdict};

use super::actor::Actor;
use super::command::Command;
use super::event::Event;
use super::facts::{Facts, Now};
use super::refusal::{Code, Refusal};
use super::request::Request;
use super::who;
use crate::text::{Length, free};

/// How long one may take back one's own verdict.
pub const UNDO: Length = Length::from_seconds(60);
/// How long a claim holds.
pub const CLAIM: Length = Length::from_minutes(2);

/// What happens when `actor` wants `command` at `now`, or why it does not. One command is about one subject.
pub fn decide(facts: &Facts<'_>, actor: &Actor, command: &Command, now: Now) -> Result<Vec<Event>, Refusal> {
    let mut events = decided(facts, actor, command, now)?;
    telling::add(facts, actor, &mut events, now);
    Ok(events)
}

fn decided(facts: &Facts<'_>, actor: &Actor, command: &Command, now: Now) -> Result<Vec<Event>, Refusal> {
    match command {
        Command::File { filing, anyway, prepared } => filing::file(facts, actor, filing, *anyway, prepared, now),
        Command::Amend { filing, anyway, prepared, task_changed } => {
            filing::amend(facts, actor, filing, (*anyway, *task_changed), prepared, now)
        }
        Command::Withdraw => filing::withdraw(facts, actor, now),
        Command::Claim { release } => verdicts::claim(facts, actor, *release, now),
        Command::Acknowledge => seen(facts, actor, now).map(|_| vec![Event::Acknowledged {}]),
        Command::Note { words } => note(facts, actor, words, now),
        Command::Approve { as_of, unseen, terms, words, prepared } => {
            let read = verdicts::Read { as_of: *as_of, unseen: *unseen };
            verdicts::approve(facts, actor, read, terms, words.as_deref(), prepared, now)
        }
        Command::Deny { as_of, words } => verdicts::deny(facts, actor, *as_of, words, now),
        Command::SendBack { as_of, words, codes } => verdicts::send_back(facts, actor, *as_of, words, codes, now),
        Command::Undo => verdicts::undo(facts, actor, now),
        Command::Extend { as_of, asked, done, remaining, approver } => {
            extension::ask(facts, actor, *as_of, asked, (done, remaining), approver, now)
        }
        Command::Revoke { words } => ending::revoke(facts, actor, words, now),
        Command::EndByPolicy { words } => ending::by_policy(facts, actor, words, now),
        Command::HandBack { changed, checked, follow_up } => {
            ending::hand_back(facts, actor, [changed, checked, follow_up], now)
        }
        Command::Retry => ending::retry(facts, actor, now),
        Command::HandOver { to } => ending::hand_over(facts, actor, to, now),
        Command::Attest { words } => ending::attest(facts, actor, words, now),
        Command::Collect => ending::collect(facts, actor, now),
        Command::Lapse => reports::lapse(facts, actor, now),
        Command::Escalate => ladder::escalate(facts, actor, now),
        Command::Delivered { of, channel, fault } => {
            delivered::report(facts, actor, *of, channel, fault.as_deref(), now)
        }
        Command::ReportGrant(report) => reports::grant(facts, actor, report, now),
        Command::ReportRemoval(report) => reports::removal(facts, actor, report, now),
        Command::ReportDrift { evidence, gone } => reports::drift(facts, actor, evidence, *gone, now),
        Command::Freeze { .. }
        | Command::Thaw { .. }
        | Command::ChangePolicy { .. }
        | Command::RefusePolicy { .. }
        | Command::ChangeRota { .. }
        | Command::CreateToken { .. }
        | Command::EndToken { .. }
        | Command::RecordRefusal { .. }
        | Command::Erase { .. }
        | Command::AcceptClock { .. }
        | Command::AcceptLoss { .. }
        | Command::ChangeKey { .. }
        | Command::ReportStray { .. } => elsewhere::decide(facts, actor, command, now),
    }
}

/// Whether anything may be approved now: the clock is sane and nothing is frozen.
pub(super) fn approvable(facts: &Facts<'_>, request: &Request, now: Now) -> Result<(), Refusal> {
    standing::sane(now)?;
    standing::thawed(facts, request)
}

/// The request, if there is one.
fn request<'a>(facts: &Facts<'a>) -> Result<&'a Request, Refusal> {
    facts.request.ok_or_else(Refusal::unseen)
}

/// The request and the person who acts, who may see it.
fn seen<'a, 'b>(
    facts: &Facts<'a>,
    actor: &'b Actor,
    now: Now,
) -> Result<(&'a Request, &'b crate::text::PersonId), Refusal> {
    let person = who::person(facts, actor)?;
    let request = request(facts)?;
    if who::may_see(facts.policy, request, person, now.at) { Ok((request, person)) } else { Err(Refusal::unseen()) }
}

/// Free text as a field of a command.
fn words(field: &'static str, text: &str) -> Result<super::event::Text, Refusal> {
    match free::accept(field, text, free::LONGEST) {
        Ok(words) => Ok(super::event::Text::draft(words)),
        Err(bad) if text.trim().is_empty() => {
            Err(Refusal::new(Code::WordsWanted, bad.to_string(), "say it in plain words"))
        }
        Err(bad) => Err(Refusal::new(Code::Malformed, format!("{field} {}", bad.sentence), bad.cure)),
    }
}

fn optional(field: &'static str, text: Option<&str>) -> Result<Option<super::event::Text>, Refusal> {
    text.filter(|text| !text.trim().is_empty()).map(|text| words(field, text)).transpose()
}

fn note(facts: &Facts<'_>, actor: &Actor, text: &str, now: Now) -> Result<Vec<Event>, Refusal> {
    let (request, person) = seen(facts, actor, now)?;
    let own = [&request.requester, &request.ask.user].contains(&person);
    if own || who::approves(facts.policy, request, person) || facts.policy.is_lead(person, now.at) {
        return Ok(vec![Event::Noted { note: words("note", text)? }]);
    }
    Err(Refusal::new(
        Code::NotAllowed,
        format!("you may not write a note on {}", request.number),
        "its user, requester, approvers and the leads may",
    ))
}

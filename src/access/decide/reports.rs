//! What the clock and the reconciler report. A report is fenced by its attempt: an older one is refused.

use super::request;
use crate::access::actor::Actor;
use crate::access::command::{Outcome, Report, Spooled};
use crate::access::event::{Event, Text};
use crate::access::facts::{Facts, Now};
use crate::access::refusal::{Code, Refusal};
use crate::access::request::{Held, How, Request};
use crate::access::status::{Status, status};
use crate::text::{Clean, Length};

/// Failures are recorded for these first attempts, then when the sentence changes, then hourly.
const RECORDED: i64 = 8;
/// Granting is given up after this many attempts.
const GRANT_ATTEMPTS: i64 = 10;
/// A removal that still fails is recorded again after this.
const AGAIN: Length = Length::from_hours(1);

pub(super) fn lapse(facts: &Facts<'_>, actor: &Actor, now: Now) -> Result<Vec<Event>, Refusal> {
    only(actor, &Actor::Clock)?;
    let request = request(facts)?;
    let open =
        matches!(request.state, crate::access::request::State::Pending | crate::access::request::State::SentBack(_));
    Ok(if open && status(request, now.at) == Status::Lapsed { vec![Event::Lapsed {}] } else { Vec::new() })
}

fn only(actor: &Actor, who: &Actor) -> Result<(), Refusal> {
    if actor == who {
        return Ok(());
    }
    Err(Refusal::new(Code::NotAllowed, format!("only the {} reports this", who.id()), "no person can"))
}

fn fenced<'a>(facts: &Facts<'a>, actor: &Actor, report: &Report, now: Now) -> Result<(&'a Request, &'a Held), Refusal> {
    only(actor, &Actor::Reconciler)?;
    let request = request(facts)?;
    let stale = || Refusal::new(Code::StaleReport, "this attempt was overtaken by another", "none is needed");
    let held = request.held().filter(|held| held.closed.is_none()).ok_or_else(stale)?;
    let counts = match report.spooled {
        Some(spooled) => counts(held, &report.outcome, spooled, now),
        None => facts.lease.is_some_and(|lease| lease.attempt == report.attempt),
    };
    if counts { Ok((request, held)) } else { Err(stale()) }
}

/// Removed and read back while the store was away. That needs no lease, but it counts only for the end that holds now, only
/// when nothing was read there since, and not when it was read by a clock that had leapt ahead.
fn counts(held: &Held, outcome: &Outcome, Spooled { at, knew }: Spooled, now: Now) -> bool {
    let read = held.observed.as_ref().map(|observed| observed.at);
    let newer = read != knew || read.is_some_and(|read| read > at);
    matches!(outcome, Outcome::Absent(_)) && (held.end()..=now.at).contains(&at) && !newer
}

/// A target's sentence, cleaned and cut.
pub fn said(text: &str) -> String {
    let cut: String = text.chars().take(500).collect();
    Clean::line(&cut).as_str().to_owned()
}

fn sentence(text: &str) -> Text {
    Text::draft(said(text))
}

/// How many attempts have failed one after the other, this one included.
fn failures(facts: &Facts<'_>, report: &Report) -> i64 {
    facts.lease.map_or(report.attempt, |lease| lease.failures.saturating_add(1))
}

pub(super) fn grant(facts: &Facts<'_>, actor: &Actor, report: &Report, now: Now) -> Result<Vec<Event>, Refusal> {
    let (_, held) = fenced(facts, actor, report, now)?;
    match &report.outcome {
        Outcome::Granted { until, second_lock, observed } if observed.present => {
            let mut observed = observed.clone();
            observed.evidence = sentence(&observed.evidence.words);
            let (attempt, until, second_lock) = (report.attempt, *until, *second_lock);
            // Also when it ended meanwhile: it is there, and the record says so before it is removed.
            Ok(vec![Event::Granted { attempt, until, second_lock, observed }])
        }
        Outcome::Failed { sentence: text, useless, .. } => {
            let over = now.at >= held.end();
            let first = held.granted.is_none();
            let gave_up = first && !over && (*useless || failures(facts, report) >= GRANT_ATTEMPTS);
            if gave_up || worth(facts, held, report, text, now) {
                return Ok(vec![Event::GrantFailed { attempt: report.attempt, sentence: sentence(text), gave_up }]);
            }
            Ok(Vec::new())
        }
        Outcome::Granted { .. } | Outcome::Absent(_) | Outcome::Carried(_) => Ok(Vec::new()),
    }
}

/// Whether a failure changes what is known.
fn worth(facts: &Facts<'_>, held: &Held, report: &Report, text: &str, now: Now) -> bool {
    let changed = facts.lease.and_then(|lease| lease.error.as_deref()).is_none_or(|before| before != said(text));
    let old = held.failure.as_ref().is_none_or(|failure| now.at.since(failure.at) >= AGAIN);
    failures(facts, report) <= RECORDED || changed || old
}

pub(super) fn removal(facts: &Facts<'_>, actor: &Actor, report: &Report, now: Now) -> Result<Vec<Event>, Refusal> {
    let (request, held) = fenced(facts, actor, report, now)?;
    let past = status(request, now.at) == Status::Ending;
    let attempt = report.attempt;
    match &report.outcome {
        Outcome::Absent(observed) if past && !observed.present => {
            let mut observed = observed.clone();
            observed.evidence = sentence(&observed.evidence.words);
            let never_given = never_given(held);
            let done_at = report.spooled.map(|spooled| spooled.at);
            Ok(vec![Event::Removed { attempt, observed: Some(observed), carried_by: None, done_at, never_given }])
        }
        // A clock had said that it was over, and says so no longer: what was taken out is given again, until its own end.
        Outcome::Absent(observed) if !observed.present && status(request, now.at) == Status::Active => {
            let evidence = format!("taken out before its end, for a clock had jumped: {}", observed.evidence.words);
            Ok(vec![Event::Drifted { evidence: sentence(&evidence), gone: true }])
        }
        Outcome::Carried(by) if past => {
            let live = facts.holders.iter().any(|holder| {
                holder.number == *by
                    && holder.number != request.number
                    && matches!(status(holder, now.at), Status::Granting | Status::Active)
            });
            if !live {
                return Err(Refusal::new(Code::StaleReport, format!("{by} no longer holds it"), "none is needed"));
            }
            let never_given = never_given(held);
            Ok(vec![Event::Removed { attempt, observed: None, carried_by: Some(*by), done_at: None, never_given }])
        }
        Outcome::Failed { sentence: text, contradicted, .. } if past => {
            if worth(facts, held, report, text, now) {
                let (sentence, contradicted) = (sentence(text), *contradicted);
                return Ok(vec![Event::RemovalFailed { attempt, sentence, contradicted }]);
            }
            Ok(Vec::new())
        }
        Outcome::Granted { .. } | Outcome::Absent(_) | Outcome::Carried(_) | Outcome::Failed { .. } => Ok(Vec::new()),
    }
}

/// Granting never came to anything: given up, or the window ended before.
fn never_given(held: &Held) -> bool {
    held.granted.is_none() && held.ended.as_ref().is_none_or(|ended| ended.how == How::GaveUp)
}

pub(super) fn drift(
    facts: &Facts<'_>,
    actor: &Actor,
    evidence: &str,
    gone: bool,
    now: Now,
) -> Result<Vec<Event>, Refusal> {
    only(actor, &Actor::Reconciler)?;
    let request = request(facts)?;
    // Over meanwhile: then it is meant to be gone.
    if gone && status(request, now.at) != Status::Active {
        return Ok(Vec::new());
    }
    Ok(vec![Event::Drifted { evidence: sentence(evidence), gone }])
}

//! What has to happen when: for the rules (`due`) and for the targets (`work`).

use super::request::{Held, Request, State};
use super::status::lapses_at;
use crate::text::Instant;

/// In which of three piles a request lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Pending or sent back.
    Asking,
    /// Approved, and not read back as gone.
    Held,
    /// Over.
    Closed,
}

impl Phase {
    /// The word in the store.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Asking => "asking",
            Self::Held => "held",
            Self::Closed => "closed",
        }
    }
}

/// The pile of `request`.
pub fn phase(request: &Request) -> Phase {
    match &request.state {
        State::Pending | State::SentBack(_) => Phase::Asking,
        State::Held(held) if held.closed.is_none() => Phase::Held,
        State::Held(_) | State::Denied(_) | State::Withdrawn(_) | State::Lapsed(_) => Phase::Closed,
    }
}

/// When the rules have to look at it next.
pub fn due(request: &Request) -> Option<Instant> {
    match &request.state {
        State::Pending => Some(lapses_at(request)),
        State::SentBack(sent_back) => Some(sent_back.until),
        State::Denied(_) | State::Withdrawn(_) | State::Lapsed(_) | State::Held(_) => None,
    }
}

/// Whether something of it waits for a verdict, by its events.
pub fn waits(request: &Request) -> bool {
    match &request.state {
        State::Pending => true,
        State::Held(held) => held.closed.is_none() && held.waiting_extension().is_some(),
        State::SentBack(_) | State::Denied(_) | State::Withdrawn(_) | State::Lapsed(_) => false,
    }
}

/// When the ladder has to be looked at next: its next step, or the end of a claim that pauses it. A change of duty is found by
/// looking now and then, because the policy alone knows of it.
pub fn looks(request: &Request) -> Option<Instant> {
    let (began, extension) = match &request.state {
        State::Pending => (request.waits_since, false),
        State::Held(held) => (held.waiting_extension().filter(|_| held.closed.is_none())?.at, true),
        State::SentBack(_) | State::Denied(_) | State::Withdrawn(_) | State::Lapsed(_) => return None,
    };
    // One of an older nightlatch has no ladder yet: it begins now.
    let known = request.escalation.as_ref().filter(|known| known.extension == extension);
    let next = known.map_or(Some(began), |known| known.next_at)?;
    Some(request.claim.as_ref().map_or(next, |claim| next.max(claim.until)))
}

/// Whether the access is wanted in the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Not before this instant; nothing to do yet.
    Later(Instant),
    /// There, until this instant.
    Present(Instant),
    /// Not there.
    Absent,
}

/// What one held request wants at `at`. A closed one wants nothing: `None`.
pub fn wanted(request: &Request, at: Instant) -> Option<Wanted> {
    let held = request.held()?;
    if held.closed.is_some() {
        None
    } else if at >= held.end() {
        Some(Wanted::Absent)
    } else if at < held.window.from {
        Some(Wanted::Later(held.window.from))
    } else {
        Some(Wanted::Present(held.window.until))
    }
}

/// When the target has to be visited next for each of the open requests on one access key, failures aside. They are
/// looked at together, because the target was told the latest end of them all. Empty: never again.
pub fn visits(held: &[&Held], at: Instant) -> Vec<Instant> {
    let open = || held.iter().filter(|held| held.closed.is_none());
    let live = open().filter(|held| held.window.from <= at && at < held.end());
    let latest = live.map(|held| held.window.until).max();
    open().map(|held| visit(held, latest, at)).collect()
}

fn visit(held: &Held, latest: Option<Instant>, at: Instant) -> Instant {
    if held.ended.is_some() || at >= held.end() {
        return held.end();
    }
    if at < held.window.from {
        return held.window.from;
    }
    match &held.granted {
        Some(given) if Some(given.until) == latest => held.window.until,
        // It has to be told another end.
        Some(_) => at,
        None => held.window.from.max(held.decision.at),
    }
}

//! What has to happen when: for the rules (`due`) and for the targets (`work`).

use super::request::{Held, Request, State};
use super::status::lapses_at;
use crate::text::{Instant, Length};

/// So long before its end the user of an access is told.
pub const ENDING: [Length; 3] = [Length::from_minutes(15), Length::from_minutes(5), Length::from_minutes(1)];
/// So long after its end an access that was not read back as gone is told of.
pub const OVERDUE: Length = Length::from_seconds(60);

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

/// When somebody has to be told next, seen from `at`: a step of the ladder, an end that is near, a removal that is overdue. A
/// change of duty is found by looking now and then, because the policy alone knows of it.
pub fn looks(request: &Request, at: Instant) -> Option<Instant> {
    let held = request.held().filter(|held| held.closed.is_none());
    let Some(held) = held else { return climbs(request) };
    let alarm = held.alarm.as_ref().map_or(Some(alarms_from(held)), |alarm| alarm.next_at);
    if at >= held.end() {
        return alarm;
    }
    [climbs(request), marks(held).first().copied(), alarm].into_iter().flatten().min()
}

/// Whether its removal may be told of.
pub fn alarms(request: &Request, at: Instant) -> bool {
    request.held().is_some_and(|held| held.closed.is_none() && at >= alarms_from(held))
}

/// From when on a removal that was not read back as gone is told of.
pub fn alarms_from(held: &Held) -> Instant {
    held.end().plus(OVERDUE.max(held.placement.bound))
}

/// When its user is told of the end that holds, as far as that was not told: what lies before the access, or before that end
/// was given, is not.
pub fn marks(held: &Held) -> Vec<Instant> {
    let Some(given) = held.granted.as_ref().filter(|_| held.ended.is_none()) else { return Vec::new() };
    let given = held.extended.last().map_or(given.at, |extended| extended.decision.at.max(given.at));
    let told = held.ending.map_or(given, |told| told.max(given));
    ENDING.iter().map(|before| held.window.until.minus(*before)).filter(|mark| *mark > told).collect()
}

/// When the ladder of what waits has to be looked at next: its next step, or the end of a claim that pauses it.
fn climbs(request: &Request) -> Option<Instant> {
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

/// An end of its own that lies no more than this before the one that it was told is the target's rounding.
const ROUNDED: Length = Length::from_seconds(1);
/// One that came sooner than this after it was read would fill the record with access given again and again.
const SHORTEST: Length = Length::from_seconds(30);

/// The end that the target itself says where it is an earlier one than it was told: it caps what it gives, or did not take an
/// extension. Then it has to be told again.
pub fn own_end(held: &Held) -> Option<Instant> {
    let given = held.granted.as_ref()?;
    let observed = held.observed.as_ref().filter(|observed| observed.present)?;
    observed.until.filter(|own| *own > observed.at.plus(SHORTEST) && own.plus(ROUNDED) < given.until)
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
        Some(given) if Some(given.until) == latest => {
            own_end(held).map_or(held.window.until, |own| own.min(held.window.until))
        }
        // It has to be told another end.
        Some(_) => at,
        None => held.window.from.max(held.decision.at),
    }
}

//! Where a row stands by now: a board does not change without an event unless it can be derived from an instant in the row.

use crate::access::Status;
use crate::text::{Instant, Length};
use crate::wire::{DecisionView, RequestView};

/// Where it stands at `now`.
pub fn standing(view: &RequestView, now: Instant) -> Status {
    let past = |at: Option<Instant>| at.is_some_and(|at| now >= at);
    match view.status {
        Status::Pending | Status::SentBack if past(view.undecided_until) => Status::Lapsed,
        Status::Approved | Status::Granting | Status::Active if past(view.window.until) => Status::Ending,
        Status::Approved if past(view.window.from) => Status::Granting,
        status => status,
    }
}

/// Whether its removal is overdue at `now`.
pub fn overdue(view: &RequestView, now: Instant) -> bool {
    let late = |grant: &crate::wire::GrantView| grant.removal_failed || now > grant.overdue_from;
    standing(view, now) == Status::Ending && (view.overdue || view.grant.as_ref().is_some_and(late))
}

/// Whether an extension waits for a verdict.
pub fn extension_waits(view: &RequestView) -> bool {
    view.extension.as_ref().is_some_and(|extension| extension.waits)
}

/// The last verdict on it: on its extension, or on the request.
pub fn last_verdict(view: &RequestView) -> Option<&DecisionView> {
    let answered = view.extension.as_ref().and_then(|extension| extension.decision.as_ref());
    answered.or(view.extended.as_ref()).or(view.decision.as_ref())
}

/// Whether it waits for a verdict at `now`: as a request, or for an extension.
pub fn waits(view: &RequestView, now: Instant) -> bool {
    match standing(view, now) {
        Status::Pending => true,
        Status::Active => extension_waits(view),
        _ => false,
    }
}

/// Whether there is, or will be, or was and has to go, access of it in a target at `now`.
pub fn lives(view: &RequestView, now: Instant) -> bool {
    matches!(standing(view, now), Status::Approved | Status::Granting | Status::Active | Status::Ending)
}

/// When it ends, or did.
pub fn end(view: &RequestView) -> Option<Instant> {
    let early = view.grant.as_ref().and_then(|grant| grant.ended.as_ref()).map(|ended| ended.at);
    early.or(view.window.until)
}

/// The instants at which it stands otherwise by itself.
pub fn turns(view: &RequestView) -> [Option<Instant>; 4] {
    // Overdue is *past* the bound, not at it.
    let overdue = view.grant.as_ref().map(|grant| grant.overdue_from.plus(Length::from_millis(1)));
    [view.undecided_until, view.window.from, view.window.until, overdue]
}

/// How urgent an end is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// There is time.
    Plain,
    /// Under a quarter of an hour, or of the window.
    Soon,
    /// Under five minutes.
    Now,
    /// Ended, and on its way out.
    Ended,
    /// Ended, and still there.
    Overdue,
}

impl Urgency {
    /// The mark before the row.
    pub const fn mark(self) -> &'static str {
        match self {
            Self::Plain => " ",
            Self::Soon => "~",
            Self::Now | Self::Ended => "!",
            Self::Overdue => "!!",
        }
    }
}

/// How urgent the end of a row is, and when that changes.
pub fn urgency(view: &RequestView, now: Instant) -> (Urgency, Option<Instant>) {
    if overdue(view, now) {
        return (Urgency::Overdue, None);
    }
    let Some(end) = end(view) else { return (Urgency::Plain, None) };
    if standing(view, now) == Status::Ending {
        return (Urgency::Ended, None);
    }
    let whole = view.window.from.map_or(Length::ZERO, |from| end.since(from));
    let soon = Length::from_millis(Length::from_minutes(15).millis().max(whole.millis() / 4));
    let (soon, close) = (end.minus(soon), end.minus(Length::from_minutes(5)));
    let just_after = Length::from_millis(1);
    if now > close {
        (Urgency::Now, None)
    } else if now > soon {
        (Urgency::Soon, Some(close.plus(just_after)))
    } else {
        (Urgency::Plain, Some(soon.plus(just_after)))
    }
}

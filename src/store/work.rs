//! When which target is visited next: one row an access key, derived from the held requests on it. Pure.
//!
//! A row never tells what is wanted, only when to look; what is wanted is worked out from the requests, then.

use super::fault::StoreError;
use super::row::{Arg, Row};
use crate::access::command::{Outcome, Report};
use crate::access::decide::said;
use crate::access::due::visits;
use crate::access::event::{Observed, Text};
use crate::access::facts::Lease;
use crate::access::{Event, Held, Request};
use crate::text::{Instant, Length};

/// A removal is never put off for longer than this: whatever stands further ahead was written by a clock that had jumped.
pub(super) const FURTHEST: Length = Length::from_minutes(15);

/// Between two tries of a removal that nobody has leased lies no more than this: further ahead, it was a clock, too.
pub(super) const LONGEST_PAUSE: Length = Length::from_seconds(31);

/// The columns of a row, in the order of [`WorkRow::args`].
pub(super) const WORK: &str =
    "access_key, target, lane, request, attempt, failures, replica, next_at, ends_at, error, observed";
/// How many they are.
pub(super) const WORK_COLUMNS: usize = 11;
/// What an upsert of them sets.
pub(super) const WORK_THEN: &str = "ON CONFLICT (access_key) DO UPDATE SET target = excluded.target, \
    lane = excluded.lane, request = excluded.request, attempt = excluded.attempt, failures = excluded.failures, \
    replica = excluded.replica, next_at = excluded.next_at, ends_at = excluded.ends_at, error = excluded.error, \
    observed = excluded.observed";

/// What there is to do about one access key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkRow {
    /// The access.
    pub access_key: String,
    /// Where it is.
    pub target: String,
    /// It was leased for a removal last.
    pub removing: bool,
    /// The request that ends first.
    pub request: i64,
    /// How often it was leased: the fence. It only grows.
    pub attempt: i64,
    /// How many attempts failed one after the other, in the same lane.
    pub failures: i64,
    /// Who has it, until `next_at`.
    pub replica: Option<String>,
    /// When it falls due, also when the lease on it lapses.
    pub next_at: Instant,
    /// The first end of the requests on it.
    pub ends_at: Instant,
    /// What the target said last, if the last attempt failed.
    pub error: Option<String>,
    /// What was read last, as JSON of [`Observed`] without the evidence's words.
    pub observed: Option<String>,
}

/// Why a row is looked at again.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cause<'a> {
    /// What is wanted changed.
    Wanted,
    /// An attempt was reported; `recorded` when that was worth an event.
    Reported { report: &'a Report, granting: bool, recorded: bool },
}

impl WorkRow {
    /// From a row of [`WORK`], beginning at column `first`.
    pub(super) fn of(row: &Row, first: usize) -> Result<Self, StoreError> {
        let text = |column| row.opt_text(first + column).map(|text| text.map(str::to_owned));
        Ok(Self {
            access_key: row.text(first)?.to_owned(),
            target: row.text(first + 1)?.to_owned(),
            removing: row.text(first + 2)? == "removal",
            request: row.int(first + 3)?,
            attempt: row.int(first + 4)?,
            failures: row.int(first + 5)?,
            replica: text(6)?,
            next_at: Instant::from_millis(row.int(first + 7)?),
            ends_at: Instant::from_millis(row.int(first + 8)?),
            error: text(9)?,
            observed: text(10)?,
        })
    }

    /// Its row.
    pub(super) fn args(&self) -> [Arg; WORK_COLUMNS] {
        [
            self.access_key.as_str().into(),
            self.target.as_str().into(),
            if self.removing { "removal" } else { "grant" }.into(),
            self.request.into(),
            self.attempt.into(),
            self.failures.into(),
            self.replica.as_deref().into(),
            self.next_at.millis().into(),
            self.ends_at.millis().into(),
            self.error.as_deref().into(),
            self.observed.as_deref().into(),
        ]
    }

    /// What `decide` may know of it. A lease that was reported on or lapsed still fences: nobody acted since.
    pub(super) fn lease(&self) -> Lease {
        Lease {
            attempt: self.attempt,
            replica: self.replica.clone().unwrap_or_default(),
            error: self.error.clone(),
            failures: self.failures,
        }
    }

    /// Somebody has it. Leases run by elapsed time.
    fn leased(&self, elapsed: Instant) -> bool {
        self.replica.is_some() && self.next_at > elapsed
    }

    /// Gives it to `replica` for `holds`. Failures count within one lane.
    pub(super) fn take(&mut self, replica: &str, removing: bool, at: Instant, holds: Length) {
        if self.removing != removing {
            (self.failures, self.error) = (0, None);
        }
        self.removing = removing;
        self.attempt += 1;
        self.replica = Some(replica.to_owned());
        self.next_at = at.plus(holds);
    }

    fn failed(&mut self, sentence: &str, retry_at: Instant) {
        self.failures = self.failures.saturating_add(1);
        self.error = Some(said(sentence));
        self.next_at = retry_at;
    }

    fn succeeded(&mut self) {
        (self.failures, self.error) = (0, None);
    }
}

/// Whether `event` changes what is wanted in a target, or what was known of it.
pub(super) const fn changes_what_is_wanted(event: &Event) -> bool {
    matches!(
        event,
        Event::Approved { .. }
            | Event::Extended { .. }
            | Event::Undone { .. }
            | Event::Revoked { .. }
            | Event::HandedBack { .. }
            | Event::GrantFailed { gave_up: true, .. }
            | Event::Granted { .. }
            | Event::Removed { .. }
            | Event::Drifted { gone: true, .. }
            | Event::Retried {}
    )
}

/// The row after `cause`, from the row before and every open held request on the key, at an instant as ends are judged and as
/// it is recorded. `None`: there is nothing left to do.
pub(super) fn derive(
    before: Option<&WorkRow>,
    holders: &[&Request],
    (at, elapsed): (Instant, Instant),
    cause: Cause<'_>,
) -> Option<WorkRow> {
    let held: Vec<(&Request, &Held)> =
        holders.iter().filter_map(|request| request.held().map(|held| (*request, held))).collect();
    let (first, ends_first) = held.iter().min_by_key(|(_, held)| held.end())?;
    let visits = visits(&held.iter().map(|(_, held)| *held).collect::<Vec<_>>(), at);
    let visit = visits.iter().copied().min()?;
    let mut work = before.cloned().unwrap_or_else(|| WorkRow {
        access_key: ends_first.placement.access_key.clone(),
        target: String::new(),
        removing: false,
        request: 0,
        attempt: 0,
        failures: 0,
        replica: None,
        next_at: visit,
        ends_at: visit,
        error: None,
        observed: None,
    });
    work.target.clone_from(&ends_first.placement.target);
    work.request = first.number.0;
    work.ends_at = ends_first.end();
    match cause {
        Cause::Reported { report, granting, recorded } if report.spooled.is_none() => {
            work.replica = None;
            let turned = granting && work.ends_at <= at;
            // Whatever has to be done before the next try is not put off by it.
            let ahead = held.iter().map(|(_, held)| held.end()).chain(visits).filter(|v| *v > at);
            let retry_at = ahead.fold(report.retry_at, Instant::min);
            reported(&mut work, report, recorded, retry_at, visit);
            if turned {
                work.next_at = visit;
            }
        }
        Cause::Reported { .. } | Cause::Wanted if !work.leased(elapsed) => {
            work.replica = None;
            work.next_at = visit;
        }
        Cause::Reported { .. } | Cause::Wanted => {}
    }
    Some(work)
}

fn reported(work: &mut WorkRow, report: &Report, recorded: bool, retry_at: Instant, visit: Instant) {
    work.next_at = if recorded { visit } else { retry_at };
    match &report.outcome {
        Outcome::Failed { sentence, .. } => work.failed(sentence, retry_at),
        Outcome::Granted { observed, .. } | Outcome::Absent(observed) => {
            work.observed = plain(observed);
            if recorded {
                work.succeeded();
            }
        }
        Outcome::Carried(_) => {
            if recorded {
                work.succeeded();
            }
        }
    }
}

/// What was read, without the evidence's words: those live in the texts only.
fn plain(observed: &Observed) -> Option<String> {
    serde_json::to_string(&Observed { evidence: Text::default(), ..observed.clone() }).ok()
}

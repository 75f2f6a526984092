//! A team's own on-call calendar (RFC 5545) as turns of named people: what PagerDuty, Opsgenie, Grafana OnCall and Google hand
//! out. `when` says at which instants an event lies, `whose` which person of the policy it names, `turns` lays them side by side.
//!
//! Never opens a file or a connection, never reads the time, and never guesses: an event whose zone or person is not known is
//! left out, with a sentence.

mod turns;
mod when;
mod whose;

#[cfg(test)]
mod tests;

use crate::policy::rota::{Matching, Override};
use crate::policy::{Policy, Rota};
use crate::text::{Clean, Instant};
use calcard::icalendar::{ICalendar, ICalendarComponent, ICalendarComponentType, ICalendarStatus};
use calcard::{Entry, Parser};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The longest calendar that is read, in bytes.
pub const LONGEST: usize = 5 * 1024 * 1024;
/// The most events of one calendar.
const MOST_EVENTS: usize = 20_000;
/// The most sentences about one calendar.
const MOST_SENTENCES: usize = 8;
/// The most columns of a foreign word in a sentence.
const WORD: usize = 40;

/// What a calendar says about a stretch of time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reading {
    /// Turns side by side: in order, none over another, neighbours of one person made one.
    pub slots: Vec<Override>,
    /// What a careful reader would want to know: events left out, turns over each other.
    pub remarks: Vec<String>,
}

/// Why a text is no calendar that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub String);

/// Sentences, not too many of them, none twice.
#[derive(Debug, Default)]
struct Remarks {
    said: Vec<String>,
    more: usize,
}

impl Remarks {
    fn say(&mut self, sentence: String) {
        if self.said.contains(&sentence) {
            return;
        }
        if self.said.len() < MOST_SENTENCES {
            self.said.push(sentence);
        } else {
            self.more += 1;
        }
    }

    fn all(mut self) -> Vec<String> {
        if self.more > 0 {
            self.said.push(format!("and {} more like these", self.more));
        }
        self.said
    }
}

/// A foreign word as a sentence quotes it.
fn quoted(text: &str) -> String {
    format!("\"{}\"", Clean::line(text).cut(WORD).as_str())
}

/// Who `text` says is on duty for `rota` from `from` until `until`.
pub fn read(text: &str, policy: &Policy, rota: &Rota, from: Instant, until: Instant) -> Result<Reading, Unreadable> {
    let calendar = parse(text)?;
    let zone = when::zone_of(&calendar).unwrap_or(rota.zone);
    let matching = rota.calendar.as_ref().map_or(Matching::Email, |calendar| calendar.matching);
    let mut remarks = Remarks::default();
    // A parser and a rule that foreign words can reach must not take the house with them.
    let found = catch_unwind(AssertUnwindSafe(|| {
        let mut found = Vec::new();
        for lies in when::lies(&calendar, zone, from, until, &mut remarks) {
            let Some(event) = calendar.components.get(lies.event) else { continue };
            match whose::person(event, matching, policy) {
                Ok(person) => {
                    found.push(turns::Turn { from: lies.from, until: lies.until, person, level: whose::level(event) });
                }
                Err(sentence) => remarks.say(sentence),
            }
        }
        turns::side_by_side(found, &mut remarks)
    }));
    let slots = found.map_err(|_| Unreadable("the calendar met a fault of the parser: report it".to_owned()))?;
    let inside = |slot: Override| {
        let slot = Override { from: slot.from.max(from), until: slot.until.min(until), person: slot.person };
        (slot.from < slot.until).then_some(slot)
    };
    Ok(Reading { slots: slots.into_iter().filter_map(inside).collect(), remarks: remarks.all() })
}

/// The calendar in `text`.
fn parse(text: &str) -> Result<ICalendar, Unreadable> {
    let no = |sentence: String| Err(Unreadable(sentence));
    if text.len() > LONGEST {
        return no(format!("it is longer than {} MB", LONGEST / 1024 / 1024));
    }
    let begins = text.trim_start_matches('\u{feff}').trim_start();
    if begins.starts_with('<') {
        return no("it is a web page, not a calendar: is it behind a sign-in?".into());
    }
    if !begins.get(..15).is_some_and(|first| first.eq_ignore_ascii_case("BEGIN:VCALENDAR")) {
        return no("it is no calendar: it does not begin with BEGIN:VCALENDAR".into());
    }
    let whole = begins.trim_end();
    // A transfer that broke off must not pass for fewer turns.
    if !whole
        .len()
        .checked_sub(13)
        .and_then(|at| whole.get(at..))
        .is_some_and(|end| end.eq_ignore_ascii_case("END:VCALENDAR"))
    {
        return no("it is cut off: its end is missing".into());
    }
    // Counted before it is parsed, so that a huge one costs nothing.
    if begins.matches("BEGIN:").count() > MOST_EVENTS {
        return no(format!("it has more than {MOST_EVENTS} parts"));
    }
    let Ok(entry) = catch_unwind(|| Parser::new(begins).entry()) else {
        return no("it met a fault of the parser: report it".into());
    };
    match entry {
        Entry::ICalendar(calendar) => Ok(calendar),
        Entry::UnterminatedComponent(_) => no("it is cut off: its end is missing".into()),
        Entry::UnexpectedComponentEnd { .. } => no("it is broken: a part ends that did not begin".into()),
        Entry::InvalidLine(line) => no(format!("it is broken at {}", quoted(&line))),
        Entry::VCard(_) | Entry::TooManyComponents | Entry::Eof => no("it is no calendar".into()),
        _ => no("it cannot be read".into()),
    }
}

/// Whether a part is an event that stands.
fn stands(event: &ICalendarComponent) -> bool {
    event.component_type == ICalendarComponentType::VEvent && !is_cancelled(event)
}

fn is_cancelled(event: &ICalendarComponent) -> bool {
    event.status() == Some(&ICalendarStatus::Cancelled)
}

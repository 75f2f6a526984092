//! At which instants the events of a calendar lie: zones, recurrence, exceptions.
//!
//! A rule is followed in local time and each repetition is then looked up in its zone, so that a night from 18:00 to 09:00 ends
//! at 09:00 also when the clocks change; a local time that is left out begins right after the gap, one that comes twice at the
//! first.

use super::{Remarks, quoted, stands};
use crate::text::instant::first_at;
use crate::text::{Instant, Length};
use calcard::common::PartialDateTime;
use calcard::common::timezone::Tz as AnyZone;
use calcard::icalendar::{
    ICalendar, ICalendarComponent, ICalendarComponentType, ICalendarDuration, ICalendarEntry, ICalendarFrequency,
    ICalendarPeriod, ICalendarProperty, ICalendarRecurrenceRule, ICalendarValue,
};
use chrono::{Days, NaiveDateTime, TimeDelta};
use chrono_tz::Tz;
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

/// The most repetitions of one rule that are followed, from its beginning on.
const REPETITIONS: usize = 20_000;
/// The most rules of one calendar.
const RULES: usize = 300;
/// The longest turn that is believed.
const LONGEST_TURN: Length = Length::from_hours(24 * 100);

/// Where an event lies; one that repeats has several of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lies {
    /// Its place among the calendar's parts.
    pub event: usize,
    pub from: Instant,
    pub until: Instant,
}

/// An instant as a calendar writes it.
#[derive(Debug, Clone, Copy)]
struct Written {
    local: NaiveDateTime,
    zone: Zone,
    /// A day without a time.
    day: bool,
}

/// By what a written time is read.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Zone {
    Named(Tz),
    /// Seconds east.
    Fixed(i32),
}

impl Zone {
    fn at(self, local: NaiveDateTime) -> Instant {
        match self {
            Self::Named(zone) => first_at(local, zone),
            Self::Fixed(east) => Instant::from(local.and_utc()).minus(Length::from_seconds(i64::from(east))),
        }
    }
}

impl Written {
    fn at(self) -> Instant {
        self.zone.at(self.local)
    }
}

/// How long an event is.
#[derive(Debug, Clone, Copy)]
enum Lasts {
    /// Until the same clock time after so long, on the clock of its zone.
    Clock(TimeDelta),
    /// Days by the calendar, then exactly so long.
    Exactly(u64, TimeDelta),
}

/// The zone that a calendar names for all of it.
pub(super) fn zone_of(calendar: &ICalendar) -> Option<Tz> {
    let whole = calendar.components.first()?;
    let named = |entry: &ICalendarEntry| entry.name.as_str().eq_ignore_ascii_case("X-WR-TIMEZONE");
    let name = whole.entries.iter().find(|entry| named(entry))?.values.first()?.as_text()?;
    match AnyZone::from_str(name).ok()? {
        AnyZone::Tz(zone) => Some(zone),
        AnyZone::Fixed(_) | AnyZone::Floating => None,
    }
}

/// Where every event lies that touches the time from `from` until `until`.
pub(super) fn lies(calendar: &ICalendar, zone: Tz, from: Instant, until: Instant, remarks: &mut Remarks) -> Vec<Lies> {
    let zones = calendar.components.iter().filter_map(ICalendarComponent::timezone).collect();
    let mut reader = Reader { zones, zone, from, until, rules: 0, remarks };
    // Single repetitions that were moved or called off, by the event that they belong to.
    let mut apart: BTreeMap<&str, BTreeSet<Instant>> = BTreeMap::new();
    let all = || calendar.components.iter().filter(|part| part.component_type == ICalendarComponentType::VEvent);
    for event in all() {
        if let Some(entry) = event.property(&ICalendarProperty::RecurrenceId)
            && let Some(was) = entry.values.first().and_then(|value| reader.written(entry, value))
        {
            apart.entry(event.uid().unwrap_or_default()).or_default().insert(was.at());
        }
    }
    let mut found = Vec::new();
    for (number, event) in calendar.components.iter().enumerate().filter(|(_, event)| stands(event)) {
        let single = event.property(&ICalendarProperty::RecurrenceId).is_some();
        let apart = apart.get(event.uid().unwrap_or_default()).filter(|_| !single);
        for (from, until) in reader.event(event, apart) {
            found.push(Lies { event: number, from, until });
        }
    }
    found
}

struct Reader<'a> {
    /// The calendar's own names of zones.
    zones: BTreeMap<&'a str, AnyZone>,
    /// What a time without a zone is read by.
    zone: Tz,
    from: Instant,
    until: Instant,
    /// How many rules were followed.
    rules: usize,
    remarks: &'a mut Remarks,
}

impl Reader<'_> {
    /// Begin and end of an event and of its repetitions, those without `apart`.
    fn event(&mut self, event: &ICalendarComponent, apart: Option<&BTreeSet<Instant>>) -> Vec<(Instant, Instant)> {
        let title = || quoted(event.property(&ICalendarProperty::Summary).and_then(first_text).unwrap_or_default());
        let first = |property| event.property(property).and_then(|entry| Some((entry, entry.values.first()?)));
        let Some((entry, value)) = first(&ICalendarProperty::Dtstart) else {
            self.remarks.say(format!("{} has no beginning, so it is left out", title()));
            return Vec::new();
        };
        let Some(start) = self.written(entry, value) else { return Vec::new() };
        let Some(lasts) = self.lasts(event, start) else {
            self.remarks.say(format!("{} has no length that makes a turn, so it is left out", title()));
            return Vec::new();
        };
        let mut starts = vec![start.local];
        if let Some((_, ICalendarValue::RecurrenceRule(rule))) = first(&ICalendarProperty::Rrule) {
            starts.extend(self.repetitions(rule, start, &title()));
        }
        let mut gone: BTreeSet<Instant> = apart.cloned().unwrap_or_default();
        let mut found = Vec::new();
        for (entry, value) in values(event, &ICalendarProperty::Exdate) {
            if let Some(left_out) = self.written(entry, value) {
                // A day alone takes the repetition of that day.
                let at = if left_out.day { left_out.local.date().and_time(start.local.time()) } else { left_out.local };
                gone.insert(left_out.zone.at(at));
            }
        }
        for (entry, value) in values(event, &ICalendarProperty::Rdate) {
            match value {
                ICalendarValue::Period(period) => found.extend(self.period(entry, period)),
                other => found.extend(self.written(entry, other).map(|more| ends(more.zone, more.local, lasts))),
            }
        }
        starts.sort_unstable();
        starts.dedup();
        let zone = start.zone;
        found.extend(starts.into_iter().filter(|local| !gone.contains(&zone.at(*local))).map(|l| ends(zone, l, lasts)));
        found.retain(|(from, until)| *from < self.until && *until > self.from);
        let long = found.len();
        found.retain(|(from, until)| until.since(*from) <= LONGEST_TURN);
        if found.len() < long {
            self.remarks.say(format!("{} is longer than 100 days, so it is left out", title()));
        }
        found
    }

    fn period(&mut self, entry: &ICalendarEntry, period: &ICalendarPeriod) -> Option<(Instant, Instant)> {
        match period {
            ICalendarPeriod::Range { start, end } => Some((self.time(entry, start)?.at(), self.time(entry, end)?.at())),
            ICalendarPeriod::Duration { start, duration } => {
                let start = self.time(entry, start)?;
                Some(ends(start.zone, start.local, length(duration)?))
            }
        }
    }

    /// How long an event is; `None` where it has no length.
    fn lasts(&mut self, event: &ICalendarComponent, start: Written) -> Option<Lasts> {
        if let Some(entry) = event.property(&ICalendarProperty::Dtend) {
            let end = self.written(entry, entry.values.first()?)?;
            if end.zone == start.zone {
                let long = end.local - start.local;
                return (long > TimeDelta::zero()).then_some(Lasts::Clock(long));
            }
            let long = TimeDelta::milliseconds(end.at().since(start.at()).millis());
            return (long > TimeDelta::zero()).then_some(Lasts::Exactly(0, long));
        }
        if let Some(entry) = event.property(&ICalendarProperty::Duration) {
            let ICalendarValue::Duration(duration) = entry.values.first()? else { return None };
            return length(duration);
        }
        start.day.then_some(Lasts::Clock(TimeDelta::days(1)))
    }

    /// The local times at which a rule repeats, until after the time that is asked about.
    fn repetitions(&mut self, rule: &ICalendarRecurrenceRule, start: Written, title: &str) -> Vec<NaiveDateTime> {
        let short = matches!(
            rule.freq,
            ICalendarFrequency::Hourly | ICalendarFrequency::Minutely | ICalendarFrequency::Secondly
        );
        if short {
            self.remarks.say(format!("{title} repeats within a day, which no turn does: only its first is taken"));
            return Vec::new();
        }
        self.rules += 1;
        if self.rules > RULES {
            self.remarks.say(format!("more than {RULES} events repeat: those after are taken once"));
            return Vec::new();
        }
        let until = rule.until.as_ref().and_then(|until| Self::last(until, start));
        let rule = ICalendarRecurrenceRule { until: None, ..rule.clone() };
        let followed = follow(rule, start.local);
        let last = followed.last().copied();
        let cut = followed.len() >= REPETITIONS && last.is_some_and(|last| start.zone.at(last) < self.until);
        if cut {
            self.remarks.say(format!("{title} repeats more than {REPETITIONS} times: it is followed no further"));
        }
        followed.into_iter().filter(|local| until.is_none_or(|until| start.zone.at(*local) <= until)).collect()
    }

    /// The last instant at which a rule may repeat.
    fn last(until: &PartialDateTime, start: Written) -> Option<Instant> {
        let local = until.to_date_time()?;
        Some(match local.offset {
            Some(offset) => Zone::Fixed(offset.local_minus_utc()).at(local.date_time),
            None if until.has_time() => start.zone.at(local.date_time),
            None => start.zone.at(local.date_time.checked_add_days(Days::new(1))?).minus(Length::from_millis(1)),
        })
    }

    fn written(&mut self, entry: &ICalendarEntry, value: &ICalendarValue) -> Option<Written> {
        match value {
            ICalendarValue::PartialDateTime(time) => self.time(entry, time),
            _ => None,
        }
    }

    /// A time with its zone; `None` where the zone is not known, which is told.
    fn time(&mut self, entry: &ICalendarEntry, time: &PartialDateTime) -> Option<Written> {
        let read = time.to_date_time()?;
        let zone = match (read.offset, entry.tz_id()) {
            (Some(offset), _) => Zone::Fixed(offset.local_minus_utc()),
            (None, None) => Zone::Named(self.zone),
            (None, Some(name)) => {
                let known = self.zones.get(name).copied().or_else(|| AnyZone::from_str(name).ok());
                match known {
                    Some(AnyZone::Tz(zone)) => Zone::Named(zone),
                    Some(AnyZone::Fixed(offset)) => Zone::Fixed(offset.local_minus_utc()),
                    Some(AnyZone::Floating) | None => {
                        let name = quoted(name);
                        self.remarks.say(format!("there is no zone {name}, so what is written in it is left out"));
                        return None;
                    }
                }
            }
        };
        Some(Written { local: read.date_time, zone, day: !time.has_time() })
    }
}

fn first_text(entry: &ICalendarEntry) -> Option<&str> {
    entry.values.first().and_then(ICalendarValue::as_text)
}

fn values<'a>(
    event: &'a ICalendarComponent,
    property: &'a ICalendarProperty,
) -> impl Iterator<Item = (&'a ICalendarEntry, &'a ICalendarValue)> {
    event.properties(property).flat_map(|entry| entry.values.iter().map(move |value| (entry, value)))
}

fn length(duration: &ICalendarDuration) -> Option<Lasts> {
    let days = u64::from(duration.weeks) * 7 + u64::from(duration.days);
    let exact = TimeDelta::try_hours(i64::from(duration.hours))?
        .checked_add(&TimeDelta::try_minutes(i64::from(duration.minutes))?)?
        .checked_add(&TimeDelta::try_seconds(i64::from(duration.seconds))?)?;
    let some = !duration.neg && (days > 0 || exact > TimeDelta::zero());
    some.then_some(Lasts::Exactly(days, exact))
}

fn ends(zone: Zone, local: NaiveDateTime, lasts: Lasts) -> (Instant, Instant) {
    let until = match lasts {
        Lasts::Clock(long) => local.checked_add_signed(long).map(|end| zone.at(end)),
        Lasts::Exactly(days, exact) => local
            .checked_add_days(Days::new(days))
            .map(|end| zone.at(end).plus(Length::from_millis(exact.num_milliseconds()))),
    };
    let from = zone.at(local);
    (from, until.unwrap_or(from))
}

/// The parser's own expansion, on a calendar of this one rule without a zone: local times in, local times out.
fn follow(rule: ICalendarRecurrenceRule, start: NaiveDateTime) -> Vec<NaiveDateTime> {
    use chrono::{Datelike, Timelike};
    let small = |number: u32| u8::try_from(number).ok();
    let begins = PartialDateTime {
        year: u16::try_from(start.year()).ok(),
        month: small(start.month()),
        day: small(start.day()),
        hour: small(start.hour()),
        minute: small(start.minute()),
        second: small(start.second()),
        ..PartialDateTime::default()
    };
    let entry = |name, value| ICalendarEntry { name, params: Vec::new(), values: vec![value] };
    let event = ICalendarComponent {
        component_type: ICalendarComponentType::VEvent,
        entries: vec![
            entry(ICalendarProperty::Dtstart, ICalendarValue::PartialDateTime(Box::new(begins))),
            entry(ICalendarProperty::Rrule, ICalendarValue::RecurrenceRule(Box::new(rule))),
        ],
        component_ids: Vec::new(),
    };
    let calendar = ICalendar { components: vec![event] };
    let expanded = calendar.expand_dates(AnyZone::Floating, REPETITIONS);
    expanded.events.into_iter().map(|event| event.start.naive_local()).collect()
}

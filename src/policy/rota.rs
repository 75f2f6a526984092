//! Calendars of turns: who is on duty at an instant.

use crate::text::instant::first_at;
use crate::text::{Instant, Length, PersonId};
use chrono::{Datelike, Days, NaiveDate, NaiveTime, Weekday};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

/// Who is meant: one person, or whoever a rota says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnDuty {
    /// Always this person.
    Person(PersonId),
    /// Whoever the rota of this name says.
    Rota(String),
}

/// A weekly rota: the people take turns of one week each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rota {
    /// The zone of hand-over and overrides.
    pub zone: Tz,
    /// The day and time at which the turn passes.
    pub handover: (Weekday, NaiveTime),
    /// Turns count from the first hand-over on or after this day.
    pub starts: NaiveDate,
    /// In the order of their turns; empty only where a calendar says who it is.
    pub people: Vec<PersonId>,
    /// Exceptions; the last one that covers an instant wins.
    pub overrides: Vec<Override>,
    /// Where an outside calendar is read; then the turns stand in `slots`.
    pub calendar: Option<Calendar>,
    /// What was read from the calendar; the edges fill it. The last one that covers an instant wins, after overrides.
    pub slots: Vec<Override>,
    /// From when until when the calendar was read; nothing is known of other times.
    pub covers: Option<(Instant, Instant)>,
}

/// An outside calendar (RFC 5545) that says who is on duty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    /// A file or an https URL.
    pub ics: String,
    /// By what its events name a person.
    pub matching: Matching,
}

/// By what a calendar's events name a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matching {
    /// The attendee's or organiser's e-mail address.
    Email,
    /// The name in the summary.
    Name,
}

/// Somebody takes somebody else's hours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// From this instant on.
    pub from: Instant,
    /// Until before this instant.
    pub until: Instant,
    /// Who is on duty then.
    pub person: PersonId,
}

/// How much further a reading must reach to be worth writing down.
const MORE: Length = Length::from_hours(24 * 7);
/// The most turns that are ever listed.
const MOST_TURNS: usize = 520;

impl Rota {
    /// Who is on duty at an instant, leave not looked at: an override, else the calendar, else the week's turn. Turns
    /// count backwards, too, so that somebody is on duty before `starts`.
    pub fn at(&self, at: Instant) -> Option<&PersonId> {
        let covers = |o: &&Override| o.from <= at && at < o.until;
        let exception = self.overrides.iter().rev().find(covers);
        if let Some(over) = exception.or_else(|| self.slots.iter().rev().find(covers)) {
            return Some(&over.person);
        }
        let turns = i64::try_from(self.people.len()).ok().filter(|turns| *turns > 0)?;
        let turn = self.week(at).rem_euclid(turns);
        self.people.get(usize::try_from(turn).ok()?)
    }

    /// Everybody who can ever be on duty.
    pub fn everybody(&self) -> impl Iterator<Item = &PersonId> {
        self.people.iter().chain(self.overrides.iter().chain(&self.slots).map(|o| &o.person))
    }

    /// The next `n` times after `at` at which duty begins, and whose it is: each hand-over that no override hides, and each
    /// begin or end of an override that changes the person.
    pub fn next_turns(&self, at: Instant, n: usize) -> Vec<(Instant, PersonId)> {
        let n = n.min(MOST_TURNS);
        let edges = self.overrides.iter().chain(&self.slots).flat_map(|o| [o.from, o.until]);
        let mut begins: Vec<Instant> = edges.filter(|edge| *edge > at).collect();
        if self.people.is_empty() {
            begins.push(at);
        } else {
            let week = self.week(at);
            // A year more than asked for, so that a long override hides no turn after it.
            let weeks = i64::try_from(n).unwrap_or(0).saturating_add(53);
            begins.extend((1..=weeks).map(|more| self.handover_of(week.saturating_add(more))));
        }
        begins.sort_unstable();
        begins.dedup();
        let mut before = self.at(at);
        let mut turns = Vec::with_capacity(n);
        for begin in begins {
            let now = self.at(begin);
            let alone = self.people.len() == 1 && self.handover_of(self.week(begin)) == begin;
            if let Some(person) = now.filter(|_| begin > at && (now != before || alone)) {
                turns.push((begin, person.clone()));
            }
            before = now;
            if turns.len() == n {
                break;
            }
        }
        turns
    }

    /// Lays what was read of a calendar from `from` until `until` in the place of what was known.
    pub fn lay(&mut self, from: Instant, until: Instant, slots: &[Override]) {
        self.slots = slots.to_vec();
        self.covers = Some((from, until));
    }

    /// Whether a reading says something that is not known yet: other turns in the time that both cover, or a week more of them.
    pub fn is_news(&self, from: Instant, until: Instant, slots: &[Override]) -> bool {
        let Some((_, known)) = self.covers else { return true };
        let upto = known.min(until);
        until.since(known) >= MORE || cut(&self.slots, from, upto) != cut(slots, from, upto)
    }

    /// The weekly hand-overs between `from` and `until`.
    pub fn handovers(&self, from: Instant, until: Instant) -> Vec<Instant> {
        if self.people.is_empty() {
            return Vec::new();
        }
        let week = self.week(from);
        let all =
            (1..=MOST_TURNS).filter_map(|more| Some(self.handover_of(week.saturating_add(i64::try_from(more).ok()?))));
        all.take_while(|at| *at <= until).collect()
    }

    /// Who has the turn that is under way at `at`, and from when until when it goes.
    pub fn turn_at(&self, at: Instant) -> Option<(Instant, Instant, PersonId)> {
        let week = self.week(at);
        let turns = i64::try_from(self.people.len()).ok().filter(|turns| *turns > 0)?;
        let person = self.people.get(usize::try_from(week.rem_euclid(turns)).ok()?)?;
        Some((self.handover_of(week), self.handover_of(week.saturating_add(1)), person.clone()))
    }

    /// The number of the turn that an instant is in; the first is 0.
    fn week(&self, at: Instant) -> i64 {
        let day = at.utc().with_timezone(&self.zone).date_naive();
        let days = day.signed_duration_since(self.first_day()).num_days();
        let week = days.div_euclid(7);
        // The time of day and a change of clocks move it by one at most.
        if self.handover_of(week) > at { week.saturating_sub(1) } else { week }
    }

    /// When a turn begins; a local time that a change of clocks leaves out begins right after it.
    fn handover_of(&self, week: i64) -> Instant {
        let first = self.first_day();
        let days = Days::new(week.unsigned_abs().saturating_mul(7));
        let day = if week < 0 { first.checked_sub_days(days) } else { first.checked_add_days(days) };
        let bound = if week < 0 { NaiveDate::MIN } else { NaiveDate::MAX };
        first_at(day.unwrap_or(bound).and_time(self.handover.1), self.zone)
    }

    fn first_day(&self) -> NaiveDate {
        let (weekday, _) = self.handover;
        let until = (7 + weekday.num_days_from_monday() - self.starts.weekday().num_days_from_monday()) % 7;
        self.starts.checked_add_days(Days::new(u64::from(until))).unwrap_or(self.starts)
    }
}

/// The parts of `turns` between `from` and `until`.
fn cut(turns: &[Override], from: Instant, until: Instant) -> Vec<(Instant, Instant, &PersonId)> {
    let cut = turns.iter().map(|turn| (turn.from.max(from), turn.until.min(until), &turn.person));
    cut.filter(|(from, until, _)| from < until).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::{America::New_York, Europe::London};
    use proptest::prelude::*;

    fn person(id: &str) -> PersonId {
        id.parse().unwrap()
    }
    fn utc(text: &str) -> Instant {
        Instant::parse_rfc3339(text).unwrap()
    }
    fn rota(people: &[&str]) -> Rota {
        Rota {
            zone: London,
            handover: (Weekday::Mon, NaiveTime::from_hms_opt(9, 0, 0).unwrap()),
            starts: NaiveDate::from_ymd_opt(2026, 11, 2).unwrap(),
            people: people.iter().map(|id| person(id)).collect(),
            overrides: Vec::new(),
            calendar: None,
            slots: Vec::new(),
            covers: None,
        }
    }
    fn on(rota: &Rota, at: &str) -> String {
        rota.at(utc(at)).map(ToString::to_string).unwrap_or_default()
    }

    #[test]
    fn turns_pass_at_the_handover_in_its_zone() {
        let rota = rota(&["li", "sam", "ana"]);
        assert_eq!(on(&rota, "2026-11-02T08:59:59Z"), "ana");
        assert_eq!(on(&rota, "2026-11-02T09:00:00Z"), "li");
        assert_eq!(on(&rota, "2026-11-09T08:59:59.999Z"), "li");
        assert_eq!(on(&rota, "2026-11-09T09:00:00Z"), "sam");
        assert_eq!(on(&rota, "2026-10-26T09:00:00Z"), "ana");
        // In summer 09:00 in London is 08:00 in UTC.
        assert_eq!(on(&rota, "2027-03-29T07:59:59Z"), "ana");
        assert_eq!(on(&rota, "2027-03-29T08:00:00Z"), "li");
    }

    #[test]
    fn turns_begin_on_the_first_handover_on_or_after_the_start() {
        let mut rota = rota(&["li", "sam"]);
        rota.starts = NaiveDate::from_ymd_opt(2026, 11, 3).unwrap();
        assert_eq!(on(&rota, "2026-11-09T09:00:00Z"), "li");
        rota.handover.0 = Weekday::Tue;
        assert_eq!(on(&rota, "2026-11-03T09:00:00Z"), "li");
    }

    #[test]
    fn the_last_override_wins() {
        let mut rota = rota(&["li", "sam"]);
        let over =
            |from: &str, until: &str, who: &str| Override { from: utc(from), until: utc(until), person: person(who) };
        rota.overrides = vec![
            over("2026-11-03T00:00:00Z", "2026-11-05T00:00:00Z", "sam"),
            over("2026-11-04T00:00:00Z", "2026-11-04T12:00:00Z", "ana"),
        ];
        assert_eq!(on(&rota, "2026-11-02T23:59:59Z"), "li");
        assert_eq!(on(&rota, "2026-11-03T00:00:00Z"), "sam");
        assert_eq!(on(&rota, "2026-11-04T00:00:00Z"), "ana");
        assert_eq!(on(&rota, "2026-11-04T12:00:00Z"), "sam");
        assert_eq!(on(&rota, "2026-11-05T00:00:00Z"), "li");
        let turns: Vec<String> =
            rota.next_turns(utc("2026-11-02T10:00:00Z"), 6).iter().map(|(at, who)| format!("{at} {who}")).collect();
        assert_eq!(
            turns,
            [
                "2026-11-03T00:00:00Z sam",
                "2026-11-04T00:00:00Z ana",
                "2026-11-04T12:00:00Z sam",
                "2026-11-05T00:00:00Z li",
                "2026-11-09T09:00:00Z sam",
                "2026-11-16T09:00:00Z li",
            ]
        );
    }

    #[test]
    fn one_person_alone_still_has_turns_and_an_empty_calendar_has_none() {
        assert_eq!(rota(&["li"]).next_turns(utc("2026-11-02T10:00:00Z"), 8).len(), 8);
        assert_eq!(rota(&[]).next_turns(utc("2026-11-02T10:00:00Z"), 8), []);
        assert_eq!(rota(&[]).at(utc("2026-11-02T10:00:00Z")), None);
    }

    #[test]
    fn a_handover_in_a_gap_comes_right_after_it() {
        let mut rota = rota(&["li", "sam"]);
        rota.zone = New_York;
        rota.handover = (Weekday::Sun, NaiveTime::from_hms_opt(2, 30, 0).unwrap());
        let turns = rota.next_turns(utc("2027-03-10T00:00:00Z"), 1);
        assert_eq!(turns.first().map(|(at, _)| at.to_string()), Some("2027-03-14T07:30:00Z".to_owned()));
    }

    proptest! {
        #[test]
        fn a_turn_holds_until_the_next(seconds in 1_700_000_000_i64..2_000_000_000) {
            let rota = rota(&["li", "sam", "ana"]);
            let at = Instant::from_millis(seconds * 1000);
            let week = rota.week(at);
            prop_assert!(rota.handover_of(week) <= at && at < rota.handover_of(week + 1));
            let (begin, next) = rota.next_turns(at, 1).remove(0);
            prop_assert_eq!(rota.at(begin), Some(&next));
            prop_assert_eq!(rota.at(Instant::from_millis(begin.millis() - 1)), rota.at(at));
        }
    }
}

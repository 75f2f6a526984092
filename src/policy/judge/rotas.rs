//! Judging `[rotas.…]`: turns that somebody always has, or an outside calendar.

use super::Judge;
use crate::policy::raw::{RawOverride, RawRota, RawSwap};
use crate::policy::rota::{Calendar, Matching, Override, Rota};
use crate::text::Instant;
use crate::text::instant::{date_of, first_at, resolve, time_of};
use chrono::{NaiveDate, NaiveTime, Weekday};
use chrono_tz::Tz;
use std::collections::BTreeMap;

/// Three letters of each weekday, from Monday.
pub(super) const WEEKDAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Mon),
    ("tue", Weekday::Tue),
    ("wed", Weekday::Wed),
    ("thu", Weekday::Thu),
    ("fri", Weekday::Fri),
    ("sat", Weekday::Sat),
    ("sun", Weekday::Sun),
];

/// `Mon`, in any case.
pub(super) fn weekday(text: &str) -> Option<Weekday> {
    let text = text.to_ascii_lowercase();
    WEEKDAYS.iter().find(|(word, _)| *word == text).map(|(_, day)| *day)
}

impl Judge<'_> {
    pub(super) fn calendars(&mut self, zone: Tz) -> BTreeMap<String, Rota> {
        let mut rotas = BTreeMap::new();
        for name in self.document.names("rotas") {
            self.named(&name, &["rotas", &name]);
            let Some(raw) = self.document.entry::<RawRota>("rotas", &name) else { continue };
            if let Some(rota) = self.rota(&name, &raw, zone) {
                rotas.insert(name, rota);
            }
        }
        rotas
    }

    fn rota(&mut self, name: &str, raw: &RawRota, zone: Tz) -> Option<Rota> {
        let path = |key| ["rotas", name, key];
        let zone = match &raw.zone {
            Some(zone) => self.zone(zone, &path("zone"))?,
            None => zone,
        };
        let calendar = self.calendar(name, raw);
        let mut people = Vec::new();
        for (at, person) in raw.people.iter().enumerate() {
            people.extend(self.person(person, &["rotas", name, "people", &at.to_string()]));
        }
        match (&raw.ics, raw.people.is_empty()) {
            (None, true) => {
                self.fault(&path("people"), &format!("the rota {name} has nobody in it"), "write people = [\"…\"]");
            }
            (Some(_), false) => {
                let sentence = format!("the rota {name} has people and a calendar");
                self.fault(&path("people"), &sentence, "keep one of people and ics");
            }
            _ => {}
        }
        let handover = self.handover(name, raw);
        let starts = match raw.starts.as_deref().map(|text| (text, date_of(text))) {
            Some((text, None)) => {
                self.fault(&path("starts"), &format!("{text:?} is no day"), "write it as \"2026-11-02\"");
                None
            }
            Some((_, day)) => day,
            // Any fixed Monday will do: turns count from it for ever.
            None => NaiveDate::from_ymd_opt(2024, 1, 1),
        };
        let overrides = self.overrides(name, &raw.overrides, zone);
        let (slots, covers) = (Vec::new(), None);
        let mut rota =
            Rota { zone, handover: handover?, starts: starts?, people, overrides: Vec::new(), calendar, slots, covers };
        // An override lies over a swap: it is the more exact of the two.
        rota.overrides = self.swaps(name, &raw.swaps, &rota);
        rota.overrides.extend(overrides);
        Some(rota)
    }

    /// Two turns whose people change places, each named by the day on which it begins.
    fn swaps(&mut self, name: &str, raw: &[RawSwap], rota: &Rota) -> Vec<Override> {
        let mut overrides = Vec::new();
        for (at, swap) in raw.iter().enumerate() {
            let at = at.to_string();
            let path = ["rotas", name, "swaps", &at];
            let mut turn = |day: Option<&String>, key: &str| {
                let Some(begins) = day.and_then(|day| date_of(day)) else {
                    let sentence = format!("a swap of {name} has no day in {key}");
                    self.fault(
                        &path,
                        &sentence,
                        &format!("write the day on which that turn begins: {key} = \"2026-12-07\""),
                    );
                    return None;
                };
                // At the hand-over the turn has begun, also when the clocks change on that day.
                let found = rota.turn_at(first_at(begins.and_time(rota.handover.1), rota.zone));
                let begins_then = |from: Instant| from.utc().with_timezone(&rota.zone).date_naive() == begins;
                if rota.calendar.is_some() || !found.as_ref().is_some_and(|(from, ..)| begins_then(*from)) {
                    let sentence = format!("no turn of {name} begins on {begins}");
                    self.fault(&path, &sentence, "name the day of a hand-over; policy show lists the next ones");
                    return None;
                }
                found
            };
            let (one, other) = (turn(swap.turn.as_ref(), "turn"), turn(swap.with.as_ref(), "with"));
            let (Some(one), Some(other)) = (one, other) else { continue };
            if one.2 == other.2 {
                let sentence = format!("both turns of a swap of {name} are {}'s", one.2);
                self.warn(&path, &sentence, "name turns of two people");
            }
            overrides.push(Override { from: one.0, until: one.1, person: other.2 });
            overrides.push(Override { from: other.0, until: other.1, person: one.2 });
        }
        overrides
    }

    fn handover(&mut self, name: &str, raw: &RawRota) -> Option<(Weekday, NaiveTime)> {
        let path = ["rotas", name, "handover"];
        let cure = "write the day and time at which the turn passes, such as handover = \"Mon 09:00\"";
        let Some(text) = &raw.handover else {
            if raw.ics.is_some() {
                return Some((Weekday::Mon, NaiveTime::MIN));
            }
            self.missing(&path, &format!("[rotas.{name}] has no handover"), cure);
            return None;
        };
        let read = text.trim().split_once(' ').and_then(|(day, time)| Some((weekday(day)?, time_of(time.trim())?)));
        if read.is_none() {
            self.fault(&path, &format!("{text:?} is no hand-over"), cure);
        }
        read
    }

    fn calendar(&mut self, name: &str, raw: &RawRota) -> Option<Calendar> {
        let matching = match raw.matching.as_deref() {
            None | Some("email") => Matching::Email,
            Some("name") => Matching::Name,
            Some(other) => {
                let sentence = format!("a calendar cannot be matched by {other}");
                self.fault(&["rotas", name, "match"], &sentence, "write match = \"email\" or \"name\"");
                return None;
            }
        };
        let Some(ics) = raw.ics.clone() else {
            if raw.matching.is_some() {
                let sentence = format!("[rotas.{name}] has match, but no calendar");
                self.fault(&["rotas", name, "match"], &sentence, "write ics = \"FILE or https URL\", or take it out");
            }
            return None;
        };
        let scheme = ics.split_once("://").map(|(scheme, _)| scheme);
        match scheme {
            _ if ics.trim().is_empty() => {
                let sentence = format!("the calendar of {name} is empty");
                self.fault(&["rotas", name, "ics"], &sentence, "write a file's path or an https:// address");
            }
            None | Some("https") => {}
            // The server reads it from hosts only that its operator allows.
            Some("http") => {
                let sentence =
                    format!("the calendar of {name} travels in clear: whoever sits between says who is on duty");
                self.warn(&["rotas", name, "ics"], &sentence, "write https://");
            }
            Some(_) => {
                let sentence = format!("the calendar of {name} is at no address that can be read");
                self.fault(&["rotas", name, "ics"], &sentence, "write a file's path or an https:// address");
            }
        }
        Some(Calendar { ics, matching })
    }

    fn overrides(&mut self, name: &str, raw: &[RawOverride], zone: Tz) -> Vec<Override> {
        let mut overrides = Vec::new();
        for (at, over) in raw.iter().enumerate() {
            let at = at.to_string();
            let path = |key| ["rotas", name, "overrides", &at, key].map(str::to_owned);
            let mut edge = |text: Option<&String>, key| {
                let path = path(key);
                let path: Vec<&str> = path.iter().map(String::as_str).collect();
                self.edge(text, key, zone, &path)
            };
            let (from, until) = (edge(over.from.as_ref(), "from"), edge(over.until.as_ref(), "until"));
            let around = ["rotas", name, "overrides", &at];
            let person = if let Some(person) = &over.person {
                self.person(person, &around)
            } else {
                self.fault(&around, "an override names no person", "write person = \"…\"");
                None
            };
            let (Some(from), Some(until), Some(person)) = (from, until, person) else { continue };
            if from >= until {
                self.fault(&around, "an override ends before it begins", "put the earlier time in from");
            }
            overrides.push(Override { from, until, person });
        }
        overrides
    }

    fn edge(&mut self, text: Option<&String>, key: &str, zone: Tz, path: &[&str]) -> Option<Instant> {
        let Some(text) = text else {
            self.fault(path, &format!("an override has no {key}"), &format!("write {key} = \"2026-12-31 18:00\""));
            return None;
        };
        if !text.contains('-') {
            self.fault(path, &format!("{text:?} has no day"), "write it as \"2026-12-31 18:00\"");
            return None;
        }
        match resolve(text, zone, Instant::from_millis(0)) {
            Ok(resolved) => {
                if let Some(remark) = resolved.remark {
                    self.warn(path, &remark, "write the offset where the other is meant: 2026-10-25T01:30:00+00:00");
                }
                Some(resolved.at)
            }
            Err(error) => {
                self.fault(path, &error.sentence, &error.cure);
                None
            }
        }
    }
}

//! An absolute instant in milliseconds, and reading one from what a person typed.
//!
//! Never reads the time: "the next 00:30" is told what now is.

use chrono::{DateTime, Datelike, Days, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, TimeDelta};
use chrono::{TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;

use super::{Clean, Length};

/// The length of the longest spelling, `2026-11-21T23:40:00.125Z`.
const WRITTEN: usize = 24;

/// An absolute instant: milliseconds since 1970-01-01T00:00:00Z. In JSON it is RFC 3339 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(i64);

impl Instant {
    /// From milliseconds since 1970.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// The same instant for calendar arithmetic. Beyond the year 262000 it is the last instant chrono knows.
    pub fn utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// This instant and a length later.
    #[must_use]
    pub const fn plus(self, length: Length) -> Self {
        Self(self.0.saturating_add(length.millis()))
    }

    /// This instant and a length earlier.
    #[must_use]
    pub const fn minus(self, length: Length) -> Self {
        Self(self.0.saturating_sub(length.millis()))
    }

    /// How long it is since `earlier`; negative when that is later.
    pub const fn since(self, earlier: Self) -> Length {
        Length::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// Reads RFC 3339 with an offset or Z.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        DateTime::parse_from_rfc3339(text).ok().map(|at| Self(at.timestamp_millis()))
    }

    /// Its one spelling, put into `room`; `None` outside the years 0 to 9999.
    #[allow(clippy::many_single_char_names, reason = "each is a digit, in the order in which they stand")]
    fn written(self, room: &mut [u8; WRITTEN]) -> Option<&str> {
        let at = self.utc();
        let year = u32::try_from(at.year()).ok().filter(|year| *year <= 9999)?;
        let digit = |number: u32| b'0' + u8::try_from(number % 10).unwrap_or(0);
        let two = |number: u32| [digit(number / 10), digit(number)];
        let ([c, e], [y, r]) = (two(year / 100), two(year));
        let ([m, n], [d, a]) = (two(at.month()), two(at.day()));
        let ([h, o], [i, j], [s, t]) = (two(at.hour()), two(at.minute()), two(at.second()));
        let millis = at.timestamp_subsec_millis();
        let [f, g] = two(millis / 10);
        let tail = if millis == 0 { b'Z' } else { b'.' };
        *room =
            [c, e, y, r, b'-', m, n, b'-', d, a, b'T', h, o, b':', i, j, b':', s, t, tail, f, g, digit(millis), b'Z'];
        std::str::from_utf8(room.get(..if millis == 0 { 20 } else { WRITTEN })?).ok()
    }

    /// An instant in the one spelling in which it is written, `2026-11-21T23:40:00Z` or with three digits after the second
    /// where they are not all zero; nothing else. Quick, because verifying a trail reads one for every event.
    pub fn parse_written(text: &str) -> Option<Self> {
        let number = |from: usize, upto: usize| {
            let digits = text.as_bytes().get(from..upto)?;
            let all = digits.iter().all(u8::is_ascii_digit);
            all.then(|| digits.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0')))
        };
        let mark = |at: usize, mark: u8| text.as_bytes().get(at) == Some(&mark);
        let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (text.len().checked_sub(1)?, b'Z')];
        let millis = match text.len() {
            20 => 0,
            24 if mark(19, b'.') => number(20, 23).filter(|millis| *millis > 0)?,
            _ => return None,
        };
        if !marks.iter().all(|(at, letter)| mark(*at, *letter)) {
            return None;
        }
        let date = NaiveDate::from_ymd_opt(i32::try_from(number(0, 4)?).ok()?, number(5, 7)?, number(8, 10)?)?;
        let at = date.and_hms_milli_opt(number(11, 13)?, number(14, 16)?, number(17, 19)?, millis)?;
        Some(Self(at.and_utc().timestamp_millis()))
    }
}

impl From<DateTime<Utc>> for Instant {
    fn from(at: DateTime<Utc>) -> Self {
        Self(at.timestamp_millis())
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.written(&mut [0; WRITTEN]) {
            Some(text) => f.pad(text),
            None => f.pad(&self.utc().to_rfc3339_opts(SecondsFormat::AutoSi, true)),
        }
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.written(&mut [0; WRITTEN]) {
            Some(text) => serializer.serialize_str(text),
            None => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Spelled)
    }
}

/// Reads an instant where it stands: a request holds a dozen.
struct Spelled;

impl de::Visitor<'_> for Spelled {
    type Value = Instant;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Instant, E> {
        Instant::parse_written(text)
            .or_else(|| Instant::parse_rfc3339(text))
            .ok_or_else(|| E::custom("not an instant: write it as 2026-11-22T00:30:00Z, with an offset or Z"))
    }
}

/// Why a text is no instant: a sentence and its cure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}; {cure}")]
pub struct BadInstant {
    /// What is wrong.
    pub sentence: String,
    /// What to write instead.
    pub cure: String,
}

/// An instant that a person meant, and what they should know about how it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The instant.
    pub at: Instant,
    /// Said where the text could have meant two instants.
    pub remark: Option<String>,
}

/// Reads what a person typed: RFC 3339 with an offset; `00:30`, the next one after `now`; `2026-11-22 00:30`. The last
/// two are local in `zone`, or in the IANA zone written after them.
///
/// A time that a daylight-saving change leaves out is refused; one that comes twice is the earliest still ahead of
/// `now`, with a remark.
pub fn resolve(text: &str, zone: Tz, now: Instant) -> Result<Resolved, BadInstant> {
    let text = text.trim();
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        in_range(at.year())?;
        return Ok(Resolved { at: at.with_timezone(&Utc).into(), remark: None });
    }
    let (local, zone) = split_zone(text, zone)?;
    let (date, time) = match local.split_once([' ', 'T', 't']) {
        Some((date, time)) => (Some(date.trim()), time.trim()),
        None if local.contains(':') => (None, local),
        None => return Err(malformed(text)),
    };
    if time.starts_with("24:") {
        return Err(bad(format!("{} is past the last minute of a day", shown(text)), "write 00:00 of the next day"));
    }
    let time = time_of(time).ok_or_else(|| malformed(text))?;
    match date {
        None => next(time, zone, now),
        Some(date) => {
            let date = date_of(date).ok_or_else(|| malformed(text))?;
            in_range(date.year())?;
            at_local(date.and_time(time), zone, now)
        }
    }
}

/// In a sentence for whomever it may concern, to the second: `2026-11-22 00:30:15Z`.
pub fn said(at: Instant) -> String {
    match at.written(&mut [0; WRITTEN]).and_then(|text| Some((text.get(..10)?, text.get(11..19)?))) {
        Some((day, time)) => format!("{day} {time}Z"),
        None => at.utc().format("%Y-%m-%d %H:%M:%SZ").to_string(),
    }
}

/// In full: `2026-11-22 00:30 GMT`.
pub fn show(at: Instant, zone: Tz) -> String {
    at.utc().with_timezone(&zone).format("%Y-%m-%d %H:%M %Z").to_string()
}

/// `00:30 GMT` within 12 hours of `now`, so that no hour of another day is taken for one of today; else in full.
pub fn show_short(at: Instant, zone: Tz, now: Instant) -> String {
    if at.since(now).millis().abs() < Length::from_hours(12).millis() {
        at.utc().with_timezone(&zone).format("%H:%M %Z").to_string()
    } else {
        show(at, zone)
    }
}

/// `2026-11-22`, digits only and nothing left out.
pub fn date_of(text: &str) -> Option<NaiveDate> {
    let shape = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| shape)
}

/// `00:30` or `00:30:15`, two digits each.
pub fn time_of(text: &str) -> Option<NaiveTime> {
    if !text.bytes().all(|b| b.is_ascii_digit() || b == b':') {
        return None;
    }
    match text.len() {
        5 => NaiveTime::parse_from_str(text, "%H:%M").ok(),
        // Leap seconds are not offered: no clock here has them.
        8 if !text.ends_with("60") => NaiveTime::parse_from_str(text, "%H:%M:%S").ok(),
        _ => None,
    }
}

/// The first instant that shows this local time, or, where it is left out, the change that leaves it out. For calendars,
/// which must always go on.
pub fn first_at(local: NaiveDateTime, zone: Tz) -> Instant {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => at.with_timezone(&Utc).into(),
        LocalResult::None => after_gap(local, zone),
    }
}

/// A left-out local time, counted on with the offset that ruled before the change: 01:30 becomes 02:30.
fn after_gap(local: NaiveDateTime, zone: Tz) -> Instant {
    // No zone ever left out more than a day (the Pacific's change of sides).
    let before = (1..=26).find_map(|hours| {
        let back = TimeDelta::hours(hours);
        let earlier = zone.from_local_datetime(&local.checked_sub_signed(back)?).latest()?;
        earlier.with_timezone(&Utc).checked_add_signed(back)
    });
    before.unwrap_or_else(|| local.and_utc()).into()
}

fn next(time: NaiveTime, zone: Tz, now: Instant) -> Result<Resolved, BadInstant> {
    let today = now.utc().with_timezone(&zone).date_naive();
    let days = [today.pred_opt(), Some(today), today.succ_opt(), today.checked_add_days(Days::new(2))];
    for day in days.into_iter().flatten() {
        let local = day.and_time(time);
        let latest = match zone.from_local_datetime(&local) {
            LocalResult::Single(at) | LocalResult::Ambiguous(_, at) => at.with_timezone(&Utc).into(),
            LocalResult::None => after_gap(local, zone),
        };
        if latest > now {
            in_range(day.year())?;
            return at_local(local, zone, now);
        }
    }
    Err(bad(format!("there is no next {time}"), "write it as 2026-11-22 00:30"))
}

fn at_local(local: NaiveDateTime, zone: Tz, now: Instant) -> Result<Resolved, BadInstant> {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(at) => Ok(Resolved { at: at.with_timezone(&Utc).into(), remark: None }),
        LocalResult::Ambiguous(first, second) => {
            let ahead = Instant::from(first.with_timezone(&Utc)) > now;
            let past = Instant::from(second.with_timezone(&Utc)) <= now;
            let (taken, word) = if ahead || past { (first, "first") } else { (second, "second") };
            let remark = format!(
                "{} comes twice on {} in {zone}, because the clocks go back; the {word} was taken ({})",
                local.format("%H:%M"),
                local.date(),
                taken.format("%Z, UTC%:z"),
            );
            Ok(Resolved { at: taken.with_timezone(&Utc).into(), remark: Some(remark) })
        }
        LocalResult::None => {
            let instead = after_gap(local, zone).utc().with_timezone(&zone);
            let same_day = if instead.date_naive() == local.date() { "%H:%M" } else { "%Y-%m-%d %H:%M" };
            Err(bad(
                format!(
                    "there is no {} on {} in {zone}, because the clocks go forward over it",
                    local.format("%H:%M"),
                    local.date()
                ),
                &format!("write {}, or an instant with its offset", instead.format(same_day)),
            ))
        }
    }
}

/// Takes a zone off the end, if there is one.
fn split_zone(text: &str, zone: Tz) -> Result<(&str, Tz), BadInstant> {
    let Some((local, name)) = text.rsplit_once(char::is_whitespace) else { return Ok((text, zone)) };
    if !name.starts_with(|ch: char| ch.is_ascii_alphabetic()) {
        return Ok((text, zone));
    }
    match name.parse() {
        Ok(_) if DateTime::parse_from_rfc3339(local.trim()).is_ok() => {
            Err(bad(format!("{} has an offset and a zone", shown(text)), "write one of the two"))
        }
        Ok(zone) => Ok((local.trim(), zone)),
        Err(_) => Err(bad(
            format!("{} is no time zone that is known here", shown(name)),
            "write an IANA name such as Europe/London, or UTC",
        )),
    }
}

fn in_range(year: i32) -> Result<(), BadInstant> {
    if (2000..=2200).contains(&year) {
        Ok(())
    } else {
        Err(bad(format!("the year {year} is out of range"), "write one from 2000 to 2200"))
    }
}

fn malformed(text: &str) -> BadInstant {
    bad(format!("{} is no time", shown(text)), "write 00:30, 2026-11-22 00:30 or 2026-11-22T00:30:00Z")
}

fn bad(sentence: String, cure: &str) -> BadInstant {
    BadInstant { sentence, cure: cure.to_owned() }
}

fn shown(text: &str) -> String {
    format!("{:?}", Clean::line(text).cut(40).as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::{America::New_York, Europe::Berlin, Europe::London, Pacific::Apia};
    use proptest::prelude::*;

    fn utc(text: &str) -> Instant {
        Instant::parse_rfc3339(text).unwrap()
    }

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        for millis in [0, 1, 999, 1_795_304_414_250, 951_782_400_000, -62_167_219_200_000, 253_402_300_799_999] {
            let at = Instant::from_millis(millis);
            assert_eq!(Instant::parse_written(&at.to_string()), Some(at));
        }
        for other in [
            "",
            "Z",
            "2026-11-21T23:40:00.000Z",
            "2026-11-21T23:40:00.25Z",
            "2026-11-21T23:40:00.2500Z",
            "2026-11-21t23:40:00Z",
            "2026-11-21T23:40:00z",
            "2026-11-21 23:40:00Z",
            "2026-11-21T23:40:60Z",
            "2026-11-21T24:00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-11-21T23:40:00+00:00",
            "+026-11-21T23:40:00Z",
            "2026-11-21T23:4٠:00Z",
        ] {
            assert_eq!(Instant::parse_written(other), None, "{other}");
        }
    }

    #[test]
    fn it_is_written_as_the_calendar_writes_it() {
        let steps = (-62_200_000_000_000_i64..253_500_000_000_000).step_by(86_399_876_543);
        for millis in steps.chain([i64::MIN, -1, 0, 1, 999, 1000, 951_782_400_000, i64::MAX]) {
            let at = Instant::from_millis(millis);
            let slow = at.utc().to_rfc3339_opts(SecondsFormat::AutoSi, true);
            assert_eq!((at.to_string(), serde_json::to_string(&at).unwrap()), (slow.clone(), format!("\"{slow}\"")));
            assert_eq!(said(at), at.utc().format("%Y-%m-%d %H:%M:%SZ").to_string());
        }
    }

    #[test]
    fn reads_absolute_local_and_next() {
        let now = utc("2026-11-21T23:40:00Z");
        let cases = [
            ("2026-11-22T00:30:00Z", London, "2026-11-22T00:30:00Z"),
            ("2026-11-22T00:30:00+01:00", London, "2026-11-21T23:30:00Z"),
            ("00:30", London, "2026-11-22T00:30:00Z"),
            ("00:30", Berlin, "2026-11-22T23:30:00Z"),
            ("23:40", London, "2026-11-22T23:40:00Z"),
            ("23:40:01", London, "2026-11-21T23:40:01Z"),
            ("00:30 America/New_York", London, "2026-11-22T05:30:00Z"),
            ("2026-11-22 00:30", New_York, "2026-11-22T05:30:00Z"),
            ("2026-11-22T00:30", Berlin, "2026-11-21T23:30:00Z"),
            (" 2026-11-22 00:30:15  Europe/Berlin ", London, "2026-11-21T23:30:15Z"),
            ("2026-11-22 00:30 UTC", New_York, "2026-11-22T00:30:00Z"),
        ];
        for (text, zone, at) in cases {
            assert_eq!(resolve(text, zone, now), Ok(Resolved { at: utc(at), remark: None }), "{text}");
        }
    }

    #[test]
    fn a12_refuses_what_is_no_instant_and_says_how_to_write_it() {
        let now = utc("2026-11-21T23:40:00Z");
        let cases = [
            ("24:00", "\"24:00\" is past the last minute of a day; write 00:00 of the next day"),
            ("2026-11-21T24:00:00Z", "past the last minute of a day"),
            ("2026-11-21 24:00", "past the last minute of a day"),
            ("9999-12-31T23:59:59Z", "the year 9999 is out of range; write one from 2000 to 2200"),
            ("1999-12-31 23:59", "the year 1999 is out of range"),
            ("P1Y", "is no time; write 00:30, 2026-11-22 00:30 or"),
            ("", "is no time"),
            ("2026-11-22", "is no time"),
            ("2026-02-30 10:00", "is no time"),
            ("25:00", "is no time"),
            ("00:60", "is no time"),
            ("23:59:60", "is no time"),
            ("0:30", "is no time"),
            ("00:30 BST", "\"BST\" is no time zone that is known here; write an IANA name"),
            ("2026-11-22T00:30:00Z Europe/London", "has an offset and a zone"),
            ("+2026-11-22 00:30", "is no time"),
            ("tomorrow 00:30", "is no time"),
        ];
        for (text, says) in cases {
            let refused = resolve(text, London, now).unwrap_err().to_string();
            assert!(refused.contains(says), "{text:?}: {refused}");
        }
    }

    #[test]
    fn a12_a_daylight_saving_gap_is_refused_with_what_to_write() {
        let now = utc("2027-03-27T22:00:00Z");
        let cases = [
            (
                "01:30",
                London,
                "no 01:30 on 2027-03-28 in Europe/London, because the clocks go forward over it; write 02:30",
            ),
            (
                "2027-03-28 02:30",
                Berlin,
                "no 02:30 on 2027-03-28 in Europe/Berlin, because the clocks go forward over it; write 03:30",
            ),
            ("2027-03-14 02:00", New_York, "write 03:00, or an instant"),
            ("2011-12-30 12:00", Apia, "write 2011-12-31 12:00"),
        ];
        for (text, zone, says) in cases {
            let refused = resolve(text, zone, now).unwrap_err().to_string();
            assert!(refused.contains(says), "{text:?}: {refused}");
        }
        // Once the gap is over, the next one is tomorrow's, and exists.
        let after = resolve("01:30", London, utc("2027-03-28T01:00:00Z"));
        assert!(after.is_err(), "01:30 would have been at 01:30Z, still ahead");
        assert_eq!(resolve("01:30", London, utc("2027-03-28T01:30:00Z")).unwrap().at, utc("2027-03-29T00:30:00Z"));
    }

    #[test]
    fn a_fold_takes_the_earliest_still_ahead_and_says_so() {
        let take = |text: &str, zone, now: &str| {
            let resolved = resolve(text, zone, utc(now)).unwrap();
            (resolved.at.to_string(), resolved.remark.unwrap_or_default())
        };
        let (at, remark) = take("01:30", London, "2026-10-25T00:10:00Z");
        assert_eq!(at, "2026-10-25T00:30:00Z");
        assert_eq!(
            remark,
            "01:30 comes twice on 2026-10-25 in Europe/London, because the clocks go back; the first was taken (BST, UTC+01:00)"
        );
        let (at, remark) = take("01:30", London, "2026-10-25T00:30:00Z");
        assert_eq!(at, "2026-10-25T01:30:00Z");
        assert!(remark.contains("the second was taken (GMT, UTC+00:00)"), "{remark}");
        assert_eq!(take("01:30", London, "2026-10-25T01:30:00Z").0, "2026-10-26T01:30:00Z");
        assert_eq!(take("2026-11-01 01:30", New_York, "2026-11-01T05:45:00Z").0, "2026-11-01T06:30:00Z");
        assert_eq!(take("2026-10-25 02:30", Berlin, "2027-01-01T00:00:00Z").0, "2026-10-25T00:30:00Z");
    }

    #[test]
    fn shows_every_instant_with_its_zone() {
        let at = utc("2026-11-22T00:30:00Z");
        assert_eq!(show(at, London), "2026-11-22 00:30 GMT");
        assert_eq!(show(at, Berlin), "2026-11-22 01:30 CET");
        assert_eq!(show_short(at, London, utc("2026-11-21T23:40:00Z")), "00:30 GMT");
        assert_eq!(show_short(at, London, utc("2026-11-21T00:30:00.001Z")), "2026-11-22 00:30 GMT");
        assert_eq!(show_short(at, New_York, utc("2026-11-22T11:40:00Z")), "19:30 EST");
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_as_the_same_minute(minutes in 946_684_800_i64 / 60..7_258_118_400 / 60, now in any::<i32>()) {
            let at = Instant::from_millis(minutes * 60_000);
            for zone in [London, Berlin, New_York] {
                let text = at.utc().with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string();
                if let Ok(read) = resolve(&text, zone, Instant::from_millis(i64::from(now) * 1000)) {
                    prop_assert!(read.at == at || read.remark.is_some(), "{} {}", text, zone);
                }
            }
        }

        #[test]
        fn the_next_time_is_ahead_and_within_two_days(hour in 0_u32..24, minute in 0_u32..60, now in 946_684_800_i64..4_000_000_000) {
            let now = Instant::from_millis(now * 1000);
            for zone in [London, Berlin, New_York] {
                if let Ok(read) = resolve(&format!("{hour:02}:{minute:02}"), zone, now) {
                    prop_assert!(read.at > now && read.at.since(now) <= Length::from_hours(25));
                }
            }
        }

        #[test]
        fn never_panics(text in ".{0,40}") {
            let _ = resolve(&text, Berlin, Instant::from_millis(i64::MAX));
            let _ = resolve(&text, Berlin, Instant::from_millis(i64::MIN));
        }
    }
}

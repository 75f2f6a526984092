//! Quiet hours: when one person sleeps, by their own clock. Pure.

use crate::text::{Instant, Length, instant::first_at};
use chrono::{Days, NaiveTime};
use chrono_tz::Tz;

/// From–until by the clock on the wall; may pass midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quiet {
    /// From then on.
    pub from: NaiveTime,
    /// Until then.
    pub until: NaiveTime,
}

impl Quiet {
    /// When they end, if it is quiet at `now`.
    pub fn until(self, now: Instant, zone: Tz) -> Option<Instant> {
        let local = now.utc().with_timezone(&zone).naive_local();
        let time = local.time();
        let quiet = if self.from < self.until {
            (self.from..self.until).contains(&time)
        } else {
            time >= self.from || time < self.until
        };
        if !quiet {
            return None;
        }
        let today = local.date();
        let day = if self.until > time { today } else { today.checked_add_days(Days::new(1))? };
        // An hour that comes twice may have its end behind it: then it is over in a moment.
        Some(first_at(day.and_time(self.until), zone).max(now.plus(Length::from_seconds(1))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        Instant::parse_rfc3339(text).unwrap()
    }

    #[test]
    fn they_are_by_the_persons_own_clock() {
        let time = |text: &str| crate::text::instant::time_of(text).unwrap();
        let night = Quiet { from: time("22:00"), until: time("07:00") };
        let noon = Quiet { from: time("12:00"), until: time("13:30") };
        let (berlin, london) = (Tz::Europe__Berlin, Tz::Europe__London);
        for (quiet, zone, now, until) in [
            (night, berlin, "2026-11-21T21:00:00Z", Some("2026-11-22T06:00:00Z")),
            (night, london, "2026-11-21T21:00:00Z", None),
            (night, berlin, "2026-11-22T05:59:59Z", Some("2026-11-22T06:00:00Z")),
            (night, berlin, "2026-11-22T06:00:00Z", None),
            (noon, london, "2026-11-22T12:00:00Z", Some("2026-11-22T13:30:00Z")),
            (noon, london, "2026-11-22T13:30:00Z", None),
            // The clocks go forward in this night, and back in that one.
            (night, berlin, "2026-03-28T22:00:00Z", Some("2026-03-29T05:00:00Z")),
            (night, berlin, "2026-10-24T22:00:00Z", Some("2026-10-25T06:00:00Z")),
        ] {
            assert_eq!(quiet.until(at(now), zone), until.map(at), "{now} {zone}");
        }
    }
}

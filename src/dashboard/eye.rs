//! How times are read: every text that changes by itself says here when it will, so that the next wake-up is the next
//! visible change and nothing ticks in between.

use super::msg::Moment;
use crate::text::{Instant, Length};
use chrono_tz::Tz;
use std::cell::Cell;
use std::time::Duration;

/// The server's clock on the pane's own.
#[derive(Debug, Clone, Copy)]
pub struct Anchor {
    /// The pane's moment.
    pub moment: Moment,
    /// The server's time then.
    pub at: Instant,
}

impl Anchor {
    /// The server's time at `moment`.
    pub fn at(&self, moment: Moment) -> Instant {
        let passed = moment.0.saturating_sub(self.moment.0);
        self.at.plus(length(passed))
    }
    /// The moment at which the server's clock shows `at`; at once, if it is past.
    pub fn moment(&self, at: Instant) -> Moment {
        let ahead = at.since(self.at).millis();
        Moment(self.moment.0.saturating_add(Duration::from_millis(u64::try_from(ahead).unwrap_or(0))))
    }
}

/// A passed time as a length.
pub fn length(passed: Duration) -> Length {
    Length::from_millis(i64::try_from(passed.as_millis()).unwrap_or(i64::MAX))
}

/// One look at the clock.
#[derive(Debug)]
pub struct Eye {
    /// The pane's moment.
    pub moment: Moment,
    /// The server's time, once it is known.
    pub at: Option<Instant>,
    /// The zone in which times are shown.
    pub zone: Tz,
    wake: Cell<Option<Moment>>,
}

/// How much is left, as a countdown; and for how long the text stands.
pub fn left(length: Length) -> (String, Length) {
    let millis = length.millis().max(0);
    let unit = if millis >= 600_000 { 60_000 } else { 1000 };
    (length.countdown(), Length::from_millis(millis % unit + 1))
}

/// How long ago, in whole minutes, and for how long the text stands.
pub fn age(length: Length) -> (String, Length) {
    let millis = length.millis().max(0);
    let text = match millis / 60_000 {
        0 => "<1m".into(),
        m @ 1..=59 => format!("{m}m"),
        m => format!("{}h {}m", m / 60, m % 60),
    };
    (text, Length::from_millis(60_000 - millis % 60_000))
}

impl Eye {
    /// A look at `moment`.
    pub fn new(moment: Moment, anchor: Option<Anchor>, zone: Tz) -> Self {
        Self { moment, at: anchor.map(|anchor| anchor.at(moment)), zone, wake: Cell::new(None) }
    }

    /// Something will look different at this moment.
    pub fn wake_at(&self, moment: Moment) {
        if moment > self.moment && self.wake.get().is_none_or(|wake| moment < wake) {
            self.wake.set(Some(moment));
        }
    }

    /// Something will look different after this long.
    pub fn wake_in(&self, after: Length) {
        self.wake_at(Moment(self.moment.0.saturating_add(after.to_std())));
    }

    /// Something will look different when the server's clock shows `at`.
    pub fn wake_when(&self, at: Instant) {
        if let Some(now) = self.at.filter(|now| at > *now) {
            self.wake_in(at.since(now));
        }
    }

    /// When the first of all texts changes.
    pub fn next(&self) -> Option<Moment> {
        self.wake.get()
    }

    /// How much is left until `at`.
    pub fn left(&self, at: Instant) -> String {
        let Some(now) = self.at else { return "?".into() };
        let ahead = at.since(now);
        if ahead.millis() <= 0 {
            return "0:00".into();
        }
        let (text, stands) = left(ahead);
        self.wake_in(stands);
        text
    }

    /// How long ago `at` was.
    pub fn age(&self, at: Instant) -> String {
        let Some(now) = self.at else { return "?".into() };
        let (text, stands) = age(now.since(at));
        self.wake_in(stands);
        text
    }

    /// The clock: `02:14 CET`.
    pub fn clock(&self) -> String {
        let Some(now) = self.at else { return "--:--".into() };
        self.wake_in(Length::from_millis(60_000 - now.millis().rem_euclid(60_000)));
        self.hour(now)
    }

    /// `02:14 CET`.
    pub fn hour(&self, at: Instant) -> String {
        self.local(at, "%H:%M %Z")
    }

    /// `02:14`, with the seconds where they are not zero and `exact`.
    pub fn bare(&self, at: Instant, exact: bool) -> String {
        let seconds = exact && at.millis().rem_euclid(60_000) >= 1000;
        self.local(at, if seconds { "%H:%M:%S" } else { "%H:%M" })
    }

    /// `02:14:07 CET`.
    pub fn second(&self, at: Instant) -> String {
        self.local(at, "%H:%M:%S %Z")
    }

    /// `03:44 CET`, with the day where it is not within twelve hours.
    pub fn near(&self, at: Instant) -> String {
        self.local(at, if self.is_near(at) { "%H:%M %Z" } else { "%Y-%m-%d %H:%M %Z" })
    }

    /// `03:44 CET (02:44Z)`, with the day where it is not within twelve hours.
    pub fn full(&self, at: Instant) -> String {
        if self.is_utc() {
            return self.near(at);
        }
        let utc = at.utc().format(if self.is_near(at) { "%H:%MZ" } else { "%Y-%m-%d %H:%MZ" });
        format!("{} ({utc})", self.near(at))
    }

    /// A window: `02:14 → 03:44 CET, 01:14–02:44Z`.
    pub fn window(&self, from: Instant, until: Instant) -> String {
        let start = if self.is_near(from) { "%H:%M" } else { "%Y-%m-%d %H:%M" };
        let here = format!("{} → {}", self.local(from, start), self.near(until));
        if self.is_utc() {
            return here;
        }
        let end = if self.is_near(until) { "%H:%MZ" } else { "%Y-%m-%d %H:%MZ" };
        format!("{here}, {}–{}", from.utc().format(start), until.utc().format(end))
    }

    /// `2026-11-22 02:14`, for a column whose heading has the zone.
    pub fn stamp(&self, at: Instant) -> String {
        self.local(at, "%Y-%m-%d %H:%M")
    }

    /// `11-22 02:14`, where there is no room for more.
    pub fn stamp_short(&self, at: Instant) -> String {
        self.local(at, "%m-%d %H:%M")
    }

    /// `2026-11-22 02:14:07 CET`.
    pub fn stamp_exact(&self, at: Instant) -> String {
        self.local(at, "%Y-%m-%d %H:%M:%S %Z")
    }

    /// The zone's short name now.
    pub fn zone_name(&self) -> String {
        self.at.map_or_else(String::new, |at| self.local(at, "%Z"))
    }

    /// Whichever of its names somebody's computer uses: the same time is not said twice.
    fn is_utc(&self) -> bool {
        matches!(
            self.zone,
            Tz::UTC
                | Tz::Etc__UTC
                | Tz::Etc__UCT
                | Tz::Etc__Universal
                | Tz::Etc__Zulu
                | Tz::UCT
                | Tz::Zulu
                | Tz::Universal
        )
    }

    fn is_near(&self, at: Instant) -> bool {
        self.at.is_some_and(|now| at.since(now).millis().abs() < Length::from_hours(12).millis())
    }

    fn local(&self, at: Instant, format: &str) -> String {
        at.utc().with_timezone(&self.zone).format(format).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seconds(seconds: i64) -> Length {
        Length::from_seconds(seconds)
    }

    #[test]
    fn what_is_left_ticks_by_the_second_only_when_it_matters() {
        for (given, text, stands) in [
            (4331, "1h 12m", 11_001),
            (3600, "1h 0m", 1),
            (3599, "59m", 59_001),
            (600, "10m", 1),
            (599, "9:59", 1),
            (261, "4:21", 1),
            (5, "0:05", 1),
            (0, "0:00", 1),
            (-5, "0:00", 1),
        ] {
            assert_eq!(left(seconds(given)), (text.to_owned(), Length::from_millis(stands)), "{given}");
        }
        assert_eq!(left(Length::from_millis(261_400)).1, Length::from_millis(401));
        assert_eq!(age(seconds(59)), ("<1m".into(), seconds(1)));
        assert_eq!(age(seconds(361)), ("6m".into(), seconds(59)));
        assert_eq!(age(seconds(7440)), ("2h 4m".into(), seconds(60)));
    }

    proptest! {
        #[test]
        fn a_text_stands_exactly_as_long_as_it_says(millis in 1_i64..20_000_000) {
            let at = |millis| left(Length::from_millis(millis));
            let (text, stands) = at(millis);
            let stands = stands.millis();
            if millis > stands {
                prop_assert_ne!(&at(millis - stands).0, &text);
            }
            prop_assert_eq!(&at(millis - stands + 1).0, &text);
            let ago = |millis| age(Length::from_millis(millis));
            let (text, stands) = ago(millis);
            prop_assert_ne!(&ago(millis + stands.millis()).0, &text);
            prop_assert_eq!(&ago(millis + stands.millis() - 1).0, &text);
        }
    }

    #[test]
    fn every_time_has_its_zone() {
        let at = |text| Instant::parse_rfc3339(text).unwrap();
        let now = at("2026-11-22T01:14:07.250Z");
        let anchor = Anchor { moment: Moment(Duration::from_secs(5)), at: now.minus(seconds(10)) };
        let eye = Eye::new(Moment(Duration::from_secs(15)), Some(anchor), Tz::Europe__Berlin);
        assert_eq!(eye.at, Some(now));
        assert_eq!(eye.clock(), "02:14 CET");
        assert_eq!(eye.next(), Some(Moment(Duration::from_millis(15_000 + 52_750))));
        assert_eq!(eye.window(now, at("2026-11-22T02:44:00Z")), "02:14 → 03:44 CET, 01:14–02:44Z");
        assert_eq!(eye.full(at("2026-11-22T02:44:00Z")), "03:44 CET (02:44Z)");
        assert_eq!(eye.full(at("2026-11-24T02:44:00Z")), "2026-11-24 03:44 CET (2026-11-24 02:44Z)");
        let eye = Eye::new(Moment(Duration::from_secs(15)), Some(anchor), Tz::Etc__UTC);
        assert_eq!(eye.full(at("2026-11-22T02:44:00Z")), "02:44 UTC");
        assert_eq!(eye.window(now, at("2026-11-22T02:44:00Z")), "01:14 → 02:44 UTC");
        assert_eq!(anchor.moment(now), Moment(Duration::from_secs(15)));
    }
}

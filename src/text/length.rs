//! A length of time: what is asked for, and what the limits are.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A length of time in milliseconds. In JSON it is a number of milliseconds; people write and read `1h 30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Length(i64);

impl Length {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// From milliseconds.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }
    /// From seconds.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }
    /// From minutes.
    pub const fn from_minutes(minutes: i64) -> Self {
        Self::from_seconds(minutes.saturating_mul(60))
    }
    /// From hours.
    pub const fn from_hours(hours: i64) -> Self {
        Self::from_minutes(hours.saturating_mul(60))
    }
    /// Milliseconds.
    pub const fn millis(self) -> i64 {
        self.0
    }
    /// Whole seconds, rounded towards zero.
    pub const fn seconds(self) -> i64 {
        self.0 / 1000
    }
    /// As a countdown, of what is left: over an hour `1h 12m`, over ten minutes `17m`, else `m:ss`. What has passed is `0:00`.
    pub fn countdown(self) -> String {
        match self.seconds().max(0) {
            s @ 3600.. => format!("{}h {}m", s / 3600, s / 60 % 60),
            s @ 600.. => format!("{}m", s / 60),
            s => format!("{}:{:02}", s / 60, s % 60),
        }
    }

    /// As a std duration; a negative length is zero.
    pub fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_millis(u64::try_from(self.0).unwrap_or(0))
    }
}

/// Why a text is no length.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}; {cure}")]
pub struct BadLength {
    /// What is wrong.
    pub sentence: String,
    /// What to write instead.
    pub cure: &'static str,
}

const GRAMMAR: &str = "write days, hours, minutes or seconds, such as 45m, 1h 30m or 2d";

impl FromStr for Length {
    type Err = BadLength;

    /// `45m`, `1h 30m`, `1h30m`, `90s`, `2d`: more than nothing, at most 31 days.
    fn from_str(text: &str) -> Result<Self, BadLength> {
        match Self::parse_or_zero(text)? {
            Self::ZERO => {
                Err(BadLength { sentence: format!("{} is no time at all", shown(text)), cure: "write at least 1s" })
            }
            length => Ok(length),
        }
    }
}

impl Length {
    /// The longest that anybody may write.
    pub const LONGEST: Self = Self::from_hours(31 * 24);

    /// As [`Length::from_str`], but `0m` is allowed: "at once".
    pub fn parse_or_zero(text: &str) -> Result<Self, BadLength> {
        let bad = |sentence: String| BadLength { sentence, cure: GRAMMAR };
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err(bad("a length of time is missing".to_owned()));
        }
        let (mut seconds, mut seen) = (0_i64, Vec::new());
        while !rest.is_empty() {
            let digits = rest.len() - rest.trim_start_matches(|ch: char| ch.is_ascii_digit()).len();
            let (number, tail) = rest.split_at(digits);
            let tail = tail.trim_start();
            let letters = tail.len() - tail.trim_start_matches(|ch: char| ch.is_ascii_alphabetic()).len();
            let (unit, tail) = tail.split_at(letters);
            let each = match unit {
                _ if number.is_empty() => return Err(bad(format!("{} is no length of time", shown(text)))),
                "s" => 1,
                "m" | "min" => 60,
                "h" => 3600,
                "d" => 86_400,
                "" if tail.starts_with(['.', ',']) => {
                    return Err(bad(format!("{} has a fraction", shown(text))));
                }
                "" => return Err(bad(format!("{} has no unit after {number}", shown(text)))),
                _ => return Err(bad(format!("{} has the unit {unit}, which is not known here", shown(text)))),
            };
            if seen.contains(&each) {
                return Err(bad(format!("{} says {unit} twice", shown(text))));
            }
            seen.push(each);
            // Too many digits for a number is above every limit, too.
            seconds = number.parse::<i64>().unwrap_or(i64::MAX).saturating_mul(each).saturating_add(seconds);
            rest = tail.trim_start();
        }
        if seconds > Self::LONGEST.seconds() {
            return Err(BadLength {
                sentence: format!("{} is longer than 31 days", shown(text)),
                cure: "ask for less, and again when it is over",
            });
        }
        Ok(Self::from_seconds(seconds))
    }
}

/// What somebody wrote, quoted and short enough for a sentence.
fn shown(text: &str) -> String {
    format!("{:?}", super::Clean::line(text).cut(40).as_str())
}

impl fmt::Display for Length {
    /// The two largest units that matter: `2d 4h`, `1h 30m`, `45m`, `4m 21s`, `30s`, `0.2s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let millis = self.0.unsigned_abs();
        let (seconds, minutes) = (millis / 1000 % 60, millis / 60_000 % 60);
        let (hours, days) = (millis / 3_600_000 % 24, millis / 86_400_000);
        let text = match (days, hours, minutes, seconds) {
            (0, 0, 0, s) if !millis.is_multiple_of(1000) && s < 10 => format!("{}.{}s", s, millis % 1000 / 100),
            (0, 0, 0, s) => format!("{s}s"),
            (0, 0, m, 0) => format!("{m}m"),
            (0, 0, m, s) => format!("{m}m {s}s"),
            (0, h, 0, _) => format!("{h}h"),
            (0, h, m, _) => format!("{h}h {m}m"),
            (d, 0, _, _) => format!("{d}d"),
            (d, h, _, _) => format!("{d}d {h}h"),
        };
        f.pad(&format!("{sign}{text}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_people_write() {
        let cases = [("45m", 45 * 60), ("45min", 45 * 60), ("1h 30m", 5400), ("1h30m", 5400), (" 90 s ", 90)];
        for (text, seconds) in cases.into_iter().chain([("2d", 172_800), ("31d", 31 * 86_400), ("30m 1h", 5400)]) {
            assert_eq!(text.parse::<Length>().unwrap(), Length::from_seconds(seconds), "{text}");
        }
        assert_eq!(Length::parse_or_zero("0m").unwrap(), Length::ZERO);
    }

    #[test]
    fn a12_refuses_zero_negative_unitless_and_endless() {
        let cases = [
            ("", "a length of time is missing; write days"),
            ("0m", "\"0m\" is no time at all; write at least 1s"),
            ("0h 0m", "no time at all"),
            ("-5m", "\"-5m\" is no length of time; write days"),
            ("45", "\"45\" has no unit after 45"),
            ("1.5h", "\"1.5h\" has a fraction"),
            ("P1Y", "\"P1Y\" is no length of time"),
            ("1y", "has the unit y, which is not known here"),
            ("2 months", "has the unit months"),
            ("1M", "has the unit M"),
            ("1w", "has the unit w"),
            ("1h 1h", "says h twice"),
            ("32d", "\"32d\" is longer than 31 days; ask for less"),
            ("99999999999999999999d", "is longer than 31 days"),
            ("9223372036854775807s 9223372036854775807d", "is longer than 31 days"),
            ("٣m", "is no length of time"),
            ("5m\u{1b}[2J", "\"5m␛[2J\" is no length"),
        ];
        for (text, says) in cases {
            let refused = text.parse::<Length>().unwrap_err().to_string();
            assert!(refused.contains(says), "{text:?}: {refused}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_in_two_units_is_read_again(minutes in 1_i64..24 * 60) {
            let length = Length::from_minutes(minutes);
            prop_assert_eq!(length.to_string().parse::<Length>().unwrap(), length);
        }

        #[test]
        fn never_panics_nor_exceeds(text in ".{0,30}") {
            if let Ok(length) = text.parse::<Length>() {
                prop_assert!(length > Length::ZERO && length <= Length::LONGEST);
            }
        }
    }
}

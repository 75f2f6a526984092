//! Instants and lengths as people read them: every time with its zone, and in UTC beside it.

use crate::text::{Instant, Length, instant};
use chrono_tz::Tz;

/// The viewer's zone: the one configured, else the machine's, else UTC.
pub fn zone(configured: Option<Tz>) -> Tz {
    let zone = configured.or_else(|| iana_time_zone::get_timezone().ok()?.parse().ok()).unwrap_or(Tz::UTC);
    // One name for it, so that UTC does not stand beside itself.
    if matches!(zone, Tz::Etc__UTC | Tz::Etc__UCT | Tz::UCT | Tz::Zulu) { Tz::UTC } else { zone }
}

/// In full: `2026-11-22 00:30 GMT (00:30Z)`.
pub fn full(at: Instant, zone: Tz) -> String {
    let local = instant::show(at, zone);
    if zone == Tz::UTC {
        return local;
    }
    let (here, utc) = (at.utc().with_timezone(&zone), at.utc());
    let day = if here.date_naive() == utc.date_naive() { "" } else { "%Y-%m-%d " };
    format!("{local} ({}Z)", utc.format(&format!("{day}%H:%M")))
}

/// `00:30 GMT (00:30Z)` within a day of `now`, else in full.
pub fn short(at: Instant, zone: Tz, now: Instant) -> String {
    let local = instant::show_short(at, zone, now);
    if local.contains('-') && local.len() > 12 {
        return full(at, zone);
    }
    if zone == Tz::UTC { local } else { format!("{local} ({}Z)", at.utc().format("%H:%M")) }
}

/// With seconds, for a record: `2026-11-22 00:30:07 GMT`.
pub fn exact(at: Instant, zone: Tz) -> String {
    at.utc().with_timezone(&zone).format("%Y-%m-%d %H:%M:%S %Z").to_string()
}

/// The time of day with seconds, beside one that has its zone: `00:30:07`.
pub fn second(at: Instant, zone: Tz) -> String {
    at.utc().with_timezone(&zone).format("%H:%M:%S").to_string()
}

/// The time of day somewhere: `19:30 EST`.
pub fn clock(at: Instant, zone: Tz) -> String {
    at.utc().with_timezone(&zone).format("%H:%M %Z").to_string()
}

/// How much is left: `1h 12m`, `17m`, and seconds only under ten minutes.
pub fn left(length: Length) -> String {
    let seconds = length.seconds().max(0);
    let whole = if seconds >= 600 { seconds - seconds % 60 } else { seconds };
    Length::from_seconds(whole).to_string()
}

/// How long ago, in whole minutes: `<1m`, `17m`, `2h 4m`.
pub fn age(length: Length) -> String {
    match length.seconds() {
        ..60 => "<1m".into(),
        seconds => Length::from_seconds(seconds - seconds % 60).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        Instant::parse_rfc3339(text).unwrap()
    }

    #[test]
    fn every_time_has_its_zone_and_utc_beside_it() {
        let end = at("2026-11-22T00:30:00Z");
        assert_eq!(full(end, Tz::Europe__London), "2026-11-22 00:30 GMT (00:30Z)");
        assert_eq!(full(end, Tz::America__New_York), "2026-11-21 19:30 EST (2026-11-22 00:30Z)");
        assert_eq!(full(end, Tz::UTC), "2026-11-22 00:30 UTC");
        assert_eq!(short(end, Tz::Europe__Berlin, at("2026-11-21T23:40:00Z")), "01:30 CET (00:30Z)");
        assert_eq!(short(end, Tz::Europe__Berlin, at("2026-11-20T23:40:00Z")), "2026-11-22 01:30 CET (00:30Z)");
        assert_eq!(short(end, Tz::America__Sao_Paulo, at("2026-11-21T23:40:00Z")), "21:30 -03 (00:30Z)");
        assert_eq!(exact(end, Tz::Europe__Berlin), "2026-11-22 01:30:00 CET");
    }

    #[test]
    fn what_is_left_ticks_by_the_second_only_when_it_matters() {
        let cases = [(4331, "1h 12m"), (1041, "17m"), (599, "9m 59s"), (30, "30s"), (0, "0s"), (-5, "0s")];
        for (seconds, text) in cases {
            assert_eq!(left(Length::from_seconds(seconds)), text);
        }
        assert_eq!(age(Length::from_seconds(59)), "<1m");
        assert_eq!(age(Length::from_seconds(361)), "6m");
    }
}

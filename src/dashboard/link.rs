//! How fresh what is shown is, and what may be sent by it.

use super::eye::{Eye, length};
use super::msg::Moment;
use crate::text::Length;
use std::time::Duration;

/// Live under this age.
const LIVE: Duration = Duration::from_secs(15);
/// From this age on nothing is approved or extended.
const TOO_OLD: Duration = Duration::from_secs(30);

/// Why the board cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Away {
    /// The sentence.
    pub sentence: String,
    /// When it is tried again.
    pub next_try: Moment,
    /// Connecting failed.
    pub offline: bool,
    /// Since when.
    pub since: Moment,
}

/// The link.
#[derive(Debug, Clone, Default)]
pub struct Link {
    /// When the board was answered last.
    pub answered: Option<Moment>,
    /// What stands against it now.
    pub away: Option<Away>,
    /// How old what was kept from last time was, and when that was said.
    pub kept: Option<(Duration, Moment)>,
}

/// What the header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nothing is known yet.
    Connecting,
    /// What was kept from last time.
    Kept,
    /// Fresh.
    Live,
    /// No answer for a while.
    Stale,
    /// Connecting fails.
    Offline,
}

impl Link {
    /// What it is at `now`.
    pub fn state(&self, now: Moment) -> State {
        let offline = self.away.as_ref().is_some_and(|away| away.offline);
        match self.answered {
            _ if offline => State::Offline,
            Some(answered) if since(answered, now) < LIVE => State::Live,
            Some(_) => State::Stale,
            None if self.kept.is_some() => State::Kept,
            None => State::Connecting,
        }
    }

    /// How old what is shown is.
    pub fn age(&self, now: Moment) -> Option<Duration> {
        let kept = || self.kept.map(|(age, at)| age + since(at, now));
        self.answered.map(|answered| since(answered, now)).or_else(kept)
    }

    /// What the header says: `LIVE`, `STALE 17 s`, `OFFLINE 4 s`.
    pub fn words(&self, eye: &Eye) -> String {
        let state = self.state(eye.moment);
        if let Some(answered) = self.answered {
            for edge in [LIVE, TOO_OLD] {
                eye.wake_at(Moment(answered.0 + edge));
            }
        }
        match (state, self.age(eye.moment)) {
            (State::Live, _) => "LIVE".into(),
            (State::Connecting, _) => "CONNECTING".into(),
            (State::Offline, None) => "OFFLINE".into(),
            (State::Offline, Some(age)) => format!("OFFLINE {}", old(age, eye)),
            (State::Kept, Some(age)) => format!("KEPT {} ago", old(age, eye)),
            (State::Stale, Some(age)) => format!("STALE {}", old(age, eye)),
            (State::Stale | State::Kept, None) => "STALE".into(),
        }
    }

    /// Why nothing can be sent now, if so. Approvals and extensions want fresher data than the rest.
    pub fn refuses(&self, now: Moment, fresh: bool) -> Option<&'static str> {
        match self.state(now) {
            State::Offline => Some("offline: nothing is sent, and nothing is kept to be sent later"),
            State::Connecting | State::Kept => Some("not connected yet: nothing is sent before the board was read"),
            State::Stale if fresh && self.age(now).is_none_or(|age| age >= TOO_OLD) => {
                Some("what is shown is older than 30 s: nothing is approved or extended on it")
            }
            State::Live | State::Stale => None,
        }
    }
}

/// Seconds under a minute, else whole minutes.
fn old(age: Duration, eye: &Eye) -> String {
    let (millis, seconds) = (length(age).millis(), age.as_secs());
    let unit = if seconds < 60 { 1000 } else { 60_000 };
    eye.wake_in(Length::from_millis(unit - millis % unit));
    match seconds {
        ..60 => format!("{seconds} s"),
        60..3600 => format!("{}m", seconds / 60),
        _ => format!("{}h {}m", seconds / 3600, seconds / 60 % 60),
    }
}

fn since(then: Moment, now: Moment) -> Duration {
    now.0.saturating_sub(then.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment(Duration::from_secs(seconds))
    }

    fn said(link: &Link, seconds: u64) -> (String, Option<Moment>) {
        let eye = Eye::new(at(seconds), None, chrono_tz::Tz::UTC);
        (link.words(&eye), eye.next())
    }

    #[test]
    fn what_the_header_says_and_when_it_says_otherwise() {
        let mut link = Link::default();
        assert_eq!(said(&link, 3), ("CONNECTING".into(), None));
        link.kept = Some((Duration::from_secs(200), at(1)));
        assert_eq!(said(&link, 2), ("KEPT 3m ago".into(), Some(at(41))));
        link.answered = Some(at(10));
        assert_eq!(said(&link, 12), ("LIVE".into(), Some(at(25))));
        assert_eq!(said(&link, 25), ("STALE 15 s".into(), Some(at(26))));
        assert!(link.refuses(at(39), true).is_none() && link.refuses(at(40), true).is_some());
        assert!(link.refuses(at(400), false).is_none());
        link.away = Some(Away { sentence: "x".into(), next_try: at(50), offline: true, since: at(40) });
        assert_eq!(said(&link, 41), ("OFFLINE 31 s".into(), Some(at(42))));
        assert!(link.refuses(at(41), false).is_some());
    }
}

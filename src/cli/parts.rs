//! Parts that several verbs take on the command line.

use super::exit::Trouble;
use crate::access::event::SendBackCode;
use crate::policy::Kind;
use crate::text::Length;
use crate::wire::WindowBody;
use chrono_tz::Tz;
use clap::Args;
use serde::de::DeserializeOwned;

/// The window as a person says it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct WindowArgs {
    /// How long, such as 45m or 1h 30m
    #[arg(long = "for", value_name = "LENGTH", conflicts_with = "until")]
    pub length: Option<Length>,
    /// The end: 00:30 (the next one in your zone), 2026-11-22 00:30, or with an offset
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Not before this time
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
}

impl WindowArgs {
    /// Whether nothing was said.
    pub const fn is_empty(&self) -> bool {
        self.length.is_none() && self.until.is_none() && self.from.is_none()
    }

    /// As it travels: local times as typed, with the zone in which they were meant.
    pub fn body(&self, zone: Tz) -> WindowBody {
        let local = self.until.is_some() || self.from.is_some();
        WindowBody {
            from: self.from.clone(),
            until: self.until.clone(),
            for_seconds: self.length.map(Length::seconds),
            zone: local.then(|| zone.name().to_owned()),
        }
    }

    /// What was typed in answer to "how long, or until when".
    pub fn typed(text: &str) -> Result<Self, Trouble> {
        match text.parse::<Length>() {
            Ok(length) => Ok(Self { length: Some(length), ..Self::default() }),
            // A time has a colon; anything else was meant as a length, and its own words say what is wrong.
            Err(_) if text.contains(':') => Ok(Self { until: Some(text.to_owned()), ..Self::default() }),
            Err(bad) => Err(Trouble::usage(bad.sentence, bad.cure)),
        }
    }
}

/// A word that travels as itself.
fn known<T: DeserializeOwned>(word: &str, words: &str) -> Result<T, String> {
    serde_json::from_value(word.into()).map_err(|_| format!("known are {words}"))
}

/// A kind.
pub fn kind(word: &str) -> Result<Kind, String> {
    known(word, "emergency, planned and day")
}

/// Why a request is sent back.
pub fn code(word: &str) -> Result<SendBackCode, String> {
    known(word, "vague-task, no-end, broad-role, long-window, old-ticket, wrong-user, wrong-approver and other")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_travels_as_it_was_typed() {
        let args = WindowArgs { until: Some("00:30".into()), ..WindowArgs::default() };
        let body = args.body(Tz::Europe__Berlin);
        assert_eq!((body.until.as_deref(), body.zone.as_deref()), (Some("00:30"), Some("Europe/Berlin")));
        let body = WindowArgs::typed("1h 30m").unwrap().body(Tz::UTC);
        assert_eq!((body.for_seconds, body.zone), (Some(5400), None));
        assert_eq!(WindowArgs::typed("00:30").unwrap().until.as_deref(), Some("00:30"));
        assert!(WindowArgs::typed("soon").is_err());
        assert!(WindowArgs::default().is_empty());
    }

    #[test]
    fn words_that_are_not_known_name_those_that_are() {
        assert_eq!(kind("day"), Ok(Kind::Day));
        assert!(kind("week").unwrap_err().contains("emergency"));
        assert_eq!(code("old-ticket"), Ok(SendBackCode::OldTicket));
        assert!(code("x").unwrap_err().contains("vague-task"));
    }
}

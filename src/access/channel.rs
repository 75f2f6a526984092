//! The name of a channel by which somebody is told, as it stands in the record.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The longest name, in bytes.
pub const LONGEST: usize = 41;

/// A channel: `desktop`, `terminal`, `hook`; of the server's own, with a colon, `webhook:NAME`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ChannelName(String);

/// Why a text is not a channel's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a channel's name: use 1 to 41 of a-z, 0-9, - and :, beginning with a letter")]
pub struct BadChannel(String);

impl ChannelName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// Whether only the server itself brings by it.
    pub fn is_servers(&self) -> bool {
        self.0.contains(':')
    }
}

impl FromStr for ChannelName {
    type Err = BadChannel;
    fn from_str(text: &str) -> Result<Self, BadChannel> {
        let mut bytes = text.bytes();
        let fits = text.len() <= LONGEST
            && bytes.next().is_some_and(|b| b.is_ascii_lowercase())
            && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b':');
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadChannel(format!("{:?}", text.chars().take(50).collect::<String>())))
        }
    }
}

impl TryFrom<String> for ChannelName {
    type Error = BadChannel;
    fn try_from(text: String) -> Result<Self, BadChannel> {
        text.parse()
    }
}

impl From<ChannelName> for String {
    fn from(name: ChannelName) -> Self {
        name.0
    }
}

impl fmt::Display for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a18_a_channel_is_named_by_its_grammar() {
        for good in ["desktop", "hook", "webhook:pager-2", &"a".repeat(41)] {
            assert!(good.parse::<ChannelName>().is_ok(), "{good:?}");
        }
        for bad in ["", "Desktop", "1a", ":a", "a b", "a\n", "a;b", "$(id)", "\u{e4}", &"a".repeat(42)] {
            assert!(bad.parse::<ChannelName>().is_err(), "{bad:?}");
        }
        let read = serde_json::from_str::<ChannelName>("\"a\\u001b[2J\"").unwrap_err().to_string();
        assert!(!read.contains('\u{1b}'), "{read:?}");
        assert!("webhook:a".parse::<ChannelName>().unwrap().is_servers());
    }
}

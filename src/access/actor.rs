//! Who acts, by which way in, and on what.

use super::id::RequestNumber;
use crate::text::{PersonId, SystemId};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;

/// The way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Via {
    /// A Unix socket with peer credentials.
    Socket,
    /// A personal or script token.
    Token,
    /// A session from an identity provider.
    Session,
    /// A chat.
    Chat,
    /// A replica of the service itself.
    Replica,
    /// The `admin` verbs, beside the server.
    Shell,
}

impl Via {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Socket => "socket",
            Self::Token => "token",
            Self::Session => "session",
            Self::Chat => "chat",
            Self::Replica => "replica",
            Self::Shell => "shell",
        }
    }
}

/// Who acts. As text it is `ID VIA`, such as `sam socket`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Actor {
    /// A person in the policy.
    Person(PersonId, Via),
    /// Time itself: what lapses.
    Clock,
    /// What gives, removes and observes.
    Reconciler,
    /// What tells people by the server's own channels.
    Notifier,
    /// An operating-system account at the `admin` verbs, or the owner of a policy file.
    Os(String),
}

impl Actor {
    /// The person, if it is one.
    pub fn person(&self) -> Option<&PersonId> {
        match self {
            Self::Person(id, _) => Some(id),
            Self::Clock | Self::Reconciler | Self::Notifier | Self::Os(_) => None,
        }
    }
    /// An account of the machine, with anything unusual in its name replaced.
    pub fn os(account: &str) -> Self {
        let usual = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
        Self::Os(account.chars().take(64).map(usual).collect())
    }
    /// Who, without the way in.
    pub fn id(&self) -> String {
        match self {
            Self::Person(id, _) => id.to_string(),
            Self::Clock => "clock".into(),
            Self::Reconciler => "reconciler".into(),
            Self::Notifier => "notifier".into(),
            Self::Os(account) => format!("os:{account}"),
        }
    }
    /// The way in.
    pub const fn via(&self) -> Via {
        match self {
            Self::Person(_, via) => *via,
            Self::Clock | Self::Reconciler | Self::Notifier => Via::Replica,
            Self::Os(_) => Via::Shell,
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.id(), self.via().word())
    }
}

impl FromStr for Actor {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("{text:?} is no actor");
        let (id, via) = text.split_once(' ').ok_or_else(bad)?;
        let via = match via {
            "socket" => Via::Socket,
            "token" => Via::Token,
            "session" => Via::Session,
            "chat" => Via::Chat,
            "replica" => Via::Replica,
            "shell" => Via::Shell,
            _ => return Err(bad()),
        };
        Ok(match (id, via) {
            ("clock", Via::Replica) => Self::Clock,
            ("reconciler", Via::Replica) => Self::Reconciler,
            ("notifier", Via::Replica) => Self::Notifier,
            (id, Via::Shell) => Self::Os(id.strip_prefix("os:").ok_or_else(bad)?.to_owned()),
            (id, via) => Self::Person(id.parse().map_err(|_| bad())?, via),
        })
    }
}

/// What an event is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// One request.
    Request(RequestNumber),
    /// All requests of one ticket.
    Incident(String),
    /// The policy.
    Policy,
    /// A person.
    Person(PersonId),
    /// A system.
    System(SystemId),
    /// The store as a whole.
    Store,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(number) => write!(f, "request {}", number.0),
            Self::Incident(ticket) => write!(f, "incident {ticket}"),
            Self::Policy => f.write_str("policy"),
            Self::Person(id) => write!(f, "person {id}"),
            Self::System(id) => write!(f, "system {id}"),
            Self::Store => f.write_str("store"),
        }
    }
}

impl FromStr for Subject {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("{text:?} is no subject");
        Ok(match text.split_once(' ') {
            None if text == "policy" => Self::Policy,
            None if text == "store" => Self::Store,
            Some(("request", n)) => Self::Request(n.parse().map_err(|_| bad())?),
            Some(("incident", ticket)) => Self::Incident(ticket.to_owned()),
            Some(("person", id)) => Self::Person(id.parse().map_err(|_| bad())?),
            Some(("system", id)) => Self::System(id.parse().map_err(|_| bad())?),
            _ => return Err(bad()),
        })
    }
}

macro_rules! as_text {
    ($type:ident) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}
as_text!(Actor);
as_text!(Subject);

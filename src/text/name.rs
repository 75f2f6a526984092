//! Names of people, systems and roles: `[a-z][a-z0-9-]{0,31}`, so that none can carry a quote, a path, an option or a newline.
//! They are shared, not copied: a request names a dozen, and is handed on at every step.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;
use std::sync::Arc;

/// The longest name, in bytes.
pub const LONGEST: usize = 32;

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{shown} is not {what}: use 1 to 32 of a-z, 0-9 and -, beginning with a letter")]
pub struct BadName {
    what: &'static str,
    shown: String,
}

/// Whether `text` fits the grammar of names.
pub fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    text.len() <= LONGEST
        && bytes.next().is_some_and(|b| b.is_ascii_lowercase())
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(Arc<str>);

        impl $type {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl FromStr for $type {
            type Err = BadName;
            fn from_str(text: &str) -> Result<Self, BadName> {
                if is_name(text) {
                    Ok(Self(text.into()))
                } else {
                    let mut shown: String = text.chars().take(40).collect();
                    shown = format!("{shown:?}");
                    Err(BadName { what: $what, shown })
                }
            }
        }
        impl TryFrom<String> for $type {
            type Error = BadName;
            fn try_from(text: String) -> Result<Self, BadName> {
                text.parse()
            }
        }
        impl From<$type> for String {
            fn from(name: $type) -> String {
                name.as_str().to_owned()
            }
        }
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
        impl std::borrow::Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(Named(PhantomData))
            }
        }
    };
}

/// Reads a name where it stands, without a text of its own on the way.
struct Named<T>(PhantomData<T>);

impl<T: FromStr<Err = BadName>> de::Visitor<'_> for Named<T> {
    type Value = T;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

name!(
    /// A person in the policy.
    PersonId,
    "a person's name"
);
name!(
    /// A system in the policy.
    SystemId,
    "a system's name"
);
name!(
    /// A role of a system.
    RoleId,
    "a role's name"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a18_hostile_names_are_refused_by_the_grammar() {
        for bad in
            ["", "Ana", "a b", "a'b", "a;b", "$(id)", "../a", "a\n", "-oProxyCommand=x", "1a", "ä", &"a".repeat(33)]
        {
            assert!(bad.parse::<PersonId>().is_err(), "{bad:?}");
        }
        for good in ["a", "ana", "payments-db", "a1", &"a".repeat(32)] {
            assert!(good.parse::<SystemId>().is_ok(), "{good:?}");
        }
    }
}

//! Where a host is.

use crate::config;
use std::fmt;

/// Where a host is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A Unix socket.
    Unix(std::path::PathBuf),
    /// `https://host:port`, or `http://` on loopback.
    Http(String),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Http(url) => f.write_str(url),
        }
    }
}

impl From<config::Address> for Address {
    fn from(address: config::Address) -> Self {
        match address {
            config::Address::Unix(path) => Self::Unix(path),
            config::Address::Http(url) => Self::Http(url),
        }
    }
}

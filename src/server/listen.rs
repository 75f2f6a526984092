//! Where to listen.

use crate::config;
use crate::config::address::BadAddress;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// One address to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// Plain HTTP: on loopback, or for trusted proxies alone.
    Tcp(SocketAddr),
    /// A Unix socket, whose peers the machine itself names.
    Unix(PathBuf),
    /// TLS, with the files of certificate chain and key; both are read again on SIGHUP.
    Tls {
        /// Where.
        address: SocketAddr,
        /// The chain, PEM.
        certificate: PathBuf,
        /// The key, PEM; readable by its owner only.
        key: PathBuf,
    },
}

impl FromStr for Listen {
    type Err = BadAddress;
    /// `unix:PATH` or `127.0.0.1:7420`; TLS is added by [`Listen::over_tls`].
    fn from_str(text: &str) -> Result<Self, BadAddress> {
        Ok(match text.parse()? {
            config::Listen::Tcp(address) => Self::Tcp(address),
            config::Listen::Unix(path) => Self::Unix(path),
        })
    }
}

impl Listen {
    /// The same address with TLS; a Unix socket needs none.
    #[must_use]
    pub fn over_tls(self, certificate: PathBuf, key: PathBuf) -> Self {
        match self {
            Self::Tcp(address) | Self::Tls { address, .. } => Self::Tls { address, certificate, key },
            Self::Unix(path) => Self::Unix(path),
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) | Self::Tls { address, .. } => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

//! Where a store is kept, where a server listens, and where a client finds it.

use crate::policy::secrets::{has_password, holds_secret};
use crate::text::Clean;
use crate::text::Secret;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

/// Why a text is no address: a sentence and its cure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}; {cure}")]
pub struct BadAddress {
    /// What is wrong; never quotes a password.
    pub sentence: String,
    /// What to write instead.
    pub cure: String,
}

fn bad(sentence: impl Into<String>, cure: &str) -> BadAddress {
    BadAddress { sentence: sentence.into(), cure: cure.to_owned() }
}

/// What was written, short and without what may be a secret.
fn shown(text: &str) -> String {
    if has_password(text) || holds_secret(text).is_some() {
        let scheme = text.split_once("://").map_or("it", |(scheme, _)| scheme);
        return format!("{}://…", Clean::line(scheme).cut(12));
    }
    format!("{:?}", Clean::line(text).cut(60).as_str())
}

/// Where a server keeps its store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreUrl {
    /// `sqlite:PATH`
    Sqlite(PathBuf),
    /// `postgres://…`; may carry a password, so it shows none of itself.
    Postgres(Secret),
}

impl StoreUrl {
    /// Whether the address itself carries a password.
    pub fn has_password(&self) -> bool {
        match self {
            Self::Sqlite(_) => false,
            Self::Postgres(url) => has_password(url.reveal()) || holds_secret(url.reveal()).is_some(),
        }
    }
}

impl FromStr for StoreUrl {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        const CURE: &str = "write sqlite:PATH or postgres://USER@HOST/NAME";
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() || path.starts_with(':') || path.contains('\0') {
                return Err(bad(
                    format!("{} names no file", shown(text)),
                    "write sqlite:PATH; a store in memory forgets",
                ));
            }
            return Ok(Self::Sqlite(path.into()));
        }
        if let Some(rest) = text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://")) {
            let name = rest.split(['?', '#']).next().unwrap_or_default().split_once('/').map(|(_, name)| name);
            if name.is_none_or(str::is_empty) || rest.chars().any(|ch| ch.is_whitespace() || ch.is_control()) {
                return Err(bad(format!("{} names no database", shown(text)), CURE));
            }
            return Ok(Self::Postgres(Secret::new(text)));
        }
        Err(bad(format!("{} is no store", shown(text)), CURE))
    }
}

impl fmt::Display for StoreUrl {
    /// Without the user's password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(url) => {
                let (scheme, rest) = url.reveal().split_once("://").unwrap_or(("postgres", ""));
                let rest = rest.split(['?', '#']).next().unwrap_or_default();
                let (user, rest) = rest.rsplit_once('@').unwrap_or(("", rest));
                let user = user.split(':').next().unwrap_or_default();
                let at = if user.is_empty() { "" } else { "@" };
                write!(f, "{scheme}://{user}{at}{rest}")
            }
        }
    }
}

/// Where a client finds a server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// `unix:PATH`
    Unix(PathBuf),
    /// `https://HOST`, or `http://` on this machine; without a slash at its end.
    Http(String),
}

impl FromStr for Address {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        const CURE: &str = "write unix:PATH or https://HOST";
        if let Some(path) = text.strip_prefix("unix:") {
            return socket(path, text).map(Self::Unix);
        }
        let Some((scheme @ ("https" | "http"), rest)) = text.split_once("://") else {
            return Err(bad(format!("{} is no address of a server", shown(text)), CURE));
        };
        let rest = rest.trim_end_matches('/');
        let host = rest.split('/').next().unwrap_or_default();
        if host.is_empty() || rest.chars().any(|ch| ch.is_whitespace() || ch.is_control() || "?#\\".contains(ch)) {
            return Err(bad(format!("{} names no host", shown(text)), CURE));
        }
        if host.contains('@') {
            return Err(bad(
                "the address carries a user or a password",
                "take it out: nightlatch login stores a token",
            ));
        }
        if scheme == "http" && !is_loopback(host) {
            return Err(bad(format!("{} would send your token in clear", shown(text)), "write https://"));
        }
        Ok(Self::Http(format!("{scheme}://{rest}")))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Http(url) => f.write_str(url),
        }
    }
}

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// An IP address and a port; port 0 picks one.
    Tcp(SocketAddr),
    /// `unix:PATH`
    Unix(PathBuf),
}

impl FromStr for Listen {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        if let Some(path) = text.strip_prefix("unix:") {
            return socket(path, text).map(Self::Unix);
        }
        text.parse().map(Self::Tcp).map_err(|_| {
            bad(
                format!("{} is no address to listen on", shown(text)),
                "write 127.0.0.1:7420 or unix:/run/nightlatch/sock",
            )
        })
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// The kernel bounds a socket's path.
const LONGEST_SOCKET: usize = 107;

fn socket(path: &str, text: &str) -> Result<PathBuf, BadAddress> {
    let path = path.strip_prefix("//").unwrap_or(path);
    if path.is_empty() || path.contains('\0') {
        return Err(bad(format!("{} names no socket", shown(text)), "write unix:/run/nightlatch/sock"));
    }
    if path.len() > LONGEST_SOCKET {
        let sentence = format!("the socket's path has {} bytes, {LONGEST_SOCKET} at most are possible", path.len());
        return Err(bad(sentence, "choose a shorter path"));
    }
    Ok(path.into())
}

/// Whether `host[:port]` is this machine.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// A network such as `10.0.0.0/8`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Whether an address lies in it. An IPv4 address in IPv6 clothes counts as what it is.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let shift = 32 - u32::from(self.bits);
                own.to_bits().checked_shr(shift) == other.to_bits().checked_shr(shift)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let shift = 128 - u32::from(self.bits);
                own.to_bits().checked_shr(shift) == other.to_bits().checked_shr(shift)
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let not = || bad(format!("{} is no network", shown(text)), "write 10.0.0.0/8 or one address such as 192.0.2.7");
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| not())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), |bits| bits.parse().map_err(|_| not()))?;
        if bits > most {
            return Err(not());
        }
        Ok(Self { address, bits })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores_are_sqlite_or_postgres() {
        let store = |text: &str| text.parse::<StoreUrl>();
        assert_eq!(store("sqlite:data/store.db"), Ok(StoreUrl::Sqlite("data/store.db".into())));
        assert_eq!(store("sqlite:///var/lib/s.db"), Ok(StoreUrl::Sqlite("/var/lib/s.db".into())));
        let with = store("postgres://nl:hunter2@db:5432/nightlatch?sslmode=require").unwrap();
        assert!(with.has_password());
        assert_eq!(with.to_string(), "postgres://nl@db:5432/nightlatch");
        assert!(!format!("{with:?}").contains("hunter2"));
        assert!(store("postgres://db/x?password=hunter2").unwrap().has_password());
        assert!(!store("postgresql:///nightlatch?host=/run/postgresql").unwrap().has_password());
        for (text, says) in [
            ("sqlite:", "names no file; write sqlite:PATH; a store in memory forgets"),
            ("sqlite::memory:", "names no file"),
            ("postgres://db", "names no database; write sqlite:PATH or postgres://USER@HOST/NAME"),
            ("mysql://u:hunter2@db/x", "mysql://… is no store; write sqlite:PATH"),
            ("/var/lib/x.db", "is no store"),
        ] {
            let told = store(text).unwrap_err().to_string();
            assert!(told.contains(says) && !told.contains("hunter2"), "{text}: {told}");
        }
    }

    #[test]
    fn a_client_finds_a_socket_or_https() {
        let address = |text: &str| text.parse::<Address>();
        assert_eq!(address("unix:/run/nightlatch/sock"), Ok(Address::Unix("/run/nightlatch/sock".into())));
        assert_eq!(address("https://latch.example/"), Ok(Address::Http("https://latch.example".into())));
        for local in ["http://127.0.0.1:80", "http://localhost:1", "http://[::1]:7"] {
            assert!(address(local).is_ok(), "{local}");
        }
        for (text, says) in [
            ("http://latch.example", "would send your token in clear; write https://"),
            ("http://127.0.0.1.evil.example", "would send your token in clear"),
            ("https://u:hunter2@latch.example", "carries a user or a password; take it out"),
            ("https://", "names no host"),
            ("latch.example", "is no address of a server; write unix:PATH or https://HOST"),
            ("unix:", "names no socket"),
            ("https://a b", "names no host"),
        ] {
            let told = address(text).unwrap_err().to_string();
            assert!(told.contains(says) && !told.contains("hunter2"), "{text}: {told}");
        }
        assert!(
            format!("unix:/{}", "x".repeat(200)).parse::<Listen>().unwrap_err().to_string().contains("107 at most")
        );
        assert_eq!("127.0.0.1:0".parse::<Listen>().unwrap().to_string(), "127.0.0.1:0");
        assert!("localhost:80".parse::<Listen>().unwrap_err().to_string().contains("write 127.0.0.1:7420"));
    }

    #[test]
    fn a_network_holds_its_addresses() {
        let holds = |network: &str, ip: &str| network.parse::<Network>().unwrap().contains(ip.parse().unwrap());
        assert!(holds("10.0.0.0/8", "10.255.0.1") && !holds("10.0.0.0/8", "11.0.0.1"));
        assert!(holds("0.0.0.0/0", "8.8.8.8") && !holds("0.0.0.0/0", "::1"));
        assert!(holds("192.0.2.7", "::ffff:192.0.2.7") && holds("fd00::/8", "fd12::1") && holds("::/0", "fe80::1"));
        for bad in ["10.0.0.0/33", "10.0.0/8", "x", "10.0.0.0/-1", "::/129"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
    }
}

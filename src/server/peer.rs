//! Who is at the other end of a connection, as the machine says it.

use super::Options;
use super::connection::Connection;
use axum::http::HeaderMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// The other end.
#[derive(Debug, Clone, Default)]
pub struct Peer {
    /// Over TCP: its address.
    pub address: Option<SocketAddr>,
    /// Over a Unix socket: the account of its process.
    pub account: Option<String>,
    /// The listener is a loopback address, where a browser can be led to.
    pub loopback: bool,
    /// The connection.
    pub connection: Option<Arc<Connection>>,
}

impl Peer {
    /// Where the client is: behind a trusted proxy, where that says it is.
    pub fn client(&self, headers: &HeaderMap, options: &Options) -> Option<IpAddr> {
        let own = self.address?.ip().to_canonical();
        if !options.trusts(own) {
            return Some(own);
        }
        headers
            .get_all("x-forwarded-for")
            .iter()
            .rev()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.rsplit(','))
            .map_while(|part| part.trim().parse::<IpAddr>().ok())
            .map(|address| address.to_canonical())
            .find(|address| !options.trusts(*address))
    }

    /// Whether the client is a program of this machine.
    pub fn is_local(&self, headers: &HeaderMap, options: &Options) -> bool {
        self.account.is_some() || self.client(headers, options).is_some_and(|address| address.is_loopback())
    }

    /// Where guesses from there are counted. A network of IPv6 is one place: its owner has all of its addresses.
    pub fn place(&self, headers: &HeaderMap, options: &Options) -> String {
        match self.client(headers, options) {
            Some(IpAddr::V4(address)) => address.to_string(),
            Some(IpAddr::V6(address)) => {
                let [a, b, c, d, ..] = address.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
            None => format!("account {}", self.account.as_deref().unwrap_or("unknown")),
        }
    }
}

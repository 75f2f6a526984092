//! The face on the network: HTTP/1.1 and HTTP/2 over a Unix socket, loopback or TLS, and nothing but translation.
//!
//! A handler is five lines: who, what, ask the service, answer. Here alone there are status codes. The server holds no rule, opens no
//! store, keeps no session and never answers with the text of a fault of its own. The caller owns the service and says when to stop.

mod audit;
mod board;
mod connection;
mod desk;
mod fault;
mod guard;
mod health;
pub mod host;
mod listen;
mod login;
mod openapi;
mod peer;
mod place;
mod policy;
mod posted;
mod problem;
mod query;
mod rates;
mod reading;
mod report;
mod requests;
mod run;
mod sign_in;
#[cfg(test)]
mod tests;
mod tls;

pub use fault::ServeFault;
pub use listen::Listen;
pub use run::run;

use crate::config;
use crate::config::address::Network;
use crate::service::Service;
use axum::Router;
use axum::middleware::from_fn_with_state;
use desk::Desk;
use std::net::IpAddr;
use std::time::Duration;
use tower_http::catch_panic::CatchPanicLayer;

/// What may be said about serving.
#[derive(Debug, Clone)]
pub struct Options {
    /// Names under which a loopback listener may be asked, beside `localhost` and the loopback addresses.
    pub names: Vec<String>,
    /// The mode of a Unix socket's file: 0600 for one account, 0666 where the folder says who may.
    pub socket_mode: u32,
    /// Proxies whose `X-Forwarded-For` is believed, and who alone may come from afar without TLS.
    pub trusted_proxies: Vec<Network>,
    /// So many requests of one person in a minute.
    pub requests_per_minute: u32,
    /// So many bad tokens or codes from one place in a minute; more are slowed down.
    pub logins_per_minute: u32,
    /// At most so many connections; beyond that the oldest that nobody signed in on gives way.
    pub connections: usize,
    /// The largest body, in bytes.
    pub body_bytes: usize,
    /// The largest policy, in bytes.
    pub policy_bytes: usize,
    /// How long open connections may take to finish when the server stops.
    pub drain: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            names: Vec::new(),
            socket_mode: 0o600,
            trusted_proxies: Vec::new(),
            requests_per_minute: 600,
            logins_per_minute: 10,
            connections: 1024,
            body_bytes: 256 * 1024,
            policy_bytes: 1024 * 1024,
            drain: Duration::from_secs(10),
        }
    }
}

impl Options {
    /// As configured. Only a policy may have the longest body allowed.
    pub fn configured(server: &config::Server) -> Self {
        let own = Self::default();
        let size = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        Self {
            trusted_proxies: server.trusted_proxies.clone(),
            requests_per_minute: server.limits.requests_per_minute,
            logins_per_minute: server.limits.logins_per_minute,
            connections: size(server.limits.connections),
            body_bytes: own.body_bytes.min(size(server.limits.body_bytes)),
            policy_bytes: size(server.limits.body_bytes),
            ..own
        }
    }
    /// Whether an address is a trusted proxy's.
    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(address))
    }
}

/// The routes over a service, without a listener. A request without connection data counts as a stranger's.
pub fn router(service: Service, options: Options) -> Router {
    routes(Desk::new(service, options))
}

fn routes(desk: Desk) -> Router {
    openapi::described()
        .fallback(guard::nothing_there)
        .method_not_allowed_fallback(guard::wrong_method)
        .layer(from_fn_with_state(desk.clone(), guard::caught_up))
        .layer(from_fn_with_state(desk.options.clone(), guard::guard))
        .layer(CatchPanicLayer::custom(problem::panicked))
        .layer(from_fn_with_state(desk.clone(), report::report))
        .with_state(desk)
}

//! From `server.toml` to a running service: opens the store, the clock and the policy's place.

use super::hooks::Hook;
use super::{Fault, Options, Service, read_policy};
use crate::clock::Clock;
use crate::config;
use crate::config::StoreUrl;
use crate::config::server::PolicyFrom;
use crate::policy::Policy;
use crate::secret;
use crate::store::{self, Location, Store};
use crate::text::Instant;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the store is, with the password put where it belongs.
pub fn location(server: &config::Server) -> Result<Location, String> {
    match &server.store {
        StoreUrl::Sqlite(path) => Ok(Location::Sqlite(path.clone())),
        StoreUrl::Postgres(url) => {
            let url = url.reveal();
            let Some(password) = server.password().map_err(|fault| fault.to_string())? else {
                return Ok(Location::Postgres(url.to_owned()));
            };
            let join = if url.contains('?') { '&' } else { '?' };
            Ok(Location::Postgres(format!("{url}{join}password={}", encoded(password.reveal()))))
        }
    }
}

/// Percent-encodes whatever could mean something in a URL.
fn encoded(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// The folder that the policy's relative paths start from.
pub fn base(server: &config::Server) -> PathBuf {
    let file = match &server.policy {
        PolicyFrom::File(path) => path,
        PolicyFrom::Store => &server.file,
    };
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    let base = parent.unwrap_or_else(|| Path::new("."));
    std::fs::canonicalize(base).unwrap_or_else(|_| base.to_owned())
}

/// Opens the store of `server.toml`: `serve` as its one server, else beside it.
pub async fn open_store(server: &config::Server, clock: Clock, serve: bool) -> Result<Store, String> {
    let base = base(server);
    let read = move |text: &str| -> Result<Policy, String> {
        read_policy(text, &base).map(|(policy, _, _)| policy).map_err(|faults| faults.join("; "))
    };
    let options = store::Options { policies: Arc::new(read), serve };
    Store::open(&location(server)?, clock, options).await.map_err(|error| error.to_string())
}

/// The clock of a process that begins.
pub fn clock() -> Clock {
    Clock::system(Instant::default(), false)
}

/// Why there is no service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartFault {
    /// Configuration, policy, keys: somebody has to mend a file.
    #[error("{0}")]
    Usage(String),
    /// The store cannot be had now.
    #[error("{0}")]
    Away(String),
}

/// Opens everything that `server.toml` names, and starts the service.
pub async fn start(server: &config::Server) -> Result<Service, StartFault> {
    let usage = StartFault::Usage;
    let hooks = Hook::all(server).map_err(|fault| usage(fault.to_string()))?;
    let clock = clock();
    let store = open_store(server, clock.clone(), true).await.map_err(StartFault::Away)?;
    let (policy_name, policy_file) = match &server.policy {
        PolicyFrom::File(path) => (path.display().to_string(), Some(path.clone())),
        PolicyFrom::Store => ("the store's policy".to_owned(), None),
    };
    let state = server.checkpoint_key.parent().map_or_else(|| PathBuf::from("."), Path::to_owned);
    std::fs::create_dir_all(&state).map_err(|error| usage(format!("{} cannot be made: {error}", state.display())))?;
    let options = Options {
        policy_name,
        policy_file,
        base: base(server),
        checkpoint_key: server.checkpoint_key.clone(),
        state,
        replica: replica().map_err(usage)?,
        clock_skew: server.clock_skew,
        allow: server.allow.iter().filter_map(|allow| allow.parse().ok()).collect(),
    };
    let started = async {
        let service = Service::start(store, clock, options).await?;
        service.follow_webhooks(hooks).await?;
        Ok(service)
    };
    started.await.map_err(|fault| match fault {
        Fault::Away(sentence) => StartFault::Away(sentence),
        other => StartFault::Usage(other.to_string()),
    })
}

/// This replica's name in leases: the machine's, the process's, and something that no other has.
fn replica() -> Result<String, String> {
    let host = rustix::system::uname().nodename().to_string_lossy().chars().take(40).collect::<String>();
    let own = secret::hex::<4>().map_err(|error| error.to_string())?;
    Ok(format!("{host}-{}-{own}", std::process::id()))
}

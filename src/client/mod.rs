//! The client: everything that a face knows of the store's host. Never opens a store, never decides.
//!
//! A command carries a key of its own, so it may be sent again when its answer was lost: nothing is done twice.

mod address;
mod door;
pub mod embedded;
mod exchange;
mod fault;
pub mod kept;
mod pauses;
#[cfg(test)]
mod tests;

pub use address::Address;
pub use door::Door;
pub use fault::ClientError;
pub use pauses::Pauses;

use crate::secret::Secret;
use crate::text::Instant;
use exchange::{Ask, Exchange};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};

/// When the last answer was given, and the last event that it knew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub struct Last {
    /// The host's time.
    #[serde(default)]
    pub server_now: Option<Instant>,
    /// The head's sequence number.
    #[serde(default)]
    pub head: i64,
}

/// A host to talk to. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    exchange: Exchange,
    /// The highest sequence number seen: a replica behind it waits.
    seen: AtomicI64,
    last: Mutex<Last>,
}

impl Client {
    /// A client of the first address that answers.
    pub fn new(addresses: Vec<Address>, token: Option<Secret>) -> Result<Self, ClientError> {
        let exchange = Exchange::new(addresses, token)?;
        Ok(Self { inner: Arc::new(Inner { exchange, seen: AtomicI64::new(0), last: Mutex::default() }) })
    }

    /// The address that answered last, or will be asked first.
    pub fn address(&self) -> Address {
        self.inner.exchange.address()
    }

    /// What the last answer said of itself.
    pub fn last(&self) -> Last {
        *self.inner.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads. `path` begins with `/v1/`; its query values are already encoded.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.ask(Ask { path, command: None, seen: self.seen() }).await
    }

    /// Commands: with an idempotency key of its own, sent again under the same key when the answer was lost.
    pub async fn post<B: Serialize + Sync, T: DeserializeOwned>(&self, path: &str, body: &B) -> Result<T, ClientError> {
        let body = serde_json::to_vec(body).map_err(|e| ClientError::Wrong(format!("this cannot be sent: {e}")))?;
        let key = crate::secret::hex::<16>().map_err(|e| ClientError::Wrong(e.to_string()))?;
        self.ask(Ask { path, command: Some((body, key)), seen: self.seen() }).await
    }

    /// Reads a stream of lines, such as an export; `each` is called with every line.
    pub async fn lines(
        &self,
        path: &str,
        each: &mut (dyn FnMut(&str) -> std::io::Result<()> + Send),
    ) -> Result<(), ClientError> {
        let ask = Ask { path, command: None, seen: self.seen() };
        self.inner.exchange.lines(&ask, each).await
    }

    fn seen(&self) -> i64 {
        self.inner.seen.load(Relaxed)
    }

    async fn ask<T: DeserializeOwned>(&self, ask: Ask<'_>) -> Result<T, ClientError> {
        let text = self.inner.exchange.ask(&ask).await?;
        let last: Last = serde_json::from_str(&text).unwrap_or_default();
        self.inner.seen.fetch_max(last.head, Relaxed);
        *self.inner.last.lock().unwrap_or_else(PoisonError::into_inner) = last;
        read(&text).map_err(|error| {
            ClientError::Wrong(format!(
                "the answer of {} cannot be read ({error}): see that client and server are of like versions",
                self.address()
            ))
        })
    }
}

/// The answer's body stands beside the server's time and the head; an answer without one is read as nothing.
fn read<T: DeserializeOwned>(text: &str) -> Result<T, serde_json::Error> {
    let read = serde_json::from_str(text);
    if read.is_err() && size_of::<T>() == 0 { serde_json::from_str("null").or(read) } else { read }
}

/// One percent-encoded query value.
pub fn encoded(value: &str) -> String {
    value
        .bytes()
        .map(|b| {
            if b.is_ascii_alphanumeric() || b"-_.~".contains(&b) {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect()
}

//! The way from a verb to the store's host: which one, as whom, in which zone; and an answer with its text and its time.

use super::exit::Trouble;
use super::eye::Eye;
use super::output::Output;
use super::page::Page;
use super::settings::{self, Settings};
use super::times;
use crate::access::RequestNumber;
use crate::client::{Client, Door, encoded};
use crate::config::Paths;
use crate::text::Instant;
use chrono_tz::Tz;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::path::PathBuf;

/// What every verb is told.
#[derive(Debug, Clone)]
pub struct Context {
    /// Where it prints, and whom it may ask.
    pub out: Output,
    /// The store named on the command line or in the environment.
    pub store: Option<String>,
    /// The configuration named on the command line.
    pub config: Option<PathBuf>,
    /// The kinds of provisioner that there are, for reading a policy.
    pub kinds: &'static [&'static str],
}

impl Context {
    /// What the client's configuration says.
    pub fn settings(&self) -> Result<Settings, Trouble> {
        settings::read(self.store.as_deref(), self.config.as_deref())
    }

    /// A link to the host. Where none is configured it is the embedded one, found or started.
    pub async fn link(&self) -> Result<Link, Trouble> {
        let settings = self.settings()?;
        let zone = times::zone(settings.zone);
        if self.out.asks && !self.out.json {
            settings.left_out.iter().for_each(|line| self.out.remark(line));
        }
        let client = connect(&door(&settings)?, self.out).await?;
        Ok(Link { client, zone, out: self.out })
    }
}

/// The way to the host that is configured, else to the embedded one of this account.
pub fn door(settings: &Settings) -> Result<Door, Trouble> {
    if !settings.addresses.is_empty() {
        return Ok(Door::Hosts { addresses: settings.addresses.clone(), token: settings.token()? });
    }
    let cure = "name a store with --store, NIGHTLATCH_STORE or nightlatch login URL";
    let paths = Paths::find().map_err(|fault| Trouble::new(super::exit::Exit::Usage, fault.to_string(), cure))?;
    let program = std::env::current_exe()
        .map_err(|error| Trouble::fault(format!("this program cannot find itself: {error}"), cure))?;
    Ok(Door::Embedded { paths, program })
}

async fn connect(door: &Door, out: Output) -> Result<Client, Trouble> {
    let starter = match door {
        Door::Hosts { .. } => None,
        Door::Embedded { paths, .. } => Some(paths.policy_file()).filter(|policy| !policy.exists()),
    };
    let client = door.open().await?;
    // What was joined may have been started under another home.
    if let Some(policy) = starter.filter(|policy| policy.exists() && !out.json) {
        out.remark(format!("a starter policy was written to {}: add people and systems there", policy.display()));
    }
    Ok(client)
}

/// An answer: what it says, as it came, and when it was given.
#[derive(Debug, Clone)]
pub struct Got<T> {
    /// The JSON as it came.
    pub text: String,
    /// The server's time.
    pub now: Instant,
    /// What it says.
    pub view: T,
}

/// The part of every answer that says when it was given.
#[derive(Deserialize)]
struct Stamp {
    #[serde(default)]
    server_now: Option<Instant>,
}

/// A host, and how this viewer looks at its answers.
#[derive(Debug, Clone)]
pub struct Link {
    /// The host.
    pub client: Client,
    /// The viewer's zone.
    pub zone: Tz,
    /// Where it prints.
    pub out: Output,
}

impl Link {
    /// Reads.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Got<T>, Trouble> {
        got(&self.client.get::<Box<RawValue>>(path).await?)
    }

    /// Commands.
    pub async fn post<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<Got<T>, Trouble> {
        got(&self.client.post::<B, Box<RawValue>>(path, body).await?)
    }

    /// How this viewer looks at what was answered at `now`.
    pub fn eye(&self, now: Instant) -> Eye {
        Eye { now, zone: self.zone, width: self.out.width }
    }

    /// Prints an answer: as it came in JSON, else as a page.
    pub fn print<T>(&self, got: &Got<T>, page: impl FnOnce(&T, &Eye) -> Page) -> Result<(), Trouble> {
        if self.out.json { self.out.json_text(&got.text) } else { self.out.page(&page(&got.view, &self.eye(got.now))) }
    }
}

fn got<T: DeserializeOwned>(raw: &RawValue) -> Result<Got<T>, Trouble> {
    let text = raw.get().to_owned();
    let wrong = |e: serde_json::Error| {
        Trouble::fault(
            format!("the host's answer cannot be read: {e}"),
            "see that client and host are of like versions: nightlatch --version",
        )
    };
    let view = serde_json::from_str(&text).map_err(wrong)?;
    let stamp = serde_json::from_str::<Stamp>(&text).unwrap_or(Stamp { server_now: None });
    Ok(Got { text, now: stamp.server_now.unwrap_or_default(), view })
}

/// `/v1/requests/142`, or one of its verbs.
pub fn request_path(id: RequestNumber, verb: &str) -> String {
    if verb.is_empty() { format!("/v1/requests/{}", id.0) } else { format!("/v1/requests/{}/{verb}", id.0) }
}

/// A path with its query: what is left out is not asked.
pub fn with_query(path: &str, query: &[(&str, Option<String>)]) -> String {
    let pairs = query.iter().filter_map(|(key, value)| Some(format!("{key}={}", encoded(value.as_deref()?))));
    let pairs: Vec<String> = pairs.collect();
    if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Answer, RevokedView};

    #[test]
    fn an_answer_keeps_its_text_and_its_time() {
        let text = r#"{"server_now":"2026-11-22T00:30:00Z","head":7,"ended":[142],"refused":[],"later":"é"}"#;
        let raw: Box<RawValue> = serde_json::from_str(text).unwrap();
        let got: Got<RevokedView> = got(&raw).unwrap();
        assert_eq!(got.text, text);
        assert_eq!(got.now.to_string(), "2026-11-22T00:30:00Z");
        assert_eq!(got.view.ended, [142]);
        assert!(serde_json::from_str::<Answer<RevokedView>>(text).is_ok());
    }

    #[test]
    fn a_query_is_encoded_and_has_only_what_was_given() {
        let query = [("search", Some("a&b ☃".to_owned())), ("system", None)];
        assert_eq!(with_query("/v1/requests", &query), "/v1/requests?search=a%26b%20%E2%98%83");
        assert_eq!(with_query("/v1/requests", &query[1..]), "/v1/requests");
        assert_eq!(request_path(RequestNumber(142), "send-back"), "/v1/requests/142/send-back");
    }
}

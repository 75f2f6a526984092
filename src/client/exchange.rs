//! Asking one of several hosts: over which way, how long, how often, and what is said when none of them answers.
//!
//! The token goes to the configured hosts alone: no redirect is followed, and never in clear over a network.

use super::{Address, ClientError};
use crate::secret::{Secret, below};
use crate::text::{Clean, Length};
use crate::wire::{IDEMPOTENCY_KEY, Problem, SEEN};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use std::error::Error;
use std::net::IpAddr;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// A host that is there answers a knock by then.
const CONNECT_TIME: Duration = Duration::from_secs(2);
/// An answer is here by then, and by what the path says to wait for.
const ANSWER_TIME: Duration = Duration::from_secs(15);
/// A stream of lines goes on by then.
const LINE_TIME: Duration = Duration::from_secs(30);
/// Shorter than a host keeps an idle connection, so that it is not used as the host closes it.
const IDLE_TIME: Duration = Duration::from_secs(5);
/// So often in all.
const TRIES: u32 = 3;
/// A host that wants more time than this is given up.
const PATIENCE: u64 = 2;
/// No answer of ours is larger, in bytes.
const LARGEST: usize = 64 * 1024 * 1024;
/// No line of ours is longer, in bytes.
const LONGEST_LINE: usize = 16 * 1024 * 1024;

/// What is asked.
pub struct Ask<'a> {
    pub path: &'a str,
    /// For a command: its body, and the key under which it is sent, however often.
    pub command: Option<(Vec<u8>, String)>,
    pub seen: i64,
}

#[derive(Debug)]
struct Host {
    address: Address,
    http: reqwest::Client,
    base: String,
}

#[derive(Debug)]
pub struct Exchange {
    hosts: Vec<Host>,
    /// The host that answered last.
    at: AtomicUsize,
    bearer: Option<HeaderValue>,
}

/// Why one try at one host gave nothing.
enum Missed {
    /// Nothing was sent.
    Away(String),
    /// It was sent; whether it was done is not known.
    Lost(String),
    /// The host said: later.
    Later(Box<Problem>, u64),
    /// No use trying again.
    Final(ClientError),
}

impl Exchange {
    pub fn new(addresses: Vec<Address>, token: Option<Secret>) -> Result<Self, ClientError> {
        let hosts = addresses.into_iter().map(Host::new).collect::<Result<Vec<_>, _>>()?;
        if hosts.is_empty() {
            return Err(ClientError::Away("no store is named: set [store] url in config.toml, or --store".into()));
        }
        let bearer = token.map(|token| {
            let mut value = HeaderValue::try_from(format!("Bearer {}", token.reveal()))
                .map_err(|_| ClientError::Wrong("the token is no token: run nightlatch login again".into()))?;
            value.set_sensitive(true);
            Ok(value)
        });
        Ok(Self { hosts, at: AtomicUsize::new(0), bearer: bearer.transpose()? })
    }

    pub fn address(&self) -> Address {
        let at = self.at.load(Relaxed);
        self.hosts.get(at).map_or_else(|| Address::Http(String::new()), |host| host.address.clone())
    }

    /// The text of the answer: of the host that answered last, else of the next one; again when it was lost or later.
    pub async fn ask(&self, ask: &Ask<'_>) -> Result<String, ClientError> {
        let mut answered = None;
        for round in 0..TRIES {
            if round > 0 {
                let asked = answered.as_ref().map_or(0, |later: &(_, u64)| later.1 * 1000);
                tokio::time::sleep(Duration::from_millis(asked.max(100 << round) + below(100))).await;
            }
            let (mut away, mut lost) = (Vec::new(), false);
            for (at, host) in self.in_turn() {
                match self.once(host, ask).await {
                    Ok(text) => {
                        self.at.store(at, Relaxed);
                        return Ok(text);
                    }
                    Err(Missed::Final(error)) => {
                        self.at.store(at, Relaxed);
                        return Err(error);
                    }
                    Err(Missed::Later(problem, seconds)) => answered = Some((problem, seconds)),
                    Err(Missed::Away(sentence)) => away.push(sentence),
                    Err(Missed::Lost(sentence)) => {
                        lost = true;
                        away.push(sentence);
                    }
                }
            }
            match &answered {
                // Where nobody is there, asking again at once finds nobody again.
                None if !lost || round + 1 == TRIES => return Err(ClientError::Away(away.join("; "))),
                Some((problem, seconds)) if *seconds > PATIENCE => return Err(ClientError::Problem(problem.clone())),
                _ => {}
            }
        }
        Err(match answered {
            Some((problem, _)) => ClientError::Problem(problem),
            None => ClientError::Away("the store's host does not answer: try again".into()),
        })
    }

    fn in_turn(&self) -> impl Iterator<Item = (usize, &Host)> {
        let at = self.at.load(Relaxed);
        self.hosts.iter().enumerate().cycle().skip(at).take(self.hosts.len())
    }

    fn build(&self, host: &Host, ask: &Ask<'_>) -> RequestBuilder {
        let method = if ask.command.is_some() { Method::POST } else { Method::GET };
        let mut built = host.http.request(method, format!("{}{}", host.base, ask.path));
        if let Some(bearer) = &self.bearer {
            built = built.header(AUTHORIZATION, bearer.clone());
        }
        if ask.seen > 0 {
            built = built.header(SEEN, ask.seen);
        }
        if let Some((body, key)) = &ask.command {
            built = built.header(CONTENT_TYPE, "application/json").header(IDEMPOTENCY_KEY, key).body(body.clone());
        }
        built
    }

    async fn once(&self, host: &Host, ask: &Ask<'_>) -> Result<String, Missed> {
        let built = self.build(host, ask).header(ACCEPT, "application/json").timeout(ANSWER_TIME + wait(ask.path));
        let response = built.send().await.map_err(|error| host.missed(ask.command.is_some(), &error))?;
        let response = host.accepted(response, "application/json").await?;
        host.text(ask.command.is_some(), response).await
    }

    /// Calls `each` with every line. Another host is asked only until the first one answers.
    pub async fn lines(
        &self,
        ask: &Ask<'_>,
        each: &mut (dyn FnMut(&str) -> std::io::Result<()> + Send),
    ) -> Result<(), ClientError> {
        let mut away = Vec::new();
        for (at, host) in self.in_turn() {
            let sent = tokio::time::timeout(LINE_TIME, self.build(host, ask).send()).await;
            let response = match sent {
                Ok(Ok(response)) => host.accepted(response, "application/jsonl").await,
                Ok(Err(error)) => Err(host.missed(ask.command.is_some(), &error)),
                Err(_) => Err(Missed::Lost(format!("{} does not answer", host.address))),
            };
            match response {
                Ok(response) => {
                    self.at.store(at, Relaxed);
                    return host.lines(response, each).await;
                }
                Err(Missed::Away(sentence) | Missed::Lost(sentence)) => away.push(sentence),
                Err(Missed::Later(problem, _)) => return Err(ClientError::Problem(problem)),
                Err(Missed::Final(error)) => return Err(error),
            }
        }
        Err(ClientError::Away(away.join("; ")))
    }
}

impl Host {
    fn new(address: Address) -> Result<Self, ClientError> {
        // A second call changes nothing, and that is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIME)
            .pool_idle_timeout(IDLE_TIME)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("nightlatch/", env!("CARGO_PKG_VERSION")));
        let base = match &address {
            Address::Unix(path) => {
                // No certificate is ever looked at there, so none are loaded.
                builder = builder.no_proxy().tls_certs_only([]).unix_socket(path.clone());
                "http://localhost".to_owned()
            }
            Address::Http(url) => {
                let url = url.trim_end_matches('/');
                match url.split_once("://") {
                    Some(("https", _)) => {}
                    Some(("http", rest)) if is_loopback(rest) => builder = builder.no_proxy().tls_certs_only([]),
                    Some(("http", _)) => {
                        return Err(ClientError::Wrong(format!(
                            "{url} would send your token in clear: write https://"
                        )));
                    }
                    _ => {
                        let shown = Clean::line(url).cut(60);
                        return Err(ClientError::Wrong(format!(
                            "{:?} is no address of a server: write unix:PATH or https://HOST",
                            shown.as_str()
                        )));
                    }
                }
                url.to_owned()
            }
        };
        let http = builder.build().map_err(|error| {
            ClientError::Wrong(format!("{address} cannot be used: {}: see the machine's certificates", causes(&error)))
        })?;
        Ok(Self { address, http, base })
    }

    /// A response that is an answer of the kind that was asked for; anything else is said.
    async fn accepted(&self, response: Response, kind: &str) -> Result<Response, Missed> {
        let status = response.status();
        let declared = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("nothing");
        let declared = declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if status.is_success() && declared == kind {
            return Ok(response);
        }
        let later = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if declared == "application/problem+json"
            && let Ok(bytes) = response.bytes().await
            && let Ok(problem) = serde_json::from_slice::<Problem>(&bytes)
        {
            let problem = Box::new(problem);
            return Err(match later {
                Some(seconds) if status == StatusCode::SERVICE_UNAVAILABLE => Missed::Later(problem, seconds),
                _ => Missed::Final(ClientError::Problem(problem)),
            });
        }
        let (code, declared) = (status.as_u16(), Clean::line(&declared).cut(60));
        let sentence = format!(
            "{} answered {code} with {}, which is no answer of nightlatch: check the address of the store",
            self.address,
            declared.as_str()
        );
        // What stands before a host that is away answers for it.
        Err(match status {
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
                Missed::Lost(sentence)
            }
            _ => Missed::Final(ClientError::Wrong(sentence)),
        })
    }

    /// The whole answer, if it is no larger than any of ours.
    async fn text(&self, command: bool, mut response: Response) -> Result<String, Missed> {
        let wrong =
            |why: &str| Missed::Final(ClientError::Wrong(format!("{} answered {why}: ask again", self.address)));
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.missed(command, &error))? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > LARGEST {
                return Err(wrong("more than any answer of ours holds"));
            }
        }
        String::from_utf8(bytes).map_err(|_| wrong("what is not UTF-8"))
    }

    fn missed(&self, command: bool, error: &reqwest::Error) -> Missed {
        let (address, causes) = (&self.address, causes(error));
        if error.is_builder() {
            return Missed::Final(ClientError::Wrong(format!(
                "{address} cannot be asked: {causes}: check the address"
            )));
        }
        if error.is_connect() {
            let cure = match address {
                Address::Unix(_) if causes.contains("ermission denied") => "this account may not use that socket",
                Address::Unix(path) if !path.exists() => {
                    "no server listens there: start nightlatch serve, or check --store"
                }
                Address::Unix(_) => "the server that listened there is gone: start nightlatch serve",
                Address::Http(_) if causes.contains("ertificate") => "check its name and the machine's certificates",
                Address::Http(_) => "see that the server runs and that the network leads there",
            };
            return Missed::Away(format!("{address} cannot be reached ({causes}): {cure}"));
        }
        let late = if error.is_timeout() { "did not answer in time" } else { "broke off before it had answered" };
        let cure = if command { "look with nightlatch list whether it was done, then try again" } else { "try again" };
        Missed::Lost(format!("{address} {late}: {cure}"))
    }

    async fn lines(
        &self,
        mut response: Response,
        each: &mut (dyn FnMut(&str) -> std::io::Result<()> + Send),
    ) -> Result<(), ClientError> {
        let broken = |why: &str| ClientError::Wrong(format!("what {} sent broke off ({why}): ask again", self.address));
        let mut held: Vec<u8> = Vec::new();
        loop {
            let chunk = match tokio::time::timeout(LINE_TIME, response.chunk()).await {
                Ok(Ok(chunk)) => chunk,
                Ok(Err(error)) => return Err(broken(&causes(&error))),
                Err(_) => return Err(broken("nothing came for half a minute")),
            };
            let Some(chunk) = chunk else { break };
            let mut rest: &[u8] = &chunk;
            while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                let (line, tail) = rest.split_at(end);
                held.extend_from_slice(line);
                let text = std::str::from_utf8(&held).map_err(|_| broken("it is not UTF-8"))?;
                each(text).map_err(|error| ClientError::Wrong(format!("a line cannot be written: {error}")))?;
                held.clear();
                rest = tail.get(1..).unwrap_or_default();
            }
            held.extend_from_slice(rest);
            if held.len() > LONGEST_LINE {
                return Err(broken("a line is too long"));
            }
        }
        if held.is_empty() { Ok(()) } else { Err(broken("in the middle of a line")) }
    }
}

/// An error with what caused it, on one line and without the address, which may be long.
fn causes(error: &reqwest::Error) -> String {
    let (mut words, mut cause) = (String::new(), error.source());
    while let Some(fault) = cause {
        words = fault.to_string();
        cause = fault.source();
    }
    if words.is_empty() {
        words = "no cause is known".into();
    }
    Clean::line(&words).cut(160).as_str().to_owned()
}

fn is_loopback(host: &str) -> bool {
    let host = host.split('/').next().unwrap_or_default();
    let name = match host.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// How long the path itself asks to wait.
fn wait(path: &str) -> Duration {
    let query = path.split_once('?').map_or("", |(_, query)| query);
    let wait = query.split('&').find_map(|pair| pair.strip_prefix("wait="));
    wait.and_then(|text| Length::parse_or_zero(text).ok()).map_or(Duration::ZERO, Length::to_std)
}

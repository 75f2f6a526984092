//! What every handler gets: the service, the options, the rates, and whether the server stops.

use super::Options;
use super::problem::{Answered, No};
use super::rates::Rates;
use crate::service::{Fault, Service};
use crate::wire;
use axum::extract::FromRef;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::future::Future;
use std::sync::Arc;
use tokio::sync::watch;

/// The length of an answer about one request, or somewhat more, in bytes.
const ONE: usize = 6 * 1024;

/// How far serving has come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Serving.
    Open,
    /// Nothing new is taken on; what runs may finish.
    Draining,
    /// What still runs is cut.
    Over,
}

/// Says everybody how far serving has come.
#[derive(Clone)]
pub struct Phases(Arc<watch::Sender<Phase>>);

impl Phases {
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Phase::Open)))
    }

    pub fn enter(&self, phase: Phase) {
        self.0.send_replace(phase);
    }

    pub fn follow(&self) -> watch::Receiver<Phase> {
        self.0.subscribe()
    }

    pub fn stopping(&self) -> bool {
        *self.0.borrow() > Phase::Open
    }
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    pub service: Service,
    pub options: Arc<Options>,
    pub rates: Arc<Rates>,
    pub phases: Phases,
}

impl Desk {
    pub fn new(service: Service, options: Options) -> Self {
        let rates = Arc::new(Rates::new(&options));
        Self { service, options: Arc::new(options), rates, phases: Phases::new() }
    }

    /// What `long` says, or, when the server stops meanwhile, what `now` says at once.
    pub async fn poll<T>(
        &self,
        long: impl Future<Output = Result<T, Fault>>,
        now: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, No> {
        let mut phases = self.phases.follow();
        tokio::select! {
            biased;
            // The sender lives in the desk, so this ends only by the phase.
            _ = phases.wait_for(|phase| *phase > Phase::Open) => {}
            answer = long => return Ok(answer?),
        }
        Ok(now.await?)
    }

    /// The body with the server's time and the head.
    pub fn answer<T: Serialize>(&self, body: T) -> Answered {
        let (server_now, head) = self.service.envelope();
        json(head, &wire::Answer { server_now, head, body })
    }

    /// As [`Desk::answer`], of what the service is still to say.
    pub async fn answer_with<T: Serialize>(&self, asked: impl Future<Output = Result<T, Fault>>) -> Answered {
        self.answer(asked.await?)
    }
}

impl FromRef<Desk> for Arc<Options> {
    fn from_ref(desk: &Desk) -> Self {
        Arc::clone(&desk.options)
    }
}

/// A JSON answer that names the head and is kept by nobody.
pub fn json<T: Serialize>(head: i64, body: &T) -> Result<Response, No> {
    // One request fits; what is longer grows from here.
    let mut bytes = Vec::with_capacity(ONE);
    serde_json::to_writer(&mut bytes, body)
        .map_err(|fault| No::ours(format!("an answer cannot be written: {fault}")))?;
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(wire::SEQ, HeaderValue::from(head));
    Ok(response)
}

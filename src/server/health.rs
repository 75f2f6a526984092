//! Whether it lives, whether it is ready, and its numbers.

use super::desk::Desk;
use super::peer::Peer;
use super::problem::{Answered, No};
use super::sign_in::SignedIn;
use crate::access::Refusal;
use crate::access::refusal::Code;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub fn routes() -> OpenApiRouter<Desk> {
    OpenApiRouter::new().routes(routes!(healthz)).routes(routes!(readyz)).routes(routes!(metrics))
}

/// It lives: it answers. Says nothing of the store.
#[utoipa::path(get, path = "/healthz", responses((status = 200)), security(()))]
async fn healthz() -> Response {
    axum::Json(json!({ "alive": true })).into_response()
}

/// Whether deciding, granting and handing out go on here; 503 while it starts, stops, or is without its store.
#[utoipa::path(get, path = "/readyz", responses((status = 200)), security(()))]
async fn readyz(State(desk): State<Desk>) -> Answered {
    if desk.phases.stopping() {
        let no = No::from(Refusal::new(Code::Starting, "this server stops", "ask another one, or again in a moment"));
        return Err(no);
    }
    desk.service.ready()?;
    Ok(axum::Json(json!({ "ready": true })).into_response())
}

/// The numbers in Prometheus' text form: for programs of this machine, or signed in.
#[utoipa::path(get, path = "/metrics", responses((status = 200, body = String, content_type = "text/plain")))]
async fn metrics(State(desk): State<Desk>, request: Request) -> Answered {
    let (mut parts, _) = request.into_parts();
    let local = parts.extensions.get::<Peer>().is_some_and(|peer| peer.is_local(&parts.headers, &desk.options));
    if !local {
        SignedIn::from_request_parts(&mut parts, &desk).await?;
    }
    let mut response = desk.service.metrics().into_response();
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"));
    Ok(response)
}

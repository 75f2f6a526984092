//! One line in the log for each request that failed. Never a body, a token or a query.

use super::desk::Desk;
use super::peer::Peer;
use super::problem::Said;
use super::sign_in::Who;
use crate::text::Clean;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;

/// Says what came of a request.
pub async fn report(State(desk): State<Desk>, mut request: Request, next: Next) -> Response {
    let who = Who::default();
    request.extensions_mut().insert(who.clone());
    let method = known(request.method());
    let uri = request.uri().clone();
    let place = request.extensions().get::<Peer>().map(|peer| peer.place(request.headers(), &desk.options));
    let response = next.run(request).await;

    let status = response.status();
    if let Some(said) = response.extensions().get::<Said>() {
        let path = Clean::line(uri.path()).cut(120);
        let who = who.0.get().map_or("nobody", String::as_str);
        let (place, path) = (place.as_deref().unwrap_or("unknown"), path.as_str());
        let (code, status) = (said.code, status.as_u16());
        if let Some(cause) = &said.cause {
            let request_id = said.request_id.as_deref().unwrap_or_default();
            let cause = Clean::line(cause);
            tracing::error!(request_id, status, method, path = ?path, who = ?who, place = ?place, cause = ?cause.as_str(), "failed");
        } else {
            tracing::info!(code, status, method, path = ?path, who = ?who, place = ?place, "refused");
        }
    }
    response
}

/// Anybody can make up a method, so unknown ones share one name.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::HEAD => "HEAD",
        _ => "other",
    }
}

//! What is refused before anybody is asked who they are: foreign hosts and origins, odd addresses, and cursors ahead of us.
//!
//! A page in a browser on this machine can reach a loopback port; it must never get an answer from it.

use super::Options;
use super::desk::Desk;
use super::peer::Peer;
use super::problem::No;
use super::query::cursor;
use crate::wire::SEEN;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// No such address.
pub async fn nothing_there() -> No {
    No::nothing_there()
}

/// The address is there, the method is not.
pub async fn wrong_method() -> No {
    No::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "wrong-method",
        "this address does not take that method",
        "GET /v1/openapi.json lists what there is",
    )
}

/// Refuses foreign hosts, foreign origins and odd addresses.
pub async fn guard(State(options): State<Arc<Options>>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Peer>();
    let loopback = peer.is_none_or(|peer| peer.loopback);
    let refused = odd(request.uri(), request.headers())
        .or_else(|| foreign_host(request.uri(), request.headers(), loopback.then_some(options.names.as_slice())))
        .or_else(|| foreign_origin(request.headers()));
    match refused {
        Some(no) => no.into_response(),
        None if request.headers().contains_key(header::TRANSFER_ENCODING) => chunked(),
        None => next.run(request).await,
    }
}

/// A body in chunks has no length of its own, and beside a declared one two readers could see two ends: none is taken, and
/// nothing that follows on the connection is read.
fn chunked() -> Response {
    let no = No::bad("the body comes in chunks", "send it whole, with its Content-Length");
    let mut response = no.into_response();
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// A client that has seen more than this replica waits for it.
pub async fn caught_up(State(desk): State<Desk>, request: Request, next: Next) -> Response {
    match seen(&desk, request.headers()) {
        Ok(Some(seq)) => {
            if let Err(fault) = desk.service.caught_up(seq).await {
                return No::from(fault).into_response();
            }
        }
        Ok(None) => {}
        Err(no) => return no.into_response(),
    }
    let mut response = next.run(request).await;
    let head = desk.service.envelope().1;
    let headers = response.headers_mut();
    headers.entry(crate::wire::SEQ).or_insert_with(|| HeaderValue::from(head));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn seen(desk: &Desk, headers: &HeaderMap) -> Result<Option<i64>, No> {
    let Some(value) = headers.get(SEEN) else { return Ok(None) };
    match value.to_str().ok().and_then(|text| text.parse().ok()) {
        Some(seq) => cursor("Nightlatch-Seen", Some(seq), 0, desk.service.envelope().1),
        None => Err(No::bad("Nightlatch-Seen: not a sequence number", "send the highest one that you have seen")),
    }
}

/// Addresses that mean one thing here and another elsewhere are none.
fn odd(uri: &Uri, headers: &HeaderMap) -> Option<No> {
    let path = uri.path();
    let dots = path.split('/').any(|part| part == "." || part == "..");
    let overridden = ["x-http-method-override", "x-http-method", "x-method-override"];
    if path.contains("//") || dots || hidden(path) || overridden.iter().any(|name| headers.contains_key(*name)) {
        return Some(No::nothing_there());
    }
    let query = uri.query().unwrap_or_default();
    query.contains("%00").then(|| No::bad("the query holds NUL", "leave it out"))
}

/// Whether a path writes with % what needs none: a letter, a dot, a slash, a backslash, a control character.
fn hidden(path: &str) -> bool {
    path.contains('\\')
        || path.split('%').skip(1).any(|part| {
            let code = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
            code.is_none_or(|byte| {
                byte.is_ascii_alphanumeric() || byte.is_ascii_control() || b"-._~/\\%".contains(&byte)
            })
        })
}

/// On loopback only known names are answered: a foreign name that leads here was made to.
fn foreign_host(uri: &Uri, headers: &HeaderMap, known: Option<&[String]>) -> Option<No> {
    let foreign = || {
        No::new(
            StatusCode::FORBIDDEN,
            "foreign-host",
            "this server is not known by that name",
            "ask localhost, or add the name to names in server.toml",
        )
    };
    let mut hosts = headers.get_all(header::HOST).iter();
    let (host, second) = (hosts.next(), hosts.next());
    if second.is_some() {
        return Some(No::bad("there are two Host headers", "send one"));
    }
    let known = known?;
    let named =
        [host.map(|host| host.to_str().unwrap_or("?")), uri.authority().map(axum::http::uri::Authority::as_str)];
    let ours = |name: &str| {
        let name = bare(name);
        ["localhost", "127.0.0.1", "[::1]"].iter().any(|own| own.eq_ignore_ascii_case(name))
            || known.iter().any(|own| own.eq_ignore_ascii_case(name))
    };
    let mut named = named.into_iter().flatten().peekable();
    if named.peek().is_none() || !named.all(ours) {
        return Some(foreign());
    }
    None
}

/// A host without its port.
fn bare(host: &str) -> &str {
    let (name, port) = match host.rfind(':') {
        Some(at) if !host.ends_with(']') => host.split_at(at),
        _ => (host, ""),
    };
    if port.bytes().skip(1).all(|b| b.is_ascii_digit()) { name } else { host }
}

/// Pages of other origins are never answered; programs send no origin.
fn foreign_origin(headers: &HeaderMap) -> Option<No> {
    let foreign = || {
        No::new(
            StatusCode::FORBIDDEN,
            "foreign-origin",
            "pages of other origins are not answered",
            "use a program: the server has no pages",
        )
    };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let own = |origin: &HeaderValue| {
        let origin = origin.to_str().ok().and_then(|text| text.split_once("://"));
        origin.is_some_and(|(_, name)| host.is_some_and(|host| host.eq_ignore_ascii_case(name)))
    };
    if headers.get_all(header::ORIGIN).iter().any(|origin| !own(origin)) {
        return Some(foreign());
    }
    let site = headers.get("sec-fetch-site").and_then(|site| site.to_str().ok());
    matches!(site, Some("cross-site" | "same-site")).then(foreign)
}

//! The trail as it leaves: its head, and its lines, one page after the other, so that memory stays flat however long it is.

use super::desk::Desk;
use super::problem::{Answered, No};
use super::query::{Asked, cursor};
use super::sign_in::SignedIn;
use crate::wire::{HeadView, SEQ};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use futures_util::stream;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// So many lines are held at a time.
const PAGE: i64 = 500;

pub fn routes() -> OpenApiRouter<Desk> {
    OpenApiRouter::new().routes(routes!(head)).routes(routes!(export))
}

/// Where to begin.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ExportQuery {
    /// Only events after this number.
    after: Option<i64>,
}

/// The head, its last checkpoint, and the key that checks it.
#[utoipa::path(get, path = "/v1/audit/head", responses((status = 200, body = HeadView)))]
async fn head(State(desk): State<Desk>, who: SignedIn) -> Answered {
    desk.answer_with(desk.service.audit_head(&who.actor)).await
}

/// The trail, one JSON line an event. A stream that breaks off ends without its last chunk, never as if it were whole.
#[utoipa::path(
    get, path = "/v1/audit/export", params(ExportQuery),
    responses((status = 200, body = String, content_type = "application/jsonl"))
)]
async fn export(State(desk): State<Desk>, who: SignedIn, Asked(query): Asked<ExportQuery>) -> Answered {
    let until = desk.service.envelope().1;
    let after = cursor("after", query.after, 0, until)?.unwrap_or(0);
    // The first page is read before anything is answered, so that a refusal is one.
    let first = desk.service.audit_page(&who.actor, after, PAGE).await?;
    let body = stream::try_unfold((Some(first), after), move |(page, before)| {
        let (desk, actor) = (desk.clone(), who.actor.clone());
        async move {
            let (lines, last) = match page {
                Some(page) => page,
                // What came after the export began is left to the next one: it ends, also while the trail grows.
                None if before >= until => return Ok(None),
                None => desk.service.audit_page(&actor, before, PAGE).await.map_err(broken_off)?,
            };
            if lines.is_empty() || last <= before {
                return Ok(None);
            }
            let mut text = lines.join("\n");
            text.push('\n');
            Ok::<_, std::io::Error>(Some((text, (None, last))))
        }
    });
    let mut response = Response::new(Body::from_stream(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/jsonl"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(SEQ, HeaderValue::from(until));
    Ok(response)
}

/// The status was sent long ago: the stream ends in the middle, and the log says why.
fn broken_off(fault: crate::service::Fault) -> std::io::Error {
    let cause = fault.to_string();
    tracing::error!(cause = ?crate::text::Clean::line(&cause).as_str(), "an export broke off");
    std::io::Error::other(No::from(fault).status.to_string())
}

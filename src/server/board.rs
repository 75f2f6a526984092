//! The board: what is open now, whole or since a number; at once or as soon as something changes.

use super::desk::{Desk, json};
use super::problem::{Answered, No};
use super::query::{Asked, cursor, wait};
use super::sign_in::SignedIn;
use crate::wire::BoardView;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub fn routes() -> OpenApiRouter<Desk> {
    OpenApiRouter::new().routes(routes!(board))
}

/// Since when, and how long to wait.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct BoardQuery {
    /// Only what changed after this number; left out: everything.
    after: Option<i64>,
    /// Wait so long for a change, `60s` at most.
    wait: Option<String>,
}

/// The board says its own time, so it is not wrapped as other answers are.
#[derive(Serialize)]
struct Board {
    head: i64,
    #[serde(flatten)]
    board: BoardView,
}

/// What is open, or what changed.
#[utoipa::path(
    get, path = "/v1/board", params(BoardQuery),
    responses((status = 200, body = BoardView), (status = 304, description = "as If-None-Match says"))
)]
async fn board(
    State(desk): State<Desk>,
    headers: HeaderMap,
    who: SignedIn,
    Asked(query): Asked<BoardQuery>,
) -> Answered {
    let after = cursor("after", query.after, 0, desk.service.envelope().1)?;
    let wait = wait(query.wait.as_deref())?;
    let asked = |wait| desk.service.board(&who.actor, after, wait);
    let board = desk.poll(asked(wait), asked(Duration::ZERO)).await?;
    // A board changes by events, and by the clock's being trusted or not.
    let tag = format!("\"{}{}\"", board.seq, if board.sane { "" } else { "-insane" });
    let tag = HeaderValue::try_from(tag).map_err(|fault| No::ours(fault.to_string()))?;
    let known = wait.is_zero() && headers.get_all(header::IF_NONE_MATCH).iter().any(|seen| names(seen, &tag));
    let mut response = if known {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        json(board.seq, &Board { head: board.seq, board })?
    };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    response.headers_mut().insert(header::ETAG, tag);
    Ok(response)
}

/// Whether a list of tags names this one.
fn names(seen: &HeaderValue, tag: &HeaderValue) -> bool {
    let (Ok(seen), Ok(tag)) = (seen.to_str(), tag.to_str()) else { return false };
    seen.split(',').any(|one| one.trim().trim_start_matches("W/") == tag)
}

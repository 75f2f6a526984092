//! What there is to read beside requests and the board: events, systems, and who one is.

use super::desk::Desk;
use super::problem::Answered;
use super::query::{Asked, Id, cursor, limit, wait};
use super::sign_in::SignedIn;
use crate::access::RequestNumber;
use crate::wire::{EventsView, MeView, SystemsView};
use axum::extract::State;
use serde::Deserialize;
use std::time::Duration;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The longest page of events.
const LONGEST_PAGE: i64 = 1000;

pub fn routes() -> OpenApiRouter<Desk> {
    OpenApiRouter::new()
        .routes(routes!(events))
        .routes(routes!(events_of_one))
        .routes(routes!(systems))
        .routes(routes!(me))
}

/// Which events.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct EventsQuery {
    /// Only events after this number.
    after: Option<i64>,
    /// At most this many, 1000 at most.
    limit: Option<i64>,
    /// Wait so long for the first one, `60s` at most.
    wait: Option<String>,
}

/// Events of everything that one may see, oldest first.
#[utoipa::path(get, path = "/v1/events", params(EventsQuery), responses((status = 200, body = EventsView)))]
async fn events(State(desk): State<Desk>, who: SignedIn, Asked(query): Asked<EventsQuery>) -> Answered {
    page(&desk, &who, None, &query).await
}

/// Events of one request, oldest first.
#[utoipa::path(
    get, path = "/v1/requests/{id}/events", params(("id" = String, Path), EventsQuery),
    responses((status = 200, body = EventsView))
)]
async fn events_of_one(
    State(desk): State<Desk>,
    who: SignedIn,
    Id(id): Id,
    Asked(query): Asked<EventsQuery>,
) -> Answered {
    page(&desk, &who, Some(id), &query).await
}

async fn page(desk: &Desk, who: &SignedIn, of: Option<RequestNumber>, query: &EventsQuery) -> Answered {
    let after = cursor("after", query.after, 0, desk.service.envelope().1)?.unwrap_or(0);
    let (most, wait) = (limit(query.limit, LONGEST_PAGE)?, wait(query.wait.as_deref())?);
    let asked = |wait| desk.service.events(&who.actor, of, after, most, wait);
    let view = desk.poll(asked(wait), asked(Duration::ZERO)).await?;
    desk.answer(view)
}

/// Systems and roles, and who can say yes now.
#[utoipa::path(get, path = "/v1/systems", responses((status = 200, body = SystemsView)))]
async fn systems(State(desk): State<Desk>, who: SignedIn) -> Answered {
    desk.answer_with(desk.service.systems(&who.actor)).await
}

/// Who one is.
#[utoipa::path(get, path = "/v1/me", responses((status = 200, body = MeView)))]
async fn me(State(desk): State<Desk>, who: SignedIn) -> Answered {
    desk.answer_with(desk.service.me(&who.actor)).await
}

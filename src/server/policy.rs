//! The ruling policy, and another one.

use super::desk::Desk;
use super::posted::Posted;
use super::problem::Answered;
use super::sign_in::SignedIn;
use crate::wire::{PolicyBody, PolicyChangeView, PolicyView};
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub fn routes() -> OpenApiRouter<Desk> {
    OpenApiRouter::new().routes(routes!(ruling, apply))
}

/// The ruling policy.
#[utoipa::path(get, path = "/v1/policy", responses((status = 200, body = PolicyView)))]
async fn ruling(State(desk): State<Desk>, who: SignedIn) -> Answered {
    desk.answer_with(desk.service.policy(&who.actor)).await
}

/// Another policy; with `dry` only what it would change.
#[utoipa::path(post, path = "/v1/policy", request_body = PolicyBody, responses((status = 200, body = PolicyChangeView)))]
async fn apply(State(desk): State<Desk>, who: SignedIn, posted: Posted<PolicyBody>) -> Answered {
    desk.answer_with(desk.service.apply_policy(&who.actor, posted.body)).await
}

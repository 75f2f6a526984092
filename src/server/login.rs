//! An invitation's code for a personal token, and a token's end.

use super::desk::Desk;
use super::peer::Peer;
use super::posted::Posted;
use super::problem::Answered;
use super::sign_in::{SignedIn, guessed};
use crate::access::Refusal;
use crate::access::refusal::{Class, Code};
use crate::service::Fault;
use crate::wire::{LoginBody, LoginView, PlainBody};
use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub fn routes() -> OpenApiRouter<Desk> {
    OpenApiRouter::new().routes(routes!(login)).routes(routes!(logout))
}

/// An invitation's code for a personal token, which is shown this once.
#[utoipa::path(
    post, path = "/v1/login", request_body = LoginBody, responses((status = 200, body = LoginView)), security(())
)]
async fn login(
    State(desk): State<Desk>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    posted: Posted<LoginBody>,
) -> Answered {
    match desk.service.login(&posted.body).await {
        Err(Fault::Refused(refusal)) if matches!(refusal.code.class(), Class::Identity | Class::NotFound) => {
            let peer = peer.map(|Extension(peer)| peer).unwrap_or_default();
            guessed(&desk, &peer, &headers, &posted.body.code).await?;
            Err(refusal.into())
        }
        answer => desk.answer(answer?),
    }
}

/// Ends the token that was shown.
#[utoipa::path(post, path = "/v1/logout", request_body = PlainBody, responses((status = 200)))]
async fn logout(State(desk): State<Desk>, who: SignedIn, _posted: Posted<PlainBody>) -> Answered {
    let Some(token) = &who.token else {
        return Err(Refusal::new(
            Code::WrongState,
            "there is no token to end: the socket says who you are",
            "an account signs in and out of the machine, not of nightlatch",
        )
        .into());
    };
    desk.answer_with(desk.service.logout(&who.actor, token)).await
}

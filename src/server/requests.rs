//! Requests: filing, reading, and every verb on one. Five lines each; the service knows the rules.

use super::desk::Desk;
use super::posted::Posted;
use super::problem::{Answered, No};
use super::query::{Asked, Id, cursor, limit};
use super::sign_in::SignedIn;
use crate::access::Refusal;
use crate::service::Verb;
use crate::wire::{
    AmendBody, ApproveBody, ChecksView, CredentialBody, CredentialView, DeliveredBody, ExtendBody, FileBody,
    FreezeBody, HandBackBody, ListQuery, ListView, PlainBody, RequestView, RevokeBody, RevokedView, WordsBody,
};
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The longest list.
const LONGEST_LIST: i64 = 200;

pub fn routes() -> OpenApiRouter<Desk> {
    verbs()
        .routes(routes!(list, file))
        .routes(routes!(show))
        .routes(routes!(checks))
        .routes(routes!(amend))
        .routes(routes!(approve))
        .routes(routes!(extend))
        .routes(routes!(credential))
        .routes(routes!(revoke_many))
        .routes(routes!(freeze))
        .routes(routes!(thaw))
}

/// Requests, newest first.
#[utoipa::path(get, path = "/v1/requests", params(ListQuery), responses((status = 200, body = ListView)))]
async fn list(State(desk): State<Desk>, who: SignedIn, Asked(mut query): Asked<ListQuery>) -> Answered {
    // The numbers are fewer than the events, so the head bounds them.
    query.before = cursor("before", query.before, 1, desk.service.envelope().1)?;
    query.limit = Some(limit(query.limit, LONGEST_LIST)?);
    desk.answer_with(desk.service.list(&who.actor, query)).await
}

/// Files a request.
#[utoipa::path(post, path = "/v1/requests", request_body = FileBody, responses((status = 201, body = RequestView)))]
async fn file(State(desk): State<Desk>, who: SignedIn, posted: Posted<FileBody>) -> Answered {
    let view = desk.service.file(&who.actor, posted.body, posted.key).await?;
    let place = HeaderValue::try_from(format!("/v1/requests/{}", view.id)).map_err(|bad| No::ours(bad.to_string()))?;
    let mut response = desk.answer(view)?;
    *response.status_mut() = StatusCode::CREATED;
    response.headers_mut().insert(header::LOCATION, place);
    Ok(response)
}

/// One request, with what one may do with it.
#[utoipa::path(get, path = "/v1/requests/{id}", params(("id" = String, Path)), responses((status = 200, body = RequestView)))]
async fn show(State(desk): State<Desk>, who: SignedIn, Id(id): Id) -> Answered {
    desk.answer_with(desk.service.show(&who.actor, id)).await
}

/// Runs the checks only.
#[utoipa::path(post, path = "/v1/checks", request_body = FileBody, responses((status = 200, body = ChecksView)))]
async fn checks(State(desk): State<Desk>, who: SignedIn, posted: Posted<FileBody>) -> Answered {
    desk.answer_with(desk.service.checks(&who.actor, posted.body)).await
}

/// Mends a request that was sent back, or revises one that waits.
#[utoipa::path(
    post, path = "/v1/requests/{id}/amend", params(("id" = String, Path)), request_body = AmendBody,
    responses((status = 200, body = RequestView))
)]
async fn amend(State(desk): State<Desk>, who: SignedIn, Id(id): Id, posted: Posted<AmendBody>) -> Answered {
    desk.answer_with(desk.service.amend(&who.actor, id, posted.body, posted.key)).await
}

/// Approves what waits: the request, or its extension.
#[utoipa::path(
    post, path = "/v1/requests/{id}/approve", params(("id" = String, Path)), request_body = ApproveBody,
    responses((status = 200, body = RequestView))
)]
async fn approve(State(desk): State<Desk>, who: SignedIn, Id(id): Id, posted: Posted<ApproveBody>) -> Answered {
    as_of(posted.body.as_of)?;
    desk.answer_with(desk.service.approve(&who.actor, id, posted.body, posted.key)).await
}

/// Asks for a later end.
#[utoipa::path(
    post, path = "/v1/requests/{id}/extend", params(("id" = String, Path)), request_body = ExtendBody,
    responses((status = 200, body = RequestView))
)]
async fn extend(State(desk): State<Desk>, who: SignedIn, Id(id): Id, posted: Posted<ExtendBody>) -> Answered {
    as_of(posted.body.as_of)?;
    desk.answer_with(desk.service.extend(&who.actor, id, posted.body, posted.key)).await
}

/// Takes the grant's credential: minted now, kept nowhere; the one before is void.
#[utoipa::path(
    post, path = "/v1/requests/{id}/credential", params(("id" = String, Path)), request_body = CredentialBody,
    responses((status = 200, body = CredentialView))
)]
async fn credential(State(desk): State<Desk>, who: SignedIn, Id(id): Id, posted: Posted<CredentialBody>) -> Answered {
    desk.answer_with(desk.service.credential(&who.actor, id, posted.body.public_key)).await
}

/// Ends every live grant of a person, a system or a ticket.
#[utoipa::path(post, path = "/v1/revoke", request_body = RevokeBody, responses((status = 200, body = RevokedView)))]
async fn revoke_many(State(desk): State<Desk>, who: SignedIn, posted: Posted<RevokeBody>) -> Answered {
    desk.answer_with(desk.service.revoke_many(&who.actor, posted.body, posted.key)).await
}

/// Freezes a system or everything: nothing is approved or granted, removals go on.
#[utoipa::path(post, path = "/v1/freeze", request_body = FreezeBody, responses((status = 200)))]
async fn freeze(State(desk): State<Desk>, who: SignedIn, posted: Posted<FreezeBody>) -> Answered {
    desk.answer_with(desk.service.freeze(&who.actor, posted.body, false, posted.key)).await
}

/// Thaws what was frozen.
#[utoipa::path(post, path = "/v1/thaw", request_body = FreezeBody, responses((status = 200)))]
async fn thaw(State(desk): State<Desk>, who: SignedIn, posted: Posted<FreezeBody>) -> Answered {
    desk.answer_with(desk.service.freeze(&who.actor, posted.body, true, posted.key)).await
}

/// Nobody decides on what they have not read.
fn as_of(version: Option<i64>) -> Result<(), No> {
    match version {
        Some(version) if version > 0 => Ok(()),
        Some(_) => Err(Refusal::malformed("as_of", "is no version", "send the version that was read").into()),
        None => Err(Refusal::malformed("as_of", "is missing", "send the version of the request that was read").into()),
    }
}

macro_rules! verbs {
    ($($name:ident $path:literal $body:ident $says:literal |$given:ident| $verb:expr;)*) => {
        $(
            #[utoipa::path(
                post, path = $path, description = $says, params(("id" = String, Path)), request_body = $body,
                responses((status = 200, body = RequestView))
            )]
            async fn $name(State(desk): State<Desk>, who: SignedIn, Id(id): Id, posted: Posted<$body>) -> Answered {
                let $given = posted.body;
                desk.answer_with(desk.service.verb(&who.actor, id, $verb, posted.key)).await
            }
        )*
        fn verbs() -> OpenApiRouter<Desk> {
            OpenApiRouter::new()$(.routes(routes!($name)))*
        }
    };
}

verbs! {
    withdraw "/v1/requests/{id}/withdraw" PlainBody "Takes the request back." |body| nothing(body, Verb::Withdraw)?;
    claim "/v1/requests/{id}/claim" PlainBody "Says: I am reading this; for two minutes." |body| Verb::Claim { release: body.release };
    ack "/v1/requests/{id}/ack" PlainBody "Stops the alerts to oneself." |body| nothing(body, Verb::Acknowledge)?;
    note "/v1/requests/{id}/note" WordsBody "Adds a note." |body| Verb::Note(body);
    deny "/v1/requests/{id}/deny" WordsBody "Denies what waits." |body| Verb::Deny(body);
    send_back "/v1/requests/{id}/send-back" WordsBody "Sends back what waits, to be mended." |body| Verb::SendBack(body);
    revoke "/v1/requests/{id}/revoke" WordsBody "Ends the access." |body| Verb::Revoke(body);
    hand_back "/v1/requests/{id}/hand-back" HandBackBody "The user is done." |body| Verb::HandBack(body);
    undo "/v1/requests/{id}/undo" PlainBody "Takes one's own last verdict back, within 60 s." |body| nothing(body, Verb::Undo)?;
    retry "/v1/requests/{id}/retry" PlainBody "Tries an overdue removal now." |body| nothing(body, Verb::Retry)?;
    hand_over "/v1/requests/{id}/hand-over" PlainBody "Somebody else looks after an overdue removal." |body| Verb::HandOver { to: to(body)? };
    delivered "/v1/requests/{id}/delivered" DeliveredBody "Says what became of what one is told: which channel brought it, or why not." |body| Verb::Delivered(body);
    removal_confirm "/v1/requests/{id}/removal-confirm" WordsBody "Attests by hand that the access is gone." |body| Verb::Attest(body);
}

/// A verb that takes nothing is given nothing.
fn nothing(body: PlainBody, verb: Verb) -> Result<Verb, Refusal> {
    let given = if body.release { Some("release") } else { body.to.map(|_| "to") };
    given.map_or(Ok(verb), |field| Err(Refusal::malformed(field, "is not for this verb", "leave it out")))
}

fn to(body: PlainBody) -> Result<String, Refusal> {
    body.to.ok_or_else(|| Refusal::malformed("to", "is missing", "name the person who takes it over"))
}

//! Who asks: the token, where one is shown, else the account at the other end of the socket.

use super::desk::Desk;
use super::peer::Peer;
use super::problem::No;
use crate::access::Actor;
use crate::access::refusal::{Class, Code};
use crate::secret::Secret;
use crate::service::{Fault, Presented};
use crate::wire::TOKEN_PREFIX;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use std::sync::{Arc, OnceLock};

/// A longer token is none of ours.
const LONGEST_TOKEN: usize = 200;

/// Somebody whom the policy knows.
pub struct SignedIn {
    pub actor: Actor,
    /// What was shown, if it was a token.
    pub token: Option<Secret>,
}

/// Who it was, for the log.
#[derive(Clone, Default)]
pub struct Who(pub Arc<OnceLock<String>>);

impl FromRequestParts<Desk> for SignedIn {
    type Rejection = No;

    async fn from_request_parts(parts: &mut Parts, desk: &Desk) -> Result<Self, No> {
        let peer = parts.extensions.get::<Peer>().cloned().unwrap_or_default();
        let token = bearer(&parts.headers);
        let actor = match (&token, &peer.account) {
            (Shown::Nothing, Some(account)) => socket(desk, account).await?,
            (Shown::Nothing, None) => {
                return Err(No::not_signed_in(
                    "nobody is signed in",
                    "run nightlatch login, or send Authorization: Bearer with a token",
                ));
            }
            (Shown::Token(secret), _) => match desk.service.sign_in(&Presented::Token(secret.clone())).await {
                Err(Fault::Refused(refusal)) if refusal.code.class() == Class::Identity => {
                    guessed(desk, &peer, &parts.headers, secret.reveal()).await?;
                    return Err(refusal.into());
                }
                answer => answer?,
            },
            (Shown::Other, _) => {
                guessed(desk, &peer, &parts.headers, "").await?;
                return Err(No::not_signed_in("this is no token of nightlatch", "run nightlatch login"));
            }
        };
        if let Some(connection) = &peer.connection {
            connection.trust();
        }
        if let Some(who) = parts.extensions.get::<Who>() {
            let _ = who.0.set(actor.to_string());
        }
        if desk.rates.busy(&actor.id()) {
            let detail = "too many requests in a minute";
            return Err(No::new(StatusCode::TOO_MANY_REQUESTS, Code::TooMany.word(), detail, "wait a moment").after(1));
        }
        let token = if let Shown::Token(secret) = token { Some(secret) } else { None };
        Ok(Self { actor, token })
    }
}

/// A known account that is nobody in the policy is forbidden; there is nothing else that it could show.
async fn socket(desk: &Desk, account: &str) -> Result<Actor, No> {
    match desk.service.sign_in(&Presented::Socket(account.to_owned())).await {
        Ok(actor) => Ok(actor),
        Err(Fault::Refused(refusal)) if refusal.code.class() == Class::Identity => {
            let mut no = No::from(refusal);
            no.status = StatusCode::FORBIDDEN;
            Err(no)
        }
        Err(fault) => Err(fault.into()),
    }
}

/// Counts a bad token or code, and says so once there were too many.
pub async fn guessed(desk: &Desk, peer: &Peer, headers: &HeaderMap, guess: &str) -> Result<(), No> {
    if desk.rates.bad(&peer.place(headers, &desk.options), guess).await {
        let detail = "too many bad tokens or codes came from there, or began like this one";
        return Err(No::new(StatusCode::TOO_MANY_REQUESTS, Code::TooMany.word(), detail, "wait a minute").after(60));
    }
    Ok(())
}

enum Shown {
    Nothing,
    Token(Secret),
    Other,
}

fn bearer(headers: &HeaderMap) -> Shown {
    let mut shown = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (shown.next(), shown.next()) else {
        return if headers.contains_key(header::AUTHORIZATION) { Shown::Other } else { Shown::Nothing };
    };
    let token = value.to_str().ok().and_then(|text| text.split_once(' ')).and_then(|(scheme, token)| {
        let plain = token.len() <= LONGEST_TOKEN && token.bytes().all(|b| b.is_ascii_graphic());
        (scheme.eq_ignore_ascii_case("bearer") && plain && token.starts_with(TOKEN_PREFIX)).then_some(token)
    });
    token.map_or(Shown::Other, |token| Shown::Token(Secret::new(token)))
}

//! Invitations and tokens: made here, shown once, kept as hashes.

use super::{AdminFault, Answered, Desk};
use crate::access::Subject;
use crate::access::command::Command;
use crate::secret::Secret;
use crate::service::signin::{INVITATION, mint};
use crate::store::TokenRow;
use crate::text::{Clean, Instant, Length, PersonId};

/// A one-time code with which `person` signs in: ten minutes, one use.
pub async fn invite(desk: &Desk, person: &str) -> Answered<(Secret, Instant)> {
    make(desk, person, "invitation", Some(INVITATION), true).await
}

/// A token for scripts.
pub async fn create(desk: &Desk, person: &str, name: &str, expires: Option<Length>) -> Answered<Secret> {
    make(desk, person, name, expires, false).await.map(|(secret, _)| secret)
}

async fn make(
    desk: &Desk,
    person: &str,
    name: &str,
    holds: Option<Length>,
    invitation: bool,
) -> Answered<(Secret, Instant)> {
    let person: PersonId = person.parse().map_err(|bad| AdminFault::Usage(format!("{bad}")))?;
    let minted = mint(invitation).map_err(|error| AdminFault::Broken(error.to_string()))?;
    let at = desk.store.clock().now().at;
    let expires_at = holds.map(|holds| at.plus(holds));
    let name = Clean::line(name).cut(60).to_string();
    let command = Command::CreateToken {
        person: person.clone(),
        name,
        invitation,
        hash: minted.hash,
        expires_at,
        token: minted.id,
    };
    desk.act(Subject::Person(person), command).await?;
    Ok((minted.secret, expires_at.unwrap_or(at)))
}

/// Every token, newest first; their secrets are nowhere.
pub async fn list(desk: &Desk) -> Answered<Vec<TokenRow>> {
    desk.store.tokens().await.map_err(|error| AdminFault::Away(error.to_string()))
}

/// Ends a token at once.
pub async fn revoke(desk: &Desk, id: i64) -> Answered<()> {
    let tokens = list(desk).await?;
    let unknown = || AdminFault::Usage(format!("there is no token {id}: nightlatch admin token list names them"));
    let token = tokens.into_iter().find(|token| token.id == id).ok_or_else(unknown)?;
    let command = Command::EndToken {
        token: id,
        person: token.person.clone(),
        name: token.name,
        invitation: token.invitation,
        used: false,
    };
    desk.act(Subject::Person(token.person), command).await.map(drop)
}

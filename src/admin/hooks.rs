//! Webhooks: what could not be brought, sent again on demand, and a trial.

use super::{AdminFault, Answered, Desk};
use crate::service::hooks::Hook;
use crate::store::Undelivered;

fn away(error: impl std::fmt::Display) -> AdminFault {
    AdminFault::Away(error.to_string())
}

/// The follower's name of a webhook.
fn follower(name: &str) -> String {
    format!("webhook:{name}")
}

/// What could not be brought: what is still tried, and what was given up.
pub async fn undelivered(desk: &Desk) -> Answered<Vec<Undelivered>> {
    desk.store.undelivered().await.map_err(away)
}

/// Sends it again: of one webhook or all, one event or all. A running server begins within a second. Says how many they are.
pub async fn resend(desk: &Desk, name: Option<&str>, seq: Option<i64>) -> Answered<usize> {
    let waiting = undelivered(desk).await?;
    let name = name.map(follower);
    let fits = |one: &&Undelivered| {
        name.as_ref().is_none_or(|name| *name == one.follower) && seq.is_none_or(|seq| seq == one.seq)
    };
    if (name.is_some() || seq.is_some()) && !waiting.iter().any(|one| fits(&one)) {
        let sentence = "nothing of that name and number waits: nightlatch admin webhook list says what does";
        return Err(AdminFault::Usage(sentence.into()));
    }
    desk.store.send_again(name.as_deref(), seq, desk.now()).await.map_err(away)
}

/// Sends a trial to one webhook of `server.toml`.
pub async fn send_trial(desk: &Desk, name: &str) -> Answered<()> {
    let hooks = Hook::all(&desk.server).map_err(|fault| AdminFault::Usage(fault.to_string()))?;
    let Some(hook) = hooks.iter().find(|hook| hook.name() == name) else {
        let names: Vec<&str> = hooks.iter().map(Hook::name).collect();
        let names = if names.is_empty() { "there is none".to_owned() } else { format!("name {}", names.join(", ")) };
        return Err(AdminFault::Usage(format!("there is no webhook {name:?} in server.toml: {names}")));
    };
    let sent = hook.send_trial(desk.store.id(), desk.now()).await;
    sent.map_err(|said| AdminFault::Refused(format!("webhook {name}: {said}")))
}

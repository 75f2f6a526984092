//! Why a key cannot be used now, as far as it can be seen without asking the host. What the host says of a request that was
//! read goes before; the host has the last word when something is sent.

use super::dialog::Verb;
use super::keys::{Action, Scope};
use super::model::Model;
use super::rows::{Side, Tombstone};
use super::standing;
use crate::access::{RequestNumber, Status};
use crate::wire::RequestView;

/// The verb of an action.
pub const fn verb(action: Action) -> Option<Verb> {
    Some(match action {
        Action::Approve => Verb::Approve,
        Action::Deny => Verb::Deny,
        Action::SendBack => Verb::SendBack,
        Action::Extend => Verb::Extend,
        Action::Revoke => Verb::Revoke,
        Action::Undo => Verb::Undo,
        Action::Note => Verb::Note,
        Action::HandBack => Verb::HandBack,
        Action::Withdraw => Verb::Withdraw,
        Action::Claim => Verb::Claim,
        Action::Acknowledge => Verb::Acknowledge,
        Action::Retry => Verb::Retry,
        Action::HandOver => Verb::HandOver,
        _ => return None,
    })
}

/// The request that an action is about.
pub fn about(model: &Model, action: Action) -> Option<i64> {
    match action {
        Action::Undo => {
            model.last_verdict.filter(|last| last.until > model.now).map(|last| last.id).or(model.pointed())
        }
        _ => model.pointed(),
    }
}

/// Why an action cannot be used now.
pub fn why_not(model: &Model, action: Action) -> Option<String> {
    match action.scope() {
        Scope::Move => return None,
        Scope::Act => {
            if model.options.read_only {
                return Some("read-only: nothing acts here".into());
            }
            let fresh = verb(action).is_some_and(Verb::wants_fresh) || action == Action::Walk;
            if let Some(sentence) = model.link.refuses(model.now, fresh) {
                return Some(sentence.into());
            }
        }
        Scope::Take => {}
    }
    if matches!(action, Action::Lock | Action::Walk | Action::File) {
        let nothing = action == Action::Walk && model.board.counts().0 == 0;
        return nothing.then(|| "nothing waits for a verdict".into());
    }
    let Some(view) = about(model, action).and_then(|id| model.known(id)) else {
        return Some("there is no request under the cursor".into());
    };
    by_state(model, action, &view).or_else(|| by_host(model, action, &view))
}

/// Why an action can mean nothing to a request, by where it stands.
pub fn by_state(model: &Model, action: Action, view: &RequestView) -> Option<String> {
    let now = model.server_now();
    let stands = standing::standing(view, now);
    let id = RequestNumber(view.id);
    let me = model.me.as_ref().map(|me| me.person.id.as_str());
    let mine = |who: &str, what: &str| {
        let other = me.is_some_and(|me| me != who);
        other.then(|| format!("only {who} can {what}"))
    };
    match action {
        Action::Approve | Action::Deny | Action::SendBack | Action::Claim if !standing::waits(view, now) => {
            Some(format!("{id} does not wait for a verdict: it is {stands}"))
        }
        Action::Extend if stands != Status::Active => {
            Some(format!("{id} is {stands}: only active access has a later end"))
        }
        Action::Extend => mine(&view.user.id, "ask for a later end"),
        Action::HandBack if !matches!(stands, Status::Approved | Status::Granting | Status::Active) => {
            Some(format!("{id} is {stands}: there is nothing to hand back"))
        }
        Action::HandBack => mine(&view.user.id, "hand it back"),
        Action::Withdraw if !matches!(stands, Status::Pending | Status::SentBack) => {
            Some(format!("{id} is {stands}: it cannot be withdrawn"))
        }
        Action::Mend if !matches!(stands, Status::Pending | Status::SentBack) => {
            Some(format!("{id} is {stands}: what it asks for cannot be changed any more"))
        }
        Action::Mend => mine(&view.requester.id, "mend it"),
        Action::Withdraw => mine(&view.requester.id, "withdraw it"),
        Action::Revoke if !matches!(stands, Status::Approved | Status::Granting | Status::Active) => {
            Some(format!("{id} is {stands}: there is no access to end"))
        }
        Action::Retry | Action::HandOver if stands != Status::Ending => {
            Some(format!("{id} is {stands}: no removal is under way"))
        }
        Action::Undo if model.last_verdict.is_none_or(|last| last.until <= model.now || last.id != view.id) => {
            Some("you decided nothing within the last 60 s".into())
        }
        Action::CopyCommand if view.grant.as_ref().is_none_or(|grant| grant.manual_command.is_none()) => {
            Some(format!("{id} has no access that could be removed by hand"))
        }
        Action::OpenTicket if view.ticket_url.is_none() => Some(format!("{id} has no ticket with an address")),
        _ => None,
    }
}

fn by_host(model: &Model, action: Action, view: &RequestView) -> Option<String> {
    let read = model.detail.as_ref().filter(|detail| detail.id == view.id)?.read.as_ref()?;
    let verb = verb(action)?.path();
    let may = read.may.as_ref().filter(|_| read.seq == view.seq)?.iter().find(|may| may.verb == verb)?;
    may.refusal.as_ref().map(|refusal| format!("{}; {}", refusal.sentence, refusal.hint))
}

/// What became of a row that is no longer what it was, if that is so.
pub fn tombstone(model: &Model, side: Side, id: i64) -> Option<&Tombstone> {
    model.board.tombstone(side, id)
}

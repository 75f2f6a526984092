//! Opening a dialog, sending what it decided, and what came of it.

use super::super::allowed::{about, by_state, verb as verb_of, why_not};
use super::super::dialog::{Dialog, EndAsked, Stop, Verb, Wants};
use super::super::effect::Effect;
use super::super::keys::Action;
use super::super::model::{LastVerdict, Model, Sent};
use super::super::msg::{ActId, Moment, Refused};
use super::super::rows::Side;
use super::super::theme::Tone;
use super::foot::{say, sentence};
use super::lists::regroup;
use crate::access::RequestNumber;
use crate::access::event::SendBackCode;
use crate::text::Instant;
use crate::wire::{ApproveBody, ExtendBody, HandBackBody, PlainBody, RequestView, WindowBody, WordsBody};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// How long a verdict can be taken back.
const UNDO: Duration = Duration::from_mins(1);
/// How long a row shows what came of an act.
const SHOWN: Duration = Duration::from_secs(10);

/// An act key in a list or on an open request: it opens a dialog on what the last frame showed under the cursor.
pub fn open(model: &mut Model, action: Action, effects: &mut Vec<Effect>) {
    let Some(verb) = verb_of(action) else { return };
    if verb != Verb::Undo && model.seen.id != model.pointed() {
        return say(model, Tone::Soon, "that key came before the row was on the screen: look, and press it again");
    }
    if !model.marks.is_empty() && verb.in_bulk() {
        return open_bulk(model, verb, action);
    }
    if !model.marks.is_empty() && verb == Verb::Approve {
        return say(
            model,
            Tone::Soon,
            "nothing is approved in bulk: marks are for deny, send back, revoke and acknowledge",
        );
    }
    if let Some(why) = why_not(model, action) {
        return say(model, Tone::Soon, why);
    }
    let Some(view) = about(model, action).and_then(|id| model.known(id)) else { return };
    let version = if verb == Verb::Undo { view.version } else { model.seen.version };
    open_on(model, verb, view, version, effects);
}

fn open_on(model: &mut Model, verb: Verb, view: Arc<RequestView>, version: i64, effects: &mut Vec<Effect>) {
    let id = view.id;
    let mut dialog = Dialog::new(verb, view, version, model.now);
    dialog.walk = model.walk.is_some();
    effects.push(Effect::Read(id));
    if verb.is_verdict() {
        claim(model, &mut dialog, effects);
    }
    model.dialog = Some(dialog);
    offer_roles(model);
}

fn open_bulk(model: &mut Model, verb: Verb, action: Action) {
    let fresh = model.link.refuses(model.now, verb.wants_fresh());
    if let Some(why) = fresh.or(model.options.read_only.then_some("read-only: nothing acts here")) {
        return say(model, Tone::Soon, why);
    }
    // What it can mean nothing to is left out, and said.
    let fits = |id: &i64| model.known(*id).is_some_and(|view| by_state(model, action, &view).is_none());
    let (fit, out): (Vec<_>, Vec<_>) =
        model.marks.iter().map(|(id, version)| (*id, *version)).partition(|(id, _)| fits(id));
    if fit.is_empty() {
        return say(model, Tone::Soon, format!("{} can mean nothing to what is marked", verb.path()));
    }
    if !out.is_empty() {
        let numbers: Vec<String> = out.iter().map(|(id, _)| RequestNumber(*id).to_string()).collect();
        say(model, Tone::Soon, format!("left out, {} can mean nothing to them: {}", verb.path(), numbers.join(", ")));
    }
    let Some(view) = fit.first().and_then(|(id, _)| model.known(*id)) else {
        return say(model, Tone::Soon, format!("no marked request is known any more: {} opens nothing", verb.path()));
    };
    let version = view.version;
    let mut dialog = Dialog::new(verb, view, version, model.now);
    // The marks hold what was read when each was set; nothing is read again for them, the versions go with the commands.
    dialog.reading = false;
    dialog.bulk = fit;
    model.dialog = Some(dialog);
}

/// Says that somebody reads it, unless somebody else does: a claim never hinders anybody.
fn claim(model: &mut Model, dialog: &mut Dialog, effects: &mut Vec<Effect>) {
    let now = model.server_now();
    let me = model.me.as_ref().map(|me| me.person.id.as_str());
    let other = dialog.view().claim.as_ref().is_some_and(|claim| claim.until > now && Some(claim.by.id.as_str()) != me);
    if other || model.link.refuses(model.now, false).is_some() {
        return;
    }
    let act = next(model);
    model.quiet.insert(act);
    dialog.claimed = Some(model.now);
    effects.push(Effect::Act { act, id: dialog.id, verb: "claim", body: body(&PlainBody::default()) });
}

/// An open dialog claims its request again before the claim runs out.
pub fn claim_again(model: &mut Model, effects: &mut Vec<Effect>) {
    if model.dialog.as_ref().and_then(Dialog::claims_at).is_some_and(|at| at <= model.now)
        && let Some(mut dialog) = model.dialog.take()
    {
        claim(model, &mut dialog, effects);
        model.dialog = Some(dialog);
    }
}

/// Leaves the dialog; never acts. What was claimed is released.
pub fn leave(model: &mut Model, effects: &mut Vec<Effect>) {
    let Some(dialog) = model.dialog.take() else { return };
    if dialog.claimed.is_some() && dialog.sending.is_none() {
        effects.push(Effect::Release(dialog.id));
    }
    // A key that closes a dialog was not about the list below it.
    model.seen.id = None;
}

/// Another of the three verdicts on what this dialog is about.
pub fn switch(model: &mut Model, verb: Verb, effects: &mut Vec<Effect>) {
    let Some(old) = model.dialog.take() else { return };
    let mut dialog = Dialog::new(verb, Arc::new(old.view().clone()), old.version, model.now);
    (dialog.claimed, dialog.walk, dialog.differences) = (old.claimed, old.walk, old.differences);
    (dialog.over, dialog.reading) = (old.over, true);
    effects.push(Effect::Read(dialog.id));
    model.dialog = Some(dialog);
    offer_roles(model);
}

/// The roles that an approver may give instead: those that the one asked for contains.
pub fn offer_roles(model: &mut Model) {
    let (Some(dialog), Some(systems)) = (model.dialog.as_mut(), model.systems.as_ref()) else { return };
    let view = dialog.view();
    let system = systems.systems.iter().find(|system| system.id == view.system);
    let role = system.and_then(|system| system.roles.iter().find(|role| role.id == view.role_asked));
    let contained = role.map(|role| role.contains.clone()).unwrap_or_default();
    if let Some(terms) = dialog.terms.as_mut()
        && terms.roles.len() == 1
    {
        terms.roles.extend(contained);
    }
}

/// Enter on a complete dialog: everything that it sends, bound to what it showed.
pub fn send(model: &mut Model, effects: &mut Vec<Effect>) {
    let Some(mut dialog) = model.dialog.take() else { return };
    if !dialog.bulk.is_empty() {
        for (id, version) in std::mem::take(&mut dialog.bulk) {
            let body = of(&dialog, version);
            let act = record(model, id, dialog.verb);
            effects.push(Effect::Act { act, id, verb: dialog.verb.path(), body });
        }
        model.marks.clear();
        model.seen.id = None;
        return;
    }
    let (id, verb) = (dialog.id, dialog.verb);
    let body = of(&dialog, dialog.version);
    let act = record(model, id, verb);
    dialog.sending = Some(act);
    dialog.said = None;
    effects.push(Effect::Act { act, id, verb: verb.path(), body });
    model.dialog = Some(dialog);
}

/// The number of an act that is sent beside a dialog.
pub fn record(model: &mut Model, id: i64, verb: Verb) -> ActId {
    let act = next(model);
    model.under_way.insert(act, verb);
    model.sent.insert(id, Sent::Sending(act));
    act
}

/// The number of a new act.
pub const fn next(model: &mut Model) -> ActId {
    model.next_act += 1;
    ActId(model.next_act)
}

/// What travels.
pub fn body<T: serde::Serialize>(body: &T) -> serde_json::Value {
    serde_json::to_value(body).unwrap_or_else(|_| serde_json::json!({}))
}

/// What the verb expects.
fn of(dialog: &Dialog, version: i64) -> serde_json::Value {
    let typed =
        |index: usize| dialog.fields.get(index).map(|field| field.typed().trim().to_owned()).unwrap_or_default();
    let said = |index: usize| Some(typed(index)).filter(|words| !words.is_empty());
    let words = dialog.fields.iter().position(|field| field.wants == Wants::Words);
    let as_of = Some(version);
    match dialog.verb {
        Verb::Approve => {
            let changed = changes(dialog);
            let words = words.and_then(said);
            body(&ApproveBody { as_of, unseen: false, window: changed.0, role: changed.1, words })
        }
        Verb::Deny | Verb::Revoke | Verb::Note => {
            // A note is not about a version.
            let as_of = as_of.filter(|_| dialog.verb != Verb::Note);
            body(&WordsBody { as_of, words: typed(0), codes: Vec::new() })
        }
        Verb::SendBack => {
            let codes: Vec<SendBackCode> = dialog.codes.iter().filter(|(_, on)| *on).map(|(code, _)| *code).collect();
            body(&WordsBody { as_of, words: typed(0), codes })
        }
        Verb::Extend => {
            let window = match dialog.terms.as_ref().map(|terms| terms.asked) {
                Some(EndAsked::Until(until)) => WindowBody { until: Some(until.to_string()), ..WindowBody::default() },
                _ => WindowBody { for_seconds: Some(1800), ..WindowBody::default() },
            };
            body(&ExtendBody { as_of, window, done: typed(0), remaining: typed(1), approver: None })
        }
        Verb::HandBack => body(&HandBackBody { changed: said(0), checked: said(1), follow_up: said(2) }),
        Verb::HandOver => body(&PlainBody { release: false, to: said(0) }),
        Verb::Undo | Verb::Withdraw | Verb::Claim | Verb::Acknowledge | Verb::Retry => body(&PlainBody::default()),
    }
}

/// What an approver makes different: nothing is said of what stays as it was asked for.
fn changes(dialog: &Dialog) -> (WindowBody, Option<String>) {
    let Some(terms) = &dialog.terms else { return (WindowBody::default(), None) };
    let mut window = WindowBody::default();
    let rfc3339 = |at: Instant| Some(at.to_string());
    if terms.steps > 0 {
        match terms.asked {
            EndAsked::For(_) => window.for_seconds = Some(terms.length(Instant::from_millis(0)).seconds()),
            EndAsked::Until(_) => window.until = rfc3339(terms.until(Instant::from_millis(0))),
        }
    }
    if let Some(start) = dialog.start.filter(|_| terms.shift > 0) {
        window.from = rfc3339(terms.from(start));
    }
    let role = terms.roles.get(terms.role).filter(|_| terms.role > 0).cloned();
    (window, role)
}

/// What came of an act.
pub fn answered(
    model: &mut Model,
    act: ActId,
    id: i64,
    outcome: Result<Box<RequestView>, Refused>,
    effects: &mut Vec<Effect>,
) {
    if model.quiet.remove(&act) {
        return;
    }
    let Some(verb) = model.under_way.remove(&act) else { return };
    let mine = model.dialog.as_ref().is_some_and(|dialog| dialog.sending == Some(act));
    let until = Moment(model.now.0 + SHOWN);
    let number = RequestNumber(id);
    let promised = model.promised.remove(&act);
    match outcome {
        Ok(view) => {
            model.sent.insert(id, Sent::Done(until));
            if verb.is_verdict() {
                model.last_verdict = Some(LastVerdict { id, until: Moment(model.now.0 + UNDO) });
            } else if verb == Verb::Undo {
                model.last_verdict = None;
            }
            let undo = model.keys.first(Action::Undo);
            let back = if verb.is_verdict() { format!(" · {undo} takes it back within 60 s") } else { String::new() };
            let done = promised.unwrap_or_else(|| done(model, verb, &view));
            say(model, Tone::Good, format!("{done}{back}"));
            if let Some(detail) = model.detail.as_mut().filter(|detail| detail.id == id) {
                detail.read = Some(view.clone());
                effects.push(Effect::ReadEvents { id, after: detail.known() });
            }
            let (now, frozen) = (model.server_now(), model.is_frozen());
            if model.shelf.contains_key(&id) {
                model.shelve((*view).clone());
            }
            if model.board.get(id).is_some_and(|row| row.seq <= view.seq) {
                model.board.put(Arc::new(*view), now, frozen);
            }
            regroup(model);
            if mine {
                let walking = model.dialog.take().is_some_and(|dialog| dialog.walk);
                model.seen.id = None;
                if walking {
                    walk_on(model, effects);
                }
            }
        }
        Err(refused) => {
            model.sent.insert(id, Sent::Refused(until));
            let words = format!("{number} was not {}: {}", verb.done(), sentence(&refused));
            if mine && let Some(dialog) = model.dialog.as_mut() {
                dialog.sending = None;
                dialog.said = Some(sentence(&refused));
                dialog.stop = Stop::Field(0);
                for field in dialog.fields.iter_mut().filter(|field| field.wants == Wants::Digits) {
                    field.text = tui_textarea::TextArea::default();
                }
                dialog.reading = true;
                dialog.settle(model.now);
                effects.push(Effect::Read(id));
            }
            say(model, Tone::Now, words);
        }
    }
}

/// What was done, so that a verdict on an extension is not taken for one on the request.
fn done(model: &Model, verb: Verb, view: &RequestView) -> String {
    let word = super::super::standing::last_verdict(view).map(|verdict| verdict.verdict.as_str());
    let number = RequestNumber(view.id);
    match (word.filter(|_| verb.is_verdict()), view.window.until) {
        (Some("extended"), Some(until)) => format!("{number} extended until {} by you", model.eye().near(until)),
        (Some(word @ ("extension-denied" | "extension-sent-back")), _) => {
            format!("{number} {} by you", word.replace('-', " "))
        }
        _ if verb == Verb::Undo => format!("your verdict on {number} is taken back"),
        _ => format!("{number} {}", verb.done()),
    }
}

/// `A`: all that waits, one full dialog after another.
pub fn walk(model: &mut Model, effects: &mut Vec<Effect>) {
    if let Some(why) = why_not(model, Action::Walk) {
        return say(model, Tone::Soon, why);
    }
    model.walk = Some(BTreeSet::new());
    walk_on(model, effects);
}

/// The next one of a walk.
pub fn walk_on(model: &mut Model, effects: &mut Vec<Effect>) {
    let Some(mut shown) = model.walk.take() else { return };
    leave(model, effects);
    let now = model.server_now();
    let waits = |id: &i64| model.board.get(*id).is_some_and(|view| super::super::standing::waits(view, now));
    let next = model.board.pane(Side::Waiting).ids().find(|id| !shown.contains(id) && waits(id));
    let Some(view) = next.and_then(|id| model.board.get(id)).cloned() else {
        let many = shown.len();
        return say(model, Tone::Good, format!("the walk is over: {many} shown, nothing else waits"));
    };
    shown.insert(view.id);
    model.walk = Some(shown);
    let (heights, frozen) = (model.plan().heights(), model.is_frozen());
    model.board.point(view.id, heights, now, frozen);
    let version = view.version;
    open_on(model, Verb::Approve, view, version, effects);
}

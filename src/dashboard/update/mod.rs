//! What each message does to the model, and what it causes. One file a concern.

mod acts;
mod board;
mod dialog;
mod foot;
mod form;
mod keys;
mod line;
mod link;
mod lists;
mod prompt;
mod rest;
mod seen;
mod typed;

use super::effect::Effect;
use super::model::{Model, Sent};
use super::msg::{Moment, Msg};
use super::theme::Tone;
use crossterm::event::KeyEventKind;
use foot::say;

/// Takes one message in, at `now`.
pub fn update(model: &mut Model, now: Moment, msg: Msg) -> Vec<Effect> {
    model.now = model.now.max(now);
    let mut effects = tick(model);
    match msg {
        // Repeats and releases are not presses: a key that is held says nothing twice.
        Msg::Key(key) if key.kind == KeyEventKind::Press => {
            if model.dialog.is_some() {
                dialog::key(model, &key, &mut effects);
            } else if model.form.is_some() {
                form::key(model, &key, &mut effects);
            } else if model.line.is_some() {
                line::key(model, &key, &mut effects);
            } else {
                keys::key(model, &key, &mut effects);
            }
            model.last_key = Some(model.now);
        }
        Msg::Key(_) | Msg::Tick | Msg::Focus(false) => {}
        Msg::Paste(text) if model.form.is_some() => form::paste(model, &text),
        Msg::Paste(text) if model.line.is_some() => line::paste(model, &text),
        Msg::Paste(text) => dialog::paste(model, &text),
        Msg::Mouse(mouse) => keys::mouse(model, mouse, &mut effects),
        Msg::Focus(true) | Msg::Resumed => dialog::settle(model),
        Msg::Resize(columns, rows) => keys::resize(model, columns, rows),
        Msg::Kept { board, me, age } => link::kept(model, board, me, age),
        Msg::Board(view) => board::merge(model, view, &mut effects),
        Msg::Away { sentence, next_try, offline } => link::away(model, sentence, next_try, offline),
        Msg::Me(me) => {
            let first = model.me.as_ref().is_none_or(|known| known.person.id != me.person.id);
            model.me = Some(me);
            lists::regroup(model);
            if first {
                lists::again(model, &mut effects);
            }
        }
        Msg::Systems(systems) => {
            model.systems = Some(systems);
            acts::offer_roles(model);
        }
        Msg::Request { id, outcome } => board::read(model, id, outcome),
        Msg::Events { id, after, outcome } => board::events(model, id, after, outcome, &mut effects),
        Msg::Background { light } => model.shows_on(light),
        Msg::Listed { ask, outcome } => lists::listed(model, ask, outcome, &mut effects),
        Msg::Checked { ask, outcome } => form::checked(model, ask, outcome),
        Msg::Filed { act, outcome } => form::filed(model, act, outcome, &mut effects),
        Msg::Open(id) => keys::clicked(model, id, &mut effects),
        Msg::Said(words) => say(model, Tone::Soon, words),
        Msg::Acted { act, id, outcome } => acts::answered(model, act, id, outcome, &mut effects),
    }
    model.fit_lists();
    effects
}

/// What time alone does.
fn tick(model: &mut Model) -> Vec<Effect> {
    let mut effects = Vec::new();
    let (now, frozen) = (model.now, model.is_frozen());
    let turns = model.anchor.is_some() && model.board.next_turn().is_some_and(|at| at <= model.server_now());
    if turns && !model.board.turn(model.server_now(), frozen).is_empty() {
        effects.push(Effect::Bell);
    }
    if turns {
        lists::regroup(model);
    }
    if !frozen && model.waits_to_merge() {
        model.board.merge(model.server_now());
        model.mine.roll.let_in();
        model.history.roll.let_in();
    }
    lists::tick(model, &mut effects);
    form::tick(model, &mut effects);
    model.notice = model.notice.take().filter(|notice| notice.until > now);
    model.last_verdict = model.last_verdict.filter(|last| last.until > now);
    model.sent.retain(|_, sent| match sent {
        Sent::Sending(_) => true,
        Sent::Done(until) | Sent::Refused(until) => *until > now,
    });
    if model.locks_at().is_some_and(|at| at <= now) {
        keys::lock(model, &mut effects);
    }
    acts::claim_again(model, &mut effects);
    if model.peek_at.is_some_and(|at| at <= now) {
        model.peek_at = None;
        board::peek(model, &mut effects);
    }
    effects
}

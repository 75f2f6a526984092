//! What comes from the host: the board, one request, its timeline.

use super::super::dialog::Dialog;
use super::super::difference::differences;
use super::super::effect::{EVENTS, Effect};
use super::super::eye::Anchor;
use super::super::model::{Detail, Model};
use super::super::msg::Refused;
use super::super::standing;
use super::foot::sentence;
use super::rest::REST;
use super::{acts, lists};
use crate::access::RequestNumber;
use crate::wire::{BoardView, EventsView, RequestView};
use std::collections::HashSet;
use std::sync::Arc;

/// Takes in an answer of the host.
pub fn merge(model: &mut Model, view: BoardView, effects: &mut Vec<Effect>) {
    let first = model.link.answered.is_none();
    let was_away = model.link.away.as_ref().is_some_and(|away| away.offline);
    model.link.answered = Some(model.now);
    model.link.away = None;
    model.link.kept = None;
    model.anchor = Some(Anchor { moment: model.now, at: view.server_now });
    let changed: HashSet<i64> = view.rows.iter().map(|row| row.id).collect();
    take(model, view);
    lists::follow(model, &changed.iter().copied().collect::<Vec<_>>());
    if first || was_away {
        // What could not be read before is read now.
        lists::again(model, effects);
    }
    if first {
        effects.push(Effect::ReadSystems);
        if let Some(id) = model.detail.as_ref().map(|detail| detail.id) {
            model.board.point(id, model.plan().heights(), model.server_now(), model.is_frozen());
        }
    }
    if let Some(detail) = model.detail.as_ref().filter(|detail| first || changed.contains(&detail.id)) {
        // With everything else its events are read anew, too: words of earlier ones may have been erased.
        let after = if first { 0 } else { detail.known() };
        effects.extend([Effect::Read(detail.id), Effect::ReadEvents { id: detail.id, after }]);
    }
    follow_dialog(model, &changed, effects);
    if model.plan().beside() && model.detail.is_none() && model.cursor().is_some() {
        model.peek_at.get_or_insert(super::super::msg::Moment(model.now.0 + REST));
    }
}

/// The rows of an answer, without anything that it causes.
pub fn take(model: &mut Model, view: BoardView) {
    let now = model.server_now();
    // An empty board has no order that could be frozen.
    let shown = !model.board.pane(super::super::rows::Side::Waiting).is_empty()
        || !model.board.pane(super::super::rows::Side::Live).is_empty();
    let still = shown && model.is_frozen();
    let many = view.rows.len() > super::super::rows::MANY;
    // Many rows at once are only remembered, and let in together.
    let frozen = still || many;
    if view.full {
        let ids = view.rows.iter().map(|row| row.id).collect();
        model.board.keep_only(&ids, now, frozen);
    }
    let me = model.me.as_ref().map(|me| me.person.id.clone());
    for id in view.gone {
        // One's own requests stay among one's own.
        if let Some(row) = model.board.get(id).cloned().filter(|row| me.as_ref() == Some(&row.user.id)) {
            model.mine.told.push(id);
            model.shelve((*row).clone());
        }
        model.board.drop_row(id, now, frozen);
    }
    for row in view.rows {
        // A late answer must not bring back what is already newer here.
        if model.board.get(row.id).is_none_or(|known| known.seq <= row.seq) {
            model.board.put(Arc::new(row), now, frozen);
        }
    }
    if many && !still {
        model.board.merge(now);
    }
    if !shown {
        model.board.rewind();
    }
    model.head = view.link;
    model.frozen = view.frozen;
    model.sane = view.sane;
}

/// The request of an open dialog changed: it is read again, or somebody else was faster.
fn follow_dialog(model: &mut Model, changed: &HashSet<i64>, effects: &mut Vec<Effect>) {
    let now = model.server_now();
    let Some(dialog) = model.dialog.as_mut().filter(|dialog| changed.contains(&dialog.id)) else { return };
    let Some(row) = model.board.get(dialog.id) else { return };
    if dialog.sending.is_none() && dialog.verb.is_verdict() && !standing::waits(row, now) {
        dialog.over = Some(became(row, now));
    }
    if row.version > dialog.version && !dialog.reading {
        dialog.reading = true;
        effects.push(Effect::Read(dialog.id));
    }
}

/// What became of a request that somebody was about to decide on, as information.
fn became(view: &RequestView, now: crate::text::Instant) -> String {
    let id = RequestNumber(view.id);
    let stands = standing::standing(view, now);
    match standing::last_verdict(view) {
        Some(verdict) if !matches!(stands, crate::access::Status::Pending | crate::access::Status::Lapsed) => {
            let seconds = now.since(verdict.at).seconds().max(0);
            format!(
                "{id} was already {} by {}, {seconds} s ago: nothing is left to decide",
                verdict.verdict.replace('-', " "),
                verdict.by.name
            )
        }
        _ => format!("{id} is {stands}: nothing is left to decide"),
    }
}

/// One request, read again.
pub fn read(model: &mut Model, id: i64, outcome: Result<Box<RequestView>, Refused>) {
    let now = model.now;
    if let Ok(view) = &outcome
        && model.shelf.contains_key(&id)
    {
        model.shelve((**view).clone());
    }
    if let Some(detail) = model.detail.as_mut().filter(|detail| detail.id == id) {
        match &outcome {
            Ok(view) => (detail.read, detail.fault) = (Some(view.clone()), None),
            Err(refused) => detail.fault = Some(sentence(refused)),
        }
    }
    let server = model.server_now();
    if let Some(dialog) = model.dialog.as_mut().filter(|dialog| dialog.id == id && dialog.sending.is_none()) {
        match outcome {
            Ok(view) => take_in(dialog, view, now, server),
            Err(refused) => {
                dialog.reading = false;
                dialog.said = Some(format!("it could not be read again: {}", sentence(&refused)));
            }
        }
    }
    acts::offer_roles(model);
}

fn take_in(dialog: &mut Dialog, view: Box<RequestView>, now: super::super::msg::Moment, server: crate::text::Instant) {
    // An answer that is older than what the person already reads says nothing.
    if view.version < dialog.version {
        dialog.reading = false;
        return;
    }
    let differences = differences(dialog.view(), &view);
    if dialog.verb.is_verdict() && !standing::waits(&view, server) {
        dialog.over = Some(became(&view, server));
    }
    dialog.take(view, differences, now);
}

/// The timeline of one request, or the rest of it.
pub fn events(model: &mut Model, id: i64, after: i64, outcome: Result<EventsView, Refused>, effects: &mut Vec<Effect>) {
    let (Some(detail), Ok(view)) = (model.detail.as_mut().filter(|detail| detail.id == id), outcome) else { return };
    let count = view.events.len();
    detail.take_events(after, view.events);
    // A whole page may not be all; the page after the last is empty.
    if count >= EVENTS {
        effects.push(Effect::ReadEvents { id, after: detail.known() });
    }
}

/// The cursor rested: the request under it is read for the pane beside the lists.
pub fn peek(model: &mut Model, effects: &mut Vec<Effect>) {
    if !model.plan().beside() || model.in_detail {
        return;
    }
    let Some(id) = model.cursor() else { return };
    let known = model.detail.as_ref().is_some_and(|detail| detail.id == id && detail.read.is_some());
    if model.detail.as_ref().is_none_or(|detail| detail.id != id) {
        model.detail = Some(Detail::new(id));
    }
    if !known {
        effects.extend(model.detail.as_ref().map(Effect::again).into_iter().flatten());
    }
}

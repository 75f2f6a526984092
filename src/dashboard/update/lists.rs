//! The views beside the board: one's own requests, and those that are looked up.

use super::super::allowed::why_not;
use super::super::effect::Effect;
use super::super::keys::Action;
use super::super::lists::History;
use super::super::model::Model;
use super::super::msg::{AskId, Moment, Refused};
use super::super::pane::Place;
use super::super::standing;
use super::super::theme::Tone;
use super::super::views::View;
use super::foot::{say, sentence};
use super::rest::rest;
use crate::access::Status;
use crate::text::Instant;
use crate::wire::{ListQuery, ListView, RequestView};
use std::collections::BTreeSet;
use std::time::Duration;

/// What is typed is looked up when nothing was typed for so long.
pub const REST: Duration = Duration::from_millis(300);
/// So many of one's own closed requests are shown.
const OWN: i64 = 50;
/// A page of what is looked up.
const PAGE: i64 = 100;
/// So many pages are read in one go where little of each fits.
const PAGES: usize = 10;
/// So many requests are held of one question: whoever looks for one among more says more of it.
const MOST: usize = 10_000;

/// Another view.
pub fn switch(model: &mut Model, view: View, effects: &mut Vec<Effect>) {
    (model.in_detail, model.zoomed) = (false, false);
    if model.view != view {
        (model.view, model.detail) = (view, None);
    }
    match view {
        View::Mine => {
            regroup(model);
            ask_mine(model, effects);
        }
        View::History if !model.history.read => look_up(model, effects),
        _ => {}
    }
    rest(model);
}

/// Asks for everything again that the view shows beside the board.
pub fn again(model: &mut Model, effects: &mut Vec<Effect>) {
    match model.view {
        View::Mine => ask_mine(model, effects),
        View::History => look_up(model, effects),
        View::Board | View::Help => {}
    }
}

fn ask_mine(model: &mut Model, effects: &mut Vec<Effect>) {
    let Some(person) = model.me.as_ref().map(|me| me.person.id.clone()) else { return };
    let ask = model.next_question();
    model.mine.ask = Some(ask);
    let query = ListQuery { person: Some(person), limit: Some(OWN), ..ListQuery::default() };
    effects.push(Effect::List { ask, query: Box::new(query) });
}

/// Puts one's own requests where they belong.
pub fn regroup(model: &mut Model) {
    let (places, frozen) = (own(model), model.is_frozen());
    model.mine.roll.want(places, frozen);
}

/// As [`regroup`], because somebody asked for something else.
pub fn regroup_anew(model: &mut Model) {
    let places = own(model);
    model.mine.roll.anew(places);
}

fn own(model: &Model) -> Vec<Place> {
    let Some(me) = model.me.as_ref().map(|me| me.person.id.clone()) else { return Vec::new() };
    let mut ids: BTreeSet<i64> = model.board.of_person(&me).map(|view| view.id).collect();
    ids.extend(&model.mine.told);
    let now = model.server_now();
    let mine = |view: &RequestView| view.user.id == me || view.requester.id == me;
    let fits = |view: &RequestView| mine(view) && model.mine.filter.fits(view, model.sight());
    let known = ids.into_iter().filter_map(|id| model.known(id)).filter(|view| fits(view));
    known.map(|view| place(&view, now)).collect()
}

/// What one has comes first, by its end; then what one has to mend, what waits, and what is over, the newest first.
fn place(view: &RequestView, now: Instant) -> Place {
    let end = standing::end(view).map_or(i64::MAX, Instant::millis);
    let (rank, at) = match standing::standing(view, now) {
        Status::Approved | Status::Granting | Status::Active | Status::Ending => (0, end),
        Status::SentBack => (1, -view.filed_at.millis()),
        Status::Pending => (2, -view.filed_at.millis()),
        _ => (3, -view.id),
    };
    Place { text: String::new(), rank, at, id: view.id }
}

/// Looks up from the newest on what the filter says.
pub fn look_up(model: &mut Model, effects: &mut Vec<Effect>) {
    (model.history.ask_at, model.history.pages) = (None, 0);
    ask_page(model, None, effects);
}

fn ask_page(model: &mut Model, before: Option<i64>, effects: &mut Vec<Effect>) {
    let me = model.me.as_ref().map(|me| me.person.id.clone());
    let mut query = model.history.filter.query(me.as_deref());
    query.limit = Some(if model.history.filter.number().is_some() { 1 } else { PAGE });
    query.before = before.or(query.before);
    let ask = model.next_question();
    model.history.ask = Some((ask, before.is_none()));
    effects.push(Effect::List { ask, query: Box::new(query) });
}

/// The cursor came near the end of what was read: the next page.
pub fn read_on(model: &mut Model, effects: &mut Vec<Effect>) {
    let history = &model.history;
    let pane = &history.roll.pane;
    let here = pane.cursor.and_then(|id| pane.index(id)).unwrap_or(0);
    let near = here + usize::from(model.plan().list_rows()) >= pane.len();
    if model.view == View::History
        && near
        && history.ask.is_none()
        && let Some(next) = history.next
    {
        model.history.pages = 0;
        ask_page(model, Some(next), effects);
    }
}

/// A page of a list.
pub fn listed(model: &mut Model, ask: AskId, outcome: Result<ListView, Refused>, effects: &mut Vec<Effect>) {
    if model.mine.ask == Some(ask) {
        model.mine.ask = None;
        return told(model, outcome);
    }
    let Some((_, anew)) = model.history.ask.filter(|(ours, _)| *ours == ask) else { return };
    model.history.ask = None;
    match outcome {
        Ok(page) => found(model, page, anew, effects),
        Err(refused) => model.history.fault = Some(sentence(&refused)),
    }
}

fn told(model: &mut Model, outcome: Result<ListView, Refused>) {
    match outcome {
        Ok(page) => {
            model.mine.told = page.requests.iter().map(|view| view.id).collect();
            page.requests.into_iter().for_each(|view| model.shelve(view));
            (model.mine.read, model.mine.fault) = (true, None);
            regroup(model);
        }
        Err(refused) => model.mine.fault = Some(sentence(&refused)),
    }
}

fn found(model: &mut Model, page: ListView, anew: bool, effects: &mut Vec<Effect>) {
    if anew {
        model.history.found.clear();
    }
    let wanted = model.history.filter.number();
    for view in page.requests {
        let fits = model.history.filter.fits_but_words(&view, model.sight()) && wanted.is_none_or(|id| id == view.id);
        if fits && !model.history.found.contains(&view.id) {
            model.history.found.push(view.id);
            model.shelve(view);
        }
    }
    let history = &mut model.history;
    (history.read, history.fault) = (true, None);
    history.pages += 1;
    let room = history.found.len() < MOST && wanted.is_none();
    history.next = page.next_before.filter(|_| room);
    let places = places(history);
    if anew {
        history.roll.anew(places);
        tidy(model);
    } else {
        let frozen = model.is_frozen();
        model.history.roll.want(places, frozen);
    }
    let enough = usize::from(model.plan().list_rows()) * 2;
    let history = &model.history;
    if let Some(next) = history.next.filter(|_| history.found.len() < enough && history.pages < PAGES) {
        ask_page(model, Some(next), effects);
    }
    rest(model);
}

fn places(history: &History) -> Vec<Place> {
    history.found.iter().map(|id| Place { text: String::new(), rank: 0, at: -*id, id: *id }).collect()
}

/// Forgets what nothing shows any more.
fn tidy(model: &mut Model) {
    let open = model.detail.as_ref().map(|detail| detail.id);
    let keep: BTreeSet<i64> = model.history.found.iter().chain(&model.mine.told).copied().chain(open).collect();
    let marks = &model.marks;
    model.shelf.retain(|id, _| keep.contains(id) || marks.contains_key(id));
}

/// What the board told: new requests stand in the history too, as soon as rows may move.
pub fn follow(model: &mut Model, changed: &[i64]) {
    regroup(model);
    let history = &model.history;
    if !history.read || history.filter.query(None).search.is_some() || history.filter.number().is_some() {
        return;
    }
    let newest = history.found.iter().max().copied().unwrap_or(0);
    let fits = |id: &i64| {
        *id > newest && model.board.get(*id).is_some_and(|view| history.filter.fits_but_words(view, model.sight()))
    };
    let new: Vec<i64> = changed.iter().copied().filter(fits).collect();
    if !new.is_empty() {
        model.history.found.extend(new);
        let (places, frozen) = (places(&model.history), model.is_frozen());
        model.history.roll.want(places, frozen);
    }
}

/// What time alone does.
pub fn tick(model: &mut Model, effects: &mut Vec<Effect>) {
    if model.history.ask_at.is_some_and(|at| at <= model.now) {
        look_up(model, effects);
    }
}

/// Somebody types what is looked for.
pub fn will_look_up(model: &mut Model) {
    model.history.ask_at = Some(Moment(model.now.0 + REST));
}

/// Moves the cursor of the view's list.
pub fn step(model: &mut Model, by: i64, effects: &mut Vec<Effect>) {
    let (height, frozen) = (model.plan().list_rows(), model.is_frozen());
    if let Some(roll) = model.roll_mut() {
        roll.step(by, height, frozen);
    }
    read_on(model, effects);
}

/// The whole record as text, on the clipboard.
pub fn copy_record(model: &mut Model, effects: &mut Vec<Effect>) {
    if let Some(why) = why_not(model, Action::CopyRecord) {
        return say(model, Tone::Soon, why);
    }
    let Some(id) = model.pointed() else { return };
    let text = super::super::view::record::text(model, id);
    let number = crate::access::RequestNumber(id);
    if text.len() > LONGEST_COPY {
        let words = format!("{number}: its record is more than a clipboard takes: nightlatch show {id} prints it");
        return say(model, Tone::Soon, words);
    }
    let whole = model.detail.as_ref().is_some_and(|detail| detail.id == id && !detail.events.is_empty());
    effects.push(Effect::Copy(text));
    let words = if whole { "the whole record is copied" } else { "what is known is copied: open it for every event" };
    say(model, Tone::Good, format!("{number}: {words}"));
}

/// The longest text that is put on a clipboard, in bytes: terminals take no more.
const LONGEST_COPY: usize = 50_000;

//! Keys and the mouse outside a dialog. Moving and looking happens here; act keys only open dialogs.

use super::super::allowed::why_not;
use super::super::effect::Effect;
use super::super::keys::{Action, Scope};
use super::super::layout::Class;
use super::super::model::{Detail, Model};
use super::super::rows::Side;
use super::super::theme::Tone;
use super::super::view;
use super::super::views::View;
use super::foot::say;
use super::rest::{rest, scrolled};
use super::{acts, dialog, form, lists, prompt};
use crate::access::RequestNumber;
use chrono_tz::Tz;
use crossterm::event::{KeyEvent, MouseButton, MouseEvent, MouseEventKind};

/// One key.
pub fn key(model: &mut Model, key: &KeyEvent, effects: &mut Vec<Effect>) {
    let Some(action) = model.keys.action(key) else { return };
    // A first key freezes what is on the screen; what waited until now is let in by `.` or by ten calm seconds.
    if model.help.is_some() {
        return in_help(model, action, effects);
    }
    act(model, action, effects);
}

/// What an action does, whether it was a key or a command.
pub fn act(model: &mut Model, action: Action, effects: &mut Vec<Effect>) {
    if is_of_a_row(action) && model.plan().class == Class::Mini {
        return say(model, Tone::Soon, view::mini::LARGER);
    }
    match action.scope() {
        Scope::Act if model.locked => unlock(model),
        Scope::Act => match action {
            Action::Walk => acts::walk(model, effects),
            Action::File | Action::Mend => form::open(model, action),
            _ => acts::open(model, action, effects),
        },
        Scope::Take if action == Action::CopyRecord => lists::copy_record(model, effects),
        Scope::Take => take(model, action, effects),
        Scope::Move => moved(model, action, effects),
    }
}

/// Whether it is about the row under the cursor. One's last verdict, the next that waits and a new request are not.
fn is_of_a_row(action: Action) -> bool {
    match action {
        Action::Undo | Action::Walk | Action::File | Action::Lock => false,
        Action::Open | Action::Right | Action::Mark => true,
        _ => action.scope() != Scope::Move,
    }
}

fn unlock(model: &mut Model) {
    model.locked = false;
    say(model, Tone::Good, "unlocked: press the key again");
}

/// Locks the pane; what was open is left, and what was typed is gone.
pub fn lock(model: &mut Model, effects: &mut Vec<Effect>) {
    acts::leave(model, effects);
    form::leave(model);
    prompt::leave(model);
    model.walk = None;
    model.locked = true;
}

fn take(model: &mut Model, action: Action, effects: &mut Vec<Effect>) {
    if action == Action::Lock {
        lock(model, effects);
        return;
    }
    if let Some(why) = why_not(model, action) {
        return say(model, Tone::Soon, why);
    }
    let Some(view) = model.pointed().and_then(|id| model.known(id)) else { return };
    let (effect, words) = match action {
        Action::CopyId => (Effect::Copy(RequestNumber(view.id).to_string()), "the number is copied"),
        Action::CopyLink => (Effect::Copy(model.options.link_to(view.id)), "a link is copied"),
        Action::CopyCommand => {
            let command = view.grant.as_ref().and_then(|grant| grant.manual_command.clone()).unwrap_or_default();
            (Effect::Copy(command), "the command is copied: read it before you run it")
        }
        _ => (Effect::Open(view.ticket_url.clone().unwrap_or_default()), "opening the ticket"),
    };
    effects.push(effect);
    say(model, Tone::Good, format!("{}: {words}", RequestNumber(view.id)));
}

fn in_help(model: &mut Model, action: Action, effects: &mut Vec<Effect>) {
    let page = i64::from(model.size.1).saturating_sub(6).max(1);
    let by = match action {
        Action::Down => 1,
        Action::Up => -1,
        Action::HalfDown => page / 2,
        Action::HalfUp => -page / 2,
        Action::PageDown => page,
        Action::PageUp => -page,
        Action::First => i64::MIN,
        Action::Last => i64::MAX,
        Action::Quit => return effects.push(Effect::Quit),
        Action::Suspend => return effects.push(Effect::Suspend),
        _ => {
            model.help = None;
            return;
        }
    };
    let most = view::help::longest_scroll(model);
    model.help = model.help.map(|top| scrolled(top, by, most));
}

fn moved(model: &mut Model, action: Action, effects: &mut Vec<Effect>) {
    match action {
        Action::Quit => effects.push(Effect::Quit),
        Action::Suspend => effects.push(Effect::Suspend),
        Action::Help => model.help = Some(0),
        Action::Resync => {
            effects.push(Effect::Resync);
            lists::again(model, effects);
            say(model, Tone::Plain, "asking for everything again");
        }
        Action::Zone => {
            model.zone = if model.zone == Tz::UTC { model.options.zone } else { Tz::UTC };
            say(model, Tone::Plain, format!("times are shown in {}", model.zone.name()));
        }
        Action::Zoom => {
            model.zoomed = !model.zoomed;
            rest(model);
        }
        Action::Mouse => {
            model.mouse = !model.mouse;
            effects.push(Effect::Mouse(model.mouse));
            let off = "the mouse is the terminal's again";
            say(model, Tone::Plain, if model.mouse { "the mouse points here: it never acts" } else { off });
        }
        Action::Pause => {
            model.paused = !model.paused;
            let held = format!("paused: the rows hold still until {}", model.keys.first(Action::Pause));
            say(model, Tone::Plain, if model.paused { held } else { "the rows move again".into() });
        }
        Action::Merge => {
            model.board.merge(model.server_now());
            model.mine.roll.let_in();
            model.history.roll.let_in();
        }
        Action::Sort if model.view != View::Board => say(model, Tone::Soon, "only the board is sorted otherwise"),
        Action::Sort => {
            let sort = model.board.sort.next();
            model.board.sort_by(sort, model.plan().heights(), model.server_now());
            say(model, Tone::Plain, format!("sorted by {}", sort.word()));
        }
        Action::Mark => mark(model),
        Action::NextOverdue => next_overdue(model),
        Action::Open | Action::Right => enter(model, effects),
        Action::Back | Action::Left => back(model, effects),
        Action::Board | Action::Mine | Action::History => {
            lists::switch(model, View::of(action).unwrap_or_default(), effects);
        }
        Action::Filter => prompt::filter(model),
        Action::Palette => prompt::commands(model),
        Action::NextPane | Action::PreviousPane if model.view != View::Board => {
            if model.in_detail {
                back(model, effects);
            } else {
                enter(model, effects);
            }
        }
        Action::NextPane | Action::PreviousPane => {
            model.in_detail = false;
            model.board.focus = if model.board.focus == Side::Waiting { Side::Live } else { Side::Waiting };
            rest(model);
        }
        Action::Down => step(model, 1, effects),
        Action::Up => step(model, -1, effects),
        Action::HalfDown => step(model, page(model) / 2, effects),
        Action::HalfUp => step(model, -page(model) / 2, effects),
        Action::PageDown => step(model, page(model), effects),
        Action::PageUp => step(model, -page(model), effects),
        Action::First => step(model, i64::MIN / 2, effects),
        Action::Last => step(model, i64::MAX / 2, effects),
        _ => {}
    }
}

fn page(model: &Model) -> i64 {
    let plan = model.plan();
    let lines = match model.view {
        _ if model.in_detail => plan.detail.height,
        View::Board => plan.rows(model.board.focus),
        _ => plan.list_rows(),
    };
    i64::from(lines).saturating_sub(1).max(2)
}

fn step(model: &mut Model, by: i64, effects: &mut Vec<Effect>) {
    if model.in_detail {
        let most = view::detail::longest_scroll(model);
        if let Some(detail) = model.detail.as_mut() {
            detail.top = scrolled(detail.top, by, most);
        }
        return;
    }
    if model.view == View::Board {
        let (height, now, frozen) = (model.plan().rows(model.board.focus), model.server_now(), model.is_frozen());
        model.board.step(by, height, now, frozen);
    } else {
        lists::step(model, by, effects);
    }
    rest(model);
}

fn mark(model: &mut Model) {
    let Some(id) = model.pointed().filter(|id| model.seen.id == Some(*id)) else { return };
    if model.marks.remove(&id).is_none() {
        model.marks.insert(id, model.seen.version);
    }
    let many = model.marks.len();
    say(model, Tone::Plain, format!("{many} marked: for deny, send back, revoke and acknowledge"));
}

fn next_overdue(model: &mut Model) {
    let late: Vec<i64> = model.board.late().collect();
    let here = model.pointed().and_then(|id| late.iter().position(|other| *other == id));
    let next = here.map_or(0, |at| at + 1) % late.len().max(1);
    let Some(id) = late.get(next).copied() else {
        return say(model, Tone::Good, "no removal is overdue");
    };
    lists::switch(model, View::Board, &mut Vec::new());
    let (heights, now, frozen) = (model.plan().heights(), model.server_now(), model.is_frozen());
    if !model.board.point(id, heights, now, frozen) {
        model.board.merge(now);
        if !model.board.point(id, heights, now, frozen) {
            // Nothing hides what is overdue from whoever looks for it.
            prompt::drop_filter(model);
            model.board.point(id, heights, now, frozen);
        }
    }
    rest(model);
}

fn enter(model: &mut Model, effects: &mut Vec<Effect>) {
    if model.in_detail || model.plan().class == Class::Mini {
        return;
    }
    let Some(id) = model.cursor() else { return };
    if model.seen.id != Some(id) {
        return;
    }
    if model.detail.as_ref().is_none_or(|detail| detail.id != id || detail.read.is_none()) {
        model.detail = Some(Detail::new(id));
        effects.extend(model.detail.as_ref().map(Effect::again).into_iter().flatten());
    }
    model.in_detail = true;
}

/// A notification was clicked: its request is opened, but never under somebody's hands.
pub fn clicked(model: &mut Model, id: i64, effects: &mut Vec<Effect>) {
    if model.is_busy() {
        let words = format!("{} was clicked: leave this first, then click it again", RequestNumber(id));
        return say(model, Tone::Soon, words);
    }
    if model.detail.as_ref().is_none_or(|detail| detail.id != id || detail.read.is_none()) {
        model.detail = Some(Detail::new(id));
        effects.extend(model.detail.as_ref().map(Effect::again).into_iter().flatten());
    }
    model.help = None;
    model.in_detail = true;
}

fn back(model: &mut Model, effects: &mut Vec<Effect>) {
    if model.in_detail {
        model.in_detail = false;
        if !model.plan().beside() {
            model.detail = None;
        }
    } else if model.zoomed {
        model.zoomed = false;
        rest(model);
    } else if !model.marks.is_empty() {
        model.marks.clear();
    } else if !model.filter().is_empty() {
        prompt::drop_filter(model);
        if model.view == View::History {
            lists::look_up(model, effects);
        }
    }
}

/// The terminal has another size.
pub fn resize(model: &mut Model, columns: u16, rows: u16) {
    model.size = (columns, rows);
    rest(model);
}

/// The mouse focuses; it never acts.
pub fn mouse(model: &mut Model, mouse: MouseEvent, effects: &mut Vec<Effect>) {
    let by = match mouse.kind {
        MouseEventKind::ScrollDown => 3,
        MouseEventKind::ScrollUp => -3,
        MouseEventKind::Down(MouseButton::Left) if !model.is_busy() && model.help.is_none() => {
            return click(model, mouse.column, mouse.row);
        }
        _ => return,
    };
    if model.dialog.is_some() {
        dialog::scroll(model, by);
    } else if model.is_busy() {
        // What is typed is about what is on the screen.
    } else if let Some(top) = model.help {
        model.help = Some(scrolled(top, by, view::help::longest_scroll(model)));
    } else {
        model.last_key = Some(model.now);
        step(model, by, effects);
    }
}

fn click(model: &mut Model, column: u16, row: u16) {
    let plan = model.plan();
    model.last_key = Some(model.now);
    if model.roll().is_some() {
        let (place, height) = (plan.list, plan.list_rows());
        let line = row.saturating_sub(place.y + 1);
        let inside = place.contains((column, row).into()) && row > place.y && line < height;
        let at = model.roll().and_then(|roll| roll.pane.at(usize::try_from(roll.pane.top + i64::from(line)).ok()?));
        if let (true, Some(id), Some(roll)) = (inside, at, model.roll_mut()) {
            roll.point(id, height);
            model.in_detail = false;
            rest(model);
        }
        return;
    }
    for side in [Side::Waiting, Side::Live] {
        let place = plan.pane(side);
        let inside = place.contains((column, row).into());
        let line = row.saturating_sub(place.y + 1);
        if !inside || line >= plan.rows(side) || row == place.y {
            continue;
        }
        let pane = model.board.pane(side);
        let index = pane.top + i64::from(line);
        if usize::try_from(index).ok().and_then(|index| pane.at(index)).is_some() {
            model.in_detail = false;
            model.board.focus = side;
            let (now, frozen) = (model.server_now(), model.is_frozen());
            model.board.go_to(index, model.plan().rows(side), now, frozen);
            rest(model);
        }
        return;
    }
}

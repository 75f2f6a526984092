//! What is drawn. Reads the model, changes nothing.
//!
//! A screen is composed as lines in their places, and every text that changes by itself says when it will: whoever draws it
//! knows when to look again.

mod bands;
mod board;
pub mod detail;
pub mod dialog;
mod faces;
mod form;
pub mod help;
mod history;
mod ladder;
mod line;
mod list;
mod mine;
pub mod mini;
pub mod record;
mod request;

use super::eye::Eye;
use super::layout::{Class, Plan, Shape};
use super::model::{Model, Sent};
use super::msg::Moment;
use super::views::View;
use super::widget::canvas::Canvas;
use faces::FACES;
use ratatui::Frame;
use ratatui::layout::Rect;

/// Draws the whole screen. Gives when the next text changes by itself, or something falls due, if anything does.
pub fn draw(model: &Model, frame: &mut Frame<'_>) -> Option<Moment> {
    let eye = model.eye();
    let screen = frame.area();
    let mut canvas = Canvas::default();
    compose(model, &eye, &mut canvas, (screen.width, screen.height));
    canvas.paint(frame.buffer_mut(), model.look);
    next_wake(model, &eye)
}

/// With what falls due beside the texts.
fn next_wake(model: &Model, eye: &Eye) -> Option<Moment> {
    if let Some(turn) = model.board.next_turn() {
        eye.wake_when(turn);
    }
    let thaw = model.frozen_until().filter(|_| model.waits_to_merge());
    let sent = model.sent.values().filter_map(|sent| match sent {
        Sent::Sending(_) => None,
        Sent::Done(until) | Sent::Refused(until) => Some(*until),
    });
    let dialog = model.dialog.as_ref();
    let due = [
        thaw,
        model.notice.as_ref().map(|notice| notice.until),
        model.last_verdict.map(|last| last.until),
        model.locks_at(),
        model.peek_at,
        dialog.map(|dialog| dialog.deaf_until),
        dialog.map(|dialog| dialog.flash_until),
        dialog.and_then(super::dialog::Dialog::claims_at),
        model.form.as_ref().and_then(|form| form.check_at),
        model.form.as_ref().map(|form| form.flash_until),
        model.line.as_ref().map(|line| line.flash_until),
        model.history.ask_at,
    ];
    due.into_iter().flatten().chain(sent).for_each(|at| eye.wake_at(at));
    eye.next().filter(|at| at.0 < std::time::Duration::MAX)
}

fn compose(model: &Model, eye: &Eye, canvas: &mut Canvas, size: (u16, u16)) {
    let screen = Rect { x: 0, y: 0, width: size.0, height: size.1 };
    let detail = model.detail.is_some() && model.in_detail;
    let shape = Shape { view: model.view, focus: model.board.focus, zoomed: model.zoomed, detail };
    let plan = Plan::of(size, shape);
    if plan.class == Class::Mini && !model.is_busy() && model.help.is_none() {
        return mini::compose(model, eye, canvas, screen);
    }
    bands::compose(model, eye, canvas, &plan);
    let view = if model.help.is_some() { View::Help } else { model.view };
    if let Some(face) = FACES.iter().find(|face| face.view == view) {
        (face.compose)(model, eye, canvas, &plan);
    }
    if view != View::Help {
        detail::compose(model, eye, canvas, &plan);
    }
    dialog::compose(model, eye, canvas, size);
    form::compose(model, eye, canvas, size);
    line::compose(model, canvas, &plan);
}

/// The terminal's title, with what is overdue in front.
pub fn title(model: &Model) -> String {
    let (waiting, live, late) = model.board.counts();
    let late = if late > 0 { format!("({late}!) ") } else { String::new() };
    format!("{late}nightlatch {waiting} pending {live} active")
}

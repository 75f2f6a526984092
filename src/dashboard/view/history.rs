//! Every request there was, the newest first, by filter and words.

use super::super::eye::Eye;
use super::super::layout::Plan;
use super::super::model::Model;
use super::super::standing;
use super::super::theme::Tone;
use super::super::widget::canvas::Canvas;
use super::super::widget::text::Words;
use super::board::{first_line, sent};
use super::list::{self, Face};
use crate::access::{RequestNumber, Status};
use crate::wire::RequestView;

/// Puts it in its place.
pub fn compose(model: &Model, eye: &Eye, canvas: &mut Canvas, plan: &Plan) {
    let width = plan.list.width;
    let row = |view: &RequestView| row(model, eye, view, width);
    let history = &model.history;
    let nothing = match &history.fault {
        Some(fault) => fault.clone(),
        None if history.ask.is_some() || !history.read => "the requests are being read".into(),
        None if !history.filter.is_empty() => "no request fits the filter: esc shows everything".into(),
        None => "nobody asked for anything yet".into(),
    };
    let face = Face { heading: heading(eye, width), row: &row, nothing, foot: foot(model) };
    list::compose(model, eye, canvas, &history.roll, plan.list, face);
}

fn foot(model: &Model) -> Words {
    let history = &model.history;
    let many = history.found.len();
    if history.roll.pane.is_empty() {
        return Words::new();
    }
    if let Some(fault) = &history.fault {
        return Words::of(format!("   not read on: {fault}"), Tone::Soon);
    }
    match (history.ask.is_some(), history.next.is_some()) {
        (true, _) => Words::of(format!("   {many} found, more is being read"), Tone::Dim),
        (false, true) => Words::of(format!("   {many} found so far, older ones as you go down"), Tone::Dim),
        (false, false) => Words::of(format!("   {many} found, that is all"), Tone::Dim),
    }
}

struct Columns {
    who: usize,
    system: usize,
    role: usize,
    /// The ticket, where there is room.
    ticket: usize,
    filed: usize,
}

const fn columns(width: u16) -> Columns {
    match width {
        ..75 => Columns { who: 8, system: 14, role: 9, ticket: 0, filed: 12 },
        75..100 => Columns { who: 9, system: 16, role: 10, ticket: 0, filed: 17 },
        100.. => Columns { who: 13, system: 21, role: 14, ticket: 12, filed: 17 },
    }
}

fn heading(eye: &Eye, width: u16) -> Words {
    let columns = columns(width);
    let mut words = Words::of("  ", Tone::Dim);
    words.column("NUMBER", 9, Tone::Dim);
    words.column(format!("FILED {}", eye.zone_name()), columns.filed, Tone::Dim);
    words.column("WHO", columns.who, Tone::Dim);
    words.column("SYSTEM", columns.system, Tone::Dim);
    words.column("ROLE", columns.role, Tone::Dim);
    words.column("STATE", 10, Tone::Dim);
    if columns.ticket > 0 {
        words.column("TICKET", columns.ticket, Tone::Dim);
    }
    words.cell("TASK", 4, Tone::Dim);
    words
}

fn row(model: &Model, eye: &Eye, view: &RequestView, width: u16) -> Words {
    let now = model.server_now();
    let columns = columns(width);
    let stands = standing::standing(view, now);
    let late = standing::overdue(view, now);
    let mut words = Words::of(if late { "!" } else { " " }, Tone::Now);
    words.column(RequestNumber(view.id).to_string(), 9, Tone::Plain);
    let filed = if columns.filed < 17 { eye.stamp_short(view.filed_at) } else { eye.stamp(view.filed_at) };
    words.column(filed, columns.filed, Tone::Plain);
    words.column(&view.user.id, columns.who, Tone::Plain);
    words.column(&view.system, columns.system, Tone::Plain);
    words.column(&view.role, columns.role, Tone::Plain);
    let tone = match stands {
        _ if late => Tone::Overdue,
        Status::Active | Status::Granting | Status::Approved => Tone::Good,
        Status::Pending | Status::SentBack => Tone::Strong,
        _ => Tone::Plain,
    };
    words.column(if late { "OVERDUE".into() } else { stands.word().replace('-', " ") }, 10, tone);
    if columns.ticket > 0 {
        words.column(view.ticket.as_deref().unwrap_or("-"), columns.ticket, Tone::Plain);
    }
    if let Some((word, tone)) = sent(model, view.id) {
        words.push(word, tone);
    }
    words.push(first_line(view.task.as_deref().unwrap_or("(erased)")), Tone::Dim);
    words
}

//! Where there is room for little: the link, the counts, what is overdue, and the most urgent row.

use super::super::eye::Eye;
use super::super::model::Model;
use super::super::rows::{Side, Sort};
use super::super::standing;
use super::super::theme::Tone;
use super::super::views::View;
use super::super::widget::canvas::Canvas;
use super::super::widget::text::Words;
use super::bands;
use crate::access::RequestNumber;
use ratatui::layout::Rect;

/// Why no row is opened or acted on here: none is shown under a cursor.
pub const LARGER: &str = "nothing opens here: make the pane larger than 60 by 15";

/// The whole small screen.
pub fn compose(model: &Model, eye: &Eye, canvas: &mut Canvas, screen: Rect) {
    let (waiting, live, late) = model.board.counts();
    let mut lines = Vec::new();
    if let Some(words) = bands::overdue(model, eye, usize::from(screen.width)) {
        canvas.bar(Rect { height: screen.height.min(1), ..screen }, words, Tone::Overdue);
        lines.push(Words::new());
    }
    lines.push(
        Words::of(format!("{waiting} pend {live} act {late}!! "), Tone::Strong)
            .and(model.link.words(eye), bands::link_tone(model))
            .plain(format!(" {}{}", eye.clock(), bands::next_try(model, eye))),
    );
    lines.extend(bands::states(model));
    lines.extend(model.notice.as_ref().map(|notice| Words::of(notice.words.clone(), notice.tone)));
    for view in super::mine::own(model).filter(|_| model.view == View::Mine) {
        let left = standing::end(view).map(|end| eye.left(end)).unwrap_or_default();
        let id = RequestNumber(view.id);
        lines.push(Words::of(format!("yours {left} {id} {} {}", view.system, view.role), Tone::Strong));
    }
    // What left stays on a list under somebody's cursor; here is no cursor, and it is not what matters.
    let stands = |side: Side| model.board.pane(side).ids().filter(move |id| model.board.tombstone(side, *id).is_none());
    let soon = match model.board.sort {
        Sort::Time => stands(Side::Live).next().and_then(|id| model.board.get(id)),
        _ => stands(Side::Live).filter_map(|id| model.board.get(id)).min_by_key(|view| standing::end(view)),
    };
    if let Some(view) = soon {
        let now = model.server_now();
        let left = match standing::end(view) {
            _ if standing::overdue(view, now) => "OVERDUE".into(),
            Some(end) => eye.left(end),
            None => String::new(),
        };
        let (urgency, turn) = standing::urgency(view, now);
        if let Some(turn) = turn {
            eye.wake_when(turn);
        }
        let id = RequestNumber(view.id);
        lines.push(Words::of(format!("{} {left} {id} {} {}", urgency.mark(), view.user.id, view.system), Tone::Plain));
    }
    for id in stands(Side::Waiting).take(usize::from(screen.height)) {
        let Some(view) = model.board.get(id) else { continue };
        let (number, age) = (RequestNumber(id), eye.age(view.filed_at));
        lines.push(Words::of(format!("? {age} {number} {} {} {}", view.user.id, view.system, view.role), Tone::Plain));
    }
    lines.push(Words::of(LARGER, Tone::Dim));
    canvas.lines(screen, lines);
}

//! The views by what draws each.

use super::super::eye::Eye;
use super::super::layout::Plan;
use super::super::model::Model;
use super::super::views::View;
use super::super::widget::canvas::Canvas;
use super::{board, help, history, mine};

/// What draws a view between the bands, and what its tab counts.
pub struct Face {
    /// Which view.
    pub view: View,
    /// Draws it.
    pub compose: fn(&Model, &Eye, &mut Canvas, &Plan),
    /// What its tab counts.
    pub count: fn(&Model) -> String,
}

/// A view is one line here and one in the table of views.
pub const FACES: [Face; 4] = [
    Face {
        view: View::Board,
        compose: board::compose,
        count: |model| {
            let (waiting, live, late) = model.board.counts();
            format!(" {waiting}·{live}·{late}")
        },
    },
    Face { view: View::Mine, compose: mine::compose, count: |model| format!(" {}", mine::live(model)) },
    Face { view: View::History, compose: history::compose, count: |_| String::new() },
    Face {
        view: View::Help,
        compose: |model, _, canvas, plan| help::compose(model, canvas, plan),
        count: |_| String::new(),
    },
];

/// What the tab of a view counts.
pub fn count(model: &Model, view: View) -> String {
    FACES.iter().find(|face| face.view == view).map(|face| (face.count)(model)).unwrap_or_default()
}

//! What is drawn. Reads the model, changes nothing.

use super::model::Model;
use super::msg::Moment;
use ratatui::Frame;

/// Draws the whole screen.
pub fn draw(model: &Model, frame: &mut Frame<'_>) {
    let _ = (model, frame);
}

/// The terminal's title, with what is overdue in front.
pub fn title(model: &Model) -> String {
    let _ = model;
    "nightlatch".into()
}

/// When the next text changes by itself, if any does.
pub fn next_wake(model: &Model) -> Option<Moment> {
    let _ = model;
    None
}

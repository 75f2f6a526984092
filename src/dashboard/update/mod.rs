//! What each message does to the model, and what it causes.

use super::effect::Effect;
use super::model::Model;
use super::msg::{Moment, Msg};
use crossterm::event::{KeyCode, KeyEventKind};

/// Takes one message in, at `now`.
pub fn update(model: &mut Model, now: Moment, msg: Msg) -> Vec<Effect> {
    model.now = model.now.max(now);
    match msg {
        Msg::Key(key) if key.kind == KeyEventKind::Press && key.code == KeyCode::Char('q') => vec![Effect::Quit],
        Msg::Resize(columns, rows) => {
            model.size = (columns, rows);
            Vec::new()
        }
        _ => Vec::new(),
    }
}

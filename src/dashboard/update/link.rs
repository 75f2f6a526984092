//! What was kept from last time, and what stands between the pane and the host.

use super::super::eye::Anchor;
use super::super::link::Away;
use super::super::model::Model;
use super::super::msg::Moment;
use super::board;
use crate::text::Length;
use crate::wire::{BoardView, MeView};
use std::time::Duration;

/// The first paint, before any network. What comes from the host goes before it, always.
pub fn kept(model: &mut Model, view: BoardView, me: MeView, age: Duration) {
    if model.link.answered.is_some() {
        return;
    }
    let old = Length::from_millis(i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
    model.anchor = Some(Anchor { moment: model.now, at: view.server_now.plus(old) });
    model.link.kept = Some((age, model.now));
    model.me = Some(me);
    board::take(model, view);
}

/// The board could not be read.
pub fn away(model: &mut Model, sentence: String, next_try: Moment, offline: bool) {
    let since = model.link.away.as_ref().map_or(model.now, |away| away.since);
    model.link.away = Some(Away { sentence, next_try, offline, since });
}

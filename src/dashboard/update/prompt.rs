//! The line at the foot: how it is opened and left, and what its filter shows.

use super::super::filter::Filter;
use super::super::lists::{Prompt, Typing};
use super::super::model::Model;
use super::super::theme::Tone;
use super::super::views::View;
use super::foot::say;
use super::lists;
use super::rest::rest;

/// `/`: the filter of the view is typed.
pub fn filter(model: &mut Model) {
    let before = model.filter().clone();
    model.line = Some(Prompt::new(Typing::Filter, before, model.seen));
}

/// `:`: a command is typed.
pub fn commands(model: &mut Model) {
    let before = model.filter().clone();
    model.line = Some(Prompt::new(Typing::Command, before, model.seen));
}

/// Leaves it; a filter is as it was before.
pub fn leave(model: &mut Model) {
    let Some(line) = model.line.take() else { return };
    if line.what == Typing::Filter && *model.filter() != line.before {
        show(model, line.before);
    }
    model.seen.id = None;
}

/// Shows everything again.
pub fn drop_filter(model: &mut Model) {
    show(model, Filter::default());
    say(model, Tone::Plain, "everything is shown again");
}

/// Shows what fits.
pub fn show(model: &mut Model, filter: Filter) {
    match model.view {
        View::Mine => {
            model.mine.filter = filter;
            lists::regroup_anew(model);
        }
        View::History => {
            model.history.filter = filter;
            lists::will_look_up(model);
        }
        View::Board | View::Help => {
            let me = model.me.as_ref().map(|me| me.person.id.clone());
            let (heights, now) = (model.plan().heights(), model.server_now());
            model.board.filter_by(filter, me, heights, now);
        }
    }
    rest(model);
}

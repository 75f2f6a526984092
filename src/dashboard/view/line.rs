//! The line that is typed at the foot, and the commands above it.

use super::super::filter::FIELDS;
use super::super::keys::Action;
use super::super::layout::Plan;
use super::super::lists::Typing;
use super::super::model::Model;
use super::super::palette::{Does, commands};
use super::super::theme::Tone;
use super::super::widget::canvas::Canvas;
use super::super::widget::input;
use super::super::widget::text::Words;
use super::dialog::boxed;
use ratatui::layout::Rect;

/// How many commands are shown at once.
const SHOWN: usize = 10;

/// Puts the line at the foot, over the last words there.
pub fn compose(model: &Model, canvas: &mut Canvas, plan: &Plan) {
    let Some(line) = &model.line else { return };
    let sign = if line.what == Typing::Filter { "/" } else { ":" };
    let width = usize::from(plan.notice.width);
    canvas.clear(plan.notice);
    let mut words = Words::of(format!(" {sign}"), Tone::Strong);
    words.append(input::line(&line.field, width.saturating_sub(4), true, model.now < line.flash_until));
    canvas.line(plan.notice, words);
    canvas.clear(plan.footer);
    canvas.line(plan.footer, hint(model));
    if line.what == Typing::Command {
        palette(model, line.choice, canvas, plan);
    }
}

/// What is wrong with what was typed, else what can be.
fn hint(model: &Model) -> Words {
    let Some(line) = &model.line else { return Words::new() };
    match (&line.fault, line.what) {
        (Some(fault), _) => Words::of(format!(" {fault}"), Tone::Now),
        (None, Typing::Command) => Words::of(" up down choose · enter does it · esc leaves", Tone::Dim),
        (None, Typing::Filter) => {
            let hint = format!(" {FIELDS} words · enter keeps it · esc: as it was");
            let short = " who: system: status: from: ends<15m words · enter keeps it · esc: as it was";
            let fits = hint.len() <= usize::from(model.size.0);
            Words::of(if fits { hint.as_str() } else { short }, Tone::Dim)
        }
    }
}

fn palette(model: &Model, choice: usize, canvas: &mut Canvas, plan: &Plan) {
    let commands = commands(model);
    let fits = usize::from(plan.middle.height).saturating_sub(2).min(SHOWN);
    let top = (choice + 1).saturating_sub(fits);
    let tall = u16::try_from(fits + 2).unwrap_or(2).min(plan.middle.height);
    let place = Rect { y: plan.middle.bottom().saturating_sub(tall), height: tall, ..plan.middle };
    let inner = boxed(canvas, place, &format!(" {} commands ", commands.len()), "");
    let line = |offset: u16| Rect { y: inner.y + offset, height: u16::from(offset < inner.height), ..inner };
    for (offset, (index, command)) in (0..).zip(commands.iter().enumerate().skip(top).take(fits)) {
        let here = index == choice;
        let off = command.why_not.is_some();
        let mut words = Words::of(if here { " > " } else { "   " }, Tone::Strong);
        let key = match &command.does {
            Does::Act(action) => model.keys.first(*action),
            Does::Show(_) => model.keys.first(Action::Filter),
        };
        words.cell(key, 7, if off { Tone::Dim } else { Tone::Key });
        words.column(&command.name, 16, if off { Tone::Dim } else { Tone::Strong });
        match &command.why_not {
            Some(why) => words.push(format!("({why})"), Tone::Dim),
            None => words.push(&command.words, Tone::Plain),
        }
        if here { canvas.bar(line(offset), words, Tone::Cursor) } else { canvas.line(line(offset), words) }
    }
    if commands.is_empty() {
        canvas.line(line(0), Words::of("   no command is like this", Tone::Dim));
    }
}

//! Keys in the line at the foot: the filter of the view while it is typed, and commands by their names.

use super::super::dialog::FLASH;
use super::super::effect::Effect;
use super::super::filter::Filter;
use super::super::lists::Typing;
use super::super::model::Model;
use super::super::msg::Moment;
use super::super::palette::{self, Does};
use super::super::views::View;
use super::prompt::{filter, leave, show};
use super::{keys, lists, typed};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// One key.
pub fn key(model: &mut Model, key: &KeyEvent, effects: &mut Vec<Effect>) {
    let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
    let Some(line) = model.line.as_mut() else { return };
    let many = |model: &Model| palette::commands(model).len();
    match key.code {
        KeyCode::Esc => leave(model),
        KeyCode::Char('c') if ctrl => leave(model),
        KeyCode::Char('z') if ctrl => effects.push(Effect::Suspend),
        KeyCode::Enter => enter(model, effects),
        KeyCode::Char('u') if ctrl => {
            line.field.set("");
            changed(model);
        }
        KeyCode::Up if line.what == Typing::Command => line.choice = line.choice.saturating_sub(1),
        KeyCode::Down if line.what == Typing::Command => {
            let most = many(model).saturating_sub(1);
            if let Some(line) = model.line.as_mut() {
                line.choice = (line.choice + 1).min(most);
            }
        }
        KeyCode::Backspace if line.field.typed().is_empty() => leave(model),
        _ => {
            if typed::key(&mut line.field, key) {
                changed(model);
            } else {
                line.flash_until = Moment(model.now.0 + FLASH);
            }
        }
    }
}

/// What was typed is looked at; what cannot be understood is said, and what was shown stays.
fn changed(model: &mut Model) {
    let zone = model.zone;
    let Some(line) = model.line.as_mut() else { return };
    line.choice = 0;
    if line.what == Typing::Command {
        return;
    }
    match Filter::parse(line.field.typed(), zone) {
        Ok(filter) => {
            line.fault = None;
            if filter != *model.filter() {
                show(model, filter);
            }
        }
        Err(fault) => line.fault = Some(fault),
    }
}

fn enter(model: &mut Model, effects: &mut Vec<Effect>) {
    let Some(line) = model.line.as_mut() else { return };
    if line.what == Typing::Filter {
        if line.fault.is_some() {
            line.flash_until = Moment(model.now.0 + FLASH);
            return;
        }
        model.line = None;
        model.seen.id = None;
        if model.view == View::History && model.history.ask_at.is_some() {
            lists::look_up(model, effects);
        }
        return;
    }
    let (choice, about) = (line.choice, line.about);
    let commands = palette::commands(model);
    let Some(command) = commands.get(choice) else { return };
    let does = command.does.clone();
    model.line = None;
    // The command is about what was on the screen when the line was opened.
    model.seen = about;
    match does {
        Does::Act(action) => keys::act(model, action, effects),
        Does::Show(text) => {
            // One that cannot be understood stays there, to be mended.
            filter(model);
            if let Some(line) = model.line.as_mut() {
                line.field.set(&text);
            }
            changed(model);
            enter(model, effects);
        }
    }
}

/// A paste is text.
pub fn paste(model: &mut Model, text: &str) {
    if let Some(line) = model.line.as_mut()
        && typed::paste(&mut line.field, text)
    {
        changed(model);
    }
}

//! The commands: every action by its name and words, with why it cannot be used now.

use super::allowed::why_not;
use super::filter::fuzzy;
use super::keys::{Action, Entry, Scope, TABLE};
use super::lists::Typing;
use super::model::Model;

/// One command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// What it does.
    pub action: Action,
    /// Its name.
    pub name: &'static str,
    /// What it does, in words.
    pub words: &'static str,
    /// Why not now.
    pub why_not: Option<String>,
}

/// The commands that what was typed may mean, the nearest first; all of them where nothing was.
pub fn commands(model: &Model) -> Vec<Command> {
    let Some(line) = model.line.as_ref().filter(|line| line.what == Typing::Command) else { return Vec::new() };
    let typed = line.field.typed().trim();
    // Nobody names a key that moves the cursor by one.
    let named = TABLE.iter().filter(|entry| !MOVES.contains(&entry.action));
    let mut fits: Vec<(usize, Command)> = named
        .filter_map(|entry| {
            if typed.is_empty() {
                return Some((0, command(model, entry)));
            }
            let far = [entry.name, entry.short].into_iter().filter_map(|name| fuzzy(typed, name)).min();
            // In the words only what stands there as it was typed.
            let far = far.or_else(|| begins_a_word(typed, entry.words).then_some(500))?;
            Some((far, command(model, entry)))
        })
        .collect();
    // The nearest first; where nothing was typed, what acts comes before what only looks.
    let place = |command: &Command| match command.action.scope() {
        _ if !typed.is_empty() => 0,
        Scope::Act => 1,
        Scope::Take => 2,
        Scope::Move => 3,
    };
    fits.sort_by_key(|(far, command)| (place(command), *far));
    fits.into_iter().map(|(_, command)| command).collect()
}

fn begins_a_word(typed: &str, words: &str) -> bool {
    words.split([' ', ',', ':']).any(|word| word.starts_with(typed))
}

fn command(model: &Model, entry: &'static Entry) -> Command {
    let why_not = why_not(model, entry.action);
    Command { action: entry.action, name: entry.name, words: entry.words, why_not }
}

const MOVES: [Action; 12] = [
    Action::Down,
    Action::Up,
    Action::Left,
    Action::Right,
    Action::First,
    Action::Last,
    Action::HalfDown,
    Action::HalfUp,
    Action::PageDown,
    Action::PageUp,
    Action::NextPane,
    Action::PreviousPane,
];

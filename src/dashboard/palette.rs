//! The commands: every action by its name and words, with why it cannot be used now.

use super::allowed::why_not;
use super::filter::fuzzy;
use super::keys::{Action, TABLE};
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
            let far = [entry.name, entry.short].into_iter().filter_map(|name| fuzzy(typed, name)).min();
            // In the words only what stands there as it was typed.
            let far = far.or_else(|| entry.words.contains(typed).then_some(500))?;
            let why_not = why_not(model, entry.action);
            Some((far, Command { action: entry.action, name: entry.name, words: entry.words, why_not }))
        })
        .collect();
    if !typed.is_empty() {
        fits.sort_by_key(|(far, _)| *far);
    }
    fits.into_iter().map(|(_, command)| command).collect()
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

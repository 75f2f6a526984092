//! The commands: every action by its name and words, with why it cannot be used now.

use super::allowed::why_not;
use super::filter::fuzzy;
use super::keys::{Action, Entry, Scope, TABLE};
use super::lists::Typing;
use super::model::Model;

/// What a command does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Does {
    /// What a key does.
    Act(Action),
    /// Shows what fits a filter that somebody named in the configuration.
    Show(String),
}

/// One command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// What it does.
    pub does: Does,
    /// Its name.
    pub name: String,
    /// What it does, in words.
    pub words: String,
    /// Why not now.
    pub why_not: Option<String>,
}

/// The commands that what was typed may mean, the nearest first; all of them where nothing was.
pub fn commands(model: &Model) -> Vec<Command> {
    let Some(line) = model.line.as_ref().filter(|line| line.what == Typing::Command) else { return Vec::new() };
    let typed = line.field.typed().trim();
    // Nobody names a key that moves the cursor by one.
    let named = TABLE.iter().filter(|entry| !MOVES.contains(&entry.action));
    let saved = model.options.filters.iter().filter_map(|(name, filter)| {
        let far = if typed.is_empty() { 900 } else { fuzzy(typed, name)? };
        let (does, words) = (Does::Show(filter.clone()), format!("show {filter}"));
        Some((far, Command { does, name: name.clone(), words, why_not: None }))
    });
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
        .chain(saved)
        .collect();
    // The nearest first; where nothing was typed, what acts comes before what only looks.
    let place = |command: &Command| match &command.does {
        _ if !typed.is_empty() => 0,
        Does::Act(action) if action.scope() == Scope::Act => 1,
        Does::Act(action) if action.scope() == Scope::Take => 2,
        Does::Act(_) => 3,
        Does::Show(_) => 4,
    };
    fits.sort_by_key(|(far, command)| (place(command), *far));
    fits.into_iter().map(|(_, command)| command).collect()
}

fn begins_a_word(typed: &str, words: &str) -> bool {
    words.split([' ', ',', ':']).any(|word| word.starts_with(typed))
}

fn command(model: &Model, entry: &'static Entry) -> Command {
    let why_not = why_not(model, entry.action);
    Command { does: Does::Act(entry.action), name: entry.name.into(), words: entry.words.into(), why_not }
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

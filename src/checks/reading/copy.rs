//! Whether an old ask is used again for a new problem: it leans on an approval or a ticket, or repeats an earlier task.

use super::Task;
use super::lexicon::OUTCOMES;
use super::words::{Word, is_time_or_amount, stem};
use std::collections::BTreeSet;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stale {
    /// It leans on what was asked or approved before.
    Points,
    /// It repeats this earlier one (its place in the list).
    Repeats(usize),
}

/// Times that are over.
const BEFORE: &[&str] = &[
    "last",
    "yesterday",
    "earlier",
    "previous",
    "previously",
    "same",
    "old",
    "another time",
    "letzte",
    "letzten",
    "gestern",
    "vorige",
    "ayer",
    "anterior",
    "hier",
    "précédent",
    "ieri",
    "ontem",
    "gisteren",
    "вчера",
    "前回",
];
/// It goes on where an earlier one stopped.
const GOING_ON: &[&str] =
    &["continuation", "second half", "part 2", "next part", "what remains", "still remain", "the rest"];
/// So much of a task stands in an earlier one when it is the same.
const SAME: f64 = 0.6;

/// Whether the task is an old one; `earlier` are tasks that the same person had, latest first.
pub fn stale<'a>(
    task: &Task,
    unclear: bool,
    ticket: Option<&str>,
    mut earlier: impl Iterator<Item = &'a Task>,
) -> Option<Stale> {
    let named = task.exact + task.named;
    let acts = task.actions.iter().any(|action| !action.loose);
    // One that names several things and what should come of them has a task of its own, whatever it goes on from.
    let goes_on = named > 1 && task.words.has(&OUTCOMES).is_some() && task.left(&[]).count() > 5;
    let own = named > 0 && acts || goes_on;
    if goes_on && task.words.has(GOING_ON).is_some() {
        return None;
    }
    if task.points() && (unclear || !own) {
        return Some(Stale::Points);
    }
    let before = task.words.has(BEFORE).is_some();
    let other = task
        .words
        .all()
        .any(|word| super::is_ticket(word) && !ticket.is_some_and(|own| own.eq_ignore_ascii_case(&word.raw)));
    if unclear && (before || other) && task.left(&[]).count() <= 3 {
        return Some(Stale::Points);
    }
    let ticket = ticket.map(str::to_lowercase);
    let mut mine = None;
    let found = earlier.position(|other| {
        let here = ticket.as_ref().is_some_and(|ticket| other.words.all().any(|word| word.low == *ticket));
        !here && repeats(task, mine.get_or_insert_with(|| content(task)), other)
    });
    found.map(Stale::Repeats)
}

fn repeats(task: &Task, mine: &BTreeSet<String>, other: &Task) -> bool {
    if mine.len() < 3 {
        return false;
    }
    let theirs = content(other);
    let both = mine.intersection(&theirs).count();
    let count = |set: &BTreeSet<String>| f64::from(u32::try_from(set.len()).unwrap_or(u32::MAX));
    let part = f64::from(u32::try_from(both).unwrap_or(0)) / count(mine).max(1.0);
    part >= SAME && !names_another(task, other)
}

/// Whether the later one names a thing that the earlier one does not: another number, another name.
fn names_another(task: &Task, other: &Task) -> bool {
    let known: BTreeSet<String> = other.words.all().map(|word| word.low.clone()).collect();
    let new = |at: usize, word: &Word| {
        let name = at > 0 && !task.foreign && word.raw.chars().next().is_some_and(char::is_uppercase);
        let one = word.exact || name || (word.number() && !is_time_or_amount(&word.low));
        one && !super::is_ticket(word) && !known.contains(&word.low)
    };
    let times = |task: &Task| -> BTreeSet<String> {
        task.words
            .all()
            .filter(|word| word.low.contains(':') && word.digits() > 2)
            .map(|word| word.low.clone())
            .collect()
    };
    let (mine, theirs) = (times(task), times(other));
    // The same of another hour is another thing.
    let later = !mine.is_empty() && !theirs.is_empty() && mine.is_disjoint(&theirs);
    later || task.words.clauses.iter().any(|clause| clause.words.iter().enumerate().any(|(at, word)| new(at, word)))
}

fn content(task: &Task) -> BTreeSet<String> {
    task.words
        .all()
        .filter(|word| !super::lexicon::is_small(&word.low) && !super::is_ticket(word) && !is_time_or_amount(&word.low))
        .map(|word| stem(&word.low))
        .collect()
}

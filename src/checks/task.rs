//! The task: one exact thing that will be done, to what, and how one will know that it worked.
//!
//! That there is none, only haste or only a pointer, is a fact. How well it reads is a guess, so it warns at most.

use super::reading::lexicon::{HASTE, OUTCOMES, STATES, VAGUE};
use super::reading::{Task, is_ticket};
use super::{Seen, Verdict};

/// What a good one says, the end of most sentences here.
const MEND: &str = "say what exactly you will do, to what, and how you will know that it worked";
/// Verbs of asking for access: they say nothing of what is done with it.
const ASKING: &[&str] = &[
    "get", "give", "grant", "allow", "let", "read", "write", "help", "see", "work", "copy", "look", "unblock",
    "continue", "access", "view", "open", "ver", "voir", "note", "refer", "support", "make", "take", "enable",
    "activate", "extend",
];

pub(super) fn run(seen: &Seen<'_>) -> (Verdict, String) {
    let view = seen.view;
    let places = format!("{} {} {} {}", view.system.id, view.system.name, view.system.environment, view.role.id);
    judge(view.task, &seen.task, seen.unclear, &places)
}

/// The same before the rest is known: `places` are the names of what it is asked for, as far as there are any.
pub(super) fn judge(text: &str, task: &Task, unclear: bool, places: &str) -> (Verdict, String) {
    if text.chars().filter(|ch| ch.is_alphanumeric()).take(3).count() < 3 {
        return (Verdict::Fail, format!("there is no task: {MEND}"));
    }
    if let Some(sentence) = nothing(task, places) {
        return (Verdict::Fail, sentence);
    }
    if unclear {
        return (Verdict::Warn, lacks(task));
    }
    (Verdict::Pass, "it says what will be done".into())
}

/// Why nothing is left when haste, pointing and asking for access are taken away.
fn nothing(task: &Task, places: &str) -> Option<String> {
    let places = places.to_lowercase();
    let known: Vec<&str> = places
        .split(|ch: char| !ch.is_alphanumeric())
        .chain(places.split(' '))
        .filter(|word| !word.is_empty())
        .collect();
    let acts = task
        .actions
        .iter()
        .any(|action| !ASKING.contains(&action.verb.as_str()) && !known.contains(&action.verb.as_str()));
    if acts || task.question || task.left(&known).next().is_some() {
        return None;
    }
    if let Some(ticket) = task.words.all().find(|word| is_ticket(word)) {
        return Some(format!("it only points to {}: {MEND}, here", ticket.raw));
    }
    if task.points() {
        return Some(format!("it only points to an earlier request: {MEND}, this time"));
    }
    let presses = task.words.all().any(|word| HASTE.contains(&word.low));
    presses.then(|| {
        let what = if task.hurries() { "it says that it is urgent" } else { "it asks for access" };
        format!("{what}, but not what you will do: {MEND}")
    })
}

/// What an unclear one lacks, the plainest first.
fn lacks(task: &Task) -> String {
    let words = &task.words;
    if task.points() {
        return format!("it leans on an earlier request or approval in place of a task: {MEND}, this time");
    }
    if task.actions.is_empty() && words.has(&STATES).is_some() {
        return "it says what is wrong with the system but not what you will do: add what you will do and how you will know that it worked".into();
    }
    if let Some(phrase) = words.has(&VAGUE) {
        return format!("\u{201c}{phrase}\u{201d} is no exact task: {MEND}");
    }
    if task.actions.is_empty() {
        return format!("it names no action: {MEND}");
    }
    if task.exact + task.named == 0 {
        return "it does not say which one: name the order, host, table, file or page, and how you will know that it worked".into();
    }
    if words.has(&OUTCOMES).is_none() {
        return "it says what you will do but not what for: add the question to answer, or what you will see when it worked".into();
    }
    format!("it is hard to tell what will be done: {MEND}")
}

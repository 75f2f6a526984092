//! Whether a task is clear: signs that can each be named, weighed by what they were worth on labelled texts.
//!
//! The weights are what `nightlatch checks score FILE --fit` prints: `score/fit.rs` fits them on `score/texts.jsonl` and FILE.

use super::Task;
use super::lexicon::{OUTCOMES, STATES, VAGUE};

/// How many signs there are.
pub const SIGNS: usize = 17;

/// What each sign is called, in the order of [`signs`].
pub const NAMES: [&str; SIGNS] = [
    "constant",
    "action",
    "several actions",
    "only loose actions",
    "no action",
    "exact thing",
    "several exact things",
    "named thing",
    "nothing named",
    "outcome",
    "no outcome",
    "question",
    "vague",
    "very vague",
    "points elsewhere",
    "only a state",
    "short",
];

/// The signs of a task, each between 0 and 1.
pub fn signs(task: &Task) -> [f64; SIGNS] {
    let on = |yes: bool| if yes { 1.0 } else { 0.0 };
    let firm = task.actions.iter().filter(|action| !action.loose).count();
    let loose = task.actions.len() - firm;
    let vague = vague(task);
    let outcome =
        task.words.many(&OUTCOMES) + usize::from(task.words.flat.contains("->") || task.words.flat.contains('→'));
    let state = task.words.has(&STATES).is_some();
    let silent = task.foreign && task.actions.is_empty();
    let none = task.actions.is_empty() && !task.foreign && !task.question;
    let named = task.exact + task.named;
    [
        1.0,
        on(firm > 0),
        on(task.actions.len() > 1),
        on(firm == 0 && loose > 0),
        on(none),
        on(task.exact > 0),
        on(task.exact > 2),
        on(task.named > 0),
        on(named == 0),
        on(outcome > 0) + on(outcome > 2),
        on(outcome == 0 && !silent),
        on(task.question),
        on(vague > 0),
        on(vague > 1),
        on(task.points()),
        on(state && none),
        on(task.words.count() < 6 && !task.foreign),
    ]
}

/// How many words say nothing that could be checked.
pub fn vague(task: &Task) -> usize {
    task.words.many(&VAGUE)
}

/// The weights of the signs: positive ones speak for an unclear task.
pub type Weights = [f64; SIGNS];

/// How likely the task is unclear, by these weights.
pub fn unclear(signs: &[f64; SIGNS], weights: &Weights) -> f64 {
    let sum: f64 = signs.iter().zip(weights).map(|(sign, weight)| sign * weight).sum();
    1.0 / (1.0 + (-sum).exp())
}

/// From here on a task is called unclear.
pub const UNCLEAR: f64 = 0.5;

/// The weights in use.
pub const WEIGHTS: Weights = [
    0.15,  // constant
    -1.59, // action
    -1.06, // several actions
    0.38,  // only loose actions
    1.04,  // no action
    -1.32, // exact thing
    -0.14, // several exact things
    -0.10, // named thing
    1.78,  // nothing named
    -0.64, // outcome
    0.87,  // no outcome
    -1.10, // question
    1.51,  // vague
    1.06,  // very vague
    0.61,  // points elsewhere
    0.70,  // only a state
    0.07,  // short
];

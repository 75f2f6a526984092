//! Fresh: a new problem has a new task. An old approval, or an old task word for word, was decided for something else.

use super::reading::copy::{Stale, stale};
use super::{Earlier, Seen, Verdict};

pub(super) fn run(seen: &Seen<'_>) -> (Verdict, String) {
    let ticket = seen.view.ticket;
    let other = |earlier: &&Earlier| ticket.is_none() || earlier.ticket.as_deref() != ticket;
    let earlier: Vec<&Earlier> = seen.view.past.earlier.iter().filter(other).collect();
    let tasks = earlier.iter().map(|earlier| earlier.task.task());
    match stale(&seen.task, seen.unclear, ticket, tasks) {
        None => (Verdict::Pass, "no sign that an old request is used again".into()),
        Some(Stale::Points) => (
            Verdict::Warn,
            "it leans on an earlier request or approval, and that one is over: say what is wrong now and what you will do about it".into(),
        ),
        Some(Stale::Repeats(at)) => {
            let which = earlier.get(at).map_or("an earlier task", |earlier| earlier.number.as_str());
            let sentence = format!("it repeats the task of {which}: say what is new, and why that did not last");
            (Verdict::Warn, sentence)
        }
    }
}

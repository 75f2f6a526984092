//! The end: there is one, and the length fits kind, role and task.

use super::reading::span::{Misfit, misfit};
use super::{Seen, Verdict};
use crate::text::Length;
use crate::text::instant::said;

pub(super) fn run(seen: &Seen<'_>) -> (Verdict, String) {
    let view = seen.view;
    let longest = view.policy.longest(view.role, view.kind);
    if view.length.millis() <= 0 {
        return (Verdict::Fail, "the end is not after the start: name a later end".into());
    }
    if view.length > longest {
        let sentence = format!(
            "{} is longer than {} may be for {}: ask for {longest} at most",
            view.length, view.kind, view.role.id
        );
        return (Verdict::Fail, sentence);
    }
    let minutes = view.length.millis() / 60_000;
    let length = view.length;
    let sentence = match misfit(&seen.task, seen.unclear, minutes) {
        None => {
            return (Verdict::Pass, format!("a hard end at {}, {length} long (at most {longest})", said(view.until)));
        }
        Some(Misfit::LongForLittle) => {
            format!(
                "{length} is long for this task: ask for what it takes, it can be extended, or say what takes so long"
            )
        }
        Some(Misfit::LongForNothing) => {
            format!("{length} without an exact task: name what will be done in it, or ask for less")
        }
        Some(Misfit::OpenEnded) => {
            "the task asks for more than one window: say what is done in this one, and ask again for the next".into()
        }
        Some(Misfit::Takes(minutes)) => {
            format!(
                "the task says that it takes {}, the window is {length}: make one fit the other",
                Length::from_minutes(minutes)
            )
        }
        Some(Misfit::ShortForMuch) => {
            format!("{length} is short for this much: ask for what it takes, or for a part of it")
        }
    };
    (Verdict::Warn, sentence)
}

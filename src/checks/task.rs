//! The task: there is one. How well it reads is judged by later checks.

use super::{Verdict, View};

pub(super) fn run(view: &View<'_>) -> (Verdict, String) {
    if view.task.trim().chars().filter(|c| c.is_alphanumeric()).count() < 3 {
        let sentence = "there is no task: say what exactly you will do, and how you will know that it worked";
        return (Verdict::Fail, sentence.into());
    }
    (Verdict::Pass, "a task is named".into())
}

//! The end: there is one, and the length fits kind and role.

use super::{Verdict, View};

pub(super) fn run(view: &View<'_>) -> (Verdict, String) {
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
    (Verdict::Pass, format!("a hard end, {} (at most {longest})", view.length))
}

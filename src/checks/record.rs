//! The record: a ticket where the system wants one, and it looks like one.

use super::{Seen, Verdict};

pub(super) fn run(seen: &Seen<'_>) -> (Verdict, String) {
    let view = seen.view;
    match (&view.system.ticket, view.ticket) {
        (Some(_), None) => (Verdict::Fail, format!("{} wants a ticket: name one with --ticket", view.system.id)),
        (Some(rule), Some(ticket)) if !rule.is_match(ticket) => (
            Verdict::Fail,
            format!("the ticket does not look like one of {} ({rule}): name the right one", view.system.id),
        ),
        (None, None) => (Verdict::Pass, "no ticket is wanted here".into()),
        (_, Some(_)) => (Verdict::Pass, "a ticket is named".into()),
    }
}

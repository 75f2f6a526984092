//! The pattern: broad access or emergencies, again and again lately.

use super::{Lately, Seen, Verdict};
use crate::policy::Kind;
use crate::text::{Instant, Length};
use std::collections::BTreeSet;

/// How far back is looked.
pub const LATELY: Length = Length::from_hours(14 * 24);
/// So many before this one are a pattern.
const OFTEN: usize = 3;

pub(super) fn run(seen: &Seen<'_>) -> (Verdict, String) {
    let view = seen.view;
    let lately: Vec<&Lately> = view.past.lately.iter().filter(|one| view.at.since(one.at) <= LATELY).collect();
    let name = view.policy.person(view.user).map_or(view.user.as_str(), |person| person.name.as_str());
    // Many requests in one bad night carry one ticket: they are one emergency.
    let emergencies = separate(lately.iter().filter(|one| one.kind == Kind::Emergency), view.ticket);
    if view.kind == Kind::Emergency && emergencies >= OFTEN {
        let sentence = format!(
            "{name} had {emergencies} other emergencies in 14 days: plan what comes again and again, or say why this one could not be foreseen"
        );
        return (Verdict::Warn, sentence);
    }
    let broad = separate(lately.iter().filter(|one| one.broad), view.ticket);
    if is_broadest(view) && broad >= OFTEN {
        let sentence = format!(
            "{name} asked for the broadest role {broad} times in 14 days: ask for a narrower one, or for one that fits this work"
        );
        return (Verdict::Warn, sentence);
    }
    (Verdict::Pass, "no row of emergencies or of broad access lately".into())
}

/// How many separate ones; those with this ticket belong to this one.
fn separate<'a>(found: impl Iterator<Item = &'a &'a Lately>, own: Option<&str>) -> usize {
    let mut tickets = BTreeSet::new();
    let mut alone: Vec<Instant> = Vec::new();
    for one in found {
        match one.ticket.as_deref() {
            Some(ticket) if Some(ticket) == own => {}
            Some(ticket) => {
                tickets.insert(ticket);
            }
            None => alone.push(one.at),
        }
    }
    tickets.len() + alone.len()
}

/// Whether the role asked for contains every other one, and there are others.
fn is_broadest(view: &super::View<'_>) -> bool {
    broadest(view.system, view.role)
}

/// Whether a role contains every other role of its system, and there are at least two others.
pub fn broadest(system: &crate::policy::System, role: &crate::policy::Role) -> bool {
    system.roles.len() > 2 && role.contains.len() + 1 >= system.roles.len()
}

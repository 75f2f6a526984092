//! The approver: one named person who may decide now.

use super::{Seen, Verdict};
use crate::policy::{Capacity, Kind, Policy, System};
use crate::text::{Instant, PersonId};

/// Whether `who` would decide what is their own, and the policy does not allow it.
pub fn own_and_forbidden(policy: &Policy, system: &System, who: &PersonId, concerned: &[&PersonId]) -> bool {
    let own = concerned.iter().any(|other| policy.same_person(who, other));
    own && !(system.self_approval && !system.sensitive && *who == system.owner)
}

/// Who may decide now about a request of these people, who is asked first coming first.
pub fn may_decide(
    policy: &Policy,
    system: &System,
    kind: Kind,
    at: Instant,
    concerned: &[&PersonId],
) -> Vec<(PersonId, Capacity)> {
    let barred: Vec<&PersonId> =
        concerned.iter().copied().filter(|who| own_and_forbidden(policy, system, who, concerned)).collect();
    policy.eligible_without(system, kind, at, &barred)
}

pub(super) fn run(seen: &Seen<'_>) -> (Verdict, String) {
    let view = seen.view;
    let concerned = [view.requester, view.user];
    let eligible = may_decide(view.policy, view.system, view.kind, view.at, &concerned);
    let name = |who: &PersonId| view.policy.person(who).map_or_else(|| who.to_string(), |p| p.name.clone());
    if eligible.iter().any(|(who, _)| who == view.approver) {
        return (Verdict::Pass, format!("{} may decide now", name(view.approver)));
    }
    match eligible.first() {
        Some((other, _)) => {
            let sentence = format!("{} may not decide now: name {other} ({})", name(view.approver), name(other));
            (Verdict::Fail, sentence)
        }
        None => (
            Verdict::Fail,
            format!("nobody may decide about {} now: ask when its owner or backup is on duty", view.system.id),
        ),
    }
}

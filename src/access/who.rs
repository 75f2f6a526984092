//! Who may see, decide and end: the table of who-may, one function a line.

use super::actor::Actor;
use super::facts::Facts;
use super::refusal::{Code, Refusal};
use super::request::Request;
use crate::checks::{may_decide, own_and_forbidden};
use crate::policy::{Capacity, Duty, Policy, System};
use crate::text::{Instant, PersonId};

/// May `person` see `request`? On a private system only those concerned.
pub fn may_see(policy: &Policy, request: &Request, person: &PersonId, at: Instant) -> bool {
    if policy.person(person).is_none() {
        return false;
    }
    let private = policy.systems.get(&request.ask.system).is_none_or(|system| system.private);
    !private
        || [&request.requester, &request.ask.user].contains(&person)
        || approves(policy, request, person)
        || policy.is_lead(person, at)
        || policy.is(person, Duty::Auditor)
        || policy.is(person, Duty::Admin)
}

/// Is `person` one of the approvers of `request`: its system's owner or backup, on duty or not; whom it goes to, whom an
/// escalation has reached, or who approved it?
pub fn approves(policy: &Policy, request: &Request, person: &PersonId) -> bool {
    let stands = |system: &System| system.owner == *person || policy.is_backup(system, person);
    request.ask.approver == *person
        || request.reached.contains(person)
        || request.held().is_some_and(|held| held.decision.by == *person)
        || policy.systems.get(&request.ask.system).is_some_and(stands)
}

/// May an escalation make an approver of `person`: the owner, the backups and the leads, never whom a requester likes.
fn may_be_reached(policy: &Policy, system: &System, person: &PersonId) -> bool {
    let leads = || policy.leads.as_ref().is_some_and(|leads| policy.everybody(leads).contains(&person));
    policy.person(person).is_some() && (system.owner == *person || policy.is_backup(system, person) || leads())
}

/// May `person` end, freeze, retry, hand over, attest? Ending is always allowed to owner, backup, whoever approved, leads, admins.
pub fn ends(policy: &Policy, system: &System, request: &Request, person: &PersonId, at: Instant) -> bool {
    governs(policy, system, person, at) || request.held().is_some_and(|held| held.decision.by == *person)
}

/// May `person` look after the removal of what `request` gave: as [`ends`], and where its system is no longer known, too.
pub fn may_end(policy: &Policy, request: &Request, person: &PersonId, at: Instant) -> bool {
    if policy.person(person).is_none() {
        return false;
    }
    match policy.systems.get(&request.ask.system) {
        Some(system) => ends(policy, system, request, person, at),
        None => {
            policy.is_lead(person, at)
                || policy.is(person, Duty::Admin)
                || request.held().is_some_and(|held| held.decision.by == *person)
        }
    }
}

/// Who looks after a removal that is overdue: who approved it, who took it over, and who is on duty for its system.
pub fn looks_after(policy: &Policy, request: &Request, at: Instant) -> Vec<PersonId> {
    let held = request.held();
    let mut found: Vec<PersonId> = held.map(|held| held.decision.by.clone()).into_iter().collect();
    found.extend(held.and_then(|held| held.looked_after_by.clone()));
    let system = policy.systems.get(&request.ask.system);
    let duty = system.and_then(|system| policy.eligible(system, request.ask.kind, at).into_iter().next());
    found.extend(duty.map(|(who, _)| who));
    found.retain(|who| may_end(policy, request, who, at));
    found
}

/// May `person` freeze and thaw `system`?
pub fn governs(policy: &Policy, system: &System, person: &PersonId, at: Instant) -> bool {
    system.owner == *person
        || policy.is_backup(system, person)
        || policy.is_lead(person, at)
        || policy.is(person, Duty::Admin)
}

/// Who may decide about `request` now, and as what; who is asked first comes first.
pub fn eligible(policy: &Policy, request: &Request, at: Instant) -> Vec<(PersonId, Capacity)> {
    let Some(system) = policy.systems.get(&request.ask.system) else { return Vec::new() };
    let concerned = [&request.requester, &request.ask.user];
    let mut eligible = may_decide(policy, system, request.ask.kind, at, &concerned);
    for reached in &request.reached {
        if may_be_reached(policy, system, reached) && !eligible.iter().any(|(who, _)| who == reached) {
            eligible.push((reached.clone(), Capacity::Escalation));
        }
    }
    eligible.retain(|(who, _)| !own_and_forbidden(policy, system, who, &concerned));
    eligible
}

/// May an escalation of `request` reach `person`: never who asked or will hold the access.
pub fn could_be_reached(policy: &Policy, request: &Request, person: &PersonId) -> bool {
    let Some(system) = policy.systems.get(&request.ask.system) else { return false };
    let concerned = [&request.requester, &request.ask.user];
    may_be_reached(policy, system, person) && !own_and_forbidden(policy, system, person, &concerned)
}

/// As what `person` may decide about `request` now, or why not.
pub fn decides(
    facts: &Facts<'_>,
    request: &Request,
    person: &PersonId,
    at: Instant,
) -> Result<(Capacity, bool), Refusal> {
    let policy = facts.policy;
    let Some(system) = policy.systems.get(&request.ask.system) else {
        return Err(Refusal::new(
            Code::NotEligible,
            format!("the policy no longer knows the system {}", request.ask.system),
            "withdraw the request, or put the system back into the policy",
        ));
    };
    let concerned = [&request.requester, &request.ask.user];
    let eligible = eligible(policy, request, at);
    if own_and_forbidden(policy, system, person, &concerned) {
        return Err(Refusal::new(
            Code::OwnRequest,
            format!("you asked for {} or would hold its access: somebody else decides", request.number),
            say_who(policy, eligible.iter().map(|(who, _)| who)),
        ));
    }
    match eligible.iter().find(|(who, _)| who == person) {
        Some((_, capacity)) => Ok((*capacity, concerned.iter().any(|other| policy.same_person(person, other)))),
        None => Err(Refusal::new(
            Code::NotEligible,
            format!("you may not decide about {} now", request.ask.system),
            say_who(policy, eligible.iter().map(|(who, _)| who)),
        )),
    }
}

fn say_who<'a>(policy: &Policy, who: impl Iterator<Item = &'a PersonId>) -> String {
    let names: Vec<String> =
        who.map(|id| policy.person(id).map_or_else(|| id.to_string(), |p| format!("{} ({id})", p.name))).collect();
    if names.is_empty() {
        "nobody may say yes now: ask when the owner or the backup is on duty".into()
    } else {
        format!("who can say yes now: {}", names.join(", "))
    }
}

/// The person who acts, known to the policy; anything else is not signed in.
pub fn person<'a>(facts: &Facts<'_>, actor: &'a Actor) -> Result<&'a PersonId, Refusal> {
    match actor.person() {
        Some(id) if facts.policy.person(id).is_some() => Ok(id),
        Some(id) => Err(Refusal::new(
            Code::NotSignedIn,
            format!("{id} is nobody in the policy"),
            "ask an admin to add the person to the policy",
        )),
        None => Err(Refusal::new(Code::NotSignedIn, "only a person may do this", "sign in as yourself")),
    }
}

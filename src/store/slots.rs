//! What was read of the calendars, and how it is laid over the policy that rules.

use crate::policy::Policy;
use crate::policy::rota::{Calendar, Matching, Override};
use crate::text::Instant;
use crate::trail::Link;
use std::collections::BTreeMap;

/// What was read of one calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slots {
    /// Which calendar: the hash of where it is and how it is matched.
    pub calendar: String,
    /// From when on it was read.
    pub from: Instant,
    /// Until when.
    pub until: Instant,
    /// Who is on duty, in order.
    pub slots: Vec<Override>,
}

/// What was read, by rota.
pub type KnownSlots = BTreeMap<String, Slots>;

/// Which calendar it is: a hash, because its address may hold a secret.
pub fn calendar_hash(calendar: &Calendar) -> String {
    let matching = match calendar.matching {
        Matching::Email => "email",
        Matching::Name => "name",
    };
    Link::of(&[calendar.ics.as_bytes(), b"\0", matching.as_bytes()]).to_string()
}

/// Whether a policy needs any of this.
pub(super) fn has_calendars(policy: &Policy) -> bool {
    policy.rotas.values().any(|rota| rota.calendar.is_some())
}

/// The policy with what was read laid over it. Turns of another calendar, and of people whom it does not know, are not.
pub fn lay(policy: &Policy, known: &KnownSlots) -> Policy {
    let mut policy = policy.clone();
    let people = &policy.people;
    for (name, rota) in &mut policy.rotas {
        let (Some(calendar), Some(read)) = (&rota.calendar, known.get(name)) else { continue };
        if calendar_hash(calendar) == read.calendar {
            let there = read.slots.iter().filter(|slot| people.contains_key(&slot.person)).cloned();
            rota.lay(read.from, read.until, &there.collect::<Vec<_>>());
        }
    }
    policy
}

//! Who owns what, who stands in, who may ask for how long, and which provisioner gives it: the policy, read and judged.
//!
//! A policy is a pure value made from text. Files, watching and reloading are the edges' work.

pub mod document;
pub mod duty;
mod eligible;
pub mod faults;
pub mod identity;
mod judge;
pub mod limits;
pub mod people;
pub mod raw;
pub mod read;
pub mod rota;
pub mod secrets;
pub mod source;
pub mod systems;

pub use faults::Fault;
pub use limits::{Kind, KindLimits, Kinds};
pub use people::{Duty, Person};
pub use read::read;
pub use rota::{OnDuty, Rota};
pub use source::Source;
pub use systems::{Hours, ProvisionerSettings, Role, System};

use crate::text::{PersonId, SystemId};
use chrono_tz::Tz;
use std::collections::BTreeMap;

/// The whole policy, resolved: every name in it exists, every role has a provisioner.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The zone of rotas and of people who name none.
    pub zone: Tz,
    /// The incident lead on duty.
    pub leads: Option<OnDuty>,
    /// Where a ticket is read: `{ticket}` stands for it.
    pub ticket_url: Option<String>,
    /// The limits of the three kinds.
    pub kinds: Kinds,
    /// Everybody whom this store knows.
    pub people: BTreeMap<PersonId, Person>,
    /// Named groups of people.
    pub teams: BTreeMap<String, Vec<PersonId>>,
    /// Calendars of turns.
    pub rotas: BTreeMap<String, Rota>,
    /// What may be asked for.
    pub systems: BTreeMap<SystemId, System>,
    /// How access is given and removed, by name.
    pub provisioners: BTreeMap<String, ProvisionerSettings>,
}

impl Policy {
    /// The person of this name.
    pub fn person(&self, id: &PersonId) -> Option<&Person> {
        self.people.get(id)
    }
}

/// As what somebody may decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capacity {
    /// Owns the system.
    Owner,
    /// Stands in for the owner, on duty now.
    Backup,
    /// The incident lead on duty, where the kind allows it.
    Lead,
    /// Reached by an escalation.
    Escalation,
}

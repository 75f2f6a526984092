//! Systems, their roles, and the provisioners that give them.

use super::rota::OnDuty;
use crate::text::{Length, PersonId, RoleId, SystemId};
use chrono::{NaiveTime, Weekday};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// What is accessed: a service, database, account or cluster in one environment.
#[derive(Debug, Clone)]
pub struct System {
    /// Its name in the policy.
    pub id: SystemId,
    /// As people say it.
    pub name: String,
    /// Such as `production`.
    pub environment: String,
    /// Who owns it.
    pub owner: PersonId,
    /// Who stands in for the owner.
    pub backup: OnDuty,
    /// When the owner is asked first, in the owner's zone.
    pub hours: Hours,
    /// Who may ask; `None` is everybody.
    pub ask: Option<BTreeSet<PersonId>>,
    /// Approver, requester and user differ, without exception.
    pub sensitive: bool,
    /// The owner may decide what they asked for themselves.
    pub self_approval: bool,
    /// Whether a failed check may be overridden with words.
    pub override_allowed: bool,
    /// Only those concerned see its requests.
    pub private: bool,
    /// What a ticket must look like; `None` makes a ticket optional.
    pub ticket: Option<regex::Regex>,
    /// Narrowest first; never empty.
    pub roles: Vec<Role>,
}

/// One named permission on a system.
#[derive(Debug, Clone, PartialEq)]
pub struct Role {
    /// Its name.
    pub id: RoleId,
    /// What it allows, in plain words.
    pub allows: String,
    /// The window when none is named, before the kind's.
    pub default: Option<Length>,
    /// The longest window, beside the kind's.
    pub longest: Option<Length>,
    /// Which provisioner gives it: a key of `Policy::provisioners`.
    pub provisioner: String,
    /// What the provisioner is told about it.
    pub with: Map<String, Value>,
    /// All roles that this one contains, itself not included.
    pub contains: BTreeSet<RoleId>,
}

/// The settings of one provisioner, as they stand in the policy.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ProvisionerSettings {
    /// Which one of the kinds: `files`, `command`, …
    pub kind: String,
    /// The kind's own keys.
    #[serde(flatten)]
    pub settings: Map<String, Value>,
}

/// When an owner is asked first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hours {
    /// At any hour.
    Always,
    /// On these days between these times; an end of `None` is midnight.
    Week {
        /// Working days.
        days: BTreeSet<WeekdayOrd>,
        /// From this local time.
        from: NaiveTime,
        /// Until before this local time; `None` is 24:00.
        until: Option<NaiveTime>,
    },
}

/// A weekday that sorts from Monday.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WeekdayOrd(pub Weekday);

impl PartialOrd for WeekdayOrd {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for WeekdayOrd {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.num_days_from_monday().cmp(&other.0.num_days_from_monday())
    }
}

impl System {
    /// The role of this name.
    pub fn role(&self, id: &str) -> Option<&Role> {
        self.roles.iter().find(|role| role.id.as_str() == id)
    }
}

//! The policy file as it is written, before it is judged: its keys and their types, nothing else.
//!
//! Every key is optional here, so that what is missing is told in our own words, together with all other faults.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The sections that may be spread over several files, entry by entry.
pub const SECTIONS: [&str; 6] = ["kinds", "people", "teams", "rotas", "systems", "provisioners"];

/// A whole policy file.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawPolicy {
    /// The zone of rotas and of people who name none: `Europe/London`.
    pub zone: Option<String>,
    /// The incident lead on duty: a rota or a person.
    pub leads: Option<String>,
    /// Where a ticket is read; `{ticket}` stands for it.
    pub ticket_url: Option<String>,
    /// More files, from this file's folder; may match nothing.
    pub include: Vec<String>,
    /// `emergency`, `planned`, `day`.
    pub kinds: BTreeMap<String, RawKind>,
    /// Named persons.
    pub people: BTreeMap<String, RawPerson>,
    /// Named groups of people.
    pub teams: BTreeMap<String, Vec<String>>,
    /// Who is on duty when.
    pub rotas: BTreeMap<String, RawRota>,
    /// What may be asked for.
    pub systems: BTreeMap<String, RawSystem>,
    /// How access is given and removed.
    pub provisioners: BTreeMap<String, RawProvisioner>,
}

/// `[kinds.emergency]`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawKind {
    /// The window when none is named: `45m`.
    pub default: Option<String>,
    /// The longest window: `90m`.
    pub longest: Option<String>,
    /// A request that nobody decided lapses after this: `30m`.
    pub undecided: Option<String>,
    /// How often one grant may be extended.
    pub extensions: Option<u32>,
    /// Whether the incident lead on duty may decide.
    pub lead_may_approve: Option<bool>,
    /// The ladder: `"10m backup"`.
    pub escalate: Option<Vec<String>>,
}

/// `[people.priya]`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawPerson {
    /// As people say it.
    pub name: Option<String>,
    /// What they are.
    pub title: Option<String>,
    /// What an identity provider calls them.
    pub email: Option<String>,
    /// What the machine calls them on a Unix socket.
    pub os_user: Option<String>,
    /// Shown to a requester whom nobody answers.
    pub contact: Option<String>,
    /// Their own zone.
    pub zone: Option<String>,
    /// Days away: `2026-12-24..2027-01-02`.
    pub leave: Vec<String>,
    /// Any of `lead`, `auditor`, `admin`.
    pub duties: Vec<super::Duty>,
}

/// `[rotas.nights]`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawRota {
    /// The zone of hand-over and overrides.
    pub zone: Option<String>,
    /// When the turn passes: `Mon 09:00`.
    pub handover: Option<String>,
    /// Turns count from the first hand-over on or after this day.
    pub starts: Option<String>,
    /// In the order of their turns.
    pub people: Vec<String>,
    /// Exceptions; the last one that covers an instant wins.
    pub overrides: Vec<RawOverride>,
    /// Two turns whose people change places.
    pub swaps: Vec<RawSwap>,
    /// An outside calendar instead of turns: a file or an https URL.
    pub ics: Option<String>,
    /// By what its events name a person: `email` or `name`.
    #[serde(rename = "match")]
    pub matching: Option<String>,
}

/// One exception of a rota.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawOverride {
    /// From this local time on: `2026-12-31 18:00`.
    pub from: Option<String>,
    /// Until before this local time.
    pub until: Option<String>,
    /// Who is on duty then.
    pub person: Option<String>,
}

/// Two turns of a rota whose people change places.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawSwap {
    /// The day on which one of them begins: `2026-12-07`.
    pub turn: Option<String>,
    /// The day on which the other begins.
    pub with: Option<String>,
}

/// `[systems.payments]`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawSystem {
    /// As people say it.
    pub name: Option<String>,
    /// Such as `production`.
    pub environment: Option<String>,
    /// Who owns it: a person.
    pub owner: Option<String>,
    /// Who stands in for the owner: a rota or a person.
    pub backup: Option<String>,
    /// `Mon-Fri 09:00-18:00`, in the owner's zone, or `always`.
    pub hours: Option<String>,
    /// People or teams who may ask; left out: everybody.
    pub ask: Option<Vec<String>>,
    /// Approver, requester and user differ, without exception.
    pub sensitive: bool,
    /// Its owner may decide what they asked for themselves.
    pub self_approval: bool,
    /// Whether a failed check may be overridden with words.
    #[serde(rename = "override")]
    pub override_allowed: Option<bool>,
    /// Only those concerned see its requests.
    pub private: bool,
    /// What a ticket must look like, as a regular expression; left out: a ticket is optional.
    pub ticket: Option<String>,
    /// Narrowest first.
    pub roles: Vec<RawRole>,
}

/// `[[systems.payments.roles]]`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawRole {
    /// Its name.
    pub name: Option<String>,
    /// What it allows, in plain words.
    pub allows: Option<String>,
    /// The window when none is named.
    pub default: Option<String>,
    /// The longest window.
    pub longest: Option<String>,
    /// Which provisioner gives it.
    pub provisioner: Option<String>,
    /// What the provisioner is told about it.
    pub with: Map<String, Value>,
    /// The roles that it contains; left out: all before it.
    pub includes: Option<Vec<String>>,
}

/// `[provisioners.sandbox]`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct RawProvisioner {
    /// `files`, `command`, …
    pub kind: Option<String>,
    /// The kind's own keys.
    #[serde(flatten)]
    pub settings: Map<String, Value>,
}

/// The policy file's JSON schema, for editors.
pub fn schema() -> Value {
    schemars::schema_for!(RawPolicy).to_value()
}

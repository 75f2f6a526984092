//! Judging the whole: whether everybody who may ask can be answered, and what a careful reader would ask about.

use super::Judge;
use crate::policy::limits::{Kind, Reaches};
use crate::policy::systems::System;
use crate::policy::{OnDuty, Policy};
use crate::text::PersonId;
use std::collections::BTreeSet;

/// Words that speak of data one would call sensitive.
const DELICATE: [&str; 30] = [
    "account",
    "accounts",
    "bank",
    "billing",
    "card",
    "cards",
    "crm",
    "customer",
    "customers",
    "database",
    "databases",
    "db",
    "gdpr",
    "health",
    "invoice",
    "invoices",
    "ledger",
    "mongodb",
    "mysql",
    "patient",
    "patients",
    "payment",
    "payments",
    "payroll",
    "pci",
    "personal",
    "pii",
    "postgres",
    "postgresql",
    "salary",
];

impl Judge<'_> {
    /// Rules that need more than one part of the policy.
    pub(super) fn whole(&mut self, policy: &Policy) {
        if policy.systems.is_empty() && self.document.names("systems").is_empty() {
            self.warn(&[], "the policy has no system, so nothing can be asked for", "add one under [systems.…]");
        }
        for system in policy.systems.values() {
            // What is missing was told already; a judgement on half a system would only confuse.
            if self.is_complete(policy, system) {
                self.can_be_decided(policy, system);
            }
            self.backup_is_other(policy, system);
            self.delicate(policy, system);
        }
        let used: BTreeSet<&str> =
            policy.systems.values().flat_map(|system| &system.roles).map(|role| role.provisioner.as_str()).collect();
        for name in self.document.names("provisioners") {
            if !used.contains(name.as_str()) && !policy.systems.is_empty() {
                self.warn(
                    &["provisioners", &name],
                    &format!("no role uses the provisioner {name}"),
                    "use it, or take it out",
                );
            }
        }
    }

    fn is_complete(&self, policy: &Policy, system: &System) -> bool {
        let rotas = [Some(&system.backup), policy.leads.as_ref()];
        let rotas = rotas.into_iter().flatten().all(|who| match who {
            OnDuty::Rota(rota) => policy.rotas.contains_key(rota),
            OnDuty::Person(_) => true,
        });
        rotas && policy.people.len() == self.people.len()
    }

    /// Everybody but the owner can be answered by the owner; so it is the owner for whom somebody must be found.
    fn can_be_decided(&mut self, policy: &Policy, system: &System) {
        let askers = policy.people.keys().filter(|person| system.ask.as_ref().is_none_or(|ask| ask.contains(*person)));
        let Some(asker) = askers.into_iter().find(|asker| policy.same_person(asker, &system.owner)) else { return };
        let mut never: Vec<&str> = Vec::new();
        for kind in Kind::ALL {
            if !deciders(policy, system, kind).iter().any(|decider| !policy.same_person(decider, asker)) {
                never.push(kind.word());
            }
        }
        let (id, path) = (&system.id, ["systems", system.id.as_str(), "backup"]);
        match (never.len(), system.self_approval) {
            (0, _) | (1 | 2, true) => {}
            (_, true) => {
                let sentence = format!("{asker} alone decides on {id}, their own requests included");
                self.warn(&["systems", id.as_str(), "self_approval"], &sentence, "name a backup who is somebody else");
            }
            (3, false) => {
                let sentence = format!(
                    "nobody can ever approve a request of {asker} on {id}: they own it, and nobody else may decide"
                );
                let cure = "name a backup who is somebody else, name the incident leads, or leave the owner out of ask";
                self.fault(&path, &sentence, cure);
            }
            (_, false) => {
                let sentence = format!("nobody can approve {} requests of {asker} on {id}", never.join(" and "));
                self.warn(&path, &sentence, "name a backup who is somebody else");
            }
        }
    }

    fn backup_is_other(&mut self, policy: &Policy, system: &System) {
        let path = ["systems", system.id.as_str(), "backup"];
        let backups = policy.everybody(&system.backup);
        let only = |person: &&PersonId| policy.same_person(person, &system.owner);
        if !backups.is_empty() && backups.iter().all(only) {
            let sentence = format!("{} is owner and backup of {}", system.owner, system.id);
            self.warn(&path, &sentence, "name somebody who can decide while the owner sleeps or is away");
        }
    }

    fn delicate(&mut self, policy: &Policy, system: &System) {
        let id = system.id.as_str();
        if system.self_approval && !system.sensitive {
            let sentence = format!("{} may approve their own requests on {id}", system.owner);
            let cure = "take self_approval out where somebody else can decide";
            self.warn(&["systems", id, "self_approval"], &sentence, cure);
        }
        if system.sensitive {
            return;
        }
        let kinds = system.roles.iter().filter_map(|role| policy.provisioners.get(&role.provisioner));
        let texts = [id, &system.name].into_iter().chain(kinds.map(|settings| settings.kind.as_str()));
        let words = texts.flat_map(|text| text.split(|ch: char| !ch.is_alphanumeric())).map(str::to_lowercase);
        if let Some(word) = words.into_iter().find(|word| DELICATE.contains(&word.as_str())) {
            let sentence = format!("{id} speaks of {word} and is not sensitive");
            let cure = "write sensitive = true, so that approver, requester and user always differ";
            self.warn(&["systems", id], &sentence, cure);
        }
    }
}

/// Everybody who could decide a request of the owner, at some hour.
fn deciders<'a>(policy: &'a Policy, system: &'a System, kind: Kind) -> Vec<&'a PersonId> {
    let limits = policy.kinds.of(kind);
    let mut people = policy.everybody(&system.backup);
    // Who a calendar will name is not known; it is taken to be one of the others.
    let calendar = |who: &OnDuty| matches!(who, OnDuty::Rota(rota) if policy.rotas.get(rota).is_some_and(|r| r.calendar.is_some()));
    if calendar(&system.backup) {
        people.extend(policy.people.keys());
    }
    let climbs = limits.escalate.iter().any(|step| step.reaches == Reaches::Lead);
    if let Some(leads) = policy.leads.as_ref().filter(|_| limits.lead_may_approve || climbs) {
        people.extend(policy.everybody(leads));
        if calendar(leads) {
            people.extend(policy.people.keys());
        }
    }
    people
}

//! Judging a policy: one file for each part of it, then the whole.
//!
//! Every rule that is broken becomes a fault with its place and its cure; the judging goes on, so that all are told at once.

mod kinds;
mod people;
mod rotas;
mod secrets;
mod systems;
mod whole;

use super::document::Document;
use super::faults::{Fault, one_of};
use super::identity::one_line;
use super::raw::{RawPolicy, RawProvisioner};
use super::rota::OnDuty;
use super::{Policy, ProvisionerSettings};
use crate::text::name::is_name;
use crate::text::{Length, PersonId};
use chrono_tz::Tz;
use std::collections::{BTreeMap, BTreeSet};

/// A policy under judgement.
pub(super) struct Judge<'a> {
    document: Document<'a>,
    kinds: &'a [&'a str],
    people: BTreeSet<String>,
    rotas: BTreeSet<String>,
    provisioners: BTreeSet<String>,
    pub(super) faults: Vec<Fault>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(document: Document<'a>, kinds: &'a [&'a str]) -> Self {
        let names = |section| document.names(section).into_iter().collect();
        let (people, rotas, provisioners) = (names("people"), names("rotas"), names("provisioners"));
        Self { document, kinds, people, rotas, provisioners, faults: Vec::new() }
    }

    /// The policy, as far as it could be made; it rules only when there is no fault.
    pub(super) fn policy(&mut self, top: &RawPolicy) -> Option<Policy> {
        let zone = if let Some(zone) = &top.zone {
            self.zone(zone, &["zone"])
        } else {
            self.missing(&["zone"], "the policy names no zone", "write zone = \"Europe/London\" at its top, or yours");
            None
        };
        if !top.include.is_empty() && self.document.file_of(&["include"]) != Some(0) {
            self.fault(&["include"], "only the main file may include others", "move the line there");
        }
        if let Some(url) = &top.ticket_url
            && !(url.starts_with("https://") || url.starts_with("http://")) | !url.contains("{ticket}")
        {
            let cure = "write it as \"https://tracker.example/{ticket}\"";
            self.fault(&["ticket_url"], "ticket_url is no address with {ticket} in it", cure);
        }
        // Where the zone is missing, everything else is still judged.
        let fallback = zone.unwrap_or(Tz::UTC);
        let leads = top.leads.as_ref().and_then(|leads| self.on_duty(leads, &["leads"]));
        let kinds = self.kinds_of_request(top.leads.is_some());
        let people = self.persons(fallback);
        let teams = self.teams();
        let policy = Policy {
            zone: fallback,
            leads,
            ticket_url: top.ticket_url.clone(),
            kinds,
            rotas: self.calendars(fallback),
            systems: self.systems(&teams),
            people,
            teams,
            provisioners: self.provisioners(),
        };
        self.whole(&policy);
        zone.map(|_| policy)
    }

    /// All faults, those of the grammar included.
    pub(super) fn finish(mut self) -> Vec<Fault> {
        let mut faults = self.document.take_faults();
        faults.append(&mut self.faults);
        faults
    }

    fn fault(&mut self, path: &[&str], sentence: &str, cure: &str) {
        let fault = self.document.fault(path, sentence, cure);
        self.faults.push(fault);
    }

    /// A fault about a key that is not there; one that could not be read was told already.
    fn missing(&mut self, path: &[&str], sentence: &str, cure: &str) {
        if self.document.file_of(path).is_none() {
            self.fault(path, sentence, cure);
        }
    }

    fn warn(&mut self, path: &[&str], sentence: &str, cure: &str) {
        let fault = self.document.fault(path, sentence, cure).warning();
        self.faults.push(fault);
    }

    fn zone(&mut self, text: &str, path: &[&str]) -> Option<Tz> {
        let zone = text.parse().ok();
        if zone.is_none() {
            let cure = "write an IANA name such as \"Europe/London\", or \"UTC\"";
            self.fault(path, &format!("{text:?} is no time zone that is known here"), cure);
        }
        zone
    }

    fn length(&mut self, text: Option<&String>, path: &[&str]) -> Option<Length> {
        let text = text?;
        match text.parse() {
            Ok(length) => Some(length),
            Err(error) => {
                let name = path.last().copied().unwrap_or_default();
                self.fault(path, &format!("{name}: {}", error.sentence), error.cure);
                None
            }
        }
    }

    /// Whether an entry's own name fits the grammar.
    fn named(&mut self, name: &str, path: &[&str]) -> bool {
        let good = is_name(name);
        if !good {
            let cure = "use 1 to 32 of a-z, 0-9 and -, beginning with a letter";
            self.fault(path, &format!("{name:?} cannot be a name here"), cure);
        }
        good
    }

    /// A text that must be there, on one line.
    fn required(&mut self, text: Option<&String>, what: &str, like: &str, path: &[&str]) -> Option<String> {
        if text.is_some_and(|text| !text.trim().is_empty()) {
            return self.line_of(text, path);
        }
        let (_, around) = path.split_last()?;
        let (sentence, cure) = (format!("[{}] has no {what}", around.join(".")), format!("write {like}"));
        if text.is_some() {
            self.fault(path, &sentence, &cure);
        } else {
            self.missing(path, &sentence, &cure);
        }
        None
    }

    /// A text of one line that hides nothing; `None` where it is left out or refused.
    fn line_of(&mut self, text: Option<&String>, path: &[&str]) -> Option<String> {
        let text = text?.trim();
        match one_line(text) {
            Ok(()) if text.is_empty() => None,
            Ok(()) => Some(text.to_owned()),
            Err(why) => {
                self.fault(path, &format!("{} {why}", path.join(".")), "write plain text on one line");
                None
            }
        }
    }

    fn person(&mut self, text: &str, path: &[&str]) -> Option<PersonId> {
        if !self.people.contains(text) {
            let people = self.people.iter().map(String::as_str);
            let cure = one_of(text, people, "add them under [people.…]");
            self.fault(path, &format!("{text} is nobody in the policy"), &cure);
            return None;
        }
        // A name that breaks the grammar was told where it stands.
        text.parse().ok()
    }

    /// A rota or a person.
    fn on_duty(&mut self, text: &str, path: &[&str]) -> Option<OnDuty> {
        if self.rotas.contains(text) {
            return Some(OnDuty::Rota(text.to_owned()));
        }
        if self.people.contains(text) {
            return text.parse().ok().map(OnDuty::Person);
        }
        let known = self.rotas.iter().chain(&self.people).map(String::as_str);
        let cure = one_of(text, known, "add them under [people.…] or [rotas.…]");
        self.fault(path, &format!("{text} is neither a rota nor a person in the policy"), &cure);
        None
    }

    fn teams(&mut self) -> BTreeMap<String, Vec<PersonId>> {
        let mut teams = BTreeMap::new();
        for name in self.document.names("teams") {
            let path = ["teams", name.as_str()];
            self.named(&name, &path);
            let Some(members) = self.document.entry::<Vec<String>>("teams", &name) else { continue };
            if members.is_empty() {
                self.fault(&path, &format!("the team {name} has nobody in it"), "name its people, or take it out");
            }
            if self.people.contains(&name) {
                let cure = "rename the team: a person is never a team";
                self.fault(&path, &format!("{name} is a team and a person"), cure);
            }
            let mut people = Vec::new();
            for (at, member) in members.iter().enumerate() {
                if let Some(person) = self.person(member, &["teams", &name, &at.to_string()])
                    && !people.contains(&person)
                {
                    people.push(person);
                }
            }
            teams.insert(name, people);
        }
        teams
    }

    fn provisioners(&mut self) -> BTreeMap<String, ProvisionerSettings> {
        let mut provisioners = BTreeMap::new();
        for name in self.document.names("provisioners") {
            let path = ["provisioners", name.as_str()];
            self.named(&name, &path);
            let Some(raw) = self.document.entry::<RawProvisioner>("provisioners", &name) else { continue };
            self.secrets(&raw.settings, &mut path.map(str::to_owned).to_vec());
            let known = self.kinds.iter().copied();
            let path = ["provisioners", name.as_str(), "kind"];
            match raw.kind {
                None => {
                    let cure = one_of("", known, "name its kind");
                    self.missing(&path, &format!("[provisioners.{name}] has no kind"), &cure);
                }
                Some(kind) if !self.kinds.contains(&kind.as_str()) => {
                    let cure = one_of(&kind, known, "name one that is built in");
                    self.fault(&path, &format!("there is no kind of provisioner called {kind}"), &cure);
                }
                Some(kind) => {
                    provisioners.insert(name, ProvisionerSettings { kind, settings: raw.settings });
                }
            }
        }
        provisioners
    }
}

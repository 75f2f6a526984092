//! Judging `[systems.…]`: an owner, a backup, and roles that something can take away again.

use super::Judge;
use super::rotas::weekday;
use crate::policy::faults::one_of;
use crate::policy::raw::{RawRole, RawSystem};
use crate::policy::systems::{Hours, Role, System, WeekdayOrd};
use crate::text::instant::time_of;
use crate::text::{PersonId, RoleId};
use chrono::Weekday;
use std::collections::{BTreeMap, BTreeSet};

/// The most that a ticket's pattern may have, in characters, and be compiled to, in bytes.
const PATTERN_CHARS: usize = 200;
const PATTERN_BYTES: usize = 256 * 1024;
const MOST_ROLES: usize = 64;

type Teams = BTreeMap<String, Vec<PersonId>>;

impl Judge<'_> {
    pub(super) fn systems(&mut self, teams: &Teams) -> BTreeMap<crate::text::SystemId, System> {
        let mut systems = BTreeMap::new();
        for name in self.document.names("systems") {
            let good = self.named(&name, &["systems", &name]);
            let Some(raw) = self.document.entry::<RawSystem>("systems", &name) else { continue };
            let system = self.system(&name, &raw, teams);
            if let Some(system) = system.filter(|_| good) {
                systems.insert(system.id.clone(), system);
            }
        }
        systems
    }

    fn system(&mut self, id: &str, raw: &RawSystem, teams: &Teams) -> Option<System> {
        let path = |key| ["systems", id, key];
        let owner = if let Some(owner) = &raw.owner {
            self.person(owner, &path("owner"))
        } else {
            self.missing(&path("owner"), &format!("[systems.{id}] has no owner"), "name the person: owner = \"…\"");
            None
        };
        let backup = if let Some(backup) = &raw.backup {
            self.on_duty(backup, &path("backup"))
        } else {
            let cure = "name a rota or a person who stands in for the owner: backup = \"…\"";
            self.missing(&path("backup"), &format!("[systems.{id}] has no backup"), cure);
            None
        };
        if raw.sensitive && raw.self_approval {
            let sentence = format!("{id} is sensitive and lets its owner decide their own requests");
            self.fault(&path("self_approval"), &sentence, "take self_approval out, or sensitive");
        }
        let hours = raw.hours.as_ref().map_or(Some(Hours::Always), |text| self.hours(text, &path("hours")));
        let ask = raw.ask.as_ref().map(|ask| self.ask(id, ask, teams));
        let ticket = raw.ticket.as_ref().and_then(|ticket| self.ticket(ticket, &path("ticket")));
        let name = self.line_of(raw.name.as_ref(), &path("name"));
        let environment = self.line_of(raw.environment.as_ref(), &path("environment"));
        let roles = self.roles(id, &raw.roles);
        Some(System {
            id: id.parse().ok()?,
            name: name.unwrap_or_else(|| id.to_owned()),
            environment: environment.unwrap_or_else(|| "production".to_owned()),
            owner: owner?,
            backup: backup?,
            hours: hours?,
            ask,
            sensitive: raw.sensitive,
            self_approval: raw.self_approval,
            override_allowed: raw.override_allowed.unwrap_or(true),
            private: raw.private,
            ticket,
            roles,
        })
    }

    fn hours(&mut self, text: &str, path: &[&str]) -> Option<Hours> {
        let read = hours_of(text);
        if read.is_none() {
            let cure = "write \"Mon-Fri 09:00-18:00\", an end of 24:00 at most, or \"always\"";
            self.fault(path, &format!("{text:?} are no hours"), cure);
        }
        read
    }

    fn ask(&mut self, id: &str, ask: &[String], teams: &Teams) -> BTreeSet<PersonId> {
        let mut people = BTreeSet::new();
        if ask.is_empty() {
            let cure = "name people or teams, or take the line out to let everybody ask";
            self.fault(&["systems", id, "ask"], &format!("nobody may ask for {id}"), cure);
        }
        for (at, name) in ask.iter().enumerate() {
            if let Some(team) = teams.get(name) {
                people.extend(team.iter().cloned());
            } else if self.people.contains(name) {
                people.extend(name.parse());
            } else {
                let known = teams.keys().chain(&self.people).map(String::as_str);
                let cure = one_of(name, known, "add them under [people.…] or [teams]");
                let path = ["systems", id, "ask", &at.to_string()];
                self.fault(&path, &format!("{name} is neither a person nor a team in the policy"), &cure);
            }
        }
        people
    }

    fn ticket(&mut self, pattern: &str, path: &[&str]) -> Option<regex::Regex> {
        if pattern.chars().count() > PATTERN_CHARS {
            let sentence = format!("the ticket's pattern has more than {PATTERN_CHARS} characters");
            self.fault(path, &sentence, "write a shorter one");
            return None;
        }
        let build = |pattern: &str| {
            regex::RegexBuilder::new(pattern).size_limit(PATTERN_BYTES).dfa_size_limit(PATTERN_BYTES).build()
        };
        // By itself first, so that a stray bracket cannot pair with ours; the whole ticket must fit.
        match build(pattern).and_then(|_| build(&format!("^(?:{pattern})$"))) {
            Ok(regex) => Some(regex),
            Err(error) => {
                let why = error.to_string();
                let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ").trim_end_matches('.');
                let sentence = format!("the ticket's pattern cannot be used: {why}");
                self.fault(path, &sentence, "write a regular expression such as '^INC-[0-9]+$'");
                None
            }
        }
    }

    fn roles(&mut self, id: &str, raw: &[RawRole]) -> Vec<Role> {
        let path = ["systems", id, "roles"];
        if raw.is_empty() || raw.len() > MOST_ROLES {
            let sentence = format!("[systems.{id}] has {} roles", raw.len());
            self.fault(&path, &sentence, &format!("add 1 to {MOST_ROLES} under [[systems.{id}.roles]]"));
        }
        let raw = raw.get(..MOST_ROLES).unwrap_or(raw);
        let names: Vec<&str> = raw.iter().filter_map(|role| role.name.as_deref()).collect();
        let mut roles = Vec::new();
        for (at, role) in raw.iter().enumerate() {
            let at = at.to_string();
            let twice = role.name.as_ref().is_some_and(|name| names.iter().filter(|n| *n == name).count() > 1);
            if twice && roles.iter().any(|there: &Role| Some(there.id.as_str()) == role.name.as_deref()) {
                let sentence = format!("{id} has two roles called {}", role.name.as_deref().unwrap_or_default());
                self.fault(&["systems", id, "roles", &at, "name"], &sentence, "give each role its own name");
            }
            roles.extend(self.role(id, &at, role, &names));
        }
        let contains = contained(raw);
        for role in &mut roles {
            let all = contains.get(role.id.as_str()).into_iter().flatten();
            role.contains = all.filter_map(|name| name.parse::<RoleId>().ok()).collect();
            let alone = names.iter().filter(|name| **name == role.id.as_str()).count() == 1;
            if alone && role.contains.contains(&role.id) {
                self.fault(
                    &path,
                    &format!("the role {} of {id} contains itself", role.id),
                    "break the circle of includes",
                );
            }
        }
        roles
    }

    fn role(&mut self, id: &str, at: &str, raw: &RawRole, names: &[&str]) -> Option<Role> {
        let path = |key| ["systems", id, "roles", at, key];
        let name = self.required(raw.name.as_ref(), "name", "name = \"logs-read\"", &path("name"));
        let good = name.as_ref().is_some_and(|name| self.named(name, &path("name")));
        let allows =
            self.required(raw.allows.as_ref(), "allows", "in plain words what it lets a person do", &path("allows"));
        let (longest, default) =
            (self.length(raw.longest.as_ref(), &path("longest")), self.length(raw.default.as_ref(), &path("default")));
        if let (Some(default), Some(longest)) = (default, longest)
            && default > longest
        {
            let sentence = format!("{id} gives {default} by default, but {longest} at most");
            self.fault(&path("default"), &sentence, "lower default or raise longest");
        }
        for included in raw.includes.iter().flatten() {
            if !names.contains(&included.as_str()) {
                let sentence = format!("{id} has no role called {included}");
                self.fault(&path("includes"), &sentence, &one_of(included, names.iter().copied(), "take it out"));
            }
        }
        let mut place = path("with").map(str::to_owned).to_vec();
        self.secrets(&raw.with, &mut place);
        let provisioner = self.role_provisioner(id, raw, &path("provisioner"));
        Some(Role {
            id: name.filter(|_| good)?.parse().ok()?,
            allows: allows?,
            default,
            longest,
            provisioner: provisioner?,
            with: raw.with.clone(),
            contains: BTreeSet::new(),
        })
    }

    fn role_provisioner(&mut self, id: &str, raw: &RawRole, path: &[&str]) -> Option<String> {
        let known = self.provisioners.iter().map(String::as_str);
        match &raw.provisioner {
            None => {
                let role = raw.name.as_deref().unwrap_or("without a name");
                let cure = one_of("", known, "add one under [provisioners.…]");
                let sentence =
                    format!("the role {role} of {id} has no provisioner: what cannot be removed is not granted");
                self.missing(path, &sentence, &cure);
                None
            }
            Some(name) if !self.provisioners.contains(name) => {
                let cure = one_of(name, known, "add it under [provisioners.…]");
                self.fault(path, &format!("there is no provisioner called {name}"), &cure);
                None
            }
            Some(name) => Some(name.clone()),
        }
    }
}

/// `Mon-Fri 09:00-18:00`, `Mon,Wed 08:00-24:00`, `always`.
fn hours_of(text: &str) -> Option<Hours> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("always") {
        return Some(Hours::Always);
    }
    let (days, times) = text.split_once(' ')?;
    let mut working = BTreeSet::new();
    for part in days.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (mut day, last) = (weekday(first)?, weekday(last)?);
        working.insert(WeekdayOrd(day));
        while day != last {
            day = Weekday::succ(&day);
            working.insert(WeekdayOrd(day));
        }
    }
    let (from, until) = times.trim().split_once('-')?;
    let from = time_of(from.trim())?;
    let until = match until.trim() {
        "24:00" => None,
        until => Some(time_of(until)?),
    };
    until.is_none_or(|until| from < until).then_some(Hours::Week { days: working, from, until })
}

/// What each role contains: what it includes, or else all before it, and what those contain.
fn contained(roles: &[RawRole]) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut contains: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut before: Vec<&str> = Vec::new();
    for role in roles.iter().take(MOST_ROLES) {
        let Some(name) = role.name.as_deref() else { continue };
        let direct = match &role.includes {
            Some(includes) => includes.iter().map(String::as_str).collect(),
            None => before.iter().copied().collect(),
        };
        contains.insert(name, direct);
        before.push(name);
    }
    // Each round adds at least one step of a chain, and no chain has more steps than there are roles.
    for _ in 0..before.len() {
        let known = contains.clone();
        for own in contains.values_mut() {
            let deeper: Vec<&str> = own.iter().filter_map(|name| known.get(name)).flatten().copied().collect();
            own.extend(deeper);
        }
    }
    contains
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_days_and_times() {
        let days = |hours: Option<Hours>| match hours {
            Some(Hours::Week { days, .. }) => days.len(),
            _ => 0,
        };
        assert_eq!(days(hours_of("Mon-Fri 09:00-18:00")), 5);
        assert_eq!(days(hours_of("sat-mon 09:00-24:00")), 3);
        assert_eq!(days(hours_of("Mon,Wed,Fri-Sat 00:00-12:00")), 4);
        assert_eq!(hours_of("always"), Some(Hours::Always));
        for bad in [
            "",
            "Mon",
            "Mon-Fri",
            "Mon-Fri 18:00-09:00",
            "Mon-Fri 9-18",
            "Mon-Fry 09:00-18:00",
            "09:00-18:00",
            "Mon 09:00-09:00",
        ] {
            assert_eq!(hours_of(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_role_contains_what_its_includes_contain() {
        let role = |name: &str, includes: Option<&[&str]>| RawRole {
            name: Some(name.to_owned()),
            includes: includes.map(|all| all.iter().map(ToString::to_string).collect()),
            ..RawRole::default()
        };
        let roles = [role("a", None), role("b", None), role("c", Some(&[])), role("d", Some(&["b"])), role("e", None)];
        let contains = contained(&roles);
        let of = |name: &str| contains.get(name).unwrap().iter().copied().collect::<Vec<_>>();
        assert_eq!(of("a"), Vec::<&str>::new());
        assert_eq!(of("b"), ["a"]);
        assert_eq!(of("c"), Vec::<&str>::new());
        assert_eq!(of("d"), ["a", "b"]);
        assert_eq!(of("e"), ["a", "b", "c", "d"]);
    }
}

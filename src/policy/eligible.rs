//! Who may decide, who is asked first, and for how long: what the policy answers about an instant.
//!
//! Never reads the time: the instant is an argument.

use super::limits::Kind;
use super::people::{Duty, Person};
use super::rota::{OnDuty, Rota};
use super::systems::{Hours, Role, System};
use super::{Capacity, Policy};
use crate::text::{Instant, Length, PersonId};

impl Policy {
    /// Whether somebody is away: a day of leave, in their own zone.
    pub fn on_leave(&self, person: &PersonId, at: Instant) -> bool {
        self.people.get(person).is_some_and(|person| {
            let day = at.utc().with_timezone(&person.zone).date_naive();
            person.leave.iter().any(|(first, last)| *first <= day && day <= *last)
        })
    }

    /// Whether it is the owner's working time, in the owner's zone.
    pub fn in_hours(&self, system: &System, at: Instant) -> bool {
        let zone = self.people.get(&system.owner).map_or(self.zone, |owner| owner.zone);
        system.hours.cover(at.utc().with_timezone(&zone).naive_local())
    }

    /// Who is on duty; `None` when that person is on leave, or a calendar names nobody.
    pub fn on_duty(&self, who: &OnDuty, at: Instant) -> Option<PersonId> {
        let person = match who {
            OnDuty::Person(person) => Some(person),
            OnDuty::Rota(rota) => self.rotas.get(rota).and_then(|rota| rota.at(at)),
        };
        person.filter(|person| !self.on_leave(person, at)).cloned()
    }

    /// Who may decide now, and as what; who is asked first comes first, nobody twice. Escalations are not in it.
    pub fn eligible(&self, system: &System, kind: Kind, at: Instant) -> Vec<(PersonId, Capacity)> {
        self.eligible_without(system, kind, at, &[])
    }

    /// As [`Policy::eligible`] for a request of these people, who may not decide it. An owner among them cannot be asked, so
    /// the backup on duty stands in as if the owner were away: otherwise an owner's request could wait for ever.
    pub fn eligible_without(
        &self,
        system: &System,
        kind: Kind,
        at: Instant,
        not: &[&PersonId],
    ) -> Vec<(PersonId, Capacity)> {
        let barred = |person: &PersonId| not.iter().any(|other| self.same_person(person, other));
        let owner = Some(&system.owner).filter(|owner| !self.on_leave(owner, at) && !barred(owner)).cloned();
        let backup = || self.on_duty(&system.backup, at);
        let lead = || self.leads.as_ref().and_then(|leads| self.on_duty(leads, at));
        let may_lead = self.kinds.of(kind).lead_may_approve;

        let mut found: Vec<(PersonId, Capacity)> = Vec::with_capacity(3);
        let mut add = |person: Option<PersonId>, capacity: Capacity| {
            let Some(person) = person.filter(|person| !barred(person)) else { return };
            // A person has the best of their capacities, in the place where they come first.
            match found.iter_mut().find(|(there, _)| self.same_person(there, &person)) {
                Some((_, best)) => *best = capacity.min(*best),
                None => found.push((person, capacity)),
            }
        };
        if owner.is_some() && self.in_hours(system, at) {
            add(owner, Capacity::Owner);
        } else {
            add(backup(), Capacity::Backup);
            add(owner, Capacity::Owner);
        }
        add(Some(lead()).filter(|_| may_lead).flatten(), Capacity::Lead);
        found
    }

    /// The first who may decide a request of none of `not` (requester and user).
    pub fn asked_first(
        &self,
        system: &System,
        kind: Kind,
        at: Instant,
        not: &[&PersonId],
    ) -> Option<(PersonId, Capacity)> {
        self.eligible_without(system, kind, at, not).into_iter().next()
    }

    /// Whether somebody has a standing duty.
    pub fn is(&self, person: &PersonId, duty: Duty) -> bool {
        self.people.get(person).is_some_and(|person| person.duties.contains(&duty))
    }

    /// Whether somebody leads incidents: as a standing duty, or on duty now.
    pub fn is_lead(&self, person: &PersonId, at: Instant) -> bool {
        let now = || self.leads.as_ref().and_then(|leads| self.on_duty(leads, at));
        self.is(person, Duty::Lead) || now().is_some_and(|lead| lead == *person)
    }

    /// Whether somebody stands in for the owner, on duty or not.
    pub fn is_backup(&self, system: &System, person: &PersonId) -> bool {
        self.everybody(&system.backup).contains(&person)
    }

    /// Everybody who can ever be meant; may name somebody twice.
    pub fn everybody<'a>(&'a self, who: &'a OnDuty) -> Vec<&'a PersonId> {
        match who {
            OnDuty::Person(person) => vec![person],
            OnDuty::Rota(rota) => self.rotas.get(rota).map(|rota| rota.everybody().collect()).unwrap_or_default(),
        }
    }

    /// The longest window: the kind's or the role's, whichever is shorter.
    pub fn longest(&self, role: &Role, kind: Kind) -> Length {
        let kind = self.kinds.of(kind).longest;
        role.longest.map_or(kind, |role| role.min(kind))
    }

    /// The window when none is named: the role's, else the kind's, never above the longest.
    pub fn default_length(&self, role: &Role, kind: Kind) -> Length {
        role.default.unwrap_or(self.kinds.of(kind).default).min(self.longest(role, kind))
    }

    /// The next `n` times at which a rota's duty begins, and whose it is.
    pub fn next_turns(&self, rota: &Rota, at: Instant, n: usize) -> Vec<(Instant, PersonId)> {
        rota.next_turns(at, n)
    }

    /// Whether two names mean one human: the same id, e-mail address or account.
    pub fn same_person(&self, a: &PersonId, b: &PersonId) -> bool {
        if a == b {
            return true;
        }
        let (Some(a), Some(b)) = (self.people.get(a), self.people.get(b)) else { return false };
        let email = |person: &Person| person.email.as_ref().map(|email| email.to_lowercase());
        let one_email = a.email.is_some() && email(a) == email(b);
        one_email || (a.os_user.is_some() && a.os_user == b.os_user)
    }

    /// Who this account of the machine is.
    pub fn by_os_user(&self, account: &str) -> Option<(&PersonId, &Person)> {
        self.people.iter().find(|(_, person)| person.os_user.as_deref() == Some(account))
    }

    /// Who this e-mail address is; upper and lower case are one.
    pub fn by_email(&self, email: &str) -> Option<(&PersonId, &Person)> {
        let email = email.to_lowercase();
        self.people.iter().find(|(_, person)| person.email.as_ref().is_some_and(|own| own.to_lowercase() == email))
    }
}

impl Hours {
    /// Whether a local time is in them.
    pub fn cover(&self, local: chrono::NaiveDateTime) -> bool {
        use chrono::{Datelike, Timelike};
        match self {
            Self::Always => true,
            Self::Week { days, from, until } => {
                // A leap second counts as the second before it.
                let time = local.time().with_nanosecond(0).unwrap_or(local.time());
                days.contains(&super::systems::WeekdayOrd(local.weekday()))
                    && *from <= time
                    && until.is_none_or(|until| time < until)
            }
        }
    }
}

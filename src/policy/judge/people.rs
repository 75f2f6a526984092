//! Judging `[people.…]`: each a named human, none twice.

use super::Judge;
use crate::policy::identity::{is_account, is_shared, mixes_scripts};
use crate::policy::people::Person;
use crate::policy::raw::RawPerson;
use crate::text::PersonId;
use crate::text::instant::date_of;
use chrono::NaiveDate;
use chrono_tz::Tz;
use std::collections::BTreeMap;

impl Judge<'_> {
    pub(super) fn persons(&mut self, zone: Tz) -> BTreeMap<PersonId, Person> {
        let mut people = BTreeMap::new();
        let mut accounts: BTreeMap<(&str, String), String> = BTreeMap::new();
        let names = self.document.names("people");
        if names.is_empty() {
            self.fault(&["people"], "the policy names nobody", "add a person under [people.…]");
        }
        for id in names {
            let good = self.named(&id, &["people", &id]);
            if is_shared(&id) {
                let sentence = format!("{id} is a team or a shared account, not a person");
                self.fault(&["people", &id], &sentence, "name each person by themselves; [teams] has room for groups");
            }
            if self.rotas.contains(&id) {
                let sentence = format!("{id} is a person and a rota");
                self.fault(&["people", &id], &sentence, "rename the rota, so that backup and leads are clear");
            }
            let Some(raw) = self.document.entry::<RawPerson>("people", &id) else { continue };
            let person = self.person_of(&id, &raw, zone);
            let Some(person) = person.filter(|_| good) else { continue };
            for (what, account) in [("email", &person.email), ("os_user", &person.os_user)] {
                let Some(account) = account else { continue };
                if let Some(other) = accounts.insert((what, account.clone()), id.clone()) {
                    let sentence = format!("{id} and {other} have one {what}, {account}");
                    self.fault(&["people", &id, what], &sentence, "one person, one entry: a shared account is nobody");
                }
            }
            if let Ok(id) = id.parse() {
                people.insert(id, person);
            }
        }
        people
    }

    fn person_of(&mut self, id: &str, raw: &RawPerson, zone: Tz) -> Option<Person> {
        let path = |key| ["people", id, key];
        let name = self.required(raw.name.as_ref(), "name", "name = \"Priya Shah\"", &path("name"));
        if let Some(name) = &name {
            if is_shared(name) {
                let sentence = format!("{name} is a team or a shared account, not a person");
                self.fault(&path("name"), &sentence, "write the person's own name");
            }
            if mixes_scripts(name) {
                let sentence = format!("the name {name} mixes letters of several scripts in one word");
                self.fault(&path("name"), &sentence, "write it in one script: it could pass for another name");
            }
        }
        let zone = match &raw.zone {
            Some(zone) => self.zone(zone, &path("zone"))?,
            None => zone,
        };
        Some(Person {
            title: self.line_of(raw.title.as_ref(), &path("title")),
            email: self.email(id, raw.email.as_ref()),
            os_user: self.os_user(id, raw.os_user.as_ref()),
            contact: self.line_of(raw.contact.as_ref(), &path("contact")),
            zone,
            leave: self.leave(id, &raw.leave),
            duties: raw.duties.iter().copied().collect(),
            name: name?,
        })
    }

    fn email(&mut self, id: &str, email: Option<&String>) -> Option<String> {
        let email = email?.trim().to_lowercase();
        let path = ["people", id, "email"];
        let plain = email.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>\"(),;:\\".contains(&byte));
        match email.split_once('@') {
            Some((local, domain))
                if plain && email.len() <= 254 && !local.is_empty() && !domain.is_empty() && !domain.contains('@') =>
            {
                if is_shared(local) {
                    let sentence = format!("{email} is a shared mailbox, not a person's");
                    self.fault(&path, &sentence, "write their own address");
                }
                Some(email)
            }
            _ => {
                self.fault(&path, &format!("{email:?} is no e-mail address"), "write it as priya@example.com");
                None
            }
        }
    }

    fn os_user(&mut self, id: &str, account: Option<&String>) -> Option<String> {
        let account = account?;
        let good = is_account(account);
        if !good {
            let sentence = format!("{account:?} is no account of a machine");
            self.fault(&["people", id, "os_user"], &sentence, "write what `id -un` prints for them");
        }
        good.then(|| account.clone())
    }

    fn leave(&mut self, id: &str, leave: &[String]) -> Vec<(NaiveDate, NaiveDate)> {
        let mut days = Vec::new();
        for (at, text) in leave.iter().enumerate() {
            let path = ["people", id, "leave", &at.to_string()];
            let (first, last) = text.split_once("..").unwrap_or((text, text));
            match (date_of(first.trim()), date_of(last.trim())) {
                (Some(first), Some(last)) if first <= last => days.push((first, last)),
                (Some(_), Some(_)) => {
                    self.fault(&path, &format!("the leave {text} ends before it begins"), "put the first day first");
                }
                _ => self.fault(&path, &format!("{text:?} is no leave"), "write it as \"2026-12-24..2027-01-02\""),
            }
        }
        days
    }
}

//! The kind `postgres`: roles in a PostgreSQL server.
//!
//! `mode = "role"`: a login role of the grant's own, named by its mark, without a password until its user collects one.
//! `mode = "membership"`: an existing login becomes a member of a role by a marker role in between, which nobody can sign
//! in as: it carries our comment, and dropping it ends what we gave and nothing else.
//!
//! Both are one role that we made and that is gone at the end. Ours is what our comment says is ours, whatever its name.
//! What its user left behind is known while the role is dropped, and told in the answer. A server that dies between the drop
//! and the record of that answer loses this *drift*, never the removal: the next attempt finds nothing left to tell.
//! A transaction that the user prepared outlives the role, as PostgreSQL has it: it is told as drift, and what it holds locked
//! fails the removal until somebody rolls it back.
//!
//! It must never change or drop any other role, never say *absent* on a server that only reads, and never put a secret
//! into a statement or a sentence.

mod by_hand;
mod catalogue;
mod grant;
mod link;
mod observe;
mod remove;
mod scram;
mod settings;

use super::contract::{Act, Credential, Fault, Granted, Observation, Provisioner, Removed, Spec, Stray, store_part};
use crate::policy::ProvisionerSettings;
use crate::text::Length;
use crate::text::words::safe_line;
use futures_util::future::BoxFuture;
use link::{Link, ident, literal};
use serde_json::{Map, Value};
use settings::{COMMENT, Mode, Place, Settings};
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// One server.
struct Postgres {
    settings: Settings,
    link: Link,
    /// The roles that this process dropped lately, by mark: a sign-in that was under way may outlive its role.
    dropped: Mutex<HashMap<String, Vec<i64>>>,
}

/// How many dropped roles are remembered.
const REMEMBERED: usize = 20_000;

/// Reads the keys. Touches no server.
pub(super) fn build(name: &str, settings: &ProvisionerSettings, base: &Path) -> Result<Box<dyn Provisioner>, String> {
    let (settings, options, password) = settings::read(name, settings, base)?;
    let link = Link::new(name, options, password, settings.limit);
    Ok(Box::new(Postgres { settings, link, dropped: Mutex::default() }))
}

/// The answers to a batch while they come in.
type Answers<T> = Vec<Option<Result<T, Fault>>>;

/// Every element has an answer: what is still open has this one.
fn filled<T>(answers: Answers<T>, fault: &Fault) -> Vec<Result<T, Fault>> {
    answers.into_iter().map(|answer| answer.unwrap_or_else(|| Err(fault.clone()))).collect()
}

/// Answers one element, unless it has its answer.
fn answer<T>(answers: &mut Answers<T>, at: usize, said: Result<T, Fault>) {
    if let Some(slot) = answers.get_mut(at).filter(|slot| slot.is_none()) {
        *slot = Some(said);
    }
}

impl Postgres {
    /// Where each spec's role is; those whose settings are wrong are answered.
    fn places<T>(&self, specs: &[Spec], answers: &mut Answers<T>) -> Vec<(usize, Place)> {
        let mut places = Vec::new();
        for (at, spec) in specs.iter().enumerate() {
            match self.settings.place(spec) {
                Ok(place) => places.push((at, place)),
                Err(sentence) => answer(answers, at, Err(Fault::lasting(sentence))),
            }
        }
        places
    }

    /// Within the limit, keeping what was answered by then.
    async fn within<T>(
        &self,
        count: usize,
        work: impl AsyncFnOnce(&mut Answers<T>) -> Result<(), Fault>,
    ) -> Vec<Result<T, Fault>> {
        let mut answers: Answers<T> = (0..count).map(|_| None).collect();
        if count == 0 {
            return Vec::new();
        }
        let worked = tokio::time::timeout(self.settings.limit.to_std(), work(&mut answers)).await;
        let target = &self.settings.target;
        let open = match worked {
            Ok(Ok(())) => Fault::passing(format!("{target} said nothing about this one: it is tried again")),
            Ok(Err(fault)) => fault,
            Err(_) => Fault::passing(format!("{target} was not done with this one in time: the next attempt goes on")),
        };
        filled(answers, &open)
    }

    fn remember(&self, mark: &str, oids: impl Iterator<Item = i64>) {
        let mut dropped = self.dropped.lock().unwrap_or_else(PoisonError::into_inner);
        if dropped.len() >= REMEMBERED {
            dropped.clear();
        }
        dropped.entry(mark.to_owned()).or_default().extend(oids);
    }

    fn remembered(&self, mark: &str) -> Vec<i64> {
        let dropped = self.dropped.lock().unwrap_or_else(PoisonError::into_inner);
        dropped.get(mark).cloned().unwrap_or_default()
    }

    async fn hand_one(&self, spec: &Spec) -> Result<Credential, Fault> {
        let place = self.settings.place(spec).map_err(Fault::lasting)?;
        if self.settings.mode == Mode::Membership {
            return Err(Fault::lasting("there is no credential to collect: sign in as you always do"));
        }
        let mut conn = self.link.open().await?;
        let found = catalogue::find(&mut conn, &[], std::slice::from_ref(&place.said)).await?;
        let Some(role) = found.of(&place).find(|role| role.login) else {
            return Err(Fault::passing(format!("role {} is not there, or may not sign in any more", place.name)));
        };
        let password = scram::password()?;
        let verifier = scram::verifier(&password)?;
        conn.run(&format!("ALTER ROLE {} PASSWORD {}", ident(&role.name), literal(&verifier))).await?;
        conn.give_back();
        let user = &self.settings.user;
        let fields = [
            ("host", Value::from(user.host.clone())),
            ("port", Value::from(user.port)),
            ("dbname", Value::from(user.database.clone())),
            ("user", Value::from(role.name.clone())),
            ("password", Value::from(password.reveal())),
            ("sslmode", Value::from(user.sslmode.clone())),
        ];
        Ok(Credential::new(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>()))
    }

    async fn strays_of(&self, store: &str) -> Result<Vec<Stray>, Fault> {
        let mut conn = self.link.open().await?;
        let found = catalogue::of_store(&mut conn, store).await?;
        let oids: Vec<i64> = found.iter().map(|role| role.oid).collect();
        let sessions = catalogue::sessions(&mut conn, &oids).await?;
        conn.give_back();
        let ours = found.iter().filter_map(|role| {
            let mark = role.said.strip_prefix(COMMENT)?;
            // Both modes may share a server: each speaks of its own.
            let marker = role.name.starts_with(&format!("{store}m-")) && !role.login;
            (super::contract::store_of(mark) == Some(store) && marker == (self.settings.mode == Mode::Membership)).then(
                || Stray {
                    mark: mark.to_owned(),
                    evidence: safe_line(observe::evidence(role, sessions.get(&role.oid).copied()).as_bytes()),
                },
            )
        });
        Ok(ours.collect())
    }

    async fn probe_all(&self) -> Result<(), Fault> {
        let mut conn = self.link.open().await?;
        let lacks = grant::lacks(&mut conn).await?;
        conn.give_back();
        if lacks.is_empty() {
            return Ok(());
        }
        Err(Fault::passing(format!("{}: {}", self.settings.target, lacks.join("; "))))
    }
}

impl Provisioner for Postgres {
    fn target(&self) -> &str {
        &self.settings.target
    }
    fn key(&self, spec: &Spec) -> String {
        // Whose settings are wrong is known by its mark: nothing else could share it.
        let place = self.settings.place(spec);
        let within = match (&place, self.settings.mode) {
            (Ok(place), Mode::Membership) => place.name.as_str(),
            _ => spec.mark.as_str(),
        };
        format!("{}/{within}", self.settings.target)
    }
    fn grant<'a>(&'a self, specs: &'a [Spec]) -> Act<'a, Granted> {
        Box::pin(self.within(specs.len(), async |answers| {
            let places = self.places(specs, answers);
            self.grant_all(&places, answers).await
        }))
    }
    fn remove<'a>(&'a self, specs: &'a [Spec]) -> Act<'a, Removed> {
        Box::pin(self.within(specs.len(), async |answers| {
            let places = self.places(specs, answers);
            self.remove_all(&places, answers).await
        }))
    }
    fn observe<'a>(&'a self, specs: &'a [Spec]) -> Act<'a, Observation> {
        Box::pin(self.within(specs.len(), async |answers| {
            let places = self.places(specs, answers);
            self.observe_all(&places, answers).await
        }))
    }
    fn hand<'a>(&'a self, spec: &'a Spec) -> BoxFuture<'a, Result<Credential, Fault>> {
        Box::pin(self.hand_one(spec))
    }
    fn strays<'a>(&'a self, store: &'a str) -> BoxFuture<'a, Result<Vec<Stray>, Fault>> {
        Box::pin(async move { self.strays_of(&store_part(store)).await })
    }
    fn probe(&self) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(self.probe_all())
    }
    fn by_hand(&self, spec: &Spec) -> String {
        by_hand::command(&self.settings, spec)
    }
    fn settles(&self) -> Length {
        self.settings.settles
    }
    fn bound(&self) -> Length {
        self.settings.bound
    }
    fn time_limit(&self) -> Length {
        self.settings.limit
    }
    fn at_once(&self) -> usize {
        1000
    }
    fn second_lock(&self) -> bool {
        self.settings.mode == Mode::Role
    }
}

#[cfg(test)]
pub(super) mod bench;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tls;

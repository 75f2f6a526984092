//! The kind `command`: a helper program that gives, removes and observes access, so that any target can be reached.
//!
//! Keys: `argv` (no shell; the first word an absolute path), and optional `time_limit` (10s, for one run), `bound`,
//! `settles` (lengths), `at_once` (4: how many specs one call takes; four helpers run side by side) and `strays`
//! (false: whether the helper knows that verb).
//!
//! Run as `argv… grant|remove|observe|probe|credential|strays` with one JSON object on standard input (the spec; `{}` to
//! probe; `{"store":"nl-7f3a-"}` for strays), in `/`, with nothing of our environment but `PATH`, `HOME` and `LANG`. It
//! answers with one JSON object on standard output and exit code 0; `strays` with `{"strays":[{"mark":…,"evidence":…}]}`.
//!
//! A helper is not trusted: whatever is not exactly such an answer is a fault, and never an absence. Its output is
//! capped, its time is limited, and its whole process group is gone when its answer is read. What it says on failure is
//! shown to people, so it must not print secrets there; what `credential` prints appears in no fault of ours.

mod answer;

use super::contract::{
    Act, Credential, DEFAULT_BOUND, Fault, Granted, Observation, Presence, Provisioner, Removed, Spec, Stray,
    store_part,
};
use super::keys;
use crate::policy::ProvisionerSettings;
use crate::program::{self, Program, safe};
use crate::text::Length;
use crate::text::words::{safe_line, shell};
use futures_util::StreamExt as _;
use futures_util::future::{BoxFuture, ready};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::path::Path;

/// How many helpers of one target run side by side.
const SIDE_BY_SIDE: usize = 4;

/// The keys of this kind.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    argv: Vec<String>,
    #[serde(default, deserialize_with = "keys::length")]
    time_limit: Option<Length>,
    #[serde(default, deserialize_with = "keys::length")]
    bound: Option<Length>,
    #[serde(default, deserialize_with = "keys::length")]
    settles: Option<Length>,
    at_once: Option<usize>,
    #[serde(default)]
    strays: bool,
}

/// One helper.
struct Helper {
    target: String,
    argv: Vec<String>,
    limit: Length,
    bound: Length,
    settles: Length,
    at_once: usize,
    lists: bool,
}

/// Reads the keys. Whether the helper is there and safe to run is asked at each run, on the machine that runs it.
pub(super) fn build(name: &str, settings: &ProvisionerSettings, _: &Path) -> Result<Box<dyn Provisioner>, String> {
    let keys: Keys = keys::read(name, &settings.settings)?;
    let fault = |words: &str| Err(format!("[provisioners.{name}]: {words}"));
    match keys.argv.first() {
        None => return fault("argv is empty: name the helper by its absolute path"),
        Some(program) if !Path::new(program).is_absolute() => {
            return fault(&format!("the helper {program:?} is not an absolute path: write where it is, from / on"));
        }
        Some(_) => {}
    }
    if keys.argv.iter().any(|word| word.contains('\0')) {
        return fault("argv holds a NUL character: take it out");
    }
    let limit = keys.time_limit.unwrap_or(Length::from_seconds(10));
    if limit < Length::from_millis(100) || limit > Length::from_minutes(5) {
        return fault("time_limit is outside 100ms to 5m");
    }
    let at_once = keys.at_once.unwrap_or(SIDE_BY_SIDE);
    if !(1..=64).contains(&at_once) {
        return fault("at_once is outside 1 to 64");
    }
    Ok(Box::new(Helper {
        target: name.to_owned(),
        argv: keys.argv,
        limit,
        bound: keys.bound.unwrap_or(DEFAULT_BOUND),
        settles: keys.settles.unwrap_or(Length::ZERO),
        at_once,
        lists: keys.strays,
    }))
}

#[derive(Deserialize)]
struct GrantAnswer {
    #[serde(default)]
    second_lock: bool,
}

#[derive(Deserialize)]
struct ObserveAnswer {
    present: bool,
    until: Option<crate::text::Instant>,
    sessions: Option<u32>,
    evidence: Option<String>,
    ours: Option<bool>,
}

#[derive(Deserialize)]
struct StraysAnswer {
    strays: Vec<StrayAnswer>,
}

#[derive(Deserialize)]
struct StrayAnswer {
    mark: String,
    #[serde(default)]
    evidence: String,
}

impl Helper {
    /// Runs one verb and gives what it printed, when it ended well.
    async fn run(&self, verb: &str, input: &impl Serialize) -> Result<Vec<u8>, Fault> {
        let input = serde_json::to_vec(input)
            .map_err(|fault| Fault::lasting(format!("the request cannot be written as JSON: {fault}")))?;
        let words = self.argv.clone();
        tokio::task::spawn_blocking(move || safe::check(&words))
            .await
            .map_err(|_| Fault::passing("looking at the helper was interrupted"))?
            .map_err(|refused| Fault { sentence: refused.sentence, retry: !refused.lasting })?;
        let mut argv = self.argv.clone();
        argv.push(verb.to_owned());
        let first = self.argv.first().map(String::as_str).unwrap_or_default();
        let shown = format!("{} {verb}", safe_line(first.as_bytes()));
        let what = Program { argv: &argv, shown: &shown, limit: self.limit, passed_on: &[] };
        let ran = program::run(what, input).await.map_err(Fault::passing)?;
        if ran.success { Ok(ran.stdout) } else { Err(answer::failure(&self.called(verb), &ran)) }
    }

    async fn grant_one(&self, spec: &Spec) -> Result<Granted, Fault> {
        let printed = self.run("grant", spec).await?;
        let GrantAnswer { second_lock } = answer::object(&self.called("grant"), &printed)?;
        Ok(Granted { second_lock })
    }

    async fn remove_one(&self, spec: &Spec) -> Result<Removed, Fault> {
        let printed = self.run("remove", spec).await?;
        answer::object::<Map<String, Value>>(&self.called("remove"), &printed).map(|_| Removed::default())
    }

    async fn observe_one(&self, spec: &Spec) -> Result<Observation, Fault> {
        let printed = self.run("observe", spec).await?;
        let seen: ObserveAnswer = answer::object(&self.called("observe"), &printed)?;
        Ok(Observation {
            presence: if seen.present { Presence::Present } else { Presence::Absent },
            until: seen.until,
            sessions: seen.sessions,
            evidence: safe_line(seen.evidence.unwrap_or_default().as_bytes()),
            // The mark is the helper's to compare; one that says nothing was asked for the mark and found it.
            ours: seen.ours.unwrap_or(seen.present),
        })
    }

    /// The helper and the verb, as a sentence names them.
    fn called(&self, verb: &str) -> String {
        let program = self.argv.first().map(Path::new).and_then(Path::file_name).unwrap_or_default();
        format!("{} {verb}", safe_line(program.to_string_lossy().as_bytes()))
    }
}

impl Provisioner for Helper {
    fn target(&self) -> &str {
        &self.target
    }
    fn key(&self, spec: &Spec) -> String {
        format!("{}/{}", self.target, spec.mark)
    }
    fn grant<'a>(&'a self, specs: &'a [Spec]) -> Act<'a, Granted> {
        let runs = specs.iter().map(|spec| Box::pin(self.grant_one(spec)) as BoxFuture<'a, _>);
        Box::pin(stream::iter(runs.collect::<Vec<_>>()).buffered(SIDE_BY_SIDE).collect())
    }
    fn remove<'a>(&'a self, specs: &'a [Spec]) -> Act<'a, Removed> {
        let runs = specs.iter().map(|spec| Box::pin(self.remove_one(spec)) as BoxFuture<'a, _>);
        Box::pin(stream::iter(runs.collect::<Vec<_>>()).buffered(SIDE_BY_SIDE).collect())
    }
    fn observe<'a>(&'a self, specs: &'a [Spec]) -> Act<'a, Observation> {
        let runs = specs.iter().map(|spec| Box::pin(self.observe_one(spec)) as BoxFuture<'a, _>);
        Box::pin(stream::iter(runs.collect::<Vec<_>>()).buffered(SIDE_BY_SIDE).collect())
    }
    fn hand<'a>(&'a self, spec: &'a Spec) -> BoxFuture<'a, Result<Credential, Fault>> {
        Box::pin(async move {
            let printed = self.run("credential", spec).await?;
            answer::secret(&self.called("credential"), &printed).map(Credential::new)
        })
    }
    fn strays<'a>(&'a self, store: &'a str) -> BoxFuture<'a, Result<Vec<Stray>, Fault>> {
        if !self.lists {
            return Box::pin(ready(Err(Fault::lasting(format!(
                "the helper of {} cannot list what its target holds: teach it the verb strays, then set strays = true",
                self.target
            )))));
        }
        Box::pin(async move {
            let store = store_part(store);
            let printed = self.run("strays", &serde_json::json!({ "store": store })).await?;
            let StraysAnswer { strays } = answer::object(&self.called("strays"), &printed)?;
            Ok(strays
                .into_iter()
                .filter(|stray| super::contract::store_of(&stray.mark) == Some(&store))
                .map(|stray| Stray { mark: stray.mark, evidence: safe_line(stray.evidence.as_bytes()) })
                .collect())
        })
    }
    fn probe(&self) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(async move {
            let printed = self.run("probe", &Map::new()).await?;
            answer::object::<Map<String, Value>>(&self.called("probe"), &printed).map(|_| ())
        })
    }
    fn by_hand(&self, spec: &Spec) -> String {
        let input = serde_json::to_string(spec).unwrap_or_default();
        let words: Vec<String> = self.argv.iter().map(|word| shell(word)).collect();
        format!("printf '%s' {} | {} remove", shell(&input), words.join(" "))
    }
    fn settles(&self) -> Length {
        self.settles
    }
    fn bound(&self) -> Length {
        self.bound
    }
    fn time_limit(&self) -> Length {
        let rounds = self.at_once.div_ceil(SIDE_BY_SIDE);
        Length::from_millis(self.limit.millis().saturating_mul(i64::try_from(rounds).unwrap_or(i64::MAX)))
    }
    fn at_once(&self) -> usize {
        self.at_once
    }
    fn second_lock(&self) -> bool {
        // Only the answer to a grant can say so.
        false
    }
}

#[cfg(test)]
mod tests;

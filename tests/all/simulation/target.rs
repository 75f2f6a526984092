//! A model of the targets: what access is there, and how each call on it goes. Every call takes its effect and is answered
//! at instants that the seed chose, whether or not somebody still waits for it.

use super::chance::Dice;
use futures_util::future::BoxFuture;
use nightlatch::provision::{
    Act, Credential, Fault, Granted, Observation, Presence, Provisioner, Removed, Spec, Stray,
};
use nightlatch::text::{Instant, Length};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::sync::oneshot;

/// The longest that one call takes, in milliseconds; whatever it does, it did by then.
pub const LIMIT: i64 = 3_000;

/// The names of the targets: a file a grant, a membership that grants share, one that ends by itself, one that needs two
/// readings.
pub const TARGETS: [&str; 4] = ["plain", "shared", "locked", "settling"];

/// How a target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Well,
    /// Nothing is done, and it says so.
    Down,
    /// It is done, and it says that it failed.
    FailsAfter,
    /// It is done, and nobody hears of it.
    Mute,
    /// Nothing is done until late, and nobody hears of it.
    Hangs,
    /// It says done, and nothing is.
    Lies,
    /// Removing leaves a session behind.
    Clings,
    /// Each call is done twice.
    Twice,
    /// Everything takes its time, the answer even longer than anybody waits.
    Late,
    /// One of the others, anew for each call.
    Any,
}

pub const MOODS: [Mood; 9] = [
    Mood::Down,
    Mood::FailsAfter,
    Mood::Mute,
    Mood::Hangs,
    Mood::Lies,
    Mood::Clings,
    Mood::Twice,
    Mood::Late,
    Mood::Any,
];

/// One access in a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    pub until: Instant,
    pub mark: String,
    pub present: bool,
    pub sessions: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Grant,
    Remove,
    Observe,
}

/// What a call is answered with, for each spec.
type Answers = Vec<Result<Option<Observation>, Fault>>;

struct Call {
    target: &'static str,
    verb: Verb,
    specs: Vec<Spec>,
    mood: Mood,
    effects: Vec<i64>,
    answer: Option<(i64, Answers)>,
    reply: Option<oneshot::Sender<Answers>>,
}

/// A call as it began, for who checks it.
#[derive(Debug, Clone)]
pub struct Begun {
    pub replica: String,
    pub target: &'static str,
    pub verb: Verb,
    pub keys: Vec<String>,
    pub numbers: Vec<u64>,
}

/// All targets.
pub struct Model {
    pub at: i64,
    pub access: BTreeMap<String, Access>,
    pub moods: BTreeMap<&'static str, Mood>,
    pub begun: Vec<Begun>,
    /// Until when something that was begun badly may still be felt.
    pub felt_until: i64,
    /// What happened, for the trace.
    pub said: Vec<String>,
    calls: Vec<Call>,
    /// When somebody who waits for an answer, or for the second reading, goes on.
    patience: Vec<i64>,
    dice: Dice,
    /// Removes nothing, and says that it did and that it is gone: a deliberate fault of the simulation itself.
    pub resurrects: bool,
}

impl Model {
    pub fn new(at: i64, dice: Dice) -> Self {
        Self {
            at,
            access: BTreeMap::new(),
            moods: TARGETS.into_iter().map(|target| (target, Mood::Well)).collect(),
            begun: Vec::new(),
            felt_until: 0,
            said: Vec::new(),
            calls: Vec::new(),
            patience: Vec::new(),
            dice,
            resurrects: false,
        }
    }

    /// Whether every target is well, and nothing of before is still felt.
    pub fn calm(&self) -> bool {
        self.moods.values().all(|mood| *mood == Mood::Well) && self.felt_until <= self.at
    }

    /// The next instant at which a call does or says something.
    pub fn next(&self) -> Option<i64> {
        let of = |call: &Call| call.effects.iter().copied().chain(call.answer.as_ref().map(|(at, _)| *at)).min();
        self.calls.iter().filter_map(of).chain(self.patience.iter().copied().filter(|at| *at > self.at)).min()
    }

    /// What there is, by its key: access that is there, or lives on in a session.
    pub fn alive(&self) -> impl Iterator<Item = (&String, &Access)> {
        self.access.iter().filter(|(_, access)| access.present || access.sessions > 0)
    }

    fn begin(&mut self, replica: &str, target: &'static str, verb: Verb, specs: &[Spec]) -> oneshot::Receiver<Answers> {
        let mut mood = self.moods[target];
        if mood == Mood::Any {
            mood = *self.dice.one(&MOODS[..8]);
        }
        let dice = &self.dice;
        let after = |millis: i64| self.at + i64::try_from(dice.below(u64::try_from(millis).unwrap() + 1)).unwrap();
        let quick = if dice.percent(70) { self.at } else { after(900) };
        let (effects, answered) = match mood {
            Mood::Down => (vec![], Some(quick)),
            Mood::Lies if verb != Verb::Observe => (vec![], Some(quick)),
            Mood::Mute => (vec![quick], None),
            Mood::Hangs => (if dice.percent(50) { vec![] } else { vec![after(LIMIT)] }, None),
            Mood::Late => (vec![after(LIMIT)], Some(self.at + LIMIT + i64::try_from(dice.below(3_000)).unwrap())),
            Mood::Twice => (vec![quick, quick], Some(quick)),
            _ => (vec![quick], Some(quick)),
        };
        if mood != Mood::Well {
            self.felt_until = self.felt_until.max(self.at + LIMIT + 3_000);
        }
        self.patience.retain(|at| *at > self.at);
        match answered {
            Some(at) if at <= self.at + LIMIT => self.patience.push(at + 2_000),
            _ => self.patience.push(self.at + LIMIT + 1_000),
        }
        let keys: Vec<String> = specs.iter().map(|spec| key(target, spec)).collect();
        let numbers = specs.iter().map(|spec| spec.request).collect();
        self.said.push(format!("{replica}: {verb:?} {} {} ({mood:?})", target, keys.join(" ")));
        self.begun.push(Begun { replica: replica.to_owned(), target, verb, keys, numbers });
        let (reply, answer) = oneshot::channel();
        let answers = specs.iter().map(|_| Err(Fault::passing("the simulated target is down"))).collect();
        self.calls.push(Call {
            target,
            verb,
            specs: specs.to_vec(),
            mood,
            effects,
            answer: answered.map(|at| (at, answers)),
            reply: Some(reply),
        });
        answer
    }

    /// Does and says what is due. True when something was said.
    pub fn turn(&mut self) -> bool {
        let mut said = false;
        self.end_by_themselves();
        for mut call in std::mem::take(&mut self.calls) {
            let due = call.effects.iter().filter(|at| **at <= self.at).count();
            for _ in 0..due {
                call.effects.remove(0);
                let answers = self.effect(&call);
                if let Some((_, kept)) = &mut call.answer {
                    *kept = answers;
                }
            }
            if call.mood == Mood::Lies && call.verb != Verb::Observe {
                let nothing = call.specs.iter().map(|_| Ok(None)).collect();
                call.answer = call.answer.map(|(at, _)| (at, nothing));
            }
            match call.answer {
                Some((at, answers)) if at <= self.at => {
                    said = true;
                    // Nobody may wait for it any more.
                    let _ = call.reply.take().map(|reply| reply.send(answers));
                    continue;
                }
                None if call.effects.is_empty() && call.reply.as_ref().is_none_or(oneshot::Sender::is_closed) => {
                    continue;
                }
                Some(_) | None => {}
            }
            self.calls.push(call);
        }
        said
    }

    fn end_by_themselves(&mut self) {
        let at = self.at;
        let over = |key: &str, access: &Access| key.starts_with("locked/") && access.until.millis() <= at;
        self.access.retain(|key, access| !over(key, access));
    }

    fn effect(&mut self, call: &Call) -> Answers {
        let failed = call.mood == Mood::FailsAfter && call.verb != Verb::Observe;
        let mut answers = Vec::new();
        for spec in &call.specs {
            let key = key(call.target, spec);
            let answer = match call.verb {
                Verb::Grant => {
                    let sessions = u32::try_from(self.dice.below(3)).unwrap();
                    let fresh = Access { until: spec.until, mark: spec.mark.clone(), present: true, sessions };
                    self.said.push(format!("  {key} is there until {}", spec.until));
                    self.access.insert(key, fresh);
                    None
                }
                Verb::Remove if self.resurrects => None,
                Verb::Remove => {
                    self.said.push(format!("  {key} is taken out"));
                    if call.mood == Mood::Clings
                        && let Some(access) = self.access.get_mut(&key)
                    {
                        (access.present, access.sessions) = (false, 1);
                    } else {
                        self.access.remove(&key);
                    }
                    None
                }
                Verb::Observe => {
                    let access = self.access.get(&key).filter(|_| !self.resurrects || self.at < spec.until.millis());
                    Some(Observation {
                        presence: if access.is_some_and(|a| a.present) { Presence::Present } else { Presence::Absent },
                        until: access.filter(|_| key.starts_with("locked/")).map(|access| access.until),
                        sessions: Some(access.map_or(0, |access| access.sessions)),
                        evidence: format!("looked for {key}"),
                        ours: true,
                    })
                }
            };
            answers.push(if failed { Err(Fault::passing("the simulated target failed")) } else { Ok(answer) });
        }
        answers
    }
}

/// The access in its target, as the store's `access_key` names it.
fn key(target: &str, spec: &Spec) -> String {
    if target == "shared" { format!("{target}/{}", spec.user.id) } else { format!("{target}/{}", spec.mark) }
}

/// One target as one replica calls it.
pub struct Fake {
    pub target: &'static str,
    pub replica: String,
    pub model: Arc<Mutex<Model>>,
}

impl Fake {
    fn call<'a, T: Send + 'a>(&'a self, verb: Verb, specs: &'a [Spec], of: fn(Option<Observation>) -> T) -> Act<'a, T> {
        Box::pin(async move {
            let answer = self.model.lock().unwrap().begin(&self.replica, self.target, verb, specs);
            match answer.await {
                Ok(answers) => answers.into_iter().map(|answer| answer.map(of)).collect(),
                Err(_) => std::future::pending().await,
            }
        })
    }
}

impl Provisioner for Fake {
    fn target(&self) -> &str {
        self.target
    }
    fn key(&self, spec: &Spec) -> String {
        key(self.target, spec).split_once('/').unwrap().1.to_owned()
    }
    fn grant<'a>(&'a self, specs: &'a [Spec]) -> Act<'a, Granted> {
        if self.target == "locked" {
            self.call(Verb::Grant, specs, |_| Granted { second_lock: true })
        } else {
            self.call(Verb::Grant, specs, |_| Granted { second_lock: false })
        }
    }
    fn remove<'a>(&'a self, specs: &'a [Spec]) -> Act<'a, Removed> {
        self.call(Verb::Remove, specs, |_| Removed::default())
    }
    fn observe<'a>(&'a self, specs: &'a [Spec]) -> Act<'a, Observation> {
        self.call(Verb::Observe, specs, |seen| seen.expect("an observation"))
    }
    fn hand<'a>(&'a self, _: &'a Spec) -> BoxFuture<'a, Result<Credential, Fault>> {
        Box::pin(async { Err(Fault::lasting("it has none")) })
    }
    fn strays<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Vec<Stray>, Fault>> {
        let model = self.model.lock().unwrap();
        let prefix = format!("{}/", self.target);
        let found = model.alive().filter(|(key, _)| key.starts_with(&prefix));
        let strays: Vec<Stray> =
            found.map(|(key, access)| Stray { mark: access.mark.clone(), evidence: key.clone() }).collect();
        Box::pin(async { Ok(strays) })
    }
    fn probe(&self) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(async { Ok(()) })
    }
    fn by_hand(&self, spec: &Spec) -> String {
        format!("remove {}", key(self.target, spec))
    }
    fn settles(&self) -> Length {
        if self.target == "settling" { Length::from_seconds(2) } else { Length::ZERO }
    }
    fn time_limit(&self) -> Length {
        Length::from_millis(LIMIT)
    }
    fn at_once(&self) -> usize {
        3
    }
    fn second_lock(&self) -> bool {
        self.target == "locked"
    }
}

//! How well the checks judge texts that people have labelled: precision and recall of the bad class, warn and fail counted as bad.
//!
//! Figures over texts that the weights were fitted on flatter. So the file is also cut into folds: each is judged with weights
//! fitted without it, and those figures stand beside.

mod fit;

use super::pattern::LATELY;
use super::reading::Task;
use super::reading::clear::{self, NAMES, WEIGHTS, Weights};
use super::{Check, Earlier, Past, Verdict, View, run_with};
use crate::policy::{Hours, Kind, Kinds, OnDuty, Policy, Role, System};
use crate::text::{Instant, Length, PersonId, RoleId, SystemId};
use fit::{Labelled, fit};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Labelled texts of our own, on which the weights were fitted.
const OWN: &str = include_str!("texts.jsonl");
/// Into so many parts the file is cut, so many times, each time shuffled otherwise.
const FOLDS: usize = 10;
const SHUFFLES: u64 = 5;
/// The most lines that a file may have.
const MOST: usize = 20_000;
/// What is judged: the label's name, the check that judges it, and where its truth stands.
const LABELS: [(&str, &str, Truth); 4] = [
    ("task", "task", |labels| labels.task_clear),
    ("role", "role", |labels| labels.role_fits),
    ("window", "end", |labels| labels.window_fits),
    ("fresh", "fresh", |labels| labels.fresh),
];

type Truth = fn(&Labels) -> bool;

/// One labelled request, a line of the file.
#[derive(Debug, Clone, Deserialize)]
struct Line {
    task: String,
    kind: Kind,
    system: String,
    role: String,
    roles_available: Vec<RoleLine>,
    minutes: i64,
    #[serde(default)]
    incident: Option<String>,
    #[serde(default)]
    earlier: Option<Vec<String>>,
    labels: Labels,
    #[cfg(test)]
    #[serde(default)]
    held: bool,
}

#[derive(Debug, Clone, Deserialize)]
struct RoleLine {
    name: String,
    allows: String,
}

#[derive(Debug, Clone, Copy, Deserialize)]
struct Labels {
    task_clear: bool,
    role_fits: bool,
    window_fits: bool,
    fresh: bool,
}

/// How well one label is judged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Figure {
    /// Of what was called bad, the part that is; 1 where nothing was.
    pub precision: f64,
    /// Of what is bad, the part that was called so; 1 where nothing is.
    pub recall: f64,
    /// How many are bad.
    pub bad: usize,
}

/// How well each label is judged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Figures {
    /// The task is clear.
    pub task: Figure,
    /// The role fits.
    pub role: Figure,
    /// The window fits.
    pub window: Figure,
    /// The request is fresh.
    pub fresh: Figure,
}

impl Figures {
    /// Each with its name, in order.
    pub fn each(&self) -> [(&'static str, Figure); 4] {
        [("task", self.task), ("role", self.role), ("window", self.window), ("fresh", self.fresh)]
    }
}

/// What came out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Score {
    /// With the weights in use.
    #[serde(flatten)]
    pub whole: Figures,
    /// With weights fitted without the texts judged.
    pub cross_validated: Figures,
}

/// Right and wrong, counted.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    called: usize,
    hit: usize,
    bad: usize,
}

impl Tally {
    fn count(&mut self, called: bool, bad: bool) {
        self.called += usize::from(called);
        self.bad += usize::from(bad);
        self.hit += usize::from(called && bad);
    }

    fn figure(self, times: usize) -> Figure {
        let part = |of: usize| {
            let count = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
            if of == 0 { 1.0 } else { count(self.hit) / count(of) }
        };
        Figure { precision: part(self.called), recall: part(self.bad), bad: self.bad / times.max(1) }
    }
}

fn figures(tallies: [Tally; 4], times: usize) -> Figures {
    let [task, role, window, fresh] = tallies.map(|tally| tally.figure(times));
    Figures { task, role, window, fresh }
}

/// Judges the labelled requests of a file, a JSON object a line. The fault names the line.
pub fn score(text: &str) -> Result<Score, String> {
    let lines = read(text)?;
    let mut whole = [Tally::default(); 4];
    for line in &lines {
        tally(&mut whole, line, &WEIGHTS);
    }
    let own = read(OWN)?;
    let signs = |line: &Ready| (clear::signs(&Task::of(&line.task)), !line.labels.task_clear);
    let base: Vec<Labelled> = own.iter().map(signs).collect();
    let here: Vec<Labelled> = lines.iter().map(signs).collect();
    let mut crossed = [Tally::default(); 4];
    for shuffle in 0..SHUFFLES {
        let order = shuffled(lines.len(), shuffle + 1);
        for fold in 0..FOLDS {
            let part = |wanted: bool| {
                order.iter().enumerate().filter(move |(at, _)| (at % FOLDS == fold) == wanted).map(|(_, line)| *line)
            };
            if part(true).next().is_none() {
                continue;
            }
            let train: Vec<&Labelled> = base.iter().chain(part(false).filter_map(|line| here.get(line))).collect();
            let weights = fit(&train);
            for line in part(true).filter_map(|line| lines.get(line)) {
                tally(&mut crossed, line, &weights);
            }
        }
    }
    let times = usize::try_from(SHUFFLES).unwrap_or(1);
    Ok(Score { whole: figures(whole, 1), cross_validated: figures(crossed, times) })
}

/// The weights fitted on our own texts and those of a file, as they stand in `reading/clear.rs`.
pub fn weights(text: &str) -> Result<String, String> {
    let mut lines = read(OWN)?;
    lines.extend(read(text)?);
    let texts: Vec<Labelled> =
        lines.iter().map(|line| (clear::signs(&Task::of(&line.task)), !line.labels.task_clear)).collect();
    let fitted = fit(&texts.iter().collect::<Vec<_>>());
    let mut out = String::new();
    for (weight, name) in fitted.iter().zip(NAMES) {
        let _ = writeln!(out, "    {weight:.2}, // {name}");
    }
    Ok(out)
}

/// An order of `count` numbers that is another one for each seed, and the same one each time: nothing here is secret.
fn shuffled(count: usize, seed: u64) -> Vec<usize> {
    let key = |at: usize| {
        let at = u64::try_from(at).unwrap_or(0).wrapping_add(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mixed = (at ^ (at >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 13
    };
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_key(|at| key(*at));
    order
}

fn tally(tallies: &mut [Tally; 4], line: &Ready, weights: &Weights) {
    let checks = line.checks(weights);
    for (tally, (_, code, truth)) in tallies.iter_mut().zip(LABELS) {
        let called = checks.iter().any(|check| check.code == code && check.verdict != Verdict::Pass);
        tally.count(called, !truth(&line.labels));
    }
}

/// A line with all that the checks look at.
struct Ready {
    policy: Policy,
    system: SystemId,
    role: RoleId,
    kind: Kind,
    task: String,
    ticket: Option<String>,
    length: Length,
    past: Past,
    asker: PersonId,
    approver: PersonId,
    labels: Labels,
    #[cfg(test)]
    held: bool,
}

impl Ready {
    fn checks(&self, weights: &Weights) -> Vec<Check> {
        let system = self.policy.systems.get(&self.system);
        let Some((system, role)) = system.and_then(|system| Some((system, system.role(self.role.as_str())?))) else {
            return Vec::new();
        };
        // A Monday noon: no check here depends on the hour.
        let at = Instant::from_millis(1_760_000_000_000);
        let view = View {
            policy: &self.policy,
            system,
            role,
            kind: self.kind,
            task: &self.task,
            ticket: self.ticket.as_deref(),
            requester: &self.asker,
            user: &self.asker,
            approver: &self.approver,
            length: self.length,
            until: at.plus(self.length),
            open: &[],
            past: &self.past,
            at,
        };
        run_with(&view, weights)
    }
}

fn read(text: &str) -> Result<Vec<Ready>, String> {
    let mut out = Vec::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        if out.len() >= MOST {
            return Err(format!("there are more than {MOST} lines"));
        }
        let line: Line = serde_json::from_str(line).map_err(|bad| format!("line {}: {bad}", at + 1))?;
        out.push(ready(line).map_err(|bad| format!("line {}: {bad}", at + 1))?);
    }
    Ok(out)
}

fn ready(line: Line) -> Result<Ready, String> {
    let named = |text: &str| text.parse::<RoleId>().map_err(|bad| format!("role {bad}"));
    let system: SystemId = line.system.parse().map_err(|bad| format!("system {bad}"))?;
    let person = |name: &str| name.parse::<PersonId>().map_err(|bad| bad.to_string());
    let (asker, approver) = (person("asker")?, person("approver")?);
    let mut roles: Vec<Role> = Vec::new();
    for role in &line.roles_available {
        let contains: BTreeSet<RoleId> = roles.iter().map(|role| role.id.clone()).collect();
        roles.push(Role {
            id: named(&role.name)?,
            allows: role.allows.clone(),
            default: None,
            longest: None,
            provisioner: "target".into(),
            with: serde_json::Map::new(),
            contains,
        });
    }
    let role = named(&line.role)?;
    if !roles.iter().any(|known| known.id == role) {
        return Err(format!("the role {role} is not among those available"));
    }
    let place = System {
        id: system.clone(),
        name: system.to_string(),
        environment: "production".into(),
        owner: approver.clone(),
        backup: OnDuty::Person(approver.clone()),
        hours: Hours::Always,
        ask: None,
        sensitive: false,
        self_approval: false,
        override_allowed: true,
        private: false,
        ticket: None,
        roles,
    };
    let earlier = line.earlier.unwrap_or_default().into_iter();
    let earlier =
        earlier.map(|task| Earlier { number: "an earlier request".into(), ticket: None, task: task.into() }).collect();
    Ok(Ready {
        policy: Policy {
            zone: chrono_tz::UTC,
            leads: None,
            ticket_url: None,
            kinds: Kinds::default(),
            people: BTreeMap::new(),
            teams: BTreeMap::new(),
            rotas: BTreeMap::new(),
            systems: BTreeMap::from([(system.clone(), place)]),
            provisioners: BTreeMap::new(),
        },
        system,
        role,
        kind: line.kind,
        task: line.task,
        ticket: line.incident,
        length: Length::from_minutes(line.minutes.clamp(0, LATELY.millis() / 60_000)),
        past: Past { earlier, ..Past::default() },
        asker,
        approver,
        labels: line.labels,
        #[cfg(test)]
        held: line.held,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Weights fitted on one half of our texts, judged on the other half: the promise of the issue, on texts kept apart.
    #[test]
    fn what_was_kept_apart_is_judged_as_promised() {
        let own = read(OWN).unwrap();
        assert!(own.len() > 150);
        let train: Vec<Labelled> = own
            .iter()
            .filter(|line| !line.held)
            .map(|line| (clear::signs(&Task::of(&line.task)), !line.labels.task_clear))
            .collect();
        let weights = fit(&train.iter().collect::<Vec<_>>());
        let mut tallies = [Tally::default(); 4];
        for line in own.iter().filter(|line| line.held) {
            tally(&mut tallies, line, &weights);
        }
        let figures = figures(tallies, 1);
        for (label, figure) in figures.each() {
            let (precision, recall) = if label == "task" { (0.9, 0.7) } else { (0.85, 0.6) };
            assert!(figure.precision >= precision && figure.recall >= recall && figure.bad >= 9, "{label}: {figure:?}");
        }
    }

    #[test]
    fn a_score_has_its_figures_and_the_crossed_ones() {
        let few: String = OWN.lines().take(24).flat_map(|line| [line, "\n"]).collect();
        let score = score(&few).unwrap();
        let json = serde_json::to_value(&score).unwrap();
        for label in ["task", "role", "window", "fresh"] {
            assert!(json[label]["precision"].is_f64() && json[label]["bad"].is_u64(), "{json}");
            assert_eq!(json[label]["bad"], json["cross_validated"][label]["bad"]);
        }
    }

    #[test]
    fn a_broken_line_is_named() {
        let good = OWN.lines().next().unwrap();
        for (text, says) in [
            ("{".to_owned(), "line 1: "),
            (format!("{good}\n\n{{\"task\": 1}}"), "line 3: "),
            (
                good.replace("\"production\"", "\"p\"").replacen("\"role\": \"", "\"role\": \"no-", 1),
                "not among those available",
            ),
        ] {
            let fault = score(&text).unwrap_err();
            assert!(fault.contains(says), "{fault}");
        }
        assert_eq!(score("").unwrap().whole.task, Figure { precision: 1.0, recall: 1.0, bad: 0 });
    }

    #[test]
    fn a_shuffle_holds_everything_once() {
        let mut order = shuffled(100, 3);
        assert_ne!(order, shuffled(100, 4));
        order.sort_unstable();
        assert_eq!(order, (0..100).collect::<Vec<_>>());
    }
}

//! The simulation: the real rules, the real store's writer and the real service with its reconciler, on one thread and one
//! clock that only the seed moves. In the place of the database stands a small one in memory, in the place of the targets a
//! model of some; both can be made to fail in every way that the seed can think of. The same seed is the same run.

mod answer;
mod chance;
mod checks;
mod database;
mod people;
mod sql;
mod target;
mod world;

use checks::Seen;
use database::Store as Is;
use nightlatch::access::{Status, status};
use nightlatch::service::Key;
use people::{Deed, about, filing};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use target::{MOODS, Mood, TARGETS};
use world::{World, requests};

/// How many steps a run has before everything is healed: the quick set's are short, those by hand long.
const fn steps(seed: u64) -> u64 {
    if seed < QUICK { 14 } else { 32 }
}

/// How many seeds the quick set runs.
const QUICK: u64 = 1_000;

/// At how many instants a run may stop at most: it always ends.
const MOST_STOPS: u64 = 20_000;

struct Run {
    world: World,
    seen: Seen,
    keys: u64,
    stops: u64,
}

type Done = Result<(), String>;

impl Run {
    fn new(seed: u64) -> Self {
        Self { world: World::new(seed), seen: Seen::new(), keys: 0, stops: 0 }
    }

    fn pass(&mut self, millis: i64) -> Done {
        let until = self.world.at + millis;
        let mut stops = 0;
        while self.world.at < until {
            stops += 1;
            self.stops += 1;
            if self.stops > MOST_STOPS {
                return Err("it does not come to an end".into());
            }
            // Many small steps first, and then what is left in a few large ones.
            let coarse = if stops < 80 { (millis / 8).max(1_000) } else { millis };
            self.world.step_to(until, coarse);
            self.seen.check(&mut self.world)?;
        }
        Ok(())
    }

    fn somebody(&mut self) -> Done {
        let dice = self.world.dice.clone();
        let at = self.world.now();
        let rows = requests(&self.world.database.lock().unwrap().tables);
        let open: Vec<_> = rows.iter().filter(|request| dice.percent(10) || !status(request, at).is_over()).collect();
        let live = rows.iter().filter(|r| matches!(status(r, at), Status::Active | Status::Granting)).count();
        let again = !self.world.sent.is_empty() && dice.percent(10);
        let (deed, again) = if again {
            let place = usize::try_from(dice.below(self.world.sent.len() as u64)).unwrap();
            let mut deed = self.world.sent[place].deed.clone();
            deed.forged = dice.percent(25);
            if deed.forged {
                deed.key.body_hash.push('x');
            }
            (deed, Some(place))
        } else {
            let (who, what) = if open.is_empty() || (open.len() < 5 && dice.percent(30)) {
                filing(&dice, at)
            } else {
                let picked = dice.one(&open);
                about(&dice, picked, live, at)
            };
            self.keys += 1;
            let key = Key { key: format!("key-{}", self.keys), body_hash: format!("body-{}", self.keys) };
            (Deed { who, what, key, forged: false }, None)
        };
        let index = usize::try_from(dice.below(2)).unwrap();
        let poor = |index: usize| {
            let replica = &self.world.replicas[index];
            replica.life.is_none() || (replica.frozen && dice.percent(80))
        };
        let index = if poor(index) { 1 - index } else { index };
        self.world.send(deed, index, again);
        self.world.pump();
        self.seen.check(&mut self.world)
    }

    fn step(&mut self) -> Done {
        let dice = self.world.dice.clone();
        let index = usize::try_from(dice.below(2)).unwrap();
        if self.world.replicas.iter().all(|replica| replica.life.is_none()) && dice.percent(60) {
            self.world.start(index);
        }
        match dice.weighted(&[55, 25, 8, 4, 4, 3, 4]) {
            0 => self.somebody()?,
            1 => {
                let millis = *dice.one(&[100, 1_000, 3_000, 10_000, 31_000, 61_000, 300_000, 900_000]);
                self.pass(millis)?;
            }
            2 => {
                let target = *dice.one(&TARGETS);
                let mood = if dice.percent(35) { Mood::Well } else { *dice.one(&MOODS) };
                self.world.say(format!("{target} is {mood:?}"));
                self.world.model.lock().unwrap().moods.insert(target, mood);
                self.world.trouble();
            }
            3 => {
                let frozen = !self.world.replicas[index].frozen;
                self.world.freeze(index, frozen);
            }
            4 => {
                if self.world.replicas[index].life.is_some() {
                    self.world.crash(index);
                } else {
                    self.world.start(index);
                }
            }
            5 => {
                let millis = *dice.one(&[-7_200_000, -600_000, -30_000, -1_500, 1_500, 30_000, 600_000, 7_200_000]);
                self.world.jump(millis);
            }
            _ => {
                let slow = *dice.one(&[200, 5_000, 20_000]);
                let ways = [
                    Is::Well,
                    Is::Well,
                    Is::Away,
                    Is::Full,
                    Is::Slow(slow),
                    Is::Unknown,
                    Is::Stuck(true),
                    Is::Stuck(false),
                ];
                let is = *dice.one(&ways);
                self.world.store(index, is);
            }
        }
        // What comes next may come in the middle of something, or after it.
        if dice.percent(50) {
            self.pass(*dice.one(&[1, 50, 400, 1_000]))?;
        }
        self.world.pump();
        self.seen.check(&mut self.world)
    }

    /// Everything is healed, and time goes on past every end.
    fn heal(&mut self) -> Done {
        let world = &mut self.world;
        world.say("everything is healed");
        for mood in world.model.lock().unwrap().moods.values_mut() {
            *mood = Mood::Well;
        }
        let back = -world.wall;
        world.jump(back);
        let truth = world.at;
        let wrong = |life: &world::Life| (life.clock.now().at.millis() - truth).abs() > 1_000;
        let wrong = world.replicas.iter().filter_map(|replica| replica.life.as_ref()).any(wrong);
        for index in 0..2 {
            let life = world.replicas[index].life.as_ref();
            if wrong || matches!(life.map(|life| life.door.is()), Some(Is::Stuck(_))) {
                world.crash(index);
            }
            world.store(index, Is::Well);
            world.freeze(index, false);
            world.start(index);
        }
        for life in world.replicas.iter().filter_map(|replica| replica.life.as_ref()) {
            life.clock.accept();
        }
        world.trouble();
        self.pass(70_000)?;
        for _ in 0..8 {
            let now = self.world.far();
            let rows = requests(&self.world.database.lock().unwrap().tables);
            let ends = rows.iter().filter(|r| !status(r, now).is_over()).filter_map(|request| {
                let due = nightlatch::access::due::due(request);
                request.held().map(nightlatch::access::Held::end).or(due)
            });
            let Some(last) = ends.max() else { break };
            self.pass((last.millis() - now.millis()).clamp(0, 40 * 3_600_000) + 65_000)?;
        }
        let tables = self.world.database.lock().unwrap().tables.clone();
        if let Some(open) = requests(&tables).iter().find(|r| !status(r, self.world.far()).is_over()) {
            return Err(format!("at the end {} is {}", open.number, status(open, self.world.far())));
        }
        let unsaid = |(_, access): &(&String, &target::Access)| !checks::reported(&tables, &access.mark);
        if let Some((key, _)) = self.world.model.lock().unwrap().alive().find(unsaid) {
            return Err(format!("I1: at the end {key} is still there"));
        }
        if !tables["work"].rows.is_empty() {
            return Err("at the end there is work left".into());
        }
        Ok(())
    }

    fn all(&mut self) -> Done {
        self.seen.check(&mut self.world)?;
        for _ in 0..steps(self.world.seed) {
            self.step()?;
        }
        self.heal()
    }
}

/// Runs a seed; the trace, and what was wrong.
fn run(seed: u64) -> (Vec<String>, Done) {
    let mut run = Run::new(seed);
    let done = catch_unwind(AssertUnwindSafe(|| run.all()));
    let done = done.unwrap_or_else(|panic| {
        Err(panic.downcast_ref::<String>().map_or_else(|| "it panicked, see above".to_owned(), Clone::clone))
    });
    (std::mem::take(&mut run.world.trace), done)
}

/// How many failing seeds are enough.
const ENOUGH: usize = 12;

/// Runs many seeds on as many threads as there are processors; those that fail are told, the first with its trace.
fn seeds(first: u64, count: u64) {
    let next = AtomicU64::new(first);
    let failed = Mutex::new(BTreeMap::new());
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while failed.lock().unwrap().len() < ENOUGH {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= first + count {
                        return;
                    }
                    // Kept as it was seen: who of several sleepers wakes first is the runtime's chance and not the seed's.
                    if let (trace, Err(why)) = run(seed) {
                        failed.lock().unwrap().insert(seed, (trace, why));
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    let Some((seed, (trace, why))) = failed.first_key_value() else { return };
    let all: Vec<String> = failed.iter().map(|(seed, (_, why))| format!("seed {seed}: {why}")).collect();
    let tail = trace.len().saturating_sub(150);
    let same = if run(*seed).1.as_ref().err() == Some(why) { "" } else { ", though it did NOT fail so again" };
    panic!(
        "{}\n{}\nreplay with NIGHTLATCH_SEED={seed} tests/run simulation{same}",
        trace[tail..].join("\n"),
        all.join("\n")
    );
}

#[test]
fn a_thousand_seeds() {
    if let Some(seed) = std::env::var("NIGHTLATCH_SEED").ok().and_then(|seed| seed.parse().ok()) {
        let (trace, done) = run(seed);
        assert!(done.is_ok(), "{}\nseed {seed}: {done:?}", trace.join("\n"));
        return;
    }
    seeds(0, QUICK);
}

/// Each of them found a fault once: a lane that woke itself for ever, a wrong clock that nobody noticed or that put removals off,
/// a reconciler that slept by it, two who granted under one lease, access that was taken out past a lease and not looked for,
/// a removal by a wrong clock that counted after the access was there again, an end that hid behind what could not be done yet,
/// a grant under a lease on a removal, which whoever starts takes over, an undo after which a request lapsed at once, a lease
/// given back so late that it was the next one, a target that kept its own earlier end. Two of them found that the checks asked
/// too much: for access while no clock could be trusted (150,900), and to be told of what came late while nobody could tell (379,806).
#[test]
fn seeds_that_found_a_fault() {
    for seed in [
        1_075, 2_015, 2_136, 4_201, 6_607, 7_819, 12_597, 14_398, 19_048, 24_923, 39_398, 50_396, 93_089, 98_363,
        140_072, 150_900, 172_701, 216_847, 247_611, 259_959, 278_954, 379_806,
    ] {
        seeds(seed, 1);
    }
}

#[test]
#[ignore = "by hand: NIGHTLATCH_SEEDS=100000 tests/run all simulation"]
fn many_seeds() {
    let count = std::env::var("NIGHTLATCH_SEEDS").ok().and_then(|count| count.parse().ok()).unwrap_or(3_000);
    let first = std::env::var("NIGHTLATCH_FIRST").ok().and_then(|first| first.parse().ok()).unwrap_or(QUICK);
    seeds(first, count);
}

/// What a run is made to do wrong, so that its checks are seen to find it.
fn wrong(seeds: std::ops::Range<u64>, harm: impl Fn(&mut Run) -> Done) -> Vec<String> {
    let found = seeds.filter_map(|seed| {
        let mut run = Run::new(seed);
        let done = harm(&mut run).and_then(|()| run.all());
        done.err()
    });
    found.collect()
}

/// Changes a cell of the rows of `table` for which `which` is so.
fn tamper(run: &Run, table: &str, column: &str, value: &sql::Value) {
    let mut database = run.world.database.lock().unwrap();
    let table = Arc::make_mut(database.tables.get_mut(table).unwrap());
    let place = table.place(column);
    for row in table.rows.values_mut() {
        let mut fresh = row.to_vec();
        fresh[place] = value.clone();
        *row = fresh.into();
    }
}

#[test]
fn i1_a_target_that_hides_what_it_keeps_is_found() {
    let found = wrong(0..30, |run| {
        run.world.model.lock().unwrap().resurrects = true;
        Ok(())
    });
    assert!(found.iter().any(|why| why.starts_with("I1")), "{found:?}");
}

#[test]
fn i5_a_trail_that_was_changed_is_found() {
    for (table, column) in [("event", "actor"), ("event", "body"), ("event", "link"), ("head", "link")] {
        let link = "00".repeat(32);
        let value = sql::Value::Text(if column == "link" { link.into() } else { "sam socket".into() });
        let found = wrong(0..1, |run| {
            tamper(run, table, column, &value);
            run.seen.check(&mut run.world)
        });
        assert!(!found.is_empty(), "{table}.{column}");
    }
}

#[test]
fn a_row_that_is_not_its_fold_and_a_lost_act_are_found() {
    let mut rows = 0;
    let mut lost = 0;
    for seed in 0..20 {
        let mut run = Run::new(seed);
        run.all().unwrap();
        let one = run.world.database.lock().unwrap().tables["request"].rows.values().next().cloned();
        let Some(one) = one else { continue };
        let body = {
            let database = run.world.database.lock().unwrap();
            world::cell(&database.tables["request"], &one, "body")
                .text()
                .replace("sam", "lea")
                .replace("payments", "other")
        };
        let database = run.world.database.clone();
        let before = database.lock().unwrap().tables.clone();
        tamper(&run, "request", "body", &sql::Value::Text(body.into()));
        rows += usize::from(run.seen.check(&mut run.world).is_err());
        database.lock().unwrap().tables = before;
        run.seen.check(&mut run.world).unwrap();
        Arc::make_mut(database.lock().unwrap().tables.get_mut("command_key").unwrap()).rows.clear();
        run.seen.again();
        lost += usize::from(run.seen.check(&mut run.world).is_err());
    }
    assert!(rows > 10 && lost > 10, "{rows} and {lost}");
}

#[test]
fn what_is_due_and_slept_through_is_found() {
    let mut found = 0;
    for seed in 0..20 {
        let mut run = Run::new(seed);
        // Nobody is there to look, and the checks are told that all is well.
        for replica in &mut run.world.replicas {
            replica.frozen = true;
        }
        run.world.calm_since = 0;
        run.world.ignores_trouble = true;
        let deed = Deed {
            who: "ana",
            what: filing(&run.world.dice.clone(), run.world.now()).1,
            key: Key { key: "one".into(), body_hash: "b".into() },
            forged: false,
        };
        run.world.replicas[0].frozen = false;
        run.world.send(deed, 0, None);
        run.world.pump();
        run.world.replicas[0].frozen = true;
        found += usize::from(run.pass(3_600_000 * 40).is_err_and(|why| why.starts_with("due")));
    }
    assert!(found > 5, "{found}");
}

#[test]
fn a_seed_replays_exactly() {
    for seed in [1, 2, 3, 1_001] {
        assert_eq!(run(seed).0, run(seed).0);
    }
}

/// A run without faults in which `ana` holds `role` for a minute, its grant still on its way if `slow`.
fn one_grant(seed: u64, role: &str, slow: bool) -> Run {
    let mut run = Run::new(seed);
    run.world.crash(1);
    run.pass(6_000).unwrap();
    if slow {
        run.world.model.lock().unwrap().moods.insert("plain", Mood::Late);
    }
    let key = |n: u64| Key { key: format!("told-{n}"), body_hash: n.to_string() };
    let file = nightlatch::wire::FileBody {
        system: "payments".into(),
        role: role.into(),
        task: "Restart the stuck payment worker; done when the queue drains".into(),
        window: nightlatch::wire::WindowBody { for_seconds: Some(60), ..Default::default() },
        kind: Some(nightlatch::policy::Kind::Emergency),
        ticket: None,
        user: None,
        approver: None,
        anyway: true,
    };
    run.world.send(Deed { who: "ana", what: people::What::File(file), key: key(1), forged: false }, 0, None);
    run.world.pump();
    let version = requests(&run.world.database.lock().unwrap().tables)[0].version;
    let body = nightlatch::wire::ApproveBody { as_of: Some(version), ..Default::default() };
    let approve = people::What::Approve(101, body);
    run.world.send(Deed { who: "sam", what: approve, key: key(2), forged: false }, 0, None);
    run.world.pump();
    run
}

#[test]
fn i10_a_jump_of_the_wall_clock_ends_no_lease_under_its_holder() {
    for seed in 0..10 {
        let mut run = one_grant(seed, "plain", true);
        let begun = |run: &Run, verb| run.world.model.lock().unwrap().begun.iter().any(|call| call.verb == verb);
        assert!(begun(&run, target::Verb::Grant), "the grant is on its way");
        run.world.jump(600_000);
        // Somebody writes, and so the reconciler looks.
        let note = nightlatch::wire::WordsBody { words: "something to know".into(), ..Default::default() };
        let what = people::What::Verb(101, nightlatch::service::Verb::Note(note));
        let key = Key { key: "told-3".into(), body_hash: "3".into() };
        run.world.send(Deed { who: "ana", what, key, forged: false }, 0, None);
        run.world.pump();
        assert!(!begun(&run, target::Verb::Remove), "seed {seed}: removed beside a grant that is still on its way");
        run.heal().unwrap();
    }
}

#[test]
fn due_a_report_that_is_no_event_still_says_when_to_look_again() {
    for seed in 0..6 {
        let mut run = one_grant(seed, "plain", false);
        run.world.model.lock().unwrap().moods.insert("plain", Mood::Down);
        run.world.ignores_trouble = true;
        run.world.calm_since = 0;
        let until = run.world.at + 360_000;
        while run.world.at < until {
            run.world.step_to(until, 250);
            let tables = run.world.database.lock().unwrap().tables.clone();
            checks::missed(&tables, &run.world).unwrap_or_else(|why| panic!("seed {seed}: {why}"));
        }
        let tables = &run.world.database.lock().unwrap().tables;
        let events = tables["event"].rows.values();
        let failures =
            events.filter(|row| world::cell(&tables["event"], row, "kind").text() == "removal-failed").count();
        assert!(failures >= 8, "it failed often enough for reports without an event: {failures}");
    }
}

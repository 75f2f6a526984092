//! `kill -9` of the real server at random moments of the lives of requests. What was acknowledged is there exactly once, the
//! trail verifies, and no access outlives its window by more than the restart took and the target's bound.

use super::bed::{Bed, Client, Engine, Sent, target};
use crate::support::served::{PATIENCE, Served, Watch, ends, stdout};
use nightlatch::text::Instant;
use rustix::process::Signal;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

/// How long a removal may take when nothing is wrong: the target's bound, and a machine with other things to do.
const BOUND: i64 = 5_000 + 10_000;
/// How many lives run side by side: as many as there are people who may hold access.
const USERS: [&str; 4] = ["ana", "bo", "li", "lea"];

/// Chance that may differ from run to run: what is tested is another process, and never the same twice.
struct Chance(Mutex<u64>);

impl Chance {
    fn below(&self, bound: u64) -> u64 {
        let mut state = self.0.lock().unwrap();
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

/// The wall clock, in milliseconds: the real server lives by it, too.
#[allow(clippy::disallowed_methods, reason = "the program under test is another process: no manual clock reaches it")]
fn wall() -> i64 {
    i64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// An act that was acknowledged: what it was, on which request, and the event that it must have left, once.
#[derive(Debug, Clone)]
struct Acknowledged {
    by_sam: bool,
    sent: Sent,
    request: i64,
    event: &'static str,
}

/// What all threads of one run share.
struct Run<'a> {
    bed: &'a Bed,
    ana: Client,
    sam: Client,
    chance: Chance,
    keys: AtomicI64,
    acknowledged: Mutex<Vec<Acknowledged>>,
    /// Until when each mark was last seen in the target, read past nightlatch.
    seen: Mutex<BTreeMap<String, i64>>,
    /// From when to when there was no server.
    down: Mutex<Vec<(i64, i64)>>,
    over: AtomicBool,
}

/// What came of a run.
#[derive(Debug, Default)]
struct Figures {
    lives: usize,
    kills: usize,
    acknowledged: usize,
    events: usize,
    /// The longest time that access stood after its end, and how much of that there was no server.
    overstay: i64,
    overstay_up: i64,
    longest_down: i64,
}

impl Figures {
    /// Past the capturing of output: figures are for people.
    fn say(&self, kind: &str) {
        let Self { lives, kills, acknowledged, events, overstay, overstay_up, longest_down } = self;
        let line = format!(
            "kill -9, {kind}: {lives} lives, {kills} kills, {acknowledged} acts acknowledged, {events} events; the longest \
             overstay {overstay} ms ({overstay_up} ms of it with a server), the longest restart {longest_down} ms\n"
        );
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
}

impl Run<'_> {
    /// Sends an act until it is answered; notes it when it was acknowledged.
    fn act(&self, by_sam: bool, path: String, body: Value, event: &'static str) -> Option<Value> {
        let key = format!("kill-act-{}", self.keys.fetch_add(1, Ordering::SeqCst));
        let sent = Sent { path, key, body };
        let client = if by_sam { &self.sam } else { &self.ana };
        let (status, answer) = client.act(&sent);
        if !(200..300).contains(&status) {
            // A rule said no: the end came first, or the clock had not found itself yet.
            assert!(matches!(status, 403 | 409 | 410 | 422), "{status} {answer} to {sent:?}");
            return None;
        }
        let request = answer["id"].as_i64().unwrap();
        self.acknowledged.lock().unwrap().push(Acknowledged { by_sam, sent, request, event });
        Some(answer)
    }

    fn pause(&self, most: u64) {
        std::thread::sleep(Duration::from_millis(self.chance.below(most)));
    }

    /// One request from its filing to its end.
    fn life(&self, user: &str, number: usize) {
        let task = format!("Life {number}: restart the stuck worker; done when the queue drains");
        let length = 1 + self.chance.below(3);
        let body = json!({ "system": "payments", "role": "restart", "task": task, "kind": "planned", "user": user,
            "window": { "for_seconds": length } });
        let filed = self.act(false, "/v1/requests".into(), body, "filed").expect("nothing is wrong with it");
        let id = filed["id"].as_i64().unwrap();
        let to = |verb: &str| format!("/v1/requests/{id}/{verb}");
        self.pause(300);
        match self.chance.below(8) {
            0 => drop(self.act(true, to("deny"), json!({ "words": "not tonight" }), "denied")),
            1 => drop(self.act(false, to("withdraw"), json!({}), "withdrawn")),
            2 => {
                self.approve(&filed, &to("approve"));
                self.pause(800);
                drop(self.act(true, to("revoke"), json!({ "words": "enough" }), "revoked"));
            }
            3 => {
                self.approve(&filed, &to("approve"));
                self.pause(300);
                drop(self.act(true, to("note"), json!({ "words": "watched" }), "noted"));
            }
            _ => self.approve(&filed, &to("approve")),
        }
        let begun = Watch::start();
        loop {
            let view = self.sam.show(id);
            match view["status"].as_str().unwrap() {
                "removed" | "denied" | "withdrawn" | "lapsed" | "failed" => return,
                _ => assert!(begun.elapsed() < PATIENCE * 2, "it does not end: {view}"),
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn approve(&self, filed: &Value, path: &str) {
        let body = json!({ "as_of": filed["version"], "words": "go" });
        self.act(true, path.to_owned(), body, "approved").expect("nothing is wrong with it");
    }

    /// Looks at the target until all is over.
    fn watch(&self) {
        while !self.over.load(Ordering::SeqCst) {
            let held = self.bed.held();
            let at = wall();
            let mut seen = self.seen.lock().unwrap();
            for mark in held {
                seen.insert(mark, at);
            }
            drop(seen);
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Kills and starts until all is over; every act that was acknowledged lately is sent again after each start.
    fn kill(&self, mut served: Served) -> (Served, usize) {
        let mut kills = 0;
        while !self.over.load(Ordering::SeqCst) {
            self.pause(900);
            served.signal(Signal::KILL);
            let from = wall();
            served.end();
            kills += 1;
            served = self.bed.serve();
            self.down.lock().unwrap().push((from, wall()));
            self.replay(6);
        }
        (served, kills)
    }

    /// The same key and the same body: the same request, and no second event.
    fn replay(&self, last: usize) {
        let known = self.acknowledged.lock().unwrap().clone();
        for Acknowledged { by_sam, sent, request, .. } in known.iter().rev().take(last) {
            let (status, answer) = if *by_sam { self.sam.act(sent) } else { self.ana.act(sent) };
            assert!((200..300).contains(&status), "{sent:?} was acknowledged, and now: {status} {answer}");
            assert_eq!(answer["id"].as_i64(), Some(*request), "{sent:?}");
        }
    }

    /// How long each access stood after its end, and how much of that the server was there.
    fn overstays(&self, events: &[Value], figures: &mut Figures) {
        let ends = ends_of(events);
        let down = self.down.lock().unwrap();
        for (mark, last) in self.seen.lock().unwrap().iter() {
            let number: i64 = mark.split('-').nth(2).unwrap().parse().unwrap();
            let end = *ends.get(&number).unwrap_or_else(|| panic!("{mark} was given and never approved"));
            let gone: i64 = down.iter().map(|(from, to)| (to.min(last) - from.max(&end)).max(0)).sum();
            let (over, up) = ((last - end).max(0), (last - end).max(0) - gone);
            assert!(up <= BOUND, "{mark} stood {over} ms after its end, {gone} of them without a server");
            if over > figures.overstay {
                (figures.overstay, figures.overstay_up) = (over, up);
            }
        }
        figures.longest_down = down.iter().map(|(from, to)| to - from).max().unwrap_or(0);
    }
}

fn millis(text: &Value) -> i64 {
    Instant::parse_rfc3339(text.as_str().unwrap()).unwrap().millis()
}

fn request_of(event: &Value) -> Option<i64> {
    event["subject"].as_str()?.strip_prefix("request ")?.parse().ok()
}

/// When the access of each approved request had to be gone, as the trail says.
fn ends_of(events: &[Value]) -> BTreeMap<i64, i64> {
    let mut ends = BTreeMap::new();
    for event in events {
        let Some(number) = request_of(event) else { continue };
        match event["kind"].as_str().unwrap() {
            "approved" => drop(ends.insert(number, millis_of(&event["body"]["window"]["until"]))),
            "revoked" => drop(ends.entry(number).and_modify(|end: &mut i64| *end = millis(&event["at"]).min(*end))),
            _ => {}
        }
    }
    ends
}

/// An instant in a body, in either of its forms.
fn millis_of(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| millis(value))
}

/// Runs lives side by side on a server that is killed all the time, and looks at everything afterwards.
fn lives(engine: Engine, kind: &str, count: usize) -> Figures {
    let bed = Bed::new(engine, target(kind));
    let served = bed.serve();
    let sam = served.token("sam");
    let seed = u64::try_from(wall()).unwrap() ^ u64::from(std::process::id());
    let run = Run {
        bed: &bed,
        ana: bed.client(None),
        sam: bed.client(Some(&sam)),
        chance: Chance(Mutex::new(seed)),
        keys: AtomicI64::new(1),
        acknowledged: Mutex::default(),
        seen: Mutex::default(),
        down: Mutex::default(),
        over: AtomicBool::new(false),
    };
    let next = std::sync::atomic::AtomicUsize::new(0);
    let (served, kills) = std::thread::scope(|scope| {
        let (run, next) = (&run, &next);
        let watching = scope.spawn(move || run.watch());
        let killing = scope.spawn(move || run.kill(served));
        let living = USERS.map(|user| {
            scope.spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    if number >= count {
                        return;
                    }
                    run.life(user, number);
                }
            })
        });
        let lived: Vec<_> = living.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        run.over.store(true, Ordering::SeqCst);
        let killed = killing.join();
        watching.join().unwrap();
        assert!(lived.iter().all(Result::is_ok), "a life failed");
        killed.unwrap()
    });
    run.replay(usize::MAX);
    assert!(bed.held().is_empty(), "all ended, and this is still there: {:?}", bed.held());
    let mut figures = Figures { lives: count, kills, ..Figures::default() };
    let events = record(&served, &run, &mut figures);
    run.overstays(&events, &mut figures);
    figures.say(kind);
    figures
}

/// The trail verifies, each row is what its events fold to, and each acknowledged act left its event once.
fn record(served: &Served, run: &Run<'_>, figures: &mut Figures) -> Vec<Value> {
    let export = served.export();
    let path = served.folder.write("export.jsonl", &export);
    ends(&served.cli(&["audit", "verify", path.to_str().unwrap()]), 0, "whole");
    let mut doctor = served.command();
    doctor.args(["doctor", "--json", "--config"]).arg(served.folder.join("server.toml"));
    let looked = doctor.output().unwrap();
    ends(&looked, 0, "trail");
    let events: Vec<Value> = export.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let acknowledged = run.acknowledged.lock().unwrap();
    let mut counts: BTreeMap<(i64, &str), usize> = BTreeMap::new();
    for event in &events {
        if let Some(number) = request_of(event) {
            *counts.entry((number, event["kind"].as_str().unwrap())).or_default() += 1;
        }
    }
    for act in acknowledged.iter() {
        let count = counts.get(&(act.request, act.event)).copied().unwrap_or(0);
        assert_eq!(count, 1, "{act:?} was acknowledged once; {}", stdout(&looked));
    }
    // And nothing is there that nobody was told of: every act was asked for until it was answered.
    for ((number, kind), count) in &counts {
        if matches!(*kind, "filed" | "approved" | "denied" | "withdrawn" | "revoked" | "noted") {
            let told = acknowledged.iter().any(|act| act.request == *number && act.event == *kind);
            assert!(told && *count == 1, "NL-{number} has {count} {kind}, told: {told}");
        }
    }
    (figures.acknowledged, figures.events) = (acknowledged.len(), events.len());
    events
}

#[test]
fn i4_a_server_killed_in_a_few_lives_keeps_what_it_acknowledged() {
    let figures = lives(Engine::Sqlite, "files", 6);
    assert!(figures.kills > 0 && figures.acknowledged > 6, "{figures:?}");
}

/// Two hundred lives on one engine and one kind of target.
fn two_hundred(engine: Engine, kind: &str) {
    let figures = lives(engine, kind, 200);
    assert!(figures.kills >= 20 && figures.acknowledged > 400, "{figures:?}");
}

#[test]
#[ignore = "minutes: tests/run all"]
fn i4_two_hundred_lives_with_kills_on_sqlite_and_files() {
    two_hundred(Engine::Sqlite, "files");
}

#[test]
#[ignore = "minutes: tests/run all"]
fn i4_two_hundred_lives_with_kills_on_sqlite_and_a_helper() {
    two_hundred(Engine::Sqlite, "command");
}

#[test]
#[ignore = "minutes: tests/run all"]
fn i4_two_hundred_lives_with_kills_on_postgres_and_files() {
    if let Some(engine) = Engine::postgres("faults::kill") {
        two_hundred(engine, "files");
    }
}

#[test]
#[ignore = "minutes: tests/run all"]
fn i4_two_hundred_lives_with_kills_on_postgres_and_a_helper() {
    if let Some(engine) = Engine::postgres("faults::kill") {
        two_hundred(engine, "command");
    }
}

#[test]
#[ignore = "minutes: tests/run all"]
fn i4_two_hundred_lives_with_kills_on_sqlite_and_roles() {
    if crate::support::pg_database("faults::kill").is_some() {
        two_hundred(Engine::Sqlite, "postgres");
    }
}

#[test]
#[ignore = "minutes: tests/run all"]
fn i4_two_hundred_lives_with_kills_on_postgres_and_roles() {
    if let Some(engine) = Engine::postgres("faults::kill") {
        two_hundred(engine, "postgres");
    }
}

//! A store of many events, and what it costs to start on it, to leave it alone and to verify it.

use super::house::{House, program};
use super::{median, process};
use futures_util::future::join_all;
use nightlatch::access::command::{Command, Filing, Outcome, Prepared, Report, Terms};
use nightlatch::access::event::{Observed, Placement, Text};
use nightlatch::access::window::{Asked, End};
use nightlatch::access::{Actor, Request, Subject, Via};
use nightlatch::checks::{Check, Verdict};
use nightlatch::clock::Clock;
use nightlatch::policy::Kind;
use nightlatch::store::{self, Act, LeaseAsk, Location, Queue, Store};
use nightlatch::text::{Instant, Length, PersonId};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// So many requests live at a time while the store is made.
const AT_ONCE: usize = 500;
/// So many people: a policy of a common size.
const USERS: usize = 100;
/// So many are left open.
const OPEN: usize = 50;
/// Until a request of the made store ends.
const LONG: Length = Length::from_minutes(15);

/// Makes a store of about `events` events in `folder`: lives of requests, through the one write, on a clock of its own.
pub fn make(folder: &Path, events: u64) {
    let house = House::new(folder.to_owned(), "sqlite:store.db", USERS);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let begun = std::time::Instant::now();
    let seq = runtime.block_on(async {
        let rounds = i64::try_from(events).unwrap() / (4 * AT_ONCE as i64) + 1;
        let now = Clock::system(Instant::default(), false).wall();
        let clock = Clock::manual(now.minus(Length::from_minutes((rounds + 2) * 20)));
        let base = folder.to_owned();
        let read = move |text: &str| {
            nightlatch::service::read_policy(text, &base).map(|(policy, ..)| policy).map_err(|bad| bad.join("; "))
        };
        let options = store::Options { policies: Arc::new(read), serve: true };
        let location = Location::Sqlite(folder.join("store.db"));
        let store = Store::open(&location, clock.clone(), options).await.unwrap();
        let whole = nightlatch::config::PolicyFile::load(&folder.join("policy.toml")).unwrap();
        let text = whole.source.to_text();
        let hash = nightlatch::service::policy_hash(&text);
        act(
            &store,
            Actor::os("root"),
            Some(Subject::Policy),
            Command::ChangePolicy { hash: hash.clone(), text, words: None },
        )
        .await;
        for round in 0..rounds {
            live(&store, &clock, &hash).await;
            if round % 20 == 0 {
                println!("{} events", store.head().await.unwrap().seq);
            }
        }
        clock.set(now);
        join_all((0..OPEN).map(|user| file(&store, user, &hash))).await;
        let seq = store.head().await.unwrap().seq;
        store.close().await;
        seq
    });
    println!("{seq} events in {:.0} s", begun.elapsed().as_secs_f64());
    drop(house);
}

async fn act(store: &Store, actor: Actor, subject: Option<Subject>, command: Command) -> Option<Request> {
    let queue = if actor.person().is_some() { Queue::People } else { Queue::Machine };
    store.act(Act { subject, actor, command, key: None, queue }).await.unwrap().request.map(Arc::unwrap_or_clone)
}

fn person(id: &str) -> Actor {
    Actor::Person(id.parse::<PersonId>().unwrap(), Via::Token)
}

fn prepared(policy: &str, ask_seq: i64, key: &str) -> Prepared {
    let check = Check { code: "task".into(), verdict: Verdict::Pass, sentence: "a task is named".into() };
    let placement = Placement { access_key: key.into(), target: "files".into(), bound: Length::from_seconds(5) };
    Prepared { policy: policy.into(), ask_seq, checks: vec![check], placement: Some(placement) }
}

async fn file(store: &Store, user: usize, policy: &str) -> Request {
    let filing = Filing {
        system: "payments".parse().unwrap(),
        role: "restart".parse().unwrap(),
        task: format!("Restart payment-worker {user} and read its log; done when the queue falls below 100"),
        asked: Asked { from: None, end: End::For(LONG) },
        kind: Kind::Emergency,
        ticket: Some("INC-88".into()),
        user: format!("u{}", user % USERS).parse().unwrap(),
        approver: "sam".parse().unwrap(),
    };
    let command = Command::File { filing, anyway: false, prepared: prepared(policy, 0, "") };
    act(store, person("priya"), None, command).await.unwrap()
}

fn observed(at: Instant, present: bool) -> Observed {
    let evidence = if present { "files/nl-payments.json: there" } else { "files/nl-payments.json: not there" };
    Observed { at, present, until: None, sessions: None, evidence: Text::draft(evidence) }
}

async fn leased(store: &Store, removals: bool) -> HashMap<String, i64> {
    let mut attempts = HashMap::new();
    loop {
        let holds = Length::from_minutes(1);
        let ask =
            LeaseAsk { target: "files".into(), only: None, removals, limit: 1000, holds, replica: "bench".into() };
        let some = store.lease(ask).await.unwrap();
        if some.is_empty() {
            return attempts;
        }
        attempts.extend(some.into_iter().map(|leased| (leased.access_key, leased.attempt)));
    }
}

/// Requests that are asked for, approved, given, and end.
async fn live(store: &Store, clock: &Clock, policy: &str) {
    let filed = join_all((0..AT_ONCE).map(|user| file(store, user, policy))).await;
    clock.advance(Length::from_minutes(2));
    let held = join_all(filed.iter().map(|request| {
        let key = format!("files/nl-{}", request.number.0);
        let command = Command::Approve {
            as_of: request.version,
            unseen: false,
            terms: Terms::default(),
            words: Some("Go ahead, I watch the queue".into()),
            prepared: prepared(policy, request.ask_seq, &key),
        };
        act(store, person("sam"), Some(Subject::Request(request.number)), command)
    }))
    .await;
    for removals in [false, true] {
        let attempts = leased(store, removals).await;
        let at = clock.now().at;
        join_all(held.iter().flatten().map(|request| {
            let place = request.held().unwrap();
            let attempt = attempts[&place.placement.access_key];
            let until = place.window.until;
            let outcome = if removals {
                Outcome::Absent(observed(at, false))
            } else {
                Outcome::Granted { until, second_lock: false, observed: observed(at, true) }
            };
            let report = Report { attempt, outcome, retry_at: until, spooled: None };
            let command = if removals { Command::ReportRemoval(report) } else { Command::ReportGrant(report) };
            act(store, Actor::Reconciler, Some(Subject::Request(request.number)), command)
        }))
        .await;
        if !removals {
            clock.advance(Length::from_minutes(17));
        }
    }
    clock.advance(Length::from_minutes(1));
}

/// From exec to listening, so many times.
pub fn start(folder: &Path, rounds: u64) {
    let mut house = House::at(folder);
    let (mut took, mut used) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        took.push(house.serve().as_secs_f64() * 1000.0);
        used.push(process::cpu(house.pid()) * 1000.0);
        house.stop();
    }
    let least = took.iter().copied().fold(f64::MAX, f64::min);
    let (middle, used) = (median(took), used.iter().sum::<f64>() / rounds as f64);
    println!(
        "from exec to listening: median {middle:.1} ms, least {least:.1} ms of {rounds}; {used:.0} ms of processor"
    );
}

/// Memory and wake-ups of a server that nobody asks.
pub fn idle(folder: &Path, seconds: u64) {
    let mut house = House::at(folder);
    house.serve();
    std::thread::sleep(Duration::from_secs(8));
    let (pid, before) = (house.pid(), (process::wakes(house.pid()), process::cpu(house.pid())));
    std::thread::sleep(Duration::from_secs(seconds));
    let wakes = process::wakes(pid).saturating_sub(before.0) as f64 / seconds as f64;
    let cpu = (process::cpu(pid) - before.1) * 1000.0 / seconds as f64;
    let (all, own) = process::memory(pid);
    println!("idle: {wakes:.2} wake-ups a second, {cpu:.2} ms of processor a second");
    println!(
        "memory: {:.1} MB resident, {:.1} MB of it its own and not pages of its files",
        all as f64 * 1.024 / 1e3,
        own as f64 * 1.024 / 1e3
    );
}

/// `audit verify` of an export, beside two that read the same file.
pub fn verify(file: &Path, rounds: u64) {
    let events = std::fs::read(file).unwrap().iter().filter(|byte| **byte == b'\n').count() as f64;
    let bytes = std::fs::metadata(file).unwrap().len() as f64;
    let path = file.display().to_string();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/verify.py");
    let whose: [(&str, Vec<&str>); 2] = [(&program(), vec!["audit", "verify", &path]), ("sha256sum", vec![&path])];
    let timed = |program: &str, words: &[&str]| {
        let begun = std::time::Instant::now();
        let out = std::process::Command::new(program).args(words).output().unwrap();
        assert!(out.status.success(), "{program}: {}", String::from_utf8_lossy(&out.stderr));
        events / begun.elapsed().as_secs_f64()
    };
    let mut rates = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        for (rates, (program, words)) in rates.iter_mut().zip(&whose) {
            rates.push(timed(program, words));
        }
    }
    let best = rates[0].iter().copied().fold(0.0, f64::max);
    let [ours, sum] = rates.map(median);
    println!("{events:.0} events of {:.0} bytes: {ours:.0} a second verified (best {best:.0})", bytes / events);
    println!("sha256sum of the file, on one core: as {sum:.0} a second; ratio {:.2}", ours / sum);
    println!("assets/verify.py: {:.0} a second", timed("python3", &[script, &path]));
}

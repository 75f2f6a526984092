//! Approvals through HTTP, beside the same SQL bare.

use super::bare;
use super::house::House;
use super::http::{Client, json};
use super::{median, pgbench, process};
use nightlatch::store::Location;
use serde_json::json;
use std::cell::RefCell;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::task::LocalSet;

/// So many clients at a time.
const CLIENTS: [usize; 4] = [1, 8, 32, 64];

/// So many users, so that none of them has more than a few open requests: those are looked through for each decision.
const USERS: usize = 4000;

/// What is to be decided: a number and its version.
type Asked = Rc<RefCell<Vec<(i64, i64)>>>;

/// The load runs on one thread: the other core is the server's.
fn alone<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, work)
}

/// Files so many requests, each for a window of tomorrow: an approval then changes no target.
pub async fn fill(house: &House, token: &str, count: usize) -> Asked {
    let from = nightlatch::clock::Clock::system(nightlatch::text::Instant::default(), false).wall();
    let from = from.plus(nightlatch::text::Length::from_hours(20)).to_string();
    let asked: Asked = Rc::default();
    let next = Rc::new(RefCell::new(0));
    let clients = (0..64).map(|_| {
        let (asked, next, from) = (asked.clone(), next.clone(), from.clone());
        let (address, token) = (house.address.clone(), token.to_owned());
        tokio::task::spawn_local(async move {
            let mut client = Client::new(&address, &token).await;
            loop {
                let n = next.replace_with(|n| *n + 1);
                if n >= count {
                    return;
                }
                let body = json!({
                    "system": "payments", "role": "restart", "user": format!("u{}", n % USERS), "kind": "planned",
                    "task": "Restart payment-worker 3 and read its log; done when the queue falls below 100",
                    "window": { "from": from, "for_seconds": 3600 }, "anyway": true,
                });
                let filed = json(client.post("/v1/requests", &body.to_string()).await);
                asked.borrow_mut().push((filed["id"].as_i64().unwrap(), filed["version"].as_i64().unwrap()));
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
    asked
}

/// Approves with so many clients for so long; how many were approved, and in what time.
async fn approve(house: &House, token: &str, asked: &Asked, clients: usize, time: Duration) -> (usize, f64) {
    let mut all = Vec::new();
    for _ in 0..clients {
        all.push(Client::new(&house.address, token).await);
    }
    let begun = Instant::now();
    let tasks: Vec<_> = all
        .into_iter()
        .map(|mut client| {
            let asked = asked.clone();
            tokio::task::spawn_local(async move {
                let mut done = 0;
                while begun.elapsed() < time {
                    let Some((number, version)) = asked.borrow_mut().pop() else { return done };
                    let body = format!("{{\"as_of\":{version},\"words\":\"Go ahead, I watch the queue\"}}");
                    let (status, said) = client.post(&format!("/v1/requests/{number}/approve"), &body).await;
                    assert_eq!(status, 200, "{}", String::from_utf8_lossy(said));
                    done += 1;
                }
                done
            })
        })
        .collect();
    let mut done = 0;
    for task in tasks {
        done += task.await.unwrap();
    }
    (done, begun.elapsed().as_secs_f64())
}

/// Counts the fsyncs of a process while something is done.
fn fsyncs(pid: u32, of: impl FnOnce()) -> Option<u64> {
    let file = std::env::temp_dir().join(format!("nightlatch-bench-{pid}"));
    let mut strace = Command::new("strace")
        .args(["-f", "--seccomp-bpf", "-c", "-e", "trace=fsync,fdatasync", "-p", &pid.to_string(), "-o"])
        .arg(&file)
        .stderr(std::process::Stdio::null())
        .spawn()
        .ok()?;
    std::thread::sleep(Duration::from_secs(1));
    of();
    let tracer = rustix::process::Pid::from_raw(strace.id() as i32)?;
    rustix::process::kill_process(tracer, rustix::process::Signal::INT).ok()?;
    strace.wait().ok()?;
    let text = std::fs::read_to_string(&file).ok()?;
    let lines = text.lines().filter(|line| line.ends_with("sync"));
    Some(lines.filter_map(|line| line.split_whitespace().nth(3)?.parse::<u64>().ok()).sum())
}

pub fn run(folder: &Path, seconds: u64, rounds: u64) {
    let folder = folder.join(format!("nightlatch-bench-{}", std::process::id()));
    let time = Duration::from_secs(seconds);
    let url = std::env::var("NIGHTLATCH_BENCH_PG").ok();
    let mut house = House::new(folder.clone(), url.as_deref().unwrap_or("sqlite:store.db"), USERS);
    house.serve();
    println!("store: {}", if url.is_some() { "PostgreSQL" } else { "SQLite" });
    let refill = |house: &House, count: usize| {
        let begun = Instant::now();
        let asked = alone(fill(house, &house.token("priya"), count));
        println!("  filed {count}, {:.0} a second", count as f64 / begun.elapsed().as_secs_f64());
        asked
    };
    let mut ours: [Vec<f64>; 4] = Default::default();
    let mut theirs: [Vec<f64>; 4] = Default::default();
    let mut cpu: [Vec<f64>; 4] = Default::default();
    let enough = 10_000 * usize::try_from(seconds).unwrap();
    let share = enough / CLIENTS.len();
    let rival = if url.is_some() { "pgbench" } else { "bare" };
    for round in 0..rounds {
        // Everything that lay in the store is left behind: each round decides on as many as the one before.
        if round > 0 && url.is_none() {
            house.stop();
            house = House::new(folder.clone(), "sqlite:store.db", USERS);
            house.serve();
        }
        let sam = house.token("sam");
        let asked = refill(&house, enough);
        if url.is_none() {
            // The bare statements run on a copy, taken while nobody writes.
            std::fs::copy(house.folder.join("store.db"), house.folder.join("bare.db")).unwrap();
            let _ = std::fs::copy(house.folder.join("store.db-wal"), house.folder.join("bare.db-wal"));
        }
        let copied: Vec<i64> = asked.borrow().iter().map(|(number, _)| *number).collect();
        for (at, clients) in CLIENTS.into_iter().enumerate() {
            // None of them may run out of what is to be decided.
            let missing = enough.saturating_sub(asked.borrow().len());
            if missing > enough / 2 {
                asked.borrow_mut().extend(refill(&house, missing).take());
            }
            let cpu_now = || (process::cpu(house.pid()), process::cpu(std::process::id()));
            let before = cpu_now();
            let (done, took) = alone(approve(&house, &sam, &asked, clients, time));
            let after = cpu_now();
            let (used, load) = (after.0 - before.0, (after.1 - before.1) / done as f64 * 1e6);
            ours[at].push(done as f64 / took);
            cpu[at].push(used / done as f64 * 1e6);
            let theirs_now = if let Some(url) = &url {
                // Bare statements would leave rows behind that the server cannot read: there pgbench has tables of its own.
                pgbench::rate(url, clients, seconds).expect("pgbench runs")
            } else {
                let store = Location::Sqlite(house.folder.join("bare.db"));
                let numbers = copied.iter().skip(at * share).take(share).copied().collect();
                bare::rate(&store, clients, numbers, time.min(Duration::from_secs(2)))
            };
            theirs[at].push(theirs_now);
            println!(
                "  {clients} clients: ours {:.0}/s ({:.0} µs of processor each, and {load:.0} the load's), {rival} {:.0}/s",
                ours[at].last().unwrap(),
                cpu[at].last().unwrap(),
                theirs[at].last().unwrap()
            );
        }
    }
    let one = median(ours[0].clone());
    for (at, clients) in CLIENTS.into_iter().enumerate() {
        let (ours, theirs) = (median(ours[at].clone()), median(theirs[at].clone()));
        println!(
            "{clients} clients: {ours:.0}/s, {rival} {theirs:.0}/s, ratio {:.2}; {:.1} times one client; {:.0} µs of processor each",
            ours / theirs,
            ours / one,
            median(cpu[at].clone())
        );
    }
    let asked = refill(&house, 8_000);
    let sam = house.token("sam");
    let mut decided = 0;
    let counted =
        fsyncs(house.pid(), || (decided, _) = alone(approve(&house, &sam, &asked, 64, Duration::from_secs(2))));
    match counted {
        Some(count) => {
            println!("64 clients: {count} fsyncs for {decided} decisions, {:.4} each", count as f64 / decided as f64)
        }
        None => println!("fsyncs were not counted: strace is not here"),
    }
    house.stop();
    let _ = std::fs::remove_dir_all(&folder);
}

//! From the end of many file grants in one second to the last one gone, seen from outside: the folder is listed, and the server
//! is asked how many it still holds. Grants on a target that hangs end in the same second.

use super::house::House;
use super::http::{Client, json};
use super::part;
use nightlatch::clock::Clock;
use nightlatch::text::{Instant, Length};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// So many users: nobody may have more than fifty open requests.
const USERS: usize = 400;
/// So many end on the target that hangs.
const HANGING: u64 = 20;
/// So many pairs of an asker and a decider make them.
const PAIRS: u64 = 16;
/// How often it is looked.
const LOOK: Duration = Duration::from_millis(10);

async fn ask(client: &mut Client, decider: &mut Client, system: &str, n: u64, until: Instant) -> i64 {
    let body = json!({
        "system": system, "role": "restart", "user": format!("u{}", n as usize % USERS),
        "task": "Restart payment-worker 3 and read its log; done when the queue falls below 100",
        "window": { "until": until.to_string() }, "kind": "planned", "anyway": true,
    });
    let filed = json(client.post("/v1/requests", &body.to_string()).await);
    let number = filed["id"].as_i64().unwrap();
    let body = json!({ "as_of": filed["version"] });
    json(decider.post(&format!("/v1/requests/{number}/approve"), &body.to_string()).await);
    number
}

async fn held(client: &mut Client) -> u64 {
    let (_, text) = client.get("/metrics").await;
    let text = String::from_utf8_lossy(text).into_owned();
    let line = text.lines().find_map(|line| line.strip_prefix("nightlatch_held_requests "));
    line.unwrap().parse().unwrap()
}

fn files(folder: &Path) -> u64 {
    std::fs::read_dir(folder.join("files")).map_or(0, |all| all.count() as u64)
}

pub fn run(folder: &Path, count: u64) {
    let mut house =
        House::new(folder.join(format!("nightlatch-bench-{}", std::process::id())), "sqlite:store.db", USERS);
    house.serve();
    let (sam, priya) = (house.token("sam"), house.token("priya"));
    let clock = Clock::system(Instant::default(), false);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        // Time enough to ask for all of them.
        let until = Instant::from_millis(clock.wall().plus(Length::from_seconds(20 + count as i64 / 80)).millis() / 1000 * 1000);
        let (mut asking, mut deciding) =
            (Client::new(&house.address, &priya).await, Client::new(&house.address, &sam).await);
        let some = (0..PAIRS).map(|first| {
            let (address, sam, priya) = (house.address.clone(), sam.clone(), priya.clone());
            async move {
                let (mut asking, mut deciding) =
                    (Client::new(&address, &priya).await, Client::new(&address, &sam).await);
                let mut numbers = Vec::new();
                for n in (first..count).step_by(PAIRS as usize) {
                    numbers.push(ask(&mut asking, &mut deciding, "payments", n, until).await);
                }
                numbers
            }
        });
        let numbers: Vec<i64> = futures_util::future::join_all(some).await.into_iter().flatten().collect();
        for n in 0..HANGING {
            ask(&mut asking, &mut deciding, "slow", n, until).await;
        }
        while files(&house.folder) < count {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        println!("{count} files and {HANGING} on the target that hangs end at {until}, in {}", until.since(clock.wall()));
        let (mut gone, mut before, mut all) = (Vec::new(), count, None);
        while gone.len() < count as usize || all.is_none() {
            tokio::time::sleep(LOOK).await;
            let (left, past) = (files(&house.folder), clock.wall().since(until).millis() as f64);
            gone.extend(std::iter::repeat_n(past, before.saturating_sub(left) as usize));
            before = before.min(left);
            if past > 0.0 && gone.len() == count as usize && held(&mut deciding).await <= HANGING {
                all = all.or(Some(clock.wall().since(until).millis()));
            }
            assert!(past < 120_000.0, "{left} files are still there");
        }
        println!(
            "files gone after the end: median {:.0} ms, p99 {:.0} ms, last {:.0} ms; all observed absent and recorded: {} ms",
            part(&gone, 0.5),
            part(&gone, 0.99),
            part(&gone, 1.0),
            all.unwrap()
        );
        let mut recorded = Vec::new();
        for number in &numbers {
            let view: Value = json(asking.get(&format!("/v1/requests/{number}")).await);
            let removed: Instant = serde_json::from_value(view["grant"]["removed_at"].clone()).unwrap();
            recorded.push(removed.since(until).millis() as f64);
        }
        println!(
            "recorded as removed: median {:.0} ms, p99 {:.0} ms, last {:.0} ms after the end",
            part(&recorded, 0.5),
            part(&recorded, 0.99),
            part(&recorded, 1.0)
        );
    });
    let folder = house.folder.clone();
    house.stop();
    let _ = std::fs::remove_dir_all(folder);
}

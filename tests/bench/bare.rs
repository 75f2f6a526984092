//! The rival of `decisions`: the statements of one approval, as the store sends them, one transaction each and one after the
//! other, through the same driver, without rules, chain, HTTP or batches.

use nightlatch::store::{Arg, Engine, Location, Writer, values};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// A body of the length that a request has when it is approved.
fn body(length: usize) -> String {
    format!("{{\"x\":\"{}\"}}", "x".repeat(length))
}

const HEAD: &str = "seq, at, alive_at, link, tree, number, policy, format, store_id";
const EVENT: &str = "INSERT INTO event (seq, at, subject, kind, actor, policy, body, link) VALUES";
const REQUEST: &str = "UPDATE request SET seq = $2, version = $2, phase = 'held', access_key = $3, from_at = $4, \
    until_at = $5, body = $6 WHERE number = $1";
const KEY: &str = "INSERT INTO command_key (actor, key, body_hash, request, seq, at) VALUES";
const WORK: &str = "INSERT INTO work (access_key, target, lane, request, attempt, failures, replica, next_at, ends_at, \
    error, observed) VALUES";

/// One approval of request `number`; `seq` is a number that no event has.
async fn decide(writer: &mut Writer, number: i64, seq: i64) {
    let key = format!("bare-{number}-{seq}");
    let access = format!("files/nl-bare-{number}");
    let link = "0".repeat(64);
    let at = 1_795_304_400_000_i64;
    writer.begin().await.unwrap();
    writer.fetch(&format!("UPDATE head SET seq = seq WHERE one = 1 RETURNING {HEAD}"), vec![]).await.unwrap();
    let sql =
        "SELECT actor, key, body_hash, request, seq, at FROM command_key WHERE at > $1 AND ((actor = $2 AND key = $3))";
    writer.fetch(sql, vec![0_i64.into(), "sam".into(), key.as_str().into()]).await.unwrap();
    writer.fetch("SELECT body FROM request WHERE number IN ($1)", vec![number.into()]).await.unwrap();
    let sql = "SELECT body FROM request WHERE (access_key IN ($1) AND phase = 'held')";
    writer.fetch(sql, vec![access.as_str().into()]).await.unwrap();
    writer.fetch("SELECT * FROM work WHERE access_key IN ($1)", vec![access.as_str().into()]).await.unwrap();
    writer.fetch("SELECT subject, by, at FROM frozen ORDER BY subject", vec![]).await.unwrap();
    let subject = format!("request {number}");
    let event: [Arg; 8] = [
        seq.into(),
        at.into(),
        subject.into(),
        "approved".into(),
        "sam token".into(),
        link.as_str().into(),
        body(330).into(),
        link.as_str().into(),
    ];
    writer.execute(&format!("{EVENT} {}", values(1, 8)), event.to_vec()).await.unwrap();
    let request: [Arg; 6] =
        [number.into(), seq.into(), access.as_str().into(), at.into(), at.into(), body(1100).into()];
    writer.execute(REQUEST, request.to_vec()).await.unwrap();
    let row: [Arg; 6] = ["sam".into(), key.into(), link.as_str().into(), number.into(), seq.into(), at.into()];
    writer.execute(&format!("{KEY} {}", values(1, 6)), row.to_vec()).await.unwrap();
    let none = Arg::Text(None);
    let work: [Arg; 11] = [
        access.into(),
        "files".into(),
        "grant".into(),
        number.into(),
        0_i64.into(),
        0_i64.into(),
        none.clone(),
        at.into(),
        at.into(),
        none.clone(),
        none,
    ];
    writer.execute(&format!("{WORK} {}", values(1, 11)), work.to_vec()).await.unwrap();
    let sql =
        "UPDATE head SET at = $1, alive_at = $1, link = $2, tree = $2, number = number, policy = policy WHERE one = 1";
    writer.execute(sql, vec![at.into(), link.into()]).await.unwrap();
    writer.commit().await.unwrap();
}

/// How many a second, with so many clients. SQLite has one writer, so there they take turns on it.
pub fn rate(location: &Location, clients: usize, numbers: Vec<i64>, time: Duration) -> f64 {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let engine = Engine::open(location).await.unwrap();
        let shared = matches!(location, Location::Sqlite(_)).then(|| Arc::new(Mutex::new(engine.writer())));
        let next = Arc::new(AtomicU64::new(0));
        let numbers = Arc::new(numbers);
        let begun = Instant::now();
        let tasks: Vec<_> = (0..clients)
            .map(|_| {
                let (next, numbers) = (next.clone(), numbers.clone());
                let mine = Arc::new(Mutex::new(engine.writer()));
                let writer = shared.clone().unwrap_or(mine);
                tokio::spawn(async move {
                    while begun.elapsed() < time {
                        let n = next.fetch_add(1, Ordering::Relaxed);
                        let Some(number) = numbers.get(n as usize) else { return };
                        decide(
                            &mut *writer.lock().await,
                            *number,
                            1_000_000_000 + i64::from(std::process::id()) * 100_000_000 + *number,
                        )
                        .await;
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let done = next.load(Ordering::Relaxed).min(numbers.len() as u64);
        let rate = done as f64 / begun.elapsed().as_secs_f64();
        engine.close().await;
        rate
    })
}

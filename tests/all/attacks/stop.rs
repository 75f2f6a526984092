//! Ends at bad moments: what was acknowledged is there afterwards.

use super::asking;
use crate::support::served::{Served, Start, Watch, ends, policy, until};
use rustix::process::Signal;
use serde_json::json;
use std::collections::BTreeSet;
use std::fs::{self, File, FileTimes};
use std::io::Write as _;
use std::sync::Arc;
use std::sync::Mutex;

/// Files as fast as it goes from several threads until the server is gone; the numbers that were acknowledged.
fn traffic(served: &mut Served, stop: Signal) -> (BTreeSet<i64>, std::process::ExitStatus) {
    let acknowledged = Mutex::new(BTreeSet::new());
    let address = served.address.strip_prefix("unix:").unwrap().to_owned();
    let process = served.server.id();
    std::thread::scope(|scope| {
        for n in 0..4 {
            let (address, acknowledged) = (&address, &acknowledged);
            scope.spawn(move || {
                let user = ["ana", "bo", "li", "lea"][n];
                for m in 0.. {
                    let task = format!("Task {n}-{m}; done when it is");
                    let body = asking(&json!({ "user": user, "task": task })).to_string();
                    let Some(id) = file(address, &body) else { return };
                    acknowledged.lock().unwrap().insert(id);
                }
            });
        }
        until("traffic", || (acknowledged.lock().unwrap().len() > 40).then_some(()));
        crate::support::served::signal_to(process, stop);
    });
    let status = served.end();
    (acknowledged.into_inner().unwrap(), status)
}

/// Files one; nothing once the server has gone or says that it stops.
fn file(address: &str, body: &str) -> Option<i64> {
    use crate::support::served::Wire;
    let mut wire = Wire::Unix(std::os::unix::net::UnixStream::connect(address).ok()?);
    let head = "POST /v1/requests HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json";
    wire.write_all(format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).ok()?;
    let said = wire.answer().ok()?;
    match said.status {
        201 => said.json()["id"].as_i64(),
        503 => None,
        _ => panic!("{said:?}"),
    }
}

fn all_there(served: &Served, acknowledged: &BTreeSet<i64>) {
    for id in acknowledged {
        assert_eq!(served.get(&format!("/v1/requests/{id}"), None).status, 200, "NL-{id} was acknowledged and is gone");
    }
    let export = served.export();
    let export = served.folder.write("export.jsonl", &export);
    ends(&served.cli(&["audit", "verify", export.to_str().unwrap()]), 0, "");
}

#[test]
fn i4_what_was_acknowledged_is_there_after_sigterm_in_traffic() {
    let mut served = Served::socket();
    let (acknowledged, status) = traffic(&mut served, Signal::TERM);
    assert_eq!(status.code(), Some(0), "{}", served.log());
    assert!(!served.folder.join("sock").exists(), "the socket's file is gone");
    let again = Start { folder: Arc::clone(&served.folder), ..Start::socket() }.serve();
    all_there(&again, &acknowledged);
}

#[test]
fn i4_what_was_acknowledged_is_there_after_a_kill_in_traffic() {
    let mut served = Served::socket();
    let (acknowledged, _) = traffic(&mut served, Signal::KILL);
    assert!(served.folder.join("sock").exists(), "nobody was there to take it away");
    let again = Start { folder: Arc::clone(&served.folder), ..Start::socket() }.serve();
    all_there(&again, &acknowledged);
}

#[test]
fn sigterm_ends_long_polls_at_once() {
    let mut served = Served::socket();
    let head = served.head_seq();
    let mut wire = served.wire();
    wire.write_all(format!("GET /v1/board?after={head}&wait=60s HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes())
        .unwrap();
    // It waits: somebody who asked after it is answered before it.
    assert_eq!(served.get("/v1/me", None).status, 200);
    let begun = Watch::start();
    served.signal(Signal::TERM);
    assert_eq!(wire.answer().unwrap().status, 200, "it is answered, with nothing new");
    assert_eq!(served.end().code(), Some(0));
    assert!(begun.elapsed() < std::time::Duration::from_secs(30), "{:?}", begun.elapsed());
}

#[test]
fn sighup_reloads_the_policy_and_a_broken_one_changes_nothing() {
    let served = Served::socket();
    let file = served.folder.join("policy.toml");
    // With its old date, nothing but the signal tells that it changed.
    let old = fs::metadata(&file).unwrap().modified().unwrap();
    let put = |text: &str| {
        let mut file = File::create(&file).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file.set_times(FileTimes::new().set_modified(old)).unwrap();
        served.signal(Signal::HUP);
    };
    put(&policy().replace("Payment service", "Payments, renamed"));
    until("the new policy rules", || served.get("/v1/systems", None).body.contains("Payments, renamed").then_some(()));
    let before = served.head_seq();
    put(&policy().replace("owner = \"sam\"", "owner = \"nobody\""));
    until("the fault is known", || served.get("/v1/policy", None).body.contains("nobody").then_some(()));
    assert!(served.get("/v1/systems", None).body.contains("Payments, renamed"));
    until("it is told once", || (served.head_seq() == before + 1).then_some(()));
    assert_eq!(served.file(&asking(&json!({}))).status, 201, "the old one goes on ruling");
    put(&policy());
    until("mended", || served.get("/v1/systems", None).body.contains("Payment service").then_some(()));
}

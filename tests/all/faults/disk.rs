//! A disk that is full, and one that does not keep what it was told to: acts are refused and nothing is half done, removals
//! go on and are recorded later, and nobody is told what is not so.

use super::bed::{Bed, Client, Engine, Sent, target};
use crate::support::served::{Served, Start, ends, until};
use crate::support::{binary, skip};
use serde_json::{Value, json};
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A small file system of its own, gone with the value.
struct Small(PathBuf);

impl Small {
    /// Needs root; nothing where it may not be made.
    fn mount(at: &Path) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=4m,mode=0700", "tmpfs"])
            .arg(at)
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        mounted.then(|| Self(at.to_owned()))
    }

    /// Takes all the room that is left.
    fn fill(&self) {
        let mut ballast = File::options().create(true).append(true).open(self.0.join("ballast")).unwrap();
        for size in [64 * 1024, 4096, 512, 1] {
            while ballast.write_all(&vec![7; size]).is_ok() {}
        }
    }

    /// Takes nearly all of it.
    fn nearly_fill(&self) {
        self.fill();
        let ballast = File::options().write(true).open(self.0.join("ballast")).unwrap();
        ballast.set_len(ballast.metadata().unwrap().len() - 512 * 1024).unwrap();
    }

    fn empty(&self) {
        std::fs::remove_file(self.0.join("ballast")).unwrap();
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

fn filing(n: usize, seconds: i64) -> Value {
    json!({ "system": "payments", "role": "restart", "task": format!("Act {n}; done when it is"), "kind": "planned",
        "window": { "for_seconds": seconds } })
}

fn sent(path: &str, key: &str, body: Value) -> Sent {
    Sent { path: path.to_owned(), key: format!("fault-act-{key}"), body }
}

fn status_of(client: &Client, id: i64) -> String {
    client.show(id)["status"].as_str().unwrap().to_owned()
}

/// Files and approves one; active.
fn active(ana: &Client, sam: &Client, key: &str, seconds: i64) -> i64 {
    let (status, filed) = ana.act(&sent("/v1/requests", &format!("file-{key}"), filing(0, seconds)));
    assert_eq!(status, 201, "{filed}");
    let id = filed["id"].as_i64().unwrap();
    let body = json!({ "as_of": filed["version"], "words": "go" });
    let (status, answer) = sam.act(&sent(&format!("/v1/requests/{id}/approve"), &format!("approve-{key}"), body));
    assert_eq!(status, 200, "{answer}");
    until("active", || (status_of(sam, id) == "active").then_some(()));
    id
}

/// The events of a served trail, after it was verified.
fn verified(served: &Served) -> Vec<Value> {
    let export = served.export();
    let path = served.folder.write("export.jsonl", &export);
    ends(&served.cli(&["audit", "verify", path.to_str().unwrap()]), 0, "whole");
    let doctor = served.command().args(["doctor", "--config"]).arg(served.folder.join("server.toml")).output().unwrap();
    ends(&doctor, 0, "trail");
    export.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn filed_count(events: &[Value]) -> usize {
    events.iter().filter(|event| event["kind"] == "filed").count()
}

/// Sends filings until one is refused with 503 or 500; how many were acknowledged, and the refusal.
fn until_refused(ana: &Client, name: &str) -> (usize, Value) {
    for n in 0..100_000 {
        match ana.act_once(&sent("/v1/requests", &format!("{name}-{n}"), filing(n, 1800))) {
            Some((201, _)) => {}
            Some((503 | 500, refusal)) => return (n, refusal),
            other => panic!("{other:?}"),
        }
    }
    panic!("it was never refused");
}

#[test]
#[ignore = "needs root for a small file system: tests/run all"]
fn a_full_disk_refuses_acts_and_lets_removals_go_on() {
    let test = "faults::disk";
    let start = Start::socket();
    let Some(small) = Small::mount(&start.folder.join("small")) else {
        return skip(test, "may not mount a tmpfs: run it as root");
    };
    let folder = start.folder.clone();
    let store = format!("sqlite:{}", folder.join("small/store.db").display());
    // The checkpoint and the spool lie on the full disk, too.
    let start = Start { store: Some(store), key: "small/keys/checkpoint", ..start };
    let served = start.serve();
    let bed = Bed::on(folder.clone());
    let (ana, sam) = (bed.client(None), bed.client(Some(&served.token("sam"))));
    let id = active(&ana, &sam, "first", 6);
    // At once and wholly: what the log holds by now can grow no further.
    small.fill();
    let (acknowledged, refusal) = until_refused(&ana, "full");
    assert!(refusal["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{refusal}");
    let before = sam.show(id);
    // The end comes on the full disk: the access goes all the same.
    until("removed from the target", || bed.held().is_empty().then_some(()));
    small.fill();
    let (more, refusal) = until_refused(&ana, "still-full");
    let cli = served.cli(&["request", "payments", "restart", "--task", "Try; done when it is", "--for", "30m"]);
    assert_eq!(cli.status.code(), Some(7), "{refusal} {cli:?}");
    assert_eq!(served.get("/v1/me", None).status, 200, "it lives, and reads");
    let spool = std::fs::read(folder.join("small/keys/removals.spool")).unwrap();
    assert!(String::from_utf8_lossy(&spool).contains("observed"), "the removal is in the spool: {before}");
    small.empty();
    until("recorded", || (status_of(&sam, id) == "removed").then_some(()));
    let (status, answer) = ana.act(&sent("/v1/requests", "after", filing(7, 1800)));
    assert_eq!(status, 201, "{answer}");
    // Once more, little by little.
    small.nearly_fill();
    let (last, _) = until_refused(&ana, "nearly-full");
    assert!(last > 0, "there was room for some");
    small.empty();
    let (status, answer) = ana.act(&sent("/v1/requests", "at-last", filing(8, 1800)));
    assert_eq!(status, 201, "{answer}");
    let events = verified(&served);
    assert_eq!(filed_count(&events), 3 + acknowledged + more + last, "what was acknowledged, and nothing else");
    let removed = events.iter().find(|event| event["kind"] == "removed").unwrap();
    assert!(removed["body"]["done_at"].as_str() < removed["at"].as_str(), "with both times: {removed}");
    eprintln!(
        "full disk: {} acts kept until it was full, then refused: {}",
        acknowledged + more + last,
        refusal["detail"]
    );
}

/// Tells the server's failure points what to do.
fn failing(pid: u32, control: &Path, what: &str) {
    let out = Command::new("fiu-ctrl").arg("-f").arg(control).args(["-c", what]).arg(pid.to_string()).output().unwrap();
    assert!(out.status.success(), "{what}: {out:?}");
}

#[test]
#[ignore = "needs libfiu: tests/run all"]
fn a_sync_that_fails_is_never_believed() {
    let test = "faults::sync";
    if Command::new("fiu-ctrl").arg("-h").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
        return skip(test, "no libfiu: apt-get install fiu-utils");
    }
    for point in ["posix/io/sync/fsync", "posix/io/rw/pwrite"] {
        let bed = Bed::new(Engine::Sqlite, target("files"));
        let control = bed.folder.join("fiu");
        let mut fiu = Command::new("fiu-run");
        fiu.args(["-x", "-f"]).arg(&control).arg(binary());
        let mut served = bed.serve_by(fiu);
        let pid = served.server.id();
        let (ana, sam) = (bed.client(None), bed.client(Some(&served.token("sam"))));
        let id = active(&ana, &sam, "first", 3);
        failing(pid, &control, &format!("enable name={point}"));
        // Whatever was not synced is not acknowledged, however often it is sent.
        let mut refused = 0;
        for n in 0..6 {
            let answer = ana.act_once(&sent("/v1/requests", &format!("failing-{n}"), filing(n, 1800)));
            match answer {
                Some((500 | 503, _)) => refused += 1,
                other => panic!("{point} fails, and it said {other:?}"),
            }
        }
        until("removed from the target", || bed.held().is_empty().then_some(()));
        // Killed now, it starts with what was synced only.
        failing(pid, &control, &format!("disable name={point}"));
        let (status, answer) = ana.act(&sent("/v1/requests", "failing-0", filing(0, 1800)));
        assert_eq!(status, 201, "the same key, once it can be kept: {answer}");
        until("recorded", || (status_of(&sam, id) == "removed").then_some(()));
        let events = verified(&served);
        let filed = filed_count(&events);
        assert_eq!(filed, 2, "{point}: the first, and the one that was sent again; {refused} were refused");
        // Once more, and killed before anything is written over what was not synced.
        failing(pid, &control, &format!("enable name={point}"));
        let answer = ana.act_once(&sent("/v1/requests", "lost-1", filing(1, 1800)));
        assert!(matches!(answer, Some((500 | 503, _))), "{answer:?}");
        served.signal(rustix::process::Signal::KILL);
        served.end();
        let again = bed.serve();
        let filed = filed_count(&verified(&again));
        eprintln!(
            "{point}: {refused} acts refused while it failed; told {answer:?}; afterwards {filed} of 2 are there"
        );
        let told = answer.unwrap().1["detail"].as_str().unwrap_or_default().to_owned();
        assert!(filed == 2 || !told.contains("nothing was written"), "{point}: it is there, and it said: {told}");
    }
}

//! "Durable before acknowledged", read from outside by `strace`: `kill -9` alone does not show it, for what was written
//! lives on in the kernel. The checker is held against traces in which the order is wrong, in every run.

use super::bed::{Bed, Engine, Sent, target};
use crate::support::binary;
use crate::support::served::until;
use rustix::process::Signal;
use serde_json::json;
use std::collections::BTreeMap;
use std::process::{Command, Stdio};

/// What is traced: whatever reads a command, writes the log, makes it last, and answers.
const CALLS: &str =
    "trace=read,readv,recvfrom,recvmsg,pwrite64,pwritev,pwritev2,write,writev,sendto,sendmsg,fsync,fdatasync";
/// How the key of each command begins, to be found in a trace; it ends with a dot, for in a page other bytes follow at once.
const KEY: &str = "durable-act-";

/// One call: how it began, and whether this line begins or ends it (or both).
struct Call<'a> {
    thread: &'a str,
    name: &'a str,
    /// Descriptor and all that follows it.
    rest: &'a str,
    begins: bool,
    ends: bool,
}

fn call(line: &str) -> Option<Call<'_>> {
    let (thread, rest) = line.trim_start().split_once(' ')?;
    let rest = rest.trim_start();
    if let Some(rest) = rest.strip_prefix("<... ") {
        let (name, rest) = rest.split_once(" resumed>")?;
        return Some(Call { thread, name, rest, begins: false, ends: true });
    }
    let (name, rest) = rest.split_once('(')?;
    let ends = !rest.ends_with("<unfinished ...>");
    Some(Call { thread, name, rest, begins: true, ends })
}

fn keys(text: &str) -> impl Iterator<Item = String> + '_ {
    text.match_indices(KEY).filter_map(|(at, _)| Some(text[at..].split_once('.')?.0.to_owned()))
}

/// What is known of one command while a trace is read.
#[derive(Default)]
struct Known {
    /// The number of the write to the log in which it stood first.
    written: Option<usize>,
}

/// How many commands were answered after a sync of the log, begun after they were written to it, had succeeded. An answer
/// before that is the error.
fn check(trace: &str) -> Result<usize, String> {
    let mut known: BTreeMap<String, Known> = BTreeMap::new();
    let mut asked: BTreeMap<String, String> = BTreeMap::new();
    // How each call that is under way began; for a sync, also after how many writes.
    let mut open: BTreeMap<(&str, &str), (String, usize)> = BTreeMap::new();
    let (mut writes, mut synced, mut answered) = (0, 0, 0);
    for line in trace.lines() {
        let Some(call) = call(line) else { continue };
        let begun = if call.begins {
            (call.rest.to_owned(), writes)
        } else {
            let Some((rest, at)) = open.remove(&(call.thread, call.name)) else { continue };
            (rest + call.rest, at)
        };
        let descriptor = begun.0.split([',', ')']).next().unwrap_or_default().to_owned();
        let log = descriptor.contains("-wal>");
        match call.name {
            "pwrite64" | "pwritev" | "pwritev2" | "write" | "writev" if log && call.begins => {
                writes += 1;
                for key in keys(call.rest) {
                    known.entry(key).or_default().written.get_or_insert(writes);
                }
            }
            "fsync" | "fdatasync" if log && call.ends && line.ends_with("= 0") => synced = synced.max(begun.1),
            "read" | "readv" | "recvfrom" | "recvmsg" if call.ends && !log => {
                if let Some(key) = keys(&begun.0).next() {
                    asked.insert(descriptor.clone(), key);
                }
            }
            "write" | "writev" | "sendto" | "sendmsg" if call.begins && call.rest.contains("\"HTTP/1.1 2") => {
                let Some(key) = asked.remove(&descriptor) else { continue };
                let Some(written) = known.get(&key).and_then(|known| known.written) else {
                    return Err(format!("{key} was acknowledged and never written to the log"));
                };
                if synced < written {
                    return Err(format!("{key} was acknowledged before the log was synced"));
                }
                answered += 1;
            }
            _ => {}
        }
        if !call.ends {
            open.insert((call.thread, call.name), begun);
        }
    }
    Ok(answered)
}

/// A trace as it must be: asked, written, synced, answered; the sync in two lines, for others ran meanwhile.
const GOOD: &str = r#"7 recvfrom(9<UNIX-STREAM:[1->2]>, "POST / HTTP/1.1\r\nIdempotency-Key: durable-act-1.\r\n", 4096, 0, NULL, NULL) = 60
8 pwrite64(12</s/store.db-wal>, "page durable-act-1.", 4096, 56) = 4096
8 fsync(12</s/store.db-wal> <unfinished ...>
7 read(9<UNIX-STREAM:[1->2]>, 0x1, 4096) = -1 EAGAIN (Resource temporarily unavailable)
8 <... fsync resumed>)       = 0
7 sendto(9<UNIX-STREAM:[1->2]>, "HTTP/1.1 201 Created\r\n", 300, MSG_NOSIGNAL, NULL, 0) = 300
"#;

#[test]
fn the_checker_of_order_sees_a_wrong_order() {
    assert_eq!(check(GOOD), Ok(1));
    let lines: Vec<&str> = GOOD.lines().collect();
    let without = |out: &[usize]| {
        let left = lines.iter().enumerate().filter(|(n, _)| !out.contains(n)).map(|(_, line)| *line);
        check(&left.collect::<Vec<_>>().join("\n"))
    };
    assert!(without(&[2, 4]).unwrap_err().contains("before the log was synced"), "no sync at all");
    assert!(without(&[4]).unwrap_err().contains("before the log was synced"), "a sync that did not end");
    assert!(without(&[1]).unwrap_err().contains("never written"), "no write");
    let failed = GOOD.replace("resumed>)       = 0", "resumed>)       = -1 EIO (Input/output error)");
    assert!(check(&failed).is_err(), "a sync that failed");
    let mut early = lines.clone();
    early.swap(4, 5);
    assert!(check(&early.join("\n")).is_err(), "an answer while the sync runs");
    let mut before = lines.clone();
    before.swap(1, 2);
    before.swap(2, 4);
    assert!(check(&before.join("\n")).is_err(), "a sync of what was written before");
}

#[test]
#[ignore = "needs strace: tests/run all"]
fn i4_what_is_acknowledged_was_synced_before() {
    let test = "faults::durable";
    if !Command::new("strace").arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
    {
        return crate::support::skip(test, "no strace: apt-get install strace");
    }
    let bed = Bed::new(Engine::Sqlite, target("files"));
    let trace = bed.folder.join("trace");
    // As a grandchild, so that what is started is the server itself.
    let mut strace = Command::new("strace");
    strace.args(["-D", "-f", "-y", "-s", "8192", "-e", CALLS, "-e", "signal=none", "-o"]).arg(&trace).arg(binary());
    let mut served = bed.serve_by(strace);
    let clients = 4;
    let each = 15;
    std::thread::scope(|scope| {
        for n in 0..clients {
            let client = bed.client(None);
            let user = ["ana", "bo", "li", "lea"][n];
            scope.spawn(move || {
                for m in 0..each {
                    let task = format!("Task {n}-{m}; done when it is");
                    let body = json!({ "system": "payments", "role": "restart", "task": task, "kind": "planned",
                        "user": user, "window": { "for_seconds": 1800 } });
                    let key = |act: usize| format!("{KEY}{}.", 1000 * (n + 1) + 10 * m + act);
                    let (status, filed) = client.act(&Sent { path: "/v1/requests".into(), key: key(0), body });
                    assert_eq!(status, 201, "{filed}");
                    let path = format!("/v1/requests/{}/withdraw", filed["id"]);
                    let (status, answer) = client.act(&Sent { path, key: key(1), body: json!({}) });
                    assert_eq!(status, 200, "{answer}");
                }
            });
        }
    });
    served.signal(Signal::TERM);
    assert_eq!(served.end().code(), Some(0), "{}", served.log());
    let pid = served.server.id().to_string();
    let ended =
        |line: &str| line.strip_prefix(&pid).is_some_and(|rest| rest.trim_start().starts_with("+++ exited with 0"));
    let read = || String::from_utf8_lossy(&std::fs::read(&trace).unwrap()).into_owned();
    let whole = until("the trace is whole", || Some(read()).filter(|text| text.lines().any(ended)));
    let acts = clients * each * 2;
    let answered = check(&whole).unwrap();
    assert_eq!(answered, acts, "each act is found in the trace");
    // The same trace without its syncs is found out.
    let unsynced: Vec<&str> = whole.lines().filter(|line| !line.contains("sync")).collect();
    assert!(check(&unsynced.join("\n")).is_err());
    let syncs = whole.lines().filter(|line| line.contains("sync(") && line.contains("-wal>")).count();
    eprintln!("durable before acknowledged: {answered} acts, each after its sync; {syncs} syncs of the log");
}

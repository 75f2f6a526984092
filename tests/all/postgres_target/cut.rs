//! A connection that is lost after the server did what it was asked for, and a nightlatch that dies before the end.

use super::ground::{Target, collect, told};
use crate::support::TempFolder;
use crate::support::house::POLICY;
use crate::support::served::{Start, Watch, ends, policy as served_policy, stdout, until};
use nightlatch::access::Status;
use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Passes everything on between nightlatch and a server. Once armed with a word, it swallows the answer to the next statement
/// that has it, and cuts the line when the server is done.
struct Proxy {
    folder: TempFolder,
    word: Arc<Mutex<Option<&'static str>>>,
    cuts: Arc<AtomicUsize>,
}

/// What a server says last, when it is ready for the next statement outside of a transaction.
const READY: &[u8] = b"Z\0\0\0\x05I";

impl Proxy {
    fn new(to: &str) -> Self {
        let proxy = Self { folder: TempFolder::new(), word: Arc::default(), cuts: Arc::default() };
        let listener = UnixListener::bind(proxy.folder.join(".s.PGSQL.5432")).unwrap();
        let (to, word, cuts) = (format!("{to}/.s.PGSQL.5432"), proxy.word.clone(), proxy.cuts.clone());
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), UnixStream::connect(&to).unwrap());
                let swallows = Arc::new(AtomicBool::new(false));
                let (from, onto) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let (word, swallow) = (word.clone(), swallows.clone());
                std::thread::spawn(move || ask(from, onto, &word, &swallow));
                let cuts = cuts.clone();
                std::thread::spawn(move || answer(server, client, &swallows, &cuts));
            }
        });
        proxy
    }

    fn arm(&self, word: &'static str) {
        *self.word.lock().unwrap() = Some(word);
    }

    fn cuts(&self) -> usize {
        self.cuts.load(Ordering::SeqCst)
    }
}

fn ask(mut client: UnixStream, mut server: UnixStream, word: &Mutex<Option<&'static str>>, swallows: &AtomicBool) {
    let mut some = vec![0; 256 * 1024];
    while let Ok(read @ 1..) = client.read(&mut some) {
        let said = String::from_utf8_lossy(&some[..read]);
        let mut word = word.lock().unwrap();
        if word.is_some_and(|word| said.contains(word)) {
            *word = None;
            swallows.store(true, Ordering::SeqCst);
        }
        drop(word);
        if server.write_all(&some[..read]).is_err() {
            break;
        }
    }
    drop(server.shutdown(Shutdown::Both));
}

fn answer(mut server: UnixStream, mut client: UnixStream, swallows: &AtomicBool, cuts: &AtomicUsize) {
    let (mut some, mut kept) = (vec![0; 64 * 1024], Vec::new());
    while let Ok(read @ 1..) = server.read(&mut some) {
        if swallows.load(Ordering::SeqCst) {
            kept.extend_from_slice(&some[..read]);
            if kept.ends_with(READY) {
                cuts.fetch_add(1, Ordering::SeqCst);
                break;
            }
        } else if client.write_all(&some[..read]).is_err() {
            break;
        }
    }
    drop(client.shutdown(Shutdown::Both));
    drop(server.shutdown(Shutdown::Both));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a51_what_was_done_when_the_line_was_cut_is_found_and_recorded_once() {
    let Some(target) = Target::new("postgres_target::a51") else { return };
    let proxy = Proxy::new(&target.socket);
    let socket = proxy.folder.path().display().to_string();
    let house = target.house_of(&target.policy_by(POLICY, &socket, "")).await;
    proxy.arm("CREATE ROLE");
    let id = house.active(30).await.id;
    assert_eq!(proxy.cuts(), 1);
    let who = collect(&house, id).await;
    assert_eq!(target.sql(&target.held()), who.0, "one role, not two");
    proxy.arm("DROP ROLE");
    house.advance(31);
    house.until_status(id, Status::Removed).await;
    assert_eq!(proxy.cuts(), 2);
    assert!(!target.has_role(&who.0));
    let told = told(&house, Some(id)).await;
    let count = |kind: &str| told.iter().filter(|(of, _)| of == kind).count();
    assert_eq!((count("granted"), count("removed")), (1, 1), "{told:?}");
}

#[test]
#[ignore = "twenty seconds: tests/run all"]
fn a_nightlatch_that_is_killed_before_the_end_leaves_a_role_that_nobody_can_use_after_it() {
    let Some(target) = Target::new("postgres_target::killed") else { return };
    let mut start = Start::socket();
    start.policy = Some(target.policy(&served_policy()));
    let mut served = start.serve();
    let sam = served.token("sam");
    let filed = served.cli(&[
        "request",
        "payments",
        "restart",
        "--task",
        "Restart the stuck payment worker",
        "--for",
        "20s",
        "--json",
    ]);
    let id = serde_json::from_slice::<serde_json::Value>(&filed.stdout).unwrap()["id"].to_string();
    let approve = ["approve", &id, "--words", "go"];
    ends(&served.command().env("NIGHTLATCH_TOKEN", &sam).args(approve).output().unwrap(), 0, "");
    let begun = Watch::start();
    let collected = until("the credential", || {
        let out = served.cli(&["connect", &id, "--", "sh", "-c", "cat \"$NIGHTLATCH_CREDENTIAL_FILE\""]);
        out.status.success().then(|| stdout(&out))
    });
    let given: serde_json::Value = serde_json::from_str(&collected).unwrap_or_else(|bad| panic!("{bad}: {collected}"));
    let field = |name: &str| {
        let field = given.get(name).or_else(|| given["credential"].get(name));
        field.and_then(|value| value.as_str()).unwrap_or_else(|| panic!("no {name}")).to_owned()
    };
    let who = (field("user"), field("password"));
    let good = super::sign_in(&target, &who, "SELECT 1").status.success();
    assert!(good || begun.elapsed() > Duration::from_secs(19), "it is good while its window lasts");
    served.signal(rustix::process::Signal::KILL);
    served.end();
    until("it is refused", || {
        let out = super::sign_in(&target, &who, "SELECT 1");
        String::from_utf8_lossy(&out.stderr).contains("password authentication failed").then_some(())
    });
    assert!(target.has_role(&who.0), "nobody took it away: the server itself ended it");
    let ended = format!("SELECT rolvaliduntil <= now() FROM pg_roles WHERE rolname = '{}'", who.0);
    assert_eq!(target.sql(&ended), "t", "and not before its end");
    target.drop_role(&who.0);
}

//! Webhooks of the real binary: killed in the middle, examined, sent again.

use super::receiver::{Answer, Receiver, secret};
use crate::support::TempFolder;
use crate::support::served::{Served, Start, TASK, ends, stdout, until};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

fn start(folder: &Arc<TempFolder>, webhooks: &str) -> Start {
    secret(folder, "pager");
    Start { folder: folder.clone(), more: String::leak(format!("connections = 64\n{webhooks}")), ..Start::tcp() }
}

impl Served {
    fn asks(&self, token: &str) {
        let body = json!({ "system": "payments", "role": "restart", "task": TASK, "kind": "emergency", "anyway": true,
            "window": { "for_seconds": 1800 } });
        let said = self.post_with(
            "/v1/requests",
            Some(token),
            &format!("Idempotency-Key: {}\r\n", nightlatch::secret::hex::<8>().unwrap()),
            body.to_string().as_bytes(),
        );
        assert!((200..300).contains(&said.status), "{said:?}");
    }
}

#[test]
fn i4_killed_in_the_middle_it_loses_nothing() {
    let folder = Arc::new(TempFolder::new());
    let receiver = Receiver::new(|_| {
        // Slow enough to be killed in the middle.
        std::thread::sleep(std::time::Duration::from_millis(30));
        Answer::Code(200)
    });
    let webhooks = receiver.toml("pager", "");
    let mut served = start(&folder, &webhooks).serve();
    let mut token = served.token("ana");
    for _ in 0..3 {
        let heard = receiver.ids().len();
        for _ in 0..6 {
            served.asks(&token);
        }
        until("some came", || (receiver.ids().len() > heard + 1).then_some(()));
        served.signal(Signal::KILL);
        served.end();
        served = start(&folder, &webhooks).serve();
        token = served.token("ana");
    }
    let told: Vec<i64> = served
        .export()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|line| ["told", "routed", "duty-passed"].contains(&line["kind"].as_str().unwrap()))
        .map(|line| line["seq"].as_i64().unwrap())
        .collect();
    assert!(told.len() >= 18, "{told:?}");
    until("all came", || told.iter().all(|seq| receiver.ids().contains(seq)).then_some(()));
    // At least once: what came twice came again after a kill, with the same number and the same words.
    assert!(receiver.ids().len() <= told.len() + 3, "{:?}", receiver.ids());
}

#[test]
fn what_was_given_up_is_listed_by_doctor_and_sent_again() {
    let folder = Arc::new(TempFolder::new());
    let receiver = Receiver::new(|_| Answer::Code(410));
    let served = start(&folder, &receiver.toml("pager", "")).serve();
    let token = served.token("ana");
    served.asks(&token);
    let listed = || {
        let out = served.admin(&["webhook", "list", "--json"]);
        let listed: Vec<Value> = serde_json::from_str(&stdout(&out)).unwrap();
        listed.into_iter().next()
    };
    let dead = until("it is given up", listed);
    assert_eq!(
        (&dead["webhook"], &dead["sentence"]),
        (&"pager".into(), &"it answered 410: it wants no more of it".into())
    );
    let event = dead["event"].to_string();
    ends(&served.admin(&["webhook", "list"]), 0, "given up");
    let doctor = || {
        let mut command = served.command();
        command.arg("doctor").arg("--config").arg(served.folder.join("server.toml")).output().unwrap()
    };
    ends(&doctor(), 1, &format!("nightlatch admin webhook resend pager {event}"));
    ends(&served.admin(&["webhook", "test", "pager"]), 3, "webhook pager: it answered 410");
    ends(&served.admin(&["webhook", "test", "nobody"]), 2, "name pager");
    ends(&served.admin(&["webhook", "resend", "pager", "999999"]), 2, "nothing of that name and number waits");

    receiver.answers(|_| Answer::Code(200));
    ends(&served.admin(&["webhook", "test", "pager"]), 0, "webhook pager took it");
    assert_eq!(receiver.heard().last().unwrap().json()["event"]["kind"], "test");
    ends(&served.admin(&["webhook", "resend", "pager", &event]), 0, "1 events are sent again");
    until("nothing is left", || listed().is_none().then_some(()));
    assert!(receiver.ids().iter().filter(|id| id.to_string() == event).count() >= 2);
    ends(&doctor(), 0, "webhook pager: nothing waits");
}

#[test]
fn a55_a_secret_that_others_can_read_stops_the_server() {
    let folder = Arc::new(TempFolder::new());
    start(&folder, &Receiver::kind().toml("pager", "")).files();
    let path = folder.join("pager.secret");
    let serve = || {
        let mut command = crate::support::served::bare(folder.path());
        command.args(["serve", "--config"]).arg(folder.join("server.toml")).output().unwrap()
    };
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    ends(&serve(), 2, "chmod 600");
    std::fs::write(&path, "short\n").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    ends(&serve(), 2, "is shorter than 16 characters");
}

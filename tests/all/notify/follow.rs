//! `nightlatch notify` beside a real server, with a real hook that writes down what it is told: started late, killed and started
//! again, twice, beside a dashboard; what is brought is brought once, and what a colleague decides is replaced.

use crate::dashboard::pty::Pty;
use crate::support::TempFolder;
use crate::support::relay::Relay;
use crate::support::served::{PATIENCE, Served, TASK, Watch, bare, ends, until};
use nightlatch::config::Paths;
use nightlatch::notifier::place::Said;
use nightlatch::notifier::{Place, Seat};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Sam's desk: a home with a hook.
pub(super) struct Desk {
    pub(super) served: Served,
    token: String,
    home: TempFolder,
    /// Where its programs reach the server, if not at its own address.
    address: Option<String>,
    /// What its programs find around them beside that.
    pub(super) env: Vec<(&'static str, PathBuf)>,
}

/// The notifier, killed with the value.
pub(super) struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Desk {
    fn new() -> Self {
        Self::beside(Served::socket())
    }

    pub(super) fn beside(served: Served) -> Self {
        let (token, home) = (served.token("sam"), TempFolder::new());
        let hook = home.write("hook", "#!/bin/sh\nread -r line\nprintf '%s\\n' \"$line\" >> \"$1\"\n");
        let own = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(&hook, own).unwrap();
        let desk = Self { served, token, home, address: None, env: Vec::new() };
        desk.likes("");
        desk
    }

    /// Writes down how sam likes to be told: by the hook, and as these lines say.
    pub(super) fn likes(&self, more: &str) {
        let [hook, told, opened] = ["hook", "told", "opened-{id}"].map(|name| self.home.join(name));
        let [hook, told, opened] = [hook.display(), told.display(), opened.display()];
        let lines = format!("hook = [\"{hook}\", \"{told}\"]\nopen = [\"touch\", \"{opened}\"]\n{more}");
        self.home.write("c/nightlatch/config.toml", &format!("[notify]\nchannels = [\"hook\"]\n{lines}"));
    }

    pub(super) fn command(&self) -> Command {
        let mut command = bare(self.home.path());
        command
            .env("NIGHTLATCH_STORE", self.address.as_ref().unwrap_or(&self.served.address))
            .env("NIGHTLATCH_TOKEN", &self.token);
        command.envs(self.env.iter().cloned());
        command
    }

    pub(super) fn notify(&self) -> Running {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.home.join("log")).unwrap();
        Running(self.command().arg("notify").stdout(Stdio::null()).stderr(log).spawn().unwrap())
    }

    /// Ana asks.
    pub(super) fn file(&self, kind: &str) -> i64 {
        let body = json!({"system": "payments", "role": "restart", "task": TASK, "kind": kind,
            "window": {"for_seconds": 1800}});
        let said = self.served.file(&body);
        assert_eq!(said.status, 201, "{said:?}");
        said.json()["id"].as_i64().unwrap()
    }

    /// What the hook was told so far.
    pub(super) fn told(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.home.join("told")).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The events that it was told, in all.
    fn seqs(&self) -> Vec<i64> {
        let of = |alert: &Value| alert["of"].as_array().unwrap().clone();
        self.told().iter().flat_map(of).map(|of| of["seq"].as_i64().unwrap()).collect()
    }

    /// Waits until the hook is told of this request, in words that hold these.
    pub(super) fn hears(&self, id: i64, words: &str) {
        let number = format!("NL-{id}");
        until(&format!("the hook is told {words} of {number}: {:?}", self.told()), || {
            let is_it = |alert: &Value| {
                let named = alert["of"].as_array().unwrap().iter().any(|of| of["request"] == number.as_str());
                let text = format!("{} {}", alert["title"], alert["body"]);
                (alert["request"] == number.as_str() || named) && text.contains(words)
            };
            self.told().iter().any(is_it).then_some(())
        });
    }

    /// Waits until it says that it is there.
    pub(super) fn is_there(&self) {
        until(&format!("it says that it is there: {}", self.log()), || self.log().contains("Sam Lee").then_some(()));
    }

    /// The place of sam's notifier, as another program of sam's would find it.
    fn place(&self) -> Place {
        let me = self.served.get("/v1/me", Some(&self.token)).json();
        let home = self.home.path();
        let (runtime, state) = (home.join("r/nightlatch"), home.join(".local/state/nightlatch"));
        let paths = Paths { runtime, state, ..Paths::below(home) };
        Place::of(&paths, me["store"].as_str().unwrap(), "sam").unwrap()
    }

    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(self.home.join("log")).unwrap_or_default()
    }
}

#[test]
fn what_happened_while_nobody_told_it_is_told_once() {
    let desk = Desk::new();
    // Started late: there is no cursor yet, so what waits is seen on the board.
    let late = desk.file("planned");
    let running = desk.notify();
    desk.hears(late, "Ana Ruiz asks for access to payments");
    let live = desk.file("planned");
    desk.hears(live, "waits for your verdict");
    // Killed in the very moment in which it is brought, it is rather told twice than not at all.
    until("it is kept that it was told", || {
        let kept: Value = serde_json::from_str(&std::fs::read_to_string(desk.place().kept()).ok()?).ok()?;
        (kept["seq"].as_i64()? >= *desk.seqs().last()?).then_some(())
    });
    drop(running);
    // Killed, and started again: what happened meanwhile is told, and nothing twice.
    let (decided, missed) = (desk.file("planned"), desk.file("planned"));
    let lapsed = desk.served.post(&format!("/v1/requests/{decided}/withdraw"), None, &json!({}));
    assert_eq!(lapsed.status, 200, "{lapsed:?}");
    let running = desk.notify();
    desk.hears(missed, "waits for your verdict");
    let last = desk.file("planned");
    desk.hears(last, "waits for your verdict");
    let mut seqs = desk.seqs();
    let all = seqs.len();
    seqs.sort_unstable();
    seqs.dedup();
    assert_eq!(seqs.len(), all, "something was told twice: {:?}", desk.told());
    let told = desk.told();
    assert!(!told.iter().any(|alert| alert["request"] == format!("NL-{decided}").as_str()), "{told:?}");
    assert!(!serde_json::to_string(&told).unwrap().contains("queue"), "the task is on the lock screen: {told:?}");
    drop(running);
    // The record says that it was brought, by which channel.
    until("it is recorded that it was brought", || {
        let events = desk.served.get(&format!("/v1/requests/{live}/events"), None).json();
        let brought = |event: &&Value| event["kind"] == "delivered" && event["body"]["channel"] == "hook";
        events["events"].as_array().unwrap().iter().find(brought).map(|event| assert_eq!(event["body"]["to"], "sam"))
    });
}

#[test]
fn what_waited_is_told_though_the_first_look_at_it_came_to_nothing() {
    let mut desk = Desk::new();
    let waited = desk.file("planned");
    let here = desk.served.folder.join("relay");
    let there = desk.served.address.strip_prefix("unix:").unwrap().to_owned();
    let relay = Relay::between(&here, there);
    desk.address = Some(format!("unix:{}", here.display()));
    // A program asks three times by itself.
    for _ in 0..3 {
        relay.is_busy_for("GET /v1/board");
        relay.is_busy_for(&format!("GET /v1/requests/{waited} "));
    }
    let _running = desk.notify();
    desk.hears(waited, "asks for access to payments");
    assert_eq!(relay.busy(), 0);
}

#[test]
fn an_emergency_is_replaced_when_a_colleague_decides() {
    let desk = Desk::new();
    let _running = desk.notify();
    desk.is_there();
    let id = desk.file("emergency");
    desk.hears(id, "EMERGENCY");
    let lea = desk.served.token("lea");
    let approved = desk
        .served
        .command()
        .env("NIGHTLATCH_TOKEN", lea)
        .args(["approve", &id.to_string(), "--words", "Go ahead"])
        .output()
        .unwrap();
    ends(&approved, 0, "");
    desk.hears(id, "approved by Lea Lind");
    let told = desk.told();
    let verdict = told.iter().find(|alert| alert["title"].as_str().unwrap().contains("approved")).unwrap();
    assert_eq!((&verdict["urgency"], &verdict["sound"]), (&json!("low"), &json!(false)));
    assert_eq!(verdict["key"], told[0]["key"]);
}

#[test]
fn quiet_hours_let_only_an_emergency_through_and_their_end_brings_the_rest() {
    let desk = Desk::new();
    // Three hours on either side of now, by whatever the clocks of sam's zone do.
    let hours = chrono::TimeDelta::hours(3);
    let now = nightlatch::clock::Clock::system(nightlatch::text::Instant::default(), false).wall().utc();
    desk.likes(&format!("quiet_hours = \"{}-{}\"\n", (now - hours).format("%H:%M"), (now + hours).format("%H:%M")));
    let running = desk.notify();
    desk.is_there();
    let calm = desk.file("planned");
    let urgent = desk.file("emergency");
    desk.hears(urgent, "EMERGENCY");
    let told = desk.told();
    assert!(told.iter().all(|alert| alert["request"] != format!("NL-{calm}").as_str()), "it was quiet: {told:?}");
    drop(running);
    // They are over, and it still waits.
    desk.likes("");
    let _running = desk.notify();
    desk.hears(calm, "asks for access to payments");
}

/// The store answers nobody for as long as it takes until sam is told; then it answers again.
fn is_lost_and_found(desk: &Desk) {
    let lost = || {
        let link = |title: &str| title.starts_with("No answer from the store");
        desk.told().iter().filter(|alert| alert["title"].as_str().is_some_and(link)).count()
    };
    let begun = Watch::start();
    while lost() == 0 {
        assert!(begun.elapsed() < Duration::from_secs(150), "nobody was told: {}", desk.log());
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(begun.elapsed() > Duration::from_secs(50), "told after {:?}", begun.elapsed());
    desk.served.signal(rustix::process::Signal::CONT);
    let id = desk.file("emergency");
    desk.hears(id, "EMERGENCY");
    assert_eq!(lost(), 1, "{:?}", desk.told());
}

#[test]
#[ignore = "a link is lost after a minute: tests/run all"]
fn whoever_is_on_duty_is_told_that_nothing_can_reach_them_and_is_reached_again() {
    let desk = Desk::new();
    let _running = desk.notify();
    let first = desk.file("planned");
    desk.hears(first, "waits for your verdict");
    desk.served.signal(rustix::process::Signal::STOP);
    is_lost_and_found(&desk);
}

#[test]
#[ignore = "a link is lost after a minute: tests/run all"]
fn a_store_that_was_lost_before_it_was_followed_is_told_too() {
    let desk = Desk::new();
    let place = desk.place();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    // Something else brings, until the store is gone.
    let held =
        runtime.block_on(async { tokio::time::timeout(PATIENCE, place.hold(Seat::Dashboard)).await.unwrap().unwrap() });
    let _running = desk.notify();
    desk.is_there();
    desk.served.signal(rustix::process::Signal::STOP);
    drop(held);
    is_lost_and_found(&desk);
}

#[test]
fn there_is_one_a_dashboard_takes_over_and_a_click_opens_the_request() {
    let desk = Desk::new();
    let running = desk.notify();
    let first = desk.file("planned");
    desk.hears(first, "waits for your verdict");
    let second = desk.command().arg("notify").output().unwrap();
    ends(&second, 3, &format!("as process {}", running.0.id()));
    let place = desk.place();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let patient = |what: std::pin::Pin<Box<dyn Future<Output = Option<bool>>>>| {
        runtime.block_on(async { tokio::time::timeout(PATIENCE, what).await.unwrap() })
    };
    let click = |place: &Place| {
        let place = place.clone();
        patient(Box::pin(async move { place.say(Said::Open(nightlatch::access::RequestNumber(101))).await }))
    };
    // A click that another program heard: no dashboard is open, so it is opened as somebody likes.
    assert_eq!(click(&place), Some(true));
    until("it is opened", || desk.home.join("opened-101").exists().then_some(()));
    // Something else brings: the notifier gives way, and is back at once.
    let held =
        runtime.block_on(async { tokio::time::timeout(PATIENCE, place.hold(Seat::Dashboard)).await.unwrap().unwrap() });
    let silent = desk.file("planned");
    drop(held);
    desk.hears(silent, "waits for your verdict");
    // A real dashboard does, and a click is opened in it.
    let mut pty = Pty::start(&desk.command());
    pty.shows("LIVE");
    until("the dashboard has taken over", || {
        let theirs = place.clone();
        let yields = patient(Box::pin(async move { theirs.say(Said::Yield).await }));
        (yields == Some(false)).then_some(())
    });
    let beside = desk.file("planned");
    desk.hears(beside, "waits for your verdict");
    assert_eq!(click(&place), Some(true));
    pty.shows("NL-101 ");
    pty.keys("q");
    pty.ends();
    let after = desk.file("planned");
    desk.hears(after, "waits for your verdict");
    let mut seqs = desk.seqs();
    let all = seqs.len();
    seqs.sort_unstable();
    seqs.dedup();
    assert_eq!(seqs.len(), all, "something was told twice: {:?}", desk.told());
}

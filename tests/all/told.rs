//! Who was told what, how it reached them, and what is told of access that ends, is overdue, or of a policy that is refused:
//! through the whole service, on both engines.

use crate::support::house::{House, POLICY, everywhere, person, words};
use crate::support::served::{Served, TASK, stdout};
use nightlatch::access::channel::ChannelName;
use nightlatch::access::{Code, RequestNumber, Status, Subject};
use nightlatch::service::{Fault, Verb};
use nightlatch::text::Length;
use nightlatch::wire::{DeliveredBody, EventView, Ways};
use std::time::Duration;

fn report(of: i64, channel: &str, fault: Option<&str>) -> Verb {
    Verb::Delivered(DeliveredBody { of, channel: channel.into(), fault: fault.map(str::to_owned) })
}

impl House {
    async fn events(&self, who: &str, of: Option<i64>) -> Vec<EventView> {
        let of = of.map(RequestNumber);
        self.service.events(&person(who), of, 0, 1000, Duration::ZERO).await.unwrap().events
    }
    /// The events that tell somebody of this.
    async fn told(&self, id: i64, about: &str) -> Vec<EventView> {
        let mut events = self.events("sam", Some(id)).await;
        events.retain(|event| event.kind == "told" && event.body["about"] == about);
        events
    }
    async fn delivered(&self, id: i64) -> usize {
        self.events("sam", Some(id)).await.iter().filter(|event| event.kind == "delivered").count()
    }
    async fn whole(&self) {
        let whole = self.store.check(&mut |_, _| ()).await.unwrap();
        assert_eq!(whole.faults, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_channel_reports_once_what_became_of_a_telling() {
    everywhere("told_delivered", async |location| {
        let house = House::new(location, POLICY).await;
        let filed = house.file("ana", 30).await;
        let of = house.told(filed.id, "ask").await[0].seq;
        assert!(house.store.head().await.unwrap().format < 3);
        let view = house.verb("sam", filed.id, report(of, "desktop", None)).await.unwrap();
        assert_eq!(house.store.head().await.unwrap().format, 3);
        assert_eq!(
            (view.version, view.escalation.unwrap().tried[0].reached[0].channel.as_str()),
            (filed.version, "desktop")
        );
        // A26: what a channel says is foreign, and may be long.
        let hostile = format!("exit 3\u{1b}]0;owned\u{7}\u{202e}\n{}", "x".repeat(100_000));
        house.verb("sam", filed.id, report(of, "hook", Some(&hostile))).await.unwrap();
        let reached = house.show(filed.id).await.escalation.unwrap().tried.remove(0).reached;
        let fault = reached[1].fault.clone().unwrap();
        assert!(fault.starts_with("exit 3") && fault.chars().count() <= 210, "{}", fault.chars().count());
        assert!(!fault.chars().any(char::is_control) && !fault.contains('\u{202e}'), "{fault:?}");
        // Again, somebody else's, and what is not known: answered, and nothing is written.
        house.verb("sam", filed.id, report(of, "desktop", Some("late"))).await.unwrap();
        house.verb("li", filed.id, report(of, "desktop", None)).await.unwrap();
        house.verb("sam", filed.id, report(of + 999, "terminal", None)).await.unwrap();
        house.verb("sam", filed.id, report(-1, "terminal", None)).await.unwrap();
        assert_eq!(house.delivered(filed.id).await, 2);
        for bad in ["", "Desktop", "a b", "webhook:pager", &"x".repeat(42)] {
            let Err(Fault::Refused(refusal)) = house.verb("sam", filed.id, report(of, bad, None)).await else {
                panic!("{bad:?} is no channel");
            };
            assert_eq!(refusal.code, Code::Malformed, "{bad:?}");
        }
        // One person cannot fill the record with names of channels.
        for n in 0..20 {
            house.verb("sam", filed.id, report(of, &format!("channel-{n}"), None)).await.unwrap();
        }
        assert_eq!(house.delivered(filed.id).await, 8);
        // The server's own, once a telling; and late, when it is over.
        let webhook: ChannelName = "webhook:pager".parse().unwrap();
        let number = RequestNumber(filed.id);
        for _ in 0..2 {
            house.service.delivered(number, of, &webhook, None).await.unwrap();
        }
        assert_eq!(house.delivered(filed.id).await, 9);
        house.verb("sam", filed.id, Verb::Deny(words("not now"))).await.unwrap();
        let decided = house.told(filed.id, "decided").await[0].seq;
        house.verb("ana", filed.id, report(decided, "terminal", None)).await.unwrap();
        let events = house.events("sam", Some(filed.id)).await;
        let (told, ways) = (events.iter().find(|event| event.seq == of).unwrap(), Ways::of(&events));
        let said = ways.reached(told, house.clock.now().at, &|_| "now".into()).unwrap();
        assert!(
            said.starts_with("desktop now, hook failed: exit 3") && said.ends_with("; webhook:pager now"),
            "{said}"
        );
        let last = events.last().unwrap();
        assert_eq!(
            (last.kind.as_str(), last.body["of"].as_i64(), last.actor.as_str()),
            ("delivered", Some(decided), "ana")
        );
        house.whole().await;
    })
    .await;
}

#[tokio::test]
async fn an_end_is_told_before_it_comes_and_an_overdue_removal_until_it_is_gone() {
    everywhere("told_overdue", async |location| {
        let house = House::new(location, POLICY).await;
        let active = house.active(10).await;
        house.advance(5);
        house.until("told", async || !house.told(active.id, "ending").await.is_empty()).await;
        assert_eq!(house.told(active.id, "ending").await[0].body["to"], serde_json::json!(["ana"]));
        // Taking it out is not possible: what stands in the way is no file.
        let name = house.sandbox().remove(0);
        let path = house.folder.join("sandbox").join(&name);
        let kept = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join("in the way"), "").unwrap();
        house.advance(5);
        house.until_status(active.id, Status::Ending).await;
        assert!(house.told(active.id, "overdue").await.is_empty());
        house.advance(1);
        house.until("told", async || !house.told(active.id, "overdue").await.is_empty()).await;
        let first = house.told(active.id, "overdue").await.remove(0);
        assert_eq!(
            (first.body["to"].clone(), first.body["rung"]["step"].clone()),
            (serde_json::json!(["sam"]), 1.into())
        );
        // Acknowledged, it is told to others only.
        house.verb("sam", active.id, Verb::Acknowledge).await.unwrap();
        house.advance(11);
        house.until("the next step", async || house.told(active.id, "overdue").await.len() > 1).await;
        assert_eq!(house.told(active.id, "overdue").await[1].body["to"], serde_json::json!(["li"]));
        // Mended: whoever was told hears of it.
        std::fs::remove_dir_all(&path).unwrap();
        std::fs::write(&path, kept).unwrap();
        house.advance(1);
        house.until_status(active.id, Status::Removed).await;
        assert_eq!(house.told(active.id, "removed").await[0].body["to"], serde_json::json!(["sam", "li"]));
        house.whole().await;
    })
    .await;
}

#[tokio::test]
async fn a_policy_that_is_refused_is_told_once_to_those_who_mend_it() {
    everywhere("told_policy", async |location| {
        let house = House::new(location, POLICY).await;
        let refused = async |who: &str| {
            let events = house.events(who, None).await;
            events.into_iter().filter(|event| event.kind == "policy-refused").collect::<Vec<_>>()
        };
        let tried_again = async || {
            house.service.reload();
            for _ in 0..300 {
                tokio::time::sleep(Duration::from_millis(2)).await;
                house.clock.advance(Length::from_millis(20));
            }
        };
        house.folder.write("policy.toml", "leads = \"nobody\"\n");
        house.service.reload();
        house.until("told", async || !refused("sam").await.is_empty()).await;
        let event = refused("sam").await.remove(0);
        assert_eq!((event.subject.as_str(), event.actor.as_str()), ("policy", "clock"));
        assert!(event.body["fault"].as_str().unwrap().contains("nobody"), "{}", event.body);
        assert!(refused("ana").await.is_empty(), "the policy is no matter of theirs");
        tried_again().await;
        assert_eq!(refused("sam").await.len(), 1, "once for what stands in it");
        // Broken otherwise is another one; and it rules on.
        house.folder.write("policy.toml", "not even TOML \u{1b}[2J");
        house.service.reload();
        house.until("told of the other", async || refused("sam").await.len() == 2).await;
        let fault = refused("sam").await[1].body["fault"].as_str().unwrap().to_owned();
        assert!(!fault.chars().any(char::is_control), "{fault:?}");
        let filed = house.file("ana", 30).await;
        house.approve("sam", &filed).await.unwrap();
        // Mended by another version, the same fault is news again.
        house.folder.write("policy.toml", &POLICY.replace("Li Wei", "Li Wei the Second"));
        house.service.reload();
        house
            .until("it rules", async || {
                let events = house.store.events(Some(&Subject::Policy), 0, 1000).await.unwrap();
                events.iter().filter(|event| event.kind == "policy-changed").count() == 2
            })
            .await;
        house.folder.write("policy.toml", "not even TOML \u{1b}[2J");
        house.service.reload();
        house.until("told again", async || refused("sam").await.len() == 3).await;
        house.whole().await;
    })
    .await;
}

#[test]
fn a_report_comes_over_the_wire_and_show_says_it() {
    let served = Served::socket();
    let filed = served
        .file(
            &serde_json::json!({"system": "payments", "role": "restart", "task": TASK, "window": {"for_seconds": 900}}),
        )
        .json();
    let id = filed["id"].as_i64().unwrap();
    let sam = served.token("sam");
    let events = served.get(&format!("/v1/requests/{id}/events"), Some(&sam)).json();
    let all = events["events"].as_array().unwrap();
    let of = all.iter().find(|event| event["kind"] == "told").unwrap()["seq"].as_i64().unwrap();
    let path = format!("/v1/requests/{id}/delivered");
    let report = |body: serde_json::Value| served.post(&path, Some(&sam), &body);
    assert_eq!(report(serde_json::json!({"of": of, "channel": "desktop"})).status, 200);
    let said = report(serde_json::json!({"of": of, "channel": "hook", "fault": "exit 3"}));
    assert_eq!(said.json()["escalation"]["tried"][0]["reached"][1]["fault"], "exit 3");
    for bad in [
        serde_json::json!({"of": of}),
        serde_json::json!({"of": of, "channel": "A b"}),
        serde_json::json!({"of": of, "channel": "hook", "to": "li"}),
        serde_json::json!({"of": "all", "channel": "hook"}),
    ] {
        assert!((400..=422).contains(&report(bad.clone()).status), "{bad}");
    }
    let elsewhere =
        served.post("/v1/requests/999/delivered", Some(&sam), &serde_json::json!({"of": of, "channel": "hook"}));
    assert_eq!(elsewhere.status, 404);
    let shown = stdout(&served.cli(&["show", &id.to_string()]));
    let line = shown.lines().find(|line| line.contains("told sam")).unwrap();
    assert!(line.contains(": it waits for a verdict — desktop ") && line.ends_with(", hook failed: exit 3"), "{shown}");
    let described = served.get("/v1/openapi.json", None).json();
    assert!(described["paths"]["/v1/requests/{id}/delivered"]["post"].is_object());
}

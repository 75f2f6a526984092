//! The checks, through the real program and the real service: what is missing is said before anybody is woken, and what
//! happened before is remembered.

use crate::support::house::{House, body, everywhere, person};
use crate::support::served::Served;
use nightlatch::access::Status;
use nightlatch::checks::{Check, Verdict};
use nightlatch::wire::WindowBody;
use serde_json::json;

const HASTE: &str = "need prod DB access ASAP";

fn said<'a>(checks: &'a [Check], code: &str) -> &'a Check {
    checks.iter().find(|check| check.code == code).unwrap()
}

#[test]
fn haste_is_answered_with_what_is_missing_and_wakes_nobody() {
    let served = Served::socket();
    let line = ["request", "payments", "restart", "--task", HASTE, "--for", "45m"];
    for flags in [&[][..], &["--check"][..]] {
        let out = served.cli(&[&line[..], flags].concat());
        let all = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        assert_eq!(out.status.code(), Some(3), "{all}");
        assert!(all.contains("urgent, but not what you will do") && all.contains("how you will know"), "{all}");
    }
    let window = json!({ "for_seconds": 2700 });
    let ask = json!({ "system": "payments", "role": "restart", "task": HASTE, "kind": "planned", "window": window });
    let dry = served.post("/v1/checks", None, &ask).json();
    let checks = dry["checks"].as_array().unwrap();
    assert_eq!(checks.len(), 9, "{dry}");
    assert_eq!((&checks[0]["code"], &checks[0]["verdict"]), (&json!("task"), &json!("fail")), "{dry}");
    assert_eq!(served.head_seq(), 1, "nothing was written");
    let filed = served.cli(&[&line[..], &["--anyway", "--json"]].concat());
    assert_eq!(filed.status.code(), Some(0), "{}", String::from_utf8_lossy(&filed.stderr));
    let filed: serde_json::Value = serde_json::from_slice(&filed.stdout).unwrap();
    assert_eq!(filed["checks"][0]["verdict"], "fail", "its approver sees it: {filed}");
}

#[tokio::test]
async fn an_approved_task_is_known_again() {
    everywhere("an_approved_task_is_known_again", async |location| {
        let house = House::new(location, crate::support::house::POLICY).await;
        let first = house.file("ana", 30).await;
        for code in ["fresh", "pattern", "task"] {
            assert_eq!(said(&first.checks, code).verdict, Verdict::Pass, "{:?}", first.checks);
        }
        assert!(said(&first.checks, "removal").sentence.contains("no second lock"), "{:?}", first.checks);
        let waiting = house.file("ana", 30).await;
        assert_eq!(said(&waiting.checks, "fresh").verdict, Verdict::Pass, "nothing was approved yet");
        house.approve("sam", &first).await.unwrap();
        house.until_status(first.id, Status::Active).await;
        let window = WindowBody { for_seconds: Some(1800), ..WindowBody::default() };
        let ask = |who: &'static str| {
            let (house, body) = (&house, body(window.clone()));
            async move { house.service.checks(&person(who), body).await.unwrap().checks }
        };
        let again = ask("ana").await;
        let number = format!("repeats the task of NL-{}", first.id);
        assert_eq!(said(&again, "fresh").verdict, Verdict::Warn, "{again:?}");
        assert!(said(&again, "fresh").sentence.contains(&number), "{again:?}");
        assert_eq!(said(&again, "overlap").verdict, Verdict::Warn, "{again:?}");
        // Another person's task is their own; what was approved is not called old when its approver looks at it again.
        assert_eq!(said(&ask("bo").await, "fresh").verdict, Verdict::Pass);
        // A third emergency after two is no row yet, a fourth after three is.
        assert_eq!(said(&again, "pattern").verdict, Verdict::Pass, "{again:?}");
        house.file("ana", 30).await;
        assert_eq!(said(&ask("ana").await, "pattern").verdict, Verdict::Warn);
    })
    .await;
}

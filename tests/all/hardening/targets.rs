//! Targets that lie, cap what they give, are down, or hang.

use super::sqlite;
use crate::support::TempFolder;
use crate::support::house::{House, POLICY, START, body, person};
use nightlatch::access::Status;
use nightlatch::text::{Instant, Length};
use nightlatch::wire::WindowBody;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

/// A target whose behaviour a test changes by files beside it: `lie` (says removed, does not), `cap` (holds no later end), `down`,
/// `hang`.
const HELPER: &str = r#"#!/usr/bin/env python3
import json, os, sys, time
here = os.path.dirname(os.path.abspath(__file__))
verb, spec = sys.argv[-1], json.load(sys.stdin)
held = os.path.join(here, "held-" + spec.get("mark", ""))
with open(os.path.join(here, "calls"), "a") as calls: calls.write(verb + "\n")
if os.path.exists(os.path.join(here, "hang")): time.sleep(60)
if os.path.exists(os.path.join(here, "down")):
    print("the target is down", file=sys.stderr); sys.exit(1)
if verb == "grant":
    cap = os.path.join(here, "cap")
    until = min(spec["until"], open(cap).read()) if os.path.exists(cap) else spec["until"]
    with open(held, "w") as file: file.write(until)
    print("{}")
elif verb == "remove":
    if not os.path.exists(os.path.join(here, "lie")) and os.path.exists(held): os.unlink(held)
    print("{}")
elif verb == "observe":
    until = open(held).read() if os.path.exists(held) else None
    print(json.dumps({"present": until is not None, "until": until, "evidence": "looked for " + held}))
else: print("{}")
"#;

pub fn helper(folder: &Path) -> String {
    let path = folder.join("helper");
    std::fs::write(&path, HELPER).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    POLICY.replace(
        "kind = \"files\"\nfolder = \"sandbox\"",
        &format!("kind = \"command\"\nargv = [{:?}]\ntime_limit = \"2s\"", path.display().to_string()),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a51_a_target_that_lies_is_contradicted_and_overdue_until_it_is_true() {
    let helpers = TempFolder::new();
    let folder = TempFolder::new();
    let house = House::new(sqlite(&folder), &helper(helpers.path())).await;
    let active = house.active(45).await;
    helpers.write("lie", "");
    house.advance(46);
    house
        .until("contradicted", async || {
            let grant = house.show(active.id).await.grant.unwrap();
            grant.removal_failed && grant.last_error.is_some_and(|error| error.contains("contradicted"))
        })
        .await;
    let shown = house.show(active.id).await;
    assert_eq!(shown.status, Status::Ending);
    assert!(shown.overdue, "a contradicted removal is overdue at once");
    assert!(shown.grant.unwrap().manual_command.is_some());
    std::fs::remove_file(helpers.join("lie")).unwrap();
    for _ in 0..60 {
        house.clock.advance(Length::from_seconds(31));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let removed = house.until_status(active.id, Status::Removed).await;
    assert!(!removed.overdue);
}

#[tokio::test(flavor = "multi_thread")]
async fn i8_a_target_that_caps_an_end_is_told_it_again_when_its_own_comes() {
    let helpers = TempFolder::new();
    let folder = TempFolder::new();
    let house = House::new(sqlite(&folder), &helper(helpers.path())).await;
    let cap = Instant::parse_rfc3339(START).unwrap().plus(Length::from_minutes(10));
    helpers.write("cap", &cap.to_string());
    let active = house.active(45).await;
    let held = || {
        let mut all = std::fs::read_dir(helpers.path()).unwrap().map(|entry| entry.unwrap().path());
        all.find(|path| path.to_string_lossy().contains("held-"))
    };
    std::fs::remove_file(helpers.join("cap")).unwrap();
    house.advance(9);
    tokio::time::sleep(Duration::from_millis(300)).await;
    // The target ends it at its own end.
    std::fs::remove_file(held().unwrap()).unwrap();
    house.advance(1);
    house.until("given again", async || held().is_some()).await;
    let granted = async || house.count(active.id, "granted").await;
    house.until("recorded", async || granted().await == 2).await;
    house.advance(30);
    assert_eq!(house.show(active.id).await.status, Status::Active, "to its own end");
    house.advance(5);
    house.until_status(active.id, Status::Removed).await;
    assert!(held().is_none());
    assert_eq!(granted().await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a50_i15_a_target_that_was_down_is_removed_within_a_minute_of_its_return() {
    let helpers = TempFolder::new();
    let folder = TempFolder::new();
    let house = House::new(sqlite(&folder), &helper(helpers.path())).await;
    let active = house.active(45).await;
    helpers.write("down", "");
    house.advance(46);
    house.until("overdue", async || house.show(active.id).await.overdue).await;
    let failures = async || house.count(active.id, "removal-failed").await;
    // On a busy machine the helper takes its time.
    house.until("a failure is recorded", async || failures().await > 0).await;
    for _ in 0..24 {
        house.advance(60);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(house.show(active.id).await.status, Status::Ending, "retried for ever, never believed");
    std::fs::remove_file(helpers.join("down")).unwrap();
    // A hung attempt of before may still run; then one longest back-off at most.
    tokio::time::sleep(Duration::from_millis(300)).await;
    house.clock.advance(Length::from_seconds(60));
    house.until_status(active.id, Status::Removed).await;
    let failures = failures().await;
    assert!((1..60).contains(&failures), "failures are recorded, not each of them: {failures}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hung_target_delays_no_other() {
    let helpers = TempFolder::new();
    let folder = TempFolder::new();
    let policy = helper(helpers.path())
        .replace("[[systems.payments.roles]]\nname = \"restart\"", "[[systems.payments.roles]]\nname = \"other\"\nallows = \"x\"\nprovisioner = \"files\"\n[[systems.payments.roles]]\nname = \"restart\"")
        + "[provisioners.files]\nkind = \"files\"\nfolder = \"sandbox\"\n";
    let house = House::new(sqlite(&folder), &policy).await;
    helpers.write("hang", "");
    let hung = house.file("ana", 45).await;
    house.approve("sam", &hung).await.unwrap();
    let window = WindowBody { for_seconds: Some(2700), ..WindowBody::default() };
    let mut other = body(window);
    other.role = "other".into();
    let other = house.service.file(&person("bo"), other, house.key()).await.unwrap();
    house.approve("sam", &other).await.unwrap();
    house.until_status(other.id, Status::Active).await;
    assert_eq!(house.show(hung.id).await.status, Status::Granting);
}

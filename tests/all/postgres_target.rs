//! PostgreSQL as a target: real roles, real sessions, by a role of nightlatch's own that has no more rights than it needs.

mod cut;
pub mod ground;
mod hostile;
mod membership;

use crate::support::served::{Start, ends, policy as served_policy, until};
use ground::{Target, collect, session, sign_in, told};
use nightlatch::access::Status;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a47_a_session_that_set_another_role_ends_with_the_window_and_nobody_gets_in_again() {
    let Some(target) = Target::new("postgres_target::a47") else { return };
    let house = target.house().await;
    let id = house.active(30).await.id;
    let first = collect(&house, id).await;
    let second = collect(&house, id).await;
    assert!(!sign_in(&target, &first, "SELECT 1").status.success(), "the second one voids the first");
    let read = sign_in(&target, &second, "SELECT worker FROM work.stuck");
    assert_eq!(String::from_utf8_lossy(&read.stdout).trim(), "42", "{read:?}");
    let mut child = session(&target, &second, &format!("SET ROLE {}", target.group()));
    until("the session is in", || (target.sessions(&second.0) == 1).then_some(()));
    house.advance(31);
    let shown = house.until_status(id, Status::Removed).await;
    assert!(!child.wait().unwrap().success());
    assert_eq!(target.sessions(&second.0), 0);
    assert!(!sign_in(&target, &second, "SELECT 1").status.success());
    let observed = shown.grant.unwrap().observed.unwrap();
    let said = format!("{observed:?}");
    assert!(said.contains(&format!("role {}: not in the catalogue, 0 sessions", second.0)), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a48_a_user_with_tables_locks_and_fifty_sessions_is_gone_at_the_end_and_it_is_noted() {
    let Some(target) = Target::new("postgres_target::a48") else { return };
    let house = target.house().await;
    let id = house.active(30).await.id;
    let who = collect(&house, id).await;
    let made = sign_in(&target, &who, "CREATE TABLE work.mine AS SELECT 1 AS x; GRANT SELECT ON work.mine TO PUBLIC");
    assert!(made.status.success(), "{made:?}");
    let lock = "BEGIN; LOCK work.mine IN ACCESS EXCLUSIVE MODE";
    let mut children = vec![session(&target, &who, lock)];
    children.extend((0..49).map(|_| session(&target, &who, "BEGIN; SELECT 1")));
    until("all are in", || (target.sessions(&who.0) == 50).then_some(()));
    house.advance(31);
    house.until_status(id, Status::Removed).await;
    for mut child in children {
        assert!(!child.wait().unwrap().success());
    }
    let owner = "SELECT tableowner FROM pg_tables WHERE tablename = 'mine'";
    assert_eq!(target.sql(owner), format!("{}_app", target.own));
    let shown = format!("{:?}", told(&house, Some(id)).await);
    assert!(shown.contains("owned 1 objects in"), "{shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a50_a_target_that_is_away_at_both_ends_is_tried_until_it_is_back() {
    let Some(target) = Target::new("postgres_target::a50") else { return };
    let house = target.house().await;
    target.shut_out();
    let filed = house.file("ana", 30).await;
    house.approve("sam", &filed).await.unwrap();
    house
        .until("it was tried", async || house.show(filed.id).await.grant.is_some_and(|g| g.last_error.is_some()))
        .await;
    target.let_in();
    house.until_status(filed.id, Status::Active).await;
    let who = collect(&house, filed.id).await;
    target.shut_out();
    house.advance(90);
    house.until("it failed", async || house.show(filed.id).await.grant.is_some_and(|g| g.removal_failed)).await;
    assert!(target.has_role(&who.0));
    target.let_in();
    house.until_status(filed.id, Status::Removed).await;
    assert!(!target.has_role(&who.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_only_reads_is_never_taken_for_an_absence_and_a_dropped_role_is_seen_as_gone() {
    let Some(target) = Target::new("postgres_target::read_only") else { return };
    let house = target.house().await;
    let id = house.active(30).await.id;
    let who = collect(&house, id).await;
    let own = &target.own;
    target.sql(&format!("ALTER ROLE {own}_latch SET default_transaction_read_only = on"));
    target.cut_latch();
    target.sql(&format!("DROP OWNED BY \"{0}\"; DROP ROLE \"{0}\"", who.0));
    house.advance(31);
    house.until("it failed", async || house.show(id).await.grant.is_some_and(|g| g.removal_failed)).await;
    let said = house.show(id).await.grant.unwrap().last_error.unwrap();
    assert!(said.contains("only reads"), "{said}");
    target.sql(&format!("ALTER ROLE {own}_latch RESET default_transaction_read_only"));
    target.cut_latch();
    house.until_status(id, Status::Removed).await;
}

#[test]
fn a_session_by_connect_reads_in_its_window_and_is_cut_at_its_end() {
    let Some(target) = Target::new("postgres_target::connect") else { return };
    let mut start = Start::socket();
    start.policy = Some(target.policy(&served_policy()));
    let served = start.serve();
    let sam = served.token("sam");
    let filed = served.cli(&[
        "request",
        "payments",
        "restart",
        "--task",
        "Restart the stuck payment worker",
        "--for",
        "8s",
        "--json",
    ]);
    let filed: serde_json::Value = serde_json::from_slice(&filed.stdout).unwrap_or_else(|_| panic!("{filed:?}"));
    let id = filed["id"].to_string();
    let approved =
        served.command().env("NIGHTLATCH_TOKEN", &sam).args(["approve", &id, "--words", "go"]).output().unwrap();
    assert!(approved.status.success(), "{approved:?}");
    let show =
        || -> serde_json::Value { serde_json::from_slice(&served.cli(&["show", &id, "--json"]).stdout).unwrap() };
    until("it is active", || (show()["status"] == "active").then_some(()));
    let seen = served.folder.join("seen");
    let file = format!("\\copy work.stuck to '{}'", seen.display());
    let made = "CREATE TABLE work.kept AS SELECT 1 AS x";
    let out = served.cli(&["connect", &id, "--", "psql", "-X", "-c", &file, "-c", made, "-c", "SELECT pg_sleep(600)"]);
    assert!(!out.status.success(), "{out:?}");
    assert!(String::from_utf8_lossy(&out.stderr).contains("terminating connection"), "{out:?}");
    assert_eq!(std::fs::read_to_string(&seen).unwrap().trim(), "42");
    let removed = until("it is removed", || Some(show()).filter(|shown| shown["status"] == "removed"));
    let evidence = removed["grant"]["observed"]["evidence"].to_string();
    assert!(evidence.contains("not in the catalogue, 0 sessions"), "{removed}");
    assert!(!served.cli(&["connect", &id, "--", "psql", "-c", "SELECT 1"]).status.success());
    ends(&served.cli(&["show", &id]), 0, "drifted by");
    ends(&served.cli(&["show", &id]), 0, "owned 1 objects in");
}

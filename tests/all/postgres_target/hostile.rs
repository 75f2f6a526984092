//! Somebody else's hand in the server: roles dropped, made again, planted; things left behind in another database.

use super::ground::{Target, collect, told};
use crate::support::pg_database;
use nightlatch::access::Status;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a52_a_role_that_is_made_again_by_hand_is_told_and_never_taken_over() {
    let Some(target) = Target::new("postgres_target::a52") else { return };
    let house = target.house().await;
    let id = house.active(30).await.id;
    let who = collect(&house, id).await.0;
    house.advance(31);
    house.until_status(id, Status::Removed).await;
    target.sql(&format!("CREATE ROLE \"{who}\" LOGIN; COMMENT ON ROLE \"{who}\" IS 'nightlatch grant {who}'"));
    // A sweep that a slow server did not answer is followed by another one.
    house
        .until("it is told", async || {
            house.advance(1);
            told(&house, None).await.iter().any(|(kind, _)| kind == "stray")
        })
        .await;
    assert!(target.has_role(&who), "no live grant explains it, so nothing is done to it");
    // Under the name of the next grant, and without our comment: somebody else's.
    let next = who.replacen(&format!("-{id}-"), &format!("-{}-", id + 1), 1);
    target.sql(&format!("CREATE ROLE \"{next}\" LOGIN"));
    let filed = house.file("ana", 30).await;
    assert_eq!(filed.id, id + 1);
    house.approve("sam", &filed).await.unwrap();
    house
        .until("refused", async || house.show(filed.id).await.grant.is_some_and(|grant| grant.last_error.is_some()))
        .await;
    let said = house.show(filed.id).await.grant.unwrap().last_error.unwrap();
    // Of the grant, or of the removal that makes sure of nothing being left.
    assert!(said.contains("is not ours"), "{said}");
    assert!(target.has_role(&next));
    assert_eq!(target.sql(&target.held()), "", "and it was given nothing");
    target.drop_role(&next);
    target.drop_role(&who);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_was_dropped_by_hand_in_its_window_is_seen_as_gone() {
    let Some(target) = Target::new("postgres_target::dropped") else { return };
    let house = target.house().await;
    let id = house.active(30).await.id;
    let who = collect(&house, id).await.0;
    target.drop_role(&who);
    house.advance(31);
    let removed = house.until_status(id, Status::Removed).await;
    let said = format!("{:?}", removed.grant.unwrap().observed);
    assert!(said.contains("not in the catalogue, 0 sessions"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_user_left_in_another_database_is_cleared_and_told() {
    let Some(target) = Target::new("postgres_target::two") else { return };
    let second = pg_database("postgres_target::two").unwrap();
    let url = second.url();
    let name = url.split('?').next().unwrap().rsplit_once('/').unwrap().1;
    let there = |user: &str, password: &str, sql: &str| {
        let mut psql = target.psql(user, password);
        let out = psql.args(["-d", name, "-v", "ON_ERROR_STOP=1", "-Atc", sql]).output().unwrap();
        assert!(out.status.success(), "{sql}: {out:?}");
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    };
    there("postgres", "", &format!("CREATE SCHEMA work; GRANT USAGE, CREATE ON SCHEMA work TO {}", target.group()));
    let house = target.house().await;
    let id = house.active(30).await.id;
    let who = collect(&house, id).await;
    there(&who.0, &who.1, "CREATE TABLE work.there AS SELECT 1 AS x");
    super::sign_in(&target, &who, "CREATE TABLE work.here AS SELECT 1 AS x");
    house.advance(31);
    house.until_status(id, Status::Removed).await;
    assert!(!target.has_role(&who.0));
    let owner = |table: &str| format!("SELECT tableowner FROM pg_tables WHERE tablename = '{table}'");
    assert_eq!(there("postgres", "", &owner("there")), format!("{}_app", target.own));
    assert_eq!(target.sql(&owner("here")), format!("{}_app", target.own));
    let told = format!("{:?}", told(&house, Some(id)).await);
    assert!(told.contains(&format!("objects in {name}")), "{told}");
    // Before the roles that it names go.
    there("postgres", "", &format!("DROP OWNED BY {0}_app, {1}", target.own, target.group()));
}

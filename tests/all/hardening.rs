//! Faults and attacks against the whole service: each test names the line of the list of invariants and attacks that it holds.

mod targets;

use crate::recorded_path::verified;
use crate::support::house::{House, POLICY, START, body, everywhere, person, words};
use crate::support::{TempFolder, pg_database};
use nightlatch::access::{Code, RequestNumber, Status};
use nightlatch::clock::Clock;
use nightlatch::service::{Fault, Key, Verb};
use nightlatch::store::Location;
use nightlatch::text::{Instant, Length};
use nightlatch::wire::{ApproveBody, FreezeBody, RevokeBody, WindowBody};
use std::sync::Arc;
use std::time::Duration;
use targets::helper;

fn refused(fault: Fault) -> Code {
    match fault {
        Fault::Refused(refusal) => refusal.code,
        other => panic!("not refused: {other}"),
    }
}

fn sqlite(folder: &TempFolder) -> Location {
    Location::Sqlite(folder.join("store.db"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a1_a6_a7_approving_wrongly_is_refused_and_recorded() {
    everywhere("a1", async |location| {
        let house = House::new(location, POLICY).await;
        let filed = house.file("ana", 45).await;
        assert_eq!(refused(house.approve("ana", &filed).await.unwrap_err()), Code::OwnRequest);
        assert_eq!(refused(house.approve("bo", &filed).await.unwrap_err()), Code::NotEligible);
        let mut stale = filed.clone();
        stale.version -= 1;
        assert_eq!(refused(house.approve("sam", &stale).await.unwrap_err()), Code::Changed);
        let events =
            house.service.events(&person("sam"), Some(RequestNumber(filed.id)), 0, 100, Duration::ZERO).await.unwrap();
        assert_eq!(events.events.iter().filter(|event| event.kind == "refused").count(), 2);
        house.advance(31);
        assert_eq!(
            refused(house.approve("sam", &filed).await.unwrap_err()),
            Code::Over,
            "lapsed at once, before its event"
        );
        house
            .until("the lapse is written", async || {
                let id = Some(RequestNumber(filed.id));
                let events = house.service.events(&person("sam"), id, 0, 100, Duration::ZERO).await.unwrap();
                events.events.iter().any(|event| event.kind == "lapsed")
            })
            .await;
        verified(&house).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a5_i6_racing_verdicts_have_one_winner_over_two_replicas() {
    let Some(database) = pg_database("a5") else { return };
    let location = Location::Postgres(database.url());
    let house = House::new(location.clone(), POLICY).await;
    let second = House::open(location, POLICY, house.folder.clone(), house.clock.clone()).await;
    let filed = house.file("ana", 45).await;
    let mut won = 0;
    let mut acts = Vec::new();
    for n in 0..60 {
        let at = if n % 2 == 0 { &house } else { &second };
        let (service, view, key) =
            (at.service.clone(), filed.clone(), Key { key: format!("race-{n}"), body_hash: n.to_string() });
        acts.push(tokio::spawn(async move {
            let id = RequestNumber(view.id);
            match n % 3 {
                0 => {
                    let body =
                        ApproveBody { as_of: Some(view.version), words: Some("yes".into()), ..ApproveBody::default() };
                    service.approve(&person("sam"), id, body, key).await.is_ok()
                }
                1 => service.verb(&person("sam"), id, Verb::Deny(words("no")), key).await.is_ok(),
                _ => service.verb(&person("ana"), id, Verb::Withdraw, key).await.is_ok(),
            }
        }));
    }
    for act in acts {
        won += usize::from(act.await.unwrap());
    }
    assert_eq!(won, 1);
    verified(&house).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i9_a_replayed_command_is_done_once_and_with_another_body_refused() {
    everywhere("i9", async |location| {
        let house = House::new(location, POLICY).await;
        let window = WindowBody { for_seconds: Some(600), ..WindowBody::default() };
        let key = Key { key: "the-same-key".into(), body_hash: "b".into() };
        let first = house.service.file(&person("ana"), body(window.clone()), key.clone()).await.unwrap();
        let again = house.service.file(&person("ana"), body(window.clone()), key.clone()).await.unwrap();
        assert_eq!(first.id, again.id);
        let other = Key { body_hash: "c".into(), ..key };
        let fault = house.service.file(&person("ana"), body(window), other).await.unwrap_err();
        assert_eq!(refused(fault), Code::KeyReused);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a4_an_approver_who_left_the_policy_is_refused_and_lost_grants_end() {
    let folder = TempFolder::new();
    let house = House::new(sqlite(&folder), POLICY).await;
    let active = house.active(45).await;
    let filed = house.file("ana", 45).await;
    let role = POLICY.find("[[systems.payments.roles]]\nname = \"restart\"").unwrap();
    let end = POLICY.find("[provisioners.sandbox]").unwrap();
    let smaller = format!("{}{}", &POLICY[..role], &POLICY[end..])
        .replace("owner = \"sam\"", "owner = \"li\"")
        .replace("backup = \"li\"", "backup = \"lea\"");
    house.folder.write("policy.toml", &smaller);
    house.service.reload();
    let removed = house.until_status(active.id, Status::Removed).await;
    assert_eq!(removed.grant.unwrap().ended.unwrap().how, "by-policy");
    assert!(house.sandbox().is_empty(), "a grant keeps its old provisioner until it is observed absent");
    assert_eq!(refused(house.approve("sam", &filed).await.unwrap_err()), Code::NotEligible);
    // A broken file is refused whole, and the old policy stays.
    let before = house.service.policy(&person("ana")).await.unwrap().hash;
    house.folder.write("policy.toml", "zone = \"Nowhere/Land\"\n");
    house.service.reload();
    house
        .until("the fault is said", async || house.service.policy(&person("ana")).await.unwrap().file_fault.is_some())
        .await;
    assert_eq!(house.service.policy(&person("ana")).await.unwrap().hash, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a9_what_one_may_not_see_answers_as_unknown() {
    let folder = TempFolder::new();
    let policy = POLICY.replace("hours = \"always\"", "hours = \"always\"\nprivate = true");
    let house = House::new(sqlite(&folder), &policy).await;
    let filed = house.file("ana", 45).await;
    let hidden = house.service.show(&person("bo"), RequestNumber(filed.id)).await.unwrap_err().to_string();
    let unknown = house.service.show(&person("bo"), RequestNumber(999)).await.unwrap_err().to_string();
    assert_eq!(hidden.replace(&filed.id.to_string(), "999"), unknown);
    let fault = house.verb("bo", filed.id, Verb::Deny(words("no"))).await.unwrap_err().to_string();
    assert_eq!(fault.replace(&filed.id.to_string(), "999"), unknown);
    house.service.caught_up(filed.seq).await.unwrap();
    assert!(house.service.board(&person("bo"), None, Duration::ZERO).await.unwrap().rows.is_empty());
    assert_eq!(house.service.board(&person("sam"), None, Duration::ZERO).await.unwrap().rows.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn frozen_gives_nothing_and_still_removes() {
    everywhere("frozen", async |location| {
        let house = House::new(location, POLICY).await;
        let active = house.active(45).await;
        let filed = house.file("ana", 45).await;
        let freeze = || FreezeBody { system: Some("payments".into()), words: "looks like a break-in".into() };
        assert_eq!(
            refused(house.service.freeze(&person("bo"), freeze(), false, house.key()).await.unwrap_err()),
            Code::NotAllowed
        );
        house.service.freeze(&person("lea"), freeze(), false, house.key()).await.unwrap();
        assert_eq!(refused(house.approve("sam", &filed).await.unwrap_err()), Code::Frozen);
        house.advance(10);
        let all =
            RevokeBody { system: Some("payments".into()), count: 1, words: "all out".into(), ..RevokeBody::default() };
        let wrong = RevokeBody { count: 7, ..all.clone() };
        assert_eq!(
            refused(house.service.revoke_many(&person("lea"), wrong, house.key()).await.unwrap_err()),
            Code::Changed
        );
        let view = house.service.revoke_many(&person("lea"), all, house.key()).await.unwrap();
        assert_eq!(view.ended, [active.id]);
        house.until_status(active.id, Status::Removed).await;
        house.service.freeze(&person("lea"), freeze(), true, house.key()).await.unwrap();
        house.approve("sam", &filed).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i1_i4_what_ended_while_nobody_served_is_removed_at_the_next_start() {
    let folder = TempFolder::new();
    let house = House::new(sqlite(&folder), POLICY).await;
    let active = house.active(45).await;
    house.service.stop().await;
    let (files, clock) =
        (house.folder.clone(), Clock::manual(Instant::parse_rfc3339(START).unwrap().plus(Length::from_hours(2))));
    drop(house);
    let house = House::open(sqlite(&folder), POLICY, files, clock).await;
    let removed = house.until_status(active.id, Status::Removed).await;
    assert_eq!(removed.version, active.version);
    assert!(house.sandbox().is_empty());
    verified(&house).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i7_an_insane_clock_gives_nothing_and_still_removes() {
    let folder = TempFolder::new();
    let house = House::new(sqlite(&folder), POLICY).await;
    let active = house.active(45).await;
    let filed = house.file("ana", 45).await;
    house.clock.jump(Length::from_hours(-1));
    assert_eq!(refused(house.approve("sam", &filed).await.unwrap_err()), Code::Clock);
    house.advance(46);
    house.until_status(active.id, Status::Removed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a54_a_store_behind_its_own_checkpoint_gives_nothing() {
    let folder = TempFolder::new();
    let house = House::new(sqlite(&folder), POLICY).await;
    let filed = house.file("ana", 45).await;
    let old = TempFolder::new();
    house.service.stop().await;
    // What was written last may still stand in the log beside it.
    for name in ["store.db", "store.db-wal"] {
        if folder.join(name).exists() {
            std::fs::copy(folder.join(name), old.join(name)).unwrap();
        }
    }
    let (kept, clock) = (house.folder.clone(), house.clock.clone());
    drop(house);
    let house = House::open(sqlite(&folder), POLICY, kept.clone(), clock.clone()).await;
    house.approve("sam", &filed).await.unwrap();
    house.until_status(filed.id, Status::Active).await;
    house.service.stop().await;
    drop(house);
    // The old copy comes back: two events are gone, and the checkpoint outside knows.
    let house = House::open(Location::Sqlite(old.join("store.db")), POLICY, kept, clock).await;
    assert_eq!(refused(house.approve("sam", &filed).await.unwrap_err()), Code::Behind);
}

#[tokio::test(flavor = "multi_thread")]
async fn removals_go_on_while_the_store_is_away_and_are_recorded_on_its_return() {
    let Some(database) = pg_database("store_away") else { return };
    let house = House::new(Location::Postgres(database.url()), POLICY).await;
    let active = house.active(45).await;
    database.shut();
    house.advance(46);
    house.until("removed without the store", async || house.sandbox().is_empty()).await;
    database.open();
    // The manual clock has to move for the reconciler to look again.
    house
        .until("recorded", async || {
            house.clock.advance(Length::from_seconds(2));
            house
                .service
                .show(&person("sam"), RequestNumber(active.id))
                .await
                .is_ok_and(|v| v.status == Status::Removed)
        })
        .await;
    let removed = house.until_status(active.id, Status::Removed).await;
    let events =
        house.service.events(&person("sam"), Some(RequestNumber(active.id)), 0, 100, Duration::ZERO).await.unwrap();
    let event = events.events.iter().find(|event| event.kind == "removed").unwrap();
    assert!(event.body["done_at"].is_string(), "both times are recorded: {}", event.body);
    assert!(removed.grant.unwrap().removed_at.is_some());
    verified(&house).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i8_overlapping_grants_on_one_key_end_at_the_last_live_end() {
    everywhere("i8", async |location| {
        let shared = POLICY.replace("folder = \"sandbox\"", "folder = \"sandbox\"\nper = \"user\"");
        let house = House::new(location, &shared).await;
        let first = house.active(30).await;
        let second = house.active(60).await;
        assert_eq!(house.sandbox().len(), 1, "one access for both");
        house.advance(31);
        let removed = house.until_status(first.id, Status::Removed).await;
        assert_eq!(removed.grant.unwrap().carried_by, Some(second.id));
        assert_eq!(house.sandbox().len(), 1, "the other one holds it");
        assert_eq!(house.show(second.id).await.status, Status::Active);
        house.advance(30);
        house.until_status(second.id, Status::Removed).await;
        assert!(house.sandbox().is_empty());
        verified(&house).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extension_moves_the_end_in_the_target_too() {
    let folder = TempFolder::new();
    let house = House::new(sqlite(&folder), POLICY).await;
    let active = house.active(45).await;
    house.advance(40);
    let body = nightlatch::wire::ExtendBody {
        as_of: Some(active.version),
        window: WindowBody { for_seconds: Some(1800), ..WindowBody::default() },
        done: "restarted two workers".into(),
        remaining: "the third one".into(),
        approver: None,
    };
    let asked = house.service.extend(&person("ana"), RequestNumber(active.id), body, house.key()).await.unwrap();
    assert!(asked.extension.as_ref().unwrap().waits);
    let given = house.approve("sam", &asked).await.unwrap();
    assert_eq!(given.extensions, 1);
    house.advance(10);
    assert_eq!(house.show(active.id).await.status, Status::Active, "past the old end");
    let until = given.window.until.unwrap().to_string();
    house
        .until("the target knows the new end", async || {
            let name = house.sandbox()[0].clone();
            std::fs::read_to_string(house.folder.join("sandbox").join(name)).unwrap().contains(&until)
        })
        .await;
    house.advance(21);
    house.until_status(active.id, Status::Removed).await;
    drop(Arc::clone(&house.folder));
}

#[tokio::test(flavor = "multi_thread")]
async fn a52_i12_access_that_no_live_grant_explains_is_reported_once() {
    let folder = TempFolder::new();
    let house = House::new(sqlite(&folder), POLICY).await;
    let active = house.active(45).await;
    let name = house.sandbox()[0].clone();
    let kept = std::fs::read(house.folder.join("sandbox").join(&name)).unwrap();
    house.advance(46);
    house.until_status(active.id, Status::Removed).await;
    // Somebody puts it back by hand.
    std::fs::write(house.folder.join("sandbox").join(&name), kept).unwrap();
    let strays = async || {
        let events = house.service.events(&person("lea"), None, 0, 1000, Duration::ZERO).await.unwrap();
        events.events.into_iter().filter(|event| event.kind == "stray").collect::<Vec<_>>()
    };
    house.advance(6);
    house.until("the stray is reported", async || !strays().await.is_empty()).await;
    let mark = strays().await[0].body["mark"].as_str().unwrap().to_owned();
    assert!(name.starts_with(&mark), "{mark} in {name}");
    house.advance(6);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(strays().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a53_what_was_done_and_not_recorded_is_found_and_recorded_once() {
    let helpers = TempFolder::new();
    let folder = TempFolder::new();
    let house = House::new(sqlite(&folder), &helper(helpers.path())).await;
    let active = house.active(45).await;
    house.service.stop().await;
    let (kept, clock) =
        (house.folder.clone(), Clock::manual(Instant::parse_rfc3339(START).unwrap().plus(Length::from_hours(2))));
    drop(house);
    // The act happened, the record of it did not: the process was killed in between.
    for entry in std::fs::read_dir(helpers.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_str().unwrap().starts_with("held-") {
            std::fs::remove_file(path).unwrap();
        }
    }
    let house = House::open(sqlite(&folder), &helper(helpers.path()), kept, clock).await;
    house.until_status(active.id, Status::Removed).await;
    let events =
        house.service.events(&person("sam"), Some(RequestNumber(active.id)), 0, 100, Duration::ZERO).await.unwrap();
    assert_eq!(events.events.iter().filter(|event| event.kind == "removed").count(), 1);
    verified(&house).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a16_a_replica_that_was_frozen_over_an_end_cannot_grant_when_it_wakes() {
    let Some(database) = pg_database("a16") else { return };
    let location = Location::Postgres(database.url());
    let helpers = TempFolder::new();
    let policy = helper(helpers.path());
    let house = House::new(location.clone(), &policy).await;
    // Granting takes longer than the lease holds: the target hangs as a frozen replica would.
    helpers.write("hang", "");
    let filed = house.file("ana", 30).await;
    house.approve("sam", &filed).await.unwrap();
    house.until("the grant is under way", async || helpers.join("calls").exists()).await;
    house.advance(31);
    std::fs::remove_file(helpers.join("hang")).unwrap();
    let second = House::open(location, &policy, house.folder.clone(), house.clock.clone()).await;
    // Past the lease of the frozen one. Not in great steps while it works: each lease would be woken up to too late.
    second.clock.advance(Length::from_minutes(1));
    second
        .until("removed, and nothing left", async || {
            let over = second.show(filed.id).await.status;
            let held = std::fs::read_dir(helpers.path())
                .unwrap()
                .any(|e| e.unwrap().file_name().to_str().unwrap().starts_with("held-"));
            matches!(over, Status::Removed | Status::Failed) && !held
        })
        .await;
    verified(&second).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i2_i3_no_access_without_an_eligible_recorded_approval() {
    let folder = TempFolder::new();
    let house = House::new(sqlite(&folder), POLICY).await;
    let filed = house.file("ana", 45).await;
    for who in ["ana", "bo", "aud", "lea"] {
        let outcome = house.approve(who, &filed).await;
        // Lea leads and the kind lets leads decide; everybody else is refused.
        assert_eq!(outcome.is_ok(), who == "lea", "{who}: {outcome:?}");
    }
    let active = house.until_status(filed.id, Status::Active).await;
    let decision = active.decision.unwrap();
    assert_eq!(decision.by.id, "lea");
    assert!(!decision.own && !decision.policy_version.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn removals_go_on_while_the_store_can_be_read_and_not_written() {
    let folder = TempFolder::new();
    let house = House::new(sqlite(&folder), POLICY).await;
    let active = house.active(45).await;
    let engine = nightlatch::store::Engine::open(&sqlite(&folder)).await.unwrap();
    let mut other = engine.writer();
    other.begin().await.unwrap();
    house.advance(46);
    house.until("removed without a record", async || house.sandbox().is_empty()).await;
    let window = WindowBody { for_seconds: Some(600), ..WindowBody::default() };
    let fault = house.service.file(&person("ana"), body(window), house.key()).await.unwrap_err();
    assert!(matches!(fault, Fault::Away(_)), "the command fails clearly: {fault}");
    assert_eq!(house.show(active.id).await.status, Status::Ending);
    other.rollback().await;
    house
        .until("recorded", async || {
            house.clock.advance(Length::from_seconds(2));
            house.show(active.id).await.status == Status::Removed
        })
        .await;
    assert_eq!(
        house.store.list(&nightlatch::store::ListFilter { limit: 10, ..Default::default() }).await.unwrap().len(),
        1
    );
    verified(&house).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a13_local_times_are_read_by_the_servers_clock() {
    let folder = TempFolder::new();
    let house = House::new(sqlite(&folder), POLICY).await;
    // Whatever day the machine of the test has, it is Saturday night for the server.
    let window =
        WindowBody { until: Some("00:30".into()), zone: Some("Europe/Berlin".into()), ..WindowBody::default() };
    let filed = house.service.file(&person("ana"), body(window), house.key()).await.unwrap_err();
    assert_eq!(
        refused(filed),
        Code::CheckFailed,
        "00:30 in Berlin has passed, so it is tomorrow's: longer than allowed"
    );
    let window =
        WindowBody { until: Some("00:30".into()), zone: Some("Europe/London".into()), ..WindowBody::default() };
    let filed = house.service.file(&person("ana"), body(window), house.key()).await.unwrap();
    assert_eq!(filed.window.until, Instant::parse_rfc3339("2026-11-22T00:30:00Z"));
}

#[tokio::test]
async fn of_what_ended_lately_the_board_keeps_the_newest_two_hundred() {
    let folder = Arc::new(TempFolder::new());
    let location = Location::Sqlite(folder.join("store.db"));
    let house =
        Box::pin(House::open(location, POLICY, folder, Clock::manual(Instant::parse_rfc3339(START).unwrap()))).await;
    let rows = async || house.service.board(&person("sam"), None, Duration::ZERO).await.unwrap().rows;
    let stays = house.file("ana", 30).await.id;
    let mut last = 0;
    for _ in 0..205 {
        last = house.file("ana", 30).await.id;
        house.verb("ana", last, Verb::Withdraw).await.unwrap();
    }
    // What ended just now stays, however much it is.
    assert_eq!(rows().await.len(), 206);
    house.advance(3);
    house.until("the board is short", async || rows().await.len() == 201).await;
    let ids: Vec<i64> = rows().await.iter().map(|row| row.id).collect();
    assert!(ids.contains(&stays) && ids.contains(&last) && !ids.contains(&(stays + 1)), "{ids:?}");
}

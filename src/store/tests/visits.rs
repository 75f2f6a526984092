//! Leases and when targets are visited.

use super::bed::*;
use super::code;
use crate::access::command::{Command, Outcome};
use crate::access::{Actor, Code, Status, status};
use crate::store::Store;
use crate::text::{Instant, Length};

const SECOND: Length = Length::from_seconds(1);

/// Which target is visited next, and when.
async fn dues(store: &Store, at: Instant) -> Vec<(String, Instant)> {
    store.next_work(at).await.unwrap().into_iter().map(|visit| (visit.target, visit.due)).collect()
}

#[tokio::test]
async fn i10_a_lease_is_one_replicas_and_an_old_attempt_is_refused() {
    for bed in beds().await {
        let store = bed.ruled().await;
        let held = approved(&store, "ana", KEY).await;
        let replicas = (0..8).map(|n| {
            let store = store.clone();
            tokio::spawn(async move { store.lease(ask(false, &format!("replica {n}"))).await.unwrap().len() })
        });
        let mut taken = 0;
        for replica in replicas.collect::<Vec<_>>() {
            taken += replica.await.unwrap();
        }
        assert_eq!(taken, 1, "one actor at a time");
        // Frozen for a minute: the lease lapses by itself and another takes it.
        store.clock().advance(Length::from_seconds(60));
        let second = store.lease(ask(false, "two")).await.unwrap().pop().unwrap();
        assert_eq!(second.attempt, 2);
        assert_eq!(code(store.act(granted(&held, 1)).await), Code::StaleReport);
        store.act(granted(&held, 2)).await.unwrap();
        assert!(store.lease(ask(false, "two")).await.unwrap().is_empty());
        whole(&store).await;
    }
}

#[tokio::test]
async fn i10_a_live_lease_is_not_overtaken_by_what_people_do() {
    for bed in beds().await {
        let store = bed.ruled().await;
        let held = approved(&store, "ana", KEY).await;
        store.lease(ask(false, "one")).await.unwrap();
        store.act(revoke(held.number)).await.unwrap();
        assert!(store.lease(ask(true, "two")).await.unwrap().is_empty(), "one is still at it");
        // I11: it was granted in flight; it is recorded and removed at once.
        store.act(granted(&held, 1)).await.unwrap();
        let leased = store.lease(ask(true, "two")).await.unwrap().pop().unwrap();
        assert_eq!((leased.attempt, leased.failures), (2, 0));
        let gone = store.act(absent(held.number, 2)).await.unwrap().request.unwrap();
        assert_eq!(status(&gone, START), Status::Removed);
        assert_eq!(code(store.act(absent(held.number, 2)).await), Code::StaleReport, "reported once");
        whole(&store).await;
    }
}

#[tokio::test]
async fn a50_a_failing_removal_is_retried_and_recorded_when_it_says_something_new() {
    for bed in beds().await {
        let store = bed.ruled().await;
        let held = approved(&store, "ana", KEY).await;
        store.act(revoke(held.number)).await.unwrap();
        let mut recorded = 0;
        for attempt in 1..=12 {
            let leased = store.lease(ask(true, "one")).await.unwrap().pop().unwrap();
            assert_eq!((leased.attempt, leased.failures), (attempt, attempt - 1));
            let retry_at = store.clock().now().at.plus(SECOND);
            let said = if attempt == 11 { "no route\nto host" } else { "refused" };
            recorded += store.act(failing(held.number, attempt, true, said, retry_at)).await.unwrap().events;
            let work = store.work().await.unwrap().pop().unwrap();
            assert_eq!((work.next_at, work.failures, work.replica), (retry_at, attempt, None));
            assert!(store.lease(ask(true, "one")).await.unwrap().is_empty(), "not before its time");
            store.clock().advance(SECOND);
        }
        assert_eq!(recorded, 10, "eight, and each change of the sentence");
        let leased = store.lease(ask(true, "one")).await.unwrap().pop().unwrap();
        assert_eq!(leased.error.unwrap(), "refused");
        store.act(absent(held.number, 13)).await.unwrap();
        whole(&store).await;
    }
}

#[tokio::test]
async fn granting_is_given_up_and_what_was_left_behind_is_removed() {
    for bed in beds().await {
        let store = bed.ruled().await;
        let held = approved(&store, "ana", KEY).await;
        for attempt in 1..=10 {
            let leased = store.lease(ask(false, "one")).await.unwrap().pop().unwrap();
            assert_eq!(leased.attempt, attempt);
            let at = store.clock().now().at;
            store.act(failing(held.number, attempt, false, "no such group", at)).await.unwrap();
        }
        assert!(store.lease(ask(false, "one")).await.unwrap().is_empty());
        let leased = store.lease(ask(true, "one")).await.unwrap().pop().unwrap();
        assert_eq!((leased.attempt, leased.failures, leased.error), (11, 0, None), "another direction, counted anew");
        let gone = store.act(absent(held.number, 11)).await.unwrap().request.unwrap();
        assert_eq!(status(&gone, START), Status::Failed);
        whole(&store).await;
    }
}

#[tokio::test]
async fn i8_two_grants_on_one_key_end_at_the_later_end() {
    for bed in beds().await {
        let store = bed.ruled().await;
        let long = approved(&store, "ana", KEY).await;
        let filed = store.act(file("ana", "once more")).await.unwrap().request.unwrap();
        let short =
            store.act(approve("lee", &filed, KEY, Some(Length::from_minutes(5)))).await.unwrap().request.unwrap();
        let leased = store.lease(ask(false, "one")).await.unwrap().pop().unwrap();
        assert_eq!(leased.requests.len(), 2);
        store.act(granted(&long, 1)).await.unwrap();
        store.act(granted(&short, 1)).await.unwrap();
        store.clock().advance(Length::from_minutes(5));
        let leased = store.lease(ask(true, "one")).await.unwrap().pop().unwrap();
        let by = |number| Command::ReportRemoval(report(leased.attempt, Outcome::Carried(number), START));
        let gone = store.act(act(Actor::Reconciler, Some(short.number), by(long.number))).await.unwrap();
        assert_eq!(gone.request.unwrap().held().unwrap().closed.as_ref().unwrap().carried_by, Some(long.number));
        let work = store.work().await.unwrap().pop().unwrap();
        let until = long.held().unwrap().window.until;
        assert_eq!((work.request, work.ends_at, work.next_at), (long.number.0, until, until));
        assert!(store.lease(ask(true, "one")).await.unwrap().is_empty());
        whole(&store).await;
    }
}

#[tokio::test]
async fn i8_a_target_that_holds_an_earlier_end_than_it_was_told_is_told_again_at_that_one() {
    for bed in beds().await {
        let store = bed.ruled().await;
        let held = approved(&store, "ana", KEY).await;
        let until = held.held().unwrap().window.until;
        let own = START.plus(Length::from_minutes(5));
        let mut only = ask(false, "one");
        only.only = Some(KEY.to_owned());
        // Rounded, past, at once, and capped: the last is an end to wake for.
        let soon = START.plus(Length::from_seconds(30));
        for (read, due) in [(until.minus(SECOND), until), (START.minus(SECOND), until), (soon, until), (own, own)] {
            let leased = store.lease(only.clone()).await.unwrap().pop().unwrap();
            store.act(holding(&held, leased.attempt, START, read)).await.unwrap();
            assert_eq!(dues(&store, START).await, [("files".to_owned(), due)]);
            assert!(store.lease(ask(false, "one")).await.unwrap().is_empty(), "not before");
        }
        store.clock().advance(own.since(START));
        let leased = store.lease(ask(false, "one")).await.unwrap().pop().unwrap();
        store.act(holding(&held, leased.attempt, own, until)).await.unwrap();
        assert_eq!(dues(&store, own).await, [("files".to_owned(), until)]);
        whole(&store).await;
    }
}

#[tokio::test]
async fn i7_removals_go_on_while_the_clock_is_insane_and_after_it_is_mended() {
    for bed in beds().await {
        let store = bed.ruled().await;
        let ended = approved(&store, "ana", KEY).await;
        let filed = store.act(file("bob", "wait")).await.unwrap().request.unwrap();
        store.lease(ask(false, "one")).await.unwrap();
        store.act(granted(&ended, 1)).await.unwrap();
        let years = Length::from_hours(10 * 365 * 24);
        store.clock().jump(years);
        assert_eq!(code(store.act(approve("sam", &filed, "other", None)).await), Code::Over, "it lapsed by that clock");
        assert!(store.lease(ask(false, "one")).await.unwrap().is_empty());
        let leased = store.lease(ask(true, "one")).await.unwrap().pop().unwrap();
        let far = store.clock().now().at.plus(SECOND);
        store.act(failing(ended.number, leased.attempt, true, "away", far)).await.unwrap();
        store.clock().jump(Length::from_millis(-years.millis()));
        // Back in time: the window is not over, so nothing is due, and nothing waits for ten years.
        store.clock().advance(Length::from_minutes(45));
        let leased = store.lease(ask(true, "one")).await.unwrap().pop().unwrap();
        store.act(absent(ended.number, leased.attempt)).await.unwrap();
        assert!(store.head().await.unwrap().at <= START.plus(Length::from_minutes(45)), "the record is not poisoned");
        whole(&store).await;
    }
}

#[tokio::test]
async fn i15_a_removal_that_a_jumping_clock_put_off_is_due_and_its_end_is_not_slept_through() {
    for ahead in [Length::from_minutes(5), Length::from_hours(24)] {
        for bed in beds().await {
            let store = bed.ruled().await;
            let held = approved(&store, "ana", KEY).await;
            let grant = store.lease(ask(false, "one")).await.unwrap().pop().unwrap();
            store.act(granted(&held, grant.attempt)).await.unwrap();
            store.clock().jump(Length::from_hours(24));
            let leased = store.lease(ask(true, "one")).await.unwrap().pop().unwrap();
            let off = store.clock().now().at.plus(ahead);
            store.act(failing(held.number, leased.attempt, true, "away", off)).await.unwrap();
            store.clock().jump(Length::from_hours(-24));
            let until = held.held().unwrap().window.until;
            let next = dues(&store, store.clock().now().at).await;
            assert_eq!(next, [("files".to_owned(), until)], "whoever sleeps wakes at the end");
            store.clock().advance(until.since(store.clock().now().at));
            assert_eq!(dues(&store, until).await, [("files".to_owned(), until)], "and then it is due");
            let leased = store.lease(ask(true, "one")).await.unwrap().pop().unwrap();
            let off = until.plus(ahead);
            store.act(failing(held.number, leased.attempt, true, "away", off)).await.unwrap();
            assert_eq!(dues(&store, until).await, [("files".to_owned(), until)], "no pause is so long");
            let leased = store.lease(ask(true, "one")).await.unwrap().pop().unwrap();
            store.act(absent(held.number, leased.attempt)).await.unwrap();
            whole(&store).await;
        }
    }
}

#[tokio::test]
async fn i1_a_pause_ends_when_the_clock_that_set_it_was_wrong_and_a_lease_does_not() {
    for bed in beds().await {
        let store = bed.ruled().await;
        let held = approved(&store, "ana", KEY).await;
        store.act(revoke(held.number)).await.unwrap();
        let leased = store.lease(ask(true, "one")).await.unwrap().pop().unwrap();
        let now = store.clock().now().at;
        store.end_pauses(now).await.unwrap();
        assert!(store.lease(ask(true, "two")).await.unwrap().is_empty(), "somebody has it");
        let off = now.plus(Length::from_seconds(20));
        store.act(failing(held.number, leased.attempt, true, "away", off)).await.unwrap();
        assert!(store.lease(ask(true, "one")).await.unwrap().is_empty(), "it is put off");
        store.end_pauses(now).await.unwrap();
        assert_eq!(store.work().await.unwrap().pop().unwrap().next_at, now);
        let leased = store.lease(ask(true, "two")).await.unwrap().pop().unwrap();
        assert_eq!((leased.attempt, leased.failures), (2, 1));
        store.act(absent(held.number, 2)).await.unwrap();
        whole(&store).await;
    }
}

#[tokio::test]
async fn leases_are_given_back_and_one_key_can_be_asked_for() {
    for bed in beds().await {
        let store = bed.ruled().await;
        let held = approved(&store, "ana", KEY).await;
        let now = store.clock().now().at;
        let visit = store.next_work(now).await.unwrap().pop().unwrap();
        let end = held.held().unwrap().window.until;
        assert_eq!((visit.due <= now, visit.end), (true, Some(end)), "what is due hides no end");
        store.lease(ask(false, "one")).await.unwrap();
        store.give_back("two", &[(KEY.to_owned(), 1)], store.clock().now().at).await.unwrap();
        assert!(store.lease(ask(false, "two")).await.unwrap().is_empty(), "not two's to give back");
        store.give_back("one", &[(KEY.to_owned(), 1)], store.clock().now().at).await.unwrap();
        assert_eq!(store.lease(ask(false, "two")).await.unwrap().pop().unwrap().attempt, 2);
        store.give_back("two", &[(KEY.to_owned(), 1)], store.clock().now().at).await.unwrap();
        assert!(store.lease(ask(false, "one")).await.unwrap().is_empty(), "what comes late takes no later lease away");
        store.act(granted(&held, 2)).await.unwrap();
        let mut only = ask(false, "three");
        only.only = Some(KEY.to_owned());
        assert_eq!(store.lease(only.clone()).await.unwrap().pop().unwrap().attempt, 3, "due or not");
        assert!(store.lease(only).await.unwrap().is_empty(), "not while somebody has it");
        let next = dues(&store, store.clock().now().at).await;
        assert_eq!(next, [("files".to_owned(), START.plus(Length::from_seconds(35)))]);
    }
}

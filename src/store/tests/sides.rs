//! What stands beside the requests: freezes, tokens, erasures, checkpoints, lists; and batches that go wrong.

use super::super::*;
use super::bed::*;
use super::code;
use crate::access::command::Command;
use crate::access::due::Phase;
use crate::access::{Code, Subject};
use crate::text::Length;

fn token(person: &str, hash: &str, invitation: bool) -> Act {
    let command = Command::CreateToken {
        person: id(person),
        name: "laptop".into(),
        invitation,
        hash: hash.into(),
        expires_at: Some(START.plus(Length::from_hours(1))),
        token: 0,
    };
    act(os(), None, command)
}

#[tokio::test]
async fn a_batch_that_the_store_refuses_is_run_one_by_one() {
    for bed in beds().await {
        let store = bed.ruled().await;
        // They wait while the writer looks away, so they come in one batch; the eighth has the hash of the fourth.
        let tasks: Vec<_> = (0..10)
            .map(|n| {
                let (store, n) = (store.clone(), if n == 7 { 3 } else { n });
                tokio::spawn(async move { store.act(token("ana", &format!("hash {n}"), false)).await })
            })
            .collect();
        let mut refused = 0;
        for task in tasks {
            if let Err(fault) = task.await.unwrap() {
                assert!(matches!(fault, WriteError::Store(StoreError::Refused(_))), "{fault:?}");
                refused += 1;
            }
        }
        assert_eq!(refused, 1);
        let ids: Vec<i64> = store.tokens().await.unwrap().iter().map(|token| token.id).collect();
        assert_eq!(ids, (1..=9).collect::<Vec<_>>());
        whole(&store).await;
    }
}

#[tokio::test]
async fn a_panic_fails_its_command_alone() {
    for bed in beds().await {
        let store = bed.ruled().await;
        let change = Command::ChangePolicy { hash: "77".into(), text: "panic".into(), words: None };
        assert_eq!(code(store.act(act(os(), None, change)).await), Code::Malformed);
        store.act(file("ana", "the writer goes on")).await.unwrap();
        whole(&store).await;
    }
}

#[tokio::test]
async fn i9_an_invitation_is_used_once() {
    for bed in beds().await {
        let store = bed.ruled().await;
        store.act(token("ana", "aa", true)).await.unwrap();
        let row = store.token_by_hash("aa").await.unwrap().unwrap();
        assert!(row.invitation && row.good(START) && !row.good(START.plus(Length::from_hours(1))));
        let end = |person: &str| {
            let (person, name) = (id(person), "laptop".to_owned());
            let command = Command::EndToken { token: row.id, person, name, invitation: true, used: true };
            act(os(), None, command)
        };
        assert_eq!(code(store.act(end("bob")).await), Code::NotFound, "somebody else's");
        let (one, two) = tokio::join!(store.act(end("ana")), store.act(end("ana")));
        assert_eq!(u8::from(one.is_ok()) + u8::from(two.is_ok()), 1);
        let row = store.token_by_hash("aa").await.unwrap().unwrap();
        assert!(!row.good(START) && row.used_at.is_some() && row.revoked_at.is_some());
        store.act(token("ana", "bb", false)).await.unwrap();
        let id = store.token_by_hash("bb").await.unwrap().unwrap().id;
        assert_eq!(id, 2);
        store.touch_token(id, START).await.unwrap();
        store.touch_token(id, START.plus(Length::from_seconds(30))).await.unwrap();
        assert_eq!(store.token_by_hash("bb").await.unwrap().unwrap().used_at, Some(START));
        whole(&store).await;
    }
}

#[tokio::test]
async fn erased_words_are_gone_and_the_trail_still_verifies() {
    for bed in beds().await {
        let store = bed.ruled().await;
        let filed = store.act(file("ana", "my telephone is 555-1234")).await.unwrap().request.unwrap();
        let erase = |texts: Vec<i64>| act(os(), None, Command::Erase { texts, words: "asked to".into() });
        assert_eq!(code(store.act(erase(vec![filed.ask.task.id, 999])).await), Code::Malformed);
        assert_eq!(code(store.act(erase(vec![16])).await), Code::Malformed, "the ruling policy");
        store.act(erase(vec![filed.ask.task.id])).await.unwrap();
        let text = store.texts(&[filed.ask.task.id]).await.unwrap().pop().unwrap();
        assert_eq!((text.words, text.salt), (None, None));
        assert_eq!(whole(&store).await.erased, 1);
        let search = ListFilter { search: Some("555".into()), limit: 10, ..ListFilter::default() };
        assert!(store.list(&search).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_freeze_holds_until_it_is_thawed() {
    for bed in beds().await {
        let store = bed.ruled().await;
        let filed = store.act(file("ana", "restart it")).await.unwrap().request.unwrap();
        let system = Some("payments".parse().unwrap());
        let freeze = Command::Freeze { system: system.clone(), words: "an incident".into() };
        store.act(act(who("sam"), None, freeze)).await.unwrap();
        let second = bed.open().await;
        assert_eq!(second.frozen().await.unwrap()[0].by, who("sam"));
        assert_eq!(code(second.act(approve("sam", &filed, KEY, None)).await), Code::Frozen);
        let thaw = || act(who("sam"), None, Command::Thaw { system: system.clone(), words: "over".into() });
        second.act(thaw()).await.unwrap();
        assert_eq!(code(second.act(thaw()).await), Code::WrongState);
        store.act(approve("sam", &filed, KEY, None)).await.unwrap();
        assert!(store.frozen().await.unwrap().is_empty());
        whole(&store).await;
    }
}

#[tokio::test]
async fn lists_are_filtered_and_a20_any_search_is_only_text() {
    for bed in beds().await {
        let store = bed.ruled().await;
        for n in 0..5 {
            store
                .act(file(if n % 2 == 0 { "ana" } else { "bob" }, &format!("Restart 100%_{n} \"NEAR('")))
                .await
                .unwrap();
        }
        let numbers = async |filter: ListFilter| -> Vec<i64> {
            store.list(&filter).await.unwrap().iter().map(|request| request.number.0).collect()
        };
        let all = || ListFilter { limit: 10, ..ListFilter::default() };
        assert_eq!(numbers(ListFilter { limit: 2, before: Some(105), ..all() }).await, [104, 103]);
        assert_eq!(numbers(ListFilter { person: Some(id("bob")), ..all() }).await, [104, 102]);
        assert_eq!(numbers(ListFilter { phases: vec![Phase::Held, Phase::Closed], ..all() }).await, [0_i64; 0]);
        let search = |text: &str| ListFilter { search: Some(text.into()), ..all() };
        assert_eq!(numbers(search("RESTART 100%_3")).await, [104]);
        assert_eq!(numbers(search("\"near('")).await.len(), 5);
        for nothing in ["100__", "%x%", "\\", "'; DROP TABLE text; --"] {
            assert_eq!(numbers(search(nothing)).await, [0_i64; 0], "{nothing}");
        }
        let ticket = ListFilter { ticket: Some("INC-88".into()), to: Some(START), ..all() };
        assert_eq!(numbers(ListFilter { from: Some(START), to: None, ..ticket.clone() }).await.len(), 5);
        assert!(numbers(ticket).await.is_empty());
        assert_eq!(store.open_of(&id("ana")).await.unwrap().len(), 3);
        let held = approved(&store, "bob", KEY).await;
        assert_eq!(store.live_by(Some("bob"), None, Some("INC-88")).await.unwrap(), [held.number]);
        assert!(store.live_by(Some("ana"), None, None).await.unwrap().is_empty());
        assert_eq!(store.due(START.plus(Length::from_minutes(30)), 3).await.unwrap().len(), 3);
    }
}

#[tokio::test]
async fn checkpoints_policies_and_events_are_read_back() {
    for bed in beds().await {
        let store = bed.ruled().await;
        assert_eq!(store.checkpoint_last().await.unwrap(), None);
        store.put_checkpoint(1, START, "a\n").await.unwrap();
        store.put_checkpoint(2, START, "b\n").await.unwrap();
        assert_eq!(store.checkpoint_last().await.unwrap().unwrap(), "b\n");
        let words = Some("the second".to_owned());
        let change = Command::ChangePolicy { hash: "77".into(), text: "another".into(), words };
        let changed = store.act(act(os(), None, change)).await.unwrap();
        assert_eq!(store.policy_changed().await.unwrap().unwrap().seq, changed.seq);
        let second = bed.open().await;
        assert_eq!(second.ruling().await.unwrap().hash, "77");
        assert_eq!(second.policy_text("77").await.unwrap().unwrap(), "another");
        assert_eq!(second.policy_text(POLICY).await.unwrap().unwrap(), "the policy's text");
        assert_eq!(second.policy_text("%").await.unwrap(), None);
        assert_eq!(code(second.act(file("ana", "by the old one")).await), Code::PolicyMoved);
        assert_eq!(second.events(Some(&Subject::Policy), 1, 10).await.unwrap().len(), 1);
        assert_eq!(second.event(1).await.unwrap().unwrap().policy, "");
        assert_eq!(second.texts_between(2, 2).await.unwrap().len(), 2);
        assert_eq!(second.event(9).await.unwrap(), None);
        whole(&second).await;
    }
}

#[tokio::test]
async fn a_commit_that_failed_is_read_again() {
    for bed in beds().await {
        let store = bed.ruled().await;
        store.act(file("ana", "one")).await.unwrap();
        let mut scribe = write::Scribe {
            writer: store.inner.engine.writer(),
            engine: store.inner.engine.clone(),
            clock: store.clock().clone(),
            policies: store.inner.policies.clone(),
            seq: std::sync::Arc::new(tokio::sync::watch::Sender::new(0)),
            changes: std::sync::Arc::default(),
            dues: std::sync::Arc::default(),
            limit: 64,
            swept: None,
        };
        let first = store.event(2).await.unwrap().unwrap();
        let why = || "the connection broke".to_owned();
        let there = scribe.settle(std::slice::from_ref(&first), why()).await;
        if store.inner.engine.location().reads_what_lasts() {
            there.unwrap();
        } else {
            assert!(matches!(there, Err(StoreError::Unknown(_))), "what was not synced is not believed: {there:?}");
        }
        let other = Stored { link: crate::trail::Link::ZERO, ..first.clone() };
        assert!(matches!(scribe.settle(&[other], why()).await, Err(StoreError::Away(_))));
        let later = Stored { seq: 3, ..first };
        assert!(matches!(scribe.settle(&[later], why()).await, Err(StoreError::Away(_))));
        assert!(matches!(scribe.settle(&[], why()).await, Err(StoreError::Unknown(_))));
    }
}

#[tokio::test]
async fn a54_what_a_database_administrator_changes_is_named() {
    for bed in beds().await {
        let store = bed.ruled().await;
        for _ in 0..3 {
            store.act(file("ana", "restart it")).await.unwrap();
        }
        let first_fault = async |sql: &str| {
            let mut writer = store.inner.engine.writer();
            writer.begin().await.unwrap();
            writer.execute(sql, vec![]).await.unwrap();
            writer.commit().await.unwrap();
            store.check(&mut |_, _| {}).await.unwrap().faults.swap_remove(0)
        };
        assert!(store.check(&mut |_, _| {}).await.unwrap().faults.is_empty());
        let cut = first_fault("DELETE FROM event WHERE seq = 4").await;
        assert!(cut.contains('3') || cut.contains('4'), "{cut}");
        let changed = first_fault("UPDATE event SET actor = 'bob token' WHERE seq = 3").await;
        assert!(changed.contains("event 3"), "{changed}");
        let missing = first_fault("DELETE FROM event WHERE seq = 2").await;
        assert!(missing.contains("event 2"), "{missing}");
        assert!(store.act(file("ana", "restart it")).await.is_ok(), "the writer does not verify; the check does");
    }
}

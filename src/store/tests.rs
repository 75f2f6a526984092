//! The store on SQLite always, and on PostgreSQL where `NIGHTLATCH_TEST_PG` names a server on which databases can be made.

#![allow(
    clippy::cast_possible_wrap,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::similar_names,
    reason = "small numbers of tests"
)]

mod bed;
mod machine;
mod sides;
mod visits;

use super::*;
use crate::access::command::Command;
use crate::access::{Code, RequestNumber, Status, Subject, status};
use crate::text::Length;
use bed::*;

fn code(refused: Result<Done, WriteError>) -> Code {
    match refused {
        Err(WriteError::Refused(refusal)) => refusal.code,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn i5_one_request_from_asking_to_removed() {
    for bed in beds().await {
        let store = bed.ruled().await;
        let done = store.act(file("ana", "restart the worker; DROP TABLE event")).await.unwrap();
        let filed = done.request.unwrap();
        assert_eq!((filed.number.0, done.seq, done.events, done.replay), (101, 3, 2, false));
        // The first event of a newer kind raises the format.
        assert_eq!(store.head().await.unwrap().format, 2);
        assert_eq!(store.next_due().await.unwrap(), Some(START.plus(Length::from_minutes(30))));

        let held = store.act(approve("sam", &filed, KEY, None)).await.unwrap().request.unwrap();
        let leased = store.lease(ask(false, "one")).await.unwrap().pop().unwrap();
        assert_eq!((leased.access_key.as_str(), leased.attempt, leased.requests.len()), (KEY, 1, 1));
        store.act(granted(&held, 1)).await.unwrap();
        let (active, work) = store.request(held.number).await.unwrap().unwrap();
        assert_eq!(status(&active, START), Status::Active);
        let until = held.held().unwrap().window.until;
        let work = work.unwrap();
        assert_eq!((work.next_at, work.ends_at, work.replica), (until, until, None));
        assert!(work.observed.unwrap().contains("\"present\":true"));

        store.clock().advance(Length::from_minutes(45));
        assert!(store.lease(ask(false, "one")).await.unwrap().is_empty());
        let leased = store.lease(ask(true, "one")).await.unwrap().pop().unwrap();
        assert_eq!(leased.attempt, 2);
        let gone = store.act(absent(held.number, 2)).await.unwrap().request.unwrap();
        assert_eq!(status(&gone, until), Status::Removed);
        assert!(store.work().await.unwrap().is_empty());
        let verified = whole(&store).await;
        assert_eq!(
            (verified.events, verified.erased),
            (8, 0),
            "policy, filed, told, approved, told, granted, told, removed"
        );
        let task = store.texts_of(&Subject::Request(held.number)).await.unwrap().swap_remove(0);
        assert_eq!(task.words.unwrap(), "restart the worker; DROP TABLE event");
    }
}

#[tokio::test]
async fn a_refused_command_leaves_nothing() {
    for bed in beds().await {
        let store = bed.open().await;
        assert_eq!(code(store.act(file("ana", "before any policy")).await), Code::Starting);
        let store = bed.ruled().await;
        let before = store.head().await.unwrap();
        assert_eq!(code(store.act(revoke(RequestNumber(7))).await), Code::NotFound);
        assert_eq!(code(store.act(file("eve", "who?")).await), Code::NotSignedIn);
        let filed = store.act(file("ana", "restart it")).await.unwrap().request.unwrap();
        assert_eq!(code(store.act(approve("ana", &filed, KEY, None)).await), Code::OwnRequest);
        assert_eq!(store.head().await.unwrap().seq, before.seq + 2, "filed and told");
        let bad = Command::ChangePolicy { hash: "77".into(), text: "bad".into(), words: None };
        assert_eq!(code(store.act(act(os(), None, bad)).await), Code::Malformed);
        assert_eq!(store.ruling().await.unwrap().hash, POLICY);
        whole(&store).await;
    }
}

#[tokio::test]
async fn i6_a5_of_64_who_decide_at_once_one_does() {
    for bed in beds().await {
        let store = bed.ruled().await;
        let filed = store.act(file("ana", "restart it")).await.unwrap().request.unwrap();
        let tasks: Vec<_> = (0..64)
            .map(|n| {
                let (store, filed) = (store.clone(), filed.clone());
                tokio::spawn(async move {
                    let words = || format!("no, said {n}");
                    let wanted = match n % 4 {
                        0 => approve("sam", &filed, KEY, None),
                        1 => approve("lee", &filed, KEY, None),
                        2 => act(who("sam"), Some(filed.number), Command::Deny { as_of: None, words: words() }),
                        _ => act(who("ana"), Some(filed.number), Command::Withdraw),
                    };
                    store.act(wanted).await
                })
            })
            .collect();
        let mut won = 0;
        for task in tasks {
            match task.await.unwrap() {
                Ok(_) => won += 1,
                Err(WriteError::Refused(refusal)) => {
                    let told = [Code::AlreadyDecided, Code::Over, Code::WrongState, Code::Changed];
                    assert!(told.contains(&refusal.code), "{refusal:?}");
                }
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(won, 1);
        whole(&store).await;
    }
}

#[tokio::test]
async fn i9_the_same_key_gives_the_same_result() {
    for bed in beds().await {
        let store = bed.ruled().await;
        let first = store.act(keyed(file("ana", "restart it"), "k1", "aa")).await.unwrap();
        let number = first.request.as_ref().unwrap().number;
        let together = (0..20).map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.act(keyed(file("ana", "restart it"), "k1", "aa")).await.unwrap() })
        });
        for task in together.collect::<Vec<_>>() {
            let again = task.await.unwrap();
            assert_eq!((again.replay, again.events, again.seq), (true, 0, first.seq));
            assert_eq!(again.request.unwrap().number, number);
        }
        assert_eq!(code(store.act(keyed(file("ana", "other"), "k1", "bb")).await), Code::KeyReused);
        // Somebody else's key of the same name is another key.
        let other = store.act(keyed(file("bob", "restart it"), "k1", "aa")).await.unwrap();
        assert!(!other.replay);
        // Through another replica, and after a restart.
        let second = bed.open().await;
        assert!(second.act(keyed(file("ana", "restart it"), "k1", "aa")).await.unwrap().replay);
        // Two of them in one batch: the second sees the first.
        let twice = || keyed(file("ana", "twice"), "k2", "cc");
        let (one, two) = tokio::join!(store.act(twice()), store.act(twice()));
        assert_eq!(u8::from(one.unwrap().replay) + u8::from(two.unwrap().replay), 1);
        // After seven days it is as good as new.
        second.clock().advance(Length::from_hours(7 * 24 + 1));
        second.act(file("bob", "time passes")).await.unwrap();
        assert!(!second.act(keyed(file("ana", "restart it"), "k1", "dd")).await.unwrap().replay);
        whole(&store).await;
    }
}

#[tokio::test]
async fn two_stores_on_one_place_write_one_trail() {
    for bed in beds().await {
        let one = bed.ruled().await;
        let two = bed.open().await;
        assert_eq!(one.id(), two.id());
        let mut news = two.subscribe();
        let tasks: Vec<_> = (0..60)
            .map(|n| {
                let store = if n % 2 == 0 { one.clone() } else { two.clone() };
                tokio::spawn(async move {
                    let user = if n % 3 == 0 { "ana" } else { "bob" };
                    store.act(file(user, &format!("task {n}"))).await.unwrap().request.unwrap().number
                })
            })
            .collect();
        let mut numbers = Vec::new();
        for task in tasks {
            numbers.push(task.await.unwrap().0);
        }
        numbers.sort_unstable();
        assert_eq!(numbers, (101..161).collect::<Vec<_>>(), "every number once");
        assert_eq!(two.poll_head().await.unwrap(), 121);
        assert_eq!(*news.borrow_and_update(), 121);
        assert_eq!(whole(&two).await.events, 121);
        // Looking at the files alone must miss no write, however soon it follows the last look.
        for seq in (123..183).step_by(2) {
            one.act(file("ana", "one more")).await.unwrap();
            assert_eq!((two.poll_head().await.unwrap(), two.poll_head().await.unwrap()), (seq, seq));
        }
    }
}

/// Sends it until it was done.
async fn surely(store: &Store, wanted: &Act) -> RequestNumber {
    loop {
        match store.act(wanted.clone()).await {
            Ok(done) => return done.request.unwrap().number,
            Err(WriteError::Store(StoreError::Away(_) | StoreError::Unknown(_))) => tokio::task::yield_now().await,
            Err(other) => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn i4_i9_connections_that_break_lose_and_repeat_nothing() {
    for bed in beds().await {
        let store = bed.ruled().await;
        let tasks: Vec<_> = (0..20)
            .map(|n| {
                let store = store.clone();
                tokio::spawn(async move {
                    let user = if n % 2 == 0 { "ana" } else { "bob" };
                    let number = surely(&store, &keyed(file(user, "restart it"), &format!("{n}"), "aa")).await;
                    for m in 0..10 {
                        let note = act(who(user), Some(number), Command::Note { words: format!("note {m}") });
                        surely(&store, &keyed(note, &format!("{n} {m}"), "aa")).await;
                    }
                    number.0
                })
            })
            .collect();
        while !tasks.iter().all(tokio::task::JoinHandle::is_finished) {
            if !bed.cut().await {
                tokio::task::yield_now().await;
            }
        }
        let mut numbers = Vec::new();
        for task in tasks {
            numbers.push(task.await.unwrap());
        }
        numbers.sort_unstable();
        assert_eq!(numbers, (101..121).collect::<Vec<_>>());
        assert_eq!(whole(&store).await.events, 1 + 2 * 20 + 200, "each filed and told, and noted");
    }
}

#[tokio::test]
async fn opened_again_it_is_the_same() {
    for bed in beds().await {
        let store = bed.ruled().await;
        let held = approved(&store, "ana", KEY).await;
        let (before, open) = (store.head().await.unwrap(), store.open_requests().await.unwrap());
        store.clock().advance(Length::from_minutes(3));
        store.touch_alive(store.clock().now().at).await.unwrap();
        store.close().await;
        assert!(matches!(store.act(revoke(held.number)).await, Err(WriteError::Store(StoreError::Away(_)))));

        let store = bed.open().await;
        assert_eq!(store.open_requests().await.unwrap(), open);
        let head = store.head().await.unwrap();
        assert_eq!(head, Head { alive_at: START.plus(Length::from_minutes(3)), ..before });
        assert_eq!(store.clock().now().at, head.alive_at, "i7: time never goes back over a restart");
        assert!(!store.clock().now().sane);
        assert_eq!(code(store.act(approve("sam", &held, KEY, None)).await), Code::AlreadyDecided);
        store.act(revoke(held.number)).await.unwrap();
        whole(&store).await;
    }
}

#[tokio::test]
async fn only_one_server_at_a_time_has_a_file() {
    let bed = beds().await.swap_remove(0);
    let clock = || crate::clock::Clock::manual(START);
    let server = Store::open(&bed.location, clock(), options(true)).await.unwrap();
    let Err(StoreError::Broken(sentence)) = Store::open(&bed.location, clock(), options(true)).await else {
        panic!("two servers")
    };
    assert!(sentence.contains("store.db") && sentence.contains("another server"), "{sentence}");
    bed.open().await;
    server.close().await;
    drop(server);
    Store::open(&bed.location, clock(), options(true)).await.unwrap();
}

#[tokio::test]
async fn a_store_of_a_newer_program_takes_only_removals() {
    for bed in beds().await {
        let store = bed.ruled().await;
        let held = approved(&store, "ana", KEY).await;
        let other = approved(&store, "bob", "other").await;
        store.act(revoke(held.number)).await.unwrap();
        let mut writer = store.inner.engine.writer();
        writer.begin().await.unwrap();
        writer.execute("UPDATE head SET format = 99", vec![]).await.unwrap();
        writer.commit().await.unwrap();

        let store = bed.open().await;
        let refused = store.act(revoke(other.number)).await.unwrap_err().to_string();
        assert!(refused.contains("format 99") && refused.contains("newer nightlatch"), "{refused}");
        assert!(store.lease(ask(false, "one")).await.unwrap().is_empty());
        let leased = store.lease(ask(true, "one")).await.unwrap().pop().unwrap();
        let gone = store.act(absent(held.number, leased.attempt)).await.unwrap().request.unwrap();
        assert_eq!(status(&gone, START), Status::Removed);
    }
}

#[tokio::test]
async fn what_is_handed_on_is_what_reading_says() {
    for bed in beds().await {
        let store = bed.ruled().await;
        let first = store.seq();
        let filed = store.act(file("ana", "restart it")).await.unwrap().request.unwrap();
        let other = store.act(file("ana", "read its log")).await.unwrap().request.unwrap();
        let held = store.act(approve("sam", &filed, KEY, None)).await.unwrap();
        let changes = store.changes(first).unwrap();
        let last = changes.last().unwrap();
        let head = store.head().await.unwrap();
        assert_eq!((last.seq, last.link, changes[0].after), (head.seq, head.link, first));
        assert!(store.changes(first).is_none(), "each is given once");
        let latest: std::collections::BTreeMap<_, _> = changes
            .iter()
            .flat_map(|change| &change.requests)
            .map(|(_, request, work)| (request.number, ((**request).clone(), work.clone())))
            .collect();
        let read = store.requests(&[filed.number, other.number]).await.unwrap();
        assert_eq!(latest.into_values().collect::<Vec<_>>(), read);
        assert_eq!((held.request.as_deref(), &held.work), (read.first().map(|(request, _)| request), &read[0].1));
        let texts = store.texts(&[filed.ask.task.id, other.ask.task.id]).await.unwrap();
        for text in texts {
            assert!(changes.iter().any(|change| change.texts.get(&text.id) == text.words.as_ref()));
        }
        // What is not all about requests has to be read.
        let at = store.seq();
        store.act(act(who("root"), None, Command::Freeze { system: None, words: "wait".into() })).await.unwrap();
        store.act(file("bob", "again")).await.unwrap();
        assert!(store.changes(at).is_none());
        assert_eq!(store.changes(at + 1).unwrap().len(), 1);
    }
}

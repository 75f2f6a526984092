//! Random commands on a random clock: the fold is the row, the chain holds, and the work is what the requests want.

use super::super::*;
use super::bed::*;
use crate::access::command::{Command, Outcome};
use crate::access::due::{Phase, phase};
use crate::access::{Actor, RequestNumber};
use crate::secret;
use crate::text::Length;
use std::collections::BTreeSet;

fn roll(below: u64) -> u64 {
    secret::below(below)
}

fn chosen(store_numbers: &[RequestNumber]) -> Option<RequestNumber> {
    store_numbers.get(roll(store_numbers.len() as u64) as usize).copied()
}

async fn someone_does_something(store: &Store, numbers: &mut Vec<RequestNumber>) {
    let people = ["ana", "bob", "sam", "lee"];
    let by = who(people[roll(4) as usize]);
    let words = || format!("words {}", fresh());
    let Some(number) = chosen(numbers).filter(|_| roll(5) > 0) else {
        let filed = store.act(file(people[roll(2) as usize], &words())).await;
        numbers.extend(filed.ok().and_then(|done| done.request).map(|request| request.number));
        return;
    };
    let Some((request, _)) = store.request(number).await.unwrap() else { return };
    let command = match roll(12) {
        0..=2 => {
            let key = ["key a", "key b", "key c"][roll(3) as usize];
            let length = (roll(2) == 0).then(|| Length::from_minutes(1 + roll(40) as i64));
            drop(store.act(approve("sam", &request, key, length)).await);
            return;
        }
        3 => Command::Deny { as_of: None, words: words() },
        4 => Command::SendBack { as_of: None, words: words(), codes: Vec::new() },
        5 => Command::Withdraw,
        6 => Command::Revoke { words: words() },
        7 => Command::HandBack { changed: Some(words()), checked: None, follow_up: None },
        8 => Command::Undo,
        9 => Command::Note { words: words() },
        10 => Command::Retry,
        _ => Command::Claim { release: false },
    };
    drop(store.act(act(by, Some(number), command)).await);
}

async fn the_machine_does_something(store: &Store) {
    let now = store.clock().now().at;
    for number in store.due(now, 10).await.unwrap() {
        store.act(act(Actor::Clock, Some(number), Command::Lapse)).await.unwrap();
    }
    let removals = roll(2) == 0;
    for leased in store.lease(ask(removals, "one")).await.unwrap() {
        let fails = roll(3) == 0;
        for request in &leased.requests {
            let retry_at = now.plus(Length::from_seconds(roll(60) as i64));
            let ended = request.held().unwrap().end() <= now;
            let live = leased.requests.iter().find(|other| other.held().unwrap().end() > now);
            let wanted = match (fails, ended, live) {
                (true, ..) => failing(request.number, leased.attempt, ended, "it said no", retry_at),
                (_, true, None) => absent(request.number, leased.attempt),
                (_, true, Some(live)) => {
                    let carried = Outcome::Carried(live.number);
                    let command = Command::ReportRemoval(report(leased.attempt, carried, retry_at));
                    act(Actor::Reconciler, Some(request.number), command)
                }
                _ => granted(request, leased.attempt),
            };
            drop(store.act(wanted).await);
        }
    }
}

#[tokio::test]
async fn i5_fold_is_row_and_work_is_what_is_held_whatever_happens() {
    for bed in beds().await {
        let store = bed.ruled().await;
        let mut numbers = Vec::new();
        for _ in 0..150 {
            someone_does_something(&store, &mut numbers).await;
            if roll(3) == 0 {
                the_machine_does_something(&store).await;
            }
            store.clock().advance(Length::from_seconds(roll(240) as i64));
        }
        let open = store.open_requests().await.unwrap();
        let held: BTreeSet<String> = open
            .iter()
            .filter(|(request, _)| phase(request) == Phase::Held)
            .map(|(request, _)| request.held().unwrap().placement.access_key.clone())
            .collect();
        let work: BTreeSet<String> = store.work().await.unwrap().into_iter().map(|work| work.access_key).collect();
        assert_eq!(work, held, "work for what is held, and for nothing else");
        for (request, work) in &open {
            let Some(work) = work else { continue };
            assert!(work.ends_at <= request.held().unwrap().end());
            assert!(
                work.next_at <= work.ends_at.max(store.clock().now().at.plus(Length::from_minutes(15))),
                "{work:?}"
            );
        }
        whole(&store).await;
        // In the end everything is removed.
        for _ in 0..60 {
            store.clock().advance(Length::from_minutes(10));
            the_machine_does_something(&store).await;
        }
        assert!(store.work().await.unwrap().is_empty(), "{:?}", store.work().await.unwrap());
        whole(&store).await;
    }
}

//! A long shift: events, sizes and broken links for as long as one likes. `NIGHTLATCH_SOAK_SECONDS=3600` is the hour.

use super::pty::Pty;
use crate::support::relay::Relay;
use crate::support::served::{Served, TASK, Watch, until};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

/// So long where nothing else is said.
const SECONDS: u64 = 90;
/// So many events a second.
const RATE: u32 = 50;

/// Resident memory that is its own, in KiB.
fn memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
#[ignore = "it takes a minute and a half, or as long as NIGHTLATCH_SOAK_SECONDS says: tests/run all"]
fn a_long_shift_grows_nothing_and_ends_on_the_screen_of_a_fresh_pane() {
    let seconds = std::env::var("NIGHTLATCH_SOAK_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(SECONDS);
    let served = Served::socket();
    let there = served.address.strip_prefix("unix:").unwrap().to_owned();
    let here = served.folder.join("relay");
    let relay = Relay::between(&here, there);
    let mut command = super::dashboard_of(&served, "sam");
    command.env("NIGHTLATCH_STORE", format!("unix:{}", here.display()));
    let mut pty = Pty::sized(&command, 120, 40);
    pty.shows("LIVE");
    let stop = Arc::new(AtomicBool::new(false));
    let (mut samples, mut events, mut cuts) = (Vec::new(), 0_u32, 0_u32);
    std::thread::scope(|scope| {
        let events = &mut events;
        let filing = scope.spawn({
            let (served, stop) = (&served, stop.clone());
            move || {
                let begun = Watch::start();
                let sam = served.token("sam");
                let mut rows: Vec<i64> = (0..20).map(|_| super::file(served, "logs-read", TASK)).collect();
                // Rows that come and go stay on the board for a while; claims do not make it longer.
                for turn in 0_usize.. {
                    if stop.load(SeqCst) {
                        break;
                    }
                    let row = &mut rows[turn / 2 % 20];
                    if turn % 50 == 49 {
                        let passing = super::file(served, "logs-read", TASK);
                        let path = format!("/v1/requests/{passing}/deny");
                        let said = served.post(&path, Some(&sam), &json!({ "words": "no" }));
                        assert_eq!(said.status, 200, "{said:?}");
                    } else {
                        let path = format!("/v1/requests/{row}/claim");
                        let said = served.post(&path, Some(&sam), &json!({ "release": turn % 2 == 1 }));
                        // Nobody decided about it for half an hour.
                        if said.status != 200 {
                            *row = super::file(served, "logs-read", TASK);
                        }
                    }
                    *events += 1;
                    let due = Duration::from_secs(1) * *events / RATE;
                    std::thread::sleep(due.saturating_sub(begun.elapsed()));
                }
            }
        });
        let begun = Watch::start();
        let mut round = 0_u16;
        while begun.elapsed() < Duration::from_secs(seconds) {
            round = round.wrapping_add(1);
            pty.resize(60 + round % 140, 15 + round % 45);
            for key in ["j", "\t", "k", ".", "?", "\x1b", "p", "p", "T", "s"] {
                pty.keys(key);
                std::thread::sleep(Duration::from_millis(20));
            }
            if round.is_multiple_of(40) {
                relay.down(round.is_multiple_of(80));
                relay.cut();
                cuts += 1;
                std::thread::sleep(Duration::from_millis(700));
                relay.down(false);
            }
            if begun.elapsed() > Duration::from_secs(seconds) * u32::try_from(samples.len()).unwrap() / 10 {
                samples.push(memory(pty.process()));
            }
        }
        stop.store(true, SeqCst);
        filing.join().unwrap();
    });
    // After half an hour without a verdict they lapse, perhaps all of them: these are there in the end.
    for _ in 0..3 {
        super::file(&served, "logs-read", TASK);
    }
    // What a full house of rows takes is taken by the middle.
    let (settled, after) = (samples[samples.len() / 2], memory(pty.process()));
    eprintln!("{events} events, {cuts} cuts, memory in KiB each tenth of it: {samples:?}, and {after} at the end");
    assert!(events > 100 && cuts > 0, "{events} events, {cuts} cuts");
    // What it shows in the end is what somebody sees who comes only now. Let in what waits, order by time, go to the top.
    pty.resize(120, 40);
    let calm = |pty: &mut Pty| {
        // A row that left stays until the cursor has left it and what waits is let in.
        for key in ["\x1b", "r", "G", ".", "g"] {
            pty.keys(key);
            std::thread::sleep(Duration::from_millis(300));
        }
        pty.shows("LIVE");
    };
    let mut fresh = Pty::sized(&command, 120, 40);
    fresh.shows("LIVE");
    // Sorted and shown as at the start: each of these turns in a circle.
    for key in ["s", "T"] {
        for _ in 0..3 {
            let sorted = ["  by person", "  by system"].iter().any(|by| pty.text().contains(by));
            if !sorted && pty.text().lines().next() == fresh.text().lines().next() {
                break;
            }
            pty.keys(key);
            std::thread::sleep(Duration::from_millis(300));
        }
    }
    let body = |pty: &Pty| pty.text().lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
    for _ in 0..60 {
        calm(&mut pty);
        calm(&mut fresh);
        if body(&pty) == body(&fresh) {
            break;
        }
        // The other list may have had the cursor last.
        pty.keys("\t");
        std::thread::sleep(Duration::from_millis(700));
    }
    assert_eq!(body(&pty), body(&fresh));
    assert!(after < settled + settled / 8 + 1024, "it grew from {settled} to {after} KiB");
    pty.keys("q");
    assert!(pty.ends().success());
    until("the terminal is left", || pty.screen(|screen| (!screen.alternate_screen()).then_some(())));
}

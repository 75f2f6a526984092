//! The desktop: a real session bus, with a notification server that writes down what it is told.

use super::alert;
use super::bus::{ABLE, Bus};
use crate::support::served::{PATIENCE, Watch};
use nightlatch::access::RequestNumber;
use nightlatch::notify::desktop::{self, Desktop};
use nightlatch::notify::{Alert, Channel as _, Key, Urgency};
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

fn desk(address: &str, kept: Option<PathBuf>) -> (Desktop, UnboundedReceiver<RequestNumber>) {
    let (clicked, clicks) = unbounded_channel();
    (Desktop::new(desktop::Bus::At(address.to_owned()), clicked, kept), clicks)
}

/// Brings it, as often as a slow machine takes for it.
async fn brought(desktop: &mut Desktop, alert: &Alert) {
    let mut last = Ok(());
    for _ in 0..20 {
        last = desktop.bring(alert).await;
        // Only what took too long: anything else is a fault here.
        if !last.as_ref().is_err_and(|sentence| sentence.contains("does not answer")) {
            break;
        }
    }
    last.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_key_stands_once_and_says_how_urgent_it_is() {
    let Some(bus) = Bus::start("one_key_stands_once_and_says_how_urgent_it_is") else { return };
    let mut server = bus.server(ABLE);
    let kept = bus.folder.join("desktop.json");
    let (mut desktop, _clicks) = desk(&bus.address(), Some(kept.clone()));
    brought(&mut desktop, &alert(142, "bo asks for payments", "restart, 45m", Urgency::Normal)).await;
    brought(&mut desktop, &alert(143, "kim asks for edge", "", Urgency::Low)).await;
    brought(&mut desktop, &alert(142, "EMERGENCY: bo, payments", "restart & look", Urgency::Critical)).await;
    assert_eq!(desktop.server().await.as_deref(), Some("mock-notify 1.0"));

    let told = server.told();
    assert_eq!(told.iter().map(|told| told.instead).collect::<Vec<_>>(), [0, 0, 1]);
    assert!(told.iter().all(|told| told.app == "nightlatch" && told.actions == json!(["default", "Open"])));
    assert_eq!((told[0].summary.as_str(), told[0].body.as_str()), ("bo asks for payments", "restart, 45m"));
    assert_eq!(told[0].hints, json!({"urgency": 1, "category": "x-nightlatch.alert", "suppress-sound": true}));
    assert_eq!((told[0].timeout, &told[1].hints["urgency"]), (-1, &json!(0)));
    assert_eq!(told[2].body, "restart &amp; look");
    let loud = json!({"urgency": 2, "category": "x-nightlatch.alert", "sound-name": "dialog-warning"});
    assert_eq!((told[2].timeout, &told[2].hints), (0, &loud));

    // The next process knows what stands, too.
    drop(desktop);
    let (mut desktop, _clicks) = desk(&bus.address(), Some(kept));
    brought(&mut desktop, &alert(143, "kim gets edge", "decided by lee", Urgency::Low)).await;
    assert_eq!(server.told()[3].instead, 2);
    desktop.take_back(&Key::Request(RequestNumber(142))).await.unwrap();
    desktop.take_back(&Key::Request(RequestNumber(999))).await.unwrap();
    assert_eq!(server.closed(), [1]);
    // What somebody closed stands no longer, and comes anew.
    let again = alert(143, "kim's access ends", "in 5 minutes", Urgency::Normal);
    let begun = Watch::start();
    while {
        // Closed again each time: what is closed while it is replaced stands again, and rightly so.
        server.close(2);
        tokio::time::sleep(Duration::from_millis(50)).await;
        brought(&mut desktop, &again).await;
        server.told().last().unwrap().instead != 0
    } {
        assert!(begun.elapsed() < PATIENCE, "what was closed is still replaced");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_click_gives_the_number_and_nobody_else_can_click() {
    let Some(bus) = Bus::start("a_click_gives_the_number_and_nobody_else_can_click") else { return };
    let mut server = bus.server(ABLE);
    let (mut desktop, mut clicks) = desk(&bus.address(), None);
    brought(&mut desktop, &alert(142, "a", "b", Urgency::Normal)).await;
    brought(&mut desktop, &alert(143, "a", "b", Urgency::Normal)).await;
    // None of these is a click on one of ours; the last one is, and comes after them.
    server.forge_click(1);
    server.click(1, "approve");
    server.click(77, "default");
    server.click(2, "default");
    let number = tokio::time::timeout(PATIENCE, clicks.recv()).await.unwrap();
    assert_eq!(number, Some(RequestNumber(143)));
    assert!(clicks.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a24_hostile_words_are_words() {
    let Some(bus) = Bus::start("a24_hostile_words_are_words") else { return };
    let hostile = "<b>x</b>&amp;\u{1b}]0;t\u{7}\u{202e}evorppa\u{200b}";
    let plain = "‹b›x‹/b›&amp;␛]0;t␇‹U+202E›evorppa‹U+200B›";
    let escaped = "&lt;b&gt;x&lt;/b&gt;&amp;amp;␛]0;t␇&lt;U+202E&gt;evorppa&lt;U+200B&gt;";
    for (abilities, body) in [("body actions", plain), (ABLE, escaped)] {
        let mut server = bus.server(abilities);
        let (mut desktop, _clicks) = desk(&bus.address(), None);
        brought(&mut desktop, &alert(142, hostile, hostile, Urgency::Normal)).await;
        let told = server.told();
        assert_eq!((told[0].summary.as_str(), told[0].body.as_str()), (plain, body));
        server.stop();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_is_said_at_once_with_the_cure() {
    let Some(bus) = Bus::start("what_is_not_there_is_said_at_once_with_the_cure") else { return };
    let one = alert(142, "a", "b", Urgency::Normal);
    let said = desk(&bus.address(), None).0.bring(&one).await.unwrap_err();
    assert!(said.contains("no notification server answers") && said.contains("dunst"), "{said}");
    for address in ["unix:path=/nowhere/bus", "rubbish", "", "unix:"] {
        let said = desk(address, None).0.bring(&one).await.unwrap_err();
        assert!(said.starts_with("the session bus cannot be reached: "), "{address}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bus_that_hangs_costs_no_more_than_its_limit_and_nothing_piles_up() {
    let folder = crate::support::TempFolder::new();
    let socket = folder.join("bus");
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let came = Arc::new(AtomicUsize::new(0));
    std::thread::spawn({
        let came = came.clone();
        move || {
            let mut held = Vec::new();
            while let Ok((stream, _)) = listener.accept() {
                came.fetch_add(1, Ordering::SeqCst);
                held.push(stream);
            }
        }
    });
    let (desktop, _clicks) = desk(&format!("unix:path={}", socket.display()), None);
    let mut desktop = desktop.within(Duration::from_millis(150));
    for _ in 0..8 {
        let brought = tokio::time::timeout(PATIENCE, async {
            desktop.bring(&alert(142, "a", "b", Urgency::Normal)).await.unwrap_err()
        });
        let said = brought.await.unwrap();
        assert!(said.contains("does not answer"), "{said}");
    }
    // One call is under way, and no second one beside it; a slow machine may have given up the first.
    assert!((1..=2).contains(&came.load(Ordering::SeqCst)), "{came:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_comes_late_still_counts() {
    let Some(bus) = Bus::start("an_answer_that_comes_late_still_counts") else { return };
    let mut server = bus.server(ABLE);
    let (mut desktop, _clicks) = desk(&bus.address(), None);
    brought(&mut desktop, &alert(141, "a", "b", Urgency::Normal)).await;
    server.notify_runs("import time; time.sleep(3); ret = 41");
    let said = desktop.bring(&alert(142, "a", "b", Urgency::Normal)).await.unwrap_err();
    assert!(said.contains("does not answer"), "{said}");
    // Served after the slow one.
    server.notify_runs("ret = args[1] or 42");
    brought(&mut desktop, &alert(142, "a", "b", Urgency::Normal)).await;
    assert_eq!(server.told().last().unwrap().instead, 41);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bus_or_a_server_that_dies_in_the_middle_is_found_anew() {
    let Some(mut bus) = Bus::start("a_bus_or_a_server_that_dies_in_the_middle_is_found_anew") else { return };
    let mut server = bus.server(ABLE);
    let (mut desktop, mut clicks) = desk(&bus.address(), Some(bus.folder.join("desktop.json")));
    let one = alert(142, "a", "b", Urgency::Normal);
    brought(&mut desktop, &one).await;
    // Another server counts from one again: our number would be somebody else's.
    server.restart();
    brought(&mut desktop, &one).await;
    assert_eq!(server.told().iter().map(|told| told.instead).collect::<Vec<_>>(), [0]);

    bus.kill();
    drop(server);
    let said = desktop.bring(&one).await.unwrap_err();
    assert!(said.contains("the session bus"), "{said}");
    bus.again();
    let mut server = bus.server(ABLE);
    brought(&mut desktop, &one).await;
    assert_eq!(server.told().iter().map(|told| told.instead).collect::<Vec<_>>(), [0]);
    server.click(1, "default");
    let number = tokio::time::timeout(PATIENCE, clicks.recv()).await.unwrap();
    assert_eq!(number, Some(RequestNumber(142)));
}

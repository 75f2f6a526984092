//! Decisions at the keyboard, and the hands that slip.

use super::{Pty, dashboard_of, dialog, file, look, open, stands, types};
use crate::support::served::{Served, TASK, until};
use serde_json::json;

/// The request may be read before the board: until both are there, every act is refused with a sentence.
#[track_caller]
fn can_act(pty: &Pty) {
    pty.shows("LIVE  sam");
    pty.shows("you may");
}

#[test]
fn approved_by_enter_a_three_digits_enter_and_by_nothing_less() {
    let served = Served::socket();
    let id = file(&served, "logs-read", TASK);
    let mut pty = open(&dashboard_of(&served, "sam"));
    pty.shows("LIVE");
    pty.shows("Restart the");
    // Keys that are held, pasted or pressed without looking open nothing and send nothing.
    pty.keys("\x1b[200~a101\r\x1b[201~");
    pty.keys("\r");
    pty.shows(&format!("NL-{id} pending"));
    dialog(&mut pty, "aaaaaaaaaaaaaaaa", &format!("APPROVE NL-{id}"));
    pty.keys("\x1b[200~101\r\x1b[201~");
    pty.keys("\x7f\x7f\x7f\x7f\x7f\x7f");
    pty.keys("999");
    pty.shows("[999");
    pty.keys("\r");
    assert_eq!(look(&served, id)["status"], "pending");
    pty.shows(&format!("APPROVE NL-{id}"));
    pty.keys("\x1b");
    pty.loses("APPROVE NL-");
    dialog(&mut pty, "a", &format!("APPROVE NL-{id}"));
    pty.keys("101");
    pty.shows("101");
    assert_eq!(look(&served, id)["status"], "pending");
    pty.keys("\r");
    stands(&served, id, "active");
    pty.shows(&format!("NL-{id} active"));
    let decision = &look(&served, id)["decision"];
    assert_eq!((decision["by"]["id"].as_str(), decision["unseen"].as_bool()), (Some("sam"), Some(false)));
    // And taken back, within the minute.
    dialog(&mut pty, "u", "TAKE BACK");
    pty.keys("\r");
    stands(&served, id, "removed");
    pty.loses("TAKE BACK");
    pty.keys("q");
    assert!(pty.ends().success());
    pty.is_as_before();
}

#[test]
fn each_verdict_with_its_words() {
    let served = Served::socket();
    let (vague, no, risky) =
        (file(&served, "logs-read", "Look at prod"), file(&served, "logs-read", TASK), file(&served, "restart", TASK));
    let sam = served.token("sam");
    let turn_to = |id: i64| {
        let mut command = served.command();
        command.env("NIGHTLATCH_TOKEN", &sam).arg(id.to_string());
        let pty = Pty::sized(&command, 100, 40);
        pty.shows(&format!("NL-{id} "));
        can_act(&pty);
        pty
    };
    let mut pty = turn_to(vague);
    dialog(&mut pty, "b", &format!("SEND BACK NL-{vague}"));
    pty.keys("\r");
    assert_eq!(look(&served, vague)["status"], "pending", "words are asked for");
    types(&mut pty, "which logs");
    pty.keys("\r");
    stands(&served, vague, "sent-back");
    pty = turn_to(no);
    dialog(&mut pty, "d", &format!("DENY NL-{no}"));
    types(&mut pty, "not tonight");
    pty.keys("\r");
    stands(&served, no, "denied");
    // The broadest of several roles wants words as well as the number.
    pty = turn_to(risky);
    dialog(&mut pty, "a", &format!("APPROVE NL-{risky}"));
    let digits = format!("{:03}", risky % 1000);
    types(&mut pty, &digits);
    pty.keys("\r");
    assert_eq!(look(&served, risky)["status"], "pending", "words are asked for");
    // Enter leads to what is missing.
    pty.shows("wants a line of words");
    types(&mut pty, "go ahead");
    pty.keys("\r");
    stands(&served, risky, "active");
    // More time is asked for, and given.
    let view = look(&served, risky);
    let body = json!({ "as_of": view["version"], "window": { "for_seconds": 2400 }, "done": "restarted one",
        "remaining": "restart the other" });
    let asked = served.post(&format!("/v1/requests/{risky}/extend"), None, &body);
    assert_eq!(asked.status, 200, "{asked:?}");
    pty = turn_to(risky);
    dialog(&mut pty, "a", &format!("APPROVE THE EXTENSION OF NL-{risky}"));
    types(&mut pty, &digits);
    pty.keys("\r");
    until("it is extended", || (look(&served, risky)["extensions"] == 1).then_some(()));
    // And ended before its time.
    pty = turn_to(risky);
    dialog(&mut pty, "X", &format!("NL-{risky}"));
    types(&mut pty, "all is well again");
    pty.keys("\r");
    stands(&served, risky, "removed");
    pty.loses("REVOKE NL-");
    pty.keys("q");
    assert!(pty.ends().success());
}

#[test]
fn somebody_else_was_faster_or_changed_it_meanwhile() {
    let served = Served::socket();
    let (gone, moved) = (file(&served, "logs-read", TASK), file(&served, "logs-read", TASK));
    let lea = served.token("lea");
    let mut command = dashboard_of(&served, "sam");
    command.arg(gone.to_string());
    // High enough that what one may do stands below all that there is to read.
    let mut pty = Pty::sized(&command, 100, 45);
    can_act(&pty);
    dialog(&mut pty, "a", &format!("APPROVE NL-{gone}"));
    let body = json!({ "words": "not needed" });
    assert_eq!(served.post(&format!("/v1/requests/{gone}/deny"), Some(&lea), &body).status, 200);
    pty.shows("already denied by Lea Lind");
    pty.keys("101\r");
    drop(pty);
    assert_eq!(look(&served, gone)["decision"]["by"]["id"], "lea");

    command = dashboard_of(&served, "sam");
    command.arg(moved.to_string());
    // High enough that what one may do stands below all that there is to read.
    let mut pty = Pty::sized(&command, 100, 45);
    can_act(&pty);
    dialog(&mut pty, "a", &format!("APPROVE NL-{moved}"));
    let body = json!({ "window": { "for_seconds": 3600 } });
    assert_eq!(served.post(&format!("/v1/requests/{moved}/amend"), None, &body).status, 200);
    // What moved is shown, and what was typed before it was seen sends nothing.
    pty.shows("30m");
    pty.shows("1h");
    pty.keys(&format!("{:03}\r", moved % 1000));
    drop(pty);
    let view = look(&served, moved);
    assert!(view["status"] == "pending" || view["decision"]["by"]["id"] == "sam");
}

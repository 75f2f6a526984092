//! One engineer's evening: access is asked for in the form, used, lengthened, handed back, and found again in the history.

use super::{Pty, dashboard_of, dialog, look, stands, types};
use crate::support::served::{PATIENCE, Served, Watch, until};
use serde_json::json;

#[test]
fn filed_by_n_seen_in_mine_lengthened_handed_back_and_found_in_the_history() {
    let served = Served::socket();
    let sam = served.token("sam");
    let mut pty = Pty::start(&dashboard_of(&served, "ana"));
    pty.shows("LIVE");
    pty.keys("n");
    pty.shows("ASK FOR ACCESS");
    // The systems are there, so that a few letters name one.
    pty.shows("can say yes");
    for (text, seen) in [("paym", "payments ("), ("logs", "logs-read: ")] {
        types(&mut pty, text);
        pty.shows(seen);
        pty.keys("\r");
    }
    types(&mut pty, "Find the stuck job in the log");
    pty.keys("\r");
    types(&mut pty, "20m");
    pty.keys("\r");
    // The checks are there before anything is sent; what they miss is mended, and nothing is lost.
    pty.shows("[pass]");
    pty.keys("\x1b[Z\x1b[Z");
    types(&mut pty, "; done when its id is known");
    pty.keys("\r\r");
    pty.shows("enter: file it");
    pty.keys("\r");
    pty.shows("is filed and waits for Sam");
    let view = look(&served, 101);
    assert_eq!(view["task"], "Find the stuck job in the log; done when its id is known");
    assert_eq!((view["requester"]["id"].as_str(), view["asked_for_seconds"].as_i64()), (Some("ana"), Some(1200)));
    pty.keys("2");
    pty.shows("[2 Mine 0]");
    pty.shows("waits for sam");
    let body = json!({ "as_of": view["version"] });
    assert_eq!(served.post("/v1/requests/101/approve", Some(&sam), &body).status, 200);
    stands(&served, 101, "active");
    pty.shows("[2 Mine 1]");
    // Not before the target has it is there anything to lengthen.
    pty.shows("role logs-read  active");
    let end = look(&served, 101)["window"]["until"].clone();
    dialog(&mut pty, "e", "ASK FOR A LATER END OF NL-101");
    types(&mut pty, "found two of three");
    pty.keys("\t");
    types(&mut pty, "the third one");
    pty.keys("\r");
    pty.shows("asked for a later end");
    let view = look(&served, 101);
    assert_eq!(view["extension"]["waits"], true, "{view}");
    assert_eq!(view["window"]["until"], end, "nobody decided");
    let body = json!({ "as_of": view["version"] });
    assert_eq!(served.post("/v1/requests/101/approve", Some(&sam), &body).status, 200);
    until("it is extended", || (look(&served, 101)["extensions"] == 1).then_some(()));
    pty.shows("extended by Sam");
    assert_ne!(look(&served, 101)["window"]["until"], end);
    dialog(&mut pty, "x", "HAND BACK NL-101");
    types(&mut pty, "nothing");
    pty.keys("\t");
    types(&mut pty, "the job is known");
    pty.keys("\t\r");
    stands(&served, 101, "removed");
    assert_eq!(look(&served, 101)["follow_up"]["checked"], "the job is known");
    pty.shows("you have no access now");
    pty.keys("4");
    pty.shows("[4 History]");
    pty.shows("1 found, that is all");
    pty.keys("/third one\r");
    // It is found by words that only the extension has.
    pty.shows("/third one");
    pty.shows("NL-101");
    pty.keys("\r");
    // Its end is where it is once every event was read.
    let begun = Watch::start();
    while !pty.text().contains("audit verify") {
        assert!(begun.elapsed() < PATIENCE, "the record never ends:\n{}", pty.text());
        pty.keys("G");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    pty.keys("C");
    until("the record is copied", || (!pty.beside().copied.is_empty()).then_some(()));
    pty.keys("q");
    assert!(pty.ends().success());
    pty.is_as_before();
}

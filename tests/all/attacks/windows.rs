//! A12: windows that are none, and names that nobody has. The field is named, the cure is said, nothing is written.

use super::asking;
use crate::support::served::{Served, TASK, ends, stderr};
use serde_json::json;

#[test]
fn a12_windows_that_are_none_are_refused_with_their_field() {
    let served = Served::socket();
    let before = served.head_seq();
    let until = |text: &str| json!({ "until": text });
    let cases = [
        ("until", until("2020-01-01T00:00:00Z")),
        ("until", until("P1Y")),
        ("until", until("PT45M")),
        ("until", until("")),
        ("until", until("9999-12-31T23:59:59Z")),
        ("until", until("2099-01-01T00:00:00Z")),
        ("until", until("24:00")),
        ("until", until("2026-11-22T24:00:00Z")),
        ("until", until("2027-03-28 01:30")),
        ("until", until("2027-03-28 01:30 Europe/London")),
        ("until", json!({ "until": "2027-03-28T01:30:00", "zone": "Europe/London" })),
        ("until", until("2027-02-29 10:00")),
        ("until", until("tomorrow")),
        ("until", until("00:30 BST")),
        ("until", until("1900-01-01T00:00:00Z")),
        ("until", until("2026-11-22T00:30:00+99:00")),
        ("until", until("00:30\u{0}")),
        ("until", json!({})),
        ("until", json!({ "until": "2099-01-01T00:00:00Z", "for_seconds": 60 })),
        ("for", json!({ "for_seconds": 0 })),
        ("for", json!({ "for_seconds": -1 })),
        ("for", json!({ "for_seconds": -9_223_372_036_854_775_808_i64 })),
        ("for", json!({ "for_seconds": 3_155_760_000_i64 })),
        ("for", json!({ "for_seconds": i64::MAX })),
        ("from", json!({ "from": "2020-01-01T00:00:00Z", "for_seconds": 60 })),
        ("from", json!({ "from": "24:00", "for_seconds": 60 })),
        ("from", json!({ "from": "9999-01-01T00:00:00Z", "for_seconds": 60 })),
        ("zone", json!({ "until": "00:30", "zone": "Mars/Olympus" })),
        ("zone", json!({ "until": "00:30", "zone": "" })),
    ];
    for path in ["/v1/requests", "/v1/checks"] {
        for (field, window) in &cases {
            let said = served.post(path, None, &asking(&json!({ "window": window })));
            if path == "/v1/checks" && said.status == 200 {
                continue; // The dry run names what a check or a rule would say.
            }
            assert!(matches!(said.status, 400 | 422), "{window}: {said:?}");
            let named = said.status == 400 || said.detail().contains(field);
            assert!(named && !said.json()["hint"].as_str().unwrap().is_empty(), "{field}: {window}: {said:?}");
        }
    }
    let sentence = |text: &str| served.file(&asking(&json!({ "window": { "until": text } }))).detail();
    assert!(sentence("2027-03-28 01:30 Europe/London").contains("clocks go forward"));
    // Longer than the role or kind allows is a rule about this request.
    let long = served.file(&asking(&json!({ "window": { "for_seconds": 86_400 } })));
    assert_eq!(long.status, 409, "{long:?}");
    assert_eq!(served.head_seq(), before, "nothing was written");
}

#[test]
fn a12_the_command_line_names_the_flag() {
    let served = Served::socket();
    let cases: [(&[&str], &str); 14] = [
        (&["--for", "0m"], "at least 1s"),
        (&["--for", "-5m"], "'-5'"),
        (&["--for=-5m"], "--for"),
        (&["--for", "876000h"], "31 days"),
        (&["--for", "P1Y"], "--for"),
        (&["--for", "45"], "unit"),
        (&["--until", "24:00"], "until: "),
        (&["--until", "9999-12-31T00:00:00Z"], "until: "),
        (&["--until", "2020-01-01T00:00:00Z"], "until: "),
        (&["--until", "2027-03-28 01:30 Europe/London"], "clocks go forward"),
        (&["--until", "00:30 BST"], "no time zone"),
        (&["--from", "2020-01-01T00:00:00Z", "--for", "5m"], "from: "),
        (&["--for", "5m", "--until", "00:30"], "cannot be used with"),
        (&[], "--for or --until"),
    ];
    for (flags, says) in cases {
        let line = [&["request", "payments", "restart", "--task", TASK], flags].concat();
        ends(&served.cli(&line), 2, says);
    }
    assert_eq!(served.head_seq(), 1, "nothing was written");
}

#[test]
fn unknown_names_are_refused_with_what_exists() {
    let served = Served::socket();
    let cases = [
        (json!({ "system": "paymens" }), "system", "paymens"),
        (json!({ "role": "root" }), "role", "logs-read, restart"),
        (json!({ "user": "nobody" }), "user", "nobody"),
        (json!({ "approver": "nobody" }), "approver", "nobody"),
        (json!({ "approver": "payments-team" }), "approver", "payments-team"),
    ];
    for (change, field, says) in cases {
        let said = served.file(&asking(&change));
        assert_eq!(said.status, 422, "{change}: {said:?}");
        let whole = format!("{} {}", said.detail(), said.json()["hint"]);
        assert!(whole.contains(field) && whole.contains(says), "{change}: {whole}");
    }
    // A18: what is no name at all is refused by the grammar.
    for name in
        ["a'; DROP TABLE event;--", "$(id)", "../../etc/passwd", "a\nb", "-oProxyCommand=id", "", "Ana", "ana\u{202e}"]
    {
        for field in ["system", "role", "user", "approver"] {
            let said = served.file(&asking(&json!({ field: name })));
            assert_eq!(said.status, 422, "{field} {name:?}: {said:?}");
            assert!(said.detail().contains(field), "{field} {name:?}: {said:?}");
        }
    }
    for ticket in ["INC 88", "INC\n88", &"x".repeat(65), "\u{1b}[2J"] {
        let said = served.file(&asking(&json!({ "ticket": ticket })));
        assert_eq!(said.status, 422, "{ticket:?}: {said:?}");
        assert!(said.detail().contains("ticket"), "{said:?}");
    }
    assert_eq!(served.head_seq(), 1, "nothing was written");
    let ask = |system: &str, role: &str, more: &[&str]| {
        served.cli(&[&["request", system, role, "--task", TASK, "--for", "5m"], more].concat())
    };
    ends(&ask("paymens", "restart", &[]), 2, "payments");
    ends(&ask("payments", "root", &[]), 2, "logs-read, restart");
    ends(&ask("payments", "restart", &["--user", "nobody"]), 2, "nobody in the policy");
    ends(&ask("payments", "restart", &["--approver", "nobody"]), 2, "nobody in the policy");
    let wrong = ask("payments", "restart", &["--approver", "nobody"]);
    assert!(stderr(&wrong).contains("sam"), "who there is: {}", stderr(&wrong));
}

//! Texts that want to be something else: SQL, patterns, log lines, JSON lines, terminal commands.

use super::asking;
use crate::support::served::{Served, Watch, ends, stderr, stdout};
use serde_json::{Value, json};
use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

const SQL: &str = "'); DROP TABLE event; -- \" `x` $1 ?1 :a @b \\' /* */ %s {0}";

#[test]
fn a17_sql_in_a_task_is_stored_as_it_is() {
    let served = Served::socket();
    let filed = served.file(&asking(&json!({ "task": SQL })));
    assert_eq!(filed.status, 201, "{filed:?}");
    let id = filed.json()["id"].as_i64().unwrap();
    assert_eq!(served.get(&format!("/v1/requests/{id}"), None).json()["task"], SQL);
    let words = served.post(&format!("/v1/requests/{id}/note"), None, &json!({ "words": SQL }));
    assert_eq!(words.status, 200, "{words:?}");
    assert!(words.body.contains("DROP TABLE"), "{words:?}");
    assert_eq!(served.file(&asking(&json!({ "user": "bo" }))).status, 201, "the tables are still there");
}

#[test]
fn a20_a_search_is_for_these_letters_and_nothing_else() {
    let served = Served::socket();
    let tasks = ["load 100%_*\"NEAR( and look", "nothing of the sort here", "a\\b_c and d%e"];
    for (task, user) in tasks.iter().zip(["ana", "bo", "li"]) {
        let filed = served.file(&asking(&json!({ "task": task, "user": user })));
        assert_eq!(filed.status, 201, "{filed:?}");
    }
    let find = |text: &str| {
        let begun = Watch::start();
        let said = served.get(&format!("/v1/requests?search={}", nightlatch::client::encoded(text)), None);
        assert_eq!(said.status, 200, "{text}: {said:?}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{text}");
        said.json()["requests"].as_array().unwrap().len()
    };
    let found = [
        ("%_*\"NEAR(", 1),
        ("%", 2),
        ("_", 2),
        ("\\", 1),
        ("a\\b_c", 1),
        ("'", 0),
        ("' OR 1=1 --", 0),
        ("AND OR NOT", 0),
        ("[a-z]*", 0),
        ("(((((", 0),
    ];
    for (text, count) in found {
        assert_eq!(find(text), count, "{text}");
    }
    assert_eq!(find(&"%_".repeat(1000)), 0);
    assert_eq!(find(&"\u{1f511}".repeat(500)), 0);
    ends(&served.cli(&["list", "--search", "%_*\"NEAR("]), 0, "NL-101");
}

#[test]
fn a21_a_newline_forges_neither_a_log_line_nor_an_event() {
    let served = Served::socket();
    let forged = "Look at it\n{\"timestamp\":\"2026-11-22T00:00:00Z\",\"level\":\"ERROR\",\"forged\":true}\n2026-11-22 FORGED approved by sam";
    let before = served.head_seq();
    let filed = served.file(&asking(&json!({ "task": forged })));
    assert_eq!(filed.status, 201, "{filed:?}");
    assert_eq!(served.head_seq(), before + 2, "filed, and who was told");
    let id = filed.json()["id"].as_i64().unwrap();
    let note = served.post(&format!("/v1/requests/{id}/note"), None, &json!({ "words": forged }));
    assert_eq!(note.status, 200, "{note:?}");
    assert_eq!(served.head_seq(), before + 3, "one event");
    // Whatever is refused is logged: with its path, and what stood in it.
    for path in ["/v1/x%0a%7b%22forged%22:true%7d", "/v1/x%1b%5b2J", "/v1/x%0d%0aforged"] {
        assert_eq!(served.odd("GET", path, "").status, 404, "{path}");
    }
    served.odd("FORGED", "/v1/me", "X-Forwarded-For: 1.2.3.4\t{\"forged\":true}\r\nAuthorization: Bearer forged\r\n");
    assert_eq!(served.file(&asking(&json!({ "role": forged }))).status, 422);
    let log = served.log();
    assert!(log.lines().count() > 3, "{log}");
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|bad| panic!("{bad}: {line}"));
        assert!(line["forged"].is_null() && line["fields"].is_object(), "{line}");
    }
    assert!(!log.contains("Bearer"), "{log}");
    // Shown, each of its lines stands within the request's own.
    let shown = stdout(&served.cli(&["show", &id.to_string()]));
    assert!(
        !shown.lines().any(|line| line.starts_with("2026-11-22 FORGED") || line.starts_with("{\"timestamp")),
        "{shown}"
    );
}

#[test]
fn a25_a_stored_text_stays_within_its_line_of_the_export() {
    let served = Served::socket();
    let odd = "x\n{\"seq\":3}\n\n\u{2028}\u{2029}\u{85}y\r\ndata: z\n\n";
    let refused = served.file(&asking(&json!({ "task": odd })));
    assert_eq!(refused.status, 422, "U+0085 is a control character: {refused:?}");
    let odd = odd.replace('\u{85}', "");
    for (task, user) in
        [(odd.as_str(), "ana"), ("\"},{\"seq\":9,\"kind\":\"approved\"}\n", "bo"), ("\\u000a\\n\\", "li")]
    {
        let filed = served.file(&asking(&json!({ "task": task, "user": user })));
        assert_eq!(filed.status, 201, "{filed:?}");
    }
    let export = served.export();
    let numbers: Vec<i64> = export
        .split_terminator('\n')
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["seq"].as_i64().unwrap())
        .collect();
    assert_eq!(numbers, (1..=served.head_seq()).collect::<Vec<_>>());
    let mut verify =
        served.command().args(["audit", "verify", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    verify.stdin.take().unwrap().write_all(export.as_bytes()).unwrap();
    let verified = verify.wait_with_output().unwrap();
    ends(&verified, 0, &numbers.len().to_string());
}

#[test]
fn a26_a27_texts_that_deceive_are_refused_with_their_field_and_nothing_is_written() {
    let served = Served::socket();
    let filed = served.file(&asking(&json!({}))).json();
    let (id, version) = (filed["id"].as_i64().unwrap(), filed["version"].as_i64().unwrap());
    let before = served.head_seq();
    let sam = served.token("sam");
    let before = before + 1; // The token.
    assert_eq!(served.head_seq(), before);
    let bad = [
        ("\u{1b}]52;c;aGk=\u{7}", "escape"),
        ("\u{1b}[2J\u{1b}[H", "escape"),
        ("\u{9b}2J", "control"),
        ("\u{90}q\u{9c}", "control"),
        ("a\u{8}\u{8}b", "control"),
        ("over\rwritten", "control"),
        ("\u{7f}", "control"),
        ("\u{202e}evorppa", "reverses"),
        ("\u{2067}x\u{2069}", "reverses"),
        ("\u{e0064}\u{e0065}", "tag"),
        ("", "empty"),
        (" \n\t ", "empty"),
    ];
    let long = "x".repeat(100 * 1024);
    for (text, says) in bad.into_iter().chain([(long.as_str(), "characters")]) {
        let said = served.file(&asking(&json!({ "task": text, "user": "bo" })));
        assert_eq!(said.status, 422, "{text:.40?}: {said:?}");
        assert!(said.detail().contains("task") && said.detail().contains(says), "{text:.40?}: {said:?}");
        assert_eq!(said.json()["code"], "malformed", "{said:?}");
        let amended = served.post(&format!("/v1/requests/{id}/amend"), None, &json!({ "task": text }));
        assert_eq!(amended.status, 422, "{text:.40?}: {amended:?}");
        for verb in ["deny", "note", "send-back"] {
            let said =
                served.post(&format!("/v1/requests/{id}/{verb}"), Some(&sam), &json!({ "words": text, "codes": [] }));
            assert_eq!(said.status, 422, "{verb} {text:.40?}: {said:?}");
            assert_eq!(said.json()["code"], if says == "empty" { "words-wanted" } else { "malformed" }, "{said:?}");
        }
        if says != "empty" {
            let body = json!({ "as_of": version, "words": text });
            let said = served.post(&format!("/v1/requests/{id}/approve"), Some(&sam), &body);
            assert_eq!(said.status, 422, "{text:.40?}: {said:?}");
        }
        // What it says about them holds none of them.
        assert!(!said.body.chars().any(|ch| ch.is_control() || ch == '\u{202e}'), "{said:?}");
    }
    for (text, says) in [("\u{1b}[2Jx", "task"), ("a\u{202e}b", "task"), ("\u{9b}2J", "task"), (" ", "task")] {
        let out = served.cli(&["request", "payments", "restart", "--task", text, "--for", "5m"]);
        ends(&out, 2, says);
        assert!(!stderr(&out).contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{out:?}");
    }
    ends(
        &served.cli(&["request", "payments", "restart", "--task", &long, "--for", "5m"]),
        2,
        "task has 102400 characters",
    );
    assert_eq!(served.head_seq(), before, "nothing was written");
    // Over 256 KiB it is not even looked at.
    let huge = served.file(&asking(&json!({ "task": "x".repeat(300 * 1024) })));
    assert_eq!(huge.status, 413, "{huge:?}");
}

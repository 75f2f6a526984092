//! Foreign texts on a real screen (A26–A29): nothing of them moves the cursor, recolours, hides or reorders what is read.

use super::{dashboard_of, file, open};
use crate::support::served::{Served, until};
use serde_json::{Value, json};

const ATTACKS: [(&str, &str); 8] = [
    ("title", "x \x1b]0;pwned\x07 and \x1b]2;pwned\x1b\\ done when it is"),
    ("clipboard", "x \x1b]52;c;cHduZWQ=\x07 done when it is"),
    ("clear", "x \x1b[2J\x1b[H\x1b[31mred \x1bc \x1b[?1049l done when it is"),
    ("strings", "x \x1bPq#0\x1b\\ \x1b_G\x1b\\ \x1b^x\x1b\\ \u{9b}2J \u{90}q\u{9c} \u{85} done when it is"),
    ("bidi", "x \u{202e}ynep\u{202c} \u{2066}evorppa\u{2069} done when it is"),
    ("hidden", "x a\u{200b}b\u{200d}c\u{e0041}\u{e007f}\u{ad}\u{feff} done when it is"),
    ("wide", "漢字漢字 👩‍👩‍👧‍👦🏳️‍🌈 ｆｕｌｌ done when it is"),
    ("marks", "z\u{335}\u{335}\u{335}\u{335}\u{335}\u{335}\u{335}\u{335}\u{335}\u{335}\u{335}\u{335} done when it is"),
];

/// A host that says what ours would refuse to take in: every text of a request is hostile.
fn hostile_host(row: &Value, me: &Value) -> String {
    let mut rows = Vec::new();
    for (at, (_, text)) in ATTACKS.into_iter().enumerate() {
        let mut row = row.clone();
        let id = 101 + i64::try_from(at).unwrap();
        let long = if at == 0 { "e\u{301}漢".repeat(2500) } else { String::new() };
        row["id"] = json!(id);
        for path in ["/task", "/allows", "/user/name", "/user/title", "/requester/name", "/approver/name", "/ticket"] {
            *row.pointer_mut(path).unwrap() = json!(format!("{text} {long}"));
        }
        row["notes"] = json!([{ "by": text, "at": row["filed_at"], "text": text }]);
        row["may"] = json!([{ "verb": "approve", "guard": "number",
            "refusal": { "code": "not-eligible", "sentence": text, "hint": text } }]);
        rows.push(row);
    }
    let stamp = json!({ "server_now": row["filed_at"], "head": 9 });
    let full = json!({ "seq": 9, "head": 9, "server_now": row["filed_at"], "full": true, "rows": rows, "gone": [],
        "link": "ab", "frozen": [ATTACKS[0].1], "sane": true });
    let me = me.clone();
    let answer = move |path: &str| {
        let mut answer = stamp.clone();
        let more = match path {
            _ if path.starts_with("/v1/board?after") => {
                std::thread::sleep(std::time::Duration::from_secs(5));
                let mut nothing = full.clone();
                (nothing["full"], nothing["rows"]) = (json!(false), json!([]));
                nothing
            }
            _ if path.starts_with("/v1/board") => full.clone(),
            "/v1/me" => me.clone(),
            "/v1/systems" => json!({ "systems": [] }),
            _ if path.contains("/events") => json!({ "next_after": 0, "events": [{ "seq": 1, "at": full["server_now"],
                "subject": "request 101", "kind": "filed", "actor": ATTACKS[0].1, "via": "socket", "policy": "x",
                "body": { "task": ATTACKS[2].1 }, "link": "ab" }] }),
            _ => {
                let id: usize = path.rsplit('/').next().unwrap().parse().unwrap_or(101);
                full["rows"][id - 101].clone()
            }
        };
        answer.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        answer.to_string()
    };
    super::link::playing(answer)
}

#[test]
fn a26_to_a29_nothing_foreign_acts_on_the_screen() {
    let served = Served::socket();
    let id = file(&served, "logs-read", "A task that nothing is wrong with; done when it is");
    let sam = served.token("sam");
    let row = served.get(&format!("/v1/requests/{id}"), Some(&sam)).json();
    let me = served.get("/v1/me", Some(&sam)).json();
    let host = hostile_host(&row, &me);
    let ids = (0..ATTACKS.len()).map(|at| Some(101 + at));
    for ((columns, rows), id) in [(80, 24), (200, 60)]
        .into_iter()
        .flat_map(|size| std::iter::once(None).chain(ids.clone()).map(move |id| (size, id)))
    {
        let mut command = served.command();
        command.env("NIGHTLATCH_STORE", &host);
        let sees = id.map_or_else(|| "LIVE".to_owned(), |id| format!("NL-{id} pending"));
        command.args(id.map(|id| id.to_string()));
        let mut pty = super::Pty::sized(&command, columns, rows);
        pty.shows(&sees);
        pty.shows("Board 8·");
        pty.keys("!a");
        until("it is still there", || pty.screen(|screen| screen.alternate_screen().then_some(())));
        let beside = pty.beside();
        assert_eq!((beside.copied.len(), beside.bells), (0, 0), "{beside:?}");
        assert!(beside.strange.is_empty(), "{beside:?}");
        assert!(beside.titles.iter().all(|title| title.contains("nightlatch")), "{beside:?}");
        // The last character may still be on its way.
        let raw = String::from_utf8_lossy(&pty.raw()).into_owned();
        for hidden in ['\u{202e}', '\u{2066}', '\u{200b}', '\u{e0041}', '\u{9b}', '\u{90}', '\u{feff}', '\u{7}'] {
            assert!(!raw.contains(hidden), "{hidden:?} reached the terminal");
        }
        assert_eq!(raw.matches("\x1bP").count() + raw.matches("\x1b_").count() + raw.matches("\x1bc").count(), 0);
        pty.signal(rustix::process::Signal::TERM);
        pty.ends();
        pty.is_as_before();
    }
}

#[test]
fn sizes_at_random_while_events_stream() {
    let served = Served::socket();
    let pty = open(&dashboard_of(&served, "sam"));
    pty.shows("LIVE");
    let sizes = [
        (1, 1),
        (500, 200),
        (2, 60),
        (80, 24),
        (3, 3),
        (120, 40),
        (59, 14),
        (60, 15),
        (1, 200),
        (500, 1),
        (200, 60),
        (20, 5),
        (79, 23),
        (81, 25),
        (7, 9),
        (119, 39),
    ];
    pty.storm(|resize| {
        for round in 0..3 {
            for (at, (columns, rows)) in sizes.into_iter().enumerate() {
                resize(columns, rows);
                if (at + round) % 4 == 0 {
                    file(&served, "logs-read", &format!("Round {round} step {at}; done when it is"));
                }
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
        }
    });
    file(&served, "logs-read", "The last one; done when it is");
    pty.shows("Board 13·");
    pty.shows("LIVE");
}

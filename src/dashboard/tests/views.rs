//! The views beside the board, as somebody uses them.

use super::super::form::{Form, Part};
use super::samples::{self, active, at, change, changed, decided, night, overdue, pending};
use super::*;
use crate::wire::{ChecksView, EventsView, ListQuery, ListView};
use serde_json::{Value, json};

/// What sam has, asked for and is to mend.
pub fn own() -> Vec<RequestView> {
    let mut sent =
        json!(decided(&pending(351, "sam", "orders-db", "write", 900, "Look at prod"), "sent-back", "sent-back", "li"));
    sent["decision"]["words"] = json!("which table, and how will you know");
    vec![
        active(340, "sam", "orders-db", "read", 1200, 2480),
        active(342, "sam", "edge-cache", "purge", 600, 7900),
        pending(350, "sam", "payments-worker", "restart", 120, "Restart worker 3; done when the queue falls below 100"),
        serde_json::from_value(sent).unwrap(),
    ]
}

/// What sam had: closed, so that only the list tells of it.
pub fn over() -> Vec<RequestView> {
    let removed = changed(
        &active(280, "sam", "search-index", "restart", 40_000, -30_000),
        false,
        json!({"status": "removed", "grant": {"removed_at": at(-29_998),
            "observed": {"at": at(-29_998), "presence": "absent", "evidence": "role nl-7f3a-280-sam: not in the catalogue"}}}),
    );
    let mut denied =
        json!(decided(&pending(270, "sam", "edge-cache", "admin", 90_000, "investigate"), "denied", "denied", "li"));
    denied["decision"]["at"] = at(-89_000);
    denied["decision"]["words"] = json!("say what you look for");
    vec![removed, serde_json::from_value(denied).unwrap()]
}

pub fn page(requests: Vec<RequestView>, next_before: Option<i64>) -> ListView {
    ListView { requests, next_before }
}

/// The questions for lists that were caused.
pub fn asked(pane: &Pane) -> Vec<(AskId, ListQuery)> {
    pane.effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::List { ask, query } => Some((*ask, (**query).clone())),
            _ => None,
        })
        .collect()
}

/// Answers the last question.
#[track_caller]
pub fn answer(pane: &mut Pane, list: ListView) {
    let (ask, _) = asked(pane).pop().expect("nothing was asked");
    pane.effects.clear();
    pane.send(Msg::Listed { ask, outcome: Ok(list) });
}

/// Sam's pane on Mine.
pub fn mine(size: (u16, u16)) -> Pane {
    let mut rows = night();
    rows.extend(own());
    let mut pane = Pane::on(size, rows);
    pane.press("2");
    let mut told = own();
    told.extend(over());
    answer(&mut pane, page(told, None));
    pane
}

/// A page of the history, with these numbers.
pub fn old(ids: impl Iterator<Item = i64>) -> Vec<RequestView> {
    ids.map(|id| {
        let view =
            active(id, ["ana", "bo", "cy"][usize::try_from(id % 3).unwrap()], "orders-db", "read", 90_000, -80_000);
        changed(&view, false, json!({"status": "removed", "filed_at": at(-100_000 - (300 - id) * 600)}))
    })
    .collect()
}

pub fn history(size: (u16, u16)) -> Pane {
    let mut pane = Pane::on(size, night());
    pane.press("4");
    let mut found = night();
    found.sort_by_key(|view| -view.id);
    found.extend(old((201..=299).rev()));
    answer(&mut pane, page(found, Some(201)));
    pane
}

pub fn events() -> EventsView {
    let event = |seq: i64, kind: &str, actor: &str, via: &str, body: Value| {
        json!({"seq": seq, "at": at(seq - 4000), "subject": "request 299", "kind": kind, "actor": actor, "via": via,
            "policy": "ab12cd34ef56ab12", "body": body, "link": format!("{seq:064x}")})
    };
    serde_json::from_value(json!({"next_after": 900, "events": [
        event(1, "filed", "bo", "token", json!({"task": "Check the lock", "role": "read", "for": 5_400_000})),
        event(300, "approved", "li", "socket", json!({"as": "backup", "words": null, "window": {"from": 1, "until": 2}})),
        event(310, "granted", "reconciler", "replica", json!({"observed": {"presence": "present", "evidence": "the role is there"}})),
        event(3960, "removed", "reconciler", "replica", json!({"evidence": "not in the catalogue"})),
    ]}))
    .unwrap()
}

pub fn checks(failing: bool) -> ChecksView {
    let task = if failing {
        json!({"code": "task", "verdict": "fail", "sentence": "says neither what will be done nor how one will know"})
    } else {
        json!({"code": "task", "verdict": "pass", "sentence": "one exact task, and how one will know"})
    };
    serde_json::from_value(json!({
        "checks": [task, {"code": "end", "verdict": "pass", "sentence": "it ends by itself after 30m"},
            {"code": "approver", "verdict": "pass", "sentence": "Li Wei may decide"}],
        "kind": "emergency", "approver": samples::person("li"), "window": {"from": at(0), "until": at(1800)}, "remarks": []
    }))
    .unwrap()
}

/// What the form asked the checks about, last.
fn check(pane: &Pane) -> Option<(AskId, Value)> {
    pane.effects.iter().rev().find_map(|effect| match effect {
        Effect::Check { ask, body } => Some((*ask, body.clone())),
        _ => None,
    })
}

/// Lets the hands rest, and answers the checks if they were asked.
pub fn checked(pane: &mut Pane, failing: bool) {
    pane.pass(400);
    if let Some((ask, _)) = check(pane) {
        pane.send(Msg::Checked { ask, outcome: Ok(Box::new(checks(failing))) });
    }
}

pub fn filed(pane: &Pane) -> Vec<(ActId, Option<i64>, Value)> {
    pane.effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::File { act, mends, body } => Some((*act, *mends, body.clone())),
            _ => None,
        })
        .collect()
}

/// Presses keys one after another, and counts them.
pub fn keys(pane: &mut Pane, keys: &[&str]) -> usize {
    for key in keys {
        pane.press(key);
    }
    keys.len()
}

pub fn typed(pane: &mut Pane, text: &str) -> usize {
    pane.type_text(text);
    text.chars().count()
}

#[test]
fn mine_shows_what_one_has_first_and_its_time_large() {
    let mut pane = mine((80, 24));
    let order: Vec<i64> = pane.model.mine.roll.pane.ids().collect();
    assert_eq!(order, [340, 342, 351, 350, 280, 270]);
    pane.says("41m left, ends 02:55 CET (01:55Z)");
    pane.says("[2 Mine 2]");
    // The one under the cursor, if it is live; else the one that ends first.
    pane.press("j");
    pane.says("2h 11m left");
    pane.press("G");
    pane.says("41m left");
    pane.pass(1_400_000);
    pane.says("18m left");
    let query = ListQuery { person: Some("sam".into()), limit: Some(50), ..ListQuery::default() };
    pane.press("2");
    assert_eq!(asked(&pane).last().map(|(_, query)| query.clone()), Some(query));
}

#[test]
fn acts_in_mine_are_about_the_row_under_the_cursor() {
    let mut pane = mine((80, 24));
    keys(&mut pane, &["j"]);
    pane.open("e");
    pane.says("ASK FOR A LATER END OF NL-342");
    typed(&mut pane, "purged half");
    pane.press("tab");
    typed(&mut pane, "the other half");
    pane.press("tab");
    pane.press("up");
    pane.press("enter");
    pane.press("enter");
    assert_eq!(
        pane.acts(),
        [(
            342,
            "extend",
            json!({"as_of": 3420, "done": "purged half", "remaining": "the other half",
            "window": {"until": "2026-11-22T04:10:40Z"}})
        )]
    );
    pane.press("esc");
    pane.effects.clear();
    pane.press("k");
    pane.open("x");
    pane.says("HAND BACK NL-340");
    for (text, key) in [("one index", "tab"), ("orders commit", "tab"), ("", "enter")] {
        typed(&mut pane, text);
        pane.press(key);
    }
    assert_eq!(pane.acts(), [(340, "hand-back", json!({"changed": "one index", "checked": "orders commit"}))]);
    pane.press("esc");
    pane.effects.clear();
    keys(&mut pane, &["j", "j", "j"]);
    pane.open("w");
    pane.says("WITHDRAW NL-350");
    pane.press("enter");
    assert_eq!(pane.acts(), [(350, "withdraw", json!({}))]);
}

#[test]
fn what_is_sent_back_is_mended_where_it_stands() {
    let mut pane = mine((120, 24));
    keys(&mut pane, &["j", "j"]);
    pane.says("E mends it · li: which table");
    pane.press("E");
    pane.says("MEND NL-351");
    pane.says("Look at prod");
    typed(&mut pane, " table orders; done when it commits");
    checked(&mut pane, false);
    keys(&mut pane, &["enter", "enter", "enter"]);
    let filed = filed(&pane);
    assert_eq!(filed.len(), 1);
    assert_eq!(filed[0].1, Some(351));
    assert_eq!(filed[0].2, json!({"task": "Look at prod table orders; done when it commits", "anyway": false}));
    // What somebody else asked for is theirs.
    pane.press("esc");
    pane.press("1");
    pane.press("E");
    pane.says("only ana can mend it");
}

/// The README's request, as fast hands write it: so many keys.
#[test]
fn the_readmes_request_is_filed_with_81_keys() {
    let mut systems = json!(samples::systems());
    systems["systems"][2] = json!({"id": "payments", "name": "Payment service", "environment": "production", "sensitive": true,
        "ticket": "^INC-[0-9]+$", "frozen": false, "may_ask": true, "owner": samples::person("sam"), "who_can_say_yes": [],
        "roles": [
            {"id": "logs-read", "allows": "Read the service's logs", "longest_seconds": 7200, "contains": [], "provisioner": "p"},
            {"id": "restart", "allows": "Restart the workers", "longest_seconds": 7200, "contains": ["logs-read"], "provisioner": "p"}]});
    let mut pane = Pane::on((80, 24), night());
    pane.send(Msg::Systems(serde_json::from_value(systems).unwrap()));
    let mut count = keys(&mut pane, &["n"]);
    count += typed(&mut pane, "pay");
    count += keys(&mut pane, &["enter"]);
    count += typed(&mut pane, "re");
    count += keys(&mut pane, &["enter"]);
    count += typed(&mut pane, "Restart payment-worker 3; done when the queue falls below 100");
    count += keys(&mut pane, &["enter"]);
    count += typed(&mut pane, "30m");
    count += keys(&mut pane, &["enter"]);
    count += typed(&mut pane, "INC-88");
    checked(&mut pane, false);
    count += keys(&mut pane, &["enter"]);
    let sent = filed(&pane);
    assert_eq!(
        sent[0].2,
        json!({"system": "payments", "role": "restart", "ticket": "INC-88", "window": {"for_seconds": 1800}, "anyway": false,
            "task": "Restart payment-worker 3; done when the queue falls below 100"})
    );
    assert_eq!(count, 81);
    // It is said where it went, and it stands in Mine, under the cursor.
    let view = pending(360, "sam", "payments", "restart", 0, "Restart payment-worker 3");
    pane.send(Msg::Filed { act: sent[0].0, outcome: Ok(Box::new(view)) });
    pane.says("NL-360 is filed and waits for Sam Lee (sam), lapses 02:44 CET");
    pane.press("2");
    assert_eq!(pane.model.cursor(), Some(360));
}

#[test]
fn the_checks_come_when_the_hands_rest_and_hinder_no_key() {
    let mut pane = Pane::on((80, 24), night());
    keys(&mut pane, &["n"]);
    typed(&mut pane, "orders-db");
    pane.press("enter");
    typed(&mut pane, "read");
    pane.press("enter");
    typed(&mut pane, "look");
    pane.press("enter");
    typed(&mut pane, "30m");
    assert_eq!(check(&pane), None, "somebody still types");
    pane.pass(400);
    let (first, body) = check(&pane).unwrap();
    assert_eq!(body["task"], "look");
    // While they are asked more is typed, and nothing of it is lost; the late answer is for what was.
    pane.press("backtab");
    typed(&mut pane, " at the lock; done when free");
    pane.says("look at the lock; done when free");
    pane.pass(400);
    let (second, body) = check(&pane).unwrap();
    assert_eq!(body["task"], "look at the lock; done when free");
    pane.send(Msg::Checked { ask: first, outcome: Ok(Box::new(checks(true))) });
    assert!(!pane.screen().contains("[fail]"), "{}", pane.screen());
    pane.send(Msg::Checked { ask: second, outcome: Ok(Box::new(checks(false))) });
    pane.says("[pass] task, end, approver");
    pane.says("goes to   Li Wei (li)");
    // The same again is not asked again.
    pane.effects.clear();
    typed(&mut pane, " ");
    pane.pass(400);
    assert_eq!(check(&pane), None);
    let gone = Refused { code: String::new(), sentence: "orders.example is gone".into(), hint: String::new() };
    typed(&mut pane, "x");
    pane.pass(400);
    let (ask, _) = check(&pane).unwrap();
    pane.send(Msg::Checked { ask, outcome: Err(gone) });
    pane.says("orders.example is gone");
}

#[test]
fn a_failing_check_is_mended_or_answered_with_words() {
    let mut pane = Pane::on((80, 24), night());
    for (text, key) in [("n", ""), ("orders-db", "enter"), ("read", "enter"), ("look", "enter"), ("30m", "enter")] {
        typed(&mut pane, text);
        if !key.is_empty() {
            pane.press(key);
        }
    }
    checked(&mut pane, true);
    pane.press("enter");
    assert_eq!(filed(&pane).len(), 0);
    pane.says("mend it, or say here why it is filed all the same");
    pane.press("enter");
    assert_eq!(filed(&pane).len(), 0, "words are wanted");
    typed(&mut pane, "the house burns");
    pane.press("enter");
    let sent = filed(&pane);
    assert_eq!(sent[0].2["anyway"], true);
    // The host says no to something else: it is said there, and nothing is lost.
    let no = Refused { code: "check-failed".into(), sentence: "says nothing".into(), hint: "mend it".into() };
    pane.send(Msg::Filed { act: sent[0].0, outcome: Err(no) });
    pane.says("the house burns");
    pane.press("enter");
    let again = filed(&pane);
    assert_eq!(again.len(), 2);
    let view = pending(360, "sam", "orders-db", "read", 0, "look");
    pane.send(Msg::Filed { act: again[1].0, outcome: Ok(Box::new(view)) });
    assert_eq!(pane.acts(), [(360, "note", json!({"words": "Filed although a check fails: the house burns"}))]);
    // Mended instead, it wants no words any more.
    pane.press("n");
    assert!(pane.model.form.as_ref().is_some_and(Form::is_empty), "what was filed is no draft");
}

#[test]
fn what_was_written_is_there_again_and_nothing_is_sent_offline() {
    let mut pane = Pane::on((80, 24), night());
    pane.press("n");
    typed(&mut pane, "orders-db");
    pane.press("tab");
    pane.press("esc");
    assert!(pane.model.form.is_none());
    pane.press("n");
    pane.says("orders-db");
    typed(&mut pane, "read");
    keys(&mut pane, &["enter"]);
    typed(&mut pane, "some task; done when it is");
    keys(&mut pane, &["enter"]);
    typed(&mut pane, "until 04:00");
    keys(&mut pane, &["enter"]);
    let next_try = Moment(pane.now.0 + Duration::from_secs(9));
    pane.send(Msg::Away { sentence: "gone".into(), next_try, offline: true });
    pane.press("enter");
    assert_eq!(filed(&pane).len(), 0);
    pane.says("offline: nothing is sent");
    pane.merge(change(Vec::new(), 3));
    pane.press("enter");
    assert_eq!(filed(&pane)[0].2["window"], json!({"until": "04:00", "zone": "Europe/Berlin"}));
    // A pane that locks itself keeps what was written, and shows it to whoever unlocks it.
    let mut pane = Pane::on((80, 24), night());
    pane.press("n");
    typed(&mut pane, "edge-cache");
    for _ in 0..4 {
        pane.pass(100_000);
        pane.merge(change(Vec::new(), 100));
    }
    assert!(pane.model.locked && pane.model.form.is_none());
    pane.press("n");
    assert!(pane.model.form.is_none(), "the first key only unlocks");
    pane.press("n");
    pane.says("edge-cache");
    // A paste is text, in one line, and never files.
    let mut pane = Pane::on((80, 24), night());
    pane.send(Msg::Paste("n\n".into()));
    assert!(pane.model.form.is_none());
    pane.press("n");
    keys(&mut pane, &["tab", "tab"]);
    pane.send(Msg::Paste("one\ntwo\r\n\u{1b}[31m".into()));
    assert_eq!(pane.model.form.as_ref().unwrap().typed(Part::Task), "one two ␛[31m");
    assert_eq!(filed(&pane).len(), 0);
    let mut wall = Pane::new(Options { read_only: true, ..samples::options((80, 24)) });
    wall.press("n");
    wall.says("read-only: nothing acts here");
}

#[test]
fn every_view_has_its_bands_and_its_key() {
    let mut rows = night();
    rows.push(overdue());
    let mut pane = Pane::on((80, 24), rows);
    for entry in super::super::views::TABLE.iter().filter(|entry| !entry.name.is_empty()) {
        let key = pane.model.keys.first(entry.action);
        pane.press(&key);
        assert_eq!(pane.model.view, entry.view);
        pane.says(&format!("[{key} {}", entry.name));
        pane.says("1 OVERDUE REMOVAL NL-431");
        pane.says("02:14 CET");
    }
    for key in ["3", "5"] {
        let before = pane.model.view;
        pane.press(key);
        assert_eq!(pane.model.view, before, "there is nothing to see yet");
    }
    assert!(!pane.screen().contains("Incidents") && !pane.screen().contains("Review"));
}

#[test]
fn the_task_is_read_as_soon_as_there_is_one() {
    let mut pane = Pane::on((80, 24), night());
    pane.press("n");
    keys(&mut pane, &["tab", "tab"]);
    pane.says("the checks come when system, role, task and window are named");
    typed(&mut pane, "need access ASAP");
    pane.pass(400);
    pane.says("[fail] task: it says that it is urgent, but not what you will do");
    pane.says("the other checks come when system, role and window are named, too");
    assert_eq!(check(&pane), None, "nobody is asked before everything is named");
    keys(&mut pane, &["ctrl-u"]);
    typed(&mut pane, "Read the rows of order 4711 and tell Marta why it was charged twice");
    pane.pass(400);
    pane.says("[pass] task: it says what will be done");
    keys(&mut pane, &["ctrl-u"]);
    pane.pass(400);
    assert!(!pane.screen().contains("[pass]"));
}

//! A26–A29: nothing that somebody wrote moves the cursor, recolours, hides or reorders what an approver reads; and no size of
//! a screen is too small.

use super::samples::{active, change, changed, night, overdue, pending, with_may};
use super::*;
use crate::text::Clean;
use proptest::prelude::*;
use ratatui::style::Modifier;
use serde_json::{Value, json};

const HOSTILE: [&str; 14] = [
    "\u{1b}]52;c;ZXZpbA==\u{7}\u{1b}[2J\u{1b}[31mred",
    "\u{9b}31m\u{90}q\u{9c}\u{85}next",
    "\u{202e}evorppa\u{202c} deny \u{2066}a\u{2069}",
    "a\u{200b}\u{200d}\u{2060}\u{feff}b",
    "x\u{e0041}\u{e0042}\u{e007f}",
    "日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語",
    "👩‍👩‍👧‍👦👩🏽‍🚒🏳️‍🌈🇩🇪🇩🇪🇩🇪 flags",
    "\0\u{1}\u{7f}\r\n\t",
    "مرحبا שלום देवनागरी ภาษาไทย",
    "",
    " ",
    "a\nb\nc",
    "│+-|>!!~[pass] OVERDUE",
    "ﷺ﷽𒐫𒈙",
];

/// A request in which somebody foreign wrote this everywhere.
fn wrote(view: &RequestView, text: &str) -> RequestView {
    let mut value = json!(view);
    for path in [
        "/task",
        "/allows",
        "/ticket",
        "/ticket_url",
        "/system",
        "/environment",
        "/role",
        "/user/id",
        "/user/name",
        "/user/title",
        "/requester/name",
        "/requester/id",
        "/approver/name",
        "/checks/0/sentence",
        "/checks/0/code",
        "/decision/words",
        "/decision/verdict",
        "/decision/by/id",
        "/grant/last_error",
        "/grant/manual_command",
        "/grant/access_key",
        "/grant/observed/evidence",
        "/grant/looked_after_by/name",
        "/extension/done",
        "/extension/remaining",
    ] {
        if let Some(field) = value.pointer_mut(path).filter(|field| !field.is_null()) {
            *field = Value::from(text);
        }
    }
    value["notes"] = json!([{"by": text, "at": samples::at(-5), "text": text}]);
    value["revisions"] = json!([{"seq": 1, "at": samples::at(-5), "by": text, "changes": [text]}]);
    value["claim"] = json!({"by": {"id": text, "name": text, "title": text}, "until": samples::at(90)});
    serde_json::from_value(value).unwrap()
}

/// Every cell holds what the sanitiser would let through, and what we draw stays where we draw it.
#[track_caller]
fn clean(pane: &Pane) {
    for cell in pane.buffer().content() {
        let symbol = cell.symbol();
        // A few scripts have letters that stand in one cell with what follows: such a cell is judged as it stands in a text.
        let within = format!("a{symbol}");
        assert!(
            Clean::line(symbol).as_str() == symbol || Clean::line(&within).as_str() == within,
            "raw in a cell: {symbol:?}"
        );
        assert!(!symbol.chars().any(char::is_control), "{symbol:?}");
        assert!(!cell.modifier.intersects(Modifier::HIDDEN | Modifier::SLOW_BLINK | Modifier::RAPID_BLINK));
    }
}

fn everywhere(text: &str, size: (u16, u16)) {
    let rows: Vec<RequestView> = vec![
        wrote(&night()[0], text),
        wrote(&night()[1], text),
        wrote(&active(300, "dee", "search-index", "restart", 2000, 261), text),
        wrote(&samples::extension(&active(299, "eli", "search-index", "read", 4000, 840)), text),
        wrote(&overdue(), text),
    ];
    let mut pane = Pane::on(size, rows.clone());
    clean(&pane);
    for key in ["enter", "pgdn", "esc", "tab", "enter", "esc", "!", "enter", "G", "esc", "?", "esc", "tab"] {
        pane.press(key);
        pane.answer_reads();
        pane.effects.clear();
        clean(&pane);
    }
    let event = json!({"seq": 1, "at": samples::at(-9), "subject": text, "kind": text, "actor": text, "via": "token",
        "policy": text, "body": {"words": text, "task": text}, "link": text});
    pane.press("enter");
    for id in [312, 317, 299, 431] {
        let events = serde_json::from_value(json!({"events": [event], "next_after": 1})).unwrap();
        pane.send(Msg::Events { id, after: 0, outcome: Ok(events) });
        clean(&pane);
    }
    pane.press("esc");
    for key in ["a", "b", "d", "X", "R", "i"] {
        pane.open(key);
        pane.send(Msg::Paste(text.into()));
        pane.press("enter");
        clean(&pane);
        pane.press("esc");
    }
    let sentence = || Refused { code: text.into(), sentence: text.into(), hint: text.into() };
    pane.open("a");
    pane.send(Msg::Request { id: 312, outcome: Err(sentence()) });
    pane.send(Msg::Request { id: 299, outcome: Err(sentence()) });
    clean(&pane);
    pane.press("esc");
    pane.send(Msg::Away { sentence: text.into(), next_try: pane.now, offline: true });
    let mut board = change(rows, 2);
    (board.link, board.frozen) = (text.into(), vec![text.into()]);
    clean(&pane);
    pane.merge(board);
    let mut me = samples::me();
    (me.person.id, me.store) = (text.into(), text.into());
    pane.send(Msg::Me(me));
    clean(&pane);
    beside_the_board(&mut pane, text);
    pane.pass(20_000);
    clean(&pane);
}

/// The views beside the board, the form and the line at the foot, with this in all that they show.
fn beside_the_board(pane: &mut Pane, text: &str) {
    let told = |id: i64, status: &str| {
        changed(&wrote(&active(id, "x", "y", "z", 90_000, -8000), text), false, json!({"status": status}))
    };
    for (key, status) in [("2", "removed"), ("4", "denied")] {
        pane.press(key);
        if let Some((ask, _)) = views::asked(pane).pop() {
            let list = views::page(vec![told(200, status), told(199, "failed")], None);
            pane.send(Msg::Listed { ask, outcome: Ok(list) });
        }
        clean(pane);
        pane.press("enter");
        let id = pane.model.cursor().unwrap_or(200);
        let event = json!({"seq": 1, "at": samples::at(-9), "subject": text, "kind": text, "actor": text, "via": "token",
            "policy": text, "body": {text: text, "task": [text, {"deep": text}]}, "link": text});
        let events = serde_json::from_value(json!({"events": [event], "next_after": 1})).unwrap();
        pane.send(Msg::Events { id, after: 0, outcome: Ok(events) });
        clean(pane);
        pane.press("G");
        clean(pane);
        pane.press("C");
        for effect in &pane.effects {
            if let Effect::Copy(copied) = effect {
                assert!(copied.lines().all(|line| Clean::line(line).as_str() == line), "{copied:?}");
            }
        }
        pane.press("esc");
        pane.press(":");
        clean(pane);
        pane.press("esc");
    }
    let mut systems = json!(samples::systems());
    for path in [
        "/systems/0/id",
        "/systems/0/name",
        "/systems/0/environment",
        "/systems/0/ticket",
        "/systems/0/roles/0/id",
        "/systems/0/roles/0/allows",
        "/systems/0/who_can_say_yes/0/0/name",
    ] {
        *systems.pointer_mut(path).unwrap() = Value::from(text);
    }
    pane.send(Msg::Systems(serde_json::from_value(systems).unwrap()));
    for key in ["n", "down", "enter", "down", "enter"] {
        pane.press(key);
        clean(pane);
    }
    pane.send(Msg::Paste(text.into()));
    pane.press("enter");
    pane.send(Msg::Paste("30m".into()));
    pane.pass(400);
    let mut found = json!(views::checks(true));
    for path in ["/checks/0/sentence", "/checks/0/code", "/approver/name", "/approver/id"] {
        *found.pointer_mut(path).unwrap() = Value::from(text);
    }
    found["remarks"] = json!([text]);
    let asked = pane.model.form.as_ref().and_then(|form| form.asked);
    if let Some(ask) = asked {
        pane.send(Msg::Checked { ask, outcome: Ok(Box::new(serde_json::from_value(found).unwrap())) });
    }
    clean(pane);
    pane.press("esc");
    pane.press("/");
    pane.send(Msg::Paste(text.into()));
    clean(pane);
    pane.press("esc");
    pane.press("1");
    pane.press("E");
    clean(pane);
    pane.press("esc");
}

#[test]
fn a26_to_a28_foreign_text_everywhere_is_clean() {
    // Several at once, so that each also stands beside what another one did.
    for (index, texts) in HOSTILE.chunks(5).enumerate() {
        everywhere(&texts.join(" "), if index % 2 == 0 { (80, 24) } else { (120, 40) });
    }
    everywhere("", (80, 24));
}

#[test]
fn a29_much_of_it_costs_little_and_overflows_nothing() {
    let marks = format!("a{}", "\u{301}".repeat(100_000));
    let long = "x".repeat(1_000_000);
    for text in [marks, long, "👩‍👩‍👧‍👦".repeat(3000), "日".repeat(5000)] {
        let mut pane = Pane::on((80, 24), vec![wrote(&night()[1], &text), wrote(&overdue(), &text)]);
        clean(&pane);
        pane.press("enter");
        clean(&pane);
    }
}

#[test]
fn a27_the_order_of_words_is_kept() {
    let pane = Pane::on((120, 40), vec![pending(317, "bo", "orders-db", "read", 60, "\u{202e}ynned\u{202c} approve")]);
    pane.says("<U+202E>");
}

#[test]
fn every_size_and_every_face_is_drawn() {
    let mut rows = night();
    rows.push(overdue());
    let sizes = (1..=13).flat_map(|w| [(w * 6, 1), (w * 6, 3), (1, w * 4), (w * 10, w * 4)]).chain([
        (500, 200),
        (1, 1),
        (2, 2),
    ]);
    let mut pane = Pane::on((80, 24), rows);
    for face in ["", "enter", "?", "a", "n", "/", ":", "2", "4"] {
        if !face.is_empty() {
            pane.press(face);
            pane.answer_reads();
        }
        for (width, height) in sizes.clone() {
            pane.resize(width, height);
            clean(&pane);
        }
        pane.resize(80, 24);
        pane.press("esc");
    }
}

#[test]
fn ascii_is_nothing_but_ascii() {
    let mut pane = Pane::new(Options { ascii: true, ..samples::options((120, 40)) });
    let mut rows = night();
    rows.push(overdue());
    rows.push(pending(330, "日本", "orders-db", "read", 60, "Prüfe — 日本語 → ok"));
    pane.merge(samples::board(rows));
    pane.press("enter");
    pane.answer_reads();
    assert!(pane.screen().is_ascii(), "{}", pane.screen());
    pane.says("02:14 > 03:44");
}

#[test]
fn without_colours_nothing_is_coloured_and_what_is_overdue_is_reversed() {
    let mut pane = Pane::new(Options { colours: Colours::None, ..samples::options((80, 24)) });
    pane.merge(samples::board(vec![overdue()]));
    let cells = pane.buffer().content();
    let reset = ratatui::style::Color::Reset;
    assert!(cells.iter().all(|cell| cell.fg == reset && cell.bg == reset));
    assert!(pane.buffer()[(3, 1)].modifier.contains(Modifier::REVERSED | Modifier::BOLD));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn any_text_at_any_size_is_clean(text in "(\\PC|\\x1b|\\u{202e}|\\u{200b}|\\u{301}|\\n|日|👩|[a-z ]){0,60}", w in 1_u16..140, h in 1_u16..50) {
        let rows = vec![wrote(&night()[1], &text), wrote(&overdue(), &text)];
        let mut pane = Pane::on((w, h), rows);
        clean(&pane);
        pane.press("enter");
        pane.send(Msg::Request { id: 317, outcome: Ok(Box::new(with_may(wrote(&night()[1], &text)))) });
        clean(&pane);
        pane.press("esc");
        pane.open("a");
        clean(&pane);
    }
}

//! What it looks like: each screen as text, reviewed by eye. `INSTA_UPDATE=always` writes them anew.

use super::samples::{active, board, decided, extension, night, options, overdue, pending, person, with, with_may};
use super::*;
use serde_json::json;

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];

/// The same at each size.
fn at_each_size(name: &str, show: impl Fn((u16, u16)) -> Pane) {
    for size in SIZES {
        let mut settings = insta::Settings::clone_current();
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.set_snapshot_path("screens");
        settings.bind(|| insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), show(size).screen()));
    }
}

fn full() -> Vec<RequestView> {
    let mut rows = night();
    rows.push(extension(&active(299, "eli", "search-index", "read", 4000, 840)));
    for n in 0..30 {
        rows.push(pending(
            400 + n,
            "ana",
            "payments-worker",
            "restart",
            20,
            "One more of many, to see the list scroll",
        ));
    }
    rows
}

#[test]
fn empty() {
    at_each_size("empty", |size| Pane::on(size, Vec::new()));
}

#[test]
fn the_board() {
    at_each_size("full", |size| Pane::on(size, full()));
    at_each_size("night", |size| {
        let mut pane = Pane::on(size, night());
        pane.press("j");
        pane.pass(300);
        pane.answer_reads();
        let new = pending(340, "dee", "search-index", "restart", 0, "A new one that waits to be let in");
        let gone = decided(&night()[0], "approved", "granting", "li");
        pane.merge(samples::change(vec![new, gone], 3));
        pane
    });
}

#[test]
fn an_overdue_removal() {
    at_each_size("overdue", |size| {
        let mut rows = night();
        rows.push(overdue());
        Pane::on(size, rows)
    });
    at_each_size("overdue_open", |size| {
        let mut rows = night();
        rows.push(overdue());
        let mut pane = Pane::on(size, rows);
        pane.press("!");
        pane.press("enter");
        pane.answer_reads();
        pane.effects.clear();
        pane.send(Msg::Events { id: 431, after: 0, outcome: Ok(events()) });
        pane
    });
}

fn events() -> crate::wire::EventsView {
    let event = |seq: i64, kind: &str, actor: &str, body: serde_json::Value| {
        json!({"seq": seq, "at": samples::at(seq - 4000), "subject": "request 431", "kind": kind, "actor": actor,
            "via": "token", "policy": "ab", "body": body, "link": "00"})
    };
    serde_json::from_value(json!({"next_after": 900, "events": [
        event(1, "filed", "kim", json!({"task": "Move the ledger table"})),
        event(300, "approved", "li", json!({})),
        event(310, "granted", "reconciler", json!({})),
        event(3960, "removal-failed", "reconciler", json!({"sentence": "role owns objects: permission denied"})),
    ]}))
    .unwrap()
}

#[test]
fn stale_offline_and_error() {
    at_each_size("stale", |size| {
        let mut pane = Pane::on(size, night());
        pane.pass(17_000);
        pane
    });
    at_each_size("offline", |size| {
        let mut pane = Pane::on(size, night());
        pane.pass(40_000);
        let next_try = Moment(pane.now.0 + Duration::from_secs(8));
        pane.send(Msg::Away {
            sentence: "orders.example cannot be reached: connection refused".into(),
            next_try,
            offline: true,
        });
        pane.press("a");
        pane
    });
    at_each_size("error", |size| {
        let mut pane = Pane::new(samples::options(size));
        pane.send(Msg::Away {
            sentence: "the server answered with something that is no nightlatch: check the address".into(),
            next_try: Moment::default(),
            offline: false,
        });
        pane
    });
    at_each_size("kept", |size| {
        let mut pane = Pane::new(options(size));
        pane.send(Msg::Kept { board: board(night()), me: samples::me(), age: Duration::from_secs(200) });
        pane
    });
}

#[test]
fn the_detail_and_the_help() {
    at_each_size("open", |size| {
        let mut pane = Pane::on(size, night());
        pane.press("j");
        pane.press("enter");
        pane.answer_reads();
        pane
    });
    at_each_size("help", |size| {
        let mut pane = Pane::on(size, night());
        pane.press("?");
        pane
    });
}

#[test]
fn the_help_is_the_table_of_keys() {
    let keys = [("approve".to_owned(), vec!["f2".to_owned()])];
    let mut pane = Pane::new(Options { keys: keys.into(), ..options((100, 90)) });
    pane.press("?");
    for entry in keys::TABLE {
        let all = pane.model.keys.all(entry.action);
        let line = format!("   {all:<16}{}", entry.words);
        assert!(pane.screen().lines().any(|shown| shown == line.trim_end()), "{line}\n{}", pane.screen());
    }
    for (all, words) in keys::IN_DIALOG {
        pane.says(all);
        pane.says(words);
    }
    pane.says("f2");
}

#[test]
fn bad_settings_are_said_and_the_dashboard_opens() {
    let keys = [("fly".to_owned(), vec!["f".to_owned()])];
    let theme = Some("plaid".to_owned());
    let pane = Pane::new(Options { keys: keys.into(), theme, ..options((200, 60)) });
    pane.says("there is no action \"fly\"");
    pane.says("there is no \"plaid\"; there are dark, light, mono");
}

fn dialog(key: &'static str, row: i64, change: impl Fn(RequestView) -> RequestView) -> impl Fn((u16, u16)) -> Pane {
    move |size| {
        let mut rows = night();
        rows.push(overdue());
        rows.push(extension(&active(299, "eli", "search-index", "read", 4000, 840)));
        let mut pane = Pane::on(size, rows);
        let heights = pane.model.plan().heights();
        let now = pane.model.server_now();
        pane.model.board.point(row, heights, now, false);
        pane.draw();
        pane.press(key);
        if let Some(view) = pane.model.known(row) {
            pane.send(Msg::Request { id: row, outcome: Ok(Box::new(change((*view).clone()))) });
        }
        pane.pass(400);
        pane
    }
}

#[test]
fn each_dialog() {
    at_each_size("approve", dialog("a", 317, with_may));
    at_each_size("approve_high_risk", dialog("a", 320, |view| with(view, "approve", "number+words", None)));
    at_each_size("approve_refused", dialog("a", 317, |view| with(view, "approve", "number", Some("you asked for it"))));
    at_each_size("approve_extension", dialog("a", 299, with_may));
    at_each_size("deny", dialog("d", 317, with_may));
    at_each_size("send_back", dialog("b", 320, with_may));
    at_each_size("revoke", dialog("X", 303, with_may));
    at_each_size("retry", dialog("R", 431, with_may));
    at_each_size("hand_over", dialog("H", 431, with_may));
    at_each_size("note", dialog("i", 317, with_may));
}

/// Everything that an ordinary dialog has to say is on an ordinary screen, so that the digits count at once.
#[test]
fn an_ordinary_dialog_needs_no_scrolling() {
    let checks: Vec<_> = ["task", "end", "approver", "record", "overlap", "role"]
        .map(|code| {
            json!({"code": code, "verdict": if code == "role" { "warn" } else { "pass" },
            "sentence": "a sentence of some length, so that it takes a line, and then a little more of it"})
        })
        .into();
    let ordinary = |view: RequestView| samples::changed(&with_may(view), false, json!({"checks": checks}));
    for (key, row) in [("a", 317), ("a", 299), ("d", 299), ("b", 299), ("b", 320), ("X", 303), ("i", 317)] {
        let pane = dialog(key, row, ordinary)((80, 24));
        let Some(open) = &pane.model.dialog else { panic!("{key} {row}: {}", pane.screen()) };
        let (total, height) = view::dialog::measure(&pane.model);
        assert!(total <= height && open.read_to >= total, "{key} {row}: {}", pane.screen());
        assert!(!pane.screen().contains("pgdn"), "{key} {row}: {}", pane.screen());
    }
}

#[test]
fn a_long_dialog_says_what_comes_first() {
    let long =
        |view: RequestView| samples::changed(&with_may(view), false, json!({"task": "one more word ".repeat(90)}));
    let mut pane = dialog("a", 317, long)((80, 24));
    pane.says("pgdn: more below, then the digits");
    for _ in 0..3 {
        pane.press("pgdn");
    }
    assert!(!pane.screen().contains("pgdn: more"), "{}", pane.screen());
    let mut pane = dialog("b", 320, with_may)((80, 24));
    pane.says("tab: codes, other verdicts   esc leaves");
    pane.press("tab");
    pane.says("left right: choose, space: mark   enter: to the words");
}

#[test]
fn a_dialog_whose_request_changed() {
    at_each_size("approve_changed", |size| {
        let mut pane = dialog("a", 317, with_may)(size);
        let view = samples::changed(
            &night()[1],
            true,
            json!({"asked_for_seconds": 7200, "revisions": [{"seq": 3171, "at": samples::at(1), "by": "bo",
                "changes": ["the length moved from 1h 30m to 2h"]}]}),
        );
        pane.merge(samples::change(vec![view], 1));
        pane.answer_reads();
        pane.pass(400);
        pane
    });
    at_each_size("approve_decided_elsewhere", |size| {
        let mut pane = dialog("a", 317, with_may)(size);
        let view = decided(&night()[1], "sent-back", "sent-back", "li");
        pane.merge(samples::change(vec![view], 1));
        pane
    });
    at_each_size("claimed_by_another", |size| {
        let mut rows = night();
        rows[1].claim = serde_json::from_value(json!({"by": person("li"), "until": samples::at(90)})).unwrap();
        let mut pane = Pane::on(size, rows);
        pane.press("j");
        pane.open("a");
        pane
    });
}

#[test]
fn small_panes() {
    for (name, size) in [("mini_59x14", (59, 14)), ("mini_30x6", (30, 6))] {
        let mut rows = night();
        rows.push(overdue());
        let mut settings = insta::Settings::clone_current();
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.set_snapshot_path("screens");
        settings.bind(|| insta::assert_snapshot!(name, Pane::on(size, rows).screen()));
    }
}

fn gone() -> Refused {
    Refused { code: String::new(), sentence: "orders.example cannot be reached".into(), hint: "see the network".into() }
}

/// A view whose list could not be read.
fn unread(size: (u16, u16), key: &str) -> Pane {
    let mut pane = Pane::on(size, Vec::new());
    pane.press(key);
    let (ask, _) = views::asked(&pane).pop().unwrap();
    pane.send(Msg::Listed { ask, outcome: Err(gone()) });
    pane
}

#[test]
fn mine() {
    at_each_size("mine", views::mine);
    at_each_size("mine_empty", |size| {
        let mut pane = Pane::on(size, night());
        pane.press("2");
        views::answer(&mut pane, views::page(Vec::new(), None));
        pane
    });
    at_each_size("mine_error", |size| unread(size, "2"));
    at_each_size("mine_open", |size| {
        let mut pane = views::mine(size);
        pane.press("enter");
        pane.answer_reads();
        pane
    });
    at_each_size("mine_overdue", |size| {
        let late = samples::changed(&overdue(), false, json!({"user": person("sam"), "requester": person("sam")}));
        let mut pane = Pane::on(size, vec![late]);
        pane.press("2");
        views::answer(&mut pane, views::page(Vec::new(), None));
        pane
    });
    for (name, key) in [("extend", "e"), ("hand_back", "x")] {
        at_each_size(name, |size| {
            let mut pane = views::mine(size);
            pane.effects.clear();
            pane.open(key);
            pane
        });
    }
}

#[test]
fn history() {
    at_each_size("history", views::history);
    at_each_size("history_empty", |size| {
        let mut pane = Pane::on(size, Vec::new());
        pane.press("4");
        views::answer(&mut pane, views::page(Vec::new(), None));
        pane
    });
    at_each_size("history_error", |size| unread(size, "4"));
    at_each_size("history_open", |size| {
        let mut pane = views::history(size);
        for _ in 0..6 {
            pane.press("j");
        }
        pane.press("enter");
        let read = with_may(views::old(std::iter::once(299)).remove(0));
        pane.send(Msg::Request { id: 299, outcome: Ok(Box::new(read)) });
        pane.send(Msg::Events { id: 299, after: 0, outcome: Ok(views::events()) });
        pane
    });
}

#[test]
fn the_form() {
    let written = |size: (u16, u16), failing: bool| {
        let mut pane = Pane::on(size, night());
        pane.press("n");
        for (text, key) in [
            ("ord", "enter"),
            ("w", "enter"),
            ("Check which lock blocks checkout; done when orders commit again", "enter"),
            ("30m", "enter"),
        ] {
            pane.type_text(text);
            pane.press(key);
        }
        views::checked(&mut pane, failing);
        pane
    };
    at_each_size("form_empty", |size| {
        let mut pane = Pane::on(size, night());
        pane.press("n");
        pane
    });
    at_each_size("form_role", |size| {
        let mut pane = Pane::on(size, night());
        pane.press("n");
        pane.type_text("ord");
        pane.press("enter");
        pane.press("down");
        pane
    });
    at_each_size("form_full", |size| written(size, false));
    at_each_size("form_failing", |size| {
        let mut pane = written(size, true);
        pane.press("enter");
        pane.type_text("the house burns");
        pane
    });
    at_each_size("form_error", |size| {
        let mut pane = written(size, false);
        pane.press("enter");
        let act = views::filed(&pane)[0].0;
        let no = Refused {
            code: "ticket".into(),
            sentence: "the ticket is not like ^INC-[0-9]+$".into(),
            hint: "name one".into(),
        };
        pane.send(Msg::Filed { act, outcome: Err(no) });
        pane
    });
}

#[test]
fn the_filter_and_the_commands() {
    at_each_size("filter", |size| {
        let mut pane = Pane::on(size, night());
        pane.press("/");
        pane.type_text("who:bo \"lock");
        pane
    });
    at_each_size("filtered", |size| {
        let mut pane = Pane::on(size, night());
        pane.press("/");
        pane.type_text("who:bo");
        pane.press("enter");
        pane
    });
    at_each_size("commands", |size| {
        let mut pane = Pane::on(size, night());
        pane.press(":");
        pane.type_text("re");
        pane
    });
}

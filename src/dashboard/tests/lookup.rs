//! Finding things: the history, the filter, the commands.

use super::super::views::View;
use super::samples::{change, changed, night, overdue, pending};
use super::views::{answer, asked, events, history, old, page, typed};
use super::*;
use crate::wire::{EventView, EventsView, ListQuery};
use serde_json::json;

#[test]
fn the_history_reads_on_as_one_goes_down() {
    let mut pane = Pane::on((80, 24), night());
    pane.press("4");
    assert_eq!(asked(&pane)[0].1, ListQuery { limit: Some(100), ..ListQuery::default() });
    answer(&mut pane, page(old((200..300).rev()), Some(200)));
    assert_eq!(asked(&pane), []);
    assert_eq!(pane.model.cursor(), Some(299));
    for _ in 0..4 {
        pane.press("pgdn");
    }
    assert_eq!(asked(&pane), [], "there is more than a screen left");
    pane.press("G");
    assert_eq!(asked(&pane)[0].1.before, Some(200));
    let (line, cursor) = (pane.model.history.roll.pane.line(), pane.model.cursor());
    answer(&mut pane, page(old((150..200).rev()), None));
    assert_eq!((pane.model.history.roll.pane.line(), pane.model.cursor()), (line, cursor), "nothing moved");
    pane.says("150 found, that is all");
    pane.press("G");
    assert_eq!(pane.model.cursor(), Some(150));
    assert_eq!(asked(&pane), []);
    // What is filed meanwhile is counted, and let in when it is asked for.
    pane.merge(change(vec![pending(400, "bo", "orders-db", "read", 0, "A new one; done when it is")], 2));
    pane.says("1 new arrived while you were here: press .");
    assert_eq!(pane.model.cursor(), Some(150));
    pane.press(".");
    pane.press("g");
    assert_eq!(pane.model.cursor(), Some(400));
}

#[test]
fn the_history_is_searched_by_fields_and_words() {
    let mut pane = history((80, 24));
    pane.press("/");
    typed(&mut pane, "who:bo queue drain");
    assert_eq!(asked(&pane), [], "somebody still types");
    pane.pass(400);
    let query = asked(&pane).pop().unwrap();
    assert_eq!((query.1.person.as_deref(), query.1.search.as_deref()), (Some("bo"), Some("queue drain")));
    let late = query.0;
    typed(&mut pane, "s");
    pane.press("enter");
    answer(&mut pane, page(old(std::iter::once(211)), None));
    pane.says("1 found, that is all");
    pane.says("who:bo queue drains");
    pane.send(Msg::Listed { ask: late, outcome: Ok(page(old(220..230), None)) });
    pane.says("1 found, that is all");
    // A fault is said at the field, and nothing is lost.
    pane.press("/");
    typed(&mut pane, " \"open");
    pane.says("a quote is open: close it with \"");
    pane.press("enter");
    assert!(pane.model.line.is_some());
    pane.says("queue drains \"open");
    pane.press("esc");
    pane.says("who:bo queue drains");
    assert!(!pane.screen().contains("\"open"));
    // A refusal of the host is said, too.
    pane.press("r");
    let (ask, _) = asked(&pane).pop().unwrap();
    let no = Refused { code: "malformed".into(), sentence: "person is no name".into(), hint: "see systems".into() };
    pane.send(Msg::Listed { ask, outcome: Err(no) });
    pane.says("person is no name; see systems");
    pane.press("esc");
    pane.says("everything is shown again");
}

#[test]
fn a_number_finds_its_request() {
    let mut pane = history((80, 24));
    pane.press("/");
    typed(&mut pane, "NL-205");
    pane.press("enter");
    let (_, query) = asked(&pane).pop().unwrap();
    assert_eq!((query.before, query.limit, query.search), (Some(206), Some(1), None));
    answer(&mut pane, page(old(std::iter::once(204)), Some(204)));
    pane.says("no request fits the filter");
    assert_eq!(asked(&pane), []);
}

#[test]
fn a_long_record_is_read_piece_by_piece_and_only_its_end_is_kept() {
    let mut pane = history((120, 40));
    for _ in 0..6 {
        pane.press("j");
    }
    let asked = |effects: &[Effect]| -> Vec<i64> {
        let after = |effect: &Effect| match effect {
            Effect::ReadEvents { id: 299, after } => Some(*after),
            _ => None,
        };
        effects.iter().filter_map(after).collect()
    };
    assert_eq!(asked(&pane.press("enter")), [0]);
    let read = samples::with_may(old(std::iter::once(299)).remove(0));
    pane.send(Msg::Request { id: 299, outcome: Ok(Box::new(read)) });
    let piece = |from: i64, count: i64| {
        let mut all = events();
        let first = all.events.remove(0);
        all.events = (from..from + count).map(|seq| EventView { seq, ..first.clone() }).collect();
        all
    };
    // Whole pieces are followed by the next one, the last is not.
    for after in (0..1_200).step_by(200) {
        let more = pane.send(Msg::Events { id: 299, after, outcome: Ok(piece(after + 1, 200)) });
        assert_eq!(asked(&more), [after + 200]);
    }
    assert_eq!(asked(&pane.send(Msg::Events { id: 299, after: 1_200, outcome: Ok(piece(1_201, 5)) })), [0; 0]);
    // The same piece twice is the same piece.
    pane.send(Msg::Events { id: 299, after: 1_200, outcome: Ok(piece(1_201, 5)) });
    let detail = pane.model.detail.clone().unwrap();
    assert_eq!((detail.events.len(), detail.earlier, detail.known()), (1_000, 205, 1_205));
    pane.press("G");
    pane.says("#1205");
    pane.press("g");
    let (words, mut pages) = ("the first 205 are not here", 0);
    while !pane.screen().contains(words) {
        pages += 1;
        assert!(pages < 5, "{}", pane.screen());
        pane.press("pgdn");
    }
    // Nothing after a whole page is the end, and is not asked about again.
    let none = EventsView { events: Vec::new(), next_after: 1_205 };
    assert_eq!(asked(&pane.send(Msg::Events { id: 299, after: 1_205, outcome: Ok(none) })), [0; 0]);
    assert_eq!(pane.model.detail.as_ref().map(|detail| detail.events.len()), Some(1_000));
    pane.send(Msg::Events { id: 299, after: 0, outcome: Ok(piece(1, 3)) });
    assert_eq!(pane.model.detail.as_ref().map(|detail| detail.events.len()), Some(3));
}

#[test]
fn the_record_is_shown_and_copied_whole() {
    let mut pane = history((120, 40));
    for _ in 0..6 {
        pane.press("j");
    }
    assert_eq!(pane.model.cursor(), Some(299));
    pane.press("enter");
    let read = samples::with_may(old(std::iter::once(299)).remove(0));
    pane.send(Msg::Request { id: 299, outcome: Ok(Box::new(read)) });
    pane.press("C");
    pane.says("what is known is copied: open it for every event");
    pane.send(Msg::Events { id: 299, after: 0, outcome: Ok(events()) });
    pane.press("C");
    pane.says("the whole record is copied");
    let Some(Effect::Copy(text)) = pane.effects.iter().rev().find(|effect| matches!(effect, Effect::Copy(_))) else {
        panic!("nothing was copied")
    };
    for part in [
        "NL-299 removed",
        "#1 2026-11-22 01:07:21 CET filed by bo (token)",
        "    task: Check the lock",
        "observed evidence: the role is there",
        "link 000000000000",
        "policy ab12cd34ef56",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    let screen = pane.screen();
    assert!(screen.contains("#3960") || screen.contains("lines, pgdn pgup"), "{screen}");
}

#[test]
fn a_filter_shows_what_fits_and_never_hides_what_is_overdue() {
    let mut rows = night();
    rows.push(overdue());
    let mut pane = Pane::on((80, 24), rows);
    pane.press("/");
    typed(&mut pane, "who:bo");
    let shown: Vec<i64> = [super::super::rows::Side::Waiting, super::super::rows::Side::Live]
        .into_iter()
        .flat_map(|side| pane.model.board.pane(side).ids().collect::<Vec<_>>())
        .collect();
    assert_eq!(shown, [317, 303]);
    pane.press("enter");
    pane.says("/who:bo · 5 hidden");
    pane.says("1 OVERDUE REMOVAL NL-431");
    pane.says("Board 3·4·1");
    assert_eq!(pane.model.cursor(), Some(317));
    pane.open("a");
    pane.says("APPROVE NL-317");
    pane.press("esc");
    pane.press("!");
    assert_eq!(pane.model.cursor(), Some(431));
    pane.says("everything is shown again");
    // What ends soon comes by itself, when rows may move.
    pane.press("/");
    typed(&mut pane, "ends<15m status:active");
    pane.press("enter");
    assert_eq!(pane.model.board.pane(super::super::rows::Side::Live).ids().collect::<Vec<_>>(), [300]);
    pane.pass(140_000);
    assert_eq!(pane.model.board.pane(super::super::rows::Side::Live).ids().collect::<Vec<_>>(), [300, 301]);
    pane.press("esc");
    assert!(pane.model.filter().is_empty());
}

#[test]
fn commands_are_found_by_a_few_letters_and_say_why_not() {
    let mut pane = Pane::on((80, 24), night());
    pane.press("j");
    pane.press(":");
    pane.says("approve: the last three digits");
    pane.says("(NL-317 is pending: only active access has");
    typed(&mut pane, "sb");
    pane.press("backspace");
    pane.press("backspace");
    typed(&mut pane, "send");
    // The row moves on while the command is typed: the dialog is about what was seen.
    pane.merge(change(vec![changed(&night()[1], true, json!({"task": "Something else entirely"}))], 1));
    pane.press("enter");
    assert_eq!(pane.model.dialog.as_ref().map(|dialog| (dialog.id, dialog.version)), Some((317, 3170)));
    pane.says("SEND BACK NL-317");
    pane.answer_reads();
    pane.says("CHANGED since you saw it");
    pane.press("esc");
    pane.press(":");
    typed(&mut pane, "hist");
    pane.press("enter");
    assert_eq!(pane.model.view, View::History);
    pane.press(":");
    typed(&mut pane, "revo");
    pane.press("enter");
    assert!(pane.model.dialog.is_none());
    pane.model.options.filters =
        [("late night".into(), "system:edge* ends<2h".into()), ("odd".into(), "who:\"".into())].into();
    pane.press("1");
    pane.press(":");
    typed(&mut pane, "late");
    pane.says("late night");
    pane.press("enter");
    assert_eq!(pane.model.filter().text(), "system:edge* ends<2h");
    pane.press(":");
    typed(&mut pane, "odd");
    pane.press("enter");
    pane.says("a quote is open");
    pane.press("esc");
    assert_eq!(pane.model.filter().text(), "system:edge* ends<2h");
    pane.press(":");
    typed(&mut pane, "qqqq");
    pane.says("no command is like this");
    pane.press("enter");
    pane.press("esc");
    assert_eq!(pane.acts(), []);
}

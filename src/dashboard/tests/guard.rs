//! Every guard between a tired hand and a decision.

use super::samples::{
    self, active, board, change, changed, decided, extension, night, options, pending, with, with_may,
};
use super::*;
use serde_json::json;

fn pane() -> Pane {
    let mut pane = Pane::on((80, 24), night());
    pane.press("j");
    pane
}

fn acted(pane: &mut Pane, outcome: Result<RequestView, Refused>) {
    let sent = pane.effects.iter().rev().find_map(|effect| match effect {
        Effect::Act { act, id, verb, .. } if *verb != "claim" => Some((*act, *id)),
        _ => None,
    });
    let (act, id) = sent.unwrap();
    pane.send(Msg::Acted { act, id, outcome: outcome.map(Box::new) });
}

#[test]
fn three_digits_and_enter_approve_what_was_on_the_screen() {
    let mut pane = pane();
    pane.open("a");
    pane.says("APPROVE NL-317");
    pane.type_text("317");
    assert_eq!(pane.acts(), []);
    pane.press("enter");
    assert_eq!(pane.acts(), [(317, "approve", json!({"as_of": 3170, "unseen": false, "window": {}}))]);
    // A second Enter while it is on its way sends nothing.
    pane.press("enter");
    assert_eq!(pane.acts().len(), 1);
    pane.says("sending");
    acted(&mut pane, Ok(decided(&night()[1], "approved", "granting", "sam")));
    assert!(pane.model.dialog.is_none());
    pane.says("NL-317 approved · u takes it back within 60 s");
    pane.press("u");
    pane.says("TAKE BACK THE VERDICT ON NL-317");
    pane.answer_reads();
    pane.pass(400);
    pane.press("enter");
    assert_eq!(pane.acts()[1], (317, "undo", json!({})));
}

#[test]
fn anything_but_the_digits_sends_nothing_and_says_so() {
    let mut pane = pane();
    pane.open("a");
    for (typed, said) in [("", "type 317, then Enter"), ("318", "\"318\" is not 317"), ("x", "\"318x\" is not 317")] {
        pane.type_text(typed);
        pane.press("enter");
        pane.says(said);
    }
    assert_eq!(pane.acts(), []);
    pane.press("esc");
    assert!(pane.model.dialog.is_none());
    assert!(pane.effects.contains(&Effect::Release(317)));
}

#[test]
fn opening_claims_and_reads_again_and_nothing_is_typed_before_the_answer() {
    let mut pane = pane();
    let effects = pane.press("a");
    assert!(effects.contains(&Effect::Read(317)));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Act { id: 317, verb: "claim", .. })));
    pane.pass(400);
    pane.type_text("317");
    pane.press("enter");
    pane.says("it is being read again");
    assert_eq!(pane.acts(), []);
    // A host that cannot answer leaves it so.
    let refused = Refused { code: "store-away".into(), sentence: "the store is away".into(), hint: "wait".into() };
    pane.send(Msg::Request { id: 317, outcome: Err(refused) });
    pane.says("the store is away");
    pane.type_text("317");
    pane.press("enter");
    assert_eq!(pane.acts(), []);
}

#[test]
fn keys_are_ignored_until_the_dialog_settled_and_are_seen_to_be() {
    let mut pane = pane();
    pane.press("a");
    pane.answer_reads();
    for key in ["3", "1", "7", "enter", "tab", "a"] {
        pane.pass(50);
        pane.press(key);
    }
    assert!(pane.model.dialog.as_ref().unwrap().flash_until > pane.now);
    pane.pass(400);
    pane.press("enter");
    assert_eq!(pane.acts(), []);
    pane.says("type 317, then Enter");
    // The focus returns: what was typed meanwhile was meant for something else.
    pane.type_text("317");
    pane.send(Msg::Focus(true));
    pane.press("enter");
    assert_eq!(pane.acts(), []);
    pane.pass(349);
    pane.press("enter");
    assert_eq!(pane.acts(), []);
    pane.pass(1);
    pane.press("enter");
    assert_eq!(pane.acts().len(), 1);
}

#[test]
fn only_presses_count_and_a_paste_never_acts() {
    let mut pane = pane();
    pane.open("a");
    for kind in [KeyEventKind::Repeat, KeyEventKind::Release] {
        for key in ["3", "1", "7", "enter"] {
            pane.send(Msg::Key(event(key, kind)));
        }
    }
    assert_eq!(pane.model.dialog.as_ref().unwrap().fields[0].typed(), "");
    pane.send(Msg::Paste("317\r\n".into()));
    pane.says("a paste is not taken here");
    pane.press("enter");
    assert_eq!(pane.acts(), []);
    // In a list a paste is nothing, whatever it says.
    pane.press("esc");
    pane.send(Msg::Paste("a317\r".into()));
    assert!(pane.model.dialog.is_none());
    // Words may be pasted; they are one line, and are not sent by it.
    pane.open("d");
    pane.send(Msg::Paste("no\r\nway \u{1b}[2J".into()));
    assert_eq!(pane.model.dialog.as_ref().unwrap().fields[0].typed(), "no way ␛[2J");
    assert_eq!(pane.acts(), []);
}

#[test]
fn a_material_change_is_shown_and_disarms() {
    let mut pane = pane();
    pane.open("a");
    pane.type_text("317");
    let newer = changed(
        &night()[1],
        true,
        json!({"asked_for_seconds": 7200, "revisions": [{"seq": 3171,
        "at": samples::at(1), "by": "bo", "changes": ["the length moved from 1h 30m to 2h"]}]}),
    );
    pane.effects.clear();
    pane.merge(change(vec![newer.clone()], 1));
    assert!(pane.effects.contains(&Effect::Read(317)));
    pane.press("enter");
    assert_eq!(pane.acts(), []);
    pane.send(Msg::Request { id: 317, outcome: Ok(Box::new(with_may(newer))) });
    pane.says("the length moved from 1h 30m to 2h");
    pane.press("enter");
    pane.pass(400);
    pane.press("enter");
    assert_eq!(pane.acts(), []);
    pane.type_text("317");
    pane.press("enter");
    assert_eq!(pane.acts(), [(317, "approve", json!({"as_of": 3171, "unseen": false, "window": {}}))]);
}

#[test]
fn a_change_that_is_not_material_disturbs_nobody() {
    let mut pane = pane();
    pane.open("a");
    pane.type_text("31");
    pane.merge(change(vec![changed(&night()[1], false, json!({}))], 1));
    pane.pass(1000);
    pane.type_text("7");
    pane.press("enter");
    assert_eq!(pane.acts()[0].2["as_of"], 3170);
}

#[test]
fn decided_by_somebody_else_is_information() {
    let mut pane = pane();
    pane.open("a");
    pane.type_text("317");
    pane.merge(change(vec![decided(&night()[1], "sent-back", "sent-back", "li")], 0));
    pane.says("already sent back by Li Wei, 6 s ago");
    pane.press("enter");
    pane.answer_reads();
    pane.pass(400);
    pane.type_text("317");
    pane.press("enter");
    assert_eq!(pane.acts(), []);
    pane.press("esc");
    pane.says("sent back by li");
}

#[test]
fn high_risk_wants_words_too_and_the_host_says_what_it_is() {
    let mut pane = pane();
    pane.press("a");
    let view = with(night()[1].clone(), "approve", "number+words", None);
    pane.send(Msg::Request { id: 317, outcome: Ok(Box::new(view)) });
    pane.pass(400);
    pane.type_text("317");
    pane.press("enter");
    pane.says("Why wants a line of words");
    assert_eq!(pane.acts(), []);
    pane.type_text("li asked for it");
    pane.press("enter");
    assert_eq!(pane.acts()[0].2["words"], "li asked for it");
    // A refusal disarms, with its reason.
    let mut pane = self::pane();
    pane.press("a");
    let view = with(night()[1].clone(), "approve", "number", Some("you asked for it"));
    pane.send(Msg::Request { id: 317, outcome: Ok(Box::new(view)) });
    pane.pass(400);
    pane.says("you asked for it; somebody else decides");
    pane.type_text("317");
    pane.press("enter");
    assert_eq!(pane.acts(), []);
}

#[test]
fn words_for_the_others_and_codes_for_a_send_back() {
    for (key, verb) in [("d", "deny"), ("b", "send-back")] {
        let mut pane = Pane::on((80, 24), night());
        pane.press("j");
        pane.press("j");
        pane.open(key);
        pane.press("enter");
        pane.says("wants a line of words");
        assert_eq!(pane.acts(), []);
        pane.type_text("q?a/ no");
        pane.press("enter");
        let mut body = json!({"as_of": 3200, "words": "q?a/ no"});
        if key == "b" {
            body["codes"] = json!(["vague-task"]);
        }
        assert_eq!(pane.acts(), [(320, verb, body)]);
    }
    let mut pane = Pane::on((80, 24), night());
    pane.press("tab");
    pane.open("X");
    pane.says("REVOKE NL-300");
    pane.type_text("wrong index");
    pane.press("enter");
    assert_eq!(pane.acts(), [(300, "revoke", json!({"as_of": 3000, "words": "wrong index"}))]);
}

#[test]
fn a_longer_task_is_read_to_its_end_first() {
    let words = "Restart one worker after the other and watch the queue between them. ".repeat(25);
    let mut pane = Pane::on((80, 24), vec![pending(317, "bo", "orders-db", "write", 60, &words)]);
    pane.open("a");
    pane.type_text("317");
    pane.press("enter");
    pane.says("lines are still to be read");
    assert_eq!(pane.acts(), []);
    for _ in 0..6 {
        pane.press("pgdn");
    }
    pane.press("enter");
    pane.type_text("317");
    pane.press("enter");
    assert_eq!(pane.acts().len(), 1);
    // What was read on another screen does not count on this one.
    let mut pane = Pane::on((80, 24), vec![pending(317, "bo", "orders-db", "write", 60, &words)]);
    pane.open("a");
    for _ in 0..6 {
        pane.press("pgdn");
    }
    pane.resize(60, 20);
    pane.type_text("317");
    pane.press("enter");
    assert_eq!(pane.acts(), []);
}

#[test]
fn a_task_that_no_screen_can_show_is_not_approved_here() {
    let words = "x ".repeat(15_000);
    let mut pane = Pane::on((80, 24), vec![pending(317, "bo", "orders-db", "write", 60, &words)]);
    pane.open("a");
    pane.press("pgdn");
    pane.type_text("7");
    pane.press("enter");
    pane.says("more than a screen can show");
    assert_eq!(pane.acts(), []);
}

#[test]
fn the_end_is_shortened_or_shifted_and_the_role_narrowed_never_more() {
    let mut pane = pane();
    pane.open("a");
    pane.press("tab");
    pane.press("up");
    assert!(pane.model.dialog.as_ref().unwrap().flash_until > pane.now, "nothing is lengthened");
    for _ in 0..2 {
        pane.press("down");
    }
    pane.says("1h: 02:14 → 03:14 CET, 01:14–02:14Z  not as asked");
    pane.press("tab");
    pane.press("down");
    pane.says("[read]");
    pane.press("enter");
    assert_eq!(pane.acts(), []);
    pane.type_text("317");
    pane.press("enter");
    let body = json!({"as_of": 3170, "unseen": false, "window": {"for_seconds": 3600}, "role": "read"});
    assert_eq!(pane.acts(), [(317, "approve", body)]);

    let mut pane = self::pane();
    pane.open("a");
    pane.press("tab");
    for _ in 0..20 {
        pane.press("down");
    }
    pane.press("right");
    pane.press("tab");
    pane.press("backtab");
    pane.press("backtab");
    pane.type_text("317");
    pane.press("enter");
    let body = &pane.acts()[0].2;
    assert_eq!(body["window"]["for_seconds"], 900);
    let from = crate::text::Instant::parse_rfc3339(body["window"]["from"].as_str().unwrap()).unwrap();
    assert_eq!(from.since(samples::now()).seconds(), 900);
}

#[test]
fn a_waiting_extension_is_approved_by_its_own_guard_and_never_before_the_old_end() {
    let rows = vec![extension(&active(299, "eli", "search-index", "read", 4000, 840))];
    let mut pane = Pane::on((80, 24), rows);
    pane.open("a");
    pane.says("APPROVE THE EXTENSION OF NL-299");
    pane.press("tab");
    for _ in 0..30 {
        pane.press("down");
    }
    pane.press("backtab");
    pane.type_text("299");
    pane.press("enter");
    let until = pane.acts()[0].2["window"]["until"].as_str().map(|at| crate::text::Instant::parse_rfc3339(at).unwrap());
    let left = until.unwrap().since(samples::now()).seconds();
    assert!(left > 840 && left <= 840 + 900, "{left}");
}

#[test]
fn every_letter_is_text_in_a_dialog_and_tab_walks_on() {
    let mut pane = pane();
    pane.open("d");
    pane.type_text("qadbeXuixwcmRHYyoAL?/:.!jkhlgG1 ");
    assert_eq!(pane.model.dialog.as_ref().unwrap().fields[0].typed(), "qadbeXuixwcmRHYyoAL?/:.!jkhlgG1 ");
    assert_eq!(pane.model.dialog.as_ref().unwrap().id, 317);
    pane.press("tab");
    pane.press("right");
    pane.press("enter");
    pane.says("SEND BACK NL-317");
    // Another verdict is another dialog: it settles and is read again.
    pane.press("x");
    assert_eq!(pane.model.dialog.as_ref().unwrap().fields[0].typed(), "");
    assert_eq!(pane.acts(), []);
    pane.press("ctrl-c");
    assert!(pane.model.dialog.is_none() && !pane.effects.contains(&Effect::Quit));
}

#[test]
fn a_refusal_is_shown_where_it_was_asked_for() {
    let mut pane = pane();
    pane.open("d");
    pane.type_text("too broad");
    pane.press("enter");
    let hint = "read it again (version 3175) and decide on that".to_owned();
    acted(
        &mut pane,
        Err(Refused { code: "changed".into(), sentence: "NL-317 changed since you read it".into(), hint }),
    );
    pane.says("NL-317 changed since you read it; read it again");
    assert_eq!(pane.model.dialog.as_ref().unwrap().fields[0].typed(), "too broad");
    assert_eq!(pane.effects.last(), Some(&Effect::Read(317)));
    pane.press("esc");
    pane.says("refused");
}

#[test]
fn stale_data_approves_nothing_and_offline_sends_nothing() {
    let mut pane = pane();
    pane.open("a");
    pane.type_text("317");
    pane.pass(31_000);
    pane.press("enter");
    pane.says("older than 30 s");
    assert_eq!(pane.acts(), []);
    pane.press("esc");
    pane.open("d");
    pane.type_text("no");
    pane.send(Msg::Away { sentence: "gone".into(), next_try: pane.now, offline: true });
    pane.press("enter");
    pane.says("offline: nothing is sent, and nothing is kept to be sent later");
    assert_eq!(pane.acts(), []);
    // Back again, nothing goes by itself.
    pane.merge(board(night()));
    pane.pass(1000);
    assert_eq!(pane.acts(), []);
}

#[test]
fn an_idle_pane_locks_and_the_first_act_key_only_unlocks() {
    let mut pane = pane();
    pane.open("a");
    pane.pass(300_000);
    assert!(pane.model.locked && pane.model.dialog.is_none());
    assert!(pane.effects.contains(&Effect::Release(317)));
    pane.merge(board(night()));
    pane.press("k");
    assert!(pane.model.locked, "moving is no act");
    pane.press("a");
    pane.says("unlocked");
    assert!(pane.model.dialog.is_none() && !pane.model.locked);
    pane.press("a");
    assert!(pane.model.dialog.is_some());
}

#[test]
fn a_wall_screen_acts_on_nothing() {
    let mut pane = Pane::new(Options { read_only: true, ..options((80, 24)) });
    pane.send(Msg::Board(board(night())));
    for key in ["a", "d", "b", "X", "i", "A", "u", "c", "w"] {
        pane.press(key);
        assert!(pane.model.dialog.is_none(), "{key}");
        pane.says("read-only");
    }
}

#[test]
fn a_key_that_came_before_its_row_was_seen_opens_nothing() {
    let mut pane = Pane::on((80, 24), night());
    // Both keys in one drain: the second is about a row that was on no screen yet.
    let now = pane.now;
    update(&mut pane.model, now, Msg::Key(event("j", KeyEventKind::Press)));
    update(&mut pane.model, now, Msg::Key(event("a", KeyEventKind::Press)));
    assert!(pane.model.dialog.is_none());
    pane.draw();
    pane.says("before the row was on the screen");
    pane.press("a");
    assert_eq!(pane.model.dialog.as_ref().unwrap().id, 317);
}

#[test]
fn marks_are_for_what_can_be_said_to_many_and_each_is_listed() {
    let mut pane = Pane::on((80, 24), night());
    pane.press("v");
    pane.press("j");
    pane.press("v");
    pane.press("a");
    pane.says("nothing is approved in bulk");
    assert!(pane.model.dialog.is_none());
    pane.press("d");
    pane.says("DENY 2 REQUESTS");
    pane.says("NL-312 ana payments-worker restart");
    pane.says("NL-317 bo orders-db write");
    pane.pass(400);
    pane.type_text("not tonight");
    pane.press("enter");
    assert_eq!(
        pane.acts(),
        [
            (312, "deny", json!({"as_of": 3120, "words": "not tonight"})),
            (317, "deny", json!({"as_of": 3170, "words": "not tonight"})),
        ]
    );
    assert!(pane.model.dialog.is_none() && pane.model.marks.is_empty());
    pane.says("sending");
}

#[test]
fn a_walk_shows_each_one_whole_and_stops_at_esc() {
    let mut pane = Pane::on((80, 24), night());
    pane.open("A");
    pane.says("APPROVE NL-312");
    pane.press("ctrl-n");
    pane.answer_reads();
    pane.says("APPROVE NL-317");
    assert!(pane.effects.contains(&Effect::Release(312)));
    // The next one settles like any other.
    pane.type_text("317");
    pane.press("enter");
    assert_eq!(pane.acts(), []);
    pane.pass(400);
    pane.type_text("317");
    pane.press("enter");
    acted(&mut pane, Ok(decided(&night()[1], "approved", "granting", "sam")));
    pane.says("APPROVE NL-320");
    pane.press("esc");
    assert!(pane.model.dialog.is_none() && pane.model.walk.is_none());
}

#[test]
fn a_claim_is_made_again_while_the_dialog_is_open() {
    let mut pane = pane();
    pane.open("a");
    let claims = |pane: &Pane| pane.effects.iter().filter(|e| matches!(e, Effect::Act { verb: "claim", .. })).count();
    assert_eq!(claims(&pane), 1);
    for seconds in 1..=3 {
        pane.pass(25_000);
        pane.merge(change(Vec::new(), seconds * 25));
    }
    assert_eq!(claims(&pane), 1);
    pane.pass(25_000);
    assert_eq!(claims(&pane), 2);
}

#[test]
fn the_words_of_each_act_are_what_its_verb_expects() {
    let mut mine = active(350, "sam", "orders-db", "read", 600, 1200);
    mine.requester = mine.user.clone();
    let late = samples::overdue();
    let rows = || vec![mine.clone(), late.clone(), pending(351, "sam", "orders-db", "read", 60, "Mine")];
    let on = |id: i64, key: &str| {
        let mut pane = Pane::on((120, 40), rows());
        let (heights, now) = (pane.model.plan().heights(), pane.model.server_now());
        assert!(pane.model.board.point(id, heights, now, false));
        pane.draw();
        pane.open(key);
        assert_eq!(pane.model.dialog.as_ref().map(|dialog| dialog.id), Some(id), "{key}\n{}", pane.screen());
        pane
    };
    let mut pane = on(350, "e");
    pane.type_text("half");
    pane.press("enter");
    pane.press("tab");
    pane.press("up");
    pane.press("backtab");
    pane.type_text("other half");
    pane.press("enter");
    let body =
        json!({"as_of": 3500, "window": {"until": "2026-11-22T02:19:00Z"}, "done": "half", "remaining": "other half"});
    assert_eq!(pane.acts(), [(350, "extend", body)]);
    let mut pane = on(350, "x");
    pane.press("tab");
    pane.type_text("counted");
    pane.press("enter");
    assert_eq!(pane.acts(), [(350, "hand-back", json!({"checked": "counted"}))]);
    let mut pane = on(351, "w");
    pane.press("enter");
    assert_eq!(pane.acts(), [(351, "withdraw", json!({}))]);
    let mut pane = on(431, "R");
    pane.press("enter");
    assert_eq!(pane.acts(), [(431, "retry", json!({}))]);
    let mut pane = on(431, "H");
    pane.type_text("li");
    pane.press("enter");
    assert_eq!(pane.acts(), [(431, "hand-over", json!({"to": "li"}))]);
    let mut pane = on(431, "m");
    pane.press("enter");
    assert_eq!(pane.acts(), [(431, "ack", json!({}))]);
    let mut pane = on(431, "i");
    pane.type_text("on it");
    pane.press("enter");
    assert_eq!(pane.acts(), [(431, "note", json!({"words": "on it"}))]);
    let mut pane = on(351, "c");
    pane.press("enter");
    assert_eq!(pane.effects.iter().filter(|e| matches!(e, Effect::Act { verb: "claim", .. })).count(), 1);
    // What is copied is the command, and no dialog is wanted for it.
    let mut pane = on(431, "R");
    pane.press("esc");
    pane.press("Y");
    assert_eq!(pane.effects.last(), Some(&Effect::Copy("REVOKE admin FROM \"nl-7f3a-431-kim\";".into())));
}

#[test]
fn a_link_is_an_address_that_others_can_use_or_the_command() {
    for (address, link) in
        [(Some("https://nl.example/"), "https://nl.example/v1/requests/431"), (None, "nightlatch NL-431")]
    {
        let mut pane = Pane::on((120, 40), vec![samples::overdue()]);
        let (heights, now) = (pane.model.plan().heights(), pane.model.server_now());
        assert!(pane.model.board.point(431, heights, now, false));
        pane.model.options.address = address.map(str::to_owned);
        pane.press("K");
        assert_eq!(pane.effects.last(), Some(&Effect::Copy(link.into())));
        pane.says("NL-431: a link is copied");
    }
}

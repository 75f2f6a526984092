//! Rows never move under the cursor, and what is sent is what was under it.

use super::samples::{active, board, change, changed, decided, night, pending};
use super::*;
use crate::dashboard::rows::Side;
use proptest::prelude::*;
use serde_json::json;

/// The request on the screen line that shows the cursor, as a reader of the screen would say it.
fn under_the_cursor(pane: &Pane) -> Option<i64> {
    let plan = pane.model.plan();
    let side = pane.model.board.focus;
    let list = pane.model.board.pane(side);
    let line = list.line()?;
    assert!((0..i64::from(plan.rows(side))).contains(&line), "the cursor is off the screen");
    let y = plan.pane(side).y + 1 + u16::try_from(line).unwrap();
    let buffer = pane.buffer();
    let text: String = (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect();
    assert!(text.starts_with('>') || text.starts_with('#'), "no cursor on line {y}: {text:?}\n{}", pane.screen());
    // Each person of these tests has one request only, and is named after it.
    let name = text.split([' ', ':']).find_map(|word| word.strip_prefix('p').or(word.strip_prefix("NL-")));
    Some(name.unwrap_or_else(|| panic!("no person in {text:?}")).parse().unwrap())
}

fn row(id: i64, age: i64) -> RequestView {
    pending(id, &format!("p{id}"), &format!("s{}", id % 5), "read", age, "A task that says what and how one will know")
}

#[derive(Debug, Clone)]
enum Step {
    Insert(i64, i64),
    Decide(usize, bool),
    Resort(usize, i64),
    Gone(usize),
    Full,
    Pass(u64),
    Key(&'static str),
    Resize(u16, u16),
}

fn step() -> impl Strategy<Value = Step> {
    let moves = prop::sample::select(vec![
        "j", "k", "j", "k", "tab", "g", "G", "pgdn", "pgup", ".", "s", "v", "enter", "esc", "p", "z",
    ]);
    prop_oneof![
        3 => (400..430_i64, 0..1700_i64).prop_map(|(id, age)| Step::Insert(id, age)),
        2 => (any::<usize>(), any::<bool>()).prop_map(|(at, approve)| Step::Decide(at, approve)),
        2 => (any::<usize>(), 0..1700_i64).prop_map(|(at, age)| Step::Resort(at, age)),
        1 => any::<usize>().prop_map(Step::Gone),
        1 => Just(Step::Full),
        2 => (1..12_000_u64).prop_map(Step::Pass),
        5 => moves.prop_map(Step::Key),
        1 => (60..220_u16, 15..60_u16).prop_map(|(w, h)| Step::Resize(w, h)),
    ]
}

/// The host: what it would answer now.
#[derive(Default)]
struct Host {
    rows: std::collections::BTreeMap<i64, RequestView>,
    seq: i64,
}

impl Host {
    fn pick(&self, at: usize) -> Option<RequestView> {
        self.rows.values().nth(at % self.rows.len().max(1)).cloned()
    }
    fn put(&mut self, mut view: RequestView, pane: &mut Pane) {
        self.seq += 1;
        (view.seq, view.version) = (view.id * 1000 + self.seq, view.id * 1000 + self.seq);
        self.rows.insert(view.id, view.clone());
        pane.merge(change(vec![view], seconds(pane)));
    }
}

fn seconds(pane: &Pane) -> i64 {
    i64::try_from(pane.now.0.as_secs()).unwrap()
}

fn play(pane: &mut Pane, host: &mut Host, step: &Step) {
    match step {
        Step::Insert(id, age) => host.put(row(*id, *age), pane),
        Step::Decide(at, approve) => {
            let Some(view) = host.pick(*at) else { return };
            let view = if *approve {
                let given = active(view.id, &view.user.id, &view.system, "read", 10, 2000);
                changed(&given, true, json!({}))
            } else {
                decided(&view, "denied", "denied", "li")
            };
            host.put(view, pane);
        }
        Step::Resort(at, age) => {
            let Some(view) = host.pick(*at) else { return };
            host.put(changed(&view, true, json!({"filed_at": samples::at(-age)})), pane);
        }
        Step::Gone(at) => {
            let Some(view) = host.pick(*at) else { return };
            host.rows.remove(&view.id);
            let mut gone = change(Vec::new(), seconds(pane));
            gone.gone = vec![view.id];
            pane.merge(gone);
        }
        Step::Full => {
            let mut all = board(host.rows.values().cloned().collect());
            all.server_now = change(Vec::new(), seconds(pane)).server_now;
            pane.merge(all);
        }
        Step::Pass(millis) => {
            pane.pass(*millis);
        }
        Step::Key(key) => {
            pane.press(key);
        }
        Step::Resize(columns, rows) => pane.resize(*columns, *rows),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn what_is_sent_is_what_was_under_the_cursor(
        first in prop::collection::vec((400..430_i64, 0..1700_i64), 0..12),
        steps in prop::collection::vec(step(), 1..40),
        between in prop::collection::vec(step(), 0..4),
    ) {
        let mut host = Host::default();
        let mut pane = Pane::on((80, 24), Vec::new());
        for (id, age) in first {
            host.put(row(id, age), &mut pane);
        }
        for step in &steps {
            let before = (pane.model.board.focus, pane.model.board.cursor(), under_if_list(&pane));
            let line = pane.model.board.pane(before.0).line();
            let moved = pane.model.board.pane(before.0).moved;
            play(&mut pane, &mut host, step);
            let by_host = matches!(step, Step::Insert(..) | Step::Decide(..) | Step::Resort(..) | Step::Gone(_) | Step::Full | Step::Pass(_));
            if by_host && before.1.is_some() {
                // Nothing but a key changes what is under the cursor, or the line on which it is; only while nobody moved it
                // off the first row, and nobody works, the pane shows its first rows.
                let list = pane.model.board.pane(before.0);
                prop_assert_eq!(pane.model.board.cursor(), before.1);
                if moved || pane.model.is_frozen() {
                    prop_assert_eq!(list.line(), line, "{:?}", step);
                } else if !pane.model.in_detail {
                    let last = i64::from(pane.model.plan().rows(before.0)) - 1;
                    prop_assert!(list.top == 0 || list.line() == Some(last), "{:?}: top {}", step, list.top);
                }
            }
            if let Some(id) = under_if_list(&pane) {
                prop_assert_eq!(Some(id), pane.model.board.cursor());
            }
        }
        while pane.model.in_detail || pane.model.zoomed {
            pane.press("esc");
        }
        pane.model.marks.clear();
        pane.draw();
        let Some(shown) = under_if_list(&pane) else { return Ok(()) };
        pane.press("d");
        let Some(dialog) = pane.model.dialog.as_ref().map(|dialog| dialog.id) else { return Ok(()) };
        prop_assert_eq!(dialog, shown);
        // Whatever happens behind it, the dialog stays about what it was opened on.
        for step in between.iter().filter(|step| !matches!(step, Step::Key(_))) {
            play(&mut pane, &mut host, step);
        }
        pane.merge(change(Vec::new(), seconds(&pane)));
        pane.answer_reads();
        pane.pass(400);
        pane.type_text("because");
        for _ in 0..4 {
            pane.press("pgdn");
        }
        pane.type_text("because");
        pane.press("enter");
        for (id, ..) in pane.acts() {
            prop_assert_eq!(id, shown);
        }
    }
}

fn under_if_list(pane: &Pane) -> Option<i64> {
    let narrow = pane.model.plan().pane(pane.model.board.focus).height < 3;
    if pane.model.in_detail || pane.model.dialog.is_some() || narrow { None } else { under_the_cursor(pane) }
}

#[test]
fn new_rows_wait_in_a_counted_banner_while_somebody_works() {
    let mut pane = Pane::on((80, 24), night());
    pane.press("j");
    let older = pending(290, "dee", "search-index", "restart", 700, "An old one that would go first");
    pane.merge(change(vec![older], 1));
    pane.says("1 new arrived while you were here: press .");
    assert!(!pane.screen().contains("dee      search-index    restart   1h30m"));
    assert_eq!(pane.model.board.counts().0, 4, "the counts tell the truth at once");
    pane.press(".");
    pane.says("dee      search-index");
    assert_eq!(pane.model.board.cursor(), Some(317));
    // Ten calm seconds let the next ones in by themselves.
    pane.merge(change(vec![pending(291, "eli", "search-index", "restart", 800, "Another")], 2));
    pane.says("1 new arrived");
    let wake = pane.wake.unwrap();
    assert!(wake <= Moment(Duration::from_secs(10)));
    pane.pass(10_001);
    assert!(!pane.screen().contains("new arrived"));
    assert_eq!(pane.model.board.cursor(), Some(317));
}

#[test]
fn a_row_decided_elsewhere_is_a_tombstone_until_the_cursor_leaves() {
    let mut pane = Pane::on((80, 24), night());
    pane.press("j");
    pane.pass(11_000);
    pane.merge(change(vec![decided(&night()[1], "approved", "granting", "li")], 11));
    // When it was decided, not when it was seen here.
    pane.says("NL-317 bo orders-db write: approved by li at 02:13:54 CET");
    assert_eq!(pane.model.board.cursor(), Some(317));
    pane.press("a");
    pane.says("does not wait for a verdict");
    pane.pass(11_000);
    pane.says("approved by li");
    pane.press("k");
    pane.pass(11_000);
    assert!(!pane.screen().contains("approved by li"));
    assert_eq!(pane.model.board.cursor(), Some(312));
}

#[test]
fn the_cursor_stays_on_its_line_when_rows_come_and_go_above() {
    let mut pane = Pane::on((80, 24), night());
    pane.press("j");
    pane.press("j");
    pane.pass(11_000);
    let line = pane.model.board.pane(Side::Waiting).line();
    pane.merge(change(
        vec![decided(&night()[0], "denied", "denied", "li"), decided(&night()[1], "denied", "denied", "li")],
        11,
    ));
    assert_eq!(pane.model.board.pane(Side::Waiting).line(), line);
    pane.merge(change((0..9).map(|n| pending(200 + n, "ana", "x", "read", 1700, "Older")).collect(), 12));
    assert_eq!(pane.model.board.pane(Side::Waiting).line(), line);
    assert_eq!(pane.model.board.cursor(), Some(320));
    pane.press("g");
    assert_eq!(pane.model.board.pane(Side::Waiting).top, 0);
}

#[test]
fn until_somebody_moves_the_first_rows_are_shown() {
    let mut pane = Pane::on((80, 24), night());
    let asked = samples::extension(&active(299, "eli", "search-index", "read", 4000, 240));
    pane.merge(change(vec![asked], 1));
    assert_eq!(pane.model.board.pane(Side::Waiting).top, 0, "{}", pane.screen());
    assert_eq!(pane.model.board.cursor(), Some(312), "what is under the cursor is what it was");
    pane.says("extension: The o");
    assert!(!pane.screen().contains(" above"));
    // A key on the first row holds all still for ten seconds, and no longer.
    pane.press("g");
    pane.merge(change(vec![pending(200, "ana", "x", "read", 1700, "Older")], 2));
    pane.says("1 new arrived");
    pane.pass(10_001);
    assert_eq!(pane.model.board.pane(Side::Waiting).top, 0, "{}", pane.screen());
    // More than there is room for: the cursor stays in sight, and what is above is said.
    pane.merge(change((0..12).map(|n| pending(210 + n, "ana", "x", "read", 1600, "Older")).collect(), 13));
    assert_eq!(pane.model.board.cursor(), Some(299));
    pane.press("j");
    pane.pass(10_001);
    let line = pane.model.board.pane(Side::Waiting).line();
    pane.merge(change(vec![samples::extension(&active(298, "eli", "search-index", "read", 4000, 120))], 24));
    assert_eq!(pane.model.board.pane(Side::Waiting).line(), line);
    pane.says("1 above");
}

#[test]
fn an_extension_that_was_given_says_so_and_by_whom() {
    let asked = samples::extension(&active(299, "eli", "search-index", "read", 4000, 840));
    let given = |by: &str| {
        let verdict = json!({"verdict": "extended", "by": samples::person(by), "as": "backup", "at": samples::at(5),
            "words": null, "via": "token", "policy_version": "ab"});
        let window = json!({"from": samples::at(-4000), "until": samples::at(5400)});
        changed(&asked, true, json!({"extension": null, "extended": verdict, "extensions": 1, "window": window}))
    };
    let mut pane = Pane::on((80, 24), vec![asked.clone()]);
    pane.merge(change(vec![given("li")], 5));
    pane.says("NL-299 eli search-index read: extended until 03:44 CET by li");
    let mut pane = Pane::on((80, 24), vec![asked.clone()]);
    pane.open("a");
    pane.type_text("299");
    pane.press("enter");
    let act = pane.model.dialog.as_ref().and_then(|dialog| dialog.sending).unwrap();
    pane.send(Msg::Acted { act, id: 299, outcome: Ok(Box::new(given("sam"))) });
    pane.says("NL-299 extended until 03:44 CET by you");
    pane.says("read: extended until 03:44 CET by you at");
    assert!(pane.screen().lines().last().unwrap().chars().count() <= 80 && !pane.screen().ends_with('~'));
    let back = active(299, "eli", "search-index", "read", 4000, 840);
    pane.merge(change(vec![RequestView { seq: 5000, version: 5000, ..back }], 9));
    pane.says("read: the new end was taken back at 02:14:09 CET");
}

#[test]
fn many_at_once_are_in_the_order_of_one_by_one() {
    let rows: Vec<RequestView> = (0..600).map(|n| row(1000 + n, n * 7919 % 1700)).collect();
    let at_once = Pane::on((80, 24), rows.clone());
    let mut by_one = Pane::on((80, 24), Vec::new());
    for part in rows.chunks(100) {
        by_one.merge(change(part.to_vec(), 0));
    }
    let ids = |pane: &Pane| pane.model.board.pane(Side::Waiting).ids().collect::<Vec<_>>();
    assert_eq!(ids(&at_once), ids(&by_one));
    assert_eq!(at_once.model.board.counts(), by_one.model.board.counts());
    // While somebody works, many wait like one; then the cursor is still where it was.
    let mut pane = Pane::on((80, 24), night());
    pane.press("j");
    let line = pane.model.board.pane(Side::Waiting).line();
    pane.merge(change(rows.iter().cloned().chain([decided(&night()[1], "denied", "denied", "li")]).collect(), 1));
    pane.says("600 new arrived");
    pane.pass(11_000);
    assert_eq!(pane.model.board.cursor(), Some(317));
    assert_eq!(pane.model.board.pane(Side::Waiting).line(), line);
    pane.says("denied by li");
    assert_eq!(pane.model.board.pane(Side::Waiting).len(), 603);
}

#[test]
fn a_late_answer_brings_nothing_back() {
    let mut pane = Pane::on((80, 24), night());
    let old = night()[0].clone();
    pane.merge(change(vec![decided(&old, "denied", "denied", "li")], 1));
    pane.merge(change(vec![old], 2));
    assert_eq!(pane.model.board.counts().0, 2);
}

#[test]
fn an_overdue_removal_is_one_key_away_and_rings_once() {
    let mut pane = Pane::on((80, 24), night());
    pane.pass(261_000);
    pane.merge(change(Vec::new(), 261));
    assert!(!pane.effects.contains(&Effect::Bell));
    assert!(!pane.screen().contains("OVERDUE"));
    // Nobody sent anything: the grant's own instants say that it is late.
    pane.pass(5_001);
    pane.says("!! 1 OVERDUE REMOVAL NL-300 dee search-index restart ended 02:18");
    assert_eq!(pane.effects.iter().filter(|effect| **effect == Effect::Bell).count(), 1);
    assert!(title(&pane.model).starts_with("(1!) "));
    pane.press("!");
    assert_eq!(pane.model.board.cursor(), Some(300));
    assert_eq!(pane.model.board.focus, Side::Live);
    pane.pass(60_000);
    assert_eq!(pane.effects.iter().filter(|effect| **effect == Effect::Bell).count(), 1);
}

#[test]
fn the_mouse_points_and_never_acts() {
    use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
    let mut pane = Pane::on((80, 24), night());
    let place = pane.model.plan().pane(Side::Waiting);
    let click = |row| MouseEvent {
        kind: MouseEventKind::Down(MouseButton::Left),
        column: 9,
        row,
        modifiers: KeyModifiers::NONE,
    };
    assert_eq!(pane.press("M"), [Effect::Mouse(true)]);
    assert_eq!(pane.press("M"), [Effect::Mouse(false)]);
    pane.send(Msg::Mouse(click(place.y + 3)));
    assert_eq!(pane.model.board.cursor(), Some(320));
    for row in 0..24 {
        pane.send(Msg::Mouse(click(row)));
    }
    assert!(pane.model.dialog.is_none() && pane.acts().is_empty());
}

/// The line of the cursor in the one list of a view, as a reader of the screen would see it.
fn line_of_the_cursor(pane: &Pane) -> Option<(u16, String)> {
    let plan = pane.model.plan();
    let buffer = pane.buffer();
    let text = |y: u16| (plan.list.x..plan.list.right()).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    let rows = plan.list.y + 1..plan.list.bottom().saturating_sub(1);
    let mut found = rows.map(|y| (y, text(y))).filter(|(_, text)| text.starts_with(['>', '#']));
    let first = found.next();
    assert!(found.next().is_none(), "one cursor\n{}", pane.screen());
    first
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// Mine and History keep the row under the cursor where it is, and what is opened is what was under it.
    #[test]
    fn nothing_moves_under_the_cursor_beside_the_board(
        history in any::<bool>(),
        steps in prop::collection::vec((0..9_u8, 0..20_i64, 0..1700_i64), 1..60),
    ) {
        let mine = |id: i64, kind: i64, time: i64| {
            let view = match kind % 4 {
                0 => active(id, "sam", "orders-db", "read", 600, 200 + time),
                1 => pending(id, "sam", "orders-db", "read", time, "Something; done when it is"),
                2 => decided(&pending(id, "sam", "orders-db", "read", time, "Else"), "denied", "denied", "li"),
                _ => decided(&pending(id, "sam", "orders-db", "read", time, "Back"), "sent-back", "sent-back", "li"),
            };
            RequestView { seq: view.seq + time, version: view.version + time, ..view }
        };
        let mut pane = Pane::on((80, 24), (0..6).map(|n| mine(500 + n, n, 300 + n * 60)).collect());
        pane.press(if history { "4" } else { "2" });
        if let Some((ask, _)) = super::views::asked(&pane).pop() {
            let known = (0..6).rev().map(|n| mine(500 + n, n, 300 + n * 60)).collect();
            pane.send(Msg::Listed { ask, outcome: Ok(super::views::page(known, None)) });
        }
        for (step, at, time) in steps {
            let before = (pane.model.cursor(), line_of_the_cursor(&pane).map(|(y, _)| y));
            let moved = pane.model.roll().is_some_and(|roll| roll.pane.moved);
            let frozen = pane.model.is_frozen();
            match step {
                0..=3 => {
                    let seq = 100_000 + i64::try_from(pane.effects.len()).unwrap();
                    let mut view = mine(500 + at, at + i64::from(step), time);
                    view.seq = view.seq.max(pane.model.known(view.id).map_or(0, |known| known.seq + 1)) + seq;
                    let seconds = seconds(&pane);
                    pane.merge(change(vec![view], seconds));
                }
                4 => {
                    pane.pass(u64::try_from(time).unwrap() * 7 + 1);
                }
                5 => {
                    let mut gone = change(Vec::new(), seconds(&pane));
                    gone.gone = vec![500 + at];
                    pane.merge(gone);
                }
                6 => {
                    pane.press(["j", "k", "G", "g"][usize::try_from(at % 4).unwrap()]);
                    continue;
                }
                7 => {
                    pane.press(".");
                    prop_assert_eq!(pane.model.cursor(), before.0);
                    continue;
                }
                _ => {
                    let seen = pane.model.seen;
                    pane.press("i");
                    if let Some(dialog) = &pane.model.dialog {
                        prop_assert_eq!((Some(dialog.id), dialog.version), (before.0, seen.version));
                        let number = format!("NOTE ON NL-{}", dialog.id);
                        prop_assert!(pane.screen().contains(&number));
                    }
                    pane.press("esc");
                    continue;
                }
            }
            // Nobody pressed a key: the same row, on the same line; while rows are held, even if nobody moved yet.
            if before.0.is_some() {
                prop_assert_eq!(pane.model.cursor(), before.0);
                if moved || frozen && pane.model.is_frozen() {
                    prop_assert_eq!(line_of_the_cursor(&pane).map(|(y, _)| y), before.1, "{}", pane.screen());
                }
            }
        }
    }
}

#[test]
fn a_mini_pane_shows_only_what_stands_and_acts_on_no_row() {
    let mut pane = Pane::on((50, 12), night());
    pane.press("j");
    let removed = changed(&night()[3], true, json!({"status": "removed", "grant": {"removed_at": samples::at(1)}}));
    pane.merge(change(vec![removed, decided(&night()[0], "denied", "denied", "li")], 1));
    // The order is frozen: on a list both would be tombstones. Here is no cursor for whose sake they stay.
    pane.says("NL-301 eli orders-db");
    for gone in ["NL-300", "NL-312"] {
        assert!(!pane.screen().contains(gone), "{gone} is on\n{}", pane.screen());
    }
    for key in ["a", "d", "b", "X", "c", "i", "v", "enter", "Y", "y"] {
        let effects = pane.press(key);
        assert_eq!(effects.iter().filter(|effect| !matches!(effect, Effect::Read(_))).count(), 0, "{key}: {effects:?}");
        assert!(pane.model.dialog.is_none() && pane.model.detail.is_none() && pane.model.marks.is_empty(), "{key}");
        assert_eq!(pane.screen().matches("nothing opens here").count(), 2, "{key} says why:\n{}", pane.screen());
    }
    // All that waits, one full dialog after another: that asks for no row.
    pane.press("A");
    pane.says("APPROVE NL-317");
}

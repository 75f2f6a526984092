//! Nothing is drawn when nothing changed, and nothing changes without a wake-up.

use super::samples::{active, night, overdue};
use super::*;

/// Runs from wake-up to wake-up, and looks between them: the screen must not have wanted to change.
fn follow(mut pane: Pane, wakes: usize) -> Vec<Duration> {
    let mut gaps = Vec::new();
    for _ in 0..wakes {
        let Some(wake) = pane.wake else { break };
        let gap = wake.0.saturating_sub(pane.now.0);
        assert!(!gap.is_zero(), "it would never sleep");
        let before = pane.screen();
        let millis = u64::try_from(gap.as_millis()).unwrap();
        for part in [millis / 3, millis / 3, millis.saturating_sub(1).saturating_sub(2 * (millis / 3))] {
            pane.pass(part);
            assert_eq!(pane.screen(), before, "it changed before its wake-up");
        }
        pane.now = wake;
        pane.send(Msg::Tick);
        gaps.push(gap);
    }
    gaps
}

#[test]
fn the_next_wake_is_the_next_change_of_text() {
    let mut rows = night();
    rows.push(overdue());
    for size in [(80, 24), (120, 40), (40, 10)] {
        let mut pane = Pane::on(size, rows.clone());
        pane.press("j");
        pane.answer_reads();
        assert!(follow(pane, 50).len() > 40);
    }
    let mut pane = Pane::on((80, 24), night());
    pane.open("a");
    follow(pane, 30);
    let mut pane = Pane::on((80, 24), night());
    pane.press("enter");
    pane.answer_reads();
    follow(pane, 30);
}

#[test]
fn a_calm_board_sleeps_and_ticks_by_the_second_only_under_ten_minutes() {
    // A live link answers every ten seconds, and draws nothing by it.
    let calm = vec![active(303, "bo", "edge-cache", "purge", 600, 4000)];
    let mut pane = Pane::on((80, 24), calm);
    let (mut wakes, start) = (0, pane.now);
    while pane.now.0.saturating_sub(start.0) < Duration::from_mins(5) {
        let answer = Moment(pane.now.0 + Duration::from_secs(10));
        while let Some(wake) = pane.wake.filter(|wake| *wake < answer) {
            pane.now = wake;
            pane.send(Msg::Tick);
            wakes += 1;
        }
        pane.now = answer;
        let seconds = i64::try_from(pane.now.0.as_secs()).unwrap();
        pane.merge(samples::change(Vec::new(), seconds));
    }
    // The clock and the time left: two changes a minute, and one more for the bar.
    assert!(wakes <= 15, "{wakes} wake-ups in five calm minutes");
    let pane = Pane::on((80, 24), vec![active(300, "dee", "search-index", "restart", 2000, 400)]);
    let gaps = follow(pane, 8);
    assert!(gaps.iter().all(|gap| *gap <= Duration::from_secs(1)), "{gaps:?}");
}

#[test]
fn the_titles_count() {
    let mut rows = night();
    assert_eq!(title(&Pane::on((80, 24), rows.clone()).model), "nightlatch 3 pending 3 active");
    rows.push(overdue());
    assert_eq!(title(&Pane::on((80, 24), rows).model), "(1!) nightlatch 3 pending 4 active");
}

#[test]
fn the_cache_is_labelled_acts_on_nothing_and_gives_way() {
    let mut pane = Pane::new(samples::options((80, 24)));
    let kept = || Msg::Kept { board: samples::board(night()), me: samples::me(), age: Duration::from_secs(200) };
    pane.send(kept());
    pane.says("KEPT 3m ago");
    pane.press("a");
    pane.says("not connected yet");
    pane.merge(samples::board(Vec::new()));
    pane.says("LIVE");
    assert_eq!(pane.model.board.counts(), (0, 0, 0));
    pane.send(kept());
    assert_eq!(pane.model.board.counts(), (0, 0, 0), "a cache never goes over an answer");
}

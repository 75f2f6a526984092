//! What a frame costs. The figures are printed, not asserted: a busy machine is no fault of the sources.

use super::samples::{active, board, change, options, pending};
use super::*;
use std::time::Instant;

fn many(rows: i64) -> Pane {
    let mut pane = Pane::new(options((120, 40)));
    let task = "Restart the stuck worker and see the queue drain";
    let rows = (1..=rows).map(|id| match id % 3 {
        0 => active(id, "dee", "search-index", "restart", id % 3000, 700 + id),
        _ => pending(id, "ana", "payments-worker", "restart", id % 1700, task),
    });
    pane.merge(board(rows.collect()));
    pane
}

#[test]
#[ignore = "a measurement: cargo test --release --lib dashboard::tests::cost -- --ignored --nocapture"]
#[allow(clippy::disallowed_methods, clippy::print_stdout, reason = "measures, and says what")]
fn a_frame_at_a_hundred_thousand_rows() {
    let mut pane = many(100_000);
    pane.press("j");
    pane.answer_reads();
    let mut terminal = Terminal::new(TestBackend::new(120, 40)).unwrap();
    let mut measure = |what: &str, act: &mut dyn FnMut(&mut Pane, i64)| {
        let mut times: Vec<Duration> = (0..500)
            .map(|n| {
                let start = Instant::now();
                act(&mut pane, n);
                start.elapsed()
            })
            .collect();
        times.sort_unstable();
        println!("{what}: median {:?}, p99 {:?}", times[250], times[494]);
    };
    measure("frame", &mut |pane, _| {
        terminal.draw(|frame| pane.wake = draw(&pane.model, frame)).unwrap();
    });
    measure("key", &mut |pane, _| {
        let now = pane.now;
        update(&mut pane.model, now, Msg::Key(event("j", KeyEventKind::Press)));
        pane.model.drawn();
    });
    measure("update, frozen", &mut |pane, n| {
        let now = pane.now;
        let row = pending(200_000 + n, "ana", "payments-worker", "restart", 900, "New");
        update(&mut pane.model, now, Msg::Board(change(vec![row], 1)));
    });
    pane.now = Moment(pane.now.0 + Duration::from_secs(11));
    let start = Instant::now();
    update(&mut pane.model, pane.now, Msg::Tick);
    println!("merge of 500: {:?}", start.elapsed());
    let mut times: Vec<Duration> = (0..500)
        .map(|n| {
            let row = pending(300_000 + n, "ana", "payments-worker", "restart", 900, "New");
            let start = Instant::now();
            update(&mut pane.model, pane.now, Msg::Board(change(vec![row], 11)));
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    println!("update, calm: median {:?}, p99 {:?}", times[250], times[494]);
}

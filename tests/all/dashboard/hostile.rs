//! Foreign texts on a real screen (A26–A29): nothing of them moves the cursor, recolours, hides or reorders what is read.

use super::{dashboard_of, file, open};
use crate::support::served::{Served, until};

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

#[test]
fn a26_to_a29_nothing_foreign_acts_on_the_screen() {
    let served = Served::socket();
    for (_, task) in ATTACKS {
        file(&served, "logs-read", task);
    }
    file(&served, "logs-read", &format!("long {} done when it is", "e\u{301}漢".repeat(1200)));
    for (columns, rows) in [(80, 24), (200, 60)] {
        let mut pty = super::Pty::sized(&dashboard_of(&served, "sam"), columns, rows);
        pty.shows("LIVE");
        pty.shows("漢字漢字");
        for _ in 0..=ATTACKS.len() {
            pty.keys("\r");
            pty.shows("who ");
            pty.keys("\x1b");
            pty.keys("j");
        }
        until("it is still there", || pty.screen(|screen| screen.alternate_screen().then_some(())));
        let beside = pty.beside();
        assert_eq!((beside.copied.len(), beside.bells), (0, 0), "{beside:?}");
        assert!(beside.strange.is_empty(), "{beside:?}");
        assert!(beside.titles.iter().all(|title| title.contains("nightlatch")), "{beside:?}");
        let raw = String::from_utf8(pty.raw()).unwrap();
        for hidden in ['\u{202e}', '\u{2066}', '\u{200b}', '\u{e0041}', '\u{9b}', '\u{90}', '\u{feff}', '\u{7}'] {
            assert!(!raw.contains(hidden), "{hidden:?} reached the terminal");
        }
        assert_eq!(raw.matches("\x1bP").count() + raw.matches("\x1b_").count() + raw.matches("\x1bc").count(), 0);
        pty.keys("q");
        assert!(pty.ends().success());
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
    for round in 0..3 {
        for (at, (columns, rows)) in sizes.into_iter().enumerate() {
            pty.resize(columns, rows);
            if (at + round) % 4 == 0 {
                file(&served, "logs-read", &format!("Round {round} step {at}; done when it is"));
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
    pty.resize(80, 24);
    file(&served, "logs-read", "The last one; done when it is");
    pty.shows("13 pending");
    pty.shows("LIVE");
}

//! A real wheel and real clicks: they point and scroll, and never act.

use super::pty::Pty;
use super::{dashboard_of, file, look};
use crate::support::served::{Served, TASK, until};
use vt100::MouseProtocolMode;

/// The line of the screen on which this stands, from 0.
#[track_caller]
fn line_of(pty: &Pty, text: &str) -> usize {
    pty.shows(text);
    pty.text().lines().position(|line| line.contains(text)).unwrap()
}

/// A button at a place, from 0, pressed and let go, as terminals say it.
fn press(pty: &mut Pty, button: u8, column: usize, row: usize) {
    let (x, y) = (column + 1, row + 1);
    pty.keys(&format!("\x1b[<{button};{x};{y}M\x1b[<{button};{x};{y}m"));
}

/// Whether the cursor is on the row with this text.
fn pointed(screen: &str, text: &str) -> bool {
    screen.lines().any(|line| line.starts_with('>') && line.contains(text))
}

#[test]
fn wheel_and_clicks_point_and_never_act() {
    let served = Served::socket();
    let ids: Vec<i64> = (0..30).map(|n| file(&served, "logs-read", &format!("Row{n:02} {TASK}"))).collect();
    let mut pty = Pty::sized(&dashboard_of(&served, "sam"), 120, 24);
    pty.shows("LIVE");
    pty.so("the first row has the cursor", |screen| pointed(screen, "Row00"));
    // Off: whatever the terminal says of a mouse points nowhere, and it is not even asked.
    assert_eq!(pty.screen(vt100::Screen::mouse_protocol_mode), MouseProtocolMode::None);
    pty.keys("M");
    until("it is asked", || {
        pty.screen(|screen| (screen.mouse_protocol_mode() != MouseProtocolMode::None).then_some(()))
    });
    let row = line_of(&pty, "Row03");
    press(&mut pty, 0, 20, row);
    pty.so("the click points", |screen| pointed(screen, "Row03"));
    // Twice, thrice, the other buttons, dragged: nothing opens.
    for button in [0, 0, 0, 1, 2, 32] {
        press(&mut pty, button, 20, row);
    }
    // On the bands, the keys in the footer, outside of the screen: nothing.
    for (column, line) in [(3, 0), (3, 1), (3, 2), (2, 23), (12, 23), (500, 500)] {
        press(&mut pty, 0, column, line);
    }
    // The wheel, far down and up again.
    for _ in 0..12 {
        press(&mut pty, 65, 20, row);
    }
    pty.so("the wheel scrolls to the end", |screen| pointed(screen, "Row29"));
    for _ in 0..12 {
        press(&mut pty, 64, 20, row);
    }
    pty.so("and back", |screen| pointed(screen, "Row00"));
    let screen = pty.text();
    assert!(!screen.contains("APPROVE") && !screen.contains("DENY") && !screen.contains("you may"), "{screen}");
    // In a dialog it scrolls, and clicks beside or on it are nothing.
    super::dialog(&mut pty, "a", "APPROVE NL-");
    for line in 0..24 {
        press(&mut pty, 0, 40, line);
        press(&mut pty, 65, 40, line);
    }
    pty.shows("APPROVE NL-");
    pty.keys("\x1b");
    pty.loses("APPROVE NL-");
    assert!(ids.iter().all(|id| look(&served, *id)["status"] == "pending"));
    pty.keys("M");
    until("it is left to the terminal", || {
        pty.screen(|screen| (screen.mouse_protocol_mode() == MouseProtocolMode::None).then_some(()))
    });
    pty.keys("M");
    pty.keys("q");
    assert!(pty.ends().success());
    pty.is_as_before();
}

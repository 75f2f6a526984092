//! What is written to a terminal, as bytes: notifications, the bell, progress. Pure.
//!
//! Whatever a terminal does not know it ignores; whatever the words hold, they neither end a sequence early nor begin one.

use super::known::{Inside, Speech, Terminal};
use crate::notify::alert::{Alert, Key, Urgency};
use crate::text::Clean;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The most columns of a title.
const TITLE: usize = 120;
/// The most columns of a body.
const BODY: usize = 300;
/// The most bytes of a text, whatever its columns: kitty takes no more than 2048 in one piece.
const MOST: usize = 1500;
/// The most bytes that GNU screen passes on at once.
const PIECE: usize = 240;

const ESC: char = '\u{1b}';
const BEL: char = '\u{7}';

/// How far something is, as some terminals show it in their tab or task bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Nothing to show.
    None,
    /// Something goes on.
    Busy,
    /// Something is wrong: an overdue removal.
    Wrong,
}

/// The alert, and then the bell where somebody waits. Empty where this terminal has no way to show it.
pub fn bytes(alert: &Alert, terminal: &Terminal) -> Vec<u8> {
    let mut out = if terminal.passes() { passed(&said(alert, terminal), terminal) } else { Vec::new() };
    if alert.urgency > Urgency::Low {
        // Without passthrough too: tmux marks the window, and terminals ask for attention.
        out.extend(BEL.to_string().into_bytes());
    }
    out
}

/// Takes away what stands under this key; empty where the terminal cannot.
pub fn taken_back(key: &Key, terminal: &Terminal) -> Vec<u8> {
    if terminal.speech == Speech::Osc99 && terminal.passes() {
        passed(&format!("{ESC}]99;i={}:p=close;{BEL}", identity(key)), terminal)
    } else {
        Vec::new()
    }
}

/// Shows how far something is; empty where the terminal would take it for text.
pub fn progress(progress: Progress, terminal: &Terminal) -> Vec<u8> {
    if !terminal.progress || !terminal.passes() {
        return Vec::new();
    }
    let state = match progress {
        Progress::None => "0;0",
        Progress::Busy => "3;0",
        Progress::Wrong => "2;100",
    };
    passed(&format!("{ESC}]9;4;{state}{BEL}"), terminal)
}

fn said(alert: &Alert, terminal: &Terminal) -> String {
    let (title, body) = (text(&alert.title, TITLE), text(&alert.body, BODY));
    match terminal.speech {
        Speech::Osc99 => kitty(alert, &title, &body),
        Speech::Osc777 => format!("{ESC}]777;notify;{};{}{BEL}", single(&title), single(&body)),
        // Begins with our name: what begins with a number would be another command to some.
        Speech::Osc9 if body.is_empty() => format!("{ESC}]9;nightlatch: {}{BEL}", single(&title)),
        Speech::Osc9 => format!("{ESC}]9;nightlatch: {}: {}{BEL}", single(&title), single(&body)),
        Speech::Bell => String::new(),
    }
}

/// In two pieces under one name, so that a later one replaces it. No report of a click: it would come as typed keys.
fn kitty(alert: &Alert, title: &str, body: &str) -> String {
    let name = identity(&alert.key);
    let urgency = match alert.urgency {
        Urgency::Low => 0,
        Urgency::Normal => 1,
        Urgency::Critical => 2,
    };
    let sound = match (alert.sound, alert.urgency) {
        (false, _) => "silent",
        (true, Urgency::Critical) => "warning",
        (true, _) => "system",
    };
    let stays = if alert.urgency == Urgency::Critical { ":w=0" } else { "" };
    let (app, sound) = (STANDARD.encode("nightlatch"), STANDARD.encode(sound));
    let (title, body) = (STANDARD.encode(title), STANDARD.encode(body));
    format!(
        "{ESC}]99;i={name}:d=0:e=1:u={urgency}{stays}:f={app}:s={sound};{title}{BEL}\
         {ESC}]99;i={name}:d=1:e=1:p=body;{body}{BEL}"
    )
}

fn identity(key: &Key) -> String {
    format!("nightlatch-{}", key.word())
}

/// One line, cut to its columns and to a number of bytes.
fn text(clean: &Clean, columns: usize) -> String {
    // Cleaned once more: a block keeps its newlines, and one byte too many here would be read as a command.
    let line = Clean::line(clean.as_str()).cut(columns);
    let mut end = line.as_str().len().min(MOST);
    while !line.as_str().is_char_boundary(end) {
        end -= 1;
    }
    line.as_str().get(..end).unwrap_or_default().to_owned()
}

/// A semicolon would begin the next part.
fn single(text: &str) -> String {
    text.replace(';', ",")
}

/// Wrapped so that what the program runs in hands it on to the terminal.
fn passed(sequence: &str, terminal: &Terminal) -> Vec<u8> {
    if sequence.is_empty() {
        return Vec::new();
    }
    match terminal.inside {
        Inside::Nothing => sequence.as_bytes().to_vec(),
        Inside::Tmux { .. } => format!("{ESC}Ptmux;{}{ESC}\\", sequence.replace(ESC, "\u{1b}\u{1b}")).into_bytes(),
        Inside::Screen => {
            let pieces = sequence.as_bytes().chunks(PIECE);
            pieces.flat_map(|piece| [b"\x1bP", piece, b"\x1b\\"].concat()).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::RequestNumber;
    use proptest::prelude::*;

    fn alert(title: &str, body: &str, urgency: Urgency) -> Alert {
        Alert {
            key: Key::Request(RequestNumber(142)),
            title: Clean::line(title),
            body: Clean::block(body),
            urgency,
            sound: urgency == Urgency::Critical,
            opens: Some(RequestNumber(142)),
            of: vec![(RequestNumber(142), 57)],
        }
    }

    fn on(speech: Speech, inside: Inside) -> Terminal {
        Terminal { name: "a terminal", speech, inside, progress: true }
    }

    fn written(alert: &Alert, terminal: &Terminal) -> String {
        String::from_utf8(bytes(alert, terminal)).unwrap()
    }

    #[test]
    fn each_terminal_is_told_in_its_own_way() {
        let normal = alert("ana asks; payments", "restart, 45m", Urgency::Normal);
        let bare = |speech| written(&normal, &on(speech, Inside::Nothing));
        assert_eq!(bare(Speech::Osc777), "\x1b]777;notify;ana asks, payments;restart, 45m\x07\x07");
        assert_eq!(bare(Speech::Osc9), "\x1b]9;nightlatch: ana asks, payments: restart, 45m\x07\x07");
        assert_eq!(bare(Speech::Bell), "\x07");
        assert_eq!(
            bare(Speech::Osc99),
            "\x1b]99;i=nightlatch-NL-142:d=0:e=1:u=1:f=bmlnaHRsYXRjaA==:s=c2lsZW50;YW5hIGFza3M7IHBheW1lbnRz\x07\
             \x1b]99;i=nightlatch-NL-142:d=1:e=1:p=body;cmVzdGFydCwgNDVt\x07\x07"
        );
        let low = alert("4;3;50", "", Urgency::Low);
        assert_eq!(written(&low, &on(Speech::Osc9, Inside::Nothing)), "\x1b]9;nightlatch: 4,3,50\x07");
        assert_eq!(written(&low, &on(Speech::Bell, Inside::Nothing)), "");
        let critical = written(&alert("x", "", Urgency::Critical), &on(Speech::Osc99, Inside::Nothing));
        assert!(critical.contains(":u=2:w=0:") && critical.contains("s=d2FybmluZw=="), "{critical}");
    }

    #[test]
    fn it_is_wrapped_for_what_it_runs_in() {
        let low = alert("a", "b", Urgency::Low);
        let tmux = |passes| written(&low, &on(Speech::Osc777, Inside::Tmux { passes }));
        assert_eq!(tmux(true), "\x1bPtmux;\x1b\x1b]777;notify;a;b\x07\x1b\\");
        assert_eq!(tmux(false), "");
        let normal = alert("a", "b", Urgency::Normal);
        assert_eq!(written(&normal, &on(Speech::Osc777, Inside::Tmux { passes: false })), "\x07");
        let long = written(&alert("a", &"b".repeat(290), Urgency::Low), &on(Speech::Osc777, Inside::Screen));
        let pieces: Vec<&str> = long.split_inclusive("\x1b\\").collect();
        assert_eq!(pieces.len(), 2);
        let inner: String = pieces.iter().map(|piece| &piece[2..piece.len() - 2]).collect();
        assert_eq!(inner, format!("\x1b]777;notify;a;{}\x07", "b".repeat(290)));
        assert!(pieces.iter().all(|piece| piece.starts_with("\x1bP") && piece.len() <= 256));
    }

    #[test]
    fn only_kitty_can_take_back_and_progress_goes_only_where_it_is_known() {
        let key = Key::Digest;
        let taken = |speech| String::from_utf8(taken_back(&key, &on(speech, Inside::Nothing))).unwrap();
        assert_eq!(taken(Speech::Osc99), "\x1b]99;i=nightlatch-digest:p=close;\x07");
        assert_eq!(taken(Speech::Osc777), "");
        let mut terminal = on(Speech::Osc777, Inside::Nothing);
        assert_eq!(progress(Progress::Wrong, &terminal), b"\x1b]9;4;2;100\x07");
        assert_eq!(progress(Progress::Busy, &terminal), b"\x1b]9;4;3;0\x07");
        assert_eq!(progress(Progress::None, &terminal), b"\x1b]9;4;0;0\x07");
        terminal.progress = false;
        assert_eq!(progress(Progress::None, &terminal), b"");
    }

    proptest! {
        /// A26: the words of others are never more than words.
        #[test]
        fn a26_no_text_ends_a_sequence_or_begins_one(title in ".*", body in ".*", which in 0_usize..4) {
            let speech = [Speech::Osc99, Speech::Osc777, Speech::Osc9, Speech::Bell][which];
            let written = written(&alert(&title, &body, Urgency::Low), &on(speech, Inside::Nothing));
            let (begins, ends) = (written.matches(ESC).count(), written.matches(BEL).count());
            let sequences = [2, 1, 1, 0][which];
            prop_assert_eq!((begins, ends), (sequences, sequences));
            let parts = written.split(';').count();
            prop_assert!(speech != Speech::Osc777 || parts == 4);
            prop_assert!(written.chars().all(|ch| !ch.is_control() || ch == ESC || ch == BEL));
            prop_assert!(written.len() < 2 * MOST * 4 / 3 + 300);
        }
    }
}

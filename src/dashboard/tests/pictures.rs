//! The pictures of the README, made of the very cells that a terminal gets; and what is left of them without colour.
//!
//! `UPDATE_PICTURES=1 cargo test --lib pictures` writes them anew.

use super::samples::{active, extension, night, options, overdue, with_may};
use super::views;
use super::*;
use crate::dashboard::theme;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// A cell's columns and lines, in pixels.
const CELL: (u16, u16) = (8, 17);
/// What a terminal shows where nothing else is said.
const PLAIN: (u32, u32) = (0xd7_dc_e4, 0x15_18_1e);

fn board_of(rows: Vec<RequestView>, size: (u16, u16)) -> Pane {
    let options = Options { colours: Colours::True, ..options(size) };
    let mut pane = Pane::new(options);
    pane.send(Msg::Me(samples::me()));
    pane.send(Msg::Board(samples::board(rows)));
    pane.send(Msg::Systems(samples::systems()));
    pane.pass(300);
    pane.answer_reads();
    pane.effects.clear();
    pane
}

fn busy() -> Vec<RequestView> {
    let mut rows = night();
    rows.push(extension(&active(299, "eli", "search-index", "read", 4000, 840)));
    rows
}

fn approving() -> Pane {
    let mut pane = board_of(busy(), (100, 30));
    let (heights, now) = (pane.model.plan().heights(), pane.model.server_now());
    pane.model.board.point(317, heights, now, false);
    pane.draw();
    pane.press("a");
    if let Some(view) = pane.model.known(317) {
        pane.send(Msg::Request { id: 317, outcome: Ok(Box::new(with_may((*view).clone()))) });
    }
    pane.pass(400);
    pane.type_text("31");
    pane
}

/// Name and what it shows.
fn pictures() -> Vec<(&'static str, Pane)> {
    let mut late = busy();
    late.push(overdue());
    let (mut rows, mut told) = (busy(), views::own());
    rows.extend(views::own());
    told.extend(views::over());
    let mut mine = board_of(rows, (100, 26));
    mine.press("2");
    views::answer(&mut mine, views::page(told, None));
    let (board, overdue) = (board_of(busy(), (120, 32)), board_of(late, (100, 26)));
    vec![("board", board), ("approve", approving()), ("mine", mine), ("overdue", overdue)]
}

fn ink(colour: Color, plain: u32) -> u32 {
    match colour {
        Color::Rgb(r, g, b) => u32::from_be_bytes([0, r, g, b]),
        Color::Reset => plain,
        other => panic!("{other:?} is no colour of a picture"),
    }
}

/// What a cell shows: ink, ground, bold, dim, underlined.
fn shown(cell: &Cell, plain: (u32, u32)) -> (u32, u32, [bool; 3]) {
    let (fg, bg) = (ink(cell.fg, plain.0), ink(cell.bg, plain.1));
    let has = |modifier| cell.modifier.contains(modifier);
    let (fg, bg) = if has(Modifier::REVERSED) { (bg, fg) } else { (fg, bg) };
    (fg, bg, [has(Modifier::BOLD), has(Modifier::DIM), has(Modifier::UNDERLINED)])
}

fn svg(buffer: &Buffer) -> String {
    let (columns, lines) = (buffer.area.width, buffer.area.height);
    let (width, height) = (columns * CELL.0 + 16, lines * CELL.1 + 16);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace\" font-size=\"13\" xml:space=\"preserve\">\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"6\" fill=\"#{:06x}\"/>\n",
        PLAIN.1
    );
    for (y, line) in buffer.content().chunks(usize::from(columns)).enumerate() {
        let y = u16::try_from(y).unwrap() * CELL.1 + 8;
        let mut x = 0;
        for run in line.chunk_by(|a, b| shown(a, PLAIN) == shown(b, PLAIN)) {
            let wide = u16::try_from(run.len()).unwrap();
            let text: String = run.iter().map(Cell::symbol).collect();
            let (fg, bg, [bold, dim, under]) = shown(&run[0], PLAIN);
            let (left, span) = (x * CELL.0 + 8, wide * CELL.0);
            if bg != PLAIN.1 {
                let _ = writeln!(
                    out,
                    "<rect x=\"{left}\" y=\"{y}\" width=\"{span}\" height=\"{}\" fill=\"#{bg:06x}\"/>",
                    CELL.1
                );
            }
            let weight = if bold { " font-weight=\"bold\"" } else { "" };
            let faint = if dim { " opacity=\"0.7\"" } else { "" };
            let line = if under { " text-decoration=\"underline\"" } else { "" };
            // Each word in its own place, whatever font there is.
            for (at, word) in words(&text) {
                let (left, span) = (left + at * CELL.0, u16::try_from(word.chars().count()).unwrap() * CELL.0);
                let word = word.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
                let _ = writeln!(
                    out,
                    "<text x=\"{left}\" y=\"{}\" textLength=\"{span}\" fill=\"#{fg:06x}\"{weight}{faint}{line}>{word}</text>",
                    y + 13
                );
            }
            x += wide;
        }
    }
    out + "</svg>\n"
}

/// The words of a run, each with its column in it.
fn words(text: &str) -> Vec<(u16, String)> {
    let mut words: Vec<(u16, String)> = Vec::new();
    let mut apart = true;
    for (at, ch) in (0..).zip(text.chars()) {
        match words.last_mut() {
            _ if ch == ' ' => {}
            Some((_, word)) if !apart => word.push(ch),
            _ => words.push((at, ch.to_string())),
        }
        apart = ch == ' ';
    }
    words
}

fn place(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("assets/{name}.svg"))
}

#[test]
fn the_pictures_of_the_readme_are_what_the_dashboard_draws() {
    let update = std::env::var_os("UPDATE_PICTURES").is_some();
    let readme = std::fs::read_to_string(place("x").with_file_name("../README.md")).unwrap();
    let mut stale = Vec::new();
    for (name, pane) in pictures() {
        let drawn = svg(pane.buffer());
        if update {
            std::fs::write(place(name), &drawn).unwrap();
        }
        if std::fs::read_to_string(place(name)).unwrap_or_default() != drawn {
            stale.push(name);
        }
        assert!(readme.contains(&format!("assets/{name}.svg")), "the README does not show {name}");
    }
    assert_eq!(stale, [""; 0], "stale: UPDATE_PICTURES=1 cargo test --lib pictures writes them anew");
}

fn luminance(ink: u32) -> f64 {
    let [_, r, g, b] = ink.to_be_bytes();
    let part = |v: u8| {
        let v = f64::from(v) / 255.0;
        if v <= 0.039_28 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b)
}

/// Every cell of every theme, as a screen without colour shows it: grey on grey, and still to be read.
#[test]
fn in_grey_everything_can_still_be_read_and_urgency_seen() {
    let mut rows = busy();
    rows.push(overdue());
    for name in theme::NAMES {
        let options = Options { colours: Colours::True, theme: Some(name.into()), ..options((120, 40)) };
        let mut pane = Pane::new(options);
        pane.send(Msg::Me(samples::me()));
        pane.send(Msg::Board(samples::board(rows.clone())));
        let plain = if name == "light" { (0x00_00_00, 0xf4_f4_f4) } else { (0xff_ff_ff, 0x18_1a_20) };
        for (at, cell) in pane.buffer().content().iter().enumerate().filter(|(_, cell)| cell.symbol() != " ") {
            let (fg, bg, _) = shown(cell, plain);
            let (a, b) = (luminance(fg), luminance(bg));
            let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
            assert!(contrast >= 4.5, "{name}, cell {at} {:?}: {contrast:.2}", cell.symbol());
        }
        let screen = pane.screen();
        let line = |part: &str| screen.lines().find(|line| line.contains(part)).unwrap_or_default().to_owned();
        assert!(line("OVERDUE").starts_with("!! 1 OVERDUE REMOVAL"), "{screen}");
        assert!(line(" dee ").starts_with([' ', '!']) && line(" dee ").contains("! "), "under five minutes: {screen}");
        let reversed = pane.buffer().content().iter().filter(|cell| cell.modifier.contains(Modifier::REVERSED)).count();
        assert!(reversed > 20, "{name}: what is overdue is reversed");
    }
}

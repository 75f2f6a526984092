//! The figures of README.md, measured by hand: `cargo bench --bench figures -- WHAT …`. Never a timed test.
//!
//! It drives the real program, built for release, from outside: over HTTP, by its files, and by what `/proc` says of it. It is
//! Rust, because on two cores a load client in a script would take the time that it measures; and it is a `[[bench]]`, because
//! those are checked with everything else and built only when they are run.
//!
//! | WHAT | measures |
//! |---|---|
//! | `store FOLDER [EVENTS]` | nothing: makes a store of so many events (a million) through the one write, for the next three |
//! | `start FOLDER [ROUNDS]` | from exec to listening |
//! | `idle FOLDER [SECONDS]` | memory and wake-ups of a server that nobody asks |
//! | `verify FILE [ROUNDS]` | `audit verify` of an export, beside `sha256sum` of the same file and `assets/verify.py` |
//! | `decisions [FOLDER] [SECONDS] [ROUNDS]` | approvals through HTTP with 1, 8, 32 and 64 clients, beside the same SQL bare through the same driver. With `NIGHTLATCH_BENCH_PG` (a url of an empty database) the store is there, and pgbench runs beside it with the same statements and no chain (`NIGHTLATCH_PGBENCH`: where it is) |
//! | `ends [FOLDER] COUNT` | from the end of so many file grants to the last one observed absent, with a second target that hangs |
//!
//! With `NIGHTLATCH_BENCH_UNIX` set the server listens on a socket in its folder, as for people on one machine.
//! `NIGHTLATCH_BENCH_PROGRAM` names another program than the one built with it: an older one, for a ratio in the same run.
//!
//! Disks of shared machines swing 25-fold within seconds: what is compared is measured in turns, in short slices, and the medians
//! are compared; FOLDER on a disk counts the disk, on `/dev/shm` (the default) the program alone. Build first, and let nothing
//! else run: the numbers of a busy machine are worth nothing, their ratios little.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::format_push_string,
    clippy::semicolon_if_nothing_returned,
    clippy::assigning_clones,
    clippy::naive_bytecount,
    reason = "a measurement reads the real time, prints, and says what is wrong by panicking"
)]

mod bare;
mod decisions;
mod ends;
mod house;
mod http;
mod pgbench;
mod process;
mod trail;

use std::path::PathBuf;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let number = |at: usize, or: u64| words.get(at).map_or(or, |word| word.parse().unwrap());
    let folder = |at: usize| PathBuf::from(words.get(at).copied().unwrap_or("/dev/shm"));
    match words.first().copied() {
        Some("store") => trail::make(&folder(1), number(2, 1_000_000)),
        Some("start") => trail::start(&folder(1), number(2, 20)),
        Some("idle") => trail::idle(&folder(1), number(2, 60)),
        Some("verify") => trail::verify(&folder(1), number(2, 7)),
        Some("decisions") => decisions::run(&folder(1), number(2, 3), number(3, 5)),
        Some("ends") => ends::run(&folder(1), number(2, 10_000)),
        _ => {
            println!("say what: store, start, idle, verify, decisions, ends; the head of tests/bench/main.rs says how")
        }
    }
}

/// The middle one.
fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

/// The smallest that `part` of them do not exceed.
fn part(of: &[f64], part: f64) -> f64 {
    let mut of = of.to_vec();
    of.sort_by(f64::total_cmp);
    of[((of.len() as f64 * part).ceil() as usize).clamp(1, of.len()) - 1]
}

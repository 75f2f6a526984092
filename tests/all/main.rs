//! Every integration test, in one binary: one linking instead of one a file. Run them with `tests/run`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by panicking, in what it shares with others, too"
)]

mod attacks;
mod binary_path;
mod checks;
mod dashboard;
mod demo;
mod docs;
mod duty;
mod faults;
mod hardening;
mod laws;
mod machine;
mod notify;
mod postgres_target;
mod recorded_path;
mod scripts;
mod simulation;
mod stories;
mod support;
mod told;
mod webhook;
mod world;

//! What tests share: a database of their own, a folder of their own, the binary, and how to say that something is missing.
#![allow(dead_code, unused_imports, reason = "which of these a test needs changes from one to the next")]

mod database;
pub mod house;
pub mod relay;
pub mod served;
mod trails;

pub use database::{TempDatabase, pg_database};

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// The program under test: the one that `NIGHTLATCH_TEST_PROGRAM` names, else the one that was built with this.
pub fn binary() -> &'static Path {
    static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
        let named = std::env::var_os("NIGHTLATCH_TEST_PROGRAM").map(|path| std::path::absolute(path).unwrap());
        named.unwrap_or_else(|| env!("CARGO_BIN_EXE_nightlatch").into())
    });
    &PROGRAM
}

/// Says that a test cannot run here. `tests/run` counts these lines, and a build machine fails on them.
///
/// Written past the capturing of output, and into the file that `tests/run` names: a test that passed shows nothing.
pub fn skip(test: &str, why: &str) {
    let line = format!("SKIPPED {test}: {why}\n");
    if let Some(file) = std::env::var_os("NIGHTLATCH_TEST_SKIPPED") {
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(file).unwrap();
        file.write_all(line.as_bytes()).unwrap();
    } else {
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
}

/// A folder of one's own, 0700, gone with the value.
pub struct TempFolder(tempfile::TempDir, AtomicBool);

impl TempFolder {
    pub fn new() -> Self {
        Self(tempfile::Builder::new().prefix("nightlatch-").tempdir().unwrap(), AtomicBool::new(false))
    }

    /// Its stores are broken on purpose: nobody verifies what it leaves behind.
    pub fn tampered(&self) {
        self.1.store(true, Ordering::SeqCst);
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file beneath it and gives its path.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for TempFolder {
    fn drop(&mut self) {
        if !self.1.load(Ordering::SeqCst) {
            trails::leave_folder(self.path());
        }
    }
}

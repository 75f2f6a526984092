//! What a notifier knows between two starts: how far it heard the events, what stands, and what it has yet to report.
//!
//! A small private file. It holds numbers and words of ours, nothing of what a request says.

use super::carry::Report;
use crate::config::files;
use crate::notify::KeptItem;
use crate::text::Instant;
use serde::{Deserialize, Serialize};
use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// The form of the file.
const VERSION: u32 = 1;
/// No file of ours is larger, in bytes.
const LARGEST: u64 = 4 * 1024 * 1024;

/// What is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    version: u32,
    store: String,
    person: String,
    /// When, by the host's clock.
    pub at: Instant,
    /// Up to this event everything was heard.
    pub seq: i64,
    /// What is told and what stands.
    pub items: Vec<KeptItem>,
    /// What has yet to be reported.
    pub reports: Vec<Report>,
}

impl Kept {
    /// Of this store and person.
    pub fn new(store: &str, person: &str) -> Self {
        Self {
            version: VERSION,
            store: store.to_owned(),
            person: person.to_owned(),
            at: Instant::default(),
            seq: 0,
            items: Vec::new(),
            reports: Vec::new(),
        }
    }

    /// Reads it; nothing where there is none that can be used.
    pub fn read(path: &Path, store: &str, person: &str) -> Option<Self> {
        if !path.exists() {
            return None;
        }
        let text = files::read_private(path, LARGEST).map_err(|fault| fault.sentence);
        let kept = text.and_then(|text| serde_json::from_str::<Self>(&text).map_err(|_| "it is broken".into()));
        match kept {
            Ok(kept) if kept.version == VERSION && kept.store == store && kept.person == person => Some(kept),
            Ok(_) => None,
            Err(why) => {
                tracing::warn!("what was told is not taken from {}: {why}", path.display());
                None
            }
        }
    }

    /// Keeps it.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let draft = path.with_extension("new");
        let written = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft);
        written.and_then(|file| {
            let mut file = BufWriter::new(file);
            serde_json::to_writer(&mut file, self)?;
            file.flush()
        })?;
        std::fs::rename(&draft, path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_back_for_the_same_person_and_store_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept");
        assert_eq!(Kept::read(&path, "a", "sam"), None);
        let kept = Kept { seq: 7, at: Instant::from_millis(5), ..Kept::new("a", "sam") };
        kept.write(&path).unwrap();
        kept.write(&path).unwrap();
        assert_eq!(Kept::read(&path, "a", "sam"), Some(kept));
        assert_eq!(Kept::read(&path, "b", "sam"), None);
        assert_eq!(Kept::read(&path, "a", "li"), None);
        for broken in ["", "{}", "[1", "{\"version\":2}"] {
            std::fs::write(&path, broken).unwrap();
            assert_eq!(Kept::read(&path, "a", "sam"), None);
        }
    }
}

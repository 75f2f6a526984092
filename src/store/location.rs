//! Where a store is, as its url says. Must never show the password in it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::SystemTime;

use super::fault::StoreError;

/// The oldest SQLite that may hold a store: older ones can lose the write-ahead log's last pages.
const OLDEST_SQLITE: [u32; 3] = [3, 51, 3];

/// Where a store is.
#[derive(Clone, PartialEq, Eq)]
pub enum Location {
    /// A file.
    Sqlite(PathBuf),
    /// A `postgres://` URL.
    Postgres(String),
}

/// What a store's files show of its last write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trace(SystemTime, u64);

impl Location {
    /// The time and the length of SQLite's log, one of which every commit of any process moves. Asking costs no connection;
    /// PostgreSQL has nothing of the kind.
    pub fn trace(&self) -> Option<Trace> {
        let Self::Sqlite(path) = self else { return None };
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        let log = std::fs::metadata(log).ok()?;
        Some(Trace(log.modified().ok()?, log.len()))
    }

    /// Whether what is read after a commit that failed is there to stay. PostgreSQL stops when a sync fails, and starts
    /// from what was kept; with SQLite we read what the kernel holds, and perhaps never kept.
    pub(super) const fn reads_what_lasts(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }
}

impl FromStr for Location {
    type Err = StoreError;
    fn from_str(url: &str) -> Result<Self, StoreError> {
        if let Some(path) = url.strip_prefix("sqlite:").filter(|path| !path.is_empty()) {
            let path = path.strip_prefix("//").unwrap_or(path);
            Ok(Self::Sqlite(PathBuf::from(path)))
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Ok(Self::Postgres(url.to_owned()))
        } else {
            Err(StoreError::Broken("the store's url is neither sqlite:PATH nor postgres://…: mend [store] url".into()))
        }
    }
}

impl fmt::Display for Location {
    /// Without user, password and parameters.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(url) => {
                let url = url.split(['?', '#']).next().unwrap_or_default();
                let url = url.rsplit_once('@').or_else(|| url.split_once("://")).map_or("", |(_, rest)| rest);
                write!(f, "postgres://{url}")
            }
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Location({self})")
    }
}

/// Makes the file 0600 in a folder 0700 if it is not there, and refuses one that others can read: it holds what people wrote
/// and the hashes of their tokens.
pub(super) fn private_file(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
    let broken = |what: &str, fault: std::io::Error| {
        StoreError::Broken(format!("{} cannot be {what}: {fault}. Look at the folder's owner and mode", path.display()))
    };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists()) {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|fault| broken("made", fault))?;
    }
    // Made here, not by SQLite, so that it never exists with a wider mode; its companions take the same mode.
    let file = std::fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
    let mode = file.and_then(|file| file.metadata()).map_err(|fault| broken("opened", fault))?.permissions().mode();
    if mode & 0o077 != 0 {
        let shown = path.display();
        return Err(StoreError::Broken(format!("others than its owner can open {shown}: run chmod 600 {shown}")));
    }
    Ok(())
}

/// Refuses a SQLite that can lose what it wrote.
pub(super) fn new_enough(version: &str) -> Result<(), StoreError> {
    let parts: Vec<u32> = version.split('.').map_while(|part| part.parse().ok()).collect();
    if parts.as_slice() >= OLDEST_SQLITE.as_slice() {
        return Ok(());
    }
    let [a, b, c] = OLDEST_SQLITE;
    let sentence =
        format!("this program holds SQLite {version}, which can lose writes: build it with {a}.{b}.{c} or newer");
    Err(StoreError::Broken(sentence))
}

/// Refuses a place where SQLite cannot keep its write-ahead log.
pub(super) fn fit_for_a_log(path: &Path, journal: &str) -> Result<(), StoreError> {
    if journal == "wal" {
        return Ok(());
    }
    let shown = path.display();
    let sentence = format!("{shown} cannot have a write-ahead log where it lies: put the store on a local file system");
    Err(StoreError::Broken(sentence))
}

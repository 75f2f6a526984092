//! The last board that was seen, kept in a small private file: what is shown before the host has answered, with its age.
//!
//! It is a copy of what the host said to this person, and nothing is decided from it. One that is broken, of another version, of
//! another person or host, or that others could read, is not used.

use super::Door;
use crate::access::Status;
use crate::config::{Paths, files, paths::private_folder};
use crate::text::Instant;
use crate::wire::{BoardView, MeView, RequestView, WindowView};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

/// The form of the file.
const VERSION: u32 = 1;
/// No file of ours is larger, in bytes.
const LARGEST: u64 = 4 * 1024 * 1024;
/// So many requests at most: it is for the first look, and must be read in a moment.
pub const MOST: usize = 400;

/// What was kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    version: u32,
    /// Whose view of which host.
    of: String,
    /// When it was seen, by this machine's clock.
    pub at: Instant,
    /// Who saw it.
    pub me: MeView,
    /// The board.
    pub board: BoardView,
}

/// As much of a kept board as fits into a status bar, read in a moment whatever else there is.
#[derive(Debug, Clone, Deserialize)]
pub struct Glance {
    of: String,
    /// When it was seen, by this machine's clock.
    pub at: Instant,
    /// Who saw it.
    pub me: MeView,
    /// The board.
    pub board: GlanceBoard,
}

/// The board of a glance.
#[derive(Debug, Clone, Deserialize)]
pub struct GlanceBoard {
    /// The server's time.
    pub server_now: Instant,
    /// The rows.
    pub rows: Vec<GlanceRow>,
}

/// A request at a glance.
#[derive(Debug, Clone, Deserialize)]
pub struct GlanceRow {
    /// Its number.
    pub id: i64,
    /// Its status.
    pub status: Status,
    /// Its removal is overdue.
    pub overdue: bool,
    /// The system.
    pub system: String,
    /// Who asked.
    pub requester: GlancePerson,
    /// Who holds the access.
    pub user: GlancePerson,
    /// Whom it goes to.
    pub approver: GlancePerson,
    /// The window.
    pub window: WindowView,
    /// The extension, waiting or past.
    pub extension: Option<GlanceExtension>,
}

/// A person at a glance.
#[derive(Debug, Clone, Deserialize)]
pub struct GlancePerson {
    /// Who.
    pub id: String,
}

/// An extension at a glance.
#[derive(Debug, Clone, Deserialize)]
pub struct GlanceExtension {
    /// It waits for a verdict.
    pub waits: bool,
    /// Whom it goes to.
    pub approver: GlancePerson,
}

/// Only as much as says whether the rest can be read.
#[derive(Deserialize)]
struct Form {
    version: u32,
}

fn path(paths: &Paths, door: &Door) -> PathBuf {
    let name: String = door.binding().chars().take(16).collect();
    paths.cache.join(format!("board-{name}.json"))
}

/// What was kept of the host behind `door`: nothing, or why it is not used.
pub fn read(paths: &Paths, door: &Door) -> Result<Option<Kept>, String> {
    read_as(paths, door, |kept: &Kept| &kept.of)
}

/// The same, at a glance.
pub fn glance(paths: &Paths, door: &Door) -> Result<Option<Glance>, String> {
    read_as(paths, door, |glance: &Glance| &glance.of)
}

fn read_as<T: DeserializeOwned>(paths: &Paths, door: &Door, of: fn(&T) -> &String) -> Result<Option<T>, String> {
    let path = path(paths, door);
    if !path.exists() {
        return Ok(None);
    }
    let not = |why: &str| format!("the kept board is not used, {why}: {}", path.display());
    let text = files::read_private(&path, LARGEST).map_err(|fault| not(&fault.sentence))?;
    let form: Form = serde_json::from_str(&text).map_err(|_| not("it is broken"))?;
    if form.version != VERSION {
        return Err(not("another version of nightlatch wrote it"));
    }
    let kept: T = serde_json::from_str(&text).map_err(|_| not("it is broken"))?;
    if *of(&kept) == door.binding() { Ok(Some(kept)) } else { Err(not("it is another person's")) }
}

/// What is kept first where there are too many requests: overdue, then open.
pub fn rank(row: &RequestView) -> (bool, bool, i64) {
    (!row.overdue, row.status.is_over(), row.id)
}

/// Keeps a board.
pub fn write(paths: &Paths, door: &Door, at: Instant, me: &MeView, mut board: BoardView) -> io::Result<()> {
    board.rows.sort_by_key(rank);
    board.rows.truncate(MOST);
    let kept = Kept { version: VERSION, of: door.binding(), at, me: me.clone(), board };
    private_folder(&paths.cache).map_err(|fault| io::Error::other(fault.sentence))?;
    let path = path(paths, door);
    let chance = crate::secret::hex::<4>().map_err(io::Error::other)?;
    let draft = path.with_extension(format!("{chance}.new"));
    let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).and_then(|file| {
        let mut file = BufWriter::new(file);
        serde_json::to_writer(&mut file, &kept)?;
        file.flush()
    });
    let placed = written.and_then(|()| std::fs::rename(&draft, &path));
    if placed.is_err() {
        // A half-written draft is of no use to anybody.
        drop(std::fs::remove_file(&draft));
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::super::Address;
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn door(url: &str) -> Door {
        Door::Hosts { addresses: vec![Address::Http(url.into())], token: None }
    }

    fn me() -> MeView {
        serde_json::from_value(serde_json::json!({"person": {"id": "sam", "name": "Sam Lee"}, "zone": "UTC",
            "duties": [], "on_duty_for": [], "via": "socket", "store": "7f3a"}))
        .unwrap()
    }

    fn board() -> BoardView {
        serde_json::from_value(serde_json::json!({"seq": 7, "server_now": "2026-11-22T00:30:00Z", "full": true,
            "rows": [], "gone": [], "link": "", "frozen": [], "sane": true}))
        .unwrap()
    }

    #[test]
    fn it_comes_back_as_it_was_for_the_same_view_only() {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::below(folder.path());
        let (one, other, at) = (door("https://a.example"), door("https://b.example"), Instant::from_millis(5));
        assert_eq!(read(&paths, &one), Ok(None));
        write(&paths, &one, at, &me(), board()).unwrap();
        write(&paths, &one, at, &me(), board()).unwrap();
        let kept = read(&paths, &one).unwrap().unwrap();
        assert_eq!((kept.at, kept.me, kept.board), (at, me(), board()));
        let seen = glance(&paths, &one).unwrap().unwrap();
        assert_eq!((seen.at, seen.me, seen.board.rows.len()), (at, me(), 0));
        assert_eq!(read(&paths, &other), Ok(None));
        std::fs::rename(path(&paths, &one), path(&paths, &other)).unwrap();
        assert!(read(&paths, &other).unwrap_err().contains("another person's"));
        assert_eq!(std::fs::read_dir(&paths.cache).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn a_broken_strange_or_readable_one_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let (paths, door) = (Paths::below(folder.path()), door("https://a.example"));
        write(&paths, &door, Instant::default(), &me(), board()).unwrap();
        let path = path(&paths, &door);
        let text = std::fs::read_to_string(&path).unwrap();
        for (wrong, says) in [
            (text[..text.len() / 2].to_owned(), "broken"),
            (text.replace("\"version\":1", "\"version\":2"), "another version"),
            ("[]".into(), "broken"),
            ("<html>".into(), "broken"),
        ] {
            std::fs::write(&path, wrong).unwrap();
            assert!(read(&paths, &door).unwrap_err().contains(says));
        }
        std::fs::write(&path, &text).unwrap();
        assert!(read(&paths, &door).unwrap().is_some());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(read(&paths, &door).unwrap_err().contains("0644"));
    }
}

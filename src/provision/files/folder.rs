//! The folder itself: every act opens it anew, without following a link, and works beneath that handle.

use crate::provision::contract::{Fault, Granted, Observation, Presence, Spec, Stray, store_of};
use crate::text::Instant;
use crate::text::words::{safe_line, shell};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// More than any file of ours holds.
const LONGEST_FILE: u64 = 256 * 1024;

/// How the name of an access file ends.
const ENDING: &str = ".json";

/// What a file of ours holds: the spec, and the store whose mark it carries.
#[derive(Serialize)]
struct Written<'a> {
    store: &'a str,
    #[serde(flatten)]
    spec: &'a Spec,
}

/// What is read back: as little as tells whose it is and when it ends.
#[derive(Deserialize)]
struct Held {
    store: String,
    mark: String,
    until: Instant,
}

/// What stands under one name.
enum Found {
    Nothing,
    /// A file with a mark, ours or another store's.
    Marked(Held),
    /// Something that we did not write, and why one can tell.
    Foreign(&'static str),
}

#[derive(Debug, Clone)]
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Where the file of this stem is.
    pub(super) fn path(&self, stem: &str) -> PathBuf {
        self.path.join(format!("{stem}{ENDING}"))
    }

    /// Writes the file whole, or moves its end; what stands there and is not ours stays as it is. Lasts from the next
    /// [`Folder::sync`] on.
    pub(super) fn grant(&self, stem: &str, spec: &Spec) -> Result<Granted, Fault> {
        let store = store_of(&spec.mark).unwrap_or_default();
        let folder = self.open_to_write()?;
        let name = format!("{stem}{ENDING}");
        let replaces = match self.look(&folder, &name)? {
            Found::Nothing => false,
            Found::Marked(held) if held.is_of(store) => true,
            Found::Marked(_) | Found::Foreign(_) => return Err(self.not_ours(&name)),
        };
        let mut body = serde_json::to_vec_pretty(&Written { store, spec })
            .map_err(|fault| Fault::lasting(format!("the grant cannot be written as JSON: {fault}")))?;
        body.push(b'\n');

        // Ends in neither `.json` nor a mark, so that nobody takes it for access. One actor works on a key at a time:
        // what lies there is left over from a crash.
        let part = format!(".{stem}.part");
        self.unlink(&folder, &part)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&folder, &part, flags, Mode::RUSR | Mode::WUSR)
            .map_err(|errno| self.fault("write", &part, errno))?;
        let mut file = File::from(file);
        file.write_all(&body)
            .and_then(|()| file.sync_all())
            .map_err(|fault| Fault::passing(format!("cannot write {}: {fault}", self.shown(&part))))?;
        match put(&folder, &part, &name, replaces) {
            Ok(()) => {}
            Err(Errno::EXIST) => {
                self.unlink(&folder, &part)?;
                return Err(self.not_ours(&name));
            }
            Err(errno) => return Err(self.fault("put in place", &name, errno)),
        }
        Ok(Granted { second_lock: false })
    }

    /// Takes the file out. What is not ours stays, and is said. Lasts from the next [`Folder::sync`] on.
    pub(super) fn remove(&self, stem: &str, spec: &Spec) -> Result<(), Fault> {
        let store = store_of(&spec.mark).unwrap_or_default();
        let Some(folder) = self.open()? else { return Ok(()) };
        let name = format!("{stem}{ENDING}");
        match self.look(&folder, &name)? {
            Found::Nothing => {}
            Found::Marked(held) if held.is_of(store) => self.unlink(&folder, &name)?,
            Found::Marked(_) | Found::Foreign(_) => return Err(self.not_ours(&name)),
        }
        self.unlink(&folder, &format!(".{stem}.part"))
    }

    /// Reads the file again.
    pub(super) fn observe(&self, stem: &str, spec: &Spec) -> Result<Observation, Fault> {
        let store = store_of(&spec.mark).unwrap_or_default();
        let name = format!("{stem}{ENDING}");
        let found = match self.open()? {
            Some(folder) => self.look(&folder, &name)?,
            None => Found::Nothing,
        };
        let shown = self.shown(&name);
        let seen = |presence, until, evidence, ours| Observation { presence, until, sessions: None, evidence, ours };
        Ok(match found {
            Found::Nothing => seen(Presence::Absent, None, format!("{shown}: not there"), false),
            Found::Marked(held) => {
                let mark = safe_line(held.mark.as_bytes());
                let evidence = format!("{shown}: there, marked {mark}, until {}", held.until);
                seen(Presence::Present, Some(held.until), evidence, held.is_of(store))
            }
            Found::Foreign(why) => seen(Presence::Present, None, format!("{shown}: there, but {why}"), false),
        })
    }

    /// Every file that carries this store's mark, in its name or in its text.
    pub(super) fn strays(&self, store: &str) -> Result<Vec<Stray>, Fault> {
        let Some(folder) = self.open()? else { return Ok(Vec::new()) };
        let entries = Dir::read_from(&folder).map_err(|errno| self.fault("read", "", errno))?;
        let mut strays = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|errno| self.fault("read", "", errno))?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            let Some(stem) = name.strip_suffix(ENDING) else { continue };
            let shown = self.shown(name);
            match self.look(&folder, name)? {
                Found::Marked(held) if held.is_of(store) => {
                    let evidence = format!("{shown}: there until {}", held.until);
                    strays.push(Stray { mark: held.mark, evidence });
                }
                Found::Foreign(why) if store_of(stem) == Some(store) => {
                    let evidence = format!("{shown}: named as ours, but {why}");
                    strays.push(Stray { mark: stem.to_owned(), evidence });
                }
                Found::Marked(_) | Found::Foreign(_) | Found::Nothing => {}
            }
        }
        strays.sort_by(|a, b| a.mark.cmp(&b.mark));
        Ok(strays)
    }

    /// Makes the folder where it is missing and tries whether it can be written.
    pub(super) fn probe(&self) -> Result<(), Fault> {
        let folder = self.open_to_write()?;
        rustix::fs::accessat(&folder, ".", rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK, AtFlags::EACCESS)
            .map_err(|errno| self.fault("write in", "", errno))
    }

    /// The folder for reading and for removing; `None` where there is none. Refuses a link.
    fn open(&self) -> Result<Option<OwnedFd>, Fault> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::open(&self.path, flags, Mode::empty()) {
            Ok(folder) => Ok(Some(folder)),
            Err(Errno::NOENT) => Ok(None),
            Err(Errno::LOOP | Errno::NOTDIR) => Err(Fault::lasting(format!(
                "{} is a symbolic link or not a folder: name the folder itself in the policy",
                self.shown("")
            ))),
            Err(errno) => Err(self.fault("open", "", errno)),
        }
    }

    /// The folder for granting: made 0700 where it is missing, refused where others could put files into it.
    ///
    /// Removing does not ask this: access must end in a folder that somebody widened meanwhile, too.
    fn open_to_write(&self) -> Result<OwnedFd, Fault> {
        let folder = if let Some(folder) = self.open()? {
            folder
        } else {
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&self.path)
                .map_err(|fault| Fault::passing(format!("cannot make the folder {}: {fault}", self.shown(""))))?;
            if let Some(parent) = self.path.parent().filter(|parent| *parent != Path::new("")) {
                let _ = File::open(parent).and_then(|parent| parent.sync_all());
            }
            self.open()?.ok_or_else(|| Fault::passing(format!("the folder {} went away", self.shown(""))))?
        };
        let mode = rustix::fs::fstat(&folder).map_err(|errno| self.fault("read", "", errno))?.st_mode;
        if Mode::from_raw_mode(mode).intersects(Mode::WGRP | Mode::WOTH) {
            return Err(Fault::passing(format!(
                "others can write in {}, so its files prove nothing: run chmod go-w {}",
                self.shown(""),
                shell(&self.path.to_string_lossy())
            )));
        }
        Ok(folder)
    }

    /// What stands under this name; only a regular file with our fields is a file of nightlatch's.
    fn look(&self, folder: &OwnedFd, name: &str) -> Result<Found, Fault> {
        // NONBLOCK: a pipe that somebody put there must not hold us.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(folder, name, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(Found::Nothing),
            Err(Errno::LOOP) => return Ok(Found::Foreign("it is a symbolic link")),
            Err(Errno::NXIO) => return Ok(Found::Foreign("it is not a plain file")),
            Err(errno) => return Err(self.fault("read", name, errno)),
        };
        let stat = rustix::fs::fstat(&file).map_err(|errno| self.fault("read", name, errno))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Ok(Found::Foreign("it is not a plain file"));
        }
        let mut text = Vec::new();
        File::from(file)
            .take(LONGEST_FILE + 1)
            .read_to_end(&mut text)
            .map_err(|fault| Fault::passing(format!("cannot read {}: {fault}", self.shown(name))))?;
        if text.len() as u64 > LONGEST_FILE {
            return Ok(Found::Foreign("it is longer than any file of ours"));
        }
        Ok(match serde_json::from_slice::<Held>(&text) {
            Ok(held) if store_of(&held.mark) == Some(&held.store) => Found::Marked(held),
            _ => Found::Foreign("it carries no mark of ours"),
        })
    }

    fn unlink(&self, folder: &OwnedFd, name: &str) -> Result<(), Fault> {
        match rustix::fs::unlinkat(folder, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(self.fault("remove", name, errno)),
        }
    }

    /// Makes what was done to the folder outlive a power cut.
    pub(super) fn sync(&self) -> Result<(), Fault> {
        let Some(folder) = self.open()? else { return Ok(()) };
        rustix::fs::fsync(&folder).map_err(|errno| self.fault("sync", "", errno))
    }

    fn shown(&self, name: &str) -> String {
        let path = if name.is_empty() { self.path.clone() } else { self.path.join(name) };
        safe_line(path.to_string_lossy().as_bytes())
    }

    fn fault(&self, act: &str, name: &str, errno: Errno) -> Fault {
        Fault::passing(format!("cannot {act} {}: {}", self.shown(name), std::io::Error::from(errno)))
    }

    fn not_ours(&self, name: &str) -> Fault {
        Fault::lasting(format!(
            "{} stood there before and is not ours: move it away, or name another folder in the policy",
            self.shown(name)
        ))
    }
}

/// Moves the finished part to its name, without taking the place of what came there meanwhile.
fn put(folder: &OwnedFd, part: &str, name: &str, replaces: bool) -> Result<(), Errno> {
    if !replaces {
        match rustix::fs::renameat_with(folder, part, folder, name, RenameFlags::NOREPLACE) {
            // The file system does not know the flag; we looked a moment ago, and that must do there.
            Err(Errno::INVAL | Errno::NOSYS) => {}
            done => return done,
        }
    }
    rustix::fs::renameat(folder, part, folder, name)
}

impl Held {
    /// Whether it carries the mark of this store (`nl-STORE-`).
    fn is_of(&self, store: &str) -> bool {
        self.store == store
    }
}

//! The keeper of checkpoints: signs the head, at most once a second, and keeps the note in the store and in a file outside
//! it, so that a store that was set back is noticed.

use super::{Answered, Fault, Service};
use crate::secret;
use crate::store::Head;
use crate::text::Instant;
use crate::trail::checkpoint::{Checkpoint, Note, Signer};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};

/// The signing key and where its notes go.
pub(super) struct Keeper {
    signer: Signer,
    file: PathBuf,
    /// The size that was signed last.
    signed: AtomicI64,
    /// One at a time writes the file.
    writing: Mutex<()>,
}

impl Keeper {
    /// Reads the key, or makes one where there is none: 0600, outside the data folder.
    pub fn open(store_id: &str, key: &Path, file: PathBuf) -> Result<Self, String> {
        let seed = match fs::read(key) {
            Ok(text) => {
                crate::config::check_private(key).map_err(|fault| fault.to_string())?;
                let text = String::from_utf8_lossy(&text).trim().to_owned();
                crate::trail::link::unhex(&text).ok_or_else(|| {
                    format!("{} is no checkpoint key: restore it, or remove it to make a new one", key.display())
                })?
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => make(key)?,
            Err(error) => return Err(format!("the checkpoint key {} cannot be read: {error}", key.display())),
        };
        let signer = Signer::from_seed(store_id, &seed).map_err(|bad| format!("{}: {bad}", key.display()))?;
        Ok(Self { signer, file, signed: AtomicI64::new(0), writing: Mutex::default() })
    }

    /// What checks its notes.
    pub fn verifier_key(&self) -> String {
        self.signer.verifier_key().to_string()
    }

    /// How many events the last note outside the store knows.
    pub fn known_outside(&self) -> Result<Option<(i64, Checkpoint)>, String> {
        let text = match fs::read_to_string(&self.file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("{} cannot be read: {error}", self.file.display())),
        };
        let shown = self.file.display();
        let note = Note::parse(&text).map_err(|bad| format!("{shown}: {bad}"))?;
        note.verify(&[self.signer.verifier_key()]).map_err(|bad| format!("{shown}: {bad}"))?;
        let checkpoint = note.checkpoint().map_err(|bad| format!("{shown}: {bad}"))?;
        Ok(Some((i64::try_from(checkpoint.size).unwrap_or(i64::MAX), checkpoint)))
    }

    /// Whether a head of this size was signed.
    pub fn is_signed(&self, seq: i64) -> bool {
        self.signed.load(Ordering::SeqCst) == seq
    }

    /// A note over the head, unless this size was signed already.
    fn sign(&self, head: &Head) -> Option<Note> {
        if self.signed.swap(head.seq, Ordering::SeqCst) == head.seq || head.seq == 0 {
            return None;
        }
        let checkpoint = Checkpoint {
            store_id: head.store_id.clone(),
            size: u64::try_from(head.seq).unwrap_or(0),
            root: head.tree.root(),
            link: Some(head.link),
            at: Some(head.at),
        };
        Some(checkpoint.sign(&self.signer))
    }

    fn write(&self, note: &str) -> std::io::Result<()> {
        let _one = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = self.file.with_extension("new");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).open(&fresh)?;
        file.write_all(note.as_bytes())?;
        fs::rename(fresh, &self.file)
    }
}

fn make(key: &Path) -> Result<Vec<u8>, String> {
    let fault = |error: std::io::Error| format!("the checkpoint key {} cannot be made: {error}", key.display());
    let seed = secret::bytes::<32>().map_err(|error| error.to_string())?;
    if let Some(folder) = key.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(fault)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(key).map_err(fault)?;
    writeln!(file, "{}", crate::trail::link::hex(&seed)).map_err(fault)?;
    file.sync_all().map_err(fault)?;
    Ok(seed.to_vec())
}

impl Service {
    /// Signs the head where it moved.
    pub(super) async fn keep(&self, at: Instant) -> Answered<()> {
        let head = self.inner.store.head().await?;
        let Some(note) = self.inner.keeper.sign(&head) else { return Ok(()) };
        let text = note.to_string();
        self.inner.store.put_checkpoint(head.seq, at, &text).await?;
        if !self.inner.behind() {
            self.inner.keeper.write(&text).map_err(|error| {
                Fault::Broken(format!(
                    "the checkpoint file {} cannot be written: {error}",
                    self.inner.keeper.file.display()
                ))
            })?;
        }
        Ok(())
    }

    /// Whether the store is behind, or beside, what its own checkpoint outside knows: how many events are lost.
    pub(super) async fn look_behind(&self) -> Answered<Option<i64>> {
        let known = self.inner.keeper.known_outside().map_err(Fault::Broken)?;
        let Some((size, checkpoint)) = known else { return Ok(None) };
        let head = self.inner.store.head().await?;
        if size > head.seq {
            return Ok(Some(size - head.seq));
        }
        let there = self.inner.store.events(None, size - 1, 1).await?;
        let same = there.first().is_none_or(|event| checkpoint.link.is_none_or(|link| link == event.link));
        Ok(if same { None } else { Some(0) })
    }

    /// An admin accepted the loss since the service started: go on from here.
    pub(super) async fn look_for_accepted(&self) -> Answered<()> {
        if !self.inner.behind() {
            return Ok(());
        }
        let since = self.inner.started_seq.load(Ordering::SeqCst);
        let events = self.inner.store.events(Some(&crate::access::Subject::Store), since, 1000).await?;
        if events.iter().any(|event| event.kind == "loss-accepted") {
            self.inner.lost.store(-1, Ordering::SeqCst);
            self.inner.keeper.signed.store(0, Ordering::SeqCst);
        }
        Ok(())
    }
}

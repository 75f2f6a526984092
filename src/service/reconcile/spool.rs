//! Removals done while the store was away: kept in a file that was made large enough before, and recorded on return.

use super::super::{Answered, Fault, Service};
use crate::access::command::{Command, Outcome, Report, Spooled};
use crate::access::event::Observed;
use crate::access::{Actor, Code, Request, RequestNumber, Status, Subject, Text, status};
use crate::text::Instant;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How large the file is made, so that a full disk does not lose a removal.
const ROOM: u64 = 256 * 1024;
/// How long, in seconds, until a removal that failed without the store is tried again.
const PAUSE_SECONDS: i64 = 5;

/// One removal that was done without the store.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Entry {
    number: RequestNumber,
    observed: Observed,
    evidence: String,
    /// When the target had been read last, as far as was known then.
    #[serde(default)]
    knew: Option<Instant>,
}

/// The file, and what was tried lately.
pub(in crate::service) struct Spool {
    file: Mutex<File>,
    /// It may hold something. Known, because it is looked at whenever something was written.
    holds: AtomicBool,
    tried: Mutex<HashMap<RequestNumber, Instant>>,
}

impl Spool {
    /// Opens the file and makes room in it.
    pub fn open(path: &Path) -> Result<Self, String> {
        let fault = |error: io::Error| format!("the spool {} cannot be made: {error}", path.display());
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path).map_err(fault)?;
        let length = file.metadata().map_err(fault)?.len();
        if length < ROOM {
            rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), length, ROOM - length)
                .map_err(|error| fault(error.into()))?;
            file.sync_all().map_err(fault)?;
        }
        Ok(Self { file: Mutex::new(file), holds: AtomicBool::new(true), tried: Mutex::default() })
    }

    fn file(&self) -> MutexGuard<'_, File> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is in it, and where it ends.
    fn read(file: &mut File) -> io::Result<(Vec<Entry>, u64)> {
        let mut text = Vec::new();
        file.seek(SeekFrom::Start(0))?;
        file.read_to_end(&mut text)?;
        let end = text.iter().position(|b| *b == 0).unwrap_or(text.len());
        let lines = text.get(..end).unwrap_or_default().split(|b| *b == b'\n').filter(|line| !line.is_empty());
        Ok((lines.filter_map(|line| serde_json::from_slice(line).ok()).collect(), end as u64))
    }

    fn entries(&self) -> io::Result<Vec<Entry>> {
        if !self.holds.load(Ordering::SeqCst) {
            return Ok(Vec::new());
        }
        let mut file = self.file();
        let (entries, end) = Self::read(&mut file)?;
        // Under the file's lock, so that nothing is appended meanwhile.
        self.holds.store(end > 0, Ordering::SeqCst);
        Ok(entries)
    }

    fn append(&self, entry: &Entry) -> io::Result<()> {
        let mut file = self.file();
        self.holds.store(true, Ordering::SeqCst);
        let (_, end) = Self::read(&mut file)?;
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        file.seek(SeekFrom::Start(end))?;
        file.write_all(&line)?;
        file.sync_data()
    }

    fn clear(&self) -> io::Result<()> {
        let mut file = self.file();
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&vec![0; usize::try_from(ROOM).unwrap_or(0)])?;
        file.sync_data()
    }

    /// Whether it was tried a moment ago; if not, it is now.
    pub(super) fn lately(&self, number: RequestNumber, at: Instant) -> bool {
        let mut tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        let lately = tried.get(&number).is_some_and(|before| at.since(*before).seconds() < PAUSE_SECONDS);
        if !lately {
            tried.insert(number, at);
        }
        lately
    }
}

/// Whether another live grant holds the same access.
pub(super) fn carried(held: &[Arc<Request>], request: &Request, at: Instant) -> bool {
    let key = |request: &Request| request.held().map(|held| held.placement.access_key.clone());
    held.iter().any(|other| {
        other.number != request.number
            && key(other) == key(request)
            && matches!(status(other, at), Status::Active | Status::Granting)
    })
}

impl Service {
    /// Removes what is past its end as known by now, while the store is away.
    pub(super) async fn remove_unrecorded(&self) {
        let at = self.now().at;
        let spool = &self.inner.spool;
        let done: Vec<RequestNumber> = spool.entries().unwrap_or_default().iter().map(|entry| entry.number).collect();
        let held = self.inner.board.held();
        for request in &held {
            let number = request.number;
            let past = status(request, at) == Status::Ending && !carried(&held, request, at);
            if !past || done.contains(&number) || spool.lately(number, at) {
                continue;
            }
            if let Some(observed) = self.remove_bare(request).await {
                let evidence = observed.evidence.words.clone();
                let knew = request.held().and_then(|held| held.observed.as_ref()).map(|read| read.at);
                match spool.append(&Entry { number, observed, evidence, knew }) {
                    Ok(()) => tracing::warn!(%number, "removed while the store was away; recorded on its return"),
                    Err(error) => tracing::error!(%error, %number, "removed, and the spool cannot be written"),
                }
            }
        }
    }

    /// Records what was removed while the store was away, with both times.
    pub(super) async fn replay_spool(&self) -> Answered<()> {
        let broken = |error: io::Error| Fault::Broken(format!("the spool cannot be used: {error}"));
        let entries = self.inner.spool.entries().map_err(broken)?;
        if entries.is_empty() {
            return Ok(());
        }
        for Entry { number, mut observed, evidence, knew } in entries {
            observed.evidence = Text::draft(evidence);
            let spooled = Some(Spooled { at: observed.at, knew });
            let report = Report { attempt: 0, outcome: Outcome::Absent(observed), retry_at: self.now().at, spooled };
            let subject = Some(Subject::Request(number));
            match self.send(&Actor::Reconciler, subject, Command::ReportRemoval(report), None).await {
                Err(Fault::Refused(refusal)) if refusal.code == Code::StaleReport => {}
                other => drop(other?),
            }
        }
        self.inner.spool.clear().map_err(broken)
    }
}

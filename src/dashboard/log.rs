//! The dashboard's log: a private file of bounded size, beside which nothing is said on the screen. It tells of the link and of
//! what became of acts, by number and verb; never what a request says.

use crate::config::paths::private_folder;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// A longer log begins anew; the one before is kept.
const LONGEST: u64 = 1024 * 1024;

/// From now on what happens is written below `folder`. Where that cannot be, it is not written.
pub fn begin(folder: &Path) {
    let Ok(log) = Log::open(folder.join("dashboard.log")) else { return };
    let level = tracing_subscriber::EnvFilter::try_from_env("NIGHTLATCH_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("nightlatch=info,warn"));
    let log = tracing_subscriber::fmt().with_env_filter(level).with_ansi(false).with_writer(Mutex::new(log));
    // Whoever was first goes on.
    let _ = log.try_init();
}

struct Log {
    path: PathBuf,
    file: File,
    length: u64,
}

impl Log {
    fn open(path: PathBuf) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            private_folder(folder).map_err(|fault| io::Error::other(fault.sentence))?;
        }
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path)?;
        let length = file.metadata()?.len();
        Ok(Self { path, file, length })
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.length > LONGEST {
            // Another pane may have done it already: then its new file is simply joined.
            if self.path.metadata().is_ok_and(|meta| meta.len() > LONGEST) {
                std::fs::rename(&self.path, self.path.with_extension("log.old"))?;
            }
            *self = Self::open(std::mem::take(&mut self.path))?;
        }
        let written = self.file.write(bytes)?;
        self.length = self.length.saturating_add(u64::try_from(written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn it_is_private_and_stays_small() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/dashboard.log");
        let mut log = Log::open(path.clone()).unwrap();
        let line = vec![b'x'; 64 * 1024];
        for _ in 0..60 {
            log.write_all(&line).unwrap();
        }
        let size = |path: &Path| path.metadata().unwrap().len();
        assert!(size(&path) <= LONGEST + 64 * 1024 && size(&path.with_extension("log.old")) <= LONGEST + 128 * 1024);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 2);
    }
}

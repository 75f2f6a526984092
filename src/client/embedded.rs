//! The embedded store of this account: found, joined or started.
//!
//! It is a process of its own, which makes itself a session of its own, and outlives whoever started it. Nothing secret is in its arguments or
//! its environment, and its socket lies in a folder that only this account can enter.

use super::{Address, Client, ClientError};
use crate::config::Paths;
use crate::config::paths::private_folder;
use crate::policy::Fault;
use crate::text::Clean;
use rustix::fs::{FlockOperation, flock};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};

/// How often it is asked whether it is there by now.
const KNOCK: Duration = Duration::from_millis(50);
/// So many knocks: fifteen seconds.
const KNOCKS: u32 = 300;
/// So many after the one that was started has ended: another starter's may be on its way.
const LAST_KNOCKS: u32 = 40;
/// A longer log begins anew; the one before is kept.
const LONGEST_LOG: u64 = 4 * 1024 * 1024;
/// What its environment must not hold: it asks no host, and needs no token.
const NOT_FOR_IT: [&str; 3] = ["NIGHTLATCH_TOKEN", "NIGHTLATCH_STORE", "NIGHTLATCH_CONFIG"];

/// Joins the embedded store, or starts it as `program serve --embedded` and joins that. When two start one at the same time the
/// store's lock decides, and both join the winner's.
pub async fn join_or_start(paths: &Paths, program: &Path) -> Result<Client, ClientError> {
    let client = client(paths)?;
    if answers(&client).await {
        return Ok(client);
    }
    let log = log_path(paths);
    let mut child = start(paths, program)?;
    let mut left = KNOCKS;
    while left > 0 {
        tokio::time::sleep(KNOCK).await;
        if answers(&client).await {
            return Ok(client);
        }
        if child.try_wait().is_ok_and(|ended| ended.is_some()) {
            left = left.min(LAST_KNOCKS);
        }
        left -= 1;
    }
    let said = last_words(&log).map_or_else(String::new, |words| format!(" ({words})"));
    Err(ClientError::Away(format!("the embedded store does not start{said}: read {}", log.display())))
}

/// One's place among those who sit before the embedded store, at a dashboard or its lines: it does not stop meanwhile.
#[derive(Debug)]
pub struct Seat(File);

impl Seat {
    /// Takes one; none where the folder takes no file.
    pub fn take(paths: &Paths) -> Option<Self> {
        private_folder(&paths.runtime).ok()?;
        let path = paths.dashboards();
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path).ok()?;
        flock(&file, FlockOperation::NonBlockingLockShared).ok()?;
        Some(Self(file))
    }

    /// Leaves it. Whether nobody else has one.
    pub fn leave_as_last(self) -> bool {
        flock(&self.0, FlockOperation::NonBlockingLockExclusive).is_ok()
    }
}

/// A client of the embedded store, which need not run.
pub fn client(paths: &Paths) -> Result<Client, ClientError> {
    // Whoever owns the folder owns the answers.
    private_folder(&paths.runtime).map_err(|fault| away(&fault))?;
    Client::new(vec![Address::Unix(paths.socket())], None)
}

/// Where it says what it does.
pub fn log_path(paths: &Paths) -> PathBuf {
    paths.data.join("server.log")
}

async fn answers(client: &Client) -> bool {
    client.get::<serde::de::IgnoredAny>("/healthz").await.is_ok()
}

fn start(paths: &Paths, program: &Path) -> Result<Child, ClientError> {
    private_folder(&paths.data).map_err(|fault| away(&fault))?;
    let log = log_path(paths);
    let unwritable = |error: io::Error| {
        ClientError::Away(format!("{} cannot be written: {error}: check the disk and the folder", log.display()))
    };
    let out = open_log(&log).map_err(unwritable)?;
    let err = out.try_clone().map_err(unwritable)?;
    let mut command = Command::new(program);
    command.args(["serve", "--embedded"]).stdin(Stdio::null()).stdout(out).stderr(err).current_dir("/");
    for name in NOT_FOR_IT {
        command.env_remove(name);
    }
    command.spawn().map_err(|error| ClientError::Away(format!("{} cannot be started: {error}", program.display())))
}

fn open_log(path: &Path) -> io::Result<File> {
    if path.metadata().is_ok_and(|meta| meta.len() > LONGEST_LOG) {
        std::fs::rename(path, path.with_extension("log.old"))?;
    }
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

/// What the log says last: the program's own last trouble with its cure, else the last line.
fn last_words(path: &Path) -> Option<String> {
    let mut file = File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(2048))).ok()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let trouble = lines.iter().rposition(|line| line.starts_with("nightlatch: ")).or(lines.len().checked_sub(1))?;
    let words = lines.get(trouble..)?.join("; ");
    Some(Clean::line(words.trim_start_matches("nightlatch: ")).cut(400).as_str().to_owned())
}

fn away(fault: &Fault) -> ClientError {
    ClientError::Away(format!("{}: {}; {}", fault.file, fault.sentence, fault.cure))
}

//! One run of somebody else's program, bounded in time and in output, with nothing left behind.
//!
//! No shell, no secret in its arguments, and of our environment only what is named. Knows nothing of what it is run for.

pub mod safe;

use crate::text::Length;
use crate::text::words::last_line;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// The most that is read from each of standard output and standard error, in bytes.
const MOST: usize = 64 * 1024;

/// How long pipes may stay open once the program and its group are gone: only what left the group still holds them.
const LINGER: Duration = Duration::from_millis(200);

/// How long a killed process may take to be gone.
const DYING: Duration = Duration::from_secs(1);

/// All that every program sees of our environment. Our token and store's address are not among it.
const PASSED_ON: [&str; 3] = ["PATH", "HOME", "LANG"];

/// What is run.
#[derive(Debug, Clone, Copy)]
pub struct Program<'a> {
    /// The program and its arguments.
    pub argv: &'a [String],
    /// What faults call it.
    pub shown: &'a str,
    /// How long it may take.
    pub limit: Length,
    /// What it sees of our environment beside `PATH`, `HOME` and `LANG`.
    pub passed_on: &'a [&'a str],
}

/// A run that ended by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// Whether it ended with 0.
    pub success: bool,
    /// How it ended, in words.
    pub ending: String,
    /// What it printed.
    pub stdout: Vec<u8>,
    /// What it said beside.
    pub stderr: Vec<u8>,
}

impl Ran {
    /// Why it failed: the last line that it said of itself, or how it ended.
    pub fn complaint(&self, shown: &str) -> String {
        let said = last_line(&self.stderr);
        if said.is_empty() { format!("{shown} ended with {} and said nothing", self.ending) } else { said }
    }
}

/// Runs it with `input` on standard input. What outstays the limit or says too much is killed; a fault is a sentence.
pub async fn run(what: Program<'_>, input: Vec<u8>) -> Result<Ran, String> {
    let Program { argv, shown, limit, passed_on } = what;
    let (program, rest) = argv.split_first().ok_or("argv is empty")?;
    let mut command = Command::new(program);
    command.args(rest).env_clear().current_dir("/").process_group(0).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    command.envs(PASSED_ON.iter().chain(passed_on).filter_map(|name| Some((name, std::env::var_os(name)?))));
    let mut child = command.spawn().map_err(|fault| format!("cannot run {shown}: {fault}"))?;

    // Declared after the child: dropped before it, while its number still belongs to its group.
    let group = Group::of(&child).ok_or_else(|| format!("{shown} ended before it began"))?;
    let answer = match timeout(limit.to_std(), listen(&mut child, &group, input)).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(TooMuch(which))) => {
            Err(format!("{shown} printed more than {} KiB on {which} and was stopped", MOST / 1024))
        }
        Err(_) => Err(format!("{shown} did not end within {limit} and was stopped")),
    };
    group.kill();
    let ended = timeout(DYING, child.wait()).await;
    if matches!(ended, Ok(Ok(_))) {
        group.forget();
    }
    let (stdout, stderr) = answer?;
    match ended {
        Ok(Ok(status)) => Ok(Ran { success: status.success(), ending: status.to_string(), stdout, stderr }),
        Ok(Err(fault)) => Err(format!("cannot tell how {shown} ended: {fault}")),
        Err(_) => Err(format!("{shown} cannot be stopped")),
    }
}

/// Writes the input and reads both outputs until the program has ended, and a moment longer.
async fn listen(child: &mut Child, group: &Group, input: Vec<u8>) -> Result<(Vec<u8>, Vec<u8>), TooMuch> {
    let mut stdout = Capped::new(child.stdout.take(), "standard output");
    let mut stderr = Capped::new(child.stderr.take(), "standard error");
    let stdin = child.stdin.take();
    let write = async move {
        if let Some(mut stdin) = stdin {
            // A program need not read what it is told: a broken pipe is no fault.
            let _ = stdin.write_all(&input).await;
        }
        Ok(())
    };
    {
        let mut pipes = Box::pin(async { tokio::try_join!(stdout.fill(), stderr.fill(), write).map(|_| ()) });
        let mut exit = Box::pin(group.exit());
        let open = tokio::select! {
            closed = &mut pipes => { closed?; exit.as_mut().await; false }
            () = &mut exit => true,
        };
        group.kill();
        if open && let Ok(closed) = timeout(LINGER, pipes).await {
            closed?;
        }
    }
    Ok((stdout.bytes, stderr.bytes))
}

/// A pipe and what came out of it, as far as we care to know.
struct Capped<P> {
    pipe: Option<P>,
    name: &'static str,
    bytes: Vec<u8>,
}

/// More came out of this pipe than any answer needs.
struct TooMuch(&'static str);

impl<P: AsyncRead + Unpin> Capped<P> {
    fn new(pipe: Option<P>, name: &'static str) -> Self {
        Self { pipe, name, bytes: Vec::new() }
    }

    /// Reads until the other end closes. Safe to stop half-way: what was read is kept.
    async fn fill(&mut self) -> Result<(), TooMuch> {
        let Some(pipe) = &mut self.pipe else { return Ok(()) };
        loop {
            match pipe.read_buf(&mut self.bytes).await {
                Ok(0) | Err(_) => return Ok(()),
                Ok(_) if self.bytes.len() > MOST => return Err(TooMuch(self.name)),
                Ok(_) => {}
            }
        }
    }
}

/// The helper's process group. Killed when dropped, so that a call given up half-way leaves nothing running either.
struct Group {
    leader: Pid,
    /// The leader was reaped: its number may be somebody else's by now.
    gone: AtomicBool,
}

impl Group {
    fn of(child: &Child) -> Option<Self> {
        let leader = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw)?;
        Some(Self { leader, gone: AtomicBool::new(false) })
    }

    /// Waits until the leader has ended, without reaping it: until then its number names this group and no other.
    async fn exit(&self) {
        let leader = self.leader;
        let wait = move || {
            let how = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            while matches!(waitid(WaitId::Pid(leader), how), Err(rustix::io::Errno::INTR)) {}
        };
        let _ = tokio::task::spawn_blocking(wait).await;
    }

    fn kill(&self) {
        if !self.gone.load(Ordering::Relaxed) {
            // No such group is what we want.
            let _ = kill_process_group(self.leader, Signal::KILL);
        }
    }

    fn forget(&self) {
        self.gone.store(true, Ordering::Relaxed);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

//! Where the notifier of one person, machine and store keeps its things, and that there is one: whoever holds the lock brings.
//!
//! The lock is the file system's, so it is gone with its holder however that ends, and whoever waits for it goes on at once. A socket
//! beside it takes two lines: `yield`, from a dashboard that wants to bring, and `open 142`, for a click that another one heard.

use crate::access::RequestNumber;
use crate::config::Paths;
use crate::config::paths::private_folder;
use crate::secret::{Secret, token_hash};
use rustix::fs::{FlockOperation, flock};
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};

/// Nobody on this machine takes longer to say a line.
const LINE_TIME: Duration = Duration::from_secs(2);
/// No line is longer, in bytes.
const LONGEST: u64 = 64;
/// A dashboard asks for the lock so often while it waits.
const ASK_EACH: Duration = Duration::from_secs(1);

/// The files of one person's notifier on this machine, for one store.
#[derive(Debug, Clone)]
pub struct Place {
    runtime: PathBuf,
    state: PathBuf,
    name: String,
}

/// Who brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seat {
    /// An open dashboard: it takes over.
    Dashboard,
    /// `nightlatch notify`: it gives way.
    Alone,
}

/// What somebody on this machine says to whoever brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// Give way.
    Yield,
    /// Open this.
    Open(RequestNumber),
}

/// The lock. It is given back with the value.
#[derive(Debug)]
pub struct Held(#[allow(dead_code, reason = "the lock lives as long as its file")] File);

impl Place {
    /// The place of this person and store; the folders are made private.
    pub fn of(paths: &Paths, store: &str, person: &str) -> Result<Self, String> {
        for folder in [&paths.runtime, &paths.state] {
            private_folder(folder).map_err(|fault| fault.to_string())?;
        }
        // What comes from a host never becomes a path.
        let name = token_hash(&Secret::new(format!("{store}\n{person}"))).chars().take(16).collect();
        Ok(Self { runtime: paths.runtime.clone(), state: paths.state.clone(), name })
    }

    fn runtime_file(&self, kind: &str) -> PathBuf {
        self.runtime.join(format!("notify-{}.{kind}", self.name))
    }

    /// Where it is kept what was told.
    pub fn kept(&self) -> PathBuf {
        self.state.join(format!("notify-{}.json", self.name))
    }

    /// Where the desktop remembers what stands on it.
    pub fn desktop(&self) -> PathBuf {
        self.runtime_file("desktop")
    }

    fn open(path: &Path) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
    }

    /// The one `nightlatch notify` of this place; else the number of the process that is it already.
    pub fn be_the_one(&self) -> Result<Held, String> {
        let path = self.runtime_file("one");
        let not = |error: &io::Error| format!("{} cannot be used: {error}", path.display());
        let mut file = Self::open(&path).map_err(|error| not(&error))?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            let mut number = String::new();
            drop((&file).take(20).read_to_string(&mut number));
            let number: u32 = number.trim().parse().unwrap_or_default();
            return Err(format!("nightlatch notify runs already, as process {number}"));
        }
        let written =
            file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
        written.map_err(|error| not(&error))?;
        Ok(Held(file))
    }

    /// Waits for the lock, for as long as it takes. A dashboard asks whoever has it to give way.
    pub async fn hold(&self, seat: Seat) -> io::Result<Held> {
        let (got, mut gets) = oneshot::channel();
        let path = self.runtime_file("lock");
        // A thread of its own: it waits in the kernel, wakes nobody, and holds no runtime up.
        std::thread::Builder::new().name("notify-lock".into()).spawn(move || {
            let locked = Self::open(&path).and_then(|file| {
                loop {
                    match flock(&file, FlockOperation::LockExclusive) {
                        Ok(()) => break Ok(Held(file)),
                        Err(rustix::io::Errno::INTR) => {}
                        Err(error) => break Err(error.into()),
                    }
                }
            });
            // Where nobody waits any more it is given back with the value.
            drop(got.send(locked));
        })?;
        let gone = |_| io::Error::other("the thread that waits for it is gone");
        if seat == Seat::Alone {
            return gets.await.map_err(gone)?;
        }
        loop {
            match tokio::time::timeout(ASK_EACH / 20, &mut gets).await {
                Ok(got) => return got.map_err(gone)?,
                // Another dashboard answers no, and its end is waited for.
                Err(_) => match self.say(Said::Yield).await {
                    Some(true) | None => {}
                    Some(false) => return gets.await.map_err(gone)?,
                },
            }
            if let Ok(got) = tokio::time::timeout(ASK_EACH, &mut gets).await {
                return got.map_err(gone)?;
            }
        }
    }

    /// Says a line to whoever brings: whether it is done, or nothing where nobody is there.
    pub async fn say(&self, said: Said) -> Option<bool> {
        let line = match said {
            Said::Yield => "yield\n".to_owned(),
            Said::Open(number) => format!("open {}\n", number.0),
        };
        let asked = async {
            let mut stream = UnixStream::connect(self.runtime_file("sock")).await.ok()?;
            is_ours(&stream).then_some(())?;
            stream.write_all(line.as_bytes()).await.ok()?;
            stream.shutdown().await.ok()?;
            let mut answer = String::new();
            stream.take(LONGEST).read_to_string(&mut answer).await.ok()?;
            Some(answer.trim() == "yes")
        };
        tokio::time::timeout(LINE_TIME, asked).await.ok().flatten()
    }

    /// Hears what others on this machine say, until nobody listens. Only whoever holds the lock may call it.
    pub fn listen(&self, seat: Seat) -> io::Result<(mpsc::Receiver<Said>, Listening)> {
        let path = self.runtime_file("sock");
        // What lies there is of somebody who is gone: the lock is ours.
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        let (tell, heard) = mpsc::channel(8);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // One after the other, each in bounded time.
                if let Ok(Some(said)) = tokio::time::timeout(LINE_TIME, hear(stream, seat)).await
                    && tell.send(said).await.is_err()
                {
                    return;
                }
            }
        });
        Ok((heard, Listening(task.abort_handle())))
    }
}

/// The socket is deaf with the value.
#[derive(Debug)]
pub struct Listening(tokio::task::AbortHandle);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn is_ours(stream: &UnixStream) -> bool {
    let own = rustix::process::geteuid().as_raw();
    stream.peer_cred().is_ok_and(|peer| peer.uid() == own)
}

async fn hear(stream: UnixStream, seat: Seat) -> Option<Said> {
    is_ours(&stream).then_some(())?;
    let (reads, mut writes) = stream.into_split();
    let mut line = String::new();
    reads.take(LONGEST).read_to_string(&mut line).await.ok()?;
    let said = match line.trim().split_once(' ') {
        None if line.trim() == "yield" => Some(Said::Yield),
        Some(("open", number)) => number.parse().ok().map(Said::Open),
        _ => None,
    };
    let said = said.filter(|said| *said != Said::Yield || seat == Seat::Alone);
    drop(writes.write_all(if said.is_some() { b"yes\n" } else { b"no\n" }).await);
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn soon<T>(what: impl Future<Output = T>) -> T {
        tokio::time::timeout(Duration::from_mins(1), what).await.expect("within a minute")
    }

    fn place() -> (tempfile::TempDir, Place) {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::of(&Paths::below(folder.path()), "nl-7f3a", "../sam").unwrap();
        (folder, place)
    }

    #[tokio::test]
    async fn a_dashboard_takes_over_and_gives_back() {
        let (_folder, place) = place();
        let alone = soon(place.hold(Seat::Alone)).await.unwrap();
        let (mut heard, listening) = place.listen(Seat::Alone).unwrap();
        let theirs = place.clone();
        let dashboard = tokio::spawn(async move { theirs.hold(Seat::Dashboard).await });
        assert_eq!(soon(heard.recv()).await, Some(Said::Yield));
        drop((listening, alone));
        let dashboard = soon(dashboard).await.unwrap().unwrap();
        let (mut heard, _listening) = place.listen(Seat::Dashboard).unwrap();
        assert_eq!(place.say(Said::Yield).await, Some(false));
        assert_eq!(place.say(Said::Open(RequestNumber(142))).await, Some(true));
        assert_eq!(soon(heard.recv()).await, Some(Said::Open(RequestNumber(142))));
        let theirs = place.clone();
        let again = tokio::spawn(async move { theirs.hold(Seat::Alone).await });
        drop(dashboard);
        assert!(soon(again).await.unwrap().is_ok());
    }

    #[tokio::test]
    async fn there_is_one_and_its_files_are_private() {
        let (folder, place) = place();
        let one = place.be_the_one().unwrap();
        let said = place.be_the_one().unwrap_err();
        assert!(said.ends_with(&format!("process {}", std::process::id())), "{said}");
        drop(one);
        assert!(place.be_the_one().is_ok());
        assert_eq!(place.say(Said::Yield).await, None);
        let (_heard, _listening) = place.listen(Seat::Alone).unwrap();
        for entry in std::fs::read_dir(folder.path().join("run")).unwrap() {
            let mode = entry.unwrap().metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0);
        }
        assert!(place.kept().starts_with(folder.path().join("state")));
    }
}

//! The real binary, serving: raw HTTP to it that no client library would send, and its own command line beside it.

use super::house::POLICY;
use super::{TempFolder, binary};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long anything may take before a test says that it never came.
pub const PATIENCE: Duration = Duration::from_mins(1);
/// A task that nothing is wrong with.
pub const TASK: &str = "Restart the stuck payment worker; done when the queue drains";

/// The account that runs the tests.
pub fn account() -> String {
    let id = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(id.stdout).unwrap().trim().to_owned()
}

/// The house's policy, in which ana is the account that runs the tests.
pub fn policy() -> String {
    POLICY.replace("os_user = \"ana\"", &format!("os_user = \"{}\"", account()))
}

/// Real time, as it passes for the real program.
#[derive(Clone, Copy)]
pub struct Watch(Instant);

impl Watch {
    #[allow(
        clippy::disallowed_methods,
        reason = "the program under test is another process: no manual clock reaches it"
    )]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// Waits until something is there.
pub fn until<T>(what: &str, so: impl Fn() -> Option<T>) -> T {
    let begun = Watch::start();
    loop {
        if let Some(found) = so() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "it never was so: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A server of its own on SQLite, killed with the value.
pub struct Served {
    pub server: Child,
    pub folder: Arc<TempFolder>,
    pub address: String,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Said {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Said {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|bad| panic!("{bad}: {self:?}"))
    }

    /// The sentence of a problem.
    pub fn detail(&self) -> String {
        self.json()["detail"].as_str().unwrap_or_else(|| panic!("no problem: {self:?}")).to_owned()
    }
}

/// A connection, of either sort.
pub enum Wire {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Read for Wire {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(bytes),
            Self::Unix(stream) => stream.read(bytes),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
        }
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Wire {
    /// Nothing more will be sent.
    pub fn done(&self) {
        let shut = match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Self::Unix(stream) => stream.shutdown(Shutdown::Write),
        };
        drop(shut);
    }

    /// It will not be read, and keeps no more than it must of what comes.
    pub fn deaf(&self) {
        let Self::Tcp(stream) = self else { panic!("on TCP only") };
        stream.set_nonblocking(true).unwrap();
        rustix::net::sockopt::set_socket_recv_buffer_size(stream, 4096).unwrap();
    }

    /// One answer; what follows it is not read.
    pub fn answer(&mut self) -> io::Result<Said> {
        let mut bytes = Vec::new();
        let mut some = [0; 16 * 1024];
        loop {
            if let Some(said) = whole(&bytes) {
                return Ok(said);
            }
            match self.read(&mut some) {
                Ok(0) => return ended(&bytes),
                Ok(read) => bytes.extend_from_slice(&some[..read]),
                // Another test's child has ended.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

fn head_of(bytes: &[u8]) -> Option<(u16, String, usize)> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, head, end))
}

/// An answer whose declared length is there.
fn whole(bytes: &[u8]) -> Option<Said> {
    let (status, head, end) = head_of(bytes)?;
    let length: usize = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok())?;
    let body = bytes.get(end..end + length)?;
    Some(Said { status, head, body: String::from_utf8(body.to_vec()).unwrap() })
}

/// An answer that ends with its connection, or in chunks, whose sizes are left where they are.
fn ended(bytes: &[u8]) -> io::Result<Said> {
    let (status, head, end) = head_of(bytes).ok_or(io::ErrorKind::UnexpectedEof)?;
    Ok(Said { status, head, body: String::from_utf8_lossy(&bytes[end..]).into_owned() })
}

/// What a server is started with.
pub struct Start {
    pub folder: Arc<TempFolder>,
    pub policy: Option<String>,
    /// More of `server.toml`.
    pub more: &'static str,
    pub tcp: bool,
}

impl Start {
    pub fn socket() -> Self {
        Self { folder: Arc::new(TempFolder::new()), policy: Some(policy()), more: "", tcp: false }
    }

    pub fn tcp() -> Self {
        Self { tcp: true, ..Self::socket() }
    }

    /// Writes the files that are not there yet.
    pub fn files(&self) {
        if let Some(policy) = &self.policy {
            self.folder.write("policy.toml", policy);
        }
        let listen =
            if self.tcp { "127.0.0.1:0".into() } else { format!("unix:{}", self.folder.join("sock").display()) };
        let server = format!(
            "policy = \"policy.toml\"\nlisten = \"{listen}\"\ncheckpoint_key = \"keys/checkpoint\"\n\
             [store]\nurl = \"sqlite:store.db\"\n[limits]\nrequests_per_minute = 100000\n{}",
            self.more
        );
        self.folder.write("server.toml", &server);
    }

    /// Starts it; ready.
    pub fn serve(self) -> Served {
        self.files();
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.folder.join("log")).unwrap();
        let mut child = Command::new(binary())
            .args(["serve", "--config"])
            .arg(self.folder.join("server.toml"))
            .env("HOME", self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").map(str::to_owned);
        let mut served = Served { server: child, folder: self.folder, address: String::new() };
        served.address = address.unwrap_or_else(|| panic!("it said {line:?}, and: {}", served.log()));
        until("ready", || (served.get("/readyz", None).status == 200).then_some(()));
        served
    }
}

impl Served {
    pub fn socket() -> Self {
        Start::socket().serve()
    }

    pub fn tcp() -> Self {
        Start::tcp().serve()
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap()
    }

    /// A connection; nothing on it takes longer than patience.
    pub fn wire(&self) -> Wire {
        if let Some(path) = self.address.strip_prefix("unix:") {
            let stream = UnixStream::connect(path).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.set_write_timeout(Some(PATIENCE)).unwrap();
            return Wire::Unix(stream);
        }
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Wire::Tcp(stream)
    }

    /// Sends bytes as they are, and takes one answer.
    pub fn raw(&self, bytes: impl AsRef<[u8]>) -> Said {
        let mut wire = self.wire();
        // Who refuses early reads no further.
        drop(wire.write_all(bytes.as_ref()));
        wire.answer().unwrap_or_else(|bad| panic!("{bad} after {:?}", String::from_utf8_lossy(bytes.as_ref())))
    }

    fn head(method: &str, path: &str, token: Option<&str>, more: &str) -> String {
        let token = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{token}{more}\r\n")
    }

    pub fn get(&self, path: &str, token: Option<&str>) -> Said {
        self.raw(Self::head("GET", path, token, ""))
    }

    /// As [`Served::get`], with a method or headers of one's own (`Name: value\r\n`).
    pub fn odd(&self, method: &str, path: &str, more: &str) -> Said {
        self.raw(Self::head(method, path, None, more))
    }

    pub fn post(&self, path: &str, token: Option<&str>, body: &Value) -> Said {
        self.post_with(path, token, "", body.to_string().as_bytes())
    }

    /// A body of any bytes, declared as JSON.
    pub fn post_with(&self, path: &str, token: Option<&str>, more: &str, body: &[u8]) -> Said {
        let more = format!("Content-Type: application/json\r\nContent-Length: {}\r\n{more}", body.len());
        let mut bytes = Self::head("POST", path, token, &more).into_bytes();
        bytes.extend_from_slice(body);
        self.raw(bytes)
    }

    /// Files what a body says, as the account's person.
    pub fn file(&self, body: &Value) -> Said {
        self.post("/v1/requests", None, body)
    }

    /// The number of the last event.
    pub fn head_seq(&self) -> i64 {
        self.get("/v1/audit/head", None).json()["seq"].as_i64().unwrap()
    }

    /// The command line, as the account's person, with nothing of this machine's settings.
    pub fn command(&self) -> Command {
        let mut command = bare(self.folder.path());
        let address = if self.address.starts_with("unix:") { self.address.clone() } else { self.url() };
        command.env("NIGHTLATCH_STORE", address);
        command
    }

    /// The address of a server on TCP.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn cli(&self, args: &[&str]) -> Output {
        self.command().args(args).output().unwrap()
    }

    pub fn admin(&self, args: &[&str]) -> Output {
        let mut command = self.command();
        command.arg("admin").args(args).arg("--config").arg(self.folder.join("server.toml")).output().unwrap()
    }

    pub fn token(&self, person: &str) -> String {
        let out = self.admin(&["token", "create", person]);
        assert!(out.status.success(), "{out:?}");
        stdout(&out).trim().to_owned()
    }

    /// The whole trail, as the admin reads it.
    pub fn export(&self) -> String {
        let token = self.token("sam");
        let out = self.command().env("NIGHTLATCH_TOKEN", token).args(["audit", "export"]).output().unwrap();
        ends(&out, 0, "");
        stdout(&out)
    }

    /// Resident memory, in KiB.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.server.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    pub fn signal(&self, signal: Signal) {
        signal_to(self.server.id(), signal);
    }

    /// Waits for its end.
    pub fn end(&mut self) -> ExitStatus {
        let begun = Watch::start();
        loop {
            if let Some(status) = self.server.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "it does not end: {}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

pub fn signal_to(process: u32, signal: Signal) {
    // It may have ended by itself.
    let _ = kill_process(Pid::from_raw(i32::try_from(process).unwrap()).unwrap(), signal);
}

/// The program with folders of its own below `home` and nothing else of the environment.
pub fn bare(home: &std::path::Path) -> Command {
    // Without a runtime folder of its own it would meet this machine's.
    std::fs::create_dir_all(home.join("r")).unwrap();
    let mut command = Command::new(binary());
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", home).env("TZ", "UTC");
    for (name, folder) in
        [("XDG_CONFIG_HOME", "c"), ("XDG_DATA_HOME", "d"), ("XDG_CACHE_HOME", "k"), ("XDG_RUNTIME_DIR", "r")]
    {
        command.env(name, home.join(folder));
    }
    command.stdin(Stdio::null());
    command
}

pub fn stdout(out: &Output) -> String {
    String::from_utf8(out.stdout.clone()).unwrap()
}

pub fn stderr(out: &Output) -> String {
    String::from_utf8(out.stderr.clone()).unwrap()
}

/// It ended with this code, and said this.
pub fn ends(out: &Output, code: i32, says: &str) {
    let (said, wrong) = (stdout(out), stderr(out));
    assert_eq!(out.status.code(), Some(code), "{said}{wrong}");
    assert!(said.contains(says) || wrong.contains(says), "wanted {says:?} in: {said}{wrong}");
    assert!(!wrong.contains("panicked"), "{wrong}");
}

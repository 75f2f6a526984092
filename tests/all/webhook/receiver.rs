//! A receiver of webhooks, on real sockets: keeps what it heard, and answers as it is told.

use crate::support::TempFolder;
use nightlatch::config::Server;
use nightlatch::service::hooks::Hook;
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex};

/// What signs in these tests.
pub const SECRET: &str = "correct-horse-battery-staple";

/// One delivery as it came.
#[derive(Debug, Clone)]
pub struct Heard {
    pub head: String,
    pub body: String,
}

impl Heard {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub fn id(&self) -> i64 {
        self.json()["id"].as_i64().unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        let line = self.head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_else(|| panic!("no {name} in {}", self.head))
    }
}

/// How it answers.
#[derive(Debug, Clone)]
pub enum Answer {
    Code(u16),
    /// A redirect to this address.
    Elsewhere(String),
    /// Not at all, until the sender goes.
    Never,
    /// With so many bytes more than anybody wants.
    Long,
}

type Answers = Box<dyn FnMut(&Heard) -> Answer + Send>;

#[derive(Clone)]
pub struct Receiver {
    pub port: u16,
    heard: Arc<Mutex<Vec<Heard>>>,
    answers: Arc<Mutex<Answers>>,
}

impl Receiver {
    pub fn new(answers: impl FnMut(&Heard) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let receiver = Self { port, heard: Arc::default(), answers: Arc::new(Mutex::new(Box::new(answers))) };
        let serving = receiver.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, receiver) = (stream.unwrap(), serving.clone());
                std::thread::spawn(move || receiver.hear(stream));
            }
        });
        receiver
    }

    /// Takes everything.
    pub fn kind() -> Self {
        Self::new(|_| Answer::Code(204))
    }

    pub fn answers(&self, answers: impl FnMut(&Heard) -> Answer + Send + 'static) {
        *self.answers.lock().unwrap() = Box::new(answers);
    }

    pub fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    pub fn ids(&self) -> Vec<i64> {
        self.heard().iter().map(Heard::id).collect()
    }

    fn hear(&self, mut stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let (mut head, mut line) = (String::new(), String::new());
        while reader.read_line(&mut line).is_ok_and(|read| read > 0) && line != "\r\n" {
            let (name, value) = line.split_once(": ").unwrap_or((&line, ""));
            head.extend([name.to_ascii_lowercase().as_str(), ": ", value]);
            line.clear();
        }
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        // One who was killed while sending said nothing.
        if length.is_none() || reader.read_exact(&mut body).is_err() {
            return;
        }
        let came = Heard { head, body: String::from_utf8(body).unwrap() };
        let answer = (self.answers.lock().unwrap())(&came);
        self.heard.lock().unwrap().push(came);
        let said = match answer {
            Answer::Code(code) => format!("HTTP/1.1 {code} Said\r\nContent-Length: 0\r\n\r\n"),
            Answer::Elsewhere(to) => format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"),
            Answer::Never => {
                drop(reader.read(&mut [0; 1]));
                return;
            }
            Answer::Long => {
                drop(stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n"));
                "x".repeat(10_000_000)
            }
        };
        drop(stream.write_all(said.as_bytes()));
    }

    /// A webhook to here, as `server.toml` has it.
    pub fn toml(&self, name: &str, more: &str) -> String {
        toml(
            name,
            &format!("http://127.0.0.1:{}/in?token=hunter2", self.port),
            &format!("allow = [\"127.0.0.1\"]\n{more}"),
        )
    }
}

pub fn toml(name: &str, url: &str, more: &str) -> String {
    format!("[[webhooks]]\nname = \"{name}\"\nurl = \"{url}\"\nsecret_file = \"{name}.secret\"\n{more}\n")
}

/// Writes the secret of a webhook where `server.toml` says.
pub fn secret(folder: &TempFolder, name: &str) {
    let path = folder.write(&format!("{name}.secret"), SECRET);
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// The webhooks of these lines of `server.toml`.
pub fn hooks(folder: &TempFolder, webhooks: &[String]) -> Vec<Hook> {
    let text = format!("[store]\nurl = \"sqlite:not-this.db\"\n{}", webhooks.concat());
    let (server, _) = Server::read(&folder.join("server.toml"), &text).unwrap();
    server.webhooks.iter().for_each(|webhook| secret(folder, &webhook.name));
    Hook::all(&server).unwrap()
}

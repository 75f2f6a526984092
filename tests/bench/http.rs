//! As little of HTTP as a load needs: a kept connection, whole bodies, no parsing beyond a length.

use serde_json::Value;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};

/// So many keys were used.
static KEYS: AtomicU64 = AtomicU64::new(0);

/// A connection, of either kind.
trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

/// One client.
pub struct Client {
    stream: Box<dyn Stream>,
    address: String,
    token: String,
    buffer: Vec<u8>,
}

impl Client {
    pub async fn new(address: &str, token: &str) -> Self {
        let stream = connect(address).await;
        Self { stream, address: address.to_owned(), token: token.to_owned(), buffer: Vec::new() }
    }

    /// Posts, and says what came back: the status, and the body as it is.
    pub async fn post(&mut self, path: &str, body: &str) -> (u16, &[u8]) {
        let key = format!("bench-{:x}-{:x}", std::process::id(), KEYS.fetch_add(1, Ordering::Relaxed));
        let length = body.len();
        let head = format!("Idempotency-Key: {key}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n");
        self.exchange(&format!("POST {path}"), &head, body).await
    }

    pub async fn get(&mut self, path: &str) -> (u16, &[u8]) {
        self.exchange(&format!("GET {path}"), "", "").await
    }

    async fn exchange(&mut self, line: &str, head: &str, body: &str) -> (u16, &[u8]) {
        let token = &self.token;
        let whole = format!("{line} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n{head}\r\n{body}");
        // The server closes what is idle: then once more, which the key makes safe.
        for _ in 0..2 {
            let mut open = self.stream.write_all(whole.as_bytes()).await.is_ok();
            self.buffer.clear();
            while open {
                if let Some((status, from, upto)) = whole_answer(&self.buffer) {
                    return (status, &self.buffer[from..upto]);
                }
                open = self.stream.read_buf(&mut self.buffer).await.is_ok_and(|read| read > 0);
            }
            self.stream = connect(&self.address).await;
        }
        panic!("the server hung up");
    }
}

async fn connect(address: &str) -> Box<dyn Stream> {
    if let Some(path) = address.strip_prefix("unix:") {
        return Box::new(UnixStream::connect(path).await.unwrap());
    }
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    Box::new(stream)
}

/// The body of an answer that must be good.
pub fn json((status, body): (u16, &[u8])) -> Value {
    assert!((200..300).contains(&status), "{status}: {}", String::from_utf8_lossy(body));
    serde_json::from_slice(body).unwrap()
}

fn whole_answer(bytes: &[u8]) -> Option<(u16, usize, usize)> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().unwrap())
    })?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    (bytes.len() >= end + length).then_some((status, end, end + length))
}

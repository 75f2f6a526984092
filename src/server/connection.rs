//! One connection: what it does is counted, so that one that does nothing, or never reads, can be told and let go.
//!
//! No clock is read: a connection is looked at every few seconds, and what counts is how often nothing had moved.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;

/// How often a connection is looked at.
pub const LOOK: Duration = Duration::from_secs(5);
/// How often once the server stops.
pub const LAST_LOOK: Duration = Duration::from_secs(1);
/// So many looks without anything moving, before the first request: 10 seconds.
const SILENT_AT_FIRST: u32 = 2;
/// So many looks while what was answered is not taken: 20 seconds.
const NOT_READING: u32 = 4;
/// So many looks between requests: a minute.
const IDLE: u32 = 12;

/// What is known of one connection.
#[derive(Debug, Default)]
pub struct Connection {
    /// Bytes in and out.
    moved: AtomicU64,
    /// The other end does not take what is written.
    stuck: AtomicBool,
    /// Requests under way.
    busy: AtomicUsize,
    /// Requests so far.
    requests: AtomicUsize,
    /// Somebody signed in on it.
    trusted: AtomicBool,
    /// It has to give way.
    cut: Notify,
}

impl Connection {
    /// Somebody signed in on it.
    pub fn trust(&self) {
        self.trusted.store(true, Relaxed);
    }

    /// Counts a request for as long as what is returned lives.
    pub fn begin(self: &Arc<Self>) -> UnderWay {
        self.requests.fetch_add(1, Relaxed);
        self.busy.fetch_add(1, Relaxed);
        UnderWay(Arc::clone(self))
    }

    /// Ends when the connection has to give way.
    pub async fn cut(&self) {
        self.cut.notified().await;
    }

    /// The lower, the sooner it gives way; one with somebody's request under way does not.
    fn worth(&self) -> Option<u8> {
        match (self.trusted.load(Relaxed), self.busy.load(Relaxed)) {
            (false, _) => Some(0),
            (true, 0) => Some(1),
            (true, _) => None,
        }
    }
}

/// A request under way.
pub struct UnderWay(Arc<Connection>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Relaxed);
    }
}

/// Counts how often nothing had moved.
#[derive(Debug, Default)]
pub struct Looks {
    moved: u64,
    still: u32,
    leaving: bool,
}

impl Looks {
    /// The server stops: who neither asks nor takes is let go at the next look.
    pub fn leave(&mut self) {
        self.leaving = true;
    }

    /// Looks once; whether the connection is to be let go.
    pub fn give_up(&mut self, connection: &Connection) -> bool {
        let moved = connection.moved.load(Relaxed);
        self.still = if moved == self.moved { self.still + 1 } else { 0 };
        self.moved = moved;
        let most = match (connection.stuck.load(Relaxed), connection.busy.load(Relaxed)) {
            (true, _) => NOT_READING,
            (false, 0) if self.leaving => 1,
            (false, 0) if connection.requests.load(Relaxed) == 0 => SILENT_AT_FIRST,
            (false, 0) => IDLE,
            (false, _) => return false,
        };
        self.still >= most
    }
}

/// All connections, oldest first, and no more than allowed.
#[derive(Debug)]
pub struct Connections {
    most: usize,
    open: Mutex<Vec<Arc<Connection>>>,
}

impl Connections {
    pub fn new(most: usize) -> Self {
        Self { most: most.max(1), open: Mutex::default() }
    }

    /// Takes a new one in; where there is no room the oldest of the least worth gives way. `None`: all are at work.
    pub fn admit(&self) -> Option<Arc<Connection>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= self.most {
            let worth = |(index, one): (usize, &Arc<Connection>)| one.worth().map(|worth| (worth, index));
            let (_, index) = open.iter().enumerate().filter_map(worth).min()?;
            open.remove(index).cut.notify_one();
        }
        let one = Arc::new(Connection::default());
        open.push(Arc::clone(&one));
        Some(one)
    }

    /// It is over.
    pub fn forget(&self, gone: &Arc<Connection>) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|one| !Arc::ptr_eq(one, gone));
    }
}

/// A stream whose bytes are counted.
pub struct Counted<S> {
    stream: S,
    connection: Arc<Connection>,
}

impl<S> Counted<S> {
    pub fn new(stream: S, connection: Arc<Connection>) -> Self {
        Self { stream, connection }
    }

    fn moved(&self, bytes: usize) {
        self.connection.moved.fetch_add(bytes as u64, Relaxed);
    }

    fn wrote(&self, wrote: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        self.connection.stuck.store(wrote.is_pending(), Relaxed);
        if let Poll::Ready(Ok(bytes)) = wrote {
            self.moved(bytes);
        }
        wrote
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.moved(buf.filled().len() - before);
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.wrote(wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.wrote(wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a34_the_oldest_stranger_gives_way_and_work_does_not() {
        let all = Connections::new(3);
        let [first, second, third] = [(); 3].map(|()| all.admit().unwrap());
        first.trust();
        let work = first.begin();
        let fourth = all.admit().unwrap();
        second.cut().await;
        for one in [&third, &fourth] {
            one.trust();
        }
        let idle = fourth.begin();
        drop(idle);
        let fifth = all.admit().unwrap();
        third.cut().await;
        let (_fourth, _fifth) = (fourth.begin(), fifth.begin());
        fifth.trust();
        assert!(all.admit().is_none(), "everybody is at work");
        drop(work);
        assert!(all.admit().is_some());
        first.cut().await;
    }

    #[test]
    fn a35_who_never_reads_or_never_asks_is_let_go() {
        let one = Arc::new(Connection::default());
        let mut looks = Looks::default();
        assert_eq!([(); 2].map(|()| looks.give_up(&one)), [false, true]);
        let work = one.begin();
        assert!((0..100).all(|_| !looks.give_up(&one)), "a long poll is not idle");
        one.moved.fetch_add(1, Relaxed);
        one.stuck.store(true, Relaxed);
        assert_eq!([(); 5].map(|()| looks.give_up(&one)), [false, false, false, false, true]);
        one.stuck.store(false, Relaxed);
        drop(work);
        one.moved.fetch_add(1, Relaxed);
        assert_eq!((0..20).position(|_| looks.give_up(&one)), Some(12));
    }
}

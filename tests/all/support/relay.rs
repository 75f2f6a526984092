//! A link between a program and a server that can be cut, closed, or made to answer for the server.

use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

/// Passes bytes on, until somebody cuts all that is open.
pub struct Relay {
    open: Arc<Mutex<Vec<UnixStream>>>,
    down: Arc<AtomicBool>,
    busy: Arc<Mutex<Vec<String>>>,
}

impl Relay {
    /// Listens on the socket `here`, and passes on to the socket `there`.
    pub fn between(here: &Path, there: String) -> Self {
        let listener = UnixListener::bind(here).unwrap();
        let relay = Self { open: Arc::default(), down: Arc::default(), busy: Arc::default() };
        let (open, down, busy) = (relay.open.clone(), relay.down.clone(), relay.busy.clone());
        std::thread::spawn(move || {
            for near in listener.incoming() {
                let near = near.unwrap();
                if down.load(SeqCst) {
                    continue;
                }
                let Ok(far) = UnixStream::connect(&there) else { continue };
                for (from, to, asks) in [(&near, &far, true), (&far, &near, false)] {
                    let (from, to, busy) = (from.try_clone().unwrap(), to.try_clone().unwrap(), busy.clone());
                    std::thread::spawn(move || pass(from, to, asks, &busy));
                }
                open.lock().unwrap().extend([near, far]);
            }
        });
        relay
    }

    /// Whether whoever comes now is turned away.
    pub fn down(&self, down: bool) {
        self.down.store(down, SeqCst);
    }

    /// Cuts all that is open.
    pub fn cut(&self) {
        for stream in self.open.lock().unwrap().drain(..) {
            drop(stream.shutdown(Shutdown::Both));
        }
    }

    /// The next request that holds `word` is answered that the server is busy, and goes no further.
    pub fn is_busy_for(&self, word: &str) {
        self.busy.lock().unwrap().push(word.to_owned());
    }

    /// What is still to be answered so.
    pub fn busy(&self) -> usize {
        self.busy.lock().unwrap().len()
    }
}

fn pass(mut from: UnixStream, mut to: UnixStream, asks: bool, busy: &Mutex<Vec<String>>) {
    let mut bytes = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        let said = String::from_utf8_lossy(&bytes[..count]);
        let mut words = busy.lock().unwrap();
        if let Some(place) = words.iter().position(|word| asks && said.contains(word.as_str())) {
            words.remove(place);
            drop(from.write_all(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"));
            break;
        }
        drop(words);
        if to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    drop(to.shutdown(Shutdown::Both));
    drop(from.shutdown(Shutdown::Both));
}

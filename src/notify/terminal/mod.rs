//! The terminal as a channel: its own notifications where it has any, and the bell.
//!
//! What goes out is one write of one piece. A terminal that is stopped takes nothing: that is a fault in bounded time, and
//! the rest of a sequence that was cut off there is written before anything else.

pub mod bytes;
pub mod known;
pub mod tmux;

pub use bytes::{Progress, bytes, progress, taken_back};
pub use known::{Inside, Speech, Terminal};

use super::alert::{Alert, Key};
use super::{Brought, Channel};
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// How long a terminal that takes nothing is waited for.
pub const LIMIT: Duration = Duration::from_secs(2);
/// How often it is asked meanwhile.
const AGAIN: Duration = Duration::from_millis(20);

/// Where the bytes go.
enum To {
    /// The controlling terminal, opened when something is brought.
    Own,
    /// A writer that never blocks: it may say `WouldBlock`.
    Writer(Box<dyn Write + Send>),
}

/// The terminal.
pub struct OnTerminal {
    to: To,
    /// As it was given, or nothing: then it is looked at each time, for whoever is attached to a tmux changes.
    terminal: Option<Terminal>,
    /// What a stopped terminal did not take.
    rest: Vec<u8>,
    limit: Duration,
}

impl std::fmt::Debug for OnTerminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OnTerminal").field("terminal", &self.terminal).finish_non_exhaustive()
    }
}

impl Default for OnTerminal {
    fn default() -> Self {
        Self { to: To::Own, terminal: None, rest: Vec::new(), limit: LIMIT }
    }
}

impl OnTerminal {
    /// The controlling terminal, whichever it is.
    pub fn new() -> Self {
        Self::default()
    }

    /// A terminal that is written to by somebody else. The writer must not block.
    pub fn through(writer: Box<dyn Write + Send>, terminal: Terminal) -> Self {
        Self { to: To::Writer(writer), terminal: Some(terminal), rest: Vec::new(), limit: LIMIT }
    }

    async fn send(&mut self, make: impl FnOnce(&Terminal) -> Vec<u8> + Send, words: bool) -> Result<(), String> {
        let mut own = match self.to {
            To::Own => Some(open()?),
            To::Writer(_) => None,
        };
        let (terminal, held) = match self.terminal {
            Some(terminal) => (terminal, None),
            None => tmux::look(&|name| std::env::var(name).ok()).await,
        };
        self.rest.extend(make(&terminal));
        let out: &mut (dyn Write + Send) = match (&mut self.to, &mut own) {
            (To::Writer(writer), _) => writer,
            (To::Own, Some(file)) => file,
            (To::Own, None) => return Ok(()),
        };
        write(out, &mut self.rest, self.limit).await?;
        match held {
            Some(held) if words => Err(held),
            None if words && terminal.speech == Speech::Bell => {
                Err(format!("{} shows no notifications, so only the bell could be rung", terminal.name))
            }
            _ => Ok(()),
        }
    }
}

/// The controlling terminal, opened anew: its own opening, so that not to block concerns nobody else.
fn open() -> Result<File, String> {
    let flags = i32::try_from((rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY).bits()).unwrap_or_default();
    let opened = std::fs::OpenOptions::new().write(true).custom_flags(flags).open("/dev/tty");
    opened.map_err(|_| "there is no terminal here: run it in one, or use the desktop or a hook".to_owned())
}

/// Writes all of it, and takes out of it what is written.
async fn write(out: &mut (dyn Write + Send), bytes: &mut Vec<u8>, limit: Duration) -> Result<(), String> {
    let all = async {
        while !bytes.is_empty() {
            match out.write(bytes) {
                Ok(0) => sleep(AGAIN).await,
                Ok(count) => drop(bytes.drain(..count.min(bytes.len()))),
                Err(error) if error.kind() == ErrorKind::WouldBlock => sleep(AGAIN).await,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    bytes.clear();
                    return Err(format!("the terminal cannot be written to: {error}"));
                }
            }
        }
        out.flush().map_err(|error| format!("the terminal cannot be written to: {error}"))
    };
    timeout(limit, all).await.unwrap_or_else(|_| Err("the terminal is stopped: press Ctrl-Q in it".to_owned()))
}

impl Channel for OnTerminal {
    fn name(&self) -> &'static str {
        "terminal"
    }

    fn bring<'a>(&'a mut self, alert: &'a Alert) -> Brought<'a> {
        // What a stopped terminal did not take of an earlier one is finished, and nothing more is put behind it.
        Box::pin(async move {
            if self.rest.is_empty() {
                self.send(|terminal| bytes(alert, terminal), true).await
            } else {
                self.send(|_| Vec::new(), false).await?;
                self.send(|terminal| bytes(alert, terminal), true).await
            }
        })
    }

    fn take_back<'a>(&'a mut self, key: &'a Key) -> Brought<'a> {
        Box::pin(self.send(move |terminal| taken_back(key, terminal), false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::alert::Urgency;
    use crate::text::Clean;
    use std::sync::{Arc, Mutex};

    /// A terminal that can be stopped.
    #[derive(Clone, Default)]
    struct Stoppable(Arc<Mutex<(Vec<u8>, usize)>>);

    impl Write for Stoppable {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let mut inner = self.0.lock().unwrap();
            let count = bytes.len().min(inner.1);
            if count == 0 {
                return Err(ErrorKind::WouldBlock.into());
            }
            inner.1 -= count;
            inner.0.extend_from_slice(&bytes[..count]);
            Ok(count)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn alert(title: &str) -> Alert {
        let (title, body) = (Clean::line(title), Clean::default());
        let (key, urgency) = (Key::Test, Urgency::Normal);
        Alert { key, title, body, urgency, sound: false, opens: None, of: Vec::new() }
    }

    #[tokio::test]
    async fn a_stopped_terminal_is_a_fault_and_no_sequence_is_left_open() {
        let screen = Stoppable::default();
        let known = Terminal { name: "x", speech: Speech::Osc777, inside: Inside::Nothing, progress: false };
        let mut terminal = OnTerminal::through(Box::new(screen.clone()), known);
        terminal.limit = AGAIN;
        screen.0.lock().unwrap().1 = 10;
        let fault = terminal.bring(&alert("one")).await.unwrap_err();
        assert!(fault.contains("stopped"), "{fault}");
        assert!(terminal.bring(&alert("two")).await.is_err());
        assert_eq!(screen.0.lock().unwrap().0, b"\x1b]777;noti");
        screen.0.lock().unwrap().1 = 1000;
        terminal.bring(&alert("three")).await.unwrap();
        let said = String::from_utf8(screen.0.lock().unwrap().0.clone()).unwrap();
        assert_eq!(said, "\x1b]777;notify;one;\x07\x07\x1b]777;notify;three;\x07\x07");
    }

    #[tokio::test]
    async fn nothing_but_a_bell_is_a_fault_and_rings() {
        let screen = Stoppable::default();
        screen.0.lock().unwrap().1 = 1000;
        let known = Terminal { name: "the console", speech: Speech::Bell, inside: Inside::Nothing, progress: false };
        let mut terminal = OnTerminal::through(Box::new(screen.clone()), known);
        let fault = terminal.bring(&alert("one")).await.unwrap_err();
        assert!(fault.contains("the console shows no notifications"), "{fault}");
        assert_eq!(screen.0.lock().unwrap().0, b"\x07");
        terminal.take_back(&Key::Test).await.unwrap();
    }
}

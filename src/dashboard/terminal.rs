//! The terminal: what is switched on when the dashboard opens, and off when it is left, however it is left.
//!
//! What it was before is kept in one place, and whoever comes first puts it back: the ordinary end, a signal, or a panic in any
//! task. After that nothing is written any more, so no frame can land on somebody's shell.

use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::crossterm::cursor::{Hide, MoveTo, Show};
use ratatui::crossterm::queue;
use ratatui::crossterm::terminal::{Clear, ClearType as Cleared};
use ratatui::layout::{Position, Size};
use rustix::termios::{OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcgetwinsize, tcsetattr};
use std::io::{self, Write};
use std::sync::{Mutex, Once, PoisonError, TryLockError};
use tokio::sync::Notify;

/// Title kept, other screen, no cursor, pastes in brackets, focus told.
const ON: &str = "\x1b[22;0t\x1b[?1049h\x1b[2J\x1b[?25l\x1b[?2004h\x1b[?1004h";
/// The same backwards; and whatever may have been begun: a frame, colours, the mouse.
const OFF: &str =
    "\x1b[?2026l\x1b[0m\x1b[?1006l\x1b[?1002l\x1b[?1000l\x1b[?1004l\x1b[?2004l\x1b[?25h\x1b[?1049l\x1b[23;0t";
/// The kitty keyboard: Escape is no prefix, repeats and releases are told. Who does not know it reads over it.
const KEYS_ON: &str = "\x1b[>3u";
const KEYS_OFF: &str = "\x1b[<u";
/// Wheel and clicks.
const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1002h\x1b[?1006h";
const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1002l\x1b[?1000l";
/// A frame appears at once or not at all, where the terminal can do that.
const FRAME: (&[u8], &[u8]) = (b"\x1b[?2026h", b"\x1b[?2026l");
/// A terminal that does not say its size.
const USUAL: Size = Size { width: 80, height: 24 };

/// How long a terminal that takes nothing more is left alone.
const FULL: std::time::Duration = std::time::Duration::from_millis(5);

/// How the terminal was; none while we are not in it.
static BEFORE: Mutex<Option<Before>> = Mutex::new(None);
/// Somebody panicked, and the terminal was put back.
static BROKEN: Notify = Notify::const_new();

struct Before {
    modes: Termios,
    kitty: bool,
}

/// Switches the terminal over. Entering twice is as good as once.
pub fn enter() -> io::Result<()> {
    let mut before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner);
    if before.is_none() {
        let modes = tcgetattr(io::stdin())?;
        // The consoles of old know no answer to a keyboard that they do not have.
        let kitty = !std::env::var("TERM").is_ok_and(|term| term == "linux" || term.starts_with("vt"));
        *before = Some(Before { modes, kitty });
    }
    let Some(held) = before.as_ref() else { return Ok(()) };
    let mut raw = held.modes.clone();
    raw.make_raw();
    let on = if held.kitty { format!("{ON}{KEYS_ON}") } else { ON.to_owned() };
    let switched = tcsetattr(io::stdin(), OptionalActions::Now, &raw).map_err(io::Error::from).and_then(|()| put(&on));
    drop(before);
    if switched.is_err() {
        leave();
    }
    switched
}

/// Puts the terminal back as it was. What was typed and not read is dropped: it was meant for the dashboard, not for the shell.
pub fn leave() {
    let mut before = match BEFORE.try_lock() {
        Ok(before) => before,
        Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        // A panic on the way in or out: it must not wait for itself.
        Err(TryLockError::WouldBlock) => return,
    };
    let Some(held) = before.take() else { return };
    let off = if held.kitty { format!("{KEYS_OFF}{OFF}") } else { OFF.to_owned() };
    // A terminal that is gone needs nothing.
    let _ = put(&off);
    let _ = tcflush(io::stdin(), QueueSelector::IFlush);
    let _ = tcsetattr(io::stdin(), OptionalActions::Now, &held.modes);
}

/// Whether it is ours now.
pub fn is_ours() -> bool {
    BEFORE.try_lock().is_ok_and(|before| before.is_some())
}

/// From now on a panic, wherever it is, puts the terminal back before it is told.
pub fn guard_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let told = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            // It is caught where it happened, and said at the foot: the screen stays.
            if is_ours() && crate::notifier::is_caught() {
                tracing::error!("a channel panicked: {}", crate::text::Clean::line(&panic.to_string()));
                return;
            }
            if is_ours() {
                leave();
                BROKEN.notify_one();
            }
            told(panic);
        }));
    });
}

/// Waits until a panic has put the terminal back.
pub async fn broken() {
    BROKEN.notified().await;
}

/// Writes what is no part of a frame, if the terminal is ours.
pub fn say(text: &str) -> io::Result<()> {
    if is_ours() { put(text) } else { Ok(()) }
}

/// Wheel and clicks on or off.
pub fn mouse(on: bool) -> io::Result<()> {
    say(if on { MOUSE_ON } else { MOUSE_OFF })
}

fn put(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush())
}

/// What frames are written to.
pub trait Tty: Write {
    /// Columns and rows.
    fn size(&self) -> io::Result<Size>;
}

/// Standard output, while the terminal is ours.
#[derive(Debug, Default)]
pub struct Out;

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !is_ours() {
            return Ok(bytes.len());
        }
        match rustix::io::write(io::stdout(), bytes).map_err(io::Error::from) {
            // Somebody else made the terminal non-blocking, and it is slow: the rest is written when it can be.
            Err(full) if full.kind() == io::ErrorKind::WouldBlock => {
                std::thread::sleep(FULL);
                Err(io::ErrorKind::Interrupted.into())
            }
            wrote => wrote,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Tty for Out {
    fn size(&self) -> io::Result<Size> {
        let size = tcgetwinsize(io::stdout())?;
        let said = Size { width: size.ws_col, height: size.ws_row };
        Ok(if said.width == 0 || said.height == 0 { USUAL } else { said })
    }
}

/// The screen that frames are drawn on: one write a frame, and not one byte where nothing changed.
#[derive(Debug)]
pub struct Screen<W> {
    tty: W,
    /// What the next flush writes.
    frame: Vec<u8>,
    /// Whether the cursor is shown, and where; none while that is not known.
    cursor: Option<bool>,
    at: Option<Position>,
}

impl<W: Tty> Screen<W> {
    /// A screen of which nothing is known.
    pub const fn new(tty: W) -> Self {
        Self { tty, frame: Vec::new(), cursor: None, at: None }
    }

    fn show(&mut self, shown: bool) -> io::Result<()> {
        if self.cursor == Some(shown) {
            return Ok(());
        }
        self.cursor = Some(shown);
        if shown { queue!(self.frame, Show) } else { queue!(self.frame, Hide) }
    }
}

impl<W: Tty> Backend for Screen<W> {
    type Error = io::Error;

    fn draw<'a, I: Iterator<Item = (u16, u16, &'a Cell)>>(&mut self, content: I) -> io::Result<()> {
        let mut content = content.peekable();
        if content.peek().is_none() {
            return Ok(());
        }
        self.at = None;
        CrosstermBackend::new(&mut self.frame).draw(content)
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        self.show(false)
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        self.show(true)
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(self.at.unwrap_or_default())
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        let position = position.into();
        if self.at == Some(position) {
            return Ok(());
        }
        self.at = Some(position);
        queue!(self.frame, MoveTo(position.x, position.y))
    }

    fn clear(&mut self) -> io::Result<()> {
        self.clear_region(ClearType::All)
    }

    fn clear_region(&mut self, what: ClearType) -> io::Result<()> {
        let what = match what {
            ClearType::All => Cleared::All,
            ClearType::AfterCursor => Cleared::FromCursorDown,
            ClearType::BeforeCursor => Cleared::FromCursorUp,
            ClearType::CurrentLine => Cleared::CurrentLine,
            ClearType::UntilNewLine => Cleared::UntilNewLine,
        };
        queue!(self.frame, Clear(what))
    }

    fn size(&self) -> io::Result<Size> {
        self.tty.size()
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        Ok(WindowSize { columns_rows: self.tty.size()?, pixels: Size::default() })
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.frame.is_empty() {
            return Ok(());
        }
        let mut whole = Vec::with_capacity(self.frame.len() + FRAME.0.len() + FRAME.1.len());
        for part in [FRAME.0, &self.frame, FRAME.1] {
            whole.extend_from_slice(part);
        }
        self.frame.clear();
        self.tty.write_all(&whole)?;
        self.tty.flush()
    }
}

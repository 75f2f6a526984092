//! A pseudo-terminal with a program in it, as somebody sits before it: keys go in, a screen comes out.

use crate::support::served::{PATIENCE, Watch, until};
use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, SlavePty, native_pty_system};
use rustix::process::Signal;
use std::io::{Read as _, Write};
use std::process::Command;
use std::sync::{Arc, Mutex};

/// What a terminal was told beside text.
#[derive(Debug, Default, Clone)]
pub struct Beside {
    pub titles: Vec<String>,
    pub copied: Vec<String>,
    pub bells: usize,
    pub strange: Vec<String>,
}

impl vt100::Callbacks for Beside {
    fn audible_bell(&mut self, _: &mut vt100::Screen) {
        self.bells += 1;
    }
    fn set_window_title(&mut self, _: &mut vt100::Screen, title: &[u8]) {
        self.titles.push(String::from_utf8_lossy(title).into_owned());
    }
    fn copy_to_clipboard(&mut self, _: &mut vt100::Screen, _: &[u8], data: &[u8]) {
        self.copied.push(String::from_utf8_lossy(data).into_owned());
    }
    fn unhandled_osc(&mut self, _: &mut vt100::Screen, params: &[&[u8]]) {
        // The question for the background.
        if params == [&b"11"[..], b"?"] {
            return;
        }
        self.strange.push(format!("OSC {}", String::from_utf8_lossy(&params.join(&b';'))));
    }
    fn unhandled_escape(&mut self, _: &mut vt100::Screen, i1: Option<u8>, _: Option<u8>, b: u8) {
        // The end of a title.
        if b != b'\\' {
            self.strange.push(format!("ESC {:?} {}", i1.map(char::from), char::from(b)));
        }
    }
}

struct Seen {
    parser: vt100::Parser<Beside>,
    raw: Vec<u8>,
    /// What comes is counted and not looked at.
    blind: bool,
}

/// The terminal.
pub struct Pty {
    master: Box<dyn MasterPty + Send>,
    /// Held, so that what the terminal is like can be asked when the program has ended.
    _slave: Box<dyn SlavePty + Send>,
    keyboard: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    seen: Arc<Mutex<Seen>>,
    before: String,
}

const fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

impl Pty {
    /// Starts a program in a terminal of 80 columns and 24 rows.
    pub fn start(command: &Command) -> Self {
        Self::sized(command, 80, 24)
    }

    pub fn sized(command: &Command, columns: u16, rows: u16) -> Self {
        let pair = native_pty_system().openpty(size(columns, rows)).unwrap();
        let mut builder = CommandBuilder::new(command.get_program());
        builder.args(command.get_args());
        builder.env_clear();
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                builder.env(name, value);
            }
        }
        for (name, value) in [("TERM", "xterm-256color"), ("LANG", "C.UTF-8")] {
            if builder.get_env(name).is_none() {
                builder.env(name, value);
            }
        }
        builder.cwd(command.get_current_dir().unwrap_or(std::path::Path::new("/")));
        let before = modes(&*pair.master);
        let child = pair.slave.spawn_command(builder).unwrap();
        let parser = vt100::Parser::new_with_callbacks(rows, columns, 0, Beside::default());
        let seen = Arc::new(Mutex::new(Seen { parser, raw: Vec::new(), blind: false }));
        let mut reader = pair.master.try_clone_reader().unwrap();
        std::thread::spawn({
            let seen = seen.clone();
            move || {
                let mut bytes = [0; 16 * 1024];
                while let Ok(count @ 1..) = reader.read(&mut bytes) {
                    let mut seen = seen.lock().unwrap();
                    seen.raw.extend_from_slice(&bytes[..count]);
                    if !seen.blind {
                        seen.parser.process(&bytes[..count]);
                    }
                }
            }
        });
        let keyboard = pair.master.take_writer().unwrap();
        Self { master: pair.master, _slave: pair.slave, keyboard, child, seen, before }
    }

    /// Types, as bytes.
    pub fn keys(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    /// The screen as lines.
    pub fn text(&self) -> String {
        self.seen.lock().unwrap().parser.screen().contents()
    }

    /// Looks at the screen itself.
    pub fn screen<T>(&self, look: impl FnOnce(&vt100::Screen) -> T) -> T {
        look(self.seen.lock().unwrap().parser.screen())
    }

    /// What the terminal was told beside text.
    pub fn beside(&self) -> Beside {
        self.seen.lock().unwrap().parser.callbacks().clone()
    }

    /// Every byte so far.
    pub fn raw(&self) -> Vec<u8> {
        self.seen.lock().unwrap().raw.clone()
    }

    /// Waits until the screen shows this.
    #[track_caller]
    pub fn shows(&self, text: &str) {
        self.so(text, |screen| screen.contains(text));
    }

    /// Waits until the screen no longer shows this.
    #[track_caller]
    pub fn loses(&self, text: &str) {
        self.so(&format!("no more {text:?}"), |screen| !screen.contains(text));
    }

    /// Waits until the screen is so.
    #[track_caller]
    pub fn so(&self, what: &str, so: impl Fn(&str) -> bool) {
        let begun = Watch::start();
        loop {
            let text = self.text();
            if so(&text) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "the screen never showed {what:?}:\n{text}");
            std::thread::sleep(std::time::Duration::from_millis(15));
        }
    }

    /// Many sizes in a row, then 80 by 24. The emulator looks away meanwhile: it is not what is tested, and not made for that.
    pub fn storm(&self, sizes: impl FnOnce(&dyn Fn(u16, u16))) {
        self.seen.lock().unwrap().blind = true;
        sizes(&|columns, rows| self.master.resize(size(columns, rows)).unwrap());
        self.master.resize(size(90, 30)).unwrap();
        until("nothing more is drawn", || {
            let before = self.raw().len();
            std::thread::sleep(std::time::Duration::from_millis(300));
            (self.raw().len() == before).then_some(())
        });
        let mut seen = self.seen.lock().unwrap();
        seen.parser = vt100::Parser::new_with_callbacks(24, 80, 0, Beside::default());
        seen.blind = false;
        drop(seen);
        self.master.resize(size(80, 24)).unwrap();
    }

    /// Another size, for the program and for the emulator.
    pub fn resize(&self, columns: u16, rows: u16) {
        self.seen.lock().unwrap().parser.screen_mut().set_size(rows, columns);
        self.master.resize(size(columns, rows)).unwrap();
    }

    pub fn signal(&self, signal: Signal) {
        crate::support::served::signal_to(self.process(), signal);
    }

    pub fn process(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// Waits for its end.
    #[track_caller]
    pub fn ends(&mut self) -> ExitStatus {
        let begun = Watch::start();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "it does not end:\n{}", self.text());
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }

    /// What the terminal's driver is set to, now and before the program.
    pub fn modes(&self) -> (String, String) {
        (modes(&*self.master), self.before.clone())
    }

    /// The terminal is as it was before: its driver, its screen, its cursor, its modes.
    #[track_caller]
    pub fn is_as_before(&self) {
        until("the terminal's driver is as it was", || {
            let (now, before) = self.modes();
            (now == before).then_some(())
        });
        self.is_left();
    }

    /// Every mode of the screen that was switched on is off.
    #[track_caller]
    pub fn is_left(&self) {
        // What a program said before it ended may not have been read yet.
        let said = || String::from_utf8_lossy(&self.raw()).contains("\x1b[?1049l");
        until("the screen was left", || (said() && self.screen(|screen| !screen.alternate_screen())).then_some(()));
        self.screen(|screen| {
            assert!(!screen.hide_cursor() && !screen.bracketed_paste());
            assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
        });
        let raw = String::from_utf8_lossy(&self.raw()).into_owned();
        for (on, off) in [
            ("\x1b[?1049h", "\x1b[?1049l"),
            ("\x1b[?2004h", "\x1b[?2004l"),
            ("\x1b[?1004h", "\x1b[?1004l"),
            ("\x1b[>3u", "\x1b[<u"),
            ("\x1b[22;0t", "\x1b[23;0t"),
            ("\x1b[?25l", "\x1b[?25h"),
        ] {
            let last = |what: &str| raw.rfind(what).unwrap_or_else(|| panic!("{what:?} was never said"));
            assert!(last(on) < last(off), "{on:?} was left on");
        }
    }
}

fn modes(master: &dyn MasterPty) -> String {
    format!("{:?}", master.get_termios().unwrap())
}

impl Drop for Pty {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

//! The one place that prints and asks. Every text is cleaned on its way, JSON is made safe for a terminal, and a reader who
//! went away is a clean end.

use super::exit::{Exit, Trouble};
use super::page::Page;
use crate::text::Clean;
use serde::Serialize;
use std::fmt::Write as _;
use std::io::{self, BufRead, IsTerminal, Write};

/// The longest answer that is read from a terminal, in bytes.
const LONGEST_ANSWER: u64 = 64 * 1024;

/// Where a verb prints and whom it may ask.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// JSON instead of pages.
    pub json: bool,
    /// Somebody can be asked: input and the error stream are a terminal.
    pub asks: bool,
    /// Columns of the terminal that is printed on; none in a pipe.
    pub width: Option<usize>,
}

#[allow(clippy::unused_self, reason = "only who holds an output prints")]
impl Output {
    /// The streams as they are.
    pub fn new(json: bool) -> Self {
        let asks = io::stdin().is_terminal() && io::stderr().is_terminal();
        let width = io::stdout().is_terminal().then(|| columns().unwrap_or(80));
        Self { json, asks, width }
    }

    /// Whether somebody types here, but would not see a question: standard error goes elsewhere.
    pub fn is_deaf(&self) -> bool {
        !self.asks && io::stdin().is_terminal()
    }

    /// Whether standard output is a terminal.
    pub fn is_terminal(&self) -> bool {
        self.width.is_some()
    }

    /// Whether a whole screen can be drawn and keys can be read: people sit here, at a terminal that can move its cursor.
    pub fn has_screen(&self) -> bool {
        let dumb = matches!(std::env::var("TERM").as_deref(), Err(_) | Ok("" | "dumb"));
        !self.json && self.is_terminal() && io::stdin().is_terminal() && !dumb
    }

    /// Prints a page.
    pub fn page(&self, page: &Page) -> Result<(), Trouble> {
        print(page.to_string().as_bytes())
    }

    /// Prints a page beside the answer, on the error stream: what belongs to a question, a remark, a warning.
    pub fn aside(&self, page: &Page) {
        // Whoever cannot be told is not told; the answer itself is what counts.
        let _ = io::stderr().lock().write_all(page.to_string().as_bytes());
    }

    /// One line beside the answer.
    pub fn remark(&self, line: impl AsRef<str>) {
        self.aside(&Page::of(line));
    }

    /// Prints JSON text on one line.
    pub fn json_text(&self, json: &str) -> Result<(), Trouble> {
        print(format!("{}\n", safe_json(json.trim())).as_bytes())
    }

    /// Prints a value as JSON.
    pub fn json_value<T: Serialize>(&self, value: &T) -> Result<(), Trouble> {
        let text = serde_json::to_string(value).map_err(|e| Trouble::fault(format!("no JSON: {e}"), "report it"))?;
        self.json_text(&text)
    }

    /// A text of many lines that must arrive as it is: unchanged into a pipe or file, cleaned on a terminal.
    pub fn exact_text(&self, text: &str) -> Result<(), Trouble> {
        if !self.is_terminal() {
            return print(text.as_bytes());
        }
        let mut page = Page::new();
        page.block("", text.strip_suffix('\n').unwrap_or(text));
        self.page(&page)
    }

    /// For many exact lines, one after the other.
    pub fn stream(&self) -> Stream {
        Stream { out: io::BufWriter::new(io::stdout()), clean: self.is_terminal() }
    }

    /// Shows how far a long reading is, on a terminal.
    pub fn progress(&self, text: &str) {
        if io::stderr().is_terminal() {
            let _ = write!(io::stderr().lock(), "\r\u{1b}[K{}", Clean::line(text));
        }
    }

    /// Says why there is no answer, and how to cure it.
    pub fn trouble(&self, trouble: &Trouble) {
        if trouble.sentence.is_empty() {
            return;
        }
        if self.json {
            let json = serde_json::to_string(&trouble.as_problem()).unwrap_or_default();
            let _ = io::stderr().lock().write_all(format!("{}\n", safe_json(&json)).as_bytes());
            return;
        }
        let mut page = Page::of(format!("nightlatch: {}", trouble.sentence));
        if !trouble.hint.is_empty() {
            page.line(format!("  {}", trouble.hint));
        }
        self.aside(&page);
    }

    /// Asks for one line. Nothing at the end of the input.
    pub fn ask(&self, question: &str) -> Result<Option<String>, Trouble> {
        let mut stderr = io::stderr().lock();
        let _ = write!(stderr, "{} ", Clean::line(question)).and_then(|()| stderr.flush());
        drop(stderr);
        let mut line = Vec::new();
        let mut stdin = io::Read::take(io::stdin().lock(), LONGEST_ANSWER);
        let read = stdin.read_until(b'\n', &mut line);
        read.map_err(|e| Trouble::fault(format!("nothing can be read from the terminal: {e}"), "give it by flags"))?;
        if line.is_empty() {
            return Ok(None);
        }
        let line = String::from_utf8(line)
            .map_err(|_| Trouble::usage("the answer is not UTF-8", "set the terminal to UTF-8, or give it by flags"))?;
        Ok(Some(line.trim().to_owned()))
    }

    /// Asks until there is an answer.
    pub fn ask_for(&self, question: &str) -> Result<String, Trouble> {
        loop {
            match self.ask(question)? {
                Some(answer) if !answer.is_empty() => return Ok(answer),
                Some(_) => self.remark("  this one is needed"),
                None => return Err(Trouble::usage("no answer: nothing was done", "run it again, or give it by flags")),
            }
        }
    }

    /// What was given, else what is answered on a terminal, else the flag that is missing.
    pub fn given_or_ask(&self, given: Option<String>, part: &str, flag: &str) -> Result<String, Trouble> {
        match given {
            Some(text) if !text.trim().is_empty() => Ok(text),
            _ if self.asks => self.ask_for(&format!("{part}:")),
            _ => Err(Trouble::missing(part, flag)),
        }
    }

    /// Asks for yes.
    pub fn yes(&self, question: &str) -> Result<bool, Trouble> {
        Ok(self.ask(&format!("{question} [y/N]"))?.is_some_and(|answer| matches!(answer.as_str(), "y" | "yes")))
    }
}

/// Many lines to standard output, unchanged into a pipe or file, cleaned on a terminal.
#[derive(Debug)]
pub struct Stream {
    out: io::BufWriter<io::Stdout>,
    clean: bool,
}

impl Stream {
    /// The next line.
    pub fn line(&mut self, line: &str) -> Result<(), Trouble> {
        let cleaned = self.clean.then(|| Clean::line(line));
        let text = cleaned.as_ref().map_or(line, Clean::as_str);
        self.out.write_all(text.as_bytes()).and_then(|()| self.out.write_all(b"\n")).map_err(|e| unwritten(&e))
    }

    /// The end: everything is out.
    pub fn finish(mut self) -> Result<(), Trouble> {
        self.out.flush().map_err(|e| unwritten(&e))
    }
}

/// The terminal's columns.
fn columns() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}

/// Writes to standard output; a reader who went away is an end, not a fault.
fn print(bytes: &[u8]) -> Result<(), Trouble> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|e| unwritten(&e))
}

fn unwritten(e: &io::Error) -> Trouble {
    match e.kind() {
        io::ErrorKind::BrokenPipe => Trouble::nobody_reads(),
        _ => Trouble::new(
            Exit::Fault,
            format!("the output cannot be written: {e}"),
            "see that there is room on the disk; what was asked for is done",
        ),
    }
}

/// The same JSON, with every character that a terminal would obey or hide written as `\uXXXX`.
fn safe_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for ch in json.chars() {
        let harmless = ch.is_ascii() && !ch.is_ascii_control()
            || !ch.is_ascii() && Clean::line(ch.encode_utf8(&mut [0; 4])).as_str().chars().eq([ch]);
        match ch {
            // Between values only: inside a string JSON allows neither.
            '\n' | '\r' | '\t' => out.push(' '),
            _ if harmless => out.push(ch),
            _ => ch.encode_utf16(&mut [0; 2]).iter().for_each(|unit| {
                let _ = write!(out, "\\u{unit:04x}");
            }),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a26_json_says_the_same_without_one_raw_control() {
        let text = "é 漢 \u{9b}2J \u{202e} \u{1b}[31m \u{7f} \u{e0041} \n\u{301}";
        let json = serde_json::to_string(&serde_json::json!({ "task": text })).unwrap();
        let safe = safe_json(&json);
        assert!(!safe.chars().any(char::is_control) && !safe.contains('\u{202e}'), "{safe}");
        assert!(safe.contains("é 漢"), "{safe}");
        let back: serde_json::Value = serde_json::from_str(&safe).unwrap();
        assert_eq!(back["task"], text);
        assert_eq!(safe_json("{\n\t\"a\": 1\n}"), "{  \"a\": 1 }");
    }
}

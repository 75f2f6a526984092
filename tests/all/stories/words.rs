//! The words of one line of a story.

use std::collections::VecDeque;
use std::fmt::Display;
use std::str::FromStr;

pub type Told<T> = Result<T, String>;

/// The words of a line; a quoted text keeps its first quote.
pub struct Words(pub VecDeque<String>);

impl Words {
    pub fn of(text: &str) -> Self {
        let mut words = VecDeque::new();
        for (at, part) in text.split('"').enumerate() {
            if at % 2 == 1 {
                words.push_back(format!("\"{part}"));
            } else {
                words.extend(part.split_whitespace().map(str::to_owned));
            }
        }
        Self(words)
    }
    pub fn next(&mut self) -> Told<String> {
        self.0.pop_front().ok_or_else(|| "a word is missing at the end".to_owned())
    }
    pub fn take(&mut self, word: &str) -> bool {
        let there = self.0.front().is_some_and(|front| front == word);
        if there {
            self.0.pop_front();
        }
        there
    }
    pub fn parsed<T: FromStr<Err: Display>>(&mut self) -> Told<T> {
        let word = self.next()?;
        word.parse().map_err(|error: T::Err| error.to_string())
    }
    /// A text, if one is there.
    pub fn text(&mut self) -> Option<String> {
        let text = self.0.front()?.strip_prefix('"')?.to_owned();
        self.0.pop_front();
        Some(text)
    }
    pub fn end(&self) -> Told<()> {
        self.0.front().map_or(Ok(()), |word| Err(format!("{word:?} is not understood here")))
    }
}

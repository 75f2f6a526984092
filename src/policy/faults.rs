//! What is wrong in a file that somebody wrote: where, what, and how to mend it.

use crate::text::Clean;
use std::fmt;

/// One fault or warning in a policy or configuration file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The file, as it was named.
    pub file: String,
    /// The line, counted from 1; 0 is the file as a whole.
    pub line: usize,
    /// What is wrong.
    pub sentence: String,
    /// How to mend it.
    pub cure: String,
    /// True where the file may rule all the same.
    pub warning: bool,
}

impl Fault {
    /// A fault; what it quotes is cleaned.
    pub fn new(file: &str, line: usize, sentence: &str, cure: &str) -> Self {
        let clean = |text: &str| String::from(Clean::line(text));
        Self { file: clean(file), line, sentence: clean(sentence), cure: clean(cure), warning: false }
    }

    /// The same as a warning.
    #[must_use]
    pub fn warning(self) -> Self {
        Self { warning: true, ..self }
    }
}

impl fmt::Display for Fault {
    /// `policy.toml:14: sentence; cure`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file)?;
        if self.line > 0 {
            write!(f, "{}:", self.line)?;
        }
        if self.warning {
            f.write_str(" warning:")?;
        }
        write!(f, " {}; {}", self.sentence, self.cure)
    }
}

/// The one of `known` that was probably meant.
pub fn meant<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let close = |known: &&str| distance(written, known) <= 1 + known.len() / 4;
    known.into_iter().filter(close).min_by_key(|known| distance(written, known))
}

/// A cure that names what is known: the one probably meant, or all, when they are few.
pub fn one_of<'a>(written: &str, known: impl IntoIterator<Item = &'a str> + Clone, else_say: &str) -> String {
    if let Some(meant) = meant(written, known.clone()) {
        return format!("did you mean {meant}?");
    }
    let known: Vec<&str> = known.into_iter().collect();
    match known.len() {
        0 => else_say.to_owned(),
        1..=20 => format!("known are {}", known.join(", ")),
        _ => format!("known are {} and {} more", known.get(..20).unwrap_or_default().join(", "), known.len() - 20),
    }
}

/// How many letters must change (Levenshtein), for words of a bounded length.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().take(64).enumerate() {
        let mut corner = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (to, above) in b.iter().zip(row.iter().skip(1)) {
            left = (corner + usize::from(from != *to)).min(above + 1).min(left + 1);
            corner = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_says_where_what_and_how() {
        let fault = Fault::new("policy.toml", 14, "unknown key emial\u{1b}", "did you mean email?");
        assert_eq!(fault.to_string(), "policy.toml:14: unknown key emial␛; did you mean email?");
        assert_eq!(
            Fault { line: 0, ..fault }.warning().to_string(),
            "policy.toml: warning: unknown key emial␛; did you mean email?"
        );
    }

    #[test]
    fn the_one_meant_is_the_nearest() {
        assert_eq!(meant("emial", ["name", "email"]), Some("email"));
        assert_eq!(meant("emal", ["name", "email"]), Some("email"));
        assert_eq!(meant("longst", ["default", "longest"]), Some("longest"));
        assert_eq!(one_of("x", ["name", "email"], ""), "known are name, email");
        assert_eq!(one_of("x", [], "write one"), "write one");
    }
}

//! The policy's own text: its files as one text, which is hashed and kept in the trail, and back again.

use std::fmt::Write as _;

/// The most that all files may have together, in bytes.
pub const LONGEST: usize = 1024 * 1024;

const FILE: &str = "#@ file ";
const NO_NEWLINE: &str = "#@ no newline";
/// Goes before a line of a file that would read as one of ours.
const ESCAPE: &str = "#@|";

/// The files of a policy, the main one first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Source {
    /// Name and text of each.
    pub files: Vec<(String, String)>,
}

/// Why a text is no policy source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the policy text {sentence}; it begins with \"#@ file NAME\" and is written by nightlatch only")]
pub struct BadSource {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub sentence: &'static str,
}

impl Source {
    /// Of one file.
    pub fn one(name: &str, text: &str) -> Self {
        Self { files: vec![(name.to_owned(), text.to_owned())] }
    }

    /// The one text: each file after a line `#@ file NAME`. Nothing is lost, so the same source always gives the same text.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        for (name, text) in &self.files {
            let plain = !name.is_empty() && !name.starts_with('"') && !name.chars().any(char::is_control);
            let name = if plain { name.clone() } else { serde_json::Value::from(name.as_str()).to_string() };
            let _ = writeln!(out, "{FILE}{name}");
            for line in text.split_inclusive('\n') {
                if line.starts_with("#@") {
                    out.push_str(ESCAPE);
                }
                out.push_str(line);
            }
            if !text.ends_with('\n') {
                let _ = write!(out, "\n{NO_NEWLINE}\n");
            }
        }
        out
    }

    /// The files of a text that [`Source::to_text`] wrote.
    pub fn from_text(text: &str) -> Result<Self, BadSource> {
        let mut files: Vec<(String, String)> = Vec::new();
        for (at, line) in text.split_inclusive('\n').enumerate() {
            let bad = |sentence| BadSource { line: at + 1, sentence };
            let mark = line.strip_suffix('\n').unwrap_or(line);
            if let Some(name) = mark.strip_prefix(FILE) {
                let name = if name.starts_with('"') {
                    serde_json::from_str(name).map_err(|_| bad("has no file name that can be read"))?
                } else {
                    name.to_owned()
                };
                files.push((name, String::new()));
                continue;
            }
            let (_, file) = files.last_mut().ok_or_else(|| bad("stands before any file"))?;
            if mark == NO_NEWLINE {
                file.pop().filter(|ch| *ch == '\n').ok_or_else(|| bad("takes away a newline that is not there"))?;
            } else if let Some(escaped) = line.strip_prefix(ESCAPE) {
                file.push_str(escaped);
            } else if mark.starts_with("#@") {
                return Err(bad("is a mark that is not known"));
            } else {
                file.push_str(line);
            }
        }
        Ok(Self { files })
    }

    /// How much text there is, in bytes.
    pub fn bytes(&self) -> usize {
        self.files.iter().map(|(_, text)| text.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_files_stand_after_their_names() {
        let source = Source {
            files: vec![
                ("policy.toml".to_owned(), "a = 1\n".to_owned()),
                ("policy.d/b.toml".to_owned(), "#@ file c\nb = 2".to_owned()),
            ],
        };
        let text = source.to_text();
        assert_eq!(text, "#@ file policy.toml\na = 1\n#@ file policy.d/b.toml\n#@|#@ file c\nb = 2\n#@ no newline\n");
        assert_eq!(Source::from_text(&text), Ok(source));
        for bad in ["a = 1\n", "#@ file a\n#@ what\n", "#@ file a\n#@ no newline\n", "#@ file \"a\n"] {
            assert!(Source::from_text(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost(files in prop::collection::vec((".{0,9}|[\"\n]{0,3}", "(#@ ?|\\|| file | no newline|a|\n|\r\n){0,12}"), 0..4)) {
            let source = Source { files };
            prop_assert_eq!(Source::from_text(&source.to_text()), Ok(source));
        }
    }
}

//! A file of ours under judgement: what is read of it, and every fault with its line.

use crate::policy::Fault;
use crate::policy::document::Document;
use crate::text::Length;
use std::path::{Path, PathBuf};

/// A file of ours under judgement.
pub(super) struct Judge<'a> {
    pub document: Document<'a>,
    pub folder: PathBuf,
    pub faults: Vec<Fault>,
}

impl<'a> Judge<'a> {
    /// Parses a file; relative paths in it start from its folder.
    pub fn parse<T: serde::de::DeserializeOwned + Default>(name: &'a str, text: &'a str, folder: &Path) -> (Self, T) {
        let mut document = Document::parse([(name, text)], &[]);
        let raw = document.top();
        let faults = document.take_faults();
        (Self { document, folder: folder.to_owned(), faults }, raw)
    }

    pub fn fault(&mut self, path: &[&str], sentence: &str, cure: &str) {
        self.faults.push(self.document.fault(path, sentence, cure));
    }

    /// The value, or its fault.
    pub fn accept<T>(&mut self, path: &[&str], read: Result<T, (String, String)>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err((sentence, cure)) => {
                self.fault(path, &sentence, &cure);
                None
            }
        }
    }

    pub fn length(&mut self, path: &[&str], text: Option<&String>) -> Option<Length> {
        let read = text?.parse::<Length>().map_err(|error| (error.sentence, error.cure.to_owned()));
        self.accept(path, read)
    }

    /// A path in the file, from the file's folder.
    pub fn file(&self, text: &str) -> PathBuf {
        self.folder.join(text)
    }

    /// What was read, with its warnings, or all faults in the order of their lines.
    pub fn finish<T>(mut self, read: Option<T>) -> Result<(T, Vec<Fault>), Vec<Fault>> {
        self.faults.sort_by_key(|fault| fault.line);
        match read {
            Some(read) if self.faults.iter().all(|fault| fault.warning) => Ok((read, self.faults)),
            _ => Err(self.faults),
        }
    }
}

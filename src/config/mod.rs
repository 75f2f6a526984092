//! The files beside the policy: what a client and a server are told, where things lie, and the first files of all.
//!
//! Reads files and folders and nothing else: opens no store, asks nobody, never reads the time. What is wrong in a file is
//! a [`Fault`] with its line and cure.

pub mod account;
pub mod address;
pub mod client;
pub mod files;
pub mod paths;
pub mod policy_file;
pub mod server;
pub mod starter;
pub mod webhooks;

pub use address::{Address, Listen, StoreUrl};
pub use client::Client;
pub use files::{check_private, read_secret};
pub use paths::Paths;
pub use policy_file::PolicyFile;
pub use server::Server;

use crate::policy::Fault;
use crate::policy::document::Document;
use crate::text::Length;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The JSON schemas of the three files, for editors: name of the file, schema.
pub fn schemas() -> [(&'static str, Value); 3] {
    [
        ("policy.toml", crate::policy::raw::schema()),
        ("server.toml", schemars::schema_for!(server::RawServer).to_value()),
        ("config.toml", schemars::schema_for!(client::RawClient).to_value()),
    ]
}

/// A file of ours under judgement.
struct Judge<'a> {
    document: Document<'a>,
    folder: PathBuf,
    faults: Vec<Fault>,
}

impl<'a> Judge<'a> {
    /// Parses a file; relative paths in it start from its folder.
    fn parse<T: serde::de::DeserializeOwned + Default>(name: &'a str, text: &'a str, folder: &Path) -> (Self, T) {
        let mut document = Document::parse([(name, text)], &[]);
        let raw = document.top();
        let faults = document.take_faults();
        (Self { document, folder: folder.to_owned(), faults }, raw)
    }

    fn fault(&mut self, path: &[&str], sentence: &str, cure: &str) {
        self.faults.push(self.document.fault(path, sentence, cure));
    }

    /// The value, or its fault.
    fn accept<T>(&mut self, path: &[&str], read: Result<T, (String, String)>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err((sentence, cure)) => {
                self.fault(path, &sentence, &cure);
                None
            }
        }
    }

    fn length(&mut self, path: &[&str], text: Option<&String>) -> Option<Length> {
        let read = text?.parse::<Length>().map_err(|error| (error.sentence, error.cure.to_owned()));
        self.accept(path, read)
    }

    /// A path in the file, from the file's folder.
    fn file(&self, text: &str) -> PathBuf {
        self.folder.join(text)
    }

    /// What was read, with its warnings, or all faults in the order of their lines.
    fn finish<T>(mut self, read: Option<T>) -> Result<(T, Vec<Fault>), Vec<Fault>> {
        self.faults.sort_by_key(|fault| fault.line);
        match read {
            Some(read) if self.faults.iter().all(|fault| fault.warning) => Ok((read, self.faults)),
            _ => Err(self.faults),
        }
    }
}

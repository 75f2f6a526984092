//! The files beside the policy: what a client and a server are told, where things lie, and the first files of all.
//!
//! Reads files and folders and nothing else: opens no store, asks nobody, never reads the time. What is wrong in a file is
//! a [`Fault`] with its line and cure.

pub mod account;
pub mod address;
pub mod client;
pub mod files;
mod judge;
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

use serde_json::Value;

/// The JSON schemas of the three files, for editors: name of the file, schema.
pub fn schemas() -> [(&'static str, Value); 3] {
    [
        ("policy.toml", crate::policy::raw::schema()),
        ("server.toml", schemars::schema_for!(server::RawServer).to_value()),
        ("config.toml", schemars::schema_for!(client::RawClient).to_value()),
    ]
}

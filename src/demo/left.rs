//! What the night leaves behind: its trail, the checkpoint that the server signed last, and the key that checks it.

use super::stage::write;
use crate::cli::{Exit, Trouble};
use crate::config::{self, files};
use crate::service::{export_line, host};
use crate::trail::{self, checkpoint::Note, export};
use std::collections::HashMap;
use std::fmt::Display;
use std::path::{Path, PathBuf};

/// So many events are read at once.
const PAGE: i64 = 500;

/// The files that prove the night.
pub struct Left {
    pub trail: PathBuf,
    pub note: PathBuf,
    pub key: PathBuf,
    pub events: usize,
}

impl Left {
    /// The command that verifies the trail.
    pub fn command(&self) -> String {
        let [trail, note, key] = [&self.trail, &self.note, &self.key].map(|path| files::shell(path));
        format!("nightlatch audit verify {trail} --against {note} --key {key}")
    }
}

fn fault(sentence: impl Display) -> Trouble {
    Trouble::new(Exit::Fault, sentence.to_string(), "the store of the night is still in its folder")
}

/// Exports the trail of the store that has stopped: every event is in it that the last checkpoint knows.
pub async fn export(folder: &Path, server: &config::Server, key: &str) -> Result<Left, Trouble> {
    let store = host::open_store(server, host::clock(), false).await.map_err(fault)?;
    let store_id = store.head().await.map_err(fault)?.store_id;
    let (mut text, mut after, mut prev, mut count) = (String::new(), 0, trail::Link::ZERO, 0);
    loop {
        let events = store.events(None, after, PAGE).await.map_err(fault)?;
        let Some(last) = events.last().map(|event| event.seq) else { break };
        for event in events {
            let body: serde_json::Value = serde_json::from_str(&event.body).map_err(fault)?;
            let ids: Vec<i64> = export::references(&body).iter().map(|reference| reference.id).collect();
            let texts = store.texts(&ids).await.map_err(fault)?;
            let texts: HashMap<i64, _> = texts.into_iter().map(|text| (text.id, text)).collect();
            text.push_str(&export_line(&store_id, &event, &body, &texts, prev).map_err(fault)?);
            text.push('\n');
            prev = event.link;
            count += 1;
        }
        after = last;
    }
    store.close().await;
    let left = Left {
        trail: folder.join("trail.jsonl"),
        note: folder.join("checkpoint.note"),
        key: folder.join("verifier.key"),
        events: count,
    };
    let note = files::read_text(&left.note).map_err(fault)?;
    Note::parse(&note).map_err(fault)?;
    write(&left.trail, &text, 0o600)?;
    write(&left.key, &format!("{key}\n"), 0o600)?;
    Ok(left)
}

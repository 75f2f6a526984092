//! What stands on the desktop: which notification is about what, so that one key stands once.
//!
//! Kept in a small file too, for the next process. A number means something only to the server that gave it: with another
//! server, or another bus, all of them are forgotten.

use crate::access::RequestNumber;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// The most that is remembered; the oldest goes.
const MOST: usize = 256;

/// One notification that stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Stands {
    id: u32,
    opens: Option<RequestNumber>,
}

/// All that stands, by the word of its key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Standing {
    /// The bus and the server on it.
    server: String,
    by_key: BTreeMap<String, Stands>,
}

impl Standing {
    /// What another process left behind. Whatever cannot be read is nothing.
    pub(super) async fn load(file: &Path) -> Self {
        let text = tokio::fs::read(file).await.unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// Writes it for the next process. A fault costs no more than a notification that stands twice.
    pub(super) async fn save(&self, file: &Path) {
        let Ok(text) = serde_json::to_vec(self) else { return };
        let new = file.with_extension(format!("{}.new", std::process::id()));
        let mut open = tokio::fs::OpenOptions::new();
        open.write(true).create(true).truncate(true).mode(0o600);
        let written = async {
            let mut out = open.open(&new).await?;
            tokio::io::AsyncWriteExt::write_all(&mut out, &text).await?;
            tokio::io::AsyncWriteExt::flush(&mut out).await?;
            tokio::fs::rename(&new, file).await
        };
        if written.await.is_err() {
            let _ = tokio::fs::remove_file(&new).await;
        }
    }

    /// Says which server is spoken to: another one knows nothing of what stood.
    pub(super) fn server_is(&mut self, server: &str) {
        if self.server != server {
            *self = Self { server: server.to_owned(), by_key: BTreeMap::new() };
        }
    }

    /// The number under which this key stands.
    pub(super) fn id(&self, key: &str) -> Option<u32> {
        self.by_key.get(key).map(|stands| stands.id)
    }

    pub(super) fn stands(&mut self, key: String, id: u32, opens: Option<RequestNumber>) {
        self.closed(id);
        self.by_key.insert(key, Stands { id, opens });
        if self.by_key.len() > MOST {
            let oldest = self.by_key.iter().min_by_key(|(_, stands)| stands.id).map(|(key, _)| key.clone());
            self.by_key.remove(&oldest.unwrap_or_default());
        }
    }

    /// Somebody closed it, or it went by itself.
    pub(super) fn closed(&mut self, id: u32) {
        self.by_key.retain(|_, stands| stands.id != id);
    }

    /// The request that a click on this one opens.
    pub(super) fn opens(&self, id: u32) -> Option<RequestNumber> {
        self.by_key.values().find(|stands| stands.id == id)?.opens
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_is_kept_for_the_same_server_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("desktop.json");
        let mut standing = Standing::load(&file).await;
        standing.server_is("bus :1.4");
        standing.stands("NL-142".into(), 7, Some(RequestNumber(142)));
        standing.stands("digest".into(), 8, None);
        standing.save(&file).await;
        let mut next = Standing::load(&file).await;
        next.server_is("bus :1.4");
        assert_eq!((next.id("NL-142"), next.opens(7), next.opens(8)), (Some(7), Some(RequestNumber(142)), None));
        next.closed(7);
        assert_eq!((next.id("NL-142"), next.id("digest")), (None, Some(8)));
        next.server_is("bus :1.9");
        assert_eq!(next.id("digest"), None);
        for rubbish in ["", "{", "[]", "{\"server\":1}"] {
            std::fs::write(&file, rubbish).unwrap();
            assert_eq!(Standing::load(&file).await, Standing::default());
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn it_never_grows_without_bound() {
        let mut standing = Standing::default();
        for id in 1..2000 {
            standing.stands(format!("NL-{id}"), id, None);
        }
        assert_eq!((standing.by_key.len(), standing.id("NL-1999"), standing.id("NL-1")), (MOST, Some(1999), None));
    }
}

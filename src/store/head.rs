//! The head row: the last number, the chain's link, the tree's frontier. Whoever updates it has the write.

use super::fault::StoreError;
use super::row::Row;
use crate::access::event::FORMAT;
use crate::text::Instant;
use crate::trail::{Frontier, Link};

/// What the head row says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The number of the last event; zero before the first.
    pub seq: i64,
    /// When that was.
    pub at: Instant,
    /// When a server last said that it lives.
    pub alive_at: Instant,
    /// The last event's link.
    pub link: Link,
    /// The tree over all links.
    pub tree: Frontier,
    /// The number of the last request.
    pub number: i64,
    /// The hash of the policy that rules; empty before the first.
    pub policy: String,
    /// The format of its records.
    pub format: i64,
    /// Which store it is.
    pub store_id: String,
}

/// Its columns, as [`Head::of`] takes them.
pub(super) const COLUMNS: &str = "seq, at, alive_at, link, tree, number, policy, format, store_id";

impl Head {
    /// From a row of [`COLUMNS`].
    pub(super) fn of(row: &Row) -> Result<Self, StoreError> {
        let damaged = |what: &str| {
            StoreError::Broken(format!("the {what} in the store's head is damaged: run nightlatch audit verify"))
        };
        Ok(Self {
            seq: row.int(0)?,
            at: Instant::from_millis(row.int(1)?),
            alive_at: Instant::from_millis(row.int(2)?),
            link: row.text(3)?.parse().map_err(|_| damaged("link"))?,
            tree: row.text(4)?.parse().map_err(|_| damaged("tree"))?,
            number: row.int(5)?,
            policy: row.text(6)?.to_owned(),
            format: row.int(7)?,
            store_id: row.text(8)?.to_owned(),
        })
    }

    /// The first of `rows`, which cannot be missing in an opened store.
    pub(super) fn first(rows: &[Row]) -> Result<Self, StoreError> {
        let gone = || StoreError::Broken("the store's head is gone: restore a backup and verify it".into());
        rows.first().ok_or_else(gone).and_then(Self::of)
    }

    /// Why this program may not write here, if it may not.
    pub fn too_new(&self) -> Option<String> {
        (self.format > FORMAT).then(|| {
            format!(
                "the store has format {}, written by a newer nightlatch, and this one knows {FORMAT}: install the newer \
                 one. Until then only removals are recorded",
                self.format
            )
        })
    }
}

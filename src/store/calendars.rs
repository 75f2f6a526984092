//! Reads from the trail what was read of the calendars: the newest `rota-changed` of each rota. It is read in the write, so
//! that every replica decides by the same turns.

use super::engine::Writer;
use super::fault::StoreError;
use super::keep::{EVENT, Stored};
use super::policies::{Policies, Ruling};
use super::row::{Arg, Row};
use super::slots::{KnownSlots, Slots, has_calendars};
use crate::access::Event;
use crate::policy::Policy;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many events are read at once when a process looks for the first time.
const PAGE: i64 = 50;
/// How often it reads so many.
pub(super) const PAGES: usize = 40;

/// What is new since `after`, newest first; `before` goes further back.
pub(super) fn query(after: i64, before: i64) -> (String, Vec<Arg>) {
    let sql = format!(
        "SELECT {EVENT} FROM event WHERE subject = 'policy' AND kind = 'rota-changed' AND seq > $1 AND seq < $2 \
         ORDER BY seq DESC LIMIT {PAGE}"
    );
    (sql, vec![after.into(), before.into()])
}

/// What was read of the calendars up to now, and the ruling with it laid over.
pub(super) async fn load(
    writer: &mut Writer,
    ruling: Ruling,
    policies: &Policies,
) -> Result<(Ruling, Arc<KnownSlots>), StoreError> {
    if !has_calendars(&ruling.policy) {
        return Ok((ruling, Arc::default()));
    }
    let (mut seq, known) = policies.slots();
    let mut news = News::since(seq);
    for _ in 0..PAGES {
        let (sql, args) = query(seq, news.before);
        if !news.take(&writer.fetch(&sql, args).await?, &ruling.policy)? {
            break;
        }
    }
    seq = news.newest;
    let known = if news.found.is_empty() { known } else { policies.learn(seq, news.found) };
    Ok((policies.laid(&ruling, &known), known))
}

/// Pages of events on their way to what is known.
pub(super) struct News {
    pub(super) found: KnownSlots,
    pub(super) newest: i64,
    pub(super) before: i64,
}

impl News {
    /// Nothing yet, of what came after event `seq`.
    pub(super) const fn since(seq: i64) -> Self {
        Self { found: BTreeMap::new(), newest: seq, before: i64::MAX }
    }

    /// Takes a page; whether another is worth reading.
    pub(super) fn take(&mut self, rows: &[Row], policy: &Policy) -> Result<bool, StoreError> {
        for row in rows {
            let stored = Stored::of(row)?;
            self.newest = self.newest.max(stored.seq);
            self.before = self.before.min(stored.seq);
            let Event::RotaChanged { rota, calendar, from, until, slots } = stored.told()?.event else { continue };
            self.found.entry(rota).or_insert(Slots { calendar, from, until, slots });
        }
        let rest = policy.rotas.iter().any(|(name, rota)| rota.calendar.is_some() && !self.found.contains_key(name));
        Ok(rest && i64::try_from(rows.len()).is_ok_and(|rows| rows == PAGE))
    }
}

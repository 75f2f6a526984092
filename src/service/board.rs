//! The board: open requests and those that ended lately, kept up in memory by the events. The store is the truth; this
//! is what panes poll, so that a hundred of them cost one read.

use super::view::{Sight, text_ids};
use super::{Answered, Service};
use crate::access::due::{Phase, due, phase};
use crate::access::facts::Frozen;
use crate::access::{Actor, Request, RequestNumber, Subject, closed_at, who};
use crate::store::WorkRow;
use crate::text::{Instant, Length};
use crate::wire::{BoardView, RequestView};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// How long an ended request stays on the board.
const LATELY: Length = Length::from_hours(1);
/// How many of them at most.
const LATELY_MOST: i64 = 200;
/// How many that left the board are remembered, so that panes can drop them.
const GONE: usize = 10_000;

/// One row: the fold, its work and its texts.
#[derive(Debug, Clone)]
struct Row {
    request: Request,
    work: Option<WorkRow>,
    texts: HashMap<i64, String>,
    /// The event at which the row last changed.
    changed: i64,
}

#[derive(Default)]
struct Rows {
    seq: i64,
    link: String,
    shown: BTreeMap<i64, Row>,
    gone: BTreeMap<i64, i64>,
    frozen: Vec<Frozen>,
    /// Nothing before this event can be told as a difference.
    since: i64,
}

/// The board of one replica.
pub(super) struct Board {
    rows: Mutex<Rows>,
    seq: watch::Sender<i64>,
}

impl Default for Board {
    fn default() -> Self {
        Self { rows: Mutex::default(), seq: watch::Sender::new(0) }
    }
}

impl Board {
    fn lock(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// The event up to which the board is made.
    pub fn seq(&self) -> i64 {
        *self.seq.borrow()
    }
    /// Follows the board.
    pub fn subscribe(&self) -> watch::Receiver<i64> {
        self.seq.subscribe()
    }
    /// What is frozen.
    pub fn frozen(&self) -> Vec<Frozen> {
        self.lock().frozen.clone()
    }
    /// Held requests as known by now, for removing while the store is away.
    pub fn held(&self) -> Vec<Request> {
        self.lock().shown.values().map(|row| row.request.clone()).filter(|r| phase(r) == Phase::Held).collect()
    }
    /// Whether the rules have to look at a request by `at`.
    pub fn is_due(&self, at: Instant) -> bool {
        self.lock().shown.values().any(|row| due(&row.request).is_some_and(|due| due <= at))
    }
    /// How much is pending, granted or unremoved.
    pub fn open(&self) -> usize {
        self.lock().shown.values().filter(|row| phase(&row.request) != Phase::Closed).count()
    }
}

impl Service {
    /// Fills the board from the store.
    pub(super) async fn load_board(&self) -> Answered<()> {
        let head = self.inner.store.head().await?;
        let mut all = self.inner.store.open_requests().await?;
        let since = self.now().at.minus(LATELY);
        let lately = self.inner.store.closed_since(since, LATELY_MOST).await?;
        all.extend(lately.into_iter().map(|request| (request, None)));
        let frozen = self.inner.store.frozen().await?;
        let mut rows = Rows { seq: head.seq, link: head.link.to_string(), since: head.seq, frozen, ..Rows::default() };
        for row in self.rows(all).await? {
            rows.shown.insert(row.request.number.0, row);
        }
        *self.inner.board.lock() = rows;
        self.inner.board.seq.send_replace(head.seq);
        Ok(())
    }

    async fn rows(&self, requests: Vec<(Request, Option<WorkRow>)>) -> Answered<Vec<Row>> {
        let ids: Vec<i64> = requests.iter().flat_map(|(request, _)| text_ids(request)).collect();
        let texts = self.texts(&ids).await?;
        self.rulings_of(requests.iter().map(|(request, _)| request)).await;
        Ok(requests
            .into_iter()
            .map(|(request, work)| {
                let mine = text_ids(&request);
                let texts = mine.into_iter().filter_map(|id| Some((id, texts.get(&id)?.clone()))).collect();
                Row { changed: request.seq, request, work, texts }
            })
            .collect())
    }

    /// Reads what happened since, and makes it so on the board. Returns whether anything did.
    pub(super) async fn follow(&self) -> Answered<bool> {
        let after = self.inner.board.seq();
        let head = self.inner.store.head().await?;
        if head.seq <= after {
            return Ok(false);
        }
        let mut touched: BTreeMap<i64, i64> = BTreeMap::new();
        let (mut seq, mut freezes, mut policy) = (after, false, false);
        while seq < head.seq {
            let events = self.inner.store.events(None, seq, 1000).await?;
            let Some(last) = events.last().map(|event| event.seq) else { break };
            for event in events {
                if event.kind == "clock-accepted" {
                    self.inner.clock.accept();
                }
                match event.subject.parse() {
                    Ok(Subject::Request(number)) => {
                        touched.insert(number.0, event.seq);
                    }
                    Ok(Subject::Policy) => policy = true,
                    Ok(Subject::System(_) | Subject::Store) => freezes = true,
                    Ok(Subject::Incident(_) | Subject::Person(_)) | Err(_) => {}
                }
                seq = event.seq;
            }
            seq = seq.max(last);
        }
        if policy {
            self.refresh_ruling().await?;
            self.end_by_policy();
        }
        if freezes {
            let frozen = self.inner.store.frozen().await?;
            self.inner.board.lock().frozen = frozen;
            self.look_for_accepted().await?;
        }
        let numbers: Vec<RequestNumber> = touched.keys().map(|n| RequestNumber(*n)).collect();
        let fresh = self.rows(self.inner.store.requests(&numbers).await?).await?;
        let link = self.inner.store.head().await?.link.to_string();
        {
            let mut rows = self.inner.board.lock();
            for mut row in fresh {
                row.changed = touched.get(&row.request.number.0).copied().unwrap_or(seq);
                rows.gone.remove(&row.request.number.0);
                rows.shown.insert(row.request.number.0, row);
            }
            rows.seq = seq;
            rows.link = link;
        }
        self.inner.board.seq.send_replace(seq);
        Ok(true)
    }

    /// Drops what ended too long ago.
    pub(super) fn sweep_board(&self, at: Instant) {
        let mut rows = self.inner.board.lock();
        let seq = rows.seq;
        let old: Vec<i64> = rows
            .shown
            .values()
            .filter(|row| closed_at(&row.request).is_some_and(|closed| at.since(closed) > LATELY))
            .map(|row| row.request.number.0)
            .collect();
        for number in old {
            rows.shown.remove(&number);
            rows.gone.insert(number, seq);
        }
        while rows.gone.len() > GONE {
            rows.gone.pop_first();
            rows.since = seq;
        }
    }

    pub(super) async fn do_board(&self, actor: &Actor, after: Option<i64>, wait: Duration) -> Answered<BoardView> {
        let mut follows = self.inner.board.subscribe();
        if let Some(after) = after {
            let newer = follows.wait_for(|seq| *seq > after || self.inner.stop.is_cancelled());
            // Nothing new in time is an answer too.
            drop(tokio::time::timeout(wait, newer).await);
        }
        let ruling = self.ruling().await?;
        let person = Self::person(&ruling, actor)?;
        let now = self.now();
        let board = self.inner.board.lock();
        let full = after.is_none_or(|after| after < board.since || after > board.seq);
        let shown = |row: &Row| -> RequestView {
            let frozen = board.frozen.iter().any(|f| f.system.as_ref().is_none_or(|s| *s == row.request.ask.system));
            let mut view = Sight {
                ruling: &ruling,
                rulings: &self.inner.rulings,
                store_id: &self.inner.store_id,
                texts: &row.texts,
                work: row.work.as_ref(),
                frozen,
                at: now.at,
            }
            .request(&row.request);
            view.notes = None;
            view
        };
        let rows = board
            .shown
            .values()
            .filter(|row| full || after.is_some_and(|after| row.changed > after))
            .filter(|row| who::may_see(&ruling.policy, &row.request, &person, now.at))
            .map(shown)
            .collect();
        let gone = if full { Vec::new() } else { board.gone.keys().copied().collect() };
        Ok(BoardView {
            seq: board.seq,
            server_now: now.at,
            full,
            rows,
            gone,
            link: board.link.clone(),
            frozen: board
                .frozen
                .iter()
                .map(|f| f.system.as_ref().map_or_else(|| "*".to_owned(), ToString::to_string))
                .collect(),
            sane: now.sane,
        })
    }
}

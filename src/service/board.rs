//! The board: open requests and those that ended lately, kept up in memory by the events. The store is the truth; this
//! is what panes poll, so that a hundred of them cost one read.

use super::view::{Sight, Texts, text_ids};
use super::{Answered, CATCH_UP, Service};
use crate::access::due::{Phase, alarms, due, looks, phase, waits};
use crate::access::facts::Frozen;
use crate::access::{Actor, Request, RequestNumber, Subject, closed_at, who};
use crate::store::{Change, WorkRow};
use crate::text::{Instant, Length, PersonId};
use crate::wire::{BoardView, RequestView};
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// How long an ended request stays on the board.
const LATELY: Length = Length::from_hours(1);
/// One that ended this lately stays however many there are: its verdict can be taken back, and somebody looks for it.
const JUST_NOW: Length = Length::from_minutes(2);
/// How many of them at most.
const LATELY_MOST: i64 = 200;
/// How many that left the board are remembered, so that panes can drop them.
const GONE: usize = 10_000;

/// One row: the fold, its work and its texts.
#[derive(Debug, Clone)]
struct Row {
    request: Arc<Request>,
    work: Option<WorkRow>,
    texts: Texts,
    /// The event at which the row last changed.
    changed: i64,
}

#[derive(Default)]
struct Rows {
    seq: i64,
    link: String,
    shown: BTreeMap<i64, Row>,
    /// Which of them are whose.
    of: HashMap<PersonId, BTreeSet<i64>>,
    gone: BTreeMap<i64, i64>,
    frozen: Vec<Frozen>,
    /// Nothing before this event can be told as a difference.
    since: i64,
}

impl Rows {
    fn put(&mut self, row: Row) {
        let number = row.request.number.0;
        self.take(number);
        self.of.entry(row.request.ask.user.clone()).or_default().insert(number);
        self.shown.insert(number, row);
    }

    fn take(&mut self, number: i64) {
        let Some(row) = self.shown.remove(&number) else { return };
        if let Entry::Occupied(mut mine) = self.of.entry(row.request.ask.user.clone()) {
            mine.get_mut().remove(&number);
            if mine.get().is_empty() {
                mine.remove();
            }
        }
    }
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
    /// A request that is on it.
    pub fn request(&self, number: RequestNumber) -> Option<Arc<Request>> {
        self.lock().shown.get(&number.0).map(|row| row.request.clone())
    }
    /// What `take` makes of the first of a user's open requests, lowest first, that it makes something of.
    pub fn open_of<T>(&self, user: &PersonId, take: impl FnMut(&Request) -> Option<T>) -> Option<T> {
        let rows = self.lock();
        let mine = rows.of.get(user).into_iter().flatten().filter_map(|number| rows.shown.get(number));
        mine.map(|row| &*row.request).filter(|request| phase(request) != Phase::Closed).find_map(take)
    }
    /// One text of a request, if it is known here.
    pub fn text(&self, number: RequestNumber, id: i64) -> Option<String> {
        self.lock().shown.get(&number.0).and_then(|row| row.texts.get(&id).cloned())
    }
    /// The texts of a request that are known here.
    pub fn texts(&self, number: RequestNumber) -> Texts {
        self.lock().shown.get(&number.0).map(|row| row.texts.clone()).unwrap_or_default()
    }
    /// What is frozen.
    pub fn frozen(&self) -> Vec<Frozen> {
        self.lock().frozen.clone()
    }
    /// Held requests as known by now.
    pub fn held(&self) -> Vec<Arc<Request>> {
        self.lock().shown.values().map(|row| &row.request).filter(|r| phase(r) == Phase::Held).cloned().collect()
    }
    /// Whether the rules have to look at a request by `at`.
    pub fn is_due(&self, at: Instant) -> bool {
        self.lock().shown.values().any(|row| due(&row.request).is_some_and(|due| due <= at))
    }
    /// The requests of which somebody may have to be told by `at`; `all`: every one that has a ladder.
    pub fn to_look_at(&self, at: Instant, all: bool) -> Vec<Arc<Request>> {
        let due = |row: &&Row| looks(&row.request, at).is_some_and(|looks| looks <= at);
        // Duty may have passed, and a clock that had leapt forward may have put a step off.
        let ends = |row: &&Row| all && (waits(&row.request) || alarms(&row.request, at));
        self.lock().shown.values().filter(|row| due(row) || ends(row)).map(|row| row.request.clone()).collect()
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
            rows.put(row);
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
                Row { changed: request.seq, request: Arc::new(request), work, texts }
            })
            .collect())
    }

    /// Reads what happened since, and makes it so on the board. Returns whether anything did.
    pub(super) async fn follow(&self) -> Answered<bool> {
        if let Some(changes) = self.inner.store.changes(self.inner.board.seq()) {
            for change in changes {
                self.follow_change(change).await?;
            }
        }
        let after = self.inner.board.seq();
        if self.inner.store.seq() <= after {
            return Ok(true);
        }
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
                if event.kind == "erased" {
                    self.forget(&event.body, event.seq);
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
        let fresh = fresh.into_iter().map(|row| {
            let changed = touched.get(&row.request.number.0).copied().unwrap_or(seq);
            Row { changed, ..row }
        });
        self.take_over(fresh.collect(), seq, link);
        Ok(true)
    }

    /// Makes it so on the board what was written here, without reading it again.
    async fn follow_change(&self, change: Change) -> Answered<()> {
        let mut fresh = Vec::with_capacity(change.requests.len());
        let mut missing = Vec::new();
        for (changed, request, work) in change.requests {
            let mut texts = self.inner.board.texts(request.number);
            let mine = text_ids(&request);
            texts.retain(|id, _| mine.contains(id));
            for id in mine.into_iter().filter(|id| !texts.contains_key(id)).collect::<Vec<_>>() {
                match change.texts.get(&id) {
                    Some(words) => drop(texts.insert(id, words.clone())),
                    None => missing.push(id),
                }
            }
            fresh.push(Row { request, work, texts, changed });
        }
        if !missing.is_empty() {
            let found = self.texts(&missing).await?;
            for row in &mut fresh {
                let mine = text_ids(&row.request);
                row.texts
                    .extend(found.iter().filter(|(id, _)| mine.contains(id)).map(|(id, words)| (*id, words.clone())));
            }
        }
        self.rulings_of(fresh.iter().map(|row| &*row.request)).await;
        self.take_over(fresh, change.seq, change.link.to_string());
        Ok(())
    }

    /// Puts rows on the board, which is then made up to `seq`.
    fn take_over(&self, fresh: Vec<Row>, seq: i64, link: String) {
        {
            let mut rows = self.inner.board.lock();
            for row in fresh {
                let was = rows.shown.get(&row.request.number.0).map(|row| row.request.ask.user.clone());
                self.inner.pasts.follow(&row.request, &row.texts, was.as_ref());
                rows.gone.remove(&row.request.number.0);
                rows.put(row);
            }
            rows.seq = seq;
            rows.link = link;
        }
        self.inner.board.seq.send_replace(seq);
    }

    /// Forgets the words that an `erased` event names.
    fn forget(&self, body: &str, at: i64) {
        let body: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
        let ids = body.get("texts").and_then(serde_json::Value::as_array).into_iter().flatten();
        let ids: Vec<i64> = ids.filter_map(serde_json::Value::as_i64).collect();
        let mut rows = self.inner.board.lock();
        for row in rows.shown.values_mut().filter(|row| ids.iter().any(|id| row.texts.contains_key(id))) {
            row.texts.retain(|id, _| !ids.contains(id));
            row.changed = at;
        }
        self.inner.pasts.forget();
    }

    /// Waits until the board knows what was written here, so that nobody who reads it misses their own act. False where it
    /// does not come to know it: then the store has to be read.
    pub(super) async fn is_current(&self) -> bool {
        self.is_made_up_to(self.inner.store.seq()).await
    }

    /// As [`Service::is_current`], for whatever anybody wrote until now: also another replica.
    pub(super) async fn is_current_with_all(&self) -> Answered<bool> {
        let head = self.inner.store.head().await?;
        Ok(self.is_made_up_to(head.seq).await)
    }

    async fn is_made_up_to(&self, head: i64) -> bool {
        if self.inner.board.seq() >= head {
            return true;
        }
        let mut follows = self.inner.board.subscribe();
        let followed = self.inner.clock.within(CATCH_UP, follows.wait_for(|seq| *seq >= head)).await;
        followed.is_some_and(|followed| followed.is_ok())
    }

    /// Drops what ended too long ago, and before too many others.
    pub(super) fn sweep_board(&self, at: Instant) {
        let mut rows = self.inner.board.lock();
        let seq = rows.seq;
        let ended = rows.shown.values().filter_map(|row| Some((closed_at(&row.request)?, row.request.number.0)));
        let mut ended: Vec<(Instant, i64)> = ended.collect();
        ended.sort_unstable_by(|one, other| other.cmp(one));
        let most = usize::try_from(LATELY_MOST).unwrap_or(usize::MAX);
        let old = ended.into_iter().enumerate().filter(|(place, (closed, _))| {
            let ago = at.since(*closed);
            ago > LATELY || (*place >= most && ago > JUST_NOW)
        });
        let old: Vec<i64> = old.map(|(_, (_, number))| number).collect();
        for number in old {
            rows.take(number);
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

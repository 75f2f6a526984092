//! The rows of the board, their order, and the cursor. Rows never move under the cursor.
//!
//! A pane's list is what is shown. While it is frozen, what came in is only remembered (`held`); what left stays as a
//! tombstone. The cursor is a request's number, and after every change it is on the screen line on which it was.

use super::filter::{Filter, Sight};
use super::pane::{Pane, Place, whole};
use super::standing;
use crate::access::Status;
use crate::text::Instant;
use crate::wire::RequestView;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// The panes of the board.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Side {
    /// What waits for a verdict.
    #[default]
    Waiting,
    /// What has, will have or had access.
    Live,
}

/// What became of an extension whose verdict was taken back.
const TAKEN_BACK: &str = "the new end was taken back";

/// More changes than this at once, and the lists are made anew.
pub const MANY: usize = 256;

/// What the lists are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// Oldest first; what is granted by its end.
    #[default]
    Time,
    /// By system, then time.
    System,
    /// By person, then time.
    Who,
}

impl Sort {
    /// The next one.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::Time => Self::System,
            Self::System => Self::Who,
            Self::Who => Self::Time,
        }
    }
    /// In a word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::System => "system",
            Self::Who => "person",
        }
    }
}

#[derive(Debug)]
struct Row {
    view: Arc<RequestView>,
    waits: bool,
    lives: bool,
    late: Option<Instant>,
    /// The filter lets it through.
    fits: bool,
    /// The server no longer has it on its board.
    gone: bool,
}

/// What became of a row that is shown although it left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tombstone {
    /// What was decided: approved, denied…
    pub word: String,
    /// By whom, if by somebody.
    pub by: Option<String>,
    /// When it became so, as far as the row says; else when it was seen.
    pub at: Instant,
    /// The end that was given, if it was an extension.
    pub until: Option<Instant>,
}

/// The board.
#[derive(Debug, Default)]
pub struct Board {
    rows: HashMap<i64, Row>,
    turns: BTreeSet<(Instant, i64)>,
    late: BTreeSet<(Instant, i64)>,
    waiting: Pane,
    live: Pane,
    /// What changed its place while the order was frozen.
    held: BTreeSet<i64>,
    tombs: HashMap<(bool, i64), Tombstone>,
    counts: (usize, usize),
    /// The requests of each person.
    of_person: HashMap<String, BTreeSet<i64>>,
    /// What is shown; what waits, lives and is overdue is counted all the same.
    filter: Filter,
    /// Who `me` is in the filter.
    me: Option<String>,
    /// What the lists are sorted by.
    pub sort: Sort,
    /// The pane that has the focus.
    pub focus: Side,
}

impl Board {
    /// A pane.
    pub fn pane(&self, side: Side) -> &Pane {
        match side {
            Side::Waiting => &self.waiting,
            Side::Live => &self.live,
        }
    }
    /// A pane, to be moved about in.
    pub fn pane_mut(&mut self, side: Side) -> &mut Pane {
        match side {
            Side::Waiting => &mut self.waiting,
            Side::Live => &mut self.live,
        }
    }
    /// A request of the board.
    pub fn get(&self, id: i64) -> Option<&Arc<RequestView>> {
        self.rows.get(&id).map(|row| &row.view)
    }
    /// Every request that one person uses or asked for.
    pub fn of_person(&self, person: &str) -> impl Iterator<Item = &Arc<RequestView>> {
        self.of_person.get(person).into_iter().flatten().filter_map(|id| self.get(*id))
    }
    /// Every request of the board.
    pub fn all(&self) -> impl Iterator<Item = &Arc<RequestView>> {
        self.rows.values().map(|row| &row.view)
    }
    /// What wait, live and are overdue, whatever is shown.
    pub fn counts(&self) -> (usize, usize, usize) {
        (self.counts.0, self.counts.1, self.late.len())
    }
    /// What is overdue, longest first.
    pub fn late(&self) -> impl Iterator<Item = i64> + '_ {
        self.late.iter().map(|(_, id)| *id)
    }
    /// What became of a shown row that left.
    pub fn tombstone(&self, side: Side, id: i64) -> Option<&Tombstone> {
        self.tombs.get(&(side == Side::Live, id))
    }
    /// How many rows wait to be let in.
    pub fn arrived(&self, side: Side) -> usize {
        self.held.iter().filter(|id| self.belongs(side, **id) && self.pane(side).placed(**id).is_none()).count()
    }
    /// Whether anything waits for the order to thaw.
    pub fn waits_to_merge(&self) -> bool {
        !self.held.is_empty()
    }
    /// When a row stands otherwise by itself, next.
    pub fn next_turn(&self) -> Option<Instant> {
        self.turns.first().map(|(at, _)| *at)
    }
    /// The request under the cursor of the pane that has the focus.
    pub fn cursor(&self) -> Option<i64> {
        self.pane(self.focus).cursor
    }

    fn belongs(&self, side: Side, id: i64) -> bool {
        self.rows.get(&id).is_some_and(|row| row.fits && if side == Side::Waiting { row.waits } else { row.lives })
    }

    fn place(&self, side: Side, id: i64) -> Option<Place> {
        let view = &self.rows.get(&id)?.view;
        let end = standing::end(view).map_or(i64::MAX, Instant::millis);
        let (rank, at) = match side {
            // An extension is asked for while the access runs out: by the time left, before what is only asked for.
            Side::Waiting if standing::extension_waits(view) => (0, end),
            Side::Waiting => (1, view.filed_at.millis()),
            Side::Live => (0, end),
        };
        let text = match self.sort {
            Sort::Time => String::new(),
            Sort::System => view.system.clone(),
            Sort::Who => view.user.id.clone(),
        };
        Some(Place { text, rank, at, id })
    }

    /// Takes a row in. Nothing changes its place while the order is frozen.
    pub fn put(&mut self, view: Arc<RequestView>, now: Instant, frozen: bool) {
        let id = view.id;
        self.forget(id);
        self.turns.extend(standing::turns(&view).into_iter().flatten().filter(|at| *at > now).map(|at| (at, id)));
        self.turns.extend(self.filter.turns(&view).into_iter().filter(|at| *at > now).map(|at| (at, id)));
        for who in [&view.user.id, &view.requester.id] {
            self.of_person.entry(who.clone()).or_default().insert(id);
        }
        self.rows.insert(id, Row { view, waits: false, lives: false, late: None, fits: true, gone: false });
        self.judge(id, now, frozen);
    }

    /// Drops a row that is no longer on the board.
    pub fn drop_row(&mut self, id: i64, now: Instant, frozen: bool) {
        if self.rows.contains_key(&id) {
            self.forget(id);
            if let Some(row) = self.rows.get_mut(&id) {
                (row.waits, row.lives, row.late, row.gone) = (false, false, None, true);
            }
            self.settle(id, now, frozen);
            self.bury(id);
        }
    }

    /// Forgets a row that neither the server nor a pane has any more.
    fn bury(&mut self, id: i64) {
        let shown = [Side::Waiting, Side::Live].iter().any(|side| self.pane(*side).placed(id).is_some());
        if !shown && self.rows.get(&id).is_some_and(|row| row.gone) {
            self.rows.remove(&id);
        }
    }

    /// Every row that is not among these is no longer on the board.
    pub fn keep_only(&mut self, ids: &std::collections::HashSet<i64>, now: Instant, frozen: bool) {
        let gone: Vec<i64> = self.rows.keys().copied().filter(|id| !ids.contains(id)).collect();
        for id in gone {
            self.drop_row(id, now, frozen);
        }
    }

    /// Time went by. Returns what became overdue.
    pub fn turn(&mut self, now: Instant, frozen: bool) -> Vec<i64> {
        if self.next_turn().is_none_or(|at| at > now) {
            return Vec::new();
        }
        let before: BTreeSet<i64> = self.late().collect();
        while let Some((at, id)) = self.turns.first().copied().filter(|(at, _)| *at <= now) {
            self.turns.remove(&(at, id));
            self.judge(id, now, frozen);
        }
        self.late().filter(|id| !before.contains(id)).collect()
    }

    fn forget(&mut self, id: i64) {
        if let Some(row) = self.rows.get(&id) {
            for who in [&row.view.user.id, &row.view.requester.id] {
                if let Some(theirs) = self.of_person.get_mut(who) {
                    theirs.remove(&id);
                    if theirs.is_empty() {
                        self.of_person.remove(who);
                    }
                }
            }
            for at in standing::turns(&row.view).into_iter().flatten() {
                self.turns.remove(&(at, id));
            }
            if let Some(at) = row.late {
                self.late.remove(&(at, id));
            }
            self.counts.0 -= usize::from(row.waits);
            self.counts.1 -= usize::from(row.lives);
        }
    }

    /// Where a row belongs by now.
    fn judge(&mut self, id: i64, now: Instant, frozen: bool) {
        let Some(row) = self.rows.get_mut(&id) else { return };
        self.counts.0 -= usize::from(row.waits);
        self.counts.1 -= usize::from(row.lives);
        if let Some(at) = row.late.take() {
            self.late.remove(&(at, id));
        }
        row.fits = self.filter.fits(&row.view, Sight { me: self.me.as_deref(), now });
        row.waits = standing::waits(&row.view, now);
        row.lives = standing::lives(&row.view, now);
        row.late = standing::overdue(&row.view, now).then(|| standing::end(&row.view)).flatten();
        self.counts.0 += usize::from(row.waits);
        self.counts.1 += usize::from(row.lives);
        if let Some(at) = row.late {
            self.late.insert((at, id));
        }
        self.settle(id, now, frozen);
    }

    /// Puts a row where it belongs, as far as it may move.
    fn settle(&mut self, id: i64, now: Instant, frozen: bool) {
        for side in [Side::Waiting, Side::Live] {
            let wanted = self.belongs(side, id).then(|| self.place(side, id)).flatten();
            let key = (side == Side::Live, id);
            let was = self.pane(side).placed(id);
            let leaves = was.is_some() && wanted.is_none();
            if wanted.as_ref() == was {
                self.tombs.remove(&key);
                continue;
            }
            if leaves {
                let tomb = self.rows.get(&id).map(|row| tombstone(row, now));
                if let Some(mut tomb) = tomb {
                    let given = self.tombs.get(&key).is_some_and(|old| old.until.is_some());
                    if given && tomb.until.is_none() && tomb.by.is_some() {
                        // The first verdict stands again: it is not what became of the row.
                        (tomb.word, tomb.by, tomb.at) = (TAKEN_BACK.into(), None, now);
                        self.tombs.insert(key, tomb);
                    } else {
                        self.tombs.entry(key).or_insert(tomb);
                    }
                }
            } else {
                self.tombs.remove(&key);
            }
            // The row under the cursor stays where it is until the cursor leaves, whatever became of it.
            if frozen || (leaves && self.pane(side).cursor == Some(id)) {
                self.held.insert(id);
                continue;
            }
            self.tombs.remove(&key);
            self.pane_mut(side).steadily(|pane| match wanted {
                Some(place) => pane.put(place),
                None => pane.take(id),
            });
        }
        self.first_cursor();
    }

    /// A list that was empty gets its cursor: nobody has pointed at anything yet.
    fn first_cursor(&mut self) {
        self.waiting.first_cursor();
        self.live.first_cursor();
    }

    /// Both cursors on their first rows: for a board that nobody has seen yet.
    pub fn rewind(&mut self) {
        self.waiting.rewind();
        self.live.rewind();
    }

    /// Lets in what waited.
    pub fn merge(&mut self, now: Instant) {
        if self.held.len() > MANY {
            return self.rebuild();
        }
        let held = std::mem::take(&mut self.held);
        for id in held {
            self.settle(id, now, false);
            self.bury(id);
        }
    }

    /// Makes both lists anew: cheaper than moving many rows one by one.
    fn rebuild(&mut self) {
        self.held.clear();
        for side in [Side::Waiting, Side::Live] {
            let mut list: Vec<Place> =
                self.rows.keys().filter(|id| self.belongs(side, **id)).filter_map(|id| self.place(side, *id)).collect();
            // The row under the cursor stays until the cursor leaves, whatever became of it.
            let cursor = self.pane(side).cursor.filter(|id| !self.belongs(side, *id));
            if let Some(place) = cursor.and_then(|id| self.pane(side).placed(id)).cloned() {
                self.held.insert(place.id);
                list.push(place);
            }
            self.pane_mut(side).fill(list);
        }
        let (waiting, live) = (self.waiting.cursor, self.live.cursor);
        self.tombs.retain(|(is_live, id), _| Some(*id) == if *is_live { live } else { waiting });
        let gone: Vec<i64> = self.rows.iter().filter(|(_, row)| row.gone).map(|(id, _)| *id).collect();
        for id in gone {
            self.bury(id);
        }
        self.first_cursor();
    }

    /// Moves the cursor by so many rows, and buries what it leaves.
    pub fn step(&mut self, by: i64, height: u16, now: Instant, frozen: bool) {
        let pane = self.pane_mut(self.focus);
        let index = pane.cursor.and_then(|id| pane.index(id)).map_or(0, whole);
        self.go_to(index.saturating_add(by), height, now, frozen);
    }

    /// Moves the cursor to a row of the pane that has the focus.
    pub fn go_to(&mut self, index: i64, height: u16, now: Instant, frozen: bool) {
        let side = self.focus;
        let pane = self.pane_mut(side);
        let left = pane.cursor;
        pane.go(index, height);
        let moved = left != pane.cursor;
        if let Some(left) = left.filter(|_| moved && !frozen)
            && self.tombs.contains_key(&(side == Side::Live, left))
        {
            self.held.remove(&left);
            self.settle(left, now, false);
            self.bury(left);
        }
    }

    /// Points at a request, in the pane that shows it. Whether one does.
    pub fn point(&mut self, id: i64, heights: (u16, u16), now: Instant, frozen: bool) -> bool {
        for (side, height) in [(self.focus, 0), (Side::Waiting, 0), (Side::Live, 0)] {
            let height = if side == Side::Waiting { heights.0 } else { heights.1 }.max(height);
            if let Some(index) = self.pane(side).index(id) {
                self.focus = side;
                self.go_to(whole(index), height, now, frozen);
                return true;
            }
        }
        false
    }

    /// The filter.
    pub const fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Shows something else, because somebody asked for it.
    pub fn filter_by(&mut self, filter: Filter, me: Option<String>, heights: (u16, u16), now: Instant) {
        (self.filter, self.me) = (filter, me);
        let sight = Sight { me: self.me.as_deref(), now };
        for (id, row) in &mut self.rows {
            row.fits = self.filter.fits(&row.view, sight);
            self.turns.extend(self.filter.turns(&row.view).into_iter().filter(|at| *at > now).map(|at| (at, *id)));
        }
        for side in [Side::Waiting, Side::Live] {
            // What no longer fits is not kept for the cursor's sake: it was asked to go.
            let keep = self.pane(side).cursor.filter(|id| self.belongs(side, *id));
            self.pane_mut(side).cursor = keep;
        }
        self.rebuild();
        for (pane, height) in [(&mut self.waiting, heights.0), (&mut self.live, heights.1)] {
            pane.first_cursor();
            pane.top = 0;
            pane.moved = pane.cursor != pane.at(0);
            pane.show_cursor(height);
        }
    }

    /// How many rows of a pane the filter hides.
    pub fn hidden(&self) -> usize {
        if self.filter.is_empty() {
            return 0;
        }
        self.rows.values().filter(|row| !row.fits && (row.waits || row.lives)).count()
    }

    /// Sorts by something else: the one time when rows move, because somebody asked for it.
    pub fn sort_by(&mut self, sort: Sort, heights: (u16, u16), now: Instant) {
        self.sort = sort;
        self.held.extend(self.rows.keys().copied());
        self.merge(now);
        self.waiting.show_cursor(heights.0);
        self.live.show_cursor(heights.1);
    }
}

fn tombstone(row: &Row, now: Instant) -> Tombstone {
    let view = &*row.view;
    let standing = standing::standing(view, now);
    let verdict = standing::last_verdict(view);
    let by_clock = matches!(standing, Status::Lapsed | Status::Removed | Status::Ending | Status::Failed);
    let by = verdict.filter(|_| !by_clock).map(|verdict| verdict.by.id.clone());
    let word = match (standing, verdict) {
        (Status::Approved | Status::Granting | Status::Active, Some(verdict)) => verdict.verdict.replace('-', " "),
        _ if !row.fits => "no longer fits the filter".into(),
        (Status::Pending, _) => "no longer on the board".into(),
        (standing, _) => standing.word().replace('-', " "),
    };
    let by = if standing == Status::Withdrawn { Some(view.requester.id.clone()) } else { by };
    let until = view.window.until.filter(|_| word == "extended");
    // After a night offline it is seen much later than it was.
    let at = match standing {
        Status::Removed => view.grant.as_ref().and_then(|grant| grant.removed_at),
        _ => verdict.filter(|_| row.fits && by.is_some() && standing != Status::Withdrawn).map(|verdict| verdict.at),
    };
    Tombstone { word, by, at: at.map_or(now, |at| at.min(now)), until }
}

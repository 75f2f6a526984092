//! What happens on the board, told in sentences: what is new, what is urgent, what will end soon. Pure.

use super::board::Mine;
use super::eye::Eye;
use super::names;
use super::page::Page;
use super::sheet;
use crate::access::Status;
use crate::text::{Instant, Length};
use crate::wire::{BoardView, RequestView};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// So long before its end one's own access is told, and so long before, everybody's.
const SOON: [Length; 2] = [Length::from_minutes(15), Length::from_minutes(5)];
/// What is overdue is told again after so long.
const AGAIN: Length = Length::from_minutes(5);

/// What was told already.
#[derive(Debug)]
pub struct Told {
    mine: Mine,
    rows: BTreeMap<i64, RequestView>,
    /// When an overdue removal is told next.
    overdue: BTreeMap<i64, Instant>,
    /// The ends that were told: request, end, how long before.
    ends: BTreeSet<(i64, Instant, Length)>,
    begun: bool,
}

impl Told {
    /// Nothing yet, to this person.
    pub const fn new(mine: Mine) -> Self {
        Self { mine, rows: BTreeMap::new(), overdue: BTreeMap::new(), ends: BTreeSet::new(), begun: false }
    }

    /// Takes an answer in; what it says that was not told yet.
    pub fn change(&mut self, board: &BoardView, eye: &Eye) -> Page {
        let mut page = Page::new();
        if board.full {
            let there: BTreeSet<i64> = board.rows.iter().map(|row| row.id).collect();
            self.rows.retain(|id, _| there.contains(id));
        }
        board.gone.iter().for_each(|id| drop(self.rows.remove(id)));
        for row in &board.rows {
            let before = self.rows.insert(row.id, row.clone());
            if self.begun
                && let Some(sentence) = news(before.as_ref(), row, &self.mine, eye)
            {
                page.line(sentence);
            }
        }
        if !std::mem::replace(&mut self.begun, true) {
            page.append(self.summary(eye));
        }
        page.append(self.tick(eye));
        page
    }

    /// What time alone makes urgent.
    pub fn tick(&mut self, eye: &Eye) -> Page {
        let mut page = Page::new();
        self.overdue.retain(|id, _| self.rows.get(id).is_some_and(|row| is_overdue(row, eye.now)));
        for row in self.rows.values() {
            if is_overdue(row, eye.now) && self.overdue.get(&row.id).is_none_or(|next| *next <= eye.now) {
                self.overdue.insert(row.id, eye.now.plus(AGAIN));
                page.line(overdue(row, eye));
            }
            for (until, before) in due(row, &self.mine) {
                if until.since(eye.now) <= before && until > eye.now && self.ends.insert((row.id, until, before)) {
                    // Of several at once only the nearest is told.
                    if !SOON.iter().any(|other| *other < before && until.since(eye.now) <= *other) {
                        page.line(format!("Ends soon: {}: {}.", sheet::head(row), sheet::state(row, eye)));
                    }
                }
            }
        }
        page
    }

    /// When time alone says something next.
    pub fn next(&self, now: Instant) -> Option<Instant> {
        let ends = self.rows.values().flat_map(|row| {
            let due = due(row, &self.mine).map(|(until, before)| until.minus(before));
            let late = row.grant.as_ref().filter(|_| row.status == Status::Ending).map(|grant| grant.overdue_from);
            due.chain(late)
        });
        ends.chain(self.overdue.values().copied()).filter(|at| *at > now).min()
    }

    /// How it stands, in one sentence.
    fn summary(&self, eye: &Eye) -> Page {
        let many = |so: &dyn Fn(&RequestView) -> bool| self.rows.values().filter(|row| so(row)).count();
        let (late, mine) = (many(&|row| is_overdue(row, eye.now)), many(&|row| self.mine.waits(row)));
        let (waiting, live) = (many(&is_waiting), many(&is_live));
        Page::of(format!("{late} overdue, {waiting} pending, {mine} of them for you, {live} active."))
    }

    /// The board, a sentence a line.
    pub fn board(&self, eye: &Eye) -> Page {
        let mut page = self.summary(eye);
        let late = |row: &&RequestView| is_overdue(row, eye.now);
        self.rows.values().filter(late).for_each(|row| page.line(overdue(row, eye)));
        for row in self.rows.values().filter(|row| is_waiting(row)) {
            page.line(asks(row, &self.mine, eye));
        }
        for row in self.rows.values().filter(|row| is_live(row)).filter(|row| !late(row)) {
            page.line(format!("{}: {}.", sheet::head(row), sheet::state(row, eye)));
        }
        page
    }
}

fn is_waiting(row: &RequestView) -> bool {
    row.status == Status::Pending || row.extension.as_ref().is_some_and(|extension| extension.waits)
}

fn is_live(row: &RequestView) -> bool {
    matches!(row.status, Status::Approved | Status::Granting | Status::Active | Status::Ending)
}

fn is_overdue(row: &RequestView, now: Instant) -> bool {
    let late = row.grant.as_ref().is_some_and(|grant| grant.overdue_from <= now);
    row.overdue || (row.status == Status::Ending && late)
}

/// The ends of an access, and how long before each is told.
fn due(row: &RequestView, mine: &Mine) -> impl Iterator<Item = (Instant, Length)> {
    let own = row.user.id == mine.me();
    let until = row.window.until.filter(|_| row.status == Status::Active);
    let before = SOON.into_iter().skip(usize::from(!own));
    before.filter_map(move |before| Some((until?, before)))
}

fn overdue(row: &RequestView, eye: &Eye) -> String {
    let mut text = format!("URGENT. OVERDUE REMOVAL: {}: ended, and not read back as gone", sheet::head(row));
    if let Some(grant) = &row.grant {
        let _ = write!(text, ", since {}, try {}", eye.short(grant.overdue_from), grant.attempts);
        if let Some(error) = &grant.last_error {
            let _ = write!(text, ": {error}");
        }
        if grant.manual_command.is_some() {
            let _ = write!(text, ". The command that removes it by hand: show {}", row.id);
        }
    }
    text + "."
}

fn asks(row: &RequestView, mine: &Mine, eye: &Eye) -> String {
    let head = sheet::head(row);
    let whom =
        if mine.waits(row) { "For you to decide".to_owned() } else { format!("For {}", names::who(&row.approver)) };
    if let Some(extension) = row.extension.as_ref().filter(|extension| extension.waits) {
        let (done, remaining) = (names::text(extension.done.as_ref()), names::text(extension.remaining.as_ref()));
        let until = eye.short(extension.until_if_approved_now);
        return format!("{head}: asks for more time, until {until}. Done: {done}. Remaining: {remaining}. {whom}.");
    }
    let length = row.asked_for_seconds.map(|seconds| format!(" for {}", Length::from_seconds(seconds)));
    let ticket = row.ticket.as_ref().map(|ticket| format!(", {ticket}"));
    let (length, ticket) = (length.unwrap_or_default(), ticket.unwrap_or_default());
    format!("{head}: asked{length}{ticket}. Task: {}. {whom}.", names::text(row.task.as_ref()))
}

/// What is new about a request, in a sentence.
fn news(before: Option<&RequestView>, row: &RequestView, mine: &Mine, eye: &Eye) -> Option<String> {
    let moved = before.is_none_or(|before| before.status != row.status || before.version != row.version);
    let waited = before.is_some_and(is_waiting);
    if is_waiting(row) && (moved || !waited) {
        return Some(format!("{}: {}", if waited { "Changed" } else { "New" }, asks(row, mine, eye)));
    }
    let verdict = row.decision.as_ref().filter(|_| moved && before.is_none_or(|before| before.decision.is_none()));
    let by = verdict.map(|decision| format!(" By {}.", names::who(&decision.by)));
    moved.then(|| format!("{}: {}.{}", sheet::head(row), sheet::state(row, eye), by.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use serde_json::json;

    fn mine(id: &str) -> Mine {
        let me = json!({"person": {"id": id, "name": id}, "zone": "UTC", "duties": [], "on_duty_for": [],
            "via": "socket", "store": "7f3a"});
        Mine::new(&serde_json::from_value(me).unwrap())
    }

    #[allow(clippy::needless_pass_by_value, reason = "tests write vec![…] in place")]
    fn board(rows: Vec<RequestView>, full: bool) -> BoardView {
        serde_json::from_value(json!({"seq": 60, "server_now": "2026-11-22T00:30:00Z", "full": full, "rows": rows,
            "gone": [], "link": "", "frozen": [], "sane": true}))
        .unwrap()
    }

    fn wide(eye: Eye) -> Eye {
        Eye { width: None, ..eye }
    }

    #[test]
    fn what_is_urgent_is_said_at_once_and_again() {
        let (row, eye) = samples::overdue();
        let mut told = Told::new(mine("sam"));
        let first = told.change(&board(vec![row.clone()], true), &wide(eye)).to_string();
        assert!(first.starts_with("1 overdue, 0 pending, 0 of them for you, 1 active.\n"), "{first}");
        assert!(first.contains("URGENT. OVERDUE REMOVAL: NL-142"), "{first}");
        assert!(first.contains("try 7: permission denied. The command that removes it by hand: show 142."), "{first}");
        assert!(told.change(&board(vec![], false), &wide(eye)).is_empty(), "it is said once");
        let later = Eye { now: told.next(eye.now).unwrap(), ..wide(eye) };
        assert!(told.tick(&later).to_string().starts_with("URGENT."));
    }

    #[test]
    fn a_request_is_told_from_its_filing_to_its_end() {
        let (row, eye) = samples::pending();
        let eye = wide(eye);
        let mut told = Told::new(mine("sam"));
        assert_eq!(
            told.change(&board(vec![], true), &eye).to_string(),
            "0 overdue, 0 pending, 0 of them for you, 0 active.\n"
        );
        let new = told.change(&board(vec![row.clone()], false), &eye).to_string();
        assert!(new.starts_with("New: NL-142 payments (production) restart for Ana Ruiz (ana): asked for"), "{new}");
        assert!(
            new.contains("INC-88. Task: Restart the stuck worker and see the queue drain. For you to decide."),
            "{new}"
        );
        assert!(told.change(&board(vec![row.clone()], false), &eye).is_empty(), "nothing changed");
        let mut active = row.clone();
        active.status = Status::Active;
        active.window.until = Some(eye.now.plus(Length::from_minutes(20)));
        let given = told.change(&board(vec![active.clone()], false), &eye).to_string();
        assert!(given.contains("active, 20m left, ends"), "{given}");
        // Somebody else's end is told five minutes before, one's own a quarter of an hour before as well.
        assert_eq!(told.next(eye.now), Some(eye.now.plus(Length::from_minutes(15))));
        let mut own = Told::new(mine("ana"));
        drop(own.change(&board(vec![active], true), &eye));
        assert_eq!(own.next(eye.now), Some(eye.now.plus(Length::from_minutes(5))));
        let soon = Eye { now: eye.now.plus(Length::from_minutes(6)), ..eye };
        assert!(own.tick(&soon).to_string().starts_with("Ends soon: NL-142"));
        assert!(own.tick(&soon).is_empty());
    }

    #[test]
    fn a26_hostile_text_is_one_harmless_line() {
        let (mut row, eye) = samples::hostile("x\u{1b}[2J\u{202e}y\r\nURGENT. z");
        (row.status, row.overdue, row.grant) = (Status::Pending, false, None);
        let mut told = Told::new(mine("sam"));
        drop(told.change(&board(vec![], true), &wide(eye)));
        let page = told.change(&board(vec![row], false), &wide(eye)).to_string();
        assert_eq!(page.lines().count(), 1, "{page}");
        assert!(!page.trim_end().chars().any(char::is_control) && !page.contains('\u{202e}'), "{page:?}");
    }
}

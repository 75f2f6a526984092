//! The board: what waits above, what lives below.

use super::super::eye::Eye;
use super::super::keys::Action;
use super::super::layout::Plan;
use super::super::link::State;
use super::super::model::{Model, Sent};
use super::super::rows::Side;
use super::super::standing::{self, Urgency};
use super::super::theme::Tone;
use super::super::widget::canvas::Canvas;
use super::super::widget::text::Words;
use crate::access::{RequestNumber, Status};
use crate::checks::Verdict;
use crate::text::{Instant, Length};
use crate::wire::RequestView;
use ratatui::layout::Rect;

/// Puts the panes in their places.
pub fn compose(model: &Model, eye: &Eye, canvas: &mut Canvas, plan: &Plan) {
    for side in [Side::Waiting, Side::Live] {
        let place = plan.pane(side);
        if place.height > 0 {
            pane(model, eye, canvas, side, place);
        }
    }
}

/// How wide the columns are: what is left over goes to the last.
struct Columns {
    who: usize,
    system: usize,
    role: usize,
    ticket: usize,
    /// What is left, with its bar where there is room.
    left: usize,
}

impl Columns {
    fn of(width: u16) -> Self {
        match width {
            ..75 => Self { who: 6, system: 13, role: 8, ticket: 7, left: 16 },
            75..100 => Self { who: 8, system: 15, role: 9, ticket: 8, left: 21 },
            100.. => Self { who: 12, system: 20, role: 13, ticket: 11, left: 21 },
        }
    }
}

fn pane(model: &Model, eye: &Eye, canvas: &mut Canvas, side: Side, place: Rect) {
    let columns = Columns::of(place.width);
    let focused = model.board.focus == side && !model.in_detail;
    let line = |offset: u16| Rect { y: place.y + offset, height: u16::from(offset < place.height), ..place };
    let mut heading = heading(side, &columns, eye, place.width);
    if focused {
        heading = heading.all(Tone::Head);
    }
    canvas.line(line(0), heading);
    let rows = place.height.saturating_sub(2);
    for (offset, id) in (0..rows).zip(model.board.pane(side).window(rows)) {
        let Some(id) = id else { continue };
        let cursor = model.board.pane(side).cursor == Some(id);
        let mut words = Words::of(pointer(model, id, cursor && focused), Tone::Strong);
        words.append(row(model, eye, side, id, &columns, usize::from(place.width)));
        let at = line(offset + 1);
        if cursor && focused { canvas.bar(at, words, Tone::Cursor) } else { canvas.line(at, words) }
    }
    if model.board.pane(side).is_empty() && rows > 0 {
        canvas.line(line(1), Words::of(nothing(model, side), Tone::Dim));
    }
    if place.height > 1 {
        canvas.line(line(place.height - 1), foot(model, side, rows));
    }
}

const fn nothing(model: &Model, side: Side) -> &'static str {
    match (side, model.link.answered.is_some() || model.link.kept.is_some()) {
        (_, false) => "   the board is being read",
        (_, true) if !model.board.filter().is_empty() => "   nothing here fits the filter: esc shows everything",
        (Side::Waiting, true) => "   nothing waits for a verdict",
        (Side::Live, true) => "   nobody has access",
    }
}

fn pointer(model: &Model, id: i64, cursor: bool) -> &'static str {
    match (cursor, model.marks.contains_key(&id)) {
        (true, false) => ">",
        (true, true) => "#",
        (false, true) => "*",
        (false, false) => " ",
    }
}

fn heading(side: Side, columns: &Columns, eye: &Eye, width: u16) -> Words {
    let mut words = Words::of("    ", Tone::Dim);
    let mut cell = |text: &str, width: usize| words.column(text, width, Tone::Dim);
    match side {
        Side::Waiting => {
            cell("AGE", 7);
            cell("WHO", columns.who + 1);
            cell("SYSTEM", columns.system + 1);
            cell("ROLE", columns.role + 1);
            cell("WINDOW", 8);
            cell("TICKET", columns.ticket + 1);
            cell("TASK", 5);
        }
        Side::Live => {
            cell(&format!("ENDS {}", eye.zone_name()), 10);
            cell("WHO", columns.who + 1);
            cell("SYSTEM", columns.system + 1);
            cell("ROLE", columns.role + 1);
            cell("LEFT", columns.left);
            cell("LOCKS", 6);
            if width > 95 {
                cell("TASK", 5);
            }
        }
    }
    words
}

/// The pane's last line: what came in meanwhile, and how much is above and below.
fn foot(model: &Model, side: Side, rows: u16) -> Words {
    let pane = model.board.pane(side);
    let arrived = model.board.arrived(side);
    let mut words = Words::new();
    if arrived > 0 {
        let key = model.keys.first(Action::Merge);
        words.push(format!("   -- {arrived} new arrived while you were here: press {key} --"), Tone::Strong);
    }
    let above = usize::try_from(pane.top).unwrap_or(0).min(pane.len());
    let last = usize::try_from(pane.top + i64::from(rows)).unwrap_or(0);
    let below = pane.len().saturating_sub(last);
    if above > 0 || below > 0 {
        // What is above is the most urgent.
        words.push(format!("   {above} above"), if above > 0 { Tone::Strong } else { Tone::Dim });
        words.push(format!(" · {below} below"), Tone::Dim);
    }
    words
}

fn row(model: &Model, eye: &Eye, side: Side, id: i64, columns: &Columns, width: usize) -> Words {
    let Some(view) = model.board.get(id) else {
        return Words::of(format!("  {} is no longer on the board", RequestNumber(id)), Tone::Dim);
    };
    if let Some(tomb) = model.board.tombstone(side, id) {
        let me = model.me.as_ref().map(|me| &me.person.id);
        let name = |by: &String| if Some(by) == me { "you".to_owned() } else { by.clone() };
        let by = tomb.by.as_ref().map(|by| format!(" by {}", name(by))).unwrap_or_default();
        let until = tomb.until.map(|at| format!(" until {}", eye.near(at))).unwrap_or_default();
        let number = RequestNumber(id);
        let what = format!(
            "{number} {} {} {}: {}{until}{by} at {}",
            view.user.id,
            view.system,
            view.role,
            tomb.word,
            eye.second(tomb.at)
        );
        return Words::of(format!(" - {what}"), Tone::Dim);
    }
    let now = model.server_now();
    let mut words = match side {
        Side::Waiting => waiting(model, eye, view, now, columns),
        Side::Live => live(model, eye, view, now, columns, width),
    };
    if model.link.state(model.now) != State::Live {
        // What is old is dimmed, except what is too urgent to be.
        let overdue = standing::overdue(view, now);
        words = if overdue { words } else { words.all(Tone::Dim) };
    }
    words
}

/// The tone of an urgency.
pub fn tone(urgency: Urgency) -> Tone {
    match urgency {
        Urgency::Plain => Tone::Plain,
        Urgency::Soon => Tone::Soon,
        Urgency::Now | Urgency::Ended => Tone::Now,
        Urgency::Overdue => Tone::Overdue,
    }
}

fn mark(words: &mut Words, urgency: Urgency) {
    words.column(urgency.mark(), 3, tone(urgency));
}

/// What one's own act on this row came to.
pub fn sent(model: &Model, id: i64) -> Option<(&'static str, Tone)> {
    match model.sent.get(&id)? {
        Sent::Sending(_) => Some(("sending ", Tone::Soon)),
        Sent::Done(_) => Some(("done ", Tone::Good)),
        Sent::Refused(_) => Some(("refused ", Tone::Now)),
    }
}

fn waiting(model: &Model, eye: &Eye, view: &RequestView, now: Instant, columns: &Columns) -> Words {
    let mut words = Words::new();
    let extension = view.extension.as_ref().filter(|extension| extension.waits);
    let deadline = if extension.is_some() { standing::end(view) } else { view.undecided_until };
    let urgency = deadline.map_or(Urgency::Plain, |at| until(at, now, eye));
    mark(&mut words, urgency);
    let asked_at = extension.map_or(view.filed_at, |extension| extension.at);
    words.column(eye.age(asked_at), 7, tone(urgency));
    words.column(&view.user.id, columns.who + 1, Tone::Plain);
    words.column(&view.system, columns.system + 1, Tone::Plain);
    // The mark is what must not be cut.
    if is_broadest(model, view) {
        let name = Words::of(&view.role, Tone::Plain).cut(columns.role.saturating_sub(3));
        words.column(format!("{}(!)", name.text()), columns.role + 1, Tone::Plain);
    } else {
        words.column(&view.role, columns.role + 1, Tone::Plain);
    }
    let long = view.checks.iter().any(|check| check.code == "end" && check.verdict != Verdict::Pass);
    let asked = match (extension, view.asked_for_seconds, view.window.until) {
        (Some(extension), ..) => format!("+>{}", eye.bare(extension.until_if_approved_now, false)),
        (None, Some(seconds), _) => short(Length::from_seconds(seconds)),
        (None, None, Some(until)) => format!(">{}", eye.bare(until, false)),
        (None, None, None) => "?".into(),
    };
    words.cell(format!("{asked}{}", if long { "!" } else { "" }), 8, if long { Tone::Now } else { Tone::Plain });
    words.column(view.ticket.as_deref().unwrap_or("-"), columns.ticket + 1, Tone::Plain);
    if let Some((word, tone)) = sent(model, view.id) {
        words.push(word, tone);
    }
    if let Some(claim) = view.claim.as_ref().filter(|claim| claim.until > now) {
        eye.wake_when(claim.until);
        let mine = model.me.as_ref().is_some_and(|me| me.person.id == claim.by.id);
        if !mine {
            words.push(format!("{} is reading · ", claim.by.id), Tone::Strong);
        }
    }
    let failed = view.checks.iter().filter(|check| check.verdict == Verdict::Fail).count();
    if failed > 0 {
        words.push(format!("{failed} failed · "), Tone::Now);
    }
    let task = extension.map_or(view.task.as_deref(), |extension| extension.remaining.as_deref());
    if extension.is_some() {
        words.push("extension: ", Tone::Strong);
    }
    words.push(first_line(task.unwrap_or("(erased)")), Tone::Plain);
    words
}

/// How urgent a deadline is.
fn until(at: Instant, now: Instant, eye: &Eye) -> Urgency {
    let left = at.since(now);
    for minutes in [15, 5] {
        eye.wake_when(at.minus(Length::from_minutes(minutes)).plus(Length::from_millis(1)));
    }
    if left < Length::from_minutes(5) {
        Urgency::Now
    } else if left < Length::from_minutes(15) {
        Urgency::Soon
    } else {
        Urgency::Plain
    }
}

/// The beginning of a text.
pub fn first_line(text: &str) -> String {
    text.chars().take(300).collect()
}

fn short(length: Length) -> String {
    length.to_string().replace(' ', "")
}

fn is_broadest(model: &Model, view: &RequestView) -> bool {
    let systems = model.systems.iter().flat_map(|systems| &systems.systems);
    systems
        .filter(|system| system.id == view.system && system.roles.len() > 1)
        .any(|system| system.roles.last().is_some_and(|role| role.id == view.role))
}

fn live(model: &Model, eye: &Eye, view: &RequestView, now: Instant, columns: &Columns, width: usize) -> Words {
    let mut words = Words::new();
    let (urgency, turn) = standing::urgency(view, now);
    if let Some(turn) = turn {
        eye.wake_when(turn);
    }
    let tone = tone(urgency);
    mark(&mut words, urgency);
    let end = standing::end(view);
    words.cell(end.map(|at| eye.bare(at, true)).unwrap_or_default(), 10, tone);
    words.column(&view.user.id, columns.who + 1, Tone::Plain);
    words.column(&view.system, columns.system + 1, Tone::Plain);
    words.column(&view.role, columns.role + 1, Tone::Plain);
    match (standing::standing(view, now), end) {
        (Status::Ending, _) if urgency == Urgency::Overdue => {
            let tries = view.grant.as_ref().map_or(0, |grant| grant.attempts);
            words.column(format!("OVERDUE try {tries}"), columns.left, Tone::Overdue);
        }
        (Status::Ending, _) => words.cell("being removed", columns.left, tone),
        (Status::Approved, _) => {
            let from = view.window.from.map(|at| eye.bare(at, false)).unwrap_or_default();
            words.cell(format!("begins {from}"), columns.left, Tone::Dim);
        }
        (Status::Granting, _) => words.cell("being given", columns.left, Tone::Soon),
        (_, Some(end)) => {
            words.column(eye.left(end), 8, tone);
            let room = columns.left.saturating_sub(8);
            match sent(model, view.id) {
                Some((word, tone)) => words.cell(word, room, tone),
                None if room < 13 => words.cell("", room, tone),
                None => words.cell(bar(view.window.from, end, now, eye), room, tone),
            }
        }
        (_, None) => words.cell("?", columns.left, tone),
    }
    let locks = view.grant.as_ref().map_or(0, |grant| 1 + u8::from(grant.second_lock));
    let waits = if standing::extension_waits(view) { "+ext" } else { "" };
    let locks = if locks == 0 { "-".to_owned() } else { format!("{locks}{waits}") };
    words.cell(locks, 6, Tone::Plain);
    if width > 95 {
        words.push(first_line(view.task.as_deref().unwrap_or_default()), Tone::Dim);
    }
    words
}

/// How much of the window is left, in tenths.
pub fn bar(from: Option<Instant>, end: Instant, now: Instant, eye: &Eye) -> String {
    let whole = from.map_or(0, |from| end.since(from).millis()).max(1);
    let left = end.since(now).millis().clamp(0, whole);
    let tenths = ((left * 10 + whole - 1) / whole).clamp(0, 10);
    // It loses its last mark when so much is left.
    eye.wake_when(end.minus(Length::from_millis(whole * (tenths - 1).max(0) / 10)));
    let full = usize::try_from(tenths).unwrap_or(0);
    format!("[{}{}]", "#".repeat(full), ".".repeat(10 - full))
}

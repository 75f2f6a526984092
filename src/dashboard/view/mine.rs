//! One's own: how much time is left, large; below it what one has, what one asked for, and what is over.

use super::super::eye::Eye;
use super::super::keys::Action;
use super::super::layout::Plan;
use super::super::model::Model;
use super::super::standing::{self, Urgency};
use super::super::theme::Tone;
use super::super::widget::canvas::Canvas;
use super::super::widget::digits::{TALL, large};
use super::super::widget::text::Words;
use super::board::{bar, first_line, sent, tone};
use super::list::{self, Face};
use super::request::word;
use crate::access::{RequestNumber, Status};
use crate::wire::RequestView;
use ratatui::layout::Rect;
use std::sync::Arc;

/// Puts it in its place.
pub fn compose(model: &Model, eye: &Eye, canvas: &mut Canvas, plan: &Plan) {
    if !plan.panel.is_empty() {
        panel(model, eye, canvas, plan.panel);
    }
    let width = plan.list.width;
    let row = |view: &RequestView| row(model, eye, view, width);
    let new = model.keys.first(Action::File);
    let nothing = match &model.mine.fault {
        Some(fault) => fault.clone(),
        None if !model.mine.read => "your requests are being read".into(),
        None if !model.mine.filter.is_empty() => "nothing of yours fits the filter: esc shows everything".into(),
        None => format!("you asked for nothing yet: {new} asks for access"),
    };
    let fault = model.mine.fault.as_ref().filter(|_| !model.mine.roll.pane.is_empty());
    let foot = fault.map_or_else(Words::new, |fault| Words::of(format!("   not read again: {fault}"), Tone::Soon));
    let face = Face { heading: heading(eye, width), row: &row, nothing, foot };
    list::compose(model, eye, canvas, &model.mine.roll, plan.list, face);
}

/// How many live grants one has.
pub fn live(model: &Model) -> usize {
    own(model).count()
}

/// One's own live grants.
pub fn own(model: &Model) -> impl Iterator<Item = &Arc<RequestView>> {
    let me = model.me.as_ref().map_or("", |me| me.person.id.as_str());
    let now = model.server_now();
    model.board.of_person(me).filter(move |view| view.user.id == me && standing::lives(view, now))
}

/// The grant whose time is shown large: the one under the cursor, else the one that ends first.
fn shown(model: &Model) -> Option<Arc<RequestView>> {
    let me = model.me.as_ref()?.person.id.clone();
    let now = model.server_now();
    let under = model.mine.roll.pane.cursor.and_then(|id| model.known(id));
    let under = under.filter(|view| view.user.id == me && standing::lives(view, now));
    under.or_else(|| own(model).min_by_key(|view| (standing::end(view), view.id)).cloned())
}

fn panel(model: &Model, eye: &Eye, canvas: &mut Canvas, place: Rect) {
    let line = |offset: u16| Rect { y: place.y + offset, height: u16::from(offset < place.height), ..place };
    let Some(view) = shown(model) else {
        let known = model.link.answered.is_some() || model.link.kept.is_some();
        let said = if known { " you have no access now" } else { " the board is being read" };
        canvas.line(line(0), Words::of(said, Tone::Strong));
        if known && model.me.is_some() {
            let said = format!("   {} asks for access", model.keys.first(Action::File));
            canvas.line(line(2), Words::of(said, Tone::Dim));
        }
        return;
    };
    let now = model.server_now();
    let (urgency, turn) = standing::urgency(&view, now);
    if let Some(turn) = turn {
        eye.wake_when(turn);
    }
    let tone = tone(urgency);
    let stands = standing::standing(&view, now);
    let number = RequestNumber(view.id);
    let head = format!(" {number} {} ({}), role {}", view.system, view.environment, view.role);
    let state = if urgency == Urgency::Overdue { "OVERDUE REMOVAL" } else { stands.word() };
    canvas.line(
        line(0),
        Words::of(head, Tone::Strong).plain("  ").and(state, if tone == Tone::Plain { Tone::Good } else { tone }),
    );
    let end = standing::end(&view);
    let time = match (stands, end) {
        (Status::Approved, _) => view.window.from.map(|from| eye.left(from)),
        (Status::Ending, _) => None,
        (_, end) => end.map(|end| eye.left(end)),
    };
    let digits = time.as_deref().map(large);
    let wide = digits.as_ref().map_or(0, |lines| lines.iter().map(|line| line.chars().count()).max().unwrap_or(0));
    // Where there is no room for both, the facts are what cannot be left out.
    let fits = digits.filter(|_| usize::from(place.width) >= wide + 40);
    let facts = facts(&view, stands, eye, tone, time.as_deref());
    let (indent, gap) = if fits.is_some() { (3, 4) } else { (3, 0) };
    for index in 0..TALL {
        let mut words = Words::of(" ".repeat(indent), Tone::Plain);
        if let Some(row) = fits.as_ref().and_then(|lines| lines.get(index)) {
            words.push(row, if tone == Tone::Plain { Tone::Strong } else { tone });
            words.push(" ".repeat(gap), Tone::Plain);
        }
        if let Some(fact) = facts.get(index) {
            words.append(fact.clone());
        }
        canvas.line(line(u16::try_from(index).unwrap_or(0) + 1), words);
    }
}

/// Five lines beside the digits.
fn facts(view: &RequestView, stands: Status, eye: &Eye, tone: Tone, time: Option<&str>) -> Vec<Words> {
    let end = standing::end(view);
    let full = |at| eye.full(at);
    let mut out = Vec::new();
    match (stands, end) {
        (Status::Approved, Some(end)) => {
            let from = view.window.from.map(full).unwrap_or_default();
            out.push(Words::of(format!("begins {from}"), Tone::Strong));
            out.push(Words::of(format!("ends {}", full(end)), Tone::Plain));
        }
        (Status::Ending, Some(end)) => {
            out.push(Words::of(format!("ended {}", full(end)), tone));
            let tries = view.grant.as_ref().map_or(0, |grant| grant.attempts);
            out.push(Words::of(format!("it is being removed, try {tries}"), Tone::Plain));
        }
        (_, Some(end)) => {
            let left = time.map(|time| format!("{time} left, ")).unwrap_or_default();
            out.push(Words::of(format!("{left}ends {}", full(end)), Tone::Strong));
            let whole = view.window.from.map(|from| format!(" of {}", end.since(from))).unwrap_or_default();
            let now = eye.at.unwrap_or(end);
            out.push(Words::of(bar(view.window.from, end, now, eye), tone).plain(whole));
        }
        (_, None) => {}
    }
    let lock = view.grant.as_ref().map(|grant| grant.second_lock);
    match lock {
        Some(true) => out.push(Words::of("the target ends it too", Tone::Dim)),
        Some(false) => out.push(Words::of("the removal ends it, and reads back that it is gone", Tone::Dim)),
        None => out.push(Words::of("it is not given yet", Tone::Dim)),
    }
    if let Some(asked) = view.extension.as_ref().filter(|asked| asked.waits) {
        let said = format!("asked for {}, waits for {}", eye.near(asked.until_if_approved_now), asked.approver.id);
        out.push(Words::of(said, Tone::Strong));
    } else if let Some(decision) = standing::last_verdict(view) {
        let said =
            format!("{} by {} as {}", decision.verdict.replace('-', " "), decision.by.name, word(&decision.capacity));
        out.push(Words::of(said, Tone::Plain));
    }
    out.push(Words::of(first_line(view.task.as_deref().unwrap_or("(erased)")), Tone::Plain));
    out
}

struct Columns {
    when: usize,
    system: usize,
    role: usize,
}

const fn columns(width: u16) -> Columns {
    match width {
        ..75 => Columns { when: 16, system: 13, role: 8 },
        75..100 => Columns { when: 17, system: 15, role: 9 },
        100.. => Columns { when: 19, system: 21, role: 14 },
    }
}

fn heading(eye: &Eye, width: u16) -> Words {
    let columns = columns(width);
    let mut words = Words::of("    ", Tone::Dim);
    words.column("STATE", 10, Tone::Dim);
    words.column(format!("WHEN {}", eye.zone_name()), columns.when, Tone::Dim);
    words.column("SYSTEM", columns.system, Tone::Dim);
    words.column("ROLE", columns.role, Tone::Dim);
    words.column("NUMBER", 8, Tone::Dim);
    words.cell("TASK, OR WHAT WAS SAID", 22, Tone::Dim);
    words
}

fn row(model: &Model, eye: &Eye, view: &RequestView, width: u16) -> Words {
    let now = model.server_now();
    let stands = standing::standing(view, now);
    let columns = columns(width);
    let held = matches!(stands, Status::Approved | Status::Granting | Status::Active | Status::Ending);
    let (urgency, turn) = if held { standing::urgency(view, now) } else { (Urgency::Plain, None) };
    if let Some(turn) = turn {
        eye.wake_when(turn);
    }
    let mends = stands == Status::SentBack;
    let tone = match (held, mends) {
        (true, _) => tone(urgency),
        (false, true) => Tone::Now,
        (false, false) if stands == Status::Pending => Tone::Plain,
        (false, false) => Tone::Dim,
    };
    let mut words = Words::new();
    words.column(if mends { "!" } else { urgency.mark() }, 3, tone);
    let state = if urgency == Urgency::Overdue { "OVERDUE".into() } else { stands.word().replace('-', " ") };
    words.column(state, 10, tone);
    words.column(when(view, stands, eye, width < 75), columns.when, tone);
    words.column(&view.system, columns.system, Tone::Plain);
    words.column(&view.role, columns.role, Tone::Plain);
    words.column(RequestNumber(view.id).to_string(), 8, Tone::Plain);
    if let Some((word, tone)) = sent(model, view.id) {
        words.push(word, tone);
    }
    let me = model.me.as_ref().map_or("", |me| me.person.id.as_str());
    if view.user.id != me {
        words.push(format!("for {} · ", view.user.id), Tone::Strong);
    }
    words.push(remark(model, view, stands, eye), if mends { Tone::Strong } else { Tone::Dim });
    words
}

fn when(view: &RequestView, stands: Status, eye: &Eye, short: bool) -> String {
    let bare = |at| eye.bare(at, false);
    match stands {
        Status::Active => standing::end(view).map(|end| format!("{} to {}", eye.left(end), bare(end))),
        Status::Granting => Some("being given".into()),
        Status::Approved => view.window.from.map(|from| format!("begins {}", bare(from))),
        Status::Ending => standing::end(view).map(|end| format!("ended {}", bare(end))),
        Status::Pending | Status::SentBack => view.undecided_until.map(|at| format!("lapses {}", eye.left(at))),
        _ if short => Some(eye.stamp_short(over(view))),
        _ => Some(eye.stamp(over(view))),
    }
    .unwrap_or_default()
}

/// When it was over.
fn over(view: &RequestView) -> crate::text::Instant {
    let removed = view.grant.as_ref().and_then(|grant| grant.removed_at);
    removed.or(view.decision.as_ref().map(|decision| decision.at)).or(view.undecided_until).unwrap_or(view.filed_at)
}

/// What is worth knowing of it in one line.
fn remark(model: &Model, view: &RequestView, stands: Status, eye: &Eye) -> String {
    let task = first_line(view.task.as_deref().unwrap_or("(erased)"));
    let said = view.decision.as_ref().and_then(|decision| {
        let words = decision.words.as_deref().filter(|words| !words.is_empty())?;
        Some(format!("{}: {}", decision.by.id, first_line(words)))
    });
    match stands {
        Status::SentBack => {
            let key = model.keys.first(Action::Mend);
            format!("{key} mends it · {}", said.unwrap_or(task))
        }
        Status::Pending => {
            let claim = view.claim.as_ref().filter(|claim| eye.at.is_some_and(|now| claim.until > now));
            match claim {
                Some(claim) => {
                    eye.wake_when(claim.until);
                    format!("{} is reading · {task}", claim.by.id)
                }
                None => format!("waits for {} · {task}", view.approver.id),
            }
        }
        Status::Denied => said.unwrap_or(task),
        Status::Active if standing::extension_waits(view) => format!("more time is asked for · {task}"),
        _ => task,
    }
}

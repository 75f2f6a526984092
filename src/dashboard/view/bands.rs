//! The bands that never scroll away: the header, the overdue line, the views, the sentence at the foot, the keys.

use super::super::allowed::why_not;
use super::super::eye::Eye;
use super::super::keys::Action;
use super::super::layout::{Class, Plan};
use super::super::link::State;
use super::super::model::Model;
use super::super::rows::Side;
use super::super::standing;
use super::super::theme::Tone;
use super::super::views::{TABLE, View};
use super::super::widget::canvas::Canvas;
use super::super::widget::text::Words;
use crate::access::RequestNumber;

/// Puts the bands in their places.
pub fn compose(model: &Model, eye: &Eye, canvas: &mut Canvas, plan: &Plan) {
    canvas.line(plan.header, header(model, eye, plan));
    let mut states = states(model).into_iter();
    match overdue(model, eye, usize::from(plan.overdue.width)) {
        Some(words) => canvas.bar(plan.overdue, words, Tone::Overdue),
        None => canvas.lines(plan.overdue, states.next()),
    }
    canvas.line(plan.tabs, tabs(model, plan));
    let notice = model.notice.as_ref().map(|notice| Words::of(format!(" {}", notice.words), notice.tone));
    canvas.lines(plan.notice, notice.or_else(|| states.next()));
    canvas.line(plan.footer, footer(model));
}

/// The tone of the link's word.
pub fn link_tone(model: &Model) -> Tone {
    match model.link.state(model.now) {
        State::Live => Tone::Good,
        State::Kept | State::Connecting | State::Stale => Tone::Soon,
        State::Offline => Tone::Now,
    }
}

fn header(model: &Model, eye: &Eye, plan: &Plan) -> Words {
    let width = usize::from(plan.header.width);
    let right =
        Words::of(eye.clock(), Tone::Strong).plain("  ").and(model.keys.first(Action::Help), Tone::Key).plain(" help ");
    let mut left = Words::of(" nightlatch ", Tone::Strong);
    left.push(model.link.words(eye), if model.link.state(model.now) == State::Live { Tone::Good } else { Tone::Now });
    left.push(next_try(model, eye), Tone::Now);
    let mut name = Words::new();
    let (mut duty, mut backup, mut hash) = (Words::new(), Words::new(), Words::new());
    if let Some(me) = &model.me {
        name = Words::of(format!("  {}", me.person.id), Tone::Strong);
        if let Some(until) = me.on_duty_until {
            duty.push(format!(" (on duty until {})", eye.bare(until, false)), Tone::Plain);
            eye.wake_when(until);
        } else if !me.on_duty_for.is_empty() {
            duty.push(" (on duty)", Tone::Plain);
        }
        if let Some(person) = &me.backup {
            backup.push(format!("  backup {}", person.id), Tone::Plain);
        }
        if plan.class >= Class::Medium {
            let head: String = model.head.chars().take(8).collect();
            let store: String = me.store.chars().take(12).collect();
            hash.push(format!("  store {store}  head {head}"), Tone::Dim);
        }
    }
    // What does not fit goes: first the hash, then the backup, then the duty.
    let mut room = width.saturating_sub(left.width() + name.width() + right.width() + 2);
    let mut parts = [duty, backup, hash];
    for part in &mut parts {
        if part.width() > room {
            *part = Words::new();
        }
        room = room.saturating_sub(part.width());
    }
    left.append(name);
    for part in parts {
        left.append(part);
    }
    let gap = width.saturating_sub(left.width() + right.width());
    left.push(" ".repeat(gap), Tone::Plain);
    left.append(right);
    left
}

/// When a lost link is tried again. It stands in the header: the reason may be longer than its line.
pub fn next_try(model: &Model, eye: &Eye) -> String {
    let next = model.link.away.as_ref().map(|away| away.next_try).filter(|next| *next > model.now);
    let next = next.zip(model.anchor).map(|(next, anchor)| format!(", next try {}", eye.second(anchor.at(next))));
    next.unwrap_or_default()
}

/// What is overdue, in words.
pub fn overdue(model: &Model, eye: &Eye, room: usize) -> Option<Words> {
    let many = model.board.counts().2;
    let id = model.board.late().next()?;
    let view = model.board.get(id)?;
    let what = if many == 1 { "1 OVERDUE REMOVAL".into() } else { format!("{many} OVERDUE REMOVALS, longest") };
    let end = standing::end(view).map(|at| format!(" ended {}", eye.bare(at, false))).unwrap_or_default();
    let tries = view.grant.as_ref().map_or(0, |grant| grant.attempts);
    let tries = if tries > 0 { format!(", try {tries}") } else { String::new() };
    let number = RequestNumber(id);
    let said = |still: &str| {
        let text = format!("!! {what} {number} {} {} {}{end}{still}{tries}", view.user.id, view.system, view.role);
        Words::of(text, Tone::Overdue)
    };
    let whole = said(", still there");
    Some(if whole.width() > room { said("") } else { whole })
}

/// What stands in the way of work, most important first.
pub fn states(model: &Model) -> Vec<Words> {
    let mut out = Vec::new();
    if let Some(away) = &model.link.away {
        out.push(Words::of(format!(" {}", away.sentence), Tone::Now));
    }
    if !model.sane {
        let words = " the server's clock cannot be trusted: nothing new is given, removals go on";
        out.push(Words::of(words, Tone::Now));
    }
    if !model.frozen.is_empty() {
        let everything = model.frozen.iter().any(|name| name == "*");
        let what = if everything { "everything".to_owned() } else { model.frozen.join(", ") };
        out.push(Words::of(format!(" FROZEN {what}: nothing is approved or granted, removals go on"), Tone::Now));
    }
    if model.locked {
        out.push(Words::of(" locked: the first act key only unlocks", Tone::Soon));
    }
    if model.paused {
        let key = model.keys.first(Action::Pause);
        out.push(Words::of(format!(" paused: the rows hold still until {key}"), Tone::Soon));
    }
    if model.options.read_only {
        out.push(Words::of(" read-only: nothing acts here", Tone::Dim));
    }
    out
}

fn tabs(model: &Model, plan: &Plan) -> Words {
    let mut words = Words::of(" ", Tone::Plain);
    for entry in TABLE.iter().filter(|entry| !entry.name.is_empty()) {
        let (key, count) = (model.keys.first(entry.action), super::faces::count(model, entry.view));
        let here = entry.view == model.view;
        let text = format!("{key} {}{count}", entry.name);
        words.push(
            if here { format!("[{text}] ") } else { format!(" {text} ") },
            if here { Tone::Strong } else { Tone::Dim },
        );
    }
    if !model.marks.is_empty() {
        words.push(format!(" {} marked", model.marks.len()), Tone::Strong);
    }
    let sort = model.board.sort;
    if sort != super::super::rows::Sort::Time && model.view == View::Board {
        words.push(format!(" by {}", sort.word()), Tone::Dim);
    }
    // The filter stands at the right, as long as there is one with what it hides.
    let key = model.keys.first(Action::Filter);
    let filter = model.filter();
    let mut right = if filter.is_empty() {
        Words::of(key, Tone::Key).and(" filter ", Tone::Dim)
    } else {
        let hidden =
            if model.view == View::Board { format!(" · {} hidden", model.board.hidden()) } else { String::new() };
        Words::of(key, Tone::Key).and(filter.text(), Tone::Soon).and(format!("{hidden} "), Tone::Strong)
    };
    let width = usize::from(plan.tabs.width);
    let said = counts(model);
    if filter.is_empty() && model.view == View::Board && words.width() + said.width() + right.width() + 4 <= width {
        words.append(said);
    }
    let room = width.saturating_sub(words.width() + 2);
    if right.width() > room {
        right = right.cut(room);
    }
    let gap = width.saturating_sub(words.width() + right.width());
    words.push(" ".repeat(gap), Tone::Plain);
    words.append(right);
    words
}

/// The counts in words, where there is room for them.
fn counts(model: &Model) -> Words {
    let (waiting, live, late) = model.board.counts();
    Words::of(format!("  {waiting} pending · {live} active · {late} overdue"), Tone::Dim)
}

/// The keys of a row that waits, the ones that matter most first: what does not fit is left to the help.
const WAITING: &[Action] = &[
    Action::Approve,
    Action::Deny,
    Action::SendBack,
    Action::Undo,
    Action::Open,
    Action::Palette,
    Action::Quit,
    Action::Walk,
    Action::NextPane,
    Action::File,
    Action::Note,
    Action::Mark,
];
const LIVE: &[Action] = &[
    Action::Revoke,
    Action::Extend,
    Action::Undo,
    Action::Note,
    Action::Open,
    Action::NextPane,
    Action::Quit,
    Action::Palette,
    Action::HandBack,
    Action::CopyCommand,
    Action::Approve,
];
const LATE: &[Action] = &[
    Action::CopyCommand,
    Action::Retry,
    Action::HandOver,
    Action::Acknowledge,
    Action::Open,
    Action::NextOverdue,
    Action::Quit,
    Action::NextPane,
    Action::Note,
    Action::OpenTicket,
];

/// The keys that matter here; one that cannot be used now stays, in brackets.
fn footer(model: &Model) -> Words {
    if model.dialog.is_some() {
        return Words::of(" keys go to the dialog: every letter is text, esc leaves", Tone::Dim);
    }
    if model.form.is_some() {
        return Words::of(" keys go to the form: every letter is text, esc leaves and keeps it", Tone::Dim);
    }
    if model.help.is_some() {
        return Words::of(" pgdn pgup read on · esc leaves the help", Tone::Dim);
    }
    let now = model.server_now();
    let late = model.pointed().and_then(|id| model.known(id)).is_some_and(|view| standing::overdue(&view, now));
    let own = model.view.entry().map(|entry| entry.footer).filter(|footer| !footer.is_empty());
    let actions = match model.board.focus {
        _ if own.is_some() => own.unwrap_or_default(),
        _ if late => LATE,
        Side::Waiting => WAITING,
        Side::Live => LIVE,
    };
    let room = usize::from(model.size.0);
    let (mut words, mut gap) = (Words::new(), 1);
    for action in actions.iter().copied() {
        let Some(entry) = action.entry() else { continue };
        let key = model.keys.first(action);
        let (piece, after) = if action == Action::Open && model.in_detail {
            (Words::of(model.keys.first(Action::Back), Tone::Key).plain(" back"), 2)
        } else if why_not(model, action).is_some() {
            (Words::of(format!("({key} {})", entry.short), Tone::Dim), 1)
        } else {
            (Words::of(key, Tone::Key).plain(format!(" {}", entry.short)), 2)
        };
        if words.width() + gap + piece.width() <= room {
            words.push(" ".repeat(gap), Tone::Plain);
            words.append(piece);
            gap = after;
        }
    }
    words
}

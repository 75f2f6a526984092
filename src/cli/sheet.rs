//! One request on a screen, in parts: the same parts make `show`, the approval's question and the answers of the verbs.
//!
//! Pure: views in, pages out. Never decides and never asks.

use super::duty;
use super::eye::Eye;
use super::names::{number, person, text, who, word};
use super::page::Page;
use super::times;
use crate::access::{Status, may::May};
use crate::checks::{Check, Verdict};
use crate::text::{Instant, Length};
use crate::wire::{DecisionView, ExtensionView, GrantView, RequestView, WindowView};
use std::fmt::Write as _;

/// Where it stands, in one line: what every verb answers with.
pub fn stands(view: &RequestView, eye: &Eye) -> Page {
    let mut page = Page::of(format!("{}: {}", head(view), state(view, eye)));
    if view.frozen && !view.status.is_over() {
        page.line(format!("  {} is frozen: nothing is approved or granted, removals go on", view.system));
    }
    page
}

/// `NL-142 payments (production) restart for Ana Ruiz (ana)`.
pub fn head(view: &RequestView) -> String {
    let (id, user) = (number(view.id), who(&view.user));
    format!("{id} {} ({}) {} for {user}", view.system, view.environment, view.role)
}

/// The status with what matters most about it.
pub fn state(view: &RequestView, eye: &Eye) -> String {
    let word = view.status.word();
    let until = |word: &str| view.window.until.map(|at| format!("{word} {}", eye.short(at))).unwrap_or_default();
    let text = match view.status {
        Status::Pending => {
            let lapses = view.undecided_until.map(|at| format!(", lapses {}", eye.short(at))).unwrap_or_default();
            format!("waits for {}{lapses}", who(&view.approver))
        }
        Status::SentBack => {
            let words = view.decision.as_ref().and_then(|decision| decision.words.clone());
            format!("to be mended: {}", words.unwrap_or_else(|| "the words are erased".into()))
        }
        Status::Approved => {
            let from = view.window.from.map(|at| format!("begins {}, ", eye.short(at))).unwrap_or_default();
            format!("{from}{}", until("ends"))
        }
        Status::Granting => format!("the access is being given, {}", until("ends")),
        Status::Active => match view.window.until {
            Some(at) => format!("{} left, ends {}", eye.left(at), eye.short(at)),
            None => String::new(),
        },
        Status::Ending if view.overdue => "OVERDUE REMOVAL: ended, and not read back as gone".into(),
        Status::Ending => "ended, being removed".into(),
        Status::Removed => "read back as gone".into(),
        Status::Denied => {
            let words = view.decision.as_ref().and_then(|decision| decision.words.clone());
            words.unwrap_or_else(|| "the words are erased".into())
        }
        Status::Withdrawn => "taken back".into(),
        Status::Lapsed => "nobody decided in time".into(),
        Status::Failed => "granting was given up, nothing was left behind".into(),
    };
    if text.is_empty() { word.to_owned() } else { format!("{word}, {text}") }
}

/// The window in words: `45m: now -> 2026-11-22 00:30 GMT (00:30Z)`.
pub fn window(asked_seconds: Option<i64>, from: Option<Instant>, until: Option<Instant>, eye: &Eye) -> String {
    let length = match (asked_seconds, until) {
        (Some(seconds), _) => Some(Length::from_seconds(seconds)),
        (None, Some(until)) => Some(until.since(from.unwrap_or(eye.now))),
        (None, None) => None,
    };
    let length = length.map(|length| format!("{}: ", times::left(length))).unwrap_or_default();
    let from = from.map_or_else(|| "now".into(), |at| eye.full(at));
    let until = until.map_or_else(|| "as long as that from the approval".into(), |at| eye.full(at));
    format!("{length}{from} -> {until}")
}

/// The window of a request: fixed, or as it would be if approved now.
pub fn window_of(view: &RequestView, eye: &Eye) -> (&'static str, String) {
    let WindowView { from, until } = view.window;
    match view.status {
        Status::Pending | Status::SentBack => {
            let end = view.until_if_approved_now.or(until);
            ("if approved", window(view.asked_for_seconds, from.filter(|at| *at > eye.now), end, eye))
        }
        _ => ("window", window(None, from, until, eye)),
    }
}

/// The checks, a line each: `[pass] task: …`.
pub fn checks(checks: &[Check]) -> Page {
    let mut page = Page::new();
    for check in checks {
        let mark = match check.verdict {
            Verdict::Pass => "pass",
            Verdict::Warn => "warn",
            Verdict::Fail => "fail",
        };
        page.line(format!("  [{mark}] {}: {}", check.code, check.sentence));
    }
    page
}

/// A verdict in one sentence.
pub fn decision(view: &DecisionView, eye: &Eye) -> String {
    let mut text = format!("{} by {} as {}", view.verdict, person(&view.by), word(&view.capacity));
    if view.own {
        text += " (self)";
    }
    let _ = write!(text, " at {} by {}", eye.full(view.at), view.via.word());
    if view.unseen {
        text += ", on what a script had just read";
    }
    if !view.overridden.is_empty() {
        let _ = write!(text, ", overriding {}", view.overridden.join(", "));
    }
    if !view.codes.is_empty() {
        let _ = write!(text, " [{}]", view.codes.iter().map(word).collect::<Vec<_>>().join(", "));
    }
    match &view.words {
        Some(words) if !words.is_empty() => text + &format!(": {words}"),
        _ => text,
    }
}

/// What will be done, for whom, in which window: the five details.
pub fn details(view: &RequestView, eye: &Eye) -> Page {
    let mut page = Page::new();
    let mut field = |label: &str, text: &str| page.field(label, text, eye.width);
    field("user", &person(&view.user));
    if view.requester.id != view.user.id {
        field("asked by", &person(&view.requester));
    }
    field("system", &format!("{} ({})", view.system, view.environment));
    let asked = if view.role == view.role_asked { String::new() } else { format!(" (asked for {})", view.role_asked) };
    field("role", &format!("{}{asked}: {}", view.role, view.allows));
    field("task", text(view.task.as_ref()));
    let url = view.ticket_url.as_ref().map(|url| format!("  {url}")).unwrap_or_default();
    field("ticket", &format!("{}{url}", view.ticket.as_deref().unwrap_or("none")));
    let (label, window) = window_of(view, eye);
    field(label, &format!("{window} ({})", view.kind.word()));
    page
}

/// An extension.
pub fn extension(view: &ExtensionView, eye: &Eye) -> Page {
    let mut page = Page::new();
    let state = match &view.decision {
        Some(verdict) => decision(verdict, eye),
        None if view.waits => format!("waits for {}", person(&view.approver)),
        None => "given".into(),
    };
    page.field("extension", &format!("asked {}, {state}", eye.full(view.at)), eye.width);
    if view.waits {
        page.field("  new end", &format!("{} if approved now", eye.full(view.until_if_approved_now)), eye.width);
    }
    page.field("  done", text(view.done.as_ref()), eye.width);
    page.field("  remains", text(view.remaining.as_ref()), eye.width);
    page
}

/// The access in the target.
pub fn grant(view: &GrantView, overdue: bool, eye: &Eye) -> Page {
    let mut page = Page::new();
    let mut field = |label: &str, text: String| page.field(label, &text, eye.width);
    field("grant", format!("{} on {} as {}", view.role, view.target, view.access_key));
    let lock = if view.second_lock { "yes: the target itself ends it" } else { "no: only the removal ends it" };
    field("second lock", lock.into());
    if let Some(at) = view.granted_at {
        field("granted", eye.full(at));
    }
    if let (Some(first), Some(last)) = (view.first_use, view.last_use) {
        field("credential", format!("first taken {}, last {}", eye.full(first), eye.full(last)));
    }
    if let Some(ended) = &view.ended {
        let words = ended.words.as_ref().map(|words| format!(": {words}")).unwrap_or_default();
        field("ended", format!("{} by {} at {}{words}", ended.how, ended.by, eye.full(ended.at)));
    }
    if overdue {
        let since = view.overdue_from;
        let age = if since > eye.now { String::new() } else { format!(", for {}", eye.age(since)) };
        field("OVERDUE", format!("since {}{age}", eye.full(since)));
    }
    if let Some(observed) = &view.observed {
        let sessions = view.sessions.map(|n| format!(", {n} sessions")).unwrap_or_default();
        let evidence = text(observed.evidence.as_ref());
        field("observed", format!("{} at {}{sessions}: {evidence}", observed.presence, eye.full(observed.at)));
    }
    if view.attempts > 0 {
        field("attempts", view.attempts.to_string());
    }
    if let Some(error) = &view.last_error {
        field("last error", error.clone());
    }
    if let Some(at) = view.next_try_at {
        field("next try", eye.full(at));
    }
    if let Some(after) = &view.looked_after_by {
        field("looked after", format!("by {}", person(after)));
    }
    if let Some(attested) = &view.attested {
        field("attested", format!("by {} at {}: {}", attested.by, eye.full(attested.at), text(attested.text.as_ref())));
    }
    if let Some(at) = view.removed_at {
        let carried = view.carried_by.map(|id| format!(", carried on by {}", number(id))).unwrap_or_default();
        field("removed", format!("{}{carried}", eye.full(at)));
    } else if let Some(command) = view.manual_command.as_ref().filter(|_| overdue || view.ended.is_some()) {
        field("by hand", command.clone());
    }
    page
}

/// The whole request.
pub fn whole(view: &RequestView, eye: &Eye) -> Page {
    let mut page = Page::of(format!("{}: {}", number(view.id), state(view, eye)));
    if view.frozen {
        page.field("frozen", "nothing is approved or granted here, removals go on", eye.width);
    }
    page.append(details(view, eye));
    page.field("approver", &person(&view.approver), eye.width);
    page.field("filed", &format!("{}, version {}", eye.full(view.filed_at), view.version), eye.width);
    if let Some(claim) = view.claim.as_ref().filter(|claim| claim.until > eye.now) {
        page.field("being read", &format!("by {} until {}", who(&claim.by), eye.short(claim.until)), eye.width);
    }
    if let Some(ladder) = &view.escalation {
        page.append(duty::ladder(ladder, eye));
    }
    if !view.checks.is_empty() {
        page.line("checks");
        page.append(checks(&view.checks));
    }
    for revision in &view.revisions {
        let changes = revision.changes.join("; ");
        page.field("revised", &format!("by {} at {}: {changes}", revision.by, eye.full(revision.at)), eye.width);
    }
    if let Some(verdict) = &view.decision {
        page.field("decision", &decision(verdict, eye), eye.width);
    }
    if let Some(asked) = &view.extension {
        page.append(extension(asked, eye));
    }
    if let Some(access) = &view.grant {
        page.append(grant(access, view.overdue, eye));
    }
    if let Some(back) = &view.follow_up {
        let parts = [("changed", &back.changed), ("checked", &back.checked), ("follow-up", &back.follow_up)];
        for (label, said) in parts {
            if let Some(said) = said {
                page.field(label, said, eye.width);
            }
        }
    }
    for note in view.notes.iter().flatten() {
        let said = text(note.text.as_ref());
        page.field("note", &format!("{} at {}: {said}", note.by, eye.full(note.at)), eye.width);
    }
    if let Some(verbs) = view.may.as_ref().map(|may| may_now(may)).filter(|verbs| !verbs.is_empty()) {
        page.field("you may", &verbs.join(", "), eye.width);
    }
    page
}

/// The verbs that this viewer may use now.
fn may_now(may: &[May]) -> Vec<String> {
    may.iter().filter(|may| may.refusal.is_none()).map(|may| may.verb.to_string()).collect()
}

//! One request in words: the same parts make the detail and the dialogs.

use super::super::eye::Eye;
use super::super::standing;
use super::super::theme::Tone;
use super::super::widget::text::{Words, wrap};
use crate::access::{RequestNumber, Status};
use crate::checks::Verdict;
use crate::text::Length;
use crate::wire::{ClaimView, DecisionView, GrantView, MeView, PersonView, RequestView};
use serde::Serialize;
use std::fmt::Write as _;

/// How wide the labels are.
const LABEL: usize = 10;

/// A text under a label, in as many lines as it takes.
pub fn field(label: &str, text: &str, width: usize, tone: Tone) -> Vec<Words> {
    let (lines, cut) = wrap(text, width.saturating_sub(LABEL + 1));
    let mut out: Vec<Words> = lines
        .into_iter()
        .enumerate()
        .map(|(index, line)| {
            let mut words = Words::of(" ", Tone::Plain);
            words.cell(if index == 0 { label } else { "" }, LABEL, Tone::Dim);
            words.push(line, tone);
            words
        })
        .collect();
    if cut {
        out.push(Words::of(
            " it goes on: this is more than a screen can show; read it with nightlatch show",
            Tone::Now,
        ));
    }
    out
}

/// Lines without a label.
pub fn block(text: &str, width: usize, tone: Tone) -> Vec<Words> {
    let indent = |line: String| Words::of(" ", Tone::Plain).and(line, tone);
    wrap(text, width.saturating_sub(2)).0.into_iter().map(indent).collect()
}

/// `Bo Berg (bo), Payments Engineer`.
pub fn person(person: &PersonView) -> String {
    let title = person.title.as_ref().map(|title| format!(", {title}")).unwrap_or_default();
    if person.name == person.id {
        format!("{}{title}", person.id)
    } else {
        format!("{} ({}){title}", person.name, person.id)
    }
}

/// The word that travels for a value.
pub fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// Who asks for what: the first thing that a decision needs.
pub fn who(view: &RequestView, width: usize) -> Vec<Words> {
    let mut out = field("who", &person(&view.user), width, Tone::Strong);
    if view.requester.id != view.user.id {
        out.extend(field("asked by", &person(&view.requester), width, Tone::Strong));
    }
    let asked = if view.role == view.role_asked { String::new() } else { format!(" (asked for {})", view.role_asked) };
    let role = format!("{} ({}), role {}{asked}", view.system, view.environment, view.role);
    out.extend(field("system", &role, width, Tone::Strong));
    out.extend(field("allows", &view.allows, width, Tone::Plain));
    out
}

/// What will be done, whole.
pub fn task(view: &RequestView, width: usize) -> Vec<Words> {
    let mut out = field("task", view.task.as_deref().unwrap_or("(erased)"), width, Tone::Plain);
    let url = view.ticket_url.as_ref().map(|url| format!("  {url}")).unwrap_or_default();
    out.extend(field("ticket", &format!("{}{url}", view.ticket.as_deref().unwrap_or("none")), width, Tone::Plain));
    if let Some(asked) = view.extension.as_ref().filter(|asked| asked.waits) {
        out.extend(field("EXTENSION", "a later end is asked for:", width, Tone::Strong));
        out.extend(field("done", asked.done.as_deref().unwrap_or("(erased)"), width, Tone::Plain));
        out.extend(field("remains", asked.remaining.as_deref().unwrap_or("(erased)"), width, Tone::Plain));
    }
    out
}

/// The window as it is, or as it would be if approved now.
pub fn window(view: &RequestView, eye: &Eye, width: usize) -> Vec<Words> {
    let Some(now) = eye.at else { return Vec::new() };
    let stands = standing::standing(view, now);
    let mut out = Vec::new();
    if let Some(asked) = view.extension.as_ref().filter(|asked| asked.waits) {
        let was = view.window.until.map(|at| eye.near(at)).unwrap_or_default();
        out.extend(field(
            "new end",
            &format!("{was} → {}", eye.full(asked.until_if_approved_now)),
            width,
            Tone::Strong,
        ));
        return out;
    }
    if matches!(stands, Status::Pending | Status::SentBack) {
        let from = view.window.from.filter(|from| *from > now);
        let start = from.unwrap_or(now);
        let until = view.asked_for_seconds.map(|seconds| start.plus(Length::from_seconds(seconds)));
        if from.is_none() {
            // It moves with the clock, minute by minute.
            let _ = eye.clock();
        }
        if let Some(until) = until.or(view.window.until) {
            let length = until.since(start);
            let whole = Length::from_millis(length.millis() - length.millis().rem_euclid(60_000));
            let kind = view.kind.word();
            let text = format!("{whole} if approved now: {} ({kind})", eye.window(start, until));
            out.extend(field("window", &text, width, Tone::Strong));
        }
        if let Some(at) = view.undecided_until {
            out.extend(field("lapses", &format!("in {}, {}", eye.left(at), eye.full(at)), width, Tone::Plain));
        }
    } else if let (Some(from), Some(until)) = (view.window.from, view.window.until) {
        out.extend(field(
            "window",
            &format!("{} ({})", eye.window(from, until), view.kind.word()),
            width,
            Tone::Strong,
        ));
        if matches!(stands, Status::Active | Status::Granting) {
            out.extend(field("left", &eye.left(until), width, Tone::Strong));
        }
    }
    out
}

/// The quick checks, each with its reason; folded, those that pass take one line together.
pub fn checks(view: &RequestView, width: usize, folded: bool) -> Vec<Words> {
    let passes = |check: &&crate::checks::Check| check.verdict == Verdict::Pass;
    let shown = view.checks.iter().filter(|check| !folded || !passes(check));
    let lines = shown.flat_map(|check| {
        let (mark, tone) = match check.verdict {
            Verdict::Pass => ("[pass]", Tone::Good),
            Verdict::Warn => ("[warn]", Tone::Soon),
            Verdict::Fail => ("[fail]", Tone::Now),
        };
        let said = format!("{}: {}", check.code, check.sentence);
        let (lines, _) = wrap(&said, width.saturating_sub(8));
        lines.into_iter().enumerate().map(move |(index, line)| {
            let mut words = Words::of(" ", Tone::Plain);
            words.cell(if index == 0 { mark } else { "" }, 7, tone);
            words.push(line, if check.verdict == Verdict::Fail { Tone::Strong } else { Tone::Plain });
            words
        })
    });
    let mut out: Vec<Words> = lines.collect();
    if folded {
        let names: Vec<&str> = view.checks.iter().filter(passes).map(|check| check.code.as_str()).collect();
        if !names.is_empty() {
            out.push(Words::of(" ", Tone::Plain).and("[pass] ", Tone::Good).plain(names.join(", ")));
        }
    }
    out
}

/// What changed between revisions, who reads it, and with `verdicts` what was decided before.
pub fn history(view: &RequestView, me: Option<&MeView>, eye: &Eye, width: usize, verdicts: bool) -> Vec<Words> {
    let mut out = Vec::new();
    for revision in &view.revisions {
        let text = format!("{} by {}: {}", eye.near(revision.at), revision.by, revision.changes.join("; "));
        out.extend(field("changed", &text, width, Tone::Soon));
    }
    if let Some(claim) =
        view.claim.as_ref().filter(|claim| others(claim, me) && eye.at.is_some_and(|now| claim.until > now))
    {
        eye.wake_when(claim.until);
        out.extend(field(
            "read by",
            &format!("{}, until {}", person(&claim.by), eye.near(claim.until)),
            width,
            Tone::Strong,
        ));
    }
    if !verdicts {
        return out;
    }
    if let Some(decision) = &view.decision {
        out.extend(field("verdict", &verdict(decision, eye), width, Tone::Plain));
    }
    if let Some(decision) = &view.extended {
        out.extend(field("extension", &verdict(decision, eye), width, Tone::Plain));
    }
    if let Some(decision) = view.extension.as_ref().and_then(|extension| extension.decision.as_ref()) {
        out.extend(field("extension", &verdict(decision, eye), width, Tone::Plain));
    }
    out
}

/// Whether somebody else claims it.
fn others(claim: &ClaimView, me: Option<&MeView>) -> bool {
    me.is_none_or(|me| me.person.id != claim.by.id)
}

fn verdict(decision: &DecisionView, eye: &Eye) -> String {
    let mut text = format!(
        "{} by {} as {}, {}",
        decision.verdict,
        person(&decision.by),
        word(&decision.capacity),
        eye.full(decision.at)
    );
    if decision.own {
        text += ", on their own request";
    }
    if !decision.overridden.is_empty() {
        let _ = write!(text, ", overriding {}", decision.overridden.join(", "));
    }
    if !decision.codes.is_empty() {
        let _ = write!(text, " [{}]", decision.codes.iter().map(word).collect::<Vec<_>>().join(", "));
    }
    if let Some(words) = decision.words.as_ref().filter(|words| !words.is_empty()) {
        let _ = write!(text, ": {words}");
    }
    text
}

/// The access in the target; for an overdue removal all that somebody woken by it has to know.
pub fn grant(view: &RequestView, eye: &Eye, width: usize) -> Vec<Words> {
    let (Some(grant), Some(now)) = (&view.grant, eye.at) else { return Vec::new() };
    let mut out = Vec::new();
    if standing::overdue(view, now) {
        out.extend(overdue(grant, view, eye, width));
    } else {
        let lock = if grant.second_lock { "yes, the target ends it too" } else { "no, only the removal ends it" };
        out.extend(field("2nd lock", lock, width, Tone::Plain));
        if let Some(error) = &grant.last_error {
            out.extend(field("error", error, width, Tone::Soon));
        }
    }
    if let Some(ended) = &grant.ended {
        let words = ended.words.as_ref().map(|words| format!(": {words}")).unwrap_or_default();
        let text = format!("{} by {}, {}{words}", ended.how, ended.by, eye.full(ended.at));
        out.extend(field("ended", &text, width, Tone::Plain));
    }
    if let Some(observed) = &grant.observed {
        let sessions = grant.sessions.map(|n| format!(", {n} sessions")).unwrap_or_default();
        let evidence = observed.evidence.as_deref().unwrap_or("(erased)");
        let text = format!("{} {}{sessions}: {evidence}", observed.presence, eye.second(observed.at));
        out.extend(field("read back", &text, width, Tone::Plain));
    }
    if let Some(attested) = &grant.attested {
        let text = format!("{} says it is gone: {}", attested.by, attested.text.as_deref().unwrap_or("(erased)"));
        out.extend(field("attested", &text, width, Tone::Plain));
    }
    if let Some(at) = grant.removed_at {
        let carried = grant.carried_by.map(|id| format!(", carried on by {}", RequestNumber(id))).unwrap_or_default();
        out.extend(field("removed", &format!("{}{carried}", eye.full(at)), width, Tone::Good));
    }
    out
}

fn overdue(grant: &GrantView, view: &RequestView, eye: &Eye, width: usize) -> Vec<Words> {
    let since = standing::end(view).unwrap_or(grant.overdue_from);
    let mut out = field(
        "OVERDUE",
        &format!("ended {}, {} ago, and not read back as gone", eye.full(since), eye.age(since)),
        width,
        Tone::Now,
    );
    let next = grant.next_try_at.map(|at| format!(", next {}", eye.second(at))).unwrap_or_default();
    out.extend(field("tries", &format!("{}{next}", grant.attempts), width, Tone::Strong));
    out.extend(field("error", grant.last_error.as_deref().unwrap_or("none was said"), width, Tone::Strong));
    let after = grant.looked_after_by.as_ref().map_or_else(|| "nobody".into(), person);
    out.extend(field("with", &format!("{after}, looks after it"), width, Tone::Strong));
    if let Some(command) = &grant.manual_command {
        out.extend(field("by hand", command, width, Tone::Strong));
    }
    let lock = if grant.second_lock {
        "yes: it is likely that it cannot be used any more"
    } else {
        "no: it can still be used"
    };
    out.extend(field("2nd lock", lock, width, Tone::Strong));
    out
}

//! The three verdicts: `approve`, `deny`, `send-back`, on whatever waits: the request or its extension.
//!
//! On a terminal an approval is never sent before the whole of it was shown and the last three digits were typed.

use super::Outcome;
use super::exit::{Exit, Trouble};
use super::eye::Eye;
use super::link::{Context, Got, Link, request_path};
use super::names;
use super::page::Page;
use super::parts::{self, WindowArgs};
use super::sheet;
use crate::access::RequestNumber;
use crate::access::event::SendBackCode;
use crate::access::may::{Guard, May};
use crate::wire::{ApproveBody, RequestView, WordsBody};
use clap::Args;

/// Approve what waits: the request or its extension
#[derive(Debug, Clone, Args)]
pub struct Approve {
    /// The request, 142 or NL-142
    pub id: RequestNumber,
    #[command(flatten)]
    pub window: WindowArgs,
    /// A narrower role that the one asked for contains
    #[arg(long)]
    pub role: Option<String>,
    /// What you have to say about it
    #[arg(long)]
    pub words: Option<String>,
    /// The version that you read: asks nothing, and exits 6 when the request has moved on
    #[arg(long, value_name = "VERSION")]
    pub seen: Option<i64>,
}

impl Approve {
    /// Approves it.
    pub async fn run(mut self, cx: &Context) -> Outcome {
        let link = cx.link().await?;
        let (as_of, unseen) = match self.seen {
            Some(version) => (version, false),
            None => self.read(&link).await?,
        };
        let body = ApproveBody {
            as_of: Some(as_of),
            unseen,
            window: self.window.body(link.zone),
            role: self.role,
            words: self.words,
        };
        let got: Got<RequestView> = link.post(&request_path(self.id, "approve"), &body).await?;
        link.print(&got, decided)?;
        Ok(Exit::Done)
    }

    /// Reads it now: a person is shown all of it and asked, a script is told what it decides on.
    async fn read(&mut self, link: &Link) -> Result<(i64, bool), Trouble> {
        let got: Got<RequestView> = link.get(&request_path(self.id, "")).await?;
        let eye = link.eye(got.now);
        if link.out.is_deaf() {
            return Err(Trouble::usage(
                "nothing was sent: standard error is not your terminal, so the question would not be seen",
                "leave it there, or say the version that you read with --seen",
            ));
        }
        if !link.out.asks {
            if !link.out.json {
                link.out.page(&read_just_now(&got.view, &eye))?;
            }
            return Ok((got.view.version, true));
        }
        link.out.aside(&question(&got.view, &eye));
        let guard = guard(got.view.may.as_deref(), "approve")?;
        self.say_changes(link);
        let wanted = self.id.last_three();
        let typed =
            link.out.ask(&format!("type {wanted}, the last three digits of {}, and Enter to approve:", self.id))?;
        if typed.as_deref() != Some(wanted.as_str()) {
            return Err(Trouble::new(
                Exit::Refused,
                format!("nothing was sent: that is not {wanted}"),
                "run it again if you mean it",
            ));
        }
        if self.words.is_none() && matches!(guard, Guard::Words | Guard::NumberWords) {
            self.words = Some(link.out.ask_for("why (one line, kept in the record):")?);
        }
        Ok((got.view.version, false))
    }

    /// What this approval makes different from what was asked.
    fn say_changes(&self, link: &Link) {
        let mut page = Page::new();
        let mut say = |label: &str, value: Option<&String>| {
            if let Some(value) = value {
                page.field("you change", &format!("{label} {value}"), link.out.width);
            }
        };
        say("role to", self.role.as_ref());
        say("from", self.window.from.as_ref());
        say("end to", self.window.until.as_ref());
        say("length to", self.window.length.map(|length| length.to_string()).as_ref());
        link.out.aside(&page);
    }
}

/// What guards a verb for this viewer, or why they may not use it.
fn guard(may: Option<&[May]>, verb: &str) -> Result<Guard, Trouble> {
    match may.and_then(|may| may.iter().find(|may| may.verb == verb)) {
        Some(May { refusal: Some(refusal), .. }) => Err(Trouble::from(refusal)),
        Some(may) => Ok(may.guard),
        None => Ok(Guard::Number),
    }
}

/// All that an approver has to know, on one screen.
fn question(view: &RequestView, eye: &Eye) -> Page {
    let waits = view.extension.as_ref().filter(|extension| extension.waits);
    let what = if waits.is_some() { "EXTENSION of " } else { "" };
    let mut page = Page::of(format!("APPROVE {what}{}, version {}", names::number(view.id), view.version));
    page.append(sheet::details(view, eye));
    if let Some(extension) = waits {
        page.append(sheet::extension(extension, eye));
    }
    if let Some(claim) = view.claim.as_ref().filter(|claim| claim.until > eye.now) {
        page.field("being read", &format!("by {}", names::who(&claim.by)), eye.width);
    }
    for revision in &view.revisions {
        page.field("revised", &format!("by {}: {}", revision.by, revision.changes.join("; ")), eye.width);
    }
    page.append(sheet::checks(&view.checks));
    let lock = match &view.grant {
        Some(grant) if grant.second_lock => "yes: the target itself ends it",
        Some(_) => "no: only the removal ends it",
        None => "told by the target once the access is given",
    };
    page.field("second lock", lock, eye.width);
    page
}

/// What a script is about to decide on.
fn read_just_now(view: &RequestView, eye: &Eye) -> Page {
    let mut page = Page::of(format!("deciding on version {} as just read: {}", view.version, sheet::head(view)));
    let task = names::text(view.task.as_ref());
    page.field("  task", task, eye.width);
    if let Some(extension) = view.extension.as_ref().filter(|extension| extension.waits) {
        page.append(sheet::extension(extension, eye));
    } else {
        let (label, window) = sheet::window_of(view, eye);
        page.field(&format!("  {label}"), &window, eye.width);
    }
    page
}

/// Where it stands after the verdict, and the verdict.
fn decided(view: &RequestView, eye: &Eye) -> Page {
    let mut page = sheet::stands(view, eye);
    if let Some(decision) = &view.decision {
        page.field("  verdict", &sheet::decision(decision, eye), eye.width);
    }
    if let (Some(_), Some(until)) = (view.decision.as_ref(), view.window.until) {
        page.field("  ends", &eye.full(until), eye.width);
    }
    page
}

/// Deny what waits: the request or its extension
#[derive(Debug, Clone, Args)]
pub struct Deny {
    /// The request, 142 or NL-142
    pub id: RequestNumber,
    /// Why: the requester reads it
    #[arg(long)]
    pub words: Option<String>,
}

impl Deny {
    /// Denies it.
    pub async fn run(self, cx: &Context) -> Outcome {
        verdict(cx, self.id, "deny", self.words, Vec::new()).await
    }
}

/// Send back what waits: mend this and ask again
#[derive(Debug, Clone, Args)]
pub struct SendBack {
    /// The request, 142 or NL-142
    pub id: RequestNumber,
    /// What to mend: the requester reads it
    #[arg(long)]
    pub words: Option<String>,
    /// Why: vague-task, no-end, broad-role, long-window, old-ticket, wrong-user, wrong-approver or other
    #[arg(long = "code", value_parser = parts::code, value_delimiter = ',')]
    pub codes: Vec<SendBackCode>,
}

impl SendBack {
    /// Sends it back.
    pub async fn run(self, cx: &Context) -> Outcome {
        verdict(cx, self.id, "send-back", self.words, self.codes).await
    }
}

/// A verdict that needs words: on a terminal what it is about is shown before they are asked for.
async fn verdict(
    cx: &Context,
    id: RequestNumber,
    verb: &str,
    words: Option<String>,
    codes: Vec<SendBackCode>,
) -> Outcome {
    if words.is_none() && !cx.out.asks {
        return Err(Trouble::missing("why", "--words"));
    }
    let link = cx.link().await?;
    let mut body = WordsBody { as_of: None, words: String::new(), codes };
    if let Some(words) = words {
        body.words = words;
    } else {
        let got: Got<RequestView> = link.get(&request_path(id, "")).await?;
        let eye = link.eye(got.now);
        link.out.aside(&sheet::stands(&got.view, &eye));
        link.out.aside(&sheet::details(&got.view, &eye));
        guard(got.view.may.as_deref(), verb)?;
        body.as_of = Some(got.view.version);
        if verb == "send-back" && body.codes.is_empty() {
            body.codes = prefilled(&link, &got.view)?;
        }
        let question = format!("why {verb} (one line, {} reads it):", names::who(&got.view.requester));
        body.words = link.out.ask_for(&question)?;
    }
    let got: Got<RequestView> = link.post(&request_path(id, verb), &body).await?;
    link.print(&got, decided)?;
    Ok(Exit::Done)
}

/// The codes that the failed checks give; an empty answer keeps them.
fn prefilled(link: &Link, view: &RequestView) -> Result<Vec<SendBackCode>, Trouble> {
    let codes = SendBackCode::of_failed(&view.checks);
    let said: Vec<String> = codes.iter().map(names::word).collect();
    loop {
        let answer = link.out.ask(&format!("codes [{}]:", said.join(",")))?.filter(|answer| !answer.is_empty());
        let Some(answer) = answer else { return Ok(codes) };
        match answer.split(',').map(|word| parts::code(word.trim())).collect() {
            Ok(codes) => return Ok(codes),
            Err(bad) => link.out.remark(format!("  {bad}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::access::{Code, Refusal};

    #[test]
    fn the_question_has_all_that_a_decision_needs() {
        let (view, eye) = samples::pending();
        let page = question(&view, &eye).to_string();
        for part in [
            "APPROVE NL-142, version 57",
            "Ana Ruiz (ana), Engineer",
            "payments (production)",
            "restart: Restart the workers",
            "Restart the stuck worker and see the queue drain",
            "INC-88",
            "50m: now -> 2026-11-22 01:20 CET (00:20Z)",
            "[pass] task: one exact task",
            "[warn] record: 2nd request tonight",
            "second lock",
        ] {
            assert!(page.contains(part), "{part} is not in\n{page}");
        }
    }

    #[test]
    fn who_may_not_is_told_before_anything_is_asked() {
        let no = Refusal::new(Code::OwnRequest, "you asked for it", "somebody else decides");
        let may = [May { verb: "approve".into(), guard: Guard::Number, refusal: Some(no) }];
        assert_eq!(guard(Some(&may), "approve").unwrap_err().exit, Exit::Refused);
        let may = [May { verb: "approve".into(), guard: Guard::NumberWords, refusal: None }];
        assert_eq!(guard(Some(&may), "approve"), Ok(Guard::NumberWords));
        assert_eq!(guard(None, "approve"), Ok(Guard::Number));
    }
}

//! Asking: `request`, `amend`, `withdraw`. What is missing is asked on a terminal, and is a usage error in a pipe.

use super::exit::{Exit, Trouble};
use super::eye::Eye;
use super::link::{Context, Got, Link, request_path};
use super::names;
use super::page::Page;
use super::parts::{self, WindowArgs};
use super::sheet;
use super::{Outcome, waiting};
use crate::access::RequestNumber;
use crate::checks::Verdict;
use crate::policy::Kind;
use crate::wire::{AmendBody, ChecksView, FileBody, PlainBody, RequestView, SystemView, SystemsView};
use clap::Args;

/// Ask for access
#[derive(Debug, Clone, Default, Args)]
pub struct Request {
    /// The system
    pub system: Option<String>,
    /// The role, narrowest first in `nightlatch systems SYSTEM`
    pub role: Option<String>,
    /// What exactly will be done, and how one will know that it worked
    #[arg(long)]
    pub task: Option<String>,
    #[command(flatten)]
    pub window: WindowArgs,
    /// emergency, planned or day [default: emergency with a ticket and at most 90 minutes, else planned]
    #[arg(long, value_parser = parts::kind)]
    pub kind: Option<Kind>,
    /// An outside reference, such as INC-88
    #[arg(long)]
    pub ticket: Option<String>,
    /// Who will hold the access [default: you]
    #[arg(long, value_name = "PERSON")]
    pub user: Option<String>,
    /// Whom it goes to [default: who is asked first now]
    #[arg(long, value_name = "PERSON")]
    pub approver: Option<String>,
    /// File although a check fails
    #[arg(long)]
    pub anyway: bool,
    /// Only run the checks
    #[arg(long, conflicts_with = "wait")]
    pub check: bool,
    /// Wait for the verdict and the grant: 0 active, 3 no, 1 failed
    #[arg(long)]
    pub wait: bool,
}

impl Request {
    /// Files it.
    pub async fn run(self, cx: &Context) -> Outcome {
        if !cx.out.asks {
            self.complete()?;
        }
        let link = cx.link().await?;
        let (check, wait) = (self.check, self.wait);
        let mut body = if cx.out.asks { self.ask(&link).await? } else { self.body(&link) };
        if check {
            let got: Got<ChecksView> = link.post("/v1/checks", &body).await?;
            link.print(&got, findings)?;
            return Ok(if fails(&got.view) { Exit::Refused } else { Exit::Done });
        }
        if cx.out.asks {
            review(&link, &mut body).await?;
        }
        let got: Got<RequestView> = link.post("/v1/requests", &body).await?;
        if !wait {
            link.print(&got, filed)?;
            return Ok(Exit::Done);
        }
        link.out.aside(&filed(&got.view, &link.eye(got.now)));
        waiting::until_active(&link, got).await
    }

    /// Names the first part that is missing, where nobody can be asked.
    fn complete(&self) -> Result<(), Trouble> {
        let blank = |part: &Option<String>| part.as_ref().is_none_or(|text| text.trim().is_empty());
        if blank(&self.system) {
            return Err(Trouble::missing("the system", "the first word, SYSTEM"));
        }
        if blank(&self.role) {
            return Err(Trouble::missing("the role", "the second word, ROLE"));
        }
        if blank(&self.task) {
            return Err(Trouble::missing("the task", "--task"));
        }
        if self.window.length.is_none() && self.window.until.is_none() {
            return Err(Trouble::missing("the window", "--for or --until"));
        }
        Ok(())
    }

    fn body(self, link: &Link) -> FileBody {
        FileBody {
            system: self.system.unwrap_or_default(),
            role: self.role.unwrap_or_default(),
            task: self.task.unwrap_or_default(),
            window: self.window.body(link.zone),
            kind: self.kind,
            ticket: self.ticket,
            user: self.user,
            approver: self.approver,
            anyway: self.anyway,
        }
    }

    /// Asks for what is missing, with what there is to choose from.
    async fn ask(mut self, link: &Link) -> Result<FileBody, Trouble> {
        let asks_ticket = self.ticket.is_none() && self.complete().is_err();
        let out = link.out;
        let known = if self.system.is_none() || self.role.is_none() || asks_ticket {
            link.get::<SystemsView>("/v1/systems").await?.view.systems
        } else {
            Vec::new()
        };
        if self.system.is_none() {
            out.aside(&systems_to_ask(&known));
            self.system = Some(out.ask_for("system:")?);
        }
        let system = known.iter().find(|system| Some(&system.id) == self.system.as_ref());
        if self.role.is_none() {
            out.aside(&system.map(roles_to_ask).unwrap_or_default());
            self.role = Some(out.ask_for("role:")?);
        }
        if self.task.as_ref().is_none_or(|task| task.trim().is_empty()) {
            self.task = Some(out.ask_for("task (what exactly, and how will you know that it worked):")?);
            self.mend_task(link).await?;
        }
        if self.window.length.is_none() && self.window.until.is_none() {
            self.window = WindowArgs { from: self.window.from.clone(), ..ask_window(link)? };
        }
        if asks_ticket {
            let shape = system.and_then(|system| system.ticket.clone());
            let shape = shape.map_or_else(|| "empty for none".into(), |shape| format!("it must match {shape}"));
            self.ticket = out.ask(&format!("ticket ({shape}):"))?.filter(|ticket| !ticket.is_empty());
        }
        Ok(self.body(link))
    }

    /// Says at once what the checks make of the task, while it can still be mended; nobody has been woken.
    async fn mend_task(&mut self, link: &Link) -> Result<(), Trouble> {
        for _ in 0..AGAIN {
            let mut body = self.clone().body(link);
            body.window = WindowArgs::default().body(link.zone);
            body.window.for_seconds = Some(STAND_IN_SECONDS);
            // What is wrong elsewhere, such as the role's name, is said when everything was asked.
            let posted: Result<Got<ChecksView>, Trouble> = link.post("/v1/checks", &body).await;
            let Ok(got) = posted else { return Ok(()) };
            let speaks = |check: &&crate::checks::Check| {
                check.verdict != Verdict::Pass && OF_THE_WORDS.contains(&check.code.as_str())
            };
            let spoken: Vec<_> = got.view.checks.iter().filter(speaks).cloned().collect();
            link.out.aside(&sheet::checks(&spoken));
            if !spoken.iter().any(|check| check.code == "task") {
                return Ok(());
            }
            match link.out.ask("task again (empty keeps it):")?.filter(|task| !task.is_empty()) {
                Some(task) => self.task = Some(task),
                None => return Ok(()),
            }
        }
        Ok(())
    }
}

/// How often the form asks again for a task that a check speaks of.
const AGAIN: usize = 3;
/// What can be judged before the window is known.
const OF_THE_WORDS: [&str; 3] = ["task", "role", "fresh"];
/// A window that stands in until one is named.
const STAND_IN_SECONDS: i64 = 60;

fn ask_window(link: &Link) -> Result<WindowArgs, Trouble> {
    loop {
        let typed = link.out.ask("how long, or until when (45m, 1h 30m, 00:30; empty for the role's default):")?;
        let Some(typed) = typed.filter(|typed| !typed.is_empty()) else { return Ok(WindowArgs::default()) };
        match WindowArgs::typed(&typed) {
            Ok(window) => return Ok(window),
            Err(bad) => link.out.remark(format!("  {}; {}", bad.sentence, bad.hint)),
        }
    }
}

fn systems_to_ask(systems: &[SystemView]) -> Page {
    let rows: Vec<Vec<String>> = systems
        .iter()
        .filter(|system| system.may_ask)
        .map(|system| {
            let frozen = if system.frozen { "frozen" } else { "" };
            vec![system.id.clone(), system.environment.clone(), system.name.clone(), frozen.into()]
        })
        .collect();
    let mut page = Page::new();
    page.table(&["SYSTEM", "ENVIRONMENT", "NAME", ""], &rows, None);
    page
}

fn roles_to_ask(system: &SystemView) -> Page {
    let rows: Vec<Vec<String>> = system.roles.iter().map(|role| vec![role.id.clone(), role.allows.clone()]).collect();
    let mut page = Page::new();
    page.table(&["ROLE", "ALLOWS"], &rows, None);
    page
}

/// Shows what the checks found and the end in full, until all is well, mended, or meant as it is.
async fn review(link: &Link, body: &mut FileBody) -> Result<(), Trouble> {
    loop {
        let got: Got<ChecksView> = link.post("/v1/checks", &*body).await?;
        link.out.aside(&findings(&got.view, &link.eye(got.now)));
        if body.anyway || !fails(&got.view) {
            return Ok(());
        }
        match link.out.ask("a check fails: [m]end it, [f]ile it anyway, or leave [q]?")?.as_deref() {
            Some("f" | "file") => body.anyway = true,
            Some("m" | "mend") => mend(link, body)?,
            Some("q" | "quit") | None => {
                return Err(Trouble::new(
                    Exit::Refused,
                    "nothing was filed: a check fails",
                    "mend it, or say --anyway",
                ));
            }
            Some(_) => {}
        }
    }
}

/// Each part again; an empty answer keeps it.
fn mend(link: &Link, body: &mut FileBody) -> Result<(), Trouble> {
    let again = |label: &str, now: &str| -> Result<Option<String>, Trouble> {
        Ok(link.out.ask(&format!("{label} [{now}]:"))?.filter(|text| !text.is_empty()))
    };
    if let Some(task) = again("task", &body.task)? {
        body.task = task;
    }
    if let Some(role) = again("role", &body.role)? {
        body.role = role;
    }
    if let Some(ticket) = again("ticket", body.ticket.as_deref().unwrap_or("none"))? {
        body.ticket = Some(ticket);
    }
    if let Some(approver) = again("approver", body.approver.as_deref().unwrap_or("who is asked first"))? {
        body.approver = Some(approver);
    }
    let window = ask_window(link)?;
    if !window.is_empty() {
        let from = body.window.from.take();
        body.window = WindowArgs { from, ..window }.body(link.zone);
    }
    Ok(())
}

fn fails(view: &ChecksView) -> bool {
    view.checks.iter().any(|check| check.verdict == Verdict::Fail)
}

/// What the checks found, and how the window was read.
fn findings(view: &ChecksView, eye: &Eye) -> Page {
    let mut page = Page::new();
    page.field("kind", view.kind.word(), eye.width);
    let approver = view.approver.as_ref().map_or_else(|| "nobody may say yes now".into(), names::person);
    page.field("goes to", &approver, eye.width);
    let from = view.window.from.filter(|at| *at > eye.now);
    page.field("if approved", &sheet::window(None, from, view.window.until, eye), eye.width);
    for remark in &view.remarks {
        page.field("", remark, eye.width);
    }
    page.append(sheet::checks(&view.checks));
    page
}

fn filed(view: &RequestView, eye: &Eye) -> Page {
    let mut page = sheet::stands(view, eye);
    let (label, window) = sheet::window_of(view, eye);
    page.field(&format!("  {label}"), &window, eye.width);
    page.append(sheet::checks(&view.checks));
    page
}

/// Mend a sent-back request, or revise a pending one
#[derive(Debug, Clone, Args)]
pub struct Amend {
    /// The request, 142 or NL-142
    pub id: RequestNumber,
    /// Another role
    #[arg(long)]
    pub role: Option<String>,
    /// Another task
    #[arg(long)]
    pub task: Option<String>,
    #[command(flatten)]
    pub window: WindowArgs,
    /// emergency, planned or day
    #[arg(long, value_parser = parts::kind)]
    pub kind: Option<Kind>,
    /// Another ticket; empty for none
    #[arg(long)]
    pub ticket: Option<String>,
    /// Another user
    #[arg(long, value_name = "PERSON")]
    pub user: Option<String>,
    /// Another approver
    #[arg(long, value_name = "PERSON")]
    pub approver: Option<String>,
    /// File although a check fails
    #[arg(long)]
    pub anyway: bool,
}

impl Amend {
    /// Amends it.
    pub async fn run(self, cx: &Context) -> Outcome {
        let link = cx.link().await?;
        let body = AmendBody {
            window: (!self.window.is_empty()).then(|| self.window.body(link.zone)),
            role: self.role,
            task: self.task,
            kind: self.kind,
            ticket: self.ticket,
            user: self.user,
            approver: self.approver,
            anyway: self.anyway,
        };
        let nothing = AmendBody { anyway: body.anyway, ..AmendBody::default() };
        if body == nothing && !body.anyway {
            return Err(Trouble::usage(
                "nothing to amend was named",
                "say what changes: --task, --for, --until, --from, --role, --kind, --ticket, --user or --approver",
            ));
        }
        let got: Got<RequestView> = link.post(&request_path(self.id, "amend"), &body).await?;
        link.print(&got, filed)?;
        Ok(Exit::Done)
    }
}

/// Take a request back
#[derive(Debug, Clone, Args)]
pub struct Withdraw {
    /// The request, 142 or NL-142
    pub id: RequestNumber,
}

impl Withdraw {
    /// Withdraws it.
    pub async fn run(self, cx: &Context) -> Outcome {
        let link = cx.link().await?;
        let got: Got<RequestView> = link.post(&request_path(self.id, "withdraw"), &PlainBody::default()).await?;
        link.print(&got, sheet::stands)?;
        Ok(Exit::Done)
    }
}

//! What a user and those around a request add to it: `extend`, `note`, `claim`, `ack`, `undo`.

use super::Outcome;
use super::exit::{Exit, Trouble};
use super::link::{Context, Got, request_path};
use super::names;
use super::parts::WindowArgs;
use super::sheet;
use crate::access::RequestNumber;
use crate::wire::{ExtendBody, PlainBody, RequestView, WordsBody};
use clap::Args;

/// Ask for a later end of the access that I hold
#[derive(Debug, Clone, Args)]
pub struct Extend {
    /// The request, 142 or NL-142
    pub id: RequestNumber,
    #[command(flatten)]
    pub window: WindowArgs,
    /// What was done
    #[arg(long)]
    pub done: Option<String>,
    /// What remains
    #[arg(long)]
    pub remaining: Option<String>,
    /// Whom it goes to [default: who is asked first now]
    #[arg(long, value_name = "PERSON")]
    pub approver: Option<String>,
}

impl Extend {
    /// Asks for it.
    pub async fn run(self, cx: &Context) -> Outcome {
        let out = cx.out;
        let mut window = self.window;
        if window.from.is_some() {
            return Err(Trouble::usage("an extension has no beginning of its own", "leave --from out"));
        }
        if window.is_empty() {
            if !out.asks {
                return Err(Trouble::missing("the new end", "--for or --until"));
            }
            window = WindowArgs::typed(&out.ask_for("how much longer, or until when (30m, 02:00):")?)?;
        }
        let done = out.given_or_ask(self.done, "what was done", "--done")?;
        let remaining = out.given_or_ask(self.remaining, "what remains", "--remaining")?;
        let link = cx.link().await?;
        let read: Got<RequestView> = link.get(&request_path(self.id, "")).await?;
        let body = ExtendBody {
            as_of: Some(read.view.version),
            window: window.body(link.zone),
            done,
            remaining,
            approver: self.approver,
        };
        let got: Got<RequestView> = link.post(&request_path(self.id, "extend"), &body).await?;
        link.print(&got, |view, eye| {
            let mut page = sheet::stands(view, eye);
            if let Some(extension) = &view.extension {
                page.append(sheet::extension(extension, eye));
            }
            page
        })?;
        Ok(Exit::Done)
    }
}

/// Write something down beside a request
#[derive(Debug, Clone, Args)]
pub struct Note {
    /// The request, 142 or NL-142
    pub id: RequestNumber,
    /// What
    #[arg(required = true, value_name = "TEXT")]
    pub text: Vec<String>,
}

impl Note {
    /// Notes it.
    pub async fn run(self, cx: &Context) -> Outcome {
        let link = cx.link().await?;
        let body = WordsBody { words: self.text.join(" "), ..WordsBody::default() };
        let got: Got<RequestView> = link.post(&request_path(self.id, "note"), &body).await?;
        link.print(&got, |view, _| super::page::Page::of(format!("{}: noted", names::number(view.id))))?;
        Ok(Exit::Done)
    }
}

/// I am reading this, for two minutes
#[derive(Debug, Clone, Args)]
pub struct Claim {
    /// The request, 142 or NL-142
    pub id: RequestNumber,
    /// Not any more
    #[arg(long)]
    pub release: bool,
}

impl Claim {
    /// Claims it, or lets go.
    pub async fn run(self, cx: &Context) -> Outcome {
        let link = cx.link().await?;
        let body = PlainBody { release: self.release, ..PlainBody::default() };
        let got: Got<RequestView> = link.post(&request_path(self.id, "claim"), &body).await?;
        link.print(&got, |view, eye| {
            let id = names::number(view.id);
            super::page::Page::of(match &view.claim {
                Some(claim) => {
                    format!("{id}: {} is reading it until {}", names::who(&claim.by), eye.short(claim.until))
                }
                None => format!("{id}: nobody is reading it"),
            })
        })?;
        Ok(Exit::Done)
    }
}

/// Stop alerting me about it
#[derive(Debug, Clone, Args)]
pub struct Ack {
    /// The request, 142 or NL-142
    pub id: RequestNumber,
}

impl Ack {
    /// Acknowledges it.
    pub async fn run(self, cx: &Context) -> Outcome {
        let link = cx.link().await?;
        let got: Got<RequestView> = link.post(&request_path(self.id, "ack"), &PlainBody::default()).await?;
        link.print(&got, |view, _| {
            super::page::Page::of(format!("{}: you are not alerted about it any more", names::number(view.id)))
        })?;
        Ok(Exit::Done)
    }
}

/// Take back my own last verdict, within a minute
#[derive(Debug, Clone, Args)]
pub struct Undo {
    /// The request, 142 or NL-142
    pub id: RequestNumber,
}

impl Undo {
    /// Takes it back.
    pub async fn run(self, cx: &Context) -> Outcome {
        let link = cx.link().await?;
        let got: Got<RequestView> = link.post(&request_path(self.id, "undo"), &PlainBody::default()).await?;
        link.print(&got, sheet::stands)?;
        Ok(Exit::Done)
    }
}

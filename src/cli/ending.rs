//! Ending: `revoke`, `hand-back`, `freeze`, `thaw`, `retry`, `hand-over`, `removal confirm`.

use super::Outcome;
use super::exit::{Exit, Trouble};
use super::link::{Context, Got, Link, request_path, with_query};
use super::names;
use super::page::Page;
use super::{board, sheet};
use crate::access::RequestNumber;
use crate::wire::{FreezeBody, HandBackBody, ListView, PlainBody, RequestView, RevokeBody, RevokedView, WordsBody};
use clap::Args;

/// The statuses of a grant that can be ended.
const LIVE: &str = "approved,granting,active";

/// End access now
#[derive(Debug, Clone, Args)]
#[command(group = clap::ArgGroup::new("whom").required(true).args(["ids", "person", "system", "ticket"]))]
pub struct Revoke {
    /// The requests, 142 or NL-142
    #[arg(value_name = "ID")]
    pub ids: Vec<RequestNumber>,
    /// Every live grant of this person
    #[arg(long)]
    pub person: Option<String>,
    /// Every live grant on this system
    #[arg(long)]
    pub system: Option<String>,
    /// Every live grant under this ticket
    #[arg(long)]
    pub ticket: Option<String>,
    /// Why
    #[arg(long)]
    pub words: Option<String>,
    /// How many the wide forms will end, as listed: for scripts
    #[arg(long, value_name = "N", conflicts_with = "ids")]
    pub count: Option<usize>,
}

impl Revoke {
    /// Revokes it.
    pub async fn run(self, cx: &Context) -> Outcome {
        let wide = self.ids.is_empty();
        if !cx.out.asks && self.words.is_none() {
            return Err(Trouble::missing("why", "--words"));
        }
        if !cx.out.asks && wide && self.count.is_none() {
            return Err(Trouble::missing("the count of what is ended", "--count"));
        }
        let link = cx.link().await?;
        if wide { self.wide(&link).await } else { self.each(&link).await }
    }

    /// One after the other; the exit is that of the first that was refused.
    async fn each(self, link: &Link) -> Outcome {
        let words = link.out.given_or_ask(self.words, "why", "--words")?;
        let body = WordsBody { words, ..WordsBody::default() };
        let mut refused = None;
        let mut ended = RevokedView { ended: Vec::new(), refused: Vec::new() };
        for id in &self.ids {
            match link.post::<_, RequestView>(&request_path(*id, "revoke"), &body).await {
                Ok(got) if link.out.json && self.ids.len() == 1 => link.print(&got, sheet::stands)?,
                Ok(got) => {
                    ended.ended.push(id.0);
                    if !link.out.json {
                        link.print(&got, sheet::stands)?;
                    }
                }
                Err(trouble) if self.ids.len() == 1 => return Err(trouble),
                Err(trouble) => {
                    ended.refused.push((id.0, trouble.sentence.clone()));
                    if !link.out.json {
                        link.out
                            .trouble(&Trouble { sentence: format!("{id}: {}", trouble.sentence), ..trouble.clone() });
                    }
                    refused.get_or_insert(trouble.exit);
                }
            }
        }
        if link.out.json && self.ids.len() > 1 {
            link.out.json_value(&ended)?;
        }
        Ok(refused.unwrap_or(Exit::Done))
    }

    /// Lists what will end, and asks for the count.
    async fn wide(self, link: &Link) -> Outcome {
        let mut count = self.count;
        let mut words = self.words;
        if count.is_none() {
            let page = self::live(link, self.person.as_ref(), self.system.as_ref(), self.ticket.as_ref()).await?;
            let (found, page) = page;
            link.out.aside(&page);
            if found == 0 {
                return Err(Trouble::new(
                    Exit::NotFound,
                    "there is no live grant to end",
                    "nightlatch board shows what is open",
                ));
            }
            let typed = link.out.ask("type how many these are, and Enter to end them all:")?;
            if typed.as_deref() != Some(found.to_string().as_str()) {
                return Err(Trouble::new(
                    Exit::Refused,
                    format!("nothing was sent: that is not {found}"),
                    "run it again if you mean it",
                ));
            }
            count = Some(found);
        }
        if words.is_none() {
            words = Some(link.out.given_or_ask(None, "why", "--words")?);
        }
        let body = RevokeBody {
            person: self.person,
            system: self.system,
            ticket: self.ticket,
            count: count.unwrap_or_default(),
            words: words.unwrap_or_default(),
        };
        let got: Got<RevokedView> = link.post("/v1/revoke", &body).await?;
        link.print(&got, |view, _| {
            let mut page = Page::of(format!("ended {}: {}", view.ended.len(), numbers(&view.ended)));
            for (id, why) in &view.refused {
                page.line(format!("  not {}: {why}", names::number(*id)));
            }
            page
        })?;
        Ok(if got.view.refused.is_empty() { Exit::Done } else { Exit::Refused })
    }
}

fn numbers(ids: &[i64]) -> String {
    ids.iter().map(|id| names::number(*id)).collect::<Vec<_>>().join(", ")
}

/// Every live grant that the wide form would end, and how many.
async fn live(
    link: &Link,
    person: Option<&String>,
    system: Option<&String>,
    ticket: Option<&String>,
) -> Result<(usize, Page), Trouble> {
    let mut before = None;
    let mut found: Vec<RequestView> = Vec::new();
    loop {
        let query = [
            ("status", Some(LIVE.to_owned())),
            ("person", person.cloned()),
            ("system", system.cloned()),
            ("ticket", ticket.cloned()),
            ("before", before.map(|before: i64| before.to_string())),
            ("limit", Some("200".into())),
        ];
        let got: Got<ListView> = link.get(&with_query("/v1/requests", &query)).await?;
        // A list by person also has what they asked for others; only what they hold is ended.
        found.extend(got.view.requests.into_iter().filter(|view| person.is_none_or(|person| view.user.id == *person)));
        if got.view.next_before.is_none() || got.view.next_before == before {
            let page = board::rows(&found, &link.eye(got.now), "nothing is live");
            return Ok((found.len(), page));
        }
        before = got.view.next_before;
    }
}

/// I am done: give my access back before its end
#[derive(Debug, Clone, Args)]
pub struct HandBack {
    /// The request, 142 or NL-142
    pub id: RequestNumber,
    /// What was changed
    #[arg(long)]
    pub changed: Option<String>,
    /// What was checked
    #[arg(long)]
    pub checked: Option<String>,
    /// What needs follow-up
    #[arg(long)]
    pub follow_up: Option<String>,
}

impl HandBack {
    /// Hands it back.
    pub async fn run(self, cx: &Context) -> Outcome {
        let link = cx.link().await?;
        let asks = |given: Option<String>, question: &str| -> Result<Option<String>, Trouble> {
            match given {
                None if cx.out.asks => Ok(cx.out.ask(question)?.filter(|answer| !answer.is_empty())),
                given => Ok(given),
            }
        };
        let body = HandBackBody {
            changed: asks(self.changed, "what was changed (may stay empty):")?,
            checked: asks(self.checked, "what was checked (may stay empty):")?,
            follow_up: asks(self.follow_up, "what needs follow-up (may stay empty):")?,
        };
        let got: Got<RequestView> = link.post(&request_path(self.id, "hand-back"), &body).await?;
        link.print(&got, sheet::stands)?;
        Ok(Exit::Done)
    }
}

/// Which systems, and why.
#[derive(Debug, Clone, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["system", "all"]))]
pub struct FreezeArgs {
    /// The system
    pub system: Option<String>,
    /// Everything
    #[arg(long)]
    pub all: bool,
    /// Why
    #[arg(long)]
    pub words: Option<String>,
}

impl FreezeArgs {
    /// Freezes, or thaws.
    pub async fn run(self, cx: &Context, thaw: bool) -> Outcome {
        let words = cx.out.given_or_ask(self.words, "why", "--words")?;
        let link = cx.link().await?;
        let what = self.system.clone().unwrap_or_else(|| "everything".into());
        let body = FreezeBody { system: self.system, words };
        let got: Got<serde_json::Value> = link.post(if thaw { "/v1/thaw" } else { "/v1/freeze" }, &body).await?;
        link.print(&got, |_, _| {
            Page::of(if thaw {
                format!("{what} is thawed")
            } else {
                format!("{what} is frozen: nothing is approved or granted, removals go on")
            })
        })?;
        Ok(Exit::Done)
    }
}

/// Try an overdue removal again now
#[derive(Debug, Clone, Args)]
pub struct Retry {
    /// The request, 142 or NL-142
    pub id: RequestNumber,
}

impl Retry {
    /// Retries it.
    pub async fn run(self, cx: &Context) -> Outcome {
        plain(cx, self.id, "retry", &PlainBody::default()).await
    }
}

/// Give an overdue removal to somebody to look after
#[derive(Debug, Clone, Args)]
pub struct HandOver {
    /// The request, 142 or NL-142
    pub id: RequestNumber,
    /// Who looks after it from now on
    pub person: String,
}

impl HandOver {
    /// Hands it over.
    pub async fn run(self, cx: &Context) -> Outcome {
        plain(cx, self.id, "hand-over", &PlainBody { to: Some(self.person), ..PlainBody::default() }).await
    }
}

async fn plain(cx: &Context, id: RequestNumber, verb: &str, body: &PlainBody) -> Outcome {
    let link = cx.link().await?;
    let got: Got<RequestView> = link.post(&request_path(id, verb), body).await?;
    link.print(&got, |view, eye| {
        let mut page = sheet::stands(view, eye);
        if let Some(grant) = &view.grant {
            page.append(sheet::grant(grant, view.overdue, eye));
        }
        page
    })?;
    Ok(Exit::Done)
}

/// Removals that nightlatch could not see done
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Removal {
    /// Say that you looked by hand, and the access is gone
    Confirm(Confirm),
}

/// Say that you looked by hand, and the access is gone
#[derive(Debug, Clone, Args)]
pub struct Confirm {
    /// The request, 142 or NL-142
    pub id: RequestNumber,
    /// What you looked at
    #[arg(long)]
    pub words: Option<String>,
}

impl Removal {
    /// Attests it.
    pub async fn run(self, cx: &Context) -> Outcome {
        let Self::Confirm(Confirm { id, words }) = self;
        let words = cx.out.given_or_ask(words, "what you looked at", "--words")?;
        let link = cx.link().await?;
        let body = WordsBody { words, ..WordsBody::default() };
        let got: Got<RequestView> = link.post(&request_path(id, "removal-confirm"), &body).await?;
        link.print(&got, sheet::stands)?;
        Ok(Exit::Done)
    }
}

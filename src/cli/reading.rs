//! Reading: `list`, `show`, `board`, `mine`, `left`, `systems`, `whoami`. Changes nothing.

use super::Outcome;
use super::board::{self, Mine};
use super::exit::{Exit, Trouble};
use super::eye::Eye;
use super::link::{self, Context, Got, Link, request_path, with_query};
use super::names;
use super::page::Page;
use super::sheet;
use super::{duty, timeline, times, watch};
use crate::access::{RequestNumber, Status};
use crate::client::kept;
use crate::clock::Clock;
use crate::config::Paths;
use crate::text::{Instant, instant};
use crate::wire::{BoardView, EventsView, ListView, MeView, RequestView, SystemView, SystemsView};
use clap::Args;

/// How many requests a list shows where nothing else is said.
const PAGE: i64 = 50;
/// How many events of one request are shown at most.
const EVENTS: usize = 5000;

/// List requests, newest first
#[derive(Debug, Clone, Default, Args)]
pub struct List {
    /// Only of these statuses, separated by commas
    #[arg(long)]
    pub status: Option<String>,
    /// Only on this system
    #[arg(long)]
    pub system: Option<String>,
    /// Only of this user or requester
    #[arg(long)]
    pub person: Option<String>,
    /// Only under this ticket
    #[arg(long)]
    pub ticket: Option<String>,
    /// Only with this in task, notes or words
    #[arg(long, value_name = "TEXT")]
    pub search: Option<String>,
    /// Only filed at or after this time: 2026-11-22, 2026-11-22 00:30, or with an offset
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Only filed before this time
    #[arg(long, value_name = "TIME")]
    pub to: Option<String>,
    /// Only numbers below this one: the next page
    #[arg(long, value_name = "ID")]
    pub before: Option<RequestNumber>,
    /// At most this many
    #[arg(long, value_name = "N", default_value_t = PAGE, value_parser = clap::value_parser!(i64).range(1..=200))]
    pub limit: i64,
}

impl List {
    /// Lists them.
    pub async fn run(self, cx: &Context) -> Outcome {
        let link = cx.link().await?;
        let (from, to) = (resolved(&link, self.from).await?, resolved(&link, self.to).await?);
        let query = [
            ("status", self.status),
            ("system", self.system),
            ("person", self.person),
            ("ticket", self.ticket),
            ("search", self.search),
            ("from", from),
            ("to", to),
            ("before", self.before.map(|id| id.0.to_string())),
            ("limit", Some(self.limit.to_string())),
        ];
        let got: Got<ListView> = link.get(&with_query("/v1/requests", &query)).await?;
        link.print(&got, |view, eye| {
            let mut page = board::rows(&view.requests, eye, "no request fits");
            if let Some(before) = view.next_before {
                page.line(format!("more: the same with --before {before}"));
            }
            page
        })?;
        Ok(Exit::Done)
    }
}

/// A time as typed, in the viewer's zone, as RFC 3339. A date alone is its first instant.
pub async fn resolved(link: &Link, typed: Option<String>) -> Result<Option<String>, Trouble> {
    let Some(typed) = typed else { return Ok(None) };
    if let Some(date) = instant::date_of(typed.trim()) {
        return Ok(Some(instant::first_at(date.and_time(chrono::NaiveTime::MIN), link.zone).to_string()));
    }
    let now = if Instant::parse_rfc3339(typed.trim()).is_some() {
        Instant::default()
    } else {
        link.get::<MeView>("/v1/me").await?.now
    };
    let resolved = instant::resolve(&typed, link.zone, now).map_err(|bad| Trouble::usage(bad.sentence, bad.cure))?;
    if let Some(remark) = resolved.remark {
        link.out.remark(remark);
    }
    Ok(Some(resolved.at.to_string()))
}

/// Show one request: the ask, the checks, the verdict, the access, and what happened
#[derive(Debug, Clone, Args)]
pub struct Show {
    /// The request, 142 or NL-142
    pub id: RequestNumber,
}

impl Show {
    /// Shows it.
    pub async fn run(self, cx: &Context) -> Outcome {
        let link = cx.link().await?;
        let got: Got<RequestView> = link.get(&request_path(self.id, "")).await?;
        if link.out.json {
            link.out.json_text(&got.text)?;
            return Ok(Exit::Done);
        }
        let eye = link.eye(got.now);
        let mut page = sheet::whole(&got.view, &eye);
        let mut events = Vec::new();
        let mut after = 0;
        loop {
            let query = [("after", Some(after.to_string())), ("limit", Some("1000".to_owned()))];
            let more: Got<EventsView> = link.get(&with_query(&request_path(self.id, "events"), &query)).await?;
            let next = more.view.next_after;
            let done = more.view.events.is_empty() || next <= after;
            events.extend(more.view.events);
            if done || events.len() >= EVENTS {
                break;
            }
            after = next;
        }
        page.line("");
        page.append(timeline::page(&events, &eye));
        link.out.page(&page)?;
        Ok(Exit::Done)
    }
}

/// The board: what waits, what is open, what is overdue
#[derive(Debug, Clone, Default, Args)]
pub struct Board {
    /// Print it once: exit 0 nothing waits, 10 something waits for you, 20 a removal is overdue
    #[arg(long)]
    pub once: bool,
    /// Print it as a line of JSON, and another one for each change, until it is ended
    #[arg(long, conflicts_with_all = ["once", "at"])]
    pub watch_json: bool,
    /// The board as it was then
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
}

impl Board {
    /// Prints it.
    pub async fn run(self, cx: &Context) -> Outcome {
        if self.watch_json {
            return watch::run(cx).await;
        }
        let past = self.at.is_some();
        match self.now(cx).await {
            // What was seen last is better than nothing, where it is said how old it is.
            Err(away) if away.exit == Exit::Away && !past => match kept_page(cx)? {
                Some(exit) => Ok(exit),
                None => Err(away),
            },
            answered => answered,
        }
    }

    async fn now(self, cx: &Context) -> Outcome {
        let link = cx.link().await?;
        let past = self.at.is_some();
        let at = resolved(&link, self.at).await?;
        let got: Got<BoardView> = link.get(&with_query("/v1/board", &[("at", at)])).await?;
        let me = link.get::<MeView>("/v1/me").await?.view;
        let mine = Mine::new(&me);
        link.print(&got, |view, eye| board::page(view, &mine, eye))?;
        // Only the board of now says that something is to be done.
        Ok(if self.once && !past { board::exit(&got.view, &mine) } else { Exit::Done })
    }
}

/// Prints the board that the dashboard kept, if there is one.
fn kept_page(cx: &Context) -> Result<Option<Exit>, Trouble> {
    let settings = cx.settings()?;
    let (Ok(paths), door) = (Paths::find(), link::door(&settings)?) else { return Ok(None) };
    let kept = match kept::read(&paths, &door) {
        Ok(Some(kept)) => kept,
        Ok(None) => return Ok(None),
        Err(why) => {
            cx.out.remark(why);
            return Ok(None);
        }
    };
    let now = Clock::system(Instant::default(), false).wall();
    if kept.at > now {
        return Ok(None);
    }
    let age = now.since(kept.at);
    if cx.out.json {
        let board =
            serde_json::to_value(&kept.board).map_err(|e| Trouble::fault(format!("no JSON: {e}"), "report it"))?;
        let mut value = serde_json::json!({ "cached": true, "age_seconds": age.seconds() });
        if let (Some(value), Some(board)) = (value.as_object_mut(), board.as_object()) {
            value.extend(board.clone());
        }
        cx.out.json_value(&value)?;
        return Ok(Some(Exit::Cached));
    }
    // The rows count down as if the host had gone on; what happened there since is not known.
    let eye = Eye { now: kept.board.server_now.plus(age), zone: times::zone(settings.zone), width: cx.out.width };
    let mut page =
        Page::of(format!("the store cannot be reached: this is what was seen {} ago", eye.age(kept.board.server_now)));
    page.append(board::page(&kept.board, &Mine::new(&kept.me), &eye));
    cx.out.page(&page)?;
    Ok(Some(Exit::Cached))
}

/// Requests that I asked for, or whose access I hold
#[derive(Debug, Clone, Default, Args)]
pub struct MineArgs {}

impl MineArgs {
    /// Lists them.
    pub async fn run(self, cx: &Context) -> Outcome {
        let link = cx.link().await?;
        let me = link.get::<MeView>("/v1/me").await?.view.person.id;
        let query = [("person", Some(me)), ("limit", Some(PAGE.to_string()))];
        let got: Got<ListView> = link.get(&with_query("/v1/requests", &query)).await?;
        link.print(&got, |view, eye| board::rows(&view.requests, eye, "you asked for nothing yet"))?;
        Ok(Exit::Done)
    }
}

/// The time left on my grants
#[derive(Debug, Clone, Default, Args)]
pub struct Left {}

impl Left {
    /// Prints a line a grant.
    pub async fn run(self, cx: &Context) -> Outcome {
        let link = cx.link().await?;
        let me = link.get::<MeView>("/v1/me").await?.view.person.id;
        let query = [("person", Some(me.clone())), ("status", Some("active".into())), ("limit", Some("200".into()))];
        let got: Got<ListView> = link.get(&with_query("/v1/requests", &query)).await?;
        link.print(&got, |view, eye| left(&view.requests, &me, eye))?;
        if link.out.is_terminal() && !got.view.requests.iter().any(|view| view.user.id == me) {
            link.out.remark("you hold no access now");
        }
        Ok(Exit::Done)
    }
}

fn left(requests: &[RequestView], me: &str, eye: &Eye) -> Page {
    let mut page = Page::new();
    for view in requests.iter().filter(|view| view.status == Status::Active && view.user.id == me) {
        let Some(until) = view.window.until else { continue };
        let (id, left, ends) = (names::number(view.id), eye.left(until), eye.short(until));
        page.line(format!("{id} {} {} {left} left, ends {ends}", view.system, view.role));
    }
    page
}

/// Systems and roles: what each allows, and who can say yes now
#[derive(Debug, Clone, Default, Args)]
pub struct Systems {
    /// Only this one, in full
    pub system: Option<String>,
}

impl Systems {
    /// Prints them.
    pub async fn run(self, cx: &Context) -> Outcome {
        let link = cx.link().await?;
        let got: Got<SystemsView> = link.get("/v1/systems").await?;
        let Some(wanted) = self.system else {
            link.print(&got, systems)?;
            return Ok(Exit::Done);
        };
        let Some(view) = got.view.systems.iter().find(|system| system.id == wanted) else {
            return Err(Trouble::new(
                Exit::NotFound,
                format!("there is no system {wanted:?} that you may see"),
                "nightlatch systems lists them",
            ));
        };
        if link.out.json {
            link.out.json_value(view)?;
        } else {
            link.out.page(&system(view, &link.eye(got.now)))?;
        }
        Ok(Exit::Done)
    }
}

fn systems(view: &SystemsView, eye: &Eye) -> Page {
    let rows: Vec<Vec<String>> = view
        .systems
        .iter()
        .map(|system| {
            let roles: Vec<&str> = system.roles.iter().map(|role| role.id.as_str()).collect();
            let yes: Vec<&str> = system.who_can_say_yes.iter().map(|(who, _)| who.id.as_str()).collect();
            let yes = if yes.is_empty() { "nobody".to_owned() } else { yes.join(", ") };
            let mark = match (system.frozen, system.may_ask) {
                (true, _) => "frozen",
                (false, false) => "not for you",
                (false, true) => "",
            };
            vec![system.id.clone(), system.environment.clone(), roles.join(", "), yes, mark.into(), system.name.clone()]
        })
        .collect();
    let mut page = Page::new();
    page.table(&["SYSTEM", "ENVIRONMENT", "ROLES", "YES FROM", "", "NAME"], &rows, eye.width);
    page
}

fn system(view: &SystemView, eye: &Eye) -> Page {
    let mut page = Page::of(format!("{} ({}): {}", view.id, view.environment, view.name));
    page.field("owner", &names::person(&view.owner), eye.width);
    for who in &view.on_duty {
        page.field("yes from", &duty::duty(who, eye), eye.width);
    }
    if view.on_duty.is_empty() {
        page.field("yes from", "nobody now", eye.width);
    }
    if let Some(next) = &view.next {
        page.field("next", &duty::next(next, eye), eye.width);
    }
    if view.sensitive {
        page.field("sensitive", "approver, requester and user differ, without exception", eye.width);
    }
    if view.frozen {
        page.field("frozen", "nothing is approved or granted, removals go on", eye.width);
    }
    if !view.may_ask {
        page.field("not for you", "you are not among those who may ask for it", eye.width);
    }
    let ticket = view.ticket.as_ref().map_or_else(|| "optional".into(), |shape| format!("required, {shape}"));
    page.field("ticket", &ticket, eye.width);
    for role in &view.roles {
        let longest = crate::text::Length::from_seconds(role.longest_seconds);
        let contains = role.contains.join(", ");
        let contains = if contains.is_empty() { contains } else { format!("; contains {contains}") };
        let text = format!("{}: {} (at most {longest}; by {}{contains})", role.id, role.allows, role.provisioner);
        page.field("role", &text, eye.width);
    }
    page
}

/// Who I am here
#[derive(Debug, Clone, Default, Args)]
pub struct Whoami {}

impl Whoami {
    /// Prints it.
    pub async fn run(self, cx: &Context) -> Outcome {
        let link = cx.link().await?;
        let got: Got<MeView> = link.get("/v1/me").await?;
        link.print(&got, |me, eye| {
            let mut page = Page::of(format!("{}, by {}", names::person(&me.person), me.via.word()));
            page.field("zone", &me.zone, eye.width);
            if !me.duties.is_empty() {
                page.field("duties", &me.duties.join(", "), eye.width);
            }
            let duty = if me.on_duty_for.is_empty() { "nothing now".into() } else { me.on_duty_for.join(", ") };
            page.field("on duty for", &duty, eye.width);
            page.field("store", &me.store, eye.width);
            page
        })?;
        Ok(Exit::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn what_is_left_is_a_line_a_grant() {
        let (mut view, eye) = samples::overdue();
        assert!(left(std::slice::from_ref(&view), "ana", &eye).is_empty());
        view.status = Status::Active;
        view.window.until = Some(samples::at("2026-11-21T23:47:21Z"));
        let page = left(std::slice::from_ref(&view), "ana", &eye);
        assert_eq!(page.to_string(), "NL-142 payments restart 17m left, ends 00:47 CET (23:47Z)\n");
        assert!(left(&[view], "bo", &eye).is_empty());
    }

    #[test]
    fn an_overdue_removal_says_all_that_helps() {
        let (view, eye) = samples::overdue();
        let page = sheet::whole(&view, &eye).to_string();
        for part in [
            "NL-142: ending, OVERDUE REMOVAL",
            "OVERDUE      since 2026-11-22 00:20 CET (2026-11-21 23:20Z), for 9m",
            "present at 2026-11-22 00:29 CET",
            "attempts     7",
            "last error   permission denied",
            "next try     2026-11-22 00:30 CET",
            "by hand      rm sandbox/nl-7f3a-142-ana.json",
            "approved by Sam Lee (sam), Head as owner at",
        ] {
            assert!(page.contains(part), "{part} is not in\n{page}");
        }
    }

    #[test]
    fn a26_a27_hostile_text_in_every_field_is_shown_and_harmless() {
        let (view, eye) = samples::hostile("x\u{1b}[2J\u{9b}31m\u{202e}evorppa\u{200b}\r\ny\u{7}");
        let narrow = Eye { width: Some(40), ..eye };
        for page in [
            sheet::whole(&view, &eye),
            sheet::whole(&view, &narrow),
            sheet::stands(&view, &eye),
            board::rows(std::slice::from_ref(&view), &eye, ""),
        ] {
            for line in page.lines() {
                assert!(!line.chars().any(char::is_control), "{line:?}");
                assert!(!line.contains(['\u{202e}', '\u{200b}']), "{line:?}");
            }
        }
    }
}

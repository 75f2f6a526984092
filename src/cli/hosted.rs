//! What this room does not do itself: `serve`, `doctor`, `admin`, `demo`, the dashboard. Here is only how they are said; the rooms that do
//! them are this room's neighbours, so the program hands them in.

use super::exit::Exit;
use crate::access::RequestNumber;
use crate::client::Door;
use crate::config;
use crate::text::{Instant, Length};
use chrono_tz::Tz;
use clap::{Args, Subcommand};
use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;

/// What a neighbour does until it ends.
pub type Ending = Pin<Box<dyn Future<Output = Exit>>>;

/// The neighbours, as functions.
#[derive(Clone, Copy)]
pub struct Rooms {
    /// Serves a store.
    pub serve: fn(Serve) -> Ending,
    /// Works on a store beside its server.
    pub admin: fn(Admin) -> Ending,
    /// Looks for what is wrong.
    pub doctor: fn(Doctor) -> Ending,
    /// Plays a night on a throw-away store.
    pub demo: fn(Demo) -> Ending,
    /// Opens the dashboard.
    pub dashboard: fn(Dashboard) -> Ending,
    /// The kinds of provisioner that there are.
    pub kinds: &'static [&'static str],
}

impl fmt::Debug for Rooms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rooms({:?})", self.kinds)
    }
}

/// Be the store's host
#[derive(Debug, Clone, Default, Args)]
pub struct ServeArgs {
    /// Where to listen: 127.0.0.1:PORT or unix:PATH; port 0 picks one
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// Started by a dashboard for this account: stops by itself when nothing is left to look after
    #[arg(long, hide = true)]
    pub embedded: bool,
    /// How long nothing is left to look after before an embedded server stops
    #[arg(long, hide = true, value_name = "LENGTH")]
    pub idle: Option<Length>,
}

/// What `serve` was told.
#[derive(Debug, Clone, Default)]
pub struct Serve {
    /// `server.toml`.
    pub config: Option<PathBuf>,
    /// How it was said.
    pub args: ServeArgs,
}

/// Live a night on call on a throw-away store: a real server, real targets, several people, and you at the dashboard
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct DemoArgs {
    /// Tell the night as text, also on a terminal
    #[arg(long)]
    pub tell: bool,
    /// Hardly any pauses
    #[arg(long, hide = true)]
    pub fast: bool,
}

/// What `demo` was told.
#[derive(Debug, Clone, Copy, Default)]
pub struct Demo {
    /// JSON instead of lines.
    pub json: bool,
    /// How it was said.
    pub args: DemoArgs,
}

/// What the dashboard was told.
#[derive(Debug, Clone)]
pub struct Dashboard {
    /// The way to the host.
    pub door: Door,
    /// How somebody likes it.
    pub likes: config::client::Dashboard,
    /// How somebody wants to be told.
    pub notify: config::client::Notify,
    /// The zone in which times are shown.
    pub zone: Tz,
    /// Open on this request.
    pub open: Option<RequestNumber>,
    /// Nothing acts.
    pub read_only: bool,
    /// Nothing but ASCII of our own.
    pub ascii: bool,
    /// Lines of the configuration that were left out, and why.
    pub left_out: Vec<String>,
}

/// Test this machine and store, with a cure for each fault
#[derive(Debug, Clone, Default, Args)]
pub struct DoctorArgs {
    /// Only this: notify
    #[arg(value_parser = ["notify"])]
    pub what: Option<String>,
}

/// What `doctor` was told.
#[derive(Debug, Clone, Default)]
pub struct Doctor {
    /// The configuration named on the command line.
    pub config: Option<PathBuf>,
    /// The store named on the command line or in the environment.
    pub store: Option<String>,
    /// JSON instead of pages.
    pub json: bool,
    /// How it was said.
    pub args: DoctorArgs,
}

/// What `admin` was told.
#[derive(Debug, Clone)]
pub struct Admin {
    /// `server.toml`.
    pub config: Option<PathBuf>,
    /// JSON instead of pages.
    pub json: bool,
    /// What to do.
    pub verb: AdminVerb,
}

/// Work on the store named in server.toml, also while it is served
#[derive(Debug, Clone, Subcommand)]
pub enum AdminVerb {
    /// Print a one-time code (10 minutes, one use) for `nightlatch login`
    Invite {
        /// Whom
        person: String,
    },
    /// Make, list and end tokens
    #[command(subcommand)]
    Token(TokenVerb),
    /// Copy the store into a file, also while it is served
    Backup {
        /// Where to
        file: PathBuf,
    },
    /// Make the store from a backup
    Restore {
        /// Where from
        file: PathBuf,
        /// Over a store that is there
        #[arg(long)]
        replace: bool,
    },
    /// Copy the whole store to another address, with the same events
    MigrateStore {
        /// Where to: sqlite:PATH or postgres://…
        url: String,
    },
    /// Erase free texts; what they were stays provable by hash
    #[command(group = clap::ArgGroup::new("what").required(true).multiple(true).args(["id", "person", "text"]))]
    Erase {
        /// All texts of this request
        id: Option<RequestNumber>,
        /// All texts that this person wrote
        #[arg(long)]
        person: Option<String>,
        /// This text, by its number
        #[arg(long, value_name = "NUMBER")]
        text: Vec<i64>,
        /// Why
        #[arg(long)]
        words: String,
    },
    /// The machine's clock
    #[command(subcommand)]
    Clock(ClockVerb),
    /// A store that is behind its own checkpoint
    #[command(subcommand)]
    Loss(LossVerb),
    /// What the server sends by itself
    #[command(subcommand)]
    Webhook(WebhookVerb),
}

/// What the server sends by itself
#[derive(Debug, Clone, Subcommand)]
pub enum WebhookVerb {
    /// List what could not be delivered: what is still tried, and what was given up
    List,
    /// Send again what could not be delivered
    Resend {
        /// Only this webhook's
        name: Option<String>,
        /// Only this event, by its number
        seq: Option<i64>,
    },
    /// Send a trial, and say what came back
    Test {
        /// Which webhook of server.toml
        name: String,
    },
}

/// A store that is behind its own checkpoint
#[derive(Debug, Clone, Subcommand)]
pub enum LossVerb {
    /// Go on without the events that are gone, such as after restoring an old backup
    Accept {
        /// Why
        #[arg(long)]
        words: String,
    },
}

/// Make, list and end tokens
#[derive(Debug, Clone, Subcommand)]
pub enum TokenVerb {
    /// Make a token, and print only it
    Create {
        /// Whose
        person: String,
        /// What it is called
        #[arg(long, default_value = "token")]
        name: String,
        /// When it ends: 30d, or with an offset
        #[arg(long, value_name = "LENGTH|TIME", value_parser = expiry)]
        expires: Option<Expiry>,
    },
    /// List tokens, never what they are
    List {
        /// Only this person's
        person: Option<String>,
    },
    /// End a token
    Revoke {
        /// Its number, as listed
        token: i64,
    },
}

/// The machine's clock
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum ClockVerb {
    /// Say that the wall clock is right after a jump
    Accept,
}

/// When a token ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// This long from now.
    After(Length),
    /// Then.
    At(Instant),
}

fn expiry(text: &str) -> Result<Expiry, String> {
    match Instant::parse_rfc3339(text) {
        Some(at) => Ok(Expiry::At(at)),
        None => text.parse().map(Expiry::After).map_err(|bad: crate::text::length::BadLength| bad.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_ends_after_a_length_or_at_an_instant() {
        assert_eq!(expiry("30d"), Ok(Expiry::After(Length::from_hours(720))));
        assert!(matches!(expiry("2026-12-24T00:00:00Z"), Ok(Expiry::At(_))));
        assert!(expiry("soon").is_err());
    }
}

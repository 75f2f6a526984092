//! The command line: one file a group of verbs, each with its parse, its act and its printing.
//!
//! Sees requests only through `client`, decides nothing, and prints through `output` alone. The neighbours that serve, look
//! after or examine a store are handed in by the program.

mod audit;
mod bar;
mod board;
mod checks;
mod complete;
mod configure;
mod connect;
mod credential_files;
mod duty;
mod ending;
mod exit;
mod export_lines;
mod extend;
mod eye;
mod filing;
mod hosted;
mod link;
mod login;
mod names;
mod notify;
pub mod output;
pub mod page;
mod parts;
mod plain;
mod policy;
mod reading;
#[cfg(test)]
mod samples;
mod settings;
mod sheet;
mod timeline;
mod times;
mod told;
mod verdict;
mod waiting;
mod watch;
mod write;

pub use exit::{Exit, Trouble};
pub use hosted::{
    Admin, AdminVerb, ClockVerb, Dashboard, Demo, DemoArgs, Doctor, DoctorArgs, Ending, Expiry, LossVerb, Rooms, Serve,
    ServeArgs, TokenVerb, WebhookVerb,
};

use crate::access::RequestNumber;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};
use link::Context;
use output::Output;
use page::Page;
use std::ffi::OsString;
use std::path::PathBuf;

/// How a verb ends.
type Outcome = Result<Exit, Trouble>;

/// Production access that is asked for, decided, given, watched and taken away again
#[derive(Debug, Parser)]
#[command(name = "nightlatch", version, subcommand_precedence_over_arg = true, max_term_width = 100)]
struct Line {
    /// A request, 142 or NL-142
    #[arg(value_parser = number_or_command)]
    id: Option<RequestNumber>,
    /// For wall screens: the dashboard, and nothing in it acts
    #[arg(long)]
    read_only: bool,
    /// The dashboard in nothing but ASCII, as where the locale has no UTF-8
    #[arg(long)]
    ascii: bool,
    /// The dashboard in plain lines, for screen readers and simple terminals: nothing is ever rewritten
    #[arg(long)]
    plain: bool,
    /// JSON instead of text
    #[arg(long, global = true, help_heading = "Everywhere")]
    json: bool,
    /// The store's host: unix:PATH or https://HOST
    #[arg(
        long,
        global = true,
        env = "NIGHTLATCH_STORE",
        hide_env_values = true,
        value_name = "URL",
        help_heading = "Everywhere"
    )]
    store: Option<String>,
    /// config.toml; for serve, doctor and admin server.toml
    #[arg(long, global = true, value_name = "FILE", help_heading = "Everywhere")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    verb: Option<Verb>,
}

fn number_or_command(text: &str) -> Result<RequestNumber, String> {
    text.parse().map_err(|bad: crate::access::id::BadNumber| {
        format!("{bad}, and it is no command: nightlatch --help lists them")
    })
}

#[derive(Debug, Subcommand)]
enum Verb {
    Request(filing::Request),
    Amend(filing::Amend),
    Withdraw(filing::Withdraw),
    Approve(verdict::Approve),
    Deny(verdict::Deny),
    SendBack(verdict::SendBack),
    Claim(extend::Claim),
    Ack(extend::Ack),
    Extend(extend::Extend),
    Connect(connect::Connect),
    HandBack(ending::HandBack),
    Note(extend::Note),
    Revoke(ending::Revoke),
    /// Approve and grant nothing on a system, or at all; removals go on
    Freeze(ending::FreezeArgs),
    /// End a freeze
    Thaw(ending::FreezeArgs),
    Undo(extend::Undo),
    Retry(ending::Retry),
    HandOver(ending::HandOver),
    #[command(subcommand)]
    Removal(ending::Removal),
    List(reading::List),
    Show(reading::Show),
    Board(reading::Board),
    Mine(reading::MineArgs),
    Left(reading::Left),
    Bar(bar::Bar),
    Systems(reading::Systems),
    #[command(subcommand)]
    Audit(audit::Audit),
    #[command(subcommand)]
    Policy(policy::Policy),
    #[command(subcommand)]
    Config(configure::Config),
    Login(login::Login),
    Logout(login::Logout),
    Whoami(reading::Whoami),
    Notify(notify::Notify),
    Serve(hosted::ServeArgs),
    Demo(hosted::DemoArgs),
    Doctor(hosted::DoctorArgs),
    #[command(subcommand)]
    Admin(hosted::AdminVerb),
    #[command(subcommand, hide = true)]
    Checks(checks::Checks),
    Completions(complete::Completions),
    Man(complete::Man),
}

impl Verb {
    /// What is said where nothing was, and no dashboard can be shown.
    const BOARD: Self = Self::Board(reading::Board { once: true, at: None, watch_json: false });
}

/// Runs one command line, and says how it ended.
pub async fn run(line: impl IntoIterator<Item = OsString>, rooms: Rooms) -> Exit {
    let line: Vec<OsString> = line.into_iter().collect();
    let line = match Line::try_parse_from(&line) {
        Ok(line) => line,
        Err(error) => return unparsed(&error, &line),
    };
    let out = Output::new(line.json);
    let cx = Context { out, store: line.store, config: line.config, kinds: rooms.kinds };
    let flags = [("--read-only", line.read_only), ("--ascii", line.ascii), ("--plain", line.plain)];
    let flag = flags.iter().find(|(_, said)| *said).map(|(flag, _)| (*flag).to_owned());
    let before = line.id.map(|id| id.to_string()).or(flag);
    let ended = match (line.verb, before) {
        (Some(_), Some(word)) => Err(Trouble::usage(
            format!("{word} stands before a command"),
            "say the command first, then what it is about",
        )),
        (Some(verb), None) => dispatch(verb, &cx, rooms).await,
        (None, _) if line.plain => plain::run(line.id, line.read_only, &cx, rooms).await,
        (None, _) if out.has_screen() => dashboard(line.id, line.read_only, line.ascii, &cx, rooms).await,
        (None, _) => dispatch(line.id.map_or(Verb::BOARD, |id| Verb::Show(reading::Show { id })), &cx, rooms).await,
    };
    ended.unwrap_or_else(|trouble| {
        out.trouble(&trouble);
        trouble.exit
    })
}

/// Opens the dashboard, on a request if one is named.
async fn dashboard(open: Option<RequestNumber>, read_only: bool, ascii: bool, cx: &Context, rooms: Rooms) -> Outcome {
    let settings = cx.settings()?;
    let (door, zone) = (link::door(&settings)?, times::zone(settings.zone));
    let (likes, notify, left_out) = (settings.dashboard, settings.notify, settings.left_out);
    Ok((rooms.dashboard)(Dashboard { door, likes, notify, zone, open, read_only, ascii, left_out }).await)
}

async fn dispatch(verb: Verb, cx: &Context, rooms: Rooms) -> Outcome {
    match verb {
        Verb::Request(verb) => verb.run(cx).await,
        Verb::Amend(verb) => verb.run(cx).await,
        Verb::Withdraw(verb) => verb.run(cx).await,
        Verb::Approve(verb) => verb.run(cx).await,
        Verb::Deny(verb) => verb.run(cx).await,
        Verb::SendBack(verb) => verb.run(cx).await,
        Verb::Claim(verb) => verb.run(cx).await,
        Verb::Ack(verb) => verb.run(cx).await,
        Verb::Extend(verb) => verb.run(cx).await,
        Verb::Connect(verb) => verb.run(cx).await,
        Verb::HandBack(verb) => verb.run(cx).await,
        Verb::Note(verb) => verb.run(cx).await,
        Verb::Revoke(verb) => verb.run(cx).await,
        Verb::Freeze(verb) => verb.run(cx, false).await,
        Verb::Thaw(verb) => verb.run(cx, true).await,
        Verb::Undo(verb) => verb.run(cx).await,
        Verb::Retry(verb) => verb.run(cx).await,
        Verb::HandOver(verb) => verb.run(cx).await,
        Verb::Removal(verb) => verb.run(cx).await,
        Verb::List(verb) => verb.run(cx).await,
        Verb::Show(verb) => verb.run(cx).await,
        Verb::Board(verb) => verb.run(cx).await,
        Verb::Mine(verb) => verb.run(cx).await,
        Verb::Left(verb) => verb.run(cx).await,
        Verb::Bar(verb) => verb.run(cx),
        Verb::Systems(verb) => verb.run(cx).await,
        Verb::Audit(verb) => verb.run(cx).await,
        Verb::Policy(verb) => verb.run(cx).await,
        Verb::Config(verb) => verb.run(cx),
        Verb::Login(verb) => verb.run(cx).await,
        Verb::Logout(verb) => verb.run(cx).await,
        Verb::Whoami(verb) => verb.run(cx).await,
        Verb::Notify(verb) => verb.run(cx).await,
        Verb::Checks(verb) => verb.run(cx),
        Verb::Completions(verb) => verb.run(cx),
        Verb::Man(verb) => verb.run(cx),
        Verb::Serve(args) => Ok((rooms.serve)(Serve { config: cx.config.clone(), args }).await),
        Verb::Demo(args) => Ok((rooms.demo)(Demo { json: cx.out.json, args }).await),
        Verb::Doctor(args) => {
            let doctor = Doctor { config: cx.config.clone(), store: cx.store.clone(), json: cx.out.json, args };
            Ok((rooms.doctor)(doctor).await)
        }
        Verb::Admin(verb) => Ok((rooms.admin)(Admin { config: cx.config.clone(), json: cx.out.json, verb }).await),
    }
}

/// Help and version are answers; anything else is a command that nobody could follow.
fn unparsed(error: &clap::Error, line: &[OsString]) -> Exit {
    let json = line.iter().any(|word| word == "--json");
    let out = Output::new(json);
    let text = error.render().to_string();
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return match out.exact_text(&text) {
            Ok(()) => Exit::Done,
            Err(trouble) => trouble.exit,
        };
    }
    if let Some(word) = no_command(line).filter(|_| error.kind() == ErrorKind::UnknownArgument) {
        out.trouble(&Trouble::usage(format!("{word} is no command"), "nightlatch --help lists them"));
        return Exit::Usage;
    }
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    if json {
        let (sentence, hint) = text.split_once('\n').unwrap_or((text, ""));
        out.trouble(&Trouble::usage(sentence.trim(), hint.split_whitespace().collect::<Vec<_>>().join(" ")));
    } else {
        let mut page = Page::new();
        page.block("", &format!("nightlatch: {}", text.trim_end()));
        out.aside(&page);
    }
    Exit::Usage
}

/// The first word, if it is neither a command nor a request: what follows it is not to blame.
fn no_command(line: &[OsString]) -> Option<String> {
    let first = line.get(1)?.to_str()?;
    let plain = !first.starts_with('-') && first.parse::<RequestNumber>().is_err();
    let known = Line::command().find_subcommand(first).is_some();
    (plain && !known).then(|| crate::text::Clean::line(first).cut(40).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Line, String> {
        let words = std::iter::once("nightlatch").chain(line.split_whitespace());
        Line::try_parse_from(words).map_err(|e| e.render().to_string())
    }

    #[test]
    fn the_commands_are_sound() {
        Line::command().debug_assert();
    }

    #[test]
    fn the_promised_forms_are_understood() {
        for line in [
            "",
            "142",
            "NL-142 --json",
            "--json list",
            "--store unix:/run/x --config c.toml board --once",
            "request payments restart --task x --for 45m --ticket INC-88 --wait",
            "request payments restart --task x --until 00:30 --from 23:00 --kind day --user bo --approver sam --anyway",
            "request --json",
            "amend 142 --task x --until 02:00",
            "withdraw NL-142",
            "approve 142 --until 00:30 --from 23:00 --role read --words ok --seen 57",
            "approve 142 --for 30m",
            "deny 142 --words no",
            "send-back 142 --words w --code vague-task,no-end --code other",
            "claim 142",
            "ack 142",
            "extend 142 --for 30m --done a --remaining b",
            "connect 142 --public-key k -- psql -c select",
            "connect 142 --print",
            "hand-back 142 --changed a --checked b --follow-up c",
            "note 142 looks better now",
            "revoke 142 NL-143 --words w",
            "revoke --person bo --words w --count 3",
            "revoke --ticket INC-88 --words w",
            "freeze payments --words w",
            "freeze --all --words w",
            "thaw --all --words w",
            "undo 142",
            "retry 142",
            "hand-over 142 li",
            "removal confirm 142 --words w",
            "list --status pending,active --system s --person p --ticket t --search x --from 2026-11-22 --to 2026-11-23",
            "show 142 --json",
            "board --once --json",
            "board --at 2026-11-22T00:00:00Z",
            "mine",
            "left",
            "bar --format waybar",
            "--plain 142",
            "--ascii",
            "board --watch-json",
            "man approve",
            "systems payments",
            "whoami --store unix:/run/x",
            "audit export --after 12",
            "audit verify - --against note --key k",
            "audit verify x.jsonl",
            "audit head",
            "audit key",
            "policy check policy.toml",
            "policy show",
            "policy apply policy.toml --words w --yes",
            "config init",
            "config check",
            "config schema",
            "login https://nl.example --code nli_x",
            "logout",
            "serve --config server.toml --listen 127.0.0.1:0",
            "serve --embedded",
            "notify",
            "doctor notify",
            "admin invite ana",
            "admin token create ana --name ci --expires 30d",
            "admin token list",
            "admin token revoke 3",
            "admin backup f",
            "admin restore f",
            "admin migrate-store postgres://x/y",
            "admin erase 142 --words w",
            "admin clock accept --config server.toml",
            "checks score requests.jsonl --json",
            "completions bash",
            "man",
        ] {
            assert!(parsed(line).is_ok(), "{line}: {:?}", parsed(line).err());
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_the_cure() {
        for (line, says) in [
            ("aprove", "no command"),
            ("show NL-", "is not the number of a request"),
            ("show -1", "unexpected argument"),
            ("request a b --for 45m --until 00:30", "cannot be used with"),
            ("request a b --for 45", "has no unit"),
            ("request a b --kind week", "emergency, planned and day"),
            ("send-back 1 --code x", "vague-task"),
            ("revoke --words w", "required"),
            ("revoke 142 --person bo", "cannot be used with"),
            ("freeze --words w", "required"),
            ("freeze payments --all", "cannot be used with"),
            ("connect 142 --print -- psql", "cannot be used with"),
            ("request a b --check --wait", "cannot be used with"),
            ("list --limit 500", "1..=200"),
        ] {
            let error = parsed(line).err().unwrap_or_else(|| panic!("{line} was understood"));
            assert!(error.contains(says), "{line}: {error}");
        }
    }

    #[test]
    fn every_verb_says_what_it_does() {
        for verb in Line::command().get_subcommands() {
            assert!(verb.get_about().is_some(), "{}", verb.get_name());
            for argument in verb.get_arguments() {
                assert!(argument.get_help().is_some(), "{} {}", verb.get_name(), argument.get_id());
            }
        }
    }
}

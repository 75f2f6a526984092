//! The rooms that work on a store itself, as the command line asks for them: runs them and says what came of it.

use nightlatch::admin::{self, AdminFault, Desk, Whose};
use nightlatch::cli::output::Output;
use nightlatch::cli::page::Page;
use nightlatch::cli::{
    Admin, AdminVerb, ClockVerb, Dashboard, Demo, Doctor, Ending, Exit, Expiry, LossVerb, Rooms, Serve, TokenVerb,
    Trouble, WebhookVerb,
};
use nightlatch::client::Door;
use nightlatch::client::embedded::Seat;
use nightlatch::config::{Client, Paths};
use nightlatch::dashboard::{self, Ended, Options};
use nightlatch::demo::{self, How};
use nightlatch::doctor::{self, Finding};
use nightlatch::notifier;
use nightlatch::server::host::{self, HostFault};
use nightlatch::store::Undelivered;
use nightlatch::text::{Instant, Length};
use serde_json::json;
use std::path::PathBuf;

/// Handed to the command line.
pub const ROOMS: Rooms = Rooms {
    serve: serve_room,
    admin: admin_room,
    doctor: doctor_room,
    demo: demo_room,
    dashboard: dashboard_room,
    kinds: nightlatch::provision::table::KINDS,
};

type Said = Result<Exit, Trouble>;

fn finish(out: Output, said: Said) -> Exit {
    said.unwrap_or_else(|trouble| {
        out.trouble(&trouble);
        trouble.exit
    })
}

fn serve_room(serve: Serve) -> Ending {
    Box::pin(async move { finish(Output::new(false), serve_store(serve).await) })
}

async fn serve_store(serve: Serve) -> Said {
    let out = Output::new(false);
    let level = tracing_subscriber::EnvFilter::try_from_env("NIGHTLATCH_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("nightlatch=info,warn"));
    let log = tracing_subscriber::fmt().with_env_filter(level).with_writer(std::io::stderr);
    if serve.args.embedded {
        log.with_ansi(false).init();
    } else {
        log.json().init();
    }
    let args = host::Serve {
        config: serve.config,
        listen: serve.args.listen,
        embedded: serve.args.embedded,
        idle: serve.args.idle,
    };
    let ready = |address: &str| {
        // Whoever started us may have gone; the server stays.
        drop(out.page(&Page::of(format!("listening on {address}"))));
    };
    let said = host::serve(args, |line| out.remark(line), ready).await;
    said.map(|()| Exit::Done).map_err(|fault| match fault {
        HostFault::Usage(sentence) => Trouble::new(Exit::Usage, sentence, "nightlatch config check names each fault"),
        HostFault::Away(sentence) => Trouble::new(Exit::Away, sentence, "nightlatch doctor looks at everything"),
        HostFault::Broken(sentence) => Trouble::new(Exit::Fault, sentence, "nightlatch doctor looks at everything"),
    })
}

/// `server.toml`: named, else the one in the configuration folder.
fn server_file(named: Option<PathBuf>) -> Result<PathBuf, Trouble> {
    match named {
        Some(file) => Ok(file),
        None => Paths::find()
            .map(|paths| paths.server_file())
            .map_err(|fault| Trouble::new(Exit::Usage, fault.to_string(), "name the file with --config")),
    }
}

fn trouble(fault: AdminFault) -> Trouble {
    let (exit, sentence) = match fault {
        AdminFault::Usage(sentence) => (Exit::Usage, sentence),
        AdminFault::Refused(sentence) => (Exit::Refused, sentence),
        AdminFault::Away(sentence) => (Exit::Away, sentence),
        AdminFault::Unverified(sentence) => (Exit::Broken, sentence),
        AdminFault::Broken(sentence) => (Exit::Fault, sentence),
    };
    Trouble::new(exit, sentence, "nightlatch doctor looks at everything")
}

fn admin_room(admin: Admin) -> Ending {
    Box::pin(async move { finish(Output::new(admin.json), admin_verb(admin).await) })
}

async fn admin_verb(asked: Admin) -> Said {
    let out = Output::new(asked.json);
    let file = server_file(asked.config)?;
    let say = |line: String, value: serde_json::Value| {
        if asked.json { out.json_value(&value) } else { out.page(&Page::of(line)) }
    };
    let copied = |what: &str, count: u64| say(format!("{count} rows {what}"), json!({ "rows": count }));
    match asked.verb {
        AdminVerb::Backup { file: to } => copied("written", admin::backup(&file, &to).await.map_err(trouble)?)?,
        AdminVerb::Restore { file: from, replace } => {
            let count = admin::restore(&file, &from, replace).await.map_err(trouble)?;
            copied("restored, and the trail verifies", count)?;
        }
        AdminVerb::MigrateStore { url } => {
            let count = admin::migrate(&file, &url).await.map_err(trouble)?;
            copied("copied: name the new store in server.toml", count)?;
        }
        verb => {
            let desk = Desk::open(&file).await.map_err(trouble)?;
            let done = at_desk(&desk, verb, &say, out).await;
            desk.close().await;
            done?;
        }
    }
    Ok(Exit::Done)
}

async fn at_desk(
    desk: &Desk,
    verb: AdminVerb,
    say: &impl Fn(String, serde_json::Value) -> Result<(), Trouble>,
    out: Output,
) -> Result<(), Trouble> {
    match verb {
        AdminVerb::Invite { person } => {
            let (code, until) = admin::invite(desk, &person).await.map_err(trouble)?;
            out.remark(format!("for nightlatch login --code …, once, until {until}:"));
            say(code.reveal().to_owned(), json!({ "code": code.reveal(), "until": until }))
        }
        AdminVerb::Token(TokenVerb::Create { person, name, expires }) => {
            let holds = expires.map(|expires| holds(desk, expires)).transpose()?;
            let token = admin::create(desk, &person, &name, holds).await.map_err(trouble)?;
            say(token.reveal().to_owned(), json!({ "token": token.reveal() }))
        }
        AdminVerb::Token(TokenVerb::List { person }) => {
            let mut tokens = admin::list(desk).await.map_err(trouble)?;
            tokens.retain(|token| person.as_deref().is_none_or(|person| token.person.as_str() == person));
            if out.json {
                return out.json_value(&tokens.iter().map(token_json).collect::<Vec<_>>());
            }
            let rows: Vec<Vec<String>> = tokens.iter().map(token_row).collect();
            let mut page = Page::new();
            page.table(&["TOKEN", "PERSON", "KIND", "NAME", "EXPIRES", "LAST USE", "STATE"], &rows, None);
            out.page(&page)
        }
        AdminVerb::Token(TokenVerb::Revoke { token }) => {
            admin::revoke(desk, token).await.map_err(trouble)?;
            say(format!("token {token} is revoked"), json!({ "revoked": token }))
        }
        AdminVerb::Erase { id, person, text, words } => {
            let whose = Whose { request: id, person, texts: text };
            let count = admin::erase(desk, &whose, &words).await.map_err(trouble)?;
            say(format!("{count} texts are erased; their hashes stay in the trail"), json!({ "erased": count }))
        }
        AdminVerb::Clock(ClockVerb::Accept) => {
            desk.accept_clock().await.map_err(trouble)?;
            say("the wall clock is accepted".into(), json!({ "accepted": "clock" }))
        }
        AdminVerb::Loss(LossVerb::Accept { words }) => {
            desk.accept_loss(&words).await.map_err(trouble)?;
            say("the loss is accepted".into(), json!({ "accepted": "loss" }))
        }
        AdminVerb::Webhook(verb) => webhook(desk, verb, say, out).await,
        AdminVerb::Backup { .. } | AdminVerb::Restore { .. } | AdminVerb::MigrateStore { .. } => Ok(()),
    }
}

async fn webhook(
    desk: &Desk,
    verb: WebhookVerb,
    say: &impl Fn(String, serde_json::Value) -> Result<(), Trouble>,
    out: Output,
) -> Result<(), Trouble> {
    match verb {
        WebhookVerb::List => {
            let waiting = admin::undelivered(desk).await.map_err(trouble)?;
            if out.json {
                return out.json_value(&waiting.iter().map(undelivered_json).collect::<Vec<_>>());
            }
            let row = |one: &Undelivered| {
                let next = one.dead_at.map_or_else(|| one.next_at.to_string(), |at| format!("given up {at}"));
                let (event, request) =
                    (one.seq.to_string(), one.about().map_or("-".into(), |number| format!("NL-{number}")));
                vec![hook_name(one).into(), event, request, one.since.to_string(), next, one.sentence.clone()]
            };
            let rows: Vec<Vec<String>> = waiting.iter().map(row).collect();
            let mut page = Page::new();
            page.table(&["WEBHOOK", "EVENT", "REQUEST", "SINCE", "NEXT TRY", "WHY"], &rows, None);
            out.page(&page)
        }
        WebhookVerb::Resend { name, seq } => {
            let count = admin::resend(desk, name.as_deref(), seq).await.map_err(trouble)?;
            say(format!("{count} events are sent again by the running server"), json!({ "again": count }))
        }
        WebhookVerb::Test { name } => {
            admin::send_trial(desk, &name).await.map_err(trouble)?;
            say(format!("webhook {name} took it"), json!({ "delivered": name }))
        }
    }
}

fn hook_name(one: &Undelivered) -> &str {
    one.follower.strip_prefix("webhook:").unwrap_or(&one.follower)
}

fn undelivered_json(one: &Undelivered) -> serde_json::Value {
    json!({
        "webhook": hook_name(one), "event": one.seq, "request": one.about(), "since": one.since, "tries": one.tries,
        "next_at": one.next_at, "given_up_at": one.dead_at, "sentence": one.sentence,
    })
}

/// How long a token holds that ends so.
fn holds(desk: &Desk, expires: Expiry) -> Result<Length, Trouble> {
    let length = match expires {
        Expiry::After(length) => length,
        Expiry::At(at) => at.since(desk.now()),
    };
    if length > Length::ZERO {
        return Ok(length);
    }
    Err(Trouble::new(Exit::Usage, "--expires: is in the past", "name a later time, or a length such as 30d"))
}

fn token_json(token: &nightlatch::store::TokenRow) -> serde_json::Value {
    json!({
        "id": token.id, "person": token.person, "invitation": token.invitation, "name": token.name,
        "expires_at": token.expires_at, "used_at": token.used_at, "revoked_at": token.revoked_at,
    })
}

fn token_row(token: &nightlatch::store::TokenRow) -> Vec<String> {
    let at = |at: Option<Instant>| at.map_or_else(|| "-".to_owned(), |at| at.to_string());
    let kind = if token.invitation { "invitation" } else { "token" };
    let state = if token.revoked_at.is_some() { "ended" } else { "valid" };
    vec![
        token.id.to_string(),
        token.person.to_string(),
        kind.into(),
        token.name.clone(),
        at(token.expires_at),
        at(token.used_at),
        state.into(),
    ]
}

fn demo_room(asked: Demo) -> Ending {
    Box::pin(async move {
        let out = Output::new(asked.json);
        finish(out, demo::play(out, How { fast: asked.args.fast, tell: asked.args.tell }).await)
    })
}

fn dashboard_room(asked: Dashboard) -> Ending {
    Box::pin(async move { finish(Output::new(false), sit_down(asked).await) })
}

async fn sit_down(asked: Dashboard) -> Said {
    let out = Output::new(false);
    let paths =
        Paths::find().map_err(|fault| Trouble::new(Exit::Usage, fault.to_string(), "set HOME to a folder of yours"))?;
    let likes = asked.likes;
    let mut options = Options { open: asked.open.map(|id| id.0), read_only: asked.read_only, ..Options::of_terminal() };
    options.zone = asked.zone;
    options.address = asked.door.address().map(str::to_owned);
    options.theme = likes.theme;
    options.keys = likes.keys;
    options.key_places = likes.key_places;
    options.filters = likes.filters;
    options.faults = asked.left_out;
    options.ascii |= asked.ascii;
    options.lock_after = likes.lock_after.unwrap_or(options.lock_after);
    let embedded = matches!(asked.door, Door::Embedded { .. });
    let starter = Some(paths.policy_file()).filter(|policy| embedded && !policy.exists());
    let seat = embedded.then(|| Seat::take(&paths)).flatten();
    // A wall screen is nobody's desk.
    let tells = (!asked.read_only).then_some(asked.notify);
    let start = dashboard::Start { door: asked.door, keeps: Some(paths.clone()), tells, log: paths.state, options };
    let left = dashboard::sit(start).await.map_err(|error| {
        Trouble::new(
            Exit::Fault,
            format!("the terminal cannot be used: {error}"),
            "nightlatch board --once prints the board",
        )
    })?;
    if let Some(policy) = starter.filter(|policy| policy.exists()) {
        out.remark(format!("a starter policy was written to {}: add people and systems there", policy.display()));
    }
    // What stood at the foot for a while, in full.
    left.model.options.faults.iter().for_each(|fault| out.remark(fault));
    if seat.is_some_and(Seat::leave_as_last) {
        out.remark(left.stays());
    }
    Ok(ended(left.ended))
}

/// As a shell tells of a program that a signal ended.
fn ended(ended: Ended) -> Exit {
    match ended {
        Ended::Quit | Ended::Gone => Exit::Done,
        Ended::Signal(signal) => Exit::Of(u8::try_from(signal.saturating_add(128)).unwrap_or(u8::MAX)),
        Ended::Broken => Exit::Fault,
    }
}

fn doctor_room(asked: Doctor) -> Ending {
    Box::pin(async move { finish(Output::new(asked.json), examine(asked).await) })
}

async fn examine(asked: Doctor) -> Said {
    let out = Output::new(asked.json);
    if asked.args.what.is_some() {
        return try_notifications(out, asked).await;
    }
    let file = server_file(asked.config)?;
    let looks = doctor::examine(&file, &mut |what| out.progress(what)).await;
    out.progress("");
    if asked.json {
        out.json_value(&looks)?;
    } else {
        let mark = |finding| match finding {
            Finding::Ok => "[ok]   ",
            Finding::Warning => "[warn] ",
            Finding::Fault => "[fault]",
            Finding::Tampered => "[BROKEN]",
        };
        let mut page = Page::new();
        for look in &looks {
            page.line(format!("{} {}: {}", mark(look.finding), look.what, look.sentence));
        }
        out.page(&page)?;
    }
    Ok(match looks.iter().map(|look| look.finding).max() {
        Some(Finding::Tampered) => Exit::Broken,
        Some(Finding::Fault) => Exit::Fault,
        Some(Finding::Ok | Finding::Warning) | None => Exit::Done,
    })
}

/// `doctor notify`: about somebody's own machine, so it reads `config.toml`.
async fn try_notifications(out: Output, asked: Doctor) -> Said {
    let paths =
        Paths::find().map_err(|fault| Trouble::new(Exit::Usage, fault.to_string(), "set HOME to a folder of yours"))?;
    let file = asked.config.unwrap_or_else(|| paths.client_file());
    let (client, told) = Client::load_kindly(&file).map_err(|faults| {
        let sentence = faults.first().map(ToString::to_string).unwrap_or_default();
        Trouble::new(Exit::Usage, sentence, "nightlatch config check names each fault")
    })?;
    for fault in &told {
        out.remark(fault.to_string());
    }
    let found =
        doctor::notify::notifications(&notifier::wanted(&client.notify, None), &mut |what| out.progress(what)).await;
    out.progress("");
    if asked.json {
        out.json_value(&found)?;
    } else {
        let rows: Vec<Vec<String>> = found
            .channels
            .iter()
            .map(|tried| {
                let works = if tried.works { "works" } else { "does not" };
                vec![tried.channel.to_owned(), works.to_owned(), tried.sentence.clone()]
            })
            .collect();
        let mut page = Page::new();
        // Not cut to the terminal's width: what to do stands at the end.
        page.table(&["CHANNEL", "STATE", "WHAT WAS FOUND"], &rows, None);
        page.line("");
        page.line(format!("Terminal: {}", found.terminal));
        page.line(format!("Verdict:  {}", found.verdict));
        out.page(&page)?;
    }
    Ok(if found.works() { Exit::Done } else { Exit::Fault })
}

//! The demo: the night of a payment outage on a throw-away store, with a real server, real targets and several people.
//!
//! Everybody but you acts through the client with a token of their own, under the same rules as ever; nothing is staged but the
//! people's words and a gateway that does not answer for a while. Its store is no one's: the folder may be thrown away.

mod left;
mod living;
mod night;
mod stage;
mod teller;

use crate::access::Status;
use crate::cli::output::Output;
use crate::cli::page::Page;
use crate::cli::{Exit, Trouble};
use crate::config::files;
use crate::wire::{BoardView, HeadView, RequestView};
use serde_json::json;
use stage::{Lead, Stage, shown};
use std::time::Duration;
use teller::Teller;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// So many removals fail before the gateway recovers, in the whole night and in the short one.
const FAILURES: (u32, u32) = (5, 3);
/// The same where you watch: long enough to be seen, on average half a minute.
const FAILURES_WATCHED: (u32, u32) = (8, 5);
/// How long what is open at the end may take to be removed.
const LAST: Duration = Duration::from_secs(20);

/// How the night is played.
#[derive(Debug, Clone, Copy)]
pub struct How {
    /// Hardly any pauses.
    pub fast: bool,
    /// As text, also where a dashboard could be shown.
    pub tell: bool,
}

/// Plays the night, and says how to verify what it left: with you at the dashboard, or told as text where there is no screen.
pub async fn play(out: Output, how: How) -> Result<Exit, Trouble> {
    let lived = out.has_screen() && !how.tell;
    let failures = if lived { FAILURES_WATCHED } else { FAILURES };
    let quit = Quit::listen()?;
    let lead = if lived { Lead::You } else { Lead::Mira };
    let stage = Stage::set(if how.fast { failures.1 } else { failures.0 }, lead).await?;
    let told = if lived {
        Box::pin(live(&stage, out, how.fast, quit)).await
    } else {
        Box::pin(tell(&stage, out, how.fast, quit)).await
    };
    // Whatever became of the story, the server stops as it should.
    let (folder, config) = stage.close().await?;
    let left = left::export(&folder, &config, &told?).await?;
    if out.json {
        let [trail, note, key] = [&left.trail, &left.note, &left.key].map(|path| path.display().to_string());
        let command = left.command();
        out.json_value(&json!({ "events": left.events, "trail": trail, "note": note, "key": key, "verify": command }))?;
        return Ok(Exit::Done);
    }
    let mut page = Page::new();
    page.line("");
    page.line(format!("The server has stopped. The trail of the night, {} events, is in", left.events));
    page.line(format!("  {}", left.trail.display()));
    page.line("This verifies it, with nothing but the three files:");
    page.line(format!("  {}", left.command()));
    page.line(format!("When you are done: rm -r {}", files::shell(&folder)));
    out.page(&page)?;
    Ok(Exit::Done)
}

/// Tells the story until it ends or is left, ends what is open, and gives the key that checks the checkpoints.
async fn tell(stage: &Stage, out: Output, fast: bool, mut quit: Quit) -> Result<String, Trouble> {
    let teller = Teller::new(stage, out, fast);
    greet(&teller)?;
    let cut = tokio::select! {
        told = night::play(&teller) => { told?; false }
        () = quit.asked() => true,
    };
    if cut {
        teller.say("You leave the night early.")?;
    }
    finish(&teller).await?;
    let head: HeadView = teller.read("mira", "/v1/audit/head").await?;
    Ok(head.key)
}

/// Lets you live it until you leave, ends what is open, and gives the key that checks the checkpoints.
async fn live(stage: &Stage, out: Output, fast: bool, mut quit: Quit) -> Result<String, Trouble> {
    let said = |line: &str| out.remark(line);
    tokio::select! {
        lived = living::play(stage, fast, said) => lived?,
        // Before the screen is on, and after it is off, a signal is a wish to leave.
        () = quit.signalled() => {}
    }
    let teller = Teller::new(stage, out, fast);
    teller.say("You leave the night. Whatever is still open is ended now.")?;
    finish(&teller).await?;
    let head: HeadView = teller.read("mira", "/v1/audit/head").await?;
    Ok(head.key)
}

fn greet(teller: &Teller<'_>) -> Result<(), Trouble> {
    let (stage, you) = (teller.stage, &teller.stage.you);
    teller.lines(&[
        "The night of a payment outage: a real server, real targets, several people, on your clock, in a few minutes."
            .into(),
        format!("Everything lies in {}, and nowhere else.", stage.folder.display()),
        format!("You are {} ({}), on call: the order queue is yours, and you may end any access.", you.name, you.id),
        "Join from another terminal, look, approve, deny, revoke:".into(),
        format!("  NIGHTLATCH_STORE={} nightlatch board", shown(&stage.address())),
        "Ctrl-C, or q and Enter, ends the night early.".into(),
        String::new(),
    ])
}

/// Ends every access that is still there, and waits until all were read back as gone.
async fn finish(teller: &Teller<'_>) -> Result<(), Trouble> {
    let board = board(teller).await?;
    for row in board.rows.iter().filter(|row| lives(row)) {
        let words = json!({ "words": "The night is over; nothing stays open behind it" });
        if teller.act("mira", &format!("/v1/requests/{}/revoke", row.id), &words).await?.is_some() {
            teller.say(&format!("Mira Holt revokes NL-{}: the night is over.", row.id))?;
        }
    }
    let gone = async {
        loop {
            let board = self::board(teller).await?;
            if !board.rows.iter().any(|row| row.status == Status::Ending || lives(row)) {
                return Ok::<BoardView, Trouble>(board);
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let Ok(board) = tokio::time::timeout(LAST, gone).await else {
        return teller.say("Not everything was read back as gone in time; the trail says what was not.");
    };
    let board = board?;
    for row in board.rows.iter().filter(|row| row.status == Status::Pending) {
        teller.say(&format!("NL-{} still waits for {}.", row.id, row.approver.name))?;
    }
    teller.say("Every access of the night was read back as gone.")
}

fn lives(row: &RequestView) -> bool {
    matches!(row.status, Status::Approved | Status::Granting | Status::Active)
}

async fn board(teller: &Teller<'_>) -> Result<BoardView, Trouble> {
    teller.read("mira", "/v1/board").await
}

/// The ways to leave.
struct Quit {
    signals: [Signal; 3],
}

impl Quit {
    fn listen() -> Result<Self, Trouble> {
        let on = |kind| {
            signal(kind).map_err(|error| {
                Trouble::new(Exit::Fault, format!("signals cannot be waited for: {error}"), "try it on another machine")
            })
        };
        Ok(Self { signals: [on(SignalKind::interrupt())?, on(SignalKind::terminate())?, on(SignalKind::hangup())?] })
    }

    async fn signalled(&mut self) {
        let [int, term, hup] = &mut self.signals;
        tokio::select! {
            _ = int.recv() => {}
            _ = term.recv() => {}
            _ = hup.recv() => {}
        }
    }

    /// Waits for a signal, or for a line that says so. An input that ends says nothing.
    async fn asked(&mut self) {
        tokio::select! {
            () = self.signalled() => {}
            () = typed() => {}
        }
    }
}

async fn typed() {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if matches!(line.trim(), "q" | "Q" | "quit") {
            return;
        }
    }
    std::future::pending::<()>().await;
}

//! The night as you live it: the dashboard on it, you as the incident lead who may decide on everything, and the others going on
//! around you. Nothing waits for you, and nothing is decided in your place.

use super::stage::Stage;
use super::teller::Teller;
use crate::access::Status;
use crate::cli::Trouble;
use crate::client::{Address, Door};
use crate::dashboard::{self, Options, Start};
use crate::text::Length;
use crate::wire::RequestView;
use serde_json::{Value, json};
use std::fmt::Display;

const TICKET: &str = "INC-88";
/// How often it is looked whether you sent something back.
const LOOK: u32 = 2;

type Told = Result<(), Trouble>;

/// What the night begins with.
struct Opening {
    /// Ends soon, and its removal fails for a while.
    reroute: i64,
    /// Its user will ask for more time.
    restart: i64,
    /// Its user says that it is not needed any more.
    done: i64,
    /// Too vague to be decided.
    vague: i64,
}

/// Sets the scene, opens the dashboard, and lets the story go on around it until you leave.
pub async fn play(stage: &Stage, fast: bool, say: impl Fn(&str)) -> Told {
    let teller = Teller::silent(stage, fast);
    say("The night of a payment outage: a real server, real targets, several people. INC-88 is open, and you lead it.");
    say(&format!("Everything lies in {}, and nowhere else. One moment: the others arrive …", stage.folder.display()));
    let opening = opening(&teller).await?;
    let options = Options { zone: stage.zone, ..Options::of_terminal() };
    let start = Start { door: stage.door().await?, keeps: None, tells: None, log: stage.folder.join("log"), options };
    let story = async {
        if let Err(trouble) = story(&teller, &opening).await {
            tracing::warn!("the story cannot go on: {}", trouble.sentence);
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        left = dashboard::sit(start) => left.map(drop).map_err(|error| unusable(&error)),
        () = story => Ok(()),
    }
}

fn unusable(error: &impl Display) -> Trouble {
    Trouble::fault(format!("the terminal cannot be used: {error}"), "nightlatch demo --tell tells the night as text")
}

/// The way in for you: the socket knows your account; an account without a name has a token.
impl Stage {
    async fn door(&self) -> Result<Door, Trouble> {
        let token = if self.you.has_account() { None } else { Some(self.token_for_you().await?) };
        Ok(Door::Hosts { addresses: vec![Address::Unix(self.folder.join("sock"))], token })
    }
}

async fn opening(teller: &Teller<'_>) -> Result<Opening, Trouble> {
    let task = "Read the logs of payment-worker 3 and restart it; done when the queue falls below 100";
    let restart = granted(teller, "ana", ["payments", "restart"], teller.seconds(900, 900), task, "sam").await?;
    let task = "Watch the worker's log while it restarts; done when it took three jobs without an error";
    let done = granted(teller, "priya", ["payments", "logs-read"], teller.seconds(5400, 5400), task, "sam").await?;
    let task = "Send payments through gateway-1 until the queue moves; done when gateway-1 answers";
    let reroute = granted(teller, "ana", ["gateway", "reroute"], teller.seconds(60, 4), task, "li").await?;
    let task = "Find in the worker's log which job blocks the queue; done when its number is in INC-88";
    file(teller, "bo", ["payments", "logs-read"], 1200, task).await?;
    let vague = file(teller, "priya", ["payments", "logs-read"], 1800, "Look at prod").await?;
    Ok(Opening { reroute, restart, done, vague })
}

/// Everybody else, from the moment in which you sit down.
async fn story(teller: &Teller<'_>, opening: &Opening) -> Told {
    tokio::try_join!(arrivals(teller, opening), mending(teller, opening.vague), gateway(teller, opening.reroute))?;
    Ok(())
}

async fn arrivals(teller: &Teller<'_>, opening: &Opening) -> Told {
    teller.pause(20).await;
    let task = "Keep restart rights until the morning, in case it happens again";
    file(teller, "bo", ["payments", "restart"], 5400, task).await?;
    teller.pause(25).await;
    more_time(teller, opening.restart).await?;
    teller.pause(25).await;
    let task = "Replay the failed orders on staging; done when none is left in the error queue of staging";
    file(teller, "priya", ["orders", "replay"], 1200, task).await?;
    teller.pause(20).await;
    let words = json!({ "words": "Three jobs without an error. I am done with it and off to bed: it can be ended" });
    teller.verb("priya", opening.done, "note", words).await?;
    teller.pause(25).await;
    elsewhere(teller).await?;
    teller.pause(40).await;
    let task = "Count the orders that failed since the outage; done when the number is in INC-88";
    file(teller, "bo", ["orders", "read"], 600, task).await?;
    Ok(())
}

/// A colleague is faster, on a system of his own.
async fn elsewhere(teller: &Teller<'_>) -> Told {
    let task = "Send payments back through gateway-2; done when both gateways answer";
    let id = file(teller, "ana", ["gateway", "reroute"], 900, task).await?;
    teller.pause(15).await;
    teller.verb("li", id, "claim", json!({})).await?;
    teller.pause(5).await;
    teller.approve("li", id, "It answers again, go ahead").await?;
    Ok(())
}

/// The restart takes longer than thought.
async fn more_time(teller: &Teller<'_>, id: i64) -> Told {
    let view = teller.look(id).await?;
    let Some(until) = view.window.until.filter(|_| view.status == Status::Active) else { return Ok(()) };
    let later = until.plus(Length::from_minutes(20));
    let body = json!({ "as_of": view.version, "window": { "until": later.to_string() }, "approver": teller.stage.you.id,
        "done": "Worker 3 restarted, the queue falls", "remaining": "Restart workers 4 and 5 one after the other" });
    teller.verb("ana", id, "extend", body).await?;
    Ok(())
}

/// Sent back, it is mended and asked again.
async fn mending(teller: &Teller<'_>, id: i64) -> Told {
    loop {
        teller.pause(LOOK).await;
        let view = teller.look(id).await?;
        if view.status == Status::SentBack {
            teller.pause(8).await;
            let task = "Compare the worker's error log with the deploy at 23:10; done when the first error's time is in INC-88";
            teller.verb("priya", id, "amend", json!({ "task": task })).await?;
            return Ok(());
        }
        if view.status != Status::Pending {
            return Ok(());
        }
    }
}

/// Its window ends by itself, and its removal fails until the gateway answers again.
async fn gateway(teller: &Teller<'_>, id: i64) -> Told {
    let view = teller.until(id, |view| view.overdue || view.status == Status::Removed).await?;
    if view.overdue {
        teller.pause(6).await;
        teller.verb("li", id, "note", json!({ "words": "gateway-2 is down; it should be back in a minute" })).await?;
    }
    Ok(())
}

/// Files, for the incident, to you.
async fn file(teller: &Teller<'_>, who: &str, what: [&str; 2], seconds: i64, task: &str) -> Result<i64, Trouble> {
    filed(teller, who, what, seconds, task, &teller.stage.you.id).await
}

async fn filed(
    teller: &Teller<'_>,
    who: &str,
    what: [&str; 2],
    seconds: i64,
    task: &str,
    approver: &str,
) -> Result<i64, Trouble> {
    let [system, role] = what;
    let body: Value = json!({ "system": system, "role": role, "task": task, "window": { "for_seconds": seconds },
        "ticket": TICKET, "kind": "emergency", "approver": approver });
    let view: Option<RequestView> = teller.act(who, "/v1/requests", &body).await?;
    view.map(|view| view.id).ok_or_else(|| Trouble::fault("the story cannot go on: a request was refused", "report it"))
}

/// What a colleague had approved before you came.
async fn granted(
    teller: &Teller<'_>,
    who: &str,
    what: [&str; 2],
    seconds: i64,
    task: &str,
    by: &str,
) -> Result<i64, Trouble> {
    let id = filed(teller, who, what, seconds, task, by).await?;
    teller.approve(by, id, "As agreed on the call").await?;
    Ok(id)
}

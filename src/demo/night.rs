//! The night itself: who does what, in order. Each act stands even where you were faster from another terminal.

use super::stage::shown;
use super::teller::{Teller, name};
use crate::access::Status;
use crate::cli::Trouble;
use crate::text::{Instant, Length};
use crate::wire::{EventsView, RequestView};
use serde_json::{Value, json};
use std::time::Duration;

const TICKET: &str = "INC-88";
/// How long the night stays open for what waits for you.
const QUIET: Duration = Duration::from_mins(1);

type Told = Result<(), Trouble>;

/// Plays it from the alarm to the last removal.
pub async fn play(teller: &Teller<'_>) -> Told {
    teller.say("23:40 in the story: the payment queue stands still and orders pile up. INC-88 is open.")?;
    teller.more("Mira Holt leads the incident. Here it is played by the clock of this machine.")?;
    teller.pause(5).await;
    let restart = the_example(teller).await?;
    let short = a_vague_one(teller).await?;
    let waiting = yours(teller).await?;
    let second = a_colleague_first(teller).await?;
    let reroute = reroute(teller).await?;
    runs_out(teller, short).await?;
    denial(teller).await?;
    overdue(teller, reroute).await?;
    extension(teller, restart).await?;
    undo(teller).await?;
    the_end(teller, second, restart).await?;
    quiet(teller, waiting).await
}

/// Files, and says what was asked and for whom it waits.
async fn file(teller: &Teller<'_>, who: &str, what: [&str; 2], window: Value, task: &str) -> Result<i64, Trouble> {
    let [system, role] = what;
    let body = json!({ "system": system, "role": role, "task": task, "window": window, "ticket": TICKET,
        "kind": "emergency", "approver": approver(system, role) });
    let Some(view) = teller.act(who, "/v1/requests", &body).await? else {
        return Err(Trouble::fault("the story cannot go on: a request was refused", "report it"));
    };
    let end = match (view.window.until, view.asked_for_seconds) {
        (Some(until), _) => format!("until {}", teller.minute(until)),
        (None, Some(seconds)) => format!("for {}", Length::from_seconds(seconds)),
        (None, None) => "with an end".into(),
    };
    let id = view.id;
    teller.say(&format!("{} asks for {role} on {system}, {end}: NL-{id}.", name(who)))?;
    teller.more(&format!("\"{task}\""))?;
    teller.more(&format!("It waits for {}.", view.approver.name))?;
    teller.pause(4).await;
    Ok(id)
}

/// Whom it goes to, where that is not whoever is asked first.
fn approver(system: &str, role: &str) -> Option<&'static str> {
    (system == "payments" && role == "restart").then_some("mira")
}

fn lasting(seconds: i64) -> Value {
    json!({ "for_seconds": seconds })
}

/// Approves, says so, and waits until the access is there.
async fn approve(teller: &Teller<'_>, who: &str, id: i64, words: &str) -> Told {
    if let Some(view) = teller.approve(who, id, words).await? {
        said(teller, &view, &format!("approves NL-{id}"))?;
    }
    teller.given(id).await?;
    teller.pause(4).await;
    Ok(())
}

/// Who decided, as what, with which words.
fn said(teller: &Teller<'_>, view: &RequestView, did: &str) -> Told {
    let Some(decision) = &view.decision else { return Ok(()) };
    let words = decision.words.as_deref().map(|words| format!(": \"{words}\"")).unwrap_or_default();
    let capacity = serde_json::to_value(decision.capacity).ok();
    let capacity = capacity.as_ref().and_then(Value::as_str).unwrap_or("approver");
    teller.say(&format!("{}, {capacity}, {did}{words}.", decision.by.name))
}

/// Logs and restart rights until half past midnight, from the incident lead on duty.
async fn the_example(teller: &Teller<'_>) -> Result<i64, Trouble> {
    // Fifty minutes, as from 23:40 to 00:30, to the full minute.
    let until = teller.now().plus(Length::from_minutes(50)).millis();
    let until = Instant::from_millis(until - until % 60_000);
    let task = "Read the logs of payment-worker 3 and restart it; done when the queue falls below 100";
    let window = json!({ "until": until.to_string() });
    let id = file(teller, "ana", ["payments", "restart"], window, task).await?;
    if teller.verb("mira", id, "claim", json!({})).await?.is_some() {
        teller.say(&format!("Mira Holt reads NL-{id}; others see that she does."))?;
    }
    teller.pause(4).await;
    approve(teller, "mira", id, "Go ahead, I watch the queue").await?;
    teller.board().await?;
    Ok(id)
}

/// Sent back with a code, mended, approved, for a short while.
async fn a_vague_one(teller: &Teller<'_>) -> Result<i64, Trouble> {
    let length = teller.seconds(38, 3);
    let id = file(teller, "bo", ["payments", "logs-read"], lasting(length), "Look at prod").await?;
    let words = "Which logs, and how will you know that you found it?";
    let body = json!({ "words": words, "codes": ["vague-task"] });
    if teller.verb("sam", id, "send-back", body).await?.is_some() {
        teller.say(&format!("Sam Lee sends NL-{id} back (vague-task): \"{words}\""))?;
    }
    teller.pause(5).await;
    let task = "Find in the worker's log which job blocks the queue; done when its number is in INC-88";
    if teller.verb("bo", id, "amend", json!({ "task": task })).await?.is_some() {
        teller.say(&format!("Bo Berg mends NL-{id}, and it waits again: \"{task}\""))?;
    }
    teller.pause(4).await;
    approve(teller, "sam", id, "Clear now, thank you").await?;
    Ok(id)
}

/// Two that wait for you.
async fn yours(teller: &Teller<'_>) -> Result<[i64; 2], Trouble> {
    let task = "Replay the orders that failed since the outage; done when none is left in the error queue";
    let id = file(teller, "priya", ["orders", "replay"], lasting(1200), task).await?;
    let other = "Count the orders that failed since the outage; done when the number is in INC-88";
    let second = file(teller, "bo", ["orders", "read"], lasting(600), other).await?;
    teller.say(&format!("The order queue is yours, so NL-{id} and NL-{second} wait for you, for this night."))?;
    let store = shown(&teller.stage.address());
    teller.more(&format!("NIGHTLATCH_STORE={store} nightlatch approve {id}"))?;
    teller.pause(6).await;
    Ok([id, second])
}

/// Two decide at once: the second is told, as information.
async fn a_colleague_first(teller: &Teller<'_>) -> Result<i64, Trouble> {
    let task = "Watch the worker's log while it restarts; done when it took three jobs without an error";
    let id = file(teller, "priya", ["payments", "logs-read"], lasting(1800), task).await?;
    let version = teller.look(id).await?.version;
    if let Some(view) = teller.approve("mira", id, "Four eyes are welcome").await? {
        said(teller, &view, &format!("approves NL-{id}"))?;
    }
    teller.pause(2).await;
    teller.say(&format!("Sam Lee read NL-{id} too, and approves it a moment later."))?;
    teller.verb("sam", id, "approve", json!({ "as_of": version })).await?;
    teller.given(id).await?;
    teller.pause(4).await;
    Ok(id)
}

/// The one whose removal will fail.
async fn reroute(teller: &Teller<'_>) -> Result<i64, Trouble> {
    let task = "Send payments through gateway-1 until the queue moves; done when gateway-1 answers";
    let id = file(teller, "ana", ["gateway", "reroute"], lasting(teller.seconds(24, 2)), task).await?;
    approve(teller, "li", id, "As agreed on the call").await?;
    Ok(id)
}

async fn runs_out(teller: &Teller<'_>, id: i64) -> Told {
    let view = teller.until(id, |view| view.status != Status::Active).await?;
    if let Some(until) = view.window.until {
        teller.say(&format!("The window of NL-{id} ended at {}. Nobody had to do anything.", teller.exact(until)))?;
    }
    teller.gone(id).await?;
    teller.pause(4).await;
    Ok(())
}

async fn denial(teller: &Teller<'_>) -> Told {
    let task = "Keep restart rights until the morning, in case it happens again";
    let id = file(teller, "bo", ["payments", "restart"], lasting(5400), task).await?;
    let words = "Not in advance: if it happens again, ask again, it takes a minute";
    if let Some(view) = teller.verb("mira", id, "deny", json!({ "words": words })).await? {
        said(teller, &view, &format!("denies NL-{id}"))?;
    }
    teller.pause(4).await;
    Ok(())
}

/// Ended, not removed: overdue until the target was read without it.
async fn overdue(teller: &Teller<'_>, id: i64) -> Told {
    let view = teller.until(id, |view| view.overdue).await?;
    if view.overdue {
        teller.say(&format!("OVERDUE: NL-{id} has ended, and its access could not be removed."))?;
        if let Some(error) = view.grant.as_ref().and_then(|grant| grant.last_error.as_ref()) {
            teller.more(error)?;
        }
        teller.more("It is the first line on every board now, and is tried again until it was seen gone.")?;
        teller.board().await?;
    }
    teller.gone(id).await?;
    let events: EventsView = teller.read("mira", &format!("/v1/requests/{id}/events")).await?;
    let failed = events.events.iter().filter(|event| event.kind == "removal-failed").count();
    if failed > 0 {
        teller.more(&format!("The gateway answers again; {failed} attempts had failed before."))?;
    }
    teller.pause(4).await;
    Ok(())
}

async fn extension(teller: &Teller<'_>, id: i64) -> Told {
    let view = teller.look(id).await?;
    let Some(until) = view.window.until.filter(|_| view.status == Status::Active) else {
        return teller.say(&format!("NL-{id} is {} already, so nobody asks for more.", view.status.word()));
    };
    let later = until.plus(Length::from_minutes(20));
    let body = json!({ "as_of": view.version, "window": { "until": later.to_string() }, "approver": "mira",
        "done": "Worker 3 restarted, the queue falls", "remaining": "Restart workers 4 and 5 one after the other" });
    if teller.verb("ana", id, "extend", body).await?.is_some() {
        teller.say(&format!(
            "Ana Ruiz asks for NL-{id} until {} instead of {}.",
            teller.minute(later),
            teller.minute(until)
        ))?;
        teller.more("Done: worker 3 restarted, the queue falls. Remaining: restart workers 4 and 5.")?;
    }
    teller.pause(5).await;
    if teller.approve("mira", id, "Twenty minutes more, then it is done").await?.is_some() {
        teller.say(&format!(
            "Mira Holt extends NL-{id} until {}: a fresh decision, on the same record.",
            teller.minute(later)
        ))?;
    }
    teller.pause(4).await;
    Ok(())
}

async fn undo(teller: &Teller<'_>) -> Told {
    let task = "Restart the staging workers; done when they take jobs";
    let id = file(teller, "bo", ["payments", "restart"], lasting(600), task).await?;
    approve(teller, "sam", id, "Fine").await?;
    teller.say(&format!("Sam Lee reads it again: staging, but NL-{id} is production."))?;
    if teller.verb("sam", id, "undo", json!({})).await?.is_some() {
        teller.say(&format!("Sam Lee takes his approval of NL-{id} back, within the minute in which he can."))?;
    }
    teller.gone(id).await?;
    teller.pause(4).await;
    Ok(())
}

async fn the_end(teller: &Teller<'_>, second: i64, restart: i64) -> Told {
    teller.say("The queue is empty. INC-88 is over.")?;
    teller.pause(2).await;
    let body = json!({ "changed": "nothing", "checked": "three jobs taken without an error", "follow_up": "none" });
    if teller.verb("priya", second, "hand-back", body).await?.is_some() {
        teller.say(&format!("Priya Shah hands NL-{second} back: nothing changed, nothing to follow up."))?;
    }
    teller.gone(second).await?;
    teller.pause(3).await;
    let words = "The queue is empty; thank you, and good night";
    if teller.verb("mira", restart, "revoke", json!({ "words": words })).await?.is_some() {
        teller.say(&format!("Mira Holt revokes NL-{restart} before its end: \"{words}\""))?;
    }
    teller.gone(restart).await?;
    teller.board().await?;
    teller.pause(5).await;
    Ok(())
}

/// On a terminal the night stays open a while for what waits for you.
async fn quiet(teller: &Teller<'_>, waiting: [i64; 2]) -> Told {
    let mut open = Vec::new();
    for id in waiting {
        if teller.look(id).await?.status == Status::Pending {
            open.push(id);
        }
    }
    if open.is_empty() || !teller.is_watched() {
        return Ok(());
    }
    let names: Vec<String> = open.iter().map(|id| format!("NL-{id}")).collect();
    teller
        .say(&format!("The night is quiet. One more minute for {}: q and Enter ends it now.", names.join(" and ")))?;
    let decided = async {
        for id in open {
            let view = teller.until(id, |view| view.status != Status::Pending).await?;
            if let Some(decision) = &view.decision {
                teller.say(&format!("{}: NL-{id} is {}.", decision.by.name, decision.verdict))?;
            }
        }
        teller.pause(5).await;
        Ok(())
    };
    // Nobody has to decide.
    tokio::time::timeout(QUIET, decided).await.unwrap_or(Ok(()))
}

//! Whether a window fits its task: minutes for a look, hours only for what takes hours.

use super::Task;
use super::lexicon::Does;

/// Why a window does not seem to fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misfit {
    /// A look or one small change, and hours for it.
    LongForLittle,
    /// Hours, and no exact task that would need them.
    LongForNothing,
    /// The text asks for longer than any window: *until further notice*.
    OpenEnded,
    /// It says itself that it takes longer, in minutes.
    Takes(i64),
    /// Much work, and a few minutes for it.
    ShortForMuch,
}

/// Hours in a text, in other words.
const LONG_WORK: &[&str] = &[
    "takes",
    "rebuild",
    "reindex",
    "re-index",
    "migrate",
    "migration",
    "import",
    "upgrade",
    "backfill",
    "restore",
    "replay",
    "batch",
    "batches",
    "bulk",
    "all day",
    "business day",
    "during the day",
    "over the day",
    "on site",
    "through the",
    "throughout",
    "one after",
    "one by one",
    "step by step",
    "in steps",
    "stages",
    "staged",
    "hourly",
    "every hour",
    "run takes",
    "quarter-end",
    "month-end",
    "year-end",
    "failover",
    "deploy",
    "rollout",
    "roll out",
    "switchover",
    "cutover",
    "shift",
    "9-17",
    "training",
    "exercise",
    "drill",
    "reprocess",
    "recalculate",
    "each of",
    "as they",
    "vacuum",
    "soak",
    "waves",
    "load test",
];
/// No window is as long as this.
const ENDLESS: &[&str] = &[
    "end of the month",
    "end of month",
    "end of the week",
    "end of the year",
    "until further notice",
    "permanently",
    "permanent access",
    "indefinitely",
    "for good",
    "forever",
    "for the next days",
    "next few days",
    "rest of the week",
    "rest of the month",
    "whole week",
    "bis auf weiteres",
    "hasta nuevo aviso",
    "jusqu'à nouvel ordre",
];
/// From here on a window is long for a look, in minutes.
const LONG_LOOK: i64 = 180;
/// From here on a window is long for one small change, in minutes.
const LONG_CHANGE: i64 = 240;

/// Whether `minutes` fit; the longest that the policy allows is another matter.
pub fn misfit(task: &Task, unclear: bool, minutes: i64) -> Option<Misfit> {
    if task.words.has(ENDLESS).is_some() {
        return Some(Misfit::OpenEnded);
    }
    if let Some(takes) = takes(task).filter(|takes| *takes > minutes) {
        return Some(Misfit::Takes(takes));
    }
    if unclear {
        return (minutes >= 300).then_some(Misfit::LongForNothing);
    }
    let many = pieces(task);
    let long_work = task.words.has(LONG_WORK).is_some() || many >= 20 || task.actions.len() > 4;
    let acts = task.does().is_some_and(|does| does != Does::Reads);
    let long = if acts { LONG_CHANGE } else { LONG_LOOK };
    if minutes >= long && !long_work && (!task.actions.is_empty() || task.question) {
        return Some(Misfit::LongForLittle);
    }
    let heavy = many >= 50
        || task
            .words
            .has(&["batches", "one after the other", "an hour", "hours", "whole of", "wait until each"])
            .is_some();
    (minutes <= 10 && heavy && acts && long_work).then_some(Misfit::ShortForMuch)
}

/// How many pieces the text speaks of at most: *340 shops*.
fn pieces(task: &Task) -> i64 {
    let mut most = 0;
    for clause in &task.words.clauses {
        for pair in clause.words.windows(2) {
            let [number, thing] = pair else { continue };
            let plural = thing.low.ends_with('s') && thing.low.len() > 3 && thing.low.chars().all(char::is_alphabetic);
            let value = number.low.replace([',', '.', '\''], "").parse::<i64>().ok().filter(|_| number.number());
            most = most.max(value.filter(|_| plural).unwrap_or(0));
        }
    }
    most
}

/// *takes about 2 h*, in minutes.
fn takes(task: &Task) -> Option<i64> {
    let (_, after) = task.words.flat.split_once(" takes ")?;
    let mut number = None;
    for word in after.split(' ').take(5) {
        let digits: String = word.chars().take_while(char::is_ascii_digit).collect();
        let unit = word.get(digits.len()..).unwrap_or_default();
        let unit = if digits.is_empty() { word } else { unit };
        if let Ok(value) = digits.parse::<i64>() {
            number = Some(value.min(10_000));
        }
        match unit {
            "h" | "hours" | "hour" | "hrs" => return number.map(|n| n * 60),
            "m" | "min" | "mins" | "minutes" => return number,
            _ => {}
        }
    }
    None
}

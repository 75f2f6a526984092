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
/// What a day is asked for.
const ALL_DAY: &[&str] = &["today", "the day", "per day", "in shifts", "as soon as each", "when it ends", "as each"];
/// No window is as long as this.
const ENDLESS: &[&str] = &[
    "end of the month",
    "end of month",
    "end of the week",
    "end of the year",
    "until further notice",
    "permanent access",
    "indefinitely",
    "forever",
    "for the next days",
    "next few days",
    "rest of the week",
    "rest of the month",
    "whole week",
    "bis auf weiteres",
    "hasta nuevo aviso",
    "jusqu'à nouvel ordre",
    "auto-renew",
    "till i say",
    "until i say",
    "no fixed end",
    "open end",
    "without an end",
    "no end date",
];
/// Being there in case something comes up: no end that could be reached.
const WATCHING: &[&str] = &[
    "keep an eye",
    "keep watching",
    "stay logged in",
    "read along",
    "whenever",
    "as long as",
    "as needed",
    "from time to time",
    "now and then",
    "calm down",
    "calms down",
    "for an unspecified",
    "open outcome",
    "in case",
    "all night",
    "during the night",
];
/// Words before how long it takes.
const TAKING: &[&str] =
    &["takes", "take", "runs", "needs", "need", "lasts", "about", "around", "~", "dauert", "tarda", "dure", "duurt"];
/// How long a window for nothing but being there may be, in minutes.
const LONG_WATCH: i64 = 120;
/// From here on a window is long for a look, in minutes.
const LONG_LOOK: i64 = 180;
/// From here on a window is long for one small change, in minutes.
const LONG_CHANGE: i64 = 240;

/// Whether `minutes` fit; the longest that the policy allows is another matter.
pub fn misfit(task: &Task, unclear: bool, minutes: i64) -> Option<Misfit> {
    if task.words.has(ENDLESS).is_some() {
        return Some(Misfit::OpenEnded);
    }
    let many = pieces(task);
    let takes = takes(task, many);
    if let Some(Takes { minutes: takes, .. }) = takes.filter(|takes| takes.all && takes.minutes > minutes) {
        return Some(Misfit::Takes(takes));
    }
    if unclear {
        let watches = minutes >= LONG_WATCH && task.words.has(WATCHING).is_some();
        return (minutes >= 300 || watches).then_some(Misfit::LongForNothing);
    }
    // What it says itself counts for more than what such work often takes.
    let long_work = match takes {
        Some(takes) => !takes.all || takes.minutes.saturating_mul(4) > minutes,
        None => {
            task.words.has(LONG_WORK).is_some()
                || many >= 20
                || task.actions.len() > 4
                || (minutes > 300 && task.words.has(ALL_DAY).is_some())
        }
    };
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

/// How many pieces the text speaks of at most: *340 shops*, *nodes n21 to n28*.
fn pieces(task: &Task) -> i64 {
    let mut most = 0;
    for clause in &task.words.clauses {
        for pair in clause.words.windows(2) {
            let [number, thing] = pair else { continue };
            let plural = thing.low.ends_with('s') && thing.low.len() > 3 && thing.low.chars().all(char::is_alphabetic);
            if plural && number.number() {
                most = most.max(number.low.replace([',', '.', '\''], "").parse::<i64>().unwrap_or(0));
            }
        }
        for three in clause.words.windows(3) {
            let [first, to, last] = three else { continue };
            if ["to", "bis", "-", "–"].contains(&to.low.as_str())
                && let (Some((one, from)), Some((other, until))) = (counted(&first.low), counted(&last.low))
                && (one == other || other.is_empty())
            {
                most = most.max(until.saturating_sub(from).saturating_add(1).min(10_000));
            }
        }
    }
    most
}

/// *n21* is the 21st of its name.
fn counted(low: &str) -> Option<(&str, i64)> {
    let name = low.trim_end_matches(|ch: char| ch.is_ascii_digit());
    let number = low.get(name.len()..)?;
    (number.len() <= 4).then(|| number.parse().ok()).flatten().map(|number| (name, number))
}

/// How long a task says that it takes.
#[derive(Debug, Clone, Copy)]
struct Takes {
    minutes: i64,
    /// Whether that is all of it: *20 minutes each* is not, where nobody knows of how many.
    all: bool,
}

/// *takes about 2 h*, *25 minutes each*.
fn takes(task: &Task, pieces: i64) -> Option<Takes> {
    let words: Vec<&str> = task.words.flat.split(' ').filter(|word| !word.is_empty()).collect();
    for (at, _) in words.iter().enumerate().filter(|(_, word)| TAKING.contains(word)) {
        let after = words.get(at + 1..).unwrap_or_default();
        // How long it took once, and how often it comes, say nothing of this time.
        let often = after.iter().take(3).any(|word| ["every", "jede", "alle", "cada"].contains(word));
        let Some((minutes, behind)) = span(after).filter(|_| !often) else { continue };
        let each = after.iter().skip(behind).take(2).any(|word| ["each", "per", "je", "apiece"].contains(word))
            || at > 0 && words.get(at - 1).is_some_and(|word| *word == "each");
        return Some(if !each {
            Takes { minutes, all: !["about", "around", "~"].contains(&words.get(at).copied().unwrap_or_default()) }
        } else if pieces > 1 {
            Takes { minutes: minutes.saturating_mul(pieces), all: true }
        } else {
            Takes { minutes, all: false }
        });
    }
    None
}

/// A length at the start of `words`, in minutes, and behind how many words it stands. *Three hours late* is none.
fn span(words: &[&str]) -> Option<(i64, usize)> {
    const ABOUT: [&str; 16] = [
        "about", "around", "roughly", "some", "approx", "ca", "circa", "up", "to", "at", "most", "least", "another",
        "only", "just", "~",
    ];
    let mut number: Option<i64> = None;
    for (at, word) in words.iter().take(5).enumerate() {
        let bare = word.trim_start_matches('~');
        let digits: String = bare.chars().take_while(char::is_ascii_digit).collect();
        let rest = bare.get(digits.len()..).unwrap_or_default();
        // Of *20-25* the longer counts.
        let longer = rest.strip_prefix(['-', '–']).filter(|_| !digits.is_empty());
        let unit = longer.map_or(rest, |longer| longer.trim_start_matches(|ch: char| ch.is_ascii_digit()));
        let longer = longer.map(|longer| longer.chars().take_while(char::is_ascii_digit).collect::<String>());
        let value = longer.as_ref().and_then(|digits| digits.parse().ok()).or_else(|| digits.parse::<i64>().ok());
        let had = number.is_some();
        number = match value {
            Some(value) if number.is_none() => Some(value.min(10_000)),
            None if number.is_none() && ["a", "an", "one", "eine", "una", "une"].contains(&bare) => Some(1),
            None if number.is_none() && ABOUT.contains(word) => continue,
            None if number.is_some() => number,
            _ => return None,
        };
        let many = match unit {
            "h" | "hours" | "hour" | "hrs" | "stunden" | "stunde" | "horas" | "heures" | "uur" => 60,
            "m" | "min" | "mins" | "minute" | "minutes" | "minuten" | "minutos" => 1,
            // The unit stands at the number, or right behind it.
            _ if had => return None,
            _ => continue,
        };
        let behind = words.get(at + 1).copied().unwrap_or_default();
        let apart = ["late", "behind", "ago", "old", "later", "earlier", "after", "before"].contains(&behind);
        return number.filter(|_| !apart).map(|number| (number.saturating_mul(many), at + 1));
    }
    None
}

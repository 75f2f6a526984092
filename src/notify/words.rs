//! How an alert is said: who, which system, how urgent, what is asked of whoever reads it. Pure.
//!
//! A lock screen may show all of it: it holds no task, nobody's words, and in private nothing but numbers.

use super::heard::{Facts, What};
use crate::access::Status;
use crate::text::{Clean, Instant, instant::show_short};
use chrono_tz::Tz;

/// So many requests are named in a digest.
const NAMED: usize = 5;

/// How it is said to one person, at one instant.
#[derive(Debug, Clone, Copy)]
pub struct Tongue {
    /// Their zone.
    pub zone: Tz,
    /// Numbers only.
    pub private: bool,
    /// When.
    pub now: Instant,
}

/// What waits and what happened, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// Verdicts that are asked.
    pub waiting: usize,
    /// Of these, emergencies.
    pub emergencies: usize,
    /// Removals that are overdue.
    pub overdue: usize,
    /// Everything else.
    pub other: usize,
}

fn clean(title: &str, body: &str) -> (Clean, Clean) {
    (Clean::line(title), Clean::line(body))
}

fn upper(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// `1 request`, `3 requests`.
fn some(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// `approved`, `withdrawn`, …
fn outcome(facts: &Facts) -> String {
    match (&facts.verdict, facts.status) {
        (_, Status::Withdrawn) => "withdrawn".into(),
        (_, Status::Lapsed) => "lapsed".into(),
        _ if facts.waits => "waits again".into(),
        (Some(verdict), _) => verdict.word.to_string(),
        (None, status) => status.word().into(),
    }
}

impl Tongue {
    fn at(&self, at: Instant) -> String {
        show_short(at, self.zone, self.now)
    }

    /// Title and sentence about one request. `word` is what the trail calls it, where this program knows no other.
    pub fn one(&self, what: What, facts: &Facts, word: &Clean) -> (Clean, Clean) {
        if self.private {
            return self.number_only(what, facts);
        }
        let (id, who, system) = (facts.number, &facts.who, &facts.system);
        let holder = facts.whom.as_ref().unwrap_or(who);
        let until = |at: Option<Instant>| at.map(|at| format!(" until {}", self.at(at))).unwrap_or_default();
        let lapses = facts.lapses.map(|at| format!(" It lapses at {}.", self.at(at))).unwrap_or_default();
        let (title, body) = match what {
            What::Ask | What::Again | What::Changed => return self.ask(what, facts),
            What::Decided => {
                let body = match &facts.verdict {
                    _ if facts.status == Status::Withdrawn => format!("{id} was withdrawn."),
                    _ if facts.waits => format!("The verdict on {id} was taken back: it waits again."),
                    Some(_) => format!("{id} was {}{}.", self.verdict(facts), self.holds_until(facts)),
                    None => format!("{id} was decided."),
                };
                (format!("{}: your request for {system}", upper(&outcome(facts))), body)
            }
            What::Settled => {
                (format!("{id} {system}: {}", self.verdict(facts)), "Nothing is left for you to do.".into())
            }
            What::Unanswered => {
                let tried: Vec<&str> = facts.tried.iter().map(Clean::as_str).collect();
                let told = match tried.split_last() {
                    None => String::new(),
                    Some((one, [])) => format!(" {one} was told."),
                    Some((last, rest)) => format!(" {} and {last} were told.", rest.join(", ")),
                };
                (format!("Nobody has answered yet: your request for {system}"), format!("{id} waits.{told}{lapses}"))
            }
            What::Lapsing => {
                (format!("About to lapse: your request for {system}"), format!("{id} waits for a verdict.{lapses}"))
            }
            What::Lapsed if facts.own => (
                format!("Lapsed: your request for {system}"),
                format!("Nobody decided {id} in time. Ask again if it is still needed."),
            ),
            What::Lapsed => (format!("{id} {system}: it lapsed"), "Nothing is left for you to do.".into()),
            What::Ready => {
                (format!("Ready: your access to {system}"), format!("{id} can be used{}.", until(facts.ends)))
            }
            What::Failed => (
                format!("Not given: your access to {system}"),
                format!("Granting {id} failed. nightlatch {} says why.", id.0),
            ),
            What::Ended => {
                let by = facts.ended.as_ref().map(|(by, at)| format!(" by {by} at {}", self.at(*at)));
                (format!("Ended: your access to {system}"), format!("{id} was ended{}.", by.unwrap_or_default()))
            }
            What::Ending => {
                let whose = if facts.own { "Your".to_owned() } else { format!("{holder}'s") };
                let (at, left) = (facts.ends.map(|at| self.at(at)).unwrap_or_default(), self.left(facts));
                (format!("{whose} access to {system} ends at {at}"), format!("{id}: {left} left. It ends by itself."))
            }
            What::Overdue => {
                let ended = facts.ended.as_ref().map(|(_, at)| *at).or(facts.ends);
                let ended = ended.map(|at| format!(" ended at {} and", self.at(at))).unwrap_or_default();
                (
                    format!("OVERDUE REMOVAL: {holder} on {system}"),
                    format!("{id}{ended} was not read back as gone. Please look."),
                )
            }
            What::Removed => {
                let at = facts.removed.map(|at| format!(" at {}", self.at(at))).unwrap_or_default();
                (format!("Removed: {holder} on {system}"), format!("{id} was read back as gone{at}."))
            }
            What::Other => (format!("{id} {system}"), format!("{who}: {}.", crate::wire::told_about(word.as_str()))),
        };
        clean(&title, &body)
    }

    fn ask(&self, what: What, facts: &Facts) -> (Clean, Clean) {
        let (id, who, system) = (facts.number, &facts.who, &facts.system);
        let mark = if facts.emergency { "EMERGENCY: " } else { "" };
        let for_whom = facts.whom.as_ref().map(|whom| format!(" for {whom}")).unwrap_or_default();
        let title = if facts.extension {
            format!("{mark}{who} asks for more time on {system}")
        } else {
            format!("{mark}{who} asks for access to {system}{for_whom}")
        };
        let first = match what {
            What::Again => "still waits for your verdict",
            What::Changed => "changed, and waits for your verdict",
            _ => "waits for your verdict",
        };
        let by = match facts.lapses {
            Some(at) if facts.extension => format!(" The access ends at {}.", self.at(at)),
            Some(at) => format!(" It lapses at {}.", self.at(at)),
            None => String::new(),
        };
        clean(&title, &format!("{id} {first}.{by}"))
    }

    fn number_only(self, what: What, facts: &Facts) -> (Clean, Clean) {
        let id = facts.number;
        let title = match what {
            What::Ask | What::Again | What::Changed if facts.emergency => format!("EMERGENCY: {id} waits for you"),
            What::Ask | What::Again | What::Changed => format!("{id} waits for you"),
            What::Decided | What::Settled => format!("{id} was decided"),
            What::Unanswered => format!("{id}: nobody has answered yet"),
            What::Lapsing => format!("{id} is about to lapse"),
            What::Lapsed => format!("{id} lapsed"),
            What::Ready => format!("{id} is ready"),
            What::Failed => format!("{id} could not be given"),
            What::Ended => format!("{id} was ended"),
            What::Ending => match facts.ends {
                Some(at) => format!("{id} ends at {}", self.at(at)),
                None => format!("{id} ends soon"),
            },
            What::Overdue => format!("OVERDUE REMOVAL: {id}"),
            What::Removed => format!("{id} was removed"),
            What::Other => format!("{id}: there is news"),
        };
        clean(&title, "")
    }

    /// `approved by Sam Lee at 02:14 CET`.
    fn verdict(self, facts: &Facts) -> String {
        match &facts.verdict {
            Some(verdict) if !matches!(facts.status, Status::Withdrawn | Status::Lapsed) => {
                format!("{} by {} at {}", verdict.word, verdict.by, self.at(verdict.at))
            }
            _ => outcome(facts),
        }
    }

    fn holds_until(self, facts: &Facts) -> String {
        let given = matches!(facts.status, Status::Approved | Status::Granting | Status::Active);
        facts.ends.filter(|_| given).map(|at| format!(", until {}", self.at(at))).unwrap_or_default()
    }

    /// `5 min`: whole minutes, never fewer than there are.
    fn left(self, facts: &Facts) -> String {
        let seconds = facts.ends.map_or(0, |at| at.since(self.now).seconds().max(0));
        format!("{} min", (seconds + 59) / 60)
    }

    /// Several at once. Those that are named come most urgent first.
    pub fn several<'a>(&self, count: Count, of: impl Iterator<Item = &'a Facts>) -> (Clean, Clean) {
        let mut parts = Vec::new();
        if count.overdue > 0 {
            let are = if count.overdue == 1 { "is" } else { "are" };
            parts.push(format!("{} {are} OVERDUE", some(count.overdue, "removal")));
        }
        if count.waiting > 0 {
            let wait = if count.waiting == 1 { "waits" } else { "wait" };
            let urgent = match count.emergencies {
                0 => String::new(),
                1 if count.waiting == 1 => ", an EMERGENCY".into(),
                1 => ", 1 of them an EMERGENCY".into(),
                some => format!(", {some} of them EMERGENCIES"),
            };
            parts.push(format!("{} {wait} for you{urgent}", some(count.waiting, "request")));
        }
        if count.other > 0 {
            let news = if count.other == 1 { "piece" } else { "pieces" };
            parts.push(format!("{} {news} of news", count.other));
        }
        let mut named: Vec<String> = of
            .take(NAMED + 1)
            .map(
                |facts| {
                    if self.private { facts.number.to_string() } else { format!("{} {}", facts.number, facts.system) }
                },
            )
            .collect();
        if named.len() > NAMED {
            named.truncate(NAMED);
            named.push("…".into());
        }
        clean(&parts.join("; "), &named.join(", "))
    }
}

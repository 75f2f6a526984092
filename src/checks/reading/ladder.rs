//! Which of a system's roles a task needs: its verbs and things against what each role allows.

use super::lexicon::{Does, is_small};
use super::words::{Words, stem};
use super::{Task, does_of};
use std::collections::BTreeSet;

/// A role as the policy words it.
#[derive(Debug, Clone, Copy)]
pub struct Rung<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it allows.
    pub allows: &'a str,
}

/// Why a role seems broader than its task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broad {
    /// The task only looks, and a narrower role does that.
    OnlyReads(String),
    /// A narrower role covers what the task does.
    Covered(String),
    /// A broad role for a task that names nothing that would need it.
    Unsupported,
}

/// Words of a role that say how much, not what.
const GENERIC: &[&str] = &[
    "everything",
    "incl",
    "including",
    "admin",
    "all",
    "any",
    "full",
    "single",
    "approved",
    "existing",
    "plus",
    "other",
    "shell",
    "root",
    "owner",
    "editor",
    "new",
    "whole",
    "live",
    "hosts",
    "only",
    "one",
    "data",
    "system",
    "systems",
];
/// What only a broad role gives.
const WIDE: &[&str] = &[
    "everything",
    "all",
    "users",
    "user",
    "keys",
    "key",
    "schema",
    "ddl",
    "deletes",
    "delete",
    "rights",
    "policies",
    "certificates",
    "acls",
    "roles",
    "accounts",
    "admin",
    "root",
    "owner",
    "superuser",
    "bulk",
    "secrets",
    "nodes",
    "transfer",
    "permanently",
    "firmware",
    "settings",
    "flush",
    "config",
    "sources",
    "templates",
    "shell",
    "passwords",
    "credentials",
    "retention",
    "plugins",
    "security",
    "carrier",
    "exports",
];
/// Reading, where nothing else is said.
const PURE: &[&str] = &[
    "read",
    "see",
    "view",
    "look",
    "list",
    "count",
    "compare",
    "check",
    "find",
    "tell",
    "show",
    "name",
    "report",
    "note",
    "watch",
    "print",
    "verify",
    "confirm",
    "describe",
    "query",
    "search",
    "grep",
    "fetch",
    "get",
    "pull",
    "select",
    "inspect",
    "review",
    "download",
    "determine",
    "identify",
    "measure",
    "copy",
    "collect",
    "capture",
    "answer",
    "explain",
    "tail",
    "trace",
    "examine",
];
/// Done to see that it worked.
const TRIES: &[&str] = &["test", "reload", "open", "put", "roll", "revert", "ping", "send", "place"];
/// Said to show that a broad role is needed.
const REASONED: &[&str] = &[
    "only in",
    "exists only",
    "only the",
    "only admin",
    "only owner",
    "needs admin",
    "no narrower",
    "not enough",
    "cannot do this",
    "not possible with",
    "isn't possible",
    "is not possible",
    "only possible",
];

fn role_words(rung: Rung<'_>) -> BTreeSet<String> {
    Words::of(rung.allows)
        .all()
        .flat_map(|word| word.low.split(['-', '/', '_']).map(str::to_owned).collect::<Vec<_>>())
        .chain(rung.name.split(['-', '_']).map(str::to_lowercase))
        .filter(|word| !is_small(word) && !word.is_empty())
        .collect()
}

fn role_does(rung: Rung<'_>) -> BTreeSet<u8> {
    let mut out = BTreeSet::new();
    for word in role_words(rung) {
        let base = word.strip_suffix('s').unwrap_or(&word);
        let found = does_of(&word);
        let found = if found.is_empty() { does_of(base) } else { found };
        out.extend(found.iter().map(|does| *does as u8));
    }
    if out.is_empty() {
        let low = rung.allows.to_lowercase();
        if ["select", "info", "logs", "statistics", "status", "metrics", "graphs"].iter().any(|word| low.contains(word))
        {
            out.insert(Does::Reads as u8);
        }
    }
    out
}

fn stems(words: &BTreeSet<String>) -> BTreeSet<String> {
    words.iter().filter(|word| !GENERIC.contains(&word.as_str())).map(|word| stem(word)).collect()
}

/// Whether a role only looks.
fn only_reads(rung: Rung<'_>) -> bool {
    let words = role_words(rung);
    let looks = role_does(rung).contains(&(Does::Reads as u8));
    let acts = words.iter().any(|word| {
        let found = does_of(word);
        !found.is_empty() && !found.contains(&Does::Reads)
    });
    looks && !acts && !is_wide(rung)
}

/// Whether a role gives much at once.
fn is_wide(rung: Rung<'_>) -> bool {
    let words = role_words(rung);
    let name_says = rung.name.to_lowercase().split(['-', '_']).any(|part| {
        [
            "admin",
            "root",
            "owner",
            "superuser",
            "dba",
            "sysprog",
            "custodian",
            "shell",
            "master",
            "god",
            "sudo",
            "administrator",
        ]
        .contains(&part)
    });
    name_says
        || words.contains("everything")
        || words.iter().filter(|word| WIDE.contains(&word.as_str())).count() > 1 && !words.contains("single")
}

/// Whether `chosen` is broader than the task needs; `narrower` are the roles that it contains, narrowest first.
pub fn broad(task: &Task, unclear: bool, chosen: Rung<'_>, narrower: &[Rung<'_>]) -> Option<Broad> {
    if narrower.is_empty() {
        return None;
    }
    if task.words.has(REASONED).is_some() {
        return None;
    }
    let below: BTreeSet<String> = narrower.iter().flat_map(|rung| stems(&role_words(*rung))).collect();
    let own: BTreeSet<String> = stems(&role_words(chosen)).difference(&below).cloned().collect();
    let acts_in = |at: usize| task.actions.is_empty() || task.actions.iter().any(|action| action.clause == at);
    let acting_words =
        task.words.clauses.iter().enumerate().filter(|(at, _)| acts_in(*at)).flat_map(|(_, clause)| &clause.words);
    let said: BTreeSet<String> =
        acting_words.flat_map(|word| word.low.split(['-', '/']).map(stem).collect::<Vec<_>>()).collect();
    let own_said = own.iter().filter(|word| said.contains(*word)).count();
    let below_said =
        narrower.iter().map(|rung| stems(&role_words(*rung)).iter().filter(|word| said.contains(*word)).count()).max();
    let own_verb = task.actions.iter().any(|action| own.contains(&stem(&action.verb)));
    if !unclear && (own_verb || own_said > 0 && own_said >= below_said.unwrap_or(0)) {
        return None;
    }
    let pure = !task.actions.is_empty()
        && task.actions.iter().all(|action| {
            if task.foreign || action.verb == "run" {
                action.does == [Does::Reads]
            } else {
                PURE.contains(&action.verb.as_str()) || PURE.contains(&action.verb.trim_end_matches("ing"))
            }
        });
    let asks = task.actions.is_empty() && task.question && !task.foreign;
    if pure || asks && !unclear {
        let looks = narrower.iter().find(|rung| role_does(**rung).contains(&(Does::Reads as u8)));
        if let Some(looks) = looks.filter(|_| !only_reads(chosen) || is_wide(chosen)) {
            return Some(Broad::OnlyReads(looks.name.to_owned()));
        }
    }
    if unclear {
        return is_wide(chosen).then_some(Broad::Unsupported);
    }
    let acting: Vec<_> = task
        .actions
        .iter()
        .filter(|action| !action.does.contains(&Does::Reads) && !action.loose && !TRIES.contains(&action.verb.as_str()))
        .collect();
    if acting.is_empty() {
        return None;
    }
    let covers = |rung: Rung<'_>| {
        let gives = role_does(rung);
        let words = stems(&role_words(rung));
        acting.iter().all(|action| {
            words.contains(&stem(&action.verb)) || action.does.iter().any(|does| gives.contains(&(*does as u8)))
        })
    };
    if let Some(enough) = narrower.iter().find(|rung| !only_reads(**rung) && covers(**rung)) {
        return Some(Broad::Covered(enough.name.to_owned()));
    }
    None
}

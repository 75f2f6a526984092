//! Which of a system's roles a task needs: its verbs and things against what each role allows.

use super::lexicon::{Does, is_small};
use super::words::{Word, Words, stem};
use super::{Action, Task, does_of};
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
    "investigate",
    "analyse",
    "analyze",
    "debug",
    "monitor",
    "observe",
    "diagnose",
];
/// Done to see that it worked.
const TRIES: &[&str] = &["test", "reload", "open", "put", "roll", "revert", "ping", "send", "place"];
/// Where a role acts on a copy only.
const COPIES: &[&str] =
    &["test", "scratch", "staging", "sandbox", "isolated", "spare", "drill", "trial", "rehearsal", "copy"];
/// Beside the role's name, these say why it is this one.
const NEEDS: &[&str] = &["only", "needs", "need", "needed", "requires", "required", "otherwise", "nur", "solo"];
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
    "only exists",
    "rights are needed",
    "cannot otherwise",
];

fn role_words(rung: Rung<'_>) -> BTreeSet<String> {
    let mut words = all_words(rung);
    // Running a query is looking.
    if words.iter().any(|word| ["select", "query", "queries", "searches", "reports"].contains(&word.as_str())) {
        words.remove("run");
    }
    words
}

fn all_words(rung: Rung<'_>) -> BTreeSet<String> {
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

fn is_pure(action: &Action) -> bool {
    PURE.iter().any(|verb| super::is_form(&action.verb, verb))
}

/// Whether it names this very role and says why: *needs owner*, *only in dba*.
fn says_why(task: &Task, chosen: Rung<'_>) -> bool {
    let name = chosen.name.to_lowercase();
    task.words.clauses.iter().any(|clause| {
        let has = |wanted: &dyn Fn(&str) -> bool| clause.words.iter().any(|word| wanted(&word.low));
        has(&|word| word == name) && has(&|word| NEEDS.contains(&word))
    })
}

/// Whether `chosen` is broader than the task needs; `narrower` are the roles that it contains, narrowest first,
/// and `top` says that no other role contains it.
pub fn broad(task: &Task, unclear: bool, chosen: Rung<'_>, narrower: &[Rung<'_>], top: bool) -> Option<Broad> {
    if narrower.is_empty() {
        return None;
    }
    if task.words.has(REASONED).is_some() || !unclear && says_why(task, chosen) {
        return None;
    }
    let below: BTreeSet<String> = narrower.iter().flat_map(|rung| stems(&role_words(*rung))).collect();
    let own: BTreeSet<String> = stems(&role_words(chosen)).difference(&below).cloned().collect();
    let acts_in = |at: usize| task.actions.is_empty() || task.actions.iter().any(|action| action.clause == at);
    // What was done to it is not what will be done.
    let past = |words: &[Word], at: usize| {
        let before = at.checked_sub(1).and_then(|before| words.get(before)).map_or("", |word| word.low.as_str());
        ["is", "was", "were", "been", "got"].contains(&before)
            && words.get(at).is_some_and(|word| word.low.ends_with("ed"))
    };
    let acting_words = task.words.clauses.iter().enumerate().filter(|(at, _)| acts_in(*at)).flat_map(|(_, clause)| {
        let words = &clause.words;
        words.iter().enumerate().filter(|(at, _)| !past(words, *at)).map(|(_, word)| word)
    });
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
            let reads = action.does == [Does::Reads];
            if task.foreign || action.verb == "run" { reads } else { is_pure(action) || reads && !action.loose }
        });
    let asks = task.actions.is_empty() && task.question && !task.foreign;
    if (pure && own_said == 0) || asks && !unclear {
        let looks = narrower.iter().find(|rung| role_does(**rung).contains(&(Does::Reads as u8)));
        if let Some(looks) = looks.filter(|_| !only_reads(chosen) || is_wide(chosen)) {
            return Some(Broad::OnlyReads(looks.name.to_owned()));
        }
    }
    if unclear {
        // What contains all the others needs a reason; a pointer may have had one.
        let alone = top && narrower.len() > 1 && !own_verb && !task.points();
        return (alone || is_wide(chosen)).then_some(Broad::Unsupported);
    }
    let acting: Vec<_> = task
        .actions
        .iter()
        .enumerate()
        .filter(|(at, action)| {
            let verb = action.verb.as_str();
            // A loose word is no longer loose where a role is named by it; what comes first is the deed, not a try.
            let known = !is_pure(action) && narrower.iter().any(|rung| role_words(*rung).contains(verb));
            let loose = action.loose && !known;
            (known || !action.does.contains(&Does::Reads)) && !loose && (*at == 0 || !TRIES.contains(&verb))
        })
        .map(|(_, action)| action)
        .collect();
    if acting.is_empty() {
        return None;
    }
    let on_copies = task.words.has(COPIES).is_some();
    let covers = |rung: Rung<'_>| {
        let gives = role_does(rung);
        let words = stems(&role_words(rung));
        let copies = role_words(rung).iter().any(|word| COPIES.contains(&word.as_str()));
        (!copies || on_copies)
            && acting.iter().all(|action| {
                let verb = words.contains(&stem(&action.verb));
                // The same kind of act is little: it has to be on what that role is about, or the role asked for gives much.
                let near = is_wide(chosen) || words.iter().any(|word| said.contains(word));
                verb || near && action.does.iter().any(|does| gives.contains(&(*does as u8)))
            })
    };
    if let Some(enough) = narrower.iter().find(|rung| !only_reads(**rung) && covers(**rung)) {
        return Some(Broad::Covered(enough.name.to_owned()));
    }
    None
}

//! The laws of the house, read out of the sources: what may know what. Each breach names its line and the cure.

mod circles;
mod source;

use regex::Regex;
use source::Source;
use std::path::Path;
use std::process::Command;

/// The floors, lowest first. On the first one imports go leftwards only; on the others a room knows no neighbour.
const FLOORS: [&[&str]; 6] = [
    &["text", "policy", "checks", "access", "trail", "answers"],
    &["clock", "secret", "outbound", "wire", "config", "calendar", "program", "render"],
    &["store", "provision", "notify", "client", "recording"],
    &["service", "notifier"],
    &["server", "cli", "admin", "dashboard", "doctor", "chat", "gateway"],
    &["demo", "rooms"],
];

/// What stands at the top of the tree, beside dot-files.
const TOP: [&str; 9] =
    ["Cargo.toml", "Cargo.lock", "src", "assets", "tests", "config", "README.md", "CHANGELOG.md", "LICENSE"];

/// The longest a source file may be, in lines.
const LONGEST: usize = 600;

/// Words that only some places may say.
struct Words {
    /// Matched against each line of code and each path that it names.
    pattern: &'static str,
    /// Files, or folders with a slash at their end.
    only: &'static [&'static str],
    cure: &'static str,
}

const WORDS: &[Words] = &[
    Words {
        pattern: r"\bsqlx\b",
        only: &["store/", "provision/postgres/", "provision/postgres.rs"],
        cure: "only store and provision/postgres speak to a database: ask the store",
    },
    Words {
        pattern: r"\bsqlx::(Sqlite|Postgres)\b|\bsqlx::(sqlite|postgres)::|\b(Sqlite|Pg)(Pool|Connection|ConnectOptions|Row|Listener|Transaction)\b",
        only: &["store/engine/", "provision/postgres/", "provision/postgres.rs"],
        cure: "only store/engine knows which engine it is: use its macro",
    },
    Words {
        pattern: r"\b(SystemTime|Instant|Utc|Local)::now\b|\bclock_gettime\b",
        only: &["clock.rs"],
        cure: "only clock.rs reads the time: take it as an argument",
    },
    Words {
        pattern: r"\bring::rand\b|\bSystemRandom\b|\bgetrandom\b|\brand::",
        only: &["secret.rs"],
        cure: "only secret.rs draws chance: ask it",
    },
    Words {
        pattern: r"\bClient::builder\b|\bClientBuilder\b|\breqwest::Client::new\b",
        only: &["outbound.rs", "client.rs", "client/"],
        cure: "only outbound.rs builds a client to foreign HTTP, with its address guard: ask it",
    },
    Words { pattern: r"\baxum\b|\baxum_server\b", only: &["server.rs", "server/"], cure: "only server knows axum" },
    Words {
        pattern: r"\bStatusCode\b",
        only: &["server.rs", "server/", "client.rs", "client/"],
        cure: "only server answers with status codes, only client reads them: say a Refusal",
    },
    Words {
        pattern: r"\bStore::simulated\b|\bClock::stepped\b|\bChance::seeded\b|\bSeams \{",
        only: &["service/mod.rs"],
        cure: "only tests simulate: take the real store, clock and chance",
    },
    Words {
        pattern: r"\bStore::(open|create)\w*",
        only: &["store/", "admin/", "service/", "demo/", "doctor/"],
        cure: "only admin, service, demo and doctor open a store: take the service or the client",
    },
];

/// Rooms that must not know others although these are on a floor below: who, whom, and what to do instead.
const STRANGERS: [(&str, &[&str], &str); 5] = [
    ("notifier", &["store", "provision"], "the notifier sees requests only through client"),
    ("cli", &["store", "service", "provision"], "cli sees requests only through client"),
    ("dashboard", &["store", "service", "provision"], "the dashboard sees requests only through client"),
    ("server", &["client"], "client and server meet only in wire"),
    ("client", &["server", "service", "store"], "client and server meet only in wire"),
];

/// What the first floor never mentions.
const IMPURE: &str =
    r"\b(tokio|sqlx|axum|reqwest|ratatui)\b|\bstd::fs\b|\b(SystemTime|Instant|Utc|Local)::now\b|\bclock_gettime\b";

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

/// Where the rooms of the crate are used, with the line.
fn rooms_used(source: &Source) -> Vec<(usize, String)> {
    let mut used: Vec<(usize, String)> = source
        .names()
        .into_iter()
        .filter_map(|name| {
            let room = name.path.strip_prefix("crate::")?.split("::").next()?.to_owned();
            Some((name.line, room))
        })
        .filter(|(_, room)| room != source.room() && room.starts_with(|c: char| c.is_ascii_lowercase()))
        .collect();
    used.sort();
    used.dedup();
    used
}

fn imports_that_climb(sources: &[Source]) -> Vec<String> {
    let mut breaches = Vec::new();
    for source in sources.iter().filter(|source| !["lib", "main"].contains(&source.room())) {
        let Some(own) = floor(source.room()) else {
            breaches.push(format!(
                "src/{}:1: the room {} is on no floor: give it one in FLOORS",
                source.path,
                source.room()
            ));
            continue;
        };
        for (line, room) in rooms_used(source) {
            let place = |room: &str| FLOORS[0].iter().position(|other| *other == room);
            let below = match floor(&room) {
                None => false,
                Some(0) if own == 0 => place(&room) < place(source.room()),
                Some(floor) => floor < own,
            };
            if !below {
                breaches.push(format!(
                    "src/{}:{line}: {} may not know {room}, which is not below it: move what both need to a lower floor",
                    source.path,
                    source.room()
                ));
            }
        }
    }
    breaches
}

fn strangers_met(sources: &[Source]) -> Vec<String> {
    let mut breaches = Vec::new();
    for source in sources {
        for (who, whom, cure) in STRANGERS.iter().filter(|(who, ..)| *who == source.room()) {
            for (line, room) in rooms_used(source).into_iter().filter(|(_, room)| whom.contains(&room.as_str())) {
                breaches.push(format!("src/{}:{line}: {who} may not know {room}: {cure}", source.path));
            }
        }
    }
    breaches
}

/// Lines of code, and paths named on them, that match; each line once.
fn matching(source: &Source, pattern: &str) -> Vec<(usize, String)> {
    let pattern = Regex::new(pattern).unwrap();
    let mut found: Vec<(usize, String)> = Vec::new();
    for (index, line) in source.code.iter().enumerate() {
        found.extend(pattern.find(line).map(|word| (index + 1, word.as_str().to_owned())));
    }
    for name in source.names() {
        found.extend(pattern.find(&name.path).map(|word| (name.line, word.as_str().to_owned())));
    }
    found.sort();
    found.dedup_by_key(|(line, _)| *line);
    found
}

fn words_out_of_place(sources: &[Source]) -> Vec<String> {
    let mut breaches = Vec::new();
    for source in sources.iter().filter(|source| !source.is_test()) {
        for words in WORDS {
            let allowed = words
                .only
                .iter()
                .any(|place| source.path == *place || (place.ends_with('/') && source.path.starts_with(place)));
            if !allowed {
                for (line, word) in matching(source, words.pattern) {
                    breaches.push(format!("src/{}:{line}: {word}: {}", source.path, words.cure));
                }
            }
        }
        if floor(source.room()) == Some(0) {
            for (line, word) in matching(source, IMPURE) {
                breaches.push(format!(
                    "src/{}:{line}: {word}: the first floor is pure; do this on a higher floor and pass the value",
                    source.path
                ));
            }
        }
    }
    breaches
}

fn files_too_long(sources: &[Source]) -> Vec<String> {
    sources
        .iter()
        .filter(|source| source.length > LONGEST)
        .map(|source| {
            format!("{}:{}: longer than {LONGEST} lines: give a part of it a file", source.path, source.length)
        })
        .collect()
}

fn tops_that_do_not_belong(files: &str) -> Vec<String> {
    let mut tops: Vec<&str> = files
        .lines()
        .map(|file| file.split('/').next().unwrap_or_default())
        .filter(|top| !top.starts_with('.') && !TOP.contains(top))
        .collect();
    tops.dedup();
    tops.into_iter().map(|top| format!("{top}:1: does not belong at the top: put it into one of {TOP:?}")).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn src() -> Vec<Source> {
    Source::all(&root().join("src"))
}

#[track_caller]
fn held(breaches: &[String]) {
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

#[test]
fn imports_go_down() {
    held(&imports_that_climb(&src()));
}

#[test]
fn files_make_no_circles() {
    held(&circles::circles(&src()));
}

#[test]
fn faces_keep_to_their_doors() {
    held(&strangers_met(&src()));
}

#[test]
fn words_stay_in_their_places() {
    held(&words_out_of_place(&src()));
}

#[test]
fn files_are_short() {
    held(&files_too_long(&src()));
    held(&files_too_long(&Source::all(&root().join("tests"))));
}

#[test]
fn the_top_is_tidy() {
    let listed = Command::new("git").args(["-c", "safe.directory=*", "ls-files"]).current_dir(root()).output();
    match listed {
        Ok(listed) if listed.status.success() && !listed.stdout.is_empty() => {
            held(&tops_that_do_not_belong(&String::from_utf8_lossy(&listed.stdout)));
        }
        _ => crate::support::skip("laws::the_top_is_tidy", "this is no git checkout"),
    }
}

/// A law that nothing can break holds nothing: each one is broken here.
#[test]
fn the_laws_can_be_broken() {
    let breaches = |path: &str, text: &str| {
        let source = [Source::new(path, text)];
        let mut all = imports_that_climb(&source);
        all.extend(strangers_met(&source));
        all.extend(words_out_of_place(&source));
        all
    };
    for (path, text) in [
        ("text/name.rs", "use crate::policy::Policy;"),
        ("policy/mod.rs", "use crate::{text::Name, access::Request};"),
        ("policy/mod.rs", "use std::{collections::BTreeMap, fs};"),
        ("access/decide/mod.rs", "fn f() { super::super::trail::x(); }"),
        ("access/mod.rs", "use tokio::time;"),
        ("clock.rs", "use super::store;"),
        ("store/mod.rs", "use crate::provision::Spec;"),
        ("service/act.rs", "use crate::server;"),
        ("cli/approve.rs", "use crate::store::Store;"),
        ("dashboard/run.rs", "fn f() { crate::service::act(); }"),
        ("server/mod.rs", "use crate::client::Client;"),
        ("service/mod.rs", "use sqlx::Row;"),
        ("store/read.rs", "use sqlx::{Row, Postgres};"),
        ("store/read.rs", "use sqlx::postgres::PgRow;"),
        ("service/mod.rs", "let now = std::time::Instant::now();"),
        ("service/mod.rs", "use ring::rand;"),
        ("notify/webhook.rs", "let client = reqwest::Client::builder();"),
        ("admin/mod.rs", "use axum::Router;"),
        ("service/mod.rs", "fn f() -> StatusCode {}"),
        ("server/mod.rs", "let store = Store::open(url);"),
        ("service/host.rs", "let store = Store::simulated(it);"),
        ("service/act.rs", "let chance = Chance::seeded(7);"),
        ("demo/mod.rs", "let clock = Clock::stepped(at);"),
        ("notifier/follow.rs", "use crate::store::Store;"),
        ("novelty/mod.rs", "fn f() {}"),
    ] {
        let found = breaches(path, text);
        assert!(!found.is_empty(), "{path}: {text}");
        assert!(found.iter().all(|breach| breach.starts_with(&format!("src/{path}:1: "))), "{found:?}");
    }
    for (path, text) in [
        ("policy/mod.rs", "use crate::text::Name; // tokio"),
        ("clock.rs", "let now = std::time::Instant::now();"),
        ("store/engine/mod.rs", "use sqlx::Postgres; enum Engine { Postgres }"),
        ("client/mod.rs", "use reqwest::StatusCode; use crate::wire::View;"),
        ("provision/files/mod.rs", "use super::contract; use super::super::text::Length; use self::folder::Folder;"),
        ("service/mod.rs", "let brand::X = operand::y;\n#[cfg(test)]\nmod tests {\n    use sqlx::Row;\n}"),
        ("demo/mod.rs", "use crate::{client, server, service, store};"),
    ] {
        assert_eq!(breaches(path, text), [""; 0], "{path}: {text}");
    }
    assert_eq!(tops_that_do_not_belong("Cargo.toml\nsrc/lib.rs\n.ci/run\nscripts/x\nscripts/y\n").len(), 1);
    assert_eq!(files_too_long(&[Source::new("a.rs", &"\n".repeat(601))]).len(), 1);
}

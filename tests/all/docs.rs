//! What the pages say holds: each command in them exists, the exit codes are the program's, the samples load.

use crate::support::{TempFolder, binary};
use nightlatch::cli::Exit;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(file(name)).unwrap()
}

/// The program in a home of its own.
fn nightlatch(words: &[&str]) -> Output {
    let home = TempFolder::new();
    let mut command = Command::new(binary());
    for name in ["NIGHTLATCH_STORE", "NIGHTLATCH_TOKEN", "NIGHTLATCH_CONFIG"] {
        command.env_remove(name);
    }
    for name in ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"] {
        command.env(name, home.path());
    }
    command.args(words).stdin(Stdio::null()).output().unwrap()
}

/// The words after each `nightlatch` that a page runs at a prompt, in its code blocks; of a pipe, each part.
fn commands(page: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        inside ^= line.trim_start().starts_with("```");
        let Some(line) = line.strip_prefix("$ ").filter(|_| inside) else { continue };
        for part in line.replace("$(", " | ").replace(')', " ").replace([';', '"'], " | ").split('|') {
            let mut words = part.split_whitespace();
            if words.next() == Some("nightlatch") {
                found.push(words.map(str::to_owned).collect());
            }
        }
    }
    found
}

/// The verb, and the verb below it where there is one: words before the first that is none.
fn verbs(words: &[String]) -> Vec<&str> {
    let plain = |word: &&str| word.chars().all(|c| c.is_ascii_lowercase() || c == '-') && !word.starts_with('-');
    let two = matches!(words.first().map(String::as_str), Some("admin" | "audit" | "policy" | "config" | "removal"));
    let three = words.first().is_some_and(|word| word == "admin")
        && matches!(words.get(1).map(String::as_str), Some("token" | "webhook"));
    words.iter().map(String::as_str).take_while(plain).take(1 + usize::from(two) + usize::from(three)).collect()
}

#[test]
fn every_command_in_the_pages_exists() {
    let mut seen = BTreeSet::new();
    for page in ["README.md", "config/README.md"] {
        for words in commands(&text(page)) {
            let verb = verbs(&words);
            assert!(!verb.is_empty(), "{page}: nightlatch {words:?} names no verb");
            let help = nightlatch(&[verb.as_slice(), &["--help"]].concat());
            let said = String::from_utf8_lossy(&help.stdout).into_owned();
            assert!(help.status.success(), "{page}: nightlatch {} is no command", verb.join(" "));
            for option in words.iter().filter(|word| word.starts_with("--") && word.len() > 2) {
                assert!(said.contains(option.as_str()), "{page}: nightlatch {} has no {option}", verb.join(" "));
            }
            seen.insert(verb.join(" "));
        }
    }
    for verb in ["request", "approve", "hand-back", "show", "audit verify", "serve", "admin token create", "login"] {
        assert!(seen.contains(verb), "the pages no longer show {verb}: {seen:?}");
    }
}

/// Every exit code that is the program's own. A new one breaks the match.
fn exits() -> Vec<u8> {
    let all = [
        Exit::Done,
        Exit::Fault,
        Exit::Usage,
        Exit::Refused,
        Exit::Identity,
        Exit::NotFound,
        Exit::Changed,
        Exit::Away,
        Exit::Broken,
        Exit::Blocked,
        Exit::WaitsForMe,
        Exit::Overdue,
        Exit::Cached,
    ];
    all.map(|exit| match exit {
        Exit::Done
        | Exit::Fault
        | Exit::Usage
        | Exit::Refused
        | Exit::Identity
        | Exit::NotFound
        | Exit::Changed
        | Exit::Away
        | Exit::Broken
        | Exit::Blocked
        | Exit::WaitsForMe
        | Exit::Overdue
        | Exit::Cached
        | Exit::Of(_) => exit.code(),
    })
    .to_vec()
}

#[test]
fn the_exit_codes_of_the_page_are_the_programs() {
    let page = text("README.md");
    let table = page.split("## Exit codes").nth(1).unwrap().split("\n## ").next().unwrap();
    let told: BTreeMap<u8, &str> = table
        .lines()
        .filter_map(|line| {
            let (code, words) = line.strip_prefix("| ")?.split_once(" | ")?;
            Some((code.parse().ok()?, words.trim_end_matches(" |")))
        })
        .collect();
    assert_eq!(told.keys().copied().collect::<Vec<_>>(), exits());
    for (code, word) in [(0, "done"), (2, "usage"), (3, "rule"), (4, "who"), (6, "changed"), (8, "verification")] {
        assert!(told[&code].contains(word), "{code}: {}", told[&code]);
    }
}

#[test]
fn the_samples_load() {
    let folder = TempFolder::new();
    for name in ["policy.toml", "server.toml", "config.toml"] {
        folder.write(&format!("nightlatch/{name}"), &text(&format!("config/{name}")));
    }
    let policy = folder.join("nightlatch/policy.toml");
    let checked = nightlatch(&["policy", "check", policy.to_str().unwrap()]);
    assert!(checked.status.success(), "{checked:?}");
    assert!(String::from_utf8_lossy(&checked.stdout).contains("0 warnings"), "{checked:?}");
    // All three where a person's own files lie.
    let mut check = Command::new(binary());
    check.args(["config", "check"]).env("XDG_CONFIG_HOME", folder.path()).env("HOME", folder.path());
    let checked = check.env_remove("NIGHTLATCH_CONFIG").env_remove("NIGHTLATCH_STORE").output().unwrap();
    let said = String::from_utf8_lossy(&checked.stdout);
    assert!(checked.status.success() && said.contains("all is sound"), "{checked:?}");
    for name in ["policy.toml", "server.toml", "config.toml"] {
        assert!(said.contains(&format!("nightlatch/{name}")), "{name} was not looked at: {said}");
    }
}

#[test]
fn a_named_file_is_checked_as_what_it_is() {
    let folder = TempFolder::new();
    let check = |name: &str| {
        let file = folder.join(name);
        let mut check = Command::new(binary());
        check.args(["config", "check", "--config", file.to_str().unwrap()]);
        check.env("XDG_CONFIG_HOME", folder.path()).env("HOME", folder.path());
        check.env_remove("NIGHTLATCH_CONFIG").env_remove("NIGHTLATCH_STORE").output().unwrap()
    };
    folder.write("server.toml", "policy = \"policy.toml\"\n[store]\nurl = \"oracle:x\"\n");
    let said = check("server.toml");
    assert_eq!(said.status.code(), Some(2), "{said:?}");
    assert!(String::from_utf8_lossy(&said.stdout).contains("server.toml:3:"), "{said:?}");
    folder.write("own.toml", "[store]\nurl = \"unix:/run/nightlatch/sock\"\n");
    assert!(check("own.toml").status.success());
    let said = check("nowhere.toml");
    assert_eq!(said.status.code(), Some(2), "{said:?}");
    assert!(String::from_utf8_lossy(&said.stderr).contains("is not there"), "{said:?}");
}

#[test]
fn the_guide_names_every_key() {
    let guide = text("config/README.md");
    let documented: BTreeSet<&str> =
        guide.split('`').skip(1).step_by(2).flat_map(|code| code.split(&[' ', '.', ',', '=', '[', ']'][..])).collect();
    let schemas = nightlatch(&["config", "schema", "--json"]);
    let schemas: serde_json::Value = serde_json::from_slice(&schemas.stdout).unwrap();
    let mut keys = BTreeSet::new();
    gather(&schemas, &mut keys);
    assert!(keys.len() > 60, "{keys:?}");
    let missing: Vec<&String> = keys.iter().filter(|key| !documented.contains(key.as_str())).collect();
    assert!(missing.is_empty(), "config/README.md does not say what these do: {missing:?}");
}

fn gather(schema: &serde_json::Value, keys: &mut BTreeSet<String>) {
    match schema {
        serde_json::Value::Object(fields) => {
            if let Some(serde_json::Value::Object(properties)) = fields.get("properties") {
                keys.extend(properties.keys().cloned());
            }
            fields.values().for_each(|value| gather(value, keys));
        }
        serde_json::Value::Array(values) => values.iter().for_each(|value| gather(value, keys)),
        _ => {}
    }
}

#[test]
fn the_verifier_is_python() {
    let source = "import ast, sys; ast.parse(open(sys.argv[1], encoding='utf-8').read(), sys.argv[1])";
    match Command::new("python3").args(["-I", "-c", source]).arg(file("assets/verify.py")).output() {
        Ok(parsed) => assert!(parsed.status.success(), "{}", String::from_utf8_lossy(&parsed.stderr)),
        Err(error) => crate::support::skip("the_verifier_is_python", &format!("python3: {error}")),
    }
}

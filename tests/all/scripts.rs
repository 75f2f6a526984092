//! What other programs run and read: the status bar's segment, the stream of changes, schemas, completions, the man page; and
//! files that somebody broke.

use crate::dashboard::pty::Pty;
use crate::support::TempFolder;
use crate::support::served::{Served, TASK, bare, ends, stdout, until};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

fn file(served: &Served) -> i64 {
    let body = json!({ "system": "payments", "role": "logs-read", "task": TASK, "window": { "for_seconds": 1800 },
        "kind": "emergency" });
    served.file(&body).json()["id"].as_i64().unwrap()
}

fn as_sam(served: &Served) -> Command {
    let mut command = served.command();
    command.env("NIGHTLATCH_TOKEN", served.token("sam"));
    command
}

/// A command like another one.
fn like(command: &Command, words: &[&str]) -> Command {
    let mut other = Command::new(command.get_program());
    other.env_clear().args(words).stdin(Stdio::null());
    for (name, value) in command.get_envs() {
        other.env(name, value.unwrap_or_default());
    }
    other
}

/// What a dashboard of this command kept.
fn kept(command: &Command) -> PathBuf {
    let folder = command.get_envs().find(|(name, _)| *name == "XDG_CACHE_HOME").unwrap().1.unwrap();
    let mut found = std::fs::read_dir(std::path::Path::new(folder).join("nightlatch")).unwrap();
    found.next().unwrap().unwrap().path()
}

#[test]
fn a_bar_reads_what_a_dashboard_saw_and_asks_nobody() {
    let mut served = Served::socket();
    let command = as_sam(&served);
    ends(&like(&command, &["bar"]).output().unwrap(), 7, "nightlatch -");
    file(&served);
    let mut pty = Pty::start(&command);
    // Nothing is kept before it is known whose it is.
    pty.shows("LIVE  sam");
    pty.shows("Restart the");
    pty.keys("q");
    assert!(pty.ends().success());
    // Nobody is there to be asked.
    served.signal(Signal::KILL);
    served.end();
    let say = |words: &[&str]| like(&command, words).output().unwrap();
    ends(&say(&["bar"]), 0, "1 pend 0 act\n");
    ends(&say(&["bar", "--format", "tmux"]), 0, "#[bold]1 pend#[default] 0 act\n");
    let waybar = say(&["bar", "--format", "waybar"]);
    ends(&waybar, 0, "");
    let waybar: Value = serde_json::from_str(&stdout(&waybar)).unwrap();
    assert_eq!((&waybar["text"], &waybar["class"]), (&json!("1 pend 0 act"), &json!("waits")));
    assert!(waybar["tooltip"].as_str().unwrap().contains("1 pending, 1 of them for you"), "{waybar}");
    // What is no board of ours is not used, and why is said.
    let path = kept(&command);
    let whole = std::fs::read_to_string(&path).unwrap();
    for (wrong, says) in [
        (whole[..whole.len() / 2].to_owned(), "it is broken"),
        (whole.replacen("\"version\":1", "\"version\":9", 1), "another version of nightlatch wrote it"),
        (whole.replacen("\"of\":\"", "\"of\":\"x", 1), "another person's"),
    ] {
        std::fs::write(&path, wrong).unwrap();
        ends(&say(&["bar", "--format", "waybar"]), 7, says);
        ends(&say(&["board", "--once"]), 7, says);
    }
    std::fs::write(&path, &whole).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    ends(&say(&["bar", "--format", "waybar"]), 7, "0644");
    // The dashboard opens without it, and says so.
    let mut pty = Pty::sized(&command, 200, 30);
    pty.shows("OFFLINE");
    pty.shows("is not used");
    pty.keys("q");
    assert!(pty.ends().success());
}

#[test]
fn a_line_of_json_for_each_change_until_it_is_ended() {
    let mut served = Served::socket();
    let mut watch = like(&as_sam(&served), &["board", "--watch-json"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
    let first = next();
    assert_eq!((&first["full"], &first["rows"]), (&json!(true), &json!([])), "{first}");
    let id = file(&served);
    let second = next();
    assert_eq!((&second["full"], &second["rows"][0]["id"]), (&json!(false), &json!(id)), "{second}");
    served.signal(Signal::KILL);
    served.end();
    let away = next();
    assert!(away["away"].is_string(), "{away}");
    let folder = served.folder.clone();
    let served = crate::support::served::Start { folder, ..crate::support::served::Start::socket() }.serve();
    let back = next();
    assert!(back["rows"].is_array(), "it is followed again: {back}");
    drop(served);
    crate::support::served::signal_to(watch.id(), Signal::TERM);
    watch.wait().unwrap();
}

#[test]
fn a_reader_that_leaves_ends_the_stream() {
    let served = Served::socket();
    let mut watch = like(&as_sam(&served), &["board", "--watch-json"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(watch.stdout.take().unwrap());
    out.read_line(&mut String::new()).unwrap();
    drop(out);
    let watch = std::cell::RefCell::new(watch);
    let ended = until("it ends", || {
        // Each change is a line that nobody takes.
        file(&served);
        watch.borrow_mut().try_wait().unwrap()
    });
    assert!(ended.success(), "{ended}");
}

#[test]
fn broken_lines_of_taste_are_left_out_alone_and_a_broken_store_is_not_guessed() {
    let served = Served::socket();
    let home = TempFolder::new();
    let mut command = bare(home.path());
    let store = format!("[store]\nurl = \"{}\"\n", served.address);
    let config = |text: &str| home.write("c/nightlatch/config.toml", text);
    let path = config(&format!(
        "{store}[dashboard]\ntheme = 7\n[dashboard.keys]\nquit = \"Q\nundo = \"enter\"\ndeny = \"a\"\nhelp = \"f1\"\n"
    ));
    let mut pty = Pty::sized(&command, 400, 30);
    pty.shows("LIVE");
    let left_out = [
        format!("{}:4, left out", path.display()),
        format!("{}:6, left out", path.display()),
        "config.toml:7: keys.undo: enter is pressed without looking".to_owned(),
        "config.toml:8: keys: a means both deny and approve; it stays with deny".to_owned(),
    ];
    pty.shows(&left_out[0]);
    pty.keys("\x1bOP");
    pty.shows("each opens a dialog");
    pty.keys("q");
    assert!(pty.ends().success());
    // At the end each of them is told in full.
    for line in &left_out {
        pty.shows(line);
    }
    // The strict look names them all.
    command.args(["config", "check", "--config"]).arg(&path);
    ends(&command.output().unwrap(), 2, "config.toml:4");
    config("[store\nurl = \"unix:/x\"\n");
    let mut pty = Pty::start(&bare(home.path()));
    assert_eq!(pty.ends().exit_code(), 2);
    pty.shows("config.toml:1");
}

#[test]
fn ascii_and_a_locale_without_utf8_show_nothing_else() {
    let served = Served::socket();
    file(&served);
    for (locale, flags) in [("C.UTF-8", &["--ascii"][..]), ("C", &[])] {
        let mut command = as_sam(&served);
        command.env("LANG", locale).args(flags);
        let mut pty = Pty::sized(&command, 160, 50);
        pty.shows("LIVE");
        pty.shows("Restart the");
        pty.keys("\r");
        pty.shows("you may");
        assert!(pty.raw().is_ascii(), "{}", pty.text());
        pty.keys("q");
        assert!(pty.ends().success());
    }
}

#[test]
fn the_man_page_and_the_completions_are_as_they_were_read() {
    let home = TempFolder::new();
    let say = |words: &[&str]| {
        let out = bare(home.path()).args(words).output().unwrap();
        ends(&out, 0, "");
        stdout(&out)
    };
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        insta::assert_snapshot!("man", say(&["man"]));
        insta::assert_snapshot!("man_approve", say(&["man", "approve"]));
        insta::assert_snapshot!("completions_fish", say(&["completions", "fish"]));
    });
    let fish = say(&["completions", "fish"]);
    let of_all = fish.lines().filter(|line| line.contains("__fish_nightlatch_needs_command"));
    let verbs: Vec<&str> = of_all
        .filter_map(|line| line.split_once("-a \"")?.1.split('"').next())
        .filter(|verb| *verb != "help")
        .collect();
    assert!(verbs.len() > 30, "{verbs:?}");
    for shell in ["bash", "zsh", "elvish", "powershell"] {
        let script = say(&["completions", shell]);
        let missing: Vec<&&str> = verbs.iter().filter(|verb| !script.contains(**verb)).collect();
        assert!(missing.is_empty(), "{shell}: {missing:?}");
    }
    let checked = Command::new("bash").args(["-n", "/dev/stdin"]).stdin(Stdio::piped()).spawn();
    if let Ok(mut checked) = checked {
        std::io::Write::write_all(&mut checked.stdin.take().unwrap(), say(&["completions", "bash"]).as_bytes())
            .unwrap();
        assert!(checked.wait().unwrap().success());
    }
    for verb in &verbs {
        assert!(say(&["man", verb]).contains(&verb.replace('-', "\\-")), "{verb}");
    }
}

#[test]
fn the_schemas_know_every_key_of_the_samples() {
    let home = TempFolder::new();
    let out = bare(home.path()).args(["config", "schema", "--json"]).output().unwrap();
    let schemas: Value = serde_json::from_str(&stdout(&out)).unwrap();
    for name in ["policy.toml", "server.toml", "config.toml"] {
        let schema = &schemas[name];
        assert!(schema["$schema"].as_str().unwrap().contains("json-schema.org"), "{name}");
        let text = std::fs::read_to_string(format!("{}/config/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let sample: toml::Table = text.parse().unwrap();
        for key in sample.keys() {
            assert!(schema["properties"][key].is_object(), "{name} has {key}, its schema has not");
        }
    }
}

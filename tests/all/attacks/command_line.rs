//! The command line as scripts see it: exit codes, streams, and what it says.

use crate::support::TempFolder;
use crate::support::served::{Served, Start, TASK, bare, ends, stderr, stdout};
use serde_json::Value;
use std::process::{Command, Output, Stdio};

fn as_sam(served: &Served, token: &str, args: &[&str]) -> Output {
    served.command().env("NIGHTLATCH_TOKEN", token).args(args).output().unwrap()
}

#[test]
fn exit_codes_are_as_promised() {
    let mut served = Served::socket();
    let sam = served.token("sam");
    let filed = served.cli(&["request", "payments", "restart", "--task", TASK, "--for", "30m", "--json"]);
    ends(&filed, 0, "\"id\":101");
    let version = serde_json::from_str::<Value>(&stdout(&filed)).unwrap()["version"].to_string();
    ends(&served.cli(&["show", "NL-101"]), 0, TASK);
    ends(&served.cli(&["board", "--once"]), 0, "NL-101");
    ends(&as_sam(&served, &sam, &["board", "--once"]), 10, "NL-101");

    ends(&served.cli(&["aprove", "101"]), 2, "no command");
    ends(&served.cli(&["show", "x"]), 2, "number of a request");
    ends(&served.cli(&["request", "payments", "restart", "--for", "5m"]), 2, "--task");
    ends(&as_sam(&served, &sam, &["deny", "101"]), 2, "--words");
    ends(&served.cli(&["list", "--limit", "0"]), 2, "--limit");
    ends(&served.cli(&["show", "101", "--config", "/nowhere.toml"]), 2, "/nowhere.toml");

    ends(&served.cli(&["approve", "101", "--seen", &version]), 3, "");
    ends(&served.cli(&["undo", "101"]), 3, "");
    ends(&as_sam(&served, &sam, &["amend", "101", "--for", "20m"]), 3, "only its requester");

    ends(&as_sam(&served, "nlt_wrong", &["list"]), 4, "not valid");
    ends(&served.cli(&["show", "999"]), 5, "no such request");
    ends(&served.cli(&["withdraw", "999"]), 5, "no such request");
    ends(&served.cli(&["amend", "101", "--for", "20m"]), 0, "NL-101");
    ends(&as_sam(&served, &sam, &["approve", "101", "--seen", &version]), 6, "changed");
    ends(&as_sam(&served, &sam, &["approve", "101", "--words", "go"]), 0, "NL-101");
    ends(&as_sam(&served, &sam, &["deny", "101", "--words", "no"]), 3, "");

    served.signal(rustix::process::Signal::TERM);
    assert_eq!(served.end().code(), Some(0));
    ends(&served.cli(&["list"]), 7, "");
    ends(&served.cli(&["board", "--once"]), 7, "");
    ends(&served.cli(&["list", "--store", "unix:/nowhere/sock"]), 7, "/nowhere/sock");
    ends(&served.cli(&["list", "--store", "http://127.0.0.1:1"]), 7, "127.0.0.1:1");
    ends(&served.cli(&["list", "--store", "http://store.example"]), 2, "https://");
    ends(&served.cli(&["list", "--store", "ftp://x"]), 2, "ftp");
}

#[test]
fn errors_are_json_where_json_was_asked_for() {
    let served = Served::socket();
    let cases: [(&[&str], i32, &str); 6] = [
        (&["show", "999", "--json"], 5, "not-found"),
        (&["--json", "request", "payments", "nope", "--task", TASK, "--for", "5m"], 2, "unknown-name"),
        (&["request", "payments", "--json"], 2, "usage"),
        (&["aprove", "--json"], 2, "usage"),
        (&["list", "--store", "unix:/nowhere/sock", "--json"], 7, "store-away"),
        (&["withdraw", "999", "--json"], 5, "not-found"),
    ];
    for (args, code, word) in cases {
        let out = served.cli(args);
        assert_eq!(out.status.code(), Some(code), "{args:?}: {out:?}");
        let problem: Value =
            serde_json::from_str(&stderr(&out)).unwrap_or_else(|bad| panic!("{bad}: {args:?}: {out:?}"));
        assert_eq!(problem["code"], word, "{args:?}: {problem}");
        assert!(!problem["detail"].as_str().unwrap().is_empty(), "{problem}");
        assert_eq!(stdout(&out), "", "{args:?}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_fault() {
    let served = Served::socket();
    let sam = served.token("sam");
    for n in 0..30 {
        let user = ["ana", "bo", "li", "lea", "aud"][n % 5];
        let body = super::asking(&serde_json::json!({ "user": user, "task": format!("{TASK} {}", "x".repeat(5000)) }));
        served.file(&body);
    }
    for line in [
        "audit export",
        "audit export --json",
        "list --json",
        "list",
        "board --once",
        "completions bash",
        "man",
        "--help",
        "policy show",
    ] {
        let script = format!("\"$0\" {line} | head -n 1 >/dev/null; echo \"${{PIPESTATUS[0]}}\" >&2");
        let mut command = Command::new("bash");
        for (name, value) in served.command().env("NIGHTLATCH_TOKEN", &sam).get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        let out = command.args(["-c", &script]).arg(crate::support::binary()).stdin(Stdio::null()).output().unwrap();
        let said = stderr(&out);
        assert_eq!(said.trim(), "0", "{line}: {said}");
    }
    // Standard output that is closed altogether.
    let mut command = Command::new("bash");
    for (name, value) in served.command().get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    let out = command.args(["-c", "\"$0\" list >&-"]).arg(crate::support::binary()).output().unwrap();
    assert!(!stderr(&out).contains("panicked"), "{out:?}");
}

#[test]
fn serve_without_a_policy_says_what_to_run() {
    let folder = TempFolder::new();
    let out = bare(folder.path()).arg("serve").output().unwrap();
    ends(&out, 2, "no policy yet: run nightlatch config init");
    let missing = bare(folder.path()).args(["serve", "--config", "/nowhere/server.toml"]).output().unwrap();
    ends(&missing, 2, "no policy yet: run nightlatch config init");
    let start = Start { policy: None, ..Start::socket() };
    start.files();
    let mut serve = bare(start.folder.path());
    let out = serve.args(["serve", "--config"]).arg(start.folder.join("server.toml")).output().unwrap();
    ends(&out, 2, "policy.toml");
    ends(&out, 2, "nightlatch config init");
    assert!(!start.folder.join("sock").exists());
    // One that is there and broken is named by line.
    start.folder.write("policy.toml", "zone = \"Europe/London\"\n[people.ana]\nnmae = \"Ana\"\n");
    let mut serve = bare(start.folder.path());
    let out = serve.args(["serve", "--config"]).arg(start.folder.join("server.toml")).output().unwrap();
    ends(&out, 2, "policy.toml:3");
}

#[test]
fn a_second_server_on_one_store_refuses() {
    let served = Served::socket();
    let mut second = bare(served.folder.path());
    let out = second
        .args(["serve", "--listen", "127.0.0.1:0", "--config"])
        .arg(served.folder.join("server.toml"))
        .output()
        .unwrap();
    ends(&out, 7, "another server has");
    assert!(!stdout(&out).contains("listening"), "{out:?}");
    ends(&served.cli(&["list"]), 0, "");
}

#[test]
fn a_server_that_cannot_listen_says_why() {
    let served = Served::tcp();
    for (listen, says) in [
        ("192.0.2.1:0", "TLS"),
        ("0.0.0.0:0", "TLS"),
        ("nowhere", "no address"),
        ("unix:/nowhere/at/all/sock", "mkdir -p"),
        (served.address.as_str(), "in use"),
    ] {
        let start = Start::socket();
        start.files();
        let mut serve = bare(start.folder.path());
        let out = serve
            .args(["serve", "--listen", listen, "--config"])
            .arg(start.folder.join("server.toml"))
            .output()
            .unwrap();
        assert!(matches!(out.status.code(), Some(1 | 2)), "{listen}: {out:?}");
        assert!(stderr(&out).contains(says), "{listen}: {out:?}");
    }
}

//! The demo: the night is told to its end, and what it leaves proves it.

use crate::support::TempFolder;
use crate::support::served::{bare, ends, signal_to, stderr, stdout};
use rustix::process::Signal;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The short night, in a home and a folder for what is thrown away that are gone with the test.
fn night(home: &TempFolder) -> Command {
    let mut command = bare(home.path());
    command.env("TMPDIR", home.path()).args(["demo", "--fast"]);
    command
}

/// The words of the command after `nightlatch audit verify`: no path in them needs quotes.
fn verify_words(told: &str) -> Vec<String> {
    let command = told.lines().find_map(|line| line.trim().strip_prefix("nightlatch audit verify "));
    command.unwrap_or_else(|| panic!("no command: {told}")).split(' ').map(str::to_owned).collect()
}

/// Each stands after the one before.
fn in_order(told: &str, lines: &[&str]) {
    let mut rest = told;
    for line in lines {
        let at = rest.find(line).unwrap_or_else(|| panic!("{line:?} does not follow in: {told}"));
        rest = &rest[at + line.len()..];
    }
}

/// The printed command says that the trail is whole, and so does the reader that is not ours.
fn proven(home: &TempFolder, told: &str) {
    let words = verify_words(told);
    let verified = bare(home.path()).args(["audit", "verify"]).args(&words).output().unwrap();
    ends(&verified, 0, "signed by");
    assert!(!stdout(&verified).contains("not proven"), "{}", stdout(&verified));
    let [trail, _, note, _, key] = words.as_slice() else { panic!("{words:?}") };
    let key = std::fs::read_to_string(key).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/verify.py");
    let words = [trail.as_str(), "--against", note, "--key", key.trim()];
    match Command::new("python3").arg(script).args(words).output() {
        Ok(read) => ends(&read, 0, "signed by"),
        Err(_) => crate::support::skip("demo::proven", "there is no python3"),
    }
}

#[test]
fn the_night_is_told_and_proven() {
    let home = TempFolder::new();
    let out = night(&home).output().unwrap();
    ends(&out, 0, "");
    let told = stdout(&out);
    in_order(
        &told,
        &[
            "nightlatch board",
            "INC-88 is open",
            "Ana Ruiz asks for restart on payments, until",
            "It waits for Mira Holt",
            "Mira Holt, lead, approves NL-101",
            "NL-101 is active until",
            "sends NL-102 back (vague-task)",
            "Bo Berg mends NL-102",
            "Sam Lee, owner, approves NL-102",
            "NL-103 and NL-104 wait for you",
            "Sam Lee is told: NL-105 was already approved by Mira Holt",
            "The window of NL-102 ended at",
            "NL-102 is removed",
            "denies NL-107",
            "OVERDUE: NL-106",
            "gateway-2 does not answer",
            "NL-106 is removed",
            "route nl-",
            "attempts had failed before",
            "Ana Ruiz asks for NL-101 until",
            "Mira Holt extends NL-101 until",
            "takes his approval of NL-108 back",
            "NL-108 is removed",
            "hands NL-105 back",
            "NL-105 is removed",
            "revokes NL-101 before its end",
            "NL-101 is removed",
            "NL-103 still waits for",
            "Every access of the night was read back as gone",
            "nightlatch audit verify",
        ],
    );
    proven(&home, &told);
}

/// The night, begun: its output up to the first line that holds `words`.
fn begun(home: &TempFolder, words: &str) -> (Child, BufReader<std::process::ChildStdout>, String) {
    let mut child = night(home).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut told = String::new();
    while !told.contains(words) {
        assert!(lines.read_line(&mut told).unwrap() > 0, "it ended before {words:?}: {told}");
    }
    (child, lines, told)
}

#[test]
fn you_may_decide_from_elsewhere_and_leave_early() {
    let home = TempFolder::new();
    let (mut child, mut lines, mut told) = begun(&home, "nightlatch approve 103");
    let store = told.split("NIGHTLATCH_STORE=").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    let mut approve = bare(home.path());
    approve.env("NIGHTLATCH_STORE", store).args(["approve", "103", "--words", "go ahead"]);
    let out = approve.output().unwrap();
    ends(&out, 0, "NL-103");
    child.stdin.take().unwrap().write_all(b"q\n").unwrap();
    lines.read_to_string(&mut told).unwrap();
    let out = child.wait_with_output().unwrap();
    assert!(out.status.success(), "{told}{}", stderr(&out));
    in_order(&told, &["You leave the night early", "Mira Holt revokes NL-103", "read back as gone"]);
    proven(&home, &told);
}

#[test]
fn a_signal_ends_the_night_as_well() {
    let home = TempFolder::new();
    let (mut child, mut lines, mut told) = begun(&home, "NL-101 is active");
    signal_to(child.id(), Signal::INT);
    lines.read_to_string(&mut told).unwrap();
    let status = child.wait().unwrap();
    assert!(status.success(), "{told}");
    assert!(told.contains("Mira Holt revokes NL-101"), "{told}");
    proven(&home, &told);
}

#[test]
fn json_says_where_the_trail_is() {
    let home = TempFolder::new();
    let out = night(&home).arg("--json").output().unwrap();
    ends(&out, 0, "");
    let told = stdout(&out);
    let lines: Vec<serde_json::Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().any(|line| line["says"].as_str().is_some_and(|says| says.starts_with("OVERDUE"))), "{told}");
    assert!(Path::new(lines.last().unwrap()["trail"].as_str().unwrap()).is_file(), "{told}");
}

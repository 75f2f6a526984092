//! Helpers that hang, flood, linger, lie or tell secrets. What every kind must do is in `contract_tests.rs`.

use super::*;
use crate::provision::contract_tests::{script, spec};
use serde_json::json;
use std::time::Duration;

/// A helper of this text, with half a second to answer.
fn helper(temp: &Path, text: &str) -> Box<dyn Provisioner> {
    with(temp, text, "500ms")
}

fn with(temp: &Path, text: &str, limit: &str) -> Box<dyn Provisioner> {
    let settings = json!({"kind": "command", "argv": script(temp, text), "time_limit": limit});
    build("vault", &serde_json::from_value(settings).unwrap(), Path::new("/")).unwrap()
}

async fn observed(text: &str) -> Result<Observation, Fault> {
    let temp = tempfile::tempdir().unwrap();
    with(temp.path(), text, "5s").observe(&[spec(142, "ana")]).await.remove(0)
}

/// Waits until the process whose number stands in this file is no more, at most five seconds.
async fn gone(file: &Path) -> bool {
    let pid = std::fs::read_to_string(file).unwrap();
    for _ in 0..100 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
        if stat.is_empty() || stat.contains(") Z ") {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    false
}

#[tokio::test]
async fn a19_a_helper_that_never_ends_is_killed_with_all_that_it_started() {
    let temp = tempfile::tempdir().unwrap();
    let child = temp.path().join("child");
    let text = format!("trap '' TERM; sleep 600 & echo $! > {}; sleep 600", child.display());
    let fault = helper(temp.path(), &text).remove(&[spec(142, "ana")]).await.remove(0).unwrap_err();
    assert!(fault.sentence.contains("did not end within 0.5s") && fault.retry, "{fault}");
    assert!(gone(&child).await);
}

#[tokio::test]
async fn a19_a_call_that_is_dropped_leaves_nothing_running() {
    let temp = tempfile::tempdir().unwrap();
    let child = temp.path().join("child");
    let helper = with(temp.path(), &format!("echo $$ > {}; exec sleep 600", child.display()), "1m");
    let specs = [spec(142, "ana")];
    assert!(tokio::time::timeout(Duration::from_millis(700), helper.grant(&specs)).await.is_err());
    assert!(gone(&child).await);
}

#[tokio::test]
async fn a19_a_helper_that_floods_is_stopped_at_its_cap() {
    for text in ["head -c 10000000 /dev/zero", "head -c 10000000 /dev/zero >&2", "yes"] {
        let temp = tempfile::tempdir().unwrap();
        let fault = with(temp.path(), text, "30s").observe(&[spec(142, "ana")]).await.remove(0).unwrap_err();
        assert!(fault.sentence.contains("more than 64 KiB"), "{text}: {fault}");
    }
}

#[tokio::test]
async fn a19_a_daemon_that_holds_the_pipes_does_not_hold_us() {
    let temp = tempfile::tempdir().unwrap();
    let child = temp.path().join("child");
    let text = format!("sleep 600 & echo $! > {}; echo '{{\"present\":true}}'", child.display());
    let seen = with(temp.path(), &text, "5s").observe(&[spec(142, "ana")]).await.remove(0).unwrap();
    assert_eq!((seen.presence, seen.ours), (Presence::Present, true));
    assert!(gone(&child).await, "a leftover of the group is killed");

    // One that made a session of its own is out of our reach, but does not keep us waiting.
    let text = format!("setsid sleep 3 & echo $! > {}; echo '{{}}'", child.display());
    let begun = tokio::time::timeout(Duration::from_secs(2), async {
        with(temp.path(), &text, "5s").remove(&[spec(142, "ana")]).await.remove(0)
    });
    begun.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_failure_is_told_in_the_helpers_own_last_line() {
    let fault = observed("echo first >&2; printf 'the role is \\033[2Jlocked\\n\\n' >&2; exit 1").await.unwrap_err();
    assert_eq!((fault.sentence.as_str(), fault.retry), ("the role is <001B>[2Jlocked", true));
    let fault = observed("echo '{\"retry\":false}'; echo 'no such role' >&2; exit 1").await.unwrap_err();
    assert_eq!((fault.sentence.as_str(), fault.retry), ("no such role", false));
    let fault = observed("echo '{\"retry\":\"no\"}'; exit 3").await.unwrap_err();
    assert_eq!((fault.sentence.as_str(), fault.retry), ("sh observe ended with exit status: 3 and said nothing", true));
    let fault = observed("kill -9 $$").await.unwrap_err();
    assert!(fault.sentence.contains("signal: 9"), "{fault}");
}

#[tokio::test]
async fn a51_an_answer_that_is_not_exactly_one_is_never_an_absence() {
    for answer in [
        "",
        "{}",
        "null",
        "false",
        "done",
        "{\"present\":\"no\"}",
        "{\"present\":0}",
        "{\"present\":null}",
        "{\"present\":false",
        "{\"present\":false}{\"present\":true}",
        "{\"present\":false} and more",
        "{\"present\":true,\"present\":false}",
        "{\"present\":false,\"until\":\"tomorrow\"}",
        "{\"present\":false,\"sessions\":-1}",
        "[false,null,0,\"x\",true]",
        "[{\"present\":false}]",
    ] {
        let seen = observed(&format!("printf '%s' '{answer}'")).await;
        assert!(seen.is_err(), "{answer}: {seen:?}");
    }
    assert!(observed("echo '{\"present\":false}'; exit 1").await.is_err(), "a failed run says nothing");
    let seen = observed("echo '{\"present\":false,\"later\":\"key\"}'").await.unwrap();
    assert_eq!((seen.presence, seen.ours), (Presence::Absent, false));
}

#[tokio::test]
async fn a_remove_that_answers_nothing_is_not_believed() {
    let temp = tempfile::tempdir().unwrap();
    let fault = helper(temp.path(), "exit 0").remove(&[spec(142, "ana")]).await.remove(0).unwrap_err();
    assert!(fault.sentence.contains("must print one JSON object"), "{fault}");
}

#[tokio::test]
async fn a18_nothing_of_a_request_is_seen_by_a_shell_or_an_argument_list() {
    let temp = tempfile::tempdir().unwrap();
    let text = format!(
        "cat > {0}/input; echo \"$#:$1\" > {0}/argv; env > {0}/env; pwd > {0}/pwd; echo '{{}}'",
        temp.path().display()
    );
    let helper = with(temp.path(), &text, "5s");
    helper.remove(&[spec(142, "ana")]).await.remove(0).unwrap();
    let read = |name: &str| std::fs::read_to_string(temp.path().join(name)).unwrap();
    assert_eq!(read("argv"), "1:remove\n");
    assert_eq!(read("pwd"), "/\n");
    assert_eq!(read("input"), serde_json::to_string(&spec(142, "ana")).unwrap());
    // i13: of our environment, only these; the shell adds the rest itself.
    for line in read("env").lines() {
        let name = line.split('=').next().unwrap();
        assert!(["PATH", "HOME", "LANG", "PWD", "OLDPWD", "SHLVL", "_"].contains(&name), "{line}");
    }
}

#[tokio::test]
async fn i13_a_credential_reaches_its_user_and_no_fault() {
    let temp = tempfile::tempdir().unwrap();
    let spec = spec(142, "ana");
    let handed = with(temp.path(), "echo '{\"password\":\"hunter2\"}'", "5s").hand(&spec).await.unwrap();
    assert_eq!(handed.reveal()["password"], "hunter2");
    assert!(!format!("{handed:?}").contains("hunter2"));
    for bad in ["\"hunter2\"", "{\"password\":\"hunter2\"", "{hunter2}", "{} hunter2"] {
        let fault = with(temp.path(), &format!("printf '%s' '{bad}'"), "5s").hand(&spec).await.unwrap_err();
        assert!(!fault.sentence.contains("hunter2"), "{fault}");
    }
    assert!(with(temp.path(), "echo 'this target has none' >&2; exit 1", "5s").hand(&spec).await.is_err());
}

#[tokio::test]
async fn a55_a_helper_that_others_can_change_is_not_run() {
    use std::os::unix::fs::PermissionsExt as _;
    let temp = tempfile::tempdir().unwrap();
    let helper = with(temp.path(), "touch $(dirname $0)/ran; echo '{}'", "5s");
    let file = temp.path().join("helper.sh");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o720)).unwrap();
    let fault = helper.probe().await.unwrap_err();
    assert!(fault.sentence.ends_with(&format!("run chmod go-w {}", file.display())), "{fault}");
    assert!(!temp.path().join("ran").exists());
}

#[tokio::test]
async fn a_helper_that_cannot_list_says_so() {
    let temp = tempfile::tempdir().unwrap();
    let fault = helper(temp.path(), "echo '{\"strays\":[]}'").strays("7f3a").await.unwrap_err();
    assert!(fault.sentence.contains("strays = true"), "{fault}");
}

#[test]
fn a_batch_has_time_for_all_its_rounds() {
    let build = |at_once: usize| {
        let settings = json!({"kind": "command", "argv": ["/x"], "time_limit": "2s", "at_once": at_once});
        build("vault", &serde_json::from_value(settings).unwrap(), Path::new("/"))
    };
    assert_eq!(build(4).unwrap().time_limit().seconds(), 2);
    assert_eq!(build(9).unwrap().time_limit().seconds(), 6);
    assert!(build(0).is_err() && build(65).is_err());
}

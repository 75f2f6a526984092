//! What is particular to files; what every kind must do is in `contract_tests.rs`.

use super::*;
use crate::provision::contract_tests::spec;
use crate::provision::{Observation, Presence};
use serde_json::json;
use std::os::unix::fs::PermissionsExt as _;

fn files(folder: &Path, per: &str) -> Box<dyn Provisioner> {
    let settings = serde_json::from_value(json!({"kind": "files", "folder": folder, "per": per})).unwrap();
    build("sandbox", &settings, Path::new("/")).unwrap()
}

async fn one<T>(act: Act<'_, T>) -> Result<T, Fault> {
    let mut answers = act.await;
    assert_eq!(answers.len(), 1);
    answers.remove(0)
}

async fn observe(files: &dyn Provisioner, spec: &Spec) -> Observation {
    one(files.observe(std::slice::from_ref(spec))).await.unwrap()
}

#[tokio::test]
async fn the_file_is_private_and_holds_spec_and_store() {
    let temp = tempfile::tempdir().unwrap();
    let folder = temp.path().join("deep/sandbox");
    let files = files(&folder, "grant");
    let spec = spec(142, "ana");
    one(files.grant(std::slice::from_ref(&spec))).await.unwrap();
    let path = folder.join("nl-7f3a-142-ana.json");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(folder.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    let text: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(text["store"], "nl-7f3a-");
    assert_eq!(text["user"]["id"], "ana");
    assert_eq!(text["until"], "2026-11-22T00:30:00Z");
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "no part is left");
    assert_eq!(files.by_hand(&spec), format!("rm -f -- {}", path.display()));
    assert!(!files.hand(&spec).await.unwrap_err().retry);
}

#[tokio::test]
async fn a_part_left_by_a_crash_is_no_access_and_does_not_stand_in_the_way() {
    let temp = tempfile::tempdir().unwrap();
    let files = files(temp.path(), "grant");
    let spec = spec(142, "ana");
    std::fs::write(temp.path().join(".nl-7f3a-142-ana.part"), "{\"mark\":").unwrap();
    assert_eq!(observe(&*files, &spec).await.presence, Presence::Absent);
    assert_eq!(files.strays("7f3a").await.unwrap(), []);
    one(files.grant(std::slice::from_ref(&spec))).await.unwrap();
    assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 1);
    std::fs::write(temp.path().join(".nl-7f3a-142-ana.part"), "{\"mark\":").unwrap();
    one(files.remove(std::slice::from_ref(&spec))).await.unwrap();
    assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn i8_per_user_grants_share_one_file_and_one_key() {
    let temp = tempfile::tempdir().unwrap();
    let files = files(temp.path(), "user");
    let (first, mut second) = (spec(142, "ana"), spec(143, "ana"));
    second.until = second.until.plus(Length::from_hours(1));
    assert_eq!(files.key(&first), files.key(&second));
    assert_eq!(files.key(&first), "sandbox/payments.restart.ana");
    assert_ne!(files.key(&first), files.key(&spec(144, "li")));
    one(files.grant(std::slice::from_ref(&first))).await.unwrap();
    one(files.grant(std::slice::from_ref(&second))).await.unwrap();
    let seen = observe(&*files, &first).await;
    assert_eq!((seen.until, seen.ours), (Some(second.until), true));
    assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 1);
    assert_eq!(files.strays("7f3a").await.unwrap().len(), 1);
    one(files.remove(std::slice::from_ref(&first))).await.unwrap();
    assert_eq!(observe(&*files, &second).await.presence, Presence::Absent);
}

#[tokio::test]
async fn links_pipes_folders_and_garbage_under_our_name_are_foreign() {
    let temp = tempfile::tempdir().unwrap();
    let folder = temp.path().join("sandbox");
    std::fs::create_dir(&folder).unwrap();
    let victim = temp.path().join("victim");
    std::fs::write(&victim, "keep me").unwrap();
    let files = files(&folder, "grant");
    let name = |n: u64| folder.join(format!("{}.json", spec(n, "ana").mark));
    std::os::unix::fs::symlink(&victim, name(1)).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, name(2), rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).unwrap();
    std::fs::create_dir(name(3)).unwrap();
    std::fs::write(name(4), "{\"mark\":\"nl-7f3a-4-ana\"").unwrap();
    std::fs::write(name(5), vec![b' '; 1_000_000]).unwrap();
    for number in 1..=5 {
        let spec = [spec(number, "ana")];
        let seen = observe(&*files, &spec[0]).await;
        assert_eq!((seen.presence, seen.ours), (Presence::Present, false), "{number}");
        let fault = one(files.grant(&spec)).await.unwrap_err();
        assert!(!fault.retry && fault.sentence.contains("stood there before and is not ours"), "{number}: {fault}");
        assert!(one(files.remove(&spec)).await.is_err(), "{number}");
        assert!(name(number).symlink_metadata().is_ok(), "{number} stays");
    }
    assert_eq!(std::fs::read_to_string(&victim).unwrap(), "keep me");
    assert_eq!(files.strays("7f3a").await.unwrap().len(), 5, "named as ours: worth a look");
}

#[tokio::test]
async fn a55_a_linked_or_open_folder_is_refused_but_removal_goes_on() {
    let temp = tempfile::tempdir().unwrap();
    let real = temp.path().join("real");
    let spec = [spec(142, "ana")];
    let open = files(&real, "grant");
    one(open.grant(&spec)).await.unwrap();
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o770)).unwrap();
    let fault = one(open.grant(&spec)).await.unwrap_err();
    assert!(fault.sentence.contains("chmod go-w"), "{fault}");
    assert!(open.probe().await.is_err());

    let link = temp.path().join("link");
    std::os::unix::fs::symlink(&real, &link).unwrap();
    let linked = files(&link, "grant");
    assert!(one(linked.grant(&spec)).await.unwrap_err().sentence.contains("symbolic link"));
    assert!(one(linked.observe(&spec)).await.is_err(), "never an absence");

    one(open.remove(&spec)).await.unwrap();
    assert_eq!(observe(&*open, &spec[0]).await.presence, Presence::Absent);
}

#[tokio::test]
async fn a18_a_hostile_mark_reaches_no_path() {
    let temp = tempfile::tempdir().unwrap();
    let folder = temp.path().join("sandbox");
    let files = files(&folder, "grant");
    let mut spec = spec(142, "ana");
    spec.mark = "nl-7f3a-142-/../../escaped".into();
    assert!(one(files.grant(std::slice::from_ref(&spec))).await.is_err());
    assert!(one(files.observe(std::slice::from_ref(&spec))).await.is_err());
    assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 0);
}

//! What every kind must do, run against each of them. A new kind adds its bench and one line to `benches`.

use super::contract::{Act, Fault, Observation, Presence, Provisioner, Spec, UserFacts, mark};
use crate::text::{Instant, Length};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// A grant of the store `7f3a`.
pub(super) fn spec(request: u64, user: &str) -> Spec {
    Spec {
        mark: mark("7f3a", request, user),
        request,
        user: UserFacts { id: user.parse().unwrap(), name: "Ana O'Ruiz".into(), email: Some("ana@example.com".into()) },
        system: "payments".parse().unwrap(),
        environment: "production".into(),
        role: "restart".parse().unwrap(),
        with: Map::from_iter([("unit".to_owned(), json!("a'b; $(id)"))]),
        from: Instant::parse_rfc3339("2026-11-21T23:40:00Z").unwrap(),
        until: Instant::parse_rfc3339("2026-11-22T00:30:00Z").unwrap(),
    }
}

/// One kind with a target of its own.
struct Bench {
    kind: &'static str,
    provisioner: Box<dyn Provisioner>,
    /// Puts access of somebody else's into the place of this spec's.
    plant: Box<dyn Fn(&Spec)>,
    /// What the policy says about the role, where the kind reads it.
    with: Value,
    _temp: Box<dyn std::any::Any>,
}

impl Bench {
    /// A grant of the store `7f3a` in this target.
    fn spec(&self, request: u64, user: &str) -> Spec {
        let mut spec = spec(request, user);
        if let Value::Object(with) = &self.with {
            spec.with = with.clone();
        }
        spec
    }
}

fn benches() -> Vec<Bench> {
    let mut benches = vec![files("grant"), files("user"), command()];
    benches.extend(super::postgres::bench::Cluster::some(2).into_iter().zip(["role", "membership"]).map(postgres));
    benches
}

fn postgres((cluster, mode): (super::postgres::bench::Cluster, &'static str)) -> Bench {
    let mut settings = json!({"kind": "postgres", "url": cluster.url, "mode": mode});
    if mode == "membership" {
        settings["login"] = json!(format!("{}_{{user}}", cluster.own));
    }
    let with = cluster.with();
    let provisioner = super::build("db", &serde_json::from_value(settings).unwrap(), Path::new("/")).unwrap();
    let group = with["member_of"].as_str().unwrap().replace('"', "\"\"");
    let own = cluster.own.clone();
    let plant = move |spec: &Spec| {
        let sql = match mode {
            "role" => format!("CREATE ROLE \"{}\" LOGIN; COMMENT ON ROLE \"{0}\" IS 'of somebody else'", spec.mark),
            _ => format!("GRANT \"{group}\" TO {own}_{}", spec.user.id),
        };
        super::postgres::bench::as_superuser(&sql);
    };
    Bench { kind: "postgres", provisioner, plant: Box::new(plant), with, _temp: Box::new(cluster) }
}

fn files(per: &'static str) -> Bench {
    let temp = tempfile::tempdir().unwrap();
    let folder = temp.path().join("files");
    let settings = json!({"kind": "files", "folder": "files", "per": per});
    let plant = move |spec: &Spec| {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let name = match per {
            "user" => format!("{}.{}.{}.json", spec.system, spec.role, spec.user.id),
            _ => format!("{}.json", spec.mark),
        };
        std::fs::write(
            folder.join(name),
            r#"{"store":"nl-beef-","mark":"nl-beef-9-ana","until":"2099-01-01T00:00:00Z"}"#,
        )
        .unwrap();
    };
    let settings = serde_json::from_value(settings).unwrap();
    let provisioner = super::build("sandbox", &settings, temp.path()).unwrap();
    Bench { kind: "files", provisioner, plant: Box::new(plant), with: Value::Null, _temp: Box::new(temp) }
}

/// A helper that keeps one file a mark beside itself, as a helper's author would write it.
const HELPER: &str = r#"
here=$(dirname "$0")
input=$(cat)
field() { printf '%s' "$input" | sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }
mark=$(field mark); access="$here/access-$mark"; foreign="$here/foreign-$mark"
for verb; do :; done
case $verb in
grant)
    if [ -e "$foreign" ]; then echo "$mark stood there before and is not ours" >&2; echo '{"retry":false}'; exit 1; fi
    field until > "$access.part" && mv "$access.part" "$access" && echo '{"second_lock":true}' ;;
remove)
    if [ -e "$foreign" ]; then echo "$mark is not ours" >&2; exit 1; fi
    rm -f "$access"; echo '{}' ;;
observe)
    if [ -e "$foreign" ]; then echo '{"present":true,"ours":false,"evidence":"of somebody else"}'
    elif [ -e "$access" ]; then printf '{"present":true,"until":"%s","sessions":0,"evidence":"there"}\n' "$(cat "$access")"
    else printf '{"present":false,"until":null,"sessions":0,"evidence":"%s: not in the folder"}\n' "$mark"; fi ;;
strays)
    list=
    for file in "$here/access-$(field store)"*; do
        [ -e "$file" ] && list="$list,{\"mark\":\"${file#"$here"/access-}\",\"evidence\":\"there\"}"
    done
    printf '{"strays":[%s]}\n' "${list#,}" ;;
probe) echo '{}' ;;
credential) echo '{"password":"hunter2"}' ;;
esac
"#;

/// Writes a script of this text and names it through its interpreter: a file that was just written cannot always be run
/// itself while other tests fork.
pub(super) fn script(folder: &Path, text: &str) -> Vec<String> {
    let path: PathBuf = folder.join("helper.sh");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    vec!["/bin/sh".to_owned(), path.to_str().unwrap().to_owned()]
}

fn command() -> Bench {
    let temp = tempfile::tempdir().unwrap();
    let argv = script(temp.path(), HELPER);
    let folder = temp.path().to_owned();
    let settings = serde_json::from_value(json!({"kind": "command", "argv": argv, "strays": true})).unwrap();
    let provisioner = super::build("helper", &settings, Path::new("/")).unwrap();
    let plant = move |spec: &Spec| std::fs::write(folder.join(format!("foreign-{}", spec.mark)), "").unwrap();
    Bench { kind: "command", provisioner, plant: Box::new(plant), with: Value::Null, _temp: Box::new(temp) }
}

async fn one<T>(act: Act<'_, T>) -> Result<T, Fault> {
    let mut answers = act.await;
    assert_eq!(answers.len(), 1, "one answer a spec");
    answers.remove(0)
}

async fn observe(provisioner: &dyn Provisioner, spec: &Spec) -> Observation {
    one(provisioner.observe(std::slice::from_ref(spec))).await.unwrap()
}

#[test]
fn every_kind_is_on_the_bench() {
    let mut kinds: Vec<&str> = benches().iter().map(|bench| bench.kind).collect();
    // Where there is no PostgreSQL its bench cannot be built, and is yet there.
    kinds.push("postgres");
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds, super::KINDS, "add the bench of the new kind to benches()");
}

#[tokio::test]
async fn i1_access_is_given_moved_and_observed_removed() {
    for bench in benches() {
        let Bench { kind, provisioner, .. } = &bench;
        provisioner.probe().await.unwrap();
        let mut spec = [bench.spec(142, "ana")];
        assert_eq!(observe(&**provisioner, &spec[0]).await.presence, Presence::Absent, "{kind}");

        one(provisioner.grant(&spec)).await.unwrap();
        let seen = observe(&**provisioner, &spec[0]).await;
        assert_eq!((seen.presence, seen.ours), (Presence::Present, true), "{kind}");
        assert!(!seen.evidence.is_empty(), "{kind}");
        assert!(seen.until.is_none_or(|until| until == spec[0].until), "{kind}");

        spec[0].until = spec[0].until.plus(Length::from_hours(1));
        one(provisioner.grant(&spec)).await.unwrap();
        let seen = observe(&**provisioner, &spec[0]).await;
        assert!(seen.until.is_none_or(|until| until == spec[0].until), "{kind}: the end moved");

        for _ in 0..2 {
            one(provisioner.remove(&spec)).await.unwrap();
            assert_eq!(observe(&**provisioner, &spec[0]).await.presence, Presence::Absent, "{kind}");
        }
    }
}

#[tokio::test]
async fn one_failing_element_of_a_batch_fails_alone_and_in_its_place() {
    for bench in benches() {
        let Bench { kind, provisioner, plant, .. } = &bench;
        let batch = [bench.spec(1, "ana"), bench.spec(2, "li"), bench.spec(3, "sam")];
        plant(&batch[1]);
        let good = |answers: Vec<bool>| assert_eq!(answers, [true, false, true], "{kind}");
        good(provisioner.grant(&batch).await.iter().map(Result::is_ok).collect());
        let seen = provisioner.observe(&batch).await;
        good(seen.iter().map(|seen| seen.as_ref().is_ok_and(|seen| seen.ours)).collect());
        good(provisioner.remove(&batch).await.iter().map(Result::is_ok).collect());
        let seen = provisioner.observe(&batch).await;
        good(seen.iter().map(|seen| seen.as_ref().is_ok_and(|seen| seen.presence == Presence::Absent)).collect());
        assert!(provisioner.grant(&[]).await.is_empty(), "{kind}");
        assert!(provisioner.at_once() >= 1 && provisioner.time_limit() > Length::ZERO, "{kind}");
    }
}

#[tokio::test]
async fn access_that_is_not_ours_is_neither_taken_over_nor_removed() {
    for bench in benches() {
        let Bench { kind, provisioner, plant, .. } = &bench;
        let spec = [bench.spec(142, "ana")];
        plant(&spec[0]);
        let fault = one(provisioner.grant(&spec)).await.unwrap_err();
        assert!(!fault.retry && fault.sentence.contains("stood there before and is not ours"), "{kind}: {fault}");
        assert!(one(provisioner.remove(&spec)).await.is_err(), "{kind}");
        let seen = observe(&**provisioner, &spec[0]).await;
        assert_eq!((seen.presence, seen.ours), (Presence::Present, false), "{kind}");
    }
}

#[tokio::test]
async fn i12_strays_are_what_carries_our_mark_and_nothing_else() {
    for bench in benches() {
        let Bench { kind, provisioner, plant, .. } = &bench;
        assert_eq!(provisioner.strays("7f3a").await.unwrap(), [], "{kind}");
        let batch = [bench.spec(1, "ana"), bench.spec(2, "li")];
        assert!(provisioner.grant(&batch).await.iter().all(Result::is_ok), "{kind}");
        plant(&bench.spec(3, "sam"));
        let strays = provisioner.strays("7f3a").await.unwrap();
        let marks: Vec<&str> = strays.iter().map(|stray| stray.mark.as_str()).filter(|m| !m.contains("sam")).collect();
        assert_eq!(marks, ["nl-7f3a-1-ana", "nl-7f3a-2-li"], "{kind}");
        assert!(!provisioner.strays("0000").await.unwrap().iter().any(|stray| stray.mark.contains("7f3a")), "{kind}");
    }
}

#[tokio::test]
async fn the_command_for_a_person_removes_the_access() {
    for bench in benches() {
        let Bench { kind, provisioner, .. } = &bench;
        let spec = [bench.spec(142, "ana")];
        one(provisioner.grant(&spec)).await.unwrap();
        let typed = provisioner.by_hand(&spec[0]);
        let ran = std::process::Command::new("/bin/sh").arg("-c").arg(&typed).output().unwrap();
        assert!(ran.status.success(), "{kind}: {typed}");
        assert_eq!(observe(&**provisioner, &spec[0]).await.presence, Presence::Absent, "{kind}: {typed}");
    }
}

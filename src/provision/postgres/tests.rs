use super::bench::{Cluster, as_superuser};
use crate::policy::ProvisionerSettings;
use crate::provision::contract::{Presence, Provisioner};
use crate::provision::contract_tests::spec;
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::Path;

fn built(keys: Value) -> Result<Box<dyn Provisioner>, String> {
    let Value::Object(mut settings) = keys else { panic!("an object") };
    settings.remove("kind");
    super::build("db", &ProvisionerSettings { kind: "postgres".into(), settings }, Path::new("/"))
}

#[test]
fn settings_that_would_be_unsafe_are_refused_with_a_sentence() {
    for (keys, words) in [
        (json!({"url": "postgres://u:pw@db/x"}), "password_file"),
        (json!({"url": "mysql://u@db/x"}), "no address of PostgreSQL"),
        (json!({"url": "postgres://u@db/x?sslmode=disable"}), "verify-full"),
        (json!({"url": "postgres://u@db/x?sslmode=prefer"}), "verify-full"),
        (json!({"url": "postgres://u@db/x", "password_env": "A", "password_file": "b"}), "keep one"),
        (json!({"url": "postgres://u@db/x", "tls": false}), "tls"),
        (json!({"url": "postgres://u@db/x", "login": "x"}), "membership"),
        (json!({"url": "postgres://u@db/x", "time_limit": "1h"}), "time_limit"),
    ] {
        let fault = built(keys).err().unwrap();
        assert!(fault.starts_with("[provisioners.db]") && fault.contains(words) && !fault.contains("pw@"), "{fault}");
    }
    let sound = [
        json!({"url": "postgres://u@db/x"}),
        json!({"url": "postgres://u@db/x?sslmode=disable", "unverified": true}),
        json!({"url": "postgres://u@localhost/x"}),
    ];
    for keys in sound {
        assert!(built(keys).is_ok());
    }
}

fn with(mut spec: crate::provision::Spec, cluster: &Cluster) -> crate::provision::Spec {
    let Value::Object(with) = cluster.with() else { panic!("an object") };
    spec.with = with;
    spec
}

#[tokio::test]
async fn a_granted_role_that_is_renamed_is_found_and_one_with_another_group_loses_the_first() {
    let Some(cluster) = Cluster::some(1).pop() else { return };
    let db = built(json!({"kind": "postgres", "url": cluster.url})).unwrap();
    let mut one = [with(spec(1, "ana"), &cluster)];
    assert!(db.grant(&one).await[0].is_ok());
    one[0].with.insert("member_of".into(), json!(format!("{}_app", cluster.own)));
    assert!(db.grant(&one).await[0].is_ok());
    as_superuser(&format!(
        "DO $$ BEGIN ASSERT (SELECT array_agg(g.rolname::text) FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid \
         WHERE m.member = '\"nl-7f3a-1-ana\"'::regrole) = ARRAY['{}_app']; END $$",
        cluster.own
    ));
    as_superuser("ALTER ROLE \"nl-7f3a-1-ana\" RENAME TO \"nl-7f3a-hidden\"");
    let seen = db.observe(&one).await.remove(0).unwrap();
    assert_eq!((seen.presence, seen.ours), (Presence::Present, true), "{seen:?}");
    as_superuser(&format!("CREATE ROLE {}_made; GRANT {0}_app TO {0}_li", cluster.own));
    let removed = db.remove(&one).await.remove(0).unwrap();
    as_superuser(&format!("DROP ROLE {}_made", cluster.own));
    let drift = removed.drift.join("\n");
    assert!(drift.contains("_made was made") && drift.contains("_li became a member of"), "a49: {drift}");
    let seen = db.observe(&one).await.remove(0).unwrap();
    assert_eq!(seen.presence, Presence::Absent, "{seen:?}");
}

#[tokio::test]
async fn a_thousand_ends_are_one_batch() {
    let Some(cluster) = Cluster::some(1).pop() else { return };
    let db = built(json!({"kind": "postgres", "url": cluster.url, "time_limit": "1m"})).unwrap();
    let all: Vec<_> = (1..=1000).map(|n| with(spec(n, "ana"), &cluster)).collect();
    let granted = db.grant(&all).await;
    assert!(granted.iter().all(Result::is_ok), "{:?}", granted.iter().find(|one| one.is_err()));
    let watch = crate::clock::Clock::system(crate::text::Instant::from_millis(0), false);
    let begun = watch.monotonic();
    let removed = db.remove(&all).await;
    let took = watch.monotonic().saturating_sub(begun);
    assert!(removed.iter().all(Result::is_ok), "{:?}", removed.iter().find(|one| one.is_err()));
    let seen = db.observe(&all).await;
    let both = watch.monotonic().saturating_sub(begun);
    assert!(seen.iter().all(|seen| seen.as_ref().unwrap().presence == Presence::Absent));
    // Past the capturing of output: figures are for people.
    let line = format!("1,000 PostgreSQL roles: removed in {took:?}, observed in {both:?}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

#[tokio::test]
#[ignore = "sixty owners: tests/run all"]
async fn many_slow_owners_are_removed_by_several_attempts_that_each_go_on() {
    let Some(cluster) = Cluster::some(1).pop() else { return };
    let slow = json!({"kind": "postgres", "url": cluster.url, "time_limit": "300ms"});
    let db = built(json!({"kind": "postgres", "url": cluster.url, "time_limit": "1m"})).unwrap();
    let all: Vec<_> = (1..=60).map(|n| with(spec(n, "ana"), &cluster)).collect();
    assert!(db.grant(&all).await.iter().all(Result::is_ok));
    let tables = "DO $$ DECLARE r record; BEGIN FOR r IN SELECT rolname FROM pg_roles WHERE rolname LIKE 'nl-7f3a-%' LOOP \
        FOR n IN 1..40 LOOP EXECUTE format('CREATE TABLE %I (x INT PRIMARY KEY, y TEXT)', r.rolname || n); \
        EXECUTE format('ALTER TABLE %I OWNER TO %I', r.rolname || n, r.rolname); END LOOP; END LOOP; END $$";
    as_superuser(tables);
    let db = built(slow).unwrap();
    let (mut open, mut attempts, mut gone) = (all.clone(), 0, Vec::new());
    while !open.is_empty() {
        attempts += 1;
        assert!(attempts < 500, "{} are still there", open.len());
        let removed = db.remove(&open).await;
        gone.push(removed.iter().filter(|one| one.is_ok()).count());
        open = open.into_iter().zip(removed).filter(|(_, one)| one.is_err()).map(|(spec, _)| spec).collect();
    }
    as_superuser(&format!("DROP OWNED BY {}_app", cluster.own));
    let line = format!("60 owners of 2,400 tables, 300 ms each time: {attempts} attempts, gone by each: {gone:?}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
    for seen in db.observe(&all).await {
        assert_eq!(seen.unwrap().presence, Presence::Absent);
    }
}

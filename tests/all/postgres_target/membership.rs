//! An existing login becomes a member of a role, and is none at the end.

use super::ground::Target;
use crate::support::house::{House, POLICY, body, person};
use crate::support::served::until;
use nightlatch::access::Status;
use nightlatch::wire::{FileBody, RequestView, WindowBody};
use std::process::Stdio;

async fn house(target: &Target) -> House {
    let more = format!("mode = \"membership\"\nlogin = \"{}_{{user}}\"\n", target.own);
    target.house_of(&target.policy_by(POLICY, &target.socket, &more)).await
}

impl Target {
    /// Whether ana's login has what the group has.
    fn ana_is_in(&self) -> bool {
        self.sql(&format!("SELECT pg_has_role('{0}_ana', '{0} quotes; and \"spaces\"', 'MEMBER')", self.own)) == "t"
    }
}

async fn logs(house: &House, minutes: i64) -> RequestView {
    let window = WindowBody { for_seconds: Some(minutes * 60), ..WindowBody::default() };
    let filed = FileBody { role: "logs-read".into(), ..body(window) };
    let filed = house.service.file(&person("ana"), filed, house.key()).await.unwrap();
    house.approve("sam", &filed).await.unwrap();
    house.until_status(filed.id, Status::Active).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i8_a_login_is_a_member_until_the_last_of_its_grants_ends_and_then_its_session_ends() {
    let Some(target) = Target::new("postgres_target::membership") else { return };
    let house = house(&target).await;
    assert!(!target.ana_is_in());
    let first = logs(&house, 30).await;
    let last = house.active(60).await;
    assert!(target.ana_is_in());
    let login = format!("{}_ana", target.own);
    // Its group is asked for a password by this cluster.
    target.sql(&format!("ALTER ROLE {login} PASSWORD 'its own'"));
    let mut psql = target.psql(&login, "its own");
    psql.args(["-c", &format!("SET ROLE {}; SELECT pg_sleep(600)", target.group())]);
    let mut child = psql.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("the session is in", || (target.sessions(&login) == 1).then_some(()));
    house.advance(31);
    let removed = house.until_status(first.id, Status::Removed).await;
    assert_eq!(removed.grant.unwrap().carried_by, Some(last.id));
    assert!(target.ana_is_in() && child.try_wait().unwrap().is_none(), "the other one holds it");
    house.advance(30);
    let removed = house.until_status(last.id, Status::Removed).await;
    assert!(!target.ana_is_in());
    assert!(!child.wait().unwrap().success(), "it was ended");
    assert!(target.has_role(&login), "the login itself is not ours");
    let said = format!("{:?}", removed.grant.unwrap().observed);
    assert!(said.contains("not a member of"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_membership_that_stood_before_is_never_taken_over() {
    let Some(target) = Target::new("postgres_target::standing") else { return };
    let house = house(&target).await;
    target.sql(&format!("GRANT {} TO {}_ana", target.group(), target.own));
    let filed = house.file("ana", 30).await;
    house.approve("sam", &filed).await.unwrap();
    house
        .until("refused", async || house.show(filed.id).await.grant.is_some_and(|grant| grant.last_error.is_some()))
        .await;
    let said = house.show(filed.id).await.grant.unwrap().last_error.unwrap();
    assert!(said.contains("without us"), "{said}");
    house.advance(31);
    assert!(target.ana_is_in(), "it is not ours to end");
}

//! The main job, whole: a person asks, another approves, access appears in a target, the window ends, access is gone by
//! observation, and the trail verifies.

use crate::support::house::{House, POLICY, everywhere, person, words};
use nightlatch::access::Status;
use nightlatch::service::Verb;
use nightlatch::store::Location;
use nightlatch::trail::verify;

async fn path(location: Location) {
    let house = House::new(location, POLICY).await;
    let active = house.active(45).await;
    assert_eq!(house.sandbox().len(), 1);
    let grant = active.grant.as_ref().unwrap();
    assert_eq!(grant.observed.as_ref().unwrap().presence, "present");
    house.advance(44);
    // The clock's next tick says that it ends soon.
    let told = async || house.store.event(8).await.unwrap().is_some();
    house.until("told of its end", told).await;
    assert_eq!(house.show(active.id).await.status, Status::Active);
    house.advance(2);
    let removed = house.until_status(active.id, Status::Removed).await;
    assert!(house.sandbox().is_empty());
    let grant = removed.grant.unwrap();
    assert_eq!(grant.observed.unwrap().presence, "absent");
    assert_eq!(grant.ended.unwrap().how, "window");
    assert_eq!(verified(&house).await, 9, "policy, filed, told, approved, told, granted, told, told, removed");
    house.service.stop().await;
}

/// Exports the whole trail and verifies it; the count of events.
pub async fn verified(house: &House) -> u64 {
    let mut lines = Vec::new();
    let mut after = 0;
    loop {
        let (page, last) = house.service.audit_page(&person("aud"), after, 3).await.unwrap();
        if page.is_empty() {
            break;
        }
        after = last;
        lines.extend(page);
    }
    let lines = lines.into_iter().map(|line| Ok::<_, std::io::Error>(line.into_bytes()));
    verify::verify(lines, &[], &[]).unwrap().unwrap().events
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recorded_path_runs_on_both_engines() {
    everywhere("the_recorded_path", path).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i11_a_revoke_ends_access_at_once() {
    everywhere("i11", async |location| {
        let house = House::new(location, POLICY).await;
        let active = house.active(45).await;
        house.verb("li", active.id, Verb::Revoke(words("wrong worker"))).await.unwrap();
        let removed = house.until_status(active.id, Status::Removed).await;
        assert_eq!(removed.grant.unwrap().ended.unwrap().how, "revoked");
        assert!(house.sandbox().is_empty());
    })
    .await;
}

//! A lease that somebody left behind by dying: access past its end does not wait for it.

use crate::support::house::{House, POLICY, everywhere};
use nightlatch::access::Status;
use nightlatch::store::LeaseAsk;
use nightlatch::text::Length;

#[tokio::test(flavor = "multi_thread")]
async fn i1_the_lease_of_a_server_that_died_keeps_no_access_alive() {
    everywhere("faults::left", async |location| {
        let house = House::new(location.clone(), POLICY).await;
        let active = house.active(45).await;
        house.advance(44);
        let ask = LeaseAsk {
            target: "sandbox".into(),
            removals: false,
            limit: 16,
            holds: Length::from_minutes(10),
            replica: "dead".into(),
            only: Some(active.grant.unwrap().access_key),
        };
        assert_eq!(house.store.lease(ask).await.unwrap().len(), 1);
        house.service.stop().await;
        let again = House::open(location, POLICY, house.folder.clone(), house.clock.clone()).await;
        assert_eq!(again.sandbox().len(), 1, "its window runs");
        again.advance(2);
        again.until("gone at its end", async || again.sandbox().is_empty()).await;
        assert_eq!(again.show(active.id).await.status, Status::Ending, "not recorded while somebody else may yet act");
        again.advance(10);
        again.until_status(active.id, Status::Removed).await;
        assert!(again.sandbox().is_empty());
        again.service.stop().await;
    })
    .await;
}

//! Hints between replicas: "something was written". They may be lost or doubled; the tick is the truth.

use super::engine::Engine;
use futures_util::future::BoxFuture;
use std::time::Duration;

/// Until a listener that broke is made again.
const AGAIN: Duration = Duration::from_secs(1);

/// Calls `look` whenever another replica says that it wrote, until it says that nobody wants to know any more.
pub(super) async fn follow(engine: Engine, look: impl Fn() -> Option<BoxFuture<'static, ()>>) {
    loop {
        let Some(mut hints) = engine.hints().await else { return };
        while hints.next().await {
            let Some(looking) = look() else { return };
            looking.await;
        }
        if look().is_none() {
            return;
        }
        tokio::time::sleep(AGAIN).await;
    }
}

//! What brings to this desk what its person is told, while the dashboard is open: it takes over from `nightlatch notify`, and a
//! click opens the request here. Runs beside the loop; whatever happens to it is a sentence at the foot, never an end.

use super::follow::Way;
use super::msg::Msg;
use crate::notifier::{self, News, Start};
use crate::wire::MeView;
use std::time::Duration;
use tokio::sync::mpsc;

/// So many clicks and sentences wait at most.
const WAITING: usize = 16;
/// Who one is is asked again so long after.
const AGAIN: Duration = Duration::from_secs(5);

/// Tells until the dashboard is left.
pub async fn tell(start: Start, way: Way, msgs: mpsc::Sender<Msg>) {
    let Some(client) = way.opened().await else { return };
    let me = loop {
        match client.get::<MeView>("/v1/me").await {
            Ok(me) => break me,
            // Why not is what the header says.
            Err(_) => start.watch.until(start.watch.elapsed().saturating_add(AGAIN)).await,
        }
        if msgs.is_closed() {
            return;
        }
    };
    let likes = start.likes.clone();
    let notifier = match start.notifier(client, me) {
        Ok(notifier) => notifier,
        Err(why) => return drop(msgs.send(Msg::Said(format!("notifications are off: {why}"))).await),
    };
    let (clicked, clicks) = mpsc::unbounded_channel();
    let channels = notifier::lines(&notifier::wanted(&likes, Some(notifier.place.desktop())), &clicked);
    let (tell, mut news) = mpsc::channel(WAITING);
    let running = tokio::spawn(notifier.run(channels, clicks, tell));
    while let Some(news) = news.recv().await {
        let msg = match news {
            News::Open(number) => Msg::Open(number.0),
            News::Said(words) => Msg::Said(words),
        };
        if msgs.send(msg).await.is_err() {
            running.abort();
            return;
        }
    }
}

//! What a notifier asks the host, and tells it: events, one long wait after the other, and what was brought.

use super::carry::Report;
use crate::client::{Client, ClientError, Pauses};
use crate::clock::Stopwatch;
use crate::wire::{Answer, DeliveredBody, EventsView, MeView, RequestView};
use std::time::Duration;
use tokio::sync::mpsc;

/// A page of events has so many at most.
pub const PAGE: usize = 500;
/// An answer that waits for news is here by then, or the host does not answer.
pub const ANSWER: Duration = Duration::from_secs(35);

/// The host is not asked more often than this, where it has news and where it has none.
const PACE: Duration = Duration::from_millis(80);
const PACE_OF_NOTHING: Duration = Duration::from_secs(1);

/// The host cannot be asked now.
pub struct Away;

/// What the host said, or that it says nothing.
pub enum Page {
    /// It answers: who one is, and how far its events go.
    There(Box<Answer<MeView>>),
    Events(Box<Answer<EventsView>>),
    Away,
    /// The cursor is none of this store: another one, or an older one.
    Strange,
}

/// Asks who one is, until the host says it or nobody listens.
pub async fn greet(client: Client, watch: Stopwatch, page: mpsc::Sender<Page>) {
    let mut pauses = Pauses::default();
    loop {
        let late = watch.elapsed().saturating_add(ANSWER);
        let answer = tokio::select! {
            answer = client.get::<Answer<MeView>>("/v1/me") => answer.ok(),
            () = watch.until(late) => None,
        };
        let there = answer.is_some();
        let said = answer.map_or(Page::Away, |answer| Page::There(Box::new(answer)));
        if page.send(said).await.is_err() || there {
            return;
        }
        watch.until(watch.elapsed().saturating_add(pauses.make())).await;
    }
}

/// Asks for events, one long wait after the other.
pub struct Poller {
    pub client: Client,
    pub watch: Stopwatch,
    /// Only events after this one.
    pub after: i64,
    pub page: mpsc::Sender<Page>,
}

impl Poller {
    /// Asks until nobody takes the pages, or the cursor is strange.
    pub async fn run(mut self) {
        let (mut pauses, mut first) = (Pauses::default(), true);
        loop {
            let (begun, before) = (self.watch.elapsed(), self.after);
            // The first one says at once what there is.
            let wait = if first { "0s" } else { "25s" };
            let path = format!("/v1/events?after={}&limit={PAGE}&wait={wait}", self.after);
            let late = self.watch.elapsed().saturating_add(ANSWER);
            let answer = tokio::select! {
                answer = self.client.get::<Answer<EventsView>>(&path) => Some(answer),
                () = self.watch.until(late) => None,
            };
            let page = match answer {
                Some(Ok(answer)) => {
                    pauses.begin_again();
                    first = false;
                    self.after = answer.body.next_after.max(self.after);
                    Page::Events(Box::new(answer))
                }
                Some(Err(ClientError::Problem(problem))) if problem.status == 400 => Page::Strange,
                _ => Page::Away,
            };
            let (away, strange) = (matches!(page, Page::Away), matches!(page, Page::Strange));
            // News that come faster are taken together; a host that answers at once and says nothing is not asked without end.
            let gap = if self.after > before || wait == "0s" { PACE } else { PACE_OF_NOTHING };
            if self.page.send(page).await.is_err() || strange {
                return;
            }
            let next =
                if away { self.watch.elapsed().saturating_add(pauses.make()) } else { begun.saturating_add(gap) };
            self.watch.until(next).await;
        }
    }
}

/// Tells the host what was brought, beside everything else.
pub struct Reporter {
    asked: mpsc::UnboundedSender<Report>,
    /// What the host took, or never will.
    pub done: mpsc::UnboundedReceiver<Report>,
}

impl Reporter {
    /// Begins. It ends with its handle.
    pub fn start(client: Client, watch: Stopwatch) -> (Self, tokio::task::AbortHandle) {
        let (asked, mut asks) = mpsc::unbounded_channel::<Report>();
        let (tell, done) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            while let Some(report) = asks.recv().await {
                let mut pauses = Pauses::default();
                while !is_told(&client, &report).await {
                    watch.until(watch.elapsed().saturating_add(pauses.make())).await;
                }
                if tell.send(report).is_err() {
                    return;
                }
            }
        });
        (Self { asked, done }, task.abort_handle())
    }

    /// Hands it a report.
    pub fn take(&self, report: Report) {
        // The task lives as long as the session.
        drop(self.asked.send(report));
    }
}

/// Whether the host took it, or said that it never will.
async fn is_told(client: &Client, report: &Report) -> bool {
    let path = format!("/v1/requests/{}/delivered", report.request.0);
    let body = DeliveredBody { of: report.of, channel: report.channel.clone(), fault: report.fault.clone() };
    match client.post::<_, RequestView>(&path, &body).await {
        Ok(_) | Err(ClientError::Wrong(_)) => true,
        // Later: it is starting, it is asked too often.
        Err(ClientError::Problem(problem)) => !matches!(problem.status, 429 | 500..),
        Err(ClientError::Away(_)) => false,
    }
}

//! `request --wait`: until the access is there, or it is clear that it will not be.

use super::Outcome;
use super::exit::{Exit, Trouble};
use super::link::{Got, Link, request_path, with_query};
use super::sheet;
use crate::access::{RequestNumber, Status};
use crate::wire::{EventsView, RequestView};
use std::time::Duration;

/// How often in a row the host may be away before this gives up: about two minutes.
const AWAY: u32 = 24;
/// Between two tries while the host is away.
const PAUSE: Duration = Duration::from_secs(5);
/// After a poll that brought nothing: an end of waiting by a host that does not wait must not become a busy loop.
const BREATH: Duration = Duration::from_secs(1);

/// What a status means for one who waits; nothing while it is still open.
pub const fn outcome(status: Status) -> Option<Exit> {
    match status {
        Status::Pending | Status::Approved | Status::Granting => None,
        Status::Active => Some(Exit::Done),
        Status::SentBack | Status::Denied | Status::Withdrawn | Status::Lapsed | Status::Ending | Status::Removed => {
            Some(Exit::Refused)
        }
        Status::Failed => Some(Exit::Fault),
    }
}

/// Follows the request's events until its status says how this ends.
pub async fn until_active(link: &Link, filed: Got<RequestView>) -> Outcome {
    let mut got = filed;
    let id = RequestNumber(got.view.id);
    let mut away = 0;
    loop {
        if let Some(exit) = outcome(got.view.status) {
            link.print(&got, sheet::stands)?;
            return Ok(exit);
        }
        match again(link, id, got.view.seq).await {
            Ok(newer) => {
                if newer.view.status != got.view.status {
                    link.out.aside(&sheet::stands(&newer.view, &link.eye(newer.now)));
                }
                (got, away) = (newer, 0);
            }
            Err(trouble) if trouble.exit == Exit::Away && away < AWAY => {
                away += 1;
                tokio::time::sleep(PAUSE).await;
            }
            Err(trouble) => return Err(trouble),
        }
    }
}

async fn again(link: &Link, id: RequestNumber, seen: i64) -> Result<Got<RequestView>, Trouble> {
    let query = [("after", Some(seen.to_string())), ("wait", Some("10s".into()))];
    let events: Got<EventsView> = link.get(&with_query(&request_path(id, "events"), &query)).await?;
    if events.view.events.is_empty() {
        tokio::time::sleep(BREATH).await;
    }
    link.get(&request_path(id, "")).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_ends_as_promised() {
        for status in Status::ALL {
            let code = outcome(*status).map(Exit::code);
            let promised = match status {
                Status::Pending | Status::Approved | Status::Granting => None,
                Status::Active => Some(0),
                Status::Failed => Some(1),
                _ => Some(3),
            };
            assert_eq!(code, promised, "{status}");
        }
    }
}

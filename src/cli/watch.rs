//! `board --watch-json`: the board as a line of JSON, and a line for each change, until it is ended.
//!
//! Each line is what the host answered. A link that is lost is a line as well, `{"away":…}`; what changed meanwhile comes with
//! the next answer, so a reader that puts line upon line always has the board.

use super::Outcome;
use super::exit::{Exit, Trouble};
use super::link::{Context, Got, Link, door};
use crate::client::embedded::Seat;
use crate::client::{Door, Pauses};
use crate::wire::BoardView;
use serde_json::json;

/// The board, answer by answer.
pub struct Watcher {
    link: Link,
    /// The embedded store does not stop while it is watched, and is started again when it died.
    embedded: Option<(Door, Option<Seat>)>,
    after: Option<i64>,
    /// Nothing while the board can be read.
    pauses: Option<Pauses>,
}

/// One answer.
pub enum News {
    /// The board, whole or what changed.
    Board(Got<BoardView>),
    /// It could not be read, for the first time since it could; it is tried again.
    Away(Trouble),
}

impl Watcher {
    /// From now on.
    pub fn new(link: Link, door: Door) -> Self {
        let embedded = match &door {
            Door::Hosts { .. } => None,
            Door::Embedded { paths, .. } => Some(Seat::take(paths)),
        };
        Self { link, embedded: embedded.map(|seat| (door, seat)), after: None, pauses: None }
    }

    /// Waits for the next news. A link that may come back is waited for.
    pub async fn next(&mut self) -> Result<News, Trouble> {
        loop {
            match self.once().await {
                Ok(Some(board)) => return Ok(News::Board(board)),
                Ok(None) => {}
                // Only what may pass by itself is waited for.
                Err(trouble) if trouble.exit != Exit::Away => return Err(trouble),
                Err(trouble) if self.pauses.is_none() => {
                    self.pauses = Some(Pauses::default());
                    return Ok(News::Away(trouble));
                }
                Err(_) => {
                    tokio::time::sleep(self.pauses.get_or_insert_default().make()).await;
                    if let Some((door, _)) = &self.embedded {
                        // Why it does not start is what the next try says.
                        drop(door.open().await);
                    }
                }
            }
        }
    }

    /// The next answer, if it says anything.
    async fn once(&mut self) -> Result<Option<Got<BoardView>>, Trouble> {
        let path = match self.after {
            Some(seq) => format!("/v1/board?after={seq}&wait=10s"),
            None => "/v1/board".to_owned(),
        };
        let got = match self.link.get::<BoardView>(&path).await {
            // Another store, or an older one: begun anew.
            Err(trouble) if self.after.is_some() && trouble.exit == Exit::Usage => {
                self.after = None;
                return Ok(None);
            }
            got => got?,
        };
        let (board, first) = (&got.view, self.after.is_none());
        self.after = Some(board.seq);
        let back = self.pauses.take().is_some();
        Ok((first || back || board.full || !board.rows.is_empty() || !board.gone.is_empty()).then_some(got))
    }
}

/// Prints lines until nobody reads them.
pub async fn run(cx: &Context) -> Outcome {
    let mut watcher = Watcher::new(cx.link().await?, door(&cx.settings()?)?);
    let out = watcher.link.out;
    loop {
        let told = match watcher.next().await? {
            News::Board(got) => out.json_text(&got.text),
            News::Away(trouble) => out.json_value(&json!({ "away": trouble.sentence, "hint": trouble.hint })),
        };
        match told {
            Err(gone) if gone.sentence.is_empty() => return Ok(Exit::Done),
            told => told?,
        }
    }
}

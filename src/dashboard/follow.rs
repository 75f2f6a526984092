//! The link to the host: one long poll after the other, for ever. A lost link is a sentence and the next try, never an end.

use super::msg::{Moment, Msg};
use crate::client::{Client, ClientError, Door, Pauses};
use crate::clock::Stopwatch;
use crate::wire::{BoardView, MeView, SystemsView};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::sync::{Notify, mpsc, watch};

/// An answer that waits for news is here by then, or the host does not answer.
const ANSWER: Duration = Duration::from_secs(14);
/// News that come faster than this are taken together.
const PACE: Duration = Duration::from_millis(80);
/// The longest pause between two tries where asking costs nobody anything.
const LONGEST_NEAR: Duration = Duration::from_secs(3);
/// Who one is and what there is are read again so long after, if anything happened;
const REFRESH: Duration = Duration::from_mins(1);
/// and so long after even if not: a duty begins without an event.
const REFRESH_QUIET: Duration = Duration::from_mins(10);

/// What the pane holds of the link.
#[derive(Debug, Clone)]
pub struct Way {
    client: watch::Receiver<Option<Client>>,
    poke: Arc<Poke>,
}

#[derive(Debug, Default)]
struct Poke {
    woken: Notify,
    /// The whole board is wanted, not what changed.
    whole: AtomicBool,
    /// No try is waited for just now.
    trying: AtomicBool,
}

impl Way {
    /// The host, once the way to it is open.
    pub fn client(&self) -> Option<Client> {
        self.client.borrow().clone()
    }

    /// The host, as soon as the way to it is open; nothing where nobody opens it any more.
    pub async fn opened(&self) -> Option<Client> {
        let mut client = self.client.clone();
        let open = client.wait_for(Option::is_some).await.ok()?;
        open.clone()
    }

    /// Asks for the whole board, at once.
    pub fn resync(&self) {
        self.poke.whole.store(true, Relaxed);
        self.poke.woken.notify_one();
    }

    /// If the next try is waited for, it is made now.
    pub fn nudge(&self) {
        if !self.poke.trying.load(Relaxed) {
            self.poke.woken.notify_one();
        }
    }
}

/// Why there is no news.
enum Missed {
    /// The host is there and says nothing.
    Silent(String),
    /// It was refused, or nobody is there.
    Failed(ClientError),
}

/// Opens the way and follows the board until nobody listens any more.
pub fn follow(door: Door, watch: Stopwatch, news: mpsc::Sender<Msg>) -> Way {
    let (open, client) = watch::channel(None);
    let poke = Arc::new(Poke::default());
    let held = Way { client, poke: poke.clone() };
    let follower = Follower {
        pauses: if door.is_near() { Pauses::growing_to(LONGEST_NEAR) } else { Pauses::default() },
        door,
        watch,
        news,
        open,
        poke,
        after: None,
        refreshed: None,
    };
    tokio::spawn(follower.run());
    held
}

struct Follower {
    door: Door,
    watch: Stopwatch,
    news: mpsc::Sender<Msg>,
    open: watch::Sender<Option<Client>>,
    poke: Arc<Poke>,
    /// Up to this event the pane knows everything.
    after: Option<i64>,
    /// When who one is was read, and at which event.
    refreshed: Option<(Duration, i64)>,
    pauses: Pauses,
}

/// Nobody listens any more.
struct Closed;

impl Follower {
    async fn run(mut self) {
        while let Ok(()) = self.once().await {}
    }

    async fn once(&mut self) -> Result<(), Closed> {
        self.poke.trying.store(true, Relaxed);
        let begun = self.watch.elapsed();
        match self.poll().await {
            Ok(Some(board)) => {
                if !self.pauses.is_fresh() || self.after.is_none() {
                    tracing::info!(seq = board.seq, "the board is followed");
                }
                self.pauses.begin_again();
                let (full, seq) = (board.full && self.after.is_some(), board.seq);
                self.after = Some(seq);
                self.tell(Msg::Board(board)).await?;
                self.refresh(full, seq).await?;
                self.watch.until(begun.saturating_add(PACE)).await;
                Ok(())
            }
            // Asked for anew.
            Ok(None) => Ok(()),
            Err(missed) => self.missed(&missed).await,
        }
    }

    /// The next news; none where the whole board is wanted instead.
    async fn poll(&mut self) -> Result<Option<BoardView>, Missed> {
        let open = self.open.borrow().clone();
        let client = if let Some(client) = open {
            client
        } else {
            let client = self.door.open().await.map_err(Missed::Failed)?;
            self.open.send_replace(Some(client.clone()));
            client
        };
        if self.poke.whole.swap(false, Relaxed) {
            self.after = None;
        }
        let path = match self.after {
            Some(after) => format!("/v1/board?after={after}&wait=10s"),
            None => "/v1/board".to_owned(),
        };
        let late = self.watch.elapsed().saturating_add(ANSWER);
        tokio::select! {
            answer = client.get::<BoardView>(&path) => answer.map(Some).map_err(Missed::Failed),
            () = self.watch.until(late) => Err(Missed::Silent(format!("{} does not answer", client.address()))),
            () = self.poke.woken.notified() => Ok(None),
        }
    }

    /// Says why, and waits for the next try, or until somebody looks.
    async fn missed(&mut self, missed: &Missed) -> Result<(), Closed> {
        if matches!((&self.door, missed), (Door::Embedded { .. }, Missed::Failed(ClientError::Away(_)))) {
            // Nobody else looks after the embedded one: the next try joins it anew, or starts it.
            self.open.send_replace(None);
        }
        let (sentence, offline) = match missed {
            Missed::Failed(ClientError::Away(sentence)) => (sentence.clone(), true),
            // It took the question: what is shown grows old, and that is what is said.
            Missed::Silent(sentence) | Missed::Failed(ClientError::Wrong(sentence)) => (sentence.clone(), false),
            Missed::Failed(ClientError::Problem(problem)) => {
                // What it knew of us is not what is there now: another store, or an older one.
                if problem.status == 400 {
                    self.after = None;
                }
                let hint = if problem.hint.is_empty() { String::new() } else { format!(": {}", problem.hint) };
                (format!("{}{hint}", problem.detail), false)
            }
        };
        let pause = self.pauses.make();
        let next = self.watch.elapsed().saturating_add(pause);
        tracing::warn!(offline, pause_ms = pause.as_millis(), "the board cannot be read: {sentence}");
        // Whoever is woken while this is told is not made to wait.
        self.poke.trying.store(false, Relaxed);
        self.tell(Msg::Away { sentence, next_try: Moment(next), offline }).await?;
        tokio::select! {
            () = self.watch.until(next) => {}
            () = self.poke.woken.notified() => self.pauses.begin_again(),
            () = self.news.closed() => return Err(Closed),
        }
        Ok(())
    }

    /// Reads who one is and what there is, where it may have changed.
    async fn refresh(&mut self, full: bool, seq: i64) -> Result<(), Closed> {
        let Some(client) = self.open.borrow().clone() else { return Ok(()) };
        let now = self.watch.elapsed();
        let due = self.refreshed.is_none_or(|(at, known)| {
            let past = now.saturating_sub(at);
            full || past >= REFRESH_QUIET || (known != seq && past >= REFRESH)
        });
        if !due {
            return Ok(());
        }
        // What cannot be read now is read with the next news; the board itself says that the host is away.
        let late = now.saturating_add(ANSWER);
        let read = async { tokio::join!(client.get::<MeView>("/v1/me"), client.get::<SystemsView>("/v1/systems")) };
        let (me, systems) = tokio::select! {
            read = read => read,
            () = self.watch.until(late) => return Ok(()),
        };
        if let (Ok(me), Ok(systems)) = (me, systems) {
            self.refreshed = Some((now, seq));
            self.tell(Msg::Me(me)).await?;
            self.tell(Msg::Systems(systems)).await?;
        }
        Ok(())
    }

    async fn tell(&self, msg: Msg) -> Result<(), Closed> {
        self.news.send(msg).await.map_err(|_| Closed)
    }
}

//! The desktop as a channel: `org.freedesktop.Notifications` on the session bus.
//!
//! No call waits longer than [`LIMIT`] for the bus, however it hangs: one call at a time is under way, on a task of its
//! own that ends by itself, and an answer that comes late still counts. One who clicks opens the request, nothing else.

mod bus;
mod standing;
mod words;

use super::alert::{Alert, Key};
use super::{Brought, Channel};
use crate::access::RequestNumber;
use bus::{Fault, Link, Shared, with};
use standing::Standing;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use words::notice;

/// How long somebody waits for a call.
pub const LIMIT: Duration = Duration::from_secs(2);

/// How long a call may be under way before its connection is given up.
const LONGEST: Duration = Duration::from_secs(10);

/// Where the session bus is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bus {
    /// Where the environment says, looked up each time.
    OfSession,
    /// At this address.
    At(String),
}

/// The desktop.
#[derive(Debug)]
pub struct Desktop {
    desk: Arc<Desk>,
    /// What is under way.
    call: Option<JoinHandle<Result<(), String>>>,
    limit: Duration,
}

/// What a call works with.
struct Desk {
    bus: Bus,
    clicked: UnboundedSender<RequestNumber>,
    /// Where the next process finds what stands.
    kept: Option<PathBuf>,
    standing: Shared,
    link: Mutex<Option<Link>>,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").field("bus", &self.bus).finish_non_exhaustive()
    }
}

/// One call.
enum Call {
    Bring(Box<Alert>),
    TakeBack(Key),
}

impl Desktop {
    /// Clicks are sent to `clicked`; what stands is remembered in the file `kept`, if one is named.
    pub fn new(bus: Bus, clicked: UnboundedSender<RequestNumber>, kept: Option<PathBuf>) -> Self {
        let (standing, link) = (Shared::default(), Mutex::new(None));
        Self { desk: Arc::new(Desk { bus, clicked, kept, standing, link }), call: None, limit: LIMIT }
    }

    /// As it is, with another limit.
    #[must_use]
    pub const fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// The name and version of the server, once something was brought.
    pub async fn server(&self) -> Option<String> {
        let link = timeout(self.limit, self.desk.link.lock()).await.ok()?;
        link.as_ref().map(|link| link.server.clone())
    }

    /// Waits for what is under way, if anything is. May be given up half-way: the call goes on.
    async fn settle(&mut self) -> Result<(), String> {
        let Some(call) = &mut self.call else { return Ok(()) };
        let said = call.await;
        self.call = None;
        said.unwrap_or_else(|_| Err("the call to the notification server was interrupted".to_owned()))
    }

    async fn send(&mut self, call: Call) -> Result<(), String> {
        let address = match &self.desk.bus {
            Bus::OfSession => bus::find(&|name| std::env::var(name).ok())?,
            Bus::At(address) => address.clone(),
        };
        let limit = self.limit;
        let both = async {
            // What came of the one before was told when it took too long.
            let _ = self.settle().await;
            self.call = Some(tokio::spawn(self.desk.clone().work(address, call)));
            self.settle().await
        };
        timeout(limit, both).await.unwrap_or_else(|_| Err(SLOW.to_owned()))
    }
}

const SLOW: &str = "the notification server does not answer: restart it, or log in to the desktop anew";

impl Desk {
    async fn work(self: Arc<Self>, address: String, call: Call) -> Result<(), String> {
        let mut link = self.link.lock().await;
        let tried = timeout(LONGEST, self.attempt(&mut link, &address, &call)).await;
        match tried.unwrap_or_else(|_| Err(Fault::Gone(SLOW.to_owned()))) {
            Ok(()) => Ok(()),
            Err(Fault::Refused(sentence)) => Err(sentence),
            Err(Fault::Gone(sentence)) => {
                *link = None;
                Err(sentence)
            }
        }
    }

    /// Twice, where a connection that was good before turns out not to be.
    async fn attempt(&self, link: &mut Option<Link>, address: &str, call: &Call) -> Result<(), Fault> {
        let fresh = link.as_ref().is_none_or(Link::is_over);
        match self.once(link, address, call).await {
            Err(Fault::Gone(_)) if !fresh => {
                *link = None;
                self.once(link, address, call).await
            }
            said => said,
        }
    }

    async fn once(&self, link: &mut Option<Link>, address: &str, call: &Call) -> Result<(), Fault> {
        if link.as_ref().is_none_or(Link::is_over) {
            *link = None;
            let none = with(&self.standing, |standing| *standing == Standing::default());
            if let Some(kept) = self.kept.as_ref().filter(|_| none) {
                let left = Standing::load(kept).await;
                with(&self.standing, |standing| *standing = left);
            }
        }
        // Before a connection: what does not stand needs none.
        if let Call::TakeBack(key) = call
            && with(&self.standing, |standing| standing.id(&key.word())).is_none()
        {
            return Ok(());
        }
        let link = match link {
            Some(link) => link,
            none => none.insert(Link::open(address, &self.standing, &self.clicked).await?),
        };
        match call {
            Call::Bring(alert) => {
                let word = alert.key.word();
                let instead = with(&self.standing, |standing| standing.id(&word));
                let id = link.notify(instead, &notice(alert, link.abilities())).await?;
                with(&self.standing, |standing| standing.stands(word, id, alert.opens));
            }
            Call::TakeBack(key) => {
                // Asked again: with a new server it stands no longer.
                if let Some(id) = with(&self.standing, |standing| standing.id(&key.word())) {
                    link.close(id).await?;
                    with(&self.standing, |standing| standing.closed(id));
                }
            }
        }
        if let Some(kept) = &self.kept {
            let standing = with(&self.standing, |standing| standing.clone());
            standing.save(kept).await;
        }
        Ok(())
    }
}

impl Channel for Desktop {
    fn name(&self) -> &'static str {
        "desktop"
    }

    fn bring<'a>(&'a mut self, alert: &'a Alert) -> Brought<'a> {
        Box::pin(self.send(Call::Bring(Box::new(alert.clone()))))
    }

    fn take_back<'a>(&'a mut self, key: &'a Key) -> Brought<'a> {
        Box::pin(self.send(Call::TakeBack(key.clone())))
    }
}

//! The `admin` verbs: on the store that `server.toml` names, also while it is served, through the same one write as
//! `os:ACCOUNT`. Decides nothing about requests.

mod copy;
mod erase;
mod hooks;
mod tokens;

pub use copy::{backup, migrate, restore};
pub use erase::{Whose, erase};
pub use hooks::{resend, send_trial, undelivered};
pub use tokens::{create, invite, list, revoke};

use crate::access::command::Command;
use crate::access::refusal::Class;
use crate::access::{Actor, Subject};
use crate::config;
use crate::service::host;
use crate::store::{Act, Done, Queue, Store, WriteError};
use std::path::Path;

/// Why an admin verb did not do it: the exit code's class and a sentence with its cure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdminFault {
    /// Malformed: configuration, names, lengths.
    #[error("{0}")]
    Usage(String),
    /// A rule said no.
    #[error("{0}")]
    Refused(String),
    /// The store cannot be reached.
    #[error("{0}")]
    Away(String),
    /// Verification failed.
    #[error("{0}")]
    Unverified(String),
    /// A fault.
    #[error("{0}")]
    Broken(String),
}

type Answered<T> = Result<T, AdminFault>;

/// The store of one `server.toml`, and who acts.
pub struct Desk {
    store: Store,
    actor: Actor,
    server: config::Server,
}

impl Desk {
    /// Opens the store that `server.toml` names, beside its server.
    pub async fn open(file: &Path) -> Answered<Self> {
        let server = load(file)?;
        let store = host::open_store(&server, host::clock(), false).await.map_err(AdminFault::Away)?;
        let account = config::account::own().map_or_else(|| "unknown".to_owned(), |account| account.name);
        Ok(Self { store, actor: Actor::os(&account), server })
    }

    async fn act(&self, subject: Subject, command: Command) -> Answered<Done> {
        let act = Act { subject: Some(subject), actor: self.actor.clone(), command, key: None, queue: Queue::People };
        match self.store.act(act).await {
            Ok(done) => Ok(done),
            Err(WriteError::Refused(refusal)) => {
                let sentence = format!("{refusal}; {}", refusal.hint);
                Err(match refusal.code.class() {
                    Class::Malformed | Class::NotFound => AdminFault::Usage(sentence),
                    Class::NotReady => AdminFault::Away(sentence),
                    Class::Rule | Class::Identity | Class::Changed | Class::Blocked => AdminFault::Refused(sentence),
                })
            }
            Err(WriteError::Store(error)) => Err(AdminFault::Away(error.to_string())),
        }
    }

    /// The wall clock is right after all: a running server goes by it within a second.
    pub async fn accept_clock(&self) -> Answered<()> {
        let at = self.store.clock().wall();
        self.act(Subject::Store, Command::AcceptClock { at }).await.map(drop)
    }

    /// The store is behind its own checkpoint, and that is accepted.
    pub async fn accept_loss(&self, words: &str) -> Answered<()> {
        let command = Command::AcceptLoss { lost: 0, words: words.to_owned() };
        self.act(Subject::Store, command).await.map(drop)
    }

    /// Reads the whole store: every link, the head, each row against its events. Returns the count of events.
    pub async fn verify(&self) -> Answered<i64> {
        let whole = self.store.check(&mut |_, _| {}).await.map_err(|error| AdminFault::Away(error.to_string()))?;
        if whole.faults.is_empty() { Ok(whole.events) } else { Err(AdminFault::Unverified(whole.faults.join("; "))) }
    }

    /// What the store's clock says.
    pub fn now(&self) -> crate::text::Instant {
        self.store.clock().now().at
    }

    /// Closes the store, once everything is written.
    pub async fn close(self) {
        self.store.close().await;
    }
}

fn load(file: &Path) -> Answered<config::Server> {
    let faults = |faults: Vec<crate::policy::Fault>| {
        AdminFault::Usage(faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    };
    config::Server::load(file).map(|(server, _)| server).map_err(faults)
}

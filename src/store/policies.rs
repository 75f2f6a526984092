//! The policies that rule or ruled, read once each. How a policy's text is read is handed in: the store knows no grammar.

use super::slots::{KnownSlots, has_calendars, lay};
use crate::policy::{Kinds, Policy};
use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

/// Reads a policy's text; the error is a sentence.
pub type PolicyReader = Arc<dyn Fn(&str) -> Result<Policy, String> + Send + Sync>;

/// How many are kept read.
const KEPT: usize = 8;

/// A policy that rules, under its hash.
#[derive(Debug, Clone)]
pub struct Ruling {
    /// The SHA-256 of its text; empty before the first.
    pub hash: String,
    /// Itself; where its text cannot be read any more, nobody may do anything by it.
    pub policy: Arc<Policy>,
    /// Why its text cannot be read, if so.
    pub fault: Option<String>,
    /// Where its text is kept.
    pub text: Option<i64>,
}

/// The policies that were read.
pub(super) struct Policies {
    read: PolicyReader,
    known: Mutex<HashMap<String, Ruling>>,
    /// What was read of the calendars, up to which event.
    slots: Mutex<(i64, Arc<KnownSlots>)>,
    /// The last ruling that had it laid over: laying costs a copy of the policy.
    laid: Mutex<Option<(Arc<KnownSlots>, Ruling)>>,
}

impl Policies {
    pub(super) fn new(read: PolicyReader) -> Self {
        Self { read, known: Mutex::default(), slots: Mutex::default(), laid: Mutex::default() }
    }

    /// What was read of the calendars, and up to which event.
    pub(super) fn slots(&self) -> (i64, Arc<KnownSlots>) {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps what was committed since.
    pub(super) fn learn(&self, seq: i64, news: KnownSlots) -> Arc<KnownSlots> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if seq > slots.0 {
            slots.0 = seq;
            Arc::make_mut(&mut slots.1).extend(news);
        }
        slots.1.clone()
    }

    /// The ruling with what was read laid over it; made once.
    pub(super) fn laid(&self, ruling: &Ruling, known: &Arc<KnownSlots>) -> Ruling {
        let mut last = self.laid.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, laid)) = &*last
            && Arc::ptr_eq(of, known)
            && laid.hash == ruling.hash
        {
            return laid.clone();
        }
        let laid = laid(ruling, known);
        *last = Some((known.clone(), laid.clone()));
        laid
    }

    /// The policy of this hash, if it was read before.
    pub(super) fn known(&self, hash: &str) -> Option<Ruling> {
        if hash.is_empty() {
            return Some(Ruling { hash: String::new(), policy: Arc::new(nobody()), fault: None, text: None });
        }
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(hash).cloned()
    }

    /// Reads a policy that somebody wants to rule.
    pub(super) fn read(&self, text: &str) -> Result<Policy, String> {
        // Whatever a text makes of its reader, the writer goes on.
        catch_unwind(AssertUnwindSafe(|| (self.read)(text)))
            .unwrap_or_else(|_| Err("reading it met a fault of nightlatch: report it".to_owned()))
    }

    /// Reads a policy that rules, and keeps it. One that cannot be read must not keep access from being removed.
    pub(super) fn keep(&self, hash: &str, text: &str, id: i64) -> Ruling {
        let (policy, fault) = match self.read(text) {
            Ok(policy) => (policy, None),
            Err(fault) => (nobody(), Some(fault)),
        };
        let ruling = Ruling { hash: hash.to_owned(), policy: Arc::new(policy), fault, text: Some(id) };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(hash.to_owned(), ruling.clone());
        ruling
    }
}

/// The ruling with what was read laid over it.
pub(super) fn laid(ruling: &Ruling, known: &KnownSlots) -> Ruling {
    if known.is_empty() || !has_calendars(&ruling.policy) {
        return ruling.clone();
    }
    Ruling { policy: Arc::new(lay(&ruling.policy, known)), ..ruling.clone() }
}

/// A policy that knows nobody and nothing.
fn nobody() -> Policy {
    Policy {
        zone: chrono_tz::UTC,
        leads: None,
        ticket_url: None,
        kinds: Kinds::default(),
        people: BTreeMap::new(),
        teams: BTreeMap::new(),
        rotas: BTreeMap::new(),
        systems: BTreeMap::new(),
        provisioners: BTreeMap::new(),
    }
}

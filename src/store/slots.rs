//! What was read of the calendars: the newest `rota-changed` of each rota, laid over the policy that rules. It is read in the
//! write, so that every replica decides by the same turns.

use super::engine::Writer;
use super::fault::StoreError;
use super::keep::{EVENT, Stored};
use super::open::Store;
use super::policies::{Policies, Ruling};
use super::row::{Arg, Row};
use crate::access::Event;
use crate::policy::Policy;
use crate::policy::rota::{Calendar, Matching, Override};
use crate::text::Instant;
use crate::trail::Link;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many events are read at once, and how often, when a process looks for the first time.
const PAGE: i64 = 50;
const PAGES: usize = 40;

/// What was read of one calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slots {
    /// Which calendar: the hash of where it is and how it is matched.
    pub calendar: String,
    /// From when on it was read.
    pub from: Instant,
    /// Until when.
    pub until: Instant,
    /// Who is on duty, in order.
    pub slots: Vec<Override>,
}

/// What was read, by rota.
pub type KnownSlots = BTreeMap<String, Slots>;

/// Which calendar it is: a hash, because its address may hold a secret.
pub fn calendar_hash(calendar: &Calendar) -> String {
    let matching = match calendar.matching {
        Matching::Email => "email",
        Matching::Name => "name",
    };
    Link::of(&[calendar.ics.as_bytes(), b"\0", matching.as_bytes()]).to_string()
}

/// Whether a policy needs any of this.
fn has_calendars(policy: &Policy) -> bool {
    policy.rotas.values().any(|rota| rota.calendar.is_some())
}

/// The policy with what was read laid over it. Turns of another calendar, and of people whom it does not know, are not.
pub fn lay(policy: &Policy, known: &KnownSlots) -> Policy {
    let mut policy = policy.clone();
    let people = &policy.people;
    for (name, rota) in &mut policy.rotas {
        let (Some(calendar), Some(read)) = (&rota.calendar, known.get(name)) else { continue };
        if calendar_hash(calendar) == read.calendar {
            let there = read.slots.iter().filter(|slot| people.contains_key(&slot.person)).cloned();
            rota.lay(read.from, read.until, &there.collect::<Vec<_>>());
        }
    }
    policy
}

/// The ruling with what was read laid over it.
pub(super) fn laid(ruling: &Ruling, known: &KnownSlots) -> Ruling {
    if known.is_empty() || !has_calendars(&ruling.policy) {
        return ruling.clone();
    }
    Ruling { policy: Arc::new(lay(&ruling.policy, known)), ..ruling.clone() }
}

/// What is new since `after`, newest first; `before` goes further back.
fn query(after: i64, before: i64) -> (String, Vec<Arg>) {
    let sql = format!(
        "SELECT {EVENT} FROM event WHERE subject = 'policy' AND kind = 'rota-changed' AND seq > $1 AND seq < $2 \
         ORDER BY seq DESC LIMIT {PAGE}"
    );
    (sql, vec![after.into(), before.into()])
}

/// What was read of the calendars up to now, and the ruling with it laid over.
pub(super) async fn load(
    writer: &mut Writer,
    ruling: Ruling,
    policies: &Policies,
) -> Result<(Ruling, Arc<KnownSlots>), StoreError> {
    if !has_calendars(&ruling.policy) {
        return Ok((ruling, Arc::default()));
    }
    let (mut seq, known) = policies.slots();
    let mut news = News { found: BTreeMap::new(), newest: seq, before: i64::MAX };
    for _ in 0..PAGES {
        let (sql, args) = query(seq, news.before);
        if !news.take(&writer.fetch(&sql, args).await?, &ruling.policy)? {
            break;
        }
    }
    seq = news.newest;
    let known = if news.found.is_empty() { known } else { policies.learn(seq, news.found) };
    Ok((policies.laid(&ruling, &known), known))
}

impl Store {
    /// What was read of the calendars of `policy` up to now.
    pub async fn slots(&self, policy: &Policy) -> Result<Arc<KnownSlots>, StoreError> {
        let policies = &self.inner.policies;
        if !has_calendars(policy) {
            return Ok(Arc::default());
        }
        let (seq, known) = policies.slots();
        let mut news = News { found: BTreeMap::new(), newest: seq, before: i64::MAX };
        for _ in 0..PAGES {
            let (sql, args) = query(seq, news.before);
            if !news.take(&self.read(&sql, args).await?, policy)? {
                break;
            }
        }
        Ok(if news.found.is_empty() { known } else { policies.learn(news.newest, news.found) })
    }
}

/// Pages of events on their way to what is known.
struct News {
    found: KnownSlots,
    newest: i64,
    before: i64,
}

impl News {
    /// Takes a page; whether another is worth reading.
    fn take(&mut self, rows: &[Row], policy: &Policy) -> Result<bool, StoreError> {
        for row in rows {
            let stored = Stored::of(row)?;
            self.newest = self.newest.max(stored.seq);
            self.before = self.before.min(stored.seq);
            let Event::RotaChanged { rota, calendar, from, until, slots } = stored.told()?.event else { continue };
            self.found.entry(rota).or_insert(Slots { calendar, from, until, slots });
        }
        let rest = policy.rotas.iter().any(|(name, rota)| rota.calendar.is_some() && !self.found.contains_key(name));
        Ok(rest && i64::try_from(rows.len()).is_ok_and(|rows| rows == PAGE))
    }
}

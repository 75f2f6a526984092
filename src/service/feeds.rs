//! The calendars that teams already have: read now and then, and written down where they say something new. One that cannot be
//! read changes nothing: the last good reading goes on, its age is shown.

use super::ruling::Ruling;
use super::{Answered, Fault, Service};
use crate::access::command::Command;
use crate::access::{Actor, Subject};
use crate::calendar::{self, Reading};
use crate::policy::Rota;
use crate::policy::rota::Calendar;
use crate::store::{calendar_hash, lay};
use crate::text::{Clean, Instant, Length};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// How far ahead turns are known.
pub(super) const AHEAD: Length = Length::from_hours(24 * 60);
/// A little of what has passed is kept, for those who look back.
const BEHIND: Length = Length::from_hours(24);
/// How often a calendar is read: a file, an address, and at first after a failure; each failure doubles that.
const FILE_EACH: Length = Length::from_minutes(1);
const ADDRESS_EACH: Length = Length::from_minutes(10);
const AGAIN: Length = Length::from_seconds(30);
/// The longest sentence about a failure, in columns.
const SENTENCE: usize = 200;

/// How the reading of one calendar stands with this replica.
#[derive(Debug, Clone, Default)]
pub(super) struct Feed {
    /// Which calendar it is.
    calendar: String,
    /// Under which policy it was read last: another one may know other people.
    policy: String,
    /// When it was read well last.
    pub read_at: Option<Instant>,
    /// Why it could not be read since, and since when.
    pub fault: Option<(Instant, String)>,
    /// What the reading left out.
    pub remarks: Vec<String>,
    failures: u32,
    next: Instant,
    busy: bool,
}

/// How the reading of every calendar stands, by rota.
#[derive(Debug, Default)]
pub(super) struct Feeds(Mutex<BTreeMap<String, Feed>>);

impl Feeds {
    fn with<T>(&self, act: impl FnOnce(&mut BTreeMap<String, Feed>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How the calendar of `rota` stands.
    pub fn of(&self, rota: &str) -> Option<Feed> {
        self.with(|feeds| feeds.get(rota).cloned())
    }

    /// Whether it is time to read; then it is being read.
    fn take(&self, rota: &str, calendar: &str, policy: &str, at: Instant) -> bool {
        self.with(|feeds| {
            let feed = feeds.entry(rota.to_owned()).or_default();
            if feed.calendar != calendar {
                *feed = Feed { calendar: calendar.to_owned(), busy: feed.busy, ..Feed::default() };
            }
            if feed.policy != policy {
                (feed.policy, feed.next) = (policy.to_owned(), Instant::default());
            }
            let due = !feed.busy && feed.next <= at;
            feed.busy |= due;
            due
        })
    }

    fn done(&self, rota: &str, at: Instant, each: Length, outcome: Result<Vec<String>, String>) {
        self.with(|feeds| {
            let Some(feed) = feeds.get_mut(rota) else { return };
            feed.busy = false;
            match outcome {
                Ok(remarks) => {
                    (feed.read_at, feed.fault, feed.failures, feed.remarks) = (Some(at), None, 0, remarks);
                    feed.next = at.plus(each);
                }
                Err(sentence) => {
                    let since = feed.fault.as_ref().map_or(at, |(since, _)| *since);
                    let doubled = AGAIN.millis().saturating_mul(1_i64 << feed.failures.min(16));
                    feed.failures = feed.failures.saturating_add(1);
                    feed.next = at.plus(Length::from_millis(doubled.min(ADDRESS_EACH.millis())));
                    feed.fault = Some((since, sentence));
                }
            }
        });
    }
}

impl Service {
    /// The ruling with what was read of the calendars laid over it.
    pub(super) async fn with_turns(&self, ruling: Arc<Ruling>) -> Answered<Arc<Ruling>> {
        let known = self.inner.store.slots(&ruling.policy).await?;
        if known.is_empty() {
            return Ok(ruling);
        }
        let policy = lay(&ruling.policy, &known);
        Ok(Arc::new(Ruling { hash: ruling.hash.clone(), policy, table: ruling.table.clone() }))
    }

    /// Reads the calendars whose time has come, in the background: a slow one must not hold up the tick.
    pub(super) async fn read_calendars(&self, at: Instant) -> Answered<()> {
        let ruling = self.ruling().await?;
        for (name, rota) in &ruling.policy.rotas {
            let Some(calendar) = &rota.calendar else { continue };
            if !self.inner.feeds.take(name, &calendar_hash(calendar), &ruling.hash, at) {
                continue;
            }
            let (service, ruling, name) = (self.clone(), ruling.clone(), name.clone());
            tokio::spawn(async move { service.read_calendar(&ruling, &name).await });
        }
        Ok(())
    }

    async fn read_calendar(&self, ruling: &Arc<Ruling>, name: &str) {
        let Some((rota, calendar)) =
            ruling.policy.rotas.get(name).and_then(|rota| Some((rota, rota.calendar.as_ref()?)))
        else {
            return;
        };
        let outcome = self.try_calendar(ruling, name, rota, calendar).await;
        if let Err(sentence) = &outcome {
            tracing::warn!(rota = name, sentence, "a calendar could not be read; its last good reading goes on");
        }
        let each = if is_address(&calendar.ics) { ADDRESS_EACH } else { FILE_EACH };
        self.inner.feeds.done(name, self.now().at, each, outcome);
    }

    /// Reads one calendar, and writes it down where it is news. The error is a sentence.
    async fn try_calendar(
        &self,
        ruling: &Arc<Ruling>,
        name: &str,
        rota: &Rota,
        calendar: &Calendar,
    ) -> Result<Vec<String>, String> {
        let text = if is_address(&calendar.ics) {
            self.inner.outbound.text(&calendar.ics, calendar::LONGEST).await.map_err(|why| short(&why))?
        } else {
            read_file(&self.inner.options.base.join(&calendar.ics)).await.map_err(|why| short(&why))?
        };
        let at = self.now().at;
        let (from, until) = (at.minus(BEHIND), at.plus(AHEAD));
        let (theirs, rota_name) = (ruling.clone(), name.to_owned());
        // A calendar full of rules takes its time; that must not be the others'.
        let reading = tokio::task::spawn_blocking(move || {
            let rota = theirs.policy.rotas.get(&rota_name)?;
            Some(calendar::read(&text, &theirs.policy, rota, from, until))
        });
        let Reading { slots, remarks } = match reading.await {
            Ok(Some(reading)) => reading.map_err(|unreadable| short(&unreadable.0))?,
            Ok(None) | Err(_) => return Err("reading it met a fault of nightlatch: report it".into()),
        };
        // What a service answers that forgot who asks, too.
        let ahead = |slots: &[crate::policy::rota::Override]| slots.iter().any(|slot| slot.until > at);
        if !ahead(&slots) && ahead(&rota.slots) {
            let first = remarks.first().map_or_else(String::new, |first| format!("; {first}"));
            return Err(format!("it names nobody of the policy in the next 60 days{first}"));
        }
        if rota.is_news(from, until, &slots) {
            let calendar = calendar_hash(calendar);
            let command = Command::ChangeRota { rota: name.to_owned(), calendar, from, until, slots };
            match self.send(&Actor::Clock, Some(Subject::Policy), command, None).await {
                Ok(_) => {}
                Err(Fault::Refused(refusal)) => return Err(refusal.sentence),
                Err(Fault::Away(sentence) | Fault::Broken(sentence)) => return Err(sentence),
            }
        }
        Ok(remarks)
    }
}

fn is_address(ics: &str) -> bool {
    ics.contains("://")
}

fn short(text: &str) -> String {
    Clean::line(text).cut(SENTENCE).as_str().to_owned()
}

/// The text of a file; nothing that could never end.
async fn read_file(path: &Path) -> Result<String, String> {
    let meta = tokio::fs::metadata(path).await.map_err(|fault| format!("its file cannot be read: {fault}"))?;
    if !meta.is_file() {
        return Err("it is no file".into());
    }
    if meta.len() > calendar::LONGEST as u64 {
        return Err(format!("it is longer than {} MB", calendar::LONGEST / 1024 / 1024));
    }
    tokio::fs::read_to_string(path).await.map_err(|fault| format!("its file cannot be read: {fault}"))
}

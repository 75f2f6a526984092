//! Lists of requests, filtered by what stands in columns. What a filter was given goes in as a value, never as SQL.

use super::fault::StoreError;
use super::keep::request;
use super::load::escaped;
use super::open::Store;
use super::row::Arg;
use crate::access::due::Phase;
use crate::access::{Request, RequestNumber};
use crate::text::{Instant, PersonId, SystemId};

/// The longest text that is searched for, in characters.
const LONGEST_SEARCH: usize = 200;
/// How many requests one page holds at most.
const PAGE: i64 = 500;

/// Which requests; what is left out does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListFilter {
    /// In one of these piles; none named: in any.
    pub phases: Vec<Phase>,
    /// On this system.
    pub system: Option<SystemId>,
    /// Of this user or requester.
    pub person: Option<PersonId>,
    /// With this ticket.
    pub ticket: Option<String>,
    /// Filed at this instant or later.
    pub from: Option<Instant>,
    /// Filed before this instant.
    pub to: Option<Instant>,
    /// With a lower number than this.
    pub before: Option<i64>,
    /// At most so many, and never more than 500.
    pub limit: i64,
    /// With these letters in one of its texts, whatever their case (on SQLite only ASCII has one).
    pub search: Option<String>,
}

/// Conditions and their values.
#[derive(Default)]
struct Where {
    conditions: Vec<String>,
    args: Vec<Arg>,
}

impl Where {
    /// Adds a condition; `$$` in it stands for the value.
    fn and(&mut self, condition: &str, value: impl Into<Arg>) {
        self.args.push(value.into());
        self.conditions.push(condition.replace("$$", &format!("${}", self.args.len())));
    }

    fn sql(&self) -> String {
        if self.conditions.is_empty() { String::new() } else { format!("WHERE {}", self.conditions.join(" AND ")) }
    }
}

impl Store {
    /// Requests, newest first.
    pub async fn list(&self, filter: &ListFilter) -> Result<Vec<Request>, StoreError> {
        let mut wanted = Where::default();
        if let Some(before) = filter.before {
            wanted.and("request.number < $$", before);
        }
        if !filter.phases.is_empty() {
            let words: Vec<String> = filter.phases.iter().map(|phase| format!("'{}'", phase.word())).collect();
            wanted.conditions.push(format!("request.phase IN ({})", words.join(", ")));
        }
        if let Some(system) = &filter.system {
            wanted.and("request.system = $$", system.as_str());
        }
        if let Some(person) = &filter.person {
            wanted.and("(request.user_id = $$ OR request.requester = $$)", person.as_str());
        }
        if let Some(ticket) = &filter.ticket {
            wanted.and("request.ticket = $$", ticket.as_str());
        }
        if let Some(from) = filter.from {
            wanted.and("request.filed_at >= $$", from.millis());
        }
        if let Some(to) = filter.to {
            wanted.and("request.filed_at < $$", to.millis());
        }
        if let Some(search) = filter.search.as_deref().filter(|search| !search.is_empty()) {
            let letters: String = search.chars().filter(|letter| *letter != '\0').take(LONGEST_SEARCH).collect();
            let found = "EXISTS (SELECT 1 FROM text WHERE text.subject = 'request ' || request.number \
                AND lower(text.words) LIKE lower($$) ESCAPE '\\')";
            wanted.and(found, format!("%{}%", escaped(&letters)));
        }
        let limit = filter.limit.clamp(0, PAGE);
        let sql = format!("SELECT body FROM request {} ORDER BY request.number DESC LIMIT {limit}", wanted.sql());
        self.read(&sql, wanted.args).await?.iter().map(|row| request(row.text(0)?)).collect()
    }

    /// The held requests that have not ended by now, of this user, on this system, with this ticket; lowest first.
    pub async fn live_by(
        &self,
        user: Option<&str>,
        system: Option<&str>,
        ticket: Option<&str>,
    ) -> Result<Vec<RequestNumber>, StoreError> {
        let mut wanted = Where::default();
        wanted.and("phase = 'held' AND until_at > $$", self.clock().now().at.millis());
        for (condition, value) in [("user_id = $$", user), ("system = $$", system), ("ticket = $$", ticket)] {
            if let Some(value) = value {
                wanted.and(condition, value);
            }
        }
        let sql = format!("SELECT number FROM request {} ORDER BY number", wanted.sql());
        self.read(&sql, wanted.args).await?.iter().map(|row| row.int(0).map(RequestNumber)).collect()
    }
}

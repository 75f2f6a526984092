//! Reading: the head, requests, events, texts, tokens. Never waits for the writer, and never changes anything.

use super::calendars::{News, PAGES, query};
use super::fault::StoreError;
use super::head::{COLUMNS, Head};
use super::keep::{EVENT, Stored, TOKEN, TokenRow, request};
use super::load::{FROZEN, frozen_of, kept, places, policy_query};
use super::open::Store;
use super::policies::Ruling;
use super::row::{Arg, Row};
use super::slots::{KnownSlots, has_calendars};
use super::work::{FURTHEST, LONGEST_PAUSE, WORK, WorkRow};
use crate::access::facts::Frozen;
use crate::access::{Request, RequestNumber, Subject, apply};
use crate::policy::Policy;
use crate::text::{Instant, PersonId};
use std::sync::Arc;

/// How many rows one reading gives at most.
const MOST: i64 = 10_000;

/// A free text as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredText {
    /// Its number.
    pub id: i64,
    /// What its event is about.
    pub subject: String,
    /// The salt in hexadecimal; none when it is erased.
    pub salt: Option<String>,
    /// The words; none when it is erased.
    pub words: Option<String>,
}

/// When a target has to be visited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    /// The target's name.
    pub target: String,
    /// When something is due there first. An end is never slept through.
    pub due: Instant,
    /// The next end that is still ahead.
    pub end: Option<Instant>,
}

/// The columns of a request with its work, as [`with_work`] takes them.
fn joined() -> String {
    let work: Vec<String> = WORK.split(", ").map(|column| format!("work.{column}")).collect();
    format!(
        "request.body, {} FROM request LEFT JOIN work ON work.access_key = request.access_key AND request.phase = 'held'",
        work.join(", ")
    )
}

/// A request and what there is to do about its access.
fn with_work(row: &Row) -> Result<(Request, Option<WorkRow>), StoreError> {
    let work = row.opt_text(1)?.is_some().then(|| WorkRow::of(row, 1)).transpose()?;
    Ok((request(row.text(0)?)?, work))
}

impl Store {
    pub(super) async fn read(&self, sql: &str, args: Vec<Arg>) -> Result<Vec<Row>, StoreError> {
        self.inner.engine.read(sql, args).await
    }

    /// The head.
    pub async fn head(&self) -> Result<Head, StoreError> {
        Head::first(&self.read(&format!("SELECT {COLUMNS} FROM head WHERE one = 1"), vec![]).await?)
    }

    /// What the database's own clock says, where it has one of its own: for [`crate::clock::Clock::set_skewed`].
    pub async fn database_at(&self) -> Result<Option<Instant>, StoreError> {
        Ok(self.inner.engine.clock_millis().await?.map(Instant::from_millis))
    }

    /// One request, and what there is to do about its access.
    pub async fn request(&self, number: RequestNumber) -> Result<Option<(Request, Option<WorkRow>)>, StoreError> {
        Ok(self.requests(&[number]).await?.pop())
    }

    /// These requests, lowest first, without those that there are not.
    pub async fn requests(&self, numbers: &[RequestNumber]) -> Result<Vec<(Request, Option<WorkRow>)>, StoreError> {
        if numbers.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT {} WHERE request.number IN ({}) ORDER BY request.number",
            joined(),
            places(1, numbers.len())
        );
        let args = numbers.iter().map(|number| number.0.into()).collect();
        self.read(&sql, args).await?.iter().map(with_work).collect()
    }

    /// Everything that is open, asking or held, lowest first.
    pub async fn open_requests(&self) -> Result<Vec<(Request, Option<WorkRow>)>, StoreError> {
        let sql = format!("SELECT {} WHERE request.phase IN ('asking', 'held')", joined());
        let rows = self.read(&sql, vec![]).await?;
        let mut all = rows.iter().map(with_work).collect::<Result<Vec<_>, _>>()?;
        // Here, because a database sorts whole rows, and many of them in files.
        all.sort_unstable_by_key(|(request, _)| request.number);
        Ok(all)
    }

    /// The open requests of one user: asking or held.
    pub async fn open_of(&self, user: &PersonId) -> Result<Vec<Request>, StoreError> {
        let sql = "SELECT body FROM request WHERE user_id = $1 AND phase IN ('asking', 'held') ORDER BY number";
        self.read(sql, vec![user.as_str().into()]).await?.iter().map(|row| request(row.text(0)?)).collect()
    }

    /// The latest requests of one user that were filed at `since` or later, latest first.
    pub async fn recent_of(&self, user: &PersonId, since: Instant, limit: i64) -> Result<Vec<Request>, StoreError> {
        let sql = "SELECT body FROM request WHERE user_id = $1 AND filed_at >= $2 ORDER BY number DESC LIMIT $3";
        let args = vec![user.as_str().into(), since.millis().into(), limit.clamp(0, MOST).into()];
        self.read(sql, args).await?.iter().map(|row| request(row.text(0)?)).collect()
    }

    /// What was closed at `at` or later, latest first.
    pub async fn closed_since(&self, at: Instant, limit: i64) -> Result<Vec<Request>, StoreError> {
        let sql = "SELECT body FROM request WHERE phase = 'closed' AND closed_at >= $1 \
            ORDER BY closed_at DESC, number DESC LIMIT $2";
        let args = vec![at.millis().into(), limit.clamp(0, MOST).into()];
        self.read(sql, args).await?.iter().map(|row| request(row.text(0)?)).collect()
    }

    /// When each target has to be visited next; one without work is not in it. What a clock that had jumped put off is due
    /// at `at`.
    pub async fn next_work(&self, at: Instant) -> Result<Vec<Visit>, StoreError> {
        // Each part is one step in an index: this is read after every write, whatever waits in the table.
        let sql = "WITH RECURSIVE name(target) AS (SELECT min(target) FROM work UNION ALL \
            SELECT (SELECT min(target) FROM work WHERE target > name.target) FROM name WHERE name.target IS NOT NULL) \
            SELECT target, (SELECT min(next_at) FROM work WHERE work.target = name.target), \
            (SELECT min(ends_at) FROM work WHERE work.target = name.target AND ends_at > $1), \
            (SELECT 1 FROM work WHERE work.target = name.target AND ends_at <= $1 \
                AND (next_at > $2 OR (replica IS NULL AND next_at > $3)) LIMIT 1) \
            FROM name WHERE target IS NOT NULL ORDER BY target";
        let args = vec![at.millis().into(), at.plus(FURTHEST).millis().into(), at.plus(LONGEST_PAUSE).millis().into()];
        let rows = self.read(sql, args).await?;
        let mut all = Vec::with_capacity(rows.len());
        for row in &rows {
            let visit = Instant::from_millis(row.int(1)?);
            let end = row.opt_int(2)?.map(Instant::from_millis);
            let late = row.opt_int(3)?.map(|_| at);
            let due = [Some(visit), end, late].into_iter().flatten().min().unwrap_or(visit);
            all.push(Visit { target: row.text(0)?.to_owned(), due, end });
        }
        Ok(all)
    }

    /// All work there is, soonest first.
    pub async fn work(&self) -> Result<Vec<WorkRow>, StoreError> {
        let sql = format!("SELECT {WORK} FROM work ORDER BY next_at, access_key");
        self.read(&sql, vec![]).await?.iter().map(|row| WorkRow::of(row, 0)).collect()
    }

    /// When the rules have to look at a request next.
    pub async fn next_due(&self) -> Result<Option<Instant>, StoreError> {
        self.instant("SELECT min(due) FROM request WHERE phase = 'asking'", vec![]).await
    }

    /// The requests that the rules have to look at by `now`, most overdue first.
    pub async fn due(&self, now: Instant, limit: i64) -> Result<Vec<RequestNumber>, StoreError> {
        let sql = "SELECT number FROM request WHERE phase = 'asking' AND due <= $1 ORDER BY due, number LIMIT $2";
        let rows = self.read(sql, vec![now.millis().into(), limit.clamp(0, MOST).into()]).await?;
        rows.iter().map(|row| row.int(0).map(RequestNumber)).collect()
    }

    async fn instant(&self, sql: &str, args: Vec<Arg>) -> Result<Option<Instant>, StoreError> {
        let rows = self.read(sql, args).await?;
        let millis = rows.first().map(|row| row.opt_int(0)).transpose()?.flatten();
        Ok(millis.map(Instant::from_millis))
    }

    /// Events after number `after`, in order: of one subject, or all.
    pub async fn events(&self, of: Option<&Subject>, after: i64, limit: i64) -> Result<Vec<Stored>, StoreError> {
        let mut args = vec![after.into(), limit.clamp(0, MOST).into()];
        let mut only = "";
        if let Some(subject) = of {
            args.push(subject.to_string().into());
            only = "AND subject = $3";
        }
        let sql = format!("SELECT {EVENT} FROM event WHERE seq > $1 {only} ORDER BY seq LIMIT $2");
        self.read(&sql, args).await?.iter().map(Stored::of).collect()
    }

    /// One event.
    pub async fn event(&self, seq: i64) -> Result<Option<Stored>, StoreError> {
        let found = self.events(None, seq.saturating_sub(1), 1).await?.pop();
        Ok(found.filter(|event| event.seq == seq))
    }

    /// A request folded anew from its events; its row must say the same.
    pub async fn fold(&self, number: RequestNumber) -> Result<Option<Request>, StoreError> {
        let (mut folded, mut after) = (None, 0);
        loop {
            let events = self.events(Some(&Subject::Request(number)), after, MOST).await?;
            let Some(last) = events.last().map(|event| event.seq) else { return Ok(folded) };
            for stored in &events {
                let told = stored.told()?;
                folded = apply(folded, number, &told.event, told.place());
            }
            after = last;
        }
    }

    /// These texts, lowest first.
    pub async fn texts(&self, ids: &[i64]) -> Result<Vec<StoredText>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let sql =
            format!("SELECT id, subject, salt, words FROM text WHERE id IN ({}) ORDER BY id", places(1, ids.len()));
        self.read(&sql, ids.iter().map(|id| (*id).into()).collect()).await?.iter().map(text).collect()
    }

    /// Every text about `subject`, in the order of its events.
    pub async fn texts_of(&self, subject: &Subject) -> Result<Vec<StoredText>, StoreError> {
        let sql = "SELECT id, subject, salt, words FROM text WHERE subject = $1 ORDER BY id";
        self.read(sql, vec![subject.to_string().into()]).await?.iter().map(text).collect()
    }

    /// The texts of the events from `first` to `last`, lowest first: for an export, page by page.
    pub async fn texts_between(&self, first: i64, last: i64) -> Result<Vec<StoredText>, StoreError> {
        let sql = "SELECT id, subject, salt, words FROM text WHERE id >= $1 AND id < $2 ORDER BY id";
        let args = vec![first.saturating_mul(16).into(), last.saturating_add(1).saturating_mul(16).into()];
        self.read(sql, args).await?.iter().map(text).collect()
    }

    /// The text of a policy that rules or ruled; `None` when there never was one of this hash, or it was erased.
    pub async fn policy_text(&self, hash: &str) -> Result<Option<String>, StoreError> {
        let (sql, args) = policy_query(hash);
        let rows = self.read(sql, args).await?;
        Ok(rows.first().map(|row| row.opt_text(1)).transpose()?.flatten().map(str::to_owned))
    }

    /// The event that made the ruling policy rule.
    pub async fn policy_changed(&self) -> Result<Option<Stored>, StoreError> {
        let sql = format!(
            "SELECT {EVENT} FROM event WHERE subject = 'policy' AND kind = 'policy-changed' ORDER BY seq DESC LIMIT 1"
        );
        self.read(&sql, vec![]).await?.first().map(Stored::of).transpose()
    }

    /// The last word about the policy: that another one rules, or that one was refused.
    pub async fn policy_said(&self) -> Result<Option<Stored>, StoreError> {
        let sql = format!(
            "SELECT {EVENT} FROM event WHERE subject = 'policy' AND kind IN ('policy-changed', 'policy-refused') \
             ORDER BY seq DESC LIMIT 1"
        );
        self.read(&sql, vec![]).await?.first().map(Stored::of).transpose()
    }

    /// The policy that rules now; its hash is empty before the first.
    pub async fn ruling(&self) -> Result<Ruling, StoreError> {
        let hash = self.head().await?.policy;
        self.policy(&hash).await
    }

    /// The policy of this hash, read.
    pub async fn policy(&self, hash: &str) -> Result<Ruling, StoreError> {
        if let Some(ruling) = self.inner.policies.known(hash) {
            return Ok(ruling);
        }
        let (sql, args) = policy_query(hash);
        kept(&self.read(sql, args).await?, hash, &self.inner.policies)
    }

    /// What is frozen.
    pub async fn frozen(&self) -> Result<Vec<Frozen>, StoreError> {
        frozen_of(&self.read(FROZEN, vec![]).await?)
    }

    /// Every token and invitation, oldest first, ended ones too.
    pub async fn tokens(&self) -> Result<Vec<TokenRow>, StoreError> {
        let sql = format!("SELECT {TOKEN} FROM token ORDER BY id");
        self.read(&sql, vec![]).await?.iter().map(TokenRow::of).collect()
    }

    /// The tokens of these hashes, good or not.
    pub async fn tokens_by_hash(&self, hashes: &[&str]) -> Result<Vec<TokenRow>, StoreError> {
        let sql = format!("SELECT {TOKEN} FROM token WHERE hash IN ({})", places(1, hashes.len()));
        self.read(&sql, hashes.iter().map(|hash| (*hash).into()).collect()).await?.iter().map(TokenRow::of).collect()
    }

    /// The token of this hash, good or not.
    pub async fn token_by_hash(&self, hash: &str) -> Result<Option<TokenRow>, StoreError> {
        Ok(self.tokens_by_hash(&[hash]).await?.pop())
    }

    /// The signed note of the checkpoint over the most events.
    pub async fn checkpoint_last(&self) -> Result<Option<String>, StoreError> {
        let rows = self.read("SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1", vec![]).await?;
        rows.first().map(|row| row.text(0).map(str::to_owned)).transpose()
    }

    /// What was read of the calendars of `policy` up to now.
    pub async fn slots(&self, policy: &Policy) -> Result<Arc<KnownSlots>, StoreError> {
        let policies = &self.inner.policies;
        if !has_calendars(policy) {
            return Ok(Arc::default());
        }
        let (seq, known) = policies.slots();
        let mut news = News::since(seq);
        for _ in 0..PAGES {
            let (sql, args) = query(seq, news.before);
            if !news.take(&self.read(&sql, args).await?, policy)? {
                break;
            }
        }
        Ok(if news.found.is_empty() { known } else { policies.learn(news.newest, news.found) })
    }
}

fn text(row: &Row) -> Result<StoredText, StoreError> {
    Ok(StoredText {
        id: row.int(0)?,
        subject: row.text(1)?.to_owned(),
        salt: row.opt_text(2)?.map(str::to_owned),
        words: row.opt_text(3)?.map(str::to_owned),
    })
}

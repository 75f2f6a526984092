//! What a follower that lasts writes down: how far it has come in the trail, which replica may move it, and what it could not
//! bring.
//!
//! Whoever follows holds a lease; every write of theirs renews it in the same transaction, so that one who was frozen and
//! overtaken changes nothing when it wakes. Makes no event.

use super::engine::{Statement, Writer};
use super::fault::StoreError;
use super::row::Row;
use crate::text::{Instant, Length};

/// How long a lease holds.
pub const HOLDS: Length = Length::from_seconds(30);
/// What stands further ahead than this was put there by a clock that had jumped.
const FURTHEST: Length = Length::from_minutes(2);

/// Where a follower stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The last event that it is done with.
    pub seq: i64,
    /// Who holds it, and until when.
    pub held: Option<(String, Instant)>,
}

impl Standing {
    /// Until when somebody else than `replica` holds it, seen from `at`.
    pub fn held_by_other(&self, replica: &str, at: Instant) -> Option<Instant> {
        let (holder, until) = self.held.as_ref()?;
        let holds = *until > at && *until <= at.plus(FURTHEST);
        (holder != replica && holds).then_some(*until)
    }
}

/// An event that a follower could not bring yet, or gave up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    /// The follower's name.
    pub follower: String,
    /// The event.
    pub seq: i64,
    /// The request that it is about; 0 for none.
    pub request: i64,
    /// When it was tried first.
    pub since: Instant,
    /// How often it was tried.
    pub tries: u32,
    /// When it is tried next.
    pub next_at: Instant,
    /// When it was given up: a dead letter.
    pub dead_at: Option<Instant>,
    /// Why the last try failed.
    pub sentence: String,
}

pub(super) const COLUMNS: &str = "follower, seq, request, since, tries, next_at, dead_at, sentence";

impl Undelivered {
    /// The number of the request that it is about, if it is about one.
    pub fn about(&self) -> Option<i64> {
        Some(self.request).filter(|number| *number != 0)
    }

    pub(super) fn of(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            follower: row.text(0)?.to_owned(),
            seq: row.int(1)?,
            request: row.int(2)?,
            since: Instant::from_millis(row.int(3)?),
            tries: u32::try_from(row.int(4)?).unwrap_or(u32::MAX),
            next_at: Instant::from_millis(row.int(5)?),
            dead_at: row.opt_int(6)?.map(Instant::from_millis),
            sentence: row.text(7)?.to_owned(),
        })
    }

    fn put(&self) -> Statement {
        let sql = format!(
            "INSERT INTO undelivered ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
             ON CONFLICT (follower, seq) DO UPDATE SET since = excluded.since, tries = excluded.tries, \
             next_at = excluded.next_at, dead_at = excluded.dead_at, sentence = excluded.sentence"
        );
        let args = vec![
            self.follower.as_str().into(),
            self.seq.into(),
            self.request.into(),
            self.since.millis().into(),
            self.tries.into(),
            self.next_at.millis().into(),
            self.dead_at.map(Instant::millis).into(),
            self.sentence.as_str().into(),
        ];
        (sql, args)
    }
}

/// What a follower writes down, all of it or nothing.
#[derive(Debug, Clone, Default)]
pub struct Step {
    /// It is done with everything up to here.
    pub seq: Option<i64>,
    /// This could not be brought, or was given up.
    pub put: Option<Undelivered>,
    /// This was brought after all.
    pub gone: Option<i64>,
}

/// A write of a follower, as the writer takes it.
#[derive(Debug, Clone)]
pub(super) enum Follow {
    Begin { name: String, seq: i64, at: Instant },
    Step { name: String, replica: String, at: Instant, step: Step },
    Leave { replica: String },
    Again { name: Option<String>, seq: Option<i64>, at: Instant },
    Forget { before: Instant },
}

impl Follow {
    /// Its statements; the first has to give a row, or nothing is written.
    fn statements(self) -> Vec<Statement> {
        match self {
            Self::Begin { name, seq, at } => {
                let sql = "INSERT INTO follower (name, seq, at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING \
                    RETURNING name";
                vec![(sql.into(), vec![name.into(), seq.into(), at.millis().into()])]
            }
            Self::Step { name, replica, at, step } => {
                let mut all = vec![lease(&name, &replica, at)];
                all.extend(step.put.as_ref().map(Undelivered::put));
                if let Some(seq) = step.gone {
                    let sql = "DELETE FROM undelivered WHERE follower = $1 AND seq = $2";
                    all.push((sql.into(), vec![name.as_str().into(), seq.into()]));
                }
                if let Some(seq) = step.seq {
                    let sql = "UPDATE follower SET seq = $2, at = $3 WHERE name = $1 AND seq < $2";
                    all.push((sql.into(), vec![name.into(), seq.into(), at.millis().into()]));
                }
                all
            }
            Self::Leave { replica } => {
                vec![("DELETE FROM lease WHERE replica = $1 RETURNING name".into(), vec![replica.into()])]
            }
            Self::Again { name, seq, at } => {
                let sql = "UPDATE undelivered SET since = $1, next_at = $1, tries = 0, dead_at = NULL \
                    WHERE (follower = $2 OR $2 = '') AND (seq = $3 OR $3 = 0) RETURNING seq";
                let args = vec![at.millis().into(), name.unwrap_or_default().into(), seq.unwrap_or_default().into()];
                vec![(sql.into(), args)]
            }
            Self::Forget { before } => {
                let sql = "DELETE FROM undelivered WHERE dead_at < $1 RETURNING seq";
                vec![(sql.into(), vec![before.millis().into()])]
            }
        }
    }
}

/// Takes or renews the lease; gives a row where it could.
fn lease(name: &str, replica: &str, at: Instant) -> Statement {
    let sql = "INSERT INTO lease (name, replica, until_at) VALUES ($1, $2, $3) \
        ON CONFLICT (name) DO UPDATE SET replica = excluded.replica, until_at = excluded.until_at \
        WHERE lease.replica = excluded.replica OR lease.until_at <= $4 OR lease.until_at > $5 RETURNING name";
    let args = vec![
        name.into(),
        replica.into(),
        at.plus(HOLDS).millis().into(),
        at.millis().into(),
        at.plus(FURTHEST).millis().into(),
    ];
    (sql.into(), args)
}

/// Frees every lease: for whoever is alone.
pub(super) async fn free_all(writer: &mut Writer) -> Result<(), StoreError> {
    if !writer.begin_with(vec![("SELECT name FROM lease LIMIT 1".to_owned(), vec![])]).await?.iter().all(Vec::is_empty)
    {
        writer.execute("DELETE FROM lease", vec![]).await?;
    }
    writer.commit().await
}

/// Does it; says how many rows the first statement gave. None: nothing was written.
pub(super) async fn write(writer: &mut Writer, follow: Follow) -> Result<usize, StoreError> {
    let rows = writer.begin_with(follow.statements()).await?;
    let touched = rows.first().map_or(0, Vec::len);
    if touched == 0 {
        writer.rollback().await;
    } else {
        writer.commit().await?;
    }
    Ok(touched)
}

//! Followers that last: where each stands, and what may be asked of it and done with it.

use super::fault::StoreError;
use super::follow::{COLUMNS, Follow, Standing, Step, Undelivered};
use super::open::Store;
use super::row::Arg;
use crate::text::{Instant, Length};

/// How many undelivered events are listed at most.
const MOST: i64 = 10_000;

impl Store {
    /// Where a follower stands; `None` before it began.
    pub async fn follower(&self, name: &str) -> Result<Option<Standing>, StoreError> {
        let sql = "SELECT follower.seq, lease.replica, lease.until_at FROM follower \
            LEFT JOIN lease ON lease.name = follower.name WHERE follower.name = $1";
        let rows = self.read(sql, vec![name.into()]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let held = match (row.opt_text(1)?, row.opt_int(2)?) {
            (Some(replica), Some(until)) => Some((replica.to_owned(), Instant::from_millis(until))),
            _ => None,
        };
        Ok(Some(Standing { seq: row.int(0)?, held }))
    }

    /// Begins a follower after event `seq`, unless it stands somewhere already.
    pub async fn begin_follower(&self, name: &str, seq: i64, at: Instant) -> Result<(), StoreError> {
        self.follow(Follow::Begin { name: name.to_owned(), seq, at }).await.map(drop)
    }

    /// Takes or renews the lease on a follower and writes `step` down; false, and nothing written, where another replica
    /// holds it.
    pub async fn step_follower(&self, name: &str, replica: &str, at: Instant, step: Step) -> Result<bool, StoreError> {
        let follow = Follow::Step { name: name.to_owned(), replica: replica.to_owned(), at, step };
        Ok(self.follow(follow).await? > 0)
    }

    /// Gives back what a replica holds of followers.
    pub async fn leave_followers(&self, replica: &str) -> Result<(), StoreError> {
        self.follow(Follow::Leave { replica: replica.to_owned() }).await.map(drop)
    }

    /// What waits with a follower and is to be looked at next: what was tried first long ago comes first, so that it can be
    /// given up; else what is due; else what falls due next.
    pub async fn next_undelivered(
        &self,
        name: &str,
        at: Instant,
        too_old: Length,
        furthest: Length,
    ) -> Result<Option<Undelivered>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM undelivered WHERE follower = $1 AND dead_at IS NULL \
             ORDER BY CASE WHEN since <= $2 THEN 0 WHEN next_at > $3 THEN 1 ELSE 2 END, next_at, seq LIMIT 1"
        );
        let args: Vec<Arg> = vec![name.into(), at.minus(too_old).millis().into(), at.plus(furthest).millis().into()];
        self.read(&sql, args).await?.first().map(Undelivered::of).transpose()
    }

    /// What could not be brought, oldest first: what is still tried, and the dead letters.
    pub async fn undelivered(&self) -> Result<Vec<Undelivered>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM undelivered ORDER BY follower, seq LIMIT {MOST}");
        self.read(&sql, vec![]).await?.iter().map(Undelivered::of).collect()
    }

    /// Tries again what could not be brought: of one follower or all, one event or all. Says how many that are.
    pub async fn send_again(&self, name: Option<&str>, seq: Option<i64>, at: Instant) -> Result<usize, StoreError> {
        self.follow(Follow::Again { name: name.map(str::to_owned), seq, at }).await
    }

    /// Forgets dead letters from before an instant.
    pub async fn forget_dead(&self, before: Instant) -> Result<usize, StoreError> {
        self.follow(Follow::Forget { before }).await
    }
}

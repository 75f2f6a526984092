//! Leases: a replica's right to act on an access key until a time, taken under the head like any other write. Makes no event.

use super::act::{LeaseAsk, Leased};
use super::engine::{Engine, Writer};
use super::fault::StoreError;
use super::head::{COLUMNS, Head};
use super::keep::request;
use super::load::{begin_at_head, places};
use super::row::Arg;
use super::save::{drop_work, put_work};
use super::work::{FURTHEST, LONGEST_PAUSE, WORK, WorkRow};
use crate::access::Request;
use crate::clock::Reading;
use crate::text::Instant;
use std::collections::BTreeMap;

/// How many access keys one lease takes at most.
const MOST: i64 = 1_000;

/// Whether there is anything to take. Whatever falls due later wakes whoever asks again.
pub(super) async fn any(engine: &Engine, ask: &LeaseAsk, clock: Reading) -> Result<bool, StoreError> {
    let head = Head::first(&engine.read(&format!("SELECT {COLUMNS} FROM head WHERE one = 1"), vec![]).await?)?;
    let (due, args) = due(ask, clock.now.at.max(head.at), clock.recorded.max(head.at));
    Ok(!engine.read(&format!("SELECT access_key FROM work WHERE {due} LIMIT 1"), args).await?.is_empty())
}

/// Begins, and takes what is due, each row to one replica only. While the clock is insane only removals are given out. What is due is
/// judged as ends are; a lease itself runs by elapsed time, so that no jump of the wall clock ends it under whoever acts.
pub(super) async fn take(writer: &mut Writer, ask: &LeaseAsk, clock: Reading) -> Result<Vec<Leased>, StoreError> {
    let head = begin_at_head(writer).await?;
    let at = clock.now.at.max(head.at);
    let elapsed = clock.recorded.max(head.at);
    if !ask.removals && (!clock.now.sane || head.too_new().is_some()) {
        return Ok(Vec::new());
    }
    let (due, args) = due(ask, at, elapsed);
    let most = ask.limit.clamp(0, MOST);
    let sql = format!("SELECT {WORK} FROM work WHERE {due} ORDER BY next_at LIMIT {most}");
    let rows = writer.fetch(&sql, args).await?;
    let taken: Vec<WorkRow> = rows.iter().map(|row| WorkRow::of(row, 0)).collect::<Result<_, _>>()?;
    if taken.is_empty() {
        return Ok(Vec::new());
    }
    let mut on_keys = held_on(writer, &taken).await?;
    let (mut kept, orphaned): (Vec<WorkRow>, Vec<WorkRow>) =
        taken.into_iter().partition(|work| on_keys.contains_key(&work.access_key));
    // A row that no held request explains has nothing to say.
    let gone = drop_work(orphaned.iter().map(|work| work.access_key.as_str().into()).collect());
    let mut leased = Vec::with_capacity(kept.len());
    for work in &mut kept {
        work.take(&ask.replica, ask.removals, elapsed, ask.holds);
        leased.push(Leased {
            access_key: work.access_key.clone(),
            attempt: work.attempt,
            failures: work.failures,
            error: work.error.clone(),
            requests: on_keys.remove(&work.access_key).unwrap_or_default(),
        });
    }
    let written = gone.into_iter().chain(put_work(writer, kept.iter())?).collect();
    writer.fetch_all(written).await?;
    Ok(leased)
}

/// What is due, as a condition and its values: `at` is what ends are judged by, `elapsed` what leases run by.
fn due(ask: &LeaseAsk, at: Instant, elapsed: Instant) -> (String, Vec<Arg>) {
    let mut args: Vec<Arg> = vec![ask.target.as_str().into(), at.millis().into(), elapsed.millis().into()];
    let ended = if ask.removals { "ends_at <= $2" } else { "ends_at > $2" };
    let due = if let Some(key) = &ask.only {
        args.push(key.as_str().into());
        "access_key = $4 AND (replica IS NULL OR next_at <= $3)"
    } else if ask.removals {
        // What stands too far ahead was put there by a clock that had jumped: a removal never waits that long.
        let far = at.plus(FURTHEST).max(at.plus(ask.holds));
        args.extend([far.millis().into(), at.plus(LONGEST_PAUSE).millis().into()]);
        "(next_at <= $3 OR next_at > $4 OR (replica IS NULL AND (next_at <= $2 OR next_at > $5)))"
    } else {
        "(next_at <= $3 OR (replica IS NULL AND next_at <= $2))"
    };
    (format!("target = $1 AND {ended} AND {due}"), args)
}

/// The held requests on each of the keys.
async fn held_on(writer: &mut Writer, work: &[WorkRow]) -> Result<BTreeMap<String, Vec<Request>>, StoreError> {
    let sql = format!(
        "SELECT access_key, body FROM request WHERE phase = 'held' AND access_key IN ({}) ORDER BY number",
        places(1, work.len())
    );
    let args: Vec<Arg> = work.iter().map(|work| work.access_key.as_str().into()).collect();
    let mut held: BTreeMap<String, Vec<Request>> = BTreeMap::new();
    for row in writer.fetch(&sql, args).await? {
        held.entry(row.text(0)?.to_owned()).or_default().push(request(row.text(1)?)?);
    }
    Ok(held)
}

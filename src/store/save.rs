//! Writes down what a batch made: one multi-row statement a table, whatever its size, and the head last.

use super::engine::{Statement, Writer};
use super::fault::StoreError;
use super::keep::{
    EVENT, EVENT_COLUMNS, REQUEST, REQUEST_COLUMNS, REQUEST_THEN, Stored, TOKEN, TOKEN_COLUMNS, TokenRow, request_args,
};
use super::load::places;
use super::row::Arg;
use super::work::{WORK, WORK_COLUMNS, WORK_THEN, WorkRow};
use super::world::World;
use crate::text::Instant;
use std::collections::BTreeSet;

/// Writes `world` down. `alive_at` is the batch's instant.
pub(super) async fn save(writer: &mut Writer, world: &World, alive_at: Instant) -> Result<(), StoreError> {
    let changes = &world.changes;
    if changes.events.is_empty() {
        // A report that is not worth an event, or a command that changed nothing.
        let all = beside(writer, world)?;
        return writer.fetch_all(all).await.map(drop);
    }
    let events = changes.events.iter().flat_map(Stored::args).collect();
    let mut all = writer.inserts(&format!("INSERT INTO event ({EVENT})"), EVENT_COLUMNS, events, "")?;
    let texts = changes.texts.iter().flat_map(|text| -> [Arg; 4] {
        [text.id.into(), text.subject.as_str().into(), text.salt.as_str().into(), text.words.as_str().into()]
    });
    all.extend(writer.inserts("INSERT INTO text (id, subject, salt, words)", 4, texts.collect(), "")?);
    let mut requests = Vec::new();
    for request in changes.requests.iter().filter_map(|number| world.requests.get(number)) {
        requests.extend(request_args(request)?);
    }
    let into = format!("INSERT INTO request ({REQUEST})");
    all.extend(writer.inserts(&into, REQUEST_COLUMNS, requests, REQUEST_THEN)?);
    all.extend(beside(writer, world)?);
    all.extend(rare(writer, world)?);
    let head = &world.head;
    let sql = "UPDATE head SET seq = $1, at = $2, alive_at = $3, link = $4, tree = $5, number = $6, policy = $7, \
        format = $8 WHERE one = 1";
    let args = vec![
        head.seq.into(),
        head.at.millis().into(),
        alive_at.max(head.alive_at).millis().into(),
        head.link.to_string().into(),
        head.tree.to_string().into(),
        head.number.into(),
        head.policy.as_str().into(),
        head.format.into(),
    ];
    all.push((sql.into(), args));
    writer.fetch_all(all).await.map(drop)
}

/// Keys and work, which an accepted command can move without an event.
fn beside(writer: &Writer, world: &World) -> Result<Vec<Statement>, StoreError> {
    let keys = world.changes.keys.iter().flat_map(|key| -> [Arg; 6] {
        [
            key.actor.as_str().into(),
            key.key.as_str().into(),
            key.body_hash.as_str().into(),
            key.request.into(),
            key.seq.into(),
            key.at.millis().into(),
        ]
    });
    // A key older than seven days is as good as new.
    let then = "ON CONFLICT (actor, key) DO UPDATE SET body_hash = excluded.body_hash, request = excluded.request, \
        seq = excluded.seq, at = excluded.at";
    let into = "INSERT INTO command_key (actor, key, body_hash, request, seq, at)";
    let mut all = writer.inserts(into, 6, keys.collect(), then)?;
    let (kept, gone): (Vec<_>, Vec<_>) =
        world.changes.work.iter().map(|key| (key, world.work.get(key))).partition(|(_, work)| work.is_some());
    all.extend(put_work(writer, kept.into_iter().filter_map(|(_, work)| work))?);
    all.extend(drop_work(gone.into_iter().map(|(key, _)| key.as_str().into()).collect()));
    Ok(all)
}

/// Writes rows of work.
pub(super) fn put_work<'w>(
    writer: &Writer,
    work: impl Iterator<Item = &'w WorkRow>,
) -> Result<Vec<Statement>, StoreError> {
    let args = work.flat_map(WorkRow::args).collect();
    writer.inserts(&format!("INSERT INTO work ({WORK})"), WORK_COLUMNS, args, WORK_THEN)
}

/// Takes rows of work away.
pub(super) fn drop_work(keys: Vec<Arg>) -> Option<Statement> {
    let sql =
        (!keys.is_empty()).then(|| format!("DELETE FROM work WHERE access_key IN ({})", places(1, keys.len())))?;
    Some((sql, keys))
}

/// Freezes, tokens and erasures.
fn rare(writer: &Writer, world: &World) -> Result<Vec<Statement>, StoreError> {
    let mut all = Vec::new();
    for (subject, frozen) in &world.changes.frozen {
        all.push(("DELETE FROM frozen WHERE subject = $1".to_owned(), vec![subject.as_str().into()]));
        if let Some((seq, at, by, words)) = frozen {
            let args =
                vec![subject.as_str().into(), (*seq).into(), at.millis().into(), by.as_str().into(), (*words).into()];
            all.extend(writer.inserts("INSERT INTO frozen (subject, seq, at, by, words_text)", 5, args, "")?);
        }
    }
    let into = format!("INSERT INTO token ({TOKEN})");
    let rows =
        |ids: &BTreeSet<i64>| ids.iter().filter_map(|id| world.tokens.get(id)).flat_map(TokenRow::args).collect();
    // A new one under the number or the hash of another is refused by the table.
    all.extend(writer.inserts(&into, TOKEN_COLUMNS, rows(&world.changes.made), "")?);
    let then = "ON CONFLICT (id) DO UPDATE SET used_at = excluded.used_at, revoked_at = excluded.revoked_at";
    all.extend(writer.inserts(&into, TOKEN_COLUMNS, rows(&world.changes.ended), then)?);
    if !world.changes.erased.is_empty() {
        let ids: Vec<Arg> = world.changes.erased.iter().map(|id| (*id).into()).collect();
        let sql = format!("UPDATE text SET words = NULL, salt = NULL WHERE id IN ({})", places(1, ids.len()));
        all.push((sql, ids));
    }
    Ok(all)
}

//! Reads what one batch has to know, in the transaction that will hold its answer: a handful of statements whatever its size.
//! Must begin with the head, which makes the order of the writes.

use super::act::Act;
use super::calendars;
use super::engine::{Statement, Writer};
use super::fault::StoreError;
use super::head::{COLUMNS, Head};
use super::keep::{TOKEN, TokenRow, number, request};
use super::policies::{Policies, Ruling};
use super::row::{Arg, Row};
use super::work::{WORK, WorkRow};
use super::world::{Changes, KeyRow, World};
use crate::access::command::Command;
use crate::access::facts::Frozen;
use crate::access::{RequestNumber, Subject};
use crate::text::{Instant, Length};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// How long a command's key is remembered.
pub(super) const KEYS_LIVE: Length = Length::from_hours(7 * 24);

/// `$1,$2,$3`: placeholders from `first` on.
pub(super) fn places(first: usize, count: usize) -> String {
    (first..first + count).map(|place| format!("${place}")).collect::<Vec<_>>().join(",")
}

/// Takes the head: from here to the commit nobody else writes.
fn head_query() -> Statement {
    (format!("UPDATE head SET seq = seq WHERE one = 1 RETURNING {COLUMNS}"), vec![])
}

/// Begins a write by taking the head.
pub(super) async fn begin_at_head(writer: &mut Writer) -> Result<Head, StoreError> {
    let mut rows = writer.begin_with(vec![head_query()]).await?.into_iter();
    Head::first(&rows.next().unwrap_or_default())
}

/// Begins the write, and reads what the batch of `acts` has to know: in one go, and in a second where a command is about
/// access that is given already.
pub(super) async fn load(writer: &mut Writer, acts: &[&Act], policies: &Policies) -> Result<World, StoreError> {
    let named: BTreeSet<i64> =
        acts.iter().filter_map(|act| act.subject.as_ref().and_then(number).map(|number| number.0)).collect();
    let users: BTreeSet<&str> = acts
        .iter()
        .filter_map(|act| match &act.command {
            Command::File { filing, .. } | Command::Amend { filing, .. } => Some(filing.user.as_str()),
            _ => None,
        })
        .collect();
    let placed = acts.iter().filter_map(|act| match &act.command {
        Command::Approve { prepared, .. } => prepared.placement.as_ref().map(|placement| placement.access_key.clone()),
        _ => None,
    });
    let placed: BTreeSet<String> = placed.collect();
    let asked = vec![
        Some(head_query()),
        Some((FROZEN.to_owned(), vec![])),
        keys_query(acts),
        requests_query(&named),
        open_query(&users),
        holders_query(&placed),
        work_query(&placed),
    ];
    let wanted: Vec<bool> = asked.iter().map(Option::is_some).collect();
    let mut came = writer.begin_with(asked.into_iter().flatten().collect()).await?.into_iter();
    let mut next = wanted.into_iter().map(|wanted| if wanted { came.next().unwrap_or_default() } else { Vec::new() });
    let mut next = || next.next().unwrap_or_default();
    let head = Head::first(&next())?;
    let frozen = frozen_of(&next())?;
    let keys = keys_of(&next(), head.at)?;
    let mut requests = BTreeMap::new();
    for row in [next(), next(), next()].iter().flatten() {
        let request = request(row.text(0)?)?;
        requests.insert(request.number, Arc::new(request));
    }
    let mut work = work_of(&next())?;
    // What a replay answers, and whatever else lies on the keys of access that is given.
    let replayed: BTreeSet<i64> = keys
        .values()
        .filter_map(|row| row.request)
        .filter(|number| !requests.contains_key(&RequestNumber(*number)))
        .collect();
    for row in fetch(writer, requests_query(&replayed)).await? {
        let request = request(row.text(0)?)?;
        requests.insert(request.number, Arc::new(request));
    }
    let given: BTreeSet<String> = requests
        .values()
        .filter(|request| named.contains(&request.number.0) || replayed.contains(&request.number.0))
        .filter_map(|request| request.held().map(|held| held.placement.access_key.clone()))
        .filter(|key| !placed.contains(key))
        .collect();
    if !given.is_empty() {
        let more = vec![holders_query(&given), work_query(&given)].into_iter().flatten().collect();
        let mut rows = writer.fetch_all(more).await?.into_iter();
        for row in rows.next().unwrap_or_default() {
            let request = request(row.text(0)?)?;
            requests.insert(request.number, Arc::new(request));
        }
        work.extend(work_of(&rows.next().unwrap_or_default())?);
    }
    let ruling = ruling(writer, &head, policies).await?;
    let (ruling, slots) = calendars::load(writer, ruling, policies).await?;
    let (tokens, last_token) = tokens(writer, acts).await?;
    let texts = texts(writer, acts).await?;
    Ok(World {
        ruling,
        slots,
        work,
        frozen,
        texts,
        head,
        requests,
        keys,
        tokens,
        last_token,
        changes: Changes::default(),
    })
}

async fn fetch(writer: &mut Writer, query: Option<Statement>) -> Result<Vec<Row>, StoreError> {
    match query {
        Some((sql, args)) => writer.fetch(&sql, args).await,
        None => Ok(Vec::new()),
    }
}

/// What is frozen, as [`frozen_of`] takes it.
pub(super) const FROZEN: &str = "SELECT subject, by, at FROM frozen ORDER BY subject";

/// The freezes in force.
pub(super) fn frozen_of(rows: &[Row]) -> Result<Vec<Frozen>, StoreError> {
    let bad = |fault: String| StoreError::Broken(format!("a freeze cannot be read ({fault}): run nightlatch doctor"));
    let one = |row: &Row| {
        let system = match row.text(0)?.parse().map_err(bad)? {
            Subject::System(id) => Some(id),
            _ => None,
        };
        Ok(Frozen { system, by: row.text(1)?.parse().map_err(bad)?, at: Instant::from_millis(row.int(2)?) })
    };
    rows.iter().map(one).collect()
}

fn keys_query(acts: &[&Act]) -> Option<Statement> {
    let mut args: Vec<Arg> = Vec::new();
    for (actor, key) in acts.iter().filter_map(|act| act.key.as_ref().map(|key| (act.actor.id(), key))) {
        args.extend([actor.into(), key.key.as_str().into()]);
    }
    let pairs: Vec<String> =
        (0..args.len() / 2).map(|pair| format!("(actor = ${} AND key = ${})", pair * 2 + 1, pair * 2 + 2)).collect();
    let sql = format!("SELECT actor, key, body_hash, request, seq, at FROM command_key WHERE {}", pairs.join(" OR "));
    (!pairs.is_empty()).then_some((sql, args))
}

/// The keys that are remembered at `at`.
fn keys_of(rows: &[Row], at: Instant) -> Result<HashMap<(String, String), KeyRow>, StoreError> {
    let mut found = HashMap::new();
    for row in rows {
        let key = KeyRow {
            actor: row.text(0)?.to_owned(),
            key: row.text(1)?.to_owned(),
            body_hash: row.text(2)?.to_owned(),
            request: row.opt_int(3)?,
            seq: row.int(4)?,
            at: Instant::from_millis(row.int(5)?),
        };
        if key.at > at.minus(KEYS_LIVE) {
            found.insert((key.actor.clone(), key.key.clone()), key);
        }
    }
    Ok(found)
}

fn requests_query(numbers: &BTreeSet<i64>) -> Option<Statement> {
    let sql = format!("SELECT body FROM request WHERE number IN ({})", places(1, numbers.len()));
    (!numbers.is_empty()).then(|| (sql, numbers.iter().map(|number| Arg::from(*number)).collect()))
}

/// The open requests of the users whom something is asked for.
fn open_query(users: &BTreeSet<&str>) -> Option<Statement> {
    let sql = format!(
        "SELECT body FROM request WHERE user_id IN ({}) AND phase IN ('asking', 'held')",
        places(1, users.len())
    );
    (!users.is_empty()).then(|| (sql, users.iter().map(|user| Arg::from(*user)).collect()))
}

/// Whatever holds one of the access keys.
fn holders_query(access: &BTreeSet<String>) -> Option<Statement> {
    let sql = format!("SELECT body FROM request WHERE access_key IN ({}) AND phase = 'held'", places(1, access.len()));
    (!access.is_empty()).then(|| (sql, access.iter().map(|key| key.as_str().into()).collect()))
}

fn work_query(access: &BTreeSet<String>) -> Option<Statement> {
    let sql = format!("SELECT {WORK} FROM work WHERE access_key IN ({})", places(1, access.len()));
    (!access.is_empty()).then(|| (sql, access.iter().map(|key| key.as_str().into()).collect()))
}

fn work_of(rows: &[Row]) -> Result<BTreeMap<String, WorkRow>, StoreError> {
    rows.iter().map(|row| WorkRow::of(row, 0).map(|work| (work.access_key.clone(), work))).collect()
}

/// The tokens to be ended, and the highest number given.
async fn tokens(writer: &mut Writer, acts: &[&Act]) -> Result<(BTreeMap<i64, TokenRow>, i64), StoreError> {
    let ended: BTreeSet<i64> = acts
        .iter()
        .filter_map(|act| match &act.command {
            Command::EndToken { token, .. } => Some(*token),
            _ => None,
        })
        .collect();
    let mut found = BTreeMap::new();
    if !ended.is_empty() {
        let sql = format!("SELECT {TOKEN} FROM token WHERE id IN ({})", places(1, ended.len()));
        for row in writer.fetch(&sql, ended.into_iter().map(Arg::from).collect()).await? {
            let token = TokenRow::of(&row)?;
            found.insert(token.id, token);
        }
    }
    let made = acts.iter().any(|act| matches!(act.command, Command::CreateToken { .. }));
    let last = if made { writer.fetch("SELECT max(id) FROM token", vec![]).await? } else { Vec::new() };
    let last = last.first().map(|row| row.opt_int(0)).transpose()?.flatten();
    Ok((found, last.unwrap_or(0)))
}

/// Which of the texts to be erased there are.
async fn texts(writer: &mut Writer, acts: &[&Act]) -> Result<HashSet<i64>, StoreError> {
    let mut ids: BTreeSet<i64> = BTreeSet::new();
    for act in acts {
        if let Command::Erase { texts, .. } = &act.command {
            ids.extend(texts);
        }
    }
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let sql = format!("SELECT id FROM text WHERE id IN ({})", places(1, ids.len()));
    let rows = writer.fetch(&sql, ids.into_iter().map(Arg::from).collect()).await?;
    rows.iter().map(|row| row.int(0)).collect()
}

async fn ruling(writer: &mut Writer, head: &Head, policies: &Policies) -> Result<Ruling, StoreError> {
    if let Some(ruling) = policies.known(&head.policy) {
        return Ok(ruling);
    }
    let (sql, args) = policy_query(&head.policy);
    kept(&writer.fetch(sql, args).await?, &head.policy, policies)
}

/// Where the text of a policy is: the last `policy-changed` event that names its hash.
pub(super) fn policy_query(hash: &str) -> (&'static str, Vec<Arg>) {
    let sql = "SELECT text.id, text.words FROM event JOIN text ON text.id = event.seq * 16 \
        WHERE event.subject = 'policy' AND event.kind = 'policy-changed' AND event.body LIKE $1 ESCAPE '\\' \
        ORDER BY event.seq DESC LIMIT 1";
    (sql, vec![format!("%\"hash\":\"{}\"%", escaped(hash)).into()])
}

/// The policy that [`policy_query`] found.
pub(super) fn kept(rows: &[Row], hash: &str, policies: &Policies) -> Result<Ruling, StoreError> {
    let lost = || StoreError::Broken("the text of the ruling policy is gone: restore a backup and verify it".into());
    let row = rows.first().ok_or_else(lost)?;
    let words = row.opt_text(1)?.ok_or_else(lost)?;
    Ok(policies.keep(hash, words, row.int(0)?))
}

/// What stands for itself in a LIKE pattern.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}

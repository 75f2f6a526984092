//! Reads what one batch has to know, in the transaction that will hold its answer: a handful of statements whatever its size.
//! Must begin with the head, which makes the order of the writes.

use super::act::Act;
use super::engine::Writer;
use super::fault::StoreError;
use super::head::{COLUMNS, Head};
use super::keep::{TOKEN, TokenRow, number, request};
use super::policies::{Policies, Ruling};
use super::row::{Arg, Row};
use super::work::{WORK, WorkRow};
use super::world::{Changes, KeyRow, World};
use crate::access::command::Command;
use crate::access::facts::Frozen;
use crate::access::{Request, RequestNumber, Subject};
use crate::text::{Instant, Length};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// How long a command's key is remembered.
pub(super) const KEYS_LIVE: Length = Length::from_hours(7 * 24);

/// `$1,$2,$3`: placeholders from `first` on.
pub(super) fn places(first: usize, count: usize) -> String {
    (first..first + count).map(|place| format!("${place}")).collect::<Vec<_>>().join(",")
}

/// Takes the head: from here to the commit nobody else writes.
pub(super) async fn take_head(writer: &mut Writer) -> Result<Head, StoreError> {
    let sql = format!("UPDATE head SET seq = seq WHERE one = 1 RETURNING {COLUMNS}");
    Head::first(&writer.fetch(&sql, vec![]).await?)
}

/// What the batch of `acts` has to know.
pub(super) async fn load(writer: &mut Writer, acts: &[&Act], policies: &Policies) -> Result<World, StoreError> {
    let head = take_head(writer).await?;
    let keys = keys(writer, acts, head.at).await?;
    let named = acts.iter().filter_map(|act| act.subject.as_ref().and_then(number).map(|number| number.0));
    let numbers: BTreeSet<i64> = named.chain(keys.values().filter_map(|row| row.request)).collect();
    let mut requests = requests(writer, numbers).await?;
    let access = access_keys(acts, &requests);
    facts(writer, acts, &access, &mut requests).await?;
    let ruling = ruling(writer, &head, policies).await?;
    let (tokens, last_token) = tokens(writer, acts).await?;
    Ok(World {
        ruling,
        work: work(writer, &access).await?,
        frozen: frozen_of(&writer.fetch(FROZEN, vec![]).await?)?,
        texts: texts(writer, acts).await?,
        head,
        requests,
        keys,
        tokens,
        last_token,
        changes: Changes::default(),
    })
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

async fn keys(
    writer: &mut Writer,
    acts: &[&Act],
    at: Instant,
) -> Result<HashMap<(String, String), KeyRow>, StoreError> {
    let mut args: Vec<Arg> = vec![at.minus(KEYS_LIVE).millis().into()];
    for (actor, key) in acts.iter().filter_map(|act| act.key.as_ref().map(|key| (act.actor.id(), key))) {
        args.extend([actor.into(), key.key.as_str().into()]);
    }
    let pairs = args.len() / 2;
    if pairs == 0 {
        return Ok(HashMap::new());
    }
    let pairs: Vec<String> =
        (0..pairs).map(|pair| format!("(actor = ${} AND key = ${})", pair * 2 + 2, pair * 2 + 3)).collect();
    let sql = format!(
        "SELECT actor, key, body_hash, request, seq, at FROM command_key WHERE at > $1 AND ({})",
        pairs.join(" OR ")
    );
    let mut found = HashMap::new();
    for row in writer.fetch(&sql, args).await? {
        let key = KeyRow {
            actor: row.text(0)?.to_owned(),
            key: row.text(1)?.to_owned(),
            body_hash: row.text(2)?.to_owned(),
            request: row.opt_int(3)?,
            seq: row.int(4)?,
            at: Instant::from_millis(row.int(5)?),
        };
        found.insert((key.actor.clone(), key.key.clone()), key);
    }
    Ok(found)
}

async fn requests(writer: &mut Writer, numbers: BTreeSet<i64>) -> Result<BTreeMap<RequestNumber, Request>, StoreError> {
    if numbers.is_empty() {
        return Ok(BTreeMap::new());
    }
    let sql = format!("SELECT body FROM request WHERE number IN ({})", places(1, numbers.len()));
    let rows = writer.fetch(&sql, numbers.into_iter().map(Arg::from).collect()).await?;
    rows.iter().map(|row| request(row.text(0)?).map(|request| (request.number, request))).collect()
}

/// The access keys that the batch may touch: of what is held, and of what is approved in it.
fn access_keys(acts: &[&Act], requests: &BTreeMap<RequestNumber, Request>) -> BTreeSet<String> {
    let held = requests.values().filter_map(|request| request.held().map(|held| held.placement.access_key.clone()));
    let approved = acts.iter().filter_map(|act| match &act.command {
        Command::Approve { prepared, .. } => prepared.placement.as_ref().map(|placement| placement.access_key.clone()),
        _ => None,
    });
    held.chain(approved).collect()
}

/// The open requests of the users whom something is asked for, and whatever holds one of the access keys.
async fn facts(
    writer: &mut Writer,
    acts: &[&Act],
    access: &BTreeSet<String>,
    requests: &mut BTreeMap<RequestNumber, Request>,
) -> Result<(), StoreError> {
    let users: BTreeSet<&str> = acts
        .iter()
        .filter_map(|act| match &act.command {
            Command::File { filing, .. } | Command::Amend { filing, .. } => Some(filing.user.as_str()),
            _ => None,
        })
        .collect();
    let mut alternatives = Vec::new();
    if !users.is_empty() {
        alternatives.push(format!("(user_id IN ({}) AND phase IN ('asking', 'held'))", places(1, users.len())));
    }
    if !access.is_empty() {
        let held = places(users.len() + 1, access.len());
        alternatives.push(format!("(access_key IN ({held}) AND phase = 'held')"));
    }
    if alternatives.is_empty() {
        return Ok(());
    }
    let sql = format!("SELECT body FROM request WHERE {}", alternatives.join(" OR "));
    let args = users.into_iter().map(Arg::from).chain(access.iter().map(|key| key.as_str().into())).collect();
    for row in writer.fetch(&sql, args).await? {
        let request = request(row.text(0)?)?;
        requests.insert(request.number, request);
    }
    Ok(())
}

async fn work(writer: &mut Writer, access: &BTreeSet<String>) -> Result<BTreeMap<String, WorkRow>, StoreError> {
    if access.is_empty() {
        return Ok(BTreeMap::new());
    }
    let sql = format!("SELECT {WORK} FROM work WHERE access_key IN ({})", places(1, access.len()));
    let rows = writer.fetch(&sql, access.iter().map(|key| key.as_str().into()).collect()).await?;
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

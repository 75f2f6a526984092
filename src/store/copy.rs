//! A store as lines of text and back: backups, and moving from one engine to the other. The store's id goes with it.
//!
//! The lines are one consistent state. What is filled must be empty, and is verified by whoever filled it.

use super::engine::{Engine, Snapshot};
use super::fault::StoreError;
use super::location::Location;
use super::row::{Arg, Row};
use super::schema;
use serde_json::{Value, json};

/// What a table holds: its name, its columns (`#` marks a number), and how many columns make its key.
const TABLES: [(&str, &[&str], usize); 12] = [
    ("head", &["#one", "#seq", "#at", "#alive_at", "link", "tree", "#number", "policy", "#format", "store_id"], 1),
    ("event", &["#seq", "#at", "subject", "kind", "actor", "policy", "body", "link"], 1),
    ("text", &["#id", "subject", "salt", "words"], 1),
    (
        "request",
        &[
            "#number",
            "#seq",
            "#version",
            "phase",
            "system",
            "role",
            "user_id",
            "requester",
            "approver",
            "ticket",
            "access_key",
            "#filed_at",
            "#from_at",
            "#until_at",
            "#closed_at",
            "#due",
            "body",
        ],
        1,
    ),
    (
        "work",
        &[
            "access_key",
            "target",
            "lane",
            "#request",
            "#attempt",
            "#failures",
            "replica",
            "#next_at",
            "#ends_at",
            "error",
            "observed",
        ],
        1,
    ),
    ("command_key", &["actor", "key", "body_hash", "#request", "#seq", "#at"], 2),
    ("follower", &["name", "#seq", "#at"], 1),
    ("lease", &["name", "replica", "#until_at"], 1),
    ("undelivered", &["follower", "#seq", "#request", "#since", "#tries", "#next_at", "#dead_at", "sentence"], 2),
    ("token", &["#id", "person", "kind", "name", "hash", "#created_at", "#expires_at", "#used_at", "#revoked_at"], 1),
    ("checkpoint", &["#size", "#at", "note"], 1),
    ("frozen", &["subject", "#seq", "#at", "by", "#words_text"], 1),
];

/// How many rows are read or written at once.
const PAGE: usize = 500;

fn bare(column: &str) -> &str {
    column.trim_start_matches('#')
}

fn listed(columns: &[&str]) -> String {
    columns.iter().map(|column| bare(column)).collect::<Vec<_>>().join(", ")
}

fn cells(columns: &[&str], row: &Row) -> Result<(Vec<Value>, Vec<Arg>), StoreError> {
    let mut values = Vec::with_capacity(columns.len());
    let mut args = Vec::with_capacity(columns.len());
    for (place, column) in columns.iter().enumerate() {
        if column.starts_with('#') {
            let cell = row.opt_int(place)?;
            values.push(json!(cell));
            args.push(cell.into());
        } else {
            let cell = row.opt_text(place)?;
            values.push(json!(cell));
            args.push(cell.into());
        }
    }
    Ok((values, args))
}

/// `(a, b) > ($1, $2)`, spelled for one or two columns.
fn beyond(columns: &[&str], keys: usize) -> String {
    match columns.get(..keys) {
        Some([one]) => format!("WHERE {} > $1", bare(one)),
        Some([one, two, ..]) => format!("WHERE ({}, {}) > ($1, $2)", bare(one), bare(two)),
        _ => String::new(),
    }
}

async fn page(
    snapshot: &mut Snapshot,
    (table, columns, keys): (&str, &[&str], usize),
    after: Option<Vec<Arg>>,
) -> Result<Vec<Row>, StoreError> {
    let order = listed(columns.get(..keys).unwrap_or(columns));
    let from = after.as_ref().map(|_| beyond(columns, keys)).unwrap_or_default();
    let sql = format!("SELECT {} FROM {table} {from} ORDER BY {order} LIMIT {PAGE}", listed(columns));
    snapshot.read(&sql, after.unwrap_or_default()).await
}

/// Every row of the store as a line; `each` gets the line and its table.
pub async fn dump(
    location: &Location,
    each: &mut (dyn FnMut(&str) -> Result<(), StoreError> + Send),
) -> Result<u64, StoreError> {
    let engine = Engine::open(location).await?;
    let mut snapshot = engine.snapshot().await?;
    let mut count = 0;
    for (table, columns, keys) in TABLES {
        let mut after = None;
        loop {
            let rows = page(&mut snapshot, (table, columns, keys), after).await?;
            let mut last = None;
            for row in &rows {
                let (values, args) = cells(columns, row)?;
                each(&json!({ "table": table, "row": values }).to_string())?;
                count += 1;
                last = Some(args);
            }
            after = last.map(|args| args.into_iter().take(keys).collect());
            if rows.len() < PAGE {
                break;
            }
        }
    }
    Ok(count)
}

/// Fills an empty store from lines. Everything, or nothing.
///
/// With `replace` what is there goes first, in the same transaction.
pub async fn fill(
    location: &Location,
    replace: bool,
    lines: &mut (dyn Iterator<Item = std::io::Result<String>> + Send),
) -> Result<u64, StoreError> {
    let engine = Engine::open(location).await?;
    let mut writer = engine.writer();
    schema::create(&mut writer).await?;
    writer.begin().await?;
    if replace {
        for (table, ..) in TABLES {
            writer.execute(&format!("DELETE FROM {table}"), vec![]).await?;
        }
    }
    if !writer.fetch("SELECT seq FROM event LIMIT 1", vec![]).await?.is_empty() {
        return Err(StoreError::Refused(format!(
            "{location} is not empty: name a new store, so that none is overwritten"
        )));
    }
    writer.execute("DELETE FROM head", vec![]).await?;
    let (mut count, mut waiting): (u64, Vec<(usize, Vec<Arg>)>) = (0, Vec::new());
    for line in lines {
        let line = line.map_err(|error| StoreError::Broken(format!("the backup cannot be read: {error}")))?;
        let row = parse(&line).ok_or_else(|| {
            StoreError::Broken(format!("line {} is no line of a backup: it is damaged, or cut", count + 1))
        })?;
        count += 1;
        let full = waiting.len() >= PAGE || waiting.first().is_some_and(|(table, _)| *table != row.0);
        if full {
            put(&mut writer, std::mem::take(&mut waiting)).await?;
        }
        waiting.push(row);
    }
    put(&mut writer, waiting).await?;
    writer.commit().await?;
    Ok(count)
}

/// The place of its table, and its values.
fn parse(line: &str) -> Option<(usize, Vec<Arg>)> {
    let value: Value = serde_json::from_str(line).ok()?;
    let table = value.get("table")?.as_str()?;
    let place = TABLES.iter().position(|(name, ..)| *name == table)?;
    let (_, columns, _) = TABLES.get(place)?;
    let row = value.get("row")?.as_array()?;
    if row.len() != columns.len() {
        return None;
    }
    let cell = |(column, value): (&&str, &Value)| -> Option<Arg> {
        match (column.starts_with('#'), value) {
            (true, Value::Null) => Some(Arg::Int(None)),
            (true, value) => Some(Arg::Int(Some(value.as_i64()?))),
            (false, Value::Null) => Some(Arg::Text(None)),
            (false, value) => Some(Arg::Text(Some(value.as_str()?.to_owned()))),
        }
    };
    Some((place, columns.iter().zip(row).map(cell).collect::<Option<_>>()?))
}

async fn put(writer: &mut super::Writer, rows: Vec<(usize, Vec<Arg>)>) -> Result<(), StoreError> {
    let Some((table, columns, _)) = rows.first().and_then(|(place, _)| TABLES.get(*place)) else { return Ok(()) };
    let into = format!("INSERT INTO {table} ({})", listed(columns));
    writer.insert(&into, columns.len(), rows.into_iter().flat_map(|(_, row)| row).collect(), "").await.map(drop)
}

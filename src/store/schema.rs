//! The tables, one text for both engines. BIGINT and TEXT only: instants in milliseconds, bodies as the JSON text that was
//! hashed (a JSON type would not keep its bytes). Created where they are not; never dropped, never altered here.

use super::{StoreError, Writer};

/// Every table and index. Each statement may run again at every start. The type of a number that is the key is the engine's own
/// ([`Writer::key_type`]).
pub const STATEMENTS: &[&str] = &[
    // One row: the last number, the chain's head, the tree's frontier. Whoever updates it has the write.
    "CREATE TABLE IF NOT EXISTS head (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        seq BIGINT NOT NULL, at BIGINT NOT NULL, alive_at BIGINT NOT NULL,
        link TEXT NOT NULL, tree TEXT NOT NULL, number BIGINT NOT NULL,
        policy TEXT NOT NULL, format BIGINT NOT NULL, store_id TEXT NOT NULL)",
    // The trail. Only ever inserted into.
    "CREATE TABLE IF NOT EXISTS event (
        seq BIGINT PRIMARY KEY, at BIGINT NOT NULL, subject TEXT NOT NULL, kind TEXT NOT NULL,
        actor TEXT NOT NULL, policy TEXT NOT NULL, body TEXT NOT NULL, link TEXT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS event_subject ON event (subject, seq)",
    // Free text, apart from the events that hold its hash, so that it can be erased. id = seq * 16 + slot.
    "CREATE TABLE IF NOT EXISTS text (
        id BIGINT PRIMARY KEY, subject TEXT NOT NULL, salt TEXT, words TEXT)",
    "CREATE INDEX IF NOT EXISTS text_subject ON text (subject, id)",
    // Each request as its events make it; `body` is the fold, the columns are what is looked for.
    "CREATE TABLE IF NOT EXISTS request (
        number BIGINT PRIMARY KEY, seq BIGINT NOT NULL, version BIGINT NOT NULL, phase TEXT NOT NULL,
        system TEXT NOT NULL, role TEXT NOT NULL, user_id TEXT NOT NULL, requester TEXT NOT NULL,
        approver TEXT NOT NULL, ticket TEXT, access_key TEXT, filed_at BIGINT NOT NULL, from_at BIGINT, until_at BIGINT,
        closed_at BIGINT, due BIGINT, body TEXT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS request_due ON request (phase, due)",
    "CREATE INDEX IF NOT EXISTS request_closed ON request (phase, closed_at)",
    "CREATE INDEX IF NOT EXISTS request_user ON request (user_id, phase)",
    "CREATE INDEX IF NOT EXISTS request_ticket ON request (ticket)",
    "CREATE INDEX IF NOT EXISTS request_system ON request (system, number)",
    "CREATE INDEX IF NOT EXISTS request_access ON request (access_key, phase)",
    // What the reconciler has to do, one row an access key; `next_at` is the one thing that it polls, `ends_at` tells which lane
    // it is in, `lane` in which it was leased last. `attempt` only grows: it is the fence.
    "CREATE TABLE IF NOT EXISTS work (
        access_key TEXT PRIMARY KEY, target TEXT NOT NULL, lane TEXT NOT NULL, request BIGINT NOT NULL,
        attempt BIGINT NOT NULL, failures BIGINT NOT NULL, replica TEXT, next_at BIGINT NOT NULL, ends_at BIGINT NOT NULL,
        error TEXT, observed TEXT)",
    "CREATE INDEX IF NOT EXISTS work_visit ON work (target, next_at)",
    "CREATE INDEX IF NOT EXISTS work_ends ON work (target, ends_at)",
    // What a repeated command is answered with. Kept 7 days.
    "CREATE TABLE IF NOT EXISTS command_key (
        actor TEXT NOT NULL, key TEXT NOT NULL, body_hash TEXT NOT NULL, request BIGINT,
        seq BIGINT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (actor, key))",
    "CREATE INDEX IF NOT EXISTS command_key_at ON command_key (at)",
    "CREATE TABLE IF NOT EXISTS follower (name TEXT PRIMARY KEY, seq BIGINT NOT NULL, at BIGINT NOT NULL)",
    // Which replica moves a follower.
    "CREATE TABLE IF NOT EXISTS lease (name TEXT PRIMARY KEY, replica TEXT NOT NULL, until_at BIGINT NOT NULL)",
    // What a follower could not bring yet, or gave up.
    "CREATE TABLE IF NOT EXISTS undelivered (
        follower TEXT NOT NULL, seq BIGINT NOT NULL, request BIGINT NOT NULL, since BIGINT NOT NULL, tries BIGINT NOT NULL,
        next_at BIGINT NOT NULL, dead_at BIGINT, sentence TEXT NOT NULL, PRIMARY KEY (follower, seq))",
    "CREATE TABLE IF NOT EXISTS token (
        id BIGINT PRIMARY KEY, person TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, hash TEXT NOT NULL UNIQUE,
        created_at BIGINT NOT NULL, expires_at BIGINT, used_at BIGINT, revoked_at BIGINT)",
    "CREATE TABLE IF NOT EXISTS checkpoint (size BIGINT PRIMARY KEY, at BIGINT NOT NULL, note TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS frozen (
        subject TEXT PRIMARY KEY, seq BIGINT NOT NULL, at BIGINT NOT NULL, by TEXT NOT NULL, words_text BIGINT)",
];

/// Makes the tables that are not there, all in one transaction.
pub async fn create(writer: &mut Writer) -> Result<(), StoreError> {
    // Two replicas that start at once on PostgreSQL can both find a table missing; the second sees it there on its next try.
    let mut tries = 0;
    loop {
        tries += 1;
        match create_once(writer).await {
            Err(StoreError::Refused(_)) if tries < 3 => writer.rollback().await,
            Err(fault) => {
                writer.rollback().await;
                return Err(fault);
            }
            Ok(()) => return Ok(()),
        }
    }
}

async fn create_once(writer: &mut Writer) -> Result<(), StoreError> {
    let (written, here) = ("BIGINT PRIMARY KEY", format!("{} PRIMARY KEY", writer.key_type()));
    let all = STATEMENTS.iter().map(|statement| (statement.replace(written, &here), vec![]));
    writer.begin_with(all.collect()).await?;
    writer.commit().await
}

//! What the driver's errors and the databases' codes mean, in sentences with a cure. Pure.

use super::fault::{StoreError, one_line};

/// What an error of the driver means, and whether the connection is lost with it.
pub(super) fn judge(fault: &sqlx::Error) -> (StoreError, bool) {
    use StoreError::{Away, Broken};
    let shown = one_line(&fault.to_string());
    match fault {
        sqlx::Error::AnyDriverError(fault) => super::stand_in::judge(fault.as_ref()),
        sqlx::Error::Database(fault) => judge_code(&fault.code().unwrap_or_default(), &one_line(fault.message())),
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => (
            Away(format!(
                "the store cannot be reached: {shown}. See that it runs and that the network lets us through"
            )),
            true,
        ),
        sqlx::Error::PoolTimedOut => {
            (Away("the store gave no connection in 5 s: see that it runs and is not overloaded".into()), false)
        }
        sqlx::Error::PoolClosed => (Away("the store is being closed: ask again once it is back".into()), false),
        _ => (Broken(format!("the store answered something odd: {shown}. Run nightlatch doctor")), true),
    }
}

/// An SQLSTATE of PostgreSQL (five characters) or an extended result code of SQLite (a number) as a sentence. They cannot be
/// mistaken for each other: SQLite's have at most four digits.
pub(super) fn judge_code(code: &str, shown: &str) -> (StoreError, bool) {
    use StoreError::{Away, Broken, Refused};
    let primary = if code.len() < 5 { code.parse::<u32>().map_or(0, |code| code & 0xff) } else { 0 };
    let class = if code.len() == 5 { code.get(..2).unwrap_or_default() } else { "" };
    let kept = |fault| (fault, false);
    match (code, class, primary) {
        ("53100", ..) | (_, _, 13) => {
            kept(Refused("the store's disk is full, so nothing new can be recorded: make room there".into()))
        }
        ("55P03" | "40001" | "40P01", ..) | (_, _, 5 | 6) => {
            kept(Away("another writer held the store for more than 5 s: try again, and see what holds it".into()))
        }
        ("57014", ..) | (_, _, 9) => {
            kept(Away("the store took too long and was stopped: see whether it is overloaded".into()))
        }
        ("25006", ..) => {
            let sentence =
                "this PostgreSQL only reads (a standby, or set so): point [store] url at the one that writes";
            (Away(sentence.into()), true)
        }
        ("53300", ..) => kept(Away("PostgreSQL has no connection left: raise max_connections or close others".into())),
        ("25P03" | "57P01" | "57P02" | "57P03" | "57P05", ..) | (_, "08", _) => {
            (Away(format!("the store closed the connection: {shown}. It is tried again")), true)
        }
        (_, "28", _) => {
            kept(Broken(format!("PostgreSQL refuses the sign-in: {shown}. Mend user or password in [store] url")))
        }
        ("3D000", ..) => kept(Broken(format!("{shown}: make it with CREATE DATABASE, or mend [store] url"))),
        ("42501", ..) => kept(Broken(format!("{shown}: give nightlatch's user the rights on its database"))),
        (_, _, 8) => {
            (Broken("the store's file or folder is read-only: see who owns it, and whether the disk is".into()), true)
        }
        (_, _, 10) => {
            (Away(format!("the disk under the store fails: {shown}. Look at the system's log before going on")), true)
        }
        (_, _, 11 | 26) => {
            (Broken(format!("the store's file is damaged or no store: {shown}. Restore a backup and verify it")), true)
        }
        (_, _, 14) => {
            (Away(format!("the store's file cannot be opened: {shown}. See that it is there and ours")), true)
        }
        (_, _, 7) | (_, "53", _) => kept(Away(format!("the store is out of resources: {shown}. Give it more"))),
        ("42P07" | "42710", ..) | (_, "23", _) | (_, _, 19) => kept(Refused(format!("the store refused it: {shown}"))),
        (_, "22", _) => kept(Refused(format!("the store cannot hold this value: {shown}"))),
        (_, "XX" | "58" | "F0", _) => {
            (Broken(format!("PostgreSQL has a fault of its own: {shown}. Look at its log")), true)
        }
        _ => kept(Broken(format!("the store did not understand ({code}): {shown}. Run nightlatch doctor"))),
    }
}

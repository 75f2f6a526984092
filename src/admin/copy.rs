//! Backups: the whole store as one private file, back into an empty store, or straight into another one.

use super::{AdminFault, Answered, Desk, load};
use crate::config::StoreUrl;
use crate::service::host;
use crate::store::{Location, StoreError, copy};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

fn fault(error: StoreError) -> AdminFault {
    match error {
        StoreError::Away(sentence) => AdminFault::Away(sentence),
        StoreError::Refused(sentence) => AdminFault::Refused(sentence),
        StoreError::Unknown(sentence) | StoreError::Broken(sentence) => AdminFault::Broken(sentence),
    }
}

/// Writes the store into a new private file, also while it is served. Returns the count of rows.
pub async fn backup(config: &Path, file: &Path) -> Answered<u64> {
    let location = host::location(&load(config)?).map_err(AdminFault::Usage)?;
    let broken = |error: std::io::Error| AdminFault::Broken(format!("{} cannot be written: {error}", file.display()));
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    let mut out = BufWriter::new(made.map_err(broken)?);
    let mut each = |line: &str| {
        writeln!(out, "{line}").map_err(|error| StoreError::Broken(format!("the backup cannot be written: {error}")))
    };
    let count = copy::dump(&location, &mut each).await.map_err(fault)?;
    out.into_inner().map_err(|error| broken(error.into_error()))?.sync_all().map_err(broken)?;
    Ok(count)
}

/// Fills the empty store that `server.toml` names from a backup, or replaces it (stop the server first). The store keeps its id, so marks stay ours.
pub async fn restore(config: &Path, file: &Path, replace: bool) -> Answered<u64> {
    let location = host::location(&load(config)?).map_err(AdminFault::Usage)?;
    let open =
        File::open(file).map_err(|error| AdminFault::Usage(format!("{} cannot be read: {error}", file.display())))?;
    let count = copy::fill(&location, replace, &mut BufReader::new(open).lines()).await.map_err(fault)?;
    verified(config).await?;
    Ok(count)
}

/// Copies the store of `server.toml` into an empty one, such as from SQLite to PostgreSQL. Stop the server first.
pub async fn migrate(config: &Path, to: &str) -> Answered<u64> {
    let server = load(config)?;
    let from = host::location(&server).map_err(AdminFault::Usage)?;
    let url: StoreUrl =
        to.parse().map_err(|bad: crate::config::address::BadAddress| AdminFault::Usage(bad.to_string()))?;
    let to = match &url {
        StoreUrl::Sqlite(path) => Location::Sqlite(path.clone()),
        StoreUrl::Postgres(url) => Location::Postgres(url.reveal().to_owned()),
    };
    let mut lines = Vec::new();
    copy::dump(&from, &mut |line| {
        lines.push(Ok(line.to_owned()));
        Ok(())
    })
    .await
    .map_err(fault)?;
    copy::fill(&to, false, &mut lines.into_iter()).await.map_err(fault)
}

/// Reads the whole chain of the store that was filled.
async fn verified(config: &Path) -> Answered<()> {
    let desk = Desk::open(config).await?;
    let outcome = desk.verify().await;
    desk.close().await;
    outcome.map(drop)
}

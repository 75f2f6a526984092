//! What stores the tests leave behind: each trail is exported when its folder or database goes, and `tests/run` lets
//! `assets/verify.py` read them all at its end. A test that breaks a store on purpose says so with `tampered`.

use nightlatch::clock::Clock;
use nightlatch::service::export_line;
use nightlatch::store::{Location, Options, Store};
use nightlatch::text::Instant;
use nightlatch::trail::Link;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The stores below a folder, at most this deep.
const DEEP: usize = 5;

/// Exports the trails of every store below a folder that is about to go.
pub fn leave_folder(folder: &Path) {
    if collected().is_some() {
        let mut files = Vec::new();
        stores(folder, DEEP, &mut files);
        for file in files {
            // A copy: whoever dropped the folder may stand in the middle of a write, and goes on only after this.
            let copies = tempfile::tempdir().unwrap();
            let copy = copies.path().join("store.db");
            std::fs::copy(&file, &copy).unwrap();
            let _ = std::fs::copy(file.with_extension("db-wal"), copy.with_extension("db-wal"));
            leave(&Location::Sqlite(copy));
        }
    }
}

/// Exports the trail of one store, if `tests/run` collects them.
pub fn leave(location: &Location) {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let Some(collected) = collected() else { return };
    let test = std::thread::current().name().unwrap_or("a thread").replace(['/', ':'], "_");
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("{}-{count}-{test}.jsonl", std::process::id());
    let location = location.clone();
    // A runtime of its own: values are dropped inside and outside of one.
    let reader = std::thread::spawn(move || {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(export(&location))
    });
    let written = match reader.join() {
        Ok(Ok(lines)) if lines.is_empty() => return,
        Ok(Ok(lines)) => lines.into_iter().map(|line| line + "\n").collect(),
        Ok(Err(fault)) => format!("not exported: {fault}\n"),
        Err(_) => "not exported: a panic\n".to_owned(),
    };
    std::fs::write(collected.join(name), written).unwrap();
}

fn collected() -> Option<PathBuf> {
    std::env::var_os("NIGHTLATCH_TEST_TRAILS").map(PathBuf::from)
}

fn stores(folder: &Path, deep: usize, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder && deep > 0 {
            stores(&path, deep - 1, found);
        } else if path.extension().is_some_and(|end| end == "db") && is_store(&path) {
            found.push(path);
        }
    }
}

/// Whether it is a database at all: an empty file is one that was only begun.
fn is_store(path: &Path) -> bool {
    use std::io::Read as _;
    let mut begin = [0; 15];
    std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut begin)).is_ok() && begin == *b"SQLite format 3"
}

async fn export(location: &Location) -> Result<Vec<String>, String> {
    let options = Options { policies: Arc::new(|_: &str| Err("nobody asks".into())), serve: false };
    let clock = Clock::manual(Instant::from_millis(0));
    let store = Store::open(location, clock, options).await.map_err(|fault| fault.to_string())?;
    let events = store.events(None, 0, i64::from(i32::MAX)).await.map_err(|fault| fault.to_string())?;
    let (mut lines, mut prev) = (Vec::with_capacity(events.len()), Link::ZERO);
    for some in events.chunks(500) {
        let last = some.last().map_or(0, |event| event.seq);
        let texts = store.texts_between(some[0].seq, last).await.map_err(|fault| fault.to_string())?;
        let texts: HashMap<i64, _> = texts.into_iter().map(|text| (text.id, text)).collect();
        for event in some {
            let body = serde_json::from_str(&event.body).map_err(|fault| fault.to_string())?;
            let line = export_line(store.id(), event, &body, &texts, prev).map_err(|fault| fault.to_string())?;
            prev = event.link;
            lines.push(line);
        }
    }
    store.close().await;
    Ok(lines)
}

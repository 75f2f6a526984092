//! What `/proc` says of a process.

use std::fs::{read_dir, read_to_string};

/// A number from `/proc/PID/status`, of the whole process or of one thread.
fn status(path: &str, name: &str) -> u64 {
    let text = read_to_string(format!("{path}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::to_owned));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Resident memory in KiB: all of it, and without the pages of its files.
pub fn memory(pid: u32) -> (u64, u64) {
    let path = format!("/proc/{pid}");
    (status(&path, "VmRSS"), status(&path, "RssAnon"))
}

/// How often any of its threads has slept and was woken.
pub fn wakes(pid: u32) -> u64 {
    let tasks = read_dir(format!("/proc/{pid}/task")).unwrap();
    tasks.map(|task| status(&task.unwrap().path().display().to_string(), "voluntary_ctxt_switches")).sum()
}

/// The seconds of processor that it has used.
pub fn cpu(pid: u32) -> f64 {
    let text = read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after = text.rsplit_once(')').unwrap().1;
    let words: Vec<f64> = after.split_whitespace().map(|word| word.parse().unwrap_or(0.0)).collect();
    // The 14th and 15th field, in hundredths.
    (words[11] + words[12]) / 100.0
}

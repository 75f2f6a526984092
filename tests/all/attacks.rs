//! Attacks on the real binary: raw bytes on its sockets, odd command lines, stolen secrets, and ends at bad moments. Each test
//! names the line of the list of attacks that it holds.

mod command_line;
pub mod embedded;
mod http;
mod stop;
mod texts;
mod tls;
mod tokens;
mod windows;

use crate::support::served::TASK;
use serde_json::{Value, json};

/// A request for `restart` on payments that nothing is wrong with, with these fields changed.
fn asking(changes: &Value) -> Value {
    let mut body = json!({
        "system": "payments", "role": "restart", "task": TASK, "kind": "planned", "window": { "for_seconds": 1800 }
    });
    for (field, value) in changes.as_object().unwrap() {
        body[field] = value.clone();
    }
    body
}

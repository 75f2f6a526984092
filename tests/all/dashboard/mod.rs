//! The dashboard as somebody sits before it: the binary in a real pseudo-terminal, against a real server.

mod decide;
mod hostile;
mod link;
mod modes;
mod mouse;
mod night;
mod plain;
pub mod pty;
mod soak;
mod views;

use crate::support::TempFolder;
use crate::support::served::{Served, bare, until};
use pty::Pty;
use serde_json::{Value, json};
use std::process::Command;
use std::time::Duration;

/// A dialog takes keys no sooner than this after it opened.
const SETTLED: Duration = Duration::from_millis(700);

/// The dashboard on a server as somebody, by a token.
fn dashboard_of(served: &Served, person: &str) -> Command {
    let mut command = served.command();
    command.env("NIGHTLATCH_TOKEN", served.token(person));
    command
}

/// A dashboard on a host that is not there.
fn alone(home: &TempFolder) -> Command {
    let mut command = bare(home.path());
    command.env("NIGHTLATCH_STORE", format!("unix:{}", home.join("nowhere").display()));
    command
}

/// Its screen is on.
fn open(command: &Command) -> Pty {
    let pty = Pty::start(command);
    until("the screen is on", || pty.screen(|screen| screen.alternate_screen().then_some(())));
    pty
}

/// Ana asks for `role` on payments; its number.
fn file(served: &Served, role: &str, task: &str) -> i64 {
    let body = json!({ "system": "payments", "role": role, "task": task, "window": { "for_seconds": 1800 },
        "kind": "emergency" });
    let said = served.file(&body);
    assert_eq!(said.status, 201, "{said:?}");
    said.json()["id"].as_i64().unwrap()
}

/// A request as it stands.
fn look(served: &Served, id: i64) -> Value {
    served.get(&format!("/v1/requests/{id}"), None).json()
}

/// Waits until a request stands so.
#[track_caller]
fn stands(served: &Served, id: i64, status: &str) {
    until(status, || (look(served, id)["status"] == status).then_some(()));
}

/// Presses the key that opens a dialog, and waits until it takes keys.
#[track_caller]
fn dialog(pty: &mut Pty, key: &str, heading: &str) {
    pty.keys(key);
    pty.shows(heading);
    std::thread::sleep(SETTLED);
}

/// Types into a dialog's field, and waits until it stands there.
#[track_caller]
fn types(pty: &mut Pty, text: &str) {
    pty.keys(text);
    pty.shows(text);
}

//! The dashboard as somebody sits before it: the binary in a real pseudo-terminal, against a real server.

mod modes;
mod pty;

use crate::support::served::{Served, bare};
use pty::Pty;
use std::process::Command;

/// The dashboard on a server, as the account's person.
fn dashboard(served: &Served) -> Command {
    served.command()
}

/// The same as somebody else, by a token.
fn dashboard_of(served: &Served, person: &str) -> Command {
    let mut command = served.command();
    command.env("NIGHTLATCH_TOKEN", served.token(person));
    command
}

/// A dashboard on a host that is not there.
fn alone(home: &crate::support::TempFolder) -> Command {
    let mut command = bare(home.path());
    command.env("NIGHTLATCH_STORE", format!("unix:{}", home.join("nowhere").display()));
    command
}

/// Its screen is on.
fn open(command: &Command) -> Pty {
    let pty = Pty::start(command);
    crate::support::served::until("the screen is on", || pty.screen(|screen| screen.alternate_screen().then_some(())));
    pty
}

//! `connect`: takes the grant's credential and lends it to one command, by a private file that lives as long as the command.
//!
//! The secret is in no argument list and no environment: those hold paths only. It is printed on a terminal only.

use super::Outcome;
use super::credential_files::{CredentialFiles, Kept};
use super::exit::{Exit, Trouble};
use super::link::{Context, Got, request_path};
use super::page::Page;
use super::settings::faulty;
use crate::access::RequestNumber;
use crate::config::{Paths, files};
use crate::wire::CredentialView;
use clap::Args;
use std::path::PathBuf;
use std::process::ExitStatus;
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Take my grant's credential, and run a command with it
#[derive(Debug, Clone, Args)]
pub struct Connect {
    /// The request, 142 or NL-142
    pub id: RequestNumber,
    /// A public key to be certified, such as ~/.ssh/id_ed25519.pub
    #[arg(long, value_name = "FILE")]
    pub public_key: Option<PathBuf>,
    /// Show it, on a terminal only
    #[arg(long, conflicts_with = "command")]
    pub print: bool,
    /// The command and its arguments
    #[arg(last = true, value_name = "CMD")]
    pub command: Vec<String>,
}

/// What goes along.
#[derive(serde::Serialize)]
struct Body {
    #[serde(skip_serializing_if = "Option::is_none")]
    public_key: Option<String>,
}

impl Connect {
    /// Takes it and uses it.
    pub async fn run(self, cx: &Context) -> Outcome {
        // Each taking voids the one before: nothing is minted that could not be used.
        if self.print && !cx.out.is_terminal() {
            return Err(Trouble::usage(
                "--print shows a secret, and this is not a terminal",
                "run a command with it: -- CMD",
            ));
        }
        if !self.print && self.command.is_empty() {
            return Err(Trouble::usage(
                "there is nothing to do with the credential",
                "say -- CMD, or --print on a terminal",
            ));
        }
        let read = |path: &PathBuf| files::read_text(path).map_err(|fault| faulty(&[fault]));
        let public_key = self.public_key.as_ref().map(read).transpose()?.map(|key| key.trim().to_owned());
        let folder = Paths::find().map_err(|fault| faulty(&[fault]))?.runtime;
        let link = cx.link().await?;
        let got: Got<CredentialView> = link.post(&request_path(self.id, "credential"), &Body { public_key }).await?;
        if self.print {
            if cx.out.json {
                cx.out.json_text(&got.text)?;
            } else {
                cx.out.page(&shown(&got.view))?;
            }
            return Ok(Exit::Done);
        }
        let files = CredentialFiles::of(&got.view.credential)?;
        // Before anything is written: a signal that came in between would leave it behind.
        let signals = Signals::listen()?;
        let kept = Kept::write(&folder, self.id, files)?;
        let exit = run(&self.command, &kept, signals).await;
        drop(kept);
        exit
    }
}

fn shown(view: &CredentialView) -> Page {
    let mut page = Page::new();
    for (name, value) in &view.credential {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if text.contains('\n') {
            page.line(format!("{name}:"));
            page.block("", text.trim_end());
        } else {
            page.line(format!("{name}: {text}"));
        }
    }
    page
}

/// The signals that would end this program before it has tidied up.
struct Signals {
    interrupt: Signal,
    quit: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    fn listen() -> Result<Self, Trouble> {
        let listen =
            |kind| signal(kind).map_err(|e| Trouble::fault(format!("signals cannot be heard: {e}"), "report it"));
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            quit: listen(SignalKind::quit())?,
            terminate: listen(SignalKind::terminate())?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }

    /// The next one that the command has to be told of. Those of the keyboard reach it by themselves.
    async fn next(&mut self) -> rustix::process::Signal {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => {}
                _ = self.quit.recv() => {}
                _ = self.terminate.recv() => return rustix::process::Signal::TERM,
                _ = self.hang_up.recv() => return rustix::process::Signal::HUP,
            }
        }
    }
}

/// Runs the command to its end, and ends as it did.
async fn run(command: &[String], kept: &Kept, mut signals: Signals) -> Outcome {
    let Some((program, arguments)) = command.split_first() else { return Ok(Exit::Usage) };
    let mut child = Command::new(program);
    child.args(arguments).envs(kept.environment()).env_remove("NIGHTLATCH_TOKEN").kill_on_drop(true);
    let mut child = child.spawn().map_err(|e| {
        let program = program.chars().take(200).collect::<String>();
        Trouble::usage(format!("{program} cannot be run: {e}"), "check the command after --; take the credential again")
    })?;
    loop {
        tokio::select! {
            status = child.wait() => {
                let status = status.map_err(|e| Trouble::fault(format!("the command's end was not seen: {e}"), "look for it with ps"))?;
                return Ok(Exit::Of(code(status)));
            }
            signal = signals.next() => tell(&child, signal),
        }
    }
}

fn tell(child: &Child, signal: rustix::process::Signal) {
    let pid = child.id().and_then(|id| rustix::process::Pid::from_raw(i32::try_from(id).ok()?));
    if let Some(pid) = pid {
        // It may have ended in this moment: then there is nobody to tell.
        let _ = rustix::process::kill_process(pid, signal);
    }
}

/// The command's exit code; one that a signal ended gives 128 and the signal's number, as shells do.
fn code(status: ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt;
    let code = status.code().or_else(|| Some(128 + status.signal()?)).unwrap_or(1);
    u8::try_from(code).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[tokio::test]
    async fn i13_the_command_gets_paths_only_and_the_files_go_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let runtime = folder.path().join("run");
        let credential =
            json!({"host": "db", "port": 5432, "dbname": "app", "user": "nl-142", "password": "s3:cr\\et"});
        let files = CredentialFiles::of(credential.as_object().unwrap()).unwrap();
        let kept = Kept::write(&runtime, RequestNumber(142), files).unwrap();
        let out = folder.path().join("out");
        let script = format!(
            "env > {0}; cat \"$PGPASSFILE\" \"$NIGHTLATCH_CREDENTIAL_FILE\" >> {0}; stat -c %a \"$PGPASSFILE\" >> {0}; exit 7",
            out.display()
        );
        let command = ["/bin/sh".to_owned(), "-c".to_owned(), script];
        let exit = run(&command, &kept, Signals::listen().unwrap()).await.unwrap();
        assert_eq!(exit.code(), 7);
        drop(kept);
        let seen = std::fs::read_to_string(&out).unwrap();
        let (environment, rest) = seen.split_once("db:5432:app:nl-142:s3\\:cr\\\\et\n").unwrap();
        assert!(!environment.contains("s3:cr") && environment.contains("PGUSER=nl-142"), "{environment}");
        assert!(rest.ends_with("600\n"), "{rest}");
        assert_eq!(std::fs::read_dir(&runtime).unwrap().count(), 0);
    }

    #[test]
    fn a26_a_credential_on_a_terminal_is_clean() {
        let credential = json!({"token\u{1b}": "a\u{1b}[2Jb", "key": "one\ntwo\n"});
        let page = shown(&CredentialView { credential: credential.as_object().unwrap().clone(), kind: "x".into() });
        assert!(page.lines().all(|line| !line.chars().any(char::is_control)));
    }
}

//! The trail for auditors: `audit export`, `verify`, `head`, `key`. Verifying needs no host and trusts none.

use super::Outcome;
use super::exit::{Exit, Trouble};
use super::export_lines::{LinesFault, each_line};
use super::eye::Eye;
use super::link::{Context, Got, Link, with_query};
use super::output::Output;
use super::page::Page;
use super::settings::faulty;
use crate::config::files;
use crate::trail::{Broken, Note, Verdict, Verifier, VerifierKey};
use crate::wire::HeadView;
use clap::{Args, Subcommand};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// How many events between two signs of life.
const STEP: u64 = 20_000;

/// The trail: export it, verify it
#[derive(Debug, Clone, Subcommand)]
pub enum Audit {
    /// Print the trail, one JSON line an event
    Export {
        /// Only events after this number
        #[arg(long, value_name = "SEQ")]
        after: Option<u64>,
    },
    /// Verify an export offline, or the store's trail as it is
    Verify(Verify),
    /// Print the last event's number and link, and the last signed checkpoint
    Head,
    /// Print the public key that checks the checkpoints
    Key,
}

/// What is verified, and held against what.
#[derive(Debug, Clone, Default, Args)]
pub struct Verify {
    /// The export; - is standard input; left out: the store's trail
    pub file: Option<PathBuf>,
    /// A checkpoint that was kept elsewhere
    #[arg(long, value_name = "NOTE")]
    pub against: Vec<PathBuf>,
    /// The store's public key, as `audit key` prints it, or a file that holds it
    #[arg(long, value_name = "PUB")]
    pub key: Vec<String>,
}

impl Audit {
    /// Does it.
    pub async fn run(self, cx: &Context) -> Outcome {
        match self {
            Self::Export { after } => export(&cx.link().await?, after).await,
            Self::Verify(verify) => verify.run(cx).await,
            Self::Head => {
                let link = cx.link().await?;
                let got: Got<HeadView> = link.get("/v1/audit/head").await?;
                link.print(&got, head)?;
                Ok(Exit::Done)
            }
            Self::Key => {
                let link = cx.link().await?;
                let got: Got<HeadView> = link.get("/v1/audit/head").await?;
                if cx.out.json {
                    cx.out.json_value(&serde_json::json!({ "key": got.view.key }))?;
                } else {
                    cx.out.page(&Page::of(&got.view.key))?;
                }
                Ok(Exit::Done)
            }
        }
    }
}

fn head(view: &HeadView, _: &Eye) -> Page {
    let mut page = Page::of(format!("event {} of store {}", view.seq, view.store));
    page.line(format!("link {}", view.link));
    page.line("");
    match &view.checkpoint {
        Some(note) => page.block("", note.trim_end()),
        None => page.line("no checkpoint is signed yet"),
    }
    page
}

fn export_path(after: Option<u64>) -> String {
    with_query("/v1/audit/export", &[("after", after.map(|after| after.to_string()))])
}

async fn export(link: &Link, after: Option<u64>) -> Outcome {
    let mut stream = link.out.stream();
    let mut stopped = None;
    let mut each = |line: &str| {
        stream.line(line).map_err(|trouble| {
            stopped = Some(trouble);
            io::Error::from(io::ErrorKind::BrokenPipe)
        })
    };
    let read = link.client.lines(&export_path(after), &mut each).await;
    if let Some(trouble) = stopped {
        return Err(trouble);
    }
    stream.finish()?;
    read?;
    Ok(Exit::Done)
}

impl Verify {
    async fn run(self, cx: &Context) -> Outcome {
        let notes = self.against.iter().map(|path| note(path)).collect::<Result<Vec<_>, _>>()?;
        let keys = self.key.iter().map(|key| verifier_key(key)).collect::<Result<Vec<_>, _>>()?;
        let found = match &self.file {
            None => of_store(&cx.link().await?, &notes, &keys).await?,
            Some(path) if path.as_os_str() == "-" => of_lines(io::stdin(), &notes, &keys, cx.out)?,
            Some(path) => {
                let open = |e| {
                    Trouble::usage(
                        format!("{} cannot be read: {e}", path.display()),
                        "name an export, or - for standard input",
                    )
                };
                of_lines(File::open(path).map_err(open)?, &notes, &keys, cx.out)?
            }
        };
        match found {
            Ok(verdict) => {
                if cx.out.json {
                    cx.out.json_value(&serde_json::json!({ "verified": true, "verdict": verdict }))?;
                } else {
                    cx.out.page(&whole(&verdict))?;
                }
                Ok(Exit::Done)
            }
            Err(broken) => {
                if cx.out.json {
                    cx.out.json_value(&serde_json::json!({ "verified": false, "broken": broken }))?;
                }
                Err(Trouble::new(
                    Exit::Broken,
                    format!("BROKEN {broken}"),
                    "keep this file and the last checkpoint that agrees; everything from there on proves nothing",
                ))
            }
        }
    }
}

fn note(path: &Path) -> Result<Note, Trouble> {
    let text = files::read_text(path).map_err(|fault| faulty(&[fault]))?;
    Note::parse(&text)
        .map_err(|e| Trouble::usage(format!("{}: {e}", path.display()), "name a checkpoint as audit head prints it"))
}

/// The key itself, or a file that holds it.
fn verifier_key(text: &str) -> Result<VerifierKey, Trouble> {
    let path = PathBuf::from(text);
    let text = if !text.contains('+') || path.is_file() {
        files::read_text(&path).map_err(|fault| faulty(&[fault]))?
    } else {
        text.to_owned()
    };
    text.trim().parse().map_err(|e| Trouble::usage(e, "nightlatch audit key prints it"))
}

type Found = Result<Verdict, Broken>;

/// Verifies an export: its lines are looked at on every core, and taken one after the other.
fn of_lines(lines: impl Read, notes: &[Note], keys: &[VerifierKey], out: Output) -> Result<Found, Trouble> {
    let mut verifier = match Verifier::new(notes, keys) {
        Ok(verifier) => verifier,
        Err(broken) => return Ok(Err(broken)),
    };
    let mut count = 0;
    let read = each_line(lines, |looked| {
        verifier.push(looked)?;
        count += 1;
        sign_of_life(out, count);
        Ok(())
    });
    clear(out, count);
    match read {
        Ok(()) => Ok(verifier.finish()),
        Err(LinesFault::Broken(broken)) => Ok(Err(broken)),
        Err(LinesFault::Unread(e)) => {
            Err(Trouble::fault(format!("the export cannot be read: {e}"), "check the file and the disk"))
        }
    }
}

/// Verifies the store's own trail as it is given.
async fn of_store(link: &Link, notes: &[Note], keys: &[VerifierKey]) -> Result<Found, Trouble> {
    let mut verifier = match Verifier::new(notes, keys) {
        Ok(verifier) => verifier,
        Err(broken) => return Ok(Err(broken)),
    };
    let mut broken = None;
    let mut count = 0;
    let mut each = |line: &str| {
        count += 1;
        sign_of_life(link.out, count);
        verifier.push_text(line.as_bytes()).map_err(|fault| {
            broken = Some(fault);
            io::Error::other("broken")
        })
    };
    let read = link.client.lines(&export_path(None), &mut each).await;
    clear(link.out, count);
    if let Some(broken) = broken {
        return Ok(Err(broken));
    }
    read?;
    Ok(verifier.finish())
}

fn sign_of_life(out: Output, count: u64) {
    if count.is_multiple_of(STEP) {
        out.progress(&format!("{count} events verified"));
    }
}

fn clear(out: Output, count: u64) {
    if count >= STEP {
        out.progress("");
    }
}

fn whole(verdict: &Verdict) -> Page {
    let store = verdict.store.as_deref().unwrap_or("none");
    let mut page = Page::new();
    let (events, first, last) = (verdict.events, verdict.first_seq, verdict.last_seq);
    page.line(format!("verified: {events} events, {first} to {last}, of store {store}"));
    page.line(format!("  link {}", verdict.head));
    if let Some(root) = verdict.root {
        page.line(format!("  root {root}"));
    }
    page.line(format!("  {} policy versions ruled", verdict.policies.len()));
    if verdict.erased > 0 {
        page.line(format!("  {} texts are erased, each named by an erased event", verdict.erased));
    }
    for agreed in &verdict.checkpoints {
        let signed = agreed.signed_by.as_ref().map(|key| format!(", signed by {key}")).unwrap_or_default();
        page.line(format!("  agrees with the checkpoint over {} events{signed}", agreed.size));
    }
    for open in &verdict.cannot_prove {
        page.line(format!("  not proven: {open}"));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verified(text: &str) -> Found {
        of_lines(text.as_bytes(), &[], &[], Output { json: false, asks: false, width: None }).unwrap()
    }

    #[test]
    fn an_empty_export_is_not_whole() {
        let broken = verified("").unwrap_err();
        assert!(broken.to_string().contains("was the export refused?"), "{broken}");
    }

    #[test]
    fn a_line_that_is_none_breaks_at_its_number() {
        let broken = verified("{\"seq\":1\u{1b}}\n").unwrap_err();
        assert_eq!(broken.seq, Some(1));
        assert!(!broken.sentence.contains('\u{1b}'));
    }

    #[test]
    fn a_key_is_given_as_it_is_or_in_a_file() {
        let signer = crate::trail::Signer::from_seed("7f3a", &[7; 32]).unwrap();
        let key = signer.verifier_key();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        std::fs::write(&file, format!("{key}\n")).unwrap();
        assert_eq!(verifier_key(&key.to_string()).unwrap(), key);
        assert_eq!(verifier_key(&file.display().to_string()).unwrap(), key);
        assert_eq!(verifier_key("a+b").unwrap_err().exit, Exit::Usage);
    }
}

//! The policy: `policy check`, `show`, `apply`. Checking needs no host; applying says first what it changes.

use super::Outcome;
use super::exit::{Exit, Trouble};
use super::eye::Eye;
use super::link::{Context, Got, Link};
use super::names::number;
use super::page::Page;
use super::settings::{faults_json, faults_page};
use crate::config::{Paths, PolicyFile};
use crate::policy::{self, Fault, Policy as Ruling};
use crate::wire::{PolicyBody, PolicyChangeView, PolicyView};
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};

/// The policy: check it, show it, change it
#[derive(Debug, Clone, Subcommand)]
pub enum Policy {
    /// Read a policy offline, and name every fault with file, line and cure
    Check {
        /// The policy [default: the embedded store's]
        file: Option<PathBuf>,
    },
    /// Print the ruling policy
    Show,
    /// Let another policy rule: prints the difference and which live grants it ends, and asks
    Apply(Apply),
}

/// Let another policy rule
#[derive(Debug, Clone, Args)]
pub struct Apply {
    /// The policy
    pub file: PathBuf,
    /// Why
    #[arg(long)]
    pub words: Option<String>,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

impl Policy {
    /// Does it.
    pub async fn run(self, cx: &Context) -> Outcome {
        match self {
            Self::Check { file } => check(cx, file),
            Self::Show => show(&cx.link().await?).await,
            Self::Apply(apply) => apply.run(cx).await,
        }
    }
}

/// What was read, and everything that is wrong with it.
pub fn read(file: &Path, kinds: &[&str]) -> (Option<(PolicyFile, Ruling)>, Vec<Fault>) {
    let loaded = match PolicyFile::load(file) {
        Ok(loaded) => loaded,
        Err(faults) => return (None, faults),
    };
    match policy::read(&loaded.source, kinds) {
        Ok((policy, warnings)) => (Some((loaded, policy)), warnings),
        Err(faults) => (None, faults),
    }
}

fn check(cx: &Context, file: Option<PathBuf>) -> Outcome {
    let file = match file {
        Some(file) => file,
        None => Paths::find().map_err(|fault| super::settings::faulty(&[fault]))?.policy_file(),
    };
    let (read, faults) = read(&file, cx.kinds);
    if cx.out.json {
        cx.out.json_value(&faults_json(&faults))?;
    } else {
        let mut page = faults_page(&faults);
        page.line(summary(&file, read.as_ref().map(|(_, policy)| policy), &faults));
        cx.out.page(&page)?;
    }
    Ok(if read.is_some() { Exit::Done } else { Exit::Usage })
}

fn summary(file: &Path, policy: Option<&Ruling>, faults: &[Fault]) -> String {
    let warnings = faults.iter().filter(|fault| fault.warning).count();
    let file = file.display();
    let told = count(warnings, "warning", "warnings");
    let Some(policy) = policy else {
        let faults = count(faults.len() - warnings, "fault", "faults");
        return format!("{file}: {faults}, {told}: it would not rule");
    };
    let people = count(policy.people.len(), "person", "people");
    let systems = count(policy.systems.len(), "system", "systems");
    format!("{file}: sound, {people}, {systems}, {told}")
}

fn count(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

async fn show(link: &Link) -> Outcome {
    let got: Got<PolicyView> = link.get("/v1/policy").await?;
    if link.out.json {
        link.out.json_text(&got.text)?;
        return Ok(Exit::Done);
    }
    // What is not the policy itself stands in comments, so that the whole can be read again.
    link.out.page(&about(&got.view, &link.eye(got.now)))?;
    link.out.exact_text(&got.view.text)?;
    Ok(Exit::Done)
}

fn about(view: &PolicyView, eye: &Eye) -> Page {
    let mut page = Page::of(format!("# version {} by {} since {}", view.hash, view.by, eye.full(view.at)));
    if let Some(fault) = &view.file_fault {
        page.line(format!("# the file is broken, this version rules: {fault}"));
    }
    for rota in &view.turns {
        page.append(super::duty::rota(rota, eye));
    }
    page
}

impl Apply {
    async fn run(self, cx: &Context) -> Outcome {
        let (read, faults) = read(&self.file, cx.kinds);
        let Some((loaded, _)) = read else {
            cx.out.aside(&faults_page(&faults));
            return Err(super::settings::faulty(&faults));
        };
        if !self.yes && !cx.out.asks {
            return Err(Trouble::missing("the yes", "--yes"));
        }
        let link = cx.link().await?;
        let mut body = PolicyBody { text: loaded.source.to_text(), words: self.words, dry: true, replaces: None };
        let dry: Got<PolicyChangeView> = link.post("/v1/policy", &body).await?;
        if dry.view.was == dry.view.hash {
            link.print(&dry, |view, _| Page::of(format!("nothing changes: {} rules already", view.hash)))?;
            return Ok(Exit::Done);
        }
        link.out.aside(&change(&dry.view));
        if !self.yes && !link.out.yes("let it rule?")? {
            return Err(Trouble::new(Exit::Refused, "nothing was changed", "run it again if you mean it"));
        }
        body.dry = false;
        body.replaces = Some(dry.view.was);
        let got: Got<PolicyChangeView> = link.post("/v1/policy", &body).await?;
        link.print(&got, |view, _| {
            let mut page = Page::of(format!("{} rules now", view.hash));
            if !view.ends.is_empty() {
                page.line(format!("  ended: {}", numbers(&view.ends)));
            }
            page
        })?;
        Ok(Exit::Done)
    }
}

fn numbers(ids: &[i64]) -> String {
    ids.iter().map(|id| number(*id)).collect::<Vec<_>>().join(", ")
}

/// What applying would change.
fn change(view: &PolicyChangeView) -> Page {
    let mut page = Page::of(format!("{} -> {}", view.was, view.hash));
    for line in &view.difference {
        page.line(format!("  {line}"));
    }
    for warning in &view.warnings {
        page.line(format!("  warning: {warning}"));
    }
    if view.ends.is_empty() {
        page.line("no live grant is ended by it");
    } else {
        page.line(format!("live grants that it ends: {}", numbers(&view.ends)));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_names_every_grant_that_it_ends_and_stays_clean() {
        let view = PolicyChangeView {
            was: "a".into(),
            hash: "b".into(),
            difference: vec!["- name = \"x\u{1b}[2J\u{202e}\"".into()],
            warnings: vec!["w".into()],
            ends: vec![142, 143],
            applied: false,
        };
        let page = change(&view);
        assert!(page.to_string().contains("live grants that it ends: NL-142, NL-143"));
        assert!(page.lines().all(|line| !line.chars().any(char::is_control) && !line.contains('\u{202e}')));
    }

    #[test]
    fn a_file_that_is_not_there_is_one_fault() {
        let (read, faults) = read(Path::new("/nowhere/policy.toml"), &["files"]);
        assert!(read.is_none());
        assert_eq!(faults.len(), 1);
        assert!(summary(Path::new("/nowhere/policy.toml"), None, &faults).contains("1 fault,"));
    }
}

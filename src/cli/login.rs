//! Who one is to a host: `login`, `logout`. The token goes from the answer into a private file and nowhere else.

use super::Outcome;
use super::exit::{Exit, Trouble};
use super::link::{Context, Got, Link};
use super::names;
use super::page::Page;
use super::settings::Settings;
use super::{times, write};
use crate::client::Client;
use crate::secret::Secret;
use crate::wire::{LoginBody, LoginView, PlainBody};
use clap::Args;
use std::path::Path;

/// Sign in with a one-time code, and keep the personal token
#[derive(Debug, Clone, Args)]
pub struct Login {
    /// The host, https://HOST or unix:PATH [default: the configured one]
    pub url: Option<String>,
    /// The code that `nightlatch admin invite` printed
    #[arg(long)]
    pub code: Option<String>,
}

impl Login {
    /// Signs in.
    pub async fn run(self, cx: &Context) -> Outcome {
        let named = self.url.as_deref().or(cx.store.as_deref());
        let settings = super::settings::read(named, cx.config.as_deref())?;
        if settings.addresses.is_empty() {
            return Err(Trouble::usage(
                "no host is named or configured",
                "say nightlatch login https://HOST; the embedded store knows you by your account and needs no login",
            ));
        }
        let code = cx.out.given_or_ask(self.code, "the one-time code", "--code")?;
        let client = Client::new(settings.addresses.clone(), None)?;
        let link = Link { client, zone: times::zone(settings.zone), out: cx.out };
        let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let got: Got<LoginView> = link.post("/v1/login", &LoginBody { code: code.trim().to_owned(), name }).await?;
        let token = Secret::new(got.view.token.as_str());
        write::replace_private(&settings.token_file, &format!("{}\n", token.reveal()))?;
        let remark = named.map(|url| remember(&settings, url)).transpose()?.flatten();
        report(&link, &got, &settings, remark)?;
        Ok(Exit::Done)
    }
}

/// Says who one is now. Never prints the token, in JSON neither.
fn report(link: &Link, got: &Got<LoginView>, settings: &Settings, remark: Option<String>) -> Result<(), Trouble> {
    let file = settings.token_file.display().to_string();
    if link.out.json {
        let (person, expires_at) = (&got.view.person, got.view.expires_at);
        return link
            .out
            .json_value(&serde_json::json!({ "person": person, "expires_at": expires_at, "token_file": file }));
    }
    let eye = link.eye(got.now);
    let mut page = Page::of(format!("you are {}", names::person(&got.view.person)));
    let ends = got.view.expires_at.map(|at| format!(", good until {}", eye.full(at))).unwrap_or_default();
    page.line(format!("  the token is kept in {file}{ends}"));
    if let Some(remark) = remark {
        page.line(format!("  {remark}"));
    }
    link.out.page(&page)
}

/// Writes `[store] url` where none is configured yet; says what was done or is left to do.
fn remember(settings: &Settings, url: &str) -> Result<Option<String>, Trouble> {
    let file = &settings.file;
    let line = format!("[store]\nurl = {}\n", toml::Value::from(url));
    if !file.exists() {
        write::new_file(file, &line)?;
        return Ok(Some(format!("{} names the host now", file.display())));
    }
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let table: toml::Table = toml::from_str(&text).unwrap_or_default();
    match table.get("store").map(|store| store.get("url").cloned()) {
        Some(Some(known)) if known.as_str() == Some(url) => Ok(None),
        Some(Some(_)) => {
            Ok(Some(format!("{} names another host: say --store {url}, or change [store] url there", file.display())))
        }
        Some(None) => Ok(Some(format!("add url = {} under [store] in {}", toml::Value::from(url), file.display()))),
        None => {
            let gap = if text.ends_with('\n') || text.is_empty() { "" } else { "\n" };
            write::replace_private(file, &format!("{text}{gap}\n{line}"))?;
            Ok(Some(format!("{} names the host now", file.display())))
        }
    }
}

/// End the personal token, and forget it
#[derive(Debug, Clone, Default, Args)]
pub struct Logout {}

impl Logout {
    /// Signs out.
    pub async fn run(self, cx: &Context) -> Outcome {
        let settings = cx.settings()?;
        if !settings.token_file.exists() {
            cx.out.page(&Page::of("you are not signed in by a token here"))?;
            return Ok(Exit::Done);
        }
        let link = cx.link().await?;
        match link.post::<_, serde_json::Value>("/v1/logout", &PlainBody::default()).await {
            Ok(_) => {}
            // The host does not know the token any more: then there is only the file to forget.
            Err(trouble) if trouble.exit == Exit::Identity => {}
            Err(trouble) => return Err(trouble),
        }
        forget(&settings.token_file)?;
        cx.out.page(&Page::of("signed out: the token is ended and forgotten"))?;
        Ok(Exit::Done)
    }
}

fn forget(file: &Path) -> Result<(), Trouble> {
    std::fs::remove_file(file)
        .map_err(|e| Trouble::fault(format!("{} cannot be removed: {e}", file.display()), "remove it yourself"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(folder: &Path) -> Settings {
        Settings {
            addresses: Vec::new(),
            zone: None,
            dashboard: crate::config::client::Dashboard::default(),
            notify: crate::config::client::Notify::default(),
            token_file: folder.join("data/token"),
            file: folder.join("config/config.toml"),
            left_out: Vec::new(),
        }
    }

    #[test]
    fn the_host_is_remembered_once_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(folder.path());
        let read = || std::fs::read_to_string(&settings.file).unwrap();
        assert!(remember(&settings, "https://nl.example").unwrap().unwrap().contains("names the host now"));
        assert_eq!(read(), "[store]\nurl = \"https://nl.example\"\n");
        assert_eq!(remember(&settings, "https://nl.example").unwrap(), None);
        assert!(remember(&settings, "https://other").unwrap().unwrap().contains("names another host"));
        assert_eq!(read(), "[store]\nurl = \"https://nl.example\"\n");
        std::fs::write(&settings.file, "[dashboard]\ntheme = \"dark\"").unwrap();
        remember(&settings, "unix:/run/x").unwrap();
        assert_eq!(read(), "[dashboard]\ntheme = \"dark\"\n\n[store]\nurl = \"unix:/run/x\"\n");
    }
}

//! What this person's programs are told: the command line first, then the environment, then `config.toml`.

use super::exit::{Exit, Trouble};
use super::page::Page;
use crate::client::Address;
use crate::config::{self, Paths, read_secret};
use crate::policy::Fault;
use crate::secret::Secret;
use chrono_tz::Tz;
use std::path::{Path, PathBuf};

/// Where the store is, as whom, and in which zone times are shown.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The hosts, the first that answers; none is the embedded store.
    pub addresses: Vec<Address>,
    /// The zone in which times are shown, if one is configured.
    pub zone: Option<Tz>,
    /// How this person likes the dashboard.
    pub dashboard: config::client::Dashboard,
    /// How this person wants to be told.
    pub notify: config::client::Notify,
    /// The file that holds the personal token.
    pub token_file: PathBuf,
    /// `config.toml`.
    pub file: PathBuf,
    /// Lines of it that were left out, each with its place and its cure.
    pub left_out: Vec<String>,
}

/// Reads them. `store` and `file` are what the command line or the environment names.
pub fn read(store: Option<&str>, file: Option<&Path>) -> Result<Settings, Trouble> {
    let paths = Paths::find().map_err(|fault| faulty(&[fault]))?;
    let named = file.map(Path::to_owned).or_else(|| std::env::var_os("NIGHTLATCH_CONFIG").map(PathBuf::from));
    if let Some(missing) = named.as_ref().filter(|path| !path.exists()) {
        return Err(Trouble::usage(
            format!("there is no {}", missing.display()),
            "check --config or NIGHTLATCH_CONFIG, or make the file with nightlatch config init",
        ));
    }
    let file = named.unwrap_or_else(|| paths.client_file());
    let (client, warnings) = config::Client::load_kindly(&file).map_err(|faults| faulty(&faults))?;
    let zone = client.dashboard.zone.or_else(|| std::env::var("TZ").ok()?.trim_start_matches(':').parse().ok());
    let addresses = match store {
        Some(url) => vec![url.parse::<config::Address>().map_err(|bad| Trouble::usage(bad.sentence, bad.cure))?],
        None => client.stores,
    };
    Ok(Settings {
        addresses: addresses.into_iter().map(address).collect(),
        zone,
        dashboard: client.dashboard,
        notify: client.notify,
        token_file: client.token_file.unwrap_or_else(|| paths.token_file()),
        file,
        left_out: warnings
            .iter()
            .map(|fault| format!("{}, left out: {}; {}", place(fault), fault.sentence, fault.cure))
            .collect(),
    })
}

/// An address as the client takes it.
fn address(address: config::Address) -> Address {
    match address {
        config::Address::Unix(path) => Address::Unix(path),
        config::Address::Http(url) => Address::Http(url),
    }
}

impl Settings {
    /// The token: of the environment, else of its file, if there is one. A socket needs none.
    pub fn token(&self) -> Result<Option<Secret>, Trouble> {
        if let Ok(token) = std::env::var("NIGHTLATCH_TOKEN") {
            return Ok(Some(Secret::new(token.trim())).filter(|token| !token.reveal().is_empty()));
        }
        if !self.token_file.exists() {
            return Ok(None);
        }
        // Without a token the host would only say that nobody is signed in; the file's own fault says more.
        read_secret(&self.token_file).map(Some).map_err(|fault| Trouble { exit: Exit::Identity, ..faulty(&[fault]) })
    }
}

/// `config.toml:12`.
fn place(fault: &Fault) -> String {
    match fault.line {
        0 => fault.file.clone(),
        line => format!("{}:{line}", fault.file),
    }
}

/// Faults of files as one trouble; every one of them is named.
pub fn faulty(faults: &[Fault]) -> Trouble {
    let wrong: Vec<&Fault> = faults.iter().filter(|fault| !fault.warning).collect();
    match wrong.split_first() {
        None => Trouble::usage("a file is at fault", "run nightlatch config check"),
        Some((first, rest)) => {
            let more = if rest.is_empty() { String::new() } else { format!(" (and {} more faults)", rest.len()) };
            Trouble::usage(format!("{}: {}{more}", place(first), first.sentence), &first.cure)
        }
    }
}

/// Faults and warnings, a line each.
pub fn faults_page(faults: &[Fault]) -> Page {
    let mut page = Page::new();
    for fault in faults {
        page.line(fault.to_string());
    }
    page
}

/// The same for machines.
pub fn faults_json(faults: &[Fault]) -> serde_json::Value {
    let one = |fault: &Fault| {
        serde_json::json!({"file": fault.file, "line": fault.line, "sentence": fault.sentence, "cure": fault.cure,
            "warning": fault.warning})
    };
    serde_json::json!({"ok": faults.iter().all(|fault| fault.warning), "faults": faults.iter().map(one).collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_goes_before_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        std::fs::write(
            &file,
            "[store]\nurl = \"unix:/run/a\"\ntoken_file = \"t\"\n[dashboard]\nzone = \"Europe/Rome\"\n",
        )
        .unwrap();
        let settings = read(None, Some(&file)).unwrap();
        assert_eq!(settings.addresses, [Address::Unix("/run/a".into())]);
        assert_eq!((settings.zone, settings.token_file), (Some(Tz::Europe__Rome), folder.path().join("t")));
        let settings = read(Some("https://nl.example/"), Some(&file)).unwrap();
        assert_eq!(settings.addresses, [Address::Http("https://nl.example".into())]);
        assert_eq!(read(Some("http://far.example"), Some(&file)).unwrap_err().exit, Exit::Usage);
        assert_eq!(read(None, Some(&folder.path().join("none"))).unwrap_err().exit, Exit::Usage);
    }

    #[test]
    fn faults_are_all_counted() {
        let faults = [
            Fault::new("a", 1, "w", "c").warning(),
            Fault::new("a", 3, "is bad", "mend it"),
            Fault::new("b", 0, "x", "y"),
        ];
        let trouble = faulty(&faults);
        assert_eq!(trouble.sentence, "a:3: is bad (and 1 more faults)");
        assert_eq!(trouble.exit, Exit::Usage);
    }
}

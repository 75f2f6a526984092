//! `config.toml`: where a client finds its store, and how one person likes the dashboard and the notifications.
//!
//! Holds no token: it only names the file that does.

use super::address::Address;
use super::files;
use super::judge::Judge;
use crate::policy::Fault;
use crate::text::Length;
use crate::text::instant::time_of;
use chrono::NaiveTime;
use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What one person's programs are told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Client {
    /// Where the server is, the first that answers; none is the embedded store.
    pub stores: Vec<Address>,
    /// The file that holds the personal token.
    pub token_file: Option<PathBuf>,
    /// `[dashboard]`
    pub dashboard: Dashboard,
    /// `[notify]`
    pub notify: Notify,
}

/// `[dashboard]`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dashboard {
    /// The theme's name.
    pub theme: Option<String>,
    /// Action to its keys, instead of the built-in ones.
    pub keys: BTreeMap<String, Vec<String>>,
    /// Where each of them stands: `config.toml:12`.
    pub key_places: BTreeMap<String, String>,
    /// Filters by name, which stand among the commands.
    pub filters: BTreeMap<String, String>,
    /// Locks itself after this long without a key.
    pub lock_after: Option<Length>,
    /// The zone in which times are shown.
    pub zone: Option<Tz>,
}

/// `[notify]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notify {
    /// The program that opens a request, with its arguments; `{id}` stands for the request.
    pub open: Vec<String>,
    /// From–until, local time, may pass midnight; only what is overdue or an emergency is told then.
    pub quiet_hours: Option<(NaiveTime, NaiveTime)>,
    /// Numbers only: no name, no system.
    pub privacy: bool,
    /// What is critical comes with a sound.
    pub sound: bool,
    /// The channels, all of them; none named: the desktop, else the terminal, and the hook where there is one.
    pub channels: Option<Vec<String>>,
    /// The program that is given each alert, with its arguments.
    pub hook: Vec<String>,
}

impl Default for Notify {
    fn default() -> Self {
        let (open, hook) = (Vec::new(), Vec::new());
        Self { open, quiet_hours: None, privacy: false, sound: true, channels: None, hook }
    }
}

/// The channels that can be named.
const CHANNELS: [&str; 3] = ["desktop", "terminal", "hook"];

/// One text or several.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a string or a list of strings")]
pub enum OneOrMore {
    /// One.
    One(String),
    /// Several.
    More(Vec<String>),
}

impl OneOrMore {
    fn list(&self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text.clone()],
            Self::More(texts) => texts.clone(),
        }
    }
}

/// The file as it is written.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawClient {
    /// Where the store is.
    pub store: RawStore,
    /// The dashboard's looks and keys.
    pub dashboard: RawDashboard,
    /// Desktop notifications.
    pub notify: RawNotify,
}

/// `[store]`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawStore {
    /// `unix:PATH`, `https://HOST`, or a list to fail over.
    pub url: Option<OneOrMore>,
    /// The file that holds the personal token, mode 0600.
    pub token_file: Option<String>,
}

/// `[dashboard]`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawDashboard {
    /// The theme's name.
    pub theme: Option<String>,
    /// Action to key or keys.
    pub keys: BTreeMap<String, OneOrMore>,
    /// Filters by name: `night = "system:edge* ends<2h"`.
    pub filters: BTreeMap<String, String>,
    /// Locks itself after this long without a key: `15m`.
    pub lock_after: Option<String>,
    /// The zone in which times are shown.
    pub zone: Option<String>,
}

/// `[notify]`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawNotify {
    /// The program that opens a request; `{id}` stands for the request.
    pub open: Option<OneOrMore>,
    /// `22:00-07:00`, local time.
    pub quiet_hours: Option<String>,
    /// Numbers only: no name, no system.
    pub privacy: bool,
    /// What is critical comes with a sound; left out: it does.
    pub sound: Option<bool>,
    /// `desktop`, `terminal`, `hook`: all that are named; left out: the desktop, else the terminal, and the hook if there is one.
    pub channels: Option<OneOrMore>,
    /// The program that is given each alert as JSON on its standard input.
    pub hook: Option<OneOrMore>,
}

impl Client {
    /// The file's settings; a file that is not there is all defaults.
    pub fn load(path: &Path) -> Result<(Self, Vec<Fault>), Vec<Fault>> {
        if !path.try_exists().unwrap_or(true) {
            return Ok((Self::default(), Vec::new()));
        }
        let text = files::read_text(path).map_err(|fault| vec![fault])?;
        Self::read(path, &text)
    }

    /// As [`Client::load`], but what is wrong in a line about looks, keys or notifications is left out alone, and told as a
    /// warning: nobody is kept from the store by the name of a colour.
    pub fn load_kindly(path: &Path) -> Result<(Self, Vec<Fault>), Vec<Fault>> {
        if !path.try_exists().unwrap_or(true) {
            return Ok((Self::default(), Vec::new()));
        }
        let text = files::read_text(path).map_err(|fault| vec![fault])?;
        Self::read_kindly(path, &text)
    }

    /// As [`Client::read`], as kindly as [`Client::load_kindly`].
    pub fn read_kindly(path: &Path, text: &str) -> Result<(Self, Vec<Fault>), Vec<Fault>> {
        let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
        let mut told: Vec<Fault> = Vec::new();
        // Each round leaves one line out, so it ends.
        loop {
            let faults = match Self::read(path, &lines.concat()) {
                Ok((client, warnings)) => {
                    told.extend(warnings);
                    told.sort_by_key(|fault| fault.line);
                    return Ok((client, told));
                }
                Err(faults) => faults,
            };
            let wrong: Vec<&Fault> = faults.iter().filter(|fault| !fault.warning).collect();
            if !wrong.iter().all(|fault| is_taste(&lines, fault.line)) {
                return Err(faults);
            }
            for fault in wrong {
                let Some(line) = fault.line.checked_sub(1).and_then(|at| lines.get_mut(at)) else { return Err(faults) };
                *line = "\n";
                told.push(Fault { warning: true, ..fault.clone() });
            }
        }
    }

    /// Reads the text of the file that stands at `path`; relative paths in it start from its folder.
    pub fn read(path: &Path, text: &str) -> Result<(Self, Vec<Fault>), Vec<Fault>> {
        let name = path.display().to_string();
        let (mut judge, raw) = Judge::parse::<RawClient>(&name, text, path.parent().unwrap_or(Path::new("")));
        let stores = judge.stores(&raw.store);
        let token_file = raw.store.token_file.as_deref().map(|file| judge.file(file));
        let dashboard = judge.dashboard(&raw.dashboard);
        let notify = judge.notify(&raw.notify);
        judge.finish(Some(Self { stores, token_file, dashboard, notify }))
    }
}

impl Judge<'_> {
    fn stores(&mut self, raw: &RawStore) -> Vec<Address> {
        let urls = raw.url.as_ref().map(OneOrMore::list).unwrap_or_default();
        if raw.url.is_some() && urls.is_empty() {
            self.fault(&["store", "url"], "the list of stores is empty", "name one, or take the line out");
        }
        let read = urls.iter().map(|url| url.parse::<Address>().map_err(|bad| (bad.sentence, bad.cure)));
        let read: Vec<_> = read.collect();
        read.into_iter().filter_map(|read| self.accept(&["store", "url"], read)).collect()
    }

    fn dashboard(&mut self, raw: &RawDashboard) -> Dashboard {
        let zone = raw.zone.as_ref().and_then(|zone| {
            let cure = "write an IANA name such as \"Europe/London\"".to_owned();
            let read = zone.parse().map_err(|_| (format!("{zone:?} is no time zone that is known here"), cure));
            self.accept(&["dashboard", "zone"], read)
        });
        for (action, keys) in &raw.keys {
            if keys.list().iter().any(|key| key.trim().is_empty()) {
                let sentence = format!("the action {action} has an empty key");
                self.fault(&["dashboard", "keys", action], &sentence, "name the key, such as \"ctrl-r\"");
            }
        }
        let place = |action: &String| {
            let (file, line) = self.document.place(&["dashboard", "keys", action]);
            let name = Path::new(file).file_name().unwrap_or_default().to_string_lossy();
            (action.clone(), format!("{name}:{line}"))
        };
        Dashboard {
            key_places: raw.keys.keys().map(place).collect(),
            theme: raw.theme.clone(),
            keys: raw.keys.iter().map(|(action, keys)| (action.clone(), keys.list())).collect(),
            filters: raw.filters.clone(),
            lock_after: self.length(&["dashboard", "lock_after"], raw.lock_after.as_ref()),
            zone,
        }
    }

    fn notify(&mut self, raw: &RawNotify) -> Notify {
        let quiet_hours = raw.quiet_hours.as_ref().and_then(|text| {
            let hours = text.split_once('-').and_then(|(from, until)| {
                let (from, until) = (time_of(from.trim())?, time_of(until.trim())?);
                (from != until).then_some((from, until))
            });
            let cure = "write \"22:00-07:00\"".to_owned();
            self.accept(&["notify", "quiet_hours"], hours.ok_or((format!("{text:?} are no quiet hours"), cure)))
        });
        let list = |list: &Option<OneOrMore>| list.as_ref().map(OneOrMore::list).unwrap_or_default();
        let (open, hook) = (list(&raw.open), list(&raw.hook));
        for (key, argv) in [("open", &open), ("hook", &hook)] {
            if argv.first().is_some_and(|program| program.trim().is_empty()) {
                self.fault(&["notify", key], "it names no program", "write [\"PROGRAM\", \"ARGUMENT\"]");
            }
        }
        let channels = raw.channels.as_ref().map(OneOrMore::list);
        let known = |name: &&String| !CHANNELS.contains(&name.as_str());
        if let Some(name) = channels.iter().flatten().find(known) {
            let sentence = format!("{name:?} is no channel");
            self.fault(&["notify", "channels"], &sentence, &format!("there are {}", CHANNELS.join(", ")));
        }
        if channels.iter().flatten().any(|name| name == "hook") && hook.is_empty() {
            self.fault(&["notify", "channels"], "the hook is named, and there is none", "write hook = [\"PROGRAM\"]");
        }
        Notify { open, quiet_hours, privacy: raw.privacy, sound: raw.sound.unwrap_or(true), channels, hook }
    }
}

/// Whether a line, counted from 1, says how somebody likes it, and not where the store is. A heading itself does not.
fn is_taste(lines: &[&str], line: usize) -> bool {
    let Some(before) = line.checked_sub(1).and_then(|at| lines.get(..at)) else { return false };
    if lines.get(before.len()).is_none_or(|line| line.trim().is_empty() || line.trim_start().starts_with('[')) {
        return false;
    }
    let heading = before.iter().rev().map(|line| line.trim_start()).find(|line| line.starts_with('['));
    heading.is_some_and(|heading| ["[dashboard", "[notify"].iter().any(|name| heading.starts_with(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(Client, Vec<Fault>), Vec<Fault>> {
        Client::read(Path::new("/home/ana/.config/nightlatch/config.toml"), text)
    }

    #[test]
    fn the_sample_loads() {
        let (client, warnings) = read(include_str!("../../config/config.toml")).unwrap();
        assert_eq!(warnings, []);
        assert_eq!(client.stores.len(), 2);
        assert_eq!(client.dashboard.lock_after, Some(Length::from_minutes(15)));
        assert!(client.notify.quiet_hours.is_some());
        assert_eq!(read("").unwrap().0, Client::default());
        assert_eq!(Client::load(Path::new("/nowhere/config.toml")).unwrap().0, Client::default());
    }

    #[test]
    fn notifications_are_as_somebody_likes_them() {
        let text = "[notify]\nopen = \"x\"\nprivacy = true\nsound = false\nchannels = [\"hook\", \"desktop\"]\nhook = [\"a\", \"b c\"]\n";
        let likes = read(text).unwrap().0.notify;
        assert_eq!((likes.privacy, likes.sound, likes.hook.len()), (true, false, 2));
        assert_eq!(likes.channels.unwrap(), ["hook", "desktop"]);
        let text = "[notify]\nopen = \"\"\nchannels = [\"pigeon\", \"hook\"]\n";
        let faults = read(text).unwrap_err();
        assert_eq!(faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), [2, 3, 3], "{faults:#?}");
        let kindly = Client::read_kindly(Path::new("/home/ana/config.toml"), text).unwrap();
        assert_eq!((kindly.0.notify, kindly.1.len()), (Notify::default(), 3));
    }

    #[test]
    fn relative_paths_start_from_the_file() {
        let client = read("[store]\nurl = \"unix:/run/x\"\ntoken_file = \"token\"\n").unwrap().0;
        assert_eq!(client.token_file, Some("/home/ana/.config/nightlatch/token".into()));
        assert_eq!(client.stores, [Address::Unix("/run/x".into())]);
    }

    #[test]
    fn a_wrong_colour_or_key_is_left_out_alone() {
        let kindly = |text: &str| Client::read_kindly(Path::new("/home/ana/config.toml"), text);
        let text = "[store]\nurl = \"unix:/run/x\"\n[dashboard]\ntheme = 1\nzone = \"Europe/Rome\"\nlock_after = \"soon\"\n\
                    colour = \"x\"\n[dashboard.keys]\nquit = \"Q\nhelp = [\"\", \"f1\"]\nundo = \"U\"\n[notify]\nopen = 1\n";
        let (client, told) = kindly(text).unwrap();
        assert_eq!(client.stores, [Address::Unix("/run/x".into())]);
        assert_eq!(client.dashboard.zone, Some(Tz::Europe__Rome));
        assert_eq!(client.dashboard.keys.keys().collect::<Vec<_>>(), ["undo"]);
        assert_eq!(client.dashboard.key_places["undo"], "config.toml:11");
        assert_eq!(told.iter().map(|fault| fault.line).collect::<Vec<_>>(), [4, 6, 7, 9, 10, 13], "{told:#?}");
        assert!(told.iter().all(|fault| fault.warning));
        let filters = "[dashboard.filters]\nnight = \"ends<2h\"\nodd = 1\n";
        let (client, told) = kindly(filters).unwrap();
        assert_eq!(client.dashboard.filters, [("night".into(), "ends<2h".into())].into());
        assert_eq!(told.iter().map(|fault| fault.line).collect::<Vec<_>>(), [3]);
        // Where the store is must be known: no other one is taken instead.
        for text in
            ["[store]\nurl = \"x\"\n", "[store\nurl = \"unix:/run/x\"\n", "[dashboard\ntheme = \"dark\"\n", "x = 1\n"]
        {
            assert!(kindly(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_fault_has_its_line() {
        let text = "[store]\nurl = [\"http://far.example\", \"x\"]\ntoken = \"t\"\n[dashboard]\nzone = \"Berlin\"\n\
                    lock_after = \"0m\"\ntheme = 1\n[notify]\nquiet_hours = \"22-7\"\nopen = 1\n";
        let faults = read(text).unwrap_err();
        let lines: Vec<usize> = faults.iter().map(|fault| fault.line).collect();
        assert_eq!(lines, [2, 2, 3, 5, 6, 7, 9, 10], "{faults:#?}");
        assert!(faults.iter().all(|fault| fault.file.ends_with("config.toml")));
    }
}

//! `[[webhooks]]` of `server.toml`: where the server itself sends what happens, and what of it.

use super::address::Network;
use super::judge::Judge;
use crate::text::{Secret, SystemId, name::is_name};
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

/// The longest address, in bytes.
const LONGEST: usize = 2_000;

/// One webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// What it is called: in the record, in the list of what was not delivered.
    pub name: String,
    /// Where to. Many services put their token into it, so it shows nothing of itself.
    pub url: Secret,
    /// The file of the key that signs, mode 0600.
    pub secret_file: PathBuf,
    /// Only about these systems; `None` is all.
    pub systems: Option<Vec<SystemId>>,
    /// What of it.
    pub what: Vec<What>,
    /// Private hosts and networks that it may be sent to.
    pub allow: Vec<String>,
}

macro_rules! whats {
    ($($(#[$doc:meta])* $variant:ident = $word:literal;)*) => {
        /// What a webhook may be sent.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum What { $($(#[$doc])* $variant,)* }
        impl What {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];
            /// The word for it.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
    };
}

whats! {
    /// Everything that somebody is told.
    Told = "told";
    /// Approved, denied, sent back, extended or not, undone, withdrawn, lapsed.
    Verdicts = "verdicts";
    /// Given, given up, ended, removed.
    Access = "access";
    /// Access that should be gone and was not read as gone, and what was changed behind our back.
    Overdue = "overdue";
}

/// `[[webhooks]]` as it is written.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawWebhook {
    /// What it is called: `[a-z][a-z0-9-]{0,31}`.
    pub name: Option<String>,
    /// `https://…`; `http://` only to what `allow` names.
    pub url: Option<String>,
    /// The file that holds the key that signs, mode 0600.
    pub secret_file: Option<String>,
    /// Only about these systems; left out: all.
    pub systems: Option<Vec<String>>,
    /// Any of `told`, `verdicts`, `access`, `overdue`; left out: `told`.
    pub what: Option<Vec<String>>,
    /// Private hosts and networks that it may be sent to: `pager.internal.example`, `10.1.0.0/16`.
    pub allow: Vec<String>,
}

impl Judge<'_> {
    pub(super) fn webhooks(&mut self, raw: &[RawWebhook]) -> Vec<Webhook> {
        let mut all: Vec<Webhook> = Vec::with_capacity(raw.len());
        for (place, raw) in raw.iter().enumerate() {
            let place = place.to_string();
            let Some(webhook) = self.webhook(&place, raw) else { continue };
            if all.iter().any(|other| other.name == webhook.name) {
                let sentence = format!("two webhooks are called {}", webhook.name);
                self.fault(&["webhooks", &place, "name"], &sentence, "where it stands is kept by its name: rename one");
            }
            all.push(webhook);
        }
        all
    }

    fn webhook(&mut self, place: &str, raw: &RawWebhook) -> Option<Webhook> {
        let name = raw.name.as_deref().unwrap_or_default();
        if !is_name(name) {
            let cure = "write name = \"pager\": 1 to 32 of a-z, 0-9 and -, beginning with a letter";
            self.fault(&["webhooks", place, "name"], "a webhook needs a name", cure);
        }
        let allow = self.allowed(&["webhooks", place, "allow"], &raw.allow);
        let url = self.webhook_url(place, raw.url.as_deref().unwrap_or_default(), !allow.is_empty());
        if raw.secret_file.is_none() {
            let cure =
                "make one: (umask 077; openssl rand -hex 32 > pager.secret), and write secret_file = \"pager.secret\"";
            self.fault(&["webhooks", place], &format!("webhook {name} has no secret_file to sign with"), cure);
        }
        let systems = raw.systems.as_ref().map(|systems| {
            let read = systems.iter().map(|system| system.parse::<SystemId>().map_err(|bad| bad.to_string()));
            let read: Vec<_> =
                read.map(|read| read.map_err(|bad| (bad, "name systems of the policy".to_owned()))).collect();
            read.into_iter().filter_map(|read| self.accept(&["webhooks", place, "systems"], read)).collect::<Vec<_>>()
        });
        if systems.as_ref().is_some_and(Vec::is_empty) {
            let cure = "name systems, or leave the key out for all";
            self.fault(&["webhooks", place, "systems"], "a webhook about no system would never be sent anything", cure);
        }
        Some(Webhook {
            name: name.to_owned(),
            url: url?,
            secret_file: self.file(raw.secret_file.as_ref()?),
            systems,
            what: self.whats(place, raw.what.as_deref()),
            allow,
        })
    }

    fn webhook_url(&mut self, place: &str, url: &str, private: bool) -> Option<Secret> {
        let path = ["webhooks", place, "url"];
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        let host = rest.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default()).unwrap_or_default();
        // None of these sentences repeats it: it may hold a token.
        let wrong = if host.is_empty() || url.len() > LONGEST || url.chars().any(|c| c.is_control() || c == ' ') {
            Some(("a webhook needs an address", "write url = \"https://…\""))
        } else if host.contains('@') {
            Some(("a webhook's address has a name or password before its host", "take it out: each delivery is signed"))
        } else if url.starts_with("http://") && !private {
            let cure = "write https://, or name the host in this webhook's allow";
            Some(("a webhook's address is not encrypted", cure))
        } else {
            None
        };
        if let Some((sentence, cure)) = wrong {
            self.fault(&path, sentence, cure);
            return None;
        }
        Some(Secret::new(url))
    }

    fn whats(&mut self, place: &str, raw: Option<&[String]>) -> Vec<What> {
        let Some(raw) = raw else { return vec![What::Told] };
        let words: Vec<&str> = What::ALL.iter().map(|what| what.word()).collect();
        let cure = format!("use any of {}", words.join(", "));
        let mut whats = Vec::with_capacity(raw.len());
        for word in raw {
            match What::ALL.iter().find(|what| what.word() == word) {
                Some(what) => whats.push(*what),
                None => self.fault(&["webhooks", place, "what"], &format!("there is no {word:?} to be sent"), &cure),
            }
        }
        if raw.is_empty() {
            self.fault(&["webhooks", place, "what"], "a webhook for nothing would never be sent anything", &cure);
        }
        whats
    }

    /// Hosts and networks that are not public and may be reached all the same.
    pub(super) fn allowed(&mut self, path: &[&str], raw: &[String]) -> Vec<String> {
        let host = |text: &str| {
            let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
            (1..=253).contains(&text.len()) && text.chars().all(fits)
        };
        let (good, bad): (Vec<&String>, Vec<&String>) =
            raw.iter().partition(|text| host(text) || text.parse::<Network>().is_ok());
        for text in bad {
            let cure = "write a host as calendar.internal.example, or a network as 10.1.0.0/16";
            self.fault(path, &format!("{text:?} is neither a host nor a network"), cure);
        }
        good.into_iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Server;
    use crate::policy::Fault;
    use std::path::Path;

    fn read(webhooks: &str) -> Result<(Server, Vec<Fault>), Vec<Fault>> {
        let text = format!("[store]\nurl = \"sqlite:a\"\n{webhooks}");
        Server::read(Path::new("/etc/nightlatch/server.toml"), &text)
    }

    #[test]
    fn a_webhook_and_what_is_left_out() {
        let (server, _) = read(
            "[[webhooks]]\nname = \"pager\"\nurl = \"https://pager.example/in?token=hunter2\"\nsecret_file = \"p\"\n\
             [[webhooks]]\nname = \"log\"\nurl = \"http://10.1.2.3/\"\nsecret_file = \"/l\"\nsystems = [\"payments\"]\n\
             what = [\"verdicts\", \"overdue\"]\nallow = [\"10.1.0.0/16\"]\n",
        )
        .unwrap();
        let [pager, log] = &*server.webhooks else { panic!("{:?}", server.webhooks) };
        assert_eq!((&*pager.name, &*pager.what, &pager.systems), ("pager", &[What::Told][..], &None));
        assert_eq!(pager.secret_file, Path::new("/etc/nightlatch/p"));
        assert_eq!((&*log.what, log.allow.len()), (&[What::Verdicts, What::Overdue][..], 1));
        assert_eq!(log.systems, Some(vec!["payments".parse().unwrap()]));
        assert!(!format!("{server:?}").contains("hunter2"));
    }

    #[test]
    fn every_fault_has_its_line_and_not_the_address() {
        let with = |more: &str| format!("[[webhooks]]\nname = \"pager\"\nsecret_file = \"p\"\n{more}");
        let cases = [
            (with("url = \"ftp://x/hunter2\""), ":6: a webhook needs an address"),
            (with("url = \"http://x/hunter2\""), ":6: a webhook's address is not encrypted"),
            (with("url = \"https://a:hunter2@x/\""), ":6: a webhook's address has a name or password"),
            (
                with("url = \"https://x\"\nwhat = [\"all\"]"),
                ":7: there is no \"all\" to be sent; use any of told, verdicts",
            ),
            (with("url = \"https://x\"\nwhat = []"), ":7: a webhook for nothing"),
            (with("url = \"https://x\"\nsystems = [\"A b\"]"), ":7: \"A b\" is not"),
            (with("url = \"https://x\"\nsystems = []"), ":7: a webhook about no system"),
            (with("url = \"https://x\"\nallow = [\"a b\"]"), ":7: \"a b\" is neither a host nor a network"),
            (with("url = \"https://x\"\nsecret = \"hunter2\""), "unknown key secret"),
            ("[[webhooks]]\nurl = \"https://x\"\nsecret_file = \"p\"".into(), "a webhook needs a name"),
            ("[[webhooks]]\nname = \"a\"\nurl = \"https://x\"".into(), "webhook a has no secret_file"),
            (with("url = \"https://x\"\n") + &with("url = \"https://y\""), "two webhooks are called pager"),
        ];
        for (text, says) in cases {
            let told: Vec<String> = read(&text).unwrap_err().iter().map(ToString::to_string).collect();
            assert!(told.iter().any(|fault| fault.contains(says)), "{text}\nexpected {says}\ntold {told:#?}");
            assert!(told.iter().all(|fault| !fault.contains("hunter2")), "{told:#?}");
        }
    }
}

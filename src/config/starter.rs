//! The first files: one person, one system to try everything on, nothing that can do harm.
//!
//! Makes texts only; who writes them where, and whether something stands there already, is the caller's work.

use crate::policy::identity::{is_account, is_shared, mixes_scripts, one_line};
use crate::text::name::{LONGEST, is_name};
use chrono_tz::Tz;
use std::path::Path;

/// What the first files are made for.
#[derive(Debug, Clone, Copy)]
pub struct Start<'a> {
    /// What the machine calls the person: `ana`, `root`, `Ana.Smith`.
    pub account: &'a str,
    /// The person's own name, where the machine knows it.
    pub real_name: Option<&'a str>,
    /// The machine's zone; one that is not known becomes UTC.
    pub zone: &'a str,
    /// Where the sandbox keeps its files.
    pub sandbox: &'a Path,
    /// Where the store is.
    pub store: &'a Path,
    /// Where the server listens.
    pub socket: &'a Path,
}

/// The first files' texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Starter {
    /// The person's id in the policy.
    pub person: String,
    /// `policy.toml`
    pub policy: String,
    /// `server.toml`, beside it.
    pub server: String,
}

/// The first files. The policy has warnings (one person decides their own requests) and no fault.
pub fn starter(start: &Start<'_>) -> Starter {
    let person = person_of(start.account);
    let zone = start.zone.parse::<Tz>().unwrap_or(Tz::UTC);
    let quoted = |text: &str| toml::Value::from(text).to_string();
    let path = |path: &Path| quoted(&path.display().to_string());
    let os_user =
        if is_account(start.account) { format!("os_user = {}\n", quoted(start.account)) } else { String::new() };
    let policy = format!(
        "# The policy: who may ask for what, who decides, and what gives it and takes it away again.\n\
         # This one lets you try everything alone, on a sandbox that can do no harm. Add people and systems, then run:\n\
         #   nightlatch policy check\n\
         zone = {zone}\n\n\
         [people.{person}]\n\
         name = {name}\n\
         {os_user}\
         duties = [\"admin\"]\n\n\
         [systems.sandbox]\n\
         name = \"Sandbox\"\n\
         environment = \"sandbox\"\n\
         owner = \"{person}\"\n\
         backup = \"{person}\"\n\
         self_approval = true         # you may decide what you asked for; every such decision is marked \"self\"\n\
         [[systems.sandbox.roles]]\n\
         name = \"read\"\n\
         allows = \"Nothing real: it writes a file that stands for read access\"\n\
         provisioner = \"sandbox\"\n\
         [[systems.sandbox.roles]]\n\
         name = \"change\"\n\
         allows = \"Nothing real: it writes a file that stands for read and write access\"\n\
         provisioner = \"sandbox\"\n\n\
         [provisioners.sandbox]\n\
         kind = \"files\"\n\
         folder = {sandbox}\n",
        zone = quoted(zone.name()),
        name = quoted(&name_of(start.account, start.real_name)),
        sandbox = path(start.sandbox),
    );
    let server = format!(
        "# The server: where its store is and where it listens. The policy lies beside this file.\n\
         policy = \"policy.toml\"\n\
         listen = {listen}\n\
         checkpoint_key = \"checkpoint.key\"\n\n\
         [store]\n\
         url = {url}\n",
        listen = quoted(&format!("unix:{}", start.socket.display())),
        url = quoted(&format!("sqlite:{}", start.store.display())),
    );
    Starter { person, policy, server }
}

/// A person's id made from an account: `Ana.Smith` becomes `ana-smith`, `root` becomes `root-user`.
pub fn person_of(account: &str) -> String {
    let mut id = String::new();
    for ch in account.chars().flat_map(char::to_lowercase) {
        if ch.is_ascii_lowercase() || ch.is_ascii_digit() {
            id.push(ch);
        } else if !id.is_empty() && !id.ends_with('-') {
            id.push('-');
        }
    }
    if id.starts_with(|ch: char| ch.is_ascii_digit()) {
        id.insert_str(0, "u-");
    }
    id.truncate(LONGEST);
    let mut id = id.trim_end_matches('-').to_owned();
    if is_shared(&id) {
        id.truncate(LONGEST - "-user".len());
        id.push_str("-user");
    }
    if is_name(&id) && !is_shared(&id) { id } else { "first-person".to_owned() }
}

fn name_of(account: &str, real_name: Option<&str>) -> String {
    let sound = |name: &&str| one_line(name).is_ok() && !name.is_empty() && !is_shared(name) && !mixes_scripts(name);
    let known = [real_name.map(str::trim), Some(account.trim())].into_iter().flatten().find(sound);
    known.map_or_else(|| format!("The person behind {}", person_of(account)), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Server;
    use crate::policy::{Duty, Source, read};

    #[test]
    fn an_account_becomes_a_person() {
        for (account, id) in [
            ("ana", "ana"),
            ("root", "root-user"),
            ("Ana.Smith", "ana-smith"),
            ("CORP\\jürgen", "corp-j-rgen"),
            ("1001", "u-1001"),
            ("devops", "devops-user"),
            ("payments-team", "first-person"),
            ("山田", "first-person"),
            ("", "first-person"),
            ("_apt", "apt"),
        ] {
            assert_eq!(person_of(account), id, "{account}");
        }
        assert_eq!(person_of(&"x".repeat(70)).len(), 32);
    }

    #[test]
    fn the_first_files_read_without_a_fault_for_any_account() {
        let names = [Some("Ana Ruiz"), Some("root"), Some("Team"), Some("a\u{202e}b"), Some(""), None];
        let accounts =
            ["ana", "root", "Ana.Smith", "CORP\\jürgen", "payments-team", "a\"b\n[x]", "-x", "", "Аna", "team"];
        for (account, real_name) in accounts.iter().flat_map(|account| names.map(|name| (account, name))) {
            let start = Start {
                account,
                real_name,
                zone: "Mars/Olympus",
                sandbox: Path::new("/home/a \"b\"/sandbox"),
                store: Path::new("/home/a/store.db"),
                socket: Path::new("/run/user/0/sock"),
            };
            let starter = starter(&start);
            let (policy, warnings) = read(&Source::one("policy.toml", &starter.policy), &["files"])
                .unwrap_or_else(|faults| panic!("{account}: {faults:#?}"));
            assert!(warnings.iter().all(|fault| fault.warning));
            let (id, person) = policy.people.iter().next().unwrap();
            assert_eq!(id.as_str(), starter.person);
            assert!(policy.is(id, Duty::Admin));
            assert!(person.os_user.as_deref().is_none_or(|own| own == *account));
            let (server, _) = Server::read(Path::new("/c/server.toml"), &starter.server).unwrap();
            assert_eq!(server.store.to_string(), "sqlite:/home/a/store.db");
        }
    }
}

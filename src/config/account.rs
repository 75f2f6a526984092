//! Accounts of this machine: the name behind a number.
//!
//! Never decides who somebody is in the policy; it only says what the machine calls them.

use super::files;
use std::path::Path;
use std::process::{Command, Stdio};

/// An account of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its number.
    pub uid: u32,
    /// Its name: `priya`.
    pub name: String,
    /// The person's own name, where the machine knows it.
    pub real_name: Option<String>,
}

/// The account of this number. Asks `/etc/passwd` first, then the directories that the machine is told of.
pub fn of(uid: u32) -> Option<Account> {
    let local = files::read_text(Path::new("/etc/passwd")).ok();
    local.and_then(|passwd| find(&passwd, uid)).or_else(|| {
        let asked = Command::new("getent").args(["passwd", &uid.to_string()]).stdin(Stdio::null()).output().ok()?;
        find(&String::from_utf8(asked.stdout).ok()?, uid)
    })
}

/// The account that this program runs as.
pub fn own() -> Option<Account> {
    of(rustix::process::geteuid().as_raw())
}

/// What to call an account in a record: its name, else its number.
pub fn name_of(uid: u32) -> String {
    of(uid).map_or_else(|| format!("uid-{uid}"), |account| account.name)
}

fn find(passwd: &str, uid: u32) -> Option<Account> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let number: u32 = fields.nth(1)?.parse().ok()?;
        let real_name = fields.nth(1).and_then(|gecos| gecos.split(',').next()).map(str::trim).unwrap_or_default();
        (number == uid && !name.is_empty()).then(|| Account {
            uid,
            name: name.to_owned(),
            real_name: Some(real_name.to_owned()).filter(|name| !name.is_empty()),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_number() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\n\nbad\npriya:x:1001:1001:Priya Shah,,,:/home/priya:/bin/sh\n";
        assert_eq!(find(passwd, 1001).unwrap().real_name.as_deref(), Some("Priya Shah"));
        assert_eq!(find(passwd, 0).unwrap().name, "root");
        assert_eq!(find(passwd, 5), None);
        assert_eq!(name_of(4_000_000_001), "uid-4000000001");
        assert!(own().is_some());
    }
}

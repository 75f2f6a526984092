//! Who may be a person: one human with a name that reads as what it is.
//!
//! Only looks at texts; whether a person is in the policy is judged elsewhere.

use crate::text::clean::is_hidden;

/// Names of teams, shared accounts and of actors of our own.
const SHARED: [&str; 48] = [
    "admin",
    "administrator",
    "admins",
    "all",
    "anybody",
    "anyone",
    "bot",
    "ci",
    "clock",
    "daemon",
    "dba",
    "deploy",
    "dev",
    "developer",
    "developers",
    "devops",
    "everybody",
    "everyone",
    "helpdesk",
    "infra",
    "infrastructure",
    "itops",
    "manager",
    "me",
    "nightlatch",
    "nobody",
    "noc",
    "oncall",
    "operations",
    "operator",
    "ops",
    "os",
    "owner",
    "platform",
    "postgres",
    "reconciler",
    "root",
    "security",
    "self",
    "service",
    "shared",
    "sre",
    "sudo",
    "support",
    "sysadmin",
    "system",
    "team",
    "user",
];

/// Whether a name is a team's or a shared account's: `devops`, `On-Call`, `payments-team`.
pub fn is_shared(name: &str) -> bool {
    let lower = name.to_lowercase();
    let mut words = lower.split(|ch: char| !ch.is_alphanumeric());
    let plain: String = lower.chars().filter(|ch| ch.is_alphanumeric()).collect();
    SHARED.contains(&plain.as_str()) || words.any(|word| matches!(word, "team" | "teams" | "admins"))
}

/// Whether a text can be an account of a machine; domain accounts may hold a backslash, a space or an umlaut.
pub fn is_account(text: &str) -> bool {
    (1..=64).contains(&text.chars().count())
        && text.trim() == text
        && !text.starts_with('-')
        && !text.chars().any(|ch| ch.is_control() || is_hidden(ch) || matches!(ch, ':' | '/' | '"' | '\'' | ';'))
}

/// Why a text of one line would deceive a reader.
pub fn one_line(text: &str) -> Result<(), String> {
    let bad = text.chars().find(|ch| ch.is_control() || is_hidden(*ch));
    match bad {
        Some(ch) => Err(format!("holds a hidden character (U+{:04X})", ch as u32)),
        None if text.chars().count() > 500 => Err("has more than 500 characters".to_owned()),
        None => Ok(()),
    }
}

/// Whether one word mixes letters that look alike in different scripts: a Cyrillic `а` in `Ana`.
pub fn mixes_scripts(name: &str) -> bool {
    name.split(|ch: char| !ch.is_alphabetic()).any(|word| {
        let mut scripts = word.chars().filter_map(|ch| match ch {
            'A'..='Z' | 'a'..='z' | '\u{C0}'..='\u{24F}' | '\u{1E00}'..='\u{1EFF}' => Some(0_u8),
            '\u{370}'..='\u{3FF}' | '\u{1F00}'..='\u{1FFF}' => Some(1),
            '\u{400}'..='\u{52F}' => Some(2),
            '\u{530}'..='\u{58F}' => Some(3),
            '\u{FF21}'..='\u{FF5A}' => Some(4),
            _ => None,
        });
        let first = scripts.next();
        scripts.any(|script| Some(script) != first)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a28_names_that_deceive_are_refused() {
        assert!(mixes_scripts("Аna Ruiz"));
        for name in ["Ana Ruiz", "Анна", "Zoë Ωμέγα", "李伟", "Łukasz"] {
            assert!(!mixes_scripts(name), "{name}");
        }
        for bad in ["a\u{200b}b", "a\nb", "\u{202e}x", "x\u{e0041}"] {
            assert!(one_line(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn teams_and_shared_accounts_are_no_people() {
        for name in ["devops", "On-Call", "oncall", "payments-team", "root", "db-admins", "SRE", "clock", "os"] {
            assert!(is_shared(name), "{name}");
        }
        for name in ["ana", "steam", "rooter", "osman", "Sam Root"] {
            assert!(!is_shared(name), "{name}");
        }
    }
}

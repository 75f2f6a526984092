//! Which keys and values of a settings table are secrets, written out.
//!
//! Knows no file: secrets stand in files of their own or in the environment, and are read at the edges.

/// Words that name a secret when a key is one of them or ends with `_` and one of them.
const WORDS: [&str; 12] = [
    "password",
    "passwd",
    "passphrase",
    "pass",
    "token",
    "secret",
    "key",
    "apikey",
    "credential",
    "credentials",
    "pin",
    "pgpassword",
];
/// Keys that end like a secret's and are none.
const PUBLIC: [&str; 4] = ["public_key", "host_key", "partition_key", "sort_key"];

/// Whether a key's value is a secret by its name.
pub fn names_secret(key: &str) -> bool {
    let key = key.to_lowercase().replace('-', "_");
    !PUBLIC.contains(&key.as_str())
        && WORDS.iter().any(|word| key.strip_suffix(word).is_some_and(|head| head.is_empty() || head.ends_with('_')))
}

/// What secret a text holds, in words.
pub fn holds_secret(text: &str) -> Option<&'static str> {
    let lower = text.to_lowercase();
    if lower.contains("-----begin") && lower.contains("private key") {
        return Some("a private key");
    }
    if has_password(text) {
        return Some("an address with a password");
    }
    // An option or a connection string: `--token=…`, `password=… host=…`.
    let words = lower.split(|ch: char| ch.is_whitespace() || ch == '&' || ch == '?');
    let given = words.filter_map(|word| word.split_once('=')).any(|(key, value)| {
        let key = key.trim_start_matches('-');
        key != "key" && names_secret(key) && !value.is_empty() && !value.starts_with(['$', '{'])
    });
    given.then_some("a secret, written out")
}

/// Whether an address has a password between its scheme and its host.
pub fn has_password(address: &str) -> bool {
    let Some((_, rest)) = address.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let Some((user, _)) = authority.rsplit_once('@') else { return false };
    user.split_once(':').is_some_and(|(_, password)| !password.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_key_and_by_value() {
        for key in ["password", "api_key", "API-KEY", "token", "client_secret", "key", "ssh_pass"] {
            assert!(names_secret(key), "{key}");
        }
        for key in ["password_file", "token_env", "public_key", "monkey", "key_id", "bypass", "keys"] {
            assert!(!names_secret(key), "{key}");
        }
        for text in [
            "postgres://u:p@db/x",
            "https://user:pw@host",
            "--token=abc",
            "host=db password=x",
            "postgres://db/x?password=y",
            "-----BEGIN OPENSSH PRIVATE KEY-----",
        ] {
            assert!(holds_secret(text).is_some(), "{text}");
        }
        for text in [
            "postgres://u@db/x",
            "https://host:80/a@b:c",
            "unit=payments",
            "/etc/key",
            "--token-file=/x",
            "password=$PW",
        ] {
            assert!(holds_secret(text).is_none(), "{text}");
        }
    }
}

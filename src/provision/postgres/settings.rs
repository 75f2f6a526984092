//! The keys of this kind, and what a role's `with` says about one grant.

use super::link::Password;
use crate::policy::ProvisionerSettings;
use crate::provision::contract::{DEFAULT_BOUND, LONGEST_MARK, Spec, store_of};
use crate::provision::keys;
use crate::text::{Instant, Length};
use serde::Deserialize;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// How the comment of everything that is ours begins; the mark follows.
pub(super) const COMMENT: &str = "nightlatch grant ";

/// What the access is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Mode {
    /// A login role of the grant's own.
    #[default]
    Role,
    /// An existing login becomes a member of a role.
    Membership,
}

/// The keys of the provisioner.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    url: String,
    password_file: Option<PathBuf>,
    password_env: Option<String>,
    #[serde(default)]
    unverified: bool,
    database: Option<String>,
    #[serde(default)]
    mode: Mode,
    login: Option<String>,
    #[serde(default = "yes")]
    end_sessions: bool,
    user_host: Option<String>,
    user_port: Option<u16>,
    #[serde(default, deserialize_with = "keys::length")]
    time_limit: Option<Length>,
    #[serde(default, deserialize_with = "keys::length")]
    bound: Option<Length>,
    #[serde(default, deserialize_with = "keys::length")]
    settles: Option<Length>,
}

fn yes() -> bool {
    true
}

/// What a role of the policy says in `with`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct With {
    member_of: String,
    reassign_to: Option<String>,
    login: Option<String>,
}

/// Where a user connects to.
#[derive(Debug, Clone)]
pub(super) struct UserSide {
    pub host: String,
    pub port: u16,
    pub database: String,
    pub sslmode: String,
}

/// The keys, judged.
pub(super) struct Settings {
    pub target: String,
    /// The address without a secret, for a command that a person types.
    pub shown: String,
    /// The name of our own role there.
    pub own: String,
    pub mode: Mode,
    pub login: Option<String>,
    pub end_sessions: bool,
    pub user: UserSide,
    pub limit: Length,
    pub bound: Length,
    pub settles: Length,
}

/// One grant in the server.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub mark: String,
    /// The name of the role that we make.
    pub name: String,
    /// Its comment.
    pub said: String,
    pub member_of: String,
    pub reassign_to: Option<String>,
    /// The existing login, in membership mode.
    pub login: Option<String>,
    pub until: Instant,
}

/// The settings, how to connect, and where the password is; or a sentence that says what is wrong.
pub(super) fn read(
    name: &str,
    settings: &ProvisionerSettings,
    base: &Path,
) -> Result<(Settings, PgConnectOptions, Password), String> {
    let keys: Keys = keys::read(name, &settings.settings)?;
    let fault = |words: &str| Err(format!("[provisioners.{name}]: {words}"));
    if !keys.url.starts_with("postgres://") && !keys.url.starts_with("postgresql://") {
        return fault("url is no address of PostgreSQL: write postgres://USER@HOST/DATABASE");
    }
    if crate::policy::secrets::holds_secret(&keys.url).is_some() {
        return fault(
            "url holds a password: take it out, and name its file by password_file, or a variable by password_env",
        );
    }
    // The parser's own sentence could quote what it read.
    let Ok(mut options) = keys.url.parse::<PgConnectOptions>() else {
        return fault("url cannot be read: write postgres://USER@HOST/DATABASE?sslmode=verify-full&sslrootcert=FILE");
    };
    if let Some(database) = &keys.database {
        options = options.database(database);
    }
    let password = match (keys.password_file, keys.password_env) {
        (None, None) => Password::None,
        (Some(file), None) => Password::File(base.join(file)),
        (None, Some(variable)) => Password::Variable(variable),
        (Some(_), Some(_)) => return fault("password_file and password_env both stand there: keep one"),
    };
    let host = options.get_socket().map_or_else(|| options.get_host().to_owned(), |path| path.display().to_string());
    let local = host.starts_with('/') || matches!(host.as_str(), "localhost" | "127.0.0.1" | "::1" | "[::1]");
    let said = keys.url.contains("sslmode=");
    if !said && !local {
        options = options.ssl_mode(PgSslMode::VerifyFull);
    }
    let verifies = matches!(options.get_ssl_mode(), PgSslMode::VerifyFull | PgSslMode::VerifyCa);
    if !local && !verifies && !keys.unverified {
        return fault(
            "sslmode lets anybody between us and the server read along or answer in its place: use sslmode=verify-full, or say unverified = true",
        );
    }
    let limit = keys.time_limit.unwrap_or(Length::from_seconds(10));
    if limit < Length::from_millis(100) || limit > Length::from_minutes(5) {
        return fault("time_limit is outside 100ms to 5m");
    }
    if keys.mode == Mode::Role && keys.login.is_some() {
        return fault("login is for mode = \"membership\": in the other one each grant has a login of its own");
    }
    let sslmode = match options.get_ssl_mode() {
        PgSslMode::Disable => "disable",
        PgSslMode::Allow => "allow",
        PgSslMode::Prefer => "prefer",
        PgSslMode::Require => "require",
        PgSslMode::VerifyCa => "verify-ca",
        PgSslMode::VerifyFull => "verify-full",
    };
    let database = options.get_database().unwrap_or(options.get_username()).to_owned();
    let user = UserSide {
        host: keys.user_host.unwrap_or(host.clone()),
        port: keys.user_port.unwrap_or(options.get_port()),
        database: database.clone(),
        sslmode: sslmode.to_owned(),
    };
    let quoted = |text: &str| format!("'{}'", text.replace('\\', r"\\").replace('\'', r"\'"));
    let mut shown = format!(
        "host={} port={} user={} dbname={} sslmode={sslmode}",
        quoted(&host),
        options.get_port(),
        quoted(options.get_username()),
        quoted(&database)
    );
    if let Some(root) = in_query(&keys.url, "sslrootcert") {
        let _ = write!(shown, " sslrootcert={}", quoted(&root));
    }
    let settings = Settings {
        target: name.to_owned(),
        shown,
        own: options.get_username().to_owned(),
        mode: keys.mode,
        login: keys.login,
        end_sessions: keys.end_sessions,
        user,
        limit,
        bound: keys.bound.unwrap_or(DEFAULT_BOUND),
        settles: keys.settles.unwrap_or(Length::ZERO),
    };
    Ok((settings, options, password))
}

/// What a url's query says about a key.
fn in_query(url: &str, key: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    let value = query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='))?;
    let (mut bytes, mut rest) = (Vec::new(), value.bytes());
    while let Some(byte) = rest.next() {
        let coded = value.len() - rest.len();
        let hex = value.get(coded..coded + 2).filter(|_| byte == b'%').and_then(|hex| u8::from_str_radix(hex, 16).ok());
        if hex.is_some() {
            rest.by_ref().take(2).for_each(drop);
        }
        bytes.push(hex.unwrap_or(byte));
    }
    String::from_utf8(bytes).ok()
}

impl Settings {
    /// The place of one grant, or what is wrong with what the policy says about it.
    pub(super) fn place(&self, spec: &Spec) -> Result<Place, String> {
        let Some(store) = store_of(&spec.mark) else { return Err(format!("{:?} is not a mark of ours", spec.mark)) };
        let with: With = serde_json::from_value(serde_json::Value::Object(spec.with.clone()))
            .map_err(|fault| format!("with of the role {} cannot be used by {}: {fault}", spec.role, self.target))?;
        let login = match (self.mode, with.login.as_ref().or(self.login.as_ref())) {
            (Mode::Role, None) => None,
            (Mode::Role, Some(_)) => return Err("login is for mode = \"membership\"".to_owned()),
            (Mode::Membership, Some(login)) => Some(login.replace("{user}", spec.user.id.as_str())),
            (Mode::Membership, None) => {
                return Err(format!("{} does not say which login: set login = \"{{user}}\"", self.target));
            }
        };
        let names = [Some(&with.member_of), with.reassign_to.as_ref(), login.as_ref()];
        // PostgreSQL would cut a longer one, and mean another role.
        if let Some(bad) =
            names.into_iter().flatten().find(|n| n.is_empty() || n.len() > LONGEST_MARK || n.contains('\0'))
        {
            return Err(format!("{bad:?} cannot be a role's name: PostgreSQL takes 1 to 63 bytes"));
        }
        let name = match &login {
            None => spec.mark.clone(),
            Some(login) => {
                let both = format!("{login}\0{}", with.member_of);
                let digest = ring::digest::digest(&ring::digest::SHA256, both.as_bytes());
                let mut name = format!("{store}m-");
                for byte in digest.as_ref().iter().take(8) {
                    let _ = write!(name, "{byte:02x}");
                }
                name
            }
        };
        Ok(Place {
            mark: spec.mark.clone(),
            name,
            said: format!("{COMMENT}{}", spec.mark),
            member_of: with.member_of,
            reassign_to: with.reassign_to,
            login,
            until: spec.until,
        })
    }
}

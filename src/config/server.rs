//! `server.toml`: where the store is, where the server listens, and which files hold what must stay secret.
//!
//! Holds no secret itself: an inline one is a fault.

use super::address::{Listen, Network, StoreUrl};
use super::judge::Judge;
use super::webhooks::{RawWebhook, Webhook};
use super::{check_private, files, read_secret};
use crate::policy::Fault;
use crate::text::Length;
use crate::text::Secret;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// What a server is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// The file that says so, for messages.
    pub file: PathBuf,
    /// Where the policy comes from.
    pub policy: PolicyFrom,
    /// Where it listens, unless the command line says otherwise.
    pub listen: Option<Listen>,
    /// Whose `Forwarded` headers are believed.
    pub trusted_proxies: Vec<Network>,
    /// The key that signs checkpoints; made at the first start.
    pub checkpoint_key: PathBuf,
    /// Where the store is.
    pub store: StoreUrl,
    /// Where the store's password is.
    pub password: Option<SecretFrom>,
    /// How far this clock may be from the database's.
    pub clock_skew: Length,
    /// Certificate and key; without them it speaks plainly.
    pub tls: Option<Tls>,
    /// The identity provider.
    pub login: Option<Login>,
    /// Bounds on what clients may do.
    pub limits: Limits,
    /// Private hosts and networks that calendars may be read from.
    pub allow: Vec<String>,
    /// Where it sends what happens.
    pub webhooks: Vec<Webhook>,
}

/// Where the policy comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyFrom {
    /// The last one applied in the store.
    Store,
    /// This file, applied at start and when it changes.
    File(PathBuf),
}

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretFrom {
    /// In a file of mode 0600.
    File(PathBuf),
    /// In this variable of the environment.
    Env(String),
}

impl SecretFrom {
    /// The secret itself.
    pub fn read(&self) -> Result<Secret, Fault> {
        match self {
            Self::File(path) => read_secret(path),
            Self::Env(name) => match std::env::var(name) {
                Ok(secret) if !secret.is_empty() => Ok(Secret::new(secret)),
                _ => Err(Fault::new("environment", 0, &format!("{name} is not set"), "set it, or name a file instead")),
            },
        }
    }
}

/// `[tls]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The chain of certificates, PEM.
    pub cert: PathBuf,
    /// Its private key, PEM, mode 0600.
    pub key: PathBuf,
}

/// `[login]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The OpenID Connect issuer.
    pub issuer: String,
    /// What the issuer calls us.
    pub client_id: String,
    /// How we prove it; a public client has none.
    pub client_secret: Option<SecretFrom>,
    /// How long one stays signed in.
    pub session: Length,
}

/// `[limits]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Requests that one person may send in a minute.
    pub requests_per_minute: u32,
    /// Tries to sign in from one address in a minute.
    pub logins_per_minute: u32,
    /// The longest body, in bytes.
    pub body_bytes: u32,
    /// Connections at once.
    pub connections: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { requests_per_minute: 600, logins_per_minute: 10, body_bytes: 1_572_864, connections: 2048 }
    }
}

/// The file as it is written.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawServer {
    /// The policy's file, or `store`.
    pub policy: Option<String>,
    /// `127.0.0.1:7420` or `unix:PATH`.
    pub listen: Option<String>,
    /// Addresses or networks whose `Forwarded` headers are believed.
    pub trusted_proxies: Vec<String>,
    /// The file of the key that signs checkpoints.
    pub checkpoint_key: Option<String>,
    /// How far this clock may be from the database's: `5s`.
    pub clock_skew: Option<String>,
    /// Where the store is.
    pub store: RawStore,
    /// Certificate and key.
    pub tls: Option<RawTls>,
    /// The identity provider.
    pub login: Option<RawLogin>,
    /// Bounds on what clients may do.
    pub limits: RawLimits,
    /// What may be reached outside.
    pub outbound: RawOutbound,
    /// Where the server sends what happens.
    pub webhooks: Vec<RawWebhook>,
}

/// `[outbound]`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawOutbound {
    /// Private hosts and networks that calendars may be read from: `calendar.internal.example`, `10.1.0.0/16`.
    pub allow: Vec<String>,
}

/// `[store]`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawStore {
    /// `sqlite:PATH` or `postgres://USER@HOST/NAME`, without a password.
    pub url: Option<String>,
    /// The file that holds the password, mode 0600.
    pub password_file: Option<String>,
    /// The variable of the environment that holds it.
    pub password_env: Option<String>,
}

/// `[tls]`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawTls {
    /// The chain of certificates, PEM.
    pub cert: Option<String>,
    /// Its private key, PEM, mode 0600.
    pub key: Option<String>,
}

/// `[login]`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawLogin {
    /// The OpenID Connect issuer.
    pub issuer: Option<String>,
    /// What the issuer calls us.
    pub client_id: Option<String>,
    /// The file that holds the client's secret, mode 0600.
    pub client_secret_file: Option<String>,
    /// The variable of the environment that holds it.
    pub client_secret_env: Option<String>,
    /// How long one stays signed in: `12h`.
    pub session: Option<String>,
}

/// `[limits]`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawLimits {
    /// Requests that one person may send in a minute.
    pub requests_per_minute: Option<u32>,
    /// Tries to sign in from one address in a minute.
    pub logins_per_minute: Option<u32>,
    /// The longest body, in bytes.
    pub body_bytes: Option<u32>,
    /// Connections at once.
    pub connections: Option<u32>,
}

impl Server {
    /// Reads the file and looks at the secrets' files that it names.
    pub fn load(path: &Path) -> Result<(Self, Vec<Fault>), Vec<Fault>> {
        let text = files::read_text(path).map_err(|fault| vec![fault])?;
        let (server, warnings) = Self::read(path, &text)?;
        let wide = server.check_files();
        if wide.is_empty() { Ok((server, warnings)) } else { Err(wide) }
    }

    /// Reads the text of the file that stands at `path`; relative paths in it start from its folder.
    pub fn read(path: &Path, text: &str) -> Result<(Self, Vec<Fault>), Vec<Fault>> {
        let name = path.display().to_string();
        let (mut judge, raw) = Judge::parse::<RawServer>(&name, text, path.parent().unwrap_or(Path::new("")));
        let server = judge.server(path, &raw);
        judge.finish(server)
    }

    /// The store's password, where one is named.
    pub fn password(&self) -> Result<Option<Secret>, Fault> {
        self.password.as_ref().map(SecretFrom::read).transpose()
    }

    /// Faults of the secrets' files: those that others could read. A checkpoint key is made later.
    pub fn check_files(&self) -> Vec<Fault> {
        let secret = |from: &Option<SecretFrom>| match from {
            Some(SecretFrom::File(path)) => Some(path.clone()),
            _ => None,
        };
        let made = self.checkpoint_key.exists().then(|| self.checkpoint_key.clone());
        let login = self.login.as_ref().and_then(|login| secret(&login.client_secret));
        let files = [made, secret(&self.password), login, self.tls.as_ref().map(|tls| tls.key.clone())];
        let webhooks = self.webhooks.iter().map(|webhook| webhook.secret_file.clone());
        files.into_iter().flatten().chain(webhooks).filter_map(|path| check_private(&path).err()).collect()
    }
}

impl Judge<'_> {
    fn server(&mut self, path: &Path, raw: &RawServer) -> Option<Server> {
        let policy = match raw.policy.as_deref() {
            Some("store") => PolicyFrom::Store,
            Some(file) => PolicyFrom::File(self.file(file)),
            None => PolicyFrom::File(self.file("policy.toml")),
        };
        let listen = raw.listen.as_ref().and_then(|text| {
            let read = text.parse::<Listen>().map_err(|bad| (bad.sentence, bad.cure));
            self.accept(&["listen"], read)
        });
        let proxies: Vec<_> = raw
            .trusted_proxies
            .iter()
            .map(|text| text.parse::<Network>().map_err(|bad| (bad.sentence, bad.cure)))
            .collect();
        let trusted_proxies: Vec<Network> =
            proxies.into_iter().filter_map(|read| self.accept(&["trusted_proxies"], read)).collect();
        if let Some(Listen::Tcp(address)) = &listen
            && !address.ip().is_loopback()
            && raw.tls.is_none()
            && raw.trusted_proxies.is_empty()
        {
            let sentence = format!("{address} can be reached from outside, and tokens would travel in clear");
            self.fault(&["listen"], &sentence, "add [tls], or name the proxy that does TLS in trusted_proxies");
        }
        let clock_skew = self.length(&["clock_skew"], raw.clock_skew.as_ref());
        let (store, password) = self.store(&raw.store);
        let tls = raw.tls.as_ref().and_then(|tls| self.tls(tls));
        let login = raw.login.as_ref().map(|login| self.login(login));
        let limits = self.limits(&raw.limits);
        Some(Server {
            file: path.to_owned(),
            policy,
            listen,
            trusted_proxies,
            checkpoint_key: self.file(raw.checkpoint_key.as_deref().unwrap_or("checkpoint.key")),
            store: store?,
            password,
            clock_skew: clock_skew.unwrap_or(Length::from_seconds(2)),
            tls,
            login,
            limits,
            allow: self.allowed(&["outbound", "allow"], &raw.outbound.allow),
            webhooks: self.webhooks(&raw.webhooks),
        })
    }

    fn store(&mut self, raw: &RawStore) -> (Option<StoreUrl>, Option<SecretFrom>) {
        let path = ["store", "url"];
        let password = self.secret("store", "password", raw.password_file.as_ref(), raw.password_env.as_ref());
        let Some(url) = &raw.url else {
            let cure = "write [store] url = \"sqlite:store.db\", or a postgres:// address";
            self.fault(&path, "the server has no store", cure);
            return (None, password);
        };
        let store = self.accept(&path, url.parse::<StoreUrl>().map_err(|bad| (bad.sentence, bad.cure)));
        let store = match store {
            Some(StoreUrl::Sqlite(file)) => Some(StoreUrl::Sqlite(self.folder.join(file))),
            other => other,
        };
        if store.as_ref().is_some_and(StoreUrl::has_password) {
            let cure =
                "take the password out of it, and write password_file = \"…\" (mode 0600) or password_env = \"…\"";
            self.fault(&path, "the store's address holds its password, written out", cure);
        }
        if matches!(store, Some(StoreUrl::Sqlite(_))) && password.is_some() {
            self.fault(&["store"], "a SQLite file has no password", "take password_file and password_env out");
        }
        (store, password)
    }

    fn secret(&mut self, table: &str, name: &str, file: Option<&String>, env: Option<&String>) -> Option<SecretFrom> {
        match (file, env) {
            (Some(_), Some(_)) => {
                self.fault(&[table], &format!("[{table}] has {name}_file and {name}_env"), "keep one of the two");
                None
            }
            (Some(file), None) => Some(SecretFrom::File(self.file(file))),
            (None, Some(env)) => Some(SecretFrom::Env(env.clone())),
            (None, None) => None,
        }
    }

    fn tls(&mut self, raw: &RawTls) -> Option<Tls> {
        if raw.cert.is_none() || raw.key.is_none() {
            let cure = "write cert = \"cert.pem\" and key = \"key.pem\"";
            self.fault(&["tls"], "[tls] needs a certificate and its key", cure);
        }
        Some(Tls { cert: self.file(raw.cert.as_ref()?), key: self.file(raw.key.as_ref()?) })
    }

    fn login(&mut self, raw: &RawLogin) -> Login {
        let issuer = raw.issuer.as_deref().unwrap_or_default();
        if !issuer.starts_with("https://") {
            let cure = "write issuer = \"https://…\" as the identity provider names itself";
            self.fault(&["login", "issuer"], "[login] needs the https address of its issuer", cure);
        }
        if raw.client_id.as_deref().is_none_or(str::is_empty) {
            let cure = "write client_id = \"nightlatch\", or what the identity provider calls it";
            self.fault(&["login"], "[login] has no client_id", cure);
        }
        let (file, env) = (raw.client_secret_file.as_ref(), raw.client_secret_env.as_ref());
        Login {
            issuer: issuer.to_owned(),
            client_id: raw.client_id.clone().unwrap_or_default(),
            client_secret: self.secret("login", "client_secret", file, env),
            session: self.length(&["login", "session"], raw.session.as_ref()).unwrap_or(Length::from_hours(12)),
        }
    }

    fn limits(&mut self, raw: &RawLimits) -> Limits {
        let own = Limits::default();
        let mut bound = |key: &str, value: Option<u32>, least: u32, otherwise: u32| {
            let value = value.unwrap_or(otherwise);
            if value < least {
                self.fault(
                    &["limits", key],
                    &format!("{key} = {value} would stop ordinary work"),
                    &format!("write {least} or more"),
                );
            }
            value
        };
        Limits {
            requests_per_minute: bound("requests_per_minute", raw.requests_per_minute, 10, own.requests_per_minute),
            logins_per_minute: bound("logins_per_minute", raw.logins_per_minute, 1, own.logins_per_minute),
            body_bytes: bound("body_bytes", raw.body_bytes, 65_536, own.body_bytes),
            connections: bound("connections", raw.connections, 8, own.connections),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(Server, Vec<Fault>), Vec<Fault>> {
        Server::read(Path::new("/etc/nightlatch/server.toml"), text)
    }

    #[test]
    fn the_sample_loads() {
        let (server, warnings) = read(include_str!("../../config/server.toml")).unwrap();
        assert_eq!(warnings, []);
        assert_eq!(server.policy, PolicyFrom::File("/etc/nightlatch/policy.toml".into()));
        assert_eq!(server.limits, Limits::default());
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        let (server, _) = read("policy = \"store\"\n[store]\nurl = \"sqlite:a.db\"\n").unwrap();
        assert_eq!(server.policy, PolicyFrom::Store);
        assert_eq!(server.store, StoreUrl::Sqlite("/etc/nightlatch/a.db".into()));
        assert_eq!(server.checkpoint_key, Path::new("/etc/nightlatch/checkpoint.key"));
        assert_eq!((server.listen, server.tls, server.login, server.password), (None, None, None, None));
    }

    #[test]
    fn every_fault_has_its_line_and_no_secret() {
        let cases = [
            ("", "server.toml: the server has no store; write [store] url"),
            (
                "[store]\nurl = \"postgres://nl:hunter2@db/nl\"",
                "server.toml:2: the store's address holds its password, written out; take",
            ),
            ("[store]\nurl = \"postgres://db/nl?password=hunter2\"", ":2: the store's address holds its password"),
            (
                "[store]\nurl = \"postgres://nl@db/nl\"\npassword = \"hunter2\"",
                ":3: unknown key password in [store]; did you mean password_env?",
            ),
            (
                "[store]\nurl = \"postgres://nl@db/nl\"\npassword_file = \"a\"\npassword_env = \"B\"",
                "[store] has password_file and password_env; keep one",
            ),
            ("[store]\nurl = \"oracle:x\"", ":2: \"oracle:x\" is no store"),
            (
                "listen = \"0.0.0.0:7420\"\n[store]\nurl = \"sqlite:a\"",
                ":1: 0.0.0.0:7420 can be reached from outside, and tokens would travel in clear",
            ),
            ("listen = \"here\"\n[store]\nurl = \"sqlite:a\"", ":1: \"here\" is no address to listen on"),
            ("trusted_proxies = [\"10.0.0.0/99\"]\n[store]\nurl = \"sqlite:a\"", ":1: \"10.0.0.0/99\" is no network"),
            ("[store]\nurl = \"sqlite:a\"\n[tls]\ncert = \"c\"", ":3: [tls] needs a certificate and its key"),
            (
                "[store]\nurl = \"sqlite:a\"\n[limits]\nbody_bytes = 5",
                ":4: body_bytes = 5 would stop ordinary work; write 65536 or more",
            ),
            (
                "[store]\nurl = \"sqlite:a\"\n[login]\nissuer = \"http://x\"\nclient_id = \"y\"",
                ":4: [login] needs the https address",
            ),
            ("lisen = 1\n[store]\nurl = \"sqlite:a\"", ":1: unknown key lisen at the top; did you mean listen?"),
        ];
        for (text, says) in cases {
            let told: Vec<String> = read(text).unwrap_err().iter().map(ToString::to_string).collect();
            assert!(told.iter().any(|fault| fault.contains(says)), "{text}\nexpected {says}\ntold {told:#?}");
            assert!(told.iter().all(|fault| !fault.contains("hunter2")), "{told:#?}");
        }
    }

    #[test]
    fn a55_a_key_that_others_can_read_stops_the_server() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str, mode| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            path
        };
        let path = file("server.toml", "[store]\nurl = \"postgres://nl@db/nl\"\npassword_file = \"pw\"\n", 0o644);
        file("pw", "hunter2\n", 0o644);
        let told = Server::load(&path).unwrap_err();
        assert!(told.iter().any(|fault| fault.cure.contains("chmod 600")), "{told:?}");
        file("pw", "hunter2\n", 0o600);
        let (server, _) = Server::load(&path).unwrap();
        assert_eq!(server.password().unwrap().unwrap().reveal(), "hunter2");
    }
}

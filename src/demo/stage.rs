//! The stage: a folder of its own, with policy, helper and store; a real server on a socket in it; and a client for each of
//! the people.

use crate::admin::{self, Desk};
use crate::cli::{Exit, Trouble};
use crate::client::{Address, Client};
use crate::config::account::{self, Account};
use crate::config::starter::{Start, starter};
use crate::config::{self, paths};
use crate::secret::Secret;
use crate::server::{self, Listen, Options};
use crate::service::{Service, host};
use chrono_tz::Tz;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const POLICY: &str = include_str!("policy.toml");
const HELPER: &str = include_str!("helper.sh");
/// Who acts, beside the one whose account it is.
const CAST: [&str; 6] = ["ana", "bo", "priya", "sam", "li", "mira"];
/// How long the server may take until it gives access.
const READY: Duration = Duration::from_secs(10);

/// The one whose account runs the demo.
#[derive(Debug, Clone)]
pub struct You {
    pub id: String,
    pub name: String,
    os_user: Option<String>,
}

impl You {
    /// Whether the machine has a name for the account, by which the socket knows you.
    pub fn has_account(&self) -> bool {
        self.os_user.is_some()
    }
}

/// Who leads the incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lead {
    /// As the story is told.
    Mira,
    /// As it is lived.
    You,
}

/// A running server, and what it lies in.
pub struct Stage {
    pub folder: PathBuf,
    pub you: You,
    pub zone: Tz,
    pub people: BTreeMap<&'static str, Client>,
    pub config: config::Server,
    pub service: Service,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Result<(), server::ServeFault>>,
}

fn fault(sentence: impl Display) -> Trouble {
    Trouble::new(Exit::Fault, sentence.to_string(), "see that TMPDIR can be written; the folder may be thrown away")
}

impl Stage {
    /// Sets it up. `failures`: so many removals fail before the gateway recovers.
    pub async fn set(failures: u32, lead: Lead) -> Result<Self, Trouble> {
        let name = format!("nightlatch-demo-{}", crate::secret::hex::<4>().map_err(fault)?);
        let folder = std::env::temp_dir().join(name);
        paths::private_folder(&folder).map_err(fault)?;
        let folder = folder.canonicalize().map_err(fault)?;
        let zone_name = iana_time_zone::get_timezone().unwrap_or_else(|_| "UTC".into());
        let zone = zone_name.parse::<Tz>().unwrap_or(Tz::UTC);
        let you = you(account::own().as_ref(), &folder)?;
        let file = files(&folder, &you, zone, failures, lead)?;
        let (config, _) = config::Server::load(&file)
            .map_err(|faults| fault(faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")))?;
        let service = host::start(&config).await.map_err(fault)?;
        let (stop, told) = oneshot::channel();
        let (up, listening) = oneshot::channel();
        let options = Options::configured(&config);
        let serving = tokio::spawn(server::run(
            service.clone(),
            vec![Listen::Unix(socket(&folder))],
            options,
            // Who waited may have given up; then it is stopped, too.
            |_| {
                let _ = up.send(());
            },
            async {
                let _ = told.await;
            },
        ));
        let mut stage = Self { folder, you, zone, people: BTreeMap::new(), config, service, stop, serving };
        if listening.await.is_err() {
            return Err(match stage.close().await {
                Err(trouble) => trouble,
                Ok(_) => fault("the server did not start"),
            });
        }
        stage.people = stage.sign_in(&file).await?;
        let ready = async {
            while stage.service.ready().is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(READY, ready).await.map_err(|_| fault("the server did not become ready"))?;
        Ok(stage)
    }

    /// Where it listens.
    pub fn address(&self) -> String {
        format!("unix:{}", socket(&self.folder).display())
    }

    /// A token for you, where the socket cannot know you.
    pub async fn token_for_you(&self) -> Result<Secret, Trouble> {
        let desk = Desk::open(&self.folder.join("server.toml")).await.map_err(fault)?;
        let token = admin::create(&desk, &self.you.id, "demo", None).await.map_err(fault)?;
        desk.close().await;
        Ok(token)
    }

    /// Tokens of their own for everybody else: on the socket they would all be the one account.
    async fn sign_in(&self, file: &Path) -> Result<BTreeMap<&'static str, Client>, Trouble> {
        let desk = Desk::open(file).await.map_err(fault)?;
        let mut people = BTreeMap::new();
        for id in CAST {
            let token = admin::create(&desk, id, "demo", None).await.map_err(fault)?;
            people.insert(id, Client::new(vec![Address::Unix(socket(&self.folder))], Some(token))?);
        }
        desk.close().await;
        Ok(people)
    }

    /// Stops the server as a signal would; its last checkpoint is signed. What is left are the files.
    pub async fn close(self) -> Result<(PathBuf, config::Server), Trouble> {
        // Where nobody listens, it has stopped already.
        let _ = self.stop.send(());
        let served = self.serving.await;
        self.service.stop().await;
        match served {
            Ok(Ok(())) => Ok((self.folder, self.config)),
            Ok(Err(stopped)) => Err(fault(stopped)),
            Err(died) => Err(fault(died)),
        }
    }
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("sock")
}

/// Who runs the demo, as the first policy of their own would have it.
fn you(own: Option<&Account>, folder: &Path) -> Result<You, Trouble> {
    let first = starter(&Start {
        account: own.map_or("", |own| own.name.as_str()),
        real_name: own.and_then(|own| own.real_name.as_deref()),
        zone: "UTC",
        sandbox: folder,
        store: folder,
        socket: folder,
    });
    let policy: toml::Table = first.policy.parse().map_err(fault)?;
    let person = policy.get("people").and_then(|people| people.get(&first.person));
    let text = |key: &str| person.and_then(|person| person.get(key)).and_then(toml::Value::as_str).map(str::to_owned);
    let mut id = first.person;
    // In the story there are people and a team of these names already.
    if CAST.contains(&id.as_str()) || id == "payments" {
        id.push_str("-self");
    }
    Ok(You { name: text("name").unwrap_or_else(|| id.clone()), os_user: text("os_user"), id })
}

/// Writes policy, helper and `server.toml`; the last one's path.
fn files(folder: &Path, you: &You, zone: Tz, failures: u32, lead: Lead) -> Result<PathBuf, Trouble> {
    let path = |name: &str| folder.join(name);
    let helper = path("gateway.sh");
    let policy = policy(you, zone, &helper, lead);
    let server = format!(
        "policy = \"policy.toml\"\nlisten = {}\ncheckpoint_key = \"checkpoint.key\"\n[store]\nurl = \"sqlite:store.db\"\n\
         [limits]\nrequests_per_minute = 6000\n",
        quoted(&format!("unix:{}", socket(folder).display()))
    );
    write(&path("policy.toml"), &policy, 0o600)?;
    write(&helper, &HELPER.replace("@FAILURES@", &failures.to_string()), 0o700)?;
    write(&path("server.toml"), &server, 0o600)?;
    Ok(path("server.toml"))
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn policy(you: &You, zone: Tz, helper: &Path, lead: Lead) -> String {
    let os_user = you.os_user.as_ref().map(|account| format!("os_user = {}\n", quoted(account))).unwrap_or_default();
    // What the machine says of you comes last: nothing in it is a place to fill.
    POLICY
        .replace("@ZONE@", &quoted(zone.name()))
        .replace("@LEAD@", if lead == Lead::You { &you.id } else { "mira" })
        .replace("@YOU@", &you.id)
        .replace("@HELPER@", &quoted(&helper.display().to_string()))
        .replace("@PERSON@", &format!("name = {}\n{os_user}", quoted(&you.name)))
}

/// A new file that only this account can change.
pub fn write(path: &Path, text: &str, mode: u32) -> Result<(), Trouble> {
    let cannot = |error: std::io::Error| fault(format!("{} cannot be written: {error}", path.display()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(cannot)?;
    file.write_all(text.as_bytes()).map_err(cannot)
}

/// An address as it is typed in a shell.
pub(super) fn shown(address: &str) -> String {
    crate::config::files::shell(Path::new(address))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Source, read};

    #[test]
    fn the_policy_reads_without_a_fault_for_any_account() {
        for account in ["ana", "root", "Ana.Smith", "CORP\\jürgen", "payments", "sam", "a\"b\n[x]", "", "@PERSON@"] {
            for real_name in [Some("Sam Lee"), Some("a\"b @PERSON@"), None] {
                let own = Account { uid: 1000, name: account.into(), real_name: real_name.map(str::to_owned) };
                let you = you(Some(&own), Path::new("/x")).unwrap();
                let lead = if real_name.is_some() { Lead::You } else { Lead::Mira };
                let text = policy(&you, Tz::Europe__London, Path::new("/a \"b\"/gateway.sh"), lead);
                let (read, _) = read(&Source::one("policy.toml", &text), crate::provision::table::KINDS)
                    .unwrap_or_else(|faults| panic!("{account}: {faults:#?}\n{text}"));
                assert!(read.people.keys().any(|id| id.as_str() == you.id), "{account}");
            }
        }
    }
}

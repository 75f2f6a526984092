//! The session bus: one connection, on which notifications go out and clicks come back.
//!
//! One and the same connection for all, because servers tell a click only to the connection that showed the notification,
//! and some take down what stands when that connection closes. So notify-rust says here what a notification is, and does not
//! carry it: it would open a connection for each, and end with a panic where the bus does.

use super::standing::Standing;
use super::words::Abilities;
use crate::access::RequestNumber;
use crate::text::words::safe_line;
use futures_util::StreamExt as _;
use notify_rust::{Hint, Notification, Urgency};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;
use zbus::message::Type;
use zbus::{Connection, MatchRule, Message, MessageStream, Variant, connection};

const SERVER: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";
const BUS: &str = "org.freedesktop.DBus";

/// Why a call came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// The connection is no longer good.
    Gone(String),
    /// The server did not want it.
    Refused(String),
}

/// The address of the session bus, or what to do where there is none.
pub(super) fn find(env: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let set = |name: &str| env(name).filter(|value| !value.is_empty());
    if let Some(address) = set("DBUS_SESSION_BUS_ADDRESS") {
        return Ok(address);
    }
    let cure = "Run inside your desktop's session, or name a hook in config.toml";
    let Some(folder) = set("XDG_RUNTIME_DIR") else {
        return Err(format!("no session bus: DBUS_SESSION_BUS_ADDRESS is not set. {cure}"));
    };
    let socket = PathBuf::from(&folder).join("bus");
    if socket.try_exists().unwrap_or(false) {
        return Ok(format!("unix:path={}", socket.display()));
    }
    let folder = safe_line(folder.as_bytes());
    Err(format!("no session bus: DBUS_SESSION_BUS_ADDRESS is not set, and {folder}/bus is not there. {cure}"))
}

/// What stands, for the calls and for the one who listens.
pub(super) type Shared = Arc<Mutex<Standing>>;

/// Reads or changes it; never over an await.
pub(super) fn with<T>(standing: &Shared, what: impl FnOnce(&mut Standing) -> T) -> T {
    what(&mut standing.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A connection to a bus with a notification server on it.
pub(super) struct Link {
    connection: Connection,
    /// The server's own name on the bus: what is meant for it reaches no other one that took its place.
    owner: String,
    abilities: Abilities,
    /// Name and version, as it says.
    pub(super) server: String,
    listener: JoinHandle<()>,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

impl Link {
    /// Connects, listens, and asks the server what it can do; starts it where the bus can.
    pub(super) async fn open(
        address: &str,
        standing: &Shared,
        clicked: &UnboundedSender<RequestNumber>,
    ) -> Result<Self, Fault> {
        let connection = connection::Builder::address(address)
            .build()
            .await
            .map_err(|error| Fault::Gone(format!("the session bus cannot be reached: {}", said(&error))))?;
        let signals = || MatchRule::builder().msg_type(Type::Signal);
        let of_server = signals().interface(SERVER).path(PATH).build().map_err(fault)?;
        let of_bus = signals().interface(BUS).member("NameOwnerChanged").arg(0, SERVER).build().map_err(fault)?;
        let of_server = MessageStream::for_match_rule(of_server, &connection, None).await.map_err(fault)?;
        let of_bus = MessageStream::for_match_rule(of_bus, &connection, None).await.map_err(fault)?;

        let about = call(&connection, SERVER, "GetServerInformation", &()).await?;
        let (name, _, version, _): (String, String, String, String) = read(&about)?;
        let can: Vec<String> = read(&call(&connection, SERVER, "GetCapabilities", &()).await?)?;
        let owner = connection
            .call_method(Some(BUS), "/org/freedesktop/DBus", Some(BUS), "GetNameOwner", &SERVER)
            .await
            .map_err(fault)?;
        let owner: String = read(&owner)?;
        with(standing, |standing| standing.server_is(&format!("{} {owner}", connection.server_guid())));
        let listener = tokio::spawn(listen(of_server, of_bus, owner.clone(), standing.clone(), clicked.clone()));
        let server = safe_line(format!("{name} {version}").as_bytes());
        Ok(Self { connection, owner, abilities: Abilities::of(&can), server, listener })
    }

    /// Whether another one is needed: the bus went away, or another server took the place of this one.
    pub(super) fn is_over(&self) -> bool {
        self.listener.is_finished() || self.connection.is_closed()
    }

    pub(super) fn abilities(&self) -> Abilities {
        self.abilities
    }

    /// Shows it, instead of what stands under this number; gives the number under which it stands.
    pub(super) async fn notify(&self, instead: Option<u32>, notice: &Notification) -> Result<u32, Fault> {
        let Notification { appname, icon, summary, body, actions, hints, timeout, .. } = notice;
        let hints: HashMap<&str, Variant<'static>> = hints.iter().filter_map(hint).collect();
        let told = (appname, instead.unwrap_or(0), icon, summary, body, actions, hints, i32::from(*timeout));
        read(&call(&self.connection, &self.owner, "Notify", &told).await?)
    }

    /// Takes it down. One that is not there is taken down already.
    pub(super) async fn close(&self, id: u32) -> Result<(), Fault> {
        match call(&self.connection, &self.owner, "CloseNotification", &id).await {
            Err(Fault::Gone(sentence)) => Err(Fault::Gone(sentence)),
            Ok(_) | Err(Fault::Refused(_)) => Ok(()),
        }
    }
}

/// Hears what the server says, until the bus or the server is gone.
async fn listen(
    mut of_server: MessageStream,
    mut of_bus: MessageStream,
    owner: String,
    standing: Shared,
    clicked: UnboundedSender<RequestNumber>,
) {
    loop {
        let message = tokio::select! {
            message = of_server.next() => message,
            message = of_bus.next() => {
                if let Some(Ok(_)) = message {
                    // Another server, or none: what stood does not stand any more.
                    with(&standing, |standing| standing.server_is(""));
                }
                return;
            }
        };
        let Some(message) = message else { return };
        if let Ok(message) = message {
            hear(&message, &owner, &standing, &clicked);
        }
    }
}

fn hear(message: &Message, owner: &str, standing: &Shared, clicked: &UnboundedSender<RequestNumber>) {
    let header = message.header();
    // Anybody on the bus can send a signal.
    if header.sender().is_none_or(|sender| sender.as_str() != owner) {
        return;
    }
    match header.member().map(zbus::names::MemberName::as_str) {
        Some("ActionInvoked") => {
            if let Ok((id, action)) = message.body().deserialize::<(u32, String)>()
                && action == "default"
                && let Some(number) = with(standing, |standing| standing.opens(id))
            {
                // Nobody may be listening any more.
                let _ = clicked.send(number);
            }
        }
        Some("NotificationClosed") => {
            if let Ok((id, _)) = message.body().deserialize::<(u32, u32)>() {
                with(standing, |standing| standing.closed(id));
            }
        }
        _ => {}
    }
}

/// A hint as it travels; of those that we use.
fn hint(hint: &Hint) -> Option<(&'static str, Variant<'static>)> {
    match hint {
        Hint::Urgency(urgency) => {
            let level = match urgency {
                Urgency::Low => 0_u8,
                Urgency::Normal => 1,
                Urgency::Critical => 2,
            };
            Some(("urgency", level.into()))
        }
        Hint::Category(name) => Some(("category", name.clone().into())),
        Hint::SoundName(name) => Some(("sound-name", name.clone().into())),
        Hint::SuppressSound(quiet) => Some(("suppress-sound", (*quiet).into())),
        _ => None,
    }
}

async fn call<B>(connection: &Connection, whom: &str, method: &str, body: &B) -> Result<Message, Fault>
where
    B: serde::Serialize + zbus::DynamicType,
{
    connection.call_method(Some(whom), PATH, Some(SERVER), method, body).await.map_err(fault)
}

fn read<T>(message: &Message) -> Result<T, Fault>
where
    T: serde::de::DeserializeOwned + zbus::Type,
{
    let body = message.body();
    body.deserialize::<T>().map_err(|error| {
        Fault::Refused(format!("the notification server gave an answer that cannot be read: {}", said(&error)))
    })
}

#[allow(clippy::needless_pass_by_value, reason = "as map_err hands it over")]
fn fault(error: zbus::Error) -> Fault {
    use zbus::fdo::Error as Known;
    match &error {
        zbus::Error::FDO(known) => match known.as_ref() {
            Known::ServiceUnknown(_) | Known::NameHasNoOwner(_) | Known::SpawnServiceNotFound(_) => {
                let sentence =
                    "no notification server answers on the session bus: start your desktop's, or dunst or mako";
                Fault::Gone(sentence.to_owned())
            }
            // What the bus says when the server went away half-way.
            Known::NoReply(_) | Known::Disconnected(_) => Fault::Gone(format!("the server is gone: {}", said(&error))),
            _ => Fault::Refused(format!("the notification server refused it: {}", said(&error))),
        },
        zbus::Error::MethodError(..) => Fault::Refused(format!("the notification server refused it: {}", said(&error))),
        _ => Fault::Gone(format!("the session bus is gone: {}", said(&error))),
    }
}

fn said(error: &zbus::Error) -> String {
    safe_line(error.to_string().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_bus_the_cure_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let runtime = folder.path().to_str().unwrap().to_owned();
        let look = |address: Option<&str>, runtime: Option<&str>| {
            find(&|name| match name {
                "DBUS_SESSION_BUS_ADDRESS" => address.map(str::to_owned),
                _ => runtime.map(str::to_owned),
            })
        };
        assert_eq!(look(Some("unix:path=/x"), Some(&runtime)), Ok("unix:path=/x".to_owned()));
        for absent in [look(None, None), look(Some(""), None), look(None, Some(&runtime))] {
            let sentence = absent.unwrap_err();
            assert!(sentence.starts_with("no session bus: DBUS_SESSION_BUS_ADDRESS is not set"), "{sentence}");
            assert!(sentence.contains("inside your desktop's session"), "{sentence}");
        }
        std::fs::write(folder.path().join("bus"), "").unwrap();
        assert_eq!(look(None, Some(&runtime)), Ok(format!("unix:path={runtime}/bus")));
    }
}

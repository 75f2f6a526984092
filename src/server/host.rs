//! `serve`: from `server.toml` to a server that answers, until a signal or, embedded, ten idle minutes.

use super::{Listen, Options, run};
use crate::config::starter::{Start, starter};
use crate::config::{self, Paths};
use crate::service::{Service, host};
use crate::text::Length;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How often the embedded server looks whether anything is left to do.
const LOOK: Duration = Duration::from_secs(5);
/// The embedded server stops when nothing was open for so long.
const IDLE: Length = Length::from_minutes(10);

/// What `serve` is told.
#[derive(Debug, Clone, Default)]
pub struct Serve {
    /// `server.toml`; left out: the one in the configuration folder.
    pub config: Option<PathBuf>,
    /// Where to listen, instead of what the file says.
    pub listen: Option<String>,
    /// The embedded store: makes the first files, stops by itself when idle.
    pub embedded: bool,
    /// How long idle is, where not ten minutes.
    pub idle: Option<Length>,
}

/// Why it did not serve.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostFault {
    /// Somebody has to mend a file or a word.
    #[error("{0}")]
    Usage(String),
    /// The store cannot be had now.
    #[error("{0}")]
    Away(String),
    /// The server itself failed.
    #[error("{0}")]
    Broken(String),
}

fn usage(sentence: impl std::fmt::Display) -> HostFault {
    HostFault::Usage(sentence.to_string())
}

fn joined(faults: &[crate::policy::Fault]) -> HostFault {
    usage(faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

/// Serves until it is told to stop. `say` prints a line for people; `ready` gets the address once it is listened on.
pub async fn serve(args: Serve, say: impl Fn(&str), ready: impl Fn(&str)) -> Result<(), HostFault> {
    let paths = Paths::find().map_err(usage)?;
    let file = args.config.clone().unwrap_or_else(|| paths.server_file());
    if args.embedded {
        // Closing the terminal of whoever started it must not end it. Fails only for one that leads a group already.
        let _ = rustix::process::setsid();
        first_files(&paths, &file, &say)?;
    }
    if !file.exists() {
        return Err(usage(format!("no policy yet: run nightlatch config init ({} is not there)", file.display())));
    }
    let (server, warnings) = config::Server::load(&file).map_err(|faults| joined(&faults))?;
    for warning in warnings {
        say(&warning.to_string());
    }
    let faults = server.check_files();
    if !faults.is_empty() {
        return Err(joined(&faults));
    }
    let listen = listen(&server, args.listen.as_deref())?;
    let options = options(&server, &listen);
    let service = host::start(&server).await.map_err(|fault| match fault {
        host::StartFault::Usage(sentence) => HostFault::Usage(sentence),
        host::StartFault::Away(sentence) => HostFault::Away(sentence),
    })?;
    let idle = args.embedded.then(|| args.idle.unwrap_or(IDLE));
    let stopped = run(
        service.clone(),
        vec![listen],
        options,
        |addresses| addresses.iter().for_each(|address| ready(&address.to_string())),
        until_told(service.clone(), idle, paths.dashboards()),
    )
    .await;
    service.stop().await;
    stopped.map_err(|fault| HostFault::Broken(fault.to_string()))
}

/// Where to listen: told, else as the file says, else a loopback port that the system picks.
fn listen(server: &config::Server, told: Option<&str>) -> Result<Listen, HostFault> {
    let text = match (told, &server.listen) {
        (Some(told), _) => told.to_owned(),
        (None, Some(listen)) => listen.to_string(),
        (None, None) => return Err(usage("say where to listen: listen in server.toml, or --listen 127.0.0.1:8470")),
    };
    let listen: Listen = text.parse().map_err(usage)?;
    Ok(match &server.tls {
        Some(tls) => listen.over_tls(tls.cert.clone(), tls.key.clone()),
        None => listen,
    })
}

fn options(server: &config::Server, listen: &Listen) -> Options {
    // In a folder that others may enter, the folder says who may: each peer is known by its account all the same.
    let shared = match listen {
        Listen::Unix(path) => path.parent().is_some_and(|folder| {
            use std::os::unix::fs::PermissionsExt;
            folder.metadata().is_ok_and(|meta| meta.permissions().mode() & 0o011 != 0)
        }),
        Listen::Tcp(_) | Listen::Tls { .. } => false,
    };
    Options { socket_mode: if shared { 0o666 } else { 0o600 }, ..Options::configured(server) }
}

/// A signal, or idleness. SIGHUP reads the policy again.
async fn until_told(service: Service, idle: Option<Length>, dashboards: PathBuf) {
    let (Ok(mut term), Ok(mut int), Ok(mut hup)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()), signal(SignalKind::hangup()))
    else {
        return tracing::error!("signals cannot be waited for: stopping");
    };
    let mut quiet = Duration::ZERO;
    let look = idle.map_or(LOOK, |idle| LOOK.min(idle.to_std()));
    loop {
        tokio::select! {
            _ = term.recv() => return,
            _ = int.recv() => return,
            _ = hup.recv() => service.reload(),
            () = tokio::time::sleep(look), if idle.is_some() => {
                quiet = if service.open() == 0 { quiet + look } else { Duration::ZERO };
                // An open dashboard is somebody's watch: it is never left without its host.
                if idle.is_some_and(|idle| quiet >= idle.to_std()) && !is_watched(&dashboards) {
                    return tracing::info!("nothing was open for a while: the embedded server stops");
                }
            }
        }
    }
}

/// Whether a dashboard of this account is open: each holds a shared lock on the file.
fn is_watched(dashboards: &Path) -> bool {
    let Ok(file) = OpenOptions::new().read(true).open(dashboards) else { return false };
    rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_err()
}

/// Writes the first `server.toml` and policy where there are none, and says where.
fn first_files(paths: &Paths, file: &Path, say: &impl Fn(&str)) -> Result<(), HostFault> {
    for folder in [&paths.config, &paths.data, &paths.runtime] {
        config::paths::private_folder(folder).map_err(usage)?;
    }
    if file.exists() {
        return Ok(());
    }
    let account =
        config::account::own().ok_or_else(|| usage("this account has no name: add it to the machine's accounts"))?;
    let zone = iana_time_zone::get_timezone().unwrap_or_else(|_| "UTC".to_owned());
    let first = starter(&Start {
        account: &account.name,
        real_name: account.real_name.as_deref(),
        zone: &zone,
        sandbox: &paths.data.join("sandbox"),
        store: &paths.store_file(),
        socket: &paths.socket(),
    });
    let policy = paths.policy_file();
    if !policy.exists() {
        write_new(&policy, &first.policy)?;
        say(&format!("a starter policy was written to {}: add people and systems there", policy.display()));
    }
    write_new(file, &first.server)
}

fn write_new(path: &Path, text: &str) -> Result<(), HostFault> {
    let broken = |error: std::io::Error| HostFault::Broken(format!("{} cannot be written: {error}", path.display()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(broken)?;
    file.write_all(text.as_bytes()).map_err(broken)
}

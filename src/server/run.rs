//! Listening, serving and stopping: not ready, then nothing new, then long polls end, then what runs may finish.

use super::connection::{Connection, Connections, Counted, LAST_LOOK, LOOK, Looks};
use super::desk::{Desk, Phase, Phases};
use super::fault::ServeFault;
use super::listen::Listen;
use super::peer::Peer;
use super::place::{self, SocketFile};
use super::tls::Certificate;
use super::{Options, routes};
use crate::config::account;
use crate::config::address::Network;
use crate::service::Service;
use axum::Router;
use axum_server::accept::Accept;
use axum_server::tls_rustls::RustlsAcceptor;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tower::ServiceExt;

/// A head of a request has to be here by then; so long is a connection kept between two requests, too.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// The largest head of a request, in bytes.
const LARGEST_HEAD: usize = 16 * 1024;
/// So much of what was answered waits in the system for one reader, in bytes: a thousand that do not read must not fill it.
const UNREAD: usize = 128 * 1024;
/// So many requests at once on one connection.
const STREAMS: u32 = 64;
/// After a failed accept, most often for want of files.
const BREATH: Duration = Duration::from_millis(50);
/// Files that are not connections: the store's, the log's, the targets'.
const OTHER_FILES: u64 = 256;

/// Something to accept from.
enum Bound {
    Tcp(TcpListener),
    Tls(TcpListener, Certificate),
    #[allow(dead_code, reason = "dropping the file's guard removes the file")]
    Unix(UnixListener, SocketFile),
}

/// Serves until `shutdown` ends, and then until what runs is done. `ready` is told the addresses once all are listened on,
/// with the ports that the system picked.
pub async fn run(
    service: Service,
    listen: Vec<Listen>,
    options: Options,
    ready: impl FnOnce(&[Listen]),
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeFault> {
    let desk = Desk::new(service, options);
    let (options, phases) = (Arc::clone(&desk.options), desk.phases.clone());
    host(routes(desk), listen, &options, &phases, ready, shutdown).await
}

/// As [`run`], for any routes.
pub async fn host(
    router: Router,
    listen: Vec<Listen>,
    options: &Options,
    phases: &Phases,
    ready: impl FnOnce(&[Listen]),
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeFault> {
    let (mut bound, mut addresses) = (Vec::new(), Vec::new());
    for one in listen {
        let (listener, address) = bind(one, options).await?;
        bound.push(listener);
        addresses.push(address);
    }
    if bound.is_empty() {
        return Err(ServeFault::Listen("nothing: say where with listen in server.toml, or with --listen".into()));
    }
    let connections = Arc::new(Connections::new(affordable(options.connections)));
    let proxies = options.trusted_proxies.clone();
    let host = Arc::new(Host { router, builder: builder(), connections, phases: phases.follow(), proxies });

    ready(&addresses);
    let (running, mut ended) = mpsc::channel::<Infallible>(1);
    let mut accepting = JoinSet::new();
    for listener in bound {
        accepting.spawn(accept(Arc::clone(&host), listener, running.clone()));
    }
    drop(running);
    shutdown.await;

    phases.enter(Phase::Draining);
    while accepting.join_next().await.is_some() {}
    // Every connection holds a sender: when the last one is done there is nothing to receive from.
    if tokio::time::timeout(options.drain, ended.recv()).await.is_err() {
        tracing::warn!(seconds = options.drain.as_secs(), "connections that did not finish in time are cut");
        phases.enter(Phase::Over);
        ended.recv().await;
    }
    Ok(())
}

async fn bind(listen: Listen, options: &Options) -> Result<(Bound, Listen), ServeFault> {
    let fault = |error: io::Error| ServeFault::Listen(format!("{listen}: {error}: choose another address"));
    match &listen {
        Listen::Unix(path) => {
            let (listener, file) = place::bind(path, options.socket_mode)?;
            Ok((Bound::Unix(UnixListener::from_std(listener).map_err(fault)?, file), listen))
        }
        Listen::Tcp(address) if !is_loopback(address) && options.trusted_proxies.is_empty() => {
            Err(ServeFault::Listen(format!(
                "{address} without TLS: tokens would travel in clear; add [tls] to server.toml, or name the proxy that does TLS \
             in trusted_proxies"
            )))
        }
        Listen::Tcp(address) => {
            let listener = TcpListener::bind(address).await.map_err(fault)?;
            let address = listener.local_addr().map_err(fault)?;
            Ok((Bound::Tcp(listener), Listen::Tcp(address)))
        }
        Listen::Tls { address, certificate, key } => {
            let read = Certificate::read(certificate.clone(), key.clone()).await?;
            let listener = TcpListener::bind(address).await.map_err(fault)?;
            let address = listener.local_addr().map_err(fault)?;
            let (certificate, key) = (certificate.clone(), key.clone());
            Ok((Bound::Tls(listener, read), Listen::Tls { address, certificate, key }))
        }
    }
}

/// As many connections as there may be files for, after asking for as many as are allowed.
fn affordable(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    match getrlimit(Resource::Nofile).current {
        Some(files) => wanted.min(usize::try_from(files.saturating_sub(OTHER_FILES)).unwrap_or(usize::MAX)),
        None => wanted,
    }
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIME).max_buf_size(LARGEST_HEAD);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(LARGEST_HEAD).unwrap_or(u32::MAX))
        .keep_alive_interval(HEAD_TIME)
        .keep_alive_timeout(HEAD_TIME);
    builder
}

/// What every connection shares.
struct Host {
    router: Router,
    builder: Builder<TokioExecutor>,
    connections: Arc<Connections>,
    phases: watch::Receiver<Phase>,
    /// Who may come from afar without TLS.
    proxies: Vec<Network>,
}

impl Host {
    /// Whether somebody may speak without TLS: from this machine, or a proxy that did TLS for others.
    fn plainly(&self, peer: &Peer) -> bool {
        let trusted = |address: SocketAddr| self.proxies.iter().any(|network| network.contains(address.ip()));
        peer.address.is_some_and(|address| is_loopback(&address) || trusted(address))
    }
}

fn is_loopback(address: &SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

/// What came in.
enum Came {
    Plain(TcpStream, Peer),
    Tls(TcpStream, Peer, RustlsAcceptor),
    Unix(UnixStream),
}

async fn accept(host: Arc<Host>, bound: Bound, running: mpsc::Sender<Infallible>) {
    let mut phases = host.phases.clone();
    let reloading = match &bound {
        Bound::Tls(_, certificate) => Some(tokio::spawn(reload_on_hangup(certificate.clone()))),
        _ => None,
    };
    loop {
        let came = tokio::select! {
            biased;
            _ = phases.wait_for(|phase| *phase > Phase::Open) => break,
            came = next(&bound) => came,
        };
        match came {
            Ok(came) => {
                if let Some(connection) = host.connections.admit() {
                    tokio::spawn(attend(Arc::clone(&host), came, connection, running.clone()));
                } else {
                    tracing::warn!("a connection is refused: all are at work");
                }
            }
            Err(_) => tokio::time::sleep(BREATH).await,
        }
    }
    if let Some(task) = reloading {
        task.abort();
    }
}

async fn next(bound: &Bound) -> io::Result<Came> {
    let from = |listener: &TcpListener, address| Peer {
        address: Some(address),
        loopback: listener.local_addr().is_ok_and(|own| is_loopback(&own)),
        ..Peer::default()
    };
    Ok(match bound {
        Bound::Unix(listener, _) => Came::Unix(listener.accept().await?.0),
        Bound::Tcp(listener) => {
            let (stream, address) = listener.accept().await?;
            Came::Plain(stream, from(listener, address))
        }
        Bound::Tls(listener, certificate) => {
            let (stream, address) = listener.accept().await?;
            let acceptor = RustlsAcceptor::new(certificate.config.clone()).handshake_timeout(HEAD_TIME);
            Came::Tls(stream, from(listener, address), acceptor)
        }
    })
}

async fn reload_on_hangup(certificate: Certificate) {
    let Ok(mut hangups) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()) else { return };
    while hangups.recv().await.is_some() {
        match certificate.reload().await {
            Ok(()) => tracing::info!("the certificate was read again"),
            Err(fault) => tracing::error!(cause = ?fault.to_string(), "the old certificate stays"),
        }
    }
}

/// One connection, from its first byte to its last.
async fn attend(host: Arc<Host>, came: Came, connection: Arc<Connection>, running: mpsc::Sender<Infallible>) {
    let counted = |stream| Counted::new(stream, Arc::clone(&connection));
    let with = |peer| Peer { connection: Some(Arc::clone(&connection)), ..peer };
    match came {
        Came::Plain(_, peer) if !host.plainly(&peer) => {}
        Came::Plain(stream, peer) => {
            tune(&stream);
            serve(&host, counted(stream), with(peer), &connection).await;
        }
        Came::Tls(stream, peer, acceptor) => {
            tune(&stream);
            let handshake = tokio::select! {
                handshake = acceptor.accept(counted(stream), ()) => handshake.ok(),
                () = connection.cut() => None,
            };
            if let Some((stream, ())) = handshake {
                serve(&host, stream, with(peer), &connection).await;
            }
        }
        Came::Unix(stream) => {
            if let Ok(credentials) = stream.peer_cred() {
                let account = Some(named(credentials.uid()).await);
                let stream = Counted::new(stream, Arc::clone(&connection));
                serve(&host, stream, with(Peer { account, ..Peer::default() }), &connection).await;
            }
        }
    }
    host.connections.forget(&connection);
    drop(running);
}

/// Answers leave at once, and pile up no further than they may. A system that does not take it serves all the same.
fn tune(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let _ = rustix::net::sockopt::set_socket_send_buffer_size(stream, UNREAD);
}

/// The account's name, else its number. The directory that knows it may be slow to answer.
async fn named(uid: u32) -> String {
    let found = tokio::task::spawn_blocking(move || account::of(uid)).await.ok().flatten();
    found.map_or_else(|| uid.to_string(), |account| account.name)
}

async fn serve<S>(host: &Host, stream: S, peer: Peer, connection: &Arc<Connection>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (router, counting) = (host.router.clone(), Arc::clone(connection));
    let service = tower::service_fn(move |mut request: axum::http::Request<_>| {
        let (router, under_way) = (router.clone(), counting.begin());
        request.extensions_mut().insert(peer.clone());
        async move {
            let response = router.oneshot(request).await;
            drop(under_way);
            response
        }
    });
    let serving = host.builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    tokio::pin!(serving);
    let (mut phases, mut looks) = (host.phases.clone(), Looks::default());
    let mut tick = tokio::time::interval(LOOK);
    tick.tick().await;
    loop {
        tokio::select! {
            _ = serving.as_mut() => return,
            () = connection.cut() => return,
            _ = tick.tick() => if looks.give_up(connection) { return },
            changed = phases.changed() => {
                let phase = *phases.borrow_and_update();
                match phase {
                    Phase::Open if changed.is_ok() => {}
                    Phase::Draining => {
                        serving.as_mut().graceful_shutdown();
                        looks.leave();
                        tick = tokio::time::interval(LAST_LOOK);
                        tick.tick().await;
                    }
                    Phase::Open | Phase::Over => return,
                }
            }
        }
    }
}

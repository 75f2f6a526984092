//! What is refused before the service is asked, and what the listeners do, over stub routes.

use super::desk::{Phase, Phases};
use super::peer::Peer;
use super::posted::Posted;
use super::problem::No;
use super::query::{Asked, Id, cursor, limit, wait};
use super::run::host;
use super::{Listen, Options, guard, problem};
use crate::access::Refusal;
use crate::access::refusal::Code;
use crate::service::Fault;
use crate::wire::{ApproveBody, ListQuery, Problem};
use axum::Router;
use axum::body::Body;
use axum::extract::Extension;
use axum::http::{Request, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::oneshot;
use tower::ServiceExt;
use tower_http::catch_panic::CatchPanicLayer;

fn stub() -> Router {
    let options = Arc::new(Options { names: vec!["nightlatch.example".into()], ..Options::default() });
    Router::new()
        .route("/v1/requests", get(async |Asked(_): Asked<ListQuery>| "listed"))
        .route("/v1/requests/{id}/approve", post(approved))
        .route("/peer", get(async |Extension(peer): Extension<Peer>| peer.account.unwrap_or_default()))
        .route("/slow", get(async || tokio::time::sleep(Duration::from_millis(300)).await))
        .route("/panic", get(async || -> () { panic!("a secret") }))
        .fallback(guard::nothing_there)
        .method_not_allowed_fallback(guard::wrong_method)
        .layer(from_fn_with_state(options.clone(), guard::guard))
        .layer(CatchPanicLayer::custom(problem::panicked))
        .with_state(options)
}

async fn approved(Id(id): Id, posted: Posted<ApproveBody>) -> String {
    format!("{id} {:?} {}", posted.body.as_of, posted.key.body_hash.len())
}

async fn ask(request: axum::http::request::Builder, body: impl Into<Body>) -> (StatusCode, String) {
    let response = stub().oneshot(request.body(body.into()).unwrap()).await.unwrap();
    said(response).await
}

async fn said(response: Response) -> (StatusCode, String) {
    let status = response.status();
    let problem = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/problem+json");
    assert_eq!(problem, !status.is_success());
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    if problem {
        let problem: Problem = serde_json::from_str(&text).unwrap();
        assert_eq!(problem.status, status.as_u16());
        assert!(!problem.hint.is_empty(), "{text}");
        return (status, problem.detail);
    }
    (status, text)
}

fn to(path: &str) -> axum::http::request::Builder {
    Request::builder().uri(path).header(header::HOST, "localhost:8470")
}

fn approve() -> axum::http::request::Builder {
    to("/v1/requests/142/approve").method("POST").header(header::CONTENT_TYPE, "application/json")
}

#[tokio::test]
async fn a31_foreign_hosts_and_origins_are_refused() {
    for (host, ok) in [
        ("localhost", true),
        ("LOCALHOST:1", true),
        ("127.0.0.1:8470", true),
        ("[::1]:8470", true),
        ("[::1]", true),
        ("nightlatch.example", true),
        ("evil.example", false),
        ("localhost.evil.example", false),
        ("localhost:80@evil.example", false),
        ("127.0.0.1.evil.example:8470", false),
        ("", false),
    ] {
        let (status, said) = ask(Request::builder().uri("/v1/requests").header(header::HOST, host), "").await;
        assert_eq!(status == StatusCode::OK, ok, "{host}: {said}");
        assert!(ok || status == StatusCode::FORBIDDEN, "{host}: {status}");
    }
    assert_eq!(ask(Request::builder().uri("/v1/requests"), "").await.0, StatusCode::FORBIDDEN);
    let far = Peer { address: Some("192.0.2.1:5".parse().unwrap()), ..Peer::default() };
    let behind_tls = Request::builder().uri("/v1/requests").header(header::HOST, "any.example").extension(far);
    assert_eq!(ask(behind_tls, "").await.0, StatusCode::OK);

    for (origin, ok) in [("https://evil.example", false), ("null", false), ("http://localhost:8470", true)] {
        let (status, _) = ask(to("/v1/requests").header(header::ORIGIN, origin), "").await;
        assert_eq!(status == StatusCode::OK, ok, "{origin}");
    }
    assert_eq!(ask(to("/v1/requests").header("sec-fetch-site", "cross-site"), "").await.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a32_only_json_declared_as_such_is_read() {
    let plain = to("/v1/requests/142/approve").method("POST");
    for (kind, ok) in [
        ("text/plain", false),
        ("application/jsonx", false),
        ("application/x-www-form-urlencoded", false),
        ("application/json; charset=latin1", false),
        ("application/json; charset=utf-8", true),
        ("application/json", true),
    ] {
        let request = to("/v1/requests/142/approve").method("POST").header(header::CONTENT_TYPE, kind);
        let (status, said) = ask(request, "{\"as_of\":7}").await;
        assert_eq!(status, if ok { StatusCode::OK } else { StatusCode::UNSUPPORTED_MEDIA_TYPE }, "{kind}: {said}");
    }
    assert_eq!(ask(plain, "{}").await.0, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let empty = to("/v1/requests/142/approve").method("POST");
    assert_eq!(ask(empty, "").await, (StatusCode::OK, "NL-142 None 64".into()));
}

#[tokio::test]
async fn a33_bad_bodies_are_refused_at_once() {
    let nested = format!("{{\"window\":{}", "[".repeat(100_000));
    let bad: [(&[u8], u16, &str); 13] = [
        (b"{", 400, "EOF"),
        (b"[1", 400, ""),
        (b"{} {}", 400, "trailing"),
        (nested.as_bytes(), 400, "nested deeper than 64"),
        (b"{\"as_of\":1,\"as_of\":2}", 400, "duplicate field `as_of`"),
        (b"{\"words\":\"\\ud800\"}", 400, ""),
        (b"{\"words\":\"a\\u0000b\"}", 400, "NUL"),
        (b"{\"words\":\"a\0b\"}", 400, "NUL"),
        (b"{\"words\":\"\xff\"}", 400, "UTF-8"),
        (b"{\"as_of\":\"7\"}", 422, "expected i64"),
        (b"{\"as_of\":1e99}", 422, "expected i64"),
        (b"{\"asof\":7}", 422, "unknown field `asof`"),
        (b"[]", 400, "no object"),
    ];
    for (body, status, says) in bad {
        let (answer, said) = ask(approve(), body.to_vec()).await;
        assert_eq!(answer.as_u16(), status, "{}: {said}", String::from_utf8_lossy(body));
        assert!(said.contains(says), "{said}");
    }
    let large = vec![b' '; 10 * 1024 * 1024];
    assert_eq!(ask(approve(), large).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    let declared = approve().header(header::CONTENT_LENGTH, "99999999");
    assert_eq!(ask(declared, "{}").await.0, StatusCode::PAYLOAD_TOO_LARGE);
    let trickled =
        Body::from_stream(futures_util::stream::iter((0..400).map(|_| Ok::<_, std::io::Error>([b' '; 1024].to_vec()))));
    assert_eq!(ask(approve(), trickled).await.0, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn idempotency_keys_are_plain() {
    for (key, ok) in [("12345678", true), ("short", false), ("with a space in", false), (&"x".repeat(129), false)] {
        let (status, said) = ask(approve().header("idempotency-key", key), "{\"as_of\":7}").await;
        assert_eq!(status == StatusCode::OK, ok, "{key}: {said}");
    }
    let two = approve().header("idempotency-key", "12345678").header("idempotency-key", "12345679");
    assert_eq!(ask(two, "{}").await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a36_odd_queries_are_refused() {
    for query in ["limit=x", "limit=99999999999999999999", "page=2", "limit=1&limit=2", "search=a%00b"] {
        let (status, said) = ask(to(&format!("/v1/requests?{query}")), "").await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}: {said}");
    }
    for value in [-1, 2_000_000, i64::MAX, i64::MIN] {
        assert_eq!(cursor("after", Some(value), 0, 500).unwrap_err().status, StatusCode::BAD_REQUEST);
    }
    assert_eq!(cursor("after", Some(500), 0, 500).unwrap(), Some(500));
    assert!([0, -5, 201].into_iter().all(|value| limit(Some(value), 200).is_err()));
    assert!(["-1s", "61s", "10", "forever", "P1Y"].into_iter().all(|value| wait(Some(value)).is_err()));
    assert_eq!(wait(Some("10s")).unwrap(), Duration::from_secs(10));
}

#[tokio::test]
async fn a37_odd_paths_lead_nowhere() {
    for path in [
        "//v1/requests",
        "/v1//requests",
        "/v1/requests/",
        "/v1/./requests",
        "/v1/x/../requests",
        "/v1/%2e%2e/requests",
        "/v1/%72equests",
        "/v1/requests%2f142",
        "/v1/requests%00",
        "/v1/requests%zz",
        "/V1/requests",
        "/v2/requests",
    ] {
        assert_eq!(ask(to(path), "").await.0, StatusCode::NOT_FOUND, "{path}");
    }
    for id in ["0", "-1", "142x", "NL-", "%F0%9F%94%91", "99999999999999999999", "1e3"] {
        let request =
            to(&format!("/v1/requests/{id}/approve")).method("POST").header(header::CONTENT_TYPE, "application/json");
        assert_eq!(ask(request, "{}").await.0, StatusCode::NOT_FOUND, "{id}");
    }
    let overridden = to("/v1/requests").header("x-http-method-override", "DELETE");
    assert_eq!(ask(overridden, "").await.0, StatusCode::NOT_FOUND);
    assert_eq!(ask(to("/v1/requests").method("DELETE"), "").await.0, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn every_class_has_its_status() {
    for (code, status) in [
        (Code::Malformed, 422),
        (Code::NotEligible, 409),
        (Code::AlreadyDecided, 409),
        (Code::NotSignedIn, 401),
        (Code::NotFound, 404),
        (Code::Changed, 412),
        (Code::Behind, 503),
        (Code::IncidentBlocked, 409),
    ] {
        let response = No::from(Fault::Refused(Refusal::new(code, "so", "thus"))).into_response();
        assert_eq!(response.headers().contains_key(header::RETRY_AFTER), status == 503);
        assert_eq!(said(response).await, (StatusCode::from_u16(status).unwrap(), "so".into()));
    }
    for fault in [Fault::Broken("disk of sam".into()), Fault::Away("postgres://secret".into())] {
        let response = No::from(fault).into_response();
        assert!(response.status().is_server_error());
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let problem: Problem = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(problem.request_id.unwrap().len(), 16);
        assert!(!String::from_utf8_lossy(&bytes).contains("sec") && !problem.detail.contains("sam"));
    }
    let (status, said) = ask(to("/panic"), "").await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!said.contains("secret"));
}

#[tokio::test]
async fn forwarded_addresses_are_believed_of_trusted_proxies_only() {
    let options = Options { trusted_proxies: vec!["10.0.0.1".parse().unwrap()], ..Options::default() };
    let peer = |address: &str| Peer { address: Some(address.parse().unwrap()), ..Peer::default() };
    let request = to("/").header("x-forwarded-for", "127.0.0.1, 198.51.100.7, 10.0.0.1").body(()).unwrap();
    let client = |address: &str| peer(address).client(request.headers(), &options).unwrap().to_string();
    assert_eq!(client("10.0.0.1:9"), "198.51.100.7");
    assert_eq!(client("203.0.113.5:9"), "203.0.113.5");
    assert!(!peer("10.0.0.1:9").is_local(request.headers(), &options));
    assert_eq!(peer("[2001:db8:1:2:3::4]:9").place(request.headers(), &options), "2001:db8:1:2::/64");
}

/// A host of the stub routes; the sender stops it.
async fn hosted(listen: Listen, options: Options) -> (Listen, oneshot::Sender<()>, tokio::task::JoinHandle<()>) {
    let (stop, stopped) = oneshot::channel();
    let (told, ready) = oneshot::channel();
    let task = tokio::spawn(async move {
        let phases = Phases::new();
        let ready = |addresses: &[Listen]| told.send(addresses[0].clone()).unwrap();
        let shutdown = async { drop(stopped.await) };
        host(stub(), vec![listen], &options, &phases, ready, shutdown).await.unwrap();
        assert!(phases.stopping() && *phases.follow().borrow() <= Phase::Over);
    });
    (ready.await.unwrap(), stop, task)
}

async fn exchange(mut stream: impl AsyncReadExt + AsyncWriteExt + Unpin, path: &str) -> String {
    let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test]
async fn a_socket_names_its_peer_and_is_removed_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sock");
    let (address, stop, task) = hosted(Listen::Unix(path.clone()), Options::default()).await;
    assert_eq!(address.to_string(), format!("unix:{}", path.display()));
    let said = exchange(UnixStream::connect(&path).await.unwrap(), "/peer").await;
    let own = crate::config::account::own().unwrap().name;
    assert!(said.starts_with("HTTP/1.1 200") && said.ends_with(&format!("\r\n\r\n{own}")), "{said}");
    stop.send(()).unwrap();
    task.await.unwrap();
    assert!(!path.exists());
}

#[tokio::test]
async fn a34_slow_connections_do_not_keep_others_out() {
    let options = Options { connections: 40, ..Options::default() };
    let (address, stop, task) = hosted(Listen::Tcp("127.0.0.1:0".parse().unwrap()), options).await;
    let mut slow = Vec::new();
    for _ in 0..200 {
        let mut stream = TcpStream::connect(address.to_string()).await.unwrap();
        stream.write_all(b"GET /v1/req").await.unwrap();
        slow.push(stream);
    }
    let said = exchange(TcpStream::connect(address.to_string()).await.unwrap(), "/v1/requests").await;
    assert!(said.ends_with("listed"), "{said}");
    stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(9), task).await.unwrap().unwrap();
}

#[tokio::test]
async fn a38_two_lengths_are_refused() {
    let (address, stop, task) = hosted(Listen::Tcp("127.0.0.1:0".parse().unwrap()), Options::default()).await;
    let mut stream = TcpStream::connect(address.to_string()).await.unwrap();
    let smuggled = "POST /v1/requests/142/approve HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\
                    Content-Length: 5\r\nContent-Type: application/json\r\n\r\n{}  G";
    stream.write_all(smuggled.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 400"), "{text}");
    drop(stop);
    task.await.unwrap();
}

#[tokio::test]
async fn what_runs_may_finish_and_nothing_new_begins() {
    let (address, stop, task) = hosted(Listen::Tcp("127.0.0.1:0".parse().unwrap()), Options::default()).await;
    let address = address.to_string();
    let _idle = TcpStream::connect(&address).await.unwrap();
    let running = tokio::spawn(exchange(TcpStream::connect(&address).await.unwrap(), "/slow"));
    tokio::time::sleep(Duration::from_millis(100)).await;
    stop.send(()).unwrap();
    assert!(running.await.unwrap().starts_with("HTTP/1.1 200"));
    tokio::time::timeout(Duration::from_secs(9), task).await.unwrap().unwrap();
    assert!(TcpStream::connect(&address).await.is_err());
}

#[tokio::test]
async fn plain_http_is_for_loopback_only() {
    let listen = Listen::Tcp("192.0.2.1:0".parse().unwrap());
    let fault = host(stub(), vec![listen], &Options::default(), &Phases::new(), |_| {}, async {}).await.unwrap_err();
    assert!(fault.to_string().contains("[tls]"), "{fault}");
}

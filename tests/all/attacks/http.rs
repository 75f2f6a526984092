//! What no client of ours would send.

use super::asking;
use crate::support::served::{PATIENCE, Served, Start, Watch, Wire, until};
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::time::Duration;

const POST: &str = "POST /v1/requests HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";

/// "At once", for a debug build on a busy machine.
const AT_ONCE: Duration = Duration::from_secs(8);

#[test]
fn a31_foreign_hosts_and_origins_are_refused() {
    let served = Served::tcp();
    let token = served.token("sam");
    let ask = |host: &str, more: &str| {
        served.raw(format!(
            "GET /v1/me HTTP/1.1\r\n{host}Connection: close\r\nAuthorization: Bearer {token}\r\n{more}\r\n"
        ))
    };
    let port = served.address.rsplit_once(':').unwrap().1;
    for host in ["localhost".to_owned(), format!("127.0.0.1:{port}"), "[::1]:1".into()] {
        assert_eq!(ask(&format!("Host: {host}\r\n"), "").status, 200, "{host}");
    }
    for host in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "0x7f.1"]
    {
        let said = ask(&format!("Host: {host}\r\n"), "");
        assert_eq!((said.status, said.json()["code"].as_str().unwrap()), (403, "foreign-host"), "{host}");
    }
    let absolute =
        format!("GET http://evil.example/v1/me HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n");
    assert_eq!(served.raw(absolute).status, 403);
    assert!(matches!(ask("", "").status, 400 | 403), "no host");
    assert!(matches!(ask("Host: localhost\r\nHost: evil.example\r\n", "").status, 400 | 403), "two hosts");
    for origin in ["https://evil.example", "null", "http://localhost.evil.example", "file://"] {
        let said = ask("Host: localhost\r\n", &format!("Origin: {origin}\r\n"));
        assert_eq!((said.status, said.json()["code"].as_str().unwrap()), (403, "foreign-origin"), "{origin}");
        assert!(!said.head.contains("access-control-allow-origin"), "{}", said.head);
    }
    assert_eq!(ask("Host: localhost\r\n", "Sec-Fetch-Site: cross-site\r\n").status, 403);
}

#[test]
fn a32_json_that_is_declared_as_text_is_not_read() {
    let served = Served::socket();
    let body = asking(&json!({})).to_string();
    let length = body.len();
    for kind in
        ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/json; charset=latin1"]
    {
        let head = format!("Host: localhost\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close");
        let said = served.raw(format!("POST /v1/requests HTTP/1.1\r\n{head}\r\n\r\n{body}"));
        assert_eq!(said.status, 415, "{kind}: {said:?}");
    }
    let bare =
        served.raw(format!("POST /v1/requests HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{body}"));
    assert_eq!(bare.status, 415);
    assert_eq!(served.head_seq(), 1, "only the policy was written");
}

#[test]
fn a33_bad_bodies_are_refused_at_once_and_memory_stays_flat() {
    let served = Served::socket();
    let before = served.head_seq();
    let task = |inside: &str| {
        let body = asking(&json!({ "task": "@" })).to_string();
        body.replace("\"@\"", &format!("\"{inside}\"")).into_bytes()
    };
    let bytes = |bytes: &[u8]| {
        let text = String::from_utf8(task("@")).unwrap();
        let (head, tail) = text.split_once('@').unwrap();
        [head.as_bytes(), bytes, tail.as_bytes()].concat()
    };
    let whole = String::from_utf8(task("x")).unwrap();
    let bad: Vec<(Vec<u8>, &[u16], &str)> = vec![
        (format!("{{\"window\":{}", "[".repeat(100_000)).into_bytes(), &[400], "nested deeper"),
        (format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000)).into_bytes(), &[400], "nested deeper"),
        (whole.replacen('{', "{\"system\":\"other\",", 1).into_bytes(), &[400], "duplicate field `system`"),
        (bytes(b"\xff\xfe"), &[400], "UTF-8"),
        (bytes(b"a\0b"), &[400], "NUL"),
        (task("a\\u0000b"), &[400], "NUL"),
        (task("\\ud800"), &[400], ""),
        (task("\\udc00\\ud800"), &[400], ""),
        (task("a\nb"), &[400], "control character"),
        (whole.replacen('{', "{\"system_\":1,", 1).into_bytes(), &[422], "unknown field `system_`"),
        (whole.replace("1800", "1e999").into_bytes(), &[400, 422], ""),
        (whole.replace("1800", "99999999999999999999").into_bytes(), &[422], ""),
        (b"null".to_vec(), &[400, 422], ""),
        (b"\xef\xbb\xbf{}".to_vec(), &[400], ""),
        ([whole.as_bytes(), b"{}"].concat(), &[400], "trailing"),
    ];
    for (body, statuses, says) in &bad {
        let begun = Watch::start();
        let said = served.post_with("/v1/requests", None, "", body);
        let shown = String::from_utf8_lossy(body).chars().take(80).collect::<String>();
        assert!(statuses.contains(&said.status), "{shown}: {said:?}");
        assert!(said.detail().contains(says), "{shown}: {said:?}");
        assert!(begun.elapsed() < AT_ONCE, "{shown}: {:?}", begun.elapsed());
    }
    // Ten megabytes that are announced are refused before they come.
    let mut wire = served.wire();
    wire.write_all(format!("{POST}Content-Length: 10485760\r\n\r\n").as_bytes()).unwrap();
    assert_eq!(wire.answer().unwrap().status, 413);
    // Ten megabytes that are sent all the same are not kept.
    let body = vec![b' '; 10 * 1024 * 1024];
    let flat = served.memory();
    for _ in 0..20 {
        let mut wire = served.wire();
        let sent = wire.write_all(format!("{POST}Content-Length: {}\r\n\r\n", body.len()).as_bytes());
        // Whoever refuses may close before all has come.
        if sent.and_then(|()| wire.write_all(&body)).is_ok() {
            assert!(wire.answer().is_ok_and(|said| said.status == 413));
        }
    }
    let grown = served.memory().saturating_sub(flat);
    assert!(grown < 24 * 1024, "200 MB of bodies made {grown} KiB");
    assert_eq!(served.head_seq(), before, "nothing was written");
    assert!(!served.log().contains("panicked"));
}

#[test]
fn a34_two_thousand_slow_connections_do_not_keep_others_out() {
    more_files();
    let served = Start { more: "connections = 500\n", ..Start::tcp() }.serve();
    let token = served.token("sam");
    let mut slow = Vec::new();
    for n in 0..2000 {
        let mut wire = served.wire();
        let head: &[u8] =
            if n % 2 == 0 { b"GET /v1/boa" } else { b"POST /v1/requests HTTP/1.1\r\nHost: localhost\r\nConte" };
        // Whoever came first has to give way.
        drop(wire.write_all(head));
        slow.push(wire);
    }
    let begun = Watch::start();
    for _ in 0..5 {
        assert_eq!(served.get("/v1/board", Some(&token)).status, 200);
    }
    assert!(begun.elapsed() < 2 * AT_ONCE, "{:?}", begun.elapsed());
    let files = std::fs::read_dir(format!("/proc/{}/fd", served.server.id())).unwrap().count();
    assert!(files < 700, "{files} open files for 500 connections at most");
}

/// This process holds both the clients and the tests beside them.
fn more_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
}

/// Clients that wait for the board, ask for much more behind it, and never read.
fn deaf(served: &Served, token: &str, count: usize) -> Vec<Wire> {
    let auth = format!("Host: localhost\r\nAuthorization: Bearer {token}\r\n\r\n");
    let mut wish = format!("GET /v1/board?after=1&wait=1s HTTP/1.1\r\n{auth}").into_bytes();
    for _ in 0..200 {
        wish.extend_from_slice(format!("GET /v1/openapi.json HTTP/1.1\r\n{auth}").as_bytes());
    }
    let mut wires = Vec::new();
    for _ in 0..count {
        let mut wire = served.wire();
        wire.deaf();
        // What does not fit is not sent: it is enough as it is.
        drop(wire.write(&wish));
        wires.push(wire);
    }
    wires
}

#[test]
fn a35_clients_that_never_read_take_no_memory_and_keep_nobody_out() {
    more_files();
    let served = Served::tcp();
    let token = served.token("sam");
    assert_eq!(served.get("/v1/openapi.json", None).status, 200);
    let before = served.memory();
    let wires = deaf(&served, &token, 500);
    let begun = Watch::start();
    // They wait a second, and are answered then: for three seconds all of them have something to be sent.
    let mut grown = 0;
    while begun.elapsed() < Duration::from_secs(3) {
        let asked = Watch::start();
        assert_eq!(served.get("/v1/board", Some(&token)).status, 200);
        assert!(asked.elapsed() < 2 * AT_ONCE, "{:?}", asked.elapsed());
        grown = grown.max(served.memory().saturating_sub(before));
    }
    assert!(grown < 150 * 1024, "500 deaf clients made {grown} KiB");
    drop(wires);
}

#[test]
#[ignore = "it takes the twenty seconds after which who does not read is let go"]
fn a35_clients_that_never_read_are_let_go() {
    more_files();
    let served = Served::tcp();
    let token = served.token("sam");
    let files = || std::fs::read_dir(format!("/proc/{}/fd", served.server.id())).unwrap().count();
    let before = files();
    let wires = deaf(&served, &token, 300);
    until("all are held", || (files() >= before + 300).then_some(()));
    let begun = Watch::start();
    while files() > before + 20 {
        assert!(begun.elapsed() < 3 * PATIENCE, "{} are still held", files() - before);
        std::thread::sleep(Duration::from_millis(100));
    }
    drop(wires);
}

#[test]
fn a36_forged_pages_and_cursors_are_refused() {
    let served = Served::socket();
    for query in [
        "/v1/requests?limit=-1",
        "/v1/requests?limit=0",
        "/v1/requests?limit=201",
        "/v1/requests?limit=99999999999999999999",
        "/v1/requests?limit=1.5",
        "/v1/requests?before=-5",
        "/v1/requests?before=0",
        "/v1/requests?before=9007199254740993",
        "/v1/requests?before=abc",
        "/v1/requests?page=2",
        "/v1/requests?limit=1&limit=2",
        "/v1/requests?status=open",
        "/v1/requests?from=yesterday",
        "/v1/requests?from=2026-11-22T00:30:00",
        "/v1/requests?system=a%27b",
        "/v1/events?after=-1",
        "/v1/events?after=9223372036854775807",
        "/v1/events?limit=1001",
        "/v1/events?wait=-1s",
        "/v1/events?wait=1h",
        "/v1/board?after=-1",
        "/v1/board?after=999999999999",
        "/v1/board?wait=forever",
        "/v1/audit/export?after=-1",
        "/v1/audit/export?after=77777777777",
    ] {
        let said = served.get(query, None);
        assert!(matches!(said.status, 400 | 422), "{query}: {said:?}");
        assert!(!said.json()["hint"].as_str().unwrap().is_empty(), "{query}: {said:?}");
    }
    for seen in ["-1", "x", "99999999999999999999"] {
        let said = served.odd("GET", "/v1/me", &format!("Nightlatch-Seen: {seen}\r\n"));
        assert_eq!(said.status, 400, "{seen}: {said:?}");
    }
}

#[test]
fn a37_odd_paths_lead_nowhere() {
    let served = Served::socket();
    for path in [
        "//v1/requests",
        "/v1//requests",
        "/v1/requests/",
        "/v1/%2e%2e/v1/requests",
        "/v1/../v1/requests",
        "/v1/requests/..",
        "/v1/./requests",
        "/v1/%72equests",
        "/v1/requests%2f101",
        "/v1/requests%00",
        "/v1/requests%0aforged",
        "/v1/requests\\101",
        "/V1/requests",
        "/v1/requests/101x",
        "/v1/requests/-1",
        "/v1/requests/99999999999999999999",
        "/v1/requests/101/approve/extra",
        "/etc/passwd",
    ] {
        let said = served.odd("GET", path, "");
        assert!(matches!(said.status, 400 | 404), "{path}: {said:?}");
    }
    for name in ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"] {
        assert_eq!(served.odd("GET", "/v1/me", &format!("{name}: DELETE\r\n")).status, 404, "{name}");
    }
    for method in ["DELETE", "PUT", "PATCH", "TRACE", "OPTIONS", "CONNECTED", "get"] {
        let said = served.odd(method, "/v1/requests", "");
        assert!(matches!(said.status, 400 | 405), "{method}: {said:?}");
    }
    assert!(matches!(served.odd("CONNECT", "evil.example:443", "").status, 400 | 403 | 404 | 405));
}

#[test]
fn a38_what_two_readers_would_read_differently_is_refused() {
    let served = Served::socket();
    let before = served.head_seq();
    let body = asking(&json!({})).to_string();
    let length = body.len();
    let chunked = format!("{length:x}\r\n{body}\r\n0\r\n\r\n");
    let hidden = "GET /v1/hidden HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let cases = [
        ("both lengths", format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n\r\n{chunked}")),
        (
            "both, the other way round",
            format!("Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n\r\n{chunked}"),
        ),
        ("a length that cuts", format!("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n{hidden}")),
        ("two lengths", format!("Content-Length: {length}\r\nContent-Length: 2\r\n\r\n{body}")),
        ("two in one", format!("Content-Length: {length}, 2\r\n\r\n{body}")),
        ("a sign", format!("Content-Length: +{length}\r\n\r\n{body}")),
        ("no number", format!("Content-Length: {length}x\r\n\r\n{body}")),
        ("negative", format!("Content-Length: -{length}\r\n\r\n{body}")),
        ("a bad chunk", format!("Transfer-Encoding: chunked\r\n\r\nzz\r\n{body}\r\n0\r\n\r\n")),
        ("a huge chunk", format!("Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{body}")),
        ("unknown encoding", format!("Transfer-Encoding: gzip\r\nContent-Length: {length}\r\n\r\n{body}")),
        ("hidden encoding", format!("Transfer-Encoding: chunked, identity\r\n\r\n{chunked}")),
        ("space before colon", format!("Content-Length : {length}\r\n\r\n{body}")),
        ("folded", format!("X: a\r\n Content-Length: 2\r\nContent-Length: {length}\r\n\r\n{body}")),
    ];
    for (what, rest) in cases {
        let mut wire = served.wire();
        wire.write_all(format!("{POST}{rest}").as_bytes()).unwrap();
        let said = wire.answer().unwrap_or_else(|bad| panic!("{what}: {bad}"));
        assert_eq!(said.status, 400, "{what}: {said:?}");
        // Nothing that follows on the connection is taken for another request.
        let mut rest = String::new();
        wire.done();
        drop(wire.read_to_string(&mut rest));
        assert!(!rest.contains("HTTP/1.1"), "{what}: {rest}");
    }
    assert_eq!(served.head_seq(), before, "nothing was written");
}

#[test]
fn truncated_bodies_are_refused() {
    let served = Served::socket();
    let before = served.head_seq();
    let body = asking(&json!({})).to_string();
    for kept in [0, 1, body.len() / 2, body.len() - 1] {
        let mut wire = served.wire();
        wire.write_all(format!("{POST}Content-Length: {}\r\n\r\n{}", body.len(), &body[..kept]).as_bytes()).unwrap();
        wire.done();
        match wire.answer() {
            Ok(said) => assert_eq!(said.status, 400, "{kept}: {said:?}"),
            // Whoever hangs up in the middle need not be answered.
            Err(_) => assert_eq!(served.get("/v1/me", None).status, 200),
        }
    }
    assert_eq!(served.head_seq(), before, "nothing was written");
}

#[test]
fn a_key_that_comes_again_gives_the_same_answer_or_is_refused() {
    let served = Served::socket();
    let key = "Idempotency-Key: one-two-three\r\n";
    let file = |changes| served.post_with("/v1/requests", None, key, asking(&changes).to_string().as_bytes());
    let first = file(json!({}));
    assert_eq!(first.status, 201, "{first:?}");
    let id = first.json()["id"].as_i64().unwrap();
    assert_eq!(file(json!({})).json()["id"], id, "the same key and body: the same request");
    let other = file(json!({ "task": "Something else entirely; done when it is" }));
    assert_eq!((other.status, other.json()["code"].as_str().unwrap()), (422, "key-reused"), "{other:?}");
    let elsewhere = served.post_with(&format!("/v1/requests/{id}/withdraw"), None, key, b"{}");
    assert_eq!(elsewhere.status, 422, "the same key at another address: {elsewhere:?}");
    let list = served.get("/v1/requests", None).json();
    assert_eq!(list["requests"].as_array().unwrap().len(), 1);
    // Somebody else's key of the same name is another one.
    let sam = served.token("sam");
    let theirs =
        served.post_with("/v1/requests", Some(&sam), key, asking(&json!({ "approver": "li" })).to_string().as_bytes());
    assert_eq!(theirs.status, 201, "{theirs:?}");
}

#[test]
fn what_changed_since_it_was_read_is_412() {
    let served = Served::socket();
    let sam = served.token("sam");
    let filed = served.file(&asking(&json!({}))).json();
    let (id, read) = (filed["id"].as_i64().unwrap(), filed["version"].as_i64().unwrap());
    let amended = served.post(&format!("/v1/requests/{id}/amend"), None, &json!({ "window": { "for_seconds": 3600 } }));
    assert_eq!(amended.status, 200, "{amended:?}");
    let approve = |as_of: &serde_json::Value| served.post(&format!("/v1/requests/{id}/approve"), Some(&sam), as_of);
    let stale = approve(&json!({ "as_of": read }));
    assert_eq!((stale.status, stale.json()["code"].as_str().unwrap()), (412, "changed"), "{stale:?}");
    for bad in
        [json!({}), json!({ "as_of": 0 }), json!({ "as_of": -1 }), json!({ "as_of": "2" }), json!({ "as_of": null })]
    {
        assert_eq!(approve(&bad).status, 422, "{bad}");
    }
    let newest = amended.json()["version"].as_i64().unwrap();
    let ahead = approve(&json!({ "as_of": newest + 1000 }));
    assert!(matches!(ahead.status, 412 | 422), "a version that there is none of: {ahead:?}");
    let seen =
        served.command().env("NIGHTLATCH_TOKEN", &sam).args(["approve", "101", "--seen", &read.to_string()]).output();
    crate::support::served::ends(&seen.unwrap(), 6, "changed");
    assert_eq!(approve(&json!({ "as_of": newest, "words": "go" })).status, 200);
}

//! The client against hosts made of bytes.

use super::exchange::Exchange;
use super::*;
use crate::wire::PlainBody;
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::mpsc;

fn answer(status: &str, kind: &str, more: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n{more}\r\n{body}", body.len())
}

fn ok(body: &str) -> String {
    answer("200 OK", "application/json", "", body)
}

/// A host that gives each connection the next text and closes it; what it was sent comes out of the receiver.
async fn host(answers: Vec<String>) -> (Address, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = Address::Http(format!("http://{}", listener.local_addr().unwrap()));
    let (tell, told) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        for text in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut bytes = vec![0; 65536];
            let read = stream.read(&mut bytes).await.unwrap();
            let _ = tell.send(String::from_utf8_lossy(&bytes[..read]).into_owned());
            stream.write_all(text.as_bytes()).await.unwrap();
            let _ = stream.shutdown().await;
        }
    });
    (address, told)
}

fn client(addresses: Vec<Address>) -> Client {
    Client::new(addresses, Some(Secret::new("nlt_secret"))).unwrap()
}

fn key(sent: &str) -> &str {
    sent.lines().find_map(|line| line.strip_prefix("idempotency-key: ")).unwrap()
}

#[derive(Debug, PartialEq, serde::Deserialize)]
struct Said {
    said: String,
}

#[tokio::test]
async fn an_answer_is_unwrapped_and_its_head_is_sent_back() {
    let body = r#"{"server_now":"2026-11-22T00:30:00Z","head":7,"said":"yes"}"#;
    let (address, mut told) = host(vec![ok(body), ok(body), ok(body), ok(body)]).await;
    let client = client(vec![address]);
    assert_eq!(client.get::<Said>("/v1/me").await.unwrap(), Said { said: "yes".into() });
    assert_eq!((client.last().head, client.last().server_now.unwrap().to_string()), (7, "2026-11-22T00:30:00Z".into()));
    let first = told.recv().await.unwrap();
    assert!(first.starts_with("GET /v1/me HTTP/1.1") && first.contains("authorization: Bearer nlt_secret"), "{first}");
    assert!(!first.contains("nightlatch-seen") && !first.contains("idempotency-key"));

    client.post::<_, ()>("/v1/freeze", &PlainBody::default()).await.unwrap();
    let second = told.recv().await.unwrap();
    assert!(second.contains("nightlatch-seen: 7") && second.ends_with("\r\n\r\n{}"), "{second}");
    let raw = client.get::<Box<serde_json::value::RawValue>>("/v1/me").await.unwrap();
    assert_eq!(raw.get(), body);
    let whole = client.get::<crate::wire::Answer<serde_json::Value>>("/v1/me").await.unwrap();
    assert_eq!((whole.head, whole.body["said"].as_str()), (7, Some("yes")));
    assert!(!format!("{client:?}").contains("nlt_secret"));
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_under_the_same_key() {
    let problem = r#"{"status":503,"code":"behind","detail":"behind","hint":"again"}"#;
    let later = answer("503 Service Unavailable", "application/problem+json", "Retry-After: 0\r\n", problem);
    let (address, mut told) = host(vec![String::new(), later, ok(r#"{"said":"done"}"#)]).await;
    let said: Said = client(vec![address]).post("/v1/requests", &PlainBody::default()).await.unwrap();
    assert_eq!(said.said, "done");
    let [first, second, third] = [told.recv().await, told.recv().await, told.recv().await].map(Option::unwrap);
    assert_eq!(key(&first).len(), 32);
    assert!(key(&first) == key(&second) && key(&second) == key(&third));
}

#[tokio::test]
async fn a_no_is_said_and_not_asked_again() {
    let problem = r#"{"type":"x","status":409,"code":"over","detail":"it is over","hint":"file anew"}"#;
    let no = answer("409 Conflict", "application/problem+json", "", problem);
    let slow = answer("503 Service Unavailable", "application/problem+json", "Retry-After: 30\r\n", problem);
    for text in [no, slow] {
        let (address, mut told) = host(vec![text]).await;
        match client(vec![address]).post::<_, ()>("/v1/requests", &PlainBody::default()).await {
            Err(ClientError::Problem(problem)) => {
                assert_eq!((problem.code.as_str(), problem.hint.as_str()), ("over", "file anew"));
            }
            other => panic!("{other:?}"),
        }
        assert!(told.recv().await.is_some() && told.recv().await.is_none());
    }
}

#[tokio::test]
async fn what_is_no_answer_of_ours_is_said() {
    for (text, says) in [
        (answer("200 OK", "text/html", "", "<html>"), "answered 200 with text/html"),
        (answer("302 Found", "text/html", "Location: http://127.0.0.1:1/\r\n", ""), "answered 302"),
        (ok("{\"said\""), "cannot be read"),
        (ok("{\"head\":1}"), "missing field `said`"),
    ] {
        let (address, _told) = host(vec![text]).await;
        match client(vec![address]).get::<Said>("/v1/me").await {
            Err(ClientError::Wrong(sentence)) => assert!(sentence.contains(says), "{sentence}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn the_next_address_is_asked_when_one_is_away() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = Address::Unix(folder.path().join("sock"));
    let (somebody, _told) = host(vec![ok(r#"{"said":"a"}"#), ok(r#"{"said":"b"}"#)]).await;
    let both = client(vec![nobody.clone(), somebody.clone()]);
    assert_eq!(both.get::<Said>("/v1/me").await.unwrap().said, "a");
    assert_eq!(both.address(), somebody);
    assert_eq!(both.get::<Said>("/v1/me").await.unwrap().said, "b");

    let Err(ClientError::Away(sentence)) = client(vec![nobody.clone()]).get::<Said>("/v1/me").await else { panic!() };
    assert!(sentence.contains("no server listens there") && sentence.contains("sock"), "{sentence}");
    let stale = folder.path().join("stale");
    drop(UnixListener::bind(&stale).unwrap());
    let Err(ClientError::Away(sentence)) = client(vec![Address::Unix(stale)]).get::<Said>("/v1/me").await else {
        panic!()
    };
    assert!(sentence.contains("is gone"), "{sentence}");
}

#[tokio::test]
async fn lines_come_one_by_one_and_a_broken_stream_is_no_end() {
    let chunked = |chunks: &[&str], end: &str| {
        let body = chunks.iter().fold(String::new(), |body, chunk| format!("{body}{:x}\r\n{chunk}\r\n", chunk.len()));
        format!("HTTP/1.1 200 OK\r\nContent-Type: application/jsonl\r\nTransfer-Encoding: chunked\r\n\r\n{body}{end}")
    };
    for (text, lines, says) in [
        (chunked(&["{\"a\":", "1}\n{}\n"], "0\r\n\r\n"), 2, ""),
        (chunked(&["{}\n{}\n"], ""), 2, "broke off"),
        (chunked(&["{}\n{"], "0\r\n\r\n"), 1, "in the middle of a line"),
    ] {
        let (address, _told) = host(vec![text]).await;
        let mut got = Vec::new();
        let mut each = |line: &str| {
            got.push(line.to_owned());
            Ok(())
        };
        let read = client(vec![address]).lines("/v1/audit/export", &mut each).await;
        assert_eq!(read.is_ok(), says.is_empty(), "{read:?}");
        assert!(read.map_or_else(|error| error.to_string().contains(says), |()| true));
        assert_eq!(got.len(), lines);
    }
}

#[test]
fn a_token_never_travels_in_clear() {
    for (url, says) in [
        ("http://latch.example", "in clear: write https://"),
        ("http://127.0.0.1.evil.example", "in clear"),
        ("ftp://latch.example", "is no address"),
        ("latch.example", "is no address"),
    ] {
        let error = Exchange::new(vec![Address::Http(url.into())], None).unwrap_err();
        assert!(error.to_string().contains(says), "{url}: {error}");
    }
    assert!(Exchange::new(Vec::new(), None).unwrap_err().to_string().contains("--store"));
    assert!(Exchange::new(vec![Address::Http("https://latch.example".into())], Some(Secret::new("a\nb"))).is_err());
}

#[tokio::test]
async fn an_embedded_store_that_does_not_start_says_where_to_read() {
    let folder = tempfile::tempdir().unwrap();
    let paths = crate::config::Paths::below(folder.path());
    let script = folder.path().join("exe");
    std::fs::write(&script, "#!/bin/sh\necho \"told: $* $NIGHTLATCH_TOKEN\"\n").unwrap();
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let failed = tokio::time::timeout(Duration::from_secs(9), embedded::join_or_start(&paths, &script)).await.unwrap();
    let sentence = failed.unwrap_err().to_string();
    let log: PathBuf = embedded::log_path(&paths);
    assert!(sentence.contains("told: serve --embedded") && sentence.contains(&log.display().to_string()), "{sentence}");
}

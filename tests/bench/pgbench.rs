//! PostgreSQL's own rival of `decisions`: pgbench with the statements of one approval, without rules, chain or head, so that
//! its transactions wait for nobody. Each decides on a request of its own choice.

use std::io::Write as _;
use std::process::{Command, Stdio};

/// Tables of its own, as the store's are, and the requests that are decided.
const TABLES: &str = "
CREATE TABLE IF NOT EXISTS rival_event (LIKE event INCLUDING ALL);
CREATE TABLE IF NOT EXISTS rival_request (LIKE request INCLUDING ALL);
CREATE TABLE IF NOT EXISTS rival_text (LIKE text INCLUDING ALL);
CREATE TABLE IF NOT EXISTS rival_key (LIKE command_key INCLUDING ALL);
CREATE TABLE IF NOT EXISTS rival_work (LIKE work INCLUDING ALL);
CREATE SEQUENCE IF NOT EXISTS rival_seq;
INSERT INTO rival_request SELECT * FROM request ON CONFLICT DO NOTHING;
";

fn script(first: i64, last: i64) -> String {
    let (link, salt, body, fold) = ("0".repeat(64), "0".repeat(32), "x".repeat(330), "x".repeat(2050));
    format!(
        "\\set n random({first}, {last})
\\set r random(1, 9000000000000)
BEGIN;
SELECT actor, key, body_hash, request, seq, at FROM rival_key WHERE actor = 'sam' AND key = 'k' || :r;
SELECT body FROM rival_request WHERE number = :n;
SELECT body FROM rival_request WHERE access_key = 'files/nl-' || :r AND phase = 'held';
SELECT * FROM rival_work WHERE access_key = 'files/nl-' || :r;
SELECT subject, by, at FROM frozen ORDER BY subject;
INSERT INTO rival_event (seq, at, subject, kind, actor, policy, body, link) VALUES
 (nextval('rival_seq'), 1795304400000, 'request ' || :n, 'approved', 'sam token', '{link}', '{body}', '{link}');
INSERT INTO rival_text (id, subject, salt, words) VALUES
 (:r, 'request ' || :n, '{salt}', 'Go ahead, I watch the queue');
UPDATE rival_request SET seq = :r, version = :r, phase = 'held', access_key = 'files/nl-' || :r, from_at = 1795304400000,
 until_at = 1795304400000, body = '{fold}' WHERE number = :n;
INSERT INTO rival_key (actor, key, body_hash, request, seq, at) VALUES ('sam', 'k' || :r, '{link}', :n, :r, 1795304400000);
INSERT INTO rival_work (access_key, target, lane, request, attempt, failures, replica, next_at, ends_at, error, observed)
 VALUES ('files/nl-' || :r, 'files', 'grant', :n, 0, 0, NULL, 1795304400000, 1795304400000, NULL, NULL);
COMMIT;
"
    )
}

fn psql(url: &str, sql: &str) -> String {
    let out = Command::new("psql").args([url, "-qtAX", "-v", "ON_ERROR_STOP=1", "-c", sql]).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

/// How many a second with so many clients, on the store's own database; `None` without pgbench.
pub fn rate(url: &str, clients: usize, seconds: u64) -> Option<f64> {
    let program = std::env::var("NIGHTLATCH_PGBENCH").unwrap_or_else(|_| "pgbench".to_owned());
    psql(url, TABLES);
    let bounds = psql(url, "SELECT min(number) || ' ' || max(number) FROM rival_request");
    let (first, last) = bounds.split_once(' ')?;
    let mut child = Command::new(program)
        .args([
            "-n",
            "-M",
            "prepared",
            "-f",
            "-",
            "-j",
            "2",
            "-c",
            &clients.to_string(),
            "-T",
            &seconds.to_string(),
            url,
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    child.stdin.take()?.write_all(script(first.parse().ok()?, last.parse().ok()?).as_bytes()).ok()?;
    let out = String::from_utf8(child.wait_with_output().ok()?.stdout).ok()?;
    out.lines().find_map(|line| line.strip_prefix("tps = ")?.split_whitespace().next()?.parse().ok())
}

//! Tokens, invitations and keys: old, stolen, guessed, lying about.

use crate::support::served::{Said, Served, Start, Watch, bare, ends, stderr, stdout, until};
use nightlatch::secret::{Secret, token_hash};
use serde_json::Value;
use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

fn me(served: &Served, token: &str) -> Said {
    served.get("/v1/me", Some(token))
}

/// Every byte of the store, and of what lies beside it.
fn store_holds(served: &Served, secret: &str) -> bool {
    ["store.db", "store.db-wal", "log"].iter().any(|name| {
        let bytes = fs::read(served.folder.join(name)).unwrap_or_default();
        bytes.windows(secret.len()).any(|window| window == secret.as_bytes())
    })
}

#[test]
fn a40_expired_and_revoked_tokens_are_401() {
    let served = Served::tcp();
    assert_eq!(served.get("/v1/me", None).status, 401, "nobody is nobody");
    let brief = stdout(&served.admin(&["token", "create", "sam", "--name", "brief", "--expires", "2s"]));
    let brief = brief.trim();
    let lasting = stdout(&served.admin(&["token", "create", "sam", "--name", "lasting", "--expires", "30d"]));
    let lasting = lasting.trim();
    assert!(lasting.starts_with("nlt_"), "{lasting}");
    assert_eq!(me(&served, lasting).json()["person"]["id"], "sam");
    let listed: Value = serde_json::from_str(&stdout(&served.admin(&["token", "list", "--json"]))).unwrap();
    let id = listed.as_array().unwrap().iter().find(|token| token["name"] == "lasting").unwrap()["id"].to_string();
    ends(&served.admin(&["token", "revoke", &id]), 0, "revoked");
    assert_eq!(until("revoked", || Some(me(&served, lasting)).filter(|said| said.status != 200)).status, 401);
    let expired = until("expired", || Some(me(&served, brief)).filter(|said| said.status != 200));
    assert_eq!(expired.status, 401);
    assert!(expired.head.contains("www-authenticate"), "{expired:?}");
    for length in ["0s", "-5m", "P1Y", "2020-01-01T00:00:00Z", "2099-01-01T00:00:00"] {
        ends(&served.admin(&["token", "create", "sam", &format!("--expires={length}")]), 2, "--expires");
    }
    ends(&served.admin(&["token", "create", "nobody"]), 2, "nobody");
    ends(&served.admin(&["token", "revoke", "1"]), 2, "no token 1");
    let invitation = stdout(&served.admin(&["invite", "sam"]));
    assert_eq!(me(&served, invitation.trim()).status, 401, "an invitation is no token");
}

#[test]
fn a41_a_stolen_hash_opens_nothing() {
    let served = Served::tcp();
    let token = served.token("sam");
    assert_eq!(me(&served, &token).status, 200);
    let hash = token_hash(&Secret::new(token.as_str()));
    assert!(store_holds(&served, &hash), "the store keeps the hash");
    assert!(
        !store_holds(&served, &token) && !store_holds(&served, token.trim_start_matches("nlt_")),
        "and not the token"
    );
    for stolen in [hash.clone(), format!("nlt_{hash}"), hash.to_uppercase(), format!("nlt_{}", hash.to_uppercase())] {
        assert_eq!(me(&served, &stolen).status, 401, "{stolen}");
    }
    for near in
        [token.to_uppercase(), token[..token.len() - 1].to_owned(), format!("{token}0"), "nlt_".into(), "%".into()]
    {
        assert_eq!(me(&served, &near).status, 401, "{near}");
    }
    let basic = served.odd("GET", "/v1/me", "Authorization: Basic c2FtOnNhbQ==\r\n");
    assert!(matches!(basic.status, 401 | 429), "{basic:?}");
    let two =
        served.odd("GET", "/v1/me", &format!("Authorization: Bearer {token}\r\nAuthorization: Bearer {token}\r\n"));
    assert!(matches!(two.status, 401 | 429), "{two:?}");
}

#[test]
fn a42_ten_thousand_guesses_are_slowed_and_the_owner_is_not_locked_out() {
    let served = Served::tcp();
    let token = served.token("sam");
    // Fifty connections, two hundred guesses on each, half of them with the owner's own beginning.
    let begun = Watch::start();
    let wires: Vec<_> = (0..50)
        .map(|n| {
            let mut wire = served.wire();
            for m in 0..200 {
                let near = if m % 2 == 0 { &token[..12] } else { "nlt_" };
                let head =
                    format!("GET /v1/me HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {near}{n:020}{m:020}");
                wire.write_all(format!("{head}\r\n\r\n").as_bytes()).unwrap();
            }
            wire
        })
        .collect();
    until("guesses are slowed", || {
        let asked = Watch::start();
        let said = me(&served, "nlt_0000000000000000");
        (said.status == 429).then(|| {
            assert!(asked.elapsed() >= Duration::from_millis(900), "{:?}", asked.elapsed());
            assert!(said.head.contains("retry-after"), "{said:?}");
        })
    });
    for _ in 0..10 {
        let asked = Watch::start();
        assert_eq!(me(&served, &token).status, 200);
        assert!(asked.elapsed() < Duration::from_millis(900), "the owner waits {:?}", asked.elapsed());
    }
    // A code is guessed no faster.
    let code = served.post("/v1/login", None, &serde_json::json!({ "code": "nli_0000" }));
    assert_eq!(code.status, 429, "{code:?}");
    let refused = served.log().lines().filter(|line| line.contains("\"refused\"")).count();
    let most = 50 * (usize::try_from(begun.elapsed().as_secs()).unwrap() + 2);
    assert!(refused <= most, "{refused} guesses were answered in {:?}", begun.elapsed());
    drop(wires);
}

#[test]
fn a55_secrets_that_others_can_read_are_refused_with_the_command_that_mends_it() {
    let mut served = Served::tcp();
    let home = served.folder.join("home");
    let file = home.join("d/nightlatch/token");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, served.token("sam")).unwrap();
    let whoami = |mode| {
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        bare(&home).args(["whoami", "--store", &served.url()]).output().unwrap()
    };
    ends(&whoami(0o600), 0, "Sam Lee");
    for mode in [0o644, 0o640, 0o660] {
        let out = whoami(mode);
        ends(&out, 4, &format!("chmod 600 {}", file.display()));
        assert!(!stderr(&out).contains("nlt_"), "{out:?}");
    }
    served.signal(rustix::process::Signal::TERM);
    assert_eq!(served.end().code(), Some(0));
    let key = served.folder.join("keys/checkpoint");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let again = |mode| {
        fs::set_permissions(&key, Permissions::from_mode(mode)).unwrap();
        let mut serve = bare(served.folder.path());
        serve.args(["serve", "--config"]).arg(served.folder.join("server.toml")).output().unwrap()
    };
    for mode in [0o644, 0o660] {
        ends(&again(mode), 2, &format!("chmod 600 {}", key.display()));
    }
}

/// A home of one's own, in which `login` keeps what it got.
fn at(home: &Path, args: &[&str]) -> std::process::Output {
    bare(home).args(args).output().unwrap()
}

#[test]
fn an_invitation_works_once_and_its_token_until_logout() {
    let served = Served::tcp();
    let home = served.folder.join("home");
    let url = served.url();
    let invite = served.admin(&["invite", "bo"]);
    ends(&invite, 0, "");
    let code = stdout(&invite).trim().to_owned();
    ends(&at(&home, &["login", &url, "--code", "nli_0000000000000000"]), 4, "not valid");
    ends(&at(&home, &["login", &url, "--code", &served.token("bo")]), 4, "not valid");
    let login = at(&home, &["login", &url, "--code", &code]);
    ends(&login, 0, "Bo Berg");
    let file = home.join("d/nightlatch/token");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let token = fs::read_to_string(&file).unwrap().trim().to_owned();
    assert!(token.starts_with("nlt_") && !stdout(&login).contains(&token) && !stderr(&login).contains(&token));
    ends(&at(&home, &["whoami"]), 0, "Bo Berg");
    assert!(!store_holds(&served, &token) && !store_holds(&served, &code));

    let thief = served.folder.join("thief");
    ends(&at(&thief, &["login", &url, "--code", &code]), 4, "used already");
    assert!(!thief.join("d/nightlatch/token").exists());
    ends(&at(&home, &["whoami"]), 0, "Bo Berg");

    ends(&at(&home, &["logout"]), 0, "");
    assert!(!file.exists(), "the token is gone here");
    assert_eq!(me(&served, &token).status, 401, "and there");
    ends(&at(&home, &["whoami"]), 4, "nobody is signed in");
    ends(&served.admin(&["invite", "nobody"]), 2, "nobody");
}

#[test]
fn ten_who_use_one_code_at_once_get_one_token() {
    let served = Served::tcp();
    let code = stdout(&served.admin(&["invite", "bo"])).trim().to_owned();
    let body = serde_json::json!({ "code": code, "name": "race" });
    let won = std::thread::scope(|scope| {
        let all: Vec<_> = (0..8).map(|_| scope.spawn(|| served.post("/v1/login", None, &body).status)).collect();
        let statuses: Vec<u16> = all.into_iter().map(|one| one.join().unwrap()).collect();
        assert!(statuses.iter().all(|status| matches!(status, 200 | 401 | 429)), "{statuses:?}");
        statuses.iter().filter(|status| **status == 200).count()
    });
    assert_eq!(won, 1);
    let listed: Value = serde_json::from_str(&stdout(&served.admin(&["token", "list", "bo", "--json"]))).unwrap();
    let tokens = listed.as_array().unwrap().iter().filter(|token| token["invitation"] == false).count();
    assert_eq!(tokens, 1, "{listed}");
}

#[test]
fn an_account_that_is_nobody_is_told_what_to_add() {
    let account = crate::support::served::account();
    let stranger = crate::support::house::POLICY.replace("os_user = \"ana\"", "os_user = \"somebody-else\"");
    let served = Start { policy: Some(stranger), ..Start::socket() }.serve();
    let out = served.cli(&["whoami"]);
    ends(&out, 4, &format!("the account {account} is nobody in the policy"));
    ends(
        &out,
        4,
        &format!("add os_user = \"{account}\" under [people.…] in {}", served.folder.join("policy.toml").display()),
    );
    let json = served.cli(&["whoami", "--json"]);
    let problem: Value = serde_json::from_str(&stderr(&json)).unwrap();
    assert_eq!((problem["code"].as_str().unwrap(), problem["status"].as_i64().unwrap()), ("not-signed-in", 403));
    // Root is not special either: another account than the policy's is told its own name.
    if account == "root"
        && Command::new("runuser").args(["-u", "nobody", "--", "true"]).output().is_ok_and(|out| out.status.success())
    {
        assert_eq!(served.get("/v1/board", None).status, 403);
    }
}

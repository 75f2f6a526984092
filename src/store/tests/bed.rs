//! A store of its own for one test, on each engine, and the commands that people, clock and reconciler would send.

use super::super::*;
use crate::access::command::{Command, Filing, Outcome, Prepared, Report, Terms};
use crate::access::event::{Observed, Placement, Text};
use crate::access::window::{Asked, End};
use crate::access::{Actor, Request, RequestNumber, Subject, Via};
use crate::checks::{Check, Verdict};
use crate::clock::Clock;
use crate::policy::{Duty, Hours, Kind, Kinds, OnDuty, Person, Policy, Role, System};
use crate::text::{Instant, Length, PersonId};
use crate::trail::verify::{Chain, Verdict as Verified, Verifier};
use crate::trail::{Line, Link, Record, export, references};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

pub const START: Instant = Instant::from_millis(1_795_304_400_000);
pub const POLICY: &str = "5e2d";
pub const KEY: &str = "nl-payments-ana-restart";

/// Where one test keeps its store.
pub struct Bed {
    pub location: Location,
    _folder: tempfile::TempDir,
}

/// One on SQLite, and one on PostgreSQL where `NIGHTLATCH_TEST_PG` names a server.
pub async fn beds() -> Vec<Bed> {
    let folder = tempfile::tempdir().unwrap();
    let mut beds = vec![Bed { location: Location::Sqlite(folder.path().join("data/store.db")), _folder: folder }];
    if let Ok(url) = std::env::var("NIGHTLATCH_TEST_PG") {
        beds.push(Bed { location: database(&url).await, _folder: tempfile::tempdir().unwrap() });
    } else {
        eprintln!("SKIPPED a store test on PostgreSQL: NIGHTLATCH_TEST_PG is not set");
    }
    beds
}

async fn database(url: &str) -> Location {
    use sqlx::{Connection as _, Executor as _};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("nl_store_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let mut server = sqlx::PgConnection::connect(url).await.unwrap();
    let sql = format!("CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0");
    server.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
    let (base, parameters) = url.split_once('?').map_or((url, String::new()), |(a, b)| (a, format!("?{b}")));
    let base = base.rsplit_once('/').filter(|(before, _)| !before.ends_with('/')).map_or(base, |(before, _)| before);
    Location::Postgres(format!("{base}/{name}{parameters}"))
}

pub fn options(serve: bool) -> Options {
    let policies: PolicyReader = Arc::new(|text: &str| match text {
        "panic" => panic!("a policy reader that panics"),
        text if text.starts_with("bad") => Err("line 1: nonsense".to_owned()),
        _ => Ok(policy()),
    });
    Options { policies, serve }
}

impl Bed {
    /// Ends every connection to the store from the server's side; false on SQLite, which has none.
    pub async fn cut(&self) -> bool {
        use sqlx::Connection as _;
        let Location::Postgres(_) = &self.location else { return false };
        let name = self.location.to_string();
        let name = name.rsplit('/').next().unwrap().to_owned();
        let mut server = sqlx::PgConnection::connect(&std::env::var("NIGHTLATCH_TEST_PG").unwrap()).await.unwrap();
        let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1";
        sqlx::query(kill).bind(name).execute(&mut server).await.unwrap();
        true
    }

    /// Opened once more, with a clock of its own.
    pub async fn open(&self) -> Store {
        Store::open(&self.location, Clock::manual(START), options(false)).await.unwrap()
    }
    /// Opened, with the policy that rules these tests.
    pub async fn ruled(&self) -> Store {
        let store = self.open().await;
        let text = "the policy's text".to_owned();
        let change = Command::ChangePolicy { hash: POLICY.into(), text, words: None };
        store.act(act(os(), None, change)).await.unwrap();
        store
    }
}

fn policy() -> Policy {
    let person = |id: &str, duties: &[Duty]| {
        let person = Person {
            name: id.to_uppercase(),
            title: None,
            email: None,
            os_user: None,
            contact: None,
            zone: chrono_tz::UTC,
            leave: Vec::new(),
            duties: duties.iter().copied().collect(),
        };
        (id.parse().unwrap(), person)
    };
    let role = |id: &str| Role {
        id: id.parse().unwrap(),
        allows: "all of it".into(),
        default: None,
        longest: None,
        provisioner: "files".into(),
        with: serde_json::Map::new(),
        contains: BTreeSet::new(),
    };
    let system = System {
        id: "payments".parse().unwrap(),
        name: "Payments".into(),
        environment: "production".into(),
        owner: "sam".parse().unwrap(),
        backup: OnDuty::Person("lee".parse().unwrap()),
        hours: Hours::Always,
        ask: None,
        sensitive: false,
        self_approval: false,
        override_allowed: true,
        private: false,
        ticket: None,
        roles: vec![role("restart"), role("admin")],
    };
    Policy {
        zone: chrono_tz::UTC,
        leads: Some(OnDuty::Person("lee".parse().unwrap())),
        ticket_url: None,
        kinds: Kinds::default(),
        people: [("ana", &[] as &[Duty]), ("bob", &[]), ("sam", &[]), ("lee", &[]), ("root", &[Duty::Admin])]
            .map(|(id, duties)| person(id, duties))
            .into(),
        teams: BTreeMap::new(),
        rotas: BTreeMap::new(),
        systems: BTreeMap::from([(system.id.clone(), system)]),
        provisioners: BTreeMap::new(),
    }
}

pub fn id(name: &str) -> PersonId {
    name.parse().unwrap()
}

pub fn who(name: &str) -> Actor {
    Actor::Person(id(name), Via::Token)
}

pub fn os() -> Actor {
    Actor::os("root")
}

pub fn act(actor: Actor, number: Option<RequestNumber>, command: Command) -> Act {
    let queue = if actor.person().is_some() { Queue::People } else { Queue::Machine };
    Act { subject: number.map(Subject::Request), actor, command, key: None, queue }
}

pub fn keyed(mut act: Act, key: &str, body_hash: &str) -> Act {
    act.key = Some(Key { key: key.into(), body_hash: body_hash.into() });
    act
}

pub fn filing(user: &str, task: &str) -> Filing {
    Filing {
        system: "payments".parse().unwrap(),
        role: "restart".parse().unwrap(),
        task: task.into(),
        asked: Asked { from: None, end: End::For(Length::from_minutes(45)) },
        kind: Kind::Emergency,
        ticket: Some("INC-88".into()),
        user: id(user),
        approver: id("sam"),
    }
}

pub fn prepared(ask_seq: i64, access_key: &str) -> Prepared {
    let check = Check { code: "task".into(), verdict: Verdict::Pass, sentence: "fine".into() };
    let placement = Placement { access_key: access_key.into(), target: "files".into(), bound: Length::from_seconds(5) };
    Prepared { policy: POLICY.into(), ask_seq, checks: vec![check], placement: Some(placement) }
}

pub fn file(user: &str, task: &str) -> Act {
    let command = Command::File { filing: filing(user, task), anyway: false, prepared: prepared(0, "") };
    act(who(user), None, command)
}

pub fn approve(by: &str, request: &Request, access_key: &str, length: Option<Length>) -> Act {
    let command = Command::Approve {
        as_of: request.version,
        unseen: false,
        terms: Terms { length, ..Terms::default() },
        words: Some("go on".into()),
        prepared: prepared(request.ask_seq, access_key),
    };
    act(who(by), Some(request.number), command)
}

pub fn revoke(number: RequestNumber) -> Act {
    act(who("sam"), Some(number), Command::Revoke { words: "enough".into() })
}

/// A request that was filed and approved for 45 minutes, on `access_key`.
pub async fn approved(store: &Store, user: &str, access_key: &str) -> Request {
    let filed = store.act(file(user, "restart the worker, see that it answers")).await.unwrap().request.unwrap();
    let approved = store.act(approve("sam", &filed, access_key, None)).await.unwrap().request.unwrap();
    Arc::unwrap_or_clone(approved)
}

pub fn ask(removals: bool, replica: &str) -> LeaseAsk {
    LeaseAsk {
        target: "files".into(),
        only: None,
        removals,
        limit: 10,
        holds: Length::from_seconds(35),
        replica: replica.into(),
    }
}

pub fn observed(present: bool) -> Observed {
    Observed { at: START, present, until: None, sessions: Some(0), evidence: Text::draft("read /etc/group") }
}

pub fn report(attempt: i64, outcome: Outcome, retry_at: Instant) -> Report {
    Report { attempt, outcome, retry_at, spooled: None }
}

pub fn granted(request: &Request, attempt: i64) -> Act {
    given(request, attempt, observed(true))
}

/// Granted, and the target was read to hold an end of its own.
pub fn holding(request: &Request, attempt: i64, at: Instant, own: Instant) -> Act {
    given(request, attempt, Observed { at, until: Some(own), ..observed(true) })
}

fn given(request: &Request, attempt: i64, observed: Observed) -> Act {
    let until = request.held().unwrap().window.until;
    let outcome = Outcome::Granted { until, second_lock: false, observed };
    let command = Command::ReportGrant(report(attempt, outcome, until));
    act(Actor::Reconciler, Some(request.number), command)
}

pub fn absent(number: RequestNumber, attempt: i64) -> Act {
    let command = Command::ReportRemoval(report(attempt, Outcome::Absent(observed(false)), START));
    act(Actor::Reconciler, Some(number), command)
}

pub fn failing(number: RequestNumber, attempt: i64, removing: bool, sentence: &str, retry_at: Instant) -> Act {
    let outcome = Outcome::Failed { sentence: sentence.into(), useless: false, contradicted: false };
    let report = report(attempt, outcome, retry_at);
    let command = if removing { Command::ReportRemoval(report) } else { Command::ReportGrant(report) };
    act(Actor::Reconciler, Some(number), command)
}

/// A number that is another one each time.
pub fn fresh() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Every event is there once, in order, linked, with the texts that it names; the head agrees; each fold is its row.
pub async fn whole(store: &Store) -> Verified {
    let head = store.head().await.unwrap();
    let events = store.events(None, 0, 10_000).await.unwrap();
    assert_eq!(events.len() as i64, head.seq, "dense");
    let mut chain = Chain::new(&head.store_id);
    let mut lines = Verifier::new(&[], &[]).unwrap();
    let mut prev = Link::ZERO;
    let mut numbers = BTreeSet::new();
    for event in &events {
        let record = Record {
            store_id: &head.store_id,
            seq: event.seq as u64,
            at_millis: event.at.millis(),
            subject: &event.subject,
            kind: &event.kind,
            actor: &event.actor,
            policy: &event.policy,
            body: &event.body,
            prev,
        };
        chain.push(&record, event.link).unwrap();
        lines.push_text(line(store, &head.store_id, event, prev).await.as_bytes()).unwrap();
        prev = event.link;
        let told = event.told().unwrap();
        assert_eq!(super::super::keep::split(&told.event).unwrap(), (event.kind.clone(), event.body.clone()));
        if let Subject::Request(number) = told.subject {
            numbers.insert(number);
        }
    }
    assert_eq!((chain.head(), chain.tree().unwrap()), (head.link, &head.tree));
    for number in numbers {
        let row = store.request(number).await.unwrap().map(|(request, _)| request);
        assert_eq!(store.fold(number).await.unwrap(), row, "fold = row");
    }
    lines.finish().unwrap()
}

async fn line(store: &Store, store_id: &str, event: &Stored, prev: Link) -> String {
    let mut texts = Vec::new();
    for reference in references(&serde_json::from_str(&event.body).unwrap()) {
        let text = store.texts(&[reference.id]).await.unwrap().pop().unwrap();
        assert_eq!(reference.id / 16, event.seq);
        let (salt, text) = (text.salt.map(Into::into), text.words.map(Into::into));
        texts.push(export::Text { name: reference.name.into(), salt, hash: reference.hash, text });
    }
    let line = Line {
        seq: event.seq as u64,
        at: event.at,
        store: store_id.into(),
        subject: event.subject.as_str().into(),
        kind: event.kind.as_str().into(),
        actor: export::Actor::from_stored(&event.actor),
        policy: event.policy.as_str().into(),
        body: export::Body(event.body.as_str().into()),
        texts,
        prev,
        hash: event.link,
    };
    serde_json::to_string(&line).unwrap()
}

//! A whole service on a clock of its own: real store, real reconciler, real targets.

use super::TempFolder;
use nightlatch::access::{Actor, RequestNumber, Status, Via};
use nightlatch::clock::Clock;
use nightlatch::service::{Fault, Key, Options, Service, Verb, read_policy};
use nightlatch::store::{self, Location, Store};
use nightlatch::text::{Instant, Length};
use nightlatch::wire::{ApproveBody, FileBody, RequestView, WindowBody, WordsBody};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How often something is looked at, every 10 ms, before it is given up: a busy machine is slow, and not wrong.
const POLLS: usize = 6000;

/// A Saturday evening in November, half an hour before midnight.
pub const START: &str = "2026-11-21T23:40:00Z";

/// Ana and bo ask, sam owns, li stands in; `sandbox` keeps files.
pub const POLICY: &str = r#"
zone = "Europe/London"
leads = "lea"
[people.ana]
name = "Ana Ruiz"
email = "ana@example.com"
os_user = "ana"
[people.bo]
name = "Bo Berg"
email = "bo@example.com"
[people.sam]
name = "Sam Lee"
title = "Head of Infrastructure"
email = "sam@example.com"
duties = ["admin"]
[people.li]
name = "Li Wei"
email = "li@example.com"
[people.lea]
name = "Lea Lind"
email = "lea@example.com"
duties = ["lead"]
[people.aud]
name = "Aud Itor"
duties = ["auditor"]
[systems.payments]
name = "Payment service"
environment = "production"
owner = "sam"
backup = "li"
hours = "always"
[[systems.payments.roles]]
name = "logs-read"
allows = "Read the service's logs"
provisioner = "sandbox"
[[systems.payments.roles]]
name = "restart"
allows = "Read the logs and restart the workers"
provisioner = "sandbox"
[provisioners.sandbox]
kind = "files"
folder = "sandbox"
"#;

/// A service and its clock.
pub struct House {
    pub service: Service,
    pub store: Store,
    pub clock: Clock,
    pub location: Location,
    pub folder: Arc<TempFolder>,
    keys: AtomicU64,
}

pub fn person(id: &str) -> Actor {
    Actor::Person(id.parse().unwrap(), Via::Socket)
}

impl House {
    pub async fn new(location: Location, policy: &str) -> Self {
        let folder = Arc::new(TempFolder::new());
        let clock = Clock::manual(Instant::parse_rfc3339(START).unwrap());
        Box::pin(Self::open(location, policy, folder, clock)).await
    }

    /// A replica on what is there already.
    pub async fn open(location: Location, policy: &str, folder: Arc<TempFolder>, clock: Clock) -> Self {
        let base = folder.path().to_owned();
        let file = folder.write("policy.toml", policy);
        let read = {
            let base = base.clone();
            move |text: &str| read_policy(text, &base).map(|(policy, ..)| policy).map_err(|faults| faults.join("; "))
        };
        let options = store::Options { policies: Arc::new(read), serve: false };
        let store = Box::pin(Store::open(&location, clock.clone(), options)).await.unwrap();
        let options = Options {
            policy_name: "policy.toml".into(),
            policy_file: Some(file),
            base: base.clone(),
            checkpoint_key: base.join("keys/checkpoint"),
            state: base,
            clock_skew: Length::from_hours(24 * 365 * 100),
            allow: vec!["127.0.0.1".parse().unwrap()],
            replica: format!("replica-{}", nightlatch::secret::hex::<4>().unwrap()),
        };
        let service = Box::pin(Service::start(store.clone(), clock.clone(), options)).await.unwrap();
        let house = Self { service, store, clock, location, folder, keys: AtomicU64::new(1) };
        house.until("ready", async || house.service.ready().is_ok()).await;
        house
    }

    pub fn key(&self) -> Key {
        let n = self.keys.fetch_add(1, Ordering::SeqCst);
        Key { key: format!("test-key-{n}"), body_hash: n.to_string() }
    }

    /// Waits until something is so. The manual clock goes on meanwhile, so that what is tried again is tried again.
    pub async fn until(&self, what: &str, so: impl AsyncFn() -> bool) {
        for _ in 0..POLLS {
            if so().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
            self.clock.advance(Length::from_millis(10));
        }
        panic!("after a minute it was not so: {what}");
    }

    /// Files for `restart` on payments.
    pub async fn file(&self, who: &str, minutes: i64) -> RequestView {
        let window = WindowBody { for_seconds: Some(minutes * 60), ..WindowBody::default() };
        Box::pin(self.service.file(&person(who), body(window), self.key())).await.unwrap()
    }

    pub async fn approve(&self, who: &str, view: &RequestView) -> Result<RequestView, Fault> {
        let body = ApproveBody { as_of: Some(view.version), words: Some("go ahead".into()), ..ApproveBody::default() };
        Box::pin(self.service.approve(&person(who), RequestNumber(view.id), body, self.key())).await
    }

    pub async fn verb(&self, who: &str, id: i64, verb: Verb) -> Result<RequestView, Fault> {
        self.service.verb(&person(who), RequestNumber(id), verb, self.key()).await
    }

    pub async fn show(&self, id: i64) -> RequestView {
        Box::pin(self.service.show(&person("sam"), RequestNumber(id))).await.unwrap()
    }

    /// How many events of this kind the record of a request has.
    pub async fn count(&self, id: i64, kind: &str) -> usize {
        let events = self.service.events(&person("sam"), Some(RequestNumber(id)), 0, 1000, Duration::ZERO).await;
        events.unwrap().events.iter().filter(|event| event.kind == kind).count()
    }

    pub async fn until_status(&self, id: i64, status: Status) -> RequestView {
        for _ in 0..POLLS {
            let shown = self.show(id).await;
            if shown.status == status {
                return shown;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
            self.clock.advance(Length::from_millis(10));
        }
        let row = self.store.request(RequestNumber(id)).await;
        panic!("after a minute {id} is not {status}, at {}: {row:?}; {}", self.clock.now().at, self.service.metrics());
    }

    /// Filed by ana, approved by sam, and active.
    pub async fn active(&self, minutes: i64) -> RequestView {
        let filed = self.file("ana", minutes).await;
        self.approve("sam", &filed).await.unwrap();
        self.until_status(filed.id, Status::Active).await
    }

    pub fn advance(&self, minutes: i64) {
        self.clock.advance(Length::from_minutes(minutes));
    }

    /// The files in the sandbox.
    pub fn sandbox(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.join("sandbox")).into_iter().flatten();
        let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| !name.starts_with('.'));
        names.sort();
        names
    }
}

pub fn body(window: WindowBody) -> FileBody {
    FileBody {
        system: "payments".into(),
        role: "restart".into(),
        task: "Restart the stuck payment worker; done when the queue drains".into(),
        window,
        kind: Some(nightlatch::policy::Kind::Emergency),
        ticket: None,
        user: None,
        approver: None,
        anyway: false,
    }
}

pub fn words(text: &str) -> WordsBody {
    WordsBody { words: text.into(), ..WordsBody::default() }
}

/// A fresh SQLite store, and PostgreSQL where there is one.
pub async fn everywhere(test: &str, run: impl AsyncFn(Location)) {
    let folder = TempFolder::new();
    run(Location::Sqlite(folder.join("store.db"))).await;
    if let Some(database) = super::pg_database(test) {
        run(Location::Postgres(database.url())).await;
    }
}

//! Webhooks through the whole service, to real receivers: signed, in order, at least once, and never in anybody's way.

mod receiver;
mod served;

use crate::support::TempFolder;
use crate::support::house::{House, POLICY, body, everywhere, person};
use nightlatch::access::Status;
use nightlatch::store::{Location, Step};
use nightlatch::text::Length;
use nightlatch::wire::WindowBody;
use receiver::{Answer, Heard, Receiver, SECRET, hooks, toml};
use ring::hmac;
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::Duration;

/// How often something is looked at, every 10 ms.
const POLLS: usize = 6_000;
const TASK: &str = "Restart the canary worker; done when the queue drains";

impl House {
    async fn follow(&self, webhooks: &[String]) {
        self.service.follow_webhooks(hooks(&self.folder, webhooks)).await.unwrap();
    }

    /// Waits until something is so, while the clock goes on in steps of `step`.
    async fn soon(&self, what: &str, step: Length, so: impl AsyncFn() -> bool) {
        for _ in 0..POLLS {
            if so().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
            self.clock.advance(step);
        }
        panic!("after a minute it was not so: {what}");
    }

    /// Ana asks once more.
    async fn ask(&self) -> i64 {
        let window = WindowBody { for_seconds: Some(2700), ..WindowBody::default() };
        let body = nightlatch::wire::FileBody { task: TASK.into(), anyway: true, ..body(window) };
        Box::pin(self.service.file(&person("ana"), body, self.key())).await.unwrap().id
    }

    /// The numbers of what somebody was told after event `after`.
    async fn tellings(&self, after: i64) -> Vec<i64> {
        let events = self.store.events(None, after, 1000).await.unwrap();
        let told = events.iter().filter(|event| ["told", "routed", "duty-passed"].contains(&&*event.kind));
        told.map(|event| event.seq).collect()
    }
}

fn second() -> Length {
    Length::from_seconds(1)
}

async fn sqlite() -> House {
    let folder = Arc::new(TempFolder::new());
    let location = Location::Sqlite(folder.join("store.db"));
    let start = nightlatch::text::Instant::parse_rfc3339(crate::support::house::START).unwrap();
    Box::pin(House::open(location, POLICY, folder, nightlatch::clock::Clock::manual(start))).await
}

#[tokio::test]
async fn a_delivery_is_signed_says_what_happened_and_not_what_somebody_wrote() {
    everywhere("webhook_delivery", async |location| {
        let house = House::new(location, POLICY).await;
        let before = house.ask().await;
        let (all, verdicts) = (Receiver::kind(), Receiver::kind());
        let other = Receiver::kind();
        house
            .follow(&[
                all.toml("all", ""),
                verdicts.toml("verdicts", "what = [\"verdicts\"]\nsystems = [\"payments\"]"),
                other.toml("other", "what = [\"told\", \"verdicts\"]\nsystems = [\"elsewhere\"]"),
            ])
            .await;
        let head = house.store.seq();
        let number = house.ask().await;
        let view = house.show(number).await;
        house.approve("sam", &view).await.unwrap();
        house.until_status(number, Status::Active).await;
        let told = house.tellings(head).await;
        house.soon("all of it came", second(), async || told.iter().all(|seq| all.ids().contains(seq))).await;
        house.soon("the verdict came", second(), async || !verdicts.ids().is_empty()).await;

        let recorded = async || {
            let events = house.store.events(None, head, 1000).await.unwrap();
            let bodies = events.iter().filter(|event| event.kind == "delivered" && event.actor.starts_with("notifier"));
            let bodies: Vec<serde_json::Value> =
                bodies.map(|event| serde_json::from_str(&event.body).unwrap()).collect();
            let by_all = bodies.iter().filter(|body| body["channel"] == "webhook:all");
            by_all.filter_map(|body| body["of"].as_i64()).collect::<Vec<_>>()
        };
        house.soon("each is recorded", second(), async || recorded().await.len() >= told.len()).await;
        assert_eq!(recorded().await, told, "once each, in order");

        let came = all.heard();
        let first = &came[0];
        let said = first.json();
        // Not the history, and each once, in order.
        assert!(all.ids().iter().all(|seq| *seq > head) && all.ids().is_sorted(), "{:?}", all.ids());
        assert_eq!(all.ids().iter().collect::<BTreeSet<_>>().len(), came.len());
        assert_ne!(number, before);
        assert_eq!(first.header("nightlatch-delivery"), said["id"].to_string());
        assert_eq!(said["request"]["number"], format!("NL-{number}"));
        assert_eq!(said["to"][0]["name"], "Sam Lee");
        assert!(is_signed(first, SECRET));
        let verdict = verdicts.heard()[0].json();
        assert_eq!(verdict["event"]["kind"], "approved");
        // As it stands when it is sent.
        assert!(["granting", "active"].contains(&verdict["request"]["status"].as_str().unwrap()), "{verdict}");
        assert_eq!(other.ids(), [0; 0]);
        for one in came.iter().chain(&verdicts.heard()) {
            let whole = format!("{}{}", one.head, one.body);
            assert!(!whole.contains("canary") && !whole.contains("go ahead") && !whole.contains(SECRET), "{whole}");
        }
        house.service.stop().await;
    })
    .await;
}

fn is_signed(heard: &Heard, secret: &str) -> bool {
    let (time, mac) = heard.header("nightlatch-signature").split_once(",v1=").unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signed = format!("{}.{}", time.strip_prefix("t=").unwrap(), heard.body);
    hmac::verify(&key, signed.as_bytes(), &hex(mac)).is_ok()
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

#[tokio::test]
async fn another_secret_signs_the_next_delivery_and_a_refused_one_none() {
    let house = sqlite().await;
    let receiver = Receiver::kind();
    house.follow(&[receiver.toml("pager", "")]).await;
    let file = house.folder.join("pager.secret");
    let other = "another-key-for-the-night";
    for (written, mode, signs) in
        [(SECRET, 0o600, SECRET), (other, 0o600, other), ("short", 0o600, other), (SECRET, 0o644, other)]
    {
        // The mode first: nobody is to read what is to be refused while it is not yet.
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        std::fs::write(&file, written).unwrap();
        let head = house.store.seq();
        house.ask().await;
        house.soon("it came", second(), async || receiver.ids().iter().any(|id| *id > head)).await;
        let came = receiver.heard().into_iter().find(|heard| heard.id() > head).unwrap();
        assert!(is_signed(&came, signs), "{written:?} {mode:o}");
    }
    house.service.stop().await;
}

#[tokio::test]
async fn a_refused_policy_is_sent_without_a_word_of_it() {
    let house = sqlite().await;
    let (all, some) = (Receiver::kind(), Receiver::kind());
    house.follow(&[all.toml("all", ""), some.toml("some", "systems = [\"payments\"]")]).await;
    house.folder.write("policy.toml", "leads = \"canary\"\n");
    house.service.reload();
    let refused = |heard: &Heard| heard.json()["event"]["kind"] == "policy-refused";
    house.soon("it came", second(), async || all.heard().iter().any(refused)).await;
    let came = all.heard().into_iter().find(refused).unwrap();
    assert_eq!((came.json().get("request"), &came.json()["to"][0]["id"]), (None, &"sam".into()), "{}", came.body);
    assert!(!came.body.contains("canary"), "{}", came.body);
    // It is in nobody's way, and who wants some systems is not sent it.
    let number = house.ask().await;
    house.soon("the ask came", second(), async || !some.ids().is_empty()).await;
    assert_eq!(some.heard()[0].json()["request"]["id"], number);
    let (later, first) = (all.clone(), came.id());
    house.soon("it came to all", second(), async || later.ids().last().is_some_and(|id| *id > first)).await;
    house.service.stop().await;
}

#[tokio::test]
async fn what_fails_for_a_while_comes_after_all_with_the_same_number_and_in_order() {
    let house = sqlite().await;
    let mut failures = 3;
    let receiver = Receiver::new(move |_| {
        failures -= 1;
        Answer::Code(if failures >= 0 { 500 } else { 200 })
    });
    let head = house.store.seq();
    house.follow(&[receiver.toml("pager", "")]).await;
    for _ in 0..3 {
        house.ask().await;
    }
    let told = house.tellings(head).await;
    house.soon("all came", second(), async || told.iter().all(|seq| receiver.ids().contains(seq))).await;
    let ids = receiver.ids();
    assert_eq!(ids[..4], [told[0]; 4], "{ids:?} of {told:?}");
    assert!(ids.is_sorted(), "{ids:?}");
    let bodies: Vec<String> = receiver.heard()[..4].iter().map(|heard| heard.json()["event"].to_string()).collect();
    assert_eq!(bodies.iter().collect::<BTreeSet<_>>().len(), 1);
    assert_eq!(house.store.undelivered().await.unwrap(), []);
    house.service.stop().await;
}

#[tokio::test]
async fn what_is_refused_makes_way_is_given_up_after_a_day_and_can_be_sent_again() {
    everywhere("webhook_dead", async |location| {
        let house = House::new(location, POLICY).await;
        let receiver = Receiver::kind();
        house.follow(&[receiver.toml("pager", "")]).await;
        let head = house.store.seq();
        house.ask().await;
        let poison = house.tellings(head).await[0];
        receiver.answers(move |heard| Answer::Code(if heard.id() == poison { 400 } else { 200 }));
        // It may have come before the receiver was told to refuse it: then there is another.
        let dead = async || house.store.undelivered().await.unwrap();
        if receiver.ids().contains(&poison) && dead().await.is_empty() {
            receiver.answers(move |heard| Answer::Code(if heard.id() == poison + 2 { 400 } else { 200 }));
        }
        house.ask().await;
        house.ask().await;
        house.soon("one is put aside", second(), async || !dead().await.is_empty()).await;
        let aside = dead().await.remove(0);
        house.soon("the others came", second(), async || receiver.ids().iter().any(|seq| *seq > aside.seq)).await;
        assert_eq!((&*aside.follower, aside.dead_at), ("webhook:pager", None));
        assert!(aside.sentence.contains("it answered 400"), "{}", aside.sentence);

        house.advance(24 * 60);
        house.soon("it is given up", second(), async || dead().await.iter().any(|one| one.dead_at.is_some())).await;
        let tries = receiver.ids().iter().filter(|seq| **seq == aside.seq).count();
        assert!((1..100).contains(&tries), "{tries}");

        // Backup, restore and migration carry it.
        let mut lines = Vec::new();
        let copied = TempFolder::new();
        let to = Location::Sqlite(copied.join("copy.db"));
        let from = house.location.clone();
        nightlatch::store::copy::dump(&from, &mut |line| {
            lines.push(Ok(line.to_owned()));
            Ok(())
        })
        .await
        .unwrap();
        assert!(lines.iter().flatten().any(|line: &String| line.contains("\"undelivered\"")));
        nightlatch::store::copy::fill(&to, false, &mut lines.into_iter()).await.unwrap();

        receiver.answers(|_| Answer::Code(200));
        let at = house.clock.now().at;
        assert_eq!(house.store.send_again(Some("webhook:pager"), Some(aside.seq), at).await.unwrap(), 1);
        assert_eq!(house.store.send_again(Some("webhook:other"), None, at).await.unwrap(), 0);
        house.soon("nothing is left", second(), async || dead().await.iter().all(|one| one.seq != aside.seq)).await;
        assert!(receiver.ids().iter().filter(|seq| **seq == aside.seq).count() > tries);
        house.service.stop().await;
    })
    .await;
}

#[tokio::test]
async fn one_that_fails_for_hours_loses_nothing() {
    let house = sqlite().await;
    let receiver = Receiver::new(|_| Answer::Code(503));
    let head = house.store.seq();
    house.follow(&[receiver.toml("pager", "")]).await;
    for _ in 0..4 {
        house.ask().await;
    }
    // Three hours, in which the requests lapse: whoever asked is told of that, too.
    house.soon("the first made way", second(), async || house.store.undelivered().await.unwrap().len() > 1).await;
    for _ in 0..60 {
        house.advance(3);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let tried = receiver.ids().len();
    assert!(tried < 200, "it was asked {tried} times in three hours");
    receiver.answers(|_| Answer::Code(200));
    let before = receiver.ids().len();
    let told = house.tellings(head).await;
    let taken = || receiver.ids().split_off(before).into_iter().collect::<BTreeSet<_>>();
    house.soon("all came", Length::from_seconds(5), async || told.iter().all(|seq| taken().contains(seq))).await;
    house.soon("nothing waits", second(), async || house.store.undelivered().await.unwrap().is_empty()).await;
    house.service.stop().await;
}

#[tokio::test]
async fn a45_gone_redirects_and_private_addresses() {
    let house = sqlite().await;
    let inner = Receiver::kind();
    let to = format!("http://127.0.0.1:{}/", inner.port);
    let gone = Receiver::new(|_| Answer::Code(410));
    let elsewhere = Receiver::new(move |_| Answer::Elsewhere(to.clone()));
    let private = |host: &str| format!("https://{host}:{}/?token=hunter2", inner.port);
    house
        .follow(&[
            gone.toml("gone", ""),
            elsewhere.toml("elsewhere", ""),
            toml("private", &private("127.0.0.1"), ""),
            toml("named", &private("localhost"), ""),
            toml("mapped", &private("[::ffff:127.0.0.1]"), "allow = [\"10.0.0.0/8\"]"),
        ])
        .await;
    house.ask().await;
    let left = async || house.store.undelivered().await.unwrap();
    let all = async || left().await.iter().map(|one| one.follower.clone()).collect::<BTreeSet<_>>().len() == 5;
    house.soon("none could be brought", second(), all).await;
    let left = left().await;
    let of = |name: &str| left.iter().find(|one| one.follower == format!("webhook:{name}")).unwrap();
    assert!(of("gone").dead_at.is_some() && of("gone").sentence.contains("410"), "{left:?}");
    assert!(of("elsewhere").dead_at.is_none() && of("elsewhere").sentence.contains("a redirect"), "{left:?}");
    for name in ["private", "named", "mapped"] {
        assert!(of(name).sentence.contains("private network"), "{left:?}");
    }
    assert!(left.iter().all(|one| !one.sentence.contains("hunter2")), "{left:?}");
    assert_eq!(inner.ids(), [0; 0]);
    house.service.stop().await;
}

#[tokio::test]
async fn one_that_hangs_or_never_ends_keeps_nobody_waiting() {
    let house = sqlite().await;
    let (hangs, long, good) = (Receiver::new(|_| Answer::Never), Receiver::new(|_| Answer::Long), Receiver::kind());
    house.follow(&[hangs.toml("hangs", ""), long.toml("long", ""), good.toml("good", "")]).await;
    let number = house.ask().await;
    house.soon("it hangs", second(), async || !hangs.ids().is_empty()).await;
    // Meanwhile all goes on: verdicts, the grant, the others.
    let view = house.show(number).await;
    house.approve("sam", &view).await.unwrap();
    house.until_status(number, Status::Active).await;
    house.soon("the others came", second(), async || good.ids().len() > 1 && long.ids().len() > 1).await;
    assert_eq!(long.ids()[..2], good.ids()[..2]);
    assert!(!house.store.undelivered().await.unwrap().iter().any(|one| one.follower != "webhook:hangs"));
    // One that hangs does not hold up the end, either.
    tokio::time::timeout(Duration::from_mins(1), house.service.stop()).await.unwrap();
}

#[tokio::test]
async fn two_replicas_send_once_and_one_takes_over_from_one_that_died() {
    let Some(database) = crate::support::pg_database("webhook_replicas") else { return };
    let location = Location::Postgres(database.url());
    let one = House::new(location.clone(), POLICY).await;
    let clock = one.clock.clone();
    let two = House::open(location, POLICY, Arc::new(TempFolder::new()), clock).await;
    let receiver = Receiver::kind();
    let head = one.store.poll_head().await.unwrap();
    for house in [&one, &two] {
        house.follow(&[receiver.toml("pager", "")]).await;
    }
    for house in [&one, &two, &one, &two] {
        house.ask().await;
    }
    let told = one.tellings(head).await;
    one.soon("all came", second(), async || told.iter().all(|seq| receiver.ids().contains(seq))).await;
    assert!(receiver.ids().is_sorted(), "{:?}", receiver.ids());
    let numbers: BTreeSet<i64> = receiver.ids().into_iter().collect();
    assert_eq!(numbers.len(), receiver.ids().len(), "{:?}", receiver.ids());

    // A third replica took the lease, and died: it is waited for as long as it may hold it, and no longer.
    // Whoever lives may renew it first.
    let mut tries = 0;
    let at = loop {
        let at = one.clock.now().at.plus(Length::from_minutes(1));
        one.clock.set(at);
        if one.store.step_follower("webhook:pager", "dead", at, Step::default()).await.unwrap() {
            break at;
        }
        tries += 1;
        assert!(tries < 1000, "the lease is never free");
    };
    let before = receiver.ids().len();
    one.ask().await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(receiver.ids().len(), before);
    one.soon("it is taken over", second(), async || receiver.ids().len() > before).await;
    let waited = one.clock.now().at.since(at);
    assert!(waited >= nightlatch::store::HOLDS, "{waited}");
    one.service.stop().await;
    two.service.stop().await;
}

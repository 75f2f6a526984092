use super::*;
use crate::access::Place;
use crate::access::actor::Actor;
use crate::access::event::{Ask, Rung, Text};
use crate::access::window::{Asked, End};
use crate::access::{RequestNumber, Via, apply};
use proptest::prelude::*;
use serde_json::Value;
use std::sync::LazyLock;

const POLICY: &str = r#"
zone = "Europe/London"
[people.ana]
name = "Ana Ruiz"
[people.sam]
name = "Sam Lee"
[people.li]
name = "Li Wei"
duties = ["admin"]
[systems.payments]
name = "Payment service"
environment = "production"
owner = "sam"
backup = "li"
[[systems.payments.roles]]
name = "restart"
allows = "Restart the workers"
provisioner = "sandbox"
[systems.vault]
name = "Vault"
environment = "production"
owner = "sam"
backup = "li"
private = true
[[systems.vault.roles]]
name = "open"
allows = "Open it"
provisioner = "sandbox"
[provisioners.sandbox]
kind = "files"
folder = "sandbox"
"#;

static RULES: LazyLock<Policy> = LazyLock::new(|| {
    let source = crate::policy::Source::one("policy.toml", POLICY);
    crate::policy::read(&source, &["files"]).map(|(policy, _)| policy).unwrap()
});

fn at() -> Instant {
    Instant::parse_rfc3339("2026-11-21T23:40:00Z").unwrap()
}

fn id<T: std::str::FromStr>(text: &str) -> T
where
    T::Err: std::fmt::Debug,
{
    text.parse().unwrap()
}

fn filed(system: &str, role: &str, task: &str, ticket: Option<&str>) -> Request {
    let ask = Ask {
        system: id(system),
        environment: "production".into(),
        role: id(role),
        user: id("ana"),
        approver: id("sam"),
        kind: Kind::Emergency,
        ticket: ticket.map(str::to_owned),
        task: Text { id: 16, hash: "ab".into(), words: task.into() },
        asked: Asked { from: None, end: End::For(Length::from_minutes(45)) },
        undecided_until: at().plus(Length::from_minutes(30)),
        checks: Vec::new(),
    };
    let actor = Actor::Person(id("ana"), Via::Socket);
    let place = Place { seq: 1, at: at(), actor: &actor, policy: "p" };
    apply(None, RequestNumber(142), &Event::Filed { ask }, place).unwrap()
}

fn told(about: About) -> Event {
    Event::Told {
        to: vec![id("sam"), id("gone")],
        about,
        rung: Some(Rung { step: 1, due_at: at(), next_at: None, extension: false }),
    }
}

fn sent(event: &Event, request: &Request) -> Value {
    let kind = serde_json::to_value(event).unwrap()["kind"].as_str().unwrap().to_owned();
    let happened = Happened { seq: 7, at: at(), kind: &kind, event };
    serde_json::from_str(&body(happened, request, &RULES, "abcd1234", at())).unwrap()
}

#[test]
fn what_is_sent() {
    let sent = sent(&told(About::Ask), &filed("payments", "restart", "the task", Some("INC-88")));
    let wanted = serde_json::json!({
        "id": 7, "at": "2026-11-21T23:40:00Z", "store": "abcd1234",
        "event": {"kind": "told", "about": "ask"},
        "to": [{"id": "sam", "name": "Sam Lee"}, {"id": "gone", "name": "gone"}],
        "request": {
            "id": 142, "number": "NL-142", "system": "payments", "environment": "production", "role": "restart",
            "kind": "emergency", "status": "pending", "overdue": false, "ticket": "INC-88",
            "requester": {"id": "ana", "name": "Ana Ruiz"}, "user": {"id": "ana", "name": "Ana Ruiz"},
            "approver": {"id": "sam", "name": "Sam Lee"},
        },
        "sentence": "NL-142 waits for a verdict: Ana Ruiz, restart on payments (emergency)",
    });
    assert_eq!(sent, wanted);
}

#[test]
fn of_a_refused_policy_only_that_it_is_refused_is_sent() {
    let event = Event::PolicyRefused { hash: "ab".into(), fault: Text::draft("line 3: the vault of Mallory") };
    assert!(wants(&[What::Told], &event) && !wants(&[What::Verdicts, What::Access, What::Overdue], &event));
    let happened = Happened { seq: 9, at: at(), kind: "policy-refused", event: &event };
    let sent: Value = serde_json::from_str(&body_about_policy(happened, &RULES, "abcd1234")).unwrap();
    let wanted = serde_json::json!({
        "id": 9, "at": "2026-11-21T23:40:00Z", "store": "abcd1234", "event": {"kind": "policy-refused"},
        "to": [{"id": "li", "name": "Li Wei"}], "sentence": "a policy was refused: the one before it rules on",
    });
    assert_eq!(sent, wanted);
}

#[test]
fn of_a_private_system_only_the_number_is_sent() {
    for request in [filed("vault", "open", "x", Some("INC-1")), filed("unknown-by-now", "open", "x", None)] {
        let sent = sent(&told(About::Decided), &request);
        assert_eq!(sent["request"], serde_json::json!({"id": 142, "number": "NL-142"}));
        assert_eq!((&sent["to"], &sent["sentence"]), (&serde_json::json!([]), &"NL-142 was decided".into()));
    }
}

#[test]
fn what_is_wanted() {
    let denied = Event::Withdrawn {};
    assert!(wants(&[What::Told], &told(About::Ask)) && !wants(&[What::Told], &denied));
    assert!(wants(&[What::Verdicts], &denied) && !wants(&[What::Verdicts, What::Overdue], &told(About::Ask)));
    let failed = Event::RemovalFailed { attempt: 1, sentence: Text::draft("x"), contradicted: false };
    assert!(wants(&[What::Overdue], &failed) && !wants(&[What::Access], &failed));
    assert!(wants(&[What::Access], &Event::HandedBack { changed: None, checked: None, follow_up: None }));
}

/// The vector was made with Python: `hmac.new(b"key", b"1795304400.{}", "sha256").hexdigest()`.
#[test]
fn a_signature_is_what_receivers_compute() {
    let at = Instant::from_millis(1_795_304_400_999);
    let signed = signature(&Secret::new("key"), at, "{}");
    assert_eq!(signed, "t=1795304400,v1=356ab649b99e858b52fc45e65e00b761cb5453526ace69b876bf31ea236af260");
    assert_ne!(signed, signature(&Secret::new("kez"), at, "{}"));
    assert_ne!(signed, signature(&Secret::new("key"), at, "{} "));
}

#[test]
fn what_answers_mean() {
    let pause = Some(Length::from_hours(9));
    assert_eq!(outcome(204, None), Outcome::Delivered);
    for code in [408, 425, 429, 500, 503] {
        assert!(matches!(outcome(code, pause), Outcome::Failed(_, Some(asked)) if asked == LONGEST_ASKED), "{code}");
    }
    for code in [301, 302, 307, 400, 401, 403, 404, 413] {
        assert!(matches!(outcome(code, None), Outcome::Refused(_)), "{code}");
    }
    assert!(matches!(outcome(410, None), Outcome::Gone(_)));
    assert!(matches!(outcome(302, None), Outcome::Refused(said) if said.contains("a redirect")));
}

#[test]
fn pauses_double_up_to_five_minutes_and_have_full_jitter() {
    let most = |failures| pause(failures, |below| below - 1).millis();
    assert_eq!((1..=12).map(most).collect::<Vec<_>>()[..4], [1_000, 2_000, 4_000, 8_000]);
    assert_eq!((most(10), most(100), most(u32::MAX)), (300_000, 300_000, 300_000));
    assert!(pause(9, |_| 0) < Length::from_seconds(1));
    for tries in [1, 2, 5, 50] {
        let (least, most) = (slowly(tries, |_| 0), slowly(tries, |below| below - 1));
        assert!(least >= Length::from_millis(150_000) && most <= SLOWEST && most <= FURTHEST, "{tries}");
    }
}

#[test]
fn an_event_makes_way_and_is_given_up() {
    assert!(!makes_way(4, Length::from_seconds(119)));
    assert!(makes_way(5, Length::ZERO) && makes_way(1, Length::from_minutes(2)));
    assert!(!is_given_up(Length::from_hours(23)) && is_given_up(Length::from_hours(24)));
}

/// Every event that can hold what a person or a target wrote.
fn with_words(words: &str) -> Vec<Event> {
    let text = || Text { id: 16, hash: "cd".into(), words: words.to_owned() };
    let some = || Some(text());
    vec![
        told(About::Unanswered),
        Event::Routed { to: id("li"), reason: words.to_owned(), rung: None },
        Event::Revoked { words: text(), by_policy: false },
        Event::HandedBack { changed: some(), checked: some(), follow_up: some() },
        Event::GrantFailed { attempt: 1, sentence: text(), gave_up: true },
        Event::RemovalFailed { attempt: 1, sentence: text(), contradicted: true },
        Event::Drifted { evidence: text(), gone: true },
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// Whatever somebody writes, none of it is sent, and nothing that a terminal acts on.
    #[test]
    fn no_words_are_ever_sent(words in "\\PC{8,60}|(\u{1b}\\[31m|\u{202e}|\"|\\\\|\n|<b>){3,9}", ticket in "(\u{1b}|\u{202e}|\n|[a-z]){1,300}") {
        let words = format!("canary-{words}");
        for system in ["payments", "vault"] {
            let request = filed(system, if system == "vault" { "open" } else { "restart" }, &words, Some(&ticket));
            for event in with_words(&words) {
                let sent = sent(&event, &request).to_string();
                prop_assert!(!sent.contains("canary"), "{sent}");
                prop_assert!(!sent.contains(['\u{1b}', '\u{202e}']) && !sent.contains("\\u001b") && !sent.contains("\\n"), "{sent}");
                prop_assert!(sent.len() < 4_000);
            }
        }
    }
}

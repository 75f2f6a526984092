//! Alerts as tables: what happens, and what is brought.

use super::*;
use crate::text::instant::time_of;
use proptest::prelude::*;
use serde_json::{Value, json};

const NIGHT: &str = "2026-11-22T01:14:00Z";

fn at(text: &str) -> Instant {
    Instant::parse_rfc3339(text).unwrap()
}

fn after(seconds: i64) -> Instant {
    at(NIGHT).plus(Length::from_seconds(seconds))
}

fn person(id: &str) -> Value {
    let name = match id {
        "bo" => "Bo Berg",
        "sam" => "Sam Lee",
        "li" => "Li Wei",
        other => other,
    };
    json!({ "id": id, "name": name })
}

fn me(id: &str) -> MeView {
    serde_json::from_value(json!({"person": person(id), "zone": "Europe/Berlin", "duties": ["admin"],
        "on_duty_for": ["payments"], "via": "socket", "store": "nl-7f3a"}))
    .unwrap()
}

fn settings() -> Settings {
    Settings { zone: Tz::Europe__Berlin, quiet: None, private: false, sound: true }
}

/// A request of bo's that waits for sam.
fn pending(id: i64, kind: &str) -> Value {
    json!({"id": id, "seq": 1, "version": 1, "status": "pending", "overdue": false, "system": "payments",
        "environment": "production", "role": "restart", "role_asked": "restart", "allows": "SECRET", "kind": kind,
        "task": "SECRET task", "ticket": null, "requester": person("bo"), "user": person("bo"),
        "approver": person("sam"), "filed_at": NIGHT, "window": {"from": null, "until": null},
        "asked_for_seconds": 2700, "until_if_approved_now": null, "undecided_until": after(1800), "checks": [],
        "claim": null, "decision": null, "extension": null, "extensions": 0, "grant": null, "follow_up": null,
        "notes": [{"by": "bo", "at": NIGHT, "text": "SECRET note"}], "revisions": [],
        "may": [{"verb": "deny", "guard": "words"}]})
}

fn with(mut view: Value, fields: &Value) -> Value {
    for (key, field) in fields.as_object().unwrap() {
        view[key] = field.clone();
    }
    view
}

/// Decided by this person.
fn decided(id: i64, kind: &str, by: &str, verdict: &str) -> Value {
    let status = if verdict == "approved" { "active" } else { "denied" };
    let decision = json!({"verdict": verdict, "by": person(by), "as": "owner", "at": NIGHT, "words": "SECRET words",
        "via": "token", "policy_version": "ab"});
    let grant = json!({"role": "restart", "target": "t", "access_key": "k", "second_lock": true, "granted_at": NIGHT,
        "overdue_from": after(2705), "observed": null, "attempts": 0, "last_error": "SECRET", "next_try_at": null,
        "manual_command": null, "looked_after_by": null, "attested": null, "first_use": null, "last_use": null,
        "sessions": null, "removed_at": null});
    with(
        pending(id, kind),
        &json!({"status": status, "decision": decision, "grant": grant, "may": [],
            "window": {"from": NIGHT, "until": after(2700)}, "undecided_until": null}),
    )
}

fn overdue(id: i64) -> Value {
    with(decided(id, "planned", "li", "approved"), &json!({"status": "ending", "overdue": true}))
}

fn view(value: Value) -> RequestView {
    serde_json::from_value(value).unwrap()
}

/// A desk, and the number of the last event.
struct Desk {
    alerts: Alerts,
    seq: i64,
    now: Instant,
}

impl Desk {
    fn of(id: &str, settings: Settings) -> Self {
        Self { alerts: Alerts::new(&me(id), settings), seq: 0, now: at(NIGHT) }
    }

    fn sam() -> Self {
        Self::of("sam", settings())
    }

    fn event(&mut self, id: i64, kind: &str, actor: &str, body: &Value) -> EventView {
        self.seq += 1;
        serde_json::from_value(json!({"seq": self.seq, "at": NIGHT, "subject": format!("request {id}"), "kind": kind,
            "actor": actor, "via": "replica", "policy": "", "body": body, "link": ""}))
        .unwrap()
    }

    /// An event, and the request as it is after it.
    fn happens(&mut self, kind: &str, body: &Value, request: Value) {
        let request = view(request);
        let event = self.event(request.id, kind, "clock", body);
        self.alerts.hear(&event, Some(&request), self.now);
    }

    /// This person is told.
    fn told(&mut self, about: &str, request: Value) {
        let me = self.alerts.me.clone();
        self.happens("told", &json!({"to": [me], "about": about}), request);
    }

    fn goes(&mut self, seconds: i64) -> &mut Self {
        self.now = self.now.plus(Length::from_seconds(seconds));
        self
    }

    /// What is brought and taken back, a line each: `critical! NL-142 | title | body | seqs`.
    fn due(&mut self) -> Vec<String> {
        let steps = self.alerts.due(self.now);
        steps.iter().map(line).collect()
    }
}

fn key(key: &Key) -> String {
    match key {
        Key::Request(number) => number.to_string(),
        other => format!("{other:?}").to_lowercase(),
    }
}

fn line(step: &Step) -> String {
    match step {
        Step::TakeBack(of) => format!("back {}", key(of)),
        Step::Bring(alert) => {
            let seqs: Vec<String> = alert.of.iter().map(|(_, seq)| seq.to_string()).collect();
            let sound = if alert.sound { "!" } else { "" };
            format!(
                "{}{sound} {} | {} | {} | {}",
                format!("{:?}", alert.urgency).to_lowercase(),
                key(&alert.key),
                alert.title,
                alert.body,
                seqs.join(",")
            )
        }
    }
}

const EMERGENCY: &str = "critical! NL-142 | EMERGENCY: Bo Berg asks for access to payments | NL-142 waits for your verdict. \
                         It lapses at 02:44 CET. | 1";

#[test]
fn each_word_has_its_sentence_and_none_says_the_task() {
    let own = "bo";
    let extension = json!({"at": NIGHT, "until_if_approved_now": after(3600), "done": "SECRET", "remaining": "SECRET",
        "approver": person("sam"), "waits": true});
    let asks_more = with(
        decided(142, "planned", "li", "approved"),
        &json!({"extension": extension, "may": [{"verb": "deny", "guard": "words"}]}),
    );
    let ended = with(decided(142, "planned", "li", "approved"), &json!({"status": "ending"}));
    let mut revoked = ended.clone();
    revoked["grant"]["ended"] = json!({"at": NIGHT, "by": "li", "how": "revoked", "words": "SECRET"});
    let near = |left: i64| {
        with(decided(142, "planned", "li", "approved"), &json!({"window": {"from": NIGHT, "until": after(left)}}))
    };
    let tried = json!({"step": 2, "to": person("li"), "tried": [
        {"person": person("sam"), "at": NIGHT, "last": NIGHT, "times": 1, "zone": "UTC", "contact": "SECRET"},
        {"person": person("li"), "at": NIGHT, "last": NIGHT, "times": 1, "zone": "UTC"}]});
    let waits = with(pending(142, "planned"), &json!({"escalation": tried}));
    let for_cy = with(pending(142, "planned"), &json!({"user": {"id": "cy", "name": "Cy Young"}}));
    let mut seen = Vec::new();
    for (who, about, request) in [
        ("sam", "ask", pending(142, "emergency")),
        ("sam", "ask", pending(142, "planned")),
        ("sam", "again", for_cy),
        ("sam", "changed", pending(142, "planned")),
        ("sam", "ask", asks_more),
        ("sam", "overdue", overdue(142)),
        (own, "decided", decided(142, "planned", "sam", "approved")),
        (own, "decided", decided(142, "planned", "sam", "sent-back")),
        (own, "decided", pending(142, "planned")),
        (own, "unanswered", waits.clone()),
        (own, "lapsing", waits),
        (own, "lapsed", with(pending(142, "planned"), &json!({"status": "lapsed"}))),
        (own, "ready", decided(142, "planned", "sam", "approved")),
        (own, "failed", with(decided(142, "planned", "sam", "approved"), &json!({"status": "failed"}))),
        (own, "ended", revoked),
        (own, "ending", near(900)),
        (own, "ending", near(300)),
        (own, "ending", near(59)),
        ("sam", "brandished", pending(142, "planned")),
    ] {
        for private in [false, true] {
            let mut desk = Desk::of(who, Settings { private, ..settings() });
            desk.told(about, request.clone());
            seen.extend(desk.due().into_iter().map(|line| format!("{about:9} {line}")));
        }
    }
    assert!(!seen.concat().contains("SECRET"));
    let private: Vec<&String> = seen.iter().skip(1).step_by(2).collect();
    assert!(private.iter().all(|line| !line.contains("Bo") && !line.contains("payments")), "{private:#?}");
    insta::assert_snapshot!(seen.join("\n"));
}

#[test]
fn an_emergency_is_brought_once_and_repeated_until_it_is_acknowledged() {
    let mut desk = Desk::sam();
    desk.told("ask", pending(142, "emergency"));
    assert_eq!(desk.due(), [EMERGENCY]);
    assert_eq!(desk.due(), [""; 0]);
    assert_eq!(desk.alerts.next(), Some(after(60)));
    assert_eq!(desk.goes(59).due(), [""; 0]);
    let again = EMERGENCY.replace("| 1", "| ");
    assert_eq!(desk.goes(1).due(), [again.as_str()]);
    // Somebody reads it: the desk is left in peace until the claim is over.
    let claim = json!({"claim": {"by": person("li"), "until": after(180)}});
    desk.happens("claimed", &json!({}), with(pending(142, "emergency"), &claim));
    assert_eq!(desk.goes(119).due(), [""; 0]);
    assert_eq!(desk.goes(1).due(), [again.as_str()]);
    let acknowledged = desk.event(142, "acknowledged", "sam", &json!({}));
    desk.alerts.hear(&acknowledged, Some(&view(pending(142, "emergency"))), desk.now);
    assert_eq!(desk.due(), ["back NL-142"]);
    assert_eq!((desk.goes(3600).due(), desk.alerts.next()), (vec![], None));
}

#[test]
fn a_verdict_of_somebody_else_replaces_what_stands_and_nothing_else() {
    let mut desk = Desk::sam();
    desk.told("ask", pending(142, "emergency"));
    desk.due();
    desk.goes(3).told("decided", decided(142, "emergency", "li", "approved"));
    let verdict = "low NL-142 | NL-142 payments: approved by Li Wei at 02:14 CET | Nothing is left for you to do. | 2";
    assert_eq!(desk.due(), [verdict]);
    assert_eq!((desk.goes(600).due(), desk.alerts.next()), (vec![], None));
    // What was never brought is not replaced.
    let mut desk = Desk::sam();
    desk.told("ask", decided(143, "emergency", "li", "approved"));
    desk.told("decided", decided(143, "emergency", "li", "approved"));
    assert_eq!(desk.due(), [""; 0]);
    // One's own verdict, given elsewhere, needs no words.
    let mut desk = Desk::sam();
    desk.told("ask", pending(142, "planned"));
    desk.due();
    desk.happens("approved", &json!({}), decided(142, "planned", "sam", "approved"));
    assert_eq!(desk.due(), ["back NL-142"]);
    // Nor does what passed to somebody else, or was withdrawn before it was seen.
    let mut desk = Desk::sam();
    desk.told("ask", pending(142, "planned"));
    desk.due();
    let refusal = json!({"code": "not-eligible", "sentence": "no", "hint": "no"});
    let passed = json!({"may": [{"verb": "deny", "guard": "words", "refusal": refusal}]});
    desk.happens("duty-passed", &json!({"from": "sam", "to": "li"}), with(pending(142, "planned"), &passed));
    assert_eq!(desk.due(), ["back NL-142"]);
    // A verdict that is taken back asks again.
    desk.told("ask", pending(142, "planned"));
    desk.due();
    desk.happens("approved", &json!({}), decided(142, "planned", "li", "approved"));
    desk.goes(1).due();
    desk.goes(1).told("decided", pending(142, "planned"));
    assert_eq!(desk.due().len(), 1);
    // It is gone, or may no longer be seen.
    let event = desk.event(142, "erased", "os:root", &json!({}));
    desk.alerts.hear(&event, None, desk.now);
    assert_eq!(desk.due(), ["back NL-142"]);
}

#[test]
fn an_overdue_removal_is_loud_until_it_is_gone() {
    let mut desk = Desk::of("sam", Settings { sound: false, ..settings() });
    desk.told("overdue", overdue(431));
    assert_eq!(
        desk.due(),
        [
            "critical NL-431 | OVERDUE REMOVAL: Bo Berg on payments | NL-431 ended at 02:59 CET and was not read back as gone. \
          Please look. | 1"
        ]
    );
    // Less is told with it, not over it.
    desk.goes(30).told("ended", overdue(431));
    assert_eq!(desk.due(), [""; 0]);
    assert!(desk.goes(30).due()[0].starts_with("critical NL-431 | OVERDUE"));
    let mut gone = with(decided(431, "planned", "li", "approved"), &json!({"status": "removed"}));
    gone["grant"]["removed_at"] = json!(NIGHT);
    desk.happens("removed", &json!({}), gone);
    assert_eq!(
        desk.due(),
        ["low NL-431 | Removed: Bo Berg on payments | NL-431 was read back as gone at 02:14 CET. | "]
    );
    assert_eq!(desk.goes(600).due(), [""; 0]);
}

#[test]
fn what_comes_again_at_once_is_held_back_unless_it_grew() {
    let mut desk = Desk::sam();
    desk.told("ask", pending(142, "planned"));
    assert_eq!(desk.due().len(), 1);
    desk.goes(5).told("changed", pending(142, "planned"));
    assert_eq!((desk.due(), desk.alerts.next()), (vec![], Some(after(20))));
    desk.goes(5).told("changed", pending(142, "planned"));
    let both = desk.goes(10).due();
    assert!(both[0].ends_with("| 2,3") && both[0].contains("changed, and waits"), "{both:?}");
    desk.goes(5).told("changed", pending(142, "emergency"));
    assert!(desk.due()[0].starts_with("critical!"));
    // Whoever asked waits for each of these.
    let mut desk = Desk::of("bo", settings());
    desk.told("decided", decided(142, "planned", "sam", "approved"));
    assert_eq!(desk.due().len(), 1);
    desk.goes(1).told("ready", decided(142, "planned", "sam", "approved"));
    assert_eq!(desk.due().len(), 1);
}

#[test]
fn a_burst_becomes_one() {
    let mut desk = Desk::sam();
    for id in 1..=3 {
        desk.told("ask", pending(id, "planned"));
        assert_eq!(desk.due().len(), 1);
    }
    desk.goes(1).told("ask", pending(4, "emergency"));
    assert_eq!(
        desk.due(),
        [
            "back NL-1",
            "back NL-2",
            "back NL-3",
            "critical! digest | 4 requests wait for you, 1 of them an EMERGENCY | NL-4 payments, NL-1 payments, NL-2 payments, \
             NL-3 payments | 4"
        ]
    );
    // More of it waits a little, but no emergency does.
    desk.goes(1).told("ask", pending(5, "planned"));
    assert_eq!(desk.due(), [""; 0]);
    desk.goes(1).told("ask", pending(6, "emergency"));
    let digest = desk.due();
    assert!(digest[0].contains("6 requests wait for you, 2 of them EMERGENCIES"), "{digest:?}");
    assert!(digest[0].ends_with("NL-3 payments, … | 5,6"), "{digest:?}");
    // Decided elsewhere: the digest says so in silence, and goes with the last one.
    for id in 1..=5 {
        desk.goes(1).happens("approved", &json!({}), decided(id, "planned", "li", "approved"));
    }
    let refreshed = desk.goes(20).due();
    assert_eq!(refreshed, ["low digest | 1 request waits for you, an EMERGENCY | NL-6 payments | "]);
    desk.happens("approved", &json!({}), decided(6, "emergency", "li", "approved"));
    assert_eq!(desk.due(), ["back digest"]);
    // All at once.
    let mut desk = Desk::sam();
    for id in 1..=8 {
        desk.told(if id < 5 { "ask" } else { "overdue" }, if id < 5 { pending(id, "planned") } else { overdue(id) });
    }
    let digest = desk.due();
    assert_eq!(digest.len(), 1);
    assert!(digest[0].contains("4 removals are OVERDUE; 4 requests wait for you |"), "{digest:?}");
    assert!(digest[0].ends_with("| 1,2,3,4,5,6,7,8"), "{digest:?}");
    // Repeated: the overdue ones, which are too many to be said one by one.
    let again = desk.goes(60).due();
    assert!(again[0].starts_with("critical! digest"), "{again:?}");
}

#[test]
fn a_night_is_quiet_but_for_what_is_critical() {
    let (from, until) = (time_of("22:00").unwrap(), time_of("07:00").unwrap());
    let mut desk = Desk::of("sam", Settings { quiet: Some(Quiet { from, until }), ..settings() });
    let morning = at("2026-11-22T06:00:00Z");
    let long = json!({"undecided_until": "2026-11-22T12:00:00Z"});
    for id in 1..=3 {
        desk.told("ask", with(pending(id, "planned"), &long));
    }
    assert_eq!((desk.due(), desk.alerts.next()), (vec![], Some(morning)));
    desk.goes(600).told("ask", pending(142, "emergency"));
    assert!(desk.due()[0].starts_with("critical! NL-142"));
    // What stands and is over is replaced at night, too: in silence.
    desk.goes(60).told("decided", decided(142, "emergency", "li", "approved"));
    assert!(desk.due()[0].starts_with("low NL-142"));
    desk.goes(600).told("overdue", overdue(431));
    assert!(desk.due()[0].starts_with("critical! NL-431"));
    desk.happens("removed", &json!({}), with(overdue(431), &json!({"status": "removed", "overdue": false})));
    assert_eq!(desk.due(), ["back NL-431"]);
    // One was decided in the night: only what is still so is told.
    desk.told("decided", decided(2, "planned", "li", "approved"));
    desk.now = morning.minus(Length::from_seconds(1));
    assert_eq!(desk.due(), [""; 0]);
    desk.now = morning;
    assert_eq!(desk.due(), ["normal digest | 2 requests wait for you | NL-1 payments, NL-3 payments | 1,3"]);
    assert_eq!(desk.goes(60).due(), [""; 0]);
}

#[test]
fn an_end_is_taken_back_when_it_is_there() {
    let mut desk = Desk::of("bo", settings());
    let request =
        with(decided(142, "planned", "sam", "approved"), &json!({"window": {"from": NIGHT, "until": after(300)}}));
    desk.told("ending", request);
    assert_eq!(desk.due().len(), 1);
    assert_eq!(desk.alerts.next(), Some(after(300)));
    assert_eq!(desk.goes(300).due(), ["back NL-142"]);
}

#[test]
fn a_lost_link_is_told_to_whoever_is_on_duty_and_taken_back() {
    let mut desk = Desk::sam();
    desk.alerts.link(Some(desk.now));
    assert_eq!((desk.due(), desk.alerts.next()), (vec![], Some(after(60))));
    desk.goes(60).alerts.link(Some(after(0)));
    assert_eq!(
        desk.due(),
        [
            "normal link | No answer from the store since 02:14 CET | You are on duty for payments, and nothing can reach you here. \
          nightlatch doctor says more. | "
        ]
    );
    assert_eq!(desk.goes(60).due(), [""; 0]);
    desk.alerts.link(None);
    assert_eq!(desk.due(), ["back link"]);
    // A short one is nobody's business, nor is any for who is not on duty.
    desk.alerts.link(Some(desk.now));
    desk.goes(59).alerts.link(None);
    assert_eq!(desk.goes(60).due(), [""; 0]);
    desk.alerts.is(&MeView { on_duty_for: vec![], ..me("sam") });
    desk.alerts.link(Some(desk.now));
    assert_eq!(desk.goes(600).due(), [""; 0]);
}

#[test]
fn a_refused_policy_is_told_to_admins() {
    for (duties, told) in [(vec!["admin".to_owned()], 1), (vec![], 0)] {
        let mut desk = Desk::sam();
        desk.alerts.is(&MeView { duties, ..me("sam") });
        let mut event = desk.event(1, "policy-refused", "clock", &json!({}));
        event.subject = "policy".into();
        desk.alerts.hear(&event, None, desk.now);
        assert_eq!(desk.due().len(), told);
    }
}

#[test]
fn what_others_are_told_and_what_is_hostile_is_harmless() {
    let mut desk = Desk::sam();
    for body in [json!({"to": ["li"], "about": "ask"}), json!({"to": 7}), json!([]), json!(null), json!({"about": {}})]
    {
        desk.happens("told", &body, pending(142, "planned"));
    }
    assert_eq!(desk.due(), [""; 0]);
    let hostile = "<b>Bo</b>\u{1b}[2J\u{202e}\n".repeat(20);
    desk.told(
        "ask",
        with(pending(142, "planned"), &json!({"requester": {"id": "bo", "name": hostile}, "system": hostile})),
    );
    let said = desk.due().concat();
    assert!(!said.chars().any(|ch| ch.is_control() || ch == '\u{202e}'), "{said:?}");
    assert!(said.chars().count() < 400, "{said:?}");
    // One event is heard once, however often it comes.
    let event = desk.event(7, "told", "clock", &json!({"to": ["sam"], "about": "ask"}));
    for _ in 0..3 {
        desk.alerts.hear(&event, Some(&view(pending(7, "planned"))), desk.now);
    }
    assert_eq!(desk.due().len(), 1);
    assert_eq!(desk.alerts.wants(&event), None);
}

#[test]
fn what_was_kept_is_taken_up_as_it_is_now() {
    let mut desk = Desk::sam();
    desk.told("ask", pending(1, "emergency"));
    desk.told("ask", pending(2, "planned"));
    desk.told("ask", pending(3, "planned"));
    desk.due();
    desk.goes(1).told("changed", pending(2, "planned"));
    let kept = desk.alerts.keep();
    let text = serde_json::to_string(&kept).unwrap();
    assert!(!text.contains("SECRET") && !text.contains("Bo"), "{text}");
    let mut alerts = Alerts::new(&me("sam"), settings());
    alerts.skip_to(desk.alerts.upto());
    for (kept, now) in serde_json::from_str::<Vec<KeptItem>>(&text).unwrap().into_iter().zip([
        Some(pending(1, "emergency")),
        Some(pending(2, "planned")),
        None,
    ]) {
        alerts.take_up(kept, now.map(view).as_ref(), desk.now);
    }
    desk.alerts = alerts;
    assert_eq!(desk.due(), ["back NL-3"]);
    let again = desk.goes(59).due();
    assert!(again[0].starts_with("critical! NL-1 ") && again[0].ends_with("| "), "{again:?}");
    assert!(again[1].starts_with("normal NL-2 ") && again[1].ends_with("| 4"), "{again:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    /// Whatever happens and however long one sleeps: each event is brought at most once, an emergency that is still so within two
    /// minutes, everything else that is still so by the next noon; and nobody looks without end.
    #[test]
    fn nothing_is_lost_and_nothing_comes_twice(
        acts in proptest::collection::vec((0_u8..8, 1_i64..9, 0_i64..40), 1..60),
        quiet in any::<bool>(),
    ) {
        let night = Quiet { from: time_of("22:00").unwrap(), until: time_of("07:00").unwrap() };
        let mut desk = Desk::of("sam", Settings { quiet: quiet.then_some(night), ..settings() });
        let mut brought: Vec<i64> = Vec::new();
        let mut waits: BTreeMap<i64, (i64, bool, Instant)> = BTreeMap::new();
        let long = json!({"undecided_until": "2026-11-25T12:00:00Z"});
        let mut look = |desk: &mut Desk| {
            for step in desk.alerts.due(desk.now) {
                if let Step::Bring(alert) = step {
                    brought.extend(alert.of.iter().map(|(_, seq)| *seq));
                }
            }
            assert!(desk.alerts.next().is_none_or(|at| at > desk.now), "{:?}", desk.alerts);
            brought.clone()
        };
        for (act, id, pause) in acts {
            match act {
                0..=2 => {
                    desk.told("ask", with(pending(id, "planned"), &long));
                    waits.insert(id, (desk.seq, false, desk.now));
                }
                3..=5 => {
                    desk.told("ask", with(pending(id, "emergency"), &long));
                    waits.insert(id, (desk.seq, true, desk.now));
                }
                6 => {
                    desk.told("decided", decided(id, "emergency", "li", "approved"));
                    waits.remove(&id);
                }
                _ => {
                    let event = desk.event(id, "acknowledged", "sam", &json!({}));
                    desk.alerts.hear(&event, Some(&view(pending(id, "planned"))), desk.now);
                    waits.remove(&id);
                }
            }
            look(&mut desk);
            desk.goes(pause);
            let seen = look(&mut desk);
            for (seq, critical, told) in waits.values() {
                prop_assert!(!critical || desk.now.since(*told) < Length::from_minutes(2) || seen.contains(seq));
            }
        }
        let mut seen = look(&mut desk);
        while let Some(next) = desk.alerts.next().filter(|at| *at < at_noon()) {
            desk.now = next;
            seen = look(&mut desk);
        }
        for (seq, ..) in waits.values() {
            prop_assert!(seen.contains(seq), "{seq} was lost: {:?}", desk.alerts);
        }
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        prop_assert_eq!(seen.len(), count);
    }
}

fn at_noon() -> Instant {
    at("2026-11-22T08:00:00Z")
}

//! What the checks say, on asks made up for it.

use super::*;
use crate::policy::{self, Source};

const POLICY: &str = r#"
zone = "Europe/London"
[people.sam]
name = "Sam Lee"
[people.li]
name = "Li Wei"
[people.ana]
name = "Ana Ruiz"
[systems.prod-db]
name = "Orders database"
owner = "sam"
backup = "li"
hours = "always"
[[systems.prod-db.roles]]
name = "read-only"
allows = "Run SELECT queries"
provisioner = "sandbox"
[[systems.prod-db.roles]]
name = "row-fix"
allows = "Read and change single rows"
provisioner = "sandbox"
[[systems.prod-db.roles]]
name = "owner"
allows = "Schema, users, bulk deletes"
provisioner = "sandbox"
[provisioners.sandbox]
kind = "files"
folder = "sandbox"
"#;

/// An ask: what differs from a good one.
struct Ask {
    task: &'static str,
    role: &'static str,
    kind: Kind,
    minutes: i64,
    ticket: Option<&'static str>,
    past: Past,
}

impl Default for Ask {
    fn default() -> Self {
        let task = "Read the rows of order 4711 and tell Marta why it was charged twice";
        Self { task, role: "read-only", kind: Kind::Planned, minutes: 45, ticket: None, past: Past::default() }
    }
}

fn at() -> Instant {
    Instant::parse_rfc3339("2026-11-21T23:40:00Z").unwrap()
}

impl Ask {
    fn of(task: &'static str) -> Self {
        Self { task, ..Self::default() }
    }

    fn run(&self) -> Vec<Check> {
        self.run_on(self.task)
    }

    fn run_on(&self, task: &str) -> Vec<Check> {
        let (policy, _) = policy::read(&Source::one("policy.toml", POLICY), &["files"]).unwrap();
        let system = policy.systems.values().next().unwrap();
        let (ana, sam) = ("ana".parse().unwrap(), "sam".parse().unwrap());
        let length = Length::from_minutes(self.minutes);
        run(&View {
            policy: &policy,
            system,
            role: system.role(self.role).unwrap(),
            kind: self.kind,
            task,
            ticket: self.ticket,
            requester: &ana,
            user: &ana,
            approver: &sam,
            length,
            until: at().plus(length),
            open: &[],
            past: &self.past,
            at: at(),
        })
    }

    fn says(&self, code: &str) -> (Verdict, String) {
        let found = self.run().into_iter().find(|check| check.code == code).unwrap();
        (found.verdict, found.sentence)
    }
}

#[track_caller]
fn found(ask: &Ask, code: &str, verdict: Verdict, says: &str) {
    let (was, sentence) = ask.says(code);
    assert!(was == verdict && sentence.contains(says), "{:?}: {was:?} {sentence}", ask.task);
}

#[test]
fn a_good_ask_passes_all_nine() {
    let checks = Ask::default().run();
    assert_eq!(checks.len(), 9);
    for check in checks {
        assert_eq!(check.verdict, Verdict::Pass, "{check:?}");
    }
}

#[test]
fn no_task_haste_alone_and_a_bare_pointer_fail() {
    for (task, says) in [
        ("!", "there is no task"),
        ("need prod DB access ASAP", "it says that it is urgent, but not what you will do"),
        ("ASAP need access", "urgent"),
        ("URGENT!!! please approve", "urgent"),
        ("I need access to the orders database please", "it asks for access"),
        ("see INC-88", "it only points to INC-88"),
        ("INC-4711", "it only points to INC-4711"),
        ("same as last time please", "it only points to an earlier request"),
        ("wie beim letzten Mal bitte", "it only points to an earlier request"),
        ("necesito acceso urgente", "it"),
    ] {
        found(&Ask::of(task), "task", Verdict::Fail, says);
    }
}

#[test]
fn what_is_guessed_from_wording_only_warns() {
    for (task, says) in [
        (
            "The database is down and customers complain since noon",
            "what is wrong with the system but not what you will do",
        ),
        ("General housekeeping and whatever comes up", "is no exact task"),
        ("restore it please", "which one"),
        ("Continue under the approval of last week", "earlier request or approval"),
    ] {
        found(&Ask::of(task), "task", Verdict::Warn, says);
    }
}

#[test]
fn plain_clear_tasks_pass_in_several_languages() {
    for task in [
        "Restart payment-worker; done when the queue is below 50",
        "Why does pod cart-6f restart every 4 minutes? Read its events and its last log",
        "turn the key; done when it is shut",
        "unlock account t.may and watch one sign-in",
        "hi sam, i'll set order 7712 to paid (see receipt 88-2), the shop page must show it",
        "Rufnummer 0800-22 auf das Team Wien umleiten, Testanruf, um 17 Uhr zurückstellen",
        "Vérifier si le compte p.morel a une session ouverte et noter son adresse IP",
        "Reiniciar el servidor web-07 y comprobar que responde en 2 segundos",
        "確認：トピック orders-eu-1 の遅延が 1000 件未満か見る",
        "Проверить, идёт ли трафик на web-07, и записать число соединений",
    ] {
        found(&Ask { role: "row-fix", ..Ask::of(task) }, "task", Verdict::Pass, "");
    }
}

#[test]
fn an_unknown_language_is_never_a_failure() {
    for task in [
        "Tarkista tilauksen 5512 rivit ja kerro Liisalle",
        "Kiểm tra đơn hàng 881 và báo lại",
        "בדוק את ההזמנה 4711 ודווח",
        "افحص الطلب رقم 4711 وأبلغ سالم",
        "ऑर्डर 4711 की जाँच करें और बताएं",
        "ตรวจสอบคำสั่งซื้อ 4711",
    ] {
        let (verdict, sentence) = Ask::of(task).says("task");
        assert_ne!(verdict, Verdict::Fail, "{task}: {sentence}");
    }
}

#[test]
fn the_role_is_held_against_what_the_task_does() {
    let look = "Count the rows of table postings from 3 May and tell finance the number";
    found(&Ask { role: "owner", ..Ask::of(look) }, "role", Verdict::Warn, "read-only allows that");
    found(&Ask { role: "read-only", ..Ask::of(look) }, "role", Verdict::Pass, "no narrower role");
    let fix = "Set status of order 77120 from open to void, the daily balance must be zero";
    found(&Ask { role: "owner", ..Ask::of(fix) }, "role", Verdict::Warn, "row-fix seems to allow this");
    found(&Ask { role: "row-fix", ..Ask::of(fix) }, "role", Verdict::Pass, "");
    let wide = "Create user billing_ro in the schema invoices and test one login";
    found(&Ask { role: "owner", ..Ask::of(wide) }, "role", Verdict::Pass, "");
    found(
        &Ask { role: "owner", ..Ask::of("production is down!!! need everything now") },
        "role",
        Verdict::Warn,
        "names nothing",
    );
    let said = "Set status of order 77120 to void, which is only possible with owner; the balance must be zero";
    found(&Ask { role: "owner", ..Ask::of(said) }, "role", Verdict::Pass, "");
    let named = "Set status of order 77120 to void (needs owner, the row is locked); the balance must be zero";
    found(&Ask { role: "owner", ..Ask::of(named) }, "role", Verdict::Pass, "");
    let noted = "Look up when order 77120 was paid, and write the date in the ticket";
    found(&Ask { role: "row-fix", ..Ask::of(noted) }, "role", Verdict::Warn, "read-only allows that");
}

#[test]
fn the_window_is_held_against_the_task() {
    let small = "Change the e-mail of customer 20117 to a@b.example, he sent a typo";
    let ask = |minutes, kind, task| Ask { role: "row-fix", minutes, kind, ..Ask::of(task) };
    found(&ask(30, Kind::Planned, small), "end", Verdict::Pass, "a hard end at 2026-11-22");
    found(&ask(240, Kind::Planned, small), "end", Verdict::Warn, "long for this task");
    found(&ask(300, Kind::Planned, small), "end", Verdict::Fail, "ask for 4h at most");
    found(&ask(120, Kind::Emergency, small), "end", Verdict::Fail, "at most");
    found(&ask(480, Kind::Day, "on call, whatever comes in"), "end", Verdict::Warn, "without an exact task");
    let takes = "Rebuild index ix_posting_date, it takes 3 hours; the month report must run under 2 s";
    found(&ask(120, Kind::Planned, takes), "end", Verdict::Warn, "takes 3h");
    found(&ask(240, Kind::Planned, takes), "end", Verdict::Pass, "");
    let says = |minutes, task, verdict, sentence| found(&ask(minutes, Kind::Planned, task), "end", verdict, sentence);
    let restore = "Restore table postings_2019 from Sunday's backup, it runs 90 minutes; it must count 4,118 rows";
    says(60, restore, Verdict::Warn, "takes 1h 30m");
    says(120, restore, Verdict::Pass, "");
    let short = "Rerun job HOLIDAY_TBL, it takes a minute; the table must have 4,118 rows";
    says(240, short, Verdict::Warn, "long for this task");
    let vague = "Restore table postings_2019, it takes a couple of hours; it must count 4,118 rows";
    says(240, vague, Verdict::Pass, "");
    let late = "Restart load sales_nl, it runs 90 minutes late; it must count 4,118 rows";
    says(60, late, Verdict::Pass, "");
    let eight = "Reboot nodes n21 to n28 one after the other, each takes 25 min; each must be Ready again";
    says(60, eight, Verdict::Warn, "takes 3h 20m");
    let two = "Reboot nodes n21 to n22 one after the other, each takes 25 min; each must be Ready again";
    says(60, two, Verdict::Pass, "");
    let gone = "Delete the scans of file D-11840 for good, the folder must be empty";
    found(&ask(60, Kind::Planned, gone), "end", Verdict::Pass, "");
    let watch = "keep an eye on things in case it happens again";
    found(&ask(180, Kind::Planned, watch), "end", Verdict::Warn, "without an exact task");
    found(&ask(60, Kind::Planned, watch), "end", Verdict::Pass, "");
    let open = "Open port 443 to 198.51.100.24 and keep it open until further notice";
    found(&ask(60, Kind::Planned, open), "end", Verdict::Warn, "more than one window");
}

#[test]
fn an_old_request_used_again_is_seen() {
    let earlier = |task: &str, ticket: Option<&str>| Past {
        earlier: vec![Earlier { number: "NL-117".into(), ticket: ticket.map(Into::into), task: task.into() }],
        ..Past::default()
    };
    let task = "Correct the tax code of order 4410 from B to C, check the VAT report";
    let ask = |past, ticket| Ask { ticket, past, ..Ask::of(task) };
    found(&ask(earlier(task, Some("INC-3")), Some("INC-9")), "fresh", Verdict::Warn, "repeats the task of NL-117");
    found(&ask(earlier(task, Some("INC-9")), Some("INC-9")), "fresh", Verdict::Pass, "");
    let other = "Correct the tax code of order 5511 from B to C, check the VAT report";
    found(&ask(earlier(other, Some("INC-3")), Some("INC-9")), "fresh", Verdict::Pass, "");
    found(&Ask::of("as approved in INC-31, thanks"), "fresh", Verdict::Warn, "that one is over");
    let rest = "Continuation of INC-31: orders 1 to 40 of the list are corrected, now 41 to 77; each must show code C";
    found(&Ask::of(rest), "fresh", Verdict::Pass, "");
    found(&Ask::of("please prolong the one from this morning"), "fresh", Verdict::Warn, "that one is over");
    found(&Ask::of("migration things before the release"), "fresh", Verdict::Pass, "");
    found(&Ask::of("Rotate smtp/relay per CHG-115 and send one test mail"), "fresh", Verdict::Pass, "");
}

#[test]
fn a_row_of_emergencies_is_a_pattern_and_one_bad_night_is_not() {
    let lately = |tickets: &[Option<&str>], days: i64, broad: bool| Past {
        lately: tickets
            .iter()
            .map(|ticket| Lately {
                at: at().minus(Length::from_hours(24 * days)),
                kind: if broad { Kind::Planned } else { Kind::Emergency },
                ticket: ticket.map(Into::into),
                broad,
            })
            .collect(),
        ..Past::default()
    };
    let ask = |past| Ask { kind: Kind::Emergency, ticket: Some("INC-9"), past, ..Ask::default() };
    let row = [Some("INC-1"), Some("INC-2"), Some("INC-3")];
    found(&ask(lately(&row, 3, false)), "pattern", Verdict::Warn, "Ana Ruiz had 3 other emergencies");
    found(&ask(lately(&row, 15, false)), "pattern", Verdict::Pass, "");
    found(&ask(lately(&[Some("INC-1"); 5], 3, false)), "pattern", Verdict::Pass, "");
    found(&ask(lately(&[Some("INC-9"); 5], 0, false)), "pattern", Verdict::Pass, "");
    let planned = Ask { past: lately(&row, 3, false), ..Ask::default() };
    found(&planned, "pattern", Verdict::Pass, "");
    let broad = Ask { role: "owner", past: lately(&[None; 3], 3, true), ..Ask::default() };
    found(&broad, "pattern", Verdict::Warn, "broadest role 3 times");
}

#[test]
fn the_removal_says_what_is_known_of_the_target() {
    let ask = |probed, second_lock| Ask {
        past: Past { target: Some(Target { name: "sandbox".into(), second_lock, probed }), ..Past::default() },
        ..Ask::default()
    };
    found(&ask(None, false), "removal", Verdict::Pass, "no second lock");
    found(&ask(Some((at(), Ok(()))), true), "removal", Verdict::Pass, "can hold a second lock");
    found(&ask(Some((at(), Err("no route".into()))), false), "removal", Verdict::Warn, "could not be reached");
}

#[test]
fn hostile_texts_are_read_in_bounded_time_and_never_panic() {
    let texts = [
        "x".repeat(10_000),
        "a ".repeat(5_000),
        "see INC-1 ".repeat(1_000),
        "\u{301}".repeat(10_000),
        "👨\u{200d}👩\u{200d}👧 ".repeat(1_000),
        "'; DROP TABLE event; -- ".repeat(400),
        "<script>alert(1)</script> {{7*7}} ${jndi:ldap://x} ".repeat(190),
        "\"\"\"(((\"“„«".repeat(900),
        "?!.,;:".repeat(1_600),
        "A1-B2_C3/".repeat(1_100),
        "AB CD ".repeat(1_600),
        "999999999999999999999999999999 takes 99999999999999999999h ".repeat(160),
        "takes 9223372036854775807 minutes".into(),
        "和 \u{ff0c}漢字、カタカナ。한국어 العربية עברית ไทย हिन्दी ελληνικά кириллица ქართული አማርኛ ".repeat(120),
        "İıßſŉǰΐ ŒÆ Ǆ ".repeat(700),
        "\n\n\t \u{a0}\u{2028}-–—•* ".repeat(600),
    ];
    for text in texts {
        let text: String = text.chars().take(10_000).collect();
        let task = reading::Task::of(&text);
        assert!(task.words.count() <= reading::words::MOST);
        let past = Past {
            earlier: vec![Earlier { number: "NL-1".into(), ticket: None, task: text.clone().into() }],
            ..Past::default()
        };
        for role in ["read-only", "owner"] {
            let checks = Ask { role, past: past.clone(), ..Ask::default() }.run_on(&text);
            assert_eq!(checks.len(), 9);
            assert!(checks.iter().all(|check| !check.sentence.is_empty() && check.sentence.len() < 600), "{checks:?}");
        }
    }
}

#[test]
fn no_sentence_carries_more_of_the_task_than_a_ticket() {
    let marked = "please see INC-5 \u{1b}]0;x\u{7} zebra";
    for check in Ask::default().run_on(marked) {
        assert!(!check.sentence.contains(['\u{1b}', '\u{7}']) && !check.sentence.contains("zebra"), "{check:?}");
    }
}

#[test]
fn the_task_is_judged_before_anything_else_is_known() {
    for task in ["need prod DB access ASAP", "INC-88", "", Ask::default().task, "Restart it"] {
        let whole = Ask::of(task).run();
        let places = "prod-db Orders database  read-only";
        assert_eq!(Some(&of_task(task, places)), whole.iter().find(|check| check.code == "task"), "{task}");
    }
    assert_eq!(of_task("need access ASAP", "").verdict, Verdict::Fail);
    assert_eq!(of_task(Ask::default().task, "").verdict, Verdict::Pass);
}

//! Rotas by outside calendars, through the whole service: files and real HTTP feeds, good, broken, and good again.

use crate::support::TempFolder;
use crate::support::house::{House, POLICY, everywhere, person};
use nightlatch::access::Subject;
use nightlatch::clock::Clock;
use nightlatch::store::Location;
use nightlatch::text::Instant;
use nightlatch::wire::TurnsView;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// The house's policy with a rota by a calendar; in the evening it is the backup who is asked.
fn policy(ics: &str) -> String {
    let rota = format!("[rotas.nights]\nics = \"{ics}\"\nmatch = \"email\"\n[systems.payments]\n");
    POLICY
        .replace("backup = \"li\"\nhours = \"always\"", "backup = \"nights\"\nhours = \"Mon-Fri 09:00-18:00\"")
        .replace("[systems.payments]\n", &rota)
}

/// A turn of `who` from the evening of the 21st until the evening of the 22nd, and so on for 50 days.
fn calendar(who: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:1\r\nSUMMARY:On call\r\n\
         ATTENDEE:mailto:{who}@example.com\r\nDTSTART;TZID=Europe/London:20261121T180000\r\n\
         DTEND;TZID=Europe/London:20261122T180000\r\nRRULE:FREQ=DAILY;COUNT=50\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}

impl House {
    async fn turns(&self) -> TurnsView {
        self.service.policy(&person("sam")).await.unwrap().turns.remove(0)
    }
    async fn on_duty(&self) -> Option<String> {
        self.turns().await.now.map(|now| now.person.id)
    }
    async fn rota_events(&self) -> usize {
        let events = self.store.events(Some(&Subject::Policy), 0, 1000).await.unwrap();
        events.iter().filter(|event| event.kind == "rota-changed").count()
    }
    /// Who is asked first.
    async fn asked(&self) -> String {
        self.service.systems(&person("ana")).await.unwrap().systems[0].who_can_say_yes[0].0.id.clone()
    }
    async fn until_on_duty(&self, who: &str) {
        self.until(who, async || self.on_duty().await.as_deref() == Some(who)).await;
    }
    async fn until_faulty(&self) -> String {
        self.until("the calendar fails", async || self.turns().await.calendar.unwrap().fault.is_some()).await;
        self.turns().await.calendar.unwrap().fault.unwrap()
    }
}

#[tokio::test]
async fn a_calendar_in_a_file_says_who_decides_and_the_last_good_reading_goes_on() {
    everywhere("duty_file", async |location| {
        let folder = Arc::new(TempFolder::new());
        folder.write("nights.ics", &calendar("li"));
        let clock = Clock::manual(Instant::parse_rfc3339("2026-11-21T23:40:00Z").unwrap());
        let house = House::open(location.clone(), &policy("nights.ics"), folder.clone(), clock.clone()).await;
        house.until_on_duty("li").await;
        assert_eq!(house.asked().await, "li");
        assert_eq!(house.rota_events().await, 1);
        // What is read again and says nothing new is not written down again.
        let read = house.turns().await.calendar.unwrap().read_at;
        house.advance(2);
        house.until("read again", async || house.turns().await.calendar.unwrap().read_at > read).await;
        assert_eq!(house.rota_events().await, 1);
        // A request goes to who is on duty, and they decide.
        let filed = house.file("ana", 30).await;
        assert_eq!(filed.approver.id, "li");
        assert!(house.approve("bo", &filed).await.is_err());
        house.approve("li", &filed).await.unwrap();
        // Broken: the last good reading goes on, and it is said.
        folder.write("nights.ics", "<html>sign in</html>");
        house.advance(2);
        let fault = house.until_faulty().await;
        assert!(fault.contains("a web page"), "{fault}");
        assert_eq!(house.on_duty().await.as_deref(), Some("li"));
        // Empty is no answer either.
        folder.write("nights.ics", "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n");
        house.advance(15);
        house
            .until("told otherwise", async || {
                house.turns().await.calendar.unwrap().fault.is_some_and(|fault| fault.contains("names nobody"))
            })
            .await;
        assert_eq!(house.asked().await, "li");
        // Mended, with somebody else.
        folder.write("nights.ics", &calendar("bo"));
        house.advance(15);
        house.until_on_duty("bo").await;
        assert_eq!(house.rota_events().await, 2);
        assert_eq!(house.turns().await.calendar.unwrap().fault, None);
        // Another replica, and one after a start, know it from the record.
        folder.write("nights.ics", "gone");
        let other = House::open(location.clone(), &policy("nights.ics"), folder.clone(), clock.clone()).await;
        assert_eq!(other.on_duty().await.as_deref(), Some("bo"));
        assert_eq!(other.asked().await, "bo");
        // The other's keys begin where the first one's did.
        for _ in 0..50 {
            other.key();
        }
        let filed = other.file("ana", 30).await;
        other.approve("bo", &filed).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn another_calendar_under_the_same_name_does_not_inherit_turns() {
    let folder = Arc::new(TempFolder::new());
    folder.write("nights.ics", &calendar("li"));
    let clock = Clock::manual(Instant::parse_rfc3339("2026-11-21T23:40:00Z").unwrap());
    let location = Location::Sqlite(folder.join("store.db"));
    let house = House::open(location, &policy("nights.ics"), folder.clone(), clock).await;
    house.until_on_duty("li").await;
    folder.write("policy.toml", &policy("others.ics"));
    house.service.reload();
    house.until("nobody", async || house.on_duty().await.is_none()).await;
    // Then the owner is the only one.
    assert_eq!(house.asked().await, "sam");
    let gaps = house.turns().await.gaps;
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    // A turn that leaves holes is told.
    folder.write(
        "others.ics",
        &calendar("li").replace("RRULE:FREQ=DAILY;COUNT=50", "RRULE:FREQ=DAILY;INTERVAL=2;COUNT=3"),
    );
    house.advance(15);
    house.until_on_duty("li").await;
    let gaps = house.turns().await.gaps;
    assert_eq!(gaps[0].from.to_string(), "2026-11-22T18:00:00Z");
    assert_eq!(gaps[0].until.to_string(), "2026-11-23T18:00:00Z");
    assert_eq!(gaps.len(), 3, "{gaps:?}");
}

/// Answers each connection with what is kept at the moment; nothing kept: it hangs.
async fn feed(answer: Arc<Mutex<Option<String>>>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = answer.lock().unwrap().clone();
            tokio::spawn(async move {
                let mut heard = vec![0; 4096];
                let _ = stream.read(&mut heard).await;
                if let Some(answer) = answer {
                    let _ = stream.write_all(answer.as_bytes()).await;
                }
                let _ = stream.read(&mut heard).await;
            });
        }
    });
    port
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Type: text/calendar\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn a_real_feed_that_fails_in_every_way_changes_nothing() {
    let answer = Arc::new(Mutex::new(Some(ok(&calendar("li")))));
    let port = feed(answer.clone()).await;
    let folder = Arc::new(TempFolder::new());
    let clock = Clock::manual(Instant::parse_rfc3339("2026-11-21T23:40:00Z").unwrap());
    let location = Location::Sqlite(folder.join("store.db"));
    let url = format!("http://127.0.0.1:{port}/nights.ics?s=abcdef");
    let house = House::open(location, &policy(&url), folder.clone(), clock).await;
    house.until_on_duty("li").await;
    let redirect =
        "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest/meta-data\r\nContent-Length: 0\r\n\r\n";
    let ten = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\nBEGIN:VCALENDAR", 10 * 1024 * 1024);
    let whole = calendar("bo");
    let cases = [
        (Some(redirect.to_owned()), "a redirect, which is not followed"),
        (Some(ten), "longer than 5 MB"),
        (Some(ok("<!DOCTYPE html><title>Sign in</title>")), "a web page"),
        (Some(ok(whole.get(..200).unwrap())), "cut off"),
        (Some("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n".into()), "401"),
        (Some("garbage\r\n\r\n".into()), "it "),
    ];
    for (bad, said) in cases {
        *answer.lock().unwrap() = bad;
        house.advance(15);
        house
            .until(said, async || {
                let fault = house.turns().await.calendar.unwrap().fault;
                assert!(!fault.as_ref().is_some_and(|fault| fault.contains("abcdef")), "{fault:?}");
                fault.is_some_and(|fault| fault.contains(said))
            })
            .await;
        assert_eq!(house.asked().await, "li", "{said}");
    }
    // One that hangs holds up nothing but itself.
    *answer.lock().unwrap() = None;
    house.advance(15);
    let filed = house.file("ana", 30).await;
    house.approve("li", &filed).await.unwrap();
    assert_eq!(house.rota_events().await, 1);
}

#[tokio::test]
async fn an_emergency_can_name_the_lead_on_duty() {
    let folder = Arc::new(TempFolder::new());
    let clock = Clock::manual(Instant::parse_rfc3339("2026-11-21T23:40:00Z").unwrap());
    let house = House::open(Location::Sqlite(folder.join("store.db")), POLICY, folder.clone(), clock).await;
    let window = nightlatch::wire::WindowBody { for_seconds: Some(1800), ..Default::default() };
    let ask = nightlatch::wire::FileBody { approver: Some("lead".into()), ..crate::support::house::body(window) };
    let filed = house.service.file(&person("ana"), ask.clone(), house.key()).await.unwrap();
    assert_eq!(filed.approver.id, "lea");
    house.approve("lea", &filed).await.unwrap();
    let planned = nightlatch::wire::FileBody { kind: Some(nightlatch::policy::Kind::Planned), ..ask.clone() };
    let no = house.service.file(&person("ana"), planned, house.key()).await.unwrap_err().to_string();
    assert!(no.contains("does not decide planned requests"), "{no}");
    let no = house.service.file(&person("lea"), ask, house.key()).await.unwrap_err().to_string();
    assert!(no.contains("you lead incidents now"), "{no}");
}

/// By day the owner, at night and on weekends li; mira leads incidents.
fn saturday() -> String {
    POLICY
        .replace("hours = \"always\"", "hours = \"Mon-Fri 09:00-18:00\"")
        .replace("name = \"Li Wei\"", "name = \"Li Wei\"\ncontact = \"+44 20 7946 0001\"")
        .replace("name = \"Lea Lind\"", "name = \"Lea Lind\"\ncontact = \"+44 20 7946 0002\"")
}

impl House {
    /// What happened to a request, with whom it reached.
    async fn happened(&self, id: i64) -> Vec<String> {
        let subject = Subject::Request(nightlatch::access::RequestNumber(id));
        let events = self.store.events(Some(&subject), 0, 1000).await.unwrap();
        let said = events.into_iter().map(|event| {
            let body: serde_json::Value = serde_json::from_str(&event.body).unwrap();
            let about = body["about"].as_str().map(|about| format!(" {about}")).unwrap_or_default();
            let to = match &body["to"] {
                serde_json::Value::Array(to) => {
                    to.iter().map(|who| who.as_str().unwrap()).collect::<Vec<_>>().join(" ")
                }
                serde_json::Value::String(to) => to.clone(),
                _ => String::new(),
            };
            format!("{}{about} {to}", event.kind).trim().to_owned()
        });
        said.collect()
    }
    async fn until_happened(&self, id: i64, what: &str) {
        self.until(what, async || self.happened(id).await.iter().any(|happened| happened == what)).await;
    }
}

#[tokio::test]
async fn saturday_2340_what_is_missing_then_the_named_backup_then_silence_then_the_lead() {
    everywhere("saturday_2340", async |location| {
        let house = House::new(location, &saturday()).await;
        let window = nightlatch::wire::WindowBody { for_seconds: Some(1800), ..Default::default() };
        let vague = nightlatch::wire::FileBody {
            task: "need prod DB access ASAP".into(),
            ..crate::support::house::body(window)
        };
        let no = house.service.file(&person("ana"), vague, house.key()).await.unwrap_err().to_string();
        assert!(no.contains("not what you will do"), "{no}");
        // Nobody was woken.
        assert_eq!(house.store.events(None, 0, 100).await.unwrap().len(), 1, "the policy alone");
        let filed = house.file("ana", 30).await;
        assert_eq!(filed.approver.id, "li");
        assert_eq!(house.happened(filed.id).await, ["filed", "told ask li"]);
        assert_eq!(filed.escalation.unwrap().to.id, "li");
        house.advance(5);
        house.until_happened(filed.id, "told again li").await;
        house.advance(10);
        house.until_happened(filed.id, "routed lea").await;
        let shown = house.show(filed.id).await;
        let ladder = shown.escalation.clone().unwrap();
        assert_eq!((ladder.to.id.as_str(), ladder.step), ("lea", 4));
        let tried: Vec<_> =
            ladder.tried.iter().map(|tried| (tried.person.id.as_str(), tried.contact.as_deref())).collect();
        assert_eq!(tried, [("li", Some("+44 20 7946 0001")), ("lea", Some("+44 20 7946 0002"))]);
        // Silence approved nothing; the lead does, and who was tried before learns of it.
        assert_eq!(shown.status, nightlatch::access::Status::Pending);
        house.approve("lea", &shown).await.unwrap();
        house.until_happened(filed.id, "told ready ana").await;
        let happened = house.happened(filed.id).await;
        let steps =
            ["filed", "told ask li", "told again li", "told again li", "routed lea", "approved", "told decided ana li"];
        assert_eq!(happened.iter().take(7).map(String::as_str).collect::<Vec<_>>(), steps);
        crate::recorded_path::verified(&house).await;
    })
    .await;
}

#[tokio::test]
async fn a_ladder_goes_on_after_a_start_and_is_taken_once_by_two_replicas() {
    everywhere("duty_replicas", async |location| {
        let house = House::new(location.clone(), &saturday()).await;
        let filed = house.file("ana", 30).await;
        let other = House::open(location, &saturday(), house.folder.clone(), house.clock.clone()).await;
        house.advance(16);
        house.until_happened(filed.id, "routed lea").await;
        other.until_happened(filed.id, "routed lea").await;
        // Past the end of the ladder who asked reads that nobody answered, that it is about to lapse, and that it did.
        house.advance(9);
        house.until_happened(filed.id, "told lapsing ana").await;
        house.advance(6);
        house.until_happened(filed.id, "lapsed").await;
        house.until_happened(filed.id, "told lapsed ana li lea").await;
        let steps = [
            "filed",
            "told ask li",
            "told again li",
            "told again li",
            "routed lea",
            "told unanswered ana",
            "told lapsing ana",
            "lapsed",
            "told lapsed ana li lea",
        ];
        assert_eq!(house.happened(filed.id).await, steps);
    })
    .await;
}

#[test]
fn the_binary_says_what_is_missing_and_the_record_tells_each_step() {
    use crate::support::served::{Start, TASK, ends, policy, stdout, until};
    let ladder = "[kinds.emergency]\nescalate = [\"0m approver\", \"1s approver\", \"2s backup\", \"3s lead\"]\n";
    // The owner is away: the named backup is asked.
    let policy = policy()
        .replace("duties = [\"admin\"]", "duties = [\"admin\"]\nleave = [\"2020-01-01..2099-12-31\"]")
        .replace("[systems.payments]", &format!("{ladder}[systems.payments]"));
    let served = Start { policy: Some(policy), ..Start::socket() }.serve();
    let kind = ["--for", "30m", "--kind", "emergency"];
    let vague =
        served.cli(&[&["request", "payments", "restart", "--task", "need prod DB access ASAP"][..], &kind].concat());
    ends(&vague, 3, "not what you will do");
    assert_eq!(served.head_seq(), 1, "the policy alone");
    let filed = served.cli(&[&["request", "payments", "restart", "--json", "--task", TASK][..], &kind].concat());
    ends(&filed, 0, "\"id\":101");
    until("the lead is reached", || stdout(&served.cli(&["show", "101"])).contains("Lea Lind").then_some(()));
    let shown = served.cli(&["show", "101"]);
    ends(&shown, 0, "alerted");
    for part in [
        "filed by ana",
        "told li: it waits for a verdict",
        "told li: it still waits for a verdict",
        "routed by clock (to lea)",
    ] {
        ends(&shown, 0, part);
    }
    ends(&served.cli(&["systems", "payments"]), 0, "Li Wei (li) as backup");
}

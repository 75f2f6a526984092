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

fn ok(body: &str) -> Option<String> {
    Some(format!("HTTP/1.1 200 OK\r\nContent-Type: text/calendar\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
}

#[tokio::test]
async fn a_real_feed_that_fails_in_every_way_changes_nothing() {
    let answer = Arc::new(Mutex::new(ok(&calendar("li"))));
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
        (ok("<!DOCTYPE html><title>Sign in</title>"), "a web page"),
        (ok(whole.get(..200).unwrap()), "cut off"),
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

//! Calendars as several tools are documented to hand them out, and as hostile hands might.

use super::*;
use crate::policy::Source;

const POLICY: &str = r#"
zone = "Europe/London"
[people.sam]
name = "Sam Lee"
email = "sam@example.com"
[people.li]
name = "Li Wei"
email = "li@example.com"
[people.priya]
name = "Priya Shah"
email = "Priya@Example.com"
os_user = "priya.shah"
[rotas.nights]
ics = "nights.ics"
match = "MATCH"
zone = "ZONE"
[systems.web]
owner = "sam"
backup = "nights"
[[systems.web.roles]]
name = "member"
allows = "Be in the group"
provisioner = "sandbox"
[provisioners.sandbox]
kind = "files"
folder = "sandbox"
"#;

fn utc(text: &str) -> Instant {
    Instant::parse_rfc3339(text).unwrap()
}

fn reading(matching: &str, zone: &str, events: &str, from: &str, days: i64) -> Result<Reading, Unreadable> {
    let text = POLICY.replace("MATCH", matching).replace("ZONE", zone);
    let (policy, _) = crate::policy::read(&Source::one("policy.toml", &text), &["files"]).unwrap();
    let from = utc(from);
    let until = from.plus(crate::text::Length::from_hours(24 * days));
    read(events, &policy, &policy.rotas["nights"], from, until)
}

fn calendar(events: &str) -> String {
    let text = format!("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//test//EN\n{}\nEND:VCALENDAR\n", events.trim());
    text.replace('\n', "\r\n")
}

fn slots(matching: &str, zone: &str, events: &str, from: &str, days: i64) -> Vec<String> {
    let reading = reading(matching, zone, &calendar(events), from, days).unwrap();
    assert_eq!(reading.remarks, Vec::<String>::new());
    said(&reading)
}

fn said(reading: &Reading) -> Vec<String> {
    let all = reading.slots.iter();
    all.map(|slot| format!("{} {} {}", slot.person, &slot.from.to_string()[..16], &slot.until.to_string()[..16]))
        .collect()
}

#[test]
fn pagerduty_hands_out_final_turns_in_utc_with_an_attendee() {
    let events = "
BEGIN:VEVENT
DTSTART;VALUE=DATE-TIME:20261024T170000Z
DTEND;VALUE=DATE-TIME:20261025T090000Z
DTSTAMP;VALUE=DATE-TIME:20261001T000000Z
UID:Q1@pagerduty.com
URL;VALUE=URI:https://example.pagerduty.com/schedules#P1
SUMMARY:On Call - Li Wei - Payments nights
ATTENDEE:li@example.com
END:VEVENT
BEGIN:VEVENT
DTSTART;VALUE=DATE-TIME:20261025T090000Z
DTEND;VALUE=DATE-TIME:20261026T090000Z
UID:Q2@pagerduty.com
SUMMARY:On Call - Priya Shah - Payments nights
ATTENDEE;CN=Priya Shah:MAILTO:priya@example.com
END:VEVENT";
    let all = ["li 2026-10-24T17:00 2026-10-25T09:00", "priya 2026-10-25T09:00 2026-10-26T09:00"];
    assert_eq!(slots("email", "Europe/London", events, "2026-10-20T00:00:00Z", 60), all);
    assert_eq!(slots("name", "Europe/London", events, "2026-10-20T00:00:00Z", 60), all);
}

#[test]
fn opsgenie_says_who_by_the_address_in_the_summary() {
    let events = "
BEGIN:VEVENT
DTSTAMP:20261101T000000Z
DTSTART:20261128T230000Z
DTEND:20261129T230000Z
SUMMARY:Payments_schedule: li@example.com
UID:og-1
ORGANIZER;CN=Opsgenie:mailto:sam@example.com
END:VEVENT";
    // The organiser is asked only where nobody else is named.
    assert_eq!(
        slots("email", "Europe/London", events, "2026-11-21T00:00:00Z", 60),
        ["li 2026-11-28T23:00 2026-11-29T23:00"]
    );
}

#[test]
fn grafana_says_ranks_and_names_and_the_higher_rank_wins() {
    let events = "
BEGIN:VEVENT
SUMMARY:[L0] sam
DTSTART:20261123T000000Z
DTEND:20261130T000000Z
UID:oncall-1-PK1
END:VEVENT
BEGIN:VEVENT
SUMMARY:[L1] priya.shah
DTSTART:20261125T080000Z
DTEND:20261125T200000Z
UID:oncall-2-PK2
END:VEVENT
BEGIN:VEVENT
SUMMARY:[L99] li
DTSTART:20261125T070000Z
DTEND:20261125T090000Z
UID:oncall-3-PK3
END:VEVENT";
    assert_eq!(
        slots("name", "UTC", events, "2026-11-21T00:00:00Z", 60),
        [
            "sam 2026-11-23T00:00 2026-11-25T07:00",
            "li 2026-11-25T07:00 2026-11-25T09:00",
            "priya 2026-11-25T09:00 2026-11-25T20:00",
            "sam 2026-11-25T20:00 2026-11-30T00:00"
        ]
    );
}

/// A night from 18:00 to 09:00, each day, by a shared Google calendar with its own zone block.
const NIGHTS: &str = "
BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:DAYLIGHT
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
TZNAME:CEST
DTSTART:19700329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
BEGIN:STANDARD
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
TZNAME:CET
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
DTSTART;TZID=Europe/Berlin:20261023T180000
DTEND;TZID=Europe/Berlin:20261024T090000
RRULE:FREQ=DAILY;UNTIL=20261027T170000Z
EXDATE;TZID=Europe/Berlin:20261026T180000
ORGANIZER;CN=On call:mailto:abc123@group.calendar.google.com
ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED;CN=li@example.com:mailto:li@example.com
ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=DECLINED;CN=sam@example.com:mailto:sam@example.com
UID:abc@google.com
SEQUENCE:0
STATUS:CONFIRMED
SUMMARY:Night
TRANSP:OPAQUE
END:VEVENT
BEGIN:VEVENT
DTSTART;TZID=Europe/Berlin:20261024T200000
DTEND;TZID=Europe/Berlin:20261025T090000
RECURRENCE-ID;TZID=Europe/Berlin:20261024T180000
ATTENDEE;PARTSTAT=ACCEPTED:mailto:priya@example.com
UID:abc@google.com
SUMMARY:Night\\, swapped
END:VEVENT";

#[test]
fn google_repeats_in_local_time_and_ends_by_the_clock_when_the_clocks_change() {
    // The clocks go back on the 25th at 03:00: that night has 14 hours here, and still ends at 09:00.
    assert_eq!(
        slots("email", "UTC", NIGHTS, "2026-10-20T00:00:00Z", 60),
        [
            "li 2026-10-23T16:00 2026-10-24T07:00",
            "priya 2026-10-24T18:00 2026-10-25T08:00",
            "li 2026-10-25T17:00 2026-10-26T08:00",
            "li 2026-10-27T17:00 2026-10-28T08:00"
        ]
    );
}

#[test]
fn hand_over_in_the_hour_that_is_left_out_or_comes_twice() {
    let weekly = |start: &str, end: &str, who: &str| {
        format!(
            "BEGIN:VEVENT\nUID:{who}{start}\nSUMMARY:{who}\nDTSTART;TZID=America/New_York:{start}\n\
             DTEND;TZID=America/New_York:{end}\nEND:VEVENT\n"
        )
    };
    // 2026-03-08 02:30 is left out in New York: it comes at 03:30, which is 07:30 in UTC.
    let spring =
        weekly("20260307T143000", "20260308T023000", "li") + &weekly("20260308T023000", "20260308T143000", "sam");
    assert_eq!(
        slots("name", "UTC", &spring, "2026-03-01T00:00:00Z", 60),
        ["li 2026-03-07T19:30 2026-03-08T07:30", "sam 2026-03-08T07:30 2026-03-08T18:30"]
    );
    // 2026-11-01 01:30 comes twice: the first.
    let autumn =
        weekly("20261031T133000", "20261101T013000", "li") + &weekly("20261101T013000", "20261101T133000", "sam");
    assert_eq!(
        slots("name", "UTC", &autumn, "2026-10-20T00:00:00Z", 60),
        ["li 2026-10-31T17:30 2026-11-01T05:30", "sam 2026-11-01T05:30 2026-11-01T18:30"]
    );
    // Days that follow each other leave no hole when one has 25 hours.
    let daily = "BEGIN:VEVENT\nUID:d\nSUMMARY:li\nDTSTART;TZID=Europe/London:20261023T090000\n\
        DTEND;TZID=Europe/London:20261024T090000\nRRULE:FREQ=DAILY;COUNT=4\nEND:VEVENT";
    assert_eq!(slots("name", "UTC", daily, "2026-10-20T00:00:00Z", 60), ["li 2026-10-23T08:00 2026-10-27T09:00"]);
}

#[test]
fn whole_days_weeks_and_lengths() {
    let events = "
BEGIN:VEVENT
UID:1
SUMMARY:Li Wei (on call)
DTSTART;VALUE=DATE:20261123
DTEND;VALUE=DATE:20261130
RRULE:FREQ=WEEKLY;INTERVAL=2;COUNT=2
END:VEVENT
BEGIN:VEVENT
UID:2
SUMMARY:Sam Lee
DTSTART:20261130T000000
DURATION:P1W
END:VEVENT
BEGIN:VEVENT
UID:3
SUMMARY:Priya Shah
DTSTART;VALUE=DATE:20261218
END:VEVENT";
    // What has no zone of its own is in the rota's.
    assert_eq!(
        slots("name", "Asia/Tokyo", events, "2026-11-21T00:00:00Z", 60),
        [
            "li 2026-11-22T15:00 2026-11-29T15:00",
            "sam 2026-11-29T15:00 2026-12-06T15:00",
            "li 2026-12-06T15:00 2026-12-13T15:00",
            "priya 2026-12-17T15:00 2026-12-18T15:00"
        ]
    );
}

#[test]
fn the_zone_of_the_whole_calendar_rules_what_floats() {
    let events = "X-WR-TIMEZONE:America/New_York\nBEGIN:VEVENT\nUID:1\nSUMMARY:li\nDTSTART:20261123T090000\n\
        DTEND:20261123T170000\nEND:VEVENT";
    assert_eq!(slots("name", "UTC", events, "2026-11-21T00:00:00Z", 60), ["li 2026-11-23T14:00 2026-11-23T22:00"]);
}

fn event(lines: &str) -> String {
    calendar(&format!("BEGIN:VEVENT\nUID:1\n{lines}\nEND:VEVENT"))
}

fn odd(lines: &str) -> (Vec<String>, Vec<String>) {
    let reading = reading("name", "UTC", &event(lines), "2026-11-21T00:00:00Z", 60).unwrap();
    (said(&reading), reading.remarks)
}

#[test]
fn what_is_not_known_is_left_out_with_a_sentence() {
    let day = "DTSTART:20261123T090000Z\nDTEND:20261123T170000Z";
    let (slots, remarks) = odd(&format!("SUMMARY:Bob\n{day}"));
    assert_eq!(slots, Vec::<String>::new());
    assert_eq!(remarks, ["\"Bob\" has no name of anybody in the policy, so it is left out"]);
    let (slots, remarks) = odd(&format!("SUMMARY:li and sam\n{day}"));
    assert_eq!(slots, Vec::<String>::new());
    assert_eq!(remarks, ["\"li and sam\" names li and sam, so it is left out: name one person"]);
    let (slots, remarks) =
        odd("SUMMARY:li\nDTSTART;TZID=Mars/Olympus:20261123T090000\nDTEND;TZID=Mars/Olympus:20261123T170000");
    assert_eq!(slots, Vec::<String>::new());
    assert_eq!(remarks, ["there is no zone \"Mars/Olympus\", so what is written in it is left out"]);
    // A name inside of a longer one is not the name; called off is off; backwards is no turn.
    assert!(odd(&format!("SUMMARY:alison\n{day}")).0.is_empty());
    assert!(odd(&format!("SUMMARY:li\nSTATUS:CANCELLED\n{day}")).0.is_empty());
    assert!(odd("SUMMARY:li\nDTSTART:20261123T090000Z\nDTEND:20261123T080000Z").0.is_empty());
    // A foreign word cannot move a cursor in the sentence.
    let (_, remarks) = odd(&format!("SUMMARY:\u{1b}[2Jx\u{202e}y\n{day}"));
    assert!(!remarks[0].contains(['\u{1b}', '\u{202e}']), "{remarks:?}");
}

#[test]
fn turns_over_each_other_are_told() {
    let both = "BEGIN:VEVENT\nUID:1\nSUMMARY:li\nDTSTART:20261123T090000Z\nDTEND:20261123T170000Z\nEND:VEVENT\n\
        BEGIN:VEVENT\nUID:2\nSUMMARY:sam\nDTSTART:20261123T120000Z\nDTEND:20261123T200000Z\nEND:VEVENT";
    let reading = reading("name", "UTC", &calendar(both), "2026-11-21T00:00:00Z", 60).unwrap();
    assert_eq!(said(&reading), ["li 2026-11-23T09:00 2026-11-23T12:00", "sam 2026-11-23T12:00 2026-11-23T20:00"]);
    assert_eq!(reading.remarks.len(), 1);
    assert!(reading.remarks[0].starts_with("li and sam both have "), "{:?}", reading.remarks);
}

#[test]
fn what_is_no_calendar_is_refused_whole() {
    let no = |text: &str| reading("name", "UTC", text, "2026-11-21T00:00:00Z", 60).unwrap_err().0;
    assert!(no("<!DOCTYPE html><html>sign in</html>").contains("a web page"));
    assert!(no("").contains("no calendar"));
    assert!(no("BEGIN:VCARD\r\nEND:VCARD\r\n").contains("no calendar"));
    assert!(no(&"x".repeat(10 * 1024 * 1024)).contains("longer than 5 MB"));
    assert!(no("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:li\r\n").contains("cut off"));
    let many = "BEGIN:VEVENT\nEND:VEVENT\n".repeat(20_001);
    assert!(no(&calendar(&many)).contains("more than 20000 parts"));
    // Letters of several bytes where the beginning is looked for.
    assert!(no("ééééééééééééééé").contains("no calendar"));
}

#[test]
fn rule_bombs_are_cut_short() {
    let day = "DTSTART:19700101T090000Z\nDTEND:19700101T170000Z";
    let (slots, remarks) = odd(&format!("SUMMARY:li\n{day}\nRRULE:FREQ=SECONDLY"));
    assert!(slots.is_empty() && remarks[0].contains("repeats within a day"), "{remarks:?}");
    let (_, remarks) = odd(&format!(
        "SUMMARY:li\n{day}\nRRULE:FREQ=DAILY;BYHOUR=0,1,2,3,4,5,6,7,8,9,10,11;BYMINUTE=0,1,2,3,4,5,6,7,8,9"
    ));
    assert!(remarks[0].contains("repeats more than 20000 times"), "{remarks:?}");
    // A day that never comes, an interval of nothing.
    assert!(odd(&format!("SUMMARY:li\n{day}\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30")).0.is_empty());
    assert!(odd(&format!("SUMMARY:li\n{day}\nRRULE:FREQ=DAILY;INTERVAL=0")).0.is_empty());
    let many = "BEGIN:VEVENT\nUID:1\nSUMMARY:li\nDTSTART:20261123T090000Z\nDTEND:20261123T170000Z\n\
        RRULE:FREQ=WEEKLY;COUNT=1\nEND:VEVENT\n"
        .repeat(400);
    let reading = reading("name", "UTC", &calendar(&many), "2026-11-21T00:00:00Z", 60).unwrap();
    assert_eq!(reading.slots.len(), 1);
    assert!(reading.remarks[0].contains("more than 300 events repeat"), "{:?}", reading.remarks);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_stands_in_it_the_turns_lie_side_by_side(lines in proptest::collection::vec("(SUMMARY:(li|sam)|DTSTART(;TZID=Europe/Berlin)?:2026112[0-9]T[0-2][0-9]0000Z?|DTEND:2026112[0-9]T[0-2][0-9]0000Z?|DURATION:PT[0-9]H|RRULE:FREQ=(DAILY|WEEKLY)(;COUNT=[0-9])?|EXDATE:20261124T090000|BEGIN:VEVENT|END:VEVENT|[ -~]{0,20})", 0..12)) {
        if let Ok(reading) = reading("name", "UTC", &event(&lines.join("\n")), "2026-11-20T00:00:00Z", 10) {
            for pair in reading.slots.windows(2) {
                proptest::prop_assert!(pair[0].until <= pair[1].from);
            }
            for slot in &reading.slots {
                proptest::prop_assert!(slot.from < slot.until);
            }
        }
    }
}

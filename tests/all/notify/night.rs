//! A night through the real programs, whose clock is moved: server and notifier live from half past nine to seven in a few
//! seconds, as on a machine that is suspended again and again.

use super::follow::Desk;
use crate::support::served::{Start, TASK, ends, stdout, until};
use crate::support::{TempFolder, binary, skip};
use chrono::{DateTime, Days, NaiveDate, TimeDelta, TimeZone as _};
use chrono_tz::Europe::London;
use chrono_tz::Tz;
use nightlatch::clock::Clock;
use nightlatch::text::{Instant, Length};
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

/// What moves the clock of the programs that it is put before.
struct Shift {
    folder: TempFolder,
    /// The machine's own clock.
    clock: Clock,
}

impl Shift {
    fn new() -> Self {
        let folder = TempFolder::new();
        folder.write("ahead", "\0\0\0\0\0\0\0\0");
        let source = folder.write("shift.c", include_str!("shift.c"));
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-Wall", "-Werror", "-o"])
            .args([folder.join("shift.so"), source])
            .output()
            .unwrap();
        ends(&built, 0, "");
        Self { folder, clock: Clock::system(Instant::default(), false) }
    }

    fn env(&self) -> Vec<(&'static str, PathBuf)> {
        vec![("LD_PRELOAD", self.folder.join("shift.so")), ("NIGHT_SHIFT", self.folder.join("ahead"))]
    }

    /// It is this instant for them.
    fn to(&self, at: Instant) {
        let ahead = at.since(self.clock.wall()).millis() / 1000;
        // Written over, for it is mapped.
        let mut file = std::fs::OpenOptions::new().write(true).open(self.folder.join("ahead")).unwrap();
        file.write_all(&ahead.to_ne_bytes()).unwrap();
    }
}

/// From half past nine to seven.
const MORNING: TimeDelta = TimeDelta::minutes(9 * 60 + 30);

/// This time of this day, where sam lives.
fn at_night(day: NaiveDate, hour: u32, minute: u32) -> DateTime<Tz> {
    London.from_local_datetime(&day.and_hms_opt(hour, minute, 0).unwrap()).unwrap()
}

/// Sam's desk, and its night.
struct Night {
    desk: Desk,
    shift: Shift,
    /// Half past nine in the evening, where sam lives.
    evening: Instant,
}

impl Night {
    fn new() -> Self {
        let shift = Shift::new();
        let mut server = Command::new(binary());
        server.envs(shift.env());
        let mut desk = Desk::beside(Start::socket().serve_by(server));
        desk.env = shift.env();
        let today = shift.clock.wall().utc().date_naive();
        // The next night on which the clocks stay as they are.
        let mut nights = (1..4).map(|days| {
            let day = today + Days::new(days);
            (at_night(day, 21, 30), at_night(day + Days::new(1), 7, 0))
        });
        let (evening, _) = nights.find(|(evening, morning)| *morning - *evening == MORNING).unwrap();
        Self { desk, shift, evening: Instant::from_millis(evening.timestamp_millis()) }
    }

    /// So many minutes after half past nine.
    fn at(&self, minutes: i64) -> Instant {
        self.evening.plus(Length::from_minutes(minutes))
    }

    /// It is so many minutes after half past nine.
    fn goes_to(&self, minutes: i64) {
        self.shift.to(self.at(minutes));
        until("the server has noticed", || {
            let now = Instant::parse_rfc3339(self.show(None)["server_now"].as_str()?).unwrap();
            (now >= self.at(minutes)).then_some(())
        });
    }

    /// A request, or who one is.
    fn show(&self, id: Option<i64>) -> Value {
        let path = id.map_or("/v1/me".into(), |id| format!("/v1/requests/{id}"));
        self.desk.served.get(&path, None).json()
    }

    /// Ana asks for the next forenoon.
    fn files_for_the_forenoon(&self) -> i64 {
        let window = json!({"from": self.at(13 * 60).to_string(), "until": self.at(15 * 60).to_string()});
        let said = self
            .desk
            .served
            .file(&json!({"system": "payments", "role": "restart", "task": TASK, "kind": "planned", "window": window}));
        assert_eq!(said.status, 201, "{said:?}");
        said.json()["id"].as_i64().unwrap()
    }

    /// What the hook was told of a request.
    fn told(&self, id: i64) -> Vec<Value> {
        let number = format!("NL-{id}");
        self.desk.told().into_iter().filter(|alert| alert["request"] == number.as_str()).collect()
    }
}

/// A static program takes nothing before it.
fn is_static() -> bool {
    let asked = Command::new(binary()).arg("--version").env("LD_PRELOAD", "/nothing.so").output().unwrap();
    !String::from_utf8_lossy(&asked.stderr).contains("cannot be preloaded")
}

#[test]
fn a_night_is_told_as_it_passes() {
    if is_static() {
        return skip("notify::night", "no clock can be put before a static program");
    }
    let night = Night::new();
    let desk = &night.desk;
    desk.likes("quiet_hours = \"22:00-07:00\"\n");
    let lea = desk.served.token("lea");
    night.goes_to(0);
    let _running = desk.notify();
    desk.is_there();
    let evening = night.files_for_the_forenoon();
    desk.hears(evening, "asks for access to payments");
    let before = desk.told().len();

    // Ten past ten. What can wait does; an emergency is told, and told again until somebody answers.
    night.goes_to(40);
    let calm = night.files_for_the_forenoon();
    let urgent = desk.file("emergency");
    desk.hears(urgent, "EMERGENCY");
    night.goes_to(42);
    until("it is told again", || (night.told(urgent).len() >= 2).then_some(()));
    let version = night.show(Some(urgent))["version"].clone();
    let body = json!({"as_of": version, "words": "Go ahead"});
    let approved = desk.served.post(&format!("/v1/requests/{urgent}/approve"), Some(&lea), &body);
    assert_eq!(approved.status, 200, "{approved:?}");
    desk.hears(urgent, "approved by Lea Lind");
    let is = |status: &str| {
        until(&format!("it is {status}"), || (night.show(Some(urgent))["status"] == status).then_some(()));
    };
    is("active");

    // Its end: it cannot be taken out, for what stands in the way is no file.
    let sandbox = desk.served.folder.join("sandbox");
    let given = std::fs::read_dir(&sandbox).unwrap().map(|entry| entry.unwrap().path());
    let given: Vec<_> = given.filter(|path| !path.file_name().unwrap().to_string_lossy().starts_with('.')).collect();
    let [given] = given.as_slice() else { panic!("{given:?}") };
    let kept = std::fs::read(given).unwrap();
    std::fs::remove_file(given).unwrap();
    std::fs::create_dir(given).unwrap();
    std::fs::write(given.join("in the way"), "").unwrap();
    night.goes_to(73);
    is("ending");
    night.goes_to(75);
    desk.hears(urgent, "OVERDUE");
    std::fs::remove_dir_all(given).unwrap();
    std::fs::write(given, kept).unwrap();
    night.goes_to(76);
    is("removed");

    // A minute to seven: of what could wait nothing was told yet.
    night.goes_to(9 * 60 + 29);
    let urgency = |alert: &Value| alert["urgency"].as_str().unwrap().to_owned();
    let at_night = desk.told().split_off(before);
    assert!(at_night.iter().all(|alert| urgency(alert) != "normal"), "{at_night:?}");
    assert!(night.told(calm).is_empty(), "{at_night:?}");
    assert!(!desk.log().contains("panicked") && !desk.served.log().contains("panicked"));
    night.goes_to(9 * 60 + 30);
    desk.hears(calm, "asks for access to payments");
    assert_eq!((night.told(calm).len(), night.told(evening).len()), (1, 1), "{:?}", desk.told());
    let trail = desk.command().args(["audit", "export"]).output().unwrap();
    ends(&trail, 0, "");
    let path = desk.served.folder.write("trail.jsonl", &stdout(&trail));
    ends(&desk.served.cli(&["audit", "verify", path.to_str().unwrap()]), 0, "whole");
}

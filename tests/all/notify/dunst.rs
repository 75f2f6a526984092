//! A notification server as people run it: dunst, on a screen that nobody sees.

use super::alert;
use super::bus::{Bus, PYTHON};
use crate::support::served::{PATIENCE, until};
use crate::support::skip;
use nightlatch::access::RequestNumber;
use nightlatch::notify::desktop::{self, Desktop};
use nightlatch::notify::{Channel as _, Urgency};
use serde_json::{Value, json};
use std::process::{Child, Command, Stdio};
use tokio::sync::mpsc::unbounded_channel;

/// What dunst is asked, of its own interface.
const ASK: &str = r#"
import json, sys, dbus
bus = dbus.SessionBus()
dunst = bus.get_object("org.freedesktop.Notifications", "/org/freedesktop/Notifications")
own = dbus.Interface(dunst, "org.dunstproject.cmd0")
if sys.argv[1] == "shown":
    shown = dbus.Interface(dunst, "org.freedesktop.DBus.Properties").Get("org.dunstproject.cmd0", "displayedLength")
    print(int(shown))
elif sys.argv[1] == "click":
    own.NotificationAction(dbus.UInt32(0))
    print("null")
else:
    own.NotificationCloseAll()
    rows = own.NotificationListHistory()
    print(json.dumps([[str(row["summary"]), str(row["body"])] for row in rows]))
"#;

/// Ends with the value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn ask(bus: &Bus, what: &str) -> Option<Value> {
    let mut command = Command::new(PYTHON);
    command.args(["-c", ASK, what]).env("DBUS_SESSION_BUS_ADDRESS", bus.address()).stderr(Stdio::null());
    serde_json::from_slice(&command.output().unwrap().stdout).ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "starts an X server: tests/run all"]
async fn dunst_shows_it_once_and_a_click_on_it_comes_back() {
    let test = "dunst_shows_it_once_and_a_click_on_it_comes_back";
    let Some(bus) = Bus::start(test) else { return };
    let there = |program: &str, ask: &str| Command::new(program).arg(ask).output().is_ok();
    if !there("Xvfb", "-version") || !there("dunst", "-v") {
        return skip(test, "no dunst: sudo apt-get install -y --no-install-recommends dunst xvfb");
    }
    let display = bus.folder.join("display");
    let screen = Command::new("Xvfb")
        .args(["-displayfd", "1", "-screen", "0", "640x480x24", "-nolisten", "tcp"])
        .stdout(std::fs::File::create(&display).unwrap())
        .stderr(Stdio::null())
        .spawn();
    let screen = Running(screen.unwrap());
    let number = until("the screen is there", || {
        let said = std::fs::read_to_string(&display).unwrap();
        said.ends_with('\n').then(|| said.trim().to_owned())
    });
    let config = bus.folder.write("dunstrc", "[global]\nmarkup = full\nformat = \"<b>%s</b>\\n%b\"\n");
    let dunst = Command::new("dunst")
        .arg("-conf")
        .arg(config)
        .env("DISPLAY", format!(":{number}"))
        .env("DBUS_SESSION_BUS_ADDRESS", bus.address())
        .env("HOME", bus.folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let dunst = Running(dunst.unwrap());
    until("dunst is there", || ask(&bus, "shown"));

    let (clicked, mut clicks) = unbounded_channel();
    let mut desktop = Desktop::new(desktop::Bus::At(bus.address()), clicked, None);
    for (number, title) in [(142, "bo asks"), (142, "lee <b>decided</b>"), (143, "kim asks")] {
        let body = "<u>one</u> & two\u{202e}";
        desktop.bring(&alert(number, title, body, Urgency::Critical)).await.unwrap();
    }
    assert!(desktop.server().await.unwrap().starts_with("dunst"));
    until("two are shown", || (ask(&bus, "shown") == Some(json!(2))).then_some(()));
    ask(&bus, "click");
    let number = tokio::time::timeout(PATIENCE, clicks.recv()).await.unwrap();
    assert!(matches!(number, Some(RequestNumber(142 | 143))), "{number:?}");
    let mut told = ask(&bus, "history").unwrap();
    told.as_array_mut().unwrap().sort_by_key(Value::to_string);
    // As a reader of markup shows it: what was written, and nothing else.
    let body = "&lt;u&gt;one&lt;/u&gt; &amp; two&lt;U+202E&gt;";
    assert_eq!(told, json!([["kim asks", body], ["lee ‹b›decided‹/b›", body]]));
    drop((dunst, screen));
}

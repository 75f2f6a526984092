//! A session bus of a test's own, and a notification server on it.

use crate::support::served::{PATIENCE, until};
use crate::support::{TempFolder, skip};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

/// What a desktop's server says that it can do.
pub const ABLE: &str = "actions body body-markup sound";

/// Debian's own Python, for which the packages are.
pub const PYTHON: &str = "/usr/bin/python3";

/// A bus that starts nothing by itself.
pub struct Bus {
    daemon: Child,
    pub folder: TempFolder,
}

impl Bus {
    /// Starts one; `None`, and the test is counted as skipped, where there is none to start.
    pub fn start(test: &str) -> Option<Self> {
        let there = |program: &str, args: &[&str]| {
            let run = Command::new(program).args(args).stdout(Stdio::null()).stderr(Stdio::null()).status();
            run.is_ok_and(|status| status.success())
        };
        if !there("dbus-daemon", &["--version"]) || !there(PYTHON, &["-c", "import dbus, dbusmock"]) {
            skip(test, "no session bus: sudo apt-get install -y --no-install-recommends dbus python3-dbusmock");
            return None;
        }
        let folder = TempFolder::new();
        folder.write(
            "bus.conf",
            &format!(
                "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\" \
                 \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\"><busconfig><type>session</type>\
                 <listen>unix:path={}</listen><auth>EXTERNAL</auth><policy context=\"default\">\
                 <allow send_destination=\"*\" eavesdrop=\"true\"/><allow eavesdrop=\"true\"/><allow own=\"*\"/>\
                 </policy></busconfig>",
                folder.join("bus").display()
            ),
        );
        let daemon = daemon(&folder);
        Some(Self { daemon, folder })
    }

    pub fn address(&self) -> String {
        format!("unix:path={}", self.folder.join("bus").display())
    }

    /// It is gone, as when a session ends.
    pub fn kill(&mut self) {
        drop(self.daemon.kill());
        drop(self.daemon.wait());
        drop(std::fs::remove_file(self.folder.join("bus")));
    }

    /// Another one in the same place.
    pub fn again(&mut self) {
        self.daemon = daemon(&self.folder);
    }

    /// A notification server on it.
    pub fn server(&self, abilities: &str) -> Mock {
        Mock::start(&self.address(), abilities)
    }
}

fn daemon(folder: &TempFolder) -> Child {
    let config = format!("--config-file={}", folder.join("bus.conf").display());
    let daemon = Command::new("dbus-daemon").args([&config, "--nofork"]).stderr(Stdio::null()).spawn().unwrap();
    until("the bus is there", || std::os::unix::net::UnixStream::connect(folder.join("bus")).ok());
    daemon
}

impl Drop for Bus {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What `Notify` was told.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    pub app: String,
    pub instead: u64,
    pub summary: String,
    pub body: String,
    pub actions: Value,
    pub hints: Value,
    pub timeout: i64,
}

/// A notification server that writes down what it is told.
pub struct Mock {
    driver: Child,
    orders: ChildStdin,
    answers: Receiver<Value>,
}

impl Mock {
    fn start(address: &str, abilities: &str) -> Self {
        let mut driver = Command::new(PYTHON)
            .args(["-c", include_str!("mock.py"), abilities])
            .env("DBUS_SESSION_BUS_ADDRESS", address)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let orders = driver.stdin.take().unwrap();
        let answers = lines(driver.stdout.take().unwrap());
        let mock = Self { driver, orders, answers };
        assert_eq!(mock.answer(), "ready");
        mock
    }

    fn answer(&self) -> Value {
        self.answers.recv_timeout(PATIENCE).expect("the notification server's driver says nothing more")
    }

    fn order(&mut self, order: &Value) -> Value {
        writeln!(self.orders, "{order}").unwrap();
        self.answer()
    }

    /// All calls of `Notify` so far.
    pub fn told(&mut self) -> Vec<Told> {
        let calls = self.order(&json!(["calls", "Notify"]));
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let told = |call: &Value| Told {
            app: text(&call[0]),
            instead: call[1].as_u64().unwrap(),
            summary: text(&call[3]),
            body: text(&call[4]),
            actions: call[5].clone(),
            hints: call[6].clone(),
            timeout: call[7].as_i64().unwrap(),
        };
        calls.as_array().unwrap().iter().map(told).collect()
    }

    /// The numbers that were taken down so far.
    pub fn closed(&mut self) -> Vec<u64> {
        let calls = self.order(&json!(["calls", "CloseNotification"]));
        calls.as_array().unwrap().iter().map(|call| call[0].as_u64().unwrap()).collect()
    }

    /// Somebody clicks, or presses a button.
    pub fn click(&mut self, id: u32, action: &str) {
        self.order(&json!(["signal", "ActionInvoked", "us", [id, action]]));
    }

    /// Somebody closes it.
    pub fn close(&mut self, id: u32) {
        self.order(&json!(["signal", "NotificationClosed", "uu", [id, 2]]));
    }

    /// Somebody else on the bus pretends that it was clicked.
    pub fn forge_click(&mut self, id: u32) {
        self.order(&json!(["forge", "ActionInvoked", "us", [id, "default"]]));
    }

    /// From now on `Notify` runs this Python.
    pub fn notify_runs(&mut self, code: &str) {
        self.order(&json!(["method", "Notify", "susssasa{sv}i", "u", code]));
    }

    /// Another server takes its place.
    pub fn restart(&mut self) {
        self.order(&json!(["restart"]));
    }
}

impl Mock {
    /// It goes, and the bus stays.
    pub fn stop(mut self) {
        self.order(&json!(["stop"]));
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        // The server itself ends with its bus.
        drop(self.driver.kill());
        drop(self.driver.wait());
    }
}

fn lines(from: ChildStdout) -> Receiver<Value> {
    let (said, hears) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if said.send(serde_json::from_str(&line).unwrap_or(Value::Null)).is_err() {
                return;
            }
        }
    });
    hears
}

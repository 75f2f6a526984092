//! Notifications against real parts: a session bus with a notification server, tmux, terminals, programs.

mod bus;
mod desktop;
mod dunst;
mod follow;
mod hook;
mod night;
mod terminal;

use nightlatch::access::RequestNumber;
use nightlatch::notify::{Alert, Key, Urgency};
use nightlatch::text::Clean;

/// An alert about a request, as somebody is told of one.
fn alert(number: i64, title: &str, body: &str, urgency: Urgency) -> Alert {
    Alert {
        key: Key::Request(RequestNumber(number)),
        title: Clean::line(title),
        body: Clean::line(body),
        urgency,
        sound: urgency == Urgency::Critical,
        opens: Some(RequestNumber(number)),
        of: vec![(RequestNumber(number), 57)],
    }
}

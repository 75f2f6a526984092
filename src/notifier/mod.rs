//! The notifier of one person: follows what the trail says this person is told, and brings it to their desk.
//!
//! A face starts it with a way to the host: an open dashboard, or `nightlatch notify` where none is open. There is one a person,
//! machine and store; an open dashboard takes over. What is said, and when, `notify` decides; what is true, the host says.

pub mod carry;
mod follow;
mod kept;
pub mod open;
pub mod place;

pub use carry::{Line, is_caught};
pub use follow::{Closed, News, Notifier};
pub use open::Opener;
pub use place::{Held, Place, Seat};

use crate::access::RequestNumber;
use crate::config::client::Notify;
use crate::notify::{Channel, Quiet, Settings};
use crate::wire::MeView;
use chrono_tz::Tz;
use tokio::sync::mpsc::UnboundedSender;

/// What makes a channel, of what somebody likes, and with where its clicks go; none where that was not asked for.
type Make = fn(&Notify, &UnboundedSender<RequestNumber>) -> Option<Box<dyn Channel>>;

/// The channels. A new one is one line here.
const CHANNELS: &[(&str, Make)] = &[];

/// The lines of channels that somebody likes: each line brings by the first of its channels that can.
pub fn lines(likes: &Notify, clicked: &UnboundedSender<RequestNumber>) -> Vec<Line> {
    let make = |name: &str| {
        let (_, make) = CHANNELS.iter().find(|(other, _)| *other == name)?;
        make(likes, clicked)
    };
    let mut lines: Vec<Line> = match &likes.channels {
        Some(names) => names.iter().map(|name| make(name).into_iter().collect()).collect(),
        None => {
            let mut lines = vec![["desktop", "terminal"].into_iter().filter_map(make).collect()];
            if !likes.hook.is_empty() {
                lines.push(make("hook").into_iter().collect());
            }
            lines
        }
    };
    lines.retain(|line| !line.is_empty());
    lines
}

/// How this person wants to be told, by the clock of where they are.
pub fn settings(likes: &Notify, me: &MeView, here: Tz) -> Settings {
    Settings {
        zone: me.zone.parse().unwrap_or(here),
        quiet: likes.quiet_hours.map(|(from, until)| Quiet { from, until }),
        private: likes.privacy,
        sound: likes.sound,
    }
}

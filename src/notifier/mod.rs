//! The notifier of one person: follows what the trail says this person is told, and brings it to their desk.
//!
//! A face starts it with a way to the host: an open dashboard, or `nightlatch notify` where none is open. There is one a person,
//! machine and store; an open dashboard takes over. What is said, and when, `notify` decides; what is true, the host says.

pub mod carry;
mod follow;
mod host;
mod kept;
pub mod open;
pub mod place;

pub use carry::{Line, is_caught};
pub use follow::{Closed, News, Notifier};
pub use open::Opener;
pub use place::{Held, Place, Seat};

use crate::access::RequestNumber;
use crate::client::Client;
use crate::clock::Stopwatch;
use crate::config::Paths;
use crate::config::client::Notify;
use crate::notify::table::{NAMES, Wanted, build};
use crate::notify::{Quiet, Settings};
use crate::wire::MeView;
use chrono_tz::Tz;
use std::path::PathBuf;
use tokio::sync::mpsc::UnboundedSender;

/// The channels of the file, as the table builds them. `kept` is where the desktop remembers what stands on it.
pub fn wanted(likes: &Notify, kept: Option<PathBuf>) -> Wanted {
    let channels = likes.channels.clone().unwrap_or_default();
    Wanted { channels, hook: likes.hook.clone(), silent: !likes.sound, kept }
}

/// The lines of channels that somebody likes: each line brings by the first of its channels that can. Named, each stands alone;
/// not named, it is the desktop, else the terminal, and the hook beside them.
pub fn lines(wanted: &Wanted, clicked: &UnboundedSender<RequestNumber>) -> Vec<Line> {
    let line = |names: &[&str]| names.iter().filter_map(|name| build(name, wanted, clicked)).collect::<Line>();
    let mut lines: Vec<Line> = if wanted.channels.is_empty() {
        vec![line(&["desktop", "terminal"]), line(&["hook"])]
    } else {
        NAMES
            .iter()
            .filter(|name| wanted.channels.iter().any(|wanted| wanted == *name))
            .map(|name| line(&[*name]))
            .collect()
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

/// What a face starts a notifier with.
#[derive(Clone)]
pub struct Start {
    /// How somebody likes it.
    pub likes: Notify,
    /// Where things lie.
    pub paths: Paths,
    /// The zone of this machine.
    pub here: Tz,
    /// Who brings.
    pub seat: Seat,
    /// Time that only passes.
    pub watch: Stopwatch,
}

impl std::fmt::Debug for Start {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Start").field("likes", &self.likes).field("seat", &self.seat).finish_non_exhaustive()
    }
}

impl Start {
    /// The notifier of `me`, with its place made.
    pub fn notifier(self, client: Client, me: MeView) -> Result<Notifier, String> {
        let place = Place::of(&self.paths, &me.store, &me.person.id)?;
        let settings = settings(&self.likes, &me, self.here);
        Ok(Notifier { client, me, place, seat: self.seat, settings, watch: self.watch })
    }
}

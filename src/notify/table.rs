//! The channels by name, and which of them bring an alert.
//!
//! A new channel is one file and one line here.

use super::Channel;
use super::alert::{Alert, Key};
use super::desktop::{Bus, Desktop};
use super::hook::Hook;
use super::terminal::OnTerminal;
use crate::access::RequestNumber;
use futures_util::future::join_all;
use std::path::PathBuf;
use tokio::sync::mpsc::UnboundedSender;

/// The words of the channels, in the order in which they are tried.
pub const NAMES: [&str; 3] = ["desktop", "terminal", "hook"];

/// What somebody wants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The channels that bring each alert, all of them. None named: the first one that works.
    pub channels: Vec<String>,
    /// The program of the hook and its arguments; none, no hook.
    pub hook: Vec<String>,
    /// Without any sound.
    pub silent: bool,
    /// Where the desktop remembers what stands on it, for the next process.
    pub kept: Option<PathBuf>,
}

/// What came of it on one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The channel's word.
    pub channel: &'static str,
    /// A sentence, where it could not be brought.
    pub said: Result<(), String>,
}

/// The channels of one person on one machine.
pub struct Channels {
    channels: Vec<Box<dyn Channel>>,
    /// Each of them brings it; otherwise the first that works.
    all: bool,
    silent: bool,
}

impl std::fmt::Debug for Channels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Channels").field("names", &self.names().collect::<Vec<_>>()).finish_non_exhaustive()
    }
}

/// One channel; none where there is no such channel, or nothing to run as a hook.
pub fn build(name: &str, wanted: &Wanted, clicked: &UnboundedSender<RequestNumber>) -> Option<Box<dyn Channel>> {
    Some(match name {
        "desktop" => Box::new(Desktop::new(Bus::OfSession, clicked.clone(), wanted.kept.clone())),
        "terminal" => Box::new(OnTerminal::new()),
        "hook" if !wanted.hook.is_empty() => Box::new(Hook::new(wanted.hook.clone())),
        _ => return None,
    })
}

impl Channels {
    /// Those that are wanted. Clicks are sent to `clicked`.
    pub fn new(wanted: &Wanted, clicked: &UnboundedSender<RequestNumber>) -> Self {
        let all = !wanted.channels.is_empty();
        // In the order of the table, each once, whatever order they were named in.
        let named = NAMES.into_iter().filter(|name| !all || wanted.channels.iter().any(|wanted| wanted == name));
        let channels = named.filter_map(|name| build(name, wanted, clicked)).collect();
        Self::of(channels, all, wanted.silent)
    }

    /// These; each of them brings it with `all`, otherwise the first that works.
    pub fn of(channels: Vec<Box<dyn Channel>>, all: bool, silent: bool) -> Self {
        Self { channels, all, silent }
    }

    /// Puts another channel in the place of the one of this name, such as a terminal that is drawn on.
    pub fn put(&mut self, channel: Box<dyn Channel>) {
        if let Some(place) = self.channels.iter_mut().find(|there| there.name() == channel.name()) {
            *place = channel;
        }
    }

    /// Those that do not wait for one another: each by itself, or all together where the first that works is wanted.
    pub fn apart(self) -> Vec<Self> {
        let Self { channels, all, silent } = self;
        if !all {
            return vec![Self { channels, all, silent }];
        }
        channels.into_iter().map(|channel| Self { channels: vec![channel], all, silent }).collect()
    }

    /// Their words.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.channels.iter().map(|channel| channel.name())
    }

    /// Brings it, and says for each channel that was tried what came of it. Never longer than the slowest one by itself,
    /// or, where the first that works is wanted, than all of them one after the other.
    pub async fn bring(&mut self, alert: &Alert) -> Vec<Outcome> {
        let mut alert = alert.clone();
        alert.sound &= !self.silent;
        let alert = &alert;
        if self.all {
            let each = self.channels.iter_mut().map(async |channel| {
                let name = channel.name();
                Outcome { channel: name, said: channel.bring(alert).await }
            });
            return join_all(each).await;
        }
        let mut outcomes = Vec::new();
        for channel in &mut self.channels {
            let outcome = Outcome { channel: channel.name(), said: channel.bring(alert).await };
            let works = outcome.said.is_ok();
            outcomes.push(outcome);
            if works {
                break;
            }
        }
        outcomes
    }

    /// Takes away what stands under this key, on each channel: a channel that brought it may not be the first any more.
    pub async fn take_back(&mut self, key: &Key) {
        join_all(self.channels.iter_mut().map(async |channel| {
            // What cannot be taken back stays until its reader closes it.
            let _ = channel.take_back(key).await;
        }))
        .await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::Brought;
    use crate::notify::alert::Urgency;
    use crate::text::Clean;
    use std::sync::{Arc, Mutex};
    use tokio::sync::mpsc::unbounded_channel;

    /// A channel that works or not, and writes down what it was told.
    struct Stub(&'static str, bool, Arc<Mutex<Vec<String>>>);

    impl Channel for Stub {
        fn name(&self) -> &'static str {
            self.0
        }
        fn bring<'a>(&'a mut self, alert: &'a Alert) -> Brought<'a> {
            self.2.lock().unwrap().push(format!("{} {}", self.0, alert.sound));
            Box::pin(async { if self.1 { Ok(()) } else { Err("it is broken".to_owned()) } })
        }
        fn take_back<'a>(&'a mut self, key: &'a Key) -> Brought<'a> {
            self.2.lock().unwrap().push(format!("{} back {}", self.0, key.word()));
            Box::pin(async { Ok(()) })
        }
    }

    fn alert() -> Alert {
        let (title, body) = (Clean::line("x"), Clean::default());
        Alert { key: Key::Test, title, body, urgency: Urgency::Critical, sound: true, opens: None, of: Vec::new() }
    }

    async fn brought(all: bool, silent: bool) -> (Vec<Outcome>, Vec<String>) {
        let told = Arc::new(Mutex::new(Vec::new()));
        let stub = |name, works| Box::new(Stub(name, works, told.clone())) as Box<dyn Channel>;
        let channels = vec![stub("desktop", false), stub("terminal", true), stub("hook", true)];
        let mut channels = Channels::of(channels, all, silent);
        let outcomes = channels.bring(&alert()).await;
        channels.take_back(&Key::Digest).await;
        let told = told.lock().unwrap().clone();
        (outcomes, told)
    }

    #[tokio::test]
    async fn the_first_that_works_or_all_that_are_named() {
        let broken = || Outcome { channel: "desktop", said: Err("it is broken".to_owned()) };
        let works = |channel| Outcome { channel, said: Ok(()) };
        let backs = ["desktop back digest", "terminal back digest", "hook back digest"];
        let (outcomes, told) = brought(false, false).await;
        assert_eq!(outcomes, [broken(), works("terminal")]);
        assert_eq!(told, [&["desktop true", "terminal true"][..], &backs].concat());
        let (outcomes, told) = brought(true, true).await;
        assert_eq!(outcomes, [broken(), works("terminal"), works("hook")]);
        assert_eq!(told, [&["desktop false", "terminal false", "hook false"][..], &backs].concat());
    }

    #[tokio::test]
    async fn channels_are_those_that_are_wanted() {
        let (clicked, _hears) = unbounded_channel();
        let names = |channels: &[&str], hook: &[&str]| {
            let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
            let wanted = Wanted { channels: owned(channels), hook: owned(hook), ..Wanted::default() };
            let channels = Channels::new(&wanted, &clicked);
            (channels.names().collect::<Vec<_>>(), channels.all)
        };
        assert_eq!(names(&[], &[]), (vec!["desktop", "terminal"], false));
        assert_eq!(names(&[], &["/bin/x"]), (NAMES.to_vec(), false));
        assert_eq!(names(&["hook", "desktop", "hook", "pigeon"], &["/bin/x"]), (vec!["desktop", "hook"], true));
        assert_eq!(names(&["hook"], &[]), (vec![], true));
    }
}

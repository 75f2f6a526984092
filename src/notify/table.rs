//! The channels by name.
//!
//! A new channel is one file and one line here.

use super::Channel;
use super::desktop::{Bus, Desktop};
use super::hook::Hook;
use super::terminal::OnTerminal;
use crate::access::RequestNumber;
use std::path::PathBuf;
use tokio::sync::mpsc::UnboundedSender;

/// The words of the channels, in the order in which they are tried.
pub const NAMES: [&str; 3] = ["desktop", "terminal", "hook"];

/// What somebody wants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The channels that bring each alert, all of them. None named: the desktop, else the terminal, and the hook beside.
    pub channels: Vec<String>,
    /// The program of the hook and its arguments; none, no hook.
    pub hook: Vec<String>,
    /// Without any sound.
    pub silent: bool,
    /// Where the desktop remembers what stands on it, for the next process.
    pub kept: Option<PathBuf>,
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

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc::unbounded_channel;

    #[tokio::test]
    async fn each_name_is_its_channels_own() {
        let (clicked, _hears) = unbounded_channel();
        let wanted = Wanted { hook: vec!["/bin/true".to_owned()], ..Wanted::default() };
        for name in NAMES {
            assert_eq!(build(name, &wanted, &clicked).unwrap().name(), name);
        }
        assert!(build("pigeon", &wanted, &clicked).is_none());
        assert!(build("hook", &Wanted::default(), &clicked).is_none());
    }
}

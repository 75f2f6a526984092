//! Whether a notification arrives: sends one through each channel that there could be here, and says what to do about those
//! that do not work. The only thing that the doctor ever sends.

use crate::notify::table::{NAMES, Wanted, build};
use crate::notify::terminal::{Inside, tmux};
use crate::notify::{Alert, Key, Urgency};
use crate::text::Clean;
use serde::Serialize;
use tokio::sync::mpsc::unbounded_channel;

/// One channel, after the test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tried {
    /// Its word.
    pub channel: &'static str,
    /// Whether it took the alert. Whether somebody saw it, only they know.
    pub works: bool,
    /// Whether `nightlatch notify` would use it.
    pub used: bool,
    /// What was found, and what to do where it does not work.
    pub sentence: String,
}

/// All channels, after the test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    /// One a channel, in the order in which they are tried.
    pub channels: Vec<Tried>,
    /// Which terminal this is, how it is told, and what it is reached through.
    pub terminal: String,
    /// Which of them `nightlatch notify` would use, in words.
    pub verdict: String,
}

impl Found {
    /// Whether somebody would be told at all.
    pub fn works(&self) -> bool {
        self.channels.iter().any(|tried| tried.works && tried.used)
    }
}

/// The alert that tells of nothing.
fn test_alert(sound: bool) -> Alert {
    Alert {
        key: Key::Test,
        title: Clean::line("nightlatch: this is a test"),
        body: Clean::line("Sent by nightlatch doctor notify. Nothing has happened."),
        urgency: Urgency::Normal,
        sound,
        opens: None,
        of: Vec::new(),
    }
}

/// Sends one alert through each channel. `progress` hears which.
pub async fn notifications(wanted: &Wanted, progress: &mut (dyn FnMut(&str) + Send)) -> Found {
    let (clicked, _hears) = unbounded_channel();
    let (terminal, held) = tmux::look(&|name| std::env::var(name).ok()).await;
    let mut channels = Vec::new();
    for name in NAMES {
        progress(name);
        let said = match build(name, wanted, &clicked) {
            Some(mut channel) => channel.bring(&test_alert(!wanted.silent)).await,
            None => Err("there is none: name a program as hook under [notify] in config.toml".to_owned()),
        };
        let sentence = match (&said, name) {
            (Err(sentence), _) => sentence.clone(),
            (Ok(()), "desktop") => "the notification server took it".to_owned(),
            (Ok(()), "terminal") => format!("written to {}, by {}", terminal.name, terminal.speech.word()),
            (Ok(()), _) => "it ran, and ended well".to_owned(),
        };
        channels.push(Tried { channel: name, works: said.is_ok(), used: false, sentence });
    }
    let verdict = judge(&mut channels, wanted);
    let through = match terminal.inside {
        Inside::Nothing => String::new(),
        Inside::Tmux { passes: true } => ", through tmux, which passes it on".to_owned(),
        Inside::Tmux { passes: false } => format!(", through tmux: {}", held.unwrap_or_default()),
        Inside::Screen => ", through GNU screen".to_owned(),
    };
    let terminal = format!("{}, told by {}{through}", terminal.name, terminal.speech.word());
    Found { channels, terminal, verdict }
}

/// Marks those that would be used, and says so: those that are named, otherwise the desktop, else the terminal, and the hook
/// beside.
fn judge(channels: &mut [Tried], wanted: &Wanted) -> String {
    let chosen = &wanted.channels;
    for tried in channels.iter_mut() {
        let beside = chosen.is_empty() && tried.channel == "hook" && !wanted.hook.is_empty();
        tried.used = beside || chosen.iter().any(|name| name == tried.channel);
    }
    if chosen.is_empty()
        && let Some(first) = channels.iter_mut().find(|tried| tried.works && tried.channel != "hook")
    {
        first.used = true;
    }
    let names = |works: bool| {
        let names: Vec<&str> =
            channels.iter().filter(|tried| tried.used && tried.works == works).map(|tried| tried.channel).collect();
        names.join(" and ")
    };
    match (names(true), names(false)) {
        (works, broken) if works.is_empty() && broken.is_empty() => "no notification would arrive".to_owned(),
        (works, broken) if works.is_empty() => {
            format!("no notification would arrive: config.toml names {broken}, which does not work")
        }
        (works, broken) if broken.is_empty() => format!("nightlatch notify would use {works}"),
        (works, broken) => format!("nightlatch notify would use {works}; {broken} is named too, and does not work"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged_with(works: [bool; 3], wanted: &[&str], hook: &str) -> (String, Vec<&'static str>) {
        let tried = |(channel, works)| Tried { channel, works, used: false, sentence: String::new() };
        let mut channels: Vec<Tried> = NAMES.into_iter().zip(works).map(tried).collect();
        let owned = |texts: &[&str]| texts.iter().map(|word| (*word).to_owned()).collect();
        let hook = owned(hook.split_whitespace().collect::<Vec<_>>().as_slice());
        let wanted = Wanted { channels: owned(wanted), hook, ..Wanted::default() };
        let verdict = judge(&mut channels, &wanted);
        (verdict, channels.iter().filter(|tried| tried.used).map(|tried| tried.channel).collect())
    }

    #[test]
    fn it_says_which_would_be_used() {
        let judged = |works, wanted: &[&str]| judged_with(works, wanted, "/bin/true");
        let both = "nightlatch notify would use terminal and hook";
        assert_eq!(judged([false, true, true], &[]), (both.into(), vec!["terminal", "hook"]));
        assert_eq!(judged_with([true; 3], &[], "").1, ["desktop"]);
        assert_eq!(judged_with([false; 3], &[], ""), ("no notification would arrive".into(), vec![]));
        assert!(judged([false; 3], &[]).0.contains("config.toml names hook, which does not work"));
        let (verdict, used) = judged([true, true, true], &["hook", "desktop"]);
        assert_eq!((verdict.as_str(), used), ("nightlatch notify would use desktop and hook", vec!["desktop", "hook"]));
        assert!(judged([false, true, true], &["desktop"]).0.contains("config.toml names desktop"));
        let (verdict, _) = judged([false, true, true], &["desktop", "hook"]);
        assert_eq!(verdict, "nightlatch notify would use hook; desktop is named too, and does not work");
    }
}

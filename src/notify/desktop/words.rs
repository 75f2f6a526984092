//! What a notification server is sent. Pure.

use crate::notify::alert::{Alert, Urgency};
use crate::text::Clean;
use notify_rust::{Hint, Notification, Timeout};

/// The most columns of a summary.
const SUMMARY: usize = 120;
/// The most columns of a body.
const BODY: usize = 400;

/// What this server can do, as it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Abilities {
    /// It reads markup in a body.
    pub(super) markup: bool,
    /// A click comes back. Without it, some servers would open a window with buttons instead.
    pub(super) actions: bool,
}

impl Abilities {
    pub(super) fn of(said: &[String]) -> Self {
        let can = |word: &str| said.iter().any(|said| said == word);
        Self { markup: can("body-markup"), actions: can("actions") }
    }
}

/// The notification for an alert, as a server that can do so much is sent it.
pub(super) fn notice(alert: &Alert, abilities: Abilities) -> Notification {
    let (urgency, timeout) = match alert.urgency {
        Urgency::Low => (notify_rust::Urgency::Low, Timeout::Default),
        Urgency::Normal => (notify_rust::Urgency::Normal, Timeout::Default),
        Urgency::Critical => (notify_rust::Urgency::Critical, Timeout::Never),
    };
    let body = line(&alert.body, BODY);
    let body = if abilities.markup { escaped(&body) } else { unlike_markup(&body) };
    let mut notice = Notification::new();
    notice
        .appname("nightlatch")
        .summary(&unlike_markup(&line(&alert.title, SUMMARY)))
        .body(&body)
        .urgency(urgency)
        .timeout(timeout)
        // So that somebody can write a rule for us in their server's settings.
        .hint(Hint::Category("x-nightlatch.alert".to_owned()));
    if alert.sound {
        let name = if alert.urgency == Urgency::Critical { "dialog-warning" } else { "message-new-instant" };
        notice.sound_name(name);
    } else {
        notice.hint(Hint::SuppressSound(true));
    }
    // A click, and never a button: nobody decides on a lock screen.
    if abilities.actions && alert.opens.is_some() {
        notice.action("default", "Open");
    }
    notice
}

fn line(text: &Clean, columns: usize) -> String {
    Clean::line(text.as_str()).cut(columns).into()
}

/// As a server that reads markup shows it as it stands.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for ch in text.chars() {
        match ch {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            ch => out.push(ch),
        }
    }
    out
}

/// Where no markup should be read, some servers read it all the same, and others take out what looks like it.
fn unlike_markup(text: &str) -> String {
    text.replace('<', "‹").replace('>', "›")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::RequestNumber;
    use crate::notify::alert::Key;
    use proptest::prelude::*;

    fn alert(title: &str, body: &str, urgency: Urgency, sound: bool) -> Alert {
        let (title, body) = (Clean::line(title), Clean::line(body));
        Alert { key: Key::Digest, title, body, urgency, sound, opens: Some(RequestNumber(142)), of: Vec::new() }
    }

    const ALL: Abilities = Abilities { markup: true, actions: true };

    #[test]
    fn an_emergency_stays_and_sounds_and_anything_else_is_quiet() {
        let loud = notice(&alert("ana", "payments", Urgency::Critical, true), ALL);
        assert_eq!(i32::from(loud.timeout), 0);
        assert!(loud.hints.contains(&Hint::Urgency(notify_rust::Urgency::Critical)), "{loud:?}");
        assert!(loud.hints.contains(&Hint::SoundName("dialog-warning".to_owned())), "{loud:?}");
        assert_eq!(loud.actions, ["default", "Open"]);
        let quiet = notice(&alert("ana", "payments", Urgency::Normal, false), ALL);
        assert_eq!(i32::from(quiet.timeout), -1);
        assert!(quiet.hints.contains(&Hint::Urgency(notify_rust::Urgency::Normal)), "{quiet:?}");
        assert!(quiet.hints.contains(&Hint::SuppressSound(true)), "{quiet:?}");
        assert!(!quiet.hints.iter().any(|hint| matches!(hint, Hint::SoundName(_))), "{quiet:?}");
    }

    #[test]
    fn a_click_is_offered_only_where_there_is_something_to_open() {
        let mut closed = alert("a", "b", Urgency::Low, false);
        assert!(notice(&closed, Abilities::default()).actions.is_empty());
        closed.opens = None;
        assert!(notice(&closed, ALL).actions.is_empty());
    }

    #[test]
    fn a24_markup_is_shown_and_never_read() {
        let hostile = alert("<b>ana</b>", "<a href=\"x\">R&D</a> <img src=y>", Urgency::Normal, false);
        let read = notice(&hostile, ALL);
        assert_eq!(read.summary, "‹b›ana‹/b›");
        assert_eq!(read.body, "&lt;a href=\"x\"&gt;R&amp;D&lt;/a&gt; &lt;img src=y&gt;");
        let plain = notice(&hostile, Abilities::default());
        assert_eq!(plain.body, "‹a href=\"x\"›R&D‹/a› ‹img src=y›");
    }

    proptest! {
        #[test]
        fn a24_no_text_holds_markup_or_a_control(title in ".*", body in ".*") {
            for abilities in [ALL, Abilities::default()] {
                let sent = notice(&alert(&title, &body, Urgency::Low, false), abilities);
                let whole = format!("{}{}", sent.summary, sent.body);
                prop_assert!(whole.chars().all(|ch| !ch.is_control() && ch != '<' && ch != '>'));
                prop_assert!(Clean::line(&whole).as_str() == whole);
            }
        }
    }
}

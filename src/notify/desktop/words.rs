//! What a notification server is sent. Pure.

use crate::notify::alert::{Alert, Urgency};
use crate::text::Clean;
use std::collections::HashMap;
use zbus::Variant;

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

/// The arguments of `Notify`.
#[derive(Debug, PartialEq)]
pub(super) struct Notice {
    pub(super) summary: String,
    pub(super) body: String,
    pub(super) actions: Vec<&'static str>,
    pub(super) hints: HashMap<&'static str, Variant<'static>>,
    /// Milliseconds; 0 never ends, -1 is the server's own.
    pub(super) timeout: i32,
}

impl Notice {
    pub(super) fn of(alert: &Alert, abilities: Abilities) -> Self {
        let (level, timeout) = match alert.urgency {
            Urgency::Low => (0_u8, -1),
            Urgency::Normal => (1, -1),
            Urgency::Critical => (2, 0),
        };
        let mut hints = HashMap::from([
            ("urgency", Variant::from(level)),
            // So that somebody can write a rule for us in their server's settings.
            ("category", Variant::from("x-nightlatch.alert")),
        ]);
        if alert.sound {
            let name = if alert.urgency == Urgency::Critical { "dialog-warning" } else { "message-new-instant" };
            hints.insert("sound-name", Variant::from(name));
        } else {
            hints.insert("suppress-sound", Variant::from(true));
        }
        // A click, and never a button: nobody decides on a lock screen.
        let actions = if abilities.actions && alert.opens.is_some() { vec!["default", "Open"] } else { Vec::new() };
        let body = line(&alert.body, BODY);
        let body = if abilities.markup { escaped(&body) } else { unlike_markup(&body) };
        Self { summary: unlike_markup(&line(&alert.title, SUMMARY)), body, actions, hints, timeout }
    }
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
        let loud = Notice::of(&alert("ana", "payments", Urgency::Critical, true), ALL);
        assert_eq!((loud.timeout, &loud.hints["urgency"]), (0, &Variant::from(2_u8)));
        assert_eq!(loud.hints["sound-name"], Variant::from("dialog-warning"));
        assert_eq!(loud.actions, ["default", "Open"]);
        let quiet = Notice::of(&alert("ana", "payments", Urgency::Normal, false), ALL);
        assert_eq!((quiet.timeout, &quiet.hints["urgency"]), (-1, &Variant::from(1_u8)));
        assert_eq!(quiet.hints.get("sound-name"), None);
        assert_eq!(quiet.hints["suppress-sound"], Variant::from(true));
    }

    #[test]
    fn a_click_is_offered_only_where_there_is_something_to_open() {
        let mut closed = alert("a", "b", Urgency::Low, false);
        assert!(Notice::of(&closed, Abilities::default()).actions.is_empty());
        closed.opens = None;
        assert!(Notice::of(&closed, ALL).actions.is_empty());
    }

    #[test]
    fn a24_markup_is_shown_and_never_read() {
        let hostile = alert("<b>ana</b>", "<a href=\"x\">R&D</a> <img src=y>", Urgency::Normal, false);
        let read = Notice::of(&hostile, ALL);
        assert_eq!(read.summary, "‹b›ana‹/b›");
        assert_eq!(read.body, "&lt;a href=\"x\"&gt;R&amp;D&lt;/a&gt; &lt;img src=y&gt;");
        let plain = Notice::of(&hostile, Abilities::default());
        assert_eq!(plain.body, "‹a href=\"x\"›R&D‹/a› ‹img src=y›");
    }

    proptest! {
        #[test]
        fn a24_no_text_holds_markup_or_a_control(title in ".*", body in ".*") {
            for abilities in [ALL, Abilities::default()] {
                let notice = Notice::of(&alert(&title, &body, Urgency::Low, false), abilities);
                let whole = format!("{}{}", notice.summary, notice.body);
                prop_assert!(whole.chars().all(|ch| !ch.is_control() && ch != '<' && ch != '>'));
                prop_assert!(Clean::line(&whole).as_str() == whole);
            }
        }
    }
}

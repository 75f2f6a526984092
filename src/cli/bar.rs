//! `bar`: one segment for a status bar, out of the board that was seen last. Never asks the network, so it never makes a bar wait.

use super::board::Mine;
use super::exit::{Exit, Trouble};
use super::link::{self, Context};
use super::page::Page;
use super::{Outcome, times};
use crate::access::Status;
use crate::client::kept::{self, Glance};
use crate::clock::Clock;
use crate::config::Paths;
use crate::text::{Clean, Instant, Length};
use clap::{Args, ValueEnum};
use serde_json::json;
use std::fmt::Write as _;

/// What is older is said to be: a dashboard keeps what it sees every minute.
const OLD: Length = Length::from_minutes(3);
/// What ends within this is the most urgent but an overdue removal.
const SOON: Length = Length::from_minutes(5);

/// For which bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// Words alone: starship, i3status, anything
    #[default]
    Plain,
    /// With the marks by which tmux styles a segment
    Tmux,
    /// The JSON that waybar reads: text, tooltip, class
    Waybar,
}

/// One segment for a status bar, out of the board that a dashboard saw last: asks nobody, answers at once
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct Bar {
    /// For which bar
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// What there is to say.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Segment {
    pending: usize,
    for_me: usize,
    active: usize,
    overdue: usize,
    /// The grant of mine that ends first: system, what is left, when.
    mine: Option<(String, Length, Instant)>,
    age: Length,
}

impl Bar {
    /// Prints it.
    pub fn run(self, cx: &Context) -> Outcome {
        let settings = cx.settings()?;
        let door = link::door(&settings)?;
        let paths =
            Paths::find().map_err(|fault| Trouble::usage(fault.to_string(), "set HOME to a folder of yours"))?;
        let now = Clock::system(Instant::default(), false).wall();
        let seen = match kept::glance(&paths, &door) {
            // One from the future would be younger than it is.
            Ok(seen) => {
                seen.filter(|seen| seen.at <= now).ok_or_else(|| "no board was seen yet: open nightlatch once".into())
            }
            Err(why) => Err(why),
        };
        let zone = times::zone(settings.zone);
        match &seen {
            Ok(seen) => {
                let segment = Segment::of(seen, now);
                self.print(cx, &segment.text(self.format), &segment.tooltip(zone), segment.class())?;
                Ok(Exit::Done)
            }
            Err(why) => {
                self.print(cx, "nightlatch -", why, "none")?;
                // Where a bar shows one line only, this is for whoever runs it by hand.
                cx.out.remark(why);
                Ok(Exit::Away)
            }
        }
    }

    fn print(self, cx: &Context, text: &str, tooltip: &str, class: &str) -> Result<(), Trouble> {
        if self.format == Format::Waybar || cx.out.json {
            return cx.out.json_value(&json!({ "text": text, "tooltip": tooltip, "class": class }));
        }
        cx.out.page(&Page::of(text))
    }
}

impl Segment {
    fn of(seen: &Glance, now: Instant) -> Self {
        let age = now.since(seen.at);
        // As if the host had gone on; what happened there since is not known.
        let then = seen.board.server_now.plus(age);
        let mine = Mine::new(&seen.me);
        let rows = &seen.board.rows;
        let waits = |row: &&kept::GlanceRow| {
            row.status == Status::Pending || row.extension.as_ref().is_some_and(|extension| extension.waits)
        };
        let live = |row: &&kept::GlanceRow| {
            matches!(row.status, Status::Active | Status::Granting)
                && row.window.until.is_some_and(|until| until > then)
        };
        let own = rows.iter().filter(live).filter(|row| row.user.id == mine.me());
        let next = own.filter_map(|row| Some((row.window.until?, row))).min_by_key(|(until, _)| *until);
        Self {
            pending: rows.iter().filter(waits).count(),
            for_me: rows.iter().filter(|row| mine.waits_at_a_glance(row)).count(),
            active: rows.iter().filter(live).count(),
            overdue: rows.iter().filter(|row| row.overdue).count(),
            mine: next.map(|(until, row)| (Clean::line(&row.system).as_str().to_owned(), until.since(then), until)),
            age,
        }
    }

    fn class(&self) -> &'static str {
        match self {
            _ if self.overdue > 0 => "overdue",
            Self { mine: Some((_, left, _)), .. } if *left < SOON => "now",
            _ if self.for_me > 0 => "waits",
            _ if self.age > OLD => "old",
            _ => "calm",
        }
    }

    /// `3 pend 5 act 1!! orders-db 17m`.
    fn text(&self, format: Format) -> String {
        let styled = |style: &str, text: String| match format {
            // A lone # of a name would begin a style.
            Format::Tmux => format!("#[{style}]{}#[default]", text.replace('#', "##")),
            Format::Plain | Format::Waybar => text,
        };
        let pending = format!("{} pend", self.pending);
        let mut text = if self.for_me > 0 { styled("bold", pending) } else { pending };
        let _ = write!(text, " {} act", self.active);
        if self.overdue > 0 {
            let _ = write!(text, " {}", styled("bold,reverse", format!("{}!!", self.overdue)));
        }
        if let Some((system, left, _)) = &self.mine {
            let style = if *left < SOON { "bold" } else { "none" };
            let _ = write!(text, " {}", styled(style, format!("{system} {}", left.countdown())));
        }
        if self.age > OLD {
            let _ = write!(text, " ({} old)", times::age(self.age));
        }
        text
    }

    fn tooltip(&self, zone: chrono_tz::Tz) -> String {
        let mut lines = Vec::new();
        if self.overdue > 0 {
            lines.push(format!("{} OVERDUE: ended, and not read back as gone", self.overdue));
        }
        lines.push(format!("{} pending, {} of them for you", self.pending, self.for_me));
        lines.push(format!("{} active", self.active));
        if let Some((system, left, until)) = &self.mine {
            lines.push(format!("yours on {system} ends {}, {} left", times::full(*until, zone), times::left(*left)));
        }
        lines.push(format!("seen {} ago", times::age(self.age)));
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[allow(clippy::needless_pass_by_value, reason = "tests write json!(…) in place")]
    fn seen(rows: serde_json::Value, ago: i64) -> Segment {
        let glance: Glance = serde_json::from_value(json!({"version": 1, "of": "x", "at": "2026-11-22T00:30:00Z",
            "me": {"person": {"id": "sam", "name": "Sam Lee"}, "zone": "UTC", "duties": [], "on_duty_for": ["edge"],
                "via": "socket", "store": "7f3a"},
            "board": {"server_now": "2026-11-22T00:30:01Z", "rows": rows}}))
        .unwrap();
        Segment::of(&glance, Instant::parse_rfc3339("2026-11-22T00:30:00Z").unwrap().plus(Length::from_seconds(ago)))
    }

    fn row(id: i64, status: &str, user: &str, until: Option<&str>) -> serde_json::Value {
        json!({"id": id, "status": status, "overdue": status == "ending", "system": "edge", "user": {"id": user},
            "requester": {"id": user}, "approver": {"id": "li"}, "window": {"from": null, "until": until},
            "extension": null, "task": "Not looked at"})
    }

    #[test]
    fn one_segment_for_each_bar() {
        let rows = json!([
            row(1, "pending", "ana", None),
            row(2, "active", "sam", Some("2026-11-22T00:47:21Z")),
            row(3, "active", "bo", Some("2026-11-22T00:32:00Z")),
            row(4, "ending", "kim", Some("2026-11-22T00:10:00Z")),
        ]);
        let now = seen(rows.clone(), 20);
        assert_eq!(now.text(Format::Plain), "1 pend 2 act 1!! edge 17m");
        assert_eq!(
            now.text(Format::Tmux),
            "#[bold]1 pend#[default] 2 act #[bold,reverse]1!!#[default] #[none]edge 17m#[default]"
        );
        assert_eq!(now.class(), "overdue");
        assert_eq!(
            now.tooltip(chrono_tz::Tz::Europe__Berlin),
            "1 OVERDUE: ended, and not read back as gone\n1 pending, 1 of them for you\n2 active\n\
             yours on edge ends 2026-11-22 01:47 CET (00:47Z), 17m left\nseen <1m ago"
        );
        // Time goes on while nobody looks: what has ended is not counted, and the age is said.
        let later = seen(rows, 240);
        assert_eq!(later.text(Format::Plain), "1 pend 1 act 1!! edge 13m (4m old)");
        assert_eq!(seen(json!([]), 0).text(Format::Plain), "0 pend 0 act");
        assert_eq!(seen(json!([]), 0).class(), "calm");
        assert_eq!(seen(json!([]), 600).class(), "old");
        assert_eq!(seen(json!([row(1, "pending", "sam", None)]), 0).for_me, 0, "nobody decides about themselves");
        let mut hostile = row(2, "active", "sam", Some("2026-11-22T00:33:00Z"));
        hostile["system"] = json!("#[bg=red]\u{1b}[2J");
        let hostile = seen(json!([hostile]), 0);
        assert!(hostile.text(Format::Tmux).contains("##[bg=red]") && !hostile.text(Format::Tmux).contains('\u{1b}'));
        assert_eq!(hostile.class(), "now");
    }
}

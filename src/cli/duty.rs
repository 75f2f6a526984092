//! Who can say yes, now and next: names with their own clock and how they are reached. Shared by `systems` and `policy show`.

use super::eye::Eye;
use super::names::{person, who, word};
use super::page::Page;
use super::times;
use crate::wire::{CalendarView, DutyView, EscalationView, GapView, NextDutyView, ReachedView, TurnsView};

/// One who can say yes, in a line.
pub fn duty(view: &DutyView, eye: &Eye) -> String {
    let as_what = word(&view.capacity);
    format!("{} as {as_what}{}", person(&view.person), reached(&view.zone, view.contact.as_deref(), eye))
}

/// What time it is for somebody, where that is another than the viewer's, and how they are reached.
fn reached(zone: &str, contact: Option<&str>, eye: &Eye) -> String {
    let theirs = times::zone(Some(zone.parse().unwrap_or(eye.zone)));
    let clock =
        if theirs == eye.zone { String::new() } else { format!(", {} for them", times::clock(eye.now, theirs)) };
    let contact = contact.map_or_else(String::new, |contact| format!(", {contact}"));
    format!("{clock}{contact}")
}

/// Who can say yes from when on.
pub fn next(view: &NextDutyView, eye: &Eye) -> String {
    let names: Vec<String> = view.who.iter().map(|one| who(&one.person)).collect();
    let names = if names.is_empty() { "nobody".to_owned() } else { names.join(", ") };
    format!("from {} {names}", eye.full(view.from))
}

/// A rota: who has it now, who next, when nobody has, and how its calendar stands.
pub fn rota(view: &TurnsView, eye: &Eye) -> Page {
    let mut page = Page::of(format!("# {}:", view.rota));
    match &view.now {
        Some(now) => {
            page.line(format!("#   now {}{}", person(&now.person), reached(&now.zone, now.contact.as_deref(), eye)));
        }
        None => page.line("#   now NOBODY"),
    }
    for (from, person) in &view.turns {
        page.line(format!("#   from {} {}", eye.full(*from), who(person)));
    }
    for gap in &view.gaps {
        page.line(format!("#   warning: {}", nobody(gap, eye)));
    }
    if let Some(calendar) = &view.calendar {
        for line in feed(calendar, eye) {
            page.line(format!("#   {line}"));
        }
    }
    page
}

/// What a channel reported.
fn way_said(way: &ReachedView, eye: &Eye) -> String {
    match &way.fault {
        Some(fault) => format!(", {} failed: {fault}", way.channel),
        None => format!(", {} {}", way.channel, eye.short(way.at)),
    }
}

/// Who was tried, how they are reached, and what comes next.
pub fn ladder(view: &EscalationView, eye: &Eye) -> Page {
    let mut page = Page::new();
    for tried in &view.tried {
        let again = if tried.times > 1 {
            format!(", {} times, last {}", tried.times, eye.short(tried.last))
        } else {
            String::new()
        };
        let ways: String = tried.reached.iter().map(|way| way_said(way, eye)).collect();
        let quiet = if tried.acknowledged { ", wants no more alerts" } else { "" };
        let reached = reached(&tried.zone, tried.contact.as_deref(), eye);
        page.field(
            "alerted",
            &format!("{} {}{again}{ways}{quiet}{reached}", who(&tried.person), eye.short(tried.at)),
            eye.width,
        );
    }
    if view.tried.is_empty() {
        page.field("alerted", "nobody: nobody who may decide is on duty", eye.width);
    }
    match (view.paused_until.filter(|until| *until > eye.now), view.next_at) {
        (Some(until), _) => {
            page.field("next alert", &format!("paused until {}, somebody reads it", eye.short(until)), eye.width);
        }
        (None, Some(next)) => page.field("next alert", &eye.short(next), eye.width),
        (None, None) => page.field("next alert", "none: nobody answered; call one of them", eye.width),
    }
    page
}

fn nobody(gap: &GapView, eye: &Eye) -> String {
    let why = gap.away.as_ref().map_or_else(String::new, |away| format!(": {} is on leave", who(away)));
    format!("nobody is on duty from {} until {}{why}", eye.full(gap.from), eye.full(gap.until))
}

/// How the reading of a calendar stands, in sentences.
fn feed(view: &CalendarView, eye: &Eye) -> Vec<String> {
    let mut said = Vec::new();
    match (view.read_at, view.known_until) {
        (Some(read), Some(until)) => {
            said.push(format!("calendar read {} ago, turns known until {}", eye.age(read), eye.full(until)));
        }
        (None, Some(until)) => {
            said.push(format!("calendar not read since the start, turns known until {}", eye.full(until)));
        }
        (_, None) => said.push("calendar never read yet: nobody is known to be on duty".into()),
    }
    if let Some(fault) = &view.fault {
        let since = view.failing_since.map_or_else(String::new, |since| format!(" since {}", eye.full(since)));
        let goes_on = if view.known_until.is_some() { "; the last good reading goes on" } else { "" };
        said.push(format!("warning: calendar cannot be read{since}: {fault}{goes_on}"));
    }
    said.extend(view.remarks.iter().map(|remark| format!("warning: {remark}")));
    said
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::policy::Capacity;
    use crate::wire::{PersonView, TurnView};

    fn li() -> PersonView {
        PersonView { id: "li".into(), name: "Li Wei".into(), title: None }
    }

    #[test]
    fn a_line_says_who_as_what_at_what_hour_and_how_reached() {
        let (_, eye) = samples::overdue();
        let contact = Some("+44 20 7946 0000\u{1b}[2J".to_owned());
        let view = DutyView { person: li(), capacity: Capacity::Backup, zone: "America/New_York".into(), contact };
        let line = Page::of(duty(&view, &eye)).to_string();
        assert_eq!(line.lines().count(), 1);
        assert!(line.starts_with("Li Wei (li) as backup, "), "{line}");
        assert!(line.contains(" EST for them, +44 20 7946 0000") && !line.contains('\u{1b}'), "{line}");
        let none = NextDutyView { from: eye.now, who: Vec::new() };
        assert!(next(&none, &eye).ends_with(" nobody"));
    }

    #[test]
    fn a_rota_says_its_gaps_and_how_its_calendar_stands() {
        let (_, eye) = samples::overdue();
        let view = TurnsView {
            rota: "nights".into(),
            turns: vec![(eye.now, li())],
            now: Some(TurnView { person: li(), zone: "Europe/London".into(), contact: None }),
            gaps: vec![GapView { from: eye.now, until: eye.now, away: Some(li()) }],
            calendar: Some(CalendarView {
                read_at: None,
                known_until: Some(eye.now),
                failing_since: Some(eye.now),
                fault: Some("it answered 403".into()),
                remarks: vec!["\"Bob\" is left out".into()],
            }),
        };
        let page = rota(&view, &eye).to_string();
        for part in [
            "# nights:",
            "#   now Li Wei (li)",
            "warning: nobody is on duty from",
            "Li Wei (li) is on leave",
            "warning: calendar cannot be read since",
            "it answered 403; the last good reading goes on",
            "warning: \"Bob\"",
        ] {
            assert!(page.contains(part), "{part} is not in\n{page}");
        }
        assert!(page.lines().all(|line| line.starts_with('#')));
    }
}

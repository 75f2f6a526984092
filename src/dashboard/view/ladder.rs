//! Who can say yes now and next, and how far the ladder of what waits has come.

use super::super::eye::Eye;
use super::super::theme::Tone;
use super::super::widget::text::Words;
use super::request::{block, field, person, word};
use crate::wire::{EventView, PATIENCE, RequestView, SystemView, TELLING, Ways, told, told_about};
use std::fmt::Write as _;

/// Who was alerted, and what comes next.
pub fn ladder(view: &RequestView, eye: &Eye, width: usize) -> Vec<Words> {
    let Some(ladder) = &view.escalation else { return Vec::new() };
    let at_end = ladder.next_at.is_none();
    let mut said = Vec::new();
    for tried in &ladder.tried {
        let mut text = format!("{} {}", tried.person.name, eye.near(tried.at));
        if tried.times > 1 {
            let _ = write!(text, ", again {}", eye.near(tried.last));
        }
        let ways = tried.reached.iter().map(|way| match way.fault {
            Some(_) => format!("{} failed", way.channel),
            None => way.channel.clone(),
        });
        let ways: Vec<String> = ways.collect();
        if !ways.is_empty() {
            let _ = write!(text, " ({})", ways.join(", "));
        }
        // Who waits for an answer that does not come may have to call.
        if let Some(contact) = tried.contact.as_ref().filter(|_| at_end) {
            let _ = write!(text, ", {contact}");
        }
        said.push(text);
    }
    let who = if said.is_empty() { "nobody: nobody who may decide is on duty".to_owned() } else { said.join("; ") };
    let tone = if at_end { Tone::Soon } else { Tone::Plain };
    let mut out = field("alerted", &who, width, tone);
    let next = match (ladder.paused_until, ladder.next_at) {
        (Some(until), _) if eye.at.is_none_or(|now| until > now) => {
            eye.wake_when(until);
            format!("paused until {}, somebody reads it", eye.near(until))
        }
        (_, Some(next)) => eye.near(next),
        (_, None) => "none: nobody answered; call one of them".to_owned(),
    };
    out.extend(field("next", &next, width, tone));
    out
}

/// Who can say yes for a system now, with their own clock and how they are reached, and who is next.
pub fn duty(system: &SystemView, eye: &Eye, width: usize) -> Vec<Words> {
    let mut out = vec![Words::of(format!(" who can say yes for {} now", system.id), Tone::Head)];
    for (who, capacity) in &system.who_can_say_yes {
        let mut text = format!("{} as {}", person(who), word(capacity));
        if let Some(duty) = system.on_duty.iter().find(|duty| duty.person.id == who.id) {
            let theirs = duty.zone.parse::<chrono_tz::Tz>().ok().filter(|theirs| *theirs != eye.zone).zip(eye.at);
            if let Some((zone, now)) = theirs {
                let local = now.utc().with_timezone(&zone);
                let _ = write!(text, ", {} for them", local.format("%H:%M %Z"));
                eye.wake_in(crate::text::Length::from_millis(60_000 - now.millis().rem_euclid(60_000)));
            }
            if let Some(contact) = &duty.contact {
                let _ = write!(text, ", {contact}");
            }
        }
        out.extend(block(&text, width, Tone::Plain));
    }
    if system.who_can_say_yes.is_empty() {
        out.extend(block("nobody", width, Tone::Soon));
    }
    if let Some(next) = &system.next {
        let names: Vec<&str> = next.who.iter().map(|duty| duty.person.name.as_str()).collect();
        let names = if names.is_empty() { "nobody".to_owned() } else { names.join(", ") };
        out.extend(block(&format!("next, from {}: {names}", eye.near(next.from)), width, Tone::Dim));
    }
    out
}

/// What became of a telling, as far as its channels reported.
pub fn reached(ways: &Ways, event: &EventView, eye: &Eye) -> Option<String> {
    let now = eye.at?;
    // Until then there is time to report.
    eye.wake_when(event.at.plus(PATIENCE));
    ways.reached(event, now, &|at| eye.second(at))
}

/// The notification log: who was told what, and how it reached them, newest first.
pub fn log(view: &RequestView, events: &[EventView], eye: &Eye, width: usize) -> Vec<Words> {
    let tells = |event: &&EventView| TELLING.contains(&event.kind.as_str());
    if view.escalation.is_none() && !events.iter().any(|event| tells(&event)) {
        return Vec::new();
    }
    let mut out = vec![Words::of(" notification log", Tone::Head)];
    let ways = Ways::of(events);
    for event in events.iter().rev().filter(tells) {
        let to = told(event).join(", ");
        let to = if to.is_empty() { "nobody".to_owned() } else { to };
        let about = ["about", "reason"].into_iter().find_map(|key| event.body.get(key)?.as_str());
        let about = about.map_or("", told_about);
        let about = if about.is_empty() { String::new() } else { format!(": {about}") };
        let reached = reached(&ways, event, eye).map_or_else(String::new, |reached| format!(" — {reached}"));
        out.extend(block(&format!("{} {} {to}{about}{reached}", eye.second(event.at), event.kind), width, Tone::Plain));
    }
    out.push(Words::new());
    out
}

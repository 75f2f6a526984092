//! Which person of the policy an event names. More than one is nobody: the one named person decides.

use super::quoted;
use crate::policy::Policy;
use crate::policy::rota::Matching;
use crate::text::PersonId;
use calcard::icalendar::{
    ICalendarComponent, ICalendarParameterName, ICalendarParameterValue, ICalendarParticipationStatus,
    ICalendarProperty, ICalendarValue,
};

/// The person whom `event` names, or a sentence why nobody can be meant.
pub(super) fn person(event: &ICalendarComponent, matching: Matching, policy: &Policy) -> Result<PersonId, String> {
    let summary = text(event, &ICalendarProperty::Summary).unwrap_or_default();
    let found = match matching {
        Matching::Email => by_email(event, summary, policy),
        Matching::Name => by_name(summary, policy),
    };
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => {
            let by = match matching {
                Matching::Email => "no e-mail address",
                Matching::Name => "no name",
            };
            Err(format!("{} has {by} of anybody in the policy, so it is left out", quoted(summary)))
        }
        [one, other, ..] => {
            Err(format!("{} names {one} and {other}, so it is left out: name one person", quoted(summary)))
        }
    }
}

/// Grafana's rank of a layer, `[L2]` at the beginning of a summary; the higher one wins.
pub(super) fn level(event: &ICalendarComponent) -> u8 {
    let summary = text(event, &ICalendarProperty::Summary).unwrap_or_default();
    let rank = summary.trim_start().strip_prefix("[L").and_then(|rest| rest.split_once(']'));
    rank.and_then(|(rank, _)| rank.parse().ok()).unwrap_or(0)
}

fn text<'a>(event: &'a ICalendarComponent, property: &ICalendarProperty) -> Option<&'a str> {
    event.property(property)?.values.first().and_then(ICalendarValue::as_text)
}

/// First who attends, then an address in the summary, then who organises: a shared calendar organises all of its events.
fn by_email(event: &ICalendarComponent, summary: &str, policy: &Policy) -> Vec<PersonId> {
    let known = |addresses: &mut dyn Iterator<Item = String>| {
        let mut found = Vec::new();
        for address in addresses {
            let address = address.trim().trim_start_matches("mailto:").trim_start_matches("MAILTO:");
            if let Some((id, _)) = policy.by_email(address)
                && !found.contains(id)
            {
                found.push(id.clone());
            }
        }
        found
    };
    let of = |property: &'static ICalendarProperty| {
        let comes = |entry: &&calcard::icalendar::ICalendarEntry| {
            let declined = ICalendarParameterValue::Partstat(ICalendarParticipationStatus::Declined);
            !entry.parameters(&ICalendarParameterName::Partstat).any(|answer| *answer == declined)
        };
        event.properties(property).filter(comes).filter_map(|entry| entry.calendar_address().map(str::to_owned))
    };
    let attends = known(&mut of(&ICalendarProperty::Attendee));
    if !attends.is_empty() {
        return attends;
    }
    let between = |c: char| c.is_whitespace() || "<>(),;[]\"'".contains(c);
    let said = known(&mut summary.split(between).filter(|word| word.contains('@')).map(str::to_owned));
    if !said.is_empty() {
        return said;
    }
    known(&mut of(&ICalendarProperty::Organizer))
}

/// Whose name, id or account stands in the summary as whole words; a name inside of a longer one does not count.
fn by_name(summary: &str, policy: &Policy) -> Vec<PersonId> {
    let said = words(summary);
    let mut found: Vec<(usize, &PersonId)> = Vec::new();
    for (id, person) in &policy.people {
        let names = [Some(person.name.as_str()), Some(id.as_str()), person.os_user.as_deref()];
        let longest =
            names.into_iter().flatten().map(words).filter(|name| holds(&said, name)).map(|name| name.len()).max();
        found.extend(longest.map(|length| (length, id)));
    }
    let most = found.iter().map(|(length, _)| *length).max();
    found.into_iter().filter(|(length, _)| Some(*length) == most).map(|(_, id)| id.clone()).collect()
}

fn words(text: &str) -> Vec<String> {
    let between = |c: char| !(c.is_alphanumeric() || "-_.@'’".contains(c));
    text.to_lowercase().split(between).filter(|word| !word.is_empty() && *word != "-").map(str::to_owned).collect()
}

fn holds(said: &[String], name: &[String]) -> bool {
    !name.is_empty() && said.windows(name.len()).any(|window| window == name)
}

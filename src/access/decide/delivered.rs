//! What becomes of what somebody is told: a channel brought it, or says why not. Reported once a telling, person and channel.

use super::seen;
use crate::access::actor::Actor;
use crate::access::channel::ChannelName;
use crate::access::event::{Event, Text};
use crate::access::facts::{Facts, Now};
use crate::access::refusal::Refusal;
use crate::access::request::Brought;
use crate::text::Clean;

/// The longest sentence about a fault, in columns.
const SENTENCE: usize = 200;
/// So much of it is looked at.
const LOOKED_AT: usize = 1_000;
/// So many channels may report on one telling to one person.
const CHANNELS: usize = 8;

/// What a channel says of event `of`. A report that is no news, or on what tells somebody else, changes nothing.
pub(super) fn report(
    facts: &Facts<'_>,
    actor: &Actor,
    of: i64,
    channel: &ChannelName,
    fault: Option<&str>,
    now: Now,
) -> Result<Vec<Event>, Refusal> {
    let (request, to) = if *actor == Actor::Notifier {
        (super::request(facts)?, None)
    } else {
        let (request, person) = seen(facts, actor, now)?;
        if channel.is_servers() {
            return Err(Refusal::malformed("channel", "is one of the server's own", "name desktop, terminal or hook"));
        }
        (request, Some(person.clone()))
    };
    let telling = request.told.iter().find(|telling| telling.seq == of);
    let telling = telling.filter(|telling| to.as_ref().is_none_or(|to| telling.to.contains(to)));
    let Some(telling) = telling else { return Ok(Vec::new()) };
    let mine: Vec<&Brought> = telling.brought.iter().filter(|brought| brought.to == to).collect();
    let news = match mine.iter().find(|brought| brought.channel == *channel) {
        // What failed at first may be sent again.
        Some(known) => known.fault.is_some() && fault.is_none(),
        None => mine.len() < CHANNELS,
    };
    if !news {
        return Ok(Vec::new());
    }
    let fault = fault.map(|fault| Text::draft(said(fault)));
    Ok(vec![Event::Delivered { of, to, channel: channel.clone(), fault }])
}

/// A channel's sentence, cleaned and cut.
fn said(fault: &str) -> String {
    let looked_at: String = fault.chars().take(LOOKED_AT).collect();
    let clean = Clean::line(&looked_at).cut(SENTENCE);
    if clean.as_str().trim().is_empty() { "it did not say why".to_owned() } else { clean.as_str().to_owned() }
}

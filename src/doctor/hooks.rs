//! Webhooks: whether each can be sent to as it is configured, and what could not be brought.

use super::look::{Finding, Looks};
use crate::config::Server;
use crate::service::hooks::Hook;
use crate::store::{Store, Undelivered};

/// So many dead letters of one webhook are named.
const NAMED: usize = 20;

pub(super) async fn look(server: &Server, store: &Store, looks: &mut Looks) {
    if let Err(fault) = Hook::all(server) {
        looks.say("webhooks", Finding::Fault, fault.to_string());
    }
    let left = match store.undelivered().await {
        Ok(left) => left,
        Err(error) => return looks.say("webhooks", Finding::Fault, error.to_string()),
    };
    let mut names: Vec<&str> = server.webhooks.iter().map(|webhook| webhook.name.as_str()).collect();
    // One that was taken out of the file may have left something.
    names.extend(left.iter().map(name));
    names.sort_unstable();
    names.dedup();
    for webhook in names {
        let mine: Vec<&Undelivered> = left.iter().filter(|one| name(one) == webhook).collect();
        one(webhook, &mine, looks);
    }
}

fn name(one: &Undelivered) -> &str {
    one.follower.strip_prefix("webhook:").unwrap_or(&one.follower)
}

fn one(webhook: &str, left: &[&Undelivered], looks: &mut Looks) {
    let what = format!("webhook {webhook}");
    let (dead, waiting): (Vec<&Undelivered>, Vec<&Undelivered>) = left.iter().partition(|one| one.dead_at.is_some());
    if left.is_empty() {
        let sentence = format!("nothing waits; nightlatch admin webhook test {webhook} sends a trial");
        return looks.say(&what, Finding::Ok, sentence);
    }
    if let Some(first) = waiting.first() {
        let sentence =
            format!("{}, first tried {}, not delivered yet: {}", events(waiting.len()), first.since, first.sentence);
        looks.say(&what, Finding::Warning, sentence);
    }
    for letter in dead.iter().take(NAMED) {
        let (seq, since) = (letter.seq, letter.since);
        let number = letter.about().map_or_else(String::new, |number| format!(" (NL-{number})"));
        let sentence = format!(
            "event {seq}{number} was given up, first tried {since}: {}; \
             send it again with nightlatch admin webhook resend {webhook} {seq}",
            letter.sentence
        );
        looks.say(&what, Finding::Fault, sentence);
    }
    if dead.len() > NAMED {
        let sentence = format!(
            "{} more were given up; nightlatch admin webhook list names them, and resend {webhook} sends them all",
            events(dead.len() - NAMED)
        );
        looks.say(&what, Finding::Fault, sentence);
    }
}

fn events(count: usize) -> String {
    if count == 1 { "1 event".to_owned() } else { format!("{count} events") }
}

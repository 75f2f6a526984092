//! `apply`: what an event makes of a request. Total: a record that was written can always be folded again.

use super::actor::Actor;
use super::event::{About, Ask, Decider, Event, Placement, Rung, Text, Verdict};
use super::id::RequestNumber;
use super::request::{
    Alarm, Alerted, Brought, Claim, Closed, Decision, Ended, Escalation, Extended, Extension, Failure, Given,
    HandedBack, Held, How, LastVerdict, Note, Request, Revision, SentBack, State, TOLD, Telling, Withdrawn,
};
use super::window::Window;
use crate::text::{Instant, PersonId, RoleId};

/// Where an event stands in the trail.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Its sequence number.
    pub seq: i64,
    /// When.
    pub at: Instant,
    /// Who.
    pub actor: &'a Actor,
    /// The policy version that ruled.
    pub policy: &'a str,
}

/// What `event` makes of `request`. The first event of a request makes it; one that cannot apply changes nothing.
pub fn apply(request: Option<Request>, number: RequestNumber, event: &Event, place: Place<'_>) -> Option<Request> {
    let Some(mut request) = request else {
        let Event::Filed { ask } = event else { return None };
        let requester = place.actor.person()?.clone();
        return Some(Request {
            number,
            version: place.seq,
            seq: place.seq,
            requester,
            ask: bare_ask(ask),
            filed_at: place.at,
            amended_at: place.at,
            waits_since: place.at,
            ask_seq: place.seq,
            revisions: Vec::new(),
            state: State::Pending,
            last_verdict: None,
            claim: None,
            reached: Vec::new(),
            acknowledged: Vec::new(),
            alerted: Vec::new(),
            escalation: None,
            told: Vec::new(),
            notes: Vec::new(),
        });
    };
    request.seq = place.seq;
    if event.material() {
        request.version = place.seq;
    }
    step(&mut request, event, place);
    Some(request)
}

fn step(request: &mut Request, event: &Event, place: Place<'_>) {
    match event {
        Event::Amended { ask, changes } => amended(request, ask, changes, place),
        Event::SentBack { decider, words, codes, extension } => {
            let Some(decision) = judged(request, if *extension { Verdict::ExtensionSentBack } else { Verdict::SentBack }, decider, Some(words), place) else {
                return;
            };
            if *extension {
                answered(request, Verdict::ExtensionSentBack, decision);
            } else {
                let until = place.at.plus(request.ask.undecided_until.since(request.waits_since));
                request.state = State::SentBack(SentBack { decision, codes: codes.clone(), until });
            }
        }
        Event::Approved { decider, window, role, words, overridden, grant } => {
            if let Some(decision) = judged(request, Verdict::Approved, decider, words.as_ref(), place) {
                let (role, placement, overridden) = (role.clone(), grant.clone(), overridden.clone());
                request.state = State::Held(Box::new(approved(decision, *window, role, placement, overridden)));
            }
        }
        Event::Denied { decider, words } => {
            if let Some(decision) = judged(request, Verdict::Denied, decider, Some(words), place) {
                request.state = State::Denied(decision);
            }
        }
        Event::Extended { decider, was, until, words } => {
            if let Some(decision) = judged(request, Verdict::Extended, decider, words.as_ref(), place) {
                extended(request, decision, *was, *until);
            }
        }
        Event::ExtensionDenied { decider, words } => {
            if let Some(decision) = judged(request, Verdict::ExtensionDenied, decider, Some(words), place) {
                answered(request, Verdict::ExtensionDenied, decision);
            }
        }
        Event::Undone { verdict, until, .. } => undone(request, *verdict, *until, place),
        Event::Withdrawn {} => {
            if let Some(by) = place.actor.person() {
                request.state = State::Withdrawn(Withdrawn { by: by.clone(), at: place.at });
            }
        }
        Event::Lapsed {} => request.state = State::Lapsed(place.at),
        Event::Claimed { until } => {
            request.claim = until.zip(place.actor.person()).map(|(until, by)| Claim { by: by.clone(), until });
        }
        Event::Acknowledged {} => {
            if let Some(by) = place.actor.person().filter(|by| !request.acknowledged.contains(by)) {
                request.acknowledged.push(by.clone());
            }
        }
        Event::Noted { note } => {
            request.notes.push(Note { by: place.actor.id(), at: place.at, text: bare(note) });
        }
        Event::Routed { to, rung, .. } => {
            telling(request, std::slice::from_ref(to), place);
            if !request.reached.contains(to) {
                request.reached.push(to.clone());
            }
            alerted(request, std::slice::from_ref(to), place.at);
            climbed(request, rung.as_ref(), Some(to), place.at);
        }
        Event::Told { to, about, rung } => {
            telling(request, to, place);
            told(request, to, *about, rung.as_ref(), place.at);
        }
        Event::Delivered { of, to, channel, fault } => {
            let brought =
                Brought { to: to.clone(), channel: channel.clone(), at: place.at, fault: fault.as_ref().map(bare) };
            delivered(request, *of, brought);
        }
        Event::DutyPassed { to, .. } => {
            telling(request, std::slice::from_ref(to), place);
            alerted(request, std::slice::from_ref(to), place.at);
            if let Some(escalation) = &mut request.escalation {
                (escalation.to, escalation.holder, escalation.since) = (to.clone(), to.clone(), place.at);
            }
        }
        Event::ExtensionAsked { .. }
        | Event::Revoked { .. }
        | Event::HandedBack { .. }
        | Event::Granted { .. }
        | Event::GrantFailed { .. }
        | Event::CredentialHanded { .. }
        | Event::Removed { .. }
        | Event::RemovalFailed { .. }
        | Event::Attested { .. }
        | Event::Drifted { .. }
        | Event::HandedOver { .. } => {
            if matches!(event, Event::ExtensionAsked { .. }) {
                (request.escalation, request.alerted) = (None, Vec::new());
            }
            if let State::Held(held) = &mut request.state {
                held_step(held, event, place);
            }
        }
        // The first event of a request alone makes it.
        Event::Filed { .. }
        // These are told, and change nothing of the request.
        | Event::Retried {}
        | Event::Refused { .. }
        // These are about no request.
        | Event::PolicyChanged { .. }
        | Event::PolicyRefused { .. }
        | Event::RotaChanged { .. }
        | Event::Frozen { .. }
        | Event::Thawed { .. }
        | Event::Stray { .. }
        | Event::Erased { .. }
        | Event::SignedIn { .. }
        | Event::TokenChanged { .. }
        | Event::KeyChanged { .. }
        | Event::ClockAccepted { .. }
        | Event::LossAccepted { .. } => {}
    }
}

/// Remembers whom an event tells, so that what becomes of it can be said.
fn telling(request: &mut Request, to: &[PersonId], place: Place<'_>) {
    if request.told.len() >= TOLD {
        request.told.remove(0);
    }
    request.told.push(Telling { seq: place.seq, to: to.to_vec(), brought: Vec::new() });
}

/// Writes down what a channel says of a telling: of several reports of one way the last holds.
fn delivered(request: &mut Request, of: i64, brought: Brought) {
    let Some(telling) = request.told.iter_mut().find(|telling| telling.seq == of) else { return };
    telling.brought.retain(|known| (&known.to, &known.channel) != (&brought.to, &brought.channel));
    telling.brought.push(brought);
}

/// What being told changes: of what waits, of an end that is near, of a removal that is overdue.
fn told(request: &mut Request, to: &[PersonId], about: About, rung: Option<&Rung>, at: Instant) {
    match about {
        About::Ask | About::Again | About::Changed => {
            alerted(request, to, at);
            climbed(request, rung, to.first(), at);
        }
        About::Unanswered | About::Lapsing => climbed(request, rung, None, at),
        About::Ending => {
            if let (State::Held(held), Some(rung)) = (&mut request.state, rung) {
                // A clock that leapt forward must not take the steps to come with it.
                held.ending = Some(rung.due_at.min(at));
            }
        }
        About::Overdue => {
            let (State::Held(held), Some(rung)) = (&mut request.state, rung) else { return };
            if held.alarm.is_none() {
                // Who wanted to hear no more of what waited does want to hear of this.
                request.acknowledged.clear();
            }
            let (step, taken, next_at) = (rung.step, rung.due_at.min(at), rung.next_at);
            let alarm = held.alarm.get_or_insert_with(|| Alarm { step, taken, next_at, told: Vec::new() });
            (alarm.step, alarm.taken, alarm.next_at) = (step, taken.max(alarm.taken), next_at);
            for who in to {
                if !alarm.told.contains(who) {
                    alarm.told.push(who.clone());
                }
            }
        }
        About::Decided | About::Lapsed | About::Ready | About::Failed | About::Ended | About::Removed => {}
    }
}

/// Writes down who was alerted, and when last.
fn alerted(request: &mut Request, who: &[PersonId], at: Instant) {
    for who in who {
        match request.alerted.iter_mut().find(|alerted| alerted.who == *who) {
            Some(alerted) => (alerted.last, alerted.times) = (at, alerted.times.saturating_add(1)),
            None => request.alerted.push(Alerted { who: who.clone(), first: at, last: at, times: 1 }),
        }
    }
}

/// Writes down the step that was taken, and whom it went to.
fn climbed(request: &mut Request, rung: Option<&Rung>, to: Option<&PersonId>, at: Instant) {
    let Some(rung) = rung else { return };
    // A clock that leapt forward must not take the steps to come with it.
    let taken = rung.due_at.min(at);
    if let Some(known) = request.escalation.as_mut().filter(|known| known.extension == rung.extension) {
        (known.step, known.taken, known.next_at) = (rung.step, taken.max(known.taken), rung.next_at);
        if let Some(to) = to {
            known.to = to.clone();
        }
        return;
    }
    let waiting = request.held().and_then(Held::waiting_extension).filter(|_| rung.extension);
    let named = waiting.map_or_else(|| request.ask.approver.clone(), |extension| extension.approver.clone());
    let to = to.cloned().unwrap_or(named);
    let (step, next_at, extension) = (rung.step, rung.next_at, rung.extension);
    request.escalation = Some(Escalation { step, taken, next_at, holder: to.clone(), to, since: at, extension });
}

fn amended(request: &mut Request, ask: &Ask, changes: &[String], place: Place<'_>) {
    let by = place.actor.id();
    request.revisions.push(Revision { seq: place.seq, at: place.at, by, changes: changes.to_vec() });
    if request.ask.undecided_until != ask.undecided_until {
        request.waits_since = place.at;
        (request.escalation, request.alerted) = (None, Vec::new());
    }
    if let Some(escalation) = request.escalation.as_mut().filter(|_| request.ask.approver != ask.approver) {
        (escalation.to, escalation.holder, escalation.since) = (ask.approver.clone(), ask.approver.clone(), place.at);
    }
    request.ask = bare_ask(ask);
    request.ask_seq = place.seq;
    request.amended_at = place.at;
    request.state = State::Pending;
    request.last_verdict = None;
}

/// Writes down that a verdict was given, and whose: only a person gives one.
fn judged(
    request: &mut Request,
    verdict: Verdict,
    decider: &Decider,
    words: Option<&Text>,
    place: Place<'_>,
) -> Option<Decision> {
    let by = place.actor.person()?.clone();
    request.claim = None;
    request.last_verdict = Some(LastVerdict { verdict, seq: place.seq, by: by.clone(), at: place.at });
    Some(Decision {
        by,
        via: place.actor.via(),
        at: place.at,
        seq: place.seq,
        policy: place.policy.to_owned(),
        decider: decider.clone(),
        words: words.map(bare),
    })
}

/// The number and hash of a text, without its words: a row never holds them.
fn bare(text: &Text) -> Text {
    Text { words: String::new(), ..text.clone() }
}

fn bare_ask(ask: &Ask) -> Ask {
    Ask { task: bare(&ask.task), ..ask.clone() }
}

fn approved(decision: Decision, window: Window, role: RoleId, placement: Placement, overridden: Vec<String>) -> Held {
    Held {
        decision,
        window,
        role,
        placement,
        overridden,
        granted: None,
        ended: None,
        extension: None,
        extended: Vec::new(),
        handed_back: None,
        observed: None,
        failure: None,
        looked_after_by: None,
        ending: None,
        alarm: None,
        attested: None,
        credential: None,
        closed: None,
    }
}

fn extended(request: &mut Request, decision: Decision, was: Instant, until: Instant) {
    let State::Held(held) = &mut request.state else { return };
    if let Some(extension) = held.extension.take() {
        held.window.until = until;
        held.extended.push(Extended { decision, was, until, extension });
    }
}

fn answered(request: &mut Request, verdict: Verdict, decision: Decision) {
    let State::Held(held) = &mut request.state else { return };
    if let Some(extension) = &mut held.extension {
        extension.answered = Some((verdict, decision));
    }
}

fn undone(request: &mut Request, verdict: Verdict, until: Option<Instant>, place: Place<'_>) {
    request.last_verdict = None;
    request.claim = None;
    match (&mut request.state, verdict) {
        (State::Denied(_), Verdict::Denied) | (State::SentBack(_), Verdict::SentBack) => {
            request.state = State::Pending;
        }
        (State::Held(held), Verdict::Approved) => end(held, How::Undone, None, place),
        (State::Held(held), Verdict::Extended) => {
            if let (Some(until), Some(_)) = (until, held.extended.pop()) {
                held.window.until = until;
            }
        }
        (State::Held(held), Verdict::ExtensionDenied | Verdict::ExtensionSentBack) => {
            if let Some(extension) = &mut held.extension {
                extension.answered = None;
            }
        }
        // A verdict that is not the one that stands takes nothing back.
        (State::Held(_), Verdict::Denied | Verdict::SentBack)
        | (
            State::Pending | State::SentBack(_) | State::Denied(_) | State::Withdrawn(_) | State::Lapsed(_),
            Verdict::Approved
            | Verdict::Denied
            | Verdict::SentBack
            | Verdict::Extended
            | Verdict::ExtensionDenied
            | Verdict::ExtensionSentBack,
        ) => {}
    }
}

fn end(held: &mut Held, how: How, words: Option<&Text>, place: Place<'_>) {
    if held.ended.is_none() {
        held.ended = Some(Ended { at: place.at, by: place.actor.id(), how, words: words.map(bare) });
    }
}

fn held_step(held: &mut Held, event: &Event, place: Place<'_>) {
    match event {
        Event::ExtensionAsked { asked, done, remaining, approver } => {
            held.extension = Some(Extension {
                at: place.at,
                seq: place.seq,
                asked: *asked,
                done: bare(done),
                remaining: bare(remaining),
                approver: approver.clone(),
                answered: None,
            });
        }
        Event::Revoked { words, by_policy } => {
            end(held, if *by_policy { How::ByPolicy } else { How::Revoked }, Some(words), place);
        }
        Event::HandedBack { changed, checked, follow_up } => {
            let bare = |text: &Option<Text>| text.as_ref().map(bare);
            held.handed_back =
                Some(HandedBack { changed: bare(changed), checked: bare(checked), follow_up: bare(follow_up) });
            end(held, How::HandedBack, None, place);
        }
        Event::Granted { until, second_lock, observed, .. } => {
            let at = held.granted.as_ref().map_or(place.at, |given| given.at);
            held.granted = Some(Given { at, until: *until, second_lock: *second_lock });
            held.observed = Some(plain(observed));
            held.failure = None;
        }
        Event::GrantFailed { attempt, sentence, gave_up } => {
            held.failure = Some(failure(*attempt, sentence, false, false, place));
            if *gave_up {
                end(held, How::GaveUp, None, place);
            }
        }
        Event::RemovalFailed { attempt, sentence, contradicted } => {
            held.failure = Some(failure(*attempt, sentence, true, *contradicted, place));
        }
        Event::Removed { observed, carried_by, never_given, .. } => {
            if let Some(observed) = observed {
                held.observed = Some(plain(observed));
            }
            held.failure = None;
            held.closed = Some(Closed { at: place.at, failed: *never_given, carried_by: *carried_by });
        }
        Event::CredentialHanded { count } => held.credential = Some((*count, place.at)),
        Event::Attested { words } => {
            held.attested = Some(Note { by: place.actor.id(), at: place.at, text: bare(words) });
        }
        // The target knows no end of it any more, so the latest one is told again.
        Event::Drifted { gone: true, .. } => {
            if let Some(given) = &mut held.granted {
                given.until = place.at;
            }
        }
        Event::HandedOver { to } => held.looked_after_by = Some(PersonId::clone(to)),
        // All others are `step`'s.
        Event::Filed { .. }
        | Event::Drifted { .. }
        | Event::Amended { .. }
        | Event::SentBack { .. }
        | Event::Approved { .. }
        | Event::Denied { .. }
        | Event::Withdrawn {}
        | Event::Lapsed {}
        | Event::Claimed { .. }
        | Event::Acknowledged {}
        | Event::Noted { .. }
        | Event::Extended { .. }
        | Event::ExtensionDenied { .. }
        | Event::Undone { .. }
        | Event::Retried {}
        | Event::Routed { .. }
        | Event::Told { .. }
        | Event::DutyPassed { .. }
        | Event::Delivered { .. }
        | Event::Refused { .. }
        | Event::PolicyChanged { .. }
        | Event::PolicyRefused { .. }
        | Event::RotaChanged { .. }
        | Event::Frozen { .. }
        | Event::Thawed { .. }
        | Event::Stray { .. }
        | Event::Erased { .. }
        | Event::SignedIn { .. }
        | Event::TokenChanged { .. }
        | Event::KeyChanged { .. }
        | Event::ClockAccepted { .. }
        | Event::LossAccepted { .. } => {}
    }
}

fn plain(observed: &super::event::Observed) -> super::event::Observed {
    super::event::Observed { evidence: bare(&observed.evidence), ..observed.clone() }
}

fn failure(attempt: i64, sentence: &Text, removing: bool, contradicted: bool, place: Place<'_>) -> Failure {
    Failure { at: place.at, attempt, sentence: bare(sentence), removing, contradicted }
}

//! A request as it is shown: the fold, its texts, and what is derived at this instant.

use super::ruling::{Ruling, Rulings, shape};
use crate::access::event::{Observed, Text, Verdict};
use crate::access::request::{Alerted, Decision, Ended, Extension, Held, How, Note, Request, State};
use crate::access::window::End;
use crate::access::{Status, overdue, status};
use crate::policy::{Capacity, Policy};
use crate::store::WorkRow;
use crate::text::{Instant, PersonId};
use crate::wire::{
    ClaimView, DecisionView, DutyView, EndedView, EscalationView, ExtensionView, GrantView, HandedBackView, NoteView,
    ObservedView, PersonView, ReachedView, RequestView, RevisionView, TriedView, TurnView, WindowView,
};
use std::collections::HashMap;

/// Texts by number; one that is missing was erased.
pub(super) type Texts = HashMap<i64, String>;

/// A person, as shown.
pub(super) fn person(policy: &Policy, id: &PersonId) -> PersonView {
    let known = policy.person(id);
    PersonView {
        id: id.to_string(),
        name: known.map_or_else(|| id.to_string(), |p| p.name.clone()),
        title: known.and_then(|p| p.title.clone()),
    }
}

/// Somebody on duty, as shown.
pub(super) fn turn(policy: &Policy, id: &PersonId) -> TurnView {
    let known = policy.person(id);
    TurnView {
        person: person(policy, id),
        zone: known.map_or(policy.zone, |p| p.zone).name().to_owned(),
        contact: known.and_then(|p| p.contact.clone()),
    }
}

/// Who can say yes, as shown.
pub(super) fn on_duty(policy: &Policy, who: Vec<(PersonId, Capacity)>) -> Vec<DutyView> {
    let one = |(id, capacity): (PersonId, Capacity)| {
        let TurnView { person, zone, contact } = turn(policy, &id);
        DutyView { person, capacity, zone, contact }
    };
    who.into_iter().map(one).collect()
}

/// The numbers of every text that a request refers to, lowest first. Every test holds it against what stands in the row.
pub(super) fn text_ids(request: &Request) -> Vec<i64> {
    let mut found = vec![&request.ask.task];
    match &request.state {
        State::Pending | State::Withdrawn(_) | State::Lapsed(_) => {}
        State::SentBack(back) => found.extend(&back.decision.words),
        State::Denied(decision) => found.extend(&decision.words),
        State::Held(held) => {
            found.extend(&held.decision.words);
            found.extend(held.ended.iter().flat_map(|ended| &ended.words));
            let asked = held.extended.iter().map(|extended| &extended.extension).chain(&held.extension);
            for extension in asked {
                found.extend([&extension.done, &extension.remaining]);
                found.extend(extension.answered.iter().flat_map(|(_, decision)| &decision.words));
            }
            found.extend(held.extended.iter().flat_map(|extended| &extended.decision.words));
            let back = held.handed_back.iter();
            found.extend(back.flat_map(|back| back.changed.iter().chain(&back.checked).chain(&back.follow_up)));
            found.extend(held.observed.iter().map(|observed| &observed.evidence));
            found.extend(held.failure.iter().map(|failure| &failure.sentence));
            found.extend(held.attested.iter().map(|note| &note.text));
        }
    }
    found.extend(request.notes.iter().map(|note| &note.text));
    found.extend(request.told.iter().flat_map(|telling| &telling.brought).flat_map(|brought| &brought.fault));
    let mut ids: Vec<i64> = found.into_iter().map(|text| text.id).collect();
    ids.sort_unstable();
    ids.dedup();
    debug_assert_eq!(ids, in_the_row(request), "a text of {} is overlooked", request.number);
    ids
}

/// The same, of the request as it is stored.
fn in_the_row(request: &Request) -> Vec<i64> {
    let row = serde_json::to_value(request).unwrap_or_default();
    let mut ids: Vec<i64> = crate::trail::references(&row).into_iter().map(|reference| reference.id).collect();
    ids.dedup();
    ids
}

/// What a view is made from.
pub(super) struct Sight<'a> {
    pub ruling: &'a Ruling,
    pub rulings: &'a Rulings,
    pub store_id: &'a str,
    pub texts: &'a Texts,
    pub work: Option<&'a WorkRow>,
    pub frozen: bool,
    pub at: Instant,
}

impl Sight<'_> {
    fn text(&self, text: &Text) -> Option<String> {
        self.texts.get(&text.id).cloned()
    }
    fn maybe(&self, text: Option<&Text>) -> Option<String> {
        text.and_then(|text| self.text(text))
    }
    fn person(&self, id: &PersonId) -> PersonView {
        person(&self.ruling.policy, id)
    }
    fn note(&self, note: &Note) -> NoteView {
        NoteView { by: note.by.clone(), at: note.at, text: self.text(&note.text) }
    }

    /// The whole view, without what the viewer may do.
    pub fn request(&self, request: &Request) -> RequestView {
        let ask = &request.ask;
        let standing = status(request, self.at);
        let system = self.ruling.policy.systems.get(&ask.system);
        let role = system.and_then(|system| system.role(request.role().as_str()));
        let held = request.held();
        let asking = matches!(standing, Status::Pending | Status::SentBack);
        let open = ask.asked.window_if_approved(self.at);
        let url = self.ruling.policy.ticket_url.as_ref().zip(ask.ticket.as_ref());
        RequestView {
            id: request.number.0,
            seq: request.seq,
            version: request.version,
            status: standing,
            overdue: overdue(request, self.at),
            system: ask.system.to_string(),
            environment: ask.environment.clone(),
            role: request.role().to_string(),
            role_asked: ask.role.to_string(),
            allows: role.map(|role| role.allows.clone()).unwrap_or_default(),
            kind: ask.kind,
            task: self.text(&ask.task),
            ticket: ask.ticket.clone(),
            ticket_url: url.map(|(url, ticket)| url.replace("{ticket}", ticket)),
            requester: self.person(&request.requester),
            user: self.person(&ask.user),
            approver: self.person(&ask.approver),
            filed_at: request.filed_at,
            window: held.map_or_else(
                || WindowView {
                    from: ask.asked.from,
                    until: match ask.asked.end {
                        End::Until(until) => Some(until),
                        End::For(_) => None,
                    },
                },
                |held| WindowView { from: Some(held.window.from), until: Some(held.window.until) },
            ),
            asked_for_seconds: match ask.asked.end {
                End::For(length) => Some(length.seconds()),
                End::Until(_) => None,
            },
            until_if_approved_now: asking.then_some(open.until),
            undecided_until: crate::access::due::due(request),
            checks: ask.checks.clone(),
            escalation: self.escalation(request, standing),
            claim: request
                .claim
                .as_ref()
                .filter(|claim| claim.until > self.at)
                .map(|claim| ClaimView { by: self.person(&claim.by), until: claim.until }),
            decision: self.decided(request),
            extension: held.and_then(|held| held.extension.as_ref()).map(|extension| self.extension(extension)),
            extended: held
                .and_then(|held| held.extended.last())
                .map(|last| self.decision(Verdict::Extended, &last.decision)),
            extensions: held.map_or(0, |held| held.extended.len()),
            grant: held.map(|held| self.grant(request, held)),
            follow_up: held.and_then(|held| held.handed_back.as_ref()).map(|back| HandedBackView {
                changed: self.maybe(back.changed.as_ref()),
                checked: self.maybe(back.checked.as_ref()),
                follow_up: self.maybe(back.follow_up.as_ref()),
            }),
            notes: Some(request.notes.iter().map(|note| self.note(note)).collect()),
            revisions: request
                .revisions
                .iter()
                .map(|r| RevisionView { seq: r.seq, at: r.at, by: r.by.clone(), changes: r.changes.clone() })
                .collect(),
            may: None,
            frozen: self.frozen,
        }
    }

    /// How the ladder of what waits stands.
    fn escalation(&self, request: &Request, standing: Status) -> Option<EscalationView> {
        let waits = standing == Status::Pending
            || (standing == Status::Active && request.held().is_some_and(|held| held.waiting_extension().is_some()));
        let known = request.escalation.as_ref().filter(|_| waits)?;
        let tried = request.alerted.iter().map(|alerted| {
            let TurnView { person, zone, contact } = turn(&self.ruling.policy, &alerted.who);
            let acknowledged = request.acknowledged.contains(&alerted.who);
            let (at, last, times) = (alerted.first, alerted.last, alerted.times);
            TriedView { person, at, last, times, acknowledged, contact, zone, reached: self.reached(request, alerted) }
        });
        Some(EscalationView {
            step: known.step,
            next_at: known.next_at,
            to: self.person(&known.to),
            tried: tried.collect(),
            paused_until: request.claim.as_ref().map(|claim| claim.until).filter(|until| *until > self.at),
        })
    }

    /// What each channel said last of what somebody was told since they were alerted.
    fn reached(&self, request: &Request, alerted: &Alerted) -> Vec<ReachedView> {
        let brought = request.told.iter().flat_map(|telling| &telling.brought);
        let theirs = brought.filter(|brought| brought.to.as_ref() == Some(&alerted.who) && brought.at >= alerted.first);
        let mut found: Vec<ReachedView> = Vec::new();
        for brought in theirs {
            let fault = brought.fault.as_ref().map(|fault| self.text(fault).unwrap_or_else(|| "(erased)".into()));
            let (channel, at) = (brought.channel.to_string(), brought.at);
            found.retain(|known| known.channel != channel);
            found.push(ReachedView { channel, at, fault });
        }
        found
    }

    fn decided(&self, request: &Request) -> Option<DecisionView> {
        match &request.state {
            State::Pending | State::Withdrawn(_) | State::Lapsed(_) => None,
            State::SentBack(back) => {
                let mut view = self.decision(Verdict::SentBack, &back.decision);
                view.codes.clone_from(&back.codes);
                Some(view)
            }
            State::Denied(decision) => Some(self.decision(Verdict::Denied, decision)),
            State::Held(held) => {
                let mut view = self.decision(Verdict::Approved, &held.decision);
                view.overridden.clone_from(&held.overridden);
                Some(view)
            }
        }
    }

    fn decision(&self, verdict: Verdict, decision: &Decision) -> DecisionView {
        let verdict =
            serde_json::to_value(verdict).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
        DecisionView {
            verdict,
            by: PersonView {
                id: decision.by.to_string(),
                name: decision.decider.name.clone(),
                title: decision.decider.title.clone(),
            },
            capacity: decision.decider.capacity,
            own: decision.decider.own,
            unseen: decision.decider.unseen,
            at: decision.at,
            words: self.maybe(decision.words.as_ref()),
            codes: Vec::new(),
            overridden: Vec::new(),
            via: decision.via,
            policy_version: decision.policy.clone(),
        }
    }

    fn extension(&self, extension: &Extension) -> ExtensionView {
        ExtensionView {
            at: extension.at,
            until_if_approved_now: match extension.asked.end {
                End::Until(until) => until,
                End::For(length) => self.at.plus(length),
            },
            done: self.text(&extension.done),
            remaining: self.text(&extension.remaining),
            approver: self.person(&extension.approver),
            waits: extension.answered.is_none(),
            decision: extension.answered.as_ref().map(|(verdict, decision)| self.decision(*verdict, decision)),
        }
    }

    fn grant(&self, request: &Request, held: &Held) -> GrantView {
        let ruling = self.rulings.known(&held.decision.policy);
        let placed = ruling.and_then(|ruling| ruling.spec(self.store_id, &shape(request)));
        // The side column knows the last reading, without its words; the fold the last one that was worth an event.
        let last = self.work.and_then(|work| serde_json::from_str::<Observed>(work.observed.as_deref()?).ok());
        let observed = last.as_ref().filter(|last| held.observed.as_ref().is_none_or(|told| told.at < last.at));
        let observed = observed.or(held.observed.as_ref()).map(|o| ObservedView {
            at: o.at,
            presence: if o.present { "present" } else { "absent" }.to_owned(),
            evidence: self.text(&o.evidence),
        });
        let closed = held.closed.as_ref();
        GrantView {
            role: held.role.to_string(),
            target: held.placement.target.clone(),
            access_key: held.placement.access_key.clone(),
            second_lock: held.granted.as_ref().is_some_and(|given| given.second_lock),
            granted_at: held.granted.as_ref().map(|given| given.at),
            ended: self.ended(held),
            overdue_from: held.end().plus(held.placement.bound),
            removal_failed: held.failure.as_ref().is_some_and(|failure| failure.removing),
            observed,
            attempts: self.work.map_or(0, |work| work.failures),
            last_error: self
                .work
                .and_then(|work| work.error.clone())
                .or_else(|| held.failure.as_ref().and_then(|failure| self.text(&failure.sentence))),
            next_try_at: self.work.map(|work| work.next_at),
            manual_command: placed.map(|(provisioner, spec)| provisioner.by_hand(&spec)),
            looked_after_by: held.looked_after_by.as_ref().map(|id| self.person(id)),
            attested: held.attested.as_ref().map(|note| self.note(note)),
            first_use: held.credential.map(|(_, at)| at),
            last_use: held.credential.map(|(_, at)| at),
            sessions: held.observed.as_ref().and_then(|o| o.sessions),
            removed_at: closed.map(|closed| closed.at),
            carried_by: closed.and_then(|closed| closed.carried_by).map(|number| number.0),
        }
    }

    fn ended(&self, held: &Held) -> Option<EndedView> {
        let early = |ended: &Ended| EndedView {
            at: ended.at,
            by: ended.by.clone(),
            how: match ended.how {
                How::Revoked => "revoked",
                How::ByPolicy => "by-policy",
                How::HandedBack => "handed-back",
                How::Undone => "undone",
                How::GaveUp => "gave-up",
            }
            .to_owned(),
            words: self.maybe(ended.words.as_ref()),
        };
        let window = || EndedView { at: held.window.until, by: "clock".into(), how: "window".into(), words: None };
        held.ended.as_ref().map(early).or_else(|| (self.at >= held.window.until).then(window))
    }
}

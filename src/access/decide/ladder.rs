//! The ladder that an undecided ask climbs: whom each step tells, who may decide because of it, and when the next one falls due.
//!
//! Silence never approves: nothing here decides. A step that says *approver* tells and adds no right; a step that says *backup*
//! or *lead* routes to who is on duty then, who may decide from then on. Nobody is told who cannot act.

use super::alarm;
use crate::access::actor::Actor;
use crate::access::event::{About, Event, Rung};
use crate::access::facts::{Facts, Now};
use crate::access::refusal::{Code, Refusal};
use crate::access::request::Request;
use crate::access::status::{Status, lapses_at, status};
use crate::access::who;
use crate::policy::limits::{KindLimits, Reaches};
use crate::text::{Instant, Length, PersonId};

/// The longest that is told before the end that it is near.
const NEAR: Length = Length::from_hours(1);

/// What waits for a verdict, and from when until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Round {
    pub began: Instant,
    pub ends: Instant,
    /// The one named person whom it goes to.
    pub approver: PersonId,
    pub extension: bool,
}

/// What happens at a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Reach(Reaches),
    /// The ladder is at its end, and nobody answered.
    Unanswered,
    /// It is about to lapse.
    Lapsing,
}

/// One step and its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Step {
    at: Instant,
    what: What,
}

/// What waits on `request`, if anything does.
pub(super) fn round(request: &Request, at: Instant) -> Option<Round> {
    let standing = status(request, at);
    if standing == Status::Pending {
        let (began, ends) = (request.waits_since, lapses_at(request));
        return Some(Round { began, ends, approver: request.ask.approver.clone(), extension: false });
    }
    let held = request.held().filter(|_| standing == Status::Active)?;
    let extension = held.waiting_extension()?;
    let (began, ends) = (extension.at, held.end());
    Some(Round { began, ends, approver: extension.approver.clone(), extension: true })
}

/// The steps of a round. Where it has less time than the kind gives a request, as an extension has until the grant's end, the
/// steps come as much earlier.
fn steps(limits: &KindLimits, round: &Round) -> Vec<Step> {
    let (whole, has) = (limits.undecided.millis().max(1), round.ends.since(round.began).millis().max(0));
    let shrink = |after: Length| {
        let scaled = i128::from(after.millis()) * i128::from(has.min(whole)) / i128::from(whole);
        Length::from_millis(i64::try_from(scaled).unwrap_or(i64::MAX))
    };
    let mut steps: Vec<Step> = limits
        .escalate
        .iter()
        .map(|step| Step { at: round.began.plus(shrink(step.after)), what: What::Reach(step.reaches) })
        .filter(|step| step.at < round.ends || step.at == round.began)
        .collect();
    let last = steps.last().map_or(round.began, |step| step.at);
    let half = Length::from_millis(round.ends.since(last).millis() / 2);
    let near = Length::from_millis((has / 6).min(NEAR.millis()));
    steps.push(Step { at: last.plus(half), what: What::Unanswered });
    steps.push(Step { at: round.ends.minus(near), what: What::Lapsing });
    steps.sort_by_key(|step| step.at);
    steps
}

/// What the clock wants: the steps that fell due, and a change of duty.
pub(super) fn escalate(facts: &Facts<'_>, actor: &Actor, now: Now) -> Result<Vec<Event>, Refusal> {
    if *actor != Actor::Clock {
        return Err(Refusal::new(Code::NotAllowed, "only the clock escalates", "no person can"));
    }
    let request = super::request(facts)?;
    let mut events = look(facts, request, now.at);
    events.extend(alarm::look(facts, request, now.at));
    Ok(events)
}

/// The steps of `request` that fell due by `at`, and a change of duty while it waits.
pub(super) fn look(facts: &Facts<'_>, request: &Request, at: Instant) -> Vec<Event> {
    let Some(round) = round(request, at) else { return Vec::new() };
    // Somebody reads it: the others are left in peace for so long.
    if request.claim.as_ref().is_some_and(|claim| claim.until > at) {
        return Vec::new();
    }
    let steps = steps(facts.policy.kinds.of(request.ask.kind), &round);
    let known = request.escalation.as_ref().filter(|known| known.extension == round.extension);
    let taken = known.map(|known| known.taken);
    let mut climb = Climb {
        facts,
        request,
        at,
        began: round.began,
        holder: known.map_or_else(|| round.approver.clone(), |known| known.holder.clone()),
        told: request.alerted.iter().map(|alerted| alerted.who.clone()).collect(),
        reached: Vec::new(),
        events: Vec::new(),
    };
    let due = steps.iter().enumerate().filter(|(_, step)| step.at <= at && taken.is_none_or(|taken| step.at > taken));
    for (number, step) in due {
        let rung = Rung {
            step: u32::try_from(number + 1).unwrap_or(u32::MAX),
            due_at: step.at,
            // Steps of one instant are taken at once.
            next_at: steps.iter().map(|next| next.at).find(|next| *next > step.at),
            extension: round.extension,
        };
        climb.take(step.what, rung);
    }
    // A change of duty: whom it goes to is no longer who is asked.
    if let Some(known) = known.filter(|_| climb.events.is_empty()) {
        climb.pass(known.since);
    }
    climb.events
}

/// One climb: what happened so far on it.
struct Climb<'a> {
    facts: &'a Facts<'a>,
    request: &'a Request,
    at: Instant,
    began: Instant,
    /// Whom it goes to.
    holder: PersonId,
    told: Vec<PersonId>,
    reached: Vec<PersonId>,
    events: Vec<Event>,
}

impl Climb<'_> {
    /// Who may decide now, who is asked first comes first.
    fn eligible(&self) -> Vec<PersonId> {
        let mut eligible: Vec<PersonId> =
            who::eligible(self.facts.policy, self.request, self.at).into_iter().map(|(who, _)| who).collect();
        eligible.extend(self.reached.iter().cloned());
        eligible
    }

    fn take(&mut self, what: What, rung: Rung) {
        let event = match what {
            What::Reach(Reaches::Approver) => {
                let eligible = self.eligible();
                let holder = Some(self.holder.clone()).filter(|holder| eligible.contains(holder));
                let to = holder.or_else(|| eligible.first().cloned());
                self.tell(to, rung)
            }
            What::Reach(Reaches::Backup) => self.route(Reaches::Backup, rung),
            What::Reach(Reaches::Lead) => self.route(Reaches::Lead, rung),
            What::Unanswered => Event::Told { to: self.request.askers(), about: About::Unanswered, rung: Some(rung) },
            What::Lapsing => Event::Told { to: self.request.askers(), about: About::Lapsing, rung: Some(rung) },
        };
        self.events.push(event);
    }

    /// Tells somebody who may decide; a step without anybody is written down as well.
    fn tell(&mut self, to: Option<PersonId>, rung: Rung) -> Event {
        let again = to.as_ref().is_some_and(|to| self.told.contains(to));
        self.told.extend(to.clone());
        // What is asked for anew is told to those as well who wanted to hear no more of what was asked before.
        let anew = rung.extension && !again;
        let to = to.into_iter().filter(|to| anew || !self.request.acknowledged.contains(to)).collect();
        Event::Told { to, about: if again { About::Again } else { About::Ask }, rung: Some(rung) }
    }

    /// Routes to who is on duty, unless that person was told already and may decide.
    fn route(&mut self, reaches: Reaches, rung: Rung) -> Event {
        let policy = self.facts.policy;
        let (duty, word) = match reaches {
            Reaches::Lead => (policy.leads.as_ref(), "incident lead"),
            Reaches::Backup | Reaches::Approver => {
                (policy.systems.get(&self.request.ask.system).map(|system| &system.backup), "backup")
            }
        };
        let on_duty = duty.and_then(|duty| policy.on_duty(duty, self.at));
        let Some(to) = on_duty.filter(|to| who::could_be_reached(policy, self.request, to)) else {
            return self.tell(None, rung);
        };
        if self.told.contains(&to) && self.eligible().contains(&to) {
            return self.tell(Some(to), rung);
        }
        let waited = self.at.since(self.began);
        let whole = Length::from_millis(waited.millis() - waited.millis() % 1000);
        self.told.push(to.clone());
        self.reached.push(to.clone());
        let reason = format!("nobody decided for {whole}: the {word} on duty");
        Event::Routed { to, reason, rung: Some(rung) }
    }

    /// Moves the alerts when duty passed: whom it goes to may not decide any more, or was asked first and is not any more.
    fn pass(&mut self, since: Instant) {
        let eligible = self.eligible();
        let Some(first) = eligible.first().filter(|first| **first != self.holder).cloned() else { return };
        let was = who::eligible(self.facts.policy, self.request, since);
        let was_first = was.first().is_some_and(|(first, _)| *first == self.holder);
        if was_first || !eligible.contains(&self.holder) {
            self.events.push(Event::DutyPassed { from: self.holder.clone(), to: first });
        }
    }
}

//! The machine of the rules under random commands by anybody, at any time: what must hold after each step, whatever came.

mod steps;

use super::world::{World, fold};
use nightlatch::access::command::{Filing, Terms};
use nightlatch::access::due::{Phase, Wanted, due, own_end, phase, visits, wanted};
use nightlatch::access::event::{About, Verdict};
use nightlatch::access::window::End;
use nightlatch::access::{
    Actor, Asked, Code, Command, Event, Held, Refusal, Request, RequestNumber, State, Status, Via, overdue, status,
};
use nightlatch::policy::Capacity;
use nightlatch::text::{Instant, Length, PersonId};
use proptest::prelude::*;
use std::collections::BTreeMap;
use steps::{PEOPLE, REQUESTS, Step, What, actor, command, minutes, person, steps};

const POLICY: &str = include_str!("policy.toml");
/// What is remembered of a request from the step before.
struct Before {
    request: Request,
    status: Status,
    ended: bool,
}

/// Whether `who` may say yes to `request` now: written down once more, from the words of the rules.
fn eligible(world: &World, request: &Request, who: &PersonId) -> Option<Capacity> {
    let (policy, at) = (&world.policy, world.now.at);
    let system = &policy.systems[&request.ask.system];
    let own = |who: &PersonId| request.requester == *who || request.ask.user == *who;
    let alone = system.self_approval && !system.sensitive;
    if own(who) && !(alone && system.owner == *who) {
        return None;
    }
    let away = policy.on_leave(&system.owner, at) || (own(&system.owner) && !alone);
    let backup = policy.on_duty(&system.backup, at).as_ref() == Some(who);
    let lead = policy.leads.as_ref().and_then(|leads| policy.on_duty(leads, at)).as_ref() == Some(who);
    let stands = system.owner == *who || policy.is_backup(system, who) || lead;
    if system.owner == *who && !policy.on_leave(who, at) {
        Some(Capacity::Owner)
    } else if backup && (away || !policy.in_hours(system, at)) {
        Some(Capacity::Backup)
    } else if lead && policy.kinds.of(request.ask.kind).lead_may_approve {
        Some(Capacity::Lead)
    } else if stands && request.reached.contains(who) {
        Some(Capacity::Escalation)
    } else {
        None
    }
}

/// What each event must have been, seen from the request before it.
fn lawful(world: &World, before: Option<&Request>, actor: &Actor, event: &Event) -> Result<(), TestCaseError> {
    let at = world.now.at;
    let longest = |request: &Request, role: &str| {
        let system = &world.policy.systems[&request.ask.system];
        world.policy.longest(system.role(role).unwrap(), request.ask.kind)
    };
    let frozen = |request: &Request| {
        world.frozen.iter().any(|frozen| frozen.system.as_ref().is_none_or(|system| *system == request.ask.system))
    };
    if let (Event::Approved { decider, .. } | Event::Extended { decider, .. }, Some(request)) = (event, before) {
        let who = actor.person().expect("a person decides");
        prop_assert_eq!(eligible(world, request, who), Some(decider.capacity), "{} approved", who);
        prop_assert!(world.now.sane && !frozen(request), "approved while frozen or without a clock");
    }
    if let (Event::Denied { .. } | Event::SentBack { .. } | Event::ExtensionDenied { .. }, Some(request)) =
        (event, before)
    {
        prop_assert!(eligible(world, request, actor.person().unwrap()).is_some());
    }
    match (event, before) {
        (Event::Approved { window, role, .. }, Some(request)) => {
            prop_assert!(matches!(status(request, at), Status::Pending));
            let asked = request.ask.asked.window_if_approved(at);
            prop_assert!(window.from >= at && window.until > window.from);
            prop_assert!(window.length() <= asked.length(), "longer than asked");
            prop_assert!(window.length() <= longest(request, role.as_str()), "longer than allowed");
            if let End::Until(until) = request.ask.asked.end {
                prop_assert!(window.until <= until, "past its hard end");
            }
            let system = &world.policy.systems[&request.ask.system];
            let asked = system.role(request.ask.role.as_str()).unwrap();
            prop_assert!(asked.id == *role || asked.contains.contains(role), "wider than asked");
        }
        (Event::Extended { was, until, .. }, Some(request)) => {
            let held = request.held().unwrap();
            prop_assert_eq!(status(request, at), Status::Active);
            prop_assert_eq!(*was, held.window.until);
            prop_assert!(until > was && *until <= at.plus(longest(request, held.role.as_str())));
            let most = world.policy.kinds.of(request.ask.kind).extensions;
            prop_assert!(held.extended.len() < usize::try_from(most).unwrap(), "too many extensions");
        }
        (Event::Removed { observed, carried_by, .. }, Some(request)) => {
            prop_assert_eq!(status(request, at), Status::Ending);
            let absent = observed.as_ref().is_some_and(|observed| !observed.present);
            prop_assert!(absent != carried_by.is_some(), "removed without having been seen to be gone");
            if let Some(by) = carried_by {
                let by = world.requests[by].held().unwrap();
                prop_assert_eq!(&by.placement.access_key, &request.held().unwrap().placement.access_key);
                prop_assert!(by.closed.is_none() && at < by.end());
            }
        }
        (Event::CredentialHanded { .. }, Some(request)) => {
            prop_assert!(actor.person() == Some(&request.ask.user) && status(request, at) == Status::Active);
            prop_assert!(world.now.sane && !frozen(request));
        }
        // Nobody is alerted who cannot act, and no step falls due again.
        (Event::Told { to, about: About::Ask | About::Again, rung }, _) => {
            prop_assert!(
                rung.is_none_or(|rung| rung.due_at <= at && rung.next_at.is_none_or(|next| next > rung.due_at))
            );
            for who in to {
                let waiting = world.requests.values().any(|after| eligible(world, after, who).is_some());
                prop_assert!(waiting, "{} was alerted and cannot act", who);
            }
        }
        (Event::Routed { to, .. }, Some(request)) if *actor == Actor::Clock => {
            prop_assert!(request.requester != *to && request.ask.user != *to, "{} was routed their own", to);
        }
        (Event::Told { about: About::Ending | About::Overdue | About::Removed, .. }, Some(request)) => {
            told_of_held(world, request, event)?;
        }
        // Reported by whom it tells, and once; sent again, once more.
        (Event::Delivered { of, to, channel, fault }, Some(request)) => {
            let telling = request.told.iter().find(|telling| telling.seq == *of).unwrap();
            prop_assert_eq!(to.as_ref(), actor.person());
            prop_assert!(to.as_ref().map_or(*actor == Actor::Notifier, |to| telling.to.contains(to)));
            let before = telling.brought.iter().find(|brought| brought.to == *to && brought.channel == *channel);
            prop_assert!(before.is_none_or(|before| before.fault.is_some() && fault.is_none()), "reported twice");
        }
        (Event::Undone { .. }, Some(request)) => {
            let last = request.last_verdict.as_ref().unwrap();
            prop_assert!(actor.person() == Some(&last.by) && at.since(last.at) <= Length::from_seconds(60));
            prop_assert_eq!(last.seq, request.version);
            let waits_again = matches!(last.verdict, Verdict::Denied | Verdict::SentBack);
            prop_assert!(!waits_again || request.ask.undecided_until > at, "{} would lapse at once", request.number);
        }
        _ => {}
    }
    Ok(())
}

/// What is told of access that is held: by the words of the rules, once more.
fn told_of_held(world: &World, request: &Request, event: &Event) -> Result<(), TestCaseError> {
    let (policy, at) = (&world.policy, world.now.at);
    let Event::Told { to, about, rung } = event else { return Ok(()) };
    let held = request.held().unwrap();
    let (alarm, system) = (held.alarm.as_ref(), &policy.systems[&request.ask.system]);
    match about {
        About::Ending => {
            let rung = rung.unwrap();
            prop_assert_eq!(status(request, at), Status::Active);
            prop_assert!(to.iter().all(|who| [&request.requester, &request.ask.user].contains(&who)));
            let left = held.window.until.since(rung.due_at).seconds();
            prop_assert!([900, 300, 60].contains(&left) && rung.due_at <= at, "{} seconds before the end", left);
            prop_assert!(rung.due_at > held.granted.as_ref().unwrap().at, "before it was given");
            prop_assert!(held.ending.is_none_or(|told| rung.due_at > told), "told twice");
            // What was slept through is not told: no later mark fell due.
            prop_assert!(rung.next_at.is_none_or(|next| next > at));
        }
        About::Overdue => {
            let rung = rung.unwrap();
            prop_assert_eq!(status(request, at), Status::Ending);
            prop_assert!(rung.due_at >= held.end().plus(Length::from_seconds(60)) && rung.due_at <= at);
            prop_assert!(rung.next_at.is_some_and(|next| next > at), "two at once");
            prop_assert!(alarm.is_none_or(|alarm| rung.due_at > alarm.taken), "told twice");
            for who in to {
                let lead = policy.leads.as_ref().and_then(|leads| policy.on_duty(leads, at)).as_ref() == Some(who);
                let stands = system.owner == *who || policy.is_backup(system, who) || lead;
                let admin = policy.is(who, nightlatch::policy::Duty::Admin);
                prop_assert!(stands || admin || held.decision.by == *who, "{} was told and cannot end it", who);
                prop_assert!(alarm.is_none() || !request.acknowledged.contains(who), "{} wanted no more", who);
            }
        }
        _ => {
            prop_assert!(!to.is_empty() && to.iter().all(|who| alarm.is_some_and(|alarm| alarm.told.contains(who))));
        }
    }
    Ok(())
}

/// Its events alone make it, and it is read as it was written.
fn folded(world: &World, request: &Request) -> Result<(), TestCaseError> {
    let again = world.record.iter().filter(|written| written.number == Some(request.number)).fold(None, fold);
    prop_assert_eq!(again.as_ref(), Some(request), "the fold of its events is another");
    let text = serde_json::to_string(request).unwrap();
    prop_assert_eq!(&serde_json::from_str::<Request>(&text).unwrap(), request);
    Ok(())
}

/// What holds of every request at every time.
fn sound(world: &World, request: &Request) -> Result<(), TestCaseError> {
    let at = world.now.at;
    let mine = || world.record.iter().filter(|written| written.number == Some(request.number));
    let material = mine().rfind(|written| written.event.material()).unwrap();
    prop_assert_eq!(request.version, material.seq);
    prop_assert_eq!(request.seq, mine().next_back().unwrap().seq);

    let standing = status(request, at);
    let asking = matches!(request.state, State::Pending | State::SentBack(_));
    prop_assert_eq!(phase(request) == Phase::Asking, asking);
    prop_assert_eq!(due(request).is_some(), asking);
    if let Some(due) = due(request) {
        prop_assert_eq!(standing == Status::Lapsed, at >= due);
    }
    let Some(held) = request.held() else {
        prop_assert_eq!(wanted(request, at), None);
        prop_assert!(!overdue(request, at));
        return Ok(());
    };
    prop_assert!(mine().any(|written| matches!(written.event, Event::Approved { .. })), "held without an approval");
    let open = held.closed.is_none();
    prop_assert_eq!(phase(request) == Phase::Held, open);
    prop_assert_eq!(wanted(request, at).is_some(), open);
    for later in [at, held.end(), held.window.until, minutes(held.window.until, 60 * 24 * 365)] {
        if later >= held.end() {
            prop_assert!(matches!(wanted(request, later), Some(Wanted::Absent) | None), "wanted after its end");
            prop_assert!(status(request, later) == Status::Ending || !open);
        }
    }
    match standing {
        Status::Active => {
            prop_assert!(held.window.from <= at && at < held.window.until && held.ended.is_none());
            let seen = |event: &Event| matches!(event, Event::Granted { observed, .. } if observed.present);
            prop_assert!(mine().any(|written| seen(&written.event)), "active, and never seen to be there");
        }
        Status::Removed | Status::Failed => prop_assert!(held.closed.is_some() && !overdue(request, at)),
        Status::Ending => prop_assert!(at >= held.end()),
        _ => prop_assert!(!overdue(request, at)),
    }
    visited(world, request, held)
}

/// The target is visited when it has to be: at once for what has to go, never at once for what stands as it should.
fn visited(world: &World, request: &Request, held: &Held) -> Result<(), TestCaseError> {
    let at = world.now.at;
    let key = &held.placement.access_key;
    let on_key = |other: &&Request| other.held().is_some_and(|held| held.placement.access_key == *key);
    let all: Vec<&Request> = world.requests.values().filter(on_key).collect();
    let first = visits(&all.iter().filter_map(|request| request.held()).collect::<Vec<_>>(), at).into_iter().min();
    let ends: Vec<Wanted> = all.iter().filter_map(|request| wanted(request, at)).collect();
    prop_assert_eq!(first.is_some(), !ends.is_empty(), "an open one is visited, a closed one is not");
    let latest =
        ends.iter().filter_map(|want| if let Wanted::Present(until) = want { Some(*until) } else { None }).max();
    let as_it_should = all.iter().filter(|other| matches!(wanted(other, at), Some(Wanted::Present(_)))).all(|other| {
        other.held().is_some_and(|held| {
            let told = held.granted.as_ref().is_some_and(|given| Some(given.until) == latest);
            told && own_end(held).is_none_or(|own| own > at)
        })
    });
    let now = ends.contains(&Wanted::Absent) || !as_it_should;
    prop_assert_eq!(first.is_some_and(|first| first <= at), now, "{} at {}", request.number, at);
    Ok(())
}

/// What may not come back.
fn nothing_returns(world: &World, before: &Before, undone: bool) -> Result<(), TestCaseError> {
    let after = &world.requests[&before.request.number];
    let standing = status(after, world.now.at);
    if before.status.is_over() && !undone {
        prop_assert_eq!(standing, before.status);
    }
    if before.ended {
        prop_assert!(
            matches!(standing, Status::Ending | Status::Removed | Status::Failed),
            "it came back: {}",
            standing
        );
    }
    Ok(())
}

/// Every verb that is offered works, and every one that is not is refused with the same code.
fn offered(world: &World, actor: &Actor, request: &Request) -> Result<(), TestCaseError> {
    use Code::{BadWindow, CheckFailed, MayNotAsk, NoMoreExtensions, PolicyMoved, TooLong, Unknown, WrongState};
    let at = world.now.at;
    let on = request.number;
    let (as_of, words) = (request.version, "ok".to_owned());
    for (verb, refusal) in world.may(actor, on) {
        let mut beyond: &[Code] = &[];
        let command = match verb.as_str() {
            "approve" => {
                let extension = request.held().is_some();
                let terms = if extension {
                    Terms::default()
                } else {
                    Terms { length: Some(Length::from_millis(1)), ..Terms::default() }
                };
                beyond = if extension {
                    &[TooLong, BadWindow, NoMoreExtensions]
                } else {
                    &[CheckFailed, PolicyMoved, WrongState]
                };
                let prepared = world.prepare_approval(on, &terms);
                Command::Approve { as_of, unseen: false, terms, words: Some(words.clone()), prepared }
            }
            "deny" => Command::Deny { as_of: Some(as_of), words: words.clone() },
            "send-back" => Command::SendBack { as_of: None, words: words.clone(), codes: Vec::new() },
            "claim" => Command::Claim { release: false },
            "undo" => Command::Undo,
            "extend" => {
                beyond = &[TooLong];
                let later = request.held().map_or(at, |held| held.window.until.plus(Length::from_millis(1)));
                let asked = Asked { from: None, end: End::Until(later) };
                let text = || words.clone();
                Command::Extend { as_of, asked, done: text(), remaining: text(), approver: person("sam") }
            }
            "revoke" => Command::Revoke { words: words.clone() },
            "hand-back" => Command::HandBack { changed: None, checked: None, follow_up: None },
            "amend" => {
                beyond = &[MayNotAsk, Unknown];
                let ask = request.ask.clone();
                let filing = Filing {
                    system: ask.system,
                    role: ask.role,
                    task: "another task; done when it is done".into(),
                    asked: Asked { from: None, end: End::For(Length::from_minutes(5)) },
                    kind: ask.kind,
                    ticket: ask.ticket,
                    user: ask.user,
                    approver: ask.approver,
                };
                let prepared = world.prepare(&request.requester, &filing, Some(on));
                Command::Amend { filing, anyway: true, prepared, task_changed: true }
            }
            "withdraw" => Command::Withdraw,
            "note" => Command::Note { words: words.clone() },
            "connect" => Command::Collect,
            "retry" => Command::Retry,
            "hand-over" => Command::HandOver { to: person("kim") },
            "removal-confirm" => Command::Attest { words: words.clone() },
            other => return Err(TestCaseError::fail(format!("{other} is a verb without a command here"))),
        };
        let answer = world
            .facts(Some(on), None, |facts| nightlatch::access::decide(facts, actor, &command, world.now).map(drop));
        let code = |refusal: &Refusal| refusal.code;
        match (refusal.as_ref().map(code), answer.as_ref().err().map(code)) {
            (None, Some(code)) => prop_assert!(beyond.contains(&code), "{} {} was offered: {:?}", actor, verb, answer),
            (offered, came) => prop_assert_eq!(offered, came, "{} {}", actor, verb),
        }
    }
    Ok(())
}

fn run(steps: &[Step]) -> Result<(), TestCaseError> {
    let mut world = World::new(POLICY, Instant::parse_rfc3339("2026-11-24T10:00:00Z").unwrap());
    for step in steps {
        let before: BTreeMap<RequestNumber, Before> = world
            .requests
            .values()
            .map(|request| {
                let ended = request.held().is_some_and(|held| world.now.at >= held.end());
                (request.number, Before { request: request.clone(), status: status(request, world.now.at), ended })
            })
            .collect();
        world.now.at = world.now.at.plus(Length::from_seconds(step.after));
        let on = RequestNumber(101 + i64::try_from(step.on % world.requests.len().max(1)).unwrap());
        let by = actor(&world, step.who, world.requests.get(&on));
        let written = world.record.len();
        match &step.what {
            What::Sane(sane) => world.now.sane = *sane,
            What::Policy(strict) => {
                let text = if *strict { POLICY.replace("self_approval = true", "") } else { POLICY.to_owned() };
                world.rule(&text);
            }
            What::Routed(to) if world.requests.contains_key(&on) => {
                world.write(
                    Some(on),
                    &Actor::Clock,
                    Event::Routed { to: person(PEOPLE[*to]), reason: "late".into(), rung: None },
                );
            }
            What::File { .. } if world.requests.len() >= REQUESTS => {}
            what => {
                if let Some(command) = command(&mut world, &by, on, what) {
                    let request = world.requests.get(&on).cloned();
                    let stale = matches!(
                        what,
                        What::Granted { stale: true, .. }
                            | What::Failed { stale: true, .. }
                            | What::Absent { stale: true, late: None, .. }
                    );
                    let frozen = world.frozen.clone();
                    match world.act(&by, Some(on), &command) {
                        Ok(events) => {
                            prop_assert!(!stale, "a stale report was taken: {:?}", events);
                            prop_assert_eq!(world.record.len(), written + events.len());
                            let after = std::mem::replace(&mut world.frozen, frozen);
                            for event in &events {
                                let request = request.as_ref().filter(|_| !matches!(event, Event::Filed { .. }));
                                lawful(&world, request, &by, event)?;
                            }
                            world.frozen = after;
                        }
                        Err(refusal) => {
                            prop_assert_eq!(world.record.len(), written, "refused, and written: {}", refusal);
                            prop_assert!(!refusal.sentence.is_empty() && !refusal.hint.is_empty());
                        }
                    }
                }
            }
        }
        let new = &world.record[written..];
        for line in new {
            let text = serde_json::to_string(&line.event).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Event>(&text).unwrap(), &line.event);
        }
        let undone =
            |number| new.iter().any(|line| line.number == Some(number) && matches!(line.event, Event::Undone { .. }));
        for (number, before) in &before {
            nothing_returns(&world, before, undone(*number))?;
        }
        for request in world.requests.values() {
            sound(&world, request)?;
            if new.iter().any(|line| line.number == Some(request.number)) {
                folded(&world, request)?;
            }
        }
        let anybody = Actor::Person(person(PEOPLE[step.on * 7 % PEOPLE.len()]), Via::Token);
        if let Some(request) = world.requests.get(&on) {
            offered(&world, &by, request)?;
            offered(&world, &anybody, request)?;
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_anybody_does_the_rules_hold(steps in steps()) {
        run(&steps)?;
    }
}

/// Random steps that reach nothing prove nothing.
#[test]
fn the_steps_reach_everything() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut reached: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..300 {
        let steps = steps().new_tree(&mut runner).unwrap().current();
        run_and_count(&steps, &mut reached);
    }
    let wanted = [
        "filed",
        "amended",
        "sent-back",
        "approved",
        "denied",
        "withdrawn",
        "lapsed",
        "claimed",
        "noted",
        "extension-asked",
        "extended",
        "extension-denied",
        "revoked",
        "handed-back",
        "undone",
        "granted",
        "grant-failed",
        "credential-handed",
        "removed",
        "removal-failed",
        "attested",
        "drifted",
        "handed-over",
        "retried",
        "routed",
        "told ending",
        "told overdue",
        "told removed",
        "delivered",
    ];
    let missing: Vec<&str> = wanted.into_iter().filter(|kind| !reached.contains_key(*kind)).collect();
    assert!(missing.is_empty(), "never reached: {missing:?}; reached: {reached:?}");
}

fn run_and_count(steps: &[Step], reached: &mut BTreeMap<String, usize>) {
    let mut world = World::new(POLICY, Instant::parse_rfc3339("2026-11-24T10:00:00Z").unwrap());
    for step in steps {
        world.now.at = world.now.at.plus(Length::from_seconds(step.after));
        let on = RequestNumber(101 + i64::try_from(step.on % world.requests.len().max(1)).unwrap());
        let by = actor(&world, step.who, world.requests.get(&on));
        if let What::Routed(to) = &step.what {
            world.write(Some(on), &by, Event::Routed { to: person(PEOPLE[*to]), reason: "late".into(), rung: None });
        } else if let Some(command) = command(&mut world, &by, on, &step.what) {
            drop(world.act(&by, Some(on), &command));
        }
    }
    for line in &world.record {
        let mut kind = serde_json::to_value(&line.event).unwrap()["kind"].as_str().unwrap().to_owned();
        if let Event::Told { about, .. } = &line.event {
            kind = format!("{kind} {}", serde_json::to_value(about).unwrap().as_str().unwrap());
        }
        *reached.entry(kind).or_default() += 1;
    }
}

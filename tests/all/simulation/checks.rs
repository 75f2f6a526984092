//! What must be so after every step, whatever happened.

use super::sql::{Line, Tables};
use super::target::Verb as Call;
use super::world::{STORE_ID, World, cell, requests, rules};
use nightlatch::access::event::About;
use nightlatch::access::facts::Facts;
use nightlatch::access::{Actor, Command, Event, Now, Request, State, Status, Subject, apply, decide, due, status};
use nightlatch::service::Fault;
use nightlatch::store::Stored;
use nightlatch::text::{Instant, Length, PersonId};
use nightlatch::trail::Record;
use nightlatch::trail::verify::Chain;
use std::collections::{BTreeMap, BTreeSet};

/// The provisioner's bound, in milliseconds.
const BOUND: i64 = 5_000;
/// I15: with everything healthy again, each overdue removal is confirmed within this.
const HEALED: i64 = 60_000;

/// What was looked at so far.
pub struct Seen {
    seq: i64,
    chain: Chain,
    folds: BTreeMap<i64, Request>,
    /// When each request was first seen to be due while all was well.
    answered: usize,
    /// The steps that were told: of which request and version, about what, which, when due.
    steps: BTreeSet<(i64, i64, String, u32, Instant)>,
    /// Since when somebody should have been told of what, by its request.
    left_out: BTreeMap<i64, i64>,
}

type Checked = Result<(), String>;

macro_rules! must {
    ($so:expr, $($what:tt)+) => {
        if !$so {
            return Err(format!($($what)+));
        }
    };
}

impl Seen {
    pub fn new() -> Self {
        Self {
            seq: 0,
            chain: Chain::new(STORE_ID),
            folds: BTreeMap::new(),
            answered: 0,
            steps: BTreeSet::new(),
            left_out: BTreeMap::new(),
        }
    }

    /// Looks at every answer again.
    pub fn again(&mut self) {
        self.answered = usize::MAX;
    }

    /// Everything, after a step. `fresh` events are told to the trace.
    pub fn check(&mut self, world: &mut World) -> Checked {
        let tables = world.database.lock().unwrap().tables.clone();
        self.trail(&tables, world)?;
        self.rows(&tables)?;
        calls(&tables, world)?;
        access(&tables, world)?;
        self.deeds(&tables, world)?;
        missed(&tables, world)?;
        self.untold(&tables, world)
    }

    /// I5, I6, I2, I3: dense, one head, each event linked, each verdict by somebody who may.
    fn trail(&mut self, tables: &Tables, world: &mut World) -> Checked {
        let table = &tables["event"];
        let head_table = &tables["head"];
        let head = head_table.rows.values().next().unwrap();
        must!(
            i64::try_from(table.rows.len()) == Ok(cell(head_table, head, "seq").int()),
            "I5: the head does not count the events"
        );
        for row in table.rows.values().skip(usize::try_from(self.seq).unwrap()) {
            let stored = Stored {
                seq: cell(table, row, "seq").int(),
                at: Instant::from_millis(cell(table, row, "at").int()),
                subject: cell(table, row, "subject").text().to_owned(),
                kind: cell(table, row, "kind").text().to_owned(),
                actor: cell(table, row, "actor").text().to_owned(),
                policy: cell(table, row, "policy").text().to_owned(),
                body: cell(table, row, "body").text().to_owned(),
                link: cell(table, row, "link").text().parse().map_err(|_| "a link is none".to_owned())?,
            };
            must!(stored.seq == self.seq + 1, "I5: event {} follows {}", stored.seq, self.seq);
            self.seq = stored.seq;
            let record = Record {
                store_id: STORE_ID,
                seq: stored.seq.unsigned_abs(),
                at_millis: stored.at.millis(),
                subject: &stored.subject,
                kind: &stored.kind,
                actor: &stored.actor,
                policy: &stored.policy,
                body: &stored.body,
                prev: self.chain.head(),
            };
            self.chain.push(&record, stored.link).map_err(|broken| format!("I5: {broken}"))?;
            world.say(format!("    {} {} {} by {}", stored.seq, stored.subject, stored.kind, stored.actor));
            let told = stored.told().map_err(|fault| fault.to_string())?;
            if let Subject::Request(number) = told.subject {
                let before = self.folds.remove(&number.0);
                lawful(before.as_ref(), &told.event, &told.actor.id(), told.at, world.far())?;
                if let Some(request) = &before {
                    self.tellings(request, &told.event, told.at)?;
                }
                if let Some(after) = apply(before, number, &told.event, told.place()) {
                    self.folds.insert(number.0, after);
                }
            }
        }
        let link = cell(head_table, head, "link").text();
        must!(self.chain.head().to_string() == link, "I5: the head's link is not the last event's");
        Ok(())
    }

    /// Each step is told once, and nobody of what is no matter of theirs.
    fn tellings(&mut self, request: &Request, event: &Event, at: Instant) -> Checked {
        let (to, about, rung) = match event {
            Event::Told { to, about, rung } => (to.as_slice(), Some(*about), rung.as_ref()),
            Event::Routed { to, rung, .. } => (std::slice::from_ref(to), None, rung.as_ref()),
            _ => return Ok(()),
        };
        // What a clock that had leapt forward told of too soon is told again when it comes.
        if let Some(rung) = rung.filter(|rung| rung.due_at <= at) {
            let what = format!("{} {about:?}", rung.extension);
            let step = (request.number.0, request.version, what, rung.step, rung.due_at);
            must!(self.steps.insert(step), "{}: step {} was told twice: {event:?}", request.number, rung.step);
        }
        let concerned = |who: &PersonId| [&request.requester, &request.ask.user].contains(&who);
        let decides = |who: &PersonId| ["sam", "li", "lea"].contains(&who.as_str());
        for who in to {
            let theirs = match about {
                None | Some(About::Ask | About::Again | About::Changed) => decides(who) && !concerned(who),
                Some(About::Overdue | About::Removed) => decides(who),
                Some(About::Ending | About::Ready | About::Failed | About::Unanswered | About::Lapsing) => {
                    concerned(who)
                }
                Some(About::Decided | About::Lapsed | About::Ended) => decides(who) || concerned(who),
            };
            must!(theirs, "{}: {who} is told of what is no matter of theirs: {event:?}", request.number);
        }
        Ok(())
    }

    /// No step of a ladder, no end that is near and no overdue removal is left untold by a tick that could tell of it.
    fn untold(&mut self, tables: &Tables, world: &World) -> Checked {
        let calm = world.at >= world.calm_since + 2_000;
        let Some(now) = world.sane_now().filter(|_| calm) else {
            self.left_out.clear();
            return Ok(());
        };
        let late = now.minus(Length::from_millis(1_600));
        for request in requests(tables) {
            let Some(what) = left_out(&request, now, late)? else {
                self.left_out.remove(&request.number.0);
                continue;
            };
            // One that starts just now tells with its next tick.
            let since = *self.left_out.entry(request.number.0).or_insert(world.at);
            must!(world.at < since + 2_000, "{}: {what}, and it is {now}", request.number);
        }
        Ok(())
    }

    /// Fold = row.
    fn rows(&self, tables: &Tables) -> Checked {
        let rows = requests(tables);
        must!(rows.len() == self.folds.len(), "{} rows and {} folds", rows.len(), self.folds.len());
        for row in rows {
            must!(
                self.folds.get(&row.number.0) == Some(&*row),
                "{}: the row is not what its events make it",
                row.number
            );
        }
        Ok(())
    }

    /// I4, I5, I9: what was acknowledged stands, once, under its key.
    fn deeds(&mut self, tables: &Tables, world: &World) -> Checked {
        let answered = world.sent.iter().filter(|sent| sent.answer.is_some()).count();
        if answered == self.answered {
            return Ok(());
        }
        self.answered = answered;
        let keys = &tables["command_key"];
        let row_of = |who: &str, key: &str| {
            keys.rows
                .values()
                .find(|row| cell(keys, row, "actor").text() == who && cell(keys, row, "key").text() == key)
        };
        for (place, sent) in world.sent.iter().enumerate() {
            let Some(answer) = &sent.answer else { continue };
            let deed = &sent.deed;
            let row = row_of(deed.who, &deed.key.key);
            match answer {
                Ok(Some(id)) => {
                    let Some(row) = row else { return Err(format!("I4: #{place} was acknowledged and is lost")) };
                    let of = cell(keys, row, "request").int();
                    must!(of == *id, "I9: #{place} was answered with {id} and is about {of}");
                    must!(
                        cell(keys, row, "body_hash").text() == deed.key.body_hash,
                        "I9: #{place}: another body was taken"
                    );
                    let seq = cell(keys, row, "seq").int();
                    must!(seq <= self.seq, "I4: #{place} points behind the head");
                }
                Err(Fault::Broken(sentence)) if !sentence.contains("committing") => {
                    return Err(format!("#{place} met a fault of ours: {sentence}"));
                }
                Ok(None) | Err(_) => {}
            }
            if let Some(first) = sent.again
                && let (Some(Ok(Some(one))), Ok(Some(two))) = (&world.sent[first].answer, answer)
            {
                must!(!deed.forged, "I9: #{place}: another body under a known key was taken");
                must!(one == two, "I9: #{place}: {two} instead of {one}");
            }
        }
        once(tables)
    }
}

/// The kinds of events that say who is told of what.
const TELLING: [&str; 3] = ["told", "routed", "duty-passed"];

/// I5: each thing that a person did stands under one key, and each key for one thing.
fn once(tables: &Tables) -> Checked {
    let (keys, events) = (&tables["command_key"], &tables["event"]);
    let mut under = BTreeSet::new();
    for row in keys.rows.values() {
        under.insert((cell(keys, row, "actor").text().to_owned(), cell(keys, row, "seq").int()));
    }
    for row in events.rows.values() {
        let (seq, actor) = (cell(events, row, "seq").int(), cell(events, row, "actor").text());
        let Some((person, "socket")) = actor.split_once(' ') else { continue };
        let kind = cell(events, row, "kind").text();
        if kind == "refused" || kind == "policy-changed" || TELLING.contains(&kind) {
            continue;
        }
        // Who is told of it is written down with it, and the key stands at the last of them.
        let at = |seq: i64| events.rows.values().find(|row| cell(events, row, "seq").int() == seq);
        let telling = |seq: &i64| {
            at(*seq).is_some_and(|row| {
                cell(events, row, "actor").text() == actor && TELLING.contains(&cell(events, row, "kind").text())
            })
        };
        let last = (seq + 1..=seq + 64).take_while(telling).last().unwrap_or(seq);
        must!(under.contains(&(person.to_owned(), last)), "I5: event {seq} ({kind} by {person}) stands under no key");
    }
    Ok(())
}

/// Whether this may follow: one verdict on what waits (I6), by somebody eligible (I2), about somebody else (I3).
fn lawful(before: Option<&Request>, event: &Event, by: &str, at: Instant, judged: Instant) -> Checked {
    let Some(request) = before else {
        must!(matches!(event, Event::Filed { .. }), "a request begins with {event:?}");
        return Ok(());
    };
    let eligible = || -> Checked {
        let person = by.parse().map_err(|_| format!("I2: decided by {by}"))?;
        let concerned = [&request.requester, &request.ask.user];
        must!(!concerned.contains(&&person), "I3: {by} decided about {}, which is their own", request.number);
        let system = &rules().systems[&request.ask.system];
        let found = rules().eligible_without(system, request.ask.kind, at, &concerned);
        let may = found.iter().any(|(who, _)| *who == person) || request.reached.contains(&person);
        must!(may, "I2: {by} decided about {} and is not eligible", request.number);
        Ok(())
    };
    match event {
        Event::Approved { window, .. } => {
            must!(matches!(request.state, State::Pending), "I6: {} was decided twice", request.number);
            must!(window.until > at, "I11: {} was approved past its end", request.number);
            eligible()
        }
        Event::Denied { .. } => {
            must!(matches!(request.state, State::Pending), "I6: {} was decided twice", request.number);
            eligible()
        }
        Event::Extended { .. } => {
            must!(status(request, at) != Status::Ending, "I11: {} was extended past its end", request.number);
            eligible()
        }
        Event::Removed { observed, carried_by, .. } => {
            let held = request.held().ok_or("removed, and never held")?;
            must!(judged >= held.end(), "I8: {} was removed before its end", request.number);
            let seen = observed.as_ref().is_some_and(|seen| !seen.present);
            must!(seen || carried_by.is_some(), "{} was removed, and nobody looked", request.number);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// I10, I11: nothing is granted without the lease, nor without a request that is held.
fn calls(tables: &Tables, world: &mut World) -> Checked {
    let begun = std::mem::take(&mut world.model.lock().unwrap().begun);
    let agreed = world.agreed();
    let work = &tables["work"];
    for call in begun.into_iter().filter(|call| call.verb == Call::Grant) {
        for (key, number) in call.keys.iter().zip(&call.numbers) {
            let row = work.rows.values().find(|row| cell(work, row, "access_key").text() == key);
            let holder = row.and_then(|row| cell(work, row, "replica").opt_text().map(str::to_owned));
            let other = holder.filter(|holder| *holder != call.replica);
            must!(
                other.is_none() || !agreed,
                "I10: {} granted {key}, which {other:?} has; {}",
                call.replica,
                world.clocks()
            );
            let held = requests(tables)
                .into_iter()
                .any(|request| request.number.0.unsigned_abs() == *number && request.held().is_some());
            must!(held, "I2: {key} was granted in {} without an approval", call.target);
        }
    }
    Ok(())
}

/// I1, I8, I15: no access past its end, and none that no request explains.
fn access(tables: &Tables, world: &World) -> Checked {
    let model = world.model.lock().unwrap();
    let rows = requests(tables);
    for (key, access) in model.alive() {
        let open = rows.iter().filter(|request| {
            request.held().is_some_and(|held| held.closed.is_none() && held.placement.access_key == *key)
        });
        let Some(end) = open.filter_map(|request| request.held().map(|held| held.end().millis())).max() else {
            // Where the replicas' clocks disagree, one may remove what the other is giving: it is taken back then, or, where the
            // other died over it, reported by the next sweep (I12).
            let told = !world.settled() || reported(tables, &access.mark);
            must!(told, "I1: {key} ({}) is there, its record is closed, and nobody said so", access.mark);
            continue;
        };
        let end = end + world.behind();
        let limit =
            if world.calm_since + 20_000 < end { end + BOUND } else { (end + BOUND).max(world.calm_since + HEALED) };
        must!(
            world.at <= limit,
            "I1: {key} is there at {}, its end was {}, and all was well since {}; {:?}, {}",
            Instant::from_millis(world.at),
            Instant::from_millis(end),
            Instant::from_millis(world.calm_since),
            tables["work"].rows.values().collect::<Vec<_>>(),
            world.clocks()
        );
    }
    if world.at < world.calm_since + HEALED {
        return Ok(());
    }
    // I8: what is active is there, but for what was taken out under a wrong clock while the giving is stopped.
    for request in rows.iter().filter(|request| status(request, world.far()) == Status::Active) {
        let key = &request.held().unwrap().placement.access_key;
        let there = model.access.get(key).is_some_and(|access| access.present);
        must!(
            there || world.stopped(),
            "I8: {} is active, and {key} is not there at {}; all was well since {}",
            request.number,
            Instant::from_millis(world.at),
            Instant::from_millis(world.calm_since)
        );
    }
    Ok(())
}

/// Whether somebody wrote down that access with this mark is there without a reason.
pub fn reported(tables: &Tables, mark: &str) -> bool {
    let events = &tables["event"];
    let says =
        |row: &Line| cell(events, row, "kind").text() == "stray" && cell(events, row, "body").text().contains(mark);
    events.rows.values().any(says)
}

/// What is due is never missed: with all well for a while, nothing overdue lies unleased.
pub fn missed(tables: &Tables, world: &World) -> Checked {
    if world.at < world.calm_since + 2_000 {
        return Ok(());
    }
    let Some(now) = world.sane_now() else { return Ok(()) };
    let work = &tables["work"];
    let late = now.minus(Length::from_millis(1_600));
    for row in work.rows.values() {
        let next = Instant::from_millis(cell(work, row, "next_at").int());
        let key = cell(work, row, "access_key").text();
        let removal = cell(work, row, "ends_at").int() <= late.millis();
        must!(
            next > late || (!removal && world.stopped()),
            "due: {key} was due at {next}, and it is {now}; removal {removal}, lease of {:?}, {}",
            cell(work, row, "replica").opt_text(),
            world.clocks()
        );
    }
    for request in requests(tables) {
        if let Some(at) = due::due(&request) {
            must!(at > late, "due: {} should have lapsed at {at}, and it is {now}", request.number);
        }
    }
    Ok(())
}

/// What somebody should have been told of by `late`, if there is something.
fn left_out(request: &Request, now: Instant, late: Instant) -> Result<Option<String>, String> {
    // Written down once more: a minute after the end somebody knows.
    let overdue =
        request.held().filter(|held| held.closed.is_none() && held.end().plus(Length::from_seconds(60)) < late);
    if overdue.is_some_and(|held| held.alarm.is_none()) {
        return Ok(Some("it is overdue since a minute".into()));
    }
    let Some(looks) = due::looks(request, now).filter(|looks| *looks <= late) else { return Ok(None) };
    let facts = Facts::about((rules(), "the only one"), request, &[]);
    let left = decide(&facts, &Actor::Clock, &Command::Escalate, Now { at: now, sane: true });
    let left = left.map_err(|refusal| refusal.sentence)?;
    Ok((!left.is_empty()).then(|| format!("since {looks} it should have told {left:?}")))
}

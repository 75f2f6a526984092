//! One line of a story: `[at [DATE] TIME] [on NUMBER] WHO [by WAY] DOES … -> EXPECTED, EXPECTED …`.
//!
//! Without a time it happens at the time of the line before; without a number, to the request filed last. What a person does:
//! `files ROLE on SYSTEM WINDOW …`, `amends …` (`role`, `for`, `until`, `from`, `as KIND`, `ticket`, `to`, `user`, `task "…"`,
//! `anyway`), `withdraws`, `approves …` (`for`, `until`, `from`, `role`, `words "…"`, `as-of SEQ`, `worked-out-before`),
//! `denies`, `sends-back`, `claims`, `releases`, `acks`, `notes`, `extends for|until …`, `hands-back`, `revokes`, `undoes`,
//! `retries`, `reports CHANNEL [failed "…"] [of SEQ]` (the last telling; the `notifier` does, too), `hands-over-to P`, `attests`, `collects`, `freezes SYSTEM|everything`, `thaws …`, `may VERB`.
//! Others: `reconciler grants|removes|fails "…" [useless] [N times]|contradicts|carries-by N|drifts|misses`, each with `stale`, or
//! `late [unaware] SINCE` for what a spool brings (`unaware` of what was read there since); `clock lapses|escalates|ends-by-policy|is-insane|is-sane`; `escalation reaches P`;
//! `policy replaces "old" with "new"|gives P the-email-of P`; `it` does nothing and is only looked at.
//!
//! What is expected: the kinds of the events (`approved`, `filed + noted`), `nothing`, `yes` or `refused CODE`; `saying "…"`,
//! `status S`, `from T`, `until T`, `if-approved-now T`, `role R`, `as CAPACITY`, `self`, `overdue`, `not-overdue`,
//! `wanted absent|later|nothing|until T`, `visited T`, `lapses T`, `check CODE VERDICT`, `goes-to P`, `carried-by N`; of the ladder: `tells P … about ABOUT` (`routed`, `duty`), `step N`,
//! `looks T|never`, `with P`. A `told` after what was done need not be expected.

use super::words::{Told, Words};
use crate::world::{World, usual_kind};
use chrono_tz::Tz;
use nightlatch::access::command::{Filing, Outcome, Prepared, Report, Spooled, Terms};
use nightlatch::access::due::{Wanted, visits, wanted};
use nightlatch::access::status::lapses_at;
use nightlatch::access::window::End;
use nightlatch::access::{Actor, Asked, Command, Event, Held, Refusal, Request, RequestNumber, Via, overdue, status};
use nightlatch::text::instant::resolve;
use nightlatch::text::{Instant, Length, PersonId};

/// Where a story is played.
pub struct Stage {
    world: World,
    zone: Tz,
    date: String,
    last: RequestNumber,
}

/// What came of a line.
struct Came {
    events: Vec<Event>,
    refusal: Option<Refusal>,
}

impl Stage {
    pub fn new(world: World, zone: Tz, date: &str) -> Self {
        Self { world, zone, date: date.to_owned(), last: RequestNumber(101) }
    }

    pub fn line(&mut self, line: &str) -> Told<()> {
        let (does, expected) = line.split_once(" -> ").ok_or("there is no \" -> \" with what is expected")?;
        let mut words = Words::of(does);
        if words.take("at") {
            let at = self.day_and_time(&mut words)?;
            self.world.now.at = resolve(&at, self.zone, self.world.now.at).map_err(|bad| bad.to_string())?.at;
        }
        let on = if words.take("on") { RequestNumber(words.parsed()?) } else { self.last };
        let who = words.next()?;
        let came = self.does(&who, on, &mut words)?;
        words.end()?;
        let on = if came.events.iter().any(|event| matches!(event, Event::Filed { .. })) { self.last } else { on };
        // A comma inside of a quoted text does not part.
        let mut quoted = false;
        for (first, term) in expected
            .split(|c: char| {
                quoted ^= c == '"';
                c == ',' && !quoted
            })
            .enumerate()
            .map(|(at, term)| (at == 0, term))
        {
            self.expect(on, &came, &mut Words::of(term), first && who != "it")?;
        }
        Ok(())
    }

    /// A time of the current day, or a day that becomes the current one and a time.
    fn day_and_time(&mut self, words: &mut Words) -> Told<String> {
        let mut time = words.next()?;
        if time.contains('-') {
            self.date = time;
            time = words.next()?;
        }
        Ok(format!("{} {time}", self.date))
    }

    /// The next such time, or a day and a time.
    fn instant(&self, words: &mut Words) -> Told<Instant> {
        let mut text = words.next()?;
        if text.contains('-') {
            text = format!("{text} {}", words.next()?);
        }
        Ok(resolve(&text, self.zone, self.world.now.at).map_err(|bad| bad.to_string())?.at)
    }

    fn request(&self, on: RequestNumber) -> Told<&Request> {
        self.world.requests.get(&on).ok_or_else(|| format!("there is no {on}"))
    }

    fn does(&mut self, who: &str, on: RequestNumber, words: &mut Words) -> Told<Came> {
        match who {
            "it" => Ok(Came { events: Vec::new(), refusal: None }),
            "reconciler" => self.reconciler(on, words),
            "notifier" => {
                let command =
                    if words.take("reports") { self.reports(on, words)? } else { return Err("reports what?".into()) };
                Ok(self.act(&Actor::Notifier, on, &command))
            }
            "clock" => self.clock(on, words),
            "escalation" => {
                let to: PersonId =
                    if words.take("reaches") { words.parsed()? } else { return Err("reaches whom?".into()) };
                let event = Event::Routed { to, reason: "nobody answered".into(), rung: None };
                self.world.write(Some(on), &Actor::Clock, event.clone());
                Ok(Came { events: vec![event], refusal: None })
            }
            "policy" => self.policy(words),
            person => {
                let person: PersonId = person.parse().map_err(|bad| format!("{bad}"))?;
                let way = if words.take("by") { words.next()? } else { "socket".into() };
                let via = match way.as_str() {
                    "socket" => Via::Socket,
                    "token" => Via::Token,
                    "session" => Via::Session,
                    "chat" => Via::Chat,
                    other => return Err(format!("{other} is no way in")),
                };
                self.person(&person, via, on, words)
            }
        }
    }

    fn act(&mut self, actor: &Actor, on: RequestNumber, command: &Command) -> Came {
        match self.world.act(actor, Some(on), command) {
            Ok(events) => Came { events, refusal: None },
            Err(refusal) => Came { events: Vec::new(), refusal: Some(refusal) },
        }
    }

    fn policy(&mut self, words: &mut Words) -> Told<Came> {
        if words.take("replaces") {
            // A backtick stands for a quote.
            let quoted = |text: String| text.replace('`', "\"");
            let old = words.text().map(quoted).ok_or("which text?")?;
            let new = if words.take("with") {
                words.text().map(quoted).ok_or("with what?")?
            } else {
                return Err("with what?".into());
            };
            if !self.world.policy_text.contains(&old) {
                return Err(format!("{old:?} is not in the policy"));
            }
            let text = self.world.policy_text.replace(&old, &new);
            self.world.rule(&text);
        } else if words.take("gives") {
            // No policy that could be read says so; the rules hold all the same.
            let who: PersonId = words.parsed()?;
            let email =
                if words.take("the-email-of") { words.parsed::<PersonId>()? } else { return Err("whose?".into()) };
            let email = self.world.policy.people[&email].email.clone();
            self.world.policy.people.get_mut(&who).ok_or("who?")?.email = email;
        } else {
            return Err("the policy replaces or gives".into());
        }
        Ok(Came { events: Vec::new(), refusal: None })
    }

    fn clock(&mut self, on: RequestNumber, words: &mut Words) -> Told<Came> {
        let command = match words.next()?.as_str() {
            "lapses" => Command::Lapse,
            "escalates" => Command::Escalate,
            "ends-by-policy" => Command::EndByPolicy { words: "the policy no longer knows it".into() },
            is @ ("is-sane" | "is-insane") => {
                self.world.now.sane = is == "is-sane";
                return Ok(Came { events: Vec::new(), refusal: None });
            }
            other => return Err(format!("the clock does not {other}")),
        };
        Ok(self.act(&Actor::Clock, on, &command))
    }

    fn reconciler(&mut self, on: RequestNumber, words: &mut Words) -> Told<Came> {
        let what = words.next()?;
        if let "drifts" | "misses" = what.as_str() {
            let gone = what == "misses";
            return Ok(self.act(&Actor::Reconciler, on, &Command::ReportDrift { evidence: "it changed".into(), gone }));
        }
        let past = self.request(on).is_ok_and(|r| wanted(r, self.world.now.at) == Some(Wanted::Absent));
        let removing = matches!(what.as_str(), "removes" | "contradicts" | "carries-by") || (what == "fails" && past);
        let sentence = words.text().unwrap_or_else(|| "the target is away".into());
        let outcome = match what.as_str() {
            "grants" => {
                let own = self.request(on)?.held().map_or(self.world.now.at, |held| held.window.until);
                let until = if words.take("until") { self.instant(words)? } else { own };
                Outcome::Granted { until, second_lock: false, observed: self.world.observed(true) }
            }
            "removes" => Outcome::Absent(self.world.observed(false)),
            "finds-it-there" => Outcome::Absent(self.world.observed(true)),
            "fails" => Outcome::Failed { sentence, useless: words.take("useless"), contradicted: false },
            "contradicts" => Outcome::Failed { sentence, useless: false, contradicted: true },
            "carries-by" => Outcome::Carried(RequestNumber(words.parsed()?)),
            other => return Err(format!("the reconciler does not {other}")),
        };
        let mut times: u32 = 1;
        let mut attempt = None;
        let mut late: Option<Spooled> = None;
        loop {
            if words.take("stale") {
                attempt = Some(self.world.lease(on, removing) - 1);
            } else if words.take("late") {
                let read = self.request(on)?.held().and_then(|held| held.observed.as_ref()).map(|read| read.at);
                let knew = read.filter(|_| !words.take("unaware"));
                late = Some(Spooled { at: self.instant(words)?, knew });
            } else if words.0.get(1).is_some_and(|word| word == "times") {
                times = words.parsed()?;
                words.next()?;
            } else {
                break;
            }
        }
        let mut came = Came { events: Vec::new(), refusal: None };
        for _ in 0..times {
            let attempt = attempt.unwrap_or_else(|| if late.is_some() { 0 } else { self.world.lease(on, removing) });
            let report = Report { spooled: late, ..self.world.report(attempt, outcome.clone()) };
            let command = if removing { Command::ReportRemoval(report) } else { Command::ReportGrant(report) };
            came = self.act(&Actor::Reconciler, on, &command);
        }
        Ok(came)
    }

    fn person(&mut self, person: &PersonId, via: Via, on: RequestNumber, words: &mut Words) -> Told<Came> {
        let actor = Actor::Person(person.clone(), via);
        let said = |words: &mut Words| words.text().unwrap_or_else(|| "so it is".into());
        let version = self.world.requests.get(&on).map_or(0, |request| request.version);
        let verb = words.next()?;
        let command = match verb.as_str() {
            "files" => {
                let command = self.files(person, words)?;
                let next = self.world.next_number();
                let came = self.act(&actor, on, &command);
                if came.refusal.is_none() {
                    self.last = next;
                }
                return Ok(came);
            }
            "may" => {
                let verb = words.next()?;
                let all = self.world.may(&actor, on);
                let (_, refusal) = all.into_iter().find(|(there, _)| *there == verb).ok_or(format!("{verb}?"))?;
                return Ok(Came { events: Vec::new(), refusal });
            }
            "amends" => self.amends(person, on, words)?,
            "approves" => self.approves(on, words, version)?,
            "withdraws" => Command::Withdraw,
            "claims" => Command::Claim { release: false },
            "releases" => Command::Claim { release: true },
            "acks" => Command::Acknowledge,
            "notes" => Command::Note { words: said(words) },
            "denies" => {
                let words_said = said(words);
                let as_of = if words.take("as-of") { Some(words.parsed()?) } else { None };
                Command::Deny { as_of, words: words_said }
            }
            "sends-back" => Command::SendBack { as_of: None, words: said(words), codes: Vec::new() },
            "extends" => self.extends(on, words, version)?,
            "hands-back" => Command::HandBack {
                changed: if words.take("changed") { words.text() } else { None },
                checked: if words.take("checked") { words.text() } else { None },
                follow_up: if words.take("follow-up") { words.text() } else { None },
            },
            "revokes" => Command::Revoke { words: said(words) },
            "undoes" => Command::Undo,
            "retries" => Command::Retry,
            "hands-over-to" => Command::HandOver { to: words.parsed()? },
            "attests" => Command::Attest { words: said(words) },
            "collects" => Command::Collect,
            "lapses" => Command::Lapse,
            "reports" => self.reports(on, words)?,
            "freezes" | "thaws" => {
                let system = if words.take("everything") { None } else { Some(words.parsed()?) };
                let words = said(words);
                if verb == "freezes" { Command::Freeze { system, words } } else { Command::Thaw { system, words } }
            }
            other => return Err(format!("nobody knows how to {other}")),
        };
        Ok(self.act(&actor, on, &command))
    }

    /// What a channel did with the last telling, or with that of an event.
    fn reports(&self, on: RequestNumber, words: &mut Words) -> Told<Command> {
        let channel = words.parsed()?;
        let fault = if words.take("failed") { words.text() } else { None };
        let last = self.request(on)?.told.last().map_or(0, |telling| telling.seq);
        let of = if words.take("of") { words.parsed()? } else { last };
        Ok(Command::Delivered { of, channel, fault })
    }

    /// `for D`, `until T`, `from T`, if one of them is next.
    fn window(&self, words: &mut Words, from: &mut Option<Instant>, end: &mut Option<End>) -> Told<bool> {
        if words.take("for") {
            let length = words.next()?;
            *end = Some(End::For(Length::parse_or_zero(&length).map_err(|bad| bad.to_string())?));
        } else if words.take("until") {
            *end = Some(End::Until(self.instant(words)?));
        } else if words.take("from") {
            *from = Some(self.instant(words)?);
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn files(&mut self, person: &PersonId, words: &mut Words) -> Told<Command> {
        let role = words.parsed()?;
        let system = if words.take("on") { words.parsed()? } else { return Err("on which system?".into()) };
        let filing = Filing {
            system,
            role,
            task: "restart the workers; done when the queue is empty".into(),
            asked: Asked { from: None, end: End::For(Length::ZERO) },
            kind: nightlatch::policy::Kind::Planned,
            ticket: None,
            user: person.clone(),
            approver: person.clone(),
        };
        let (mut filing, anyway, [kind, approver]) = self.details(filing, words)?;
        if !kind {
            filing.kind = usual_kind(filing.ticket.as_deref(), &filing.asked, self.world.now.at);
        }
        if !approver {
            let first = self.world.asked_first(&filing.system, filing.kind, &[person, &filing.user]);
            filing.approver = first.unwrap_or(filing.approver);
        }
        let prepared = self.world.prepare(person, &filing, None);
        Ok(Command::File { filing, anyway, prepared })
    }

    fn amends(&mut self, person: &PersonId, on: RequestNumber, words: &mut Words) -> Told<Command> {
        let ask = self.request(on)?.ask.clone();
        let task = self.world.words_of(&ask.task).to_owned();
        let filing = Filing {
            system: ask.system,
            role: ask.role,
            task: task.clone(),
            asked: ask.asked,
            kind: ask.kind,
            ticket: ask.ticket,
            user: ask.user,
            approver: ask.approver,
        };
        let (filing, anyway, _) = self.details(filing, words)?;
        let task_changed = filing.task != task;
        let prepared = self.world.prepare(person, &filing, Some(on));
        Ok(Command::Amend { filing, anyway, prepared, task_changed })
    }

    /// What is named of a filing; whether `anyway`; whether kind and approver were named.
    fn details(&self, mut filing: Filing, words: &mut Words) -> Told<(Filing, bool, [bool; 2])> {
        let (mut anyway, mut named) = (false, [false; 2]);
        loop {
            let mut end = None;
            if self.window(words, &mut filing.asked.from, &mut end)? {
                filing.asked.end = end.unwrap_or(filing.asked.end);
            } else if words.take("role") {
                filing.role = words.parsed()?;
            } else if words.take("as") {
                let kind = words.next()?;
                let all = nightlatch::policy::Kind::ALL;
                filing.kind = all.into_iter().find(|k| k.word() == kind).ok_or(format!("{kind} is no kind"))?;
                named[0] = true;
            } else if words.take("ticket") {
                filing.ticket = Some(words.next()?);
            } else if words.take("to") {
                filing.approver = words.parsed()?;
                named[1] = true;
            } else if words.take("user") {
                filing.user = words.parsed()?;
            } else if words.take("task") {
                filing.task = words.text().ok_or("which task?")?;
            } else if words.take("anyway") {
                anyway = true;
            } else {
                return Ok((filing, anyway, named));
            }
        }
    }

    fn approves(&mut self, on: RequestNumber, words: &mut Words, version: i64) -> Told<Command> {
        let (mut as_of, mut terms, mut text) = (version, Terms::default(), None);
        let mut before = false;
        loop {
            let mut end = None;
            if self.window(words, &mut terms.from, &mut end)? {
                match end {
                    Some(End::For(length)) => terms.length = Some(length),
                    Some(End::Until(until)) => terms.until = Some(until),
                    None => {}
                }
            } else if words.take("role") {
                terms.role = Some(words.parsed()?);
            } else if words.take("words") {
                text = words.text();
            } else if words.take("as-of") {
                as_of = words.parsed()?;
            } else if words.take("worked-out-before") {
                before = true;
            } else {
                break;
            }
        }
        let mut prepared = self.world.prepare_approval(on, &terms);
        if before {
            prepared = Prepared { policy: "policy 1".into(), ..prepared };
        }
        Ok(Command::Approve { as_of, unseen: false, terms, words: text, prepared })
    }

    fn extends(&mut self, on: RequestNumber, words: &mut Words, version: i64) -> Told<Command> {
        let (mut from, mut end, mut as_of) = (None, None, version);
        let (mut done, mut remaining) = ("the first half".to_owned(), "the second half".to_owned());
        let mut approver: PersonId = self.request(on)?.ask.approver.clone();
        loop {
            if self.window(words, &mut from, &mut end)? {
            } else if words.take("done") {
                done = words.text().ok_or("what?")?;
            } else if words.take("remaining") {
                remaining = words.text().ok_or("what?")?;
            } else if words.take("to") {
                approver = words.parsed()?;
            } else if words.take("as-of") {
                as_of = words.parsed()?;
            } else {
                break;
            }
        }
        let asked = Asked { from, end: end.ok_or("until when?")? };
        Ok(Command::Extend { as_of, asked, done, remaining, approver })
    }

    fn expect(&self, on: RequestNumber, came: &Came, words: &mut Words, first: bool) -> Told<()> {
        let word = words.next()?;
        let told = came.told();
        let same = |what: &str, is: String, expected: String| {
            if is == expected { Ok(()) } else { Err(format!("the {what} is {is}, not {expected}; came: {told}")) }
        };
        let show = |at: Instant| at.utc().with_timezone(&self.zone).format("%F %T %Z").to_string();
        let held = || self.request(on)?.held().ok_or_else(|| format!("it is not approved; came: {told}"));
        let now = self.world.now.at;
        let outcome = match word.as_str() {
            "refused" => Some(format!("refused {}", words.next()?)),
            "nothing" | "yes" => Some("nothing".to_owned()),
            _ => None,
        };
        match word.as_str() {
            _ if outcome.is_some() => {
                let outcome = outcome.unwrap_or_default();
                if told.split(':').next() != Some(outcome.as_str()) {
                    return Err(format!("came: {told}"));
                }
            }
            "saying" => {
                let text = words.text().ok_or("saying what?")?;
                if !told.contains(&text) {
                    return Err(format!("came: {told}"));
                }
            }
            "status" => same("status", status(self.request(on)?, now).to_string(), words.next()?)?,
            "from" => same("start", show(held()?.window.from), show(self.instant(words)?))?,
            "until" => same("end", show(held()?.window.until), show(self.instant(words)?))?,
            "if-approved-now" => {
                let window = self.request(on)?.ask.asked.window_if_approved(now);
                same("end if approved now", show(window.until), show(self.instant(words)?))?;
            }
            "lapses" => same("lapse", show(lapses_at(self.request(on)?)), show(self.instant(words)?))?,
            "role" => same("role", self.request(on)?.role().to_string(), words.next()?)?,
            "as" => {
                let capacity = serde_json::to_value(held()?.decision.decider.capacity).unwrap();
                same("capacity", capacity.as_str().unwrap_or_default().to_owned(), words.next()?)?;
            }
            "self" => same("self", held()?.decision.decider.own.to_string(), true.to_string())?,
            "not-self" => same("self", held()?.decision.decider.own.to_string(), false.to_string())?,
            "overdue" => same("overdue", overdue(self.request(on)?, now).to_string(), true.to_string())?,
            "not-overdue" => same("overdue", overdue(self.request(on)?, now).to_string(), false.to_string())?,
            "wanted" => {
                let is = match wanted(self.request(on)?, now) {
                    None => "nothing".to_owned(),
                    Some(Wanted::Later(_)) => "later".to_owned(),
                    Some(Wanted::Absent) => "absent".to_owned(),
                    Some(Wanted::Present(until)) => format!("until {}", show(until)),
                };
                let expected = words.next()?;
                let until =
                    if expected == "until" { format!(" {}", show(self.instant(words)?)) } else { String::new() };
                same("wanted", is, expected + &until)?;
            }
            "visited" => {
                let key = &held()?.placement.access_key;
                let on_key: Vec<&Held> = self
                    .world
                    .requests
                    .values()
                    .filter_map(Request::held)
                    .filter(|h| h.placement.access_key == *key)
                    .collect();
                let next = visits(&on_key, now).into_iter().min().map_or_else(|| "never".into(), show);
                let expected = if words.take("never") { "never".into() } else { show(self.instant(words)?) };
                same("visit", next, expected)?;
            }
            "check" => {
                let code = words.next()?;
                let check =
                    self.request(on)?.ask.checks.iter().find(|check| check.code == code).ok_or("which check?")?;
                let verdict = serde_json::to_value(check.verdict).unwrap();
                same(&code, verdict.as_str().unwrap_or_default().to_owned(), words.next()?)?;
            }
            "goes-to" => same("approver", self.request(on)?.ask.approver.to_string(), words.next()?)?,
            "carried-by" => {
                let by = held()?.closed.as_ref().and_then(|closed| closed.carried_by);
                same("carrier", by.map(|by| by.0.to_string()).unwrap_or_default(), words.next()?)?;
            }
            "tells" => {
                let mut people = Vec::new();
                while !words.take("about") {
                    people.push(words.next()?);
                }
                let expected = format!("{} about {}", people.join(" "), words.next()?);
                let tellings: Vec<String> = came.events.iter().filter_map(telling).collect();
                if !tellings.contains(&expected) {
                    return Err(format!("told were {tellings:?}, not {expected:?}; came: {told}"));
                }
            }
            "step" => {
                let escalation = self.request(on)?.escalation.as_ref().ok_or("there is no ladder")?;
                same("step", escalation.step.to_string(), words.next()?)?;
            }
            "looks" => {
                let next = nightlatch::access::due::looks(self.request(on)?, now).map_or_else(|| "never".into(), show);
                let expected = if words.take("never") { "never".into() } else { show(self.instant(words)?) };
                same("next look", next, expected)?;
            }
            "with" => {
                let holder = self.request(on)?.escalation.as_ref().map(|escalation| escalation.holder.to_string());
                same("one it is with", holder.unwrap_or_default(), words.next()?)?;
            }
            _ if first => {
                let mut expected = word;
                while words.take("+") {
                    expected = format!("{expected} + {}", words.next()?);
                }
                // Who was told stands in the record after what they were told of; a story says so where it matters.
                let kinds = told.split(':').next().unwrap_or_default();
                let short = kinds.replace(" + told", "");
                if kinds != expected && (expected.contains("told") || short != expected) {
                    return Err(format!("came: {told}"));
                }
            }
            other => return Err(format!("{other:?} is not understood as something expected")),
        }
        words.end()
    }
}

/// Whom an event tells of what.
fn telling(event: &Event) -> Option<String> {
    match event {
        Event::Told { to, about, .. } => {
            let about = serde_json::to_value(about).unwrap();
            let to: Vec<&str> = to.iter().map(PersonId::as_str).collect();
            Some(format!("{} about {}", to.join(" "), about.as_str().unwrap_or_default()))
        }
        Event::Routed { to, .. } => Some(format!("{to} about routed")),
        Event::DutyPassed { to, .. } => Some(format!("{to} about duty")),
        _ => None,
    }
}

impl Came {
    /// The kinds of the events, `nothing`, or `refused CODE: SENTENCE (HINT)`.
    fn told(&self) -> String {
        if let Some(refusal) = &self.refusal {
            return format!("refused {}: {} ({})", refusal.code.word(), refusal.sentence, refusal.hint);
        }
        let kind = |event: &Event| serde_json::to_value(event).unwrap()["kind"].as_str().unwrap_or_default().to_owned();
        let kinds: Vec<String> = self.events.iter().map(kind).collect();
        if kinds.is_empty() { "nothing".to_owned() } else { kinds.join(" + ") }
    }
}

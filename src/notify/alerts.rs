//! What one person is told at one desk: what now, how urgently, when again, and what it replaces. Pure: time is an argument.
//!
//! It is fed with the events that name this person and with each request as it is now, so what is brought is true when it is
//! brought: an ask that was decided meanwhile is skipped, or replaced by its verdict where it stood on a screen already. Nothing
//! critical waits for quiet hours, and it is repeated until somebody acknowledges it or it is no longer so.

use super::alert::{Alert, Key, Urgency};
use super::heard::{Facts, What, request_of, told};
use super::item::{Brought, COOL, Item, KeptItem};
use super::quiet::Quiet;
use super::words::{Count, Tongue};
use crate::access::{RequestNumber, Status};
use crate::text::{Clean, Instant, Length};
use crate::wire::{EventView, MeView, RequestView};
use chrono_tz::Tz;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// More than [`FEW`] alerts within this become one.
const BURST: Length = Length::from_seconds(5);
const FEW: usize = 3;
/// So long without an answer, and whoever is on duty is told.
const LOST: Length = Length::from_minutes(1);

/// How one person wants to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The zone in which times are said.
    pub zone: Tz,
    /// When only what is critical is told.
    pub quiet: Option<Quiet>,
    /// Numbers only.
    pub private: bool,
    /// Whether there is ever a sound.
    pub sound: bool,
}

/// What a channel is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Bring this. What stands under its key is replaced.
    Bring(Alert),
    /// Take away what stands under this key.
    TakeBack(Key),
}

/// Several alerts that were brought as one.
#[derive(Debug, Clone, Default)]
struct Digest {
    at: Instant,
    members: BTreeSet<RequestNumber>,
    /// News in it that left nothing standing.
    news: usize,
    /// What it says is no longer so.
    stale: bool,
}

/// An alert that is about no request.
#[derive(Debug, Clone, Copy, Default)]
struct Extra {
    /// Since when there is something to tell.
    since: Option<Instant>,
    brought: Option<Instant>,
}

/// What one person is told at one desk.
#[derive(Debug)]
pub struct Alerts {
    me: String,
    admin: bool,
    on_duty: Vec<Clean>,
    settings: Settings,
    /// Up to this event everything was heard.
    upto: i64,
    items: BTreeMap<RequestNumber, Item>,
    /// Brought alone of late.
    recent: Vec<(Instant, RequestNumber)>,
    digest: Option<Digest>,
    back: Vec<Key>,
    link: Extra,
    policy: Extra,
    wake: Option<Instant>,
}

impl Alerts {
    /// Nothing is told yet, to this person.
    pub fn new(me: &MeView, settings: Settings) -> Self {
        let mut alerts = Self {
            me: String::new(),
            admin: false,
            on_duty: Vec::new(),
            settings,
            upto: 0,
            items: BTreeMap::new(),
            recent: Vec::new(),
            digest: None,
            back: Vec::new(),
            link: Extra::default(),
            policy: Extra::default(),
            wake: None,
        };
        alerts.is(me);
        alerts
    }

    /// Who one is may change: an admin, on duty.
    pub fn is(&mut self, me: &MeView) {
        self.me.clone_from(&me.person.id);
        self.admin = me.duties.iter().any(|duty| duty == "admin");
        self.on_duty = me.on_duty_for.iter().map(|system| Clean::line(system).cut(40)).collect();
    }

    /// Up to this event everything was heard.
    pub const fn upto(&self) -> i64 {
        self.upto
    }

    /// Everything up to `seq` was heard, or is of no interest.
    pub fn skip_to(&mut self, seq: i64) {
        self.upto = self.upto.max(seq);
    }

    /// The request that must be read before this event can be heard.
    pub fn wants(&self, event: &EventView) -> Option<RequestNumber> {
        let number = request_of(event)?;
        let concerned = event.seq > self.upto && (told(event, &self.me).is_some() || self.items.contains_key(&number));
        concerned.then_some(number)
    }

    /// Takes in what happened. `view` is the request as it is now; none where there is none, or none that I may see.
    pub fn hear(&mut self, event: &EventView, view: Option<&RequestView>, now: Instant) {
        if event.seq <= self.upto {
            return;
        }
        self.pass(event, now);
        let Some(number) = request_of(event) else { return };
        let Some(view) = view else { return self.forget(number) };
        if event.kind == "acknowledged" && event.actor == self.me {
            return self.forget(number);
        }
        let facts = Facts::of(view, &self.me);
        if let Some((what, word)) = told(event, &self.me) {
            self.tell(event.seq, what, word, &facts, now);
        }
        self.settle(number, facts, now);
    }

    /// Takes in an event for which no request had to be read.
    pub fn pass(&mut self, event: &EventView, now: Instant) {
        if event.seq > self.upto && event.kind == "policy-refused" && self.admin {
            self.policy.since = Some(now);
        }
        self.upto = self.upto.max(event.seq);
    }

    /// A request that was found waiting or overdue, by a look at the board.
    pub fn found(&mut self, view: &RequestView, now: Instant) {
        let facts = Facts::of(view, &self.me);
        let what = if facts.overdue { What::Overdue } else { What::Ask };
        if facts.holds(what) && !self.items.contains_key(&facts.number) {
            self.put(what, Clean::default(), facts, now);
        }
    }

    fn tell(&mut self, seq: i64, what: What, word: Clean, facts: &Facts, now: Instant) {
        let what = match what {
            // A verdict that was taken back: it waits for them again.
            What::Decided if !facts.own && facts.may => What::Again,
            What::Removed | What::Decided | What::Lapsed if !facts.own || what == What::Removed => {
                // What stands of it is replaced below; where nothing stands there is nothing to replace.
                if let Some(item) = self.items.get_mut(&facts.number).filter(|item| item.brought.is_some()) {
                    item.of.push(seq);
                }
                return;
            }
            what => what,
        };
        if !facts.holds(what) {
            return;
        }
        self.put(what, word, facts.clone(), now);
        if let Some(item) = self.items.get_mut(&facts.number) {
            item.of.push(seq);
        }
    }

    fn put(&mut self, what: What, word: Clean, facts: Facts, now: Instant) {
        let number = facts.number;
        let mut item = Item { what, word, facts, since: now, fresh: true, held: false, of: Vec::new(), brought: None };
        if let Some(old) = self.items.remove(&number) {
            // What is critical and still so is not covered up by less.
            if old.what.is_critical(&item.facts) && item.facts.holds(old.what) && !item.is_critical(now) {
                (item.what, item.fresh) = (old.what, old.fresh);
            }
            (item.of, item.brought, item.since) = (old.of, old.brought, if old.fresh { old.since } else { item.since });
        }
        self.items.insert(number, item);
    }

    /// Sees whether what stands is still so.
    fn settle(&mut self, number: RequestNumber, facts: Facts, now: Instant) {
        let Some(item) = self.items.get_mut(&number) else { return };
        item.facts = facts;
        let facts = &item.facts;
        if facts.holds(item.what) {
            return;
        }
        let stands = item.brought.is_some_and(|brought| !brought.together);
        let by_me = facts.verdict.as_ref().is_some_and(|verdict| verdict.mine) && facts.status != Status::Lapsed;
        let last = if item.what.asks() {
            let over = if facts.status == Status::Lapsed { What::Lapsed } else { What::Settled };
            Some(over).filter(|_| !facts.waits && !by_me && !facts.acknowledged)
        } else {
            Some(What::Removed).filter(|_| item.what == What::Overdue && facts.removed.is_some())
        };
        match last.filter(|_| stands) {
            Some(last) => (item.what, item.fresh, item.since) = (last, true, now),
            None => self.forget(number),
        }
    }

    /// It is no longer told, and what stands of it is taken back.
    fn forget(&mut self, number: RequestNumber) {
        let Some(item) = self.items.remove(&number) else { return };
        match item.brought {
            Some(Brought { together: true, .. }) => self.leaves_digest(number),
            Some(_) => self.back.push(Key::Request(number)),
            None => {}
        }
    }

    fn leaves_digest(&mut self, number: RequestNumber) {
        if let Some(digest) = &mut self.digest {
            digest.stale |= digest.members.remove(&number);
        }
    }

    /// Since when the store does not answer; none: it does.
    pub fn link(&mut self, lost_since: Option<Instant>) {
        match lost_since {
            Some(since) if !self.on_duty.is_empty() => {
                self.link.since.get_or_insert(since);
            }
            Some(_) => {}
            None => {
                if std::mem::take(&mut self.link).brought.is_some() {
                    self.back.push(Key::Link);
                }
            }
        }
    }

    /// When to look again, as the last look found.
    pub const fn next(&self) -> Option<Instant> {
        self.wake
    }

    fn wake_at(&mut self, at: Instant) {
        self.wake = Some(self.wake.map_or(at, |other| other.min(at)));
    }

    /// What is to be done now.
    pub fn due(&mut self, now: Instant) -> Vec<Step> {
        self.wake = None;
        let past = |at: &Option<Instant>| at.is_some_and(|at| at <= now);
        let over: Vec<RequestNumber> = self
            .items
            .iter()
            .filter(|(_, item)| item.what == What::Ending && past(&item.facts.ends))
            .map(|(number, _)| *number)
            .collect();
        for number in over {
            self.forget(number);
        }
        self.recent.retain(|(at, _)| at.plus(BURST) > now);
        let quiet = self.settings.quiet.and_then(|quiet| quiet.until(now, self.settings.zone));
        let mut steps: Vec<Step> = std::mem::take(&mut self.back).into_iter().map(Step::TakeBack).collect();
        let (mut ready, mut wake) = (Vec::new(), Vec::new());
        for (number, item) in &mut self.items {
            // An end takes back what says that it is near.
            wake.extend(item.facts.ends.filter(|_| item.what == What::Ending));
            let Some(at) = item.comes(now) else { continue };
            match quiet.filter(|_| !item.is_critical(now) && !item.replaces(now)) {
                Some(end) => {
                    item.held = true;
                    wake.push(end.max(at));
                }
                None if at <= now => ready.push(*number),
                None => wake.push(at),
            }
        }
        for at in wake {
            self.wake_at(at);
        }
        ready.sort_by_key(|number| self.items.get(number).map(|item| (Reverse(item.urgency(now)), item.since)));
        self.bring(&ready, now, &mut steps);
        self.refresh_digest(now, quiet, &mut steps);
        self.extras(now, quiet, &mut steps);
        steps
    }

    fn bring(&mut self, ready: &[RequestNumber], now: Instant, steps: &mut Vec<Step>) {
        if ready.is_empty() {
            return;
        }
        let of = |number: &RequestNumber| self.items.get(number);
        let held = ready.len() > 1 && ready.iter().filter_map(of).any(|item| item.held);
        let last = self.digest.as_ref().map(|digest| digest.at);
        let bursts = last.is_some_and(|at| at.plus(BURST) > now);
        let others = self.recent.iter().filter(|(_, number)| !ready.contains(number)).count();
        if !held && !bursts && ready.len() + others <= FEW {
            for number in ready {
                steps.extend(self.alone(*number, now).map(Step::Bring));
            }
            return;
        }
        let new_and_critical = |item: &Item| item.fresh && item.is_critical(now);
        let may = last.is_none_or(|at| at.plus(COOL) <= now) || ready.iter().filter_map(of).any(new_and_critical);
        match last.filter(|_| !may) {
            Some(at) if bursts => self.wake_at(at.plus(BURST)),
            Some(at) => self.wake_at(at.plus(COOL)),
            None => self.together(ready, now, steps),
        }
    }

    const fn tongue(&self, now: Instant) -> Tongue {
        Tongue { zone: self.settings.zone, private: self.settings.private, now }
    }

    fn alone(&mut self, number: RequestNumber, now: Instant) -> Option<Alert> {
        let tongue = self.tongue(now);
        let item = self.items.get_mut(&number)?;
        let urgency = item.urgency(now);
        let (title, body) = tongue.one(item.what, &item.facts, &item.word);
        let of = std::mem::take(&mut item.of).into_iter().map(|seq| (number, seq)).collect();
        let critical = urgency == Urgency::Critical;
        let before = item.brought.replace(Brought { at: now, critical, together: false });
        (item.fresh, item.held) = (false, false);
        let last = item.what.is_last();
        if let Some(at) = item.comes(now) {
            self.wake_at(at);
        }
        if before.is_some_and(|before| before.together) {
            self.leaves_digest(number);
        }
        self.recent.retain(|(_, other)| *other != number);
        self.recent.push((now, number));
        if last {
            self.items.remove(&number);
        }
        let sound = critical && self.settings.sound;
        Some(Alert { key: Key::Request(number), title, body, urgency, sound, opens: Some(number), of })
    }

    /// Brings all that is ready as one, with what was brought a moment ago and with what the last digest told a moment ago.
    fn together(&mut self, ready: &[RequestNumber], now: Instant, steps: &mut Vec<Step>) {
        // It is replaced in place, so whatever stands in it stands in the new one.
        let before = self.digest.take().unwrap_or_default();
        let news = if before.at.plus(COOL) > now { before.news } else { 0 };
        let recent = std::mem::take(&mut self.recent).into_iter().map(|(_, number)| number);
        let mut digest = Digest { at: now, members: before.members, news, stale: false };
        digest.members.extend(ready.iter().copied().chain(recent));
        digest.members.retain(|number| self.items.contains_key(number));
        let over = |number: &RequestNumber| self.items.get(number).is_some_and(|item| item.what.is_last());
        digest.news += digest.members.iter().filter(|number| over(number)).count();
        let mut of = Vec::new();
        let mut alert = self.digest_alert(&digest, now);
        for number in &digest.members {
            let Some(item) = self.items.get_mut(number) else { continue };
            of.extend(std::mem::take(&mut item.of).into_iter().map(|seq| (*number, seq)));
            let critical = item.is_critical(now);
            let was = item.brought.replace(Brought { at: now, critical, together: true });
            (item.fresh, item.held) = (false, false);
            if was.is_some_and(|was| !was.together) {
                steps.push(Step::TakeBack(Key::Request(*number)));
            }
        }
        of.sort_by_key(|(_, seq)| *seq);
        alert.of = of;
        steps.push(Step::Bring(alert));
        let next: Vec<Instant> =
            digest.members.iter().filter_map(|number| self.items.get(number)?.comes(now)).collect();
        for at in next {
            self.wake_at(at);
        }
        self.items.retain(|number, item| !(digest.members.contains(number) && item.what.is_last()));
        digest.members.retain(|number| self.items.contains_key(number));
        self.digest = Some(digest);
    }

    /// The words of a digest. Its `of` is empty.
    fn digest_alert(&self, digest: &Digest, now: Instant) -> Alert {
        let mut items: Vec<&Item> = digest.members.iter().filter_map(|number| self.items.get(number)).collect();
        items.sort_by_key(|item| (Reverse(item.urgency(now)), item.since));
        let counted = |so: &dyn Fn(&Item) -> bool| items.iter().filter(|item| so(item)).count();
        let count = Count {
            waiting: counted(&|item| item.what.asks()),
            emergencies: counted(&|item| item.what.asks() && item.facts.emergency),
            overdue: counted(&|item| item.what == What::Overdue),
            other: counted(&|item| !item.what.asks() && item.what != What::Overdue && !item.what.is_last())
                + digest.news,
        };
        let (title, body) = self.tongue(now).several(count, items.iter().map(|item| &item.facts));
        let urgency = items.iter().map(|item| item.urgency(now)).max().unwrap_or(Urgency::Low);
        let sound = urgency == Urgency::Critical && self.settings.sound;
        let opens = items.first().map(|item| item.facts.number);
        Alert { key: Key::Digest, title, body, urgency, sound, opens, of: Vec::new() }
    }

    /// A digest whose requests were decided says so, in silence.
    fn refresh_digest(&mut self, now: Instant, quiet: Option<Instant>, steps: &mut Vec<Step>) {
        let Some(digest) = self.digest.clone().filter(|digest| digest.stale) else { return };
        if digest.members.is_empty() {
            self.digest = None;
            steps.push(Step::TakeBack(Key::Digest));
            return;
        }
        let at = quiet.unwrap_or(now).max(digest.at.plus(COOL));
        if at > now {
            return self.wake_at(at);
        }
        let digest = Digest { stale: false, news: 0, ..digest };
        let alert = self.digest_alert(&digest, now);
        steps.push(Step::Bring(Alert { urgency: Urgency::Low, sound: false, ..alert }));
        self.digest = Some(digest);
    }

    /// What is about no request.
    fn extras(&mut self, now: Instant, quiet: Option<Instant>, steps: &mut Vec<Step>) {
        if let Some(since) = self.link.since.filter(|_| self.link.brought.is_none()) {
            let at = quiet.unwrap_or(now).max(since.plus(LOST));
            if at > now {
                self.wake_at(at);
            } else {
                self.link.brought = Some(now);
                let systems: Vec<&str> = self.on_duty.iter().take(3).map(Clean::as_str).collect();
                let duty = if self.settings.private { String::new() } else { format!(" for {}", systems.join(", ")) };
                let since = crate::text::instant::show_short(since, self.settings.zone, now);
                steps.push(Step::Bring(extra(
                    Key::Link,
                    &format!("No answer from the store since {since}"),
                    &format!("You are on duty{duty}, and nothing can reach you here. nightlatch doctor says more."),
                )));
            }
        }
        if let Some(since) = self.policy.since {
            let at = self.policy.brought.map_or(since, |last| last.plus(COOL)).max(quiet.unwrap_or(now));
            if at > now {
                self.wake_at(at);
            } else {
                self.policy = Extra { since: None, brought: Some(now) };
                steps.push(Step::Bring(extra(
                    Key::Policy,
                    "A policy was refused",
                    "The one before it rules on. nightlatch policy check names each fault.",
                )));
            }
        }
    }

    /// What is to be known at the next start.
    pub fn keep(&self) -> Vec<KeptItem> {
        let kept = |(number, item): (&RequestNumber, &Item)| KeptItem {
            request: *number,
            what: item.what,
            word: item.word.to_string(),
            since: item.since,
            fresh: item.fresh,
            of: item.of.clone(),
            brought: item.brought,
        };
        self.items.iter().map(kept).collect()
    }

    /// Takes up what was kept, with the request as it is now.
    pub fn take_up(&mut self, kept: KeptItem, view: Option<&RequestView>, now: Instant) {
        let Some(view) = view else {
            if kept.brought.is_some_and(|brought| !brought.together) {
                self.back.push(Key::Request(kept.request));
            }
            return;
        };
        let (number, facts) = (kept.request, Facts::of(view, &self.me));
        if let Some(Brought { at, together: true, .. }) = kept.brought {
            let digest = self.digest.get_or_insert_default();
            digest.at = digest.at.max(at);
            digest.members.insert(number);
        }
        let item = Item {
            what: kept.what,
            word: Clean::line(&kept.word),
            facts: facts.clone(),
            since: kept.since,
            fresh: kept.fresh,
            held: false,
            of: kept.of,
            brought: kept.brought,
        };
        self.items.insert(number, item);
        self.settle(number, facts, now);
    }
}

fn extra(key: Key, title: &str, body: &str) -> Alert {
    Alert {
        key,
        title: Clean::line(title),
        body: Clean::line(body),
        urgency: Urgency::Normal,
        sound: false,
        opens: None,
        of: Vec::new(),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;

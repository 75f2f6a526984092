//! Reading: one request, lists, events, systems, the policy, the trail. Nothing here changes anything.

use super::view::{Sight, person, text_ids};
use super::{Answered, Fault, Service};
use crate::access::due::Phase;
use crate::access::facts::{Facts, Frozen};
use crate::access::{Actor, Code, Refusal, Request, RequestNumber, Status, Subject, may, status, who};
use crate::policy::{Duty, Kind, OnDuty, Policy};
use crate::store::{ListFilter, Stored, StoredText, WorkRow};
use crate::text::{Instant, PersonId, SystemId};
use crate::trail::{self, export};
use crate::wire::{
    CalendarView, EventView, EventsView, GapView, HeadView, ListQuery, ListView, MeView, NextDutyView, PolicyView,
    RequestView, RoleView, SystemView, SystemsView, TurnsView,
};
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

/// The most requests of one page.
const PAGE: i64 = 200;
/// How many turns of a rota are shown.
const TURNS: usize = 8;

impl Service {
    /// The texts of these numbers; an erased one is missing.
    pub(super) async fn texts(&self, ids: &[i64]) -> Answered<HashMap<i64, String>> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let texts = self.inner.store.texts(ids).await?;
        Ok(texts.into_iter().filter_map(|text| Some((text.id, text.words?))).collect())
    }

    /// Loads the policy versions that these requests keep to, so that views can be made without waiting.
    pub(super) async fn rulings_of(&self, requests: impl Iterator<Item = &Request>) {
        let held = requests.filter_map(|request| Some(request.held()?.decision.policy.as_str()));
        let missing: BTreeSet<&str> = held.filter(|hash| self.inner.rulings.known(hash).is_none()).collect();
        for hash in missing {
            if let Err(error) = self.inner.rulings.of(hash).await {
                tracing::warn!(%error, "an older policy version cannot be read");
            }
        }
    }

    /// One request with what this viewer may do.
    pub(super) async fn view_for(&self, actor: &Actor, id: RequestNumber) -> Answered<RequestView> {
        let Some((request, work)) = self.inner.store.request(id).await? else {
            return Err(Fault::Refused(Refusal::no_request(id)));
        };
        let texts = self.texts(&text_ids(&request)).await?;
        self.view_of(actor, &request, work.as_ref(), &texts).await
    }

    /// The view of a request, its work and its texts.
    pub(super) async fn view_of(
        &self,
        actor: &Actor,
        request: &Request,
        work: Option<&WorkRow>,
        texts: &HashMap<i64, String>,
    ) -> Answered<RequestView> {
        let ruling = self.ruling().await?;
        self.rulings_of(std::iter::once(request)).await;
        let frozen = self.inner.board.frozen();
        let now = self.now();
        let covered = |f: &Frozen| f.system.as_ref().is_none_or(|s| *s == request.ask.system);
        let mut view = Sight {
            ruling: &ruling,
            rulings: &self.inner.rulings,
            store_id: &self.inner.store_id,
            texts,
            work,
            frozen: frozen.iter().any(covered),
            at: now.at,
        }
        .request(request);
        let facts = Facts::about((&ruling.policy, &ruling.hash), request, &frozen);
        view.may = Some(may::may(&facts, actor, now));
        Ok(view)
    }

    pub(super) async fn do_list(&self, actor: &Actor, query: ListQuery) -> Answered<ListView> {
        let ruling = self.ruling().await?;
        let viewer = Self::person(&ruling, actor)?;
        let at = self.now().at;
        let statuses = statuses(query.status.as_deref())?;
        let limit = query.limit.unwrap_or(50);
        if !(1..=PAGE).contains(&limit) || query.before.is_some_and(|before| before < 1) {
            return Err(Fault::Refused(Refusal::malformed("limit", "or before is out of range", "use 1 to 200")));
        }
        let instant = |field: &str, text: &Option<String>| match text {
            Some(text) => Instant::parse_rfc3339(text).map(Some).ok_or_else(|| {
                Fault::Refused(Refusal::malformed(field, "is no instant", "write it as 2026-11-22T00:30:00Z"))
            }),
            None => Ok(None),
        };
        let mut filter = ListFilter {
            phases: phases(&statuses),
            system: query.system.as_deref().map(|system| super::asking::name("system", system)).transpose()?,
            person: query.person.as_deref().map(|person| super::asking::name("person", person)).transpose()?,
            ticket: query.ticket.clone(),
            search: query.search.clone(),
            from: instant("from", &query.from)?,
            to: instant("to", &query.to)?,
            before: query.before,
            limit: PAGE,
        };
        let mut found: Vec<Request> = Vec::new();
        let wanted = usize::try_from(limit).unwrap_or(50);
        let mut more = true;
        while more && found.len() <= wanted {
            let page = self.inner.store.list(&filter).await?;
            more = page.len() == usize::try_from(PAGE).unwrap_or(usize::MAX);
            filter.before = page.last().map(|request| request.number.0);
            found.extend(page.into_iter().filter(|request| {
                let fits = statuses.is_empty() || statuses.contains(&status(request, at));
                fits && who::may_see(&ruling.policy, request, &viewer, at)
            }));
        }
        let next_before = (found.len() > wanted).then(|| found.get(wanted - 1).map(|r| r.number.0)).flatten();
        found.truncate(wanted);
        let ids: Vec<i64> = found.iter().flat_map(text_ids).collect();
        let texts = self.texts(&ids).await?;
        self.rulings_of(found.iter()).await;
        let frozen = self.inner.board.frozen();
        let requests = found
            .iter()
            .map(|request| {
                Sight {
                    ruling: &ruling,
                    rulings: &self.inner.rulings,
                    store_id: &self.inner.store_id,
                    texts: &texts,
                    work: None,
                    frozen: frozen.iter().any(|f| f.system.as_ref().is_none_or(|s| *s == request.ask.system)),
                    at,
                }
                .request(request)
            })
            .collect();
        Ok(ListView { requests, next_before })
    }

    pub(super) async fn do_events(
        &self,
        actor: &Actor,
        of: Option<RequestNumber>,
        after: i64,
        limit: i64,
        wait: Duration,
    ) -> Answered<EventsView> {
        let ruling = self.ruling().await?;
        let viewer = Self::person(&ruling, actor)?;
        if !(1..=1000).contains(&limit) || after < 0 {
            return Err(Fault::Refused(Refusal::malformed("after", "or limit is out of range", "use limit 1 to 1000")));
        }
        let subject = of.map(Subject::Request);
        if let Some(id) = of {
            self.visible(actor, id).await?;
        }
        let patience = tokio::time::sleep(wait);
        tokio::pin!(patience);
        let mut follows = self.inner.board.subscribe();
        let mut over = wait.is_zero();
        loop {
            follows.mark_unchanged();
            let events = self.inner.store.events(subject.as_ref(), after, limit).await?;
            if !events.is_empty() || over || self.inner.stop.is_cancelled() {
                let next_after = events.last().map_or(after, |event| event.seq);
                let events = self.shown(events, &viewer, of.is_some()).await?;
                return Ok(EventsView { events, next_after });
            }
            tokio::select! {
                () = &mut patience => over = true,
                () = self.inner.stop.cancelled() => over = true,
                changed = follows.changed() => over = changed.is_err(),
            }
        }
    }

    /// Events with their texts, those left out that this viewer may not see.
    async fn shown(&self, events: Vec<Stored>, viewer: &crate::text::PersonId, seen: bool) -> Answered<Vec<EventView>> {
        let ruling = self.ruling().await?;
        let at = self.now().at;
        let auditor = ruling.policy.is(viewer, Duty::Auditor)
            || ruling.policy.is(viewer, Duty::Admin)
            || ruling.policy.is_lead(viewer, at);
        let private = ruling.policy.systems.values().any(|system| system.private);
        let mut hidden: HashMap<i64, bool> = HashMap::new();
        let mut out = Vec::new();
        for event in events {
            let subject: Option<Subject> = event.subject.parse().ok();
            let visible = match subject {
                _ if seen || auditor => true,
                Some(Subject::Request(number)) if private => {
                    if let Some(visible) = hidden.get(&number.0) {
                        *visible
                    } else {
                        let request = self.inner.store.request(number).await?;
                        let visible = request.is_some_and(|(r, _)| who::may_see(&ruling.policy, &r, viewer, at));
                        hidden.insert(number.0, visible);
                        visible
                    }
                }
                Some(Subject::Request(_) | Subject::Incident(_) | Subject::System(_)) => true,
                Some(Subject::Person(id)) => id == *viewer,
                Some(Subject::Policy | Subject::Store) | None => false,
            };
            if visible {
                out.push(event);
            }
        }
        let bodies: Vec<serde_json::Value> =
            out.iter().map(|event| serde_json::from_str(&event.body).unwrap_or_default()).collect();
        let ids: Vec<i64> = bodies.iter().flat_map(export::references).map(|r| r.id).collect();
        let texts = self.texts(&ids).await?;
        Ok(out.into_iter().zip(bodies).map(|(event, body)| event_view(event, body, &texts)).collect())
    }

    pub(super) async fn do_systems(&self, actor: &Actor) -> Answered<SystemsView> {
        let ruling = self.ruling().await?;
        let viewer = Self::person(&ruling, actor)?;
        let policy = &ruling.policy;
        let at = self.now().at;
        let frozen = self.inner.board.frozen();
        let systems = policy.systems.values().map(|system| SystemView {
            id: system.id.to_string(),
            name: system.name.clone(),
            environment: system.environment.clone(),
            sensitive: system.sensitive,
            ticket: system.ticket.as_ref().map(ToString::to_string),
            frozen: frozen.iter().any(|f| f.system.as_ref().is_none_or(|s| *s == system.id)),
            may_ask: system.ask.as_ref().is_none_or(|ask| ask.contains(&viewer)),
            owner: person(policy, &system.owner),
            who_can_say_yes: policy
                .eligible(system, Kind::Emergency, at)
                .into_iter()
                .map(|(id, capacity)| (person(policy, &id), capacity))
                .collect(),
            on_duty: super::view::on_duty(policy, policy.eligible(system, Kind::Emergency, at)),
            next: policy
                .next_change(system, Kind::Emergency, at)
                .map(|(from, then)| NextDutyView { from, who: super::view::on_duty(policy, then) }),
            roles: system
                .roles
                .iter()
                .map(|role| RoleView {
                    id: role.id.to_string(),
                    allows: role.allows.clone(),
                    longest_seconds: policy.longest(role, Kind::Emergency).seconds(),
                    contains: role.contains.iter().map(ToString::to_string).collect(),
                    provisioner: role.provisioner.clone(),
                })
                .collect(),
        });
        Ok(SystemsView { systems: systems.collect() })
    }

    pub(super) async fn do_me(&self, actor: &Actor) -> Answered<MeView> {
        let ruling = self.ruling().await?;
        let id = Self::person(&ruling, actor)?;
        let policy = &ruling.policy;
        let at = self.now().at;
        let on_duty = |system: &SystemId| {
            let system = policy.systems.get(system);
            system.is_some_and(|s| policy.eligible(s, Kind::Emergency, at).first().is_some_and(|(who, _)| *who == id))
        };
        let known = policy.person(&id);
        Ok(MeView {
            person: person(policy, &id),
            zone: known.map_or(policy.zone, |p| p.zone).name().to_owned(),
            duties: known
                .map(|p| p.duties.iter().map(|duty| format!("{duty:?}").to_lowercase()).collect())
                .unwrap_or_default(),
            on_duty_for: policy.systems.keys().filter(|s| on_duty(s)).map(ToString::to_string).collect(),
            on_duty_until: turn_ends(policy, &id, at),
            backup: backup(policy, &id, at).map(|other| person(policy, &other)),
            via: actor.via(),
            store: self.inner.store_id.clone(),
        })
    }

    pub(super) async fn do_policy(&self, actor: &Actor) -> Answered<PolicyView> {
        let ruling = self.ruling().await?;
        Self::person(&ruling, actor)?;
        let at = self.now().at;
        let changed = self.inner.store.policy_changed().await?;
        let text = self.inner.store.policy_text(&ruling.hash).await?.unwrap_or_default();
        let policy = &ruling.policy;
        let turns = policy.rotas.iter().map(|(name, rota)| TurnsView {
            rota: name.clone(),
            now: policy.on_duty(&OnDuty::Rota(name.clone()), at).map(|id| super::view::turn(policy, &id)),
            gaps: policy
                .gaps(&OnDuty::Rota(name.clone()), at, at.plus(super::feeds::AHEAD))
                .into_iter()
                .map(|gap| GapView { from: gap.from, until: gap.until, away: gap.away.map(|id| person(policy, &id)) })
                .collect(),
            calendar: rota.calendar.as_ref().map(|_| {
                let feed = self.inner.feeds.of(name).unwrap_or_default();
                CalendarView {
                    read_at: feed.read_at,
                    known_until: rota.covers.map(|(_, until)| until),
                    failing_since: feed.fault.as_ref().map(|(since, _)| *since),
                    fault: feed.fault.map(|(_, sentence)| sentence),
                    remarks: feed.remarks,
                }
            }),
            turns: rota
                .next_turns(at, TURNS)
                .into_iter()
                .map(|(from, who)| (from, person(&ruling.policy, &who)))
                .collect(),
        });
        Ok(PolicyView {
            hash: ruling.hash.clone(),
            at: changed.as_ref().map_or(at, |event| event.at),
            by: changed.map(|event| export::Actor::from_stored(&event.actor).id.into_owned()).unwrap_or_default(),
            text,
            file_fault: self.file_fault(),
            turns: turns.collect(),
        })
    }

    /// The trail is for auditors, leads and admins.
    async fn may_audit(&self, actor: &Actor) -> Answered<()> {
        let ruling = self.ruling().await?;
        let id = Self::person(&ruling, actor)?;
        let policy = &ruling.policy;
        let may = policy.is(&id, Duty::Auditor) || policy.is(&id, Duty::Admin) || policy.is_lead(&id, self.now().at);
        if may {
            return Ok(());
        }
        Err(Fault::Refused(Refusal::new(
            Code::NotAllowed,
            "the trail is read by auditors, leads and admins",
            "nightlatch show ID shows the record of one request",
        )))
    }

    pub(super) async fn do_audit_head(&self, actor: &Actor) -> Answered<HeadView> {
        let ruling = self.ruling().await?;
        Self::person(&ruling, actor)?;
        let head = self.inner.store.head().await?;
        let checkpoint = self.inner.store.checkpoint_last().await?;
        Ok(HeadView {
            seq: head.seq,
            link: head.link.to_string(),
            store: self.inner.store_id.clone(),
            checkpoint,
            key: self.inner.keeper.verifier_key(),
        })
    }

    pub(super) async fn do_audit_page(&self, actor: &Actor, after: i64, limit: i64) -> Answered<(Vec<String>, i64)> {
        self.may_audit(actor).await?;
        let limit = limit.clamp(1, 1000);
        let from = (after - 1).max(0);
        let mut events = self.inner.store.events(None, from, limit + 1).await?;
        let mut prev = trail::Link::ZERO;
        if after > 0 {
            match events.first() {
                Some(event) if event.seq == after => prev = events.remove(0).link,
                _ => return Ok((Vec::new(), after)),
            }
        }
        events.truncate(usize::try_from(limit).unwrap_or(1000));
        let lines = self.export_lines(events, prev).await?;
        Ok(lines)
    }

    async fn export_lines(&self, events: Vec<Stored>, mut prev: trail::Link) -> Answered<(Vec<String>, i64)> {
        let bodies: Vec<serde_json::Value> =
            events.iter().map(|event| serde_json::from_str(&event.body).unwrap_or_default()).collect();
        let ids: Vec<i64> = bodies.iter().flat_map(export::references).map(|r| r.id).collect();
        let texts: HashMap<i64, _> = if ids.is_empty() {
            HashMap::new()
        } else {
            self.inner.store.texts(&ids).await?.into_iter().map(|t| (t.id, t)).collect()
        };
        let mut out = Vec::with_capacity(events.len());
        let mut last = 0;
        for (event, body) in events.into_iter().zip(bodies) {
            last = event.seq;
            let line = export_line(&self.inner.store_id, &event, &body, &texts, prev)?;
            prev = event.link;
            out.push(line);
        }
        Ok((out, last))
    }
}

/// One export line of a stored event.
pub fn export_line<S: std::hash::BuildHasher>(
    store_id: &str,
    event: &Stored,
    body: &serde_json::Value,
    texts: &HashMap<i64, StoredText, S>,
    prev: trail::Link,
) -> Answered<String> {
    let broken = |what: &str| Fault::Broken(format!("event {} has {what}", event.seq));
    let texts = export::references(body)
        .into_iter()
        .map(|reference| {
            let stored = texts.get(&reference.id);
            export::Text {
                name: reference.name.into(),
                salt: stored.and_then(|t| t.salt.as_deref()).map(Cow::Borrowed),
                hash: reference.hash,
                text: stored.and_then(|t| t.words.as_deref()).map(Cow::Borrowed),
            }
        })
        .collect();
    let line = export::Line {
        seq: u64::try_from(event.seq).map_err(|_| broken("a negative number"))?,
        at: event.at,
        store: store_id.into(),
        subject: event.subject.as_str().into(),
        kind: event.kind.as_str().into(),
        actor: export::Actor::from_stored(&event.actor),
        policy: event.policy.as_str().into(),
        body: export::Body(event.body.as_str().into()),
        texts,
        prev,
        hash: event.link,
    };
    serde_json::to_string(&line).map_err(|error| Fault::Broken(error.to_string()))
}

fn event_view(event: Stored, mut body: serde_json::Value, texts: &HashMap<i64, String>) -> EventView {
    reveal(&mut body, texts);
    let actor: Option<Actor> = event.actor.parse().ok();
    EventView {
        seq: event.seq,
        at: event.at,
        subject: event.subject,
        kind: event.kind,
        actor: actor.as_ref().map_or_else(|| event.actor.clone(), Actor::id),
        via: actor.as_ref().map_or(crate::access::Via::Replica, Actor::via),
        policy: event.policy,
        body,
        link: event.link.to_string(),
    }
}

/// Puts the words where the body has only their number and hash.
fn reveal(value: &mut serde_json::Value, texts: &HashMap<i64, String>) {
    use serde_json::Value;
    match value {
        Value::Object(map) => {
            let id = map.get("text").and_then(Value::as_i64).filter(|_| map.contains_key("hash"));
            match id {
                Some(id) => *value = texts.get(&id).map_or(Value::Null, |words| Value::String(words.clone())),
                None => map.values_mut().for_each(|value| reveal(value, texts)),
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| reveal(value, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Until when somebody's turn lasts: the next hand-over of a rota that names them now. Whoever is on duty without a rota is
/// so without an end.
fn turn_ends(policy: &Policy, id: &PersonId, at: Instant) -> Option<Instant> {
    let mine = policy.rotas.values().filter(|rota| rota.at(at) == Some(id));
    mine.filter_map(|rota| rota.next_turns(at, TURNS).into_iter().find(|(_, who)| who != id))
        .map(|(from, _)| from)
        .min()
}

/// Who is asked next where somebody is asked first, if that is one person everywhere.
fn backup(policy: &Policy, id: &PersonId, at: Instant) -> Option<PersonId> {
    let asked = policy.systems.values().map(|system| policy.eligible(system, Kind::Emergency, at));
    let seconds = asked.filter(|asked| asked.first().is_some_and(|(first, _)| first == id));
    let mut seconds = seconds.filter_map(|asked| asked.get(1).map(|(who, _)| who.clone()));
    let first = seconds.next()?;
    seconds.all(|other| other == first).then_some(first)
}

/// The piles in which requests of these statuses can lie.
fn phases(statuses: &[Status]) -> Vec<Phase> {
    let of = |status: &Status| match status {
        Status::Pending | Status::SentBack => vec![Phase::Asking],
        Status::Approved | Status::Granting | Status::Active | Status::Ending => vec![Phase::Held],
        // A lapse holds before its event is written.
        Status::Lapsed => vec![Phase::Asking, Phase::Closed],
        Status::Removed | Status::Denied | Status::Withdrawn | Status::Failed => vec![Phase::Closed],
    };
    let mut phases: Vec<Phase> = statuses.iter().flat_map(of).collect();
    phases.dedup();
    phases
}

fn statuses(text: Option<&str>) -> Answered<Vec<Status>> {
    let words = text.unwrap_or_default().split(',').map(str::trim).filter(|word| !word.is_empty());
    words
        .map(|word| {
            Status::ALL.iter().copied().find(|status| status.word() == word).ok_or_else(|| {
                let all: Vec<&str> = Status::ALL.iter().map(|status| status.word()).collect();
                Fault::Refused(Refusal::malformed(
                    "status",
                    format!("there is no status {word:?}"),
                    format!("use one of {}", all.join(", ")),
                ))
            })
        })
        .collect()
}

//! Commands on their way to the one write: worked out before, sent, and tried again when the policy moved meanwhile.

use super::asking::name;
use super::ruling::Ruling;
use super::view::text_ids;
use super::{Answered, Fault, Key, Service, Verb};
use crate::access::channel::{BadChannel, ChannelName};
use crate::access::command::{Command, Prepared, Terms};
use crate::access::due::visits;
use crate::access::{Actor, Code, Refusal, Request, RequestNumber, Subject};
use crate::checks::{self, Past};
use crate::store::{self, Act, Done, LeaseAsk, Queue, WriteError};
use crate::text::{Length, PersonId, RoleId};
use crate::wire::{ApproveBody, CredentialView, ExtendBody, FreezeBody, RequestView, RevokeBody, RevokedView};
use futures_util::future::BoxFuture;
use std::sync::Arc;

/// How often a command is worked out anew when the policy moved meanwhile.
const TRIES: usize = 4;
/// Refusals recorded for one person in one minute.
const RECORDED: u32 = 10;

impl Service {
    /// Sends one command; a refusal for want of a right is recorded.
    pub(super) async fn send(
        &self,
        actor: &Actor,
        subject: Option<Subject>,
        command: Command,
        key: Option<&Key>,
    ) -> Answered<Done> {
        let word = command.word();
        // What became of what was told never stands before somebody who decides.
        let urgent = actor.person().is_some() && !matches!(command, Command::Delivered { .. });
        let queue = if urgent { Queue::People } else { Queue::Machine };
        let key = key.map(|key| store::Key { key: key.key.clone(), body_hash: key.body_hash.clone() });
        let act = Act { subject: subject.clone(), actor: actor.clone(), command, key, queue };
        match self.inner.store.act(act).await {
            Ok(done) => Ok(done),
            Err(WriteError::Store(error)) => Err(error.into()),
            Err(WriteError::Refused(refusal)) => {
                if refusal.code.without_right() && actor.person().is_some() {
                    self.record_refusal(actor, subject, word, &refusal).await;
                }
                Err(Fault::Refused(refusal))
            }
        }
    }

    async fn record_refusal(&self, actor: &Actor, subject: Option<Subject>, act: &str, refusal: &Refusal) {
        let Some(person) = actor.person() else { return };
        let Some(count) = self.inner.refused.count(person, self.inner.clock.now().at, RECORDED) else { return };
        let subject = subject.unwrap_or_else(|| Subject::Person(person.clone()));
        let command = Command::RecordRefusal { act: act.to_owned(), code: refusal.code.word().to_owned(), count };
        let act = Act { subject: Some(subject), actor: actor.clone(), command, key: None, queue: Queue::Machine };
        if let Err(error) = self.inner.store.act(act).await {
            tracing::warn!(%error, "a refusal was not recorded");
        }
    }

    /// Works a command out under the ruling policy and sends it; again when the policy moved meanwhile.
    pub(super) async fn work_out<'a>(
        &'a self,
        actor: &Actor,
        subject: Option<Subject>,
        key: &Key,
        make: impl Fn(Arc<Ruling>) -> BoxFuture<'a, Answered<Command>> + Send + Sync,
    ) -> Answered<Done> {
        let mut last = None;
        for _ in 0..TRIES {
            let ruling = self.ruling().await?;
            let command = make(ruling).await?;
            match self.send(actor, subject.clone(), command, Some(key)).await {
                Err(Fault::Refused(refusal)) if refusal.code == Code::PolicyMoved => {
                    self.refresh_ruling().await?;
                    last = Some(refusal);
                }
                other => return other,
            }
        }
        Err(last.map_or_else(|| Fault::Broken("no try was made".into()), Fault::Refused))
    }

    /// The view after a command, for the one who sent it.
    pub(super) async fn answer(&self, actor: &Actor, done: Done) -> Answered<RequestView> {
        let request = done.request.ok_or_else(|| Fault::Broken("a command about a request left none".into()))?;
        let mut texts = self.inner.board.texts(request.number);
        texts.extend(done.texts);
        let missing: Vec<i64> = text_ids(&request).into_iter().filter(|id| !texts.contains_key(id)).collect();
        texts.extend(self.texts(&missing).await?);
        self.view_of(actor, &request, done.work.as_ref(), &texts).await
    }

    /// As [`Service::visible`], as the board has it: for what the write looks at again.
    async fn visible_here(&self, actor: &Actor, id: RequestNumber) -> Answered<Arc<Request>> {
        let there = if self.is_current().await { self.inner.board.request(id) } else { None };
        let Some(request) = there else { return self.visible(actor, id).await.map(Arc::new) };
        let ruling = self.ruling().await?;
        match actor.person() {
            Some(person) if crate::access::who::may_see(&ruling.policy, &request, person, self.now().at) => Ok(request),
            _ => Err(Fault::Refused(Refusal::no_request(id))),
        }
    }

    /// The request, if this person may see it; the same answer as unknown if not.
    pub(super) async fn visible(&self, actor: &Actor, id: RequestNumber) -> Answered<Request> {
        let ruling = self.ruling().await?;
        let person = actor.person().ok_or_else(|| Fault::Refused(Refusal::no_request(id)))?;
        match self.inner.store.request(id).await? {
            Some((request, _)) if crate::access::who::may_see(&ruling.policy, &request, person, self.now().at) => {
                Ok(request)
            }
            _ => Err(Fault::Refused(Refusal::no_request(id))),
        }
    }

    pub(super) async fn do_approve(
        &self,
        actor: &Actor,
        id: RequestNumber,
        body: ApproveBody,
        key: Key,
    ) -> Answered<RequestView> {
        self.ready()?;
        let Some(as_of) = body.as_of else { return Err(wants_as_of()) };
        let body = &body;
        let make = |ruling: Arc<Ruling>| -> BoxFuture<'_, _> {
            Box::pin(async move {
                let request = self.visible_here(actor, id).await?;
                let now = self.now();
                let zone = super::asking::zone(&ruling.policy, actor, body.window.zone.as_deref())?;
                let terms = Terms {
                    from: super::asking::instant("from", body.window.from.as_deref(), zone, now.at)?,
                    until: super::asking::instant("until", body.window.until.as_deref(), zone, now.at)?,
                    length: super::asking::length(body.window.for_seconds)?,
                    role: body.role.as_deref().map(|role| name::<RoleId>("role", role)).transpose()?,
                };
                let prepared = self.prepare(&ruling, &request, &terms).await?;
                let words = body.words.clone();
                Ok(Command::Approve { as_of, unseen: body.unseen, terms, words, prepared })
            })
        };
        let done = self.work_out(actor, Some(Subject::Request(id)), &key, make).await?;
        self.answer(actor, done).await
    }

    /// The checks as they stand now, and where the access would go.
    async fn prepare(&self, ruling: &Ruling, request: &Request, terms: &Terms) -> Answered<Prepared> {
        let id = request.ask.task.id;
        let task = match self.inner.board.text(request.number, id) {
            Some(task) => task,
            None => self.texts(&[id]).await?.remove(&id).unwrap_or_default(),
        };
        let role = terms.role.as_ref().unwrap_or(&request.ask.role);
        let system = ruling.policy.systems.get(&request.ask.system);
        let asked = system.and_then(|system| Some((system, system.role(request.ask.role.as_str())?)));
        let (user, not) = (&request.ask.user, Some(request.number));
        let (open, past) = match asked {
            Some((system, role)) => (
                self.open_of(user, (system, role), not).await?,
                self.past_of(ruling, user, (&system.id, role), not).await?,
            ),
            None => (None, Past::default()),
        };
        let view = super::asking::view(ruling, request, &task, open.as_slice(), &past, self.now().at);
        let checks = view.map(|view| checks::run(&view));
        Ok(Prepared {
            policy: ruling.hash.clone(),
            ask_seq: request.ask_seq,
            checks: checks.unwrap_or_default(),
            placement: ruling.placement(&self.inner.store_id, request, role),
        })
    }

    pub(super) async fn do_extend(
        &self,
        actor: &Actor,
        id: RequestNumber,
        body: ExtendBody,
        key: Key,
    ) -> Answered<RequestView> {
        self.ready()?;
        let Some(as_of) = body.as_of else { return Err(wants_as_of()) };
        let request = self.visible(actor, id).await?;
        let ruling = self.ruling().await?;
        let now = self.now();
        let zone = super::asking::zone(&ruling.policy, actor, body.window.zone.as_deref())?;
        let asked = super::asking::asked(&body.window, zone, now.at)?;
        let approver = match &body.approver {
            Some(approver) => super::asking::named(
                &ruling.policy,
                approver,
                request.ask.kind,
                &[&request.requester, &request.ask.user],
                now.at,
            )?,
            None => super::asking::first(
                &ruling.policy,
                &request.ask.system,
                request.ask.kind,
                &[&request.requester, &request.ask.user],
                now.at,
            )
            .unwrap_or_else(|| request.ask.approver.clone()),
        };
        let command = Command::Extend { as_of, asked, done: body.done, remaining: body.remaining, approver };
        let done = self.send(actor, Some(Subject::Request(id)), command, Some(&key)).await?;
        self.answer(actor, done).await
    }

    pub(super) async fn do_verb(
        &self,
        actor: &Actor,
        id: RequestNumber,
        verb: Verb,
        key: Key,
    ) -> Answered<RequestView> {
        self.ready()?;
        self.visible_here(actor, id).await?;
        let command = match verb {
            Verb::Withdraw => Command::Withdraw,
            Verb::Claim { release } => Command::Claim { release },
            Verb::Acknowledge => Command::Acknowledge,
            Verb::Note(body) => Command::Note { words: body.words },
            Verb::Deny(body) => Command::Deny { as_of: body.as_of, words: body.words },
            Verb::SendBack(body) => Command::SendBack { as_of: body.as_of, words: body.words, codes: body.codes },
            Verb::Revoke(body) => Command::Revoke { words: body.words },
            Verb::HandBack(body) => {
                Command::HandBack { changed: body.changed, checked: body.checked, follow_up: body.follow_up }
            }
            Verb::Undo => Command::Undo,
            Verb::Retry => Command::Retry,
            Verb::HandOver { to } => Command::HandOver { to: name("to", &to)? },
            Verb::Attest(body) => Command::Attest { words: body.words },
            Verb::Delivered(body) => {
                Command::Delivered { of: body.of, channel: channel(&body.channel)?, fault: body.fault }
            }
        };
        let done = self.send(actor, Some(Subject::Request(id)), command, Some(&key)).await?;
        self.answer(actor, done).await
    }

    pub(super) async fn do_credential(
        &self,
        actor: &Actor,
        id: RequestNumber,
        public_key: Option<String>,
    ) -> Answered<CredentialView> {
        self.ready()?;
        if public_key.is_some() {
            return Err(Fault::Refused(Refusal::new(
                Code::NoCredential,
                "this provisioner signs no keys",
                "leave --public-key out",
            )));
        }
        let request = self.visible(actor, id).await?;
        let (provisioner, spec) = self.placed(Some(&request), None).await.map_err(|sentence| {
            Fault::Refused(Refusal::new(Code::WrongState, sentence, "it has to be approved first"))
        })?;
        // The intent is written before the act: a credential that was minted is always in the record.
        self.send(actor, Some(Subject::Request(id)), Command::Collect, None).await?;
        let key = request.held().map(|held| held.placement.access_key.clone()).unwrap_or_default();
        let limit = provisioner.time_limit();
        let ask = LeaseAsk {
            target: provisioner.target().to_owned(),
            removals: false,
            limit: 1,
            holds: Length::from_millis(limit.millis() + 5_000),
            replica: self.inner.replica.clone(),
            only: Some(key),
        };
        let Some(leased) = self.inner.store.lease(ask).await?.pop() else {
            return Err(Fault::Away("the target is being changed just now; try again in a moment".into()));
        };
        let now = self.now().at;
        let rest = request.held().and_then(|held| visits(&[held], now).into_iter().next()).unwrap_or(now);
        let minted = self.inner.clock.within(limit.to_std(), provisioner.hand(&spec)).await;
        self.inner.store.give_back(&self.inner.replica, &[(leased.access_key, leased.attempt)], rest).await?;
        let kind = self.kind_of(&request).await?;
        match minted {
            Some(Ok(credential)) => Ok(CredentialView { credential: credential.reveal().clone(), kind }),
            Some(Err(fault)) => Err(Fault::Refused(Refusal::new(
                Code::NoCredential,
                fault.sentence,
                "the role's description says how it is used",
            ))),
            None => Err(Fault::Away("the target did not answer in time; try again".into())),
        }
    }

    async fn kind_of(&self, request: &Request) -> Answered<String> {
        let Some(held) = request.held() else { return Ok(String::new()) };
        let ruling = self.inner.rulings.of(&held.decision.policy).await?;
        Ok(ruling.policy.provisioners.get(&held.placement.target).map(|p| p.kind.clone()).unwrap_or_default())
    }

    pub(super) async fn do_revoke_many(&self, actor: &Actor, body: RevokeBody, key: Key) -> Answered<RevokedView> {
        self.ready()?;
        let live = {
            let [person, system, ticket] = whose(&body)?;
            self.inner.store.live_by(person, system, ticket).await?
        };
        let mut ids = Vec::new();
        for id in live {
            if self.visible(actor, id).await.is_ok() {
                ids.push(id);
            }
        }
        if ids.len() != body.count {
            return Err(Fault::Refused(Refusal::new(
                Code::Changed,
                format!("there are {} live grants now, not {}", ids.len(), body.count),
                "list them again and name their count",
            )));
        }
        let mut view = RevokedView { ended: Vec::new(), refused: Vec::new() };
        for id in ids {
            let key = Key { key: format!("{}.{}", key.key, id.0), body_hash: key.body_hash.clone() };
            let command = Command::Revoke { words: body.words.clone() };
            match self.send(actor, Some(Subject::Request(id)), command, Some(&key)).await {
                Ok(_) => view.ended.push(id.0),
                Err(Fault::Refused(refusal)) => view.refused.push((id.0, refusal.sentence)),
                Err(other) => return Err(other),
            }
        }
        Ok(view)
    }

    pub(super) async fn do_freeze(&self, actor: &Actor, body: FreezeBody, thaw: bool, key: Key) -> Answered<()> {
        let system = body.system.as_deref().map(|system| name("system", system)).transpose()?;
        let subject = system.clone().map_or(Subject::Store, Subject::System);
        let command = if thaw {
            Command::Thaw { system, words: body.words }
        } else {
            Command::Freeze { system, words: body.words }
        };
        self.send(actor, Some(subject), command, Some(&key)).await?;
        Ok(())
    }
}

/// Exactly one of a person, a system and a ticket.
fn whose(body: &RevokeBody) -> Answered<[Option<&str>; 3]> {
    let whose = [body.person.as_deref(), body.system.as_deref(), body.ticket.as_deref()];
    if whose.iter().flatten().count() == 1 {
        return Ok(whose);
    }
    Err(Fault::Refused(Refusal::malformed("person", "or system or ticket: name exactly one", "use --person P")))
}

fn channel(text: &str) -> Answered<ChannelName> {
    let hint = "name desktop, terminal or hook";
    text.parse().map_err(|bad: BadChannel| Fault::Refused(Refusal::malformed("channel", bad, hint)))
}

fn wants_as_of() -> Fault {
    Fault::Refused(Refusal::malformed("as_of", "is missing", "name the version that you read"))
}

/// How many refusals of one person were recorded in this minute.
#[derive(Default)]
pub(super) struct Refused(std::sync::Mutex<std::collections::HashMap<PersonId, (i64, u32, u32)>>);

impl Refused {
    /// How many refusals one event stands for: `None` where this minute has enough of them.
    fn count(&self, person: &PersonId, at: crate::text::Instant, most: u32) -> Option<u32> {
        let minute = at.millis().div_euclid(60_000);
        let mut counts = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (when, written, held) = counts.entry(person.clone()).or_insert((minute, 0, 0));
        if *when != minute {
            (*when, *written) = (minute, 0);
        }
        if *written >= most {
            *held += 1;
            return None;
        }
        *written += 1;
        Some(std::mem::take(held) + 1)
    }
}

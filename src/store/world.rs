//! What one batch knows, and what its commands make of it, in memory: each command sees what those before it made, and a
//! refused one leaves nothing. No SQL, no clock; the only chance is the salts'.

use super::act::{Act, Done, WriteError};
use super::fault::StoreError;
use super::head::Head;
use super::keep::{Stored, TokenRow, number, split};
use super::policies::{Policies, Ruling, laid};
use super::slots::{KnownSlots, Slots};
use super::work::{Cause, WorkRow, changes_what_is_wanted, derive};
use crate::access::command::Command;
use crate::access::due::{Phase, phase};
use crate::access::facts::{Frozen, Lease};
use crate::access::{
    Actor, Code, Event, Facts, Now, Place, Refusal, Request, RequestNumber, Subject, apply, decide, status,
};
use crate::secret;
use crate::text::{Instant, SystemId};
use crate::trail::link::hex;
use crate::trail::{Record, SALT_BYTES, text_hash};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// A free text on its way into its table.
#[derive(Debug, Clone)]
#[allow(clippy::struct_field_names, reason = "the words of the table")]
pub(super) struct Words {
    pub id: i64,
    pub subject: String,
    pub salt: String,
    pub words: String,
}

/// What a repeated command is answered with.
#[derive(Debug, Clone)]
pub(super) struct KeyRow {
    pub actor: String,
    pub key: String,
    pub body_hash: String,
    pub request: Option<i64>,
    pub seq: i64,
    pub at: Instant,
}

/// What the batch has to write.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub events: Vec<Stored>,
    pub texts: Vec<Words>,
    pub keys: Vec<KeyRow>,
    pub requests: BTreeSet<RequestNumber>,
    pub work: BTreeSet<String>,
    /// A freeze with its event and its words' text; `None` thaws.
    pub frozen: BTreeMap<String, Option<(i64, Instant, String, i64)>>,
    /// Tokens that were made, and tokens that were ended.
    pub made: BTreeSet<i64>,
    pub ended: BTreeSet<i64>,
    pub erased: Vec<i64>,
}

impl Changes {
    /// Whether there is nothing to write.
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty() && self.keys.is_empty() && self.work.is_empty()
    }
}

/// What one batch knows.
pub(super) struct World {
    pub head: Head,
    pub ruling: Ruling,
    /// What was read of each calendar.
    pub slots: Arc<KnownSlots>,
    pub requests: BTreeMap<RequestNumber, Arc<Request>>,
    pub work: BTreeMap<String, WorkRow>,
    pub frozen: Vec<Frozen>,
    pub keys: HashMap<(String, String), KeyRow>,
    pub tokens: BTreeMap<i64, TokenRow>,
    pub last_token: i64,
    /// The texts that exist, of those to be erased.
    pub texts: HashSet<i64>,
    pub changes: Changes,
}

/// The instant of a batch: what is recorded, and what ends are judged by. Neither is before the head.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub recorded: Instant,
    pub now: Now,
}

impl World {
    /// Does `act`, or leaves everything as it was.
    pub(super) fn act(&mut self, act: &Act, moment: Moment, policies: &Policies) -> Result<Done, WriteError> {
        if let Some(why) = self.head.too_new()
            && !matches!(act.command, Command::ReportRemoval(_))
        {
            return Err(StoreError::Refused(why).into());
        }
        if let Some(done) = self.replay(act)? {
            return Ok(done);
        }
        self.ruled(act)?;
        let command = self.numbered(&act.command);
        let subject = self.subject(act, &command);
        let events = self.decide(&subject, &act.actor, &command, moment.now)?;
        self.guard(&command)?;
        let policy = match (&*command, events.is_empty()) {
            (Command::ChangePolicy { text, .. }, false) => Some(
                policies
                    .read(text)
                    .map_err(|fault| Refusal::malformed("policy", fault, "mend the policy and apply it again"))?,
            ),
            _ => None,
        };
        let sealed = self.seal(events, &subject)?;
        // From here on nothing can fail.
        let count = sealed.len();
        let wanted = sealed.iter().any(|(event, ..)| changes_what_is_wanted(event));
        let mut written = Vec::new();
        for (event, kind, body, texts) in sealed {
            self.append(&event, kind, body, &subject, &act.actor, moment.recorded);
            written.extend(texts.iter().map(|text| (text.id, text.words.clone())));
            self.changes.texts.extend(texts);
            self.beside(&event, &subject, &act.actor, &command, moment.recorded);
        }
        self.reckon(&subject, &command, moment, wanted, count > 0);
        if policy.is_some()
            && let Command::ChangePolicy { hash, text, .. } = &*command
        {
            self.ruling = laid(&policies.keep(hash, text, self.head.seq * 16), &self.slots);
            self.head.policy.clone_from(hash);
        }
        self.remember(act, &subject, moment.recorded);
        let request = number(&subject).and_then(|number| self.requests.get(&number).cloned());
        let work = request.as_ref().and_then(|request| self.work_of(request)).cloned();
        let (seq, at) = (self.head.seq, moment.recorded);
        Ok(Done { seq, request, work, texts: written, replay: false, events: count, at })
    }

    /// What was answered before under the same key.
    fn replay(&self, act: &Act) -> Result<Option<Done>, WriteError> {
        let Some(key) = &act.key else { return Ok(None) };
        let Some(row) = self.keys.get(&(act.actor.id(), key.key.clone())) else { return Ok(None) };
        if row.body_hash != key.body_hash {
            let sentence = "this idempotency key was used before, with another body";
            return Err(Refusal::new(Code::KeyReused, sentence, "make a new key for each command").into());
        }
        let request = row.request.and_then(|number| self.requests.get(&RequestNumber(number)).cloned());
        let work = request.as_ref().and_then(|request| self.work_of(request)).cloned();
        Ok(Some(Done { seq: row.seq, request, work, texts: Vec::new(), replay: true, events: 0, at: row.at }))
    }

    /// Whether there is a policy to act by.
    fn ruled(&self, act: &Act) -> Result<(), WriteError> {
        if matches!(act.command, Command::ChangePolicy { .. }) {
            return Ok(());
        }
        if self.ruling.hash.is_empty() {
            let hint = "start its server once: nightlatch serve applies the file that server.toml names as policy";
            return Err(Refusal::new(Code::Starting, "this store has no policy yet", hint).into());
        }
        match (&self.ruling.fault, act.actor.person()) {
            (Some(fault), Some(_)) => {
                let sentence =
                    format!("the ruling policy cannot be read ({fault}): apply one that can. Removals go on");
                Err(StoreError::Broken(sentence).into())
            }
            _ => Ok(()),
        }
    }

    /// A new token gets its number here when it has none.
    fn numbered<'c>(&self, command: &'c Command) -> Cow<'c, Command> {
        let mut command = Cow::Borrowed(command);
        if matches!(&*command, Command::CreateToken { token: 0, .. })
            && let Command::CreateToken { token, .. } = command.to_mut()
        {
            *token = self.last_token + 1;
        }
        command
    }

    /// What `act` is about; what the command itself names goes before what the caller says.
    fn subject(&self, act: &Act, command: &Command) -> Subject {
        let of = |system: &Option<SystemId>| system.clone().map_or(Subject::Store, Subject::System);
        match command {
            Command::File { .. } => Subject::Request(RequestNumber(self.head.number + 1)),
            Command::Freeze { system, .. } | Command::Thaw { system, .. } => of(system),
            Command::ChangePolicy { .. } | Command::RefusePolicy { .. } | Command::ChangeRota { .. } => Subject::Policy,
            Command::CreateToken { person, .. } | Command::EndToken { person, .. } => Subject::Person(person.clone()),
            Command::Erase { .. }
            | Command::AcceptClock { .. }
            | Command::AcceptLoss { .. }
            | Command::ChangeKey { .. } => Subject::Store,
            _ => act.subject.clone().unwrap_or(Subject::Store),
        }
    }

    fn decide(&self, subject: &Subject, actor: &Actor, command: &Command, now: Now) -> Result<Vec<Event>, WriteError> {
        let request = number(subject).and_then(|number| self.requests.get(&number)).map(Arc::as_ref);
        let open = self.open(command, now.at);
        let (mut holders, mut lease): (Vec<&Request>, Option<Lease>) = (Vec::new(), None);
        if let Some((request, held)) = request.and_then(|request| request.held().map(|held| (request, held))) {
            let key = &held.placement.access_key;
            holders = self.holders(key);
            holders.retain(|other| other.number != request.number);
            lease = self.work.get(key).map(WorkRow::lease);
        }
        let facts = Facts {
            policy: &self.ruling.policy,
            policy_hash: &self.ruling.hash,
            request,
            open: &open,
            holders: &holders,
            frozen: &self.frozen,
            lease: lease.as_ref(),
            next_number: self.head.number + 1,
        };
        let Ok(answer) = catch_unwind(AssertUnwindSafe(|| decide(&facts, actor, command, now))) else {
            let sentence = format!("{} met a fault of nightlatch, and nothing was done: report it", command.word());
            return Err(StoreError::Broken(sentence).into());
        };
        Ok(answer?)
    }

    /// The open requests of the user whom an ask is for.
    fn open(&self, command: &Command, at: Instant) -> Vec<&Request> {
        let (Command::File { filing, .. } | Command::Amend { filing, .. }) = command else { return Vec::new() };
        let open = |request: &&Request| {
            request.ask.user == filing.user && phase(request) != Phase::Closed && !status(request, at).is_over()
        };
        self.requests.values().map(Arc::as_ref).filter(open).take(50).collect()
    }

    /// Every open held request on `key`.
    fn holders(&self, key: &str) -> Vec<&Request> {
        let on_key = |request: &&Request| {
            phase(request) == Phase::Held && request.held().is_some_and(|held| held.placement.access_key == key)
        };
        self.requests.values().map(Arc::as_ref).filter(on_key).collect()
    }

    /// What there is to do about the access of a request.
    pub(super) fn work_of(&self, request: &Request) -> Option<&WorkRow> {
        request
            .held()
            .filter(|_| phase(request) == Phase::Held)
            .and_then(|held| self.work.get(&held.placement.access_key))
    }

    /// What the rules cannot see: rows beside the requests.
    fn guard(&self, command: &Command) -> Result<(), Refusal> {
        match command {
            Command::EndToken { token, person, .. } => {
                match self.tokens.get(token).filter(|row| row.person == *person) {
                    Some(row) if row.revoked_at.is_none() => Ok(()),
                    Some(_) => {
                        let hint = "ask an admin for a new one";
                        Err(Refusal::new(Code::Over, "it was used or revoked before", hint))
                    }
                    None => Err(Refusal::new(Code::NotFound, "there is no such token", "list them first")),
                }
            }
            Command::Erase { texts, .. } => {
                if let Some(id) = texts.iter().find(|id| !self.texts.contains(id)) {
                    return Err(Refusal::malformed("texts", format!("there is no text {id}"), "take ids from show"));
                }
                if texts.iter().any(|id| self.ruling.text == Some(*id)) {
                    let sentence = "holds the ruling policy, which must stay readable";
                    return Err(Refusal::malformed("texts", sentence, "apply another policy first"));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Numbers, salts and hashes the texts of `events`, and fixes the bytes of their bodies.
    fn seal(&self, events: Vec<Event>, subject: &Subject) -> Result<Vec<Sealed>, StoreError> {
        let subject = subject.to_string();
        let mut sealed = Vec::with_capacity(events.len());
        for (seq, mut event) in (self.head.seq + 1..).zip(events) {
            let mut texts = Vec::new();
            for (id, text) in (seq * 16..).zip(event.texts()) {
                let salt = secret::bytes::<SALT_BYTES>().map_err(|fault| StoreError::Broken(fault.to_string()))?;
                text.id = id;
                text.hash = text_hash(&salt, &text.words).to_string();
                let words = std::mem::take(&mut text.words);
                texts.push(Words { id, subject: subject.clone(), salt: hex(&salt), words });
            }
            let (kind, body) = split(&event)?;
            sealed.push((event, kind, body, texts));
        }
        Ok(sealed)
    }

    /// Puts an event at the end of the trail and folds it.
    fn append(&mut self, event: &Event, kind: String, body: String, subject: &Subject, actor: &Actor, at: Instant) {
        let seq = self.head.seq + 1;
        let stored = Stored {
            seq,
            at,
            subject: subject.to_string(),
            kind,
            actor: actor.to_string(),
            policy: self.ruling.hash.clone(),
            body,
            link: self.head.link,
        };
        let link = Record {
            store_id: &self.head.store_id,
            seq: seq.unsigned_abs(),
            at_millis: at.millis(),
            subject: &stored.subject,
            kind: &stored.kind,
            actor: &stored.actor,
            policy: &stored.policy,
            body: &stored.body,
            prev: self.head.link,
        }
        .link();
        self.changes.events.push(Stored { link, ..stored });
        (self.head.seq, self.head.at, self.head.link) = (seq, at, link);
        self.head.format = self.head.format.max(event.format());
        self.head.tree.push(link);
        if let Some(number) = number(subject) {
            let place = Place { seq, at, actor, policy: &self.ruling.hash };
            let before = self.requests.remove(&number).map(Arc::unwrap_or_clone);
            if let Some(request) = apply(before, number, event, place) {
                self.requests.insert(number, Arc::new(request));
                self.changes.requests.insert(number);
            }
            self.head.number = self.head.number.max(if matches!(event, Event::Filed { .. }) { number.0 } else { 0 });
        }
    }

    /// The rows beside the requests that an event moves.
    fn beside(&mut self, event: &Event, subject: &Subject, actor: &Actor, command: &Command, at: Instant) {
        let system = |subject: &Subject| match subject {
            Subject::System(id) => Some(id.clone()),
            _ => None,
        };
        match (event, command) {
            (Event::RotaChanged { rota, calendar, from, until, slots }, _) => {
                let known = Slots { calendar: calendar.clone(), from: *from, until: *until, slots: slots.clone() };
                Arc::make_mut(&mut self.slots).insert(rota.clone(), known);
                self.ruling = laid(&self.ruling, &self.slots);
            }
            (Event::Frozen { words }, _) => {
                let system = system(subject);
                self.frozen.retain(|frozen| frozen.system != system);
                self.frozen.push(Frozen { system, by: actor.clone(), at });
                let row = (self.head.seq, at, actor.to_string(), words.id);
                self.changes.frozen.insert(subject.to_string(), Some(row));
            }
            (Event::Thawed { .. }, _) => {
                let system = system(subject);
                self.frozen.retain(|frozen| frozen.system != system);
                self.changes.frozen.insert(subject.to_string(), None);
            }
            (_, Command::CreateToken { person, name, invitation, hash, expires_at, token }) => {
                let row = TokenRow {
                    id: *token,
                    person: person.clone(),
                    invitation: *invitation,
                    name: name.clone(),
                    hash: hash.clone(),
                    created_at: at,
                    expires_at: *expires_at,
                    used_at: None,
                    revoked_at: None,
                };
                self.last_token = self.last_token.max(*token);
                self.tokens.insert(*token, row);
                self.changes.made.insert(*token);
            }
            (_, Command::EndToken { token, used, .. }) => {
                if let Some(row) = self.tokens.get_mut(token) {
                    if *used {
                        row.used_at = Some(at);
                    }
                    if !*used || row.invitation {
                        row.revoked_at = Some(at);
                    }
                    self.changes.ended.insert(*token);
                }
            }
            (_, Command::Erase { texts, .. }) => self.changes.erased.extend(texts),
            _ => {}
        }
    }

    /// Works out when the target is visited next.
    fn reckon(&mut self, subject: &Subject, command: &Command, moment: Moment, wanted: bool, recorded: bool) {
        let cause = match command {
            Command::ReportGrant(report) => Cause::Reported { report, granting: true, recorded },
            Command::ReportRemoval(report) => Cause::Reported { report, granting: false, recorded },
            _ if wanted => Cause::Wanted,
            _ => return,
        };
        let request = number(subject).and_then(|number| self.requests.get(&number));
        let held = request.and_then(|request| request.held());
        let Some(key) = held.map(|held| held.placement.access_key.clone()) else { return };
        match derive(self.work.get(&key), &self.holders(&key), (moment.now.at, moment.recorded), cause) {
            Some(work) => drop(self.work.insert(key.clone(), work)),
            None => drop(self.work.remove(&key)),
        }
        self.changes.work.insert(key);
    }

    /// Writes the key down, so that the same command again is answered with this one.
    fn remember(&mut self, act: &Act, subject: &Subject, at: Instant) {
        let Some(key) = &act.key else { return };
        let row = KeyRow {
            actor: act.actor.id(),
            key: key.key.clone(),
            body_hash: key.body_hash.clone(),
            request: number(subject).map(|number| number.0),
            seq: self.head.seq,
            at,
        };
        self.keys.insert((row.actor.clone(), row.key.clone()), row.clone());
        self.changes.keys.push(row);
    }
}

/// An event whose bytes are fixed: itself, its kind, its body, its texts.
type Sealed = (Event, String, String, Vec<Words>);

//! A world without store, clock or target: a policy read from its text, requests folded from their events, leases counted.
//! Everything that happens in it goes through `access::decide`, as it does in the house.

use nightlatch::access::command::{Filing, Outcome, Prepared, Report, Terms};
use nightlatch::access::decide::said;
use nightlatch::access::event::{Observed, Placement};
use nightlatch::access::facts::{Frozen, Lease};
use nightlatch::access::{
    Actor, Asked, Command, Event, Facts, Now, Place, Refusal, Request, RequestNumber, Status, Text, apply, decide, may,
    status,
};
use nightlatch::checks::{self, Open};
use nightlatch::policy::{self, Kind, Policy, Source};
use nightlatch::text::{Instant, Length, PersonId, RoleId, SystemId};
use std::collections::BTreeMap;

/// The kinds of provisioner that a policy may name here.
const KINDS: [&str; 2] = ["command", "files"];
/// How long a removal may take before it is overdue.
pub const BOUND: Length = Length::from_seconds(5);
/// The role of which one user's grants share one access in the target.
pub const SHARED: &str = "member";

/// One line of the record.
#[derive(Debug, Clone)]
pub struct Written {
    pub seq: i64,
    pub at: Instant,
    pub number: Option<RequestNumber>,
    pub actor: Actor,
    pub policy: String,
    pub event: Event,
}

/// All that there is.
pub struct World {
    pub now: Now,
    pub policy: Policy,
    pub policy_text: String,
    pub policy_hash: String,
    pub requests: BTreeMap<RequestNumber, Request>,
    pub record: Vec<Written>,
    pub frozen: Vec<Frozen>,
    leases: BTreeMap<String, (Lease, bool)>,
    texts: Vec<String>,
    policies: usize,
}

impl World {
    pub fn new(policy_text: &str, at: Instant) -> Self {
        let mut world = Self {
            now: Now { at, sane: true },
            policy: read(policy_text),
            policy_text: policy_text.to_owned(),
            policy_hash: String::new(),
            requests: BTreeMap::new(),
            record: Vec::new(),
            frozen: Vec::new(),
            leases: BTreeMap::new(),
            texts: Vec::new(),
            policies: 0,
        };
        world.rule(policy_text);
        world
    }

    /// Another policy rules.
    pub fn rule(&mut self, policy_text: &str) {
        self.policy = read(policy_text);
        policy_text.clone_into(&mut self.policy_text);
        self.policies += 1;
        self.policy_hash = format!("policy {}", self.policies);
    }

    pub fn next_number(&self) -> RequestNumber {
        RequestNumber(self.requests.keys().next_back().map_or(101, |last| last.0 + 1))
    }

    /// What `decide` may know, given to `ask`.
    pub fn facts<T>(&self, on: Option<RequestNumber>, user: Option<&PersonId>, ask: impl FnOnce(&Facts<'_>) -> T) -> T {
        let request = on.and_then(|number| self.requests.get(&number));
        let key = request.and_then(Request::held).map(|held| held.placement.access_key.clone());
        let holders: Vec<&Request> = self
            .requests
            .values()
            .filter(|other| Some(other.number) != on)
            .filter(|other| {
                other
                    .held()
                    .is_some_and(|held| held.closed.is_none() && Some(&held.placement.access_key) == key.as_ref())
            })
            .collect();
        let open: Vec<&Request> = self
            .requests
            .values()
            .filter(|request| Some(&request.ask.user) == user && !status(request, self.now.at).is_over())
            .collect();
        ask(&Facts {
            policy: &self.policy,
            policy_hash: &self.policy_hash,
            request,
            open: &open,
            holders: &holders,
            frozen: &self.frozen,
            lease: key.and_then(|key| self.leases.get(&key)).map(|(lease, _)| lease),
            next_number: self.next_number().0,
        })
    }

    /// Somebody wants something: what came of it is written down.
    pub fn act(&mut self, actor: &Actor, on: Option<RequestNumber>, command: &Command) -> Result<Vec<Event>, Refusal> {
        let user = match command {
            Command::File { filing, .. } | Command::Amend { filing, .. } => Some(&filing.user),
            _ => None,
        };
        let events = self.facts(on, user, |facts| decide(facts, actor, command, self.now))?;
        let number = if matches!(command, Command::File { .. }) { Some(self.next_number()) } else { on };
        for event in &events {
            self.write(number, actor, event.clone());
        }
        if let Command::Freeze { system, .. } = command {
            self.frozen.push(Frozen { system: system.clone(), by: actor.clone(), at: self.now.at });
        }
        if let Command::Thaw { system, .. } = command {
            self.frozen.retain(|frozen| frozen.system != *system);
        }
        self.reported(number, command);
        Ok(events)
    }

    /// Seals the texts of an event, writes it down, and folds it.
    pub fn write(&mut self, number: Option<RequestNumber>, actor: &Actor, mut event: Event) {
        for text in event.texts() {
            self.texts.push(std::mem::take(&mut text.words));
            let id = i64::try_from(self.texts.len()).unwrap();
            *text = Text { id, hash: format!("hash of {id}"), words: String::new() };
        }
        let seq = i64::try_from(self.record.len()).unwrap() + 1;
        let policy = self.policy_hash.clone();
        let written = Written { seq, at: self.now.at, number, actor: actor.clone(), policy, event };
        if let Some(number) = number {
            let before = self.requests.remove(&number);
            self.requests.extend(fold(before, &written).map(|after| (number, after)));
        }
        self.record.push(written);
    }

    /// Counts the failures of a lease, as the store does.
    fn reported(&mut self, number: Option<RequestNumber>, command: &Command) {
        let (Command::ReportGrant(report) | Command::ReportRemoval(report)) = command else { return };
        let held = number.and_then(|number| self.requests.get(&number)).and_then(Request::held);
        let Some((lease, _)) = held.and_then(|held| self.leases.get_mut(&held.placement.access_key)) else { return };
        if let Outcome::Failed { sentence, .. } = &report.outcome {
            (lease.failures, lease.error) = (lease.failures + 1, Some(said(sentence)));
        } else {
            (lease.failures, lease.error) = (0, None);
        }
    }

    /// Takes the lease on a request's access, and says which attempt it is.
    pub fn lease(&mut self, number: RequestNumber, removing: bool) -> i64 {
        let Some(held) = self.requests.get(&number).and_then(Request::held) else { return 1 };
        let fresh = Lease { attempt: 0, replica: "one".to_owned(), error: None, failures: 0 };
        let (lease, lane) = self.leases.entry(held.placement.access_key.clone()).or_insert_with(|| (fresh, removing));
        if *lane != removing {
            (lease.failures, lease.error, *lane) = (0, None, removing);
        }
        lease.attempt += 1;
        lease.attempt
    }

    pub fn report(&self, attempt: i64, outcome: Outcome) -> Report {
        Report { attempt, outcome, retry_at: self.now.at.plus(Length::from_seconds(1)), spooled: None }
    }

    pub fn observed(&self, present: bool) -> Observed {
        let evidence = Text::draft(if present { "it is there" } else { "it is not there" });
        Observed { at: self.now.at, present, until: None, sessions: None, evidence }
    }

    pub fn words_of(&self, text: &Text) -> &str {
        &self.texts[usize::try_from(text.id).unwrap() - 1]
    }

    /// The user's other open requests on a system, as the checks see them.
    fn open_of(&self, user: &PersonId, system: &SystemId, not: Option<RequestNumber>) -> Vec<Open> {
        use Status::{Active, Approved, Granting, Pending};
        let at = self.now.at;
        self.requests
            .values()
            .filter(|request| request.ask.user == *user && request.ask.system == *system)
            .filter(|request| Some(request.number) != not)
            .filter(|request| matches!(status(request, at), Pending | Approved | Granting | Active))
            .map(|request| Open {
                number: request.number.to_string(),
                role: request.role().clone(),
                until: request
                    .held()
                    .map_or_else(|| request.ask.asked.window_if_approved(at).until, |held| held.window.until),
                held: request.held().is_some(),
            })
            .collect()
    }

    /// What the service works out before somebody files or amends.
    pub fn prepare(&self, requester: &PersonId, filing: &Filing, amends: Option<RequestNumber>) -> Prepared {
        let ask_seq = amends.and_then(|number| self.requests.get(&number)).map_or(0, |request| request.ask_seq);
        let mut prepared = Prepared { policy: self.policy_hash.clone(), ask_seq, checks: Vec::new(), placement: None };
        let system = self.policy.systems.get(&filing.system);
        if let Some((system, role)) = system.and_then(|system| Some((system, system.role(filing.role.as_str())?))) {
            let window = filing.asked.window_if_approved(self.now.at);
            prepared.checks = checks::run(&checks::View {
                policy: &self.policy,
                system,
                role,
                kind: filing.kind,
                task: &filing.task,
                ticket: filing.ticket.as_deref(),
                requester,
                user: &filing.user,
                approver: &filing.approver,
                length: window.length(),
                until: window.until,
                open: &self.open_of(&filing.user, &filing.system, amends),
                past: &checks::Past::default(),
                at: self.now.at,
            });
        }
        prepared
    }

    /// What the service works out before somebody approves.
    pub fn prepare_approval(&self, number: RequestNumber, terms: &Terms) -> Prepared {
        let Some(request) = self.requests.get(&number) else { return Prepared::default() };
        let ask = &request.ask;
        let filing = Filing {
            system: ask.system.clone(),
            role: ask.role.clone(),
            task: self.words_of(&ask.task).to_owned(),
            asked: ask.asked,
            kind: ask.kind,
            ticket: ask.ticket.clone(),
            user: ask.user.clone(),
            approver: ask.approver.clone(),
        };
        let mut prepared = self.prepare(&request.requester, &filing, Some(number));
        prepared.placement = self.placement(request, terms.role.as_ref().unwrap_or(&ask.role));
        prepared
    }

    fn placement(&self, request: &Request, role: &RoleId) -> Option<Placement> {
        let ask = &request.ask;
        let target = self.policy.systems.get(&ask.system)?.role(role.as_str())?.provisioner.clone();
        let user = self.policy.person(&ask.user).map(|_| &ask.user)?;
        let access_key = if role.as_str() == SHARED {
            format!("{target}/{role}/{user}")
        } else {
            format!("{target}/{}/{user}", request.number.0)
        };
        Some(Placement { access_key, target, bound: BOUND })
    }

    /// Whom a request goes to when nobody is named, as the service chooses.
    pub fn asked_first(&self, system: &SystemId, kind: Kind, not: &[&PersonId]) -> Option<PersonId> {
        let system = self.policy.systems.get(system)?;
        let may = checks::may_decide(&self.policy, system, kind, self.now.at, not);
        may.first().map_or_else(|| Some(system.owner.clone()), |(who, _)| Some(who.clone()))
    }

    /// Each verb and why not, if not.
    pub fn may(&self, actor: &Actor, number: RequestNumber) -> Vec<(String, Option<Refusal>)> {
        let all = self.facts(Some(number), None, |facts| may::may(facts, actor, self.now));
        all.into_iter().map(|may| (may.verb.into_owned(), may.refusal)).collect()
    }
}

/// One more event of a request.
pub fn fold(before: Option<Request>, written: &Written) -> Option<Request> {
    let place = Place { seq: written.seq, at: written.at, actor: &written.actor, policy: &written.policy };
    apply(before, written.number?, &written.event, place)
}

/// How a kind is chosen when nobody names one.
pub fn usual_kind(ticket: Option<&str>, asked: &Asked, at: Instant) -> Kind {
    let short = asked.length(at) <= Length::from_minutes(90);
    if ticket.is_some() && short { Kind::Emergency } else { Kind::Planned }
}

#[track_caller]
fn read(text: &str) -> Policy {
    match policy::read(&Source::one("policy.toml", text), &KINDS) {
        Ok((policy, _)) => policy,
        Err(faults) => panic!("the policy is refused: {faults:#?}"),
    }
}

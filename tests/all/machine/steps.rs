//! Random steps: who acts, on what, after how long, and the command that it makes.

use crate::world::World;
use nightlatch::access::command::{Filing, Outcome, Report, Spooled, Terms};
use nightlatch::access::event::Observed;
use nightlatch::access::window::End;
use nightlatch::access::{Actor, Asked, Command, Request, RequestNumber, Via};
use nightlatch::policy::Kind;
use nightlatch::text::{Instant, Length, PersonId};
use proptest::prelude::*;

/// Everybody, and one who is nobody.
pub const PEOPLE: [&str; 10] = ["sam", "li", "kim", "lena", "priya", "ana", "mo", "ola", "eve", "nobody"];
/// A system, with a role of it.
const PLACES: [(&str, &str); 4] =
    [("payments", "logs-read"), ("payments", "restart"), ("web", "member"), ("vault", "open")];
/// So many requests at most, so that they meet.
pub const REQUESTS: usize = 4;

/// Who acts.
#[derive(Debug, Clone, Copy)]
pub enum Who {
    Person(usize),
    /// The first who may decide, the user, the requester: so that something happens, too.
    Decider,
    User,
    Requester,
    Clock,
    Reconciler,
    Notifier,
}

#[derive(Debug, Clone, Copy)]
pub enum When {
    For(i64),
    Until(i64),
}

/// What is wanted; times are minutes from now.
#[derive(Debug, Clone)]
pub enum What {
    File { place: usize, user: usize, approver: usize, kind: usize, from: Option<i64>, end: When, anyway: bool },
    Amend { place: usize, kind: usize, end: When, anyway: bool },
    Approve { behind: i64, from: Option<i64>, end: Option<When>, narrow: bool, words: bool },
    Extend { behind: i64, end: When },
    Plain(&'static str),
    Granted { stale: bool, later: i64, own: Option<i64> },
    Absent { stale: bool, present: bool, late: Option<i64> },
    Failed { stale: bool, removing: bool, useless: bool, contradicted: bool },
    Carried { by: i64 },
    Sane(bool),
    Policy(bool),
    Routed(usize),
    Reported { back: usize, channel: usize, failed: bool },
}

#[derive(Debug, Clone)]
pub struct Step {
    /// Seconds that pass before it.
    pub after: i64,
    pub who: Who,
    pub on: usize,
    pub what: What,
}

fn end() -> impl Strategy<Value = When> {
    prop_oneof![
        4 => (1_i64..70).prop_map(When::For),
        1 => (-5_i64..700).prop_map(When::For),
        3 => (1_i64..70).prop_map(When::Until),
        1 => (-5_i64..700).prop_map(When::Until),
    ]
}

fn anybody() -> impl Strategy<Value = Who> {
    prop_oneof![
        5 => (0..PEOPLE.len()).prop_map(Who::Person),
        3 => Just(Who::Decider),
        2 => Just(Who::User),
        2 => Just(Who::Requester),
        1 => Just(Who::Clock),
        1 => Just(Who::Reconciler),
        1 => Just(Who::Notifier),
    ]
}

fn mostly(who: Who) -> impl Strategy<Value = Who> {
    prop_oneof![4 => Just(who), 1 => anybody()]
}

/// What, and who mostly does it.
fn act() -> impl Strategy<Value = (Who, What)> {
    let from = || prop_oneof![5 => Just(None), 1 => (-1_i64..60).prop_map(Some)];
    let person = || 0..PEOPLE.len();
    let place = || 0..PLACES.len();
    let flip = || proptest::bool::weighted(0.15);
    let behind = || prop_oneof![9 => Just(0_i64), 1 => 1_i64..4];
    let files = (place(), person(), person(), 0_usize..3, from(), end(), any::<bool>()).prop_map(
        |(place, user, approver, kind, from, end, anyway)| What::File {
            place,
            user,
            approver,
            kind,
            from,
            end,
            anyway,
        },
    );
    let amends = (place(), 0_usize..3, end(), any::<bool>()).prop_map(|(place, kind, end, anyway)| What::Amend {
        place,
        kind,
        end,
        anyway,
    });
    let approves = (behind(), from(), proptest::option::weighted(0.4, end()), flip(), any::<bool>())
        .prop_map(|(behind, from, end, narrow, words)| What::Approve { behind, from, end, narrow, words });
    let extends = (behind(), prop_oneof![3 => (20_i64..90).prop_map(When::For), 1 => end()])
        .prop_map(|(behind, end)| What::Extend { behind, end });
    let plain =
        |who, words: &'static [&'static str]| (mostly(who), proptest::sample::select(words).prop_map(What::Plain));
    let granted = (flip(), 0_i64..20).prop_map(|(stale, at)| {
        let own = (at < 6).then_some(at * 7 + 1);
        What::Granted { stale, later: (at - 15).max(0), own }
    });
    let absent = (flip(), flip(), proptest::option::weighted(0.2, -30_i64..5))
        .prop_map(|(stale, present, late)| What::Absent { stale, present, late });
    let failed = (flip(), any::<bool>(), flip(), flip())
        .prop_map(|(stale, removing, useless, contradicted)| What::Failed { stale, removing, useless, contradicted });
    prop_oneof![
        3 => (anybody(), files),
        1 => (mostly(Who::Requester), amends),
        6 => (mostly(Who::Decider), approves),
        6 => (mostly(Who::User), extends),
        3 => plain(Who::Decider, &["deny", "send-back", "claim", "release", "undo"]),
        2 => plain(Who::Decider, &["revoke", "retry", "hand-over", "attest"]),
        1 => plain(Who::Decider, &["freeze", "freeze-all", "thaw", "thaw-all", "thaw", "thaw-all"]),
        1 => plain(Who::Requester, &["withdraw", "ack", "note"]),
        2 => plain(Who::User, &["hand-back", "collect", "collect"]),
        3 => plain(Who::Clock, &["lapse", "end-by-policy", "escalate", "escalate", "escalate", "escalate"]),
        2 => (anybody(), (0_usize..4, 0_usize..3, any::<bool>()).prop_map(|(back, channel, failed)| What::Reported { back, channel, failed })),
        1 => plain(Who::Reconciler, &["drift", "miss"]),
        5 => (mostly(Who::Reconciler), granted),
        3 => (mostly(Who::Reconciler), absent),
        2 => (mostly(Who::Reconciler), failed),
        1 => (mostly(Who::Reconciler), (0_i64..4).prop_map(|by| What::Carried { by })),
        1 => (Just(Who::Clock), proptest::bool::weighted(0.7).prop_map(What::Sane)),
        1 => (Just(Who::Clock), any::<bool>().prop_map(What::Policy)),
        1 => (Just(Who::Clock), person().prop_map(What::Routed)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let after = prop_oneof![
        30 => Just(0_i64),
        20 => 1_i64..61,
        15 => 60_i64..900,
        3 => 1800_i64..40_000,
        1 => Just(86_400 * 5),
        1 => Just(86_400 * 3650),
    ];
    (after, act(), 0..REQUESTS).prop_map(|(after, (who, what), on)| Step { after, who, on, what })
}

/// Two requests that can meet, one of them active more often than not, and then anything.
pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    let filed = |place, user, length| Step {
        after: 0,
        who: Who::Person(user),
        on: 0,
        what: What::File { place, user, approver: 0, kind: 0, from: None, end: When::For(length), anyway: true },
    };
    let at_once = |who, what| Step { after: 0, who, on: 0, what };
    let approved = What::Approve { behind: 0, from: None, end: None, narrow: false, words: true };
    let granted = What::Granted { stale: false, later: 0, own: None };
    (proptest::bool::weighted(0.7), proptest::collection::vec(step(), 1..50)).prop_map(move |(active, more)| {
        let mut all = vec![filed(2, 5, 30), filed(2, 5, 50)];
        if active {
            all.extend([at_once(Who::Decider, approved.clone()), at_once(Who::Reconciler, granted.clone())]);
        }
        all.extend(more);
        all
    })
}

pub fn minutes(at: Instant, minutes: i64) -> Instant {
    at.plus(Length::from_minutes(minutes))
}

pub fn person(name: &str) -> PersonId {
    name.parse().unwrap()
}

pub fn actor(world: &World, who: Who, request: Option<&Request>) -> Actor {
    let named = |name: PersonId| Actor::Person(name, Via::Socket);
    match (who, request) {
        (Who::Clock, _) => Actor::Clock,
        (Who::Reconciler, _) => Actor::Reconciler,
        (Who::Notifier, _) => Actor::Notifier,
        (Who::Person(at), _) => named(person(PEOPLE[at])),
        (Who::User, Some(request)) => named(request.ask.user.clone()),
        (Who::Requester, Some(request)) => named(request.requester.clone()),
        (Who::Decider, Some(request)) => {
            let not = [&request.requester, &request.ask.user];
            named(world.asked_first(&request.ask.system, request.ask.kind, &not).unwrap_or_else(|| person("sam")))
        }
        (Who::User | Who::Requester | Who::Decider, None) => named(person("priya")),
    }
}

fn asked_end(end: When, at: Instant) -> End {
    match end {
        When::For(length) => End::For(Length::from_minutes(length)),
        When::Until(until) => End::Until(minutes(at, until)),
    }
}

/// The command of a step; `None` where it does something else.
pub fn command(world: &mut World, actor: &Actor, on: RequestNumber, what: &What) -> Option<Command> {
    let at = world.now.at;
    let request = world.requests.get(&on).cloned();
    let version = request.as_ref().map_or(0, |request| request.version);
    let me = actor.person().cloned().unwrap_or_else(|| person("priya"));
    let words = || "so it is".to_owned();
    Some(match what {
        What::File { place, user, approver, kind, from, end, anyway } => {
            let (system, role) = PLACES[*place];
            let filing = Filing {
                system: system.parse().unwrap(),
                role: role.parse().unwrap(),
                task: "restart it; done when it runs".into(),
                asked: Asked { from: from.map(|from| minutes(at, from)), end: asked_end(*end, at) },
                kind: Kind::ALL[*kind],
                ticket: Some("INC-1".into()),
                user: if *user % 2 == 0 { me.clone() } else { person(PEOPLE[*user]) },
                approver: person(PEOPLE[*approver]),
            };
            let prepared = world.prepare(&me, &filing, None);
            Command::File { filing, anyway: *anyway, prepared }
        }
        What::Amend { place, kind, end, anyway } => {
            let ask = request?.ask;
            let (system, role) = PLACES[*place];
            let role = if ask.system.as_str() == system { role.parse().unwrap() } else { ask.role };
            let filing = Filing {
                system: ask.system,
                role,
                task: "restart it; done when it runs".into(),
                asked: Asked { from: None, end: asked_end(*end, at) },
                kind: Kind::ALL[*kind],
                ticket: ask.ticket,
                user: ask.user,
                approver: ask.approver,
            };
            let prepared = world.prepare(&me, &filing, Some(on));
            Command::Amend { filing, anyway: *anyway, prepared, task_changed: false }
        }
        What::Approve { behind, from, end, narrow, words } => {
            let mut terms = Terms { from: from.map(|from| minutes(at, from)), ..Terms::default() };
            match end.map(|end| asked_end(end, at)) {
                Some(End::For(length)) => terms.length = Some(length),
                Some(End::Until(until)) => terms.until = Some(until),
                None => {}
            }
            terms.role = narrow.then(|| "logs-read".parse().unwrap());
            let prepared = world.prepare_approval(on, &terms);
            let words = words.then(|| "ok".to_owned());
            Command::Approve { as_of: version - behind, unseen: false, terms, words, prepared }
        }
        What::Extend { behind, end } => Command::Extend {
            as_of: version - behind,
            asked: Asked { from: None, end: asked_end(*end, at) },
            done: words(),
            remaining: words(),
            approver: person("sam"),
        },
        What::Plain(verb) => plain(verb, request.as_ref(), version)?,
        What::Granted { stale, later, own } => {
            let attempt = world.lease(on, false) - i64::from(*stale);
            let end = request.as_ref().and_then(Request::held).map_or(at, |held| held.window.until);
            let observed = Observed { until: own.map(|own| minutes(at, own)), ..world.observed(true) };
            let outcome = Outcome::Granted { until: minutes(end, *later), second_lock: false, observed };
            Command::ReportGrant(world.report(attempt, outcome))
        }
        What::Absent { stale, present, late } => {
            let attempt = world.lease(on, true) - i64::from(*stale);
            let report = world.report(attempt, Outcome::Absent(world.observed(*present)));
            let read = request.as_ref().and_then(Request::held).and_then(|held| held.observed.as_ref());
            let knew = read.map(|read| read.at);
            let spooled = late.map(|late| Spooled { at: minutes(at, late), knew });
            Command::ReportRemoval(Report { spooled, ..report })
        }
        What::Failed { stale, removing, useless, contradicted } => {
            let attempt = world.lease(on, *removing) - i64::from(*stale);
            let (useless, contradicted) = (*useless, *contradicted);
            let report = world.report(attempt, Outcome::Failed { sentence: "away".into(), useless, contradicted });
            if *removing { Command::ReportRemoval(report) } else { Command::ReportGrant(report) }
        }
        What::Carried { by } => {
            let attempt = world.lease(on, true);
            Command::ReportRemoval(world.report(attempt, Outcome::Carried(RequestNumber(101 + by))))
        }
        What::Reported { back, channel, failed } => {
            let told = request?.told;
            let of = told.iter().rev().nth(*back).map_or(0, |telling| telling.seq);
            let channel = ["desktop", "hook", "webhook:pager"][*channel].parse().unwrap();
            Command::Delivered { of, channel, fault: failed.then(words) }
        }
        What::Sane(_) | What::Policy(_) | What::Routed(_) => return None,
    })
}

fn plain(word: &str, request: Option<&Request>, version: i64) -> Option<Command> {
    let words = "so it is".to_owned();
    let system = request.map(|request| request.ask.system.clone());
    Some(match word {
        "withdraw" => Command::Withdraw,
        "claim" => Command::Claim { release: false },
        "release" => Command::Claim { release: true },
        "ack" => Command::Acknowledge,
        "note" => Command::Note { words },
        "deny" => Command::Deny { as_of: Some(version), words },
        "send-back" => Command::SendBack { as_of: None, words, codes: Vec::new() },
        "revoke" => Command::Revoke { words },
        "hand-back" => Command::HandBack { changed: Some(words), checked: None, follow_up: None },
        "undo" => Command::Undo,
        "retry" => Command::Retry,
        "hand-over" => Command::HandOver { to: person("li") },
        "attest" => Command::Attest { words },
        "collect" => Command::Collect,
        "lapse" => Command::Lapse,
        "escalate" => Command::Escalate,
        "end-by-policy" => Command::EndByPolicy { words },
        "drift" | "miss" => Command::ReportDrift { evidence: words, gone: word == "miss" },
        "freeze" => Command::Freeze { system: Some(system?), words },
        "freeze-all" => Command::Freeze { system: None, words },
        "thaw" => Command::Thaw { system: Some(system?), words },
        "thaw-all" => Command::Thaw { system: None, words },
        _ => unreachable!("{word}"),
    })
}

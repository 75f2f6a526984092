//! Who does what: acts drawn by the seed from what there is, sent as the faces send them.

use super::chance::Dice;
use nightlatch::access::event::SendBackCode;
use nightlatch::access::{Actor, Request, RequestNumber, Via};
use nightlatch::policy::Kind;
use nightlatch::service::{Fault, Key, Service, Verb};
use nightlatch::text::{Instant, Length};
use nightlatch::wire::{
    AmendBody, ApproveBody, DeliveredBody, ExtendBody, FileBody, FreezeBody, HandBackBody, RevokeBody, WindowBody,
    WordsBody,
};

/// Three ask, sam owns, li stands in, lea leads.
pub const POLICY: &str = r#"
zone = "Europe/London"
leads = "lea"
[people.ana]
name = "Ana Ruiz"
[people.bo]
name = "Bo Berg"
[people.cy]
name = "Cy Clark"
[people.sam]
name = "Sam Lee"
duties = ["admin"]
[people.li]
name = "Li Wei"
[people.lea]
name = "Lea Lind"
duties = ["lead"]
[systems.payments]
name = "Payment service"
environment = "production"
owner = "sam"
backup = "li"
hours = "always"
[[systems.payments.roles]]
name = "plain"
allows = "A file of its own for each grant"
provisioner = "plain"
[[systems.payments.roles]]
name = "shared"
allows = "A membership that grants share"
provisioner = "shared"
[[systems.payments.roles]]
name = "locked"
allows = "What ends by itself, too"
provisioner = "locked"
[[systems.payments.roles]]
name = "settling"
allows = "What must be read twice"
provisioner = "settling"
[provisioners.plain]
kind = "files"
[provisioners.shared]
kind = "files"
[provisioners.locked]
kind = "files"
[provisioners.settling]
kind = "files"
"#;

const ASKERS: [&str; 3] = ["ana", "bo", "cy"];
const DECIDERS: [&str; 6] = ["sam", "sam", "sam", "lea", "li", "ana"];

/// One act, as it can be sent again.
#[derive(Debug, Clone)]
pub enum What {
    File(FileBody),
    Amend(i64, AmendBody),
    Approve(i64, ApproveBody),
    Extend(i64, ExtendBody),
    Verb(i64, Verb),
    Freeze(FreezeBody, bool),
    RevokeMany(RevokeBody),
}

/// An act with who did it, and its key.
#[derive(Debug, Clone)]
pub struct Deed {
    pub who: &'static str,
    pub what: What,
    pub key: Key,
    /// The same key with another body.
    pub forged: bool,
}

/// What came of it: the request's number, where it is about one.
pub type Answer = Result<Option<i64>, Fault>;

impl Deed {
    pub async fn send(self, service: Service) -> Answer {
        let actor = Actor::Person(self.who.parse().unwrap(), Via::Socket);
        let key = self.key;
        let view = match self.what {
            What::File(body) => service.file(&actor, body, key).await,
            What::Amend(id, body) => service.amend(&actor, RequestNumber(id), body, key).await,
            What::Approve(id, body) => service.approve(&actor, RequestNumber(id), body, key).await,
            What::Extend(id, body) => service.extend(&actor, RequestNumber(id), body, key).await,
            What::Verb(id, verb) => service.verb(&actor, RequestNumber(id), verb, key).await,
            What::Freeze(body, thaw) => return service.freeze(&actor, body, thaw, key).await.map(|()| None),
            What::RevokeMany(body) => return service.revoke_many(&actor, body, key).await.map(|_| None),
        };
        view.map(|view| Some(view.id))
    }

    pub fn shown(&self) -> String {
        let what = match &self.what {
            What::File(body) => format!("files for {} ({:?})", body.role, body.window),
            What::Amend(id, _) => format!("amends {id}"),
            What::Approve(id, body) => format!("approves {id} as of {:?}", body.as_of),
            What::Extend(id, body) => format!("asks for more of {id} ({:?})", body.window.for_seconds),
            What::Verb(id, verb) => format!("{verb:?} on {id}").chars().take(60).collect(),
            What::Freeze(body, thaw) => format!("{} {:?}", if *thaw { "thaws" } else { "freezes" }, body.system),
            What::RevokeMany(body) => format!("revokes {} of {:?}", body.count, body.person),
        };
        format!("{} {what} [{}{}]", self.who, self.key.key, if self.forged { ", another body" } else { "" })
    }
}

fn words(text: &str) -> WordsBody {
    WordsBody { words: text.into(), ..WordsBody::default() }
}

fn window(dice: &Dice, at: Instant) -> WindowBody {
    let seconds = *dice.one(&[30, 60, 300, 900, 2700]);
    if dice.percent(15) {
        let from = at.plus(Length::from_seconds(*dice.one(&[5, 120, 600])));
        let until = from.plus(Length::from_seconds(seconds));
        return WindowBody { from: Some(from.to_string()), until: Some(until.to_string()), ..WindowBody::default() };
    }
    WindowBody { for_seconds: Some(seconds), ..WindowBody::default() }
}

/// Somebody files.
pub fn filing(dice: &Dice, at: Instant) -> (&'static str, What) {
    let user = dice.percent(25).then(|| (*dice.one(&ASKERS)).to_owned());
    let body = FileBody {
        system: "payments".into(),
        role: (*dice.one(&["plain", "shared", "shared", "locked", "settling"])).into(),
        task: "Restart the stuck payment worker; done when the queue drains".into(),
        window: window(dice, at),
        kind: Some(*dice.one(&[Kind::Emergency, Kind::Emergency, Kind::Planned])),
        ticket: None,
        user,
        approver: None,
        anyway: true,
    };
    (*dice.one(&ASKERS), What::File(body))
}

/// Somebody does something about `request`.
pub fn about(dice: &Dice, request: &Request, live: usize, at: Instant) -> (&'static str, What) {
    let id = request.number.0;
    let as_of = Some(request.version - i64::from(dice.percent(8)));
    let asker = ASKERS.into_iter().find(|who| *who == request.requester.as_str()).unwrap_or("ana");
    let user = ASKERS.into_iter().find(|who| *who == request.ask.user.as_str()).unwrap_or("bo");
    let decider = *dice.one(&DECIDERS);
    let verdict = |verb: Verb| (decider, What::Verb(id, verb));
    let held = request.held().is_some();
    let weights: [u64; 17] = if held {
        [12, 1, 1, 1, 14, 8, 12, 8, 1, 3, 3, 3, 2, 3, 1, 6, 8]
    } else {
        [50, 6, 6, 5, 1, 1, 1, 3, 5, 3, 1, 1, 2, 1, 1, 5, 8]
    };
    match dice.weighted(&weights) {
        0 => {
            let (words, window) = (Some("go ahead".into()), WindowBody::default());
            let window = if dice.percent(15) { WindowBody { for_seconds: Some(20), ..window } } else { window };
            (decider, What::Approve(id, ApproveBody { as_of, words, window, ..ApproveBody::default() }))
        }
        1 => verdict(Verb::Deny(WordsBody { as_of, ..words("not now") })),
        2 => {
            let codes = vec![SendBackCode::VagueTask];
            verdict(Verb::SendBack(WordsBody { as_of, words: "say more".into(), codes }))
        }
        3 => (asker, What::Verb(id, Verb::Withdraw)),
        4 => {
            let window = WindowBody { for_seconds: Some(*dice.one(&[30, 300, 1800])), ..WindowBody::default() };
            let body = ExtendBody {
                as_of,
                window,
                done: "half of it was done".into(),
                remaining: "the other half remains".into(),
                approver: None,
            };
            (user, What::Extend(id, body))
        }
        5 => (user, What::Verb(id, Verb::HandBack(HandBackBody::default()))),
        6 => (*dice.one(&["sam", "lea"]), What::Verb(id, Verb::Revoke(words("it must end now")))),
        7 => (decider, What::Verb(id, Verb::Undo)),
        8 => {
            let window = dice.percent(50).then(|| window(dice, at));
            let task = Some("Restart the stuck payment worker again; done when the queue is empty".into());
            (asker, What::Amend(id, AmendBody { task, window, anyway: true, ..AmendBody::default() }))
        }
        9 => (decider, What::Verb(id, Verb::Claim { release: dice.percent(30) })),
        10 => (asker, What::Verb(id, Verb::Note(words("something to know")))),
        11 => (*dice.one(&["sam", "lea"]), What::Verb(id, Verb::Retry)),
        12 => {
            let system = dice.percent(70).then(|| "payments".to_owned());
            let body = FreezeBody { system, words: "looks like a break-in".into() };
            (*dice.one(&["lea", "sam"]), What::Freeze(body, dice.percent(65)))
        }
        13 => (decider, What::Verb(id, Verb::Attest(words("I looked, and it is gone")))),
        15 => (if dice.percent(20) { asker } else { decider }, What::Verb(id, Verb::Acknowledge)),
        16 => {
            // Most report on what they were told; some on what nobody told them.
            let told: Vec<_> =
                request.told.iter().flat_map(|telling| telling.to.iter().map(|to| (telling.seq, to))).collect();
            let (of, who) = if told.is_empty() || dice.percent(5) {
                (request.seq, decider)
            } else {
                let (of, to) = *dice.one(&told);
                (of, DECIDERS.into_iter().chain(ASKERS).find(|who| *who == to.as_str()).unwrap_or(decider))
            };
            let fault = dice.percent(30).then(|| "the desktop does not answer".to_owned());
            let channel = (*dice.one(&["desktop", "terminal", "hook"])).to_owned();
            (who, What::Verb(id, Verb::Delivered(DeliveredBody { of, channel, fault })))
        }
        _ => {
            let body = RevokeBody {
                person: Some(request.ask.user.to_string()),
                count: live,
                words: "all out".into(),
                ..RevokeBody::default()
            };
            (*dice.one(&["sam", "lea"]), What::RevokeMany(body))
        }
    }
}

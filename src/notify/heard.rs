//! What the trail says that somebody is told, and what is known of the request that it is about. Pure.
//!
//! All text of others is cleaned here, once. Neither the task nor anybody's words are taken along.

use crate::access::{RequestNumber, Status, Subject};
use crate::policy::Kind;
use crate::text::{Clean, Instant};
use crate::wire::{DecisionView, EventView, RequestView};
use serde::{Deserialize, Serialize};

/// The longest name that is shown, in columns.
const LONGEST: usize = 40;
/// So many of those who were tried are named.
const NAMED: usize = 3;

/// What somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// Their verdict is asked.
    Ask,
    /// The same, not for the first time.
    Again,
    /// The same, and it changed meanwhile.
    Changed,
    /// Their own ask was decided.
    Decided,
    /// Somebody else decided what they were asked.
    Settled,
    /// Nobody answered their ask.
    Unanswered,
    /// Their ask is about to lapse.
    Lapsing,
    /// It lapsed.
    Lapsed,
    /// Their access is ready.
    Ready,
    /// It could not be given.
    Failed,
    /// It was ended by somebody else.
    Ended,
    /// It ends soon.
    Ending,
    /// A removal is overdue.
    Overdue,
    /// It was read back as gone after all.
    Removed,
    /// A word that is newer than this program.
    Other,
}

impl What {
    /// Whether a verdict of theirs is asked.
    pub const fn asks(self) -> bool {
        matches!(self, Self::Ask | Self::Again | Self::Changed)
    }

    /// Whether it ends a story: told at once, and nothing of it is left standing here.
    pub const fn is_last(self) -> bool {
        matches!(
            self,
            Self::Decided
                | Self::Settled
                | Self::Lapsed
                | Self::Failed
                | Self::Ended
                | Self::Removed
                | Self::Unanswered
                | Self::Other
        )
    }

    /// Whether it breaks quiet hours.
    pub const fn is_critical(self, facts: &Facts) -> bool {
        matches!(self, Self::Overdue) || (self.asks() && facts.emergency)
    }

    fn of(word: &str) -> Self {
        match word {
            "ask" => Self::Ask,
            "again" => Self::Again,
            "changed" => Self::Changed,
            "decided" => Self::Decided,
            "unanswered" => Self::Unanswered,
            "lapsing" => Self::Lapsing,
            "lapsed" => Self::Lapsed,
            "ready" => Self::Ready,
            "failed" => Self::Failed,
            "ended" => Self::Ended,
            "ending" => Self::Ending,
            "overdue" => Self::Overdue,
            "removed" => Self::Removed,
            _ => Self::Other,
        }
    }
}

/// The bodies of those events that tell somebody; what else they hold is of no interest here.
#[derive(Debug, Default, Deserialize)]
struct Body {
    #[serde(default)]
    to: To,
    #[serde(default)]
    about: String,
}

/// One or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum To {
    One(String),
    More(Vec<String>),
}

impl Default for To {
    fn default() -> Self {
        Self::More(Vec::new())
    }
}

impl To {
    fn names(&self, me: &str) -> bool {
        match self {
            Self::One(to) => to == me,
            Self::More(to) => to.iter().any(|to| to == me),
        }
    }
}

/// The request that an event is about.
pub fn request_of(event: &EventView) -> Option<RequestNumber> {
    match event.subject.parse() {
        Ok(Subject::Request(number)) => Some(number),
        _ => None,
    }
}

/// What `event` tells `me`, with the word that it has for it.
pub fn told(event: &EventView, me: &str) -> Option<(What, Clean)> {
    let kinds = ["told", "routed", "duty-passed"];
    if !kinds.contains(&event.kind.as_str()) {
        return None;
    }
    let body = Body::deserialize(&event.body).ok().filter(|body| body.to.names(me))?;
    let word = if event.kind == "told" { body.about.as_str() } else { "ask" };
    Some((What::of(word), Clean::line(word).cut(LONGEST)))
}

/// A verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The word for it: `approved`.
    pub word: Clean,
    /// By whom.
    pub by: Clean,
    /// It was oneself.
    pub mine: bool,
    /// When.
    pub at: Instant,
}

/// As much of a request as an alert may say, and as must be known to see whether it is still true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Its number.
    pub number: RequestNumber,
    /// Who asked.
    pub who: Clean,
    /// Who will hold the access, where that is somebody else.
    pub whom: Option<Clean>,
    /// The system.
    pub system: Clean,
    /// I asked, or hold the access.
    pub own: bool,
    /// Where it stands.
    pub status: Status,
    /// It waits for a verdict.
    pub waits: bool,
    /// What waits is an extension.
    pub extension: bool,
    /// I may decide now.
    pub may: bool,
    /// I want to hear no more of it.
    pub acknowledged: bool,
    /// An emergency.
    pub emergency: bool,
    /// Its removal is overdue.
    pub overdue: bool,
    /// When the access ends.
    pub ends: Option<Instant>,
    /// When it lapses.
    pub lapses: Option<Instant>,
    /// The last verdict.
    pub verdict: Option<Verdict>,
    /// Who ended it before its time, and when.
    pub ended: Option<(Clean, Instant)>,
    /// When it was read back as gone.
    pub removed: Option<Instant>,
    /// Somebody reads it, until then.
    pub claimed_until: Option<Instant>,
    /// Who was tried.
    pub tried: Vec<Clean>,
}

fn name(text: &str) -> Clean {
    Clean::line(text).cut(LONGEST)
}

impl Facts {
    /// What `me` may be told of `view`.
    pub fn of(view: &RequestView, me: &str) -> Self {
        let extension = view.extension.as_ref().filter(|extension| extension.waits);
        let waits = view.status == Status::Pending || (extension.is_some() && view.status == Status::Active);
        let verdict = |decision: &DecisionView| Verdict {
            word: name(&decision.verdict.replace('-', " ")),
            by: name(&decision.by.name),
            mine: decision.by.id == me,
            at: decision.at,
        };
        let answered = view.extension.as_ref().and_then(|extension| extension.decision.as_ref());
        let verdicts = [view.decision.as_ref(), view.extended.as_ref(), answered];
        let tried = view.escalation.as_ref().map(|ladder| ladder.tried.as_slice()).unwrap_or_default();
        let refused = |verb: &str| {
            let may = view.may.as_ref()?.iter().find(|may| may.verb == verb)?;
            Some(may.refusal.is_some())
        };
        Self {
            number: RequestNumber(view.id),
            who: name(&view.requester.name),
            whom: (view.user.id != view.requester.id).then(|| name(&view.user.name)),
            system: name(&view.system),
            own: view.requester.id == me || view.user.id == me,
            status: view.status,
            waits,
            extension: extension.is_some(),
            may: waits && !refused("deny").unwrap_or(false),
            acknowledged: tried.iter().any(|tried| tried.person.id == me && tried.acknowledged),
            emergency: view.kind == Kind::Emergency,
            overdue: view.overdue,
            ends: view.window.until,
            lapses: if extension.is_some() { view.window.until } else { view.undecided_until },
            verdict: verdicts.into_iter().flatten().max_by_key(|decision| decision.at).map(verdict),
            ended: view.grant.as_ref().and_then(|grant| grant.ended.as_ref()).map(|ended| (name(&ended.by), ended.at)),
            removed: view.grant.as_ref().and_then(|grant| grant.removed_at),
            claimed_until: view.claim.as_ref().map(|claim| claim.until),
            tried: tried.iter().take(NAMED).map(|tried| name(&tried.person.name)).collect(),
        }
    }

    /// Whether `what` is so.
    pub const fn holds(&self, what: What) -> bool {
        match what {
            What::Ask | What::Again | What::Changed => self.may && !self.acknowledged,
            What::Unanswered | What::Lapsing => self.waits,
            What::Ready => matches!(self.status, Status::Active),
            What::Ending => matches!(self.status, Status::Active) && self.ends.is_some(),
            What::Overdue => self.overdue,
            What::Lapsed => matches!(self.status, Status::Lapsed),
            What::Failed => matches!(self.status, Status::Failed | Status::Ending),
            What::Decided | What::Settled | What::Ended | What::Removed | What::Other => true,
        }
    }
}

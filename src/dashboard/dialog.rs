//! A guarded decision: what a dialog holds. It is bound to the number and version that were on the screen, and never looks
//! at a list.

pub use super::field::{Field, Wants};
use super::msg::{ActId, Moment};
use crate::access::event::SendBackCode;
use crate::access::may::{Guard, May};
use crate::access::{Refusal, RequestNumber};
use crate::text::{Instant, Length};
use crate::wire::RequestView;
use std::sync::Arc;
use std::time::Duration;
use tui_textarea::TextArea;

/// Keys are ignored for so long after a dialog opened, changed, or the pane got the focus back.
pub const SETTLE: Duration = Duration::from_millis(350);
/// A swallowed key shows for so long.
pub const FLASH: Duration = Duration::from_millis(250);
/// The end moves by this much.
pub const STEP: Length = Length::from_minutes(15);

/// What a dialog sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is a verb of the server")]
pub enum Verb {
    Approve,
    Deny,
    SendBack,
    Extend,
    Revoke,
    Undo,
    Note,
    HandBack,
    Withdraw,
    Claim,
    Acknowledge,
    Retry,
    HandOver,
}

impl Verb {
    /// As in the path.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Deny => "deny",
            Self::SendBack => "send-back",
            Self::Extend => "extend",
            Self::Revoke => "revoke",
            Self::Undo => "undo",
            Self::Note => "note",
            Self::HandBack => "hand-back",
            Self::Withdraw => "withdraw",
            Self::Claim => "claim",
            Self::Acknowledge => "ack",
            Self::Retry => "retry",
            Self::HandOver => "hand-over",
        }
    }
    /// As the dialog's heading.
    pub const fn heading(self) -> &'static str {
        match self {
            Self::Approve => "APPROVE",
            Self::Deny => "DENY",
            Self::SendBack => "SEND BACK",
            Self::Extend => "ASK FOR A LATER END OF",
            Self::Revoke => "REVOKE",
            Self::Undo => "TAKE BACK THE VERDICT ON",
            Self::Note => "NOTE ON",
            Self::HandBack => "HAND BACK",
            Self::Withdraw => "WITHDRAW",
            Self::Claim => "CLAIM",
            Self::Acknowledge => "ACKNOWLEDGE",
            Self::Retry => "RETRY THE REMOVAL OF",
            Self::HandOver => "HAND OVER THE REMOVAL OF",
        }
    }
    /// What Enter does where nothing is typed.
    pub const fn enter(self) -> &'static str {
        match self {
            Self::Undo => "take your verdict back",
            Self::Withdraw => "take your request back",
            Self::Claim => "say that you are reading it",
            Self::Acknowledge => "stop the alerts to yourself",
            Self::Retry => "try the removal again, now",
            _ => "send it",
        }
    }
    /// What was done, in a word.
    pub const fn done(self) -> &'static str {
        match self {
            Self::Approve => "approved",
            Self::Deny => "denied",
            Self::SendBack => "sent back",
            Self::Extend => "asked for a later end",
            Self::Revoke => "revoked",
            Self::Undo => "taken back",
            Self::Note => "noted",
            Self::HandBack => "handed back",
            Self::Withdraw => "withdrawn",
            Self::Claim => "claimed",
            Self::Acknowledge => "acknowledged",
            Self::Retry => "being tried again",
            Self::HandOver => "handed over",
        }
    }
    /// Whether it decides on what waits.
    pub const fn is_verdict(self) -> bool {
        matches!(self, Self::Approve | Self::Deny | Self::SendBack)
    }
    /// Whether it wants data that is fresh to half a minute.
    pub const fn wants_fresh(self) -> bool {
        matches!(self, Self::Approve | Self::Extend)
    }
    /// Whether it may be sent for several marked requests.
    pub const fn in_bulk(self) -> bool {
        matches!(self, Self::Deny | Self::SendBack | Self::Revoke | Self::Acknowledge)
    }
}

/// Where the keys of a dialog go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// To a field.
    Field(usize),
    /// To the codes of a send-back.
    Codes,
    /// To the end.
    End,
    /// To the role.
    Role,
    /// To the other verdicts.
    Verdicts,
}

/// How the end is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndAsked {
    /// A length, which becomes a window when approved.
    For(Length),
    /// A hard end.
    Until(Instant),
}

/// What an approver makes different from what was asked: shorter, later, narrower; never longer or wider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// What was asked for.
    pub asked: EndAsked,
    /// Steps taken off the end; for an extension that is being asked for, steps put on.
    pub steps: i64,
    /// Steps by which the start is put off.
    pub shift: i64,
    /// Whether the start may be put off.
    pub shifts: bool,
    /// What may be given: first what was asked for, then what it contains.
    pub roles: Vec<String>,
    /// Which of them.
    pub role: usize,
}

/// A dialog.
#[derive(Debug, Clone)]
pub struct Dialog {
    /// What it sends.
    pub verb: Verb,
    /// The request that was on the screen.
    pub id: i64,
    /// The version that the person reads: first the frame's, then that of the last difference that was shown.
    pub version: i64,
    /// The request as it was on the screen.
    pub bound: Arc<RequestView>,
    /// The request as it was read again.
    pub read: Option<Box<RequestView>>,
    /// It is being read again.
    pub reading: bool,
    /// What became different since.
    pub differences: Vec<String>,
    /// The fields.
    pub fields: Vec<Field>,
    /// For a send-back: the codes, and whether they are chosen.
    pub codes: Vec<(SendBackCode, bool)>,
    /// The code that the keys are about.
    pub code: usize,
    /// What the approver changes.
    pub terms: Option<Terms>,
    /// The start that is put off, as it was on the screen.
    pub start: Option<Instant>,
    /// Which of the other verdicts.
    pub other: usize,
    /// Where the keys go.
    pub stop: Stop,
    /// No key counts before.
    pub deaf_until: Moment,
    /// The field shows that it swallowed a key.
    pub flash_until: Moment,
    /// The first line of the text that is on the screen.
    pub top: usize,
    /// How many lines of the text were on the screen.
    pub read_to: usize,
    /// The size for which `read_to` counts.
    pub read_at: (u16, u16),
    /// What came of the last Enter.
    pub said: Option<String>,
    /// It was sent and not answered yet.
    pub sending: Option<ActId>,
    /// Why it can never be sent.
    pub over: Option<String>,
    /// When the request was claimed.
    pub claimed: Option<Moment>,
    /// For marked requests: each with its version.
    pub bulk: Vec<(i64, i64)>,
    /// It is one of a walk.
    pub walk: bool,
}

impl Dialog {
    /// A dialog on what was on the screen.
    pub fn new(verb: Verb, bound: Arc<RequestView>, version: i64, now: Moment) -> Self {
        let mut dialog = Self {
            verb,
            id: bound.id,
            version,
            read: None,
            reading: true,
            differences: Vec::new(),
            fields: Vec::new(),
            codes: Vec::new(),
            code: 0,
            terms: None,
            start: None,
            other: 0,
            stop: Stop::Field(0),
            deaf_until: Moment(now.0 + SETTLE),
            flash_until: Moment::default(),
            top: 0,
            read_to: 0,
            read_at: (0, 0),
            said: None,
            sending: None,
            over: None,
            claimed: None,
            bulk: Vec::new(),
            walk: false,
            bound,
        };
        dialog.fields = match verb {
            Verb::Approve => vec![Field::new("Type", Wants::Digits)],
            Verb::Deny | Verb::Revoke | Verb::SendBack => vec![Field::new("Why", Wants::Words)],
            Verb::Note => vec![Field::new("Note", Wants::Words)],
            Verb::Extend => vec![Field::new("Done so far", Wants::Words), Field::new("What remains", Wants::Words)],
            Verb::HandBack => vec![
                Field::new("Changed", Wants::Maybe),
                Field::new("Checked", Wants::Maybe),
                Field::new("Follow-up", Wants::Maybe),
            ],
            Verb::HandOver => vec![Field::new("To (name in the policy)", Wants::Words)],
            Verb::Undo | Verb::Withdraw | Verb::Claim | Verb::Acknowledge | Verb::Retry => Vec::new(),
        };
        dialog.set_terms();
        if verb == Verb::SendBack {
            let failed: Vec<&str> = dialog.failed_checks();
            dialog.codes =
                CODES.iter().map(|(code, checks)| (*code, checks.iter().any(|check| failed.contains(check)))).collect();
        }
        dialog
    }

    fn failed_checks(&self) -> Vec<&str> {
        let failed = |check: &&crate::checks::Check| check.verdict == crate::checks::Verdict::Fail;
        self.view().checks.iter().filter(failed).map(|check| check.code.as_str()).collect()
    }

    fn set_terms(&mut self) {
        let view = self.view();
        let extension = view.extension.as_ref().filter(|extension| extension.waits);
        self.terms = match (self.verb, extension) {
            (Verb::Approve, Some(extension)) => Some(Terms {
                asked: EndAsked::Until(extension.until_if_approved_now),
                steps: 0,
                shift: 0,
                shifts: false,
                roles: Vec::new(),
                role: 0,
            }),
            (Verb::Approve, None) => {
                let asked = view.asked_for_seconds.map(|seconds| EndAsked::For(Length::from_seconds(seconds)));
                let asked = asked.or(view.until_if_approved_now.or(view.window.until).map(EndAsked::Until));
                let roles = vec![view.role_asked.clone()];
                asked.map(|asked| Terms { asked, steps: 0, shift: 0, shifts: true, roles, role: 0 })
            }
            // From the end that there is: so much later, and never by accident earlier.
            (Verb::Extend, _) => view.window.until.map(|until| Terms {
                asked: EndAsked::Until(until.plus(Length::from_minutes(30))),
                steps: 0,
                shift: 0,
                shifts: false,
                roles: Vec::new(),
                role: 0,
            }),
            _ => None,
        };
    }

    /// The request as the person reads it here.
    pub fn view(&self) -> &RequestView {
        self.read.as_deref().unwrap_or(&self.bound)
    }

    /// When its window would start if it were approved at `now`.
    pub fn starts(&self, now: Instant) -> Instant {
        self.start.unwrap_or_else(|| self.view().window.from.filter(|from| *from > now).unwrap_or(now))
    }

    /// The last three digits of the number.
    pub fn wanted(&self) -> String {
        RequestNumber(self.id).last_three()
    }

    /// What the host says about this verb, once it was read again.
    pub fn may(&self) -> Option<&May> {
        self.read.as_ref()?.may.as_ref()?.iter().find(|may| may.verb == self.verb.path())
    }

    /// Why the host would refuse it.
    pub fn refusal(&self) -> Option<&Refusal> {
        self.may()?.refusal.as_ref()
    }

    /// Takes in the request as it was read again. Returns whether it was materially different.
    pub fn take(&mut self, view: Box<RequestView>, differences: Vec<String>, now: Moment) -> bool {
        let changed = view.version != self.version;
        let first = self.read.is_none();
        self.version = view.version;
        self.read = Some(view);
        self.reading = false;
        if changed {
            self.differences = differences;
            if self.differences.is_empty() {
                self.differences.push("it moved on in the moment in which the key was pressed".into());
            }
            self.settle(now);
            self.read_to = 0;
            self.top = 0;
            self.said = None;
            for field in self.fields.iter_mut().filter(|field| field.wants == Wants::Digits) {
                field.text = TextArea::default();
            }
        }
        if changed || first {
            let terms = self.terms.take();
            self.set_terms();
            if !changed && let (Some(was), Some(is)) = (terms, self.terms.as_mut()) {
                (is.steps, is.shift) = (was.steps, was.shift);
                if self.verb == Verb::Extend {
                    is.asked = was.asked;
                }
            }
        }
        let wants_words = self.may().is_some_and(|may| may.guard == Guard::NumberWords);
        let has_words = self.fields.iter().any(|field| field.wants == Wants::Words);
        if self.verb == Verb::Approve && wants_words && !has_words {
            self.fields.push(Field::new("Why", Wants::Words));
        }
        changed
    }

    /// No key counts for a while.
    pub fn settle(&mut self, now: Moment) {
        self.deaf_until = Moment(now.0 + SETTLE);
    }

    /// When it claims its request again: a claim holds two minutes, and is made again well before.
    pub fn claims_at(&self) -> Option<Moment> {
        self.claimed.map(|at| Moment(at.0 + Duration::from_secs(100)))
    }

    /// The stops of Tab, in their order.
    pub fn stops(&self) -> Vec<Stop> {
        let mut stops: Vec<Stop> = (0..self.fields.len()).map(Stop::Field).collect();
        if self.fields.is_empty() {
            stops.push(Stop::Field(0));
        }
        if !self.codes.is_empty() {
            stops.push(Stop::Codes);
        }
        if let Some(terms) = &self.terms {
            stops.push(Stop::End);
            if terms.roles.len() > 1 {
                stops.push(Stop::Role);
            }
        }
        if self.verb.is_verdict() && self.bulk.is_empty() {
            stops.push(Stop::Verdicts);
        }
        stops
    }

    /// Tab and Shift-Tab.
    pub fn tab(&mut self, back: bool) {
        let stops = self.stops();
        let at = stops.iter().position(|stop| *stop == self.stop).unwrap_or(0);
        let next = if back { at + stops.len() - 1 } else { at + 1 } % stops.len().max(1);
        self.stop = stops.get(next).copied().unwrap_or(Stop::Field(0));
    }

    /// The verdicts that this is not.
    pub fn others(&self) -> Vec<Verb> {
        [Verb::Approve, Verb::Deny, Verb::SendBack].into_iter().filter(|verb| *verb != self.verb).collect()
    }
}

/// The codes of a send-back, each with the checks whose failing it answers.
const CODES: [(SendBackCode, &[&str]); 8] = [
    (SendBackCode::VagueTask, &["task"]),
    (SendBackCode::NoEnd, &[]),
    (SendBackCode::BroadRole, &[]),
    (SendBackCode::LongWindow, &["end"]),
    (SendBackCode::OldTicket, &[]),
    (SendBackCode::WrongUser, &[]),
    (SendBackCode::WrongApprover, &["approver"]),
    (SendBackCode::Other, &["record", "overlap"]),
];

impl Terms {
    /// The shortest that may be left.
    const LEAST: Length = Length::from_minutes(5);

    /// The length as changed, counted from a start at `start`.
    pub fn length(&self, start: Instant) -> Length {
        let asked = match self.asked {
            EndAsked::For(length) => length,
            EndAsked::Until(until) => until.since(start),
        };
        Length::from_millis(asked.millis() - self.steps * STEP.millis())
    }

    /// Moves the end: never past what was asked for, never to nothing.
    pub fn move_end(&mut self, steps: i64, start: Instant, least: Instant) -> bool {
        let mut next = self.clone();
        next.steps += steps;
        let until = next.until(start);
        let fits = next.steps >= 0 && next.length(start) >= Self::LEAST && until > least;
        if fits {
            *self = next;
        }
        fits
    }

    /// Moves the end of an extension that is being asked for: later than the end that there is, and the host says how far it
    /// may go.
    pub fn move_asked(&mut self, steps: i64, end: Option<Instant>) -> bool {
        let (EndAsked::Until(until), Some(end)) = (self.asked, end) else { return false };
        let next = until.plus(Length::from_millis(steps * STEP.millis()));
        let later = next.since(end);
        let fits = later >= STEP && later <= Length::from_hours(24);
        if fits {
            self.asked = EndAsked::Until(next);
        }
        fits
    }

    /// Puts the start off, or back.
    pub fn move_start(&mut self, steps: i64) -> bool {
        let next = self.shift + steps;
        let fits = self.shifts && (0..=96).contains(&next);
        if fits {
            self.shift = next;
        }
        fits
    }

    /// The start as changed: from `start` on.
    pub fn from(&self, start: Instant) -> Instant {
        start.plus(Length::from_millis(self.shift * STEP.millis()))
    }

    /// The end as changed, for a start at `start`.
    pub fn until(&self, start: Instant) -> Instant {
        match self.asked {
            EndAsked::For(_) => self.from(start).plus(self.length(start)),
            // A hard end stays where it is when the start is put off.
            EndAsked::Until(until) => until.minus(Length::from_millis(self.steps * STEP.millis())),
        }
    }
}

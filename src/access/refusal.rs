//! A rule said no: a stable code, one sentence, and one hint how to cure it. The same words on every face.

use serde::{Deserialize, Serialize};

/// What sort of no it is; the faces turn it into exit codes and HTTP statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// The command itself is malformed.
    Malformed,
    /// A rule about this request.
    Rule,
    /// About who acts.
    Identity,
    /// There is no such thing, or one may not see it.
    NotFound,
    /// It changed since it was read.
    Changed,
    /// Not now: the clock, the store or the start-up stands against it.
    NotReady,
    /// The incident is not over.
    Blocked,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $class:ident, $wrong:literal;)*) => {
        /// Why not.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Code { $($(#[$doc])* #[serde(rename = $code)] $variant,)* }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];
            /// The stable word for it.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }
            /// What sort of no it is.
            pub const fn class(self) -> Class {
                match self { $(Self::$variant => Class::$class,)* }
            }
            /// Whether somebody acted without the right to, which is recorded.
            pub const fn without_right(self) -> bool {
                match self { $(Self::$variant => $wrong,)* }
            }
        }
    };
}

codes! {
    /// No such request, system, role or person.
    NotFound = "not-found", NotFound, false;
    /// A field is wrong.
    Malformed = "malformed", Malformed, false;
    /// A field names nobody or nothing.
    Unknown = "unknown-name", Malformed, false;
    /// Not signed in, or not in the policy.
    NotSignedIn = "not-signed-in", Identity, false;
    /// Only certain people may do this.
    NotAllowed = "not-allowed", Rule, true;
    /// May not decide about this now.
    NotEligible = "not-eligible", Rule, true;
    /// Their own request.
    OwnRequest = "own-request", Rule, true;
    /// May not ask for this system.
    MayNotAsk = "may-not-ask", Rule, true;
    /// Somebody decided before.
    AlreadyDecided = "already-decided", Rule, false;
    /// It is over.
    Over = "over", Rule, false;
    /// It is in another state.
    WrongState = "wrong-state", Rule, false;
    /// It changed since it was read.
    Changed = "changed", Changed, false;
    /// A check failed and was not overridden.
    CheckFailed = "check-failed", Rule, false;
    /// Longer than allowed, or longer than asked.
    TooLong = "too-long", Rule, false;
    /// The window is over, empty or out of order.
    BadWindow = "bad-window", Rule, false;
    /// A wider role than asked for.
    Wider = "wider-role", Rule, false;
    /// As many extensions as allowed.
    NoMoreExtensions = "no-more-extensions", Rule, false;
    /// The system or everything is frozen.
    Frozen = "frozen", Rule, false;
    /// Words are wanted.
    WordsWanted = "words-wanted", Malformed, false;
    /// Too late to undo, or somebody else's verdict.
    NotUndoable = "not-undoable", Rule, false;
    /// The clock cannot be trusted.
    Clock = "clock", NotReady, false;
    /// The service is starting.
    Starting = "starting", NotReady, false;
    /// The store cannot be reached.
    StoreAway = "store-away", NotReady, false;
    /// This replica has not seen that yet.
    Behind = "behind", NotReady, false;
    /// The policy changed in the same moment.
    PolicyMoved = "policy-moved", NotReady, false;
    /// A report of an older attempt.
    StaleReport = "stale-report", Rule, false;
    /// The same key came with another body.
    KeyReused = "key-reused", Malformed, false;
    /// More than allowed.
    TooMany = "too-many", Rule, false;
    /// The provisioner has nothing to hand out.
    NoCredential = "no-credential", Rule, false;
    /// An incident with access that is not observed absent.
    IncidentBlocked = "incident-blocked", Blocked, false;
}

/// A no, with its cure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{sentence}")]
pub struct Refusal {
    /// Why.
    pub code: Code,
    /// In one sentence.
    pub sentence: String,
    /// How to cure it.
    pub hint: String,
}

impl Refusal {
    /// A refusal with its sentence and its cure.
    pub fn new(code: Code, sentence: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code, sentence: sentence.into(), hint: hint.into() }
    }
    /// There is no such request, or one may not see it: the answers are the same to the letter.
    pub fn unseen() -> Self {
        Self::new(Code::NotFound, "there is no such request that you may see", "look with nightlatch list")
    }
    /// As [`Refusal::unseen`]: who asks knows the number that they named.
    pub fn no_request(_: super::RequestNumber) -> Self {
        Self::unseen()
    }
    /// A field is wrong.
    pub fn malformed(field: &str, sentence: impl std::fmt::Display, hint: impl Into<String>) -> Self {
        Self::new(Code::Malformed, format!("{field}: {sentence}"), hint)
    }
}

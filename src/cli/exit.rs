//! How a verb ends: the exit codes, in one place, and the trouble that leads to one.

use crate::access::refusal::{Class, Refusal};
use crate::client::ClientError;
use crate::wire::Problem;
use std::fmt::Display;

/// How the program ends. Scripts rely on the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exit {
    /// Done.
    Done,
    /// A fault of the program or the server.
    Fault,
    /// The command itself is wrong.
    Usage,
    /// A rule about this request says no.
    Refused,
    /// About who acts: not signed in, unknown, scope.
    Identity,
    /// There is no such thing, or one may not see it.
    NotFound,
    /// It changed since it was read.
    Changed,
    /// The store cannot be reached, or is not ready.
    Away,
    /// A verification failed.
    Broken,
    /// An incident cannot be closed yet.
    Blocked,
    /// `board --once`: something waits for this viewer.
    WaitsForMe,
    /// `board --once`: a removal is overdue.
    Overdue,
    /// `board --once`: the data comes from the cache.
    Cached,
    /// As the command that was run ended.
    Of(u8),
}

impl Exit {
    /// The number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Fault => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::Identity => 4,
            Self::NotFound => 5,
            Self::Changed => 6,
            Self::Away => 7,
            Self::Broken => 8,
            Self::Blocked => 9,
            Self::WaitsForMe => 10,
            Self::Overdue => 20,
            Self::Cached => 30,
            Self::Of(code) => code,
        }
    }

    /// From what the server answered: its status, and for a conflict its code.
    pub fn of_problem(problem: &Problem) -> Self {
        match (problem.status, problem.code.as_str()) {
            (409, "incident-blocked") => Self::Blocked,
            (400 | 413 | 415 | 422, _) => Self::Usage,
            (401 | 403, _) => Self::Identity,
            (404, _) => Self::NotFound,
            (409, _) => Self::Refused,
            (412, _) => Self::Changed,
            // Asked too often: nothing is wrong with the command, and later it will do.
            (429 | 502 | 503 | 504, _) => Self::Away,
            _ => Self::Fault,
        }
    }

    /// From the class of a refusal.
    pub const fn of_class(class: Class) -> Self {
        match class {
            Class::Malformed => Self::Usage,
            Class::Rule => Self::Refused,
            Class::Identity => Self::Identity,
            Class::NotFound => Self::NotFound,
            Class::Changed => Self::Changed,
            Class::NotReady => Self::Away,
            Class::Blocked => Self::Blocked,
        }
    }

    /// The word that stands for it where no other code is known.
    const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Fault => "fault",
            Self::Usage => "usage",
            Self::Refused => "refused",
            Self::Identity => "not-signed-in",
            Self::NotFound => "not-found",
            Self::Changed => "changed",
            Self::Away => "store-away",
            Self::Broken => "verification-failed",
            Self::Blocked => "incident-blocked",
            Self::WaitsForMe => "waits-for-me",
            Self::Overdue => "overdue",
            Self::Cached => "cached",
            Self::Of(_) => "command",
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

/// Why a verb did not do what it was told: a sentence and its cure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// How the program ends.
    pub exit: Exit,
    /// What went wrong; empty where there is nothing to say, such as when nobody reads any more.
    pub sentence: String,
    /// How to cure it.
    pub hint: String,
    /// What the server said, if it was the server.
    pub problem: Option<Box<Problem>>,
}

impl Trouble {
    /// A trouble with its sentence and its cure.
    pub fn new(exit: Exit, sentence: impl Display, hint: impl Display) -> Self {
        Self { exit, sentence: sentence.to_string(), hint: hint.to_string(), problem: None }
    }

    /// The command itself is wrong.
    pub fn usage(sentence: impl Display, hint: impl Display) -> Self {
        Self::new(Exit::Usage, sentence, hint)
    }

    /// A fault of this machine or program.
    pub fn fault(sentence: impl Display, hint: impl Display) -> Self {
        Self::new(Exit::Fault, sentence, hint)
    }

    /// A part of the command is missing, and nobody is there to be asked.
    pub fn missing(part: &str, flag: &str) -> Self {
        Self::usage(format!("{part} is missing"), format!("give it with {flag}, or run this on a terminal to be asked"))
    }

    /// The reader of our output went away: an end, and nothing to say.
    pub fn nobody_reads() -> Self {
        Self::new(Exit::Done, "", "")
    }

    /// As it stands in JSON.
    pub fn as_problem(&self) -> Problem {
        self.problem.as_deref().cloned().unwrap_or_else(|| Problem {
            kind: "about:blank".into(),
            status: 0,
            code: self.exit.word().into(),
            detail: self.sentence.clone(),
            hint: self.hint.clone(),
            request_id: None,
        })
    }
}

impl From<Problem> for Trouble {
    fn from(problem: Problem) -> Self {
        let mut hint = problem.hint.clone();
        if let Some(id) = &problem.request_id {
            let more = format!("the server's log knows it as {id}");
            hint = if hint.is_empty() { more } else { format!("{hint}; {more}") };
        }
        Self {
            exit: Exit::of_problem(&problem),
            sentence: problem.detail.clone(),
            hint,
            problem: Some(Box::new(problem)),
        }
    }
}

impl From<ClientError> for Trouble {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Problem(problem) => Self::from(*problem),
            ClientError::Away(sentence) => Self::new(
                Exit::Away,
                sentence,
                "see that the host runs and that [store] url, NIGHTLATCH_STORE or --store names it; nightlatch doctor looks closer",
            ),
            ClientError::Wrong(sentence) => Self::fault(
                sentence,
                "see that the address is a nightlatch host, and that client and host are of like versions",
            ),
        }
    }
}

impl From<&Refusal> for Trouble {
    fn from(refusal: &Refusal) -> Self {
        Self::new(Exit::of_class(refusal.code.class()), &refusal.sentence, &refusal.hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::refusal::Code;

    fn problem(status: u16, code: &str) -> Problem {
        Problem {
            kind: String::new(),
            status,
            code: code.into(),
            detail: "no".into(),
            hint: "ask".into(),
            request_id: None,
        }
    }

    #[test]
    fn statuses_become_the_promised_exit_codes() {
        let cases = [
            (500, 1),
            (400, 2),
            (413, 2),
            (415, 2),
            (422, 2),
            (409, 3),
            (401, 4),
            (403, 4),
            (404, 5),
            (412, 6),
            (503, 7),
            (418, 1),
        ];
        for (status, exit) in cases {
            assert_eq!(Trouble::from(problem(status, "x")).exit.code(), exit, "{status}");
        }
        assert_eq!(Exit::of_problem(&problem(409, "incident-blocked")).code(), 9);
        assert_eq!(Trouble::from(ClientError::Away("gone".into())).exit.code(), 7);
    }

    #[test]
    fn a_refusal_known_beforehand_ends_as_the_server_would_have_said() {
        let cases = [
            (Code::Malformed, 2),
            (Code::NotEligible, 3),
            (Code::AlreadyDecided, 3),
            (Code::NotSignedIn, 4),
            (Code::NotFound, 5),
            (Code::Clock, 7),
            (Code::IncidentBlocked, 9),
        ];
        for (code, exit) in cases {
            assert_eq!(Trouble::from(&Refusal::new(code, "no", "ask")).exit.code(), exit, "{code:?}");
        }
    }

    #[test]
    fn a_fault_of_the_server_names_its_place_in_the_log() {
        let trouble = Trouble::from(Problem { request_id: Some("r-1".into()), ..problem(500, "fault") });
        assert_eq!(trouble.hint, "ask; the server's log knows it as r-1");
        assert_eq!(Trouble::usage("a", "b").as_problem().code, "usage");
    }
}

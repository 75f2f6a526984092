//! What to do about one access key: wanted against what its requests say. Pure.

use crate::access::due::{Wanted, own_end, wanted};
use crate::access::{Request, RequestNumber};
use crate::text::Instant;

/// What to do about one access key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// These are over, and the other one holds the access on.
    pub carried: Vec<(RequestNumber, RequestNumber)>,
    /// What to do in the target.
    pub act: Act,
}

/// What to do in the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Make it be there until then, for these.
    Grant {
        /// The latest live end.
        until: Instant,
        /// Those to report it for.
        of: Vec<RequestNumber>,
    },
    /// Take it out, for these.
    Remove {
        /// Those to report it for.
        of: Vec<RequestNumber>,
    },
    /// It is as wanted.
    Nothing,
}

/// Overlapping grants end at the last live end; ending one leaves the other.
pub fn plan(requests: &[Request], at: Instant) -> Plan {
    let (mut live, mut over) = (Vec::new(), Vec::new());
    for request in requests {
        match wanted(request, at) {
            Some(Wanted::Present(until)) => live.push((request, until)),
            Some(Wanted::Absent) => over.push(request.number),
            Some(Wanted::Later(_)) | None => {}
        }
    }
    let Some((holder, until)) = live.iter().max_by_key(|(_, until)| *until).copied() else {
        let act = if over.is_empty() { Act::Nothing } else { Act::Remove { of: over } };
        return Plan { carried: Vec::new(), act };
    };
    // The target was told the latest end of them all, and holds it still.
    let told = |request: &Request| {
        let held = request.held();
        held.is_some_and(|held| {
            held.granted.as_ref().is_some_and(|given| given.until == until) && own_end(held).is_none_or(|own| own > at)
        })
    };
    let as_wanted = over.is_empty() && live.iter().all(|(request, _)| told(request));
    let of = live.iter().map(|(request, _)| request.number).collect();
    Plan {
        carried: over.into_iter().map(|number| (number, holder.number)).collect(),
        act: if as_wanted { Act::Nothing } else { Act::Grant { until, of } },
    }
}

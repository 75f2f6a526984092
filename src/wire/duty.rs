//! Who can say yes, now and next, and how a ladder stands.

use super::person::PersonView;
use crate::policy::Capacity;
use crate::text::Instant;
use serde::{Deserialize, Serialize};

/// Somebody who can say yes, and how they are reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DutyView {
    /// Who.
    pub person: PersonView,
    /// As what.
    #[serde(rename = "as")]
    pub capacity: Capacity,
    /// Their zone.
    pub zone: String,
    /// How they are reached.
    #[serde(default)]
    pub contact: Option<String>,
}

/// Who can say yes from an instant on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct NextDutyView {
    /// From when.
    pub from: Instant,
    /// Who, in the order in which they are asked; empty: nobody.
    pub who: Vec<DutyView>,
}

/// The next turns of one rota.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TurnsView {
    /// The rota.
    pub rota: String,
    /// From when, and who.
    pub turns: Vec<(Instant, PersonView)>,
    /// Who it is now; nobody where that person is away, too.
    #[serde(default)]
    pub now: Option<TurnView>,
    /// When nobody is on duty, in the next 60 days.
    #[serde(default)]
    pub gaps: Vec<GapView>,
    /// How the reading of its calendar stands, where it has one.
    #[serde(default)]
    pub calendar: Option<CalendarView>,
}

/// Who is on duty, and how they are reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TurnView {
    /// Who.
    pub person: PersonView,
    /// Their zone.
    pub zone: String,
    /// How they are reached.
    #[serde(default)]
    pub contact: Option<String>,
}

/// A time at which nobody is on duty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct GapView {
    /// From when.
    pub from: Instant,
    /// Until when, as far as it was looked.
    pub until: Instant,
    /// Whose turn it is, who is away then.
    #[serde(default)]
    pub away: Option<PersonView>,
}

/// How the reading of an outside calendar stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CalendarView {
    /// When it was read well last, by this replica.
    #[serde(default)]
    pub read_at: Option<Instant>,
    /// Until when turns are known; nothing where it was never read.
    #[serde(default)]
    pub known_until: Option<Instant>,
    /// Since when it cannot be read.
    #[serde(default)]
    pub failing_since: Option<Instant>,
    /// Why.
    #[serde(default)]
    pub fault: Option<String>,
    /// What the reading left out.
    #[serde(default)]
    pub remarks: Vec<String>,
}

/// How the ladder of what waits stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct EscalationView {
    /// The last step taken, from 1.
    pub step: u32,
    /// When the next one falls due; nothing: it was the last.
    #[serde(default)]
    pub next_at: Option<Instant>,
    /// Who was alerted last.
    pub to: PersonView,
    /// Everybody who was tried, first the one who was tried first.
    #[serde(default)]
    pub tried: Vec<TriedView>,
    /// A claim holds the alerts back until then.
    #[serde(default)]
    pub paused_until: Option<Instant>,
}

/// Somebody who was alerted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TriedView {
    /// Who.
    pub person: PersonView,
    /// When first.
    pub at: Instant,
    /// When last.
    pub last: Instant,
    /// How often.
    pub times: u32,
    /// Wants no more alerts.
    #[serde(default)]
    pub acknowledged: bool,
    /// How they are reached.
    #[serde(default)]
    pub contact: Option<String>,
    /// Their zone.
    pub zone: String,
    /// By which channels, as far as they reported.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reached: Vec<ReachedView>,
}

/// What a channel reported last of one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ReachedView {
    /// Which one.
    pub channel: String,
    /// When.
    pub at: Instant,
    /// Why it did not arrive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// What a `told` event was about, in words; a word that is not known here as it is.
pub fn told_about(word: &str) -> &str {
    match word {
        "ask" => "it waits for a verdict",
        "again" => "it still waits for a verdict",
        "changed" => "it changed while it waits",
        "decided" => "it was decided",
        "unanswered" => "nobody answered",
        "lapsing" => "it is about to lapse",
        "lapsed" => "it lapsed",
        "ready" => "it is ready to use",
        "failed" => "granting failed",
        "ended" => "it was ended",
        "ending" => "it ends soon",
        "overdue" => "it is overdue: it should be gone, and was not seen to be",
        "removed" => "it is no longer overdue",
        other => other,
    }
}

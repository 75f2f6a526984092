//! What the server answers.

use super::duty::{DutyView, EscalationView, NextDutyView, TurnsView};
use super::person::PersonView;
use crate::access::event::SendBackCode;
use crate::access::may::May;
use crate::access::{Status, Via};
use crate::checks::Check;
use crate::policy::{Capacity, Kind};
use crate::text::Instant;
use serde::{Deserialize, Serialize};

/// A window; before approval its ends may be open.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct WindowView {
    /// Not before.
    pub from: Option<Instant>,
    /// Not at or after.
    pub until: Option<Instant>,
}

/// Who reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ClaimView {
    /// Who.
    pub by: PersonView,
    /// Until when the claim holds.
    pub until: Instant,
}

/// A decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DecisionView {
    /// What was decided: approved, denied, sent-back, extended, extension-denied, extension-sent-back.
    pub verdict: String,
    /// Who.
    pub by: PersonView,
    /// As what.
    #[serde(rename = "as")]
    pub capacity: Capacity,
    /// They decided what is their own, where the policy allows it.
    #[serde(rename = "self", default)]
    pub own: bool,
    /// A script decided on what it had just read.
    #[serde(default)]
    pub unseen: bool,
    /// When.
    pub at: Instant,
    /// What they wrote; absent when erased.
    #[serde(default)]
    pub words: Option<String>,
    /// For a send-back: why.
    #[serde(default)]
    pub codes: Vec<SendBackCode>,
    /// The failed checks that were overridden.
    #[serde(default)]
    pub overridden: Vec<String>,
    /// The way in.
    pub via: Via,
    /// The policy version that ruled.
    pub policy_version: String,
}

/// An extension that waits or was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ExtensionView {
    /// When it was asked for.
    pub at: Instant,
    /// The new end, if it were decided now.
    pub until_if_approved_now: Instant,
    /// What was done.
    pub done: Option<String>,
    /// What remains.
    pub remaining: Option<String>,
    /// Whom it goes to.
    pub approver: PersonView,
    /// Whether it waits for a verdict.
    pub waits: bool,
    /// The verdict, if it was not a new end.
    #[serde(default)]
    pub decision: Option<DecisionView>,
}

/// What was read back last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ObservedView {
    /// When.
    pub at: Instant,
    /// `present` or `absent`.
    pub presence: String,
    /// What was read.
    pub evidence: Option<String>,
}

/// An end before the window's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct EndedView {
    /// When.
    pub at: Instant,
    /// Who.
    pub by: String,
    /// revoked, by-policy, handed-back, undone, gave-up, or window.
    pub how: String,
    /// What they wrote.
    #[serde(default)]
    pub words: Option<String>,
}

/// The access in the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct GrantView {
    /// The role given.
    pub role: String,
    /// The provisioner.
    pub target: String,
    /// The name of the access in the target.
    pub access_key: String,
    /// Whether the target itself ends it.
    pub second_lock: bool,
    /// When it was read back first.
    pub granted_at: Option<Instant>,
    /// How it ended, once it has.
    #[serde(default)]
    pub ended: Option<EndedView>,
    /// From when on the removal is overdue.
    pub overdue_from: Instant,
    /// A removal attempt failed or was contradicted.
    #[serde(default)]
    pub removal_failed: bool,
    /// What was read back last.
    pub observed: Option<ObservedView>,
    /// How many attempts so far.
    pub attempts: i64,
    /// What the target said last.
    pub last_error: Option<String>,
    /// When the target is visited next.
    pub next_try_at: Option<Instant>,
    /// The command that a person types to remove it.
    pub manual_command: Option<String>,
    /// Who looks after an overdue removal.
    pub looked_after_by: Option<PersonView>,
    /// Somebody says by hand that it is gone.
    pub attested: Option<NoteView>,
    /// When a credential was first taken.
    pub first_use: Option<Instant>,
    /// When a credential was last taken.
    pub last_use: Option<Instant>,
    /// Live sessions, as read last.
    pub sessions: Option<u32>,
    /// When it was read back as gone.
    pub removed_at: Option<Instant>,
    /// The grant that carries the same access on.
    #[serde(default)]
    pub carried_by: Option<i64>,
}

/// What the user handed back with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct HandedBackView {
    /// What was changed.
    pub changed: Option<String>,
    /// What was checked.
    pub checked: Option<String>,
    /// What needs follow-up.
    pub follow_up: Option<String>,
}

/// A note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct NoteView {
    /// Who.
    pub by: String,
    /// When.
    pub at: Instant,
    /// The words; absent when erased.
    pub text: Option<String>,
}

/// What changed in one revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RevisionView {
    /// Its event.
    pub seq: i64,
    /// When.
    pub at: Instant,
    /// Who.
    pub by: String,
    /// A sentence each.
    pub changes: Vec<String>,
}

/// One request. A board row is the same without `may` and `notes`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RequestView {
    /// Its number.
    pub id: i64,
    /// The sequence number of its last event.
    pub seq: i64,
    /// The sequence number of its last material event; `as_of` is one of these.
    pub version: i64,
    /// Where it stood when this was answered.
    pub status: Status,
    /// Whether its removal is overdue.
    pub overdue: bool,
    /// The system.
    pub system: String,
    /// Its environment.
    pub environment: String,
    /// The role: given, else asked for.
    pub role: String,
    /// The role asked for.
    pub role_asked: String,
    /// What the role allows, in plain words.
    pub allows: String,
    /// The kind.
    pub kind: Kind,
    /// What will be done; absent when erased.
    pub task: Option<String>,
    /// An outside reference.
    pub ticket: Option<String>,
    /// Where the ticket is read.
    #[serde(default)]
    pub ticket_url: Option<String>,
    /// Who asked.
    pub requester: PersonView,
    /// Who holds or will hold the access.
    pub user: PersonView,
    /// Whom it goes to.
    pub approver: PersonView,
    /// When it was filed.
    pub filed_at: Instant,
    /// The window in force, or as far as it is fixed.
    pub window: WindowView,
    /// How much time was asked for; absent where a hard end makes it depend on the decision.
    pub asked_for_seconds: Option<i64>,
    /// The end if it were approved when this was answered.
    pub until_if_approved_now: Option<Instant>,
    /// When it lapses.
    pub undecided_until: Option<Instant>,
    /// What the checks found.
    pub checks: Vec<Check>,
    /// How the ladder of what waits stands.
    #[serde(default)]
    pub escalation: Option<EscalationView>,
    /// Who reads it.
    pub claim: Option<ClaimView>,
    /// The verdict.
    pub decision: Option<DecisionView>,
    /// The last extension asked for.
    pub extension: Option<ExtensionView>,
    /// The verdict that gave the end that holds, if an extension did.
    #[serde(default)]
    pub extended: Option<DecisionView>,
    /// How many extensions were given.
    pub extensions: usize,
    /// The access.
    pub grant: Option<GrantView>,
    /// What the user handed back with.
    pub follow_up: Option<HandedBackView>,
    /// What people noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<Vec<NoteView>>,
    /// What changed between revisions.
    pub revisions: Vec<RevisionView>,
    /// What this viewer may do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub may: Option<Vec<May>>,
    /// Since when system and store are frozen, if they are.
    #[serde(default)]
    pub frozen: bool,
}

/// An answer: every one carries the server's time and the head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer<T> {
    /// The server's time.
    pub server_now: Instant,
    /// The head's sequence number.
    pub head: i64,
    /// What was asked for.
    #[serde(flatten)]
    pub body: T,
}

/// A page of requests, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ListView {
    /// The requests.
    pub requests: Vec<RequestView>,
    /// Ask again with `before` set to this.
    pub next_before: Option<i64>,
}

/// What changed on the board after a sequence number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BoardView {
    /// Up to this event.
    pub seq: i64,
    /// The server's time.
    pub server_now: Instant,
    /// The rows are all there is, not only what changed.
    pub full: bool,
    /// Open requests, and those that ended lately.
    pub rows: Vec<RequestView>,
    /// Numbers that are no longer on the board.
    pub gone: Vec<i64>,
    /// The head's link, in hex.
    pub link: String,
    /// What is frozen: system names, or `*` for everything.
    pub frozen: Vec<String>,
    /// Whether the server's clock can be trusted.
    pub sane: bool,
}

/// One event, as shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct EventView {
    /// Its number.
    pub seq: i64,
    /// When.
    pub at: Instant,
    /// What it is about.
    pub subject: String,
    /// What happened.
    pub kind: String,
    /// Who.
    pub actor: String,
    /// By which way in.
    pub via: Via,
    /// The policy version that ruled.
    pub policy: String,
    /// Its body, with texts where they are not erased.
    #[schema(value_type = Object)]
    pub body: serde_json::Value,
    /// Its link in the chain, in hex.
    pub link: String,
}

/// A page of events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct EventsView {
    /// The events, oldest first.
    pub events: Vec<EventView>,
    /// Ask again with `after` set to this.
    pub next_after: i64,
}

/// `POST /v1/checks`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ChecksView {
    /// What the checks found.
    pub checks: Vec<Check>,
    /// The kind it would have.
    pub kind: Kind,
    /// Whom it would go to.
    pub approver: Option<PersonView>,
    /// The window if it were approved now.
    pub window: WindowView,
    /// How its local times were read, if there is something to say.
    #[serde(default)]
    pub remarks: Vec<String>,
}

/// A role, as shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RoleView {
    /// Its name.
    pub id: String,
    /// What it allows.
    pub allows: String,
    /// Longest window for an emergency, in seconds.
    pub longest_seconds: i64,
    /// Roles that it contains.
    pub contains: Vec<String>,
    /// The provisioner.
    pub provisioner: String,
}

/// A system, as shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SystemView {
    /// Its name.
    pub id: String,
    /// As people say it.
    pub name: String,
    /// Its environment.
    pub environment: String,
    /// Approver and user differ without exception.
    pub sensitive: bool,
    /// What a ticket must look like.
    pub ticket: Option<String>,
    /// Frozen now.
    pub frozen: bool,
    /// Whether this viewer may ask for it.
    pub may_ask: bool,
    /// Its owner.
    pub owner: PersonView,
    /// Who can say yes now, in the order in which they are asked, and as what.
    pub who_can_say_yes: Vec<(PersonView, Capacity)>,
    /// The same people, with how they are reached and what time it is for them.
    #[serde(default)]
    pub on_duty: Vec<DutyView>,
    /// When other people can say yes, or in another order, and who they are then.
    #[serde(default)]
    pub next: Option<NextDutyView>,
    /// Its roles, narrowest first.
    pub roles: Vec<RoleView>,
}

/// `GET /v1/systems`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SystemsView {
    /// The systems.
    pub systems: Vec<SystemView>,
}

/// `GET /v1/me`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct MeView {
    /// Who one is.
    pub person: PersonView,
    /// One's zone.
    pub zone: String,
    /// Standing duties.
    pub duties: Vec<String>,
    /// Systems that one may decide about now.
    pub on_duty_for: Vec<String>,
    /// Until when one's turn on duty lasts, where a rota says so.
    #[serde(default)]
    pub on_duty_until: Option<Instant>,
    /// Who is asked after oneself where one is asked first.
    #[serde(default)]
    pub backup: Option<PersonView>,
    /// The way in.
    pub via: Via,
    /// The store's name in marks.
    pub store: String,
}

/// `GET /v1/policy`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PolicyView {
    /// The ruling version.
    pub hash: String,
    /// Since when.
    pub at: Instant,
    /// Who changed it.
    pub by: String,
    /// Its text.
    pub text: String,
    /// The last fault of the policy's file, while another version rules.
    #[serde(default)]
    pub file_fault: Option<String>,
    /// Who is on duty now and next, by rota: from when, who.
    #[serde(default)]
    pub turns: Vec<TurnsView>,
}

/// What applying another policy changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PolicyChangeView {
    /// The version before.
    pub was: String,
    /// The version after.
    pub hash: String,
    /// What differs, a line each, with + or -.
    pub difference: Vec<String>,
    /// Warnings of the new one.
    pub warnings: Vec<String>,
    /// Live grants that lose person, role or system, and are ended.
    pub ends: Vec<i64>,
    /// It rules now.
    pub applied: bool,
}

/// `GET /v1/audit/head`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct HeadView {
    /// The last event.
    pub seq: i64,
    /// Its link, in hex.
    pub link: String,
    /// The store.
    pub store: String,
    /// The last signed checkpoint, as a note.
    pub checkpoint: Option<String>,
    /// The key that checks it.
    pub key: String,
}

/// `POST /v1/requests/{id}/credential`: the secret, once.
#[derive(Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CredentialView {
    /// The fields.
    #[schema(value_type = Object)]
    pub credential: serde_json::Map<String, serde_json::Value>,
    /// The kind of provisioner, which says what the fields mean.
    pub kind: String,
}

impl std::fmt::Debug for CredentialView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CredentialView(redacted)")
    }
}

/// What several revocations came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RevokedView {
    /// Ended.
    pub ended: Vec<i64>,
    /// Not ended, and why.
    pub refused: Vec<(i64, String)>,
}

/// `POST /v1/login`.
#[derive(Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LoginView {
    /// The personal token: shown once, stored by the client in a private file.
    pub token: String,
    /// Whose it is.
    pub person: PersonView,
    /// When it ends.
    pub expires_at: Option<Instant>,
}

impl std::fmt::Debug for LoginView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LoginView({}, redacted)", self.person.id)
    }
}

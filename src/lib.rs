//! nightlatch: production access that is asked for, decided, given, watched and taken away again along one recorded path.
//!
//! This page is the map: what lies where, what must never happen, and one request's walk through the code.
//!
//! # From above
//! A request is a pure machine: [`access::decide()`] says what happens when somebody wants something, [`access::apply()`] makes it
//! so, and nothing else changes a request. The store has one write: take the head, load, decide, append the events, save the folded
//! requests, commit. People, the clock and the reconciler all send their commands through it. Whatever reacts (the board, the
//! reconciler, an export) follows the numbered events with an integer cursor. The reconciler compares what is wanted of each key
//! in a target with what is read there, and reports what it read, through the same door.
//!
//! # The floors
//! A file imports only floors below its own, or its own folder without a circle. `tests/all/laws.rs` reads the sources and holds it.
//!
//! 1. **pure**: [`text`] (grammars, the sanitiser) < [`policy`] (people, systems, limits, rotas) < [`checks`] (what an approver sees at
//!    a glance; `checks/reading/` reads a task) < [`access`] (requests, commands, events, who may) < [`trail`] (record, link, tree,
//!    checkpoint, verifying). Imports go leftwards only.
//! 2. **small**: [`clock`] (time that cannot be set back), [`secret`] (chance and what must not be shown), [`outbound`] (the only way to
//!    foreign HTTP), [`program`] (the only way to run what is not ours), [`wire`] (what travels), [`config`] (the files), [`calendar`]
//!    (a team's on-call calendar as turns).
//! 3. **edges**: [`store`] (the one write, on SQLite or PostgreSQL), [`provision`] (the contract, one folder a kind of target),
//!    [`notify`] (what somebody is told, one file a channel),
//!    [`client`] (what a face knows of the host; `client/embedded.rs` finds, joins or starts one; `client/kept.rs` remembers what was
//!    seen last).
//! 4. **host**: [`service`]: the only place where rules and store meet; `service/reconcile/` looks after the targets, `service/hooks.rs`
//!    sends webhooks. Beside it, at somebody's desk, [`notifier`]: follows the events for one person through [`client`], and brings
//!    what [`notify`] says.
//! 5. **faces**: [`server`] (HTTP), [`cli`], [`dashboard`] (a pure core of messages, effects and frames; `run` is its loop, `terminal`,
//!    `follow` and `hands` its edges), [`admin`], [`doctor`]: translation, no rules.
//! 6. **whole**: [`demo`] plays a night with all of it on a throw-away store, around you at the dashboard or as a story.
//!
//! `main.rs` sets up the process; `rooms.rs` introduces the command line to the neighbours that it may not know.
//!
//! A new provisioner, check or verb is one new file and one line in its table: `provision/table.rs`, `checks/mod.rs`, `cli/mod.rs`.
//! A view of the dashboard is one new file, a line in `dashboard/views.rs` and one in `dashboard/view/faces.rs`.
//!
//! # What there is not
//! - No act without an event: the trail is the write, so there is no other way to change anything that rules.
//! - No event without a link: an event's hash covers the one before, and is the leaf of the tree that checkpoints sign.
//! - No request that is changed in place: its row is the fold of its events, and `doctor` folds again to see.
//! - No access without an end, and none that a missing answer could prolong: a fault of a target means *not known*, never *absent*.
//! - No removal that gives up, and none that waits behind a grant or behind another target that hangs.
//! - No `removed` without an observation that says *absent*.
//! - No time but what `clock.rs` reads, once for each write and each tick; everywhere else it is an argument. No chance but from
//!   `secret.rs`.
//! - No tokio, file, network or time on floor 1. No SQL outside [`store`] and `provision/postgres`, which speaks to targets and never to
//!   the store; no engine's name in the store but in `store/engine`.
//! - No simulation in the house: `store/stand_in.rs`, `Clock::stepped` and `Seams` are doors for it that nobody else opens.
//! - No alert to somebody who cannot act, no silence that approves, and no step of a ladder that is not an event.
//! - No removal that is overdue for a minute and of which nobody was told; no telling of which one cannot say whether it arrived.
//! - No duty by what a replica happened to read: turns of a calendar count once they are recorded, inside the write.
//! - No rule in a face: what a viewer may do, `may` says, and that is `decide` run dry.
//! - No status code outside [`server`]; no bridge but [`wire`] between client and server.
//! - No free text in an event: events hold its id and hash, so that it can be erased and the trail still verify.
//! - No foreign text that reaches a terminal or a log uncleaned; no secret in an event, an error, an argument list or a Debug.
//! - No unknown key that is ignored in a file or a body; in answers and events there may be more than one knows.
//!
//! # One request's walk
//! `nightlatch approve 142`:
//! 1. `cli::run` parses the line; `Approve::run` (`cli/verdict.rs`) reads the request, shows what the decision needs, asks, and
//!    posts the version that was read with `Link::post`, which is [`client::Client::post`] with a key of its own.
//! 2. `approve` (`server/requests.rs`), behind `guard.rs` and `sign_in.rs`, which say who asks, is a few lines: [`service::Service::approve`].
//! 3. `Service::do_approve` (`service/act.rs`) sees that the viewer may see it, runs the checks and works out where the access
//!    would go (`prepare`); `work_out` sends the command, and again when the policy moved meanwhile; `send` records a refusal
//!    for want of a right.
//! 4. `Store::act` queues it. The writer (`Scribe::batch_once`, `store/write.rs`) takes what waits: `load` reads in one go what the
//!    batch has to know, the clock is read once, `World::act` (`store/world.rs`) calls [`access::decide()`], whose `verdicts::approve`
//!    says `approved` or why not, seals the texts, links the event and folds it with [`access::apply()`]; `save` writes it all
//!    with one statement a table; commit; answer; the new head is published.
//! 5. The board follows the head (`service/board.rs`). The reconciler wakes (`Service::run_reconciler`, `start_lanes`): each target has a lane
//!    for grants and one for removals. `run_lane` leases what is due (`store/lease.rs`), `plan` says what is wanted of each key,
//!    `grant_batch` calls the provisioner and reads back, and `report` sends what was read as a command: `granted`.
//! 6. At the end nobody sends anything: the request *is* ending (`access/status.rs`), its work falls due, `remove_batch` removes and reads
//!    again, and only an observation of *absent* makes it `removed`.

// Floor 1: pure. No clock, no file, no network.
pub mod access;
pub mod checks;
pub mod policy;
pub mod text;
pub mod trail;
// Floor 2: small.
pub mod calendar;
pub mod clock;
pub mod config;
pub mod outbound;
pub mod program;
pub mod secret;
pub mod wire;
// Floor 3: edges.
pub mod client;
pub mod notify;
pub mod provision;
pub mod store;
// Floor 4: host, and what runs at a desk.
pub mod notifier;
pub mod service;
// Floor 5: faces.
pub mod admin;
pub mod cli;
pub mod dashboard;
pub mod doctor;
pub mod server;
// Floor 6: the whole.
pub mod demo;

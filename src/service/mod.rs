//! The host of the rules: every way in ends here, and here alone `decide` meets the store.
//!
//! Faces call these methods and hold no policy of their own.

mod act;
mod asking;
mod board;
mod feeds;
pub mod hooks;
pub mod host;
mod keeper;
mod past;
mod policy;
mod reading;
mod reconcile;
mod ruling;
pub mod signin;
mod tick;
mod view;

pub use reading::export_line;
pub use ruling::{Reader, policy_hash, read_policy};

use crate::access::{Actor, ChannelName, Code, Command, Now, Refusal, RequestNumber, Subject};
use crate::clock::Clock;
use crate::outbound::{Allow, Outbound};
use crate::secret::Chance;
use crate::store::{Store, StoreError};
use crate::text::{Instant, Length};
use crate::wire::{
    AmendBody, ApproveBody, BoardView, ChecksView, CredentialView, DeliveredBody, EventsView, ExtendBody, FileBody,
    FreezeBody, HandBackBody, HeadView, ListQuery, ListView, LoginBody, LoginView, MeView, PolicyBody,
    PolicyChangeView, PolicyView, RequestView, RevokeBody, RevokedView, SystemsView, WordsBody,
};
use act::Refused;
use board::Board;
use keeper::Keeper;
use reconcile::{Lanes, Left, Reported, Spool};
use ruling::{Ruling, Rulings};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// How long a replica waits for what a client has seen elsewhere.
const CATCH_UP: Duration = Duration::from_secs(2);
/// How long a stop waits for targets.
const TARGETS: Length = Length::from_seconds(10);

/// Where this replica keeps its things, and where its policy comes from.
#[derive(Debug, Clone)]
pub struct Options {
    /// What people read of where the policy stands: a path, or `the store`.
    pub policy_name: String,
    /// The policy's file; `None` where `policy apply` is the one way.
    pub policy_file: Option<PathBuf>,
    /// The folder that relative paths of provisioners start from.
    pub base: PathBuf,
    /// The checkpoint key's file, outside the data folder.
    pub checkpoint_key: PathBuf,
    /// The folder of the checkpoint file and the spool.
    pub state: PathBuf,
    /// This replica's name in leases.
    pub replica: String,
    /// How far the clock may be from the database's.
    pub clock_skew: Length,
    /// Private hosts and networks that calendars may be read from.
    pub allow: Vec<Allow>,
}

/// What a simulation puts in the place of targets and chance.
#[derive(Clone)]
pub struct Seams {
    /// Makes rules and targets of a policy's text.
    pub read: Reader,
    /// Where the jitter between two tries comes from.
    pub chance: Chance,
}

impl Seams {
    /// As it is in production.
    fn none(options: &Options) -> Self {
        let base = options.base.clone();
        Self { read: Arc::new(move |text| read_policy(text, &base)), chance: Chance::default() }
    }
}

/// The service of one replica. Cheap to clone.
#[derive(Clone)]
pub struct Service {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    store_id: String,
    clock: Clock,
    options: Options,
    replica: String,
    rulings: Rulings,
    chance: Chance,
    ruling: Mutex<Option<Arc<Ruling>>>,
    board: Board,
    keeper: Keeper,
    spool: Spool,
    lanes: Lanes,
    left: Mutex<Vec<Left>>,
    refused: Refused,
    reported: Reported,
    probes: past::Probes,
    pasts: past::Pasts,
    tokens: signin::Lookups,
    feeds: feeds::Feeds,
    outbound: Outbound,
    wake: Notify,
    stop: Stop,
    /// Set once every past-end removal was tried.
    ready: AtomicBool,
    /// The policy's file is to be read again, whatever its date says.
    reload: AtomicBool,
    /// Who is on duty may have changed: what waits is to be looked at.
    duty_moved: AtomicBool,
    file_fault: Mutex<Option<String>>,
    /// How many events its own checkpoint knows and the store does not; -1: none.
    lost: AtomicI64,
    started_seq: AtomicI64,
}

impl Inner {
    /// Whether the store is behind its own checkpoint, and nobody accepted that.
    fn behind(&self) -> bool {
        self.lost.load(Ordering::SeqCst) >= 0
    }
    /// Whether access may be given now.
    fn granting(&self) -> bool {
        self.ready.load(Ordering::SeqCst) && !self.behind() && self.clock.now().sane
    }
}

/// A flag that is raised once, and waited for.
struct Stop(watch::Sender<bool>);

impl Stop {
    fn is_cancelled(&self) -> bool {
        *self.0.borrow()
    }
    async fn cancelled(&self) {
        let mut raised = self.0.subscribe();
        // The sender lives in the same place as the flag, so waiting cannot fail.
        drop(raised.wait_for(|raised| *raised).await);
    }
}

/// Why an act or a reading did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A rule said no.
    #[error("{0}")]
    Refused(Refusal),
    /// The store cannot be reached, or the service is not ready: try again.
    #[error("{0}")]
    Away(String),
    /// A fault of ours, logged once at the boundary; the caller reads a fixed sentence.
    #[error("{0}")]
    Broken(String),
}

/// What makes a command safe to send again: the client's key and the SHA-256 (hex) of verb, path and body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Made by the client.
    pub key: String,
    /// Of what it came with.
    pub body_hash: String,
}

/// Who knocks, as the server saw it.
#[derive(Debug, Clone)]
pub enum Presented {
    /// A Unix socket's peer: the account's name, or its number where it has none.
    Socket(String),
    /// A token from the Authorization header.
    Token(crate::secret::Secret),
}

/// A verb on one request without conditions of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is the verb of that name")]
pub enum Verb {
    Withdraw,
    Claim { release: bool },
    Acknowledge,
    Note(WordsBody),
    Deny(WordsBody),
    SendBack(WordsBody),
    Revoke(WordsBody),
    HandBack(HandBackBody),
    Undo,
    Retry,
    HandOver { to: String },
    Attest(WordsBody),
    Delivered(DeliveredBody),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Away(sentence) | StoreError::Refused(sentence) => Self::Away(sentence),
            StoreError::Unknown(sentence) | StoreError::Broken(sentence) => Self::Broken(sentence),
        }
    }
}

type Answered<T> = Result<T, Fault>;

impl Service {
    /// Starts the service: reads at once, gives nothing until every past-end removal was tried once, or five seconds.
    pub async fn start(store: Store, clock: Clock, options: Options) -> Answered<Self> {
        let seams = Seams::none(&options);
        Self::start_with(store, clock, options, seams).await
    }

    /// The same with other targets and another chance, for simulation.
    pub async fn start_with(store: Store, clock: Clock, options: Options, seams: Seams) -> Answered<Self> {
        let head = store.head().await?;
        let file = options.state.join("checkpoint.note");
        let keeper = Keeper::open(&head.store_id, &options.checkpoint_key, file).map_err(Fault::Broken)?;
        let spool = Spool::open(&options.state.join("removals.spool")).map_err(Fault::Broken)?;
        let outbound = Outbound::new(options.allow.clone());
        let service = Self {
            inner: Arc::new(Inner {
                rulings: Rulings::new(store.clone(), seams.read),
                chance: seams.chance,
                ruling: Mutex::default(),
                store,
                store_id: head.store_id,
                clock,
                replica: options.replica.clone(),
                options,
                board: Board::default(),
                keeper,
                spool,
                lanes: Lanes::default(),
                left: Mutex::default(),
                refused: Refused::default(),
                reported: Reported::default(),
                probes: past::Probes::default(),
                pasts: past::Pasts::default(),
                tokens: signin::Lookups::default(),
                feeds: feeds::Feeds::default(),
                outbound,
                wake: Notify::new(),
                stop: Stop(watch::Sender::new(false)),
                ready: AtomicBool::new(false),
                reload: AtomicBool::new(false),
                duty_moved: AtomicBool::new(true),
                file_fault: Mutex::default(),
                lost: AtomicI64::new(-1),
                started_seq: AtomicI64::new(head.seq),
            }),
        };
        if let Some(lost) = service.look_behind().await? {
            service.inner.lost.store(lost, Ordering::SeqCst);
            tracing::error!(
                lost,
                "the store is behind its own checkpoint: nothing is given until an admin accepts the loss"
            );
        }
        service.first_policy().await?;
        service.load_board().await?;
        service.end_by_policy();
        tokio::spawn(service.clone().run_ticks());
        let starting = service.clone();
        tokio::spawn(async move {
            if let Err(error) = starting.remove_first().await {
                tracing::warn!(%error, "past-end removals could not all be tried at the start");
            }
            starting.inner.ready.store(true, Ordering::SeqCst);
            starting.run_reconciler().await;
        });
        Ok(service)
    }

    /// The policy's file rules from the first start on; a broken one is refused, and an older version goes on ruling.
    async fn first_policy(&self) -> Answered<()> {
        if let Some(path) = self.inner.options.policy_file.clone() {
            self.reload_policy(&path).await?;
        }
        if self.inner.store.head().await?.policy.is_empty() {
            let fault = self.file_fault().unwrap_or_else(|| "no policy yet: run nightlatch config init".into());
            return Err(Fault::Broken(fault));
        }
        self.refresh_ruling().await.map(drop)
    }

    /// Stops: no new leases, targets get ten seconds, leases go back, the writer drains, the head is signed.
    pub async fn stop(&self) {
        self.inner.ready.store(false, Ordering::SeqCst);
        self.inner.stop.0.send_replace(true);
        let until = self.inner.clock.now().at.plus(TARGETS);
        while self.inner.lanes.busy() > 0 && self.inner.clock.now().at < until {
            self.inner.clock.pause(Duration::from_millis(20)).await;
        }
        let ended = async {
            self.inner.store.give_all_back(&self.inner.replica, self.now().at).await?;
            self.inner.store.touch_alive(self.now().at).await?;
            self.keep(self.now().at).await
        };
        if let Err(error) = ended.await {
            tracing::warn!(%error, "the stop was not recorded; leases lapse by themselves");
        }
        self.inner.store.close().await;
    }

    /// Reads the policy's file again at the next tick, whatever its date says.
    pub fn reload(&self) {
        self.inner.reload.store(true, Ordering::SeqCst);
    }

    /// How much is pending, granted or unremoved.
    pub fn open(&self) -> usize {
        self.inner.board.open()
    }

    fn now(&self) -> Now {
        self.inner.clock.now()
    }

    /// The policy that rules, as this replica knows it.
    async fn ruling(&self) -> Answered<Arc<Ruling>> {
        let known = self.inner.ruling.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match known {
            Some(ruling) => Ok(ruling),
            None => self.refresh_ruling().await,
        }
    }

    async fn refresh_ruling(&self) -> Answered<Arc<Ruling>> {
        let hash = self.inner.store.head().await?.policy;
        let ruling = self.inner.rulings.of(&hash).await?;
        let ruling = Box::pin(self.with_turns(ruling)).await?;
        *self.inner.ruling.lock().unwrap_or_else(PoisonError::into_inner) = Some(ruling.clone());
        self.inner.duty_moved.store(true, Ordering::SeqCst);
        Ok(ruling)
    }

    fn set_file_fault(&self, fault: Option<String>) {
        *self.inner.file_fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    fn file_fault(&self) -> Option<String> {
        self.inner.file_fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Refuses while the store is behind its own checkpoint.
    fn giving(&self) -> Answered<()> {
        if !self.inner.behind() {
            return Ok(());
        }
        Err(Fault::Refused(Refusal::new(
            Code::Behind,
            "the store is behind its own checkpoint, so nothing is given; removals go on",
            "restore the newest backup, or accept the loss with nightlatch admin loss accept --words W",
        )))
    }

    /// The server's time and the head, for every answer.
    pub fn envelope(&self) -> (Instant, i64) {
        (self.now().at, self.inner.board.seq())
    }
    /// Whether deciding, granting and handing out may go on; reads always may.
    pub fn ready(&self) -> Answered<()> {
        if self.inner.ready.load(Ordering::SeqCst) {
            return Ok(());
        }
        let (sentence, hint) = if self.inner.stop.is_cancelled() {
            ("the service is stopping", "try again in a moment; another replica may answer")
        } else {
            ("the service is starting: it removes first what is past its end", "try again in five seconds")
        };
        Err(Fault::Refused(Refusal::new(Code::Starting, sentence, hint)))
    }
    /// Waits until this replica has seen `seq`, two seconds at most, else refuses as behind.
    pub async fn caught_up(&self, seq: i64) -> Answered<()> {
        let mut follows = self.inner.board.subscribe();
        let waited = self.inner.clock.within(CATCH_UP, follows.wait_for(|known| *known >= seq)).await;
        if waited.is_some_and(|known| known.is_ok()) {
            return Ok(());
        }
        Err(Fault::Refused(Refusal::new(
            Code::Behind,
            format!("this replica has not seen event {seq} yet"),
            "try again in a moment",
        )))
    }
    /// Who that is.
    pub async fn sign_in(&self, presented: &Presented) -> Answered<Actor> {
        self.do_sign_in(presented).await
    }
    /// An invitation's code for a personal token.
    pub async fn login(&self, body: &LoginBody) -> Answered<LoginView> {
        self.do_login(body).await
    }
    /// Ends the token that was presented.
    pub async fn logout(&self, actor: &Actor, token: &crate::secret::Secret) -> Answered<()> {
        self.do_logout(actor, token).await
    }
    /// Files a request.
    pub async fn file(&self, actor: &Actor, body: FileBody, key: Key) -> Answered<RequestView> {
        self.do_file(actor, body, key).await
    }
    /// Runs the checks only.
    pub async fn checks(&self, actor: &Actor, body: FileBody) -> Answered<ChecksView> {
        self.do_checks(actor, body).await
    }
    /// Mends or revises.
    pub async fn amend(&self, actor: &Actor, id: RequestNumber, body: AmendBody, key: Key) -> Answered<RequestView> {
        self.do_amend(actor, id, body, key).await
    }
    /// Approves the request or its waiting extension.
    pub async fn approve(
        &self,
        actor: &Actor,
        id: RequestNumber,
        body: ApproveBody,
        key: Key,
    ) -> Answered<RequestView> {
        self.giving()?;
        self.do_approve(actor, id, body, key).await
    }
    /// Asks for a later end.
    pub async fn extend(&self, actor: &Actor, id: RequestNumber, body: ExtendBody, key: Key) -> Answered<RequestView> {
        Box::pin(self.do_extend(actor, id, body, key)).await
    }
    /// Any other verb on one request.
    pub async fn verb(&self, actor: &Actor, id: RequestNumber, verb: Verb, key: Key) -> Answered<RequestView> {
        self.do_verb(actor, id, verb, key).await
    }
    /// What a channel of the server's own did with the telling in event `of`: brought it, or why not. Once a channel.
    pub async fn delivered(
        &self,
        id: RequestNumber,
        of: i64,
        channel: &ChannelName,
        fault: Option<String>,
    ) -> Answered<()> {
        let command = Command::Delivered { of, channel: channel.clone(), fault };
        self.send(&Actor::Notifier, Some(Subject::Request(id)), command, None).await.map(drop)
    }
    /// Takes the grant's credential: minted now, kept nowhere.
    pub async fn credential(
        &self,
        actor: &Actor,
        id: RequestNumber,
        public_key: Option<String>,
    ) -> Answered<CredentialView> {
        self.giving()?;
        self.do_credential(actor, id, public_key).await
    }
    /// Ends every live grant of a person, system or ticket.
    pub async fn revoke_many(&self, actor: &Actor, body: RevokeBody, key: Key) -> Answered<RevokedView> {
        self.do_revoke_many(actor, body, key).await
    }
    /// Freezes or thaws.
    pub async fn freeze(&self, actor: &Actor, body: FreezeBody, thaw: bool, key: Key) -> Answered<()> {
        self.do_freeze(actor, body, thaw, key).await
    }
    /// One request, with what this viewer may do.
    pub async fn show(&self, actor: &Actor, id: RequestNumber) -> Answered<RequestView> {
        self.visible(actor, id).await?;
        self.view_for(actor, id).await
    }
    /// Requests, newest first.
    pub async fn list(&self, actor: &Actor, query: ListQuery) -> Answered<ListView> {
        self.do_list(actor, query).await
    }
    /// Events of one request, or of everything that this viewer may see.
    pub async fn events(
        &self,
        actor: &Actor,
        of: Option<RequestNumber>,
        after: i64,
        limit: i64,
        wait: Duration,
    ) -> Answered<EventsView> {
        self.do_events(actor, of, after, limit, wait).await
    }
    /// What changed on the board after `after`; waits for a change for `wait` at most.
    pub async fn board(&self, actor: &Actor, after: Option<i64>, wait: Duration) -> Answered<BoardView> {
        self.do_board(actor, after, wait).await
    }
    /// Systems and roles, and who can say yes now.
    pub async fn systems(&self, actor: &Actor) -> Answered<SystemsView> {
        self.do_systems(actor).await
    }
    /// Who one is.
    pub async fn me(&self, actor: &Actor) -> Answered<MeView> {
        self.do_me(actor).await
    }
    /// The ruling policy.
    pub async fn policy(&self, actor: &Actor) -> Answered<PolicyView> {
        self.do_policy(actor).await
    }
    /// Another policy.
    pub async fn apply_policy(&self, actor: &Actor, body: PolicyBody) -> Answered<PolicyChangeView> {
        self.do_apply_policy(actor, body).await
    }
    /// The head, its checkpoint and the key.
    pub async fn audit_head(&self, actor: &Actor) -> Answered<HeadView> {
        self.do_audit_head(actor).await
    }
    /// A page of export lines (JSON, no newline) after `after`, and the last number in it; empty at the end.
    pub async fn audit_page(&self, actor: &Actor, after: i64, limit: i64) -> Answered<(Vec<String>, i64)> {
        self.do_audit_page(actor, after, limit).await
    }
    /// The metrics in Prometheus' text form.
    pub fn metrics(&self) -> String {
        let now = self.now();
        let held = self.inner.board.held();
        let overdue = held.iter().filter(|request| crate::access::overdue(request, now.at)).count();
        [
            ("nightlatch_head_seq", self.inner.board.seq().to_string()),
            ("nightlatch_open_requests", self.inner.board.open().to_string()),
            ("nightlatch_held_requests", held.len().to_string()),
            ("nightlatch_overdue_removals", overdue.to_string()),
            ("nightlatch_clock_sane", u8::from(now.sane).to_string()),
            ("nightlatch_behind_checkpoint", u8::from(self.inner.behind()).to_string()),
            ("nightlatch_busy_lanes", self.inner.lanes.busy().to_string()),
        ]
        .iter()
        .fold(String::new(), |text, (name, value)| format!("{text}# TYPE {name} gauge\n{name} {value}\n"))
    }
}

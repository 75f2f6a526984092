//! What the dashboard knows. Only `update` changes it, only `view` reads it.

use super::dialog::{Dialog, Verb};
use super::eye::{Anchor, Eye};
use super::filter::{Filter, Sight};
use super::form::Form;
use super::keys::Keys;
use super::layout::{Plan, Shape};
use super::link::Link;
use super::lists::{History, Mine, Prompt, Seen};
use super::msg::{ActId, AskId, Moment};
use super::roll::Roll;
use super::rows::Board;
pub use super::theme::Colours;
use super::theme::{Look, Tone};
use super::views::View;
use crate::text::{Instant, Length};
use crate::wire::{EventView, MeView, RequestView, SystemsView};
use chrono_tz::Tz;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// How somebody likes it, as read from flags, files and the terminal.
#[derive(Debug, Clone)]
pub struct Options {
    /// For wall screens: nothing acts.
    pub read_only: bool,
    /// Open on this request.
    pub open: Option<i64>,
    /// The zone in which times are shown.
    pub zone: Tz,
    /// Locks itself after this long without a key.
    pub lock_after: Length,
    /// The theme's name; none: as the terminal looks.
    pub theme: Option<String>,
    /// The terminal's background is light.
    pub light: bool,
    /// How many colours there are.
    pub colours: Colours,
    /// Nothing but ASCII of our own.
    pub ascii: bool,
    /// Action to its keys, instead of the built-in ones.
    pub keys: BTreeMap<String, Vec<String>>,
    /// Where in which file each of them stands.
    pub key_places: BTreeMap<String, String>,
    /// What was wrong before anything was drawn: said at the foot.
    pub faults: Vec<String>,
    /// Filters by name, which stand among the commands.
    pub filters: BTreeMap<String, String>,
    /// The store's address, where others can use it, too.
    pub address: Option<String>,
    /// Columns and rows.
    pub size: (u16, u16),
}

impl Options {
    /// A link to a request: its address, else the command that opens it.
    pub fn link_to(&self, id: i64) -> String {
        match &self.address {
            Some(address) => format!("{}/v1/requests/{id}", address.trim_end_matches('/')),
            None => format!("nightlatch {}", crate::access::RequestNumber(id)),
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            read_only: false,
            open: None,
            zone: Tz::UTC,
            lock_after: Length::from_minutes(5),
            theme: None,
            light: false,
            colours: Colours::default(),
            ascii: false,
            keys: BTreeMap::new(),
            key_places: BTreeMap::new(),
            faults: Vec::new(),
            filters: BTreeMap::new(),
            address: None,
            size: (80, 24),
        }
    }
}

/// What one act came to, on its row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// On its way.
    Sending(ActId),
    /// Done, and until when that is shown.
    Done(Moment),
    /// Refused: the sentence, and until when that is shown.
    Refused(Moment),
}

/// The open request: what is on the screen beside or instead of the lists.
#[derive(Debug, Clone)]
pub struct Detail {
    /// Its number.
    pub id: i64,
    /// As it was read last, with what this viewer may do.
    pub read: Option<Box<RequestView>>,
    /// Why it could not be read.
    pub fault: Option<String>,
    /// Its timeline, oldest first: the newest of it.
    pub events: Vec<EventView>,
    /// How many earlier events there are, which are not kept.
    pub earlier: usize,
    /// The first line on the screen.
    pub top: usize,
}

/// One's last verdict, while it can be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastVerdict {
    /// On which request.
    pub id: i64,
    /// Until when.
    pub until: Moment,
}

/// A sentence at the foot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What is said.
    pub words: String,
    /// How.
    pub tone: Tone,
    /// Until when.
    pub until: Moment,
}

/// The dashboard's whole state.
#[derive(Debug)]
pub struct Model {
    /// How somebody likes it.
    pub options: Options,
    /// The zone in which times are shown now.
    pub zone: Tz,
    /// How it looks.
    pub look: Look,
    /// The keys.
    pub keys: Keys,
    /// The moment of the last update: what `draw` calls now.
    pub now: Moment,
    /// Columns and rows.
    pub size: (u16, u16),
    /// The server's clock.
    pub anchor: Option<Anchor>,
    /// How fresh it all is.
    pub link: Link,
    /// What fills the screen.
    pub view: View,
    /// The rows.
    pub board: Board,
    /// One's own requests.
    pub mine: Mine,
    /// Requests that were looked up.
    pub history: History,
    /// Requests that were read and need not be on the board.
    pub shelf: HashMap<i64, Arc<RequestView>>,
    /// The head's link, in hex.
    pub head: String,
    /// What is frozen.
    pub frozen: Vec<String>,
    /// Whether the server's clock can be trusted.
    pub sane: bool,
    /// Who one is.
    pub me: Option<MeView>,
    /// The systems.
    pub systems: Option<SystemsView>,
    /// The open request.
    pub detail: Option<Detail>,
    /// Whether the open request has the keys; beside the lists it need not.
    pub in_detail: bool,
    /// The dialog.
    pub dialog: Option<Dialog>,
    /// A request that is being written.
    pub form: Option<Form>,
    /// One that was left before it was filed.
    pub draft: Option<Form>,
    /// What is typed at the foot.
    pub line: Option<Prompt>,
    /// The help, and its first line.
    pub help: Option<usize>,
    /// The pane alone on the screen.
    pub zoomed: bool,
    /// Wheel and clicks are told to the pane.
    pub mouse: bool,
    /// Somebody holds the rows still.
    pub paused: bool,
    /// The first act key only unlocks.
    pub locked: bool,
    /// When a key was pressed last.
    pub last_key: Option<Moment>,
    /// The marked requests, each with the version that was on the screen.
    pub marks: BTreeMap<i64, i64>,
    /// On a walk: what was shown already.
    pub walk: Option<BTreeSet<i64>>,
    /// What became of one's acts, by request.
    pub sent: HashMap<i64, Sent>,
    /// Acts whose answer is of no interest.
    pub quiet: BTreeSet<ActId>,
    /// What the acts on their way are.
    pub under_way: BTreeMap<ActId, Verb>,
    /// What is said when an act is done, instead of its own words.
    pub promised: BTreeMap<ActId, String>,
    /// One's last verdict.
    pub last_verdict: Option<LastVerdict>,
    /// The sentence at the foot.
    pub notice: Option<Notice>,
    /// What the last frame showed.
    pub seen: Seen,
    /// When the request under the cursor is read for the pane beside the lists.
    pub peek_at: Option<Moment>,
    /// The number of the next act.
    pub next_act: u64,
    /// The number of the next question.
    pub next_ask: u64,
}

/// The order is frozen for so long after a key.
pub const CALM: Duration = Duration::from_secs(10);

impl Model {
    /// An empty dashboard.
    pub fn new(options: Options) -> Self {
        let (keys, more) = Keys::placed(&options.keys, &options.key_places);
        let mut faults = [options.faults.as_slice(), &more].concat();
        let look = |name: Option<&str>| Look::named(name, options.light, options.colours, options.ascii);
        let look = look(options.theme.as_deref()).or_else(|| {
            let name = options.theme.as_deref().unwrap_or_default();
            faults.push(format!("theme: there is no {name:?}; there are {}", super::theme::NAMES.join(", ")));
            look(None)
        });
        // The line at the foot holds one of them at best: how many there are comes first.
        let many = if faults.len() > 1 {
            format!("{} are left out, each is said at the end: ", faults.len())
        } else {
            String::new()
        };
        let notice = (!faults.is_empty()).then(|| Notice {
            words: format!("{many}{}", faults.join(" · ")),
            tone: Tone::Soon,
            until: Moment(Duration::from_mins(1)),
        });
        Self {
            zone: options.zone,
            look: look.unwrap_or_else(Look::plain),
            keys,
            now: Moment::default(),
            size: options.size,
            anchor: None,
            link: Link::default(),
            view: View::Board,
            board: Board::default(),
            mine: Mine::default(),
            history: History::default(),
            shelf: HashMap::new(),
            head: String::new(),
            frozen: Vec::new(),
            sane: true,
            me: None,
            systems: None,
            detail: options.open.map(Detail::new),
            in_detail: options.open.is_some(),
            dialog: None,
            form: None,
            draft: None,
            line: None,
            help: None,
            zoomed: false,
            mouse: false,
            paused: false,
            locked: false,
            last_key: None,
            marks: BTreeMap::new(),
            walk: None,
            sent: HashMap::new(),
            quiet: BTreeSet::new(),
            under_way: BTreeMap::new(),
            promised: BTreeMap::new(),
            last_verdict: None,
            notice,
            seen: Seen::default(),
            peek_at: None,
            next_act: 0,
            next_ask: 0,
            options: Options { faults, ..options },
        }
    }

    /// A look at the clock now.
    pub fn eye(&self) -> Eye {
        Eye::new(self.now, self.anchor, self.zone)
    }

    /// The server's time now; before it is known, the beginning of time: nothing is overdue then.
    pub fn server_now(&self) -> Instant {
        self.anchor.map_or(Instant::from_millis(0), |anchor| anchor.at(self.now))
    }

    /// How the screen is divided.
    pub fn plan(&self) -> Plan {
        let detail = self.detail.is_some() && self.in_detail;
        let shape = Shape { view: self.view, focus: self.board.focus, zoomed: self.zoomed, detail };
        Plan::of(self.size, shape)
    }

    /// Whether keys go to something that is open over the view: a dialog, the form, or the line at the foot.
    pub const fn is_busy(&self) -> bool {
        self.dialog.is_some() || self.form.is_some() || self.line.is_some()
    }

    /// Until when the order of the rows is frozen, if it is; for ever while somebody holds it.
    pub fn frozen_until(&self) -> Option<Moment> {
        if self.is_busy() || self.paused {
            return Some(Moment(Duration::MAX));
        }
        self.last_key.map(|at| Moment(at.0 + CALM)).filter(|until| *until > self.now)
    }

    /// Whether the order of the rows is frozen.
    pub fn is_frozen(&self) -> bool {
        self.frozen_until().is_some()
    }

    /// Whether anything waits for the order to thaw.
    pub fn waits_to_merge(&self) -> bool {
        self.board.waits_to_merge() || self.mine.roll.waits_to_merge() || self.history.roll.waits_to_merge()
    }

    /// The one list of the view, if it has one.
    pub const fn roll(&self) -> Option<&Roll> {
        match self.view {
            View::Mine => Some(&self.mine.roll),
            View::History => Some(&self.history.roll),
            View::Board | View::Help => None,
        }
    }

    /// The one list of the view, to be moved about in.
    pub const fn roll_mut(&mut self) -> Option<&mut Roll> {
        match self.view {
            View::Mine => Some(&mut self.mine.roll),
            View::History => Some(&mut self.history.roll),
            View::Board | View::Help => None,
        }
    }

    /// The filter of the view.
    pub const fn filter(&self) -> &Filter {
        match self.view {
            View::Mine => &self.mine.filter,
            View::History => &self.history.filter,
            View::Board | View::Help => self.board.filter(),
        }
    }

    /// By whom and when a filter is looked through.
    pub fn sight(&self) -> Sight<'_> {
        Sight { me: self.me.as_ref().map(|me| me.person.id.as_str()), now: self.server_now() }
    }

    /// The request under the cursor of the view.
    pub fn cursor(&self) -> Option<i64> {
        self.roll().map_or_else(|| self.board.cursor(), |roll| roll.pane.cursor)
    }

    /// The request that a key is about: the open one, or the one under the cursor.
    pub fn pointed(&self) -> Option<i64> {
        match &self.detail {
            Some(detail) if self.in_detail => Some(detail.id),
            _ => self.cursor(),
        }
    }

    /// A request as it is known best: on the board, as it was read, or as it was looked up.
    pub fn known(&self, id: i64) -> Option<Arc<RequestView>> {
        let read = self.detail.as_ref().filter(|detail| detail.id == id).and_then(|detail| detail.read.as_ref());
        let known = match (self.board.get(id), self.shelf.get(&id)) {
            (Some(row), Some(other)) if other.seq > row.seq => Some(other),
            (row, other) => row.or(other),
        };
        match (known, read) {
            (Some(row), Some(read)) if read.seq > row.seq => Some(Arc::new((**read).clone())),
            (Some(row), _) => Some(row.clone()),
            (None, Some(read)) => Some(Arc::new((**read).clone())),
            (None, None) => None,
        }
    }

    /// Remembers a request that was read, unless what is known of it is newer.
    pub fn shelve(&mut self, view: RequestView) {
        if self.shelf.get(&view.id).is_none_or(|known| known.seq <= view.seq) {
            self.shelf.insert(view.id, Arc::new(view));
        }
    }

    /// The number of a new question.
    pub const fn next_question(&mut self) -> AskId {
        self.next_ask += 1;
        AskId(self.next_ask)
    }

    /// When the pane locks itself.
    pub fn locks_at(&self) -> Option<Moment> {
        let idle_from = self.last_key.unwrap_or_default();
        (!self.locked && !self.options.read_only).then(|| Moment(idle_from.0 + self.options.lock_after.to_std()))
    }
}

impl Detail {
    /// How many events are kept.
    const EVENTS: usize = 1000;

    /// Nothing of it is known yet.
    pub fn new(id: i64) -> Self {
        Self { id, read: None, fault: None, events: Vec::new(), earlier: 0, top: 0 }
    }

    /// The sequence number of the last event that is known; 0: none is.
    pub fn known(&self) -> i64 {
        self.events.last().map_or(0, |event| event.seq)
    }

    /// Takes what was read of its timeline: whatever comes after what is known, or all of it anew.
    pub fn take_events(&mut self, after: i64, events: Vec<EventView>) {
        if after == 0 {
            (self.events, self.earlier) = (Vec::new(), 0);
        }
        let known = self.known();
        self.events.extend(events.into_iter().filter(|event| event.seq > known));
        let over = self.events.len().saturating_sub(Self::EVENTS);
        self.events.drain(..over);
        self.earlier += over;
    }
}

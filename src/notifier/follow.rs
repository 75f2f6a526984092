//! One notifier at work: follows the events by cursor, asks the alerts what to do, hands it to the channels, reports what came of
//! it, and keeps what it knows. Whoever holds the lock does this; the others wait in the kernel.

use super::carry::{Carrier, Line, Outcome, Report};
use super::host::{ANSWER, Away, PAGE, Page, Poller, Reporter, greet};
use super::kept::Kept;
use super::place::{Held, Place, Said, Seat};
use crate::access::{RequestNumber, Status};
use crate::client::{Client, ClientError, Pauses};
use crate::clock::Stopwatch;
use crate::notify::{Alert, Alerts, KeptItem, Settings, Step};
use crate::text::{Instant, Length};
use crate::wire::{Answer, BoardView, EventsView, MeView, RequestView};
use std::collections::{BTreeMap, VecDeque};
use std::pin::pin;
use std::time::Duration;
use tokio::sync::mpsc;

/// What happened longer ago than this while nobody told it is seen on the board, not told one by one.
const OLD: Length = Length::from_hours(12);
/// Who one is is read again so often.
const REFRESH: Duration = Duration::from_mins(10);
/// How far it heard is kept so often, where nothing else is.
const KEEP: Duration = Duration::from_mins(1);
/// And so often even if it heard nothing: what is kept must not look old.
const KEEP_AT_LEAST: Duration = Duration::from_hours(1);
/// What the channels have in hand is waited for so long before it is kept that it was brought.
const HELD: Duration = Duration::from_secs(5);
/// Of the board so many requests are looked at.
const LOOKED: usize = 100;
/// So many reports wait for the host at most.
const REPORTS: usize = 1000;
/// What no channel could bring is tried again so often, so long after.
const TRIES: u32 = 5;
const RETRY: Length = Length::from_seconds(30);
/// After it gave way it stands at the end of the line.
const GIVEN_WAY: Duration = Duration::from_millis(300);

/// What it has to say to whoever started it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// Somebody clicked: open this.
    Open(RequestNumber),
    /// A sentence.
    Said(String),
}

/// What one notifier works with.
pub struct Notifier {
    /// The host.
    pub client: Client,
    /// Whose it is.
    pub me: MeView,
    /// Where it keeps its things.
    pub place: Place,
    /// Who brings.
    pub seat: Seat,
    /// How this person wants to be told.
    pub settings: Settings,
    /// Time that only passes.
    pub watch: Stopwatch,
}

/// What happens to a session.
enum Happens {
    Page(Page),
    Outcome(Outcome),
    Reported(Report),
    Clicked(RequestNumber),
    Said(Said),
    Time,
}

/// Nobody listens any more.
#[derive(Debug)]
pub struct Closed;

impl Notifier {
    /// Runs until nobody listens to `news`. `clicks` are what channels hear.
    pub async fn run(
        self,
        lines: Vec<Line>,
        mut clicks: mpsc::UnboundedReceiver<RequestNumber>,
        news: mpsc::Sender<News>,
    ) -> Result<(), Closed> {
        let (tell, mut outcomes) = mpsc::unbounded_channel();
        let start = |(number, line)| Carrier::start(number, line, tell.clone());
        let carriers: Vec<Carrier> = lines.into_iter().enumerate().map(start).collect();
        loop {
            let held = match self.wait(&mut clicks, &news).await? {
                Ok(held) => held,
                Err(error) => {
                    let why = format!("notifications are off: the lock cannot be had: {error}");
                    return news.send(News::Said(why)).await.map_err(|_| Closed);
                }
            };
            let listening = self.place.listen(self.seat);
            if let Err(error) = &listening {
                tracing::warn!("nobody else can take over: {error}");
            }
            let (heard, _deaf) = listening.map_or((None, None), |(heard, deaf)| (Some(heard), Some(deaf)));
            let mut session = Session::begin(&self, &carriers, news.clone());
            session.run(heard, &mut clicks, &mut outcomes).await?;
            session.keep(true);
            drop(held);
            let later = self.watch.elapsed().saturating_add(GIVEN_WAY);
            self.watch.until(later).await;
        }
    }

    /// Waits for the lock.
    async fn wait(
        &self,
        clicks: &mut mpsc::UnboundedReceiver<RequestNumber>,
        news: &mpsc::Sender<News>,
    ) -> Result<std::io::Result<Held>, Closed> {
        let mut locking = pin!(self.place.hold(self.seat));
        loop {
            tokio::select! {
                held = &mut locking => return Ok(held),
                Some(number) = clicks.recv() => {
                    // Whoever brings now may have a screen to show it on.
                    if self.place.say(Said::Open(number)).await != Some(true) {
                        news.send(News::Open(number)).await.map_err(|_| Closed)?;
                    }
                }
                () = news.closed() => return Err(Closed),
            }
        }
    }
}

/// What is done while the lock is held.
struct Session<'a> {
    of: &'a Notifier,
    carriers: &'a [Carrier],
    news: mpsc::Sender<News>,
    alerts: Alerts,
    /// The host's time, and when that was.
    anchor: (Instant, Duration),
    answered: Duration,
    refreshed: Duration,
    kept_at: Duration,
    /// Something is to be kept.
    changed: bool,
    page: mpsc::Sender<Page>,
    pages: mpsc::Receiver<Page>,
    /// What was kept, until it is taken up.
    kept: Option<Kept>,
    /// Events are followed. Before that nothing is known that could be kept.
    follows: bool,
    /// What was not taken in yet, because a request could not be read.
    waits: Option<(Box<Answer<EventsView>>, Pauses, Duration)>,
    reports: VecDeque<Report>,
    reporter: Reporter,
    /// What stands but could not be read again yet.
    unread: Vec<KeptItem>,
    /// The board is still to be looked at for what waited before the events that are followed. Nothing is kept until then:
    /// whoever takes up what was kept does not look.
    looks: Option<Look>,
    /// More is known to come at once: nothing is brought before it is heard.
    behind: bool,
    /// What no channel of a line could bring.
    lost: Vec<Lost>,
    /// How much the channels have in hand, and since when.
    in_hand: (usize, Duration),
    kept_seq: i64,
    /// What was said of each channel last.
    faults: BTreeMap<&'static str, String>,
    tasks: Vec<tokio::task::AbortHandle>,
}

/// A look at the board that is still to be had.
#[derive(Debug)]
struct Look {
    pauses: Pauses,
    /// When it is tried; nothing while the host does not answer.
    at: Option<Duration>,
}

/// What no channel of a line could bring.
#[derive(Debug)]
struct Lost {
    line: usize,
    alert: Alert,
    tries: u32,
    /// When it is tried again; nothing while it is.
    at: Option<Instant>,
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        self.tasks.iter().for_each(tokio::task::AbortHandle::abort);
    }
}

impl<'a> Session<'a> {
    /// Asks for the host. What was kept is taken up when it answers.
    fn begin(of: &'a Notifier, carriers: &'a [Carrier], news: mpsc::Sender<News>) -> Self {
        let now = of.watch.elapsed();
        let (page, pages) = mpsc::channel(1);
        let (reporter, reporting) = Reporter::start(of.client.clone(), of.watch.clone());
        let mut session = Self {
            of,
            carriers,
            news,
            alerts: Alerts::new(&of.me, of.settings.clone()),
            anchor: (of.client.last().server_now.unwrap_or_default(), now),
            answered: now,
            refreshed: now,
            kept_at: now,
            changed: true,
            page,
            pages,
            kept: Kept::read(&of.place.kept(), &of.me.store, &of.me.person.id),
            follows: false,
            waits: None,
            reports: VecDeque::new(),
            reporter,
            unread: Vec::new(),
            looks: None,
            behind: true,
            lost: Vec::new(),
            in_hand: (0, now),
            kept_seq: 0,
            faults: BTreeMap::new(),
            tasks: vec![reporting],
        };
        session.greet();
        session
    }

    fn greet(&mut self) {
        let greeting = greet(self.of.client.clone(), self.of.watch.clone(), self.page.clone());
        self.tasks.push(tokio::spawn(greeting).abort_handle());
    }

    /// The host answers with its head: takes up what was kept, and follows the events from there.
    async fn follow(&mut self, head: i64) {
        (self.behind, self.follows) = (true, true);
        self.take_up(head).await;
        let (client, watch) = (self.of.client.clone(), self.of.watch.clone());
        let poller = Poller { client, watch, after: self.alerts.upto(), page: self.page.clone() };
        self.tasks.push(tokio::spawn(poller.run()).abort_handle());
    }

    fn now(&self) -> Instant {
        let passed = self.of.watch.elapsed().saturating_sub(self.anchor.1);
        self.anchor.0.plus(Length::from_millis(i64::try_from(passed.as_millis()).unwrap_or(i64::MAX)))
    }

    /// Takes up what was kept, else looks at what waits.
    async fn take_up(&mut self, head: i64) {
        let now = self.now();
        // What is older than this was told by somebody else, or is seen on the board.
        let Some(kept) = self.kept.take().filter(|kept| kept.at.plus(OLD) > now && kept.seq <= head) else {
            self.alerts.skip_to(head);
            // Whoever opens a dashboard has what waits before their eyes.
            let at = Some(self.of.watch.elapsed());
            self.looks = (self.of.seat == Seat::Alone).then_some(Look { pauses: Pauses::default(), at });
            return self.look().await;
        };
        self.alerts.skip_to(kept.seq);
        kept.reports.iter().for_each(|report| self.reporter.take(report.clone()));
        self.reports.extend(kept.reports);
        self.unread = kept.items;
        self.read_again().await;
    }

    /// Reads what stands; the rest is read when the host answers again.
    async fn read_again(&mut self) {
        while let Some(item) = self.unread.pop() {
            let Ok(view) = self.request(item.request).await else {
                self.unread.push(item);
                return;
            };
            self.alerts.take_up(item, view.as_ref(), self.now());
        }
    }

    /// Looks once at what waits, as soon as it can be read.
    async fn look(&mut self) {
        let now = self.of.watch.elapsed();
        if let Some(Look { mut pauses, .. }) = self.looks.take_if(|look| look.at.is_some_and(|at| at <= now)) {
            if self.look_at_board().await.is_ok() {
                self.changed = true;
            } else {
                let at = Some(self.of.watch.elapsed().saturating_add(pauses.make()));
                self.looks = Some(Look { pauses, at });
            }
        }
    }

    async fn look_at_board(&mut self) -> Result<(), Away> {
        let Some(board) = self.read::<BoardView>("/v1/board").await else { return Err(Away) };
        let me = &self.of.me;
        let concerns = |row: &&RequestView| {
            let asked = row.status == Status::Pending || row.extension.as_ref().is_some_and(|asked| asked.waits);
            let tried = row
                .escalation
                .as_ref()
                .is_some_and(|ladder| ladder.tried.iter().any(|tried| tried.person.id == me.person.id));
            let gave = row.decision.as_ref().is_some_and(|decision| decision.by.id == me.person.id);
            let mine = row.approver.id == me.person.id || me.on_duty_for.contains(&row.system);
            (asked && (mine || tried)) || (row.overdue && (mine || gave))
        };
        let numbers: Vec<i64> = board.rows.iter().filter(concerns).take(LOOKED).map(|row| row.id).collect();
        for number in numbers {
            // A host that hangs is not waited for once for each.
            if let Some(view) = self.request(RequestNumber(number)).await? {
                self.alerts.found(&view, self.now());
            }
        }
        Ok(())
    }

    async fn read<T: serde::de::DeserializeOwned>(&self, path: &str) -> Option<T> {
        let late = self.of.watch.elapsed().saturating_add(ANSWER);
        tokio::select! {
            answer = self.of.client.get(path) => answer.ok(),
            () = self.of.watch.until(late) => None,
        }
    }

    /// The request as it is now; none where there is none that this person may see.
    async fn request(&self, number: RequestNumber) -> Result<Option<RequestView>, Away> {
        let path = format!("/v1/requests/{}", number.0);
        let late = self.of.watch.elapsed().saturating_add(ANSWER);
        let answer = tokio::select! {
            answer = self.of.client.get::<RequestView>(&path) => answer,
            () = self.of.watch.until(late) => return Err(Away),
        };
        match answer {
            Ok(view) => Ok(Some(view)),
            Err(ClientError::Problem(problem)) if problem.status == 404 => Ok(None),
            Err(_) => Err(Away),
        }
    }

    /// Until somebody else is to bring.
    async fn run(
        &mut self,
        mut heard: Option<mpsc::Receiver<Said>>,
        clicks: &mut mpsc::UnboundedReceiver<RequestNumber>,
        outcomes: &mut mpsc::UnboundedReceiver<Outcome>,
    ) -> Result<(), Closed> {
        loop {
            self.act();
            self.keep(false);
            let wake = self.wake();
            let said = async {
                match &mut heard {
                    Some(heard) => heard.recv().await,
                    None => std::future::pending().await,
                }
            };
            let may_page = self.waits.is_none();
            let happens = tokio::select! {
                biased;
                Some(said) = said => Happens::Said(said),
                Some(number) = clicks.recv() => Happens::Clicked(number),
                Some(outcome) = outcomes.recv() => Happens::Outcome(outcome),
                Some(report) = self.reporter.done.recv() => Happens::Reported(report),
                Some(page) = self.pages.recv(), if may_page => Happens::Page(page),
                () = until(&self.of.watch, wake) => Happens::Time,
                () = self.news.closed() => return Err(Closed),
            };
            match happens {
                Happens::Said(Said::Yield) => return Ok(()),
                Happens::Said(Said::Open(number)) | Happens::Clicked(number) => self.tell(News::Open(number)).await?,
                Happens::Outcome(outcome) => self.outcome(outcome).await?,
                Happens::Reported(report) => {
                    self.reports.retain(|other| *other != report);
                    self.changed = true;
                }
                Happens::Page(page) => self.page(page).await,
                Happens::Time => {}
            }
            let now = self.of.watch.elapsed();
            if let Some((page, pauses, _)) = self.waits.take_if(|(.., at)| *at <= now) {
                self.hear(page, pauses).await;
            }
            self.look().await;
        }
    }

    async fn tell(&self, news: News) -> Result<(), Closed> {
        self.news.send(news).await.map_err(|_| Closed)
    }

    async fn page(&mut self, page: Page) {
        match page {
            Page::There(answer) => {
                self.answered_at(answer.server_now);
                self.alerts.is(&answer.body);
                self.follow(answer.head).await;
            }
            Page::Events(answer) => {
                self.answered_at(answer.server_now);
                self.refresh().await;
                self.read_again().await;
                self.hear(answer, Pauses::default()).await;
            }
            Page::Away => {
                let ago = self.of.watch.elapsed().saturating_sub(self.answered);
                let ago = Length::from_millis(i64::try_from(ago.as_millis()).unwrap_or(i64::MAX));
                self.alerts.link(Some(self.now().minus(ago)));
                self.behind = false;
                if let Some(look) = &mut self.looks {
                    look.at = None;
                }
            }
            Page::Strange => {
                tracing::warn!("the store does not know how far its events were heard: it is begun anew");
                self.alerts = Alerts::new(&self.of.me, self.of.settings.clone());
                self.unread.clear();
                (self.changed, self.follows, self.looks) = (true, false, None);
                self.greet();
            }
        }
    }

    /// The host has answered, and says what time it is.
    fn answered_at(&mut self, now: Instant) {
        self.answered = self.of.watch.elapsed();
        self.anchor = (now, self.answered);
        self.alerts.link(None);
        if let Some(look) = &mut self.looks {
            look.at.get_or_insert(self.answered);
        }
    }

    async fn refresh(&mut self) {
        if self.of.watch.elapsed().saturating_sub(self.refreshed) < REFRESH {
            return;
        }
        if let Some(me) = self.read::<MeView>("/v1/me").await {
            self.refreshed = self.of.watch.elapsed();
            self.alerts.is(&me);
        }
    }

    /// Takes a page in, with each request in it that matters as it is now.
    async fn hear(&mut self, page: Box<Answer<EventsView>>, mut pauses: Pauses) {
        let mut views: BTreeMap<RequestNumber, Option<RequestView>> = BTreeMap::new();
        let mut wanted: Vec<RequestNumber> =
            page.body.events.iter().filter_map(|event| self.alerts.wants(event)).collect();
        wanted.sort_unstable();
        wanted.dedup();
        for number in wanted {
            let Ok(view) = self.request(number).await else {
                // Heard only when it can be seen what is still so.
                let at = self.of.watch.elapsed().saturating_add(pauses.make());
                self.waits = Some((page, pauses, at));
                return;
            };
            views.insert(number, view);
        }
        self.changed |= !views.is_empty();
        let now = self.now();
        for event in &page.body.events {
            let view = crate::notify::heard::request_of(event).and_then(|number| views.get(&number));
            match view {
                Some(view) => self.alerts.hear(event, view.as_ref(), now),
                None => self.alerts.pass(event, now),
            }
        }
        self.alerts.skip_to(page.body.next_after);
        self.behind = page.body.events.len() >= PAGE;
    }

    /// Hands over what is due, unless more is known to come at once.
    fn act(&mut self) {
        if self.behind {
            return;
        }
        let now = self.now();
        for step in self.alerts.due(now) {
            self.changed = true;
            let (Step::TakeBack(key) | Step::Bring(Alert { key, .. })) = &step;
            // Whatever comes later under a key is what is true.
            self.lost.retain(|lost| lost.alert.key != *key);
            for line in 0..self.carriers.len() {
                self.hand(line, step.clone());
            }
        }
        let mut again = Vec::new();
        for lost in &mut self.lost {
            if lost.at.take_if(|at| *at <= now).is_some() {
                again.push((lost.line, Step::Bring(lost.alert.clone())));
            }
        }
        for (line, step) in again {
            self.hand(line, step);
        }
    }

    fn hand(&mut self, line: usize, step: Step) {
        let Some(carrier) = self.carriers.get(line) else { return };
        let brings = matches!(step, Step::Bring(_));
        if !carrier.take(step) {
            tracing::warn!("a channel does not keep up: something was not brought");
        } else if brings {
            self.in_hand = (self.in_hand.0 + 1, self.of.watch.elapsed());
        }
    }

    fn wake(&self) -> Option<Duration> {
        let lost = self.lost.iter().filter_map(|lost| lost.at).min();
        let due = [self.alerts.next(), lost].into_iter().flatten().min().filter(|_| !self.behind);
        let now = self.now();
        let due = due.map(|at| self.of.watch.elapsed().saturating_add(at.since(now).max(Length::ZERO).to_std()));
        let keep = Some(self.in_hand.1.saturating_add(HELD)).filter(|_| self.changed && self.in_hand.0 > 0);
        let looks = self.looks.as_ref().and_then(|look| look.at);
        [due, self.waits.as_ref().map(|(.., at)| *at), keep, looks].into_iter().flatten().min()
    }

    async fn outcome(&mut self, outcome: Outcome) -> Result<(), Closed> {
        for report in outcome.reports() {
            self.reporter.take(report.clone());
            self.reports.push_back(report);
        }
        while self.reports.len() > REPORTS {
            self.reports.pop_front();
        }
        self.changed = true;
        if outcome.last {
            self.in_hand.0 = self.in_hand.0.saturating_sub(1);
            let (now, line) = (self.now(), outcome.line);
            let of = |lost: &Lost| lost.line == line && lost.alert.key == outcome.alert.key;
            let tries = self.lost.iter().find(|lost| of(lost)).map_or(0, |lost| lost.tries) + 1;
            self.lost.retain(|lost| !of(lost));
            if outcome.fault.is_some() && tries < TRIES {
                self.lost.push(Lost { line, alert: outcome.alert, tries, at: Some(now.plus(RETRY)) });
            }
        }
        match outcome.fault {
            // Where the next one of its line brought it, nobody need know.
            Some(fault) if outcome.last && self.faults.get(outcome.channel) != Some(&fault) => {
                tracing::warn!(channel = outcome.channel, "not brought: {fault}");
                self.faults.insert(outcome.channel, fault.clone());
                self.tell(News::Said(format!("{}: nothing was brought: {fault}", outcome.channel))).await
            }
            Some(_) => Ok(()),
            None => {
                self.faults.remove(outcome.channel);
                Ok(())
            }
        }
    }

    /// Keeps what is known, where it changed.
    fn keep(&mut self, at_once: bool) {
        let now = self.of.watch.elapsed();
        let (since, seq) = (now.saturating_sub(self.kept_at), self.alerts.upto());
        let due = self.changed || (since >= KEEP && seq != self.kept_seq) || since >= KEEP_AT_LEAST;
        // What the channels have in hand is not done: killed now, it is brought again.
        let in_hand = self.in_hand.0 > 0 && now < self.in_hand.1.saturating_add(HELD);
        if !self.follows || self.looks.is_some() || ((!due || in_hand) && !at_once) {
            return;
        }
        (self.changed, self.kept_at, self.kept_seq) = (false, now, seq);
        let me = &self.of.me;
        let mut kept = Kept::new(&me.store, &me.person.id);
        (kept.at, kept.seq) = (self.now(), seq);
        kept.items = self.alerts.keep().into_iter().chain(self.unread.iter().cloned()).collect();
        kept.reports = self.reports.iter().cloned().collect();
        let path = self.of.place.kept();
        if let Err(error) = kept.write(&path) {
            tracing::warn!("what was told cannot be kept in {}: {error}", path.display());
        }
    }
}

async fn until(watch: &Stopwatch, wake: Option<Duration>) {
    match wake {
        Some(at) => watch.until(at).await,
        None => std::future::pending().await,
    }
}

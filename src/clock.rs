//! The only place that reads the time.
//!
//! A clock runs on boot time (suspended time counts) from an anchor, and follows the wall clock slowly while the two differ
//! by less than two seconds. Beyond that it is insane: ends are judged by the later of the two, and what is recorded goes on
//! in elapsed time, so that a jump neither lengthens access nor poisons the trail. Must never go backward.

use crate::access::Now;
use crate::text::{Instant, Length};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId as TimerClock, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use nix::time::{ClockId, clock_gettime};
use std::future::Future;
use std::os::fd::{AsFd as _, AsRawFd, RawFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::unix::AsyncFd;
use tokio::sync::watch;

/// Further apart than this, wall clock and elapsed time disagree, in milliseconds.
const APART_MILLIS: i64 = 2_000;
/// A wall clock this far past the store's last sign of life is doubted while grants are live, in milliseconds.
const FAR_MILLIS: i64 = 7 * 24 * 3_600_000;
/// The running clock follows the wall clock by at most one part in so many.
const SLEW: i64 = 1_000;
/// Whoever sleeps for longer wakes a little early and sleeps the rest, because the two clocks may drift apart meanwhile.
const SHORT: Duration = Duration::from_secs(1);
/// From this on a pause has a timer of its own.
const LONG: Duration = Duration::from_millis(500);
/// The part of a long sleep that is left for that.
const SPARE: u32 = 64;
/// Further than this from where it was expected, the clock has jumped or the machine was suspended, in milliseconds.
const JUMP_MILLIS: i64 = 100;

/// One look at the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Elapsed time since the anchor: what is recorded. Equal to `now.at` while the clock is sane.
    pub recorded: Instant,
    /// What ends are judged by, and whether it can be trusted.
    pub now: Now,
}

/// The clock of one process. Cheap to clone; all clones are one clock.
#[derive(Clone)]
pub struct Clock {
    inner: Arc<Inner>,
}

struct Inner {
    running: Mutex<Running>,
    source: Source,
    /// Time limits run by this clock, too.
    stepped: bool,
}

enum Source {
    /// Sent to when the clock is not where it was expected: how far it is ahead of the timers that sleepers wait for, in
    /// milliseconds, elapsed and judged.
    System(watch::Sender<(i64, i64)>),
    Manual(watch::Sender<Manual>),
}

/// What a manual clock's hands say, in milliseconds.
#[derive(Debug, Clone, Copy)]
struct Manual {
    boot: i64,
    wall: i64,
    forced: Option<bool>,
}

/// The running clock, in milliseconds.
#[derive(Debug, Clone, Copy)]
struct Running {
    /// Boot time at the anchor.
    boot: i64,
    /// The instant at the anchor.
    at: i64,
    /// Boot time when it was last corrected.
    corrected: i64,
    /// How far ahead of the wall clock it may be, because somebody accepted that.
    offset: i64,
    /// The database's clock says otherwise.
    skewed: bool,
    /// It was right when it was read last.
    sane: bool,
    /// How often it was found to be wrong.
    doubts: u64,
}

impl Running {
    /// As [`Clock::system`] says it.
    const fn start(boot: i64, wall: i64, floor: i64, live: bool) -> Self {
        let far = live && wall.saturating_sub(floor) > FAR_MILLIS;
        let at = if wall < floor || far { floor } else { wall };
        Self { boot, at, corrected: boot, offset: 0, skewed: false, sane: true, doubts: 0 }
    }

    fn read(&mut self, boot: i64, wall: i64) -> Reading {
        let apart = wall.saturating_sub(self.at(boot)).saturating_add(self.offset);
        let sane = apart.abs() < APART_MILLIS && !self.skewed;
        if !sane && std::mem::replace(&mut self.sane, sane) {
            self.doubts += 1;
        }
        self.sane = sane;
        if sane {
            self.follow(boot, apart);
        } else {
            self.corrected = boot;
        }
        let at = self.at(boot);
        let judged = if sane { at } else { at.max(wall) };
        Reading { recorded: Instant::from_millis(at), now: Now { at: Instant::from_millis(judged), sane } }
    }

    fn at(&self, boot: i64) -> i64 {
        self.at.saturating_add(boot.saturating_sub(self.boot))
    }

    /// Moves towards the wall clock, never faster than [`SLEW`] allows: many small jumps are as harmless as a large one.
    fn follow(&mut self, boot: i64, apart: i64) {
        let most = boot.saturating_sub(self.corrected) / SLEW;
        let step = apart.clamp(-most, most);
        let left = most - step.abs();
        let back = (-self.offset).clamp(-left, left);
        self.at += step + back;
        self.offset += back;
        if step != 0 || back != 0 || (apart == 0 && self.offset == 0) {
            self.corrected = boot;
        }
    }

    /// The wall clock is right: jump forward to it, or stay ahead of it on purpose, never backward.
    fn accept(&mut self, boot: i64, wall: i64) {
        let at = self.at(boot);
        *self = Self { boot, at: at.max(wall), corrected: boot, offset: (at - wall).max(0), ..*self };
    }
}

impl Clock {
    /// The machine's clock. `floor` is the last instant that the store knows (its head, its last sign of life) and `live` tells
    /// whether it has grants: a wall clock behind `floor`, or more than seven days past it with grants live, starts insane.
    pub fn system(floor: Instant, live: bool) -> Self {
        let (boot, wall) = (system_boot(), system_wall());
        let running = Running::start(boot, wall, floor.millis(), live);
        let source = Source::System(watch::Sender::new((0, 0)));
        let clock = Self { inner: Arc::new(Inner { running: Mutex::new(running), source, stepped: false }) };
        clock.look();
        clock
    }

    /// A clock that stands still until it is moved, for tests. Time limits and pauses run by the machine's.
    pub fn manual(start: Instant) -> Self {
        Self::by_hand(start, false)
    }

    /// A manual clock by which time limits and pauses run, too: without it nothing goes on. For simulation.
    pub fn stepped(start: Instant) -> Self {
        Self::by_hand(start, true)
    }

    fn by_hand(start: Instant, stepped: bool) -> Self {
        let wall = start.millis();
        let hands = Manual { boot: 0, wall, forced: None };
        let running = Running::start(0, wall, wall, false);
        Self {
            inner: Arc::new(Inner {
                running: Mutex::new(running),
                source: Source::Manual(watch::Sender::new(hands)),
                stepped,
            }),
        }
    }

    /// Begins again after `floor`, as [`Clock::system`] does: the store says what it knows when it is opened.
    pub fn begin_after(&self, floor: Instant, live: bool) {
        let (boot, wall) = self.hands();
        self.with(|running| *running = Running::start(boot, wall, floor.millis(), live));
    }

    /// What ends are judged by, and whether it can be trusted.
    pub fn now(&self) -> Now {
        self.read().now
    }

    /// One look, with the instant that is recorded.
    pub fn read(&self) -> Reading {
        let (boot, wall) = self.hands();
        let mut reading = self.with(|running| running.read(boot, wall));
        if let Source::Manual(hands) = &self.inner.source
            && let Some(forced) = hands.borrow().forced
        {
            reading.now.sane = forced;
        }
        reading
    }

    /// How often it was found to be wrong so far, by whoever read it, however short that lasted.
    pub fn doubts(&self) -> u64 {
        self.with(|running| running.doubts)
    }

    /// Somebody answers for the wall clock.
    pub fn accept(&self) {
        let (boot, wall) = self.hands();
        self.with(|running| running.accept(boot, wall));
    }

    /// Whether the database's own clock disagrees by more than is allowed; while it does, this one is insane.
    pub fn set_skewed(&self, skewed: bool) {
        self.with(|running| running.skewed = skewed);
    }

    /// What the wall clock says, trusted or not.
    pub fn wall(&self) -> Instant {
        Instant::from_millis(self.hands().1)
    }

    /// Time that only ever passes, to measure how long something took.
    pub fn monotonic(&self) -> Duration {
        match &self.inner.source {
            Source::System(_) => elapsed(ClockId::CLOCK_BOOTTIME),
            Source::Manual(hands) => Duration::from_millis(u64::try_from(hands.borrow().boot).unwrap_or_default()),
        }
    }

    /// Waits until this clock says `at` or later.
    pub async fn sleep_until(&self, at: Instant) {
        self.wait(|reading| at.since(reading.now.at)).await;
    }

    /// Waits for `length` of elapsed time, whatever the wall clock does.
    pub async fn sleep(&self, length: Length) {
        let until = self.hands().0.saturating_add(length.millis());
        self.wait(|_| Length::from_millis(until.saturating_sub(self.hands().0))).await;
    }

    /// Waits for a while that no rule depends on.
    pub async fn pause(&self, length: Duration) {
        if self.inner.stepped {
            return self.sleep(millis_of(length)).await;
        }
        // A long one by a timer of its own, which wakes once: the runtime's wake for each wheel that they go through.
        let own = matches!(self.inner.source, Source::System(_)) && length >= LONG;
        if !own || alarm(self.monotonic().saturating_add(length)).await.is_err() {
            tokio::time::sleep(length).await;
        }
    }

    /// What `work` gives within `limit`; nothing when it takes longer, and then it is dropped.
    pub async fn within<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
        if !self.inner.stepped {
            return tokio::time::timeout(limit, work).await.ok();
        }
        tokio::select! {
            biased;
            done = work => Some(done),
            () = self.sleep(millis_of(limit)) => None,
        }
    }

    /// Looks where the clock is, and wakes whoever sleeps if it is not where it was expected: after a jump, or when the machine
    /// was suspended. One look a second, by one, spares every sleeper its own.
    pub fn look(&self) {
        let Source::System(moved) = &self.inner.source else { return };
        // What timers run on: it stands while the machine is suspended.
        let timers = millis(ClockId::CLOCK_MONOTONIC);
        let ahead = (system_boot().saturating_sub(timers), self.now().at.millis().saturating_sub(timers));
        moved.send_if_modified(|expected| {
            let jumped = expected.0.abs_diff(ahead.0).max(expected.1.abs_diff(ahead.1)) > JUMP_MILLIS.unsigned_abs();
            if jumped {
                *expected = ahead;
            }
            jumped
        });
    }

    /// Waits until nothing is left; somebody has to [`Clock::look`] meanwhile.
    async fn wait(&self, left: impl Fn(Reading) -> Length) {
        match &self.inner.source {
            Source::System(moved) => {
                let mut moved = moved.subscribe();
                loop {
                    let left = left(self.read()).to_std();
                    if left.is_zero() {
                        return;
                    }
                    let nap = if left > SHORT { left.saturating_sub(left / SPARE) } else { left };
                    // The sender lives in this clock, so it cannot be gone.
                    drop(tokio::time::timeout(nap, moved.changed()).await);
                }
            }
            Source::Manual(hands) => {
                let mut moved = hands.subscribe();
                while left(self.read()) > Length::ZERO {
                    drop(moved.changed().await);
                }
            }
        }
    }

    /// Lets time pass on a manual clock.
    pub fn advance(&self, length: Length) {
        self.turn(|hands| {
            hands.boot += length.millis();
            hands.wall += length.millis();
        });
    }

    /// Makes a manual clock's wall clock jump, while elapsed time stands.
    pub fn jump(&self, length: Length) {
        self.turn(|hands| hands.wall += length.millis());
    }

    /// Puts a manual clock to `at`, even backward, as if it had started there.
    pub fn set(&self, at: Instant) {
        if let Source::Manual(hands) = &self.inner.source {
            let boot = hands.borrow().boot;
            self.with(|running| *running = Running::start(boot, at.millis(), at.millis(), false));
            self.turn(|hands| hands.wall = at.millis());
        }
    }

    /// Says whether a manual clock can be trusted, whatever its hands say.
    pub fn set_sane(&self, sane: bool) {
        self.turn(|hands| hands.forced = Some(sane));
    }

    fn turn(&self, with: impl FnOnce(&mut Manual)) {
        if let Source::Manual(hands) = &self.inner.source {
            hands.send_modify(with);
        }
    }

    /// Boot time and wall clock, in milliseconds.
    fn hands(&self) -> (i64, i64) {
        match &self.inner.source {
            Source::System(_) => (system_boot(), system_wall()),
            Source::Manual(hands) => {
                let hands = hands.borrow();
                (hands.boot, hands.wall)
            }
        }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Running) -> T) -> T {
        // Nothing that is done under this lock can leave it half done.
        work(&mut self.inner.running.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn millis_of(length: Duration) -> Length {
    Length::from_millis(i64::try_from(length.as_millis()).unwrap_or(i64::MAX))
}

/// How long something goes on: time that only passes, suspended time too, counted from its start.
#[derive(Clone)]
pub struct Stopwatch {
    clock: Clock,
    start: Duration,
}

impl Stopwatch {
    /// Starts now.
    pub fn start(clock: &Clock) -> Self {
        Self { clock: clock.clone(), start: clock.monotonic() }
    }

    /// How much has passed.
    pub fn elapsed(&self) -> Duration {
        self.clock.monotonic().saturating_sub(self.start)
    }

    /// Waits until `at` has passed since the start. Nothing wakes meanwhile, and a machine that wakes up late is noticed at once.
    pub async fn until(&self, at: Duration) {
        if let Source::Manual(hands) = &self.clock.inner.source {
            let mut moved = hands.subscribe();
            while self.elapsed() < at {
                // The sender lives in this clock, so it cannot be gone.
                drop(moved.changed().await);
            }
            return;
        }
        while self.elapsed() < at {
            if alarm(self.start.saturating_add(at)).await.is_err() {
                // Without timers of its own it looks again and again.
                tokio::time::sleep(at.saturating_sub(self.elapsed()).min(SHORT)).await;
            }
        }
    }
}

/// A timer that can be waited for.
struct Timer(TimerFd);

impl AsRawFd for Timer {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

/// Waits for an instant of boot time.
async fn alarm(at: Duration) -> std::io::Result<()> {
    let timer = TimerFd::new(TimerClock::CLOCK_BOOTTIME, TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC)?;
    // Zero would disarm it.
    let at = TimeSpec::from_duration(at.max(Duration::from_nanos(1)));
    timer.set(Expiration::OneShot(at), TimerSetTimeFlags::TFD_TIMER_ABSTIME)?;
    #[allow(deprecated, reason = "sound for an owned descriptor, and what replaces it is not for code without unsafe")]
    let timer = AsyncFd::new(Timer(timer))?;
    timer.readable().await?.retain_ready();
    Ok(())
}

fn system_boot() -> i64 {
    millis(ClockId::CLOCK_BOOTTIME)
}

fn system_wall() -> i64 {
    millis(ClockId::CLOCK_REALTIME)
}

fn millis(clock: ClockId) -> i64 {
    i64::try_from(elapsed(clock).as_millis()).unwrap_or(i64::MAX)
}

/// What a clock says, by the C library.
fn elapsed(clock: ClockId) -> Duration {
    match clock_gettime(clock) {
        Ok(now) => Duration::from(now),
        Err(error) => unreachable!("every kernel has these clocks: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Instant = Instant::from_millis(1_795_304_400_000);

    fn minutes(n: i64) -> Length {
        Length::from_minutes(n)
    }

    #[test]
    fn i7_a_jump_backward_does_not_move_the_end() {
        let clock = Clock::manual(START);
        clock.advance(minutes(10));
        clock.jump(minutes(-60));
        let reading = clock.read();
        assert_eq!(reading.now, Now { at: START.plus(minutes(10)), sane: false });
        clock.advance(minutes(35));
        assert_eq!(clock.now().at, START.plus(minutes(45)), "45 minutes have passed, whatever the wall says");
        clock.jump(minutes(60));
        assert!(clock.now().sane, "they agree again");
    }

    #[test]
    fn i7_a15_a_jump_forward_ends_at_once_and_never_poisons_the_record() {
        let clock = Clock::manual(START);
        let years = Length::from_hours(10 * 365 * 24);
        clock.jump(years);
        let reading = clock.read();
        assert_eq!(reading.now, Now { at: START.plus(years), sane: false });
        assert_eq!(reading.recorded, START);
        clock.jump(Length::from_millis(-years.millis()));
        assert_eq!(clock.read(), Reading { recorded: START, now: Now { at: START, sane: true } });
        clock.jump(minutes(5));
        clock.accept();
        assert_eq!(clock.now(), Now { at: START.plus(minutes(5)), sane: true });
    }

    #[test]
    fn i7_many_small_jumps_lengthen_nothing() {
        let clock = Clock::manual(START);
        for _ in 0..600 {
            clock.advance(Length::from_seconds(1));
            clock.jump(Length::from_millis(-900));
            clock.now();
        }
        let passed = clock.read().recorded.since(START);
        assert!(passed >= Length::from_millis(599_000), "{passed}");
        assert!(!clock.now().sane);
    }

    #[test]
    fn i7_a_moment_in_which_it_was_wrong_is_counted_by_whoever_reads_it() {
        let clock = Clock::manual(START);
        clock.jump(Length::from_millis(1_500));
        assert_eq!((clock.now().sane, clock.doubts()), (true, 0), "near enough");
        clock.jump(minutes(120));
        clock.read();
        clock.read();
        clock.jump(minutes(-120));
        assert_eq!((clock.now().sane, clock.doubts()), (true, 1));
        clock.jump(minutes(-5));
        clock.read();
        clock.accept();
        assert_eq!((clock.now().sane, clock.doubts()), (true, 2), "accepted, and not forgotten");
    }

    #[test]
    fn a_small_difference_is_followed_slowly() {
        let clock = Clock::manual(START);
        clock.jump(Length::from_millis(1_500));
        assert!(clock.now().sane);
        let mut before = clock.now().at;
        for _ in 0..2_000 {
            clock.advance(Length::from_seconds(1));
            assert!(clock.now().at > before);
            before = clock.now().at;
        }
        assert_eq!(clock.now().at, clock.wall());
    }

    #[test]
    fn i7_a_wall_clock_behind_the_store_starts_insane() {
        let clock = Clock::manual(START);
        clock.begin_after(START.plus(minutes(60)), true);
        assert_eq!(clock.now(), Now { at: START.plus(minutes(60)), sane: false });
        clock.advance(minutes(1));
        assert_eq!(clock.now(), Now { at: START.plus(minutes(61)), sane: false });
        clock.accept();
        assert_eq!(clock.now(), Now { at: START.plus(minutes(61)), sane: true }, "accepted, and never backward");
        clock.advance(minutes(10));
        assert!(clock.now().sane);
        assert!(clock.now().at > START.plus(minutes(70)), "{}", clock.now().at);
    }

    #[test]
    fn i7_a_week_without_a_sign_of_life_is_doubted_while_grants_are_live() {
        let week = Length::from_hours(7 * 24 + 1);
        let clock = Clock::manual(START.plus(week));
        clock.begin_after(START, false);
        assert_eq!(clock.now(), Now { at: START.plus(week), sane: true });
        clock.begin_after(START, true);
        let reading = clock.read();
        assert_eq!(reading.now, Now { at: START.plus(week), sane: false }, "what ended meanwhile is removed");
        assert_eq!(reading.recorded, START);
        clock.accept();
        assert_eq!(clock.read().recorded, START.plus(week));
    }

    #[test]
    fn the_database_can_say_otherwise() {
        let clock = Clock::manual(START);
        clock.set_skewed(true);
        assert!(!clock.now().sane);
        clock.set_skewed(false);
        assert!(clock.now().sane);
        clock.set_sane(false);
        assert!(!clock.now().sane);
    }

    #[test]
    fn the_machine_has_a_clock() {
        let clock = Clock::system(START, true);
        let (one, two) = (clock.read(), clock.read());
        assert!(two.recorded >= one.recorded && clock.monotonic() > Duration::ZERO);
        let future = clock.wall().plus(minutes(60));
        assert!(!Clock::system(future, false).now().sane);
    }

    #[tokio::test]
    async fn a_stopwatch_waits_for_what_has_passed() {
        let clock = Clock::manual(START);
        clock.advance(minutes(3));
        let watch = Stopwatch::start(&clock);
        let waiting = tokio::spawn({
            let watch = watch.clone();
            async move { watch.until(Duration::from_mins(1)).await }
        });
        clock.jump(minutes(60));
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished(), "the wall clock's jumps are nothing that passed");
        clock.advance(minutes(1));
        waiting.await.unwrap();
        assert_eq!(watch.elapsed(), Duration::from_mins(1));
        let watch = Stopwatch::start(&Clock::system(START, false));
        watch.until(Duration::from_millis(20)).await;
        assert!(watch.elapsed() >= Duration::from_millis(20));
    }

    #[tokio::test]
    async fn a_sleeper_wakes_when_the_clock_is_moved() {
        let clock = Clock::manual(START);
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move {
                clock.sleep_until(START.plus(minutes(2))).await;
                clock.sleep(minutes(1)).await;
                clock.now().at
            }
        });
        for _ in 0..3 {
            tokio::task::yield_now().await;
            clock.advance(minutes(1));
            tokio::task::yield_now().await;
        }
        assert_eq!(sleeper.await.unwrap(), START.plus(minutes(3)));
    }
}

//! What waits to be brought: handed in without waiting, brought by tasks of their own.
//!
//! A channel that hangs holds up neither who hands in nor another channel. What waits is bounded: one alert a key, the newest;
//! what a newer one took the place of is told by it.

use super::alert::{Alert, Key, Urgency};
use super::table::{Channels, Outcome};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;

/// The most keys that wait for one channel; then the least urgent of the oldest is told as not brought.
const MOST: usize = 64;

/// What came of an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The alert, with all that it told of.
    pub alert: Alert,
    /// One a channel that was tried.
    pub outcomes: Vec<Outcome>,
}

/// What a lane is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Task {
    Bring(Box<Alert>),
    TakeBack(Key),
}

impl Task {
    fn key(&self) -> &Key {
        match self {
            Self::Bring(alert) => &alert.key,
            Self::TakeBack(key) => key,
        }
    }
}

/// What waits, oldest first.
#[derive(Debug, Default)]
struct Waiting(Vec<Task>);

impl Waiting {
    /// Puts it in; gives what is not brought any more.
    fn put(&mut self, mut task: Task) -> Option<Box<Alert>> {
        let mut dropped = None;
        if let Some(at) = self.0.iter().position(|waits| waits.key() == task.key()) {
            match (self.0.remove(at), &mut task) {
                (Task::Bring(older), Task::Bring(newer)) => {
                    newer.of.splice(0..0, older.of.into_iter().filter(|of| !newer.of.contains(of)).collect::<Vec<_>>());
                    newer.sound |= older.sound;
                }
                // Nobody need be told any more.
                (Task::Bring(older), Task::TakeBack(_)) => dropped = Some(older),
                (Task::TakeBack(_), _) => {}
            }
            // In its place: what changes all the time would otherwise wait for ever.
            self.0.insert(at, task);
        } else {
            self.0.push(task);
        }
        if self.0.len() > MOST {
            let least = |task: &Task| match task {
                Task::TakeBack(_) => Urgency::Critical,
                Task::Bring(alert) => alert.urgency,
            };
            let at = self.0.iter().enumerate().min_by_key(|(_, task)| least(task)).map(|(at, _)| at);
            if let Some(Task::Bring(alert)) = at.map(|at| self.0.remove(at)) {
                dropped = Some(alert);
            }
        }
        dropped
    }

    fn next(&mut self) -> Option<Task> {
        (!self.0.is_empty()).then(|| self.0.remove(0))
    }
}

/// One task, and what waits for it.
#[derive(Debug)]
struct Lane {
    waiting: Arc<Mutex<Waiting>>,
    wake: Arc<Notify>,
    work: JoinHandle<()>,
    names: Vec<&'static str>,
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.work.abort();
    }
}

/// The way out to one person. Ends what it does when it is dropped.
#[derive(Debug)]
pub struct Outbox {
    lanes: Vec<Lane>,
    reports: UnboundedSender<Report>,
}

impl Outbox {
    /// Begins. What came of each alert is sent to `reports`; where each channel brings it, once a channel.
    pub fn start(channels: Channels, reports: UnboundedSender<Report>) -> Self {
        let lanes = channels.apart().into_iter().map(|channels| Lane::start(channels, reports.clone())).collect();
        Self { lanes, reports }
    }

    /// Hands it in. An alert of the same key that still waits is not brought by itself any more.
    pub fn bring(&self, alert: &Alert) {
        self.put(&Task::Bring(Box::new(alert.clone())));
    }

    /// Takes away what stands under this key, and what waits to.
    pub fn take_back(&self, key: &Key) {
        self.put(&Task::TakeBack(key.clone()));
    }

    fn put(&self, task: &Task) {
        for lane in &self.lanes {
            let dropped = lane.waiting.lock().unwrap_or_else(PoisonError::into_inner).put(task.clone());
            if let Some(alert) = dropped {
                let said = || Err("it was overtaken before it was brought".to_owned());
                let outcomes = lane.names.iter().map(|channel| Outcome { channel, said: said() }).collect();
                // Whoever heard the reports may have gone.
                let _ = self.reports.send(Report { alert: *alert, outcomes });
            }
            lane.wake.notify_one();
        }
    }
}

impl Lane {
    fn start(mut channels: Channels, reports: UnboundedSender<Report>) -> Self {
        let (waiting, wake) = (Arc::new(Mutex::new(Waiting::default())), Arc::new(Notify::new()));
        let names = channels.names().collect();
        let work = tokio::spawn({
            let (waiting, wake) = (waiting.clone(), wake.clone());
            async move {
                loop {
                    let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
                    match next {
                        None => wake.notified().await,
                        Some(Task::TakeBack(key)) => channels.take_back(&key).await,
                        Some(Task::Bring(alert)) => {
                            let outcomes = channels.bring(&alert).await;
                            if reports.send(Report { alert: *alert, outcomes }).is_err() {
                                return;
                            }
                        }
                    }
                }
            }
        });
        Self { waiting, wake, work, names }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::RequestNumber;
    use crate::notify::{Brought, Channel};
    use crate::text::Clean;
    use tokio::sync::Semaphore;
    use tokio::sync::mpsc::unbounded_channel;

    fn alert(number: i64, seq: i64, urgency: Urgency) -> Alert {
        let number = RequestNumber(number);
        let (title, body) = (Clean::line(&format!("{seq}")), Clean::default());
        let (key, of) = (Key::Request(number), vec![(number, seq)]);
        Alert { key, title, body, urgency, sound: seq == 1, opens: None, of }
    }

    fn seqs(alert: &Alert) -> Vec<i64> {
        alert.of.iter().map(|(_, seq)| *seq).collect()
    }

    #[test]
    fn the_newest_of_a_key_tells_of_all_and_there_is_a_bound() {
        let mut waiting = Waiting::default();
        let bring = |number, seq, urgency| Task::Bring(Box::new(alert(number, seq, urgency)));
        for seq in 1..=3 {
            assert_eq!(waiting.put(bring(142, seq, Urgency::Normal)), None);
        }
        assert_eq!(waiting.put(bring(143, 4, Urgency::Low)), None);
        let Some(Task::Bring(first)) = waiting.next() else { panic!("nothing waits") };
        assert_eq!((first.title.as_str(), seqs(&first), first.sound), ("3", vec![1, 2, 3], true));
        assert_eq!(seqs(&waiting.put(Task::TakeBack(Key::Request(RequestNumber(143)))).unwrap()), [4]);
        // The take-back still goes out; then room is made at the cost of the least urgent.
        let mut dropped = Vec::new();
        for number in 0..i64::try_from(MOST).unwrap() + 8 {
            let urgency = if number % 2 == 0 { Urgency::Critical } else { Urgency::Low };
            dropped.extend(waiting.put(bring(1000 + number, number, urgency)));
        }
        assert_eq!(waiting.0.len(), MOST);
        assert!(!dropped.is_empty() && dropped.iter().all(|alert| alert.urgency == Urgency::Low));
    }

    /// Brings only as often as it is let.
    struct Gate(&'static str, Arc<Semaphore>);

    impl Channel for Gate {
        fn name(&self) -> &'static str {
            self.0
        }
        fn bring<'a>(&'a mut self, _: &'a Alert) -> Brought<'a> {
            Box::pin(async {
                self.1.acquire().await.unwrap().forget();
                Ok(())
            })
        }
        fn take_back<'a>(&'a mut self, _: &'a Key) -> Brought<'a> {
            Box::pin(async { Ok(()) })
        }
    }

    #[tokio::test]
    async fn a_channel_that_hangs_holds_up_no_other() {
        let (open, shut) = (Arc::new(Semaphore::new(100)), Arc::new(Semaphore::new(0)));
        let channels: Vec<Box<dyn Channel>> =
            vec![Box::new(Gate("desktop", open)), Box::new(Gate("hook", shut.clone()))];
        let (reports, mut hears) = unbounded_channel();
        let outbox = Outbox::start(Channels::of(channels, true, false), reports);
        for seq in 1..=5 {
            outbox.bring(&alert(142, seq, Urgency::Normal));
            let report = hears.recv().await.unwrap();
            assert_eq!((report.outcomes[0].channel, seqs(&report.alert)), ("desktop", vec![seq]));
        }
        // What waited for the hook comes as one.
        shut.add_permits(2);
        let mut told = Vec::new();
        for _ in 0..2 {
            let report = hears.recv().await.unwrap();
            assert_eq!(report.outcomes, [Outcome { channel: "hook", said: Ok(()) }]);
            told.push(seqs(&report.alert));
        }
        assert_eq!(told, [vec![1], vec![2, 3, 4, 5]]);
        assert!(hears.try_recv().is_err());
    }
}

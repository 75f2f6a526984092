//! Channels at work: each line of them in a task of its own, so that one that hangs, fails or panics holds up nobody.

use crate::access::RequestNumber;
use crate::notify::{Alert, Channel, Key, Step};
use crate::text::Clean;
use futures_util::FutureExt as _;
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc;

/// A channel that has not come back by then has failed.
const LIMIT: Duration = Duration::from_secs(20);
/// So many steps wait for one line of channels.
const WAITING: usize = 64;
/// The longest fault, in columns.
const LONGEST: usize = 200;

/// The channels of one line: the first that can brings it.
pub type Line = Vec<Box<dyn Channel>>;

/// What is reported of one event, once a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The request.
    pub request: RequestNumber,
    /// The event that tells.
    pub of: i64,
    /// The channel.
    pub channel: String,
    /// Why it was not brought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// What came of bringing one alert by one channel.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Which line it stands in.
    pub line: usize,
    /// The channel.
    pub channel: &'static str,
    /// The alert.
    pub alert: Alert,
    /// Why it could not.
    pub fault: Option<String>,
    /// The line is done with it: it is brought, or no channel of it could.
    pub last: bool,
}

impl Outcome {
    /// One report for each event.
    pub fn reports(&self) -> impl Iterator<Item = Report> + '_ {
        self.alert.of.iter().map(|(request, of)| Report {
            request: *request,
            of: *of,
            channel: self.channel.to_owned(),
            fault: self.fault.clone(),
        })
    }
}

/// The way to one line of channels.
#[derive(Debug, Clone)]
pub struct Carrier {
    steps: mpsc::Sender<Step>,
}

impl Carrier {
    /// Starts the line with this number. It ends with the carrier.
    pub fn start(number: usize, mut line: Line, outcomes: mpsc::UnboundedSender<Outcome>) -> Self {
        let (steps, mut asked) = mpsc::channel(WAITING);
        tokio::spawn(async move {
            while let Some(first) = asked.recv().await {
                let mut all = vec![first];
                while let Ok(more) = asked.try_recv() {
                    all.push(more);
                }
                for step in newest(all) {
                    if carry((number, &mut line), step, &outcomes).await.is_err() {
                        return;
                    }
                }
            }
        });
        Self { steps }
    }

    /// Hands it a step. Whether there was room.
    pub fn take(&self, step: Step) -> bool {
        self.steps.try_send(step).is_ok()
    }
}

fn key(step: &Step) -> &Key {
    match step {
        Step::Bring(alert) => &alert.key,
        Step::TakeBack(key) => key,
    }
}

/// Of several steps under one key only the last is still true; the events of those before it are told with it.
fn newest(steps: Vec<Step>) -> Vec<Step> {
    let mut kept: Vec<Step> = Vec::with_capacity(steps.len());
    for mut step in steps {
        if let Some(at) = kept.iter().position(|other| key(other) == key(&step))
            && let (Step::Bring(old), Step::Bring(new)) = (kept.remove(at), &mut step)
        {
            new.of.splice(0..0, old.of);
            new.sound |= old.sound;
        }
        kept.push(step);
    }
    kept
}

/// Nobody listens any more.
struct Closed;

async fn carry(
    (number, line): (usize, &mut Line),
    step: Step,
    outcomes: &mpsc::UnboundedSender<Outcome>,
) -> Result<(), Closed> {
    let alert = match step {
        Step::TakeBack(key) => {
            for channel in line {
                // Where nothing stands any more there is nothing to mend.
                drop(guarded(channel.take_back(&key)).await);
            }
            return Ok(());
        }
        Step::Bring(alert) => alert,
    };
    let count = line.len();
    for (at, channel) in line.iter_mut().enumerate() {
        let name = channel.name();
        let fault = guarded(channel.bring(&alert)).await.err();
        let done = fault.is_none();
        let last = done || at + 1 == count;
        let outcome = Outcome { line: number, channel: name, alert: alert.clone(), fault, last };
        outcomes.send(outcome).map_err(|_| Closed)?;
        if done {
            break;
        }
    }
    Ok(())
}

/// Bounded in time, and a panic is a fault like any other.
async fn guarded(work: crate::notify::Brought<'_>) -> Result<(), String> {
    let caught = AssertUnwindSafe(Caught(work)).catch_unwind();
    match tokio::time::timeout(LIMIT, caught).await {
        Ok(Ok(done)) => done.map_err(|fault| Clean::line(&fault).cut(LONGEST).to_string()),
        Ok(Err(_)) => Err("it met a fault of nightlatch: see the log, and report it".into()),
        Err(_) => Err(format!("it did not come back within {} s", LIMIT.as_secs())),
    }
}

thread_local! {
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic on this thread is caught here: then the screen need not be given back.
pub fn is_caught() -> bool {
    CAUGHT.with(Cell::get)
}

struct Caught<F>(F);

/// The mark is taken off also where the work panics.
struct Mark;

impl Drop for Mark {
    fn drop(&mut self) {
        CAUGHT.with(|caught| caught.set(false));
    }
}

impl<F: Future + Unpin> Future for Caught<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        CAUGHT.with(|caught| caught.set(true));
        let _mark = Mark;
        Pin::new(&mut self.0).poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::{Brought, Urgency};

    fn alert(number: i64, seq: i64) -> Alert {
        Alert {
            key: Key::Request(RequestNumber(number)),
            title: Clean::line("t"),
            body: Clean::default(),
            urgency: Urgency::Normal,
            sound: false,
            opens: None,
            of: vec![(RequestNumber(number), seq)],
        }
    }

    /// Does as it is told to.
    struct Told(&'static str, fn() -> Result<(), String>);

    impl Channel for Told {
        fn name(&self) -> &'static str {
            self.0
        }
        fn bring<'a>(&'a mut self, _: &'a Alert) -> Brought<'a> {
            let does = self.1;
            Box::pin(async move { does() })
        }
        fn take_back<'a>(&'a mut self, _: &'a Key) -> Brought<'a> {
            Box::pin(async { Ok(()) })
        }
    }

    #[tokio::test]
    async fn the_first_that_can_brings_it_and_a_panic_is_a_fault() {
        let (tell, mut outcomes) = mpsc::unbounded_channel();
        let line: Line = vec![
            Box::new(Told("a", || panic!("boom"))),
            Box::new(Told("b", || Err("no\u{1b}bus".into()))),
            Box::new(Told("c", || Ok(()))),
            Box::new(Told("d", || Ok(()))),
        ];
        let carrier = Carrier::start(0, line, tell.clone());
        assert!(carrier.take(Step::Bring(alert(1, 7))));
        let mut said = Vec::new();
        for _ in 0..3 {
            let outcome = outcomes.recv().await.unwrap();
            assert_eq!(outcome.last, outcome.channel == "c");
            said.extend(outcome.reports().map(|report| (report.channel, report.of, report.fault)));
        }
        assert!(said[0].2.as_deref().unwrap().contains("fault of nightlatch"), "{said:?}");
        assert_eq!(said[1], ("b".into(), 7, Some("no␛bus".into())));
        assert_eq!(said[2], ("c".into(), 7, None));
        assert!(!is_caught());
        let carrier = Carrier::start(1, vec![Box::new(Told("b", || Err("no".into())))], tell);
        assert!(carrier.take(Step::Bring(alert(2, 8))));
        let outcome = outcomes.recv().await.unwrap();
        assert_eq!((outcome.line, outcome.last, outcome.alert), (1, true, alert(2, 8)));
    }

    #[test]
    fn only_the_newest_under_a_key_is_brought() {
        let steps = vec![
            Step::Bring(alert(1, 1)),
            Step::Bring(alert(2, 2)),
            Step::Bring(alert(1, 3)),
            Step::TakeBack(Key::Request(RequestNumber(2))),
        ];
        let mut both = alert(1, 1);
        both.of.push((RequestNumber(1), 3));
        assert_eq!(newest(steps), [Step::Bring(both), Step::TakeBack(Key::Request(RequestNumber(2)))]);
    }
}

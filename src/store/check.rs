//! Is the store whole? The chain link by link, the head at its end, and each row against the fold of its events.

use super::fault::StoreError;
use super::open::Store;
use crate::access::{Request, RequestNumber};
use crate::trail::verify::Chain;
use crate::trail::{Frontier, Record};

/// How many events or requests are read at once.
const PAGE: i64 = 1000;

/// What a check of the whole store found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Whole {
    /// How many events.
    pub events: i64,
    /// How many requests.
    pub requests: i64,
    /// What is wrong, a sentence each; the first bad number comes first.
    pub faults: Vec<String>,
}

impl Store {
    /// Reads the whole store. `each` hears how many events and requests were read so far.
    pub async fn check(&self, each: &mut (dyn FnMut(i64, i64) + Send)) -> Result<Whole, StoreError> {
        let mut whole = Whole::default();
        self.check_chain(&mut whole, each).await?;
        self.check_folds(&mut whole, each).await?;
        Ok(whole)
    }

    async fn check_chain(&self, whole: &mut Whole, each: &mut (dyn FnMut(i64, i64) + Send)) -> Result<(), StoreError> {
        let mut chain = Chain::new(self.id());
        // The head is read first: what is written meanwhile lies behind it.
        let head = self.head().await?;
        while whole.events < head.seq {
            let limit = PAGE.min(head.seq - whole.events);
            let events = self.events(None, whole.events, limit).await?;
            for event in &events {
                let record = Record {
                    store_id: self.id(),
                    seq: u64::try_from(event.seq).unwrap_or(0),
                    at_millis: event.at.millis(),
                    subject: &event.subject,
                    kind: &event.kind,
                    actor: &event.actor,
                    policy: &event.policy,
                    body: &event.body,
                    prev: chain.head(),
                };
                if let Err(broken) = chain.push(&record, event.link) {
                    whole.faults.push(broken.to_string());
                    return Ok(());
                }
                whole.events = event.seq;
            }
            each(whole.events, 0);
            if events.is_empty() {
                break;
            }
        }
        let root = chain.tree().map(Frontier::root);
        if head.seq != whole.events || head.link != chain.head() || root != Some(head.tree.root()) {
            whole.faults.push(format!(
                "the head says that event {} is the last, and the chain ends with {}: its tail was cut, or the head forged",
                head.seq, whole.events
            ));
        }
        Ok(())
    }

    async fn check_folds(&self, whole: &mut Whole, each: &mut (dyn FnMut(i64, i64) + Send)) -> Result<(), StoreError> {
        let last = self.head().await?.number;
        let mut number = crate::access::id::BEFORE_FIRST;
        while number < last {
            number += 1;
            // Written to meanwhile, it may differ once.
            let mut same = false;
            for _ in 0..3 {
                let row = self.request(RequestNumber(number)).await?.map(|(request, _)| request);
                let fold = self.fold(RequestNumber(number)).await?;
                same = match (row, fold) {
                    (Some(row), Some(fold)) => is_same(&row, fold),
                    (row, fold) => row == fold,
                };
                if same {
                    break;
                }
            }
            if !same {
                whole
                    .faults
                    .push(format!("the row of NL-{number} is not what its events make it: it was changed by hand"));
            }
            whole.requests += 1;
            each(whole.events, whole.requests);
        }
        Ok(())
    }
}

/// Whether the row is what its events make it. One that an older nightlatch wrote remembers fewer tellings.
fn is_same(row: &Request, mut fold: Request) -> bool {
    let first = row.told.first().map_or(i64::MAX, |telling| telling.seq);
    fold.told.retain(|telling| telling.seq >= first);
    *row == fold
}

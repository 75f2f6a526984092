//! Erasing words: what was written goes, that it was written stays provable.

use super::{AdminFault, Answered, Desk};
use crate::access::command::Command;
use crate::access::{RequestNumber, Subject};
use crate::text::PersonId;
use crate::trail::export::{Actor, references};

/// How many texts one event erases at most.
const AT_ONCE: usize = 500;

/// Whose words.
#[derive(Debug, Clone, Default)]
pub struct Whose {
    /// All of this request.
    pub request: Option<RequestNumber>,
    /// All that this person wrote.
    pub person: Option<String>,
    /// These, by number.
    pub texts: Vec<i64>,
}

/// Erases free texts. Returns how many.
pub async fn erase(desk: &Desk, whose: &Whose, words: &str) -> Answered<usize> {
    let mut texts = whose.texts.clone();
    if let Some(number) = whose.request {
        let found = collect(desk, Some(&Subject::Request(number)), None).await?;
        if found.is_empty() {
            return Err(AdminFault::Usage(format!("there is no request {number}, or it holds no words")));
        }
        texts.extend(found);
    }
    if let Some(person) = &whose.person {
        let person: PersonId = person.parse().map_err(|bad| AdminFault::Usage(format!("{bad}")))?;
        texts.extend(collect(desk, None, Some(person.as_str())).await?);
    }
    texts.sort_unstable();
    texts.dedup();
    let away = |error: crate::store::StoreError| AdminFault::Away(error.to_string());
    let there = desk.store.texts(&texts).await.map_err(away)?;
    let texts: Vec<i64> = there.into_iter().filter(|text| text.words.is_some()).map(|text| text.id).collect();
    let count = texts.len();
    for some in texts.chunks(AT_ONCE) {
        let command = Command::Erase { texts: some.to_vec(), words: words.to_owned() };
        desk.act(Subject::Store, command).await?;
    }
    Ok(count)
}

/// The numbers of the texts of `of`, or of everything, that `who` wrote, or anybody. A policy's text is not erased by person.
async fn collect(desk: &Desk, of: Option<&Subject>, who: Option<&str>) -> Answered<Vec<i64>> {
    let away = |error: crate::store::StoreError| AdminFault::Away(error.to_string());
    let (mut texts, mut after) = (Vec::new(), 0);
    loop {
        let events = desk.store.events(of, after, 1000).await.map_err(away)?;
        let Some(last) = events.last().map(|event| event.seq) else { return Ok(texts) };
        after = last;
        for event in events {
            let wrote =
                who.is_none_or(|who| Actor::from_stored(&event.actor).id == who && event.kind != "policy-changed");
            if wrote {
                let body = serde_json::from_str(&event.body).unwrap_or_default();
                texts.extend(references(&body).into_iter().map(|reference| reference.id));
            }
        }
    }
}

//! Turns that lie over each other, laid side by side.

use super::Remarks;
use crate::policy::rota::Override;
use crate::text::instant::said;
use crate::text::{Instant, PersonId};

/// The most turns that are laid side by side.
pub(super) const MOST: usize = 2_000;

/// One event of somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Turn {
    pub from: Instant,
    pub until: Instant,
    pub person: PersonId,
    /// The calendar's own rank; the higher one wins.
    pub level: u8,
}

/// Who has each stretch: the higher rank, then who began last, as an override lies on what it overrides, then the shorter.
pub(super) fn side_by_side(mut turns: Vec<Turn>, remarks: &mut Remarks) -> Vec<Override> {
    turns.retain(|turn| turn.from < turn.until);
    turns.sort_by(|a, b| (a.from, a.until, &a.person).cmp(&(b.from, b.until, &b.person)));
    turns.dedup();
    if turns.len() > MOST {
        remarks.say(format!("it has {} turns in this time; only the first {MOST} are taken", turns.len()));
        turns.truncate(MOST);
    }
    let mut edges: Vec<Instant> = turns.iter().flat_map(|turn| [turn.from, turn.until]).collect();
    edges.sort_unstable();
    edges.dedup();
    let mut slots: Vec<Override> = Vec::new();
    for pair in edges.windows(2) {
        let [from, until] = *pair else { continue };
        let here = || turns.iter().filter(|turn| turn.from <= from && from < turn.until);
        let best = here().max_by_key(|turn| (turn.level, turn.from, std::cmp::Reverse(turn.until)));
        let Some(best) = best else { continue };
        if let Some(other) = here().find(|other| other.person != best.person && other.level == best.level) {
            let (a, b) = (best.person.clone().min(other.person.clone()), best.person.clone().max(other.person.clone()));
            remarks.say(format!("{a} and {b} both have {}: {} began last, and is taken", said(from), best.person));
        }
        match slots.last_mut() {
            Some(last) if last.until == from && last.person == best.person => last.until = until,
            _ => slots.push(Override { from, until, person: best.person.clone() }),
        }
    }
    slots
}

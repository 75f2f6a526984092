//! The list of a view that is not the board: what it should show is said at once, what it shows changes only when rows may
//! move.

use super::pane::{Pane, Place};

/// A list.
#[derive(Debug, Default)]
pub struct Roll {
    /// What is shown.
    pub pane: Pane,
    /// What should be.
    wanted: Vec<Place>,
    /// What should be is not what is shown.
    held: bool,
}

impl Roll {
    /// Says what should be shown. It is, as soon as rows may move.
    pub fn want(&mut self, mut places: Vec<Place>, frozen: bool) {
        places.sort_unstable();
        self.held |= places != self.wanted || places.len() != self.pane.len();
        self.wanted = places;
        // What comes below all that is shown moves nothing.
        let below = self.pane.ids().zip(&self.wanted).filter(|(shown, place)| *shown == place.id).count();
        if !frozen || below == self.pane.len() {
            self.let_in();
        }
    }

    /// Shows what should be shown. The row under the cursor stays until the cursor leaves it, whatever became of it.
    pub fn let_in(&mut self) {
        if !std::mem::take(&mut self.held) {
            return;
        }
        let mut places = self.wanted.clone();
        let kept = self.pane.cursor.filter(|id| !places.iter().any(|place| place.id == *id));
        if let Some(place) = kept.and_then(|id| self.pane.placed(id)).cloned() {
            self.held = true;
            places.push(place);
        }
        self.pane.fill(places);
        self.pane.first_cursor();
    }

    /// Shows something else, because somebody asked for it: from its first row on, unless the cursor's row is in it.
    pub fn anew(&mut self, places: Vec<Place>) {
        let here = self.pane.cursor.filter(|id| places.iter().any(|place| place.id == *id));
        self.pane.cursor = here;
        self.held = true;
        self.wanted = places;
        if here.is_none() {
            (self.pane.top, self.pane.moved) = (0, false);
        }
        self.wanted.sort_unstable();
        self.let_in();
    }

    /// Moves the cursor by so many rows, and lets go of a row that is only shown because the cursor was on it.
    pub fn step(&mut self, by: i64, height: u16, frozen: bool) {
        let pane = &mut self.pane;
        let here = pane.cursor.and_then(|id| pane.index(id)).map_or(0, super::pane::whole);
        pane.go(here.saturating_add(by), height);
        if !frozen {
            self.let_in();
        }
    }

    /// Points at a request. Whether it is there.
    pub fn point(&mut self, id: i64, height: u16) -> bool {
        let Some(index) = self.pane.index(id) else { return false };
        self.pane.go(super::pane::whole(index), height);
        true
    }

    /// Whether something waits until rows may move.
    pub const fn waits_to_merge(&self) -> bool {
        self.held
    }

    /// How many rows wait to be let in.
    pub fn arrived(&self) -> usize {
        if self.held { self.wanted.iter().filter(|place| self.pane.placed(place.id).is_none()).count() } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(ids: &[i64]) -> Vec<Place> {
        ids.iter().map(|id| Place { text: String::new(), rank: 0, at: *id, id: *id }).collect()
    }

    #[test]
    fn rows_change_places_only_when_they_may_and_the_cursor_keeps_its_line() {
        let mut roll = Roll::default();
        roll.want(places(&[10, 20, 30]), true);
        assert_eq!(roll.pane.ids().collect::<Vec<_>>(), [10, 20, 30], "an empty list has no order to keep");
        roll.step(1, 10, true);
        assert_eq!((roll.pane.cursor, roll.pane.line()), (Some(20), Some(1)));
        roll.want(places(&[5, 6, 10, 30]), true);
        assert_eq!(roll.pane.ids().collect::<Vec<_>>(), [10, 20, 30]);
        assert_eq!(roll.arrived(), 2);
        roll.want(places(&[10, 20, 30, 40]), true);
        assert_eq!(roll.pane.ids().collect::<Vec<_>>(), [10, 20, 30, 40], "what comes below moves nothing");
        roll.want(places(&[5, 6, 10, 30, 40]), true);
        roll.let_in();
        assert_eq!(roll.pane.ids().collect::<Vec<_>>(), [5, 6, 10, 20, 30, 40], "the row under the cursor stays");
        assert_eq!((roll.pane.cursor, roll.pane.line(), roll.arrived()), (Some(20), Some(1), 0));
        roll.step(1, 10, false);
        assert_eq!(roll.pane.ids().collect::<Vec<_>>(), [5, 6, 10, 30, 40], "until the cursor leaves");
        assert_eq!(roll.pane.cursor, Some(30));
        roll.anew(places(&[1, 2, 3]));
        assert_eq!((roll.pane.cursor, roll.pane.top), (Some(1), 0));
    }
}

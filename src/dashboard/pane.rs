//! One list with its cursor. The cursor is a request's number, and whatever changes, it stays on its screen line.

use std::collections::HashMap;

/// Where a row stands in a list: all that its order depends on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// What it is sorted by before anything else.
    pub text: String,
    /// Its group.
    pub rank: u8,
    /// Its time, or what stands for it.
    pub at: i64,
    /// The request.
    pub id: i64,
}

/// One list.
#[derive(Debug, Default)]
pub struct Pane {
    list: Vec<Place>,
    placed: HashMap<i64, Place>,
    /// The request under the cursor.
    pub cursor: Option<i64>,
    /// The index of the row on the first screen line; below zero there are blank lines above the first row.
    pub top: i64,
    /// Somebody moved the cursor off the first row: from then on it keeps its screen line.
    pub moved: bool,
    /// How many rows the last frame had room for.
    pub height: u16,
}

impl Pane {
    /// Where a request is in the list.
    pub fn index(&self, id: i64) -> Option<usize> {
        let place = self.placed.get(&id)?;
        self.list.binary_search(place).ok()
    }
    /// The request at an index.
    pub fn at(&self, index: usize) -> Option<i64> {
        self.list.get(index).map(|place| place.id)
    }
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
    /// Every request, in order.
    pub fn ids(&self) -> impl Iterator<Item = i64> + '_ {
        self.list.iter().map(|place| place.id)
    }
    /// The screen line of the cursor, from the pane's first row line.
    pub fn line(&self) -> Option<i64> {
        let index = self.index(self.cursor?)?;
        Some(whole(index) - self.top)
    }
    /// The requests on so many screen lines; `None` is a blank line.
    pub fn window(&self, height: u16) -> impl Iterator<Item = Option<i64>> + '_ {
        (self.top..self.top + i64::from(height)).map(|index| self.at(usize::try_from(index).ok()?))
    }

    /// Takes a request out.
    pub fn take(&mut self, id: i64) {
        if let Some(place) = self.placed.remove(&id)
            && let Ok(index) = self.list.binary_search(&place)
        {
            self.list.remove(index);
        }
    }

    /// Puts a request where it belongs.
    pub fn put(&mut self, place: Place) {
        self.take(place.id);
        let index = self.list.partition_point(|other| *other < place);
        self.placed.insert(place.id, place.clone());
        self.list.insert(index, place);
    }

    /// Changes the list and keeps the cursor on its screen line, once somebody moved it.
    pub fn steadily(&mut self, change: impl FnOnce(&mut Self)) {
        let line = self.line();
        change(self);
        match (line, self.cursor.and_then(|id| self.index(id))) {
            // Nobody is down in the list: it shows its first rows, which are the most urgent.
            _ if !self.moved => {
                self.top = 0;
                self.show_cursor(self.height);
            }
            (Some(line), Some(index)) => self.top = whole(index) - line,
            _ if self.cursor.is_none() => self.top = 0,
            _ => {}
        }
    }

    /// Makes the list anew.
    pub fn fill(&mut self, mut places: Vec<Place>) {
        places.sort_unstable();
        self.steadily(|pane| {
            pane.placed = places.iter().map(|place| (place.id, place.clone())).collect();
            pane.list = places;
        });
    }

    /// Where a request stands.
    pub fn placed(&self, id: i64) -> Option<&Place> {
        self.placed.get(&id)
    }

    /// Where there is no cursor, or its row is gone, it goes to the first row that is shown.
    pub fn first_cursor(&mut self) {
        if self.cursor.is_none_or(|id| !self.placed.contains_key(&id)) {
            self.cursor = self.at(usize::try_from(self.top).unwrap_or(0)).or_else(|| self.at(0));
            if self.is_empty() {
                (self.top, self.moved) = (0, false);
            }
        }
    }

    /// The cursor on the first row: for a list that nobody has seen yet.
    pub fn rewind(&mut self) {
        (self.cursor, self.top, self.moved) = (self.at(0), 0, false);
    }

    /// Moves the view so that the cursor is on one of so many lines.
    pub fn show_cursor(&mut self, height: u16) {
        let Some(index) = self.cursor.and_then(|id| self.index(id)).map(whole) else { return };
        if !self.moved {
            self.top = 0;
        }
        // Where the height is not known yet, the first frame is as good as any.
        if height > 0 {
            self.top = self.top.min(index).max(index - (i64::from(height) - 1));
        }
    }

    /// Moves the cursor to an index.
    pub fn go(&mut self, index: i64, height: u16) {
        let last = whole(self.len()) - 1;
        self.cursor = usize::try_from(index.min(last).max(0)).ok().and_then(|index| self.at(index)).or(self.cursor);
        self.moved = self.cursor != self.at(0);
        self.show_cursor(height);
    }
}

/// An index as a line.
pub fn whole(index: usize) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}

//! What the last frame put before somebody's eyes.

use super::super::lists::Seen;
use super::super::model::Model;
use super::super::rows::Side;
use super::super::view;

impl Model {
    /// Where a list has another height than in the last frame, or is shown again, its cursor is on the screen.
    pub(super) fn fit_lists(&mut self) {
        let (upper, lower) = self.plan().heights();
        for (side, height) in [(Side::Waiting, upper), (Side::Live, lower)] {
            let list = self.board.pane_mut(side);
            if list.height != height {
                list.show_cursor(height);
            }
        }
        let height = self.plan().list_rows();
        if let Some(roll) = self.roll_mut().filter(|roll| roll.pane.height != height) {
            roll.pane.show_cursor(height);
        }
    }

    /// The frame that `draw` made was put on the screen: what somebody does next is about what it showed.
    pub fn drawn(&mut self) {
        let id = self.pointed();
        let version = id.and_then(|id| self.known(id)).map_or(0, |view| view.version);
        self.seen = Seen { id, version };
        let (upper, lower) = self.plan().heights();
        self.board.pane_mut(Side::Waiting).height = upper;
        self.board.pane_mut(Side::Live).height = lower;
        let height = self.plan().list_rows();
        if let Some(roll) = self.roll_mut() {
            roll.pane.height = height;
        }
        let (total, height) = view::dialog::measure(self);
        let size = self.size;
        if let Some(dialog) = self.dialog.as_mut() {
            // On another screen the lines are others: what was read there does not count here.
            if dialog.read_at != size {
                (dialog.read_at, dialog.read_to) = (size, 0);
            }
            dialog.top = dialog.top.min(total.saturating_sub(height));
            // Only what follows on what was read before is read: a jump to the end is not.
            if dialog.top <= dialog.read_to {
                dialog.read_to = dialog.read_to.max((dialog.top + height).min(total));
            }
        }
    }
}

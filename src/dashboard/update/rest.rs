//! Where the reader is: a first line that moves, and a cursor that came to rest.

use super::super::model::Model;
use super::super::msg::Moment;
use std::time::Duration;

/// The request under the cursor is read when the cursor rested for so long.
pub const REST: Duration = Duration::from_millis(250);

/// A first line moved by so many lines, between the first and the last that makes sense.
pub fn scrolled(top: usize, by: i64, most: usize) -> usize {
    let top = i64::try_from(top).unwrap_or(i64::MAX).saturating_add(by);
    usize::try_from(top.max(0)).unwrap_or(0).min(most)
}

/// The cursor is somewhere else: what is beside the lists follows when it rests.
pub fn rest(model: &mut Model) {
    if model.plan().beside() && !model.in_detail {
        if model.detail.as_ref().is_some_and(|detail| Some(detail.id) != model.cursor()) {
            model.detail = None;
        }
        model.peek_at = Some(Moment(model.now.0 + REST));
    }
}

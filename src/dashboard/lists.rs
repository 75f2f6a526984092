//! What the views beside the board hold: one's own requests, those that were looked up, and the line at the foot.

use super::field::{Field, Wants};
use super::filter::Filter;
use super::msg::{AskId, Moment};
use super::roll::Roll;

/// One's own access and requests.
#[derive(Debug, Default)]
pub struct Mine {
    /// The list.
    pub roll: Roll,
    /// What is shown of it.
    pub filter: Filter,
    /// The question on its way.
    pub ask: Option<AskId>,
    /// Those that the host told of, whether they are on the board or not.
    pub told: Vec<i64>,
    /// Whether it told any.
    pub read: bool,
    /// Why it could not be read.
    pub fault: Option<String>,
}

/// Requests that were looked up, the newest first.
#[derive(Debug, Default)]
pub struct History {
    /// The list.
    pub roll: Roll,
    /// What is looked for.
    pub filter: Filter,
    /// The question on its way, and whether it begins anew.
    pub ask: Option<(AskId, bool)>,
    /// When it is asked for: somebody still types.
    pub ask_at: Option<Moment>,
    /// What was found, newest first.
    pub found: Vec<i64>,
    /// The next page begins below this one.
    pub next: Option<i64>,
    /// How many pages were read of one question without being asked for more.
    pub pages: usize,
    /// Whether anything was read.
    pub read: bool,
    /// Why it could not be read.
    pub fault: Option<String>,
}

/// What the last frame showed, for what the next key is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    /// The request under the cursor, or the open one.
    pub id: Option<i64>,
    /// Its version.
    pub version: i64,
}

/// What is typed at the foot of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typing {
    /// The filter of the view.
    Filter,
    /// A command by its name.
    Command,
}

/// A line that is typed at the foot of the screen.
#[derive(Debug, Clone)]
pub struct Prompt {
    /// What is typed.
    pub what: Typing,
    /// The text.
    pub field: Field,
    /// The filter as it was, for whoever leaves.
    pub before: Filter,
    /// What cannot be understood of it.
    pub fault: Option<String>,
    /// Which of the commands.
    pub choice: usize,
    /// What the last frame before it showed.
    pub about: Seen,
    /// A swallowed key shows until then.
    pub flash_until: Moment,
}

impl Prompt {
    /// An empty one.
    pub fn new(what: Typing, before: Filter, about: Seen) -> Self {
        let mut field = Field::new("", Wants::Maybe);
        if what == Typing::Filter {
            field.set(before.text());
        }
        Self { what, field, before, fault: None, choice: 0, about, flash_until: Moment::default() }
    }
}

//! The views, one line each: what a key switches to, what stands among the tabs, what is drawn and moved about in.

use super::keys::Action;

/// What fills the screen between the bands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum View {
    /// What waits, what lives, what is overdue.
    #[default]
    Board,
    /// One's own access and requests.
    Mine,
    /// All requests there ever were.
    History,
    /// The keys.
    Help,
}

/// One line of the table.
#[derive(Debug)]
pub struct Entry {
    /// The view.
    pub view: View,
    /// What switches to it.
    pub action: Action,
    /// Its name among the tabs; empty: it stands elsewhere.
    pub name: &'static str,
    /// The actions of its footer, the ones that matter most first: what does not fit is left to the help.
    pub footer: &'static [Action],
}

/// The table. Incidents (`3`) and Review (`5`) come with their data.
pub const TABLE: &[Entry] = &[
    Entry { view: View::Board, action: Action::Board, name: "Board", footer: &[] },
    Entry { view: View::Mine, action: Action::Mine, name: "Mine", footer: MINE },
    Entry { view: View::History, action: Action::History, name: "History", footer: HISTORY },
    Entry { view: View::Help, action: Action::Help, name: "", footer: &[] },
];

const MINE: &[Action] = &[
    Action::HandBack,
    Action::Extend,
    Action::File,
    Action::Withdraw,
    Action::Note,
    Action::Open,
    Action::Quit,
    Action::Palette,
    Action::Mend,
    Action::Undo,
];

const HISTORY: &[Action] = &[
    Action::Filter,
    Action::Open,
    Action::CopyRecord,
    Action::Merge,
    Action::Note,
    Action::Quit,
    Action::Palette,
    Action::OpenTicket,
    Action::File,
];

impl View {
    /// Its line of the table.
    pub fn entry(self) -> Option<&'static Entry> {
        TABLE.iter().find(|entry| entry.view == self)
    }

    /// The view that an action switches to.
    pub fn of(action: Action) -> Option<Self> {
        TABLE.iter().find(|entry| entry.action == action).map(|entry| entry.view)
    }
}

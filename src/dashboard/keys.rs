//! The one table of keys: action, its name in the config file, default keys, where it holds, and its words. Input, the
//! footer, the help, the configuration and the README's section of keys all derive from it.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::collections::{BTreeMap, HashMap};
use std::fmt::{self, Write as _};

/// Where an action belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Moves about and looks; never changes a request.
    Move,
    /// Opens a dialog; never acts by itself.
    Act,
    /// About what is under the cursor, without a command to the server.
    Take,
}

macro_rules! actions {
    ($($variant:ident $name:literal [$($key:literal),*] $scope:ident $short:literal $words:literal;)*) => {
        /// Everything that a key can mean outside a dialog.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "each has its words in the table")]
        pub enum Action { $($variant,)* }

        /// The table.
        pub const TABLE: &[Entry] = &[$(Entry {
            action: Action::$variant, name: $name, keys: &[$($key),*], scope: Scope::$scope, short: $short, words: $words,
        },)*];
    };
}

/// One line of the table.
#[derive(Debug)]
pub struct Entry {
    /// The action.
    pub action: Action,
    /// Its name in the config file.
    pub name: &'static str,
    /// Its keys, unless the config file says others.
    pub keys: &'static [&'static str],
    /// Where it belongs.
    pub scope: Scope,
    /// One word for the footer.
    pub short: &'static str,
    /// What it does, for the help.
    pub words: &'static str,
}

actions! {
    Down "down" ["j", "down"] Move "down" "one row down";
    Up "up" ["k", "up"] Move "up" "one row up";
    Left "left" ["h", "left"] Move "left" "back to the list";
    Right "right" ["l", "right"] Move "right" "into the request";
    First "first" ["g", "home"] Move "first" "the first row";
    Last "last" ["G", "end"] Move "last" "the last row";
    HalfDown "half-down" ["ctrl-d"] Move "half down" "half a page down";
    HalfUp "half-up" ["ctrl-u"] Move "half up" "half a page up";
    PageDown "page-down" ["pgdn"] Move "page down" "a page down";
    PageUp "page-up" ["pgup"] Move "page up" "a page up";
    NextPane "next-pane" ["tab"] Move "pane" "the next pane";
    PreviousPane "previous-pane" ["shift-tab"] Move "pane" "the pane before";
    Open "open" ["enter"] Move "open" "open the request";
    Back "back" ["esc"] Move "back" "back; never acts, never quits";
    Board "board" ["1"] Move "board" "the board: what waits, what is active, what is overdue";
    Mine "mine" ["2"] Move "mine" "your own access, how much time is left, and what you asked for";
    History "history" ["4"] Move "history" "every request there was, by filter and words, and the whole record of one";
    Filter "filter" ["/"] Move "filter" "show only what fits: who:bo system:orders* ends<15m";
    Palette "palette" [":"] Move "commands" "every action by name, and why one cannot be used now";
    Merge "merge" ["."] Move "merge" "let in what arrived while you were here";
    NextOverdue "next-overdue" ["!"] Move "overdue" "the next overdue removal";
    Sort "sort" ["s"] Move "sort" "sort by time, system or person";
    Mark "mark" ["v"] Move "mark" "mark for deny, send back, revoke or acknowledge";
    Pause "pause" ["p"] Move "pause" "hold the rows still until pressed again";
    Zoom "zoom" ["z"] Move "zoom" "the pane alone on the screen";
    Zone "zone" ["T"] Move "zone" "times in your zone or in UTC";
    Mouse "mouse" ["M"] Move "mouse" "the mouse on or off: wheel and clicks point, they never act";
    Resync "resync" ["r"] Move "resync" "ask for everything again, now";
    Help "help" ["?"] Move "help" "this help";
    Suspend "suspend" ["ctrl-z"] Move "suspend" "stop, and come back with fg";
    Quit "quit" ["q", "ctrl-c"] Move "quit" "leave";
    Approve "approve" ["a"] Act "approve" "approve: the last three digits of the number, then Enter";
    Deny "deny" ["d"] Act "deny" "deny, with a line of words";
    SendBack "send-back" ["b"] Act "send back" "send back to be mended, with codes and words";
    Extend "extend" ["e"] Act "extend" "ask for a later end of your own grant";
    Revoke "revoke" ["X"] Act "revoke" "end the access now, with a line of words";
    Undo "undo" ["u"] Act "undo" "take back your last verdict, within 60 s";
    File "file" ["n"] Act "new" "ask for access: system, role, task, window, ticket";
    Mend "mend" ["E"] Act "mend" "mend your own request: one that was sent back, or that waits";
    Note "note" ["i"] Act "note" "add a note";
    HandBack "hand-back" ["x"] Act "hand back" "hand back your own access";
    Withdraw "withdraw" ["w"] Act "withdraw" "take your own request back";
    Claim "claim" ["c"] Act "claim" "say: I am reading this";
    Acknowledge "acknowledge" ["m"] Act "acknowledge" "stop the alerts to yourself";
    Retry "retry" ["R"] Act "retry" "try an overdue removal now";
    HandOver "hand-over" ["H"] Act "hand over" "somebody else looks after an overdue removal";
    Walk "walk" ["A"] Act "walk" "all that waits, one full dialog after another";
    CopyCommand "copy-command" ["Y"] Take "copy command" "copy the command that removes it by hand";
    CopyId "copy-id" ["y"] Take "copy id" "copy the number";
    CopyLink "copy-link" ["K"] Take "copy link" "copy a link to the request, or the command that opens it";
    CopyRecord "copy-record" ["C"] Take "copy record" "copy the whole record as text";
    OpenTicket "open-ticket" ["o"] Take "ticket" "open the ticket";
    Lock "lock" ["L"] Take "lock" "lock the pane: the next act key only unlocks";
}

/// The keys of the form in which a request is filed, of the filter and of the commands.
pub const IN_FORM: &[(&str, &str)] = &[
    ("tab shift-tab", "the next field, the one before"),
    ("up down", "choose the system, the role, the command"),
    ("enter", "on to what is missing; file it when nothing is; keep the filter; do the command"),
    ("ctrl-u", "empty the field"),
    ("esc", "leave: what was written is there again at the next n; the filter is as it was"),
];

/// The keys of a dialog. They are fixed: every printable key is text there.
pub const IN_DIALOG: &[(&str, &str)] = &[
    ("tab shift-tab", "field, end, role, the other verdicts"),
    ("up down", "on the end: 15 minutes less, and back; on role or codes: choose"),
    ("left right", "on the end: begin 15 minutes later, and back; on codes and verdicts: choose"),
    ("pgdn pgup", "read on: the field wakes when the whole of it was on the screen"),
    ("enter", "send, if what was typed is right"),
    ("ctrl-n", "on a walk: the next one"),
    ("esc", "leave; never acts"),
];

impl Action {
    /// Its line of the table.
    pub fn entry(self) -> Option<&'static Entry> {
        TABLE.iter().find(|entry| entry.action == self)
    }
    /// Its scope.
    pub fn scope(self) -> Scope {
        self.entry().map_or(Scope::Move, |entry| entry.scope)
    }
}

/// One key with what is held beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Chord {
    code: KeyCode,
    ctrl: bool,
    alt: bool,
}

const NAMED: &[(&str, KeyCode)] = &[
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("shift-tab", KeyCode::BackTab),
    ("space", KeyCode::Char(' ')),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("pgup", KeyCode::PageUp),
    ("pgdn", KeyCode::PageDown),
    ("insert", KeyCode::Insert),
    ("delete", KeyCode::Delete),
    ("backspace", KeyCode::Backspace),
];

impl Chord {
    /// What a terminal told. Shift on a letter is the capital letter, whichever way the terminal says it.
    pub fn of(key: &KeyEvent) -> Self {
        let shift = key.modifiers.contains(KeyModifiers::SHIFT);
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        let code = match key.code {
            KeyCode::Char(ch) if ctrl => KeyCode::Char(ch.to_ascii_lowercase()),
            KeyCode::Char(ch) if shift => KeyCode::Char(ch.to_ascii_uppercase()),
            KeyCode::Tab if shift => KeyCode::BackTab,
            code => code,
        };
        Self { code, ctrl, alt: key.modifiers.contains(KeyModifiers::ALT) }
    }

    /// As people write it: `a`, `X`, `ctrl-d`, `pgdn`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (ctrl, rest) = text.strip_prefix("ctrl-").map_or((false, text), |rest| (true, rest));
        let (alt, rest) = rest.strip_prefix("alt-").map_or((false, rest), |rest| (true, rest));
        let named = NAMED.iter().find(|(name, _)| name.eq_ignore_ascii_case(rest)).map(|(_, code)| *code);
        let function =
            rest.strip_prefix(['f', 'F']).and_then(|n| n.parse::<u8>().ok()).filter(|n| (1..=24).contains(n));
        let mut letters = rest.chars();
        let code = match (named, function, letters.next(), letters.next()) {
            (Some(code), ..) => code,
            (None, Some(n), ..) => KeyCode::F(n),
            (None, None, Some(ch), None) if ctrl => KeyCode::Char(ch.to_ascii_lowercase()),
            (None, None, Some(ch), None) if !ch.is_control() => KeyCode::Char(ch),
            _ => return None,
        };
        Some(Self { code, ctrl, alt })
    }

    /// Keys that somebody presses without looking, so that no act may lie on them.
    fn careless(self) -> bool {
        let letter = matches!(self.code, KeyCode::Char(_));
        let moving = matches!(self.code, KeyCode::Char('h' | 'j' | 'k' | 'l' | 'g' | 'G' | ' '));
        moving || (self.ctrl && letter) || matches!(self.code, KeyCode::Enter | KeyCode::Esc | KeyCode::Tab)
    }
}

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = format!("{}{}", if self.ctrl { "ctrl-" } else { "" }, if self.alt { "alt-" } else { "" });
        match (NAMED.iter().find(|(_, code)| *code == self.code), self.code) {
            (Some((name, _)), _) => write!(f, "{held}{name}"),
            (None, KeyCode::Char(ch)) => write!(f, "{held}{ch}"),
            (None, KeyCode::F(n)) => write!(f, "{held}f{n}"),
            (None, _) => write!(f, "{held}?"),
        }
    }
}

/// The keys as they hold for somebody.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    meaning: HashMap<Chord, Action>,
    of: BTreeMap<Action, Vec<Chord>>,
}

impl Keys {
    /// The table with somebody's own keys; what cannot be is said by name and left as it was.
    pub fn new(own: &BTreeMap<String, Vec<String>>) -> (Self, Vec<String>) {
        Self::placed(own, &BTreeMap::new())
    }

    /// The same, where it is known in which line of which file each stands.
    pub fn placed(own: &BTreeMap<String, Vec<String>>, places: &BTreeMap<String, String>) -> (Self, Vec<String>) {
        let mut faults = Vec::new();
        let at = |name: &str| places.get(name).map_or_else(String::new, |place| format!("{place}: "));
        let mut keys = Self::default();
        let mut wanted: Vec<(&Entry, Vec<Chord>, bool)> = TABLE
            .iter()
            .map(|entry| (entry, entry.keys.iter().filter_map(|key| Chord::parse(key)).collect(), false))
            .collect();
        for (name, texts) in own {
            let Some((entry, chords, theirs)) = wanted.iter_mut().find(|(entry, ..)| entry.name == name.as_str())
            else {
                faults.push(format!("{}keys: there is no action {name:?}; ? lists them", at(name)));
                continue;
            };
            let mut read = Vec::new();
            for text in texts {
                match Chord::parse(text) {
                    None => {
                        faults.push(format!(
                            "{}keys.{name}: {text:?} is no key; write it as a, X, ctrl-d or pgdn",
                            at(name)
                        ));
                    }
                    Some(chord) if entry.scope == Scope::Act && chord.careless() => {
                        faults.push(format!(
                            "{}keys.{name}: {chord} is pressed without looking, so nothing acts on it",
                            at(name)
                        ));
                    }
                    Some(chord) => read.push(chord),
                }
            }
            if !read.is_empty() {
                (*chords, *theirs) = (read, true);
            }
        }
        // Somebody's own choice goes before a default; between two of their own the first in the table stays.
        wanted.sort_by_key(|(_, _, theirs)| !theirs);
        for (entry, chords, _) in &wanted {
            for chord in chords {
                if let Some(first) = keys.meaning.get(chord).and_then(|action| action.entry()) {
                    faults.push(format!(
                        "{}keys: {chord} means both {} and {}; it stays with {}",
                        if places.contains_key(entry.name) { at(entry.name) } else { at(first.name) },
                        first.name,
                        entry.name,
                        first.name
                    ));
                } else {
                    keys.meaning.insert(*chord, entry.action);
                    keys.of.entry(entry.action).or_default().push(*chord);
                }
            }
        }
        for (name, action) in [("quit", Action::Quit), ("back", Action::Back), ("help", Action::Help)] {
            if !keys.of.contains_key(&action) {
                faults.push(format!("keys: no key is left for {name}"));
            }
        }
        (keys, faults)
    }

    /// What a key means.
    pub fn action(&self, key: &KeyEvent) -> Option<Action> {
        self.meaning.get(&Chord::of(key)).copied()
    }

    /// The first key of an action, as written.
    pub fn first(&self, action: Action) -> String {
        self.of.get(&action).and_then(|chords| chords.first()).map_or_else(|| "-".into(), ToString::to_string)
    }

    /// All keys of an action, as written.
    pub fn all(&self, action: Action) -> String {
        let chords = self.of.get(&action).map(Vec::as_slice).unwrap_or_default();
        if chords.is_empty() {
            "-".into()
        } else {
            chords.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        }
    }
}

/// The table as the README shows it.
pub fn markdown() -> String {
    let (keys, _) = Keys::new(&BTreeMap::new());
    let ticked = |all: &str| all.split(' ').map(|key| format!("`{key}`")).collect::<Vec<_>>().join(" ");
    let mut out = String::from("| key | action | what it does |\n|---|---|---|\n");
    for entry in TABLE {
        let _ = writeln!(out, "| {} | `{}` | {} |", ticked(&keys.all(entry.action)), entry.name, entry.words);
    }
    out.push_str("\n| in a dialog | what it does |\n|---|---|\n");
    for (all, words) in IN_DIALOG {
        let _ = writeln!(out, "| {} | {words} |", ticked(all));
    }
    out.push_str("\n| where one writes | what it does |\n|---|---|\n");
    for (all, words) in IN_FORM {
        let _ = writeln!(out, "| {} | {words} |", ticked(all));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(pairs: &[(&str, &[&str])]) -> (Keys, Vec<String>) {
        let map = pairs.iter().map(|(name, keys)| ((*name).into(), keys.iter().map(|key| (*key).into()).collect()));
        Keys::new(&map.collect())
    }

    fn press(code: KeyCode, modifiers: KeyModifiers) -> KeyEvent {
        KeyEvent::new(code, modifiers)
    }

    #[test]
    fn the_table_is_whole_and_nobody_acts_on_a_careless_key() {
        let (keys, faults) = own(&[]);
        assert_eq!(faults, [""; 0]);
        for entry in TABLE {
            for text in entry.keys {
                let chord = Chord::parse(text).unwrap();
                assert_eq!(chord.to_string(), *text);
                assert_eq!(keys.meaning.get(&chord), Some(&entry.action), "{text}");
                assert!(entry.scope != Scope::Act || !chord.careless(), "{text} acts");
            }
        }
    }

    #[test]
    fn the_readme_shows_the_table() {
        let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
        let section = readme.split("\n## ").find(|section| section.starts_with("Keys\n")).unwrap();
        assert_eq!(markdown().lines().count(), TABLE.len() + IN_DIALOG.len() + IN_FORM.len() + 8);
        assert!(section.contains(&markdown()), "README.md, section Keys, wants this:\n{}", markdown());
    }

    #[test]
    fn a_terminal_says_a_capital_letter_in_two_ways() {
        let (keys, _) = own(&[]);
        assert_eq!(keys.action(&press(KeyCode::Char('X'), KeyModifiers::NONE)), Some(Action::Revoke));
        assert_eq!(keys.action(&press(KeyCode::Char('x'), KeyModifiers::SHIFT)), Some(Action::Revoke));
        assert_eq!(keys.action(&press(KeyCode::Char('D'), KeyModifiers::CONTROL)), Some(Action::HalfDown));
        assert_eq!(keys.action(&press(KeyCode::Tab, KeyModifiers::SHIFT)), Some(Action::PreviousPane));
        assert_eq!(keys.action(&press(KeyCode::Char('a'), KeyModifiers::ALT)), None);
    }

    #[test]
    fn clashes_and_faults_are_named_and_only_they_are_dropped() {
        let (keys, faults) = own(&[
            ("approve", &["d"]),
            ("deny", &["ctrl-x", "enter"]),
            ("fly", &["f"]),
            ("help", &["nokey"]),
            ("revoke", &["f9"]),
        ]);
        let said = faults.join("\n");
        for part in
            ["no action \"fly\"", "ctrl-x is pressed without looking", "enter is pressed", "\"nokey\" is no key"]
        {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert!(said.contains("d means both approve and deny; it stays with approve"), "{said}");
        assert_eq!(keys.all(Action::Approve), "d");
        assert_eq!(keys.all(Action::Revoke), "f9");
        assert_eq!(keys.all(Action::Help), "?");
        assert_eq!(keys.all(Action::Deny), "-");
    }
}

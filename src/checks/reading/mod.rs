//! Reading a task: what its words say will be done, to what, and how one will know that it worked.
//!
//! Plain lists and counting, no network and no guess at meaning: whatever is found here can be said in one sentence.

pub mod clear;
pub mod copy;
pub mod ladder;
pub mod lexicon;
pub mod span;
pub mod words;

use lexicon::{ACCESS, BE, CHANGES, DELETES, Does, FOREIGN, HASTE, LEADS, LOOSE, OTHER, POINTING, READS, RUNS};
use words::{Clause, Word, Words};

/// An action that the text says somebody will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// The verb.
    pub verb: String,
    /// All that it may do to a system; a word such as *put* can do several.
    pub does: Vec<Does>,
    /// Whether it says nothing of what will come of it: *look*, *check*, *fix*.
    pub loose: bool,
    /// In which clause it stands.
    pub clause: usize,
    /// In which word of it.
    pub at: usize,
}

/// A task as it was read.
#[derive(Debug, Clone)]
pub struct Task {
    /// Its words.
    pub words: Words,
    /// What will be done.
    pub actions: Vec<Action>,
    /// How many words name one thing, tickets and times left out.
    pub exact: usize,
    /// How many words name a thing less sharply: a number of pieces, a name with a capital inside a sentence.
    pub named: usize,
    /// Whether it is in a language that the lists hardly know.
    pub foreign: bool,
    /// Whether it asks a question that an answer ends.
    pub question: bool,
}

impl Task {
    /// Reads a task.
    pub fn of(text: &str) -> Self {
        let words = Words::of(text);
        let foreign = is_foreign(&words);
        let actions = actions(&words, foreign);
        let exact = words.all().filter(|word| word.exact && !is_ticket(word)).count();
        let named = named(&words, foreign);
        let named = named + usize::from(words.clauses.iter().any(asks_one_fact));
        let question = words.clauses.iter().any(|clause| clause.asks && clause.words.len() > 2) || indirect(&words);
        Self { words, actions, exact, named, foreign, question }
    }

    /// The heaviest thing that it says will be done, where it says so in words that are known.
    pub fn does(&self) -> Option<Does> {
        self.actions.iter().filter_map(|action| action.does.first().copied()).max()
    }

    /// What is left when haste, courtesy, asking for access and pointing are taken away.
    pub fn left<'a>(&'a self, also: &'a [&str]) -> impl Iterator<Item = &'a Word> {
        self.words.all().filter(move |word| {
            let low = word.low.as_str();
            let filler = lexicon::is_small(low)
                || HASTE.contains(low)
                || ACCESS.contains(low)
                || POINTING.contains(low)
                || OTHER.contains(low)
                || also.contains(&low)
                || is_ticket(word)
                || words::is_time_or_amount(low)
                || word.low.parse::<i64>().is_ok();
            !filler && low.chars().any(char::is_alphanumeric)
        })
    }

    /// Whether it leans on what was asked or allowed before.
    pub fn points(&self) -> bool {
        self.words.has(POINTS).is_some() || (self.words.all().any(is_ticket) && self.words.has(AT_TICKET).is_some())
    }

    /// Whether it presses.
    pub fn hurries(&self) -> bool {
        self.words.has(&["asap", "urgent", "urgently", "urgente", "dringend", "срочно", "now", "hurry", "急"]).is_some()
    }
}

/// Leaning on what was before.
const POINTS: &[&str] = &[
    "same as",
    "same thing",
    "same request",
    "same access",
    "same again",
    "same reason",
    "same story",
    "same procedure",
    "same task",
    "same problem",
    "same issue",
    "same situation",
    "same old",
    "like last",
    "as last",
    "like before",
    "as before",
    "from before",
    "like yesterday",
    "as yesterday",
    "like the other",
    "last time",
    "like always",
    "as always",
    "as usual",
    "as approved",
    "approved for",
    "approved in",
    "approved before",
    "approved already",
    "already approved",
    "was approved",
    "approved last",
    "approved by",
    "approval from",
    "approval is",
    "old approval",
    "my approval",
    "earlier approval",
    "previous approval",
    "approval of",
    "approval in",
    "that approval",
    "last approval",
    "reuse",
    "reusing",
    "re-use",
    "use that one",
    "continue on",
    "continue what",
    "continuation",
    "carry on",
    "activate my rights",
    "again like",
    "again as",
    "as discussed",
    "per our",
    "as agreed",
    "as described in",
    "see there",
    "see ticket",
    "copied from",
    "copy of",
    "ditto",
    "once more please",
    "again please",
    "grant again",
    "give again",
    "see above",
    "see details",
    "knows about it",
    "my request",
    "my ticket",
    "my access",
    "my rights",
    "my last",
    "prolong",
    "extend what",
    "the one from",
    "from this morning",
    "of last night",
    "from last night",
    "as every",
    "like every",
    "per approval",
    "you approved",
    "approved this",
    "standard request",
    "usual request",
    "idem",
    "alter antrag",
    "noch einmal",
    "nochmal",
    "wieder dasselbe",
    "wie jeden",
    "otra vez lo",
    "encore une fois",
    "pareil que",
    "как обычно",
    "как всегда",
    "いつもの",
    "back then",
    "wie beim letzten",
    "wie letzte",
    "wie letztes",
    "wie gestern",
    "wie immer",
    "wie gehabt",
    "wie besprochen",
    "igual que",
    "lo mismo",
    "como la última",
    "como ayer",
    "comme la dernière",
    "comme hier",
    "comme d'habitude",
    "même chose",
    "come l'ultima",
    "come ieri",
    "stessa cosa",
    "mesma coisa",
    "como ontem",
    "como da última",
    "zelfde als",
    "net als vorige",
    "samma som",
    "som förra",
    "как в прошлый",
    "как вчера",
    "то же самое",
    "tak jak ostatnio",
    "前回と同じ",
    "同上",
    "跟上次",
];
/// With a ticket's name somewhere, these point at it in place of a task.
const AT_TICKET: &[&str] = &[
    "see",
    "same",
    "like",
    "as in",
    "as for",
    "refer",
    "reference",
    "details in",
    "described in",
    "siehe",
    "voir",
    "véase",
    "continue",
    "zie",
];

/// A ticket's name: `INC-88`, `CHG1042`.
pub fn is_ticket(word: &Word) -> bool {
    let long = word.raw.bytes().take_while(u8::is_ascii_alphabetic).count();
    let (letters, rest) = word.raw.split_at_checked(long).unwrap_or_default();
    // Most words: all that follows wants a digit.
    if !rest.ends_with(|ch: char| ch.is_ascii_digit()) {
        return false;
    }
    let number = rest.strip_prefix(['-', '#']).unwrap_or("");
    let known = ["INC", "CHG", "REQ", "RITM", "TASK", "OPS", "SD", "JIRA", "PRB", "TICKET"];
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    (known.iter().any(|known| known.eq_ignore_ascii_case(letters)) && (digits(number) || digits(rest)))
        || ((2..=6).contains(&letters.len())
            && !letters.bytes().any(|byte| byte.is_ascii_lowercase())
            && rest.starts_with('-')
            && digits(number)
            && number.len() <= 5)
}

fn is_foreign(words: &Words) -> bool {
    let mut wide = 0_usize;
    let (mut english, mut other, mut all) = (0_usize, 0_usize, 0_usize);
    for word in words.all() {
        all += 1;
        let odd = word.low.chars().any(|ch| ch.is_alphabetic() && !ch.is_ascii());
        wide += usize::from(odd);
        english += usize::from(lexicon::ENGLISH.contains(&word.low));
        other += usize::from(OTHER.contains(&word.low));
    }
    other > english || (wide * 4 > all && english < 2) || (wide > 0 && english == 0)
}

/// The verb's plain form: *restarting* is *restart*.
fn plain(low: &str, list: &[&'static str]) -> Option<&'static str> {
    let find = |form: &str| list.iter().copied().find(|verb| *verb == form);
    if let Some(found) = find(low) {
        return Some(found);
    }
    let base = low.strip_suffix("ing").filter(|base| base.len() > 1)?;
    let undoubled = base.get(..base.len().saturating_sub(1)).filter(|_| {
        let mut ends = base.chars().rev();
        ends.next() == ends.next()
    });
    find(base).or_else(|| find(&format!("{base}e"))).or_else(|| undoubled.and_then(find))
}

/// Whether a word is a form of `verb`: *investigating* of *investigate*.
fn is_form(low: &str, verb: &'static str) -> bool {
    plain(low, &[verb]).is_some()
}

/// What a verb does; empty where it is none.
pub fn does_of(low: &str) -> Vec<Does> {
    let lists = [(Does::Runs, &RUNS), (Does::Changes, &CHANGES), (Does::Deletes, &DELETES), (Does::Reads, &READS)];
    let mut found: Vec<Does> =
        lists.iter().filter(|(_, list)| plain(low, list).is_some()).map(|(does, _)| *does).collect();
    if found.is_empty() && plain(low, &LOOSE).is_some() {
        found.push(Does::Reads);
    }
    found
}

fn foreign_does(low: &str) -> Option<Does> {
    // Scripts without spaces: the verb stands somewhere in a run of letters.
    let wide = low.chars().any(|ch| ch > '\u{2e00}');
    let is = |verb: &&str| *verb == low || (wide && low.contains(*verb));
    // Where one run of letters says several things, the heaviest counts.
    FOREIGN.iter().rev().find(|(_, verbs)| verbs.iter().any(is)).map(|(does, _)| *does)
}

fn actions(words: &Words, foreign: bool) -> Vec<Action> {
    let mut out = Vec::new();
    for (clause, part) in words.clauses.iter().enumerate() {
        let mut lead = true;
        for (at, word) in part.words.iter().enumerate() {
            let low = word.low.as_str();
            let opener = lead || after_cue(part, at);
            if opener && !word.exact && !is_noun_here(part, at) {
                let mut does = does_of(low);
                if LOOKUPS.contains(&low)
                    && part.words.get(at + 1).is_some_and(|next| READ_FORMS.contains(&next.low.as_str()))
                {
                    does = vec![Does::Reads];
                }
                if is_report(part, at) {
                    does = vec![Does::Reads];
                }
                if low == "get" && part.words.iter().skip(at).take(5).any(|word| word.low == "back") {
                    does = vec![Does::Runs];
                }
                if !does.is_empty() {
                    let loose = plain(low, &LOOSE).is_some();
                    out.push(Action { verb: low.to_owned(), does, loose, clause, at });
                }
            }
            if foreign && let Some(does) = foreign_does(low) {
                out.push(Action { verb: low.to_owned(), does: vec![does], loose: false, clause, at });
            }
            lead = lead && (LEADS.contains(&low) || (at == 0 && (word.exact || word.number() || is_ticket(word))));
        }
    }
    out
}

/// Whether what is written there goes into a ticket or a report, and so changes nothing in the system.
fn is_report(clause: &Clause, at: usize) -> bool {
    const WRITES: [&str; 6] = ["write", "put", "post", "enter", "add", "note"];
    const PAPERS: [&str; 10] = [
        "ticket",
        "incident",
        "report",
        "postmortem",
        "post-mortem",
        "timeline",
        "checklist",
        "channel",
        "chat",
        "handover",
    ];
    let verb = clause.words.get(at).is_some_and(|word| WRITES.contains(&word.low.as_str()));
    verb && clause.words.iter().skip(at + 1).zip(clause.words.iter().skip(at + 2)).any(|(first, next)| {
        let into = ["in", "into", "to", "on"].contains(&first.low.as_str());
        let article = ["the", "our", "this"].contains(&first.low.as_str());
        (into || article) && (PAPERS.contains(&next.low.as_str()) || into && is_ticket(next))
    })
}

/// Running one of these is looking.
const LOOKUPS: &[&str] = &["run", "running", "do", "execute"];
const READ_FORMS: &[&str] =
    &["select", "query", "queries", "explain", "info", "search", "searches", "report", "show", "dig", "read-only"];

/// Words after which a verb is somebody's plan.
const CUES: &[&str] =
    &["and", "then", "to", "will", "i'll", "we'll", "please", "pls", "or", "&", "i", "we", "let", "+"];

fn after_cue(clause: &Clause, at: usize) -> bool {
    let Some(cue) = at.checked_sub(1).and_then(|before| clause.words.get(before)) else { return false };
    if !CUES.contains(&cue.low.as_str()) {
        return false;
    }
    if cue.low != "to" {
        return true;
    }
    // What others want to do is no plan of the one who asks.
    let before = at.checked_sub(2).and_then(|before| clause.words.get(before)).map_or("", |word| word.low.as_str());
    ![
        "unable",
        "able",
        "trying",
        "tries",
        "try",
        "customers",
        "users",
        "wants",
        "want",
        "failed",
        "fails",
        "due",
        "access",
    ]
    .contains(&before)
        || (before == "want" && at >= 3)
        || before == "access"
}

fn is_noun_here(clause: &Clause, at: usize) -> bool {
    let next = clause.words.get(at + 1).map_or("", |word| word.low.as_str());
    let first = clause.words.get(at).map_or("", |word| word.low.as_str());
    let both =
        ["check", "look", "list", "release", "order", "log", "report", "test", "access", "update", "copy", "note"];
    BE.contains(&next)
        && !(next == "from"
            || next == "of" && !both.contains(&first)
            || next == "things"
            || next == "stuff"
            || next == "access" && first != "get")
}

/// Numbers of pieces and names: *9 appointments*, *terminal 5*, *dermatology room 4*, *Finnish*.
fn named(words: &Words, foreign: bool) -> usize {
    let mut count = 0;
    // A text in capitals throughout names nothing by them.
    let mixed = words.all().any(|word| word.raw.chars().any(char::is_lowercase));
    for clause in &words.clauses {
        for (at, word) in clause.words.iter().enumerate() {
            if word.exact {
                continue;
            }
            let next_is_word = clause.words.get(at + 1).is_some_and(|next| next.low.chars().all(char::is_alphabetic));
            let after_word = at > 0
                && clause
                    .words
                    .get(at - 1)
                    .is_some_and(|word| word.low.chars().all(char::is_alphabetic) && word.low.len() > 2);
            let piece = word.number() && (next_is_word || after_word) && !words::is_time_or_amount(&word.low);
            let name = !foreign
                && (at > 0 || !clause.opens)
                && word.raw.chars().next().is_some_and(char::is_uppercase)
                && word.raw.len() > 1
                && word.raw.chars().skip(1).any(char::is_lowercase)
                && !["I'm", "I'd", "I'll", "Please", "Thanks", "Sam", "Hi"].contains(&word.raw.as_str());
            let short = !foreign
                && word.raw.len() >= 2
                && word.raw.len() <= 6
                && word.raw.chars().all(|ch| ch.is_ascii_uppercase())
                && !lexicon::HASTE.contains(&word.low)
                && mixed;
            count += usize::from(piece || name || short);
        }
    }
    count
}

/// *Who deployed basket, and when?*: a question that one fact answers names what it is about.
fn asks_one_fact(clause: &Clause) -> bool {
    let first = clause.words.first().map_or("", |word| word.low.as_str());
    let second = clause.words.get(1).map_or("", |word| word.low.as_str());
    let asks =
        ["who", "which", "when"].contains(&first) || first == "how" && ["many", "much", "long"].contains(&second);
    asks && clause.asks && clause.words.len() > 3
}

/// *find out why …*, *see whether …*: a question without its mark.
fn indirect(words: &Words) -> bool {
    words
        .has(&[
            "why",
            "whether",
            "see if",
            "check if",
            "look if",
            "look whether",
            "how many",
            "how long",
            "how much",
            "since when",
            "which of",
            "find out which",
            "who opened",
            "who changed",
            "see which",
            "tell which",
            "name its",
            "from which",
            "warum",
            "ob",
            "wie viele",
            "pourquoi",
            "combien",
            "por qué",
            "cuántas",
            "cuántos",
            "perché",
            "quanti",
            "quante",
            "por que",
            "quantos",
            "waarom",
            "hoeveel",
            "dlaczego",
            "почему",
            "сколько",
            "なぜ",
            "か",
        ])
        .is_some()
}

//! Words: a text cut into clauses and words, once, with how each was written.
//!
//! Bounded: no more than [`MOST`] words are looked at, whatever comes in.

/// So many words are looked at.
pub const MOST: usize = 800;
/// A longer run of letters is no word.
const LONGEST: usize = 80;

/// One word as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// In lower case, without punctuation around it.
    pub low: String,
    /// As written, without punctuation around it.
    pub raw: String,
    /// Whether it names one thing: a number of an order, a host, a path, something in quotes.
    pub exact: bool,
}

impl Word {
    /// Whether it begins with a digit or holds one.
    pub fn digits(&self) -> usize {
        self.low.chars().filter(char::is_ascii_digit).count()
    }

    /// Whether it is a number and nothing else.
    pub fn number(&self) -> bool {
        self.digits() > 0 && self.low.chars().all(|ch| ch.is_ascii_digit() || matches!(ch, '.' | ',' | '\''))
    }
}

/// Some words between two marks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Clause {
    /// Its words.
    pub words: Vec<Word>,
    /// Whether a question mark ends it.
    pub asks: bool,
    /// Whether a sentence begins here.
    pub opens: bool,
}

/// A text in clauses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    /// In order; never an empty one.
    pub clauses: Vec<Clause>,
    /// In lower case, with single spaces, a space at both ends.
    pub flat: String,
    /// Which pairs of letters stand in it.
    pairs: Pairs,
}

/// Which pairs of bytes stand in a text, roughly: one that is not here does not, so that most of the hundreds of phrases that
/// are looked for need no looking.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Pairs([u64; 16]);

impl Pairs {
    fn of(text: &str) -> Self {
        let mut pairs = Self::default();
        for pair in text.as_bytes().windows(2) {
            let (word, bit) = Self::place(pair);
            if let Some(word) = pairs.0.get_mut(word) {
                *word |= bit;
            }
        }
        pairs
    }

    fn place(pair: &[u8]) -> (usize, u64) {
        let mixed = pair.iter().fold(0, |mixed: usize, byte| mixed.wrapping_mul(37).wrapping_add(usize::from(*byte)));
        (mixed / 64 % 16, 1 << (mixed % 64))
    }

    /// Whether all pairs of this phrase are in it: without that it cannot stand there.
    fn may_hold(&self, phrase: &str) -> bool {
        phrase.as_bytes().windows(2).all(|pair| {
            let (word, bit) = Self::place(pair);
            self.0.get(word).is_some_and(|word| word & bit != 0)
        })
    }
}

impl Words {
    /// Cuts a text.
    pub fn of(text: &str) -> Self {
        let mut out = Self { clauses: Vec::new(), flat: " ".to_owned(), pairs: Pairs::default() };
        let mut clause = Clause { opens: true, ..Clause::default() };
        let mut quoted = false;
        let mut count = 0;
        for line in text.lines() {
            for piece in line.split_whitespace() {
                count += 1;
                if count > MOST {
                    break;
                }
                let opens = piece.starts_with(['"', '“', '„', '«', '‘', '`', '\'']);
                let bare = piece.trim_matches(is_around);
                let closes = piece
                    .trim_end_matches(['.', ',', ';', ':', '!', '?', ')'])
                    .ends_with(['"', '”', '“', '»', '’', '`', '\''])
                    && (quoted || opens);
                if !bare.is_empty() && bare.len() <= LONGEST * 4 {
                    let raw: String = bare.chars().take(LONGEST).collect();
                    let low = raw.to_lowercase();
                    let low = if low.contains('’') { low.replace('’', "'") } else { low };
                    let exact = quoted || (opens && bare.chars().count() > 1) || names_one(&raw);
                    out.flat.push_str(&low);
                    out.flat.push(' ');
                    clause.words.push(Word { low, raw, exact });
                } else if is_dash(piece) {
                    out.cut(&mut clause, false);
                }
                quoted = (quoted || opens) && !closes;
                let asks = piece.contains('?') && !bare.contains('?');
                let ends = piece.trim_end_matches(['"', '”', '»', ')', '\'']);
                if piece.starts_with('(') && clause.words.len() > 1 {
                    let inner = clause.words.pop();
                    out.cut(&mut clause, false);
                    clause.words.extend(inner);
                }
                let sentence = ends.ends_with(['.', '!', '?', '。', '！', '？', '…']);
                if sentence || ends.ends_with([',', ';', ':', '：', '、', '，']) || piece.ends_with(')') {
                    clause.asks |= asks;
                    out.cut(&mut clause, sentence);
                }
            }
            out.cut(&mut clause, true);
        }
        out.pairs = Pairs::of(&out.flat);
        out
    }

    fn holds(&self, phrase: &str) -> bool {
        self.pairs.may_hold(phrase) && stands_in(&self.flat, phrase)
    }

    fn cut(&mut self, clause: &mut Clause, sentence: bool) {
        let opens = sentence;
        if clause.words.is_empty() {
            clause.opens |= opens;
            return;
        }
        self.clauses.push(std::mem::replace(clause, Clause { opens, ..Clause::default() }));
    }

    /// All words.
    pub fn all(&self) -> impl Iterator<Item = &Word> {
        self.clauses.iter().flat_map(|clause| &clause.words)
    }

    /// How many words.
    pub fn count(&self) -> usize {
        self.clauses.iter().map(|clause| clause.words.len()).sum()
    }

    /// Whether one of these phrases stands in it, at word borders; the first that does.
    pub fn has<'a>(&self, phrases: &[&'a str]) -> Option<&'a str> {
        phrases.iter().copied().find(|phrase| self.holds(phrase))
    }

    /// How many of these phrases stand in it.
    pub fn many(&self, phrases: &[&str]) -> usize {
        phrases.iter().filter(|phrase| self.holds(phrase)).count()
    }
}

/// Whether a phrase stands in a flat text at word borders. Scripts without spaces have no such borders.
pub fn stands_in(flat: &str, phrase: &str) -> bool {
    if phrase.chars().any(|ch| ch > '\u{2e00}') {
        return flat.contains(phrase);
    }
    flat.match_indices(phrase).any(|(at, found)| {
        let border = |ch: Option<char>| ch.is_none_or(|ch| !ch.is_alphanumeric());
        let before = flat.get(..at).and_then(|before| before.chars().next_back());
        let after = flat.get(at + found.len()..).and_then(|after| after.chars().next());
        border(before) && border(after)
    })
}

fn is_around(ch: char) -> bool {
    !ch.is_alphanumeric() && !matches!(ch, '/' | '*' | '%' | '_' | '#' | '$')
}

fn is_dash(piece: &str) -> bool {
    !piece.is_empty() && piece.chars().all(|ch| matches!(ch, '-' | '–' | '—' | '/' | '+' | '|' | '•' | '*'))
}

/// Whether a word names one thing by the way it is written: `PO-884120`, `co-3`, `/index.html`, `prod_db`, `INT_Q`, `4fX9a`.
fn names_one(raw: &str) -> bool {
    let letters = raw.chars().filter(|ch| ch.is_alphabetic()).count();
    let digits = raw.chars().filter(char::is_ascii_digit).count();
    let inside = raw.trim_matches(|ch: char| !ch.is_alphanumeric());
    if is_time_or_amount(raw) {
        return false;
    }
    let marks = |ch: char| matches!(ch, '_' | '/' | '@' | ':' | '*' | '=' | '#');
    let dotted = inside.contains('.') && letters > 3 && !inside.contains("..");
    let camel = raw.chars().zip(raw.chars().skip(1)).any(|(a, b)| a.is_lowercase() && b.is_uppercase());
    (digits > 0 && letters > 0)
        || (digits > 2 && !inside.contains(['%', ':']))
        || (letters > 1 && inside.contains(marks) && !is_slashed_prose(inside))
        || raw.starts_with('/') && letters > 0
        || dotted
        || (camel && letters > 3)
}

/// `and/or`, `logs/metrics`: two plain words with a slash between them name nothing.
fn is_slashed_prose(inside: &str) -> bool {
    const PROSE: [&str; 26] = [
        "and", "or", "read", "write", "on", "off", "yes", "no", "start", "stop", "in", "out", "up", "down", "login",
        "logout", "he", "she", "logs", "metrics", "view", "edit", "restart", "test", "dev", "prod",
    ];
    inside.split('/').all(|part| PROSE.contains(&part.to_lowercase().as_str()))
}

/// `10:05`, `12.06`, `93%`, `4.2s`, `30min`, `2026`, `v2`-less amounts: they say when or how much, never what.
pub fn is_time_or_amount(raw: &str) -> bool {
    // Nothing that is left out here makes a difference to what follows: it begins with one of those in either case.
    if !raw.starts_with(is_of_amounts) {
        return false;
    }
    let low = raw.to_lowercase();
    let rest = low.trim_start_matches(is_of_amounts);
    let unit = rest.trim_end_matches('%');
    let clock = low.contains(':') || low.matches('.').count() == 1 && low.len() <= 6;
    let year = low.len() == 4 && (low.starts_with("20") || low.starts_with("19")) && unit.is_empty();
    let ip = low.matches('.').count() >= 3;
    let named = [
        "s", "ms", "m", "min", "mins", "h", "hr", "hrs", "d", "k", "gb", "mb", "kb", "tb", "x", "th", "st", "nd", "rd",
        "am", "pm", "k/s", "/s", "€", "$", "eur", "xx",
    ];
    !ip && (named.contains(&unit) || (unit.is_empty() && (low.contains('%') || clock || year)))
}

/// What an amount or a time begins with.
fn is_of_amounts(ch: char) -> bool {
    ch.is_ascii_digit() || matches!(ch, '.' | ',' | ':' | '-' | '–' | '~' | '<' | '>' | '%' | '+' | '/')
}

/// The stem of a word, roughly: enough to see that *rules* and *rule*, *restarting* and *restart* are alike.
pub fn stem(low: &str) -> String {
    let word = low.trim_end_matches("'s");
    if !word.is_ascii() || word.len() < 4 || word.bytes().any(|b| b.is_ascii_digit()) {
        return word.to_owned();
    }
    let mut word = word.to_owned();
    for (end, put) in [("ies", "y"), ("sses", "ss"), ("ing", ""), ("ed", ""), ("es", "e"), ("s", "")] {
        if let Some(base) = word.strip_suffix(end) {
            let kept = base.len() >= 3 && !(end == "s" && base.ends_with('s')) && !(end == "s" && base.ends_with('u'));
            if kept {
                word = format!("{base}{put}");
                break;
            }
        }
    }
    let doubled = word.as_bytes().iter().rev().take(2).collect::<Vec<_>>();
    if let [a, b] = doubled.as_slice()
        && a == b
        && !matches!(a, b'l' | b's' | b'e')
        && word.len() > 3
    {
        word.pop();
    }
    let short = word.strip_suffix('e').filter(|base| base.len() >= 3).map(str::to_owned);
    short.unwrap_or(word)
}

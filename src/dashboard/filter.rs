//! The filter that people type: `who:bo system:orders* ends<15m queue`. Fields are exact, with `*` for anything; words are
//! found loosely. What cannot be understood is said, and nothing of it is guessed.

use super::standing;
use crate::access::{RequestNumber, Status};
use crate::text::instant::{date_of, first_at};
use crate::text::{Instant, Length};
use crate::wire::{ListQuery, RequestView};
use chrono::{Days, NaiveDateTime, NaiveTime};
use chrono_tz::Tz;

/// The fields, for a fault and for the line under the field.
pub const FIELDS: &str = "who: system: role: ticket: task: status: kind: approver: env: from: to: ends< age>";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Who,
    System,
    Role,
    Ticket,
    Task,
    Status,
    Kind,
    Approver,
    Environment,
}

const NAMES: [(&str, Field); 10] = [
    ("who", Field::Who),
    ("system", Field::System),
    ("role", Field::Role),
    ("ticket", Field::Ticket),
    ("task", Field::Task),
    ("status", Field::Status),
    ("is", Field::Status),
    ("kind", Field::Kind),
    ("approver", Field::Approver),
    ("env", Field::Environment),
];

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    /// One of these stands in the field.
    In(Field, Vec<String>),
    /// It ends in less, or in more.
    Ends(bool, Length),
    /// It was filed less, or more, long ago.
    Age(bool, Length),
    /// Filed at this instant or later.
    Since(Instant),
    /// Filed before this instant.
    Before(Instant),
    /// A word, in lower case.
    Word(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    not: bool,
    test: Test,
}

/// A filter that was understood.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    text: String,
    terms: Vec<Term>,
}

/// By whom and when it is looked through.
#[derive(Debug, Clone, Copy)]
pub struct Sight<'a> {
    /// Who `me` is.
    pub me: Option<&'a str>,
    /// The server's time.
    pub now: Instant,
}

impl Filter {
    /// Reads one; dates are days of `zone`. The fault is one sentence.
    pub fn parse(text: &str, zone: Tz) -> Result<Self, String> {
        let terms = tokens(text)?.iter().map(|token| term(token, zone)).collect::<Result<_, _>>()?;
        Ok(Self { text: text.trim().to_owned(), terms })
    }

    /// As it was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it lets everything through.
    pub const fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether a request fits.
    pub fn fits(&self, view: &RequestView, sight: Sight<'_>) -> bool {
        self.terms.iter().all(|term| term.test.holds(view, sight) != term.not)
    }

    /// As [`Filter::fits`], but for the words, which the host looks for in every text.
    pub fn fits_but_words(&self, view: &RequestView, sight: Sight<'_>) -> bool {
        let looked_up = |term: &&Term| !term.not && matches!(term.test, Test::Word(_));
        self.terms.iter().filter(|term| !looked_up(term)).all(|term| term.test.holds(view, sight) != term.not)
    }

    /// When a request fits, or no longer, by time alone.
    pub fn turns(&self, view: &RequestView) -> Vec<Instant> {
        let just_after = |at: Instant| at.plus(Length::from_millis(1));
        self.terms
            .iter()
            .filter_map(|term| match &term.test {
                Test::Ends(_, length) => standing::end(view).map(|end| just_after(end.minus(*length))),
                Test::Age(_, length) => Some(just_after(view.filed_at.plus(*length))),
                _ => None,
            })
            .collect()
    }

    /// What of it the host can look for: the rest is seen to here.
    pub fn query(&self, me: Option<&str>) -> ListQuery {
        let mut query = ListQuery::default();
        let mut words = Vec::new();
        for term in self.terms.iter().filter(|term| !term.not) {
            match &term.test {
                Test::In(Field::Status, wanted) if wanted.iter().all(|word| status(word).is_some()) => {
                    query.status = Some(wanted.join(","));
                }
                Test::In(field, wanted) => {
                    let [one] = wanted.as_slice() else { continue };
                    let plain = !one.contains('*');
                    match field {
                        Field::Who if plain => {
                            query.person = if one == "me" { me.map(ToOwned::to_owned) } else { Some(one.clone()) };
                        }
                        Field::System if plain => query.system = Some(one.clone()),
                        _ => {}
                    }
                }
                Test::Since(at) => query.from = Some(at.to_string()),
                Test::Before(at) => query.to = Some(at.to_string()),
                Test::Word(word) => words.push(word.as_str()),
                Test::Ends(..) | Test::Age(..) => {}
            }
        }
        match words.as_slice() {
            [] => {}
            // A number is that request.
            [one] if number(one).is_some() => query.before = number(one).map(|number| number + 1),
            words => query.search = Some(words.join(" ")),
        }
        query
    }

    /// The one request that it names, if it does.
    pub fn number(&self) -> Option<i64> {
        match self.terms.as_slice() {
            [Term { not: false, test: Test::Word(word) }] => number(word),
            _ => None,
        }
    }
}

fn number(word: &str) -> Option<i64> {
    let digits = word.strip_prefix("nl-").unwrap_or(word);
    (digits.len() <= 15 && digits.chars().all(|ch| ch.is_ascii_digit())).then(|| digits.parse().ok()).flatten()
}

fn status(word: &str) -> Option<Status> {
    serde_json::from_value(serde_json::Value::from(word)).ok()
}

#[derive(Debug)]
struct Token {
    text: String,
    /// It began with a quote: nothing in it is a field.
    quoted: bool,
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut out: Vec<Token> = Vec::new();
    let (mut now, mut open): (Option<Token>, bool) = (None, false);
    for ch in text.chars() {
        match ch {
            '"' => {
                open = !open;
                now.get_or_insert_with(|| Token { text: String::new(), quoted: true });
            }
            ch if ch.is_whitespace() && !open => out.extend(now.take()),
            ch => now.get_or_insert_with(|| Token { text: String::new(), quoted: false }).text.push(ch),
        }
    }
    if open {
        return Err("a quote is open: close it with \"".into());
    }
    out.extend(now);
    out.retain(|token| !token.text.is_empty());
    Ok(out)
}

fn term(token: &Token, zone: Tz) -> Result<Term, String> {
    let word = |text: &str, not| Term { not, test: Test::Word(text.to_lowercase()) };
    if token.quoted {
        return Ok(word(&token.text, false));
    }
    let (not, said) = match token.text.strip_prefix('-').filter(|rest| !rest.is_empty()) {
        Some(rest) => (true, rest),
        None => (false, token.text.as_str()),
    };
    for (sign, less) in [('<', true), ('>', false)] {
        let Some((name, value)) = said.split_once(sign) else { continue };
        let length = || value.parse::<Length>().map_err(|bad| format!("{said}: {bad}"));
        let test = match name {
            "ends" | "left" => Test::Ends(less, length()?),
            "age" => Test::Age(less, length()?),
            _ => return Err(format!("{name:?} is not compared: write ends{sign}15m or age{sign}1h, or quote it")),
        };
        return Ok(Term { not, test });
    }
    let Some((name, value)) = said.split_once(':') else { return Ok(word(said, not)) };
    if value.is_empty() {
        return Err(format!("{name}: wants a value, such as {name}:{}", example(name)));
    }
    if let "from" | "to" = name {
        let day = date_of(value).ok_or_else(|| format!("{said}: write a day as 2026-11-22"))?;
        let day = if name == "to" { day.checked_add_days(Days::new(1)).unwrap_or(day) } else { day };
        let at = first_at(NaiveDateTime::new(day, NaiveTime::MIN), zone);
        return Ok(Term { not, test: if name == "to" { Test::Before(at) } else { Test::Since(at) } });
    }
    let known = NAMES.iter().find(|(known, _)| *known == name);
    let Some((_, field)) = known else {
        return Err(format!("there is no field {name:?}: there are {FIELDS}; or quote it"));
    };
    let wanted: Vec<String> = value.split(',').map(str::to_lowercase).filter(|one| !one.is_empty()).collect();
    if let Some(bad) = wanted.iter().find(|one| *field == Field::Status && !is_status(one)) {
        return Err(format!("{bad:?} is no status: write pending, active, overdue, removed, denied…"));
    }
    Ok(Term { not, test: Test::In(*field, wanted) })
}

fn example(name: &str) -> &'static str {
    match name {
        "system" => "orders*",
        "status" | "is" => "active",
        "from" | "to" => "2026-11-22",
        "ticket" => "INC-88",
        _ => "bo",
    }
}

fn is_status(word: &str) -> bool {
    word == "overdue" || status(word).is_some() || word.contains('*')
}

impl Test {
    fn holds(&self, view: &RequestView, sight: Sight<'_>) -> bool {
        let now = sight.now;
        match self {
            Self::In(field, wanted) => wanted.iter().any(|wanted| field.is(view, wanted, sight)),
            Self::Ends(less, length) => {
                let left = standing::end(view).filter(|_| standing::lives(view, now)).map(|end| end.since(now));
                left.is_some_and(|left| if *less { left < *length } else { left > *length })
            }
            Self::Age(less, length) => {
                let age = now.since(view.filed_at);
                if *less { age < *length } else { age > *length }
            }
            Self::Since(at) => view.filed_at >= *at,
            Self::Before(at) => view.filed_at < *at,
            Self::Word(word) => found(word, view),
        }
    }
}

impl Field {
    fn is(self, view: &RequestView, wanted: &str, sight: Sight<'_>) -> bool {
        let one = |text: &str| like(wanted, text);
        match self {
            Self::Who if wanted == "me" => sight.me.is_some_and(|me| me == view.user.id || me == view.requester.id),
            Self::Who => [&view.user, &view.requester].iter().any(|who| one(&who.id) || one(&who.name)),
            Self::System => one(&view.system),
            Self::Role => one(&view.role),
            Self::Ticket => view.ticket.as_deref().is_some_and(one),
            Self::Task => view.task.as_deref().is_some_and(|task| like(&format!("*{wanted}*"), task)),
            Self::Status if wanted == "overdue" => standing::overdue(view, sight.now),
            Self::Status => one(standing::standing(view, sight.now).word()),
            Self::Kind => one(view.kind.word()),
            Self::Approver => one(&view.approver.id) || one(&view.approver.name),
            Self::Environment => one(&view.environment),
        }
    }
}

/// Whether a text is what was wanted, which is in lower case; `*` is anything.
fn like(wanted: &str, text: &str) -> bool {
    let text = text.to_lowercase();
    let mut parts = wanted.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    rest.ends_with(last)
}

fn found(word: &str, view: &RequestView) -> bool {
    let number = RequestNumber(view.id).to_string();
    let short = [&number, &view.user.id, &view.user.name, &view.system, &view.role];
    short.into_iter().chain(view.ticket.as_ref()).any(|text| fuzzy(word, text).is_some())
        || view.task.as_ref().is_some_and(|task| task.to_lowercase().contains(word))
}

/// How well a text is what somebody types some letters of: nothing if they are not in it in this order, else the lower the
/// better.
pub fn fuzzy(typed: &str, text: &str) -> Option<usize> {
    let (typed, text) = (typed.trim().to_lowercase(), text.to_lowercase());
    if typed == text {
        return Some(0);
    }
    if let Some(at) = text.find(&typed) {
        // The beginning of a word is what people type.
        let begins = text.get(..at).is_none_or(|before| !before.ends_with(char::is_alphanumeric));
        return Some(if at == 0 { 1 } else { 2 + usize::from(!begins) * 10 + at });
    }
    let (mut gaps, mut last) = (0, None);
    let mut letters = text.chars().enumerate();
    for wanted in typed.chars().filter(|ch| !ch.is_whitespace()) {
        let (at, _) = letters.find(|(_, ch)| *ch == wanted)?;
        gaps += last.map_or(at, |last: usize| at - last - 1);
        last = Some(at);
    }
    Some(100 + gaps)
}

#[cfg(test)]
mod tests {
    use super::super::tests::samples::{NOW, active, night, overdue, pending};
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<Filter, String> {
        Filter::parse(text, Tz::Europe__Berlin)
    }

    fn shown(text: &str) -> Vec<i64> {
        let filter = parse(text).unwrap();
        let sight = Sight { me: Some("bo"), now: Instant::parse_rfc3339(NOW).unwrap() };
        let mut rows = night();
        rows.push(overdue());
        rows.into_iter().filter(|view| filter.fits(view, sight)).map(|view| view.id).collect()
    }

    #[test]
    fn fields_words_and_lengths() {
        assert_eq!(shown("who:bo"), [317, 303]);
        assert_eq!(shown("who:me"), [317, 303]);
        assert_eq!(shown("system:orders*"), [317, 301]);
        assert_eq!(shown("who:bo system:orders*"), [317]);
        assert_eq!(shown("ends<15m"), [300, 431]);
        assert_eq!(shown("ends>15m"), [301, 303]);
        assert_eq!(shown("age>5m status:pending"), [312]);
        assert_eq!(shown("status:overdue"), [431]);
        assert_eq!(shown("status:active,ending -who:dee"), [301, 303, 431]);
        assert_eq!(shown("QUEUE"), [312]);
        assert_eq!(shown("\"lock blocks\""), [317]);
        assert_eq!(shown("NL-317"), [317]);
        assert_eq!(shown("pwrk"), [312], "letters in their order");
        assert_eq!(shown("from:2026-11-22 to:2026-11-22 status:pending"), [312, 317, 320]);
        assert_eq!(shown("to:2026-11-21"), [0_i64; 0]);
        assert_eq!(shown(""), [312, 317, 320, 300, 301, 303, 431]);
    }

    #[test]
    fn a_fault_is_said_and_says_how() {
        for (text, part) in [
            ("who:\"bo", "a quote is open"),
            ("ends<soon", "ends<soon"),
            ("who:", "who: wants a value"),
            ("whom:bo", "there is no field \"whom\""),
            ("size<3", "\"size\" is not compared"),
            ("status:lost", "\"lost\" is no status"),
            ("from:yesterday", "write a day"),
        ] {
            let fault = parse(text).unwrap_err();
            assert!(fault.contains(part), "{text}: {fault}");
        }
    }

    #[test]
    fn what_the_host_can_look_for_is_left_to_it() {
        let query = parse("who:bo system:orders-db status:removed,denied lock \"blocks it\"").unwrap().query(None);
        let said = |text: &Option<String>| text.clone().unwrap_or_default();
        assert_eq!((said(&query.person), said(&query.system)), ("bo".into(), "orders-db".into()));
        assert_eq!((said(&query.status), said(&query.search)), ("removed,denied".into(), "lock blocks it".into()));
        let query = parse("system:orders* -who:bo who:me").unwrap().query(Some("ana"));
        assert_eq!((query.system, query.person), (None, Some("ana".into())));
        assert_eq!(parse("NL-317").unwrap().query(None).before, Some(318));
        assert_eq!(parse("NL-317").unwrap().number(), Some(317));
    }

    #[test]
    fn it_says_when_a_row_fits_otherwise() {
        let filter = parse("ends<15m").unwrap();
        let now = Instant::parse_rfc3339(NOW).unwrap();
        let row = active(301, "eli", "orders-db", "read", 2000, 1030);
        let turn = filter.turns(&row)[0];
        let fits = |at: Instant| filter.fits(&row, Sight { me: None, now: at });
        assert!(!fits(now) && !fits(turn.minus(Length::from_millis(1))) && fits(turn));
        assert!(parse("who:bo").unwrap().turns(&row).is_empty());
    }

    #[test]
    fn the_nearest_comes_first() {
        let mut names = ["logs-read", "restart", "payments-worker", "superuser"];
        names.sort_by_key(|name| fuzzy("r", name).unwrap_or(usize::MAX));
        assert_eq!(names[0], "restart");
        assert!(fuzzy("zz", "payments").is_none() && fuzzy("pmt", "payments").is_some());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
            if let Ok(filter) = parse(&text) {
                let view = pending(317, "bo", "orders-db", "read", 60, "Some task");
                let sight = Sight { me: None, now: Instant::parse_rfc3339(NOW).unwrap() };
                let _ = (filter.fits(&view, sight), filter.query(None), fuzzy(&text, "orders-db"));
            }
        }
    }
}

//! Whether the terminal's background is light: it is asked (OSC 11), and nobody waits for the answer.
//!
//! The first frame is drawn as the environment says, and once more if the answer says otherwise. An answer comes as if it were
//! typed, whenever it comes, so it is picked out of what is typed: no piece of it may ever be taken for a key.

use super::model::{Colours, Model, Options};
use super::msg::Msg;
use super::run::message;
use super::theme::Look;
use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// The question.
pub const ASK: &str = "\x1b]11;?\x1b\\";
/// No answer has more characters.
const LONGEST: usize = 40;
/// What every answer begins with.
const BEGINS: &str = "11;rgb";
/// From this brightness on a background is light.
const LIGHT: f64 = 0.5;

/// Whether the terminal is to be asked: it shows colours, nobody said how it looks, and it is none of those that print what
/// they do not know.
pub fn is_wanted(options: &Options) -> bool {
    let said = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
    let old = said("TERM").is_none_or(|term| term == "linux" || term.starts_with("vt"));
    options.theme.is_none() && options.colours != Colours::None && said("COLORFGBG").is_none() && !old
}

impl Model {
    /// The terminal said what its background is like.
    pub fn shows_on(&mut self, light: bool) {
        self.options.light = light;
        if self.options.theme.is_none()
            && let Some(look) = Look::named(None, light, self.options.colours, self.options.ascii)
        {
            self.look = look;
        }
    }
}

/// Picks the answer out of what is typed.
#[derive(Debug, Default)]
pub struct Sieve {
    /// What may be the beginning of an answer.
    held: Vec<Event>,
    /// Its characters.
    text: String,
    /// Escape came last, alone: an answer may have been torn there.
    torn: bool,
}

impl Sieve {
    /// What one event comes to.
    pub fn take(&mut self, event: Event) -> Vec<Msg> {
        let key = match &event {
            Event::Key(key) if key.kind == KeyEventKind::Press => Some(*key),
            _ => None,
        };
        if self.held.is_empty() {
            let torn = std::mem::replace(&mut self.torn, key.is_some_and(|key| key.code == KeyCode::Esc));
            if key.is_some_and(|key| begins(key, torn)) {
                self.held.push(event);
                return Vec::new();
            }
            return vec![message(event)];
        }
        if let Some(key) = key {
            if ends(key) && self.text.starts_with(BEGINS) {
                self.held.clear();
                return brightness(&std::mem::take(&mut self.text))
                    .map(|bright| Msg::Background { light: bright >= LIGHT })
                    .into_iter()
                    .collect();
            }
            if let KeyCode::Char(ch) = key.code
                && !key.modifiers.intersects(KeyModifiers::ALT | KeyModifiers::CONTROL)
            {
                self.text.push(ch);
                if fits(&self.text) {
                    self.held.push(event);
                    return Vec::new();
                }
            }
        }
        // Somebody typed this.
        self.text.clear();
        self.held.drain(..).chain([event]).map(message).collect()
    }
}

fn begins(key: KeyEvent, torn: bool) -> bool {
    key.code == KeyCode::Char(']') && (torn || key.modifiers.contains(KeyModifiers::ALT))
}

fn ends(key: KeyEvent) -> bool {
    let (alt, ctrl) = (key.modifiers.contains(KeyModifiers::ALT), key.modifiers.contains(KeyModifiers::CONTROL));
    (key.code == KeyCode::Char('\\') && alt) || (key.code == KeyCode::Char('g') && ctrl) || key.code == KeyCode::Esc
}

fn fits(text: &str) -> bool {
    let rest = text.strip_prefix(BEGINS);
    BEGINS.starts_with(text)
        || (text.len() <= LONGEST
            && rest.is_some_and(|rest| rest.chars().all(|ch| ch.is_ascii_hexdigit() || ":/".contains(ch))))
}

/// How bright `11;rgb:ffff/ffff/ffff` is, from 0 to 1.
fn brightness(text: &str) -> Option<f64> {
    let (_, colour) = text.split_once(':')?;
    let mut parts = colour.split('/').map(|part| {
        let most = 16_u32.checked_pow(u32::try_from(part.len()).ok()?)?.checked_sub(1).filter(|most| *most > 0)?;
        Some(f64::from(u32::from_str_radix(part, 16).ok()?) / f64::from(most))
    });
    let (r, g, b) = (parts.next()??, parts.next()??, parts.next()??);
    Some(0.299 * r + 0.587 * g + 0.114 * b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn char(ch: char, modifiers: KeyModifiers) -> Event {
        Event::Key(KeyEvent::new(KeyCode::Char(ch), modifiers))
    }

    fn answer(text: &str) -> Vec<Event> {
        let mut events = vec![char(']', KeyModifiers::ALT)];
        events.extend(text.chars().map(|ch| char(ch, KeyModifiers::NONE)));
        events.push(char('\\', KeyModifiers::ALT));
        events
    }

    fn sifted(events: Vec<Event>) -> Vec<String> {
        let mut sieve = Sieve::default();
        let told = events.into_iter().flat_map(|event| sieve.take(event)).map(|msg| match msg {
            Msg::Background { light } => if light { "light" } else { "dark" }.to_owned(),
            Msg::Key(key) => match key.code {
                KeyCode::Char(ch) => ch.to_string(),
                code => format!("{code:?}"),
            },
            other => format!("{other:?}"),
        });
        told.collect()
    }

    #[test]
    fn an_answer_is_heard_and_no_piece_of_it_is_a_key() {
        for (text, says) in [
            ("11;rgb:ffff/ffff/ffff", vec!["light"]),
            ("11;rgb:fd/f6/e3", vec!["light"]),
            ("11;rgba:0000/2b2b/3636/ffff", vec!["dark"]),
            ("11;rgb:1e1e/1e1e/1e1e", vec!["dark"]),
            ("11;rgb:f/f/f", vec!["light"]),
            ("11;rgb:", vec![]),
            ("11;rgb:zz", vec!["]", "1", "1", ";", "r", "g", "b", ":", "z", "z", "\\"]),
        ] {
            assert_eq!(sifted(answer(text)), says, "{text}");
        }
        // Ended by a bell, and torn after its escape.
        let mut events = answer("11;rgb:ffff/ffff/ffff");
        events.pop();
        events.push(char('g', KeyModifiers::CONTROL));
        events[0] = char(']', KeyModifiers::NONE);
        events.insert(0, Event::Key(KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE)));
        assert_eq!(sifted(events), ["Esc", "light"]);
    }

    #[test]
    fn what_somebody_types_comes_through_whole() {
        let typed: Vec<Event> = "a]11;rgb".chars().map(|ch| char(ch, KeyModifiers::NONE)).collect();
        assert_eq!(sifted(typed).concat(), "a]11;rgb");
        let mut typed = vec![char(']', KeyModifiers::ALT)];
        typed.extend("12".chars().map(|ch| char(ch, KeyModifiers::NONE)));
        assert_eq!(sifted(typed).concat(), "]12");
        let mut typed = answer("11;rg");
        typed.insert(3, Event::FocusLost);
        assert_eq!(sifted(typed)[0..3], ["]", "1", "1"]);
    }
}

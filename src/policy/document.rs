//! TOML files with the line of everything in them, read in pieces, so that one fault does not hide the next.
//!
//! Also reads the files of `config/`. Opens no file itself: it is given texts.

use super::faults::{Fault, one_of};
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The most faults that are told of one file's grammar, or of one table.
const MOST: usize = 25;

/// One or several TOML files, merged.
#[derive(Debug, Default)]
pub struct Document<'a> {
    files: Vec<(&'a str, Lines)>,
    root: BTreeMap<String, Entry<'a>>,
    sections: BTreeMap<&'static str, BTreeMap<String, Entry<'a>>>,
    places: HashMap<String, (usize, usize)>,
    faults: Vec<Fault>,
}

/// A value and the file that it stands in.
type Entry<'a> = (usize, Spanned<DeValue<'a>>);

/// Where the lines of a text begin.
#[derive(Debug)]
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect())
    }
    fn line(&self, at: usize) -> usize {
        self.0.partition_point(|begin| *begin <= at)
    }
}

impl<'a> Document<'a> {
    /// Reads all files. The tables named in `sections` are merged entry by entry; everything else, and every entry, may
    /// stand in one file only.
    pub fn parse(files: impl IntoIterator<Item = (&'a str, &'a str)>, sections: &[&'static str]) -> Self {
        let mut document = Self::default();
        for (name, text) in files {
            let file = document.files.len();
            document.files.push((name, Lines::of(text)));
            let (root, errors) = DeTable::parse_recoverable(text);
            for error in errors.iter().take(MOST) {
                let line = document.line(file, error.span());
                let sentence = format!("this is not TOML: {}", error.message());
                document.faults.push(Fault::new(name, line, &sentence, "mend the line, then check again"));
            }
            document.merge(file, root.into_inner(), sections);
        }
        document
    }

    fn merge(&mut self, file: usize, root: DeTable<'a>, sections: &[&'static str]) {
        for (key, value) in root {
            let span = key.span();
            let key = key.into_inner().into_owned();
            let section = sections.iter().find(|section| **section == key);
            let Some(section) = section.filter(|_| value.get_ref().is_table()) else {
                if self.note(file, &[&key], span, &value) {
                    self.root.insert(key, (file, value));
                }
                continue;
            };
            let DeValue::Table(table) = value.into_inner() else { continue };
            let line = self.line(file, Some(span));
            self.places.entry(key).or_insert((file, line));
            for (name, value) in table {
                let span = name.span();
                let name = name.into_inner().into_owned();
                if self.note(file, &[section, &name], span, &value) {
                    self.sections.entry(section).or_default().insert(name, (file, value));
                }
            }
        }
    }

    /// Writes down where a key and all below it stand; false, with a fault, where the key stood already.
    fn note(&mut self, file: usize, path: &[&str], key: Range<usize>, value: &Spanned<DeValue<'_>>) -> bool {
        let line = self.line(file, Some(key));
        let place = path.join("\u{1f}");
        if let Some((other, there)) = self.places.get(&place).copied() {
            let there = format!("{}:{there}", self.name(other));
            let sentence = format!("{} stands in {there} already", path.join("."));
            self.faults.push(Fault::new(self.name(file), line, &sentence, "keep one of the two"));
            return false;
        }
        self.places.insert(place.clone(), (file, line));
        self.note_below(file, &place, value);
        true
    }

    fn note_below(&mut self, file: usize, place: &str, value: &Spanned<DeValue<'_>>) {
        match value.get_ref() {
            DeValue::Table(table) => {
                for (key, value) in table {
                    let place = format!("{place}\u{1f}{}", key.get_ref());
                    let line = self.line(file, Some(key.span()));
                    self.places.insert(place.clone(), (file, line));
                    self.note_below(file, &place, value);
                }
            }
            DeValue::Array(values) => {
                for (at, value) in values.iter().enumerate() {
                    let place = format!("{place}\u{1f}{at}");
                    let line = self.line(file, Some(value.span()));
                    self.places.insert(place.clone(), (file, line));
                    self.note_below(file, &place, value);
                }
            }
            _ => {}
        }
    }

    fn line(&self, file: usize, span: Option<Range<usize>>) -> usize {
        let (Some((_, lines)), Some(span)) = (self.files.get(file), span) else { return 0 };
        lines.line(span.start)
    }

    fn name(&self, file: usize) -> &'a str {
        self.files.get(file).map_or("", |(name, _)| name)
    }

    /// File and line of a path, or of the nearest table around it.
    pub fn place(&self, path: &[&str]) -> (&'a str, usize) {
        let found = (1..=path.len()).rev().find_map(|length| {
            let path = path.get(..length)?.join("\u{1f}");
            self.places.get(&path)
        });
        found.map_or((self.name(0), 0), |(file, line)| (self.name(*file), *line))
    }

    /// The number of the file that a path stands in; the main file is 0.
    pub fn file_of(&self, path: &[&str]) -> Option<usize> {
        self.places.get(&path.join("\u{1f}")).map(|(file, _)| *file)
    }

    /// A fault at a path.
    pub fn fault(&self, path: &[&str], sentence: &str, cure: &str) -> Fault {
        let (file, line) = self.place(path);
        Fault::new(file, line, sentence, cure)
    }

    /// The names of a section's entries.
    pub fn names(&self, section: &str) -> Vec<String> {
        self.sections.get(section).map(|entries| entries.keys().cloned().collect()).unwrap_or_default()
    }

    /// One entry of a section; what does not fit is a fault and left out.
    pub fn entry<T: DeserializeOwned>(&mut self, section: &str, name: &str) -> Option<T> {
        let (file, value) = self.sections.get(section)?.get(name)?.clone();
        self.peel(file, value, &[section, name])
    }

    /// Everything that stands in no section; what does not fit is a fault and left out.
    pub fn top<T: DeserializeOwned + Default>(&mut self) -> T {
        let mut sound = DeTable::new();
        // Each key by itself, because the spans of several files overlap.
        for (key, (file, value)) in self.root.clone() {
            let span = value.span();
            let mut alone = DeTable::new();
            alone.insert(Spanned::new(span.clone(), key.into()), value);
            let mut alone = Spanned::new(span, DeValue::Table(alone));
            if self.peel_in_place::<T>(file, &mut alone, &[]).is_some()
                && let DeValue::Table(alone) = alone.into_inner()
            {
                sound.extend(alone);
            }
        }
        let whole = Spanned::new(0..0, DeValue::Table(sound));
        T::deserialize(toml::de::ValueDeserializer::from(whole)).unwrap_or_default()
    }

    fn peel<T: DeserializeOwned>(&mut self, file: usize, value: Spanned<DeValue<'a>>, path: &[&str]) -> Option<T> {
        let mut value = value;
        self.peel_in_place(file, &mut value, path)
    }

    /// Reads a value; what does not fit becomes a fault, is taken out, and the rest is read again.
    fn peel_in_place<T: DeserializeOwned>(
        &mut self,
        file: usize,
        value: &mut Spanned<DeValue<'a>>,
        path: &[&str],
    ) -> Option<T> {
        for _ in 0..MOST {
            let error = match T::deserialize(toml::de::ValueDeserializer::from(value.clone())) {
                Ok(read) => return Some(read),
                Err(error) => error,
            };
            let mut place: Vec<String> = path.iter().map(|part| (*part).to_owned()).collect();
            let taken = error.span().is_some_and(|span| take_out(value, &span, &mut place));
            let line = self.line(file, error.span());
            let (sentence, cure) = say(&place, error.message());
            self.faults.push(Fault::new(self.name(file), line, &sentence, &cure));
            if !taken {
                return None;
            }
        }
        None
    }

    /// The faults so far; they are handed over.
    pub fn take_faults(&mut self) -> Vec<Fault> {
        std::mem::take(&mut self.faults)
    }
}

/// Takes the innermost value out whose key or value stands at `span`, and adds its path to `place`.
fn take_out(value: &mut Spanned<DeValue<'_>>, span: &Range<usize>, place: &mut Vec<String>) -> bool {
    let holds = |own: Range<usize>| own.start <= span.start && span.start < own.end.max(own.start + 1);
    match value.get_mut() {
        DeValue::Table(table) => {
            let mut found = None;
            for (key, value) in table.iter_mut() {
                place.push(key.get_ref().clone().into_owned());
                if take_out(value, span, place) {
                    return true;
                }
                if holds(key.span()) || holds(value.span()) {
                    found = Some(key.clone());
                    break;
                }
                place.pop();
            }
            found.is_some_and(|key| table.remove(&key).is_some())
        }
        DeValue::Array(values) => {
            let mut found = None;
            for (at, value) in values.iter_mut().enumerate() {
                place.push(at.to_string());
                if take_out(value, span, place) {
                    return true;
                }
                if holds(value.span()) {
                    found = Some(at);
                    break;
                }
                place.pop();
            }
            let Some(found) = found else { return false };
            let kept = values.iter().enumerate().filter(|(at, _)| *at != found);
            *values = kept.map(|(_, value)| value.clone()).collect();
            true
        }
        _ => false,
    }
}

/// Serde's message as a sentence and a cure.
fn say(place: &[String], message: &str) -> (String, String) {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let known = || message.split('`').skip(3).step_by(2);
    let around = |place: &[String]| match place.split_last() {
        Some((_, [])) | None => "at the top".to_owned(),
        Some((_, table)) => format!("in [{}]", table.join(".")),
    };
    if message.starts_with("unknown field") {
        let key = quoted.next().unwrap_or_default();
        return (format!("unknown key {key} {}", around(place)), one_of(key, known(), "take it out"));
    }
    let name = place.join(".");
    if message.starts_with("unknown variant") {
        let word = quoted.next().unwrap_or_default();
        return (format!("{name} says {word}, which is not known"), one_of(word, known(), "take it out"));
    }
    let cure = [
        ("expected a string", "put it in double quotes"),
        ("expected a boolean", "write true or false, without quotes"),
        ("expected a sequence", "write a list, such as [\"a\", \"b\"]"),
        ("expected u", "write a whole number, without quotes"),
        ("expected struct", "write it as a table, such as [people.ana]"),
        ("expected a map", "write it as a table"),
    ];
    let cure =
        cure.iter().find(|(says, _)| message.contains(says)).map_or("see the guide in config/README.md", |c| c.1);
    (format!("{name} cannot be read: {message}"), cure.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields, default)]
    struct Thing {
        name: Option<String>,
        count: Option<u32>,
        parts: Vec<Thing>,
        tags: Vec<String>,
    }

    #[test]
    fn every_fault_of_an_entry_is_told_with_its_line() {
        let text = "[things.a]\nname = 5\ncuont = 1\ncount = \"x\"\ntags = [\"a\", 1, \"b\"]\n\
            [[things.a.parts]]\nname = \"p\"\nnmae = \"q\"\n[[things.a.parts]]\ncount = -1\n";
        let mut document = Document::parse([("t.toml", text)], &["things"]);
        let thing: Thing = document.entry("things", "a").unwrap();
        assert_eq!(thing.parts.len(), 2);
        assert_eq!(thing.tags, ["a", "b"]);
        let mut faults: Vec<String> = document.take_faults().iter().map(ToString::to_string).collect();
        faults.sort();
        assert_eq!(
            faults,
            [
                "t.toml:10: things.a.parts.1.count cannot be read: invalid value: integer `-1`, expected u32; write a whole number, without quotes",
                "t.toml:2: things.a.name cannot be read: invalid type: integer `5`, expected a string; put it in double quotes",
                "t.toml:3: unknown key cuont in [things.a]; did you mean count?",
                "t.toml:4: things.a.count cannot be read: invalid type: string \"x\", expected u32; write a whole number, without quotes",
                "t.toml:5: things.a.tags.1 cannot be read: invalid type: integer `1`, expected a string; put it in double quotes",
                "t.toml:8: unknown key nmae in [things.a.parts.0]; did you mean name?",
            ]
        );
    }

    #[test]
    fn the_same_table_in_two_files_names_both() {
        let files = [("a.toml", "name = \"x\"\n[things.a]\n"), ("b.toml", "\nname = \"y\"\n[things.b]\n[things.a]\n")];
        let mut document = Document::parse(files, &["things"]);
        assert_eq!(document.names("things"), ["a", "b"]);
        assert_eq!(document.top::<Thing>().name.as_deref(), Some("x"));
        assert_eq!(document.place(&["things", "b", "nothing"]), ("b.toml", 3));
        let faults: Vec<String> = document.take_faults().iter().map(ToString::to_string).collect();
        assert_eq!(
            faults,
            [
                "b.toml:2: name stands in a.toml:1 already; keep one of the two",
                "b.toml:4: things.a stands in a.toml:2 already; keep one of the two"
            ]
        );
    }

    #[test]
    fn what_is_not_toml_is_told_with_its_line() {
        let mut document = Document::parse([("a.toml", "name = \"x\"\nb = \n[c\n")], &[]);
        let faults = document.take_faults();
        assert_eq!(faults.iter().map(|fault| fault.line).collect::<std::collections::BTreeSet<_>>(), [2, 3].into());
    }
}

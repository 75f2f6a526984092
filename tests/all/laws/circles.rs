//! Which file takes what from which: an arrow for each name, followed through `pub use` to the file that has it.
//!
//! A file may take what the face of its own folder has: the contract of its family, or the type that it adds to. The face
//! knows its files, so that arrow makes no circle; every other one counts.

use super::source::{Source, unfold};
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::LazyLock;

/// A file by its place among the sources.
type File = usize;

/// The circles among `sources`, each told once, by a shortest way round it.
pub fn circles(sources: &[Source]) -> Vec<String> {
    let sources: Vec<&Source> = sources.iter().filter(|source| !source.is_test()).collect();
    let arrows = arrows(&sources);
    let (mut told, mut found) = (BTreeSet::<File>::new(), Vec::new());
    for start in 0..sources.len() {
        if told.contains(&start) {
            continue;
        }
        let Some(way) = way_round(start, &arrows) else { continue };
        told.extend(&way);
        let line = way.get(1).and_then(|next| arrows[&start].get(next)).copied().unwrap_or(1);
        let names: Vec<&str> = way.iter().map(|file| sources[*file].path.as_str()).collect();
        found.push(format!(
            "src/{}:{line}: a circle of files, {}: give what both ends need a file below them",
            sources[start].path,
            names.join(" -> ")
        ));
    }
    found
}

/// What each file takes from which others, with the first line on which it does.
fn arrows(sources: &[&Source]) -> BTreeMap<File, BTreeMap<File, usize>> {
    let modules: BTreeMap<String, File> =
        sources.iter().enumerate().map(|(file, source)| (source.module_path(), file)).collect();
    let handed_on: Vec<BTreeMap<String, String>> = sources.iter().map(|source| handed_on(source, &modules)).collect();
    let mut arrows: BTreeMap<File, BTreeMap<File, usize>> = BTreeMap::new();
    for (file, source) in sources.iter().enumerate() {
        let own = arrows.entry(file).or_default();
        let shown: BTreeSet<&String> = handed_on[file].values().collect();
        for name in source.names() {
            let path = from_crate(source, &name.path, &modules);
            // A face that only hands a name on takes nothing.
            if !shown.contains(&path)
                && let Some(other) = home(&path, &modules, &handed_on)
                && other != file
                && !is_below(&source.path, &sources[other].path)
            {
                let line = own.entry(other).or_insert(name.line);
                *line = name.line.min(*line);
            }
        }
    }
    arrows
}

/// Whether a file lies below a face.
fn is_below(file: &str, face: &str) -> bool {
    face.strip_suffix("mod.rs").is_some_and(|folder| file.starts_with(folder))
}

/// A path as it is called from the crate: one that begins with a module below this file is below it.
fn from_crate(source: &Source, path: &str, modules: &BTreeMap<String, File>) -> String {
    let first = path.split("::").next().unwrap_or_default();
    let below = format!("{}::{first}", source.module_path());
    if modules.contains_key(&below) { format!("{}::{path}", source.module_path()) } else { path.to_owned() }
}

/// What a file hands on by `pub use`: the name that it gets there, and where it is from.
fn handed_on(source: &Source, modules: &BTreeMap<String, File>) -> BTreeMap<String, String> {
    static HANDED: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(?s)\bpub(?:\s*\([^)]*\))?\s+use\s+([^;]+);").unwrap());
    let text = source.code.join("\n");
    let paths = HANDED.captures_iter(&text).flat_map(|found| unfold(found.get(1).unwrap().as_str()));
    let paths = paths.map(|(_, path)| from_crate(source, &source.resolve(&path), modules));
    paths.map(|path| (path.rsplit("::").next().unwrap_or_default().to_owned(), path)).collect()
}

/// The file that has what a path names.
fn home(path: &str, modules: &BTreeMap<String, File>, handed_on: &[BTreeMap<String, String>]) -> Option<File> {
    let mut path = path.to_owned();
    // Nothing is handed on more often.
    for _ in 0..8 {
        let mut module = path.as_str();
        while !modules.contains_key(module) {
            module = module.rsplit_once("::")?.0;
        }
        let file = modules[module];
        let item = path[module.len()..].trim_start_matches("::").split("::").next().unwrap_or_default();
        match handed_on[file].get(item) {
            Some(from) if *from != path => path = from.clone(),
            _ => return Some(file),
        }
    }
    None
}

/// The shortest way from a file along the arrows back to itself.
fn way_round(start: File, arrows: &BTreeMap<File, BTreeMap<File, usize>>) -> Option<Vec<File>> {
    let mut from: BTreeMap<File, File> = BTreeMap::new();
    let mut next = VecDeque::from([start]);
    while let Some(file) = next.pop_front() {
        for other in arrows.get(&file).into_iter().flat_map(BTreeMap::keys) {
            if *other == start {
                let mut way = vec![start, file];
                while way.last() != Some(&start) {
                    way.push(from[way.last()?]);
                }
                if file == start {
                    way.pop();
                }
                way.reverse();
                return Some(way);
            }
            if !from.contains_key(other) {
                from.insert(*other, file);
                next.push_back(*other);
            }
        }
    }
    None
}

#[test]
fn a_circle_is_found_through_faces() {
    let house =
        |files: &[(&str, &str)]| circles(&files.iter().map(|(path, text)| Source::new(path, text)).collect::<Vec<_>>());
    let found = house(&[
        ("a/mod.rs", "mod one;\nmod two;\npub use one::{One, other};\npub use two::Two;"),
        ("a/one.rs", "use super::two::Two;"),
        ("a/two.rs", "fn f() {}\nuse crate::a::One;"),
        ("b.rs", "use crate::a::{One, Two};"),
    ]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("src/a/one.rs:1: a circle of files, a/one.rs -> a/two.rs -> a/one.rs: "), "{found:?}");
    let found = house(&[
        ("a/mod.rs", "mod b;\nmod c;\npub struct A;"),
        ("a/b/mod.rs", "mod one;\npub struct B;\nfn f() { one::g(); }"),
        ("a/b/one.rs", "use super::super::A;\nuse super::B;\nfn g() { crate::a::c::h(); }"),
        ("a/c.rs", "use super::b::B;"),
    ]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains(" a/b/mod.rs -> a/b/one.rs -> a/c.rs -> a/b/mod.rs: "), "the face of others: {found:?}");
    let found = house(&[
        ("a/mod.rs", "mod one;\nmod two;\npub use one::One;\npub use two::Two;"),
        ("a/one.rs", "#[cfg(test)]\nmod tests {\n    use super::super::Two;\n}"),
        ("a/two.rs", "use super::One;"),
        ("a/two/tests.rs", "use crate::a::{One, Two};"),
    ]);
    assert_eq!(found, [""; 0]);
}

//! Sources as the laws read them: code without comments, without the text of strings, without what is for tests only.

use regex::Regex;
use std::path::Path;
use std::sync::LazyLock;

/// One source file.
pub struct Source {
    /// From `src` on, such as `store/write.rs`.
    pub path: String,
    /// The same of its module; another one where `#[path]` names the file.
    module: String,
    /// How many lines the file has, comments and tests included.
    pub length: usize,
    /// The code, line for line as in the file.
    pub code: Vec<String>,
}

/// A path that the code names, such as `crate::text::Length`, and the line on which it does.
pub struct Named {
    pub line: usize,
    pub path: String,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        let mut code: Vec<String> = code_only(text).lines().map(str::to_owned).collect();
        blank_tests(&mut code);
        Self { path: path.to_owned(), module: path.to_owned(), length: text.lines().count(), code }
    }

    /// All sources beneath a folder, sorted.
    pub fn all(root: &Path) -> Vec<Self> {
        let mut found = Vec::new();
        let mut moved: Vec<(String, String)> = Vec::new();
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|ending| ending == "rs") {
                    let text = std::fs::read_to_string(&path).unwrap();
                    let path = path.strip_prefix(root).unwrap().to_str().unwrap();
                    moved.extend(moves(path, &text));
                    found.push(Self::new(path, &text));
                }
            }
        }
        for (file, module) in moved {
            found.iter_mut().filter(|source| source.path == file).for_each(|source| source.module.clone_from(&module));
        }
        found.sort_by(|a, b| a.path.cmp(&b.path));
        assert!(found.len() > 3, "there are no sources in {}", root.display());
        found
    }

    /// The room that a file is in: `store` for `store/write.rs`, `clock` for `clock.rs`.
    pub fn room(&self) -> &str {
        self.path.split('/').next().unwrap_or_default().trim_end_matches(".rs")
    }

    /// Whether the whole file is for tests only.
    pub fn is_test(&self) -> bool {
        self.path.ends_with("tests.rs") || self.path.contains("/tests/")
    }

    /// Every path that the code names, `use` trees unfolded and `super` resolved.
    pub fn names(&self) -> Vec<Named> {
        static PATH: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r"\b[A-Za-z_]\w*(?:\s*::\s*[A-Za-z_]\w*)+").unwrap());
        static USE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?s)\buse\s+([^;]+);").unwrap());
        let text = self.code.join("\n");
        let line = |at: usize| text[..at].matches('\n').count() + 1;
        let mut names = Vec::new();
        for found in USE.captures_iter(&text) {
            let tree = found.get(1).unwrap();
            for (at, path) in unfold(tree.as_str()) {
                names.push(Named { line: line(tree.start() + at), path: self.resolve(&path) });
            }
        }
        for found in PATH.find_iter(&text) {
            let path: String = found.as_str().split_whitespace().collect();
            names.push(Named { line: line(found.start()), path: self.resolve(&path) });
        }
        names
    }

    /// The path of its module, such as `crate::store::write`.
    pub fn module_path(&self) -> String {
        let path = self.module.trim_end_matches(".rs").trim_end_matches("/mod").replace('/', "::");
        if path == "lib" { "crate".to_owned() } else { format!("crate::{path}") }
    }

    /// `super::x` and `self::x` as seen from the crate.
    pub fn resolve(&self, path: &str) -> String {
        let mut here: Vec<&str> = self.module.trim_end_matches(".rs").split('/').collect();
        if here.last() == Some(&"mod") {
            here.pop();
        }
        let mut words = path.split("::").peekable();
        if !matches!(words.peek(), Some(&("super" | "self"))) {
            return path.to_owned();
        }
        while let Some(&word) = words.peek() {
            match word {
                "super" => drop(here.pop()),
                "self" => {}
                _ => break,
            }
            words.next();
        }
        std::iter::once("crate").chain(here).chain(words).collect::<Vec<_>>().join("::")
    }
}

/// The files that a source takes in by `#[path]`, each with the path that its module would have.
fn moves(path: &str, text: &str) -> Vec<(String, String)> {
    static PATH: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r#"#\[path = "(\w+\.rs)"\]\s*(?:pub )?mod (\w+);"#).unwrap());
    let folder = path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
    let own = path.trim_end_matches(".rs").trim_end_matches("/mod");
    let moved = PATH.captures_iter(text);
    moved.map(|found| (format!("{folder}{}", &found[1]), format!("{own}/{}.rs", &found[2]))).collect()
}

/// A `use` tree as single paths, each with its place in the tree.
pub fn unfold(tree: &str) -> Vec<(usize, String)> {
    let mut paths = Vec::new();
    let mut stack: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut start = 0;
    let mut finish = |stack: &[String], word: &mut String, start: usize| {
        let name = word.split(" as ").next().unwrap_or_default().trim().to_owned();
        word.clear();
        if !name.is_empty() {
            let path = format!("{}{name}", stack.concat());
            paths.push((start, path.trim_end_matches("::self").split_whitespace().collect()));
        }
    };
    for (at, c) in tree.char_indices() {
        match c {
            '{' => stack.push(std::mem::take(&mut word).trim().to_owned()),
            '}' => {
                finish(&stack, &mut word, start);
                stack.pop();
            }
            ',' => finish(&stack, &mut word, start),
            c => {
                if word.trim().is_empty() {
                    start = at;
                }
                word.push(if c.is_whitespace() { ' ' } else { c });
            }
        }
    }
    finish(&stack, &mut word, start);
    paths
}

/// The text with comments and the insides of strings and characters made blank; line breaks stay.
fn code_only(text: &str) -> String {
    static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r#"(?xs) //[^\n]* | /\*.*?\*/ | \bb?r\#\#".*?"\#\# | \bb?r\#".*?"\# | \bb?r".*?" | "(?:\\.|[^"\\])*" | '(?:\\[^u]|\\u\{\w+\}|[^'\\])' "#,
        )
        .unwrap()
    });
    let blank = |found: &regex::Captures<'_>| {
        let breaks: String = found[0].chars().filter(|c| *c == '\n').collect();
        if found[0].starts_with('/') { breaks } else { format!("\"{breaks}\"") }
    };
    TOKEN.replace_all(text, blank).into_owned()
}

/// Makes blank what follows `#[cfg(test)]`: a line that ends in `;`, or an item up to the brace that closes it.
fn blank_tests(code: &mut [String]) {
    let mut until: Option<String> = None;
    for line in code {
        if let Some(end) = &until {
            let rest = line.strip_prefix(end.as_str()).unwrap_or(" ");
            let ends = !rest.starts_with(' ') && rest.ends_with([';', '}']);
            line.clear();
            if ends {
                until = None;
            }
        } else if line.trim() == "#[cfg(test)]" {
            until = Some(line[..line.len() - line.trim_start().len()].to_owned());
            line.clear();
        }
    }
}

#[test]
fn sources_are_read_without_comments_strings_and_tests() {
    let text = r##"//! sqlx
use a::{b, c::{self, d as e}}; // tokio
/* axum
*/ let x = "sqlx // \" y"; let y = r#"axum "quoted" "#; let z = '"'; let w: &'static str = "\u{1b}";
#[cfg(test)]
mod other_tests;
#[cfg(test)]
fn other_helper() {}
fn kept() {}
    #[cfg(test)]
    fn helper() {
        sqlx();
    }
    fn kept_too() { super::super::sib::f(); }
#[cfg(test)]
mod tests {
    use sqlx::X;
}
fn last() {}
"##;
    let source = Source::new("store/read/mod.rs", text);
    let code = source.code.join("\n");
    for hidden in ["sqlx", "tokio", "axum", "quoted", "other_tests", "helper"] {
        assert!(!code.contains(hidden), "{hidden} in {code}");
    }
    for kept in ["let y =", "let w: &'static str", "fn kept()", "fn kept_too()", "fn last()"] {
        assert!(code.contains(kept), "{kept} not in {code}");
    }
    assert_eq!(source.length, code.lines().count());
    let taken = "#[cfg(test)]\n#[path = \"verify_tests.rs\"]\nmod tests;";
    let moved = ("trail/verify_tests.rs".to_owned(), "trail/verify/tests.rs".to_owned());
    assert_eq!(moves("trail/verify.rs", taken), [moved]);
    let names: Vec<(usize, String)> = source.names().into_iter().map(|name| (name.line, name.path)).collect();
    for wanted in [(2, "a::b"), (2, "a::c"), (2, "a::c::d"), (14, "crate::sib::f")] {
        assert!(names.iter().any(|(line, path)| (*line, path.as_str()) == wanted), "{wanted:?} not in {names:?}");
    }
}

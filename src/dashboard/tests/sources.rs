//! What the sources of the dashboard must not say.

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            out.push(path);
        }
    }
}

/// A26–A29: foreign text reaches the screen through one door, which cleans it.
#[test]
fn only_one_file_puts_text_on_the_screen() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/dashboard");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 20);
    let raw = regex::Regex::new(
        r"\b(Span|Line|Text|Paragraph|Masked)::\w+|\.set_string(n)?\b|\.set_(symbol|char|span|line)\b|\.render\(|render_widget|\bwidgets::",
    )
    .unwrap();
    let mut found = Vec::new();
    for file in files {
        let name = file.strip_prefix(&root).unwrap().display().to_string();
        if name == "widget/text.rs" || name.starts_with("tests/") {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let hits = text.lines().enumerate().filter(|(_, line)| raw.is_match(line) && !line.contains("Put::Line"));
        found.extend(hits.map(|(at, line)| format!("{name}:{}: {}", at + 1, line.trim())));
    }
    assert_eq!(found, [""; 0], "say it with Words");
    assert!(raw.is_match("Span::raw(task)") && raw.is_match("buffer.set_string(0, 0, task)"));
}

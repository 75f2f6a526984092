//! Stories: what people, the clock and the reconciler do to requests, line by line, and what comes of it.
//!
//! A story is a file `stories/NAME.toml` with a `date`, a `zone`, and `story`, a list of lines (see `script.rs` for what may
//! stand in one). `policy.toml` beside this file rules; `change` patches it by pairs of old and new text.

mod script;
mod words;

use super::world::World;
use nightlatch::text::Instant;
use nightlatch::text::instant::resolve;
use script::Stage;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use toml::Spanned;

const POLICY: &str = include_str!("policy.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Story {
    /// What it shows, in a sentence.
    shows: String,
    zone: String,
    date: String,
    #[serde(default)]
    change: Vec<(String, String)>,
    #[serde(rename = "story")]
    lines: Vec<Spanned<String>>,
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/all/stories");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|ending| ending == "toml")).collect();
    files.sort();
    files
}

/// What goes wrong in one story: the line, and what came instead.
fn play(text: &str) -> Result<(), (usize, String)> {
    let line = |at: usize| text[..at].matches('\n').count() + 1;
    let story: Story = toml::from_str(text).map_err(|error| (1, error.to_string()))?;
    if story.shows.is_empty() || story.lines.is_empty() {
        return Err((1, "a story shows something".to_owned()));
    }
    let mut policy = POLICY.to_owned();
    for (old, new) in &story.change {
        if !policy.contains(old) {
            return Err((1, format!("change: {old:?} is not in the policy")));
        }
        policy = policy.replace(old, new);
    }
    let zone = story.zone.parse().map_err(|_| (1, format!("{} is no zone", story.zone)))?;
    let at = resolve(&format!("{} 00:00", story.date), zone, Instant::from_millis(0))
        .map_err(|bad| (1, bad.to_string()))?
        .at;
    let mut stage = Stage::new(World::new(&policy, at), zone, &story.date);
    for spoken in &story.lines {
        stage
            .line(spoken.get_ref())
            .map_err(|wrong| (line(spoken.span().start), format!("{}\n    {wrong}", spoken.get_ref())))?;
    }
    Ok(())
}

#[test]
fn every_story_comes_out_as_it_is_told() {
    let files = files();
    assert!(files.len() >= 20, "there are only {} stories", files.len());
    let mut wrong = Vec::new();
    for file in &files {
        if let Err((line, what)) = play(&std::fs::read_to_string(file).unwrap()) {
            wrong.push(format!("tests/all/stories/{}:{line}: {what}", file.file_name().unwrap().to_string_lossy()));
        }
    }
    assert!(wrong.is_empty(), "{} of {} stories came out otherwise:\n{}", wrong.len(), files.len(), wrong.join("\n"));
}

/// A story that nothing can break shows nothing.
#[test]
fn a_story_can_come_out_otherwise() {
    let told =
        |lines: &str| play(&format!("shows = 'x'\nzone = 'Europe/London'\ndate = '2026-11-24'\nstory = [\n{lines}\n]"));
    let filed = "'at 10:00 priya files logs-read on payments for 30m ticket INC-1 -> filed',";
    assert_eq!(told(filed), Ok(()));
    for (line, wrong) in [
        ("'sam approves -> nothing'", "came: approved"),
        ("'sam approves -> refused over'", "came: approved"),
        ("'priya approves -> approved'", "came: refused own-request"),
        ("'sam approves -> approved, status active'", "the status is granting"),
        ("'sam approves -> approved, until 10:31'", "the end is"),
        ("'sam aproves -> approved'", "aproves"),
        ("'sam approves loudly -> approved'", "loudly"),
        ("'sam approves'", "->"),
        ("'sam approves -> approved, statos active'", "statos"),
    ] {
        let (at, told) = told(&format!("{filed}\n{line}")).unwrap_err();
        assert_eq!(at, 6, "{line}");
        assert!(told.contains(wrong), "{line}: {told}");
    }
}

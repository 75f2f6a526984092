//! What is said at the foot of the screen.

use super::super::model::{Model, Notice};
use super::super::msg::{Moment, Refused};
use super::super::theme::Tone;
use std::time::Duration;

/// A sentence at the foot stands for so long.
const NOTICE: Duration = Duration::from_secs(12);

/// Says something at the foot.
pub fn say(model: &mut Model, tone: Tone, words: impl Into<String>) {
    model.notice = Some(Notice { words: words.into(), tone, until: Moment(model.now.0 + NOTICE) });
}

/// A refusal in one line.
pub fn sentence(refused: &Refused) -> String {
    if refused.hint.is_empty() { refused.sentence.clone() } else { format!("{}; {}", refused.sentence, refused.hint) }
}

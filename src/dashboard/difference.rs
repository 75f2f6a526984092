//! What is materially different between two readings of one request, in sentences.

use crate::text::Length;
use crate::wire::RequestView;

/// The differences, a sentence each; never empty where the versions differ.
pub fn differences(was: &RequestView, is: &RequestView) -> Vec<String> {
    if was.version == is.version {
        return Vec::new();
    }
    let mut out: Vec<String> =
        is.revisions.iter().filter(|r| r.seq > was.version).flat_map(|r| r.changes.clone()).collect();
    let mut changed = |what: &str, was: &str, is: &str| {
        if was != is && out.is_empty() {
            out.push(format!("{what} was {was}, and is {is}"));
        }
    };
    changed("where it stands", was.status.word(), is.status.word());
    changed("the role", &was.role, &is.role);
    changed("the user", &was.user.id, &is.user.id);
    changed("the approver", &was.approver.id, &is.approver.id);
    changed("the task", was.task.as_deref().unwrap_or("erased"), is.task.as_deref().unwrap_or("erased"));
    changed("the ticket", was.ticket.as_deref().unwrap_or("none"), is.ticket.as_deref().unwrap_or("none"));
    let length = |view: &RequestView| {
        let asked = view.asked_for_seconds.map(|seconds| Length::from_seconds(seconds).to_string());
        asked.or(view.window.until.map(crate::text::instant::said)).unwrap_or_else(|| "open".into())
    };
    changed("the window", &length(was), &length(is));
    if was.extension != is.extension && out.is_empty() {
        out.push("an extension was asked for or answered".into());
    }
    if out.is_empty() {
        out.push("something about it was decided or changed: read it again".into());
    }
    out
}

//! The overlap: the user already holds or asks for this or wider access.

use super::{Seen, Verdict};
use crate::text::instant::said;

pub(super) fn run(seen: &Seen<'_>) -> (Verdict, String) {
    let view = seen.view;
    let covers = |role: &crate::text::RoleId| {
        *role == view.role.id || view.system.role(role.as_str()).is_some_and(|r| r.contains.contains(&view.role.id))
    };
    let same = view.open.iter().find(|open| covers(&open.role));
    match same {
        Some(open) if open.held && open.until >= view.until => (
            Verdict::Warn,
            format!("{} already gives {} until {}: use that one", open.number, open.role, said(open.until)),
        ),
        Some(open) if open.held => (
            Verdict::Warn,
            format!(
                "{} gives {} until {}: an extension of it keeps one record",
                open.number,
                open.role,
                said(open.until)
            ),
        ),
        Some(open) => (Verdict::Warn, format!("{} already asks for {}", open.number, open.role)),
        None => (Verdict::Pass, "no other open access to this".into()),
    }
}

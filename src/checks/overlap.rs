//! The overlap: the user already holds or asks for this or wider access.

use super::{Seen, Verdict};
use crate::policy::{Role, System};
use crate::text::RoleId;
use crate::text::instant::said;

/// Whether whoever has `other` on this system has `role` with it.
pub fn covers(system: &System, other: &RoleId, role: &Role) -> bool {
    *other == role.id || system.role(other.as_str()).is_some_and(|other| other.contains.contains(&role.id))
}

pub(super) fn run(seen: &Seen<'_>) -> (Verdict, String) {
    let view = seen.view;
    let same = view.open.iter().find(|open| covers(view.system, &open.role, view.role));
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

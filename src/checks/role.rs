//! The role: no broader than the task seems to need, given what the system's roles allow.

use super::reading::ladder::{Broad, Rung, broad};
use super::{Seen, Verdict};
use crate::policy::Role;

pub(super) fn run(seen: &Seen<'_>) -> (Verdict, String) {
    let view = seen.view;
    let narrower: Vec<Rung<'_>> =
        view.system.roles.iter().filter(|role| view.role.contains.contains(&role.id)).map(rung).collect();
    let asked = &view.role.id;
    let top = !view.system.roles.iter().any(|role| role.contains.contains(asked));
    let sentence = match broad(&seen.task, seen.unclear, rung(view.role), &narrower, top) {
        None if narrower.is_empty() => return (Verdict::Pass, format!("{asked} contains no narrower role")),
        None => return (Verdict::Pass, format!("nothing shows that less than {asked} would do")),
        Some(Broad::OnlyReads(less)) => {
            format!("the task only looks, and {less} allows that: ask for {less}, or say what of it needs {asked}")
        }
        Some(Broad::Covered(less)) => {
            format!("{less} seems to allow this: ask for {less}, or say what of it needs {asked}")
        }
        Some(Broad::Unsupported) => {
            format!(
                "{asked} gives much, and the task names nothing that needs it: ask for a narrower role, or say what does"
            )
        }
    };
    (Verdict::Warn, sentence)
}

fn rung(role: &Role) -> Rung<'_> {
    Rung { name: role.id.as_str(), allows: &role.allows }
}

//! The removal: the target takes it out by itself, could be reached when last tried, and may hold a second lock.

use super::{Seen, Verdict};
use crate::text::instant::said;

pub(super) fn run(seen: &Seen<'_>) -> (Verdict, String) {
    let Some(target) = &seen.view.past.target else {
        return (Verdict::Pass, format!("{} removes it by itself", seen.view.role.provisioner));
    };
    let name = &target.name;
    let lock =
        if target.second_lock { "can hold a second lock" } else { "holds no second lock: only the removal ends it" };
    match &target.probed {
        Some((at, Err(fault))) => (
            Verdict::Warn,
            format!(
                "{name} could not be reached at {}, so a removal might wait ({fault}): see nightlatch doctor before giving more; it {lock}",
                said(*at)
            ),
        ),
        Some((at, Ok(()))) => {
            (Verdict::Pass, format!("{name} removes it by itself, reached at {}; it {lock}", said(*at)))
        }
        None => (Verdict::Pass, format!("{name} removes it by itself; it {lock}")),
    }
}

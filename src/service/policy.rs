//! Changing the policy: what would differ, which live grants would end, and making it so.

use super::ruling::{policy_hash, read_policy};
use super::{Answered, Fault, Service};
use crate::access::command::Command;
use crate::access::{Actor, Code, Refusal, Status, Subject, status};
use crate::policy::Duty;
use crate::wire::{PolicyBody, PolicyChangeView};

impl Service {
    pub(super) async fn do_apply_policy(&self, actor: &Actor, body: PolicyBody) -> Answered<PolicyChangeView> {
        self.ready()?;
        let ruling = self.ruling().await?;
        let person = Self::person(&ruling, actor)?;
        if !ruling.policy.is(&person, Duty::Admin) {
            let refusal = Refusal::new(
                Code::NotAllowed,
                "only an admin changes the policy",
                "give the person duties = [\"admin\"] in the policy",
            );
            return Err(Fault::Refused(refusal));
        }
        if self.inner.options.policy_file.is_some() && !body.dry {
            return Err(Fault::Refused(Refusal::new(
                Code::WrongState,
                "this server takes its policy from a file",
                "change the file: it is read again at once; or set policy = \"store\" in server.toml",
            )));
        }
        if body.replaces.as_ref().is_some_and(|replaces| *replaces != ruling.hash) {
            return Err(Fault::Refused(Refusal::new(
                Code::Changed,
                "the policy changed since you read it",
                "look at the difference again",
            )));
        }
        let (policy, _, warnings) = read_policy(&body.text, &self.inner.options.base).map_err(|faults| {
            Fault::Refused(Refusal::malformed("policy", faults.join("; "), "nightlatch policy check names each fault"))
        })?;
        let hash = policy_hash(&body.text);
        let old = self.inner.store.policy_text(&ruling.hash).await?.unwrap_or_default();
        let at = self.now().at;
        let open = self.inner.store.open_requests().await?;
        let ends = open
            .iter()
            .filter(|(r, _)| matches!(status(r, at), Status::Approved | Status::Granting | Status::Active))
            .filter(|(r, _)| super::tick::lost(&policy, r).is_some())
            .map(|(r, _)| r.number.0)
            .collect();
        let mut view = PolicyChangeView {
            was: ruling.hash.clone(),
            hash: hash.clone(),
            difference: difference(&old, &body.text),
            warnings,
            ends,
            applied: false,
        };
        if !body.dry {
            let command = Command::ChangePolicy { hash, text: body.text, words: body.words };
            self.send(actor, Some(Subject::Policy), command, None).await?;
            self.refresh_ruling().await?;
            self.end_by_policy();
            view.applied = true;
        }
        Ok(view)
    }
}

/// The lines that went and came, by the longest common subsequence; a huge pair is told whole.
pub fn difference(old: &str, new: &str) -> Vec<String> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let tail = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    let tail = tail.min(old.len() - head).min(new.len() - head);
    let (old, new) =
        (old.get(head..old.len() - tail).unwrap_or_default(), new.get(head..new.len() - tail).unwrap_or_default());
    if old.len().saturating_mul(new.len()) > 4_000_000 {
        let gone = old.iter().map(|line| format!("-{line}"));
        return gone.chain(new.iter().map(|line| format!("+{line}"))).collect();
    }
    let width = new.len() + 1;
    let mut table = vec![0_u32; (old.len() + 1) * width];
    let cell = |table: &[u32], i: usize, j: usize| table.get(i * width + j).copied().unwrap_or(0);
    for (i, a) in old.iter().enumerate().rev() {
        for (j, b) in new.iter().enumerate().rev() {
            let best = if a == b {
                cell(&table, i + 1, j + 1) + 1
            } else {
                cell(&table, i + 1, j).max(cell(&table, i, j + 1))
            };
            if let Some(slot) = table.get_mut(i * width + j) {
                *slot = best;
            }
        }
    }
    let (mut i, mut j, mut out) = (0, 0, Vec::new());
    loop {
        match (old.get(i), new.get(j)) {
            (Some(a), Some(b)) if a == b => (i, j) = (i + 1, j + 1),
            (Some(a), next) if next.is_none() || cell(&table, i + 1, j) >= cell(&table, i, j + 1) => {
                out.push(format!("-{a}"));
                i += 1;
            }
            (_, Some(b)) => {
                out.push(format!("+{b}"));
                j += 1;
            }
            _ => return out,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[test]
    fn a_difference_names_what_went_and_what_came() {
        assert_eq!(difference("a\nb\nc\n", "a\nx\nc\nd\n"), ["-b", "+x", "+d"]);
        assert!(difference("a\nb", "a\nb").is_empty());
        assert_eq!(difference("", "a"), ["+a"]);
        assert_eq!(difference("a", ""), ["-a"]);
    }
}

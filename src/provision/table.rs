//! The table of kinds, and the provisioners that one policy names.

use super::contract::Provisioner;
use crate::policy::ProvisionerSettings;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Makes a provisioner of one kind from its name, its keys and the folder that relative paths start from.
type Build = fn(&str, &ProvisionerSettings, &Path) -> Result<Box<dyn Provisioner>, String>;

/// One line a kind. Names and builders come from the same line, so that neither can be forgotten.
macro_rules! kinds {
    ($($name:literal => $build:path,)*) => {
        /// The kinds that a policy may name.
        pub const KINDS: &[&str] = &[$($name),*];

        fn builder(kind: &str) -> Option<Build> {
            match kind {
                $($name => Some($build),)*
                _ => None,
            }
        }
    };
}

kinds! {
    "command" => super::command::build,
    "files" => super::files::build,
    "postgres" => super::postgres::build,
}

/// One provisioner from its settings, or the sentence that says what is wrong with them. Touches no target.
pub fn build(name: &str, settings: &ProvisionerSettings, base: &Path) -> Result<Box<dyn Provisioner>, String> {
    let Some(build) = builder(&settings.kind) else {
        let kinds = KINDS.join(", ");
        return Err(format!("[provisioners.{name}]: there is no kind {:?}: use one of {kinds}", settings.kind));
    };
    build(name, settings, base)
}

/// Every provisioner of one policy, by its name.
#[derive(Clone, Default)]
pub struct Table {
    provisioners: BTreeMap<String, Arc<dyn Provisioner>>,
}

impl Table {
    /// Builds them all; `base` is the folder of the policy's file. All faults are said at once.
    pub fn from_policy(provisioners: &BTreeMap<String, ProvisionerSettings>, base: &Path) -> Result<Self, Vec<String>> {
        let mut table = Self::default();
        let mut faults = Vec::new();
        for (name, settings) in provisioners {
            match build(name, settings, base) {
                Ok(provisioner) => {
                    table.provisioners.insert(name.clone(), Arc::from(provisioner));
                }
                Err(fault) => faults.push(fault),
            }
        }
        if faults.is_empty() { Ok(table) } else { Err(faults) }
    }

    /// The provisioner of this name.
    pub fn get(&self, name: &str) -> Option<&Arc<dyn Provisioner>> {
        self.provisioners.get(name)
    }

    /// All of them, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Arc<dyn Provisioner>)> {
        self.provisioners.iter().map(|(name, provisioner)| (name.as_str(), provisioner))
    }
}

impl FromIterator<Arc<dyn Provisioner>> for Table {
    /// Each under the name of its target.
    fn from_iter<I: IntoIterator<Item = Arc<dyn Provisioner>>>(all: I) -> Self {
        Self { provisioners: all.into_iter().map(|one| (one.target().to_owned(), one)).collect() }
    }
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.provisioners.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn settings(kind: &str, keys: Value) -> ProvisionerSettings {
        let Value::Object(settings) = keys else { panic!("an object") };
        ProvisionerSettings { kind: kind.into(), settings }
    }

    #[test]
    fn every_fault_is_a_sentence_and_all_are_said() {
        let base = Path::new("/nowhere");
        let policy = BTreeMap::from([
            ("a".to_owned(), settings("file", json!({}))),
            ("b".to_owned(), settings("files", json!({"folder": "x", "folde": "y"}))),
            ("c".to_owned(), settings("command", json!({"argv": ["helper"]}))),
            ("d".to_owned(), settings("files", json!({"folder": "x", "bound": "soon"}))),
            ("e".to_owned(), settings("command", json!({"argv": []}))),
            ("f".to_owned(), settings("files", json!({"folder": "x"}))),
        ]);
        let faults = Table::from_policy(&policy, base).unwrap_err();
        assert_eq!(faults.len(), 5, "{faults:#?}");
        for (fault, words) in faults.iter().zip(["command, files", "folde", "absolute", "soon", "argv"]) {
            assert!(fault.starts_with("[provisioners.") && fault.contains(words), "{fault}");
        }
    }

    #[test]
    fn a_sound_policy_makes_a_table() {
        let policy = BTreeMap::from([
            ("sandbox".to_owned(), settings("files", json!({"folder": "x", "per": "user", "settles": "2s"}))),
            ("vault".to_owned(), settings("command", json!({"argv": ["/opt/vault", "--mount"], "time_limit": "3s"}))),
        ]);
        let table = Table::from_policy(&policy, Path::new("/srv")).unwrap();
        assert_eq!(
            table.iter().map(|(name, p)| (name, p.target())).collect::<Vec<_>>(),
            [("sandbox", "sandbox"), ("vault", "vault")]
        );
        assert_eq!(table.get("sandbox").unwrap().settles().seconds(), 2);
        assert_eq!(table.get("vault").unwrap().time_limit().seconds(), 3);
        assert!(table.get("other").is_none());
    }
}

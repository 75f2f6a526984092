//! Secrets do not stand in a policy: it is kept in the trail for ever, and many may read it.

use super::Judge;
use crate::policy::secrets::{holds_secret, names_secret};
use serde_json::{Map, Value};

impl Judge<'_> {
    /// Looks for secrets in settings that stand at `path`.
    pub(super) fn secrets(&mut self, settings: &Map<String, Value>, path: &mut Vec<String>) {
        for (key, value) in settings {
            path.push(key.clone());
            if value.is_string() && names_secret(key) {
                let sentence = format!("{} is a secret, written out", path.join("."));
                self.secret_at(
                    path,
                    &sentence,
                    &format!("keep it in a file of mode 0600 and write {key}_file = \"…\", or {key}_env"),
                );
            } else {
                self.secrets_in(value, path);
            }
            path.pop();
        }
    }

    fn secrets_in(&mut self, value: &Value, path: &mut Vec<String>) {
        match value {
            Value::String(text) => {
                if let Some(what) = holds_secret(text) {
                    let sentence = format!("{} holds {what}", path.join("."));
                    self.secret_at(path, &sentence, "take it out, and name it by a key that ends in _file or _env");
                }
            }
            Value::Array(values) => {
                for (at, value) in values.iter().enumerate() {
                    path.push(at.to_string());
                    self.secrets_in(value, path);
                    path.pop();
                }
            }
            Value::Object(table) => self.secrets(table, path),
            _ => {}
        }
    }

    fn secret_at(&mut self, path: &[String], sentence: &str, cure: &str) {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        self.fault(&path, sentence, cure);
    }
}

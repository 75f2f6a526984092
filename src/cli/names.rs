//! How things are named in a line: requests, people, and the words of the answers.

use crate::wire::PersonView;

/// A request's number as people write it.
pub fn number(id: i64) -> String {
    format!("NL-{id}")
}

/// `Ana Ruiz (ana), Engineer`.
pub fn person(person: &PersonView) -> String {
    let title = person.title.as_ref().map(|title| format!(", {title}")).unwrap_or_default();
    if person.name == person.id {
        format!("{}{title}", person.id)
    } else {
        format!("{} ({}){title}", person.name, person.id)
    }
}

/// `Ana Ruiz (ana)`.
pub fn who(view: &PersonView) -> String {
    person(&PersonView { title: None, ..view.clone() })
}

/// The word that travels for a value.
pub fn word<T: serde::Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// A text, or that it was erased.
pub fn text(text: Option<&String>) -> &str {
    text.map_or("(erased)", String::as_str)
}

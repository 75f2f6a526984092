//! Reading a provisioner's own keys out of the policy: unknown keys are faults, lengths are written as people write them.

use crate::text::Length;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// The settings as the kind's own type, or a sentence that names the provisioner and the key.
pub(super) fn read<T: DeserializeOwned>(name: &str, settings: &Map<String, Value>) -> Result<T, String> {
    serde_json::from_value(Value::Object(settings.clone())).map_err(|fault| format!("[provisioners.{name}]: {fault}"))
}

/// An optional length written as `2s`, `500ms`, `5m` or `1h`.
pub(super) fn length<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Length>, D::Error> {
    let text = String::deserialize(from)?;
    parse(&text).map(Some).ok_or_else(|| {
        D::Error::custom(format!("{text:?} is no length of time: write \"500ms\", \"2s\", \"5m\" or \"1h\""))
    })
}

/// A whole number and one unit, a day at most.
fn parse(text: &str) -> Option<Length> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (count, unit) = text.split_at_checked(digits)?;
    let unit = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    let millis = count.parse::<i64>().ok()?.checked_mul(unit)?;
    (millis <= 24 * 3_600_000).then_some(Length::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_as_people_write_them() {
        assert_eq!(parse("500ms"), Some(Length::from_millis(500)));
        assert_eq!(parse("2s"), Some(Length::from_seconds(2)));
        assert_eq!(parse("5m"), Some(Length::from_minutes(5)));
        for bad in ["", "s", "5", "-1s", "1.5s", "1y", "2 s", "25h", "99999999999999999999s"] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }
}

//! What stands in an address: the number of a request, cursors, waits. Anything odd is refused with its name.

use super::problem::No;
use crate::access::RequestNumber;
use crate::text::{Clean, Length};
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// No cursor can be above this: JSON numbers are exact up to here.
const HIGHEST: i64 = 1 << 53;
/// The longest wait.
const LONGEST_WAIT: Length = Length::from_seconds(60);

/// The request named in the path.
pub struct Id(pub RequestNumber);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = No;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, No> {
        let Ok(Path(text)) = Path::<String>::from_request_parts(parts, state).await else {
            return Err(No::nothing_there());
        };
        text.parse().map(Self).map_err(|_| No::nothing_there())
    }
}

/// The query, whole: unknown names are refused.
pub struct Asked<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = No;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, No> {
        match Query::<T>::try_from_uri(&parts.uri) {
            Ok(Query(query)) => Ok(Self(query)),
            Err(fault) => Err(No::bad(
                format!("the query cannot be read: {}", Clean::line(&fault.body_text()).cut(300).as_str()),
                "GET /v1/openapi.json lists what each address takes",
            )),
        }
    }
}

/// A cursor that can have come from us: from `least` on, and not far beyond the head.
pub fn cursor(name: &str, value: Option<i64>, least: i64, head: i64) -> Result<Option<i64>, No> {
    let most = head.saturating_add(1_000_000).min(HIGHEST);
    match value {
        Some(value) if !(least..=most).contains(&value) => Err(No::bad(
            format!("{name}: {value} is no cursor of this store"),
            "leave it out, or take it from the answer before",
        )),
        other => Ok(other),
    }
}

/// A limit from 1 to `most`.
pub fn limit(value: Option<i64>, most: i64) -> Result<i64, No> {
    match value {
        None => Ok(most),
        Some(value) if (1..=most).contains(&value) => Ok(value),
        Some(value) => Err(No::bad(format!("limit: {value} is out of range"), format!("from 1 to {most}"))),
    }
}

/// A wait such as `10s`; none is none.
pub fn wait(value: Option<&str>) -> Result<Duration, No> {
    let Some(text) = value else { return Ok(Duration::ZERO) };
    match Length::parse_or_zero(text) {
        Ok(length) if length <= LONGEST_WAIT => Ok(length.to_std()),
        Ok(_) => Err(No::bad("wait: longer than a minute", "wait for 60s at most, and ask again")),
        Err(bad) => Err(No::bad(format!("wait: {}", bad.sentence), bad.cure)),
    }
}

//! What is posted: one JSON object of one type, small, whole and in time, with the key that makes it safe to send again.

use super::Options;
use super::problem::No;
use crate::access::refusal::Code;
use crate::service::Key;
use crate::text::Clean;
use crate::trail::Link;
use crate::wire::IDEMPOTENCY_KEY;
use axum::body::{Body, Bytes};
use axum::extract::{FromRef, FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use std::sync::Arc;
use std::time::Duration;

/// A body has to be here by then.
const BODY_TIME: Duration = Duration::from_secs(10);
/// Deeper than any body of ours.
const DEEPEST: usize = 64;

/// A body, and its key.
pub struct Posted<T> {
    pub body: T,
    pub key: Key,
}

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Posted<T>
where
    Arc<Options>: FromRef<S>,
{
    type Rejection = No;

    async fn from_request(request: Request, state: &S) -> Result<Self, No> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path();
        let options = Arc::<Options>::from_ref(state);
        let most = if path == "/v1/policy" { options.policy_bytes } else { options.body_bytes };
        let bytes = whole(&parts.headers, body, most).await?;
        if !bytes.is_empty() && !is_json(&parts.headers) {
            return Err(No::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                Code::Malformed.word(),
                "the body is not declared as JSON",
                "send Content-Type: application/json",
            ));
        }
        let hashed = Link::of(&[parts.method.as_str().as_bytes(), b" ", path.as_bytes(), b"\n", &bytes]);
        let body_hash = hashed.to_string();
        let key = Key { key: key(&parts.headers)?, body_hash };
        Ok(Self { body: read(if bytes.is_empty() { b"{}" } else { &bytes })?, key })
    }
}

/// The whole body, if it is small enough and comes in time.
async fn whole(headers: &HeaderMap, body: Body, most: usize) -> Result<Bytes, No> {
    let too_large = || {
        No::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            Code::Malformed.word(),
            format!("the body is larger than {} KiB", most / 1024),
            "send less",
        )
    };
    let declared = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| length > most as u64) {
        return Err(too_large());
    }
    match tokio::time::timeout(BODY_TIME, axum::body::to_bytes(body, most)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(fault)) if is_limit(&fault) => Err(too_large()),
        Ok(Err(_)) => Err(No::bad("the body broke off", "send it again")),
        Err(_) => Err(No::new(
            StatusCode::REQUEST_TIMEOUT,
            Code::Malformed.word(),
            "the body did not come within 10 seconds",
            "send it again",
        )),
    }
}

fn is_limit(fault: &axum::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(fault);
    while let Some(fault) = cause {
        if fault.to_string().contains("length limit") {
            return true;
        }
        cause = fault.source();
    }
    false
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (types.next(), types.next()) else { return false };
    let Ok(text) = value.to_str() else { return false };
    let (kind, rest) = text.split_once(';').unwrap_or((text, ""));
    let charset = rest.trim();
    kind.trim().eq_ignore_ascii_case("application/json")
        && (charset.is_empty() || charset.replace('"', "").eq_ignore_ascii_case("charset=utf-8"))
}

fn key(headers: &HeaderMap) -> Result<String, No> {
    let mut keys = headers.get_all(IDEMPOTENCY_KEY).iter();
    match (keys.next(), keys.next()) {
        // Without one nothing protects against sending twice: that was the client's choice.
        (None, _) => crate::secret::hex::<16>().map_err(|fault| No::ours(fault.to_string())),
        (Some(value), None) => match value.to_str() {
            Ok(text) if (8..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) => {
                Ok(text.to_owned())
            }
            _ => Err(No::bad("Idempotency-Key: not 8 to 128 visible ASCII characters", "send a fresh random one")),
        },
        (Some(_), Some(_)) => Err(No::bad("Idempotency-Key: there are two", "send one")),
    }
}

/// Reads one object. Broken JSON is 400; an object that is not what was asked for is 422.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, No> {
    let text = std::str::from_utf8(bytes).map_err(|_| No::bad("the body is not UTF-8", "send JSON in UTF-8"))?;
    harmless(bytes)?;
    // A struct would be read from an array, too, in the order of its fields.
    if text.trim_start().starts_with('[') {
        return Err(No::bad("the body is no object", "send a JSON object"));
    }
    serde_json::from_str(text).map_err(|fault| {
        let words = fault.to_string();
        let detail = format!("the body cannot be read: {}", Clean::line(&words).cut(300).as_str());
        let hint = "GET /v1/openapi.json shows what each body holds";
        if fault.classify() == Category::Data && !words.starts_with("duplicate field") {
            No::new(StatusCode::UNPROCESSABLE_ENTITY, Code::Malformed.word(), detail, hint)
        } else {
            No::bad(detail, hint)
        }
    })
}

/// Refuses what no body of ours holds, before anything is built from it: deep nesting and NUL.
fn harmless(bytes: &[u8]) -> Result<(), No> {
    let (mut depth, mut in_text, mut rest) = (0_usize, false, bytes);
    while let [byte, tail @ ..] = rest {
        rest = tail;
        match (byte, in_text) {
            (b'\\', true) => {
                if tail.starts_with(b"u0000") {
                    return Err(No::bad("a text in the body holds NUL", "leave it out"));
                }
                rest = tail.get(1..).unwrap_or_default();
            }
            (b'"', _) => in_text = !in_text,
            (b'[' | b'{', false) => depth += 1,
            (b']' | b'}', false) => depth = depth.saturating_sub(1),
            (0, _) => return Err(No::bad("the body holds NUL", "leave it out")),
            _ => {}
        }
        if depth > DEEPEST {
            return Err(No::bad(format!("the body is nested deeper than {DEEPEST}"), "send a plain object"));
        }
    }
    Ok(())
}

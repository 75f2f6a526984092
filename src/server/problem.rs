//! Every no as it travels: one class, one status; the sentence and the cure are the refusal's own.
//!
//! A fault of ours is answered with a fixed sentence and a number under which the log has the rest; its text never travels.

use crate::access::Refusal;
use crate::access::refusal::{Class, Code};
use crate::service::Fault;
use crate::wire::Problem;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::any::Any;

/// What a handler comes to.
pub type Answered = Result<Response, No>;

/// A no on its way out.
#[derive(Debug, Clone)]
pub struct No {
    pub status: StatusCode,
    code: &'static str,
    detail: String,
    hint: String,
    retry_after: Option<u64>,
    /// For the log only.
    cause: Option<String>,
}

/// What the log says about a no: travels beside the response, never in it.
#[derive(Debug, Clone)]
pub struct Said {
    pub code: &'static str,
    pub request_id: Option<String>,
    pub cause: Option<String>,
}

impl No {
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), hint: hint.into(), retry_after: None, cause: None }
    }

    /// Malformed before any rule was asked.
    pub fn bad(detail: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Code::Malformed.word(), detail, hint)
    }

    /// There is nothing under that address.
    pub fn nothing_there() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            Code::NotFound.word(),
            "there is nothing at this address",
            "GET /v1/openapi.json lists what there is",
        )
    }

    /// Nobody is known to ask.
    pub fn not_signed_in(detail: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, Code::NotSignedIn.word(), detail, hint)
    }

    /// A fault of ours, with what the log shall say.
    pub fn ours(cause: impl Into<String>) -> Self {
        let mut no = Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "fault",
            "the server failed at this; it was logged",
            "try again; if it stays, give the request id to whoever runs the server",
        );
        no.cause = Some(cause.into());
        no
    }

    /// Not now, with what the log shall say.
    pub fn away(cause: impl Into<String>) -> Self {
        let mut no = Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            Code::StoreAway.word(),
            "the server cannot reach its store, or is not ready: whether this was done is not known",
            "try again in a moment: under the same idempotency key nothing is done twice",
        )
        .after(1);
        no.cause = Some(cause.into());
        no
    }

    /// Worth trying again after so many seconds.
    pub fn after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }
}

/// The status of a refusal's class.
fn status(class: Class) -> StatusCode {
    match class {
        Class::Malformed => StatusCode::UNPROCESSABLE_ENTITY,
        Class::Rule | Class::Blocked => StatusCode::CONFLICT,
        Class::Identity => StatusCode::UNAUTHORIZED,
        Class::NotFound => StatusCode::NOT_FOUND,
        Class::Changed => StatusCode::PRECONDITION_FAILED,
        Class::NotReady => StatusCode::SERVICE_UNAVAILABLE,
    }
}

impl From<Refusal> for No {
    fn from(refusal: Refusal) -> Self {
        let no = Self::new(status(refusal.code.class()), refusal.code.word(), refusal.sentence, refusal.hint);
        match refusal.code {
            Code::Clock => no.after(30),
            Code::Starting | Code::StoreAway | Code::Behind | Code::PolicyMoved => no.after(1),
            _ => no,
        }
    }
}

impl From<Fault> for No {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Refused(refusal) => refusal.into(),
            Fault::Away(cause) => Self::away(cause),
            Fault::Broken(cause) => Self::ours(cause),
        }
    }
}

impl IntoResponse for No {
    fn into_response(self) -> Response {
        let request_id = self.status.is_server_error().then(|| crate::secret::hex::<8>().unwrap_or_default());
        let problem = Problem {
            kind: format!("urn:nightlatch:{}", self.code),
            status: self.status.as_u16(),
            code: self.code.to_owned(),
            detail: self.detail,
            hint: self.hint,
            request_id: request_id.clone(),
        };
        let mut response = Response::new(Body::from(serde_json::to_vec(&problem).unwrap_or_default()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(Said { code: self.code, request_id, cause: self.cause });
        response
    }
}

/// A handler panicked: a fault of ours, and the connection lives on.
#[allow(clippy::needless_pass_by_value, reason = "the layer gives it away")]
pub fn panicked(payload: Box<dyn Any + Send>) -> Response {
    let words = payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("no words");
    No::ours(format!("a handler panicked: {words}")).into_response()
}

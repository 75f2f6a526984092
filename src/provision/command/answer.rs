//! Reading what a helper printed. Pure: bytes in, a value or a sentence out.

use crate::program::Ran;
use crate::provision::contract::Fault;
use crate::text::words::safe_line;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The one JSON object that was printed. Nothing, a list, two objects or half of one is a fault.
pub(super) fn object<T: DeserializeOwned>(called: &str, printed: &[u8]) -> Result<T, Fault> {
    whole(called, printed)?;
    serde_json::from_slice(printed).map_err(|fault| {
        let fault = safe_line(fault.to_string().as_bytes());
        Fault::passing(format!("{called} printed an answer that cannot be used: {fault}"))
    })
}

/// As [`object`], for answers that hold a secret: the fault quotes nothing of them.
pub(super) fn secret(called: &str, printed: &[u8]) -> Result<Map<String, Value>, Fault> {
    whole(called, printed)?;
    serde_json::from_slice(printed).map_err(|fault| {
        Fault::passing(format!(
            "{called} printed no JSON object: it cannot be read from line {}, column {} on",
            fault.line(),
            fault.column()
        ))
    })
}

/// Serde reads a struct from a list, too; an answer must be an object.
fn whole(called: &str, printed: &[u8]) -> Result<(), Fault> {
    match printed.trim_ascii().first() {
        Some(b'{') => Ok(()),
        Some(_) => Err(Fault::passing(format!("{called} printed something else than one JSON object"))),
        None => Err(Fault::passing(format!("{called} printed nothing: it must print one JSON object, such as {{}}"))),
    }
}

/// The fault of a helper that ended badly: its own last line, or how it ended.
pub(super) fn failure(called: &str, ran: &Ran) -> Fault {
    #[derive(Deserialize)]
    struct Verdict {
        retry: bool,
    }
    let retry = object::<Verdict>(called, &ran.stdout).map_or(true, |verdict| verdict.retry);
    Fault { sentence: ran.complaint(called), retry }
}

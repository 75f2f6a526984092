//! What travels between client and server. Bodies deny unknown fields; answers and events ignore them. `/v1` only grows.

pub mod body;
pub mod duty;
pub mod person;
pub mod problem;
mod schema;
pub mod telling;
pub mod view;

pub use body::*;
pub use duty::*;
pub use person::*;
pub use problem::Problem;
pub use telling::*;
pub use view::*;

/// The header with the key that makes a command safe to send again.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// The header with the highest sequence number that the client has seen.
pub const SEEN: &str = "nightlatch-seen";
/// The header in which every answer names the head's sequence number.
pub const SEQ: &str = "nightlatch-seq";
/// What every token begins with, so that leaked ones are recognised.
pub const TOKEN_PREFIX: &str = "nlt_";
/// What every invitation begins with.
pub const INVITATION_PREFIX: &str = "nli_";

//! Grammars and the sanitiser: how names, lengths, instants and free text may look, and how foreign text is shown.
//!
//! Floor 1, leftmost: imports nothing of ours. Never reads the time, never touches a file.

pub mod clean;
pub mod free;
pub mod instant;
pub mod length;
pub mod name;
pub mod secret;
pub mod words;

pub use clean::Clean;
pub use instant::Instant;
pub use length::Length;
pub use name::{PersonId, RoleId, SystemId};
pub use secret::Secret;

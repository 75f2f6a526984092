//! The terminal as a channel: its own notifications where it has any, and the bell.

pub mod bytes;
pub mod known;

//! The rules: what a request is, what may happen to it, and who may make it happen.
//!
//! `decide(facts, actor, command, now) -> events | refusal` says what happens, `apply(request, event)` makes it so, and
//! nothing else may change a request. Knows no time but its argument, no chance, no file, no network.
//!
//! Every match on a state, a status, a command or an event names its arms: a new one must break each of them.
#![warn(clippy::wildcard_enum_match_arm)]

pub mod actor;
mod apply;
pub mod channel;
pub mod command;
pub mod decide;
pub mod due;
pub mod event;
pub mod facts;
pub mod id;
pub mod may;
pub mod refusal;
pub mod request;
pub mod status;
pub mod who;
pub mod window;

pub use actor::{Actor, Subject, Via};
pub use apply::{Place, apply};
pub use channel::ChannelName;
pub use command::Command;
pub use decide::decide;
pub use event::{Event, Text};
pub use facts::{Facts, Now};
pub use id::RequestNumber;
pub use refusal::{Class, Code, Refusal};
pub use request::{Held, Request, State};
pub use status::{Status, closed_at, overdue, status};
pub use window::{Asked, End, Window};

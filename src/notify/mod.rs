//! Telling people: what the trail says somebody is told, brought to their desk, terminal or program.
//!
//! The rules decide who is told what, and write it down; `alerts` decides purely how it is said to one person, how urgently, when
//! again and what it replaces; a channel brings it. Nothing here decides about a request: there is no button that approves.

pub mod alert;
pub mod alerts;
pub mod desktop;
pub mod heard;
pub mod hook;
mod item;
pub mod quiet;
pub mod table;
pub mod terminal;
pub mod webhook;
mod words;

pub use alert::{Alert, Key, Urgency};
pub use alerts::{Alerts, Settings, Step};
pub use item::KeptItem;
pub use quiet::Quiet;

use std::future::Future;
use std::pin::Pin;

/// What a channel's work comes to: done, or a sentence that says why not and how to mend it.
pub type Brought<'a> = Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>>;

/// One way to somebody. Must come back in bounded time whatever is at the other end, and never block a thread of the runtime.
pub trait Channel: Send {
    /// Its word in the record: `desktop`, `terminal`, `hook`.
    fn name(&self) -> &'static str;
    /// Brings it. What has the same key and still stands is replaced in place.
    fn bring<'a>(&'a mut self, alert: &'a Alert) -> Brought<'a>;
    /// Takes away what stands under this key, where the channel can.
    fn take_back<'a>(&'a mut self, key: &'a Key) -> Brought<'a>;
}

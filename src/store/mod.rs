//! The store: one write, on SQLite or PostgreSQL. The audit trail is the write, so no act can go unrecorded.
//!
//! `write` takes what waits, `load` reads what it has to know, `world` decides and folds in memory, `save` writes it down;
//! `read` and `list` answer without ever waiting for a writer. `engine` alone knows which database it is. Nothing here makes
//! a rule: those are in `access`.

mod act;
mod calendars;
mod change;
mod check;
mod codes;
pub mod copy;
pub mod engine;
pub mod fault;
mod follow;
mod follower;
mod head;
mod hint;
mod keep;
mod lease;
mod list;
mod load;
pub mod location;
mod open;
mod policies;
mod read;
pub mod row;
mod save;
pub mod schema;
mod slots;
pub mod stand_in;
mod work;
mod world;
mod write;

pub use act::{Act, Done, GivenBack, Key, LeaseAsk, Leased, Queue, WriteError};
pub use change::Change;
pub use check::Whole;
pub use engine::{Engine, Snapshot, Writer};
pub use fault::StoreError;
pub use follow::{HOLDS, Standing, Step, Undelivered};
pub use head::Head;
pub use keep::{Stored, TokenRow, Told};
pub use list::ListFilter;
pub use location::Location;
pub use open::{Options, Store};
pub use policies::{PolicyReader, Ruling};
pub use read::{StoredText, Visit};
pub use row::{Arg, Row, values};
pub use slots::{KnownSlots, Slots, calendar_hash, lay};
pub use work::WorkRow;

#[cfg(test)]
mod tests;

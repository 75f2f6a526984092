//! The dashboard: the board that people on call look at all shift, and the guarded decision.
//!
//! `update(&mut Model, Moment, Msg) -> Vec<Effect>` and `draw(&Model, &mut Frame) -> Option<Moment>`, which says when it looks
//! otherwise next, are pure: neither awaits, reads a clock or the network. `run` drains what came in, updates, carries out the
//! effects, draws once, and tells the model that its frame was seen ([`Model::drawn`]). Selection is a request's number, never
//! a place in a list; a dialog holds the number and version that were on the screen when its key was pressed.

pub mod allowed;
mod background;
pub mod dialog;
pub mod difference;
pub mod effect;
pub mod eye;
pub mod field;
pub mod filter;
pub mod follow;
pub mod form;
pub mod hands;
pub mod keys;
pub mod layout;
pub mod link;
pub mod lists;
pub mod log;
pub mod model;
pub mod msg;
mod open;
pub mod palette;
pub mod pane;
pub mod roll;
pub mod rows;
pub mod run;
pub mod session;
pub mod standing;
mod stop;
pub mod terminal;
pub mod theme;
mod told;
pub mod update;
pub mod view;
pub mod views;
pub mod widget;

pub use effect::Effect;
pub use model::{Colours, Model, Options};
pub use msg::{ActId, AskId, Moment, Msg, Refused};
pub use run::Ended;
pub use session::{Left, Start, sit};
pub use update::update;
pub use view::{draw, title};

#[cfg(test)]
mod tests;

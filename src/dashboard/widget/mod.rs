//! What the views share: text that is safe to put on a screen, and where it goes.

pub mod canvas;
pub mod digits;
pub mod input;
pub mod text;

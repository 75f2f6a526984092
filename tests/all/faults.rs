//! Faults that only a real process on a real machine can have: killed at random moments, a full disk, a disk that does not
//! keep what it was told to, and an answer that comes before the disk has said yes.

mod bed;
mod disk;
mod durable;
mod kill;
mod left;
mod roles;

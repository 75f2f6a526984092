//! Provisioners: how access is given in a target, taken out of it, and observed there.
//!
//! One folder a kind, one line a kind in `table.rs`; every kind passes `contract_tests.rs`. A provisioner does what it is
//! told about one key and reports what it read. It must never decide who gets access or when it ends, never reads the
//! time, never opens the store, and never says *absent* without having read the target in that very call.

pub mod command;
pub mod contract;
pub mod files;
mod keys;
mod postgres;
pub mod table;

#[cfg(test)]
mod contract_tests;

pub use contract::{
    Act, Credential, Fault, Granted, Observation, Presence, Provisioner, Removed, Spec, Stray, UserFacts, mark,
    store_part,
};
pub use table::{KINDS, Table, build};

//! What passes between the layers: plain data (serde), no I/O, no async.
//!
//! Depends on nothing else in the crate; every layer depends on it and never on another layer.
//! The obligations behind the types are in `src/executor/EXECUTION_CONTRACT.md`.

pub mod action;
pub mod artifact;
pub mod bug;
pub mod build;
pub mod changes;
pub mod ci;
pub mod control;
pub mod drift;
pub mod event;
pub mod executed;
pub mod fix;
pub mod git;
pub mod model;
pub mod outcome;
pub mod policy;
pub mod proof;
pub mod report;
pub mod settings;
pub mod stop;
pub mod verdict;

//! The retry loop.
//!
//! [`state`] is a pure transition table: what happened in, what to do next out. [`progress`] decides, also purely,
//! whether a run is better than the one before. The driver carries the actions out through the layers and turns
//! their results into events; it decides nothing.

pub mod budget;
pub mod bundle;
mod destination;
pub mod driver;
mod failed_run;
pub mod heal;
mod offer;
pub mod progress;
pub mod publish;
pub mod publisher;
pub mod record;
pub mod state;

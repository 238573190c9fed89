//! The retry loop.
//!
//! `heal` is one run from its configuration to its report; `setup` prepares it in stages. `state` is what the run
//! knows, and `transition` the pure table that changes it: what happened in, what to do next out. `progress` decides,
//! also purely, whether a run is better than the one before. The `driver` carries the actions out through the layers and
//! answers each with one event; it decides nothing. The `journal` takes every event up into the report.

pub mod budget;
pub mod bundle;
mod by_chance;
mod changed_since;
mod ci_run;
mod counter_proof;
mod destination;
mod drift;
pub mod driver;
pub mod evidence;
mod failed_run;
pub mod heal;
mod history;
pub mod journal;
pub mod last_green;
mod last_green_run;
mod missing_tools;
pub mod models;
mod named_run;
mod never_reached;
mod not_here;
mod outcome_from;
mod partial;
pub mod preflight;
pub mod progress;
mod protected_view;
mod publish;
pub mod publisher;
mod real_actions;
mod real_artifacts;
pub mod repository_file;
mod review;
pub mod run_dir;
mod same_tests;
mod setup;
pub mod state;
pub mod step_said;
mod suggestions;
mod tests_ran;
mod token_rights;
pub mod tracing;
pub mod transition;
mod verdict;
mod way_out;

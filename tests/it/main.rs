//! One binary, one file per capability; `support/` holds the stand-ins for GitHub, the model servers and the runner.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
#![allow(clippy::disallowed_methods, reason = "starts programs to look at them, bound to no run")]

mod action;
mod artifacts;
mod ci_trigger;
mod command_line;
mod comments;
mod counter_proof;
mod doctor;
mod drift;
mod escapes;
mod events;
mod executor;
mod faults;
mod fixes;
mod git_state;
mod heal;
mod inputs;
mod models;
mod needs_context;
mod not_here;
mod overfitted;
mod parser;
mod placing;
mod plan;
mod projects;
mod public_api;
mod publish;
mod real_actions;
mod secrets;
mod state_copy;
mod stories;
mod styles;
mod support;
mod test_files;
mod tidy;
mod trace;
mod verdict;
mod watch;
mod what_ran;
mod workspace;
mod write_modes;

//! One binary, one file per capability; `support/` holds the stand-ins for GitHub, the model servers and the runner.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod action;
mod ci_trigger;
mod doctor;
mod escapes;
mod executor;
mod faults;
mod fixes;
mod heal;
mod inputs;
mod models;
mod parser;
mod plan;
mod public_api;
mod publish;
mod secrets;
mod stories;
mod support;
mod tidy;
mod watch;
mod workspace;

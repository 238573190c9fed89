//! The only place that makes text for people, and the only one that prints.
//!
//! It renders what the contract's types say and decides nothing. Everything that comes from outside (logs, code, names,
//! model output) passes `clean` and then the escaping of its format.

pub mod annotations;
mod bug_list;
mod changes;
pub mod choice;
mod clean;
pub mod commands;
pub mod comment;
pub mod completions;
pub mod console;
pub mod demo;
pub mod diagnosis;
pub mod directory;
pub mod doctor;
mod ends;
pub mod event_log;
mod fix_title;
pub mod help;
pub mod init;
pub mod man;
mod markdown;
mod not_kept;
mod old_failures;
pub mod plan;
pub mod projection;
mod proof_table;
pub mod pull_request;
pub mod results;
#[cfg(test)]
pub(crate) mod sample;
mod sarif;
pub mod stats;
pub mod suggestion;
pub mod summary;
pub mod text;
pub mod verdict;
mod view;

//! What every line of a log passes through: cleaning, and the patterns of all tools at once. Knows no tool.
//!
//! `lines` cuts a byte stream into blocks of clean lines, `ci_prefixes` is what is cut off, `stream_prefix` splits off
//! what marks a process's output, `patterns` says which of some hundred patterns match which lines (`matches`), `gates` which of
//! them are worth trying, `walk` tries them.

#![warn(missing_docs)]

mod ci_prefixes;
mod gates;
pub mod lines;
mod matches;
mod patterns;
pub mod stream_prefix;

mod walk;

pub use self::matches::Matches;
pub use self::patterns::{Patterns, Scanner};

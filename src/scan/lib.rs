//! What every line of a log passes through: cleaning, and the patterns of all tools at once. Knows no tool.
//!
//! `lines` cuts a byte stream into blocks of clean lines, `prefixes` is what is cut off, `lanes` splits off what marks
//! a process's output, `patterns` says which of some hundred patterns match which lines (`matches`), `gates` which of
//! them are worth trying, `walk` tries them.

mod gates;
pub mod lanes;
pub mod lines;
mod matches;
mod patterns;
mod prefixes;
mod walk;

pub use self::matches::Matches;
pub use self::patterns::{Patterns, Scanner};

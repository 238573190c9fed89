//! What every line of a log passes through: cleaning, and the patterns of all tools at once. Knows no tool.
//!
//! `lines` cuts a byte stream into clean lines, `lanes` splits off what marks a process's output, `patterns` says which
//! of some hundred patterns match a line, `gates` which of them are worth trying.

mod gates;
pub mod lanes;
pub mod lines;
mod patterns;

pub use self::patterns::{Patterns, Scanner};

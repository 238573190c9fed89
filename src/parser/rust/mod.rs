//! Rust: the compiler, cargo, test runners, formatters and checkers.

mod cargo;
mod clippy;
mod deny;
mod libtest;
mod nextest;
mod panic;
mod rustc;
mod rustfmt;
mod suggestion;
mod trybuild;

pub(super) use rustc::ty_category;

use super::registry::Tool;

/// In order of precedence.
pub(super) const TOOLS: &[Tool] = &[
    trybuild::TOOL,
    nextest::TOOL,
    libtest::TOOL,
    rustfmt::TOOL,
    rustc::TOOL,
    clippy::TOOL,
    deny::TOOL,
    cargo::TOOL,
    panic::TOOL,
];

//! Rust: the compiler, cargo, test runners, formatters and checkers.

mod rustc;

use super::registry::Tool;

/// In order of precedence.
pub(super) const TOOLS: &[Tool] = &[rustc::TOOL];

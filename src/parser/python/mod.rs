//! Python: tracebacks, test runners, type checkers, linters, formatters, installers.

use super::registry::Tool;

/// In order of precedence.
pub(super) const TOOLS: &[Tool] = &[];

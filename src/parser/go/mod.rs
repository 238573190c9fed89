//! Go: the compiler, vet, test, modules, formatters and linters.

use super::registry::Tool;

/// In order of precedence.
pub(super) const TOOLS: &[Tool] = &[];

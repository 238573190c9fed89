//! Node and TypeScript: the runtime, tsc, test runners, linters, bundlers, package managers.

use super::registry::Tool;

/// In order of precedence.
pub(super) const TOOLS: &[Tool] = &[];

//! What belongs to no language: C compilers, make, the shell, Docker, JUnit XML, SARIF, the CI service, the environment.

use super::registry::Tool;

/// In order of precedence.
pub(super) const TOOLS: &[Tool] = &[];

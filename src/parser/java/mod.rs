//! Java and Kotlin: compilers, Maven, Gradle, test runners.

use super::registry::Tool;

/// In order of precedence.
pub(super) const TOOLS: &[Tool] = &[];

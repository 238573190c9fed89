//! What belongs to no language: C compilers, make, the shell, Docker, JUnit XML, SARIF, the CI service, the environment.

mod cc;
mod docker;
mod environment;
mod github;
mod junit;
mod make;
mod sarif;
mod shell;

use super::registry::Tool;

/// In order of precedence.
pub(super) const TOOLS: &[Tool] = &[
    cc::TOOL,
    junit::TOOL,
    sarif::TOOL,
    docker::TOOL,
    environment::TOOL,
    make::TOOL,
    shell::TOOL,
    github::TOOL,
];

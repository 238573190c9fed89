//! What belongs to no language: C compilers and test frameworks, make, the shell, Docker, JUnit XML, SARIF, the CI
//! service, the environment.

mod catch2;
mod cc;
mod docker;
mod environment;
mod github;
mod googletest;
mod junit;
mod make;
mod sanitizer;
mod sarif;
mod shell;

use super::registry::Tool;

/// In order of precedence.
pub(super) const TOOLS: &[Tool] = &[
    googletest::TOOL,
    catch2::TOOL,
    sanitizer::TOOL,
    cc::TOOL,
    junit::TOOL,
    sarif::TOOL,
    docker::TOOL,
    environment::TOOL,
    make::TOOL,
    shell::TOOL,
    github::TOOL,
];

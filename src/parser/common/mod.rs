//! What belongs to no language: C compilers and test frameworks, make, the shell, Docker, JUnit XML, SARIF, the CI
//! service, the environment.

mod catch2;
mod cc;
mod checkstyle;
mod docker;
mod environment;
mod git;
mod github;
mod googletest;
mod json;
mod junit;
mod make;
mod pre_commit;
mod sanitizer;
mod sarif;
mod shell;

use super::registry::Tool;

/// In order of precedence.
pub(super) const TOOLS: &[Tool] = &[
    pre_commit::TOOL,
    git::TOOL,
    googletest::TOOL,
    catch2::TOOL,
    sanitizer::TOOL,
    cc::TOOL,
    junit::TOOL,
    sarif::TOOL,
    json::TOOL,
    json::RUBOCOP,
    json::SEMGREP,
    checkstyle::TOOL,
    docker::TOOL,
    environment::TOOL,
    make::TOOL,
    make::CMAKE,
    make::CTEST,
    shell::TOOL,
    github::TOOL,
];

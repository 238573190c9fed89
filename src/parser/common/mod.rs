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
mod records;
mod sanitizer;
mod sarif;
mod shell;

pub(super) use self::cc::compiler_error;
use super::registry::{Tool, read_by_another};

/// In order of precedence.
pub(super) const TOOLS: &[Tool] = &[
    pre_commit::TOOL,
    git::TOOL,
    googletest::TOOL,
    catch2::TOOL,
    sanitizer::TOOL,
    sanitizer::VALGRIND,
    cc::TOOL,
    read_by_another("clang-format"),
    read_by_another("clang-tidy"),
    read_by_another("cppcheck"),
    junit::TOOL,
    sarif::TOOL,
    json::TOOL,
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

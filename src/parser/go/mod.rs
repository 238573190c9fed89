//! Go: the compiler, vet, test, modules, formatters and linters.

mod build;
mod gofmt;
mod modules;
mod stack;
mod suite;
mod test;

use super::registry::{Tool, read_by_another};

/// In order of precedence.
pub(super) const TOOLS: &[Tool] = &[
    test::TOOL,
    modules::TOOL,
    build::TOOL,
    gofmt::TOOL,
    read_by_another("shfmt"),
    // Goroutine stacks are read with the tests' output.
    read_by_another("go-panic"),
    // One-line diagnostics are told apart by `build`.
    read_by_another("go-vet"),
    read_by_another("go-lint"),
    read_by_another("staticcheck"),
    read_by_another("golangci-lint"),
];

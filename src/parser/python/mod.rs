//! Python: tracebacks, test runners, type checkers, linters, formatters, installers.

pub(super) mod diff;
mod doctest;
mod exception;
pub(super) mod flake8;
mod format;
mod mypy;
mod pip;
mod pylint;
mod pyright;
mod pytest;
mod ruff;
#[cfg(test)]
mod tests;
mod traceback;
mod unittest;

use super::registry::Tool;

/// In order of precedence.
pub(super) const TOOLS: &[Tool] = &[
    pytest::PYTEST,
    unittest::UNITTEST,
    doctest::DOCTEST,
    ruff::RUFF,
    pylint::PYLINT,
    pyright::PYRIGHT,
    mypy::MYPY,
    flake8::PYDOCSTYLE,
    format::RUFF_FORMAT,
    format::ISORT,
    format::BLACK,
    pip::PIP,
    pip::UV,
    traceback::PYTHON,
];

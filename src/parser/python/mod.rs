//! Python: tracebacks, test runners, type checkers, linters, formatters, installers.

pub(super) mod diff;
mod django;
mod doctest;
mod documentation;
mod exception;
pub(super) mod flake8;
mod format;
mod mypy;
mod pip;
mod pylint;
mod pyrefly;
mod pyright;
mod pytest;
mod ruff;
mod stestr;
#[cfg(test)]
mod tests;
mod traceback;
mod trial;
mod unittest;

use super::registry::{Tool, read_by_another};

/// In order of precedence.
pub(super) const TOOLS: &[Tool] = &[
    pytest::PYTEST,
    read_by_another("coverage"),
    stestr::STESTR,
    trial::TRIAL,
    unittest::UNITTEST,
    doctest::DOCTEST,
    django::DJANGO,
    documentation::SPHINX,
    documentation::MKDOCS,
    ruff::RUFF,
    pylint::PYLINT,
    pyright::PYRIGHT,
    mypy::MYPY,
    pyrefly::PYREFLY,
    flake8::PYDOCSTYLE,
    format::RUFF_FORMAT,
    format::ISORT,
    format::BLACK,
    read_by_another("autopep8"),
    read_by_another("flynt"),
    read_by_another("yapf"),
    pip::PIP,
    pip::UV,
    traceback::PYTHON,
];

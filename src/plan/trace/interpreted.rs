//! Python and Node: tracers that every interpreter of the step loads from its environment, through whatever wrappers.

use super::super::write_modes::script::{self, Command};
use super::{quoted, stage};
use crate::contract::build::PlanStep;
use crate::contract::executed::{Trace, TraceFormat, TracedTest};

const PYTHON: &[(&str, &str)] = &[
    ("sitecustomize.py", include_str!("tracers/sitecustomize.py")),
    ("ci_healer_trace.py", include_str!("tracers/ci_healer_trace.py")),
    ("ci_healer_pytest.py", include_str!("tracers/ci_healer_pytest.py")),
];
const NODE: &[(&str, &str)] = &[("ci_healer_trace.cjs", include_str!("tracers/ci_healer_trace.cjs"))];

pub(super) fn python(step: &PlanStep, tests: Vec<TracedTest>) -> Trace {
    let environment = [
        r#"export PYTHONPATH="$CI_HEALER_TRACE${PYTHONPATH:+:$PYTHONPATH}" PYTHONDONTWRITEBYTECODE=1"#,
        r#"export PYTEST_ADDOPTS="${PYTEST_ADDOPTS:+$PYTEST_ADDOPTS }-p ci_healer_pytest -o cache_dir=$CI_HEALER_TRACE/cache""#,
        r#"export COVERAGE_FILE="$CI_HEALER_TRACE/coverage""#,
    ];
    trace(step, tests, &environment, PYTHON)
}

pub(super) fn node(step: &PlanStep, tests: Vec<TracedTest>) -> Trace {
    let environment = [
        r#"export NODE_OPTIONS="${NODE_OPTIONS:+$NODE_OPTIONS }--require $CI_HEALER_TRACE/ci_healer_trace.cjs""#,
    ];
    trace(step, tests, &environment, NODE)
}

fn trace(step: &PlanStep, tests: Vec<TracedTest>, environment: &[&str], files: &[(&str, &str)]) -> Trace {
    let names: Option<Vec<&str>> = tests.iter().map(|test| test.file.as_deref()).collect();
    let wanted = format!("export CI_HEALER_TRACE_FILES={}", quoted(&names.unwrap_or_default().join("\n")));
    let environment = environment.iter().map(|line| (*line).to_owned()).chain([wanted]);
    let commands = script::commands(&step.run);
    let mut calls = commands.iter().filter(|command| command.piped.is_empty() && is_call(command));
    let lines: Vec<String> = match (calls.next(), calls.next()) {
        (Some(call), None) => stage(call).into_iter().chain(environment).chain([line_of(call)]).collect(),
        // The tracers see to it that only the failing test's file runs.
        _ => environment.chain(["set -e".to_owned(), step.run.clone()]).collect(),
    };
    let files = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    Trace { command: lines.join("\n"), files, format: TraceFormat::Functions, tests }
}

/// Whether a command runs tests, by its words; what it runs in turn does not matter.
fn is_call(command: &Command) -> bool {
    const RUNNERS: &[&str] = &["tox", "nox", "nose2", "mocha", "ava", "jasmine", "uvu", "tap", "check"];
    command.words.iter().filter(|word| !word.is_assignment()).any(|word| {
        let text = word.literal.as_deref().unwrap_or_default();
        // `pytest`, `unittest`, `vitest`, `jest`, `--test`, `test:unit`, `./run_tests.sh`
        let name = text.rsplit('/').next().unwrap_or_default();
        name.contains("test") || name == "jest" || RUNNERS.contains(&name)
    })
}

/// The call, without what would end it at the first failure or choose by an earlier run's.
fn line_of(call: &Command) -> String {
    const ENDS: &[&str] = &[
        "-x",
        "--exitfirst",
        "--lf",
        "--last-failed",
        "--ff",
        "--failed-first",
        "--sw",
        "--stepwise",
        "--bail",
        "-b",
        "-f",
        "--failfast",
    ];
    let words = call.words.iter().skip_while(|word| word.is_assignment());
    let is_pytest = words.clone().any(|word| word.is("pytest") || word.is("py.test"));
    let is_kept = |word: &&str| !is_pytest || !(ENDS.contains(word) || word.starts_with("--maxfail="));
    words.map(|word| word.raw.as_str()).filter(is_kept).collect::<Vec<_>>().join(" ")
}

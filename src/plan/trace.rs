//! The failing test's file once more, with tracing by what its toolchain has. Pure, over the step that failed.
//!
//! Nothing of the repository is changed and nothing is put into it: what a trace needs and writes lies in a folder of its
//! own. What a log says never becomes part of a command, but for the names of tests that are plain names and files that
//! are the tree's.

mod compiled;
mod interpreted;
mod java;

use std::collections::BTreeSet;

use super::write_modes::script::Command;
use crate::contract::bug::BugReport;
use crate::contract::build::PlanStep;
use crate::contract::executed::{FailedStep, Trace, TracedTest};
use crate::contract::git::SourceTree;

/// Failing tests that one trace asks about.
const MOST_TESTS: usize = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    Python,
    Node,
    Go,
    Rust,
    Java,
}

impl Language {
    fn of(bug: &BugReport) -> Option<Self> {
        Some(match bug.tool.as_str() {
            "pytest" | "unittest" => Self::Python,
            "node-test" | "mocha" | "jest" | "vitest" | "ava" | "tap" | "jasmine" | "uvu" => Self::Node,
            "go-test" | "go-panic" | "testing" => Self::Go,
            "cargo-test" | "nextest" | "rust-panic" => Self::Rust,
            "surefire" | "junit" | "gradle" | "maven" => Self::Java,
            _ => {
                let file = bug.file.as_deref()?;
                return [Self::Python, Self::Node, Self::Go, Self::Rust, Self::Java]
                    .into_iter()
                    .find(|language| language.writes(file));
            }
        })
    }

    /// Whether the file is in this language, by its name.
    fn writes(self, file: &str) -> bool {
        let extension = file.rsplit_once('.').map_or("", |(_, extension)| extension);
        match self {
            Self::Python => extension == "py",
            Self::Node => {
                matches!(extension, "js" | "mjs" | "cjs" | "jsx" | "ts" | "mts" | "cts" | "tsx")
            }
            Self::Go => extension == "go",
            Self::Rust => extension == "rs",
            Self::Java => matches!(extension, "java" | "kt"),
        }
    }
}

/// The trace of the tests among `bugs`, whose paths are the tree's; `None` where none of them is a test's, or the step is
/// not understood as far as it takes.
///
/// ```
/// use ci_healer::contract::bug::BugReport;
/// use ci_healer::contract::build::PlanStep;
/// use ci_healer::contract::executed::{FailedStep, TraceFormat};
/// use ci_healer::contract::git::{RepoPath, SourceTree, TreeFile};
/// use ci_healer::parser::{ParseOptions, diagnose};
///
/// struct Empty;
///
/// impl SourceTree for Empty {
///     fn files(&self) -> &[TreeFile] {
///         &[]
///     }
///
///     fn read(&self, _: &RepoPath) -> Option<Vec<u8>> {
///         None
///     }
/// }
///
/// let log = b"=== short test summary info ===\nFAILED tests/test_a.py::test_sum - assert 3 == 4\n=== 1 failed in 0.01s ===\n";
/// let bugs = diagnose(&log[..], &ParseOptions::default())?.bugs;
/// let failed = FailedStep { index: 0, script: "cd app && pytest -x", working_directory: ".", log };
/// let trace = ci_healer::plan::trace(&PlanStep::default(), &failed, &bugs, &Empty).unwrap();
/// assert_eq!(trace.format, TraceFormat::Functions);
/// assert!(trace.command.starts_with("cd app\n") && trace.command.ends_with("\npytest"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use]
pub fn trace(
    step: &PlanStep,
    failed: &FailedStep<'_>,
    bugs: &[BugReport],
    tree: &dyn SourceTree,
) -> Option<Trace> {
    let step = PlanStep {
        run: failed.script.to_owned(),
        working_directory: failed.working_directory.to_owned(),
        ..step.clone()
    };
    if step.background || step.wait.is_some() || !super::write_modes::is_shell(&step) {
        return None;
    }
    let paths: BTreeSet<&str> = tree.files().iter().map(|file| file.path.as_str()).collect();
    let of_tests = || bugs.iter().filter(|bug| bug.test.is_some());
    let language = of_tests().find_map(Language::of)?;
    let mut tests: Vec<TracedTest> = Vec::new();
    for bug in of_tests().filter(|bug| Language::of(bug) == Some(language)) {
        let test = TracedTest { id: bug.test.clone()?, file: test_file(bug, language, &paths) };
        if tests.len() < MOST_TESTS && !tests.contains(&test) {
            tests.push(test);
        }
    }
    match language {
        Language::Python => Some(interpreted::python(&step, tests)),
        Language::Node => Some(interpreted::node(&step, tests)),
        Language::Go => compiled::go(&step, tests, tree),
        Language::Rust => compiled::rust(&step, tests, tree),
        Language::Java => java::maven_or_gradle(&step, tests, tree),
    }
}

/// The file that holds the failing test, as far as the report tells.
fn test_file(bug: &BugReport, language: Language, paths: &BTreeSet<&str>) -> Option<String> {
    let id = bug.test.as_deref().unwrap_or_default();
    let named = id.split("::").next().filter(|name| language.writes(name));
    let related = bug.related.iter().map(|place| place.file.as_str());
    let told: Vec<&str> = named.into_iter().chain(bug.file.as_deref()).chain(related).collect();
    let module = (language == Language::Python).then(|| module_file(id, paths)).flatten();
    let is_test = |file: &&str| {
        let file = file.to_lowercase();
        file.contains("test") || file.contains("spec")
    };
    let own = |file: &&str| language.writes(file);
    let in_tree = |file: &&str| paths.contains(file);
    let tests = || told.iter().copied().filter(own).filter(is_test);
    // Rust's unit tests are in the file that they test.
    let any = (language == Language::Rust).then(|| told.iter().copied().filter(own).find(in_tree)).flatten();
    let found = tests()
        .find(in_tree)
        .or(module)
        .or_else(|| tests().find_map(|file| ends_with(file, paths)))
        .or_else(|| tests().find_map(|file| same_stem(file, language, paths)))
        .or(any);
    found.map(str::to_owned)
}

/// `test_load (unit.test_stock.StockTest.test_load)`: the file of the longest prefix that is one.
fn module_file<'p>(id: &str, paths: &BTreeSet<&'p str>) -> Option<&'p str> {
    let dotted = id.rsplit_once('(').map_or(id, |(_, inside)| inside.trim_end_matches(')'));
    let parts: Vec<&str> = dotted.split('.').collect();
    (1..=parts.len()).rev().find_map(|n| {
        let file = format!("{}.py", parts[..n].join("/"));
        paths.get(file.as_str()).copied().or_else(|| ends_with(&file, paths))
    })
}

/// The only path that ends so.
fn ends_with<'p>(file: &str, paths: &BTreeSet<&'p str>) -> Option<&'p str> {
    let suffix = format!("/{file}");
    let mut found = paths.iter().filter(|path| path.ends_with(&suffix));
    found.next().copied().filter(|_| found.next().is_none())
}

/// `dist/test/cart.test.js`: the only file of that name in another ending.
fn same_stem<'p>(file: &str, language: Language, paths: &BTreeSet<&'p str>) -> Option<&'p str> {
    let stem = |path: &str| -> Option<String> {
        let name = path.rsplit('/').next()?;
        Some(name.rsplit_once('.')?.0.to_owned())
    };
    let wanted = stem(file)?;
    let mut found = paths.iter().filter(|path| language.writes(path) && stem(path).as_ref() == Some(&wanted));
    found.next().copied().filter(|_| found.next().is_none())
}

/// The lines before a call that set where and how it runs. What they installed is there already.
fn stage(command: &Command) -> Vec<String> {
    const STAGE: &[&str] =
        &["cd", "pushd", "popd", "export", "unset", "source", ".", "set", "shopt", "umask", "ulimit"];
    let sets = |line: &&String| STAGE.contains(&line.split_whitespace().next().unwrap_or_default());
    let assigned = command.words.iter().take_while(|word| word.is_assignment());
    let exports = assigned.map(|word| format!("export {}", word.raw));
    command.setup.iter().filter(sets).cloned().chain(exports).collect()
}

/// For a POSIX shell: the text, whatever is in it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests;

//! What the parser says: typed reports of what failed, where, and what ran.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The whole answer of the parser to one log.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// Lines read, counted from 1.
    pub lines: u64,
    /// One report per root cause, in the order of the log.
    pub bugs: Vec<BugReport>,
    /// What each test runner in the log executed.
    pub tests: Vec<TestRun>,
}

/// One root cause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BugReport {
    /// Stable over runs and over moves of the code: see [`Fingerprint`].
    pub fingerprint: Fingerprint,
    /// The tool that reported it: `rustc`, `pytest`, …
    pub tool: String,
    pub category: Category,
    /// The tool's own code: `E0432`, `TS2304`, `F401`, …
    pub code: Option<String>,
    pub severity: Severity,
    /// As the log says, made relative to the workspace where it lies in it.
    pub file: Option<String>,
    /// From 1, as the tool prints it.
    pub line: Option<u32>,
    /// From 1, as the tool prints it.
    pub column: Option<u32>,
    pub end_line: Option<u32>,
    pub end_column: Option<u32>,
    pub message: String,
    /// The test's full id as its runner prints it.
    pub test: Option<String>,
    /// Where in the log this stands.
    pub log: LogSpan,
    /// Other places that belong to it: the failing test's line, the frames on the way, the second span.
    pub related: Vec<Location>,
    /// The fix the tool itself states, as data.
    pub hint: Option<Hint>,
    /// The package or folder of a workspace that it is of, as the log names it: a task runner's prefix, a heading, a
    /// folder that make entered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
}

/// Identifies a failure across runs: hash of tool, category, code, file, test and the message without its numbers,
/// plus the how-manieth of its kind. Line numbers are no part of it, so moving code does not make a new failure.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(pub String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    Syntax,
    Indentation,
    Import,
    Type,
    /// A failing test or assertion.
    Logic,
    Lint,
    Format,
    /// Uncaught exception, panic, crash.
    Runtime,
    Dependency,
    Configuration,
    /// Network, disk, memory, a missing secret or service: nothing a change of the code should fix.
    Environment,
    Timeout,
    Unknown,
}

impl Category {
    /// Every one.
    pub const ALL: [Self; 13] = [
        Self::Syntax,
        Self::Indentation,
        Self::Import,
        Self::Type,
        Self::Logic,
        Self::Lint,
        Self::Format,
        Self::Runtime,
        Self::Dependency,
        Self::Configuration,
        Self::Environment,
        Self::Timeout,
        Self::Unknown,
    ];

    /// As in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::Indentation => "indentation",
            Self::Import => "import",
            Self::Type => "type",
            Self::Logic => "logic",
            Self::Lint => "lint",
            Self::Format => "format",
            Self::Runtime => "runtime",
            Self::Dependency => "dependency",
            Self::Configuration => "configuration",
            Self::Environment => "environment",
            Self::Timeout => "timeout",
            Self::Unknown => "unknown",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Error,
    Warning,
    Info,
}

/// First and last line in the log, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct LogSpan {
    pub first: u64,
    pub last: u64,
}

/// What a log says of where a report's tool ran: its paths may begin in a package of the repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// Packages, projects, modules or folders, as the log names them; the surest first.
    pub packages: Vec<String>,
    /// Paths that the log gave in full, so that they are relative to the workspace for certain.
    pub rooted: Vec<String>,
}

/// By report.
pub type Origins = BTreeMap<Fingerprint, Origin>;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Location {
    pub file: String,
    pub line: Option<u32>,
    pub column: Option<u32>,
}

/// What one test runner executed, as far as its output says so. `None` is "not known", which is never zero: many
/// runners name only what failed, or print nothing at all when everything passed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestRun {
    pub runner: String,
    /// Passed and failed, without the skipped ones.
    pub executed: Option<u64>,
    pub passed: Option<u64>,
    pub failed: Option<u64>,
    pub skipped: Option<u64>,
    /// Ids of the executed tests, where the log prints each of them; `null` where it does not.
    pub ids: Option<Vec<String>>,
    /// In the style seen here the runner says nothing of its tests where all of them pass: a later green log
    /// without a word of it tells nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub silent_when_green: bool,
    /// The runner's final word; `None` where it has none, or none that counts what failed.
    #[serde(skip)]
    pub final_word: Option<FinalWord>,
}

/// The final summary of a runner, which is its own where others' are nested in its output. Of a runner that sums up part by
/// part (binaries, packages, modules) it is all of them together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FinalWord {
    pub failed: u64,
    /// Where in the log it stands, from 1.
    pub line: u64,
    /// How many summaries of a whole run there were before it.
    pub before: u32,
}

impl TestRun {
    /// Of a runner that says how many tests passed, failed and were skipped, and names none of them.
    #[must_use]
    pub fn counted(runner: &str, passed: u64, failed: u64, skipped: u64) -> Self {
        Self {
            runner: runner.to_owned(),
            executed: Some(passed.saturating_add(failed)),
            passed: Some(passed),
            failed: Some(failed),
            skipped: Some(skipped),
            ..Self::default()
        }
    }

    /// So many tests ran for certain; there may have been more where `executed` is not known.
    #[must_use]
    pub fn at_least(&self) -> u64 {
        let parts = self.passed.unwrap_or(0).saturating_add(self.failed.unwrap_or(0));
        let named = self.ids.as_ref().map_or(0, |ids| ids.len() as u64);
        self.executed.unwrap_or(0).max(parts).max(named)
    }
}

/// A fix that the log states, carried as data: the parser neither reads nor writes files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hint {
    /// The tool's own words.
    pub text: String,
    pub applicability: Applicability,
    /// All of them together are the fix.
    pub suggestions: Vec<Suggestion>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Applicability {
    /// The tool's output determines the change completely.
    MachineApplicable,
    /// One candidate of several, or text to be filled in.
    MaybeIncorrect,
}

/// One change a tool suggests. Lines and columns from 1; columns count characters as the tool does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Suggestion {
    /// Whole lines: those from `line` on that read `old` become `new`. Empty `old`: insert before `line`.
    ReplaceLines { file: String, line: u32, old: Vec<String>, new: Vec<String> },
    /// On one line: the text `old` (at `column`, where known) becomes `new`. Empty `old`: insert at `column`.
    ReplaceText { file: String, line: u32, column: Option<u32>, old: String, new: String },
    /// The compiler says that `token` is missing at this place.
    ExpectedToken { file: String, line: u32, column: Option<u32>, token: String },
    /// An import that nothing uses: `name` as the tool prints it.
    RemoveImport { file: String, line: u32, name: String },
    /// An import that is missing: the whole statement, in the file's language.
    AddImport { file: String, statement: String },
    /// A whole statement or declaration on `line` that the tool says to remove (`name` where it has one).
    RemoveLine { file: String, line: u32, name: Option<String> },
    /// A line whose indentation is wrong; `columns` is the indentation the tool expects, where it says so.
    Reindent { file: String, line: u32, columns: Option<u32> },
    /// A package that the code imports and no manifest lists.
    AddDependency { name: String },
    /// The tool's own fixing command (`go mod tidy`, `cargo fmt`, `ruff check --fix`), run in the sandbox as part of a fix.
    Command { run: String },
}

impl Suggestion {
    /// The file it changes.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        match self {
            Self::ReplaceLines { file, .. }
            | Self::ReplaceText { file, .. }
            | Self::ExpectedToken { file, .. }
            | Self::RemoveImport { file, .. }
            | Self::AddImport { file, .. }
            | Self::RemoveLine { file, .. }
            | Self::Reindent { file, .. } => Some(file),
            Self::AddDependency { .. } | Self::Command { .. } => None,
        }
    }

    pub fn file_mut(&mut self) -> Option<&mut String> {
        match self {
            Self::ReplaceLines { file, .. }
            | Self::ReplaceText { file, .. }
            | Self::ExpectedToken { file, .. }
            | Self::RemoveImport { file, .. }
            | Self::AddImport { file, .. }
            | Self::RemoveLine { file, .. }
            | Self::Reindent { file, .. } => Some(file),
            Self::AddDependency { .. } | Self::Command { .. } => None,
        }
    }
}

//! What a failing test executed: names and lines, never values.
//!
//! All of it is foreign, and a rerun's: it chooses what is shown first, and decides nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Display, Formatter, Result as FmtResult};

use serde::{Deserialize, Serialize};

/// A run of the failing test's file with tracing: one more command, in the failing step's container, folder and
/// environment, when all steps and probes are over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// For the step's shell; finds the folders in [`TRACE_FOLDER`] and [`TRACE_ROOT`].
    pub command: String,
    /// Text files to be put into the trace's folder before: names without folders, and contents.
    pub files: Vec<(String, String)>,
    /// How to read what it writes.
    pub format: TraceFormat,
    /// What it is asked about.
    pub tests: Vec<TracedTest>,
}

/// A failing test that is asked about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TracedTest {
    /// As the parser has it from the log.
    pub id: String,
    /// Its file, where that is known: a path of the tree.
    pub file: Option<String>,
}

/// The variable that holds the trace's own folder, outside the workspace. What the command writes below its `out` is the
/// answer.
pub const TRACE_FOLDER: &str = "CI_HEALER_TRACE";
/// The variable that holds the workspace's folder.
pub const TRACE_ROOT: &str = "CI_HEALER_TRACE_ROOT";

/// What the files below a trace's `out` are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TraceFormat {
    /// `*.json` of our own tracers (Python, Node): functions by test.
    Functions,
    /// `TEST.passed.out` and `TEST.failed.out` of `go test -coverprofile`; `functions.txt` of `go tool cover -func`.
    GoProfile,
    /// `TEST.passed.json` and `TEST.failed.json` of `llvm-cov export`.
    LlvmExport,
    /// `TEST.passed.PID.log` and `TEST.failed.PID.log` of the JVM's `-Xlog:class+load`; the same with `.exec` and `.xml` of
    /// JaCoCo's, where the build has it.
    Jvm,
}

/// What a trace left: files of the sandbox, by their names below `out`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceOutput {
    pub format: TraceFormat,
    /// What was asked about.
    pub tests: Vec<TracedTest>,
    pub files: Vec<(String, Vec<u8>)>,
    /// The trace's time was over before it ended.
    pub cut: bool,
}

/// The step that failed a job, as it ran.
#[derive(Debug, Clone, Copy)]
pub struct FailedStep<'a> {
    /// Index into the plan's steps.
    pub index: usize,
    /// Its script, with everything that only the run could resolve.
    pub script: &'a str,
    /// Relative to the workspace, or absolute inside the sandbox.
    pub working_directory: &'a str,
    /// What it printed, as far as that was kept.
    pub log: &'a [u8],
}

/// Makes the trace of a step that failed; `None` where there is nothing to trace.
///
/// The wiring layer implements it: the executor reads no logs.
pub trait Tracer: Send + Sync {
    fn trace(&self, failed: &FailedStep<'_>) -> Option<Trace>;
}

/// What a traced run executed of the repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Executed {
    /// Every function once.
    pub functions: Vec<ExecutedFunction>,
    /// What each test ran; empty where the tool does not tell tests apart.
    pub tests: Vec<ExecutedTest>,
    /// Whether `ran` of the tests, and `functions` where there are none, are in the order of first calls.
    pub in_order: bool,
}

/// A function of the repository that ran.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ExecutedFunction {
    /// Relative to the workspace; a file of the tree.
    pub file: String,
    /// As the tool names it; a class where the tool sees classes alone. Empty for code outside of functions, or where
    /// the tool knows lines alone.
    pub name: String,
    /// First and last line, from 1; `None` where the tool does not say.
    pub lines: Option<(u32, u32)>,
}

/// One test of a traced run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutedTest {
    /// As the runner names it; empty for what could not be told apart.
    pub id: String,
    /// `None` where the tracer does not see how tests end.
    pub failed: Option<bool>,
    /// Indices into [`Executed::functions`].
    pub ran: Vec<usize>,
    /// Of the functions by index, where the tool tells: first and last of the lines that ran.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<(usize, Vec<(u32, u32)>)>,
}

/// The functions that a failing test ran, the most suspicious first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TracedFunctions {
    pub functions: Vec<TracedFunction>,
}

/// One function that a failing test ran.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TracedFunction {
    /// Relative to the workspace.
    pub file: String,
    /// See [`ExecutedFunction::name`].
    pub name: String,
    /// First and last line, from 1; `None` where only the file is known.
    pub lines: Option<(u32, u32)>,
    /// 0 to 1: how much it ran in failing tests and in no passing ones (Ochiai); `None` where tests could not be told
    /// apart.
    pub suspicion: Option<f64>,
    /// The how-manieth of the functions to be called first, from 0; `None` where that is not known.
    pub order: Option<u32>,
    /// The lines that the failing test ran, in order; none where the tool tells functions alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ran: Vec<RanLines>,
}

/// Lines of a function that a failing test ran.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RanLines {
    /// First and last line, from 1.
    pub lines: (u32, u32),
    /// As of the function, of each of these lines.
    pub suspicion: f64,
}

impl TracedFunctions {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.functions.is_empty()
    }

    /// The files, each with the functions of it, in the order of their most suspicious function.
    #[must_use]
    pub fn by_file(&self) -> Vec<(&str, Vec<&TracedFunction>)> {
        let mut files: Vec<(&str, Vec<&TracedFunction>)> = Vec::new();
        let mut at = BTreeMap::new();
        for function in &self.functions {
            let index = *at.entry(function.file.as_str()).or_insert_with(|| {
                files.push((&function.file, Vec::new()));
                files.len() - 1
            });
            files[index].1.push(function);
        }
        files
    }
}

/// What the failing tests of a run executed of the repository, as it is reported.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TracedRun {
    pub functions: usize,
    pub files: usize,
    /// The most suspicious of the functions, in order; not all of them.
    pub suspects: Vec<TracedFunction>,
}

impl TracedRun {
    const MOST_SUSPECTS: usize = 20;

    #[must_use]
    pub fn of(mut traced: TracedFunctions) -> Self {
        let (functions, files) = (traced.functions.len(), traced.by_file().len());
        traced.functions.truncate(Self::MOST_SUSPECTS);
        traced.functions.iter_mut().for_each(|function| function.ran.clear());
        Self { functions, files, suspects: traced.functions }
    }
}

/// `14 functions in 5 files`
impl Display for TracedFunctions {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        let files: BTreeSet<&str> = self.functions.iter().map(|function| function.file.as_str()).collect();
        let plural = |n: usize| if n == 1 { "" } else { "s" };
        let (functions, files) = (self.functions.len(), files.len());
        write!(f, "{functions} function{} in {files} file{}", plural(functions), plural(files))
    }
}

//! What each step of a run says of itself: its own part of the log, and its report.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use regex::Regex;

use crate::contract::bug::{BugReport, Category, Fingerprint, LogSpan, Severity, TestRun};
use crate::contract::build::{ExecutionResult, ProbeResult, StepResult};

use super::evidence::{lines_of, read};
use super::tests_ran;

/// By the step's index: those that ran.
pub type StepsSaid = BTreeMap<usize, Arc<StepSaid>>;

/// What one step printed and wrote, read for itself. Lines count from the step's first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StepSaid {
    pub exit_code: Option<i64>,
    pub tests: Vec<TestRun>,
    pub bugs: Vec<BugReport>,
    pub report: Option<StepReport>,
    /// What the code itself reports behind the last summary, where that alone is read.
    pub behind: Vec<BugReport>,
}

/// What a runner's machine-readable report says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StepReport {
    pub runs: Vec<TestRun>,
    /// The step itself has written it, or a run of the same tests that ended with exit code 0.
    pub speaks_of_success: bool,
    /// It was asked for, and there is none.
    pub is_missing: bool,
}

impl StepSaid {
    /// The run whose summary stands last: what is nested in its output has ended before.
    pub(super) fn last_word(&self) -> Option<(&TestRun, u64, u64)> {
        let words = self.tests.iter().filter_map(|run| Some((run, run.final_word?)));
        words.max_by_key(|(_, word)| word.line).map(|(run, word)| (run, word.failed, word.line))
    }

    /// The runner's last summary counts failed tests.
    pub(super) fn says_failed(&self, runner: &str) -> bool {
        let word = self.tests.iter().find(|run| run.runner == runner).and_then(|run| run.final_word);
        word.is_some_and(|word| word.failed > 0)
    }

    /// The failed tests of its report, and whose they are.
    pub(super) fn reported(&self) -> Option<(&str, u64)> {
        let report = self.report.as_ref().filter(|report| report.speaks_of_success)?;
        // Its own last word, where it has one: a test may print another runner's.
        let failed = |run: &TestRun| run.final_word.map_or(run.failed.unwrap_or(0), |word| word.failed);
        let first = report.runs.iter().find(|run| failed(run) > 0)?;
        let runner = first.runner.strip_suffix(tests_ran::ASKED_AGAIN).unwrap_or(&first.runner);
        // The format is many runners'.
        let own = self.tests.first().map(|run| run.runner.as_str());
        let own = own.or_else(|| self.errors().next().map(|bug| bug.tool.as_str()));
        let runner = own.filter(|_| runner == "junit-xml").unwrap_or(runner);
        Some((runner, report.runs.iter().map(failed).fold(0, u64::saturating_add)))
    }

    /// Its runner ended well before it wrote the report that it was asked for.
    pub(super) fn lacks_report(&self) -> bool {
        self.report.as_ref().is_some_and(|report| report.speaks_of_success && report.is_missing)
    }

    /// The failures that a tool reports. Of lines that only look like one nobody says that they are.
    pub(super) fn errors(&self) -> impl Iterator<Item = &BugReport> {
        let is_none = |bug: &&BugReport| matches!(bug.category, Category::Unknown | Category::Environment);
        self.bugs.iter().filter(move |bug| bug.severity == Severity::Error && !is_none(bug))
    }

    /// What failed in the code itself behind the last summary. An error that only says how another program ended is none.
    pub(super) fn failed_behind(&self) -> impl Iterator<Item = &BugReport> {
        static OF_ANOTHER: LazyLock<Option<Regex>> = LazyLock::new(|| {
            let words = r"(?i)\bexit(ed|s)?\b.{0,12}\b(code|status)|non-?zero|command failed|returned -?\d|tests? failed|failures?\b";
            Regex::new(words).ok()
        });
        let is_own = |bug: &&BugReport| {
            matches!(bug.category, Category::Logic | Category::Runtime)
                && bug.line.is_some()
                && OF_ANOTHER.as_ref().is_none_or(|of| !of.is_match(&bug.message))
        };
        self.behind.iter().filter(move |bug| bug.severity == Severity::Error && is_own(bug))
    }

    pub(super) fn shows(&self, failure: &Fingerprint) -> bool {
        self.errors().chain(self.failed_behind()).any(|bug| bug.fingerprint == *failure)
    }
}

/// What the steps printed.
pub(super) fn of_log(log: &[u8], result: &ExecutionResult) -> StepsSaid {
    let of = |(index, step): (usize, &StepResult)| {
        step.exit_code?;
        let printed = step.log.map_or(&[][..], |span| lines_of(log, span));
        let (diagnosis, _) = read(printed);
        let (exit_code, tests, bugs) = (step.exit_code, diagnosis.tests, diagnosis.bugs);
        let mut said = StepSaid { exit_code, tests, bugs, report: None, behind: Vec::new() };
        if let Some((_, failed, line)) = said.last_word()
            && failed > 0
        {
            let behind = LogSpan { first: line + 1, last: u64::MAX };
            said.behind = read(lines_of(printed, behind)).0.bugs;
        }
        Some((index, Arc::new(said)))
    };
    result.steps.iter().enumerate().filter_map(of).collect()
}

/// Adds what a probe brought.
pub(super) fn add_report(said: &mut StepsSaid, probe: &ProbeResult, runs: &[TestRun]) {
    let Some(said) = said.get_mut(&probe.step).map(Arc::make_mut) else { return };
    let speaks_of_success = probe.of_step || probe.exit_code == 0;
    let is_missing = probe.lacks_report;
    said.report = Some(StepReport { runs: runs.to_vec(), speaks_of_success, is_missing });
}

//! Is this run better than the one before? Pure comparison of what two executions showed.
//!
//! A fix is kept only on evidence: the failure set shrinks or the build gets further, and nothing that passed
//! before fails now. The last word is always the final proof; this only decides what to build upon.

use std::collections::{BTreeMap, BTreeSet};

use crate::contract::bug::{BugReport, Category, Diagnosis, Fingerprint, Severity, TestRun};
use crate::contract::build::{ExecutionResult, Exit};
use crate::contract::report;
use crate::contract::verdict::Disagreement;
use crate::report::text;

use super::tests_ran;

/// What one execution showed.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    pub end: RunStatus,
    /// Index of the first failing step in the plan.
    pub failing_step: Option<usize>,
    pub failures: BTreeMap<Fingerprint, Failure>,
    pub tests: Vec<TestRun>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunStatus {
    Green,
    Red,
    /// A step's exit code was 0, and another source says that it failed.
    Disputed {
        by: Disagreement,
    },
    TimedOut {
        after_seconds: u64,
    },
    OutOfMemory,
    Infrastructure {
        what: String,
    },
    /// All passed up to a step that cannot be run here.
    Unreproducible {
        what: String,
    },
    Cancelled,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub tool: String,
    pub category: Category,
    pub file: Option<String>,
    pub line: Option<u32>,
    pub test: Option<String>,
}

/// Lines of a file that a change touched, as they are after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touched {
    pub file: String,
    pub first: u32,
    pub last: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    Green,
    /// Red, but further; how.
    Better(String),
    /// Not better; why.
    None(String),
}

impl Observation {
    #[must_use]
    pub fn new(result: &ExecutionResult, diagnosis: &Diagnosis) -> Self {
        let end = match &result.exit {
            Exit::Exited { code: 0 } => RunStatus::Green,
            Exit::Exited { .. } => RunStatus::Red,
            Exit::TimedOut { after_seconds } => RunStatus::TimedOut { after_seconds: *after_seconds },
            Exit::OutOfMemory { .. } => RunStatus::OutOfMemory,
            Exit::Infrastructure { what } => RunStatus::Infrastructure { what: what.clone() },
            Exit::Cancelled => RunStatus::Cancelled,
        };
        match result.unreproducible() {
            Some((step, what)) => {
                let end = RunStatus::Unreproducible { what: what.to_owned() };
                Self { end, failing_step: Some(step), ..Self::of_log(diagnosis) }
            }
            None => Self { end, failing_step: result.failed_step, ..Self::of_log(diagnosis) },
        }
    }

    /// No run at all: the machine is to blame.
    #[must_use]
    pub fn infrastructure(what: &str) -> Self {
        Self {
            end: RunStatus::Infrastructure { what: what.to_owned() },
            failing_step: None,
            failures: BTreeMap::new(),
            tests: Vec::new(),
        }
    }

    /// A red run of which only the log is known.
    #[must_use]
    pub fn of_log(diagnosis: &Diagnosis) -> Self {
        let failures = diagnosis
            .bugs
            .iter()
            .filter(|bug| bug.severity == Severity::Error)
            .map(|bug| (bug.fingerprint.clone(), Failure::of(bug)))
            .collect();
        Self { end: RunStatus::Red, failing_step: None, failures, tests: diagnosis.tests.clone() }
    }

    #[must_use]
    pub fn is_green(&self) -> bool {
        self.end == RunStatus::Green
    }

    /// Takes over where the reports lie in the repository.
    pub fn take_places(&mut self, diagnosis: &Diagnosis) {
        for bug in &diagnosis.bugs {
            if let Some(failure) = self.failures.get_mut(&bug.fingerprint) {
                failure.file.clone_from(&bug.file);
            }
        }
    }

    /// There are failures, and none of them is the code's.
    #[must_use]
    pub fn is_environment_only(&self) -> bool {
        !self.failures.is_empty() && self.failures.values().all(|f| f.category == Category::Environment)
    }

    /// Only tests or crashes at run time: such failures may come and go by chance.
    #[must_use]
    pub fn may_be_flaky(&self) -> bool {
        let by_chance = [Category::Logic, Category::Runtime, Category::Timeout];
        !self.failures.is_empty() && self.failures.values().all(|f| by_chance.contains(&f.category))
    }

    /// The failures that `later` does not show any more.
    #[must_use]
    pub fn gone_in(&self, later: &Self) -> BTreeMap<Fingerprint, Failure> {
        let gone = self.failures.iter().filter(|(key, _)| !later.failures.contains_key(*key));
        gone.map(|(key, failure)| (key.clone(), failure.clone())).collect()
    }
}

/// How far a build gets before a failure of this kind can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Prepare,
    Compile,
    Run,
}

impl Failure {
    fn of(bug: &BugReport) -> Self {
        Self {
            tool: bug.tool.clone(),
            category: bug.category,
            file: bug.file.clone(),
            line: bug.line,
            test: bug.test.clone(),
        }
    }

    /// In lines that a change touched.
    pub(super) fn lies_in(&self, touched: &[Touched]) -> bool {
        touched.iter().any(|t| {
            self.file.as_deref().is_some_and(|file| same_file(file, &t.file))
                && self.line.is_none_or(|line| line >= t.first && line <= t.last)
        })
    }

    /// It could show only once everything was compiled.
    pub(super) fn is_of_running(&self) -> bool {
        self.stage() == Stage::Run
    }

    fn stage(&self) -> Stage {
        match self.category {
            Category::Dependency | Category::Configuration | Category::Environment => Stage::Prepare,
            // A test that could not even be loaded is a compile failure for what it hides.
            Category::Syntax | Category::Indentation | Category::Import | Category::Type => Stage::Compile,
            Category::Lint | Category::Format => Stage::Compile,
            Category::Logic | Category::Runtime | Category::Timeout | Category::Unknown => Stage::Run,
        }
    }
}

/// Compares a run with the one it was to improve on.
#[must_use]
pub fn compare(before: &Observation, after: &Observation, touched: &[Touched]) -> Progress {
    if let Some(why) = regression(before, after, touched) {
        return Progress::None(why);
    }
    if after.end == RunStatus::Green {
        return Progress::Green;
    }
    if let (Some(was), Some(is)) = (before.failing_step, after.failing_step)
        && is > was
    {
        return Progress::Better(format!("step {} passes, step {} fails now", was + 1, is + 1));
    }
    let (removed, added) = difference(before, after);
    match (removed.len(), added.is_empty()) {
        (0, _) => Progress::None("the same failures as before".to_owned()),
        (gone, true) => Progress::Better(format!("{gone} of {} failures are gone", before.failures.len())),
        (gone, false) => Progress::Better(format!("{gone} failures are gone, and others behind them show")),
    }
}

/// What is worse in `after`, where something is: it did not come to a verdict, gets less far, or fails where `before` did
/// not, other than behind what is gone.
#[must_use]
pub fn regression(before: &Observation, after: &Observation, touched: &[Touched]) -> Option<String> {
    match &after.end {
        RunStatus::Green => return missing_tests(before, after),
        RunStatus::Disputed { by } if after.failing_step <= before.failing_step => {
            return Some(text::disagreement(by));
        }
        RunStatus::Red | RunStatus::Disputed { .. } | RunStatus::Unreproducible { .. } => {}
        RunStatus::TimedOut { after_seconds } => {
            return Some(format!("the build did not end within {after_seconds} s"));
        }
        RunStatus::OutOfMemory => return Some("the build ran out of memory".to_owned()),
        RunStatus::Infrastructure { what } => return Some(format!("the sandbox failed: {what}")),
        RunStatus::Cancelled => return Some("the run was cancelled".to_owned()),
    }
    match (before.failing_step, after.failing_step) {
        (Some(was), Some(is)) if is > was => return None,
        (Some(was), Some(is)) if is < was => {
            return Some(format!("step {} fails, which passed before", is + 1));
        }
        _ => {}
    }
    if let RunStatus::Unreproducible { what } = &after.end {
        return Some(what.clone());
    }
    let (removed, added) = difference(before, after);
    if removed.is_empty() && !added.is_empty() {
        return Some(format!("the same failures as before and {} more", added.len()));
    }
    let furthest_removed = removed.iter().map(|f| f.stage()).max().unwrap_or(Stage::Run);
    let passed_before = passed_tests(before);
    added.into_iter().find_map(|failure| {
        if let Some(test) = failure.test.as_deref().filter(|test| passed_before.contains(test)) {
            return Some(format!("test {test} fails, which passed before"));
        }
        if failure.stage() > furthest_removed {
            return None;
        }
        if furthest_removed == Stage::Run && failure.stage() == Stage::Run && !was_hidden(before, after) {
            return Some("another failure took the place of the one that is gone".to_owned());
        }
        if failure.stage() < furthest_removed {
            return Some(format!("a new {} failure came up", failure.category.as_str()));
        }
        failure.lies_in(touched).then(|| "the changed lines fail themselves now".to_owned())
    })
}

/// The failures that are gone, and those that are new.
fn difference<'a>(before: &'a Observation, after: &'a Observation) -> (Vec<&'a Failure>, Vec<&'a Failure>) {
    let not_in = |a: &'a Observation, b: &Observation| -> Vec<&'a Failure> {
        a.failures.iter().filter(|(key, _)| !b.failures.contains_key(*key)).map(|(_, f)| f).collect()
    };
    (not_in(before, after), not_in(after, before))
}

/// The comparison as the report tells it; `made` says whether it counts as progress.
#[must_use]
pub fn report(before: &Observation, after: &Observation, made: bool) -> report::Progress {
    let keys = |o: &Observation| o.failures.keys().cloned().collect::<Vec<Fingerprint>>();
    let (was, is) = (keys(before), keys(after));
    report::Progress {
        made,
        fixed: was.iter().filter(|f| !is.contains(f)).cloned().collect(),
        remaining: was.iter().filter(|f| is.contains(f)).cloned().collect(),
        new: is.iter().filter(|f| !was.contains(f)).cloned().collect(),
        step_before: before.failing_step,
        step_after: after.failing_step,
    }
}

/// More tests ran than before and no more of them failed: the new failures were hidden by the old ones.
fn was_hidden(before: &Observation, after: &Observation) -> bool {
    tests_ran::more(&before.tests, &after.tests)
        && tests_ran::failed(&after.tests) <= tests_ran::failed(&before.tests).max(1)
}

pub(super) fn same_file(a: &str, b: &str) -> bool {
    a == b || a.ends_with(&format!("/{b}")) || b.ends_with(&format!("/{a}"))
}

pub(super) fn passed_tests(observation: &Observation) -> BTreeSet<&str> {
    let failed: BTreeSet<&str> = observation.failures.values().filter_map(|f| f.test.as_deref()).collect();
    observation
        .tests
        .iter()
        .filter_map(|t| t.ids.as_ref())
        .flatten()
        .map(String::as_str)
        .filter(|id| !failed.contains(id))
        .collect()
}

/// The fact behind the rule against weakened tests: the tests that ran before ran again, as far as that is known. Asked
/// of green runs alone; a build that stops earlier now is judged by its failures.
#[must_use]
pub fn missing_tests(before: &Observation, after: &Observation) -> Option<String> {
    if after.end == RunStatus::Green { tests_ran::missing(&before.tests, &after.tests) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(category: Category, file: &str, line: u32) -> Failure {
        Failure { tool: String::new(), category, file: Some(file.to_owned()), line: Some(line), test: None }
    }

    fn red(step: usize, failures: &[(&str, Failure)]) -> Observation {
        Observation {
            end: RunStatus::Red,
            failing_step: Some(step),
            failures: failures.iter().map(|(k, f)| (Fingerprint((*k).to_owned()), f.clone())).collect(),
            tests: Vec::new(),
        }
    }

    fn with_tests(mut o: Observation, executed: u64, failed: u64, ids: Option<&[&str]>) -> Observation {
        o.tests = vec![TestRun {
            ids: ids.map(|ids| ids.iter().map(|s| (*s).to_owned()).collect()),
            ..TestRun::counted("pytest", executed - failed, failed, 0)
        }];
        o
    }

    fn green() -> Observation {
        Observation {
            end: RunStatus::Green,
            failing_step: None,
            failures: BTreeMap::new(),
            tests: Vec::new(),
        }
    }

    #[test]
    fn green_is_progress_only_while_no_test_vanished() {
        let before = with_tests(red(0, &[("a", failure(Category::Logic, "a.py", 3))]), 5, 1, None);
        assert_eq!(compare(&before, &with_tests(green(), 5, 0, None), &[]), Progress::Green);
        assert!(matches!(compare(&before, &with_tests(green(), 4, 0, None), &[]), Progress::None(_)));
        assert!(matches!(compare(&before, &green(), &[]), Progress::None(_)), "no test ran at all");
    }

    #[test]
    fn a_renamed_test_is_a_vanished_one() {
        let before =
            with_tests(red(0, &[("a", failure(Category::Logic, "a.py", 3))]), 2, 1, Some(&["x", "y"]));
        let after = with_tests(green(), 2, 0, Some(&["x", "z"]));
        assert!(matches!(compare(&before, &after, &[]), Progress::None(why) if why.contains("test y")));
    }

    #[test]
    fn a_later_step_is_progress_and_an_earlier_one_is_not() {
        let a = failure(Category::Lint, "a.py", 1);
        let early = red(1, &[("a", a.clone())]);
        let late = red(2, &[("b", a)]);
        assert!(matches!(compare(&early, &late, &[]), Progress::Better(_)));
        assert!(matches!(compare(&late, &early, &[]), Progress::None(_)));
    }

    #[test]
    fn a_compile_error_may_uncover_a_failing_test() {
        let before = red(0, &[("c", failure(Category::Type, "a.rs", 3))]);
        let after = red(0, &[("t", failure(Category::Logic, "a.rs", 9))]);
        let touched = [Touched { file: "a.rs".to_owned(), first: 3, last: 3 }];
        assert!(matches!(compare(&before, &after, &touched), Progress::Better(_)));
    }

    #[test]
    fn a_test_failure_that_becomes_a_compile_error_is_not_progress() {
        let before = red(0, &[("t", failure(Category::Logic, "a.rs", 9))]);
        let after = red(0, &[("c", failure(Category::Type, "b.rs", 3))]);
        assert!(matches!(compare(&before, &after, &[]), Progress::None(_)));
    }

    #[test]
    fn the_next_syntax_error_of_another_file_is_progress_but_one_in_the_change_is_not() {
        let before = red(0, &[("a", failure(Category::Syntax, "a.py", 3))]);
        let after = red(0, &[("b", failure(Category::Syntax, "b.py", 7))]);
        let touched = |file: &str, first, last| [Touched { file: file.to_owned(), first, last }];
        assert!(matches!(compare(&before, &after, &touched("a.py", 3, 3)), Progress::Better(_)));
        assert!(matches!(compare(&before, &after, &touched("b.py", 7, 7)), Progress::None(_)));
    }

    #[test]
    fn one_failing_test_for_another_is_not_progress() {
        let before = red(0, &[("a", failure(Category::Logic, "a.py", 3))]);
        let after = red(0, &[("b", failure(Category::Logic, "a.py", 9))]);
        assert!(matches!(compare(&before, &after, &[]), Progress::None(_)));
    }

    #[test]
    fn a_passing_test_that_fails_now_outweighs_what_is_gone() {
        let logic =
            |test: &str| Failure { test: Some(test.to_owned()), ..failure(Category::Logic, "a.py", 3) };
        let before =
            with_tests(red(0, &[("a", logic("x")), ("b", logic("w"))]), 4, 2, Some(&["x", "y", "z", "w"]));
        let after = with_tests(red(0, &[("c", logic("y"))]), 4, 1, Some(&["x", "y", "z", "w"]));
        assert!(matches!(compare(&before, &after, &[]), Progress::None(why) if why.contains("test y")));
    }

    #[test]
    fn fewer_failures_are_progress() {
        let f = failure(Category::Type, "a.rs", 3);
        let before = red(0, &[("a", f.clone()), ("b", f.clone())]);
        let after = red(0, &[("b", f)]);
        assert!(matches!(compare(&before, &after, &[]), Progress::Better(_)));
        assert!(matches!(compare(&before, &before, &[]), Progress::None(_)));
    }
}

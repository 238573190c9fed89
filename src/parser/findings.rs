//! What the tools' parsers find while they read: findings, test counts, roots. `report` makes the reports of them.

use std::collections::BTreeMap;

use super::test_ids::TestIds;
use crate::contract::bug::{Applicability, Category, Hint, Location, LogSpan, Severity, Suggestion, TestRun};

/// Findings kept of one log; a log with more is broken in one way many times over.
const MAX_FINDINGS: usize = 20_000;

/// How a finding stands to the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Strength {
    /// A cause of its own.
    Root,
    /// Read by a general rule; counts only where no tool that knows better reported an error.
    Fallback,
    /// Says only that something else failed (`make: *** [all] Error 1`); counts only where nothing says what.
    Consequence,
}

/// A report in the making. Paths as printed: they are made relative, and judged own or foreign, at the end.
#[derive(Debug, Clone)]
pub(crate) struct FindingBuilder {
    pub(crate) tool: &'static str,
    pub(crate) category: Category,
    pub(crate) code: Option<String>,
    pub(crate) severity: Severity,
    pub(crate) strength: Strength,
    /// The place the tool names. Where it names several (a stack), use `frames`.
    pub(crate) location: Option<Location>,
    pub(crate) end_line: Option<u32>,
    pub(crate) end_column: Option<u32>,
    pub(crate) message: String,
    pub(crate) test: Option<String>,
    pub(crate) log: LogSpan,
    /// A stack, deepest call first: the first own frame becomes the location, the other own ones `related`.
    pub(crate) frames: Vec<Location>,
    /// Places that belong to it; foreign ones are left out.
    pub(crate) related: Vec<Location>,
    pub(crate) hint: Option<Hint>,
}

impl FindingBuilder {
    pub(crate) fn new(tool: &'static str, category: Category, message: impl Into<String>) -> Self {
        Self {
            tool,
            category,
            code: None,
            severity: Severity::Error,
            strength: Strength::Root,
            location: None,
            end_line: None,
            end_column: None,
            message: message.into(),
            test: None,
            log: LogSpan::default(),
            frames: Vec::new(),
            related: Vec::new(),
            hint: None,
        }
    }

    pub(crate) fn at(mut self, file: &str, line: Option<u32>, column: Option<u32>) -> Self {
        self.location = Some(location(file, line, column));
        self
    }

    pub(crate) fn code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    pub(crate) fn test(mut self, test: impl Into<String>) -> Self {
        self.test = Some(test.into());
        self
    }

    pub(crate) fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    pub(crate) fn fallback(mut self) -> Self {
        self.strength = Strength::Fallback;
        self
    }

    pub(crate) fn consequence(mut self) -> Self {
        self.strength = Strength::Consequence;
        self
    }

    /// First and last line in the log. Without it: the line being read.
    pub(crate) fn span(mut self, first: u64, last: u64) -> Self {
        self.log = LogSpan { first, last };
        self
    }

    /// With a fix the tool states; a second one joins the first.
    pub(crate) fn suggest(
        mut self,
        text: &str,
        applicability: Applicability,
        suggestion: Suggestion,
    ) -> Self {
        self.add_suggestion(text, applicability, suggestion);
        self
    }

    /// As [`Self::suggest`], to a finding that stays where it is: there may be thousands for one file.
    pub(crate) fn add_suggestion(
        &mut self,
        text: &str,
        applicability: Applicability,
        suggestion: Suggestion,
    ) {
        match &mut self.hint {
            Some(hint) => hint.suggestions.push(suggestion),
            None => {
                self.hint =
                    Some(Hint { text: text.to_owned(), applicability, suggestions: vec![suggestion] });
            }
        }
    }
}

/// A location from its parts.
pub(crate) fn location(file: &str, line: Option<u32>, column: Option<u32>) -> Location {
    let positive = |n: Option<u32>| n.filter(|n| *n > 0);
    Location { file: file.to_owned(), line: positive(line), column: positive(column) }
}

/// A number as printed; `None` for what does not fit.
pub(crate) fn number(text: &str) -> Option<u32> {
    text.trim().parse().ok()
}

/// How one test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TestOutcome {
    Passed,
    Failed,
    Skipped,
}

#[derive(Debug, Default)]
pub(super) struct TestCounts {
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) skipped: u64,
    pub(super) ids: TestIds,
    /// Some executed test was not named.
    pub(super) anonymous: bool,
}

impl TestCounts {
    pub(super) fn into_run(self, runner: &str) -> TestRun {
        let executed = self.passed + self.failed;
        let all_named = !self.anonymous && self.ids.len() == executed && executed > 0;
        TestRun {
            runner: runner.to_owned(),
            executed,
            passed: self.passed,
            failed: self.failed,
            skipped: self.skipped,
            ids: all_named.then(|| self.ids.complete()).flatten(),
        }
    }
}

/// Collects what the parsers find.
#[derive(Default)]
pub(crate) struct Findings {
    now: u64,
    pub(super) findings: Vec<FindingBuilder>,
    pub(super) runs: BTreeMap<&'static str, TestCounts>,
    /// Where the workspace lay, as tools say it.
    pub(super) roots: Vec<String>,
    /// The folders make has entered and not left.
    pub(super) folders: Vec<String>,
    /// Some tool said that its part succeeded, and where.
    pub(super) last_success: u64,
    /// The last line that says that a command failed.
    pub(super) last_failure: u64,
}

impl Findings {
    pub(super) fn at(&mut self, line: u64) {
        self.now = line;
    }

    /// The line being read.
    pub(crate) fn now(&self) -> u64 {
        self.now
    }

    pub(crate) fn bug(&mut self, mut finding: FindingBuilder) {
        if self.findings.len() >= MAX_FINDINGS {
            return;
        }
        if finding.log.first == 0 {
            finding.log = LogSpan { first: self.now, last: self.now };
        }
        self.findings.push(finding);
    }

    /// The last finding of `tool`, to add to it what comes after (a hint, a related place).
    pub(crate) fn last_of(&mut self, tool: &str) -> Option<&mut FindingBuilder> {
        self.findings.iter_mut().rev().find(|d| d.tool == tool)
    }

    /// How many findings there are.
    pub(crate) fn count(&self) -> usize {
        self.findings.len()
    }

    /// Takes back findings that later output explains away, of those behind the first `kept`.
    pub(crate) fn retract(&mut self, kept: usize, gone: impl Fn(&FindingBuilder) -> bool) {
        let late = self.findings.split_off(kept.min(self.findings.len()));
        self.findings.extend(late.into_iter().filter(|finding| !gone(finding)));
    }

    /// A runner's own summary, which names no tests. Several summaries of one runner add up.
    pub(crate) fn tests(&mut self, runner: &'static str, passed: u64, failed: u64, skipped: u64) {
        let tally = self.runs.entry(runner).or_default();
        tally.passed += passed;
        tally.failed += failed;
        tally.skipped += skipped;
        tally.anonymous |= passed + failed > 0;
    }

    /// One test that the runner names. Use either this or [`Self::tests`] for a run, or `ids` beside it.
    pub(crate) fn test(&mut self, runner: &'static str, id: &str, ran: TestOutcome) {
        let tally = self.runs.entry(runner).or_default();
        match ran {
            TestOutcome::Passed => tally.passed += 1,
            TestOutcome::Failed => tally.failed += 1,
            TestOutcome::Skipped => tally.skipped += 1,
        }
        if ran != TestOutcome::Skipped {
            tally.ids.push(id);
        }
    }

    /// A summary whose executed tests were all named before it.
    pub(crate) fn named_tests(
        &mut self,
        runner: &'static str,
        passed: u64,
        failed: u64,
        skipped: u64,
        ids: TestIds,
    ) {
        let all_named = ids.len() == passed + failed;
        let tally = self.runs.entry(runner).or_default();
        tally.passed += passed;
        tally.failed += failed;
        tally.skipped += skipped;
        if all_named {
            tally.ids.append(ids);
        } else {
            tally.anonymous = true;
        }
    }

    /// A folder the log says is the workspace (absolute).
    pub(crate) fn root(&mut self, path: &str) {
        let path = super::paths::slashes(path);
        if path.len() > 1 && self.roots.len() < 64 && !self.roots.contains(&path) {
            self.roots.push(path);
        }
    }

    /// A tool says that all is well; a log that ends so has not failed.
    pub(crate) fn succeeded(&mut self) {
        self.last_success = self.now;
    }

    /// A line says that a command failed, though not why.
    pub(crate) fn failed(&mut self) {
        self.last_failure = self.now;
    }
}

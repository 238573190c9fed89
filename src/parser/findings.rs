//! What the tools' parsers find while they read: findings, test counts, roots. `report` makes the reports of them.

use std::collections::BTreeMap;

use super::origin::Headings;
use super::speaker;
use super::test_ids::TestIds;
use crate::contract::bug::{
    Applicability, Category, FinalWord, Hint, Location, LogSpan, Severity, Suggestion, TestRun,
};

/// Findings kept of one log; a log with more is broken in one way many times over.
const MAX_FINDINGS: usize = 20_000;

/// Runners that sum up part by part: test binaries, modules, projects.
const IN_PARTS: [&str; 5] = ["cargo-test", "surefire", "gradle", "googletest", "catch2"];

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
    /// Package or folder it belongs to, where the tool itself says so.
    pub(crate) package: Option<String>,
    /// The package or folder it is of, as far as the log says; made at the end.
    pub(super) in_package: Option<String>,
    /// The tool's exit code counts it, whatever its severity.
    pub(super) counts: bool,
    /// It follows from others where there are any (coverage below its limit): it is told behind them.
    pub(super) sequel: bool,
    /// The output stream it was read from.
    pub(super) stream: String,
    /// The program that the step runs, of a finding of no known tool's.
    pub(super) speaker: Option<String>,
    /// Paths that were printed in full.
    pub(super) rooted: Vec<String>,
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
            package: None,
            in_package: None,
            counts: false,
            sequel: false,
            stream: String::new(),
            speaker: None,
            rooted: Vec::new(),
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

    /// A warning, or less, for which the tool fails.
    pub(crate) fn counted(mut self) -> Self {
        self.counts = true;
        self
    }

    pub(crate) fn sequel(mut self) -> Self {
        self.sequel = true;
        self
    }

    /// Whether it makes a run red.
    pub(super) fn fails(&self) -> bool {
        self.severity == Severity::Error || self.counts
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

/// How many tests ended how, as far as a runner's output says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: Option<u64>,
    pub(crate) failed: Option<u64>,
    pub(crate) skipped: Option<u64>,
}

impl Counts {
    pub(crate) const NONE_RAN: Self = Self::known(0, 0, 0);

    pub(crate) const UNKNOWN: Self = Self { passed: None, failed: None, skipped: None };

    pub(crate) const fn known(passed: u64, failed: u64, skipped: u64) -> Self {
        Self { passed: Some(passed), failed: Some(failed), skipped: Some(skipped) }
    }

    /// Of a runner that speaks of failed tests only.
    pub(crate) const fn failed(failed: u64) -> Self {
        Self { passed: None, failed: Some(failed), skipped: None }
    }

    const fn executed(self) -> Option<u64> {
        match (self.passed, self.failed) {
            (Some(passed), Some(failed)) => Some(passed.saturating_add(failed)),
            _ => None,
        }
    }

    /// A sum with an unknown part is not known.
    fn add(&mut self, more: Self) {
        let add = |a: Option<u64>, b: Option<u64>| Some(a?.saturating_add(b?));
        self.passed = add(self.passed, more.passed);
        self.failed = add(self.failed, more.failed);
        self.skipped = add(self.skipped, more.skipped);
    }
}

/// What one runner is known to have run, summed up over its summaries.
#[derive(Debug)]
pub(crate) struct TestCounts {
    counts: Counts,
    ids: TestIds,
    /// Some executed test was not named.
    anonymous: bool,
    silent_when_green: bool,
    final_word: Option<FinalWord>,
}

impl Default for TestCounts {
    fn default() -> Self {
        let counts = Counts::NONE_RAN;
        let (ids, final_word) = (TestIds::default(), None);
        Self { counts, ids, anonymous: false, silent_when_green: false, final_word }
    }
}

impl TestCounts {
    /// One more summary; `ids` where it named all the tests that it counts.
    pub(crate) fn add(&mut self, counts: Counts, ids: Option<TestIds>) {
        self.counts.add(counts);
        match ids.filter(|ids| counts.executed() == Some(ids.len())) {
            Some(ids) => self.ids.append(ids),
            None => self.anonymous |= counts.executed() != Some(0),
        }
    }

    /// So many tests were executed, and each of them was named.
    pub(crate) fn named(&self) -> Option<u64> {
        self.counts.executed().filter(|all| !self.anonymous && self.ids.len() == *all)
    }

    fn append(&mut self, more: Self) {
        self.counts.add(more.counts);
        self.ids.append(more.ids);
        self.anonymous |= more.anonymous;
        self.silent_when_green |= more.silent_when_green;
        self.say_part(more.final_word);
    }

    /// The runner's summary of one part of what it runs.
    pub(crate) fn say_part(&mut self, part: Option<FinalWord>) {
        let Some(part) = part else { return };
        let word = self.final_word.get_or_insert_default();
        word.failed = word.failed.saturating_add(part.failed);
        word.line = word.line.max(part.line);
    }

    pub(super) fn into_run(self, runner: &str) -> TestRun {
        let Counts { passed, failed, skipped } = self.counts;
        let executed = self.counts.executed();
        let all_named = !self.anonymous && executed.is_some_and(|all| all > 0 && self.ids.len() == all);
        TestRun {
            runner: runner.to_owned(),
            executed,
            passed,
            failed,
            skipped,
            ids: all_named.then(|| self.ids.complete()).flatten(),
            silent_when_green: self.silent_when_green,
            final_word: self.final_word,
        }
    }
}

/// Collects what the parsers find.
#[derive(Default)]
pub(crate) struct Findings {
    now: u64,
    /// What the lines are about, as the group they stand in says.
    pub(super) group: String,
    /// Whether the step's command has warnings fail it.
    pub(super) warnings_count: bool,
    /// The program that the step runs.
    pub(super) speaker: Option<String>,
    /// The step's commands, where they are known.
    pub(super) spoken: String,
    /// The runner says that the step has failed.
    pub(super) step_failed: bool,
    /// The prefix of the lines being read, where they have one.
    pub(super) stream: String,
    pub(super) headings: Headings,
    pub(super) findings: Vec<FindingBuilder>,
    pub(super) runs: BTreeMap<&'static str, TestCounts>,
    /// Where the workspace lay, as tools say it.
    pub(super) roots: Vec<String>,
    /// The folders make has entered and not left, each with its depth.
    pub(super) folders: Vec<(u32, String)>,
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
        finding.stream.clone_from(&self.stream);
        finding.counts |= self.warnings_count && finding.severity == Severity::Warning;
        if finding.speaker.is_none()
            && let Some(program) = &self.speaker
            && speaker::says(program, &finding)
        {
            if finding.category == Category::Lint || matches!(finding.tool, "cargo-deny" | "ruff-format") {
                finding.category = speaker::category(&self.spoken);
            }
            finding.speaker = Some(program.clone());
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
        self.some_tests(runner, Counts::known(passed, failed, skipped));
    }

    /// As [`Self::tests`], of a runner that does not say everything.
    pub(crate) fn some_tests(&mut self, runner: &'static str, counts: Counts) {
        self.runs.entry(runner).or_default().add(counts, None);
        self.say_last(runner, counts);
    }

    /// A summary of the whole run: of several the last one is the runner's own.
    fn say_last(&mut self, runner: &'static str, counts: Counts) {
        let Some(failed) = counts.failed else { return };
        let mut word = FinalWord { failed, line: self.now, before: 0 };
        let run = self.runs.entry(runner).or_default();
        if IN_PARTS.contains(&runner) {
            run.say_part(Some(word));
        } else {
            word.before = run.final_word.map_or(0, |earlier| earlier.before + 1);
            run.final_word = Some(word);
        }
    }

    /// A summary that is nested in another one's output: it is counted, and no final word.
    pub(crate) fn nested_tests(&mut self, runner: &'static str, counts: Counts, ids: TestIds) {
        self.runs.entry(runner).or_default().add(counts, Some(ids));
    }

    /// Summaries that were gathered elsewhere.
    pub(crate) fn gathered_tests(&mut self, runner: &'static str, tests: TestCounts) {
        self.runs.entry(runner).or_default().append(tests);
    }

    /// The runner's output is of a style that says nothing of tests where all of them pass.
    pub(crate) fn silent_when_green(&mut self, runner: &'static str) {
        self.runs.entry(runner).or_default().silent_when_green = true;
    }

    /// One test that the runner names. Use either this or [`Self::tests`] for a run, or `ids` beside it.
    pub(crate) fn test(&mut self, runner: &'static str, id: &str, ran: TestOutcome) {
        let tally = self.runs.entry(runner).or_default();
        tally.counts.add(match ran {
            TestOutcome::Passed => Counts::known(1, 0, 0),
            TestOutcome::Failed => Counts::known(0, 1, 0),
            TestOutcome::Skipped => Counts::known(0, 0, 1),
        });
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
        self.named_counts(runner, Counts::known(passed, failed, skipped), ids);
    }

    /// As [`Self::named_tests`].
    pub(crate) fn named_counts(&mut self, runner: &'static str, counts: Counts, ids: TestIds) {
        self.runs.entry(runner).or_default().add(counts, Some(ids));
        self.say_last(runner, counts);
    }

    /// A folder the log says is the workspace (absolute).
    pub(crate) fn root(&mut self, path: &str) {
        let path = super::paths::slashes(path);
        if path.len() > 1 && self.roots.len() < 64 && !self.roots.contains(&path) {
            self.roots.push(path);
        }
    }

    /// The folder that make is in. Of several that it is in side by side nobody can tell whose a line is.
    pub(super) fn folder(&self) -> Option<&str> {
        let (depth, folder) = self.folders.last()?;
        let alone = self.folders.iter().filter(|(other, _)| other == depth).count() == 1;
        alone.then_some(folder)
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

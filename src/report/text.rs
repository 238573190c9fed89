//! The one-line forms of what happens in a run, without any markup: `IMPORT error in src/app.py line 3 → Fix: …`.
//!
//! The only place where bugs, proposals, rejections and verdicts become words; every format builds on these.

use std::time::Duration;

use crate::contract::bug::{BugReport, Category, Location, Severity, TestRun};
use crate::contract::build::{ExecutionResult, Exit};
use crate::contract::ci::CiVerdict;
use crate::contract::control::CounterProof;
use crate::contract::fix::Rejection;
use crate::contract::outcome::{BudgetKind, Outcome};
use crate::contract::verdict::{DisagreeingSource, Disagreement};

use super::clean;

const PATH_CHARS: usize = 300;
const MESSAGE_CHARS: usize = 500;

/// `IMPORT error in src/app.py line 3`, with the test where one failed.
#[must_use]
pub fn bug(bug: &BugReport) -> String {
    let mut out = format!("{} {}", bug.category.as_str().to_uppercase(), severity(bug.severity));
    if let Some(file) = &bug.file {
        out.push_str(&format!(" in {}", clean::line(file, PATH_CHARS)));
        if let Some(line) = bug.line {
            out.push_str(&format!(" line {line}"));
        }
    }
    if let Some(test) = &bug.test {
        out.push_str(&format!(" (test {})", clean::line(test, PATH_CHARS)));
    }
    out
}

/// [`bug`] and what the tool says.
#[must_use]
pub fn bug_with_message(report: &BugReport) -> String {
    let message = message(report);
    if message.is_empty() { bug(report) } else { format!("{}: {message}", bug(report)) }
}

/// The tool's message, with its code.
pub(super) fn message(report: &BugReport) -> String {
    let message = clean::line(&report.message, MESSAGE_CHARS);
    match &report.code {
        Some(code) if !message.contains(code.as_str()) => format!("{message} [{}]", clean::line(code, 60)),
        _ => message,
    }
}

/// `IMPORT error in src/app.py line 3 → Fix: import the missing name`; several bugs share one fix.
#[must_use]
pub fn fix(bugs: &[&BugReport], reason: &str) -> String {
    let what = match bugs {
        [] => "Failure".to_owned(),
        [one] => bug(one),
        [first, rest @ ..] => format!("{} (and {} more)", bug(first), rest.len()),
    };
    format!("{what} → Fix: {}", clean::line(reason, MESSAGE_CHARS))
}

pub(super) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
    }
}

/// A category as a heading for people.
pub(super) fn category(category: Category) -> &'static str {
    match category {
        Category::Syntax => "syntax",
        Category::Indentation => "indentation",
        Category::Import => "import",
        Category::Type => "type",
        Category::Logic => "failing test",
        Category::Lint => "lint",
        Category::Format => "format",
        Category::Runtime => "crash",
        Category::Dependency => "dependency",
        Category::Configuration => "configuration",
        Category::Environment => "environment",
        Category::Timeout => "timeout",
        Category::Unknown => "unknown",
    }
}

/// `src/app.py:3:7`
#[must_use]
pub fn place(file: &str, line: Option<u32>, column: Option<u32>) -> String {
    let mut out = clean::line(file, PATH_CHARS);
    if let Some(line) = line {
        out.push_str(&format!(":{line}"));
        if let Some(column) = column {
            out.push_str(&format!(":{column}"));
        }
    }
    out
}

pub(super) fn location(location: &Location) -> String {
    place(&location.file, location.line, location.column)
}

/// `exit code 1`
#[must_use]
pub fn exit(exit: &Exit) -> String {
    match exit {
        Exit::Exited { code: 0 } => "exit code 0".to_owned(),
        Exit::Exited { code } => format!("exit code {code}"),
        Exit::TimedOut { after_seconds } => {
            format!("timed out after {}", duration(Duration::from_secs(*after_seconds)))
        }
        Exit::OutOfMemory { limit_bytes } => format!("out of memory (limit {} MiB)", limit_bytes / (1 << 20)),
        Exit::Infrastructure { what } => {
            format!("infrastructure failure: {}", clean::line(what, MESSAGE_CHARS))
        }
        Exit::Cancelled => "cancelled".to_owned(),
    }
}

/// How a run ended: its exit code, and what speaks against it.
#[must_use]
pub fn ending(execution: &ExecutionResult) -> String {
    execution.disagreement.as_ref().map_or_else(|| exit(&execution.exit), disagreement)
}

/// Why a step with exit code 0 is red.
#[must_use]
pub fn disagreement(by: &Disagreement) -> String {
    let name = |text: &str| clean::line(text, MESSAGE_CHARS);
    let says = match &by.source {
        DisagreeingSource::Summary { runner, failed } => {
            format!("{}'s own summary says {failed} failed", name(runner))
        }
        DisagreeingSource::Report { runner, failed } => {
            format!("{}'s own report says {failed} failed", name(runner))
        }
        DisagreeingSource::NoReport { runner } => {
            format!("{} ended before it wrote its report", name(runner))
        }
        DisagreeingSource::Tests { why } => name(why),
        DisagreeingSource::SameFailure { tool, what } => {
            format!("{} still reports the failure of {}", name(tool), name(what))
        }
        DisagreeingSource::ChangedLines { tool, what } => {
            format!("{} reports a failure in the changed lines: {}", name(tool), name(what))
        }
    };
    format!("step {}: exit code 0, but {says}", by.step + 1)
}

/// Why a gate turned a proposal down.
#[must_use]
pub fn rejection(reason: &Rejection) -> String {
    let path = |path: &str| clean::line(path, PATH_CHARS);
    let words = |text: &str| clean::line(text, MESSAGE_CHARS);
    match reason {
        Rejection::NoChange => "nothing to apply was offered".to_owned(),
        Rejection::LowConfidence { confidence, minimum } => {
            format!("confidence {confidence:.2} is below the minimum of {minimum:.2}")
        }
        Rejection::TooManyLines { changed, maximum } => {
            format!("changes {changed} lines, at most {maximum} are allowed")
        }
        Rejection::TooManyFiles { changed, maximum } => {
            format!("changes {changed} files, at most {maximum} are allowed")
        }
        Rejection::Path { path: p, why } => format!("may not change {}: {}", path(p), words(why)),
        Rejection::OutsideWindow { path: p, line } => {
            format!("changes {} line {line}, outside what was shown", path(p))
        }
        Rejection::NeedsContext { needs } => {
            format!("needs more of the repository shown: {}", words(&needs.join(", ")))
        }
        Rejection::NotApplicable { path: p, why } => format!("does not apply to {}: {}", path(p), words(why)),
        Rejection::Repeated { .. } => "the same patch was run before".to_owned(),
        Rejection::TestWeakening { path: p, rule, line, what } => {
            format!("weakens the checks in {} ({}): {}", place(p, *line, None), words(rule), words(what))
        }
        Rejection::TestEdit { path: p } => {
            format!("changes the test file {}, which needs `allow-test-edits`", path(p))
        }
        Rejection::Content { path: p, why } => format!("content of {}: {}", path(p), words(why)),
        Rejection::JudgeDisarmed { why } => format!("its step cannot fail any more: {}", words(why)),
        Rejection::Overfitted { why } => format!("it answers the failing test alone: {}", words(why)),
        Rejection::NoCounterProof { why } => format!("no counter-proof, which is required: {}", words(why)),
    }
}

/// `Counter-proof: 3 of 3 planted failures were caught`
#[must_use]
pub fn counter_proof(proof: &CounterProof) -> String {
    match proof {
        CounterProof::Caught { caught, of: 1 } => {
            format!("Counter-proof: {caught} of 1 planted failure was caught")
        }
        CounterProof::Caught { caught, of } => {
            format!("Counter-proof: {caught} of {of} planted failures were caught")
        }
        CounterProof::JudgeDisarmed { why } => {
            format!("Counter-proof: the step cannot fail any more: {}", clean::line(why, MESSAGE_CHARS))
        }
        CounterProof::Overfitted { why } => {
            format!(
                "Counter-proof: the fix answers the failing test alone: {}",
                clean::line(why, MESSAGE_CHARS)
            )
        }
        CounterProof::None { why } => format!("no counter-proof: {}", clean::line(why, MESSAGE_CHARS)),
    }
}

/// `confidence 0.92`; of a fix whose step was not shown to be able to fail one grade less.
pub(super) fn confidence(value: f64, lowered: bool) -> String {
    const GRADES: [(&str, f64); 4] = [("high", 0.85), ("medium", 0.7), ("low", 0.0), ("very low", -1.0)];
    if !lowered {
        return format!("confidence {value:.2}");
    }
    let own = GRADES.iter().position(|(_, from)| value >= *from).unwrap_or(GRADES.len() - 2);
    let (grade, less) = (GRADES[own].0, GRADES[(own + 1).min(GRADES.len() - 1)].0);
    format!("confidence {less} instead of {grade} ({value:.2}): no counter-proof")
}

/// The verdict of a run as one sentence without a full stop.
#[must_use]
pub fn outcome(outcome: &Outcome) -> String {
    let words = |text: &str| clean::line(text, MESSAGE_CHARS);
    match outcome {
        Outcome::Healed => "healed: the failure is fixed and the fix is proven".to_owned(),
        Outcome::AlreadyGreen => "already green: nothing failed".to_owned(),
        Outcome::Flaky { failed, runs } => {
            format!("flaky: the unchanged code failed {failed} of {runs} times")
        }
        Outcome::NotReproduced { runs } => {
            format!("not reproduced: CI is red, the sandbox was green {runs} of {runs} times")
        }
        Outcome::Environment { why } => format!("environment: not the code's failure: {}", words(why)),
        Outcome::Exhausted { why } => format!("not healed: {}", words(why)),
        Outcome::BudgetSpent { which } => format!("not healed: the {} budget is spent", budget(*which)),
        Outcome::Refused { why, .. } => format!("refused: {}", words(why)),
        Outcome::Error { what } => format!("error: {}", words(what)),
        Outcome::Diagnosed => "diagnosed".to_owned(),
        Outcome::Partial { why } => {
            format!("partly healed: what is fixed is proven, and something else is still red: {}", words(why))
        }
        Outcome::Drift { why } => format!("broken by {}", words(why)),
        Outcome::Patched => "patched: a proven patch is ready to be published".to_owned(),
        Outcome::Cancelled => "cancelled".to_owned(),
    }
}

fn budget(which: BudgetKind) -> &'static str {
    match which {
        BudgetKind::Attempts => "attempt",
        BudgetKind::Time => "time",
        BudgetKind::Tokens => "token",
        BudgetKind::Cost => "cost",
        BudgetKind::Pushes => "push",
    }
}

/// What CI said about the heal branch.
#[must_use]
pub fn ci_verdict(verdict: &CiVerdict) -> String {
    match verdict {
        CiVerdict::Passed => "passed".to_owned(),
        CiVerdict::Failed => "failed".to_owned(),
        CiVerdict::NoCi { why, .. } => format!("no CI run: {}", clean::line(why, MESSAGE_CHARS)),
        CiVerdict::AwaitingApproval => "waits for someone to approve the run".to_owned(),
        CiVerdict::TimedOut => "did not end within `ci-timeout`".to_owned(),
        CiVerdict::Cancelled => "was cancelled".to_owned(),
        CiVerdict::Skipped { why } => format!("not watched: {}", clean::line(why, MESSAGE_CHARS)),
    }
}

/// A number, or that it is not known.
pub(super) fn known(count: Option<u64>) -> String {
    count.map_or_else(|| "an unknown number".to_owned(), |n| n.to_string())
}

/// How many tests ran, over all runners; `None` where that is not known of each.
pub(super) fn executed(runs: &[TestRun]) -> Option<u64> {
    let sum = |sum: u64, run: &TestRun| Some(sum.saturating_add(run.executed?));
    (!runs.is_empty()).then(|| runs.iter().try_fold(0, sum)).flatten()
}

/// `41 executed, 40 passed, 1 failed, 2 skipped`, summed over the runners.
pub(super) fn tests(runs: &[TestRun]) -> Option<String> {
    if runs.is_empty() {
        return None;
    }
    // A sum with an unknown part is not known.
    let sum = |field: fn(&TestRun) -> Option<u64>| {
        runs.iter().map(field).try_fold(0u64, |sum, count| Some(sum.saturating_add(count?)))
    };
    let mut out = format!("{} executed, {} failed", known(sum(|r| r.executed)), known(sum(|r| r.failed)));
    if let Some(skipped) = sum(|r| r.skipped).filter(|skipped| *skipped > 0) {
        out.push_str(&format!(", {skipped} skipped"));
    }
    Some(out)
}

/// `0.4 s`, `12 s`, `3 min 5 s`, `1 h 2 min`
#[must_use]
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// `1,234,567`
pub(super) fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `$0.0123`: cents matter little, fractions of them are what a call costs.
pub(super) fn dollars(value: f64) -> String {
    if value >= 1.0 { format!("${value:.2}") } else { format!("${value:.4}") }
}

/// `1 bug`, `2 bugs`
pub(super) fn count(n: usize, one: &str, many: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{} {many}", number(n as u64)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_fix_reads_as_promised() {
        let report = sample::bug("src/app.py", 3);
        assert_eq!(
            fix(&[&report], "import the missing name"),
            "IMPORT error in src/app.py line 3 → Fix: import the missing name"
        );
        assert_eq!(fix(&[], "x"), "Failure → Fix: x");
        assert_eq!(
            fix(&[&report, &report], "a\nb"),
            "IMPORT error in src/app.py line 3 (and 1 more) → Fix: a b"
        );
    }

    #[test]
    fn figures_are_readable() {
        assert_eq!(number(1_234_567), "1,234,567");
        assert_eq!(number(12), "12");
        assert_eq!(duration(Duration::from_millis(430)), "0.4 s");
        assert_eq!(duration(Duration::from_secs(185)), "3 min 5 s");
        assert_eq!(duration(Duration::from_secs(3725)), "1 h 2 min");
        assert_eq!(dollars(0.00123), "$0.0012");
        assert_eq!(dollars(12.5), "$12.50");
    }
}

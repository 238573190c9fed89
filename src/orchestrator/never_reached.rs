//! Steps that CI never reached, since one before them failed: is what they show now old, or the fix's doing?
//!
//! The unchanged code is run once with the failing step's result, and those behind it, ignored. What a step shows there
//! as well is old. What a step did there without failing so speaks against the fix. Where a step could not do its work
//! (tests behind a compile error) nobody knows, and the failure is the next one to heal.

use super::evidence::Evidence;
use super::progress::{Touched, passed_tests};

/// What the unchanged code says of failures behind the step that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Uncovered {
    /// The unchanged code fails so, too.
    Old,
    /// The fix brought them; how that is known.
    Refuted(String),
    /// The step could not do its work on the unchanged code.
    Unknown,
}

/// `unchanged` ran every step whatever failed before it; `seen`, with the fix, ended in a step that CI never reached.
#[must_use]
pub(super) fn judge_uncovered(unchanged: &Evidence, seen: &Evidence, touched: &[Touched]) -> Uncovered {
    let Some(step) = seen.observation.failing_step else { return Uncovered::Unknown };
    let failures = &seen.observation.failures;
    if let Some(failure) =
        failures.values().find(|f| f.is_of_running() && f.line.is_some() && f.lies_in(touched))
    {
        let place = failure.file.as_deref().unwrap_or_default();
        return Uncovered::Refuted(format!("the changed lines of {place} fail themselves now"));
    }
    let Some(was) = unchanged.steps.get(&step) else { return Uncovered::Unknown };
    if was.succeeded {
        return Uncovered::Refuted(format!("step {} passes without the fix", step + 1));
    }
    if !was.failed {
        return Uncovered::Unknown;
    }
    if failures.keys().all(|key| was.failures.contains(key)) {
        return Uncovered::Old;
    }
    let passed = passed_tests(&unchanged.observation);
    let broken = failures.values().filter_map(|f| f.test.as_deref()).find(|test| passed.contains(test));
    match broken {
        Some(test) => Uncovered::Refuted(format!("test {test} fails, which passes without the fix")),
        None => Uncovered::Unknown,
    }
}

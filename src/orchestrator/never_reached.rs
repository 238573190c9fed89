//! Steps that CI never reached, since one before them failed: is what they show now old, or the fix's doing?
//!
//! The unchanged code is run once with the failing step's result, and those behind it, ignored. What a step shows there
//! as well is old. What a step did there without failing so speaks against the fix. Where a step could not do its work
//! (tests behind a compile error) the last green commit is asked. CI passed it, so what fails there comes from what has
//! changed outside the code, or from what the sandbox lacks: it speaks against no fix, and no fix is looked for. All else
//! came since, and is the next failure to heal.

use std::collections::BTreeSet;

use super::evidence::Evidence;
use super::progress::{Observation, Touched, passed_tests};
use crate::contract::bug::Fingerprint;

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
    // Of a step that names nothing, all that is known is that it fails.
    if failures.is_empty() == was.failures.is_empty() && failures.keys().all(|key| was.failures.contains(key))
    {
        return Uncovered::Old;
    }
    let passed = passed_tests(&unchanged.observation);
    let broken = failures.values().filter_map(|f| f.test.as_deref()).find(|test| passed.contains(test));
    match broken {
        Some(test) => Uncovered::Refuted(format!("test {test} fails, which passes without the fix")),
        None => Uncovered::Unknown,
    }
}

/// What of the failures that `seen` ended with the last green commit shows in the same step. Empty: the step fails there,
/// too, and names no failure either time. `None`: nothing is known to be old.
#[must_use]
pub(super) fn old_at_last_green(green: &Evidence, seen: &Observation) -> Option<BTreeSet<Fingerprint>> {
    let was = green.steps.get(&seen.failing_step?)?;
    if seen.failures.is_empty() {
        return (was.failed && was.failures.is_empty()).then(BTreeSet::new);
    }
    let old: BTreeSet<_> = seen.failures.keys().filter(|key| was.failures.contains(*key)).cloned().collect();
    (!old.is_empty()).then_some(old)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::contract::bug::{Category, Diagnosis};
    use crate::orchestrator::evidence::StepEvidence;
    use crate::orchestrator::progress::{Failure, RunStatus};

    fn keys(names: &[&str]) -> BTreeSet<Fingerprint> {
        names.iter().map(|name| Fingerprint((*name).to_owned())).collect()
    }

    fn seen(step: usize, names: &[&str]) -> Observation {
        let (tool, category) = (String::new(), Category::Logic);
        let failure = Failure { tool, category, file: None, line: None, test: None };
        let failures = keys(names).into_iter().map(|key| (key, failure.clone())).collect();
        Observation { end: RunStatus::Red, failing_step: Some(step), failures, tests: Vec::new() }
    }

    #[test]
    fn only_the_same_failures_of_the_same_step_are_old() {
        let green = |failed: bool, names: &[&str]| {
            let step = StepEvidence { succeeded: !failed, failed, failures: keys(names) };
            let nothing = Evidence::of_nothing(seen(0, &[]), Diagnosis::default());
            nothing.with_steps(BTreeMap::from([(1, step)]))
        };
        let old = old_at_last_green;
        assert_eq!(old(&green(true, &["a", "b"]), &seen(1, &["a"])), Some(keys(&["a"])));
        assert_eq!(old(&green(true, &["a"]), &seen(1, &["a", "b"])), Some(keys(&["a"])));
        assert_eq!(old(&green(true, &["a"]), &seen(1, &["b"])), None);
        assert_eq!(old(&green(true, &["a"]), &seen(2, &["a"])), None, "another step");
        assert_eq!(old(&green(false, &[]), &seen(1, &["a"])), None, "it passes there");
        // A step that names nothing.
        assert_eq!(old(&green(true, &[]), &seen(1, &[])), Some(keys(&[])));
        assert_eq!(old(&green(true, &["a"]), &seen(1, &[])), None);
        assert_eq!(old(&green(false, &[]), &seen(1, &[])), None);
    }
}

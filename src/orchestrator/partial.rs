//! Is a fix proven for its own failure although others are red? Silence is no proof: either the failing step got past, or
//! the runner says by name that the failing tests pass now.

use std::collections::{BTreeMap, BTreeSet};

use super::progress::{Failure, Observation, RunStatus, passed_tests};
use crate::contract::bug::{Category, Fingerprint};

/// `before` is the unchanged code; `after` a run from scratch with the fix, red for something else, of which `old` failed
/// when CI was green; `step` the one that failed when the fix was made, and `fixed` what went with it then.
#[must_use]
pub(super) fn is_proven_fixed(
    before: &Observation,
    after: &Observation,
    old: &BTreeSet<Fingerprint>,
    step: Option<usize>,
    fixed: &BTreeMap<Fingerprint, Failure>,
) -> bool {
    let is_disputed = matches!(after.end, RunStatus::Disputed { .. });
    if is_disputed || fixed.keys().any(|key| after.failures.contains_key(key)) {
        return false;
    }
    if after.is_green() || step.is_some_and(|step| after.failing_step.is_some_and(|is| is > step)) {
        return true;
    }
    let is_new = |key: &Fingerprint| !before.failures.contains_key(key) && !old.contains(key);
    if fixed.is_empty() || after.failures.keys().any(is_new) {
        return false;
    }
    // What ran before ran again, all of it, by name.
    let passed = passed_tests(after);
    let failed: BTreeSet<&str> = after.failures.values().filter_map(|f| f.test.as_deref()).collect();
    let ran_again = before
        .tests
        .iter()
        .filter_map(|t| t.ids.as_ref())
        .flatten()
        .all(|id| passed.contains(id.as_str()) || failed.contains(id.as_str()));
    ran_again
        && fixed.values().all(|failure| match &failure.test {
            Some(test) => passed.contains(test.as_str()),
            None => was_checked_again(failure, after),
        })
}

/// A checker that goes on to its end reports all it finds: it is silent about this and not about others of its kind.
fn was_checked_again(failure: &Failure, after: &Observation) -> bool {
    matches!(failure.category, Category::Lint | Category::Format)
        && after
            .failures
            .values()
            .any(|other| other.category == failure.category && other.tool == failure.tool)
}

//! Ways to make a build green without mending anything, as rules on the diff: tests skipped, removed, loosened or
//! emptied; findings suppressed; judges told to look away; code that behaves otherwise under test.
//!
//! A rule fires on what a change adds over what it removes, so moving a line that was there is never a finding.

mod config;
mod rows;
mod rules;
mod tests_kept;

use super::language::{Language, examples, test_regions};
use crate::contract::fix::{FileChange, Rejection};
use crate::diff::LineDiff;

pub(crate) use tests_kept::changed_expectation;

/// Where the changed lines of a file stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Source,
    /// A test file, or the inline tests of a source file.
    Test,
}

/// Whether the change touches tests that stand in a file whose name does not say so.
pub(crate) fn touches_inline_tests(change: &FileChange, diff: &LineDiff<'_>) -> bool {
    let language = Language::of(change.path.as_str());
    let inside = |regions: Vec<(u32, u32)>, lines: &[(u32, &str)]| {
        lines.iter().any(|(line, _)| regions.iter().any(|(first, last)| (first..=last).contains(&line)))
    };
    let (before, after) =
        (change.before.as_deref().unwrap_or_default(), change.after.as_deref().unwrap_or_default());
    inside(test_regions(language, before), &diff.removed())
        || inside(test_regions(language, after), &diff.added())
        // An example that is new weakens none.
        || inside(examples(language, before), &diff.removed())
}

/// The first rule the change breaks.
pub(crate) fn find(change: &FileChange, diff: &LineDiff<'_>, place: Place) -> Option<Rejection> {
    if change.after.is_none() {
        return Some(weakening(change, "deleted-file", None, "a file is deleted"));
    }
    rules::Rules::of(change, diff)
        .find(place)
        .or_else(|| config::find(change, diff))
        .or_else(|| (place == Place::Test).then(|| tests_kept::find(change, diff)).flatten())
}

/// Whether the change catches errors and drops them.
pub(crate) fn drops_errors(change: &FileChange, diff: &LineDiff<'_>) -> bool {
    rules::Rules::of(change, diff).drops_errors()
}

fn weakening(change: &FileChange, rule: &str, line: Option<u32>, what: impl Into<String>) -> Rejection {
    Rejection::TestWeakening { path: change.path.to_string(), rule: rule.to_owned(), line, what: what.into() }
}

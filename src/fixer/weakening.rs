//! Ways to make a build green without mending anything, as rules on the diff: tests skipped, removed, loosened or
//! emptied; findings suppressed; judges told to look away; code that behaves otherwise under test.
//!
//! A rule fires on what a change adds over what it removes, so moving a line that was there is never a finding.

mod config;
mod rows;
mod rules;
mod tests_kept;

use super::language::{Language, test_regions};
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
    let hit = |text: Option<&str>, lines: &[(u32, &str)]| {
        let regions = text.map(|text| test_regions(language, text)).unwrap_or_default();
        lines.iter().any(|(line, _)| regions.iter().any(|(first, last)| (first..=last).contains(&line)))
    };
    hit(change.before.as_deref(), &diff.removed()) || hit(change.after.as_deref(), &diff.added())
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

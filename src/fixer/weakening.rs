//! Ways to make a build green without fixing anything, as rules on the diff: tests skipped, removed, loosened or
//! emptied; findings suppressed; judges told to look away. What code newly can do is judged by [`super::capabilities`].
//!
//! A rule fires on what a change adds over what it removes, so moving a line that was there is never a finding.

mod config;
mod rows;
mod rules;
mod swallowed;
mod tests_kept;

use super::language::Language;
use super::test_regions::{examples, test_regions};
use crate::contract::fix::{FileChange, Rejection};
use crate::diff::LineDiff;

pub(crate) use tests_kept::changed_expectation;

/// Where the changed lines of a file stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileRole {
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
pub(crate) fn find(change: &FileChange, diff: &LineDiff<'_>, role: FileRole) -> Option<Rejection> {
    if change.after.is_none() {
        return Some(weakening(change, "deleted-file", None, "a file is deleted"));
    }
    rules::Rules::of(change, diff)
        .find(role)
        .or_else(|| swallowed::find(change))
        .or_else(|| config::find(change, diff))
        .or_else(|| (role == FileRole::Test).then(|| tests_kept::find(change, diff)).flatten())
}

/// Whether the change catches errors and drops them.
pub(crate) fn drops_errors(change: &FileChange, diff: &LineDiff<'_>) -> bool {
    rules::Rules::of(change, diff).drops_errors()
}

fn weakening(change: &FileChange, rule: &str, line: Option<u32>, what: impl Into<String>) -> Rejection {
    Rejection::TestWeakening { path: change.path.to_string(), rule: rule.to_owned(), line, what: what.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::git::RepoPath;

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(96))]
        /// Whatever stands on either side, the rules answer; and what is not changed weakens nothing.
        #[test]
        fn any_two_texts_can_be_judged(
            name in "[a-c]{1,3}\\.(py|js|ts|java|go|rs|toml|json|txt)|package\\.json|pyproject\\.toml|Cargo\\.toml|setup\\.cfg|pom\\.xml",
            before in "(def test_a\\(self\\):\n|    |class |it\\('ä', |#\\[test\\]|fn |\\{|\\}|>>> 1|```|/// |\"|'|\\[|=|é|\n|\r\n|\\.|::|,|\\(|\\)|approx\\(1, abs=0\\.1\\)|equals\\(x\\)|sys\\.exit|\\\\){0,40}",
            after in "(def __eq__\\(self, o\\):\n|    |class |it\\('ä', |#\\[test\\]|fn eq\\(&self, o:|\\{|\\}|>>> 1|```|/// |\"|'|\\[|=|é|\n|\r\n|\\.|::|,|\\(0\\)|\\)|except:|pass|process|exit|🎉){0,40}",
            test in proptest::bool::ANY,
        ) {
            let path = RepoPath::new(&name).unwrap();
            let role = if test { FileRole::Test } else { FileRole::Source };
            let judge = |before: &str, after: &str| {
                let change = FileChange {
                    path: path.clone(),
                    before: Some(before.to_owned()),
                    after: Some(after.to_owned()),
                };
                let diff = LineDiff::of(&change);
                (find(&change, &diff, role), touches_inline_tests(&change, &diff), drops_errors(&change, &diff))
            };
            judge(&before, &after);
            judge(&after, &before);
            let (_, inline, drops) = judge(&after, &after);
            proptest::prop_assert!(!inline && !drops);
        }
    }
}

//! Did the failing test come with the change, or change in it? Then it says what the change was to do, and no part of that is
//! to be taken back.

use crate::contract::bug::{BugReport, Category};
use crate::contract::changes::{ChangedFile, ChangedHunk, ChangedSinceGreen, FileChangeKind};
use crate::contract::git::SourceTree;
use crate::fixer::paths::{PathRules, Protection};
use crate::syntax::{Grammar, Outline, Test, TestKind, shared_outline};

use super::named_places;

/// Of any of the failing tests. What cannot be told counts as changed.
pub(super) fn came_with(
    changes: &ChangedSinceGreen,
    tree: &dyn SourceTree,
    bugs: &[&BugReport],
    rules: &PathRules,
) -> bool {
    let is_test = |bug: &&&BugReport| bug.test.is_some() || bug.category == Category::Logic;
    let tests: Vec<&BugReport> = bugs.iter().filter(is_test).copied().collect();
    !tests.is_empty() && changes.files.iter().any(|file| has_a_failing_test(file, tree, &tests, rules))
}

fn has_a_failing_test(
    file: &ChangedFile,
    tree: &dyn SourceTree,
    tests: &[&BugReport],
    rules: &PathRules,
) -> bool {
    let path = file.path.as_str();
    let is_for_tests = rules.protection(path) == Some(Protection::Test);
    let outline = Grammar::of(path)
        .zip(tree.read_text(&file.path))
        .and_then(|(grammar, text)| Some((shared_outline(grammar, &text).ok()?, text)));
    let Some((outline, text)) = outline else {
        // What tests compare against, or run with; what is gone fails in no test.
        return is_for_tests && file.change != FileChangeKind::Deleted;
    };
    if outline.cases().next().is_none() {
        return is_for_tests;
    }
    let names_file = tests.iter().any(|bug| named_places(bug).any(|(named, _)| named == path));
    let mut failing: Vec<(u32, u32)> = Vec::new();
    for case in outline.cases() {
        let is_named = |bug: &&BugReport| {
            let by_name =
                bug.test.as_ref().is_some_and(|id| !case.name.is_empty() && id.contains(&case.name));
            let holds = |line: Option<u32>| line.is_some_and(|l| case.lines.0 <= l && l <= case.lines.1);
            by_name || named_places(bug).any(|(named, line)| named == path && holds(line))
        };
        if tests.iter().any(is_named) {
            failing.push(case.lines);
        }
    }
    if failing.is_empty() && names_file && is_for_tests {
        // It is one of them.
        failing = outline.cases().map(|case| case.lines).collect();
    }
    if failing.is_empty() {
        return false;
    }
    let lines: Vec<&str> = text.lines().collect();
    file.change == FileChangeKind::Added
        || file.is_cut
        || file.hunks.iter().any(|hunk| touches(hunk, &outline, &lines, &failing, is_for_tests))
}

/// The hunk lies in a failing test, or in what several tests have in common.
fn touches(
    hunk: &ChangedHunk,
    outline: &Outline,
    lines: &[&str],
    failing: &[(u32, u32)],
    is_for_tests: bool,
) -> bool {
    let holds = |(first, last): (u32, u32), line: u32| first <= line && line <= last;
    let is_common = |line: u32| {
        let holds_several = |test: &Test| test.kind != TestKind::Case && holds(test.lines, line);
        is_for_tests || outline.tests.iter().any(holds_several)
    };
    let is_in_a_case = |line: u32| outline.cases().any(|case| holds(case.lines, line));
    if hunk.new_count == 0 {
        // What was there stood before this line, and behind the one before it.
        let (behind, before) = (hunk.new_first, hunk.new_first.saturating_sub(1));
        let is_around = |case: &(u32, u32)| holds(*case, before) && holds(*case, behind);
        let is_in_another = || outline.cases().any(|case| is_around(&case.lines));
        let says_something = hunk.old_lines.is_empty() || hunk.old_lines.iter().any(|l| !l.trim().is_empty());
        return failing.iter().any(is_around) || says_something && !is_in_another() && is_common(behind);
    }
    (hunk.new_first..hunk.new_first + hunk.new_count).any(|line| {
        if failing.iter().any(|lines| holds(*lines, line)) {
            return true;
        }
        let text = usize::try_from(line).ok().and_then(|at| lines.get(at.checked_sub(1)?));
        let is_blank = hunk.old_count == 0 && text.is_none_or(|text| text.trim().is_empty());
        let is_import = outline.imports.iter().any(|import| holds(import.lines, line));
        !is_blank && !is_import && !is_in_a_case(line) && is_common(line)
    })
}

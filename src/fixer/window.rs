//! Where a proposal's edits may lie: in what its provider was shown. An edit that lies elsewhere is not wrong for that;
//! what it needs beside it is added, as far as that may be shown at all.

use super::context::{LINES_AT_MOST, may_be_shown};
use super::gate::FixOptions;
use super::language::{Language, has_word};
use super::paths::{self, Protection};
use super::removal::{Named, named};
use crate::contract::bug::BugReport;
use crate::contract::fix::{ContextNeed, FileChange, FixProposal, LineWindow, Rejection};
use crate::contract::git::SourceTree;
use crate::diff::LineDiff;
use crate::syntax::is_generated;

/// Lines shown around an edit that lay outside.
const AROUND: u32 = 3;

/// Refuses the first place that was not shown.
pub(crate) fn inside(
    proposal: &FixProposal,
    change: &FileChange,
    diff: &LineDiff<'_>,
) -> Result<(), Rejection> {
    match outside(proposal, change, diff).first() {
        None => Ok(()),
        Some((line, _)) => Err(Rejection::OutsideWindow { path: change.path.to_string(), line: *line }),
    }
}

/// First and last line of each place that was not shown. A new file is one such place, until the files around it were
/// shown; a deleted one until all of it was.
fn outside(proposal: &FixProposal, change: &FileChange, diff: &LineDiff<'_>) -> Vec<(u32, u32)> {
    if proposal.window.is_empty() {
        return Vec::new();
    }
    let windows: Vec<_> = proposal.window.iter().filter(|w| w.path == change.path && w.last > 0).collect();
    if change.before.is_none() {
        let is_inside = proposal.context_level >= 3 || !windows.is_empty();
        return if is_inside { Vec::new() } else { vec![(1, 1)] };
    }
    let mut found = Vec::new();
    for op in diff.hunks() {
        let old = op.old_range();
        // Lines from 1; an insertion stands between `start` and `start + 1`.
        let (first, last) = (number(old.start) + 1, number(old.end));
        let fits = if old.is_empty() {
            windows.iter().any(|w| w.first <= first && last <= w.last)
                || windows.iter().any(|w| w.first <= last && first <= w.last.saturating_add(1))
        } else {
            // Windows that touch make one.
            (first..=last).all(|line| windows.iter().any(|w| (w.first..=w.last).contains(&line)))
        };
        if !fits {
            found.push((first, last.max(first)));
        }
    }
    found
}

/// The proposal with a window that holds all its edits, and what that adds; `None` where nothing has to be added, where
/// a file may not be shown, where nothing asks for a new one, or where it would be more than the last context level shows.
#[must_use]
pub fn widen(
    proposal: &FixProposal,
    changes: &[FileChange],
    bugs: &[BugReport],
    tree: &dyn SourceTree,
    options: &FixOptions,
) -> Option<(FixProposal, Vec<ContextNeed>)> {
    let mut wider = proposal.clone();
    let mut needs = Vec::new();
    for change in changes.iter().filter(|c| c.before != c.after) {
        let diff = LineDiff::of(change);
        for (first, last) in outside(proposal, change, &diff) {
            if !may_be_edited(change, tree, options) {
                return None;
            }
            let path = change.path.clone();
            let Some(before) = &change.before else {
                if !is_wanted(change, changes, bugs, tree, options) {
                    return None;
                }
                needs.push(ContextNeed::Folder { path: path.parent().to_owned() });
                wider.window.push(LineWindow { path, first: 1, last: 1 });
                continue;
            };
            let end = number(before.lines().count()).max(1);
            let (first, last) = (first.saturating_sub(AROUND).max(1), last.saturating_add(AROUND).min(end));
            wider.window.push(LineWindow { path: path.clone(), first, last: last.max(first) });
            needs.push(ContextNeed::Lines { path, first, last: last.max(first) });
        }
    }
    let lines: u64 = wider.window.iter().map(|w| u64::from(w.last.saturating_sub(w.first)) + 1).sum();
    (!needs.is_empty() && lines <= u64::from(LINES_AT_MOST)).then_some((wider, needs))
}

/// Whether lines of this file may be shown for editing.
fn may_be_edited(change: &FileChange, tree: &dyn SourceTree, options: &FixOptions) -> bool {
    let protection = options.paths.protection(change.path.as_str());
    let is_free = match protection {
        None => true,
        Some(Protection::Test) => options.allow_test_edits,
        Some(_) => false,
    };
    let is_generated = |text: &String| is_generated(change.path.as_str(), text);
    is_free
        && may_be_shown(&change.path)
        && !change.before.as_ref().is_some_and(is_generated)
        && paths::check(&change.path, tree, &options.paths).is_ok()
}

/// Whether something asks for a new file: the failure, the code, or the rest of the fix. A file that comes along unasked
/// is for the levels that show whole files. What is no code has to be named in full: `pytest.toml`, not `pytest`.
fn is_wanted(
    new: &FileChange,
    changes: &[FileChange],
    bugs: &[BugReport],
    tree: &dyn SourceTree,
    options: &FixOptions,
) -> bool {
    let name = new.path.file_name();
    let is_code = Language::of(new.path.as_str()) != Language::Other;
    let stem = name.split('.').next().filter(|stem| is_code && stem.len() > 1);
    let names_it = |text: &str| {
        text.lines().any(|line| line.contains(name) || stem.is_some_and(|stem| has_word(line, &[stem])))
    };
    if name.starts_with('.') {
        return false;
    }
    let mut others = changes.iter().filter(|other| other.path != new.path);
    let text = new.after.as_deref().unwrap_or_default();
    matches!(name, "__init__.py" | "py.typed")
        || others.any(|other| other.after.as_deref().is_some_and(names_it))
        || bugs.iter().any(|bug| names_it(&bug.message))
        || matches!(named(&new.path, text, tree, &options.paths), Named::By(_))
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::git::RepoPath;
    use crate::fixer::edits::apply;
    use crate::fixer::gate::gate;
    use crate::fixer::testing::{MemoryTree, edit, proposal};

    fn line_window(path: &str, first: u32, last: u32) -> LineWindow {
        LineWindow { path: RepoPath::new(path).unwrap(), first, last }
    }

    type Judged = (Option<Vec<String>>, Result<(), Rejection>);

    /// What an edit needs, and what the gate says of it once that is shown.
    fn judged(files: &[(&str, &str)], edits: &[(&str, &str, &str)]) -> Judged {
        let tree = MemoryTree::new(files);
        let mut proposal = proposal(edits.iter().map(|(p, f, r)| edit(p, f, r)).collect());
        proposal.window = vec![line_window("seen.py", 1, 1)];
        let options = FixOptions::new(&["frozen/".to_owned()]).unwrap();
        let changes = apply(&proposal.edits, &proposal.window, &tree).unwrap();
        let judge =
            |proposal: &FixProposal| gate(proposal, &changes, (&[], &[]), &tree, &options, &[]).map(|_| ());
        match widen(&proposal, &changes, &[], &tree, &options) {
            None => (None, judge(&proposal)),
            Some((wider, needs)) => (Some(needs.iter().map(ToString::to_string).collect()), judge(&wider)),
        }
    }

    #[test]
    fn an_edit_outside_needs_the_lines_around_it_and_passes_with_them() {
        let text: String = (1..=40).map(|n| format!("line_{n} = {n}\n")).collect();
        let (needs, verdict) = judged(
            &[("a.py", &text)],
            &[("a.py", "line_20 = 20", "line_20 = 21"), ("a.py", "line_40 = 40", "x = 1")],
        );
        assert_eq!(needs.unwrap(), ["a.py lines 17-23", "a.py lines 37-40"]);
        assert_eq!(verdict, Ok(()));
    }

    #[test]
    fn a_new_file_needs_its_folder_and_a_deleted_one_all_its_lines() {
        let wants = [("shop/a.py", "from shop import bag\n")];
        let (needs, verdict) = judged(&wants, &[("shop/bag.py", "", "y = 1\n")]);
        assert_eq!((needs.unwrap(), verdict), (vec!["the files in shop/".to_owned()], Ok(())));
        let (needs, verdict) =
            judged(&[("shop/old.py", "import nowhere\n")], &[("shop/old.py", "import nowhere\n", "")]);
        assert_eq!((needs.unwrap(), verdict), (vec!["shop/old.py lines 1-1".to_owned()], Ok(())));
    }

    #[test]
    fn what_may_not_be_shown_for_editing_stays_outside() {
        let long: String = (0..500).map(|n| format!("x{n}\n")).collect();
        let generated = "// Code generated by x. DO NOT EDIT.\npackage a\n";
        let files = [
            ("frozen/a.py", "x\n"),
            ("vendor/a.py", "x\n"),
            ("tests/a.py", "x\n"),
            ("Makefile", "x\n"),
            ("go.sum", "x\n"),
            ("id_rsa", "x\n"),
            (".github/a.yml", "x\n"),
            ("gen.go", generated),
            (".gitignore", "out/\n"),
            ("long.py", &long),
            ("tests/b.py", "import pytest\nopen('.names.json')\n"),
        ];
        for (path, find) in [
            ("frozen/a.py", "x"),
            ("vendor/a.py", "x"),
            ("tests/a.py", "x"),
            ("Makefile", "x"),
            ("go.sum", "x"),
            ("id_rsa", "x"),
            (".github/a.yml", "x"),
            ("gen.go", "package a"),
            ("out/new.py", ""),
            // Nothing asks for it.
            ("shop/send.py", ""),
            ("pytest.toml", ""),
            (".names.json", ""),
        ] {
            let (needs, verdict) = judged(&files, &[(path, find, "y\n")]);
            assert!(needs.is_none() && verdict.is_err(), "{path}: {needs:?} {verdict:?}");
        }
        let (needs, verdict) = judged(&files, &[("long.py", &long, "y\n")]);
        assert!(needs.is_none() && verdict.is_err());
    }
}

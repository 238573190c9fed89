//! What a change of one file is to the tests, told by syntax: layout only, neutral, or any other edit.

use crate::contract::bug::BugReport;
use crate::contract::fix::{EditClass, FileChange};
use crate::contract::git::SourceTree;
use crate::placing::find_file;
use crate::syntax::{Sameness, neutral_edits, same_syntax};

/// Folders whose files are read by tests rather than run: there, layout is content.
const DATA: &[&str] = &[
    "testdata",
    "test-data",
    "test_data",
    "fixtures",
    "__fixtures__",
    "fixture",
    "snapshots",
    "__snapshots__",
    "golden",
    "goldens",
    "data",
    "resources",
    "samples",
    "cases",
    "corpus",
    "inputs",
    "input",
    "outputs",
    "output",
    "expected",
];

/// The class of a change. `findings` are all that the failing check names; `tree` is the repository without the change.
#[must_use]
pub fn edit_class(change: &FileChange, findings: &[BugReport], tree: &dyn SourceTree) -> EditClass {
    let (Some(before), Some(after)) = (&change.before, &change.after) else { return EditClass::Other };
    let path = change.path.as_str();
    let folders = path.rsplit_once('/').map_or("", |(folders, _)| folders);
    if folders.split('/').any(|folder| DATA.contains(&folder.to_lowercase().as_str())) {
        return EditClass::Other;
    }
    if same_syntax(path, before, after) == Sameness::Same {
        return EditClass::LayoutOnly;
    }
    let named: Vec<&BugReport> = findings
        .iter()
        .filter(|f| f.file.as_deref().and_then(|file| find_file(file, tree)).as_ref() == Some(&change.path))
        .collect();
    match neutral_edits(path, (before, after), &named, tree) {
        Some(_) if !named.is_empty() => EditClass::Neutral,
        _ => EditClass::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::bug::Category;
    use crate::contract::git::RepoPath;
    use crate::fixer::testing::{MemoryTree, bug};

    fn class(path: &str, before: &str, after: &str, findings: &[BugReport]) -> EditClass {
        let change = FileChange {
            path: RepoPath::new(path).unwrap(),
            before: Some(before.to_owned()),
            after: Some(after.to_owned()),
        };
        edit_class(&change, findings, &MemoryTree::new(&[(path, before)]))
    }

    #[test]
    fn a_finding_counts_for_its_own_file() {
        let (before, after) = ("import json\nimport os\n\nos.x()\n", "import os\n\nos.x()\n");
        let unused = |file: &str| bug("ruff", Category::Lint, file, 1, "`json` imported but unused");
        assert_eq!(class("tests/test_a.py", before, after, &[unused("tests/test_a.py")]), EditClass::Neutral);
        // As a tool prints it from the folder it runs in.
        assert_eq!(class("tests/test_a.py", before, after, &[unused("test_a.py")]), EditClass::Neutral);
        assert_eq!(class("tests/test_a.py", before, after, &[unused("tests/test_b.py")]), EditClass::Other);
        assert_eq!(class("tests/test_a.py", before, after, &[]), EditClass::Other);
    }

    #[test]
    fn layout_is_content_where_tests_read_it() {
        assert_eq!(class("tests/test_a.py", "x=1\n", "x = 1\n", &[]), EditClass::LayoutOnly);
        assert_eq!(class("tests/fixtures/a.py", "x=1\n", "x = 1\n", &[]), EditClass::Other);
        assert_eq!(
            class("tests/testdata/a.go", "package a\nvar x=1\n", "package a\nvar x = 1\n", &[]),
            EditClass::Other
        );
        assert_eq!(class("tests/a.yaml", "a:  1\n", "a: 1\n", &[]), EditClass::Other);
    }
}

//! The tree that the second proof runs on: every protected file as it was at the failing commit, but for those whose
//! edits need no proof without them.

use std::collections::BTreeMap;

use super::same_tests::TestsRan;
use crate::contract::bug::BugReport;
use crate::contract::fix::{EditClass, FileChange};
use crate::contract::git::{FileMode, RepoPath, SourceTree, TreeFile};
use crate::contract::proof::{LeftOut, LeftOutReason};
use crate::fixer::{FixOptions, Protection, edit_class};
use crate::git::Workspace;

/// What the second proof does with the changes of protected files.
#[derive(Debug, Default)]
pub(super) struct ProtectedChanges {
    /// Not made in it.
    pub(super) restored: Vec<FileChange>,
    /// Made in it as well, and why.
    pub(super) left_out: Vec<LeftOut>,
}

impl ProtectedChanges {
    /// Parts `changes` of `base`. `findings` are all that the failing check named so far.
    pub(super) fn of(
        changes: Vec<FileChange>,
        options: &FixOptions,
        findings: &[BugReport],
        base: &dyn SourceTree,
        tests: TestsRan,
    ) -> Self {
        let mut parted = Self::default();
        for change in changes {
            let Some(protection) = options.paths.protection(change.path.as_str()) else { continue };
            if !protection.restored_in_proof() {
                continue;
            }
            let is_test = protection == Protection::Test;
            let reason = match edit_class(&change, findings, base) {
                _ if !is_test => None,
                EditClass::LayoutOnly => Some(LeftOutReason::LayoutOnly),
                EditClass::Neutral if tests.lets_neutral_edits_stand() => Some(LeftOutReason::Neutral),
                _ if options.allow_test_edits => Some(LeftOutReason::AllowTestEdits),
                EditClass::Neutral | EditClass::Other => None,
            };
            match reason {
                Some(reason) => parted.left_out.push(LeftOut { path: change.path, reason }),
                None => parted.restored.push(change),
            }
        }
        parted
    }
}

/// A tree in which some changes are not made.
pub(super) struct ProtectedView<'a> {
    tree: &'a Workspace,
    files: Vec<TreeFile>,
    restored: BTreeMap<RepoPath, Option<Vec<u8>>>,
}

impl<'a> ProtectedView<'a> {
    pub(super) fn new(tree: &'a Workspace, restored: Vec<FileChange>) -> Self {
        let mut files: BTreeMap<RepoPath, TreeFile> =
            tree.files().iter().map(|f| (f.path.clone(), f.clone())).collect();
        let mut contents = BTreeMap::new();
        for change in restored {
            match &change.before {
                Some(_) => {
                    let id = format!("restored-{}", change.path);
                    files
                        .entry(change.path.clone())
                        .and_modify(|f| f.id.clone_from(&id))
                        .or_insert(TreeFile { path: change.path.clone(), mode: FileMode::Regular, id });
                }
                None => {
                    files.remove(&change.path);
                }
            }
            contents.insert(change.path, change.before.map(String::into_bytes));
        }
        Self { tree, files: files.into_values().collect(), restored: contents }
    }

    /// With these changes made as well.
    pub(super) fn with(mut self, changes: &[FileChange]) -> Self {
        let mut files: BTreeMap<RepoPath, TreeFile> =
            self.files.into_iter().map(|file| (file.path.clone(), file)).collect();
        for FileChange { path, after, .. } in changes {
            let id = format!("planted-{path}");
            match after {
                Some(_) => {
                    files.entry(path.clone()).and_modify(|f| f.id.clone_from(&id)).or_insert(TreeFile {
                        path: path.clone(),
                        mode: FileMode::Regular,
                        id,
                    });
                }
                None => {
                    files.remove(path);
                }
            }
            self.restored.insert(path.clone(), after.clone().map(String::into_bytes));
        }
        Self { files: files.into_values().collect(), ..self }
    }
}

impl SourceTree for ProtectedView<'_> {
    fn files(&self) -> &[TreeFile] {
        &self.files
    }

    fn read(&self, path: &RepoPath) -> Option<Vec<u8>> {
        match self.restored.get(path) {
            Some(content) => content.clone(),
            None => self.tree.read(path),
        }
    }
}

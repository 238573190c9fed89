//! The tree that the second proof runs on: every protected file as it was at the failing commit.

use std::collections::BTreeMap;

use crate::contract::fix::FileChange;
use crate::contract::git::{FileMode, RepoPath, SourceTree, TreeFile};
use crate::fixer::{PathRules, Protection};
use crate::git::Workspace;

/// Those of `changes` that are not made in the second proof.
pub(super) fn restored_in_proof(mut changes: Vec<FileChange>, rules: &PathRules) -> Vec<FileChange> {
    changes.retain(|c| rules.protection(c.path.as_str()).is_some_and(Protection::restored_in_proof));
    changes
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

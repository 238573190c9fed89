//! Other commits than the base: single files, and whole trees that can be run.

use std::collections::{HashSet, VecDeque};
use std::ops::Range;

use super::commit::write_commit;
use super::error::GitError;
use super::workspace::{Workspace, object_id, sha};
use crate::contract::fix::RevertedCommit;
use crate::contract::git::{CommitSha, FileMode, Identity, RepoPath, TreeFile};
use crate::diff::LineDiff;

/// Commits that are looked at on the way back.
const MOST_STEPS: usize = 500;
/// Of a commit's message, in characters.
const MOST_MESSAGE: usize = 4_000;

impl Workspace {
    /// The clone holds this object.
    #[must_use]
    pub fn has_object(&self, id: &str) -> bool {
        let Ok(id) = object_id(id) else { return false };
        self.store.with(move |repo| Ok(repo.has_object(id))).unwrap_or(false)
    }

    /// How many commits `newer` has that `older` has not, as far as the clone's history tells.
    #[must_use]
    pub fn commits_between(&self, older: &CommitSha, newer: &CommitSha) -> Option<u32> {
        let (older, newer) = (older.clone(), newer.clone());
        let counted = self.store.with(move |repo| {
            let (older, newer) = (object_id(older.as_str())?, object_id(newer.as_str())?);
            let (known, _) = reachable(repo, older, &HashSet::new());
            let (new, is_whole) = reachable(repo, newer, &known);
            Ok((is_whole && repo.has_object(older)).then_some(new.len()))
        });
        u32::try_from(counted.ok().flatten()?).ok()
    }

    /// The newest commit of `newer`'s history, back to `older`, that touched these lines (`first` from 1, `count` of them; of
    /// none: the place before `first`), as far as the clone has the commits on the way.
    #[must_use]
    pub fn last_touched(
        &self,
        (older, newer): (&CommitSha, &CommitSha),
        path: &RepoPath,
        lines: (u32, u32),
    ) -> Option<RevertedCommit> {
        let index = |n: u32| usize::try_from(n).ok();
        let start = index(lines.0)?.checked_sub(1)?;
        let mut at = (newer.clone(), start..start + index(lines.1)?);
        for _ in 0..MOST_STEPS {
            let (commit, range) = at;
            if commit == *older {
                return None;
            }
            let (said, parents) = self.commit_words(&commit)?;
            let text = self.file_at(&commit, path)?;
            let text = String::from_utf8_lossy(&text);
            // Of a merge, the side that the lines came from.
            let mut from = None;
            for parent in parents {
                // A file that a commit of which nothing is here may have is no file that came new.
                if !self.imported.contains_key(&parent) && !self.has_object(parent.as_str()) {
                    return None;
                }
                let before = self.file_at(&parent, path).unwrap_or_default();
                let before = String::from_utf8_lossy(&before);
                from = from.or(untouched(&before, &text, &range).map(|range| (parent, range)));
            }
            match from {
                Some(parent) => at = parent,
                None => return Some(said),
            }
        }
        None
    }

    /// What a commit says of itself, and its parents.
    fn commit_words(&self, commit: &CommitSha) -> Option<(RevertedCommit, Vec<CommitSha>)> {
        let commit = commit.clone();
        let read = self.store.with(move |repo| {
            let broken = |e: &dyn std::fmt::Display| GitError::repository("read a commit", e);
            let found = repo.find_commit(object_id(commit.as_str())?).map_err(|e| broken(&e))?;
            let author = head(&found.author().map_err(|e| broken(&e))?.name.to_string(), 200);
            let message = head(&found.message_raw().map_err(|e| broken(&e))?.to_string(), MOST_MESSAGE);
            let parents = found.parent_ids().map(|id| sha(id.detach())).collect::<Result<Vec<_>, _>>()?;
            Ok((RevertedCommit { sha: commit, author, message }, parents))
        });
        read.ok()
    }

    /// Another commit, without edits, as a workspace on the same objects. Fails where a part of it is not here.
    pub fn at(&self, commit: &CommitSha) -> Result<Self, GitError> {
        let imported = self.imported.get(commit).cloned();
        let wanted = commit.clone();
        let (base, tree) = self.store.with(move |repo| {
            let missing = |_| GitError::CommitMissing { commit: wanted.clone() };
            let Some(tree) = imported else {
                let found = repo.find_commit(object_id(wanted.as_str())?).map_err(missing)?;
                return Ok((wanted.clone(), found.tree_id().map_err(missing)?.to_string()));
            };
            // Only what it holds is known; a commit of the same files stands for it in the sandbox.
            let message = format!("the files of {wanted}\n");
            let id = write_commit(repo, &Identity::github_actions(), 0, &message, object_id(&tree)?, None)?;
            Ok((sha(id)?, tree))
        })?;
        let (store, external) = (self.store.share(), self.external.share());
        let mut past = Self::with_base(store, external, self.git_dir.clone(), base, tree, Vec::new())?;
        past.restore_missing(None)?;
        if submodules(&past.base_files).ne(submodules(&self.base_files)) {
            let why = "its submodules are other ones than those that are checked out".to_owned();
            return Err(GitError::Repository { what: format!("look at {commit}"), why });
        }
        past.rebuild();
        Ok(past)
    }

    /// The file at `path` in a commit that the clone knows, as far as it does; `None` where it has none.
    #[must_use]
    pub fn file_at(&self, commit: &CommitSha, path: &RepoPath) -> Option<Vec<u8>> {
        let known = self.imported.get(commit).cloned();
        let (commit, path) = (commit.clone(), path.as_str().to_owned());
        let read = self.store.with(move |repo| {
            let missing = |e: &dyn std::fmt::Display| GitError::repository("read an earlier file", e);
            let tree = match known {
                Some(tree) => object_id(&tree)?,
                None => repo
                    .find_commit(object_id(commit.as_str())?)
                    .and_then(|c| Ok(c.tree_id()?.detach()))
                    .map_err(|_| GitError::CommitMissing { commit: commit.clone() })?,
            };
            let mut tree = repo.find_tree(tree).map_err(|e| missing(&e))?;
            let entry = tree.peel_to_entry_by_path(&path).map_err(|e| missing(&e))?;
            let Some(entry) = entry.filter(|entry| entry.mode().is_blob()) else { return Ok(None) };
            let blob = entry.object().map_err(|e| missing(&e))?;
            Ok(Some(blob.detached().data))
        });
        read.ok().flatten()
    }
}

/// The first characters of a text that may be of any size.
fn head(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

/// Where lines of `text` stand in `before`; `None` where any of them, or their neighbourhood's size, came with `text`.
fn untouched(before: &str, text: &str, range: &Range<usize>) -> Option<Range<usize>> {
    let diff = LineDiff::between(before, text);
    let (mut added, mut removed) = (0, 0);
    for hunk in diff.hunks() {
        let (old, new) = (hunk.old_range(), hunk.new_range());
        if new.start <= range.end && range.start <= new.end && (meets(&new, range) || new.is_empty()) {
            return None;
        }
        if new.start >= range.end {
            break;
        }
        (added, removed) = (added + new.len(), removed + old.len());
    }
    let back = |line: usize| (line + removed).checked_sub(added);
    Some(back(range.start)?..back(range.end)?)
}

/// They have a line in common, or the place between two lines is in the other.
fn meets(one: &Range<usize>, other: &Range<usize>) -> bool {
    if other.is_empty() {
        return one.start <= other.start && other.start <= one.end;
    }
    one.start < other.end && other.start < one.end
}

fn submodules(files: &[TreeFile]) -> impl Iterator<Item = &TreeFile> {
    files.iter().filter(|file| file.mode == FileMode::Submodule)
}

/// The commits that can be reached without those of `stop`, and whether these are all: a shallow clone has not all.
fn reachable(
    repo: &gix::Repository,
    from: gix::ObjectId,
    stop: &HashSet<gix::ObjectId>,
) -> (HashSet<gix::ObjectId>, bool) {
    const MOST: usize = 5_000;
    let (mut open, mut seen) = (VecDeque::from([from]), HashSet::new());
    while let Some(id) = open.pop_front() {
        if stop.contains(&id) || !seen.insert(id) {
            continue;
        }
        let Some(commit) = repo.find_commit(id).ok().filter(|_| seen.len() <= MOST) else {
            return (seen, false);
        };
        open.extend(commit.parent_ids().map(gix::Id::detach));
    }
    (seen, true)
}

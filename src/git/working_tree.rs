//! The working tree as a commit of the private clone: tracked files as they are, and untracked ones that git does not
//! ignore. Files are only read; no filter, hook or configuration of the repository has a say.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use gix::objs::tree::EntryKind;

use super::error::GitError;
use super::object_store_copy::Layout;
use super::store::Store;
use super::workspace::{object_id, sha};
use super::worktree_status::content;
use crate::contract::git::{CommitSha, Identity, RepoPath};

/// Larger files that are not tracked are not taken up.
const MAX_UNTRACKED: u64 = 64 << 20;
/// How a file in Git LFS stands in a commit: its content is another's.
const LFS: &[u8] = b"version https://git-lfs.github.com/spec/";

/// The working tree, where it differs from the commit that is checked out.
#[derive(Debug)]
pub(super) struct WorkingTree {
    pub(super) commit: CommitSha,
    pub(super) tree: String,
    /// How many files differ, and one of them.
    pub(super) differ: usize,
    pub(super) first: String,
}

/// What a file is in the working tree.
enum Found {
    /// As the index has it.
    Known(gix::ObjectId, EntryKind),
    /// To be written.
    Content(Vec<u8>, EntryKind),
    /// Deleted.
    Gone,
}

/// Makes a commit of the working tree on top of `head`; `None` where nothing differs.
pub(super) fn commit(
    store: &Store,
    layout: &Layout,
    (head, head_tree): (&CommitSha, &str),
) -> Result<Option<WorkingTree>, GitError> {
    let Some(worktree) = layout.worktree.clone() else { return Ok(None) };
    let index_file = layout.git_dir.join("index");
    let (head, head_tree) = (object_id(head.as_str())?, object_id(head_tree)?);
    store.with(move |repo| {
        let files = look(&worktree, &index_file, repo)?;
        let failed = |what: &str| {
            let what = what.to_owned();
            move |e: &dyn std::fmt::Display| GitError::repository(what.clone(), e)
        };
        let tree = repo.find_tree(head_tree).map_err(|e| failed("read the commit")(&e))?;
        let mut editor = repo.edit_tree(head_tree).map_err(|e| failed("start a tree")(&e))?;
        let mut differ = BTreeSet::new();
        for (path, found) in files {
            let known = tree
                .lookup_entry_by_path(path.as_str())
                .map_err(|e| failed("look into the commit")(&e))?
                .map(|entry| (entry.object_id(), entry.mode().kind()));
            let now = match found {
                Found::Gone => None,
                Found::Known(id, kind) => Some((id, kind)),
                Found::Content(bytes, kind) => {
                    let id = repo.write_blob(bytes).map_err(|e| failed("write a file")(&e))?;
                    Some((id.detach(), kind))
                }
            };
            if now == known {
                continue;
            }
            match now {
                Some((id, kind)) => editor.upsert(path.as_str(), kind, id),
                None => editor.remove(path.as_str()),
            }
            .map_err(|e| failed("change a tree")(&e))?;
            differ.insert(path);
        }
        let Some(first) = differ.first() else { return Ok(None) };
        let tree = editor.write().map_err(|e| failed("write the tree")(&e))?.detach();
        let time = repo
            .find_commit(head)
            .ok()
            .and_then(|commit| u64::try_from(commit.time().ok()?.seconds).ok())
            .unwrap_or_default();
        let who = Identity::github_actions();
        let id = super::commit::write_commit(repo, &who, time, "working tree", tree, [head])?;
        Ok(Some(WorkingTree {
            commit: sha(id)?,
            tree: tree.to_string(),
            differ: differ.len(),
            first: first.to_string(),
        }))
    })
}

/// Every file of the index and of the working tree that may differ from the commit.
fn look(
    worktree: &Path,
    index_file: &Path,
    repo: &gix::Repository,
) -> Result<Vec<(RepoPath, Found)>, GitError> {
    let mut files = Vec::new();
    let mut tracked = BTreeSet::new();
    let written = fs::metadata(index_file).map_or(0, |meta| meta.mtime());
    if fs::symlink_metadata(index_file).is_ok_and(|meta| meta.is_file()) {
        let options = gix::index::decode::Options::default();
        let index = gix::index::File::at(index_file, repo.object_hash(), true, options)
            .map_err(|e| GitError::repository("read the index", &e))?;
        for entry in index.entries() {
            let path = std::str::from_utf8(entry.path(&index)).ok().and_then(|path| RepoPath::new(path).ok());
            let Some(path) = path else { continue };
            // Of a conflict there are up to three; what lies there counts.
            if tracked.insert(path.clone()) {
                files.extend(of_entry(worktree, &path, entry, written, repo).map(|found| (path, found)));
            }
        }
    }
    for (path, kind) in untracked(worktree) {
        if !tracked.contains(&path)
            && let Some(bytes) = content(worktree, &path)
        {
            files.push((path, Found::Content(bytes, kind)));
        }
    }
    Ok(files)
}

/// A tracked file as it lies there; `None`: it is left as the commit has it.
fn of_entry(
    worktree: &Path,
    path: &RepoPath,
    entry: &gix::index::Entry,
    index_written: i64,
    repo: &gix::Repository,
) -> Option<Found> {
    use gix::index::entry::{Flags, Mode};
    let kind = match entry.mode {
        Mode::FILE => EntryKind::Blob,
        Mode::FILE_EXECUTABLE => EntryKind::BlobExecutable,
        Mode::SYMLINK => EntryKind::Link,
        _ => return None,
    };
    if entry.flags.contains(Flags::SKIP_WORKTREE) {
        return None;
    }
    let Ok(meta) = fs::symlink_metadata(worktree.join(path.as_str())) else { return Some(Found::Gone) };
    if meta.is_dir() {
        return Some(Found::Gone);
    }
    let here = if meta.is_symlink() {
        EntryKind::Link
    } else if meta.permissions().mode() & 0o111 == 0 {
        EntryKind::Blob
    } else {
        EntryKind::BlobExecutable
    };
    // The index keeps the low 32 bits of both. What was written in the second of the index's own may have changed since.
    let is_same = meta.size() as u32 == entry.stat.size
        && meta.mtime() as u32 == entry.stat.mtime.secs
        && meta.mtime() < index_written
        && entry.stage_raw() == 0;
    if is_same && here == kind {
        return Some(Found::Known(entry.id, kind));
    }
    let bytes = content(worktree, path)?;
    let known = repo.find_object(entry.id).ok().map(|object| object.detach().data);
    match known {
        Some(known) if known.starts_with(LFS) || known == bytes || known == without_returns(&bytes) => {
            Some(Found::Known(entry.id, here))
        }
        _ => Some(Found::Content(bytes, here)),
    }
}

/// As a checkout with other line ends would be committed.
fn without_returns(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes.len());
    for (at, byte) in bytes.iter().enumerate() {
        if *byte != b'\r' || bytes.get(at + 1) != Some(&b'\n') {
            plain.push(*byte);
        }
    }
    plain
}

/// Files that git would list as untracked: its own ignore files hold, nobody else's; a repository inside is its own.
pub(super) fn untracked(worktree: &Path) -> impl Iterator<Item = (RepoPath, EntryKind)> {
    let root = worktree.to_owned();
    let walker = ignore::WalkBuilder::new(&root)
        .hidden(false)
        .ignore(false)
        .parents(false)
        .follow_links(false)
        .filter_entry(|entry| {
            entry.file_name() != ".git" && (entry.depth() == 0 || !entry.path().join(".git").exists())
        })
        .build();
    walker.filter_map(move |entry| {
        let entry = entry.ok()?;
        let meta = fs::symlink_metadata(entry.path()).ok()?;
        let kind = if meta.is_symlink() {
            EntryKind::Link
        } else if meta.is_file() && meta.size() <= MAX_UNTRACKED {
            if meta.permissions().mode() & 0o111 == 0 { EntryKind::Blob } else { EntryKind::BlobExecutable }
        } else {
            return None;
        };
        let path = RepoPath::new(entry.path().strip_prefix(&root).ok()?.to_str()?).ok()?;
        Some((path, kind))
    })
}

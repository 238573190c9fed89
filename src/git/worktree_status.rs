//! Looks at the files of a checkout: what differs from the commit, and what a checkout without a repository holds.

use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use gix::objs::tree::EntryKind;

use super::object_store_copy::open_regular;
use crate::contract::git::{FileMode, RepoPath, TreeFile};

/// Larger files are not taken up from a checkout that has no repository.
const MAX_FILE: u64 = 512 << 20;

/// Tracked files that differ from the commit, as far as the checkout's index tells: it knows size and time of each file
/// when it was written, so nothing needs to be read.
pub(super) fn changed(index: &Path, worktree: &Path, files: &[TreeFile]) -> Vec<String> {
    let hash = match files.first().map(|f| f.id.len()) {
        Some(64) => gix::hash::Kind::Sha256,
        _ => gix::hash::Kind::Sha1,
    };
    if !fs::symlink_metadata(index).is_ok_and(|m| m.is_file()) {
        return Vec::new();
    }
    let Ok(index) = gix::index::File::at(index, hash, true, gix::index::decode::Options::default()) else {
        return Vec::new();
    };
    let mut changed = Vec::new();
    for file in files {
        if !matches!(file.mode, FileMode::Regular | FileMode::Executable) {
            continue;
        }
        let Some(entry) = index.entry_by_path(file.path.as_str().into()) else { continue };
        if entry.flags.contains(gix::index::entry::Flags::SKIP_WORKTREE) {
            continue;
        }
        let same = gix::ObjectId::from_hex(file.id.as_bytes()).is_ok_and(|id| id == entry.id)
            && fs::symlink_metadata(worktree.join(file.path.as_str())).is_ok_and(|meta| {
                // The index keeps the low 32 bits of both.
                meta.size() as u32 == entry.stat.size && meta.mtime() as u32 == entry.stat.mtime.secs
            });
        if !same {
            changed.push(file.path.to_string());
        }
    }
    changed
}

/// A regular file or link of the checkout; `None` where a directory on the way is a link, or it cannot be read.
pub(super) fn content(root: &Path, path: &RepoPath) -> Option<Vec<u8>> {
    let place = inside(root, path)?;
    if fs::symlink_metadata(&place).ok()?.is_symlink() {
        return Some(fs::read_link(&place).ok()?.as_os_str().as_bytes().to_vec());
    }
    let mut bytes = Vec::new();
    open_regular(&place).ok()??.take(MAX_FILE).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// A regular file of the checkout, to be read in pieces; `None` as for [`content`].
pub(super) fn open(root: &Path, path: &RepoPath) -> Option<fs::File> {
    open_regular(&inside(root, path)?).ok()?
}

/// Where `path` lies, unless a directory on the way is a link.
fn inside(root: &Path, path: &RepoPath) -> Option<PathBuf> {
    let mut place = root.to_owned();
    for part in path.parent().split('/').filter(|p| !p.is_empty()) {
        place.push(part);
        if !fs::symlink_metadata(&place).ok()?.is_dir() {
            return None;
        }
    }
    place.push(path.file_name());
    Some(place)
}

/// Every file under `root` that its ignore files do not exclude.
pub(super) fn walk(root: &Path) -> impl Iterator<Item = (RepoPath, EntryKind, Vec<u8>)> {
    let root = root.to_owned();
    let walker = ignore::WalkBuilder::new(&root)
        .hidden(false)
        .require_git(false)
        .git_global(false)
        .git_exclude(false)
        .parents(false)
        .follow_links(false)
        .filter_entry(|e| e.file_name() != ".git")
        .build();
    walker.filter_map(move |entry| {
        let entry = entry.ok()?;
        let meta = fs::symlink_metadata(entry.path()).ok()?;
        let path = RepoPath::new(entry.path().strip_prefix(&root).ok()?.to_str()?).ok()?;
        let kind = if meta.is_symlink() {
            EntryKind::Link
        } else if meta.is_file() && meta.len() <= MAX_FILE {
            if meta.permissions().mode() & 0o111 == 0 { EntryKind::Blob } else { EntryKind::BlobExecutable }
        } else {
            return None;
        };
        let bytes = content(&root, &path)?;
        Some((path, kind, bytes))
    })
}

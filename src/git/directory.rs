//! A plain directory as a `SourceTree`, for looking at a repository without making a private clone.
//!
//! Where git's index lists the files, those are the tracked ones; else a walk that respects `.gitignore`. Contents are
//! read from the directory, only from regular files, and never through a link.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::contract::git::{FileMode, RepoPath, SourceTree, TreeFile};

/// Larger files are not read into memory.
const MAX_READ: u64 = 64 << 20;
/// A walk stops here.
const MAX_FILES: usize = 500_000;

/// Files of a directory as they lie there.
#[derive(Debug)]
pub struct DirectoryTree {
    root: PathBuf,
    files: Vec<TreeFile>,
}

impl DirectoryTree {
    /// Lists the files of a directory.
    ///
    /// # Errors
    /// Where it is not a directory or cannot be read.
    pub fn open(path: &Path) -> Result<Self, std::io::Error> {
        let root = fs::canonicalize(path)?;
        if !root.is_dir() {
            return Err(std::io::Error::new(std::io::ErrorKind::NotADirectory, "is not a directory"));
        }
        let files = match tracked(&root) {
            Some(files) if !files.is_empty() => files,
            _ => walked(&root),
        };
        Ok(Self { root, files: files.into_values().collect() })
    }

    /// The same, with files that are not tracked yet and not ignored.
    ///
    /// # Errors
    /// Where it is not a directory or cannot be read.
    pub fn open_with_untracked(path: &Path) -> Result<Self, std::io::Error> {
        let mut tree = Self::open(path)?;
        let mut files = walked(&tree.root);
        files.extend(tree.files.into_iter().map(|file| (file.path.clone(), file)));
        tree.files = files.into_values().collect();
        Ok(tree)
    }

    /// `owner/repository` of the remote `origin`, where it is one on a server.
    #[must_use]
    pub fn origin(&self) -> Option<String> {
        let repository = gix::open_opts(&self.root, gix::open::Options::isolated()).ok()?;
        let url = repository.config_snapshot().string("remote.origin.url")?.to_string();
        slug(&url)
    }
}

/// The last two parts of a URL's path.
fn slug(url: &str) -> Option<String> {
    let rest = match url.split_once("://") {
        Some(("file", _)) => return None,
        Some((_, rest)) => rest.split_once('/')?.1,
        None => url.split_once(':').filter(|(host, _)| host.contains('@') || host.contains('.'))?.1,
    };
    let mut parts = rest.trim_matches('/').rsplit('/');
    let name = parts.next()?.trim_end_matches(".git");
    let owner = parts.next()?;
    let fine = |s: &str| !s.is_empty() && s.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    (fine(name) && fine(owner)).then(|| format!("{owner}/{name}"))
}

type Files = BTreeMap<RepoPath, TreeFile>;

fn entry(path: &str, mode: FileMode, id: String) -> Option<(RepoPath, TreeFile)> {
    let path = RepoPath::new(path).ok()?;
    Some((path.clone(), TreeFile { path, mode, id }))
}

/// What the index lists; `None` where there is no repository or its index cannot be read.
fn tracked(root: &Path) -> Option<Files> {
    let repository = gix::open_opts(root, gix::open::Options::isolated()).ok()?;
    let index = repository.open_index().ok()?;
    let mut files = Files::new();
    for item in index.entries() {
        let Ok(path) = std::str::from_utf8(item.path(&index)) else { continue };
        let mode = match item.mode {
            gix::index::entry::Mode::FILE => FileMode::Regular,
            gix::index::entry::Mode::FILE_EXECUTABLE => FileMode::Executable,
            gix::index::entry::Mode::SYMLINK => FileMode::Symlink,
            _ => FileMode::Submodule,
        };
        files.extend(entry(path, mode, item.id.to_string()));
    }
    Some(files)
}

fn walked(root: &Path) -> Files {
    let walk = ignore::WalkBuilder::new(root)
        .hidden(false)
        .follow_links(false)
        .require_git(false)
        .git_global(false)
        .parents(false)
        .filter_entry(|entry| entry.file_name() != ".git")
        .build();
    let mut files = Files::new();
    for found in walk.flatten().take(MAX_FILES) {
        let (Ok(relative), Some(kind)) = (found.path().strip_prefix(root), found.file_type()) else {
            continue;
        };
        let mode = if kind.is_symlink() {
            FileMode::Symlink
        } else if kind.is_file() {
            let executable = found.metadata().is_ok_and(|m| m.permissions().mode() & 0o111 != 0);
            if executable { FileMode::Executable } else { FileMode::Regular }
        } else {
            continue;
        };
        if let Some(path) = relative.to_str() {
            files.extend(entry(path, mode, String::new()));
        }
    }
    files
}

impl SourceTree for DirectoryTree {
    fn files(&self) -> &[TreeFile] {
        &self.files
    }

    fn read(&self, path: &RepoPath) -> Option<Vec<u8>> {
        self.entry(path)?;
        let relative: &str = path.as_ref();
        // Each folder on the way is a real one, so that nothing outside is ever read.
        let mut place = self.root.clone();
        let (folders, name) = relative.rsplit_once('/').unwrap_or(("", relative));
        for part in folders.split('/').filter(|p| !p.is_empty()) {
            place.push(part);
            if !fs::symlink_metadata(&place).ok()?.is_dir() {
                return None;
            }
        }
        place.push(name);
        let meta = fs::symlink_metadata(&place).ok()?;
        if meta.is_symlink() {
            return Some(fs::read_link(&place).ok()?.into_os_string().into_encoded_bytes());
        }
        if !meta.is_file() || meta.len() > MAX_READ {
            return None;
        }
        let mut bytes = Vec::new();
        fs::File::open(&place).ok()?.take(MAX_READ).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, path: &str, text: &str) {
        let place = root.join(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, text).unwrap();
    }

    #[test]
    fn a_folder_without_git_is_walked_past_what_is_ignored() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "a.txt", "a");
        write(dir.path(), ".github/workflows/ci.yml", "on: push");
        write(dir.path(), "target/x", "x");
        write(dir.path(), ".gitignore", "/target\n");
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join("link")).unwrap();
        std::os::unix::fs::symlink("/etc", dir.path().join("outside")).unwrap();
        let tree = DirectoryTree::open(dir.path()).unwrap();
        let paths: Vec<&str> = tree.files().iter().map(|f| f.path.as_ref()).collect();
        assert_eq!(paths, [".github/workflows/ci.yml", ".gitignore", "a.txt", "link", "outside"]);
        assert_eq!(tree.read(&RepoPath::new("a.txt").unwrap()).unwrap(), b"a");
        assert_eq!(tree.read(&RepoPath::new("link").unwrap()).unwrap(), b"/etc/passwd");
        assert!(tree.read_text(&RepoPath::new("link").unwrap()).is_none());
        assert!(tree.read(&RepoPath::new("outside/passwd").unwrap()).is_none());
    }

    #[test]
    fn the_remote_gives_the_name() {
        for (url, want) in [
            ("https://github.com/o/r", Some("o/r")),
            ("https://github.com/o/r.git", Some("o/r")),
            ("git@github.com:o/r.git", Some("o/r")),
            ("ssh://git@host/o/r", Some("o/r")),
            ("/srv/git/r.git", None),
            ("file:///srv/o/r", None),
        ] {
            assert_eq!(slug(url).as_deref(), want, "{url}");
        }
    }
}

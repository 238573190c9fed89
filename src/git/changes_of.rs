//! Whether files of a checkout changed: sizes and times of all that git would look at.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::working_tree::untracked;
use crate::contract::git::RepoPath;

/// Size, and time of the last change.
type Stamp = (u64, i64, i64);

/// A checkout at a moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    files: BTreeMap<RepoPath, Stamp>,
}

impl Snapshot {
    /// Looks at the files of `root` that git does not ignore, without those below `except`.
    #[must_use]
    pub fn of(root: &Path, except: &Path) -> Self {
        let files = untracked(root)
            .map(|(path, _)| path)
            .filter(|path| !root.join(path.as_str()).starts_with(except))
            .filter_map(|path| Some((path.clone(), stamp(root.join(path.as_str()))?)))
            .collect();
        Self { files }
    }

    /// Files that are not as they were.
    #[must_use]
    pub fn changed_since(&self, earlier: &Self) -> Vec<RepoPath> {
        let differs = |path: &&RepoPath| self.files.get(*path) != earlier.files.get(*path);
        let all: std::collections::BTreeSet<&RepoPath> =
            self.files.keys().chain(earlier.files.keys()).collect();
        all.into_iter().filter(differs).cloned().collect()
    }

    /// These files alone, as they lie there at this moment.
    #[must_use]
    pub fn of_files(root: &Path, files: &[RepoPath]) -> Self {
        let files = files.iter().filter_map(|path| Some((path.clone(), stamp(root.join(path.as_str()))?)));
        Self { files: files.collect() }
    }

    /// This one, with what another knows of its files in place of what this one does.
    #[must_use]
    pub fn with(mut self, newer: &Self) -> Self {
        self.files.extend(newer.files.iter().map(|(path, stamp)| (path.clone(), *stamp)));
        self
    }
}

fn stamp(path: PathBuf) -> Option<Stamp> {
    fs::symlink_metadata(path).ok().map(|meta| (meta.size(), meta.mtime(), meta.mtime_nsec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_writes_ignored_files_and_the_report_do_not_count() {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        fs::create_dir(dir.path().join(".git")).unwrap();
        write(".gitignore", "*.log\n");
        write("a.py", "1");
        write("b.py", "1");
        let report = dir.path().join("report");
        let look = || Snapshot::of(dir.path(), &report);
        let before = look();
        write("report/results.json", "{}");
        write("x.log", "x");
        assert!(look().changed_since(&before).is_empty());
        write("a.py", "12");
        write("c.py", "new");
        fs::remove_file(dir.path().join("b.py")).unwrap();
        let paths = |before: &Snapshot| -> Vec<String> {
            look().changed_since(before).iter().map(ToString::to_string).collect()
        };
        assert_eq!(paths(&before), ["a.py", "b.py", "c.py"]);
        // What was written by itself is known as it was written: somebody's change upon it counts.
        let own = Snapshot::of_files(dir.path(), &[RepoPath::new("a.py").unwrap()]);
        let known = before.with(&own);
        assert_eq!(paths(&known), ["b.py", "c.py"]);
        write("a.py", "123");
        assert_eq!(paths(&known), ["a.py", "b.py", "c.py"]);
    }
}

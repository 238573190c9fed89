//! What is shown because it was asked for: lines and folders that a model or its edits turned out to need.

use super::{Builder, Context, Listing, may_be_shown};
use crate::contract::bug::BugReport;
use crate::contract::fix::ContextNeed;
use crate::contract::git::{RepoPath, SourceTree};
use crate::fixer::paths::{PathRules, Protection};
use crate::fixer::symbols;
use crate::placing::find_file;

/// Names of a folder's files that are shown at most.
const MOST_NAMES: usize = 40;
/// Folders that are shown at most.
const MOST_FOLDERS: usize = 4;
/// Lines of a file that was asked for as a whole.
const WHOLE: u32 = 160;
/// Definitions of a name that was asked for.
const MOST_DEFINITIONS: usize = 2;

impl Builder<'_> {
    /// Adds what was asked for.
    pub(super) fn needed(&mut self, need: &ContextNeed) {
        match need {
            ContextNeed::Lines { path, first, last } if may_be_asked_for(path, self.paths) => {
                self.add(path, *first, *last, "asked for");
            }
            ContextNeed::Lines { .. } => {}
            ContextNeed::Folder { path } => self.listing(path),
        }
    }

    /// The names of the files in the folders of these: where a new file may go.
    pub(super) fn folders_of<'p>(&mut self, paths: impl Iterator<Item = &'p RepoPath>) {
        paths.for_each(|path| self.listing(path.parent()));
    }

    fn listing(&mut self, folder: &str) {
        if self.listings.len() >= MOST_FOLDERS || self.listings.iter().any(|l| l.folder == folder) {
            return;
        }
        let files: Vec<String> = self
            .tree
            .files()
            .iter()
            .map(|f| &f.path)
            .filter(|p| p.parent() == folder && may_be_asked_for(p, self.paths))
            .map(|p| p.file_name().to_owned())
            .take(MOST_NAMES)
            .collect();
        self.listings.push(Listing { folder: folder.to_owned(), files });
    }
}

/// Not what no fix may touch, what others wrote, or what holds credentials.
fn may_be_asked_for(path: &RepoPath, paths: &PathRules) -> bool {
    let closed = matches!(
        paths.protection(path.as_str()),
        Some(Protection::Never | Protection::User | Protection::Lock | Protection::Vendored)
    );
    !closed && may_be_shown(path)
}

/// What a model's words for what it needs stand for: a file (`src/a.py`, `src/a.py:10-40`), a folder, a name that the
/// code defines. Without what `shown` has already.
pub(crate) fn resolve(
    words: &[String],
    bugs: &[BugReport],
    tree: &dyn SourceTree,
    paths: &PathRules,
    shown: &Context,
) -> Vec<ContextNeed> {
    let mut needs: Vec<ContextNeed> = Vec::new();
    for word in words {
        let found = as_file(word, tree)
            .or_else(|| as_folder(word, tree))
            .map_or_else(|| as_name(word, bugs, tree, paths), |need| vec![need]);
        for need in found {
            let may = match &need {
                ContextNeed::Lines { path, .. } => may_be_asked_for(path, paths),
                ContextNeed::Folder { .. } => true,
            };
            if may && !shown.holds(&need) && !needs.contains(&need) {
                needs.push(need);
            }
        }
    }
    needs
}

fn as_file(word: &str, tree: &dyn SourceTree) -> Option<ContextNeed> {
    let (file, range) = match word.rsplit_once(':') {
        Some((file, range)) if range.starts_with(|c: char| c.is_ascii_digit()) => (file, Some(range)),
        _ => (word, None),
    };
    let path = find_file(file, tree)?;
    let count = u32::try_from(tree.read_text(&path)?.lines().count()).unwrap_or(u32::MAX).max(1);
    let (first, last) = match range {
        None => (1, count.min(WHOLE)),
        Some(range) => {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let first: u32 = first.parse().ok()?;
            (first, last.parse().unwrap_or(first))
        }
    };
    let first = first.clamp(1, count);
    Some(ContextNeed::Lines { path, first, last: last.clamp(first, count) })
}

fn as_folder(word: &str, tree: &dyn SourceTree) -> Option<ContextNeed> {
    let folder = word.trim_start_matches("./").trim_end_matches('/');
    if word.is_empty() {
        return None;
    }
    if folder.is_empty() || folder == "." {
        return Some(ContextNeed::Folder { path: String::new() });
    }
    let inside = format!("{folder}/");
    let is_folder = tree.files().iter().any(|f| f.path.as_str().starts_with(&inside));
    is_folder.then(|| ContextNeed::Folder { path: folder.to_owned() })
}

fn as_name(word: &str, bugs: &[BugReport], tree: &dyn SourceTree, paths: &PathRules) -> Vec<ContextNeed> {
    let name = word.trim_end_matches("()").rsplit(['.', ':', '#', '/']).next().unwrap_or_default();
    let from = bugs.iter().find_map(|bug| find_file(bug.file.as_deref()?, tree));
    let Some(from) = from.filter(|_| name.len() > 1) else { return Vec::new() };
    let is_test = |path: &str| paths.protection(path) == Some(Protection::Test);
    symbols::definitions(&[name.to_owned()], &from, tree, is_test)
        .into_iter()
        .take(MOST_DEFINITIONS)
        .map(|found| ContextNeed::Lines { path: found.path, first: found.lines.0, last: found.lines.1 })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::bug::Category;
    use crate::fixer::testing::{MemoryTree, bug};

    #[test]
    fn files_ranges_folders_and_names_are_found() {
        let tree = MemoryTree::new(&[
            ("shop/cart.py", "def total():\n    return 1\n\n\ndef count():\n    return 2\n"),
            ("shop/deep/a.py", "x = 1\n"),
            ("shop/.env", "A=b\n"),
            ("go.sum", "x\n"),
        ]);
        let bugs = [bug("pytest", Category::Logic, "shop/cart.py", 1, "m")];
        let paths = PathRules::new(&[]).unwrap();
        let needs = |words: &[&str]| -> Vec<String> {
            let words: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
            let found = resolve(&words, &bugs, &tree, &paths, &Context::default());
            found.iter().map(ToString::to_string).collect()
        };
        assert_eq!(needs(&["shop/cart.py"]), ["shop/cart.py lines 1-6"]);
        assert_eq!(
            needs(&["deep/a.py", "shop/cart.py:5-99"]),
            ["shop/deep/a.py lines 1-1", "shop/cart.py lines 5-6"]
        );
        assert_eq!(needs(&["shop/deep/", "."]), ["the files in shop/deep/", "the files in the root"]);
        assert_eq!(needs(&["cart.count()"]), ["shop/cart.py lines 5-6"]);
        assert_eq!(needs(&["shop/.env", "go.sum", "nothing.py", "../x", ""]), [""; 0]);
    }
}

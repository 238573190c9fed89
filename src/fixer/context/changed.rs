//! What changed since CI was green, as the functions, classes and the like that it is in.

use std::collections::BTreeMap;

use super::leads::ChangedDefinition;
use crate::contract::changes::{ChangedFile, ChangedHunk, ChangedSinceGreen};
use crate::contract::git::SourceTree;
use crate::syntax::{Grammar, Outline, is_generated, is_minified, shared_outline};

/// A larger change says little of where the cause is.
const MOST_FILES: usize = 100;
const MOST_DEFINITIONS: usize = 200;

/// In the order of the files. What stands outside of every definition is left out, and so is what is gone.
#[must_use]
pub fn changed_definitions(changes: &ChangedSinceGreen, tree: &dyn SourceTree) -> Vec<ChangedDefinition> {
    let files = changes.files.iter().filter(|file| !file.hunks.is_empty()).take(MOST_FILES);
    files.flat_map(|file| in_file(file, tree)).take(MOST_DEFINITIONS).collect()
}

fn in_file(file: &ChangedFile, tree: &dyn SourceTree) -> Vec<ChangedDefinition> {
    let Some(grammar) = Grammar::of(file.path.as_str()) else { return Vec::new() };
    let Some(text) = tree.read_text(&file.path) else { return Vec::new() };
    if is_generated(file.path.as_str(), &text) || is_minified(file.path.as_str(), &text) {
        return Vec::new();
    }
    let Ok(outline) = shared_outline(grammar, &text) else { return Vec::new() };
    let mut changed: BTreeMap<usize, Vec<&ChangedHunk>> = BTreeMap::new();
    for hunk in &file.hunks {
        for definition in touched(&outline, hunk) {
            changed.entry(definition).or_default().push(hunk);
        }
    }
    let of = |(index, hunks): (usize, Vec<&ChangedHunk>)| {
        let definition = &outline.definitions[index];
        let (first, last) = definition.lines;
        let is_new = hunks.iter().any(|h| {
            h.old_count == 0 && h.new_first <= definition.head_line && h.new_first + h.new_count > last
        });
        let before: Vec<&str> = hunks.iter().flat_map(|h| &h.old_lines).map(String::as_str).collect();
        ChangedDefinition {
            path: file.path.clone(),
            name: definition.name.clone(),
            lines: (first, last),
            before: (!is_new).then(|| before.join("\n")),
        }
    };
    changed.into_iter().map(of).collect()
}

/// The innermost definitions that the lines of a hunk lie in; where it only takes lines out, the one around the place.
fn touched(outline: &Outline, hunk: &ChangedHunk) -> Vec<usize> {
    let (first, last) = (hunk.new_first, hunk.new_first + hunk.new_count.max(1) - 1);
    let overlaps: Vec<usize> = (0..outline.definitions.len())
        .filter(|at| {
            let lines = outline.definitions[*at].lines;
            lines.0 <= last && first <= lines.1
        })
        .collect();
    let holds_another =
        |at: usize| overlaps.iter().any(|other| outline.definitions[*other].parent == Some(at));
    overlaps.iter().copied().filter(|at| !holds_another(*at)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::changes::{FileChangeKind, FileRole};
    use crate::contract::git::{CommitSha, RepoPath};
    use crate::fixer::testing::MemoryTree;

    const TEXT: &str = "import os\n\n\nclass Cart:\n    def add(self, x):\n        self.items.append(x)\n\n    def total(self):\n        return sum(self.items) - 1\n\n\ndef new():\n    return Cart()\n";

    fn hunk(new: (u32, u32), old: &[&str]) -> ChangedHunk {
        ChangedHunk {
            old_first: new.0,
            old_count: u32::try_from(old.len()).unwrap(),
            new_first: new.0,
            new_count: new.1,
            old_lines: old.iter().map(|line| (*line).to_owned()).collect(),
        }
    }

    #[test]
    fn hunks_are_told_by_the_definitions_they_are_in() {
        let tree = MemoryTree::new(&[("cart.py", TEXT)]);
        let hunks = vec![
            hunk((1, 1), &["import sys"]),
            hunk((9, 1), &["        return sum(self.items)"]),
            hunk((12, 2), &[]),
        ];
        let file = ChangedFile {
            path: RepoPath::new("cart.py").unwrap(),
            change: FileChangeKind::Modified,
            role: FileRole::Other,
            hunks,
            is_cut: false,
        };
        let commit = CommitSha::new(&"1".repeat(40)).unwrap();
        let changes = ChangedSinceGreen { commit, commits_ago: None, files: vec![file], more_files: 0 };
        let found = changed_definitions(&changes, &tree);
        let told: Vec<_> = found.iter().map(|d| (d.name.as_str(), d.lines, d.before.as_deref())).collect();
        assert_eq!(
            told,
            [("total", (8, 9), Some("        return sum(self.items)")), ("new", (12, 13), None)]
        );
    }
}

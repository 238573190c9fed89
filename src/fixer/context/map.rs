//! A map of what is not shown: files of the repository, each with the names at its top.

use std::collections::{BTreeMap, BTreeSet};

use super::{Builder, may_be_shown};
use crate::contract::git::{FileMode, RepoPath};
use crate::fixer::language::Language;
use crate::fixer::paths::Protection;

/// Lines of it, by level.
const MOST_LINES: [usize; 5] = [0, 3, 40, 60, 60];
/// Characters of a line, at level 1 and later.
const MOST_CHARACTERS: (usize, usize) = (70, 110);
/// Files beyond those already read that are read for their names.
const MOST_READ: usize = 25;

impl Builder<'_> {
    /// The files nearest to what is shown of a failing test, and what they hold that is left out.
    pub(super) fn map(&self, level: u8) -> Vec<String> {
        let Some((from, left_out)) = &self.left_out else { return Vec::new() };
        let code = &self.code;
        let language = Language::of(from.as_str());
        let is_own = |path: &RepoPath| {
            language.is_kin(Language::of(path.as_str()))
                && may_be_shown(path)
                && !matches!(
                    self.paths.protection(path.as_str()),
                    Some(Protection::Vendored | Protection::Never | Protection::Test)
                )
        };
        let plain = |mode| matches!(mode, FileMode::Regular | FileMode::Executable);
        let files = self.tree.files().iter().filter(|f| plain(f.mode)).map(|f| &f.path);
        let mut files: Vec<&RepoPath> = files.filter(|p| is_own(p)).collect();
        // In a large repository each of these is asked for every file.
        let mut ranks: BTreeMap<&RepoPath, usize> = BTreeMap::new();
        for (rank, (path, _)) in left_out.iter().enumerate() {
            ranks.entry(path).or_insert(rank);
        }
        let picked: BTreeSet<&RepoPath> = self.picked.iter().map(|p| &p.path).collect();
        let shared = |folder: &str, other: &RepoPath| {
            folder.split('/').zip(other.parent().split('/')).take_while(|(a, b)| a == b).count()
        };
        let mut nearest: BTreeMap<&str, usize> = BTreeMap::new();
        files.sort_by_cached_key(|path| {
            let folder = path.parent();
            let near = *nearest
                .entry(folder)
                .or_insert_with(|| picked.iter().map(|other| shared(folder, other)).max().unwrap_or(0));
            let rank = ranks.get(path).copied().unwrap_or(usize::MAX);
            (rank, !picked.contains(path), std::cmp::Reverse(near), *path)
        });
        let most = MOST_LINES[usize::from(level.clamp(1, 4))];
        let mut lines: Vec<String> = Vec::new();
        for (index, path) in files.iter().enumerate() {
            if lines.len() == most {
                if files.len() > index {
                    lines.pop();
                    lines.push(format!("and {} more files", files.len() - index + 1));
                }
                break;
            }
            let source = (index < MOST_READ || picked.contains(path)).then(|| code.source(path)).flatten();
            let names: Vec<&str> = source
                .iter()
                .flat_map(|s| s.outline.top_level())
                .filter(|d| {
                    !self
                        .picked
                        .iter()
                        .any(|p| p.path == **path && p.first <= d.head_line && d.head_line <= p.last)
                })
                .map(|d| d.name.as_str())
                .collect();
            if names.is_empty() && picked.contains(path) {
                continue;
            }
            lines.push(line(path, &names, if level == 1 { MOST_CHARACTERS.0 } else { MOST_CHARACTERS.1 }));
        }
        lines
    }
}

fn line(path: &RepoPath, names: &[&str], most: usize) -> String {
    let mut line = path.as_str().to_owned();
    for (index, name) in names.iter().enumerate() {
        if line.len() + name.len() > most {
            line.push_str(", …");
            break;
        }
        line.push_str(if index == 0 { ": " } else { ", " });
        line.push_str(name);
    }
    line
}

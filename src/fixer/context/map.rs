//! A map of what is not shown: files of the repository, each with the names at its top.

use super::code::Code;
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
    /// The files nearest to what is shown, and what they hold that is left out.
    pub(super) fn map(
        &self,
        code: &Code<'_>,
        from: &RepoPath,
        left_out: &[(RepoPath, String)],
        level: u8,
    ) -> Vec<String> {
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
        let of_left_out = |path: &RepoPath| left_out.iter().position(|(p, _)| p == path);
        let shown = |path: &RepoPath| self.picked.iter().any(|p| p.path == *path);
        files.sort_by_cached_key(|path| {
            let shared = |other: &RepoPath| {
                other.as_str().split('/').zip(path.as_str().split('/')).take_while(|(a, b)| a == b).count()
            };
            let near = self.picked.iter().map(|p| shared(&p.path)).max().unwrap_or(0);
            let rank = of_left_out(path).unwrap_or(usize::MAX);
            (rank, !shown(path), std::cmp::Reverse(near), (*path).clone())
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
            let source = (index < MOST_READ || shown(path)).then(|| code.source(path)).flatten();
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
            if names.is_empty() && shown(path) {
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

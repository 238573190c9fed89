//! The pieces of files that levels are made of.

use super::{AROUND_FRAME, Builder, CodeLocation, number};
use crate::contract::git::RepoPath;
use crate::fixer::language::{Language, enclosing_block};
use crate::fixer::paths::Protection;
use crate::fixer::symbols;

impl Builder<'_> {
    /// The function around the place; where it is longer than `longest`, the lines around the place in it.
    pub(super) fn block(&mut self, place: &CodeLocation, line: u32, why: &str, longest: u32) {
        let Some(text) = self.tree.read_text(&place.path) else { return };
        let (first, last) = match enclosing_block(Language::of(place.path.as_str()), &text, line) {
            Some((first, last)) if last - first < longest => (first.min(line), last.max(line)),
            Some((first, last)) => {
                let (from, to) =
                    (line.saturating_sub(longest / 2).max(first), (line + longest / 2).min(last));
                // The head says what the function is.
                if from > first {
                    self.add(&place.path, first, first + 2, why);
                }
                (from, to)
            }
            None => (line.saturating_sub(AROUND_FRAME), line + AROUND_FRAME),
        };
        self.add(&place.path, first, last, why);
    }

    pub(super) fn imports(&mut self, path: &RepoPath) {
        let Some(text) = self.tree.read_text(path) else { return };
        let language = Language::of(path.as_str());
        let lines: Vec<&str> = text.lines().collect();
        let is = |l: &&str| language.is_import(l) && !l.starts_with([' ', '\t']);
        let head = lines.len().min(80);
        let (first, last) = match lines[..head].iter().position(is) {
            None => (1, 3),
            Some(first) => {
                let last = lines[..head].iter().rposition(is).unwrap_or(first);
                // Groups in brackets end later.
                let open = |l: &str| l.trim_end().ends_with(['(', '{']);
                let end = if open(lines[last]) {
                    (last..head).find(|i| lines[*i].trim_start().starts_with([')', '}'])).unwrap_or(last)
                } else {
                    last
                };
                (first + 1, end + 1)
            }
        };
        let last = last.min(first + 39);
        self.add(path, number(first), number(last), "imports of the file");
    }

    pub(super) fn definitions(
        &mut self,
        names: &[String],
        from: &RepoPath,
        most: usize,
        longest: u32,
    ) -> Vec<(RepoPath, u32, u32)> {
        let names: Vec<String> = names.iter().take(40).cloned().collect();
        let found = symbols::definitions(&names, from, self.tree, |p| self.is_test_file(p));
        let from_test = self.is_test_file(from.as_str());
        let mut reached = Vec::new();
        for definition in found.into_iter().filter(|d| d.path != *from || !from_test).take(most) {
            let (first, last) = definition.lines;
            if self.paths.protection(definition.path.as_str()) == Some(Protection::Vendored) {
                continue;
            }
            let why = format!("defines `{}`", definition.name);
            self.add(&definition.path, first, last.min(first + longest - 1), &why);
            reached.push((definition.path, first, last));
        }
        reached
    }

    pub(super) fn twins(&mut self, test: &RepoPath, level: u8) {
        for path in symbols::twins(test, self.tree, |p| self.is_test_file(p)) {
            let most = if level == 1 { 40 } else { 150 };
            self.add(&path, 1, most, "has the name the test is about");
        }
    }

    /// The files that `from` imports.
    pub(super) fn imported_files(&mut self, from: &RepoPath) {
        let Some(source) = self.code.source(from) else { return };
        let files = self.code.brought_in(&source);
        let files = files.iter().filter(|p| !self.is_test_file(p.as_str()));
        for path in files.take(6).cloned().collect::<Vec<_>>() {
            self.add(&path, 1, 120, "imported by the failing file");
        }
    }

    pub(super) fn siblings(&mut self, from: &RepoPath) {
        let language = Language::of(from.as_str());
        let files: Vec<RepoPath> = self
            .tree
            .files()
            .iter()
            .map(|f| &f.path)
            .filter(|p| p.parent() == from.parent() && language.is_kin(Language::of(p.as_str())))
            .filter(|p| !self.is_test_file(p.as_str()))
            .take(6)
            .cloned()
            .collect();
        for path in files {
            self.add(&path, 1, 80, "same package");
        }
    }

    pub(super) fn whole(&mut self, path: &RepoPath, around: Option<u32>, why: &str) {
        let Some(text) = self.tree.read_text(path) else { return };
        let count = number(text.lines().count());
        if count <= self.cap.max(40) {
            self.add(path, 1, count, why);
        } else {
            let middle = around.unwrap_or(1);
            let half = self.cap / 2;
            self.add(path, middle.saturating_sub(half), middle + half, why);
        }
    }
}

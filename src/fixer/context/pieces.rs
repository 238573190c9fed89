//! The pieces of files that levels are made of.

use super::code::Source;
use super::{AROUND_FRAME, Builder, CodeLocation, number};
use crate::contract::git::RepoPath;
use crate::fixer::language::{Language, enclosing_block};
use crate::fixer::paths::Protection;
use crate::fixer::symbols;
use crate::syntax::Bytes;

/// Lines of imports that are shown at most.
const MOST_IMPORTS: u32 = 40;

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
        let (first, last) = match self.code.source(path) {
            Some(source) => imported_lines(&source).unwrap_or((1, 3)),
            None => match self.imports_by_words(path) {
                Some(lines) => lines,
                None => return,
            },
        };
        self.add(path, first, last.min(first + MOST_IMPORTS - 1), "imports of the file");
    }

    /// Of a file that has no tree.
    fn imports_by_words(&self, path: &RepoPath) -> Option<(u32, u32)> {
        let text = self.tree.read_text(path)?;
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
        Some((number(first), number(last)))
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

/// The first block of imports at the top of a file: whatever stands between two of them belongs to it.
fn imported_lines(source: &Source) -> Option<(u32, u32)> {
    let outline = &source.outline;
    // Those within a function or a module of tests are not the file's; what `const x = require('y')` defines is.
    let is_outer = |bytes: &Bytes| {
        let around = outline.definitions.iter().filter(|d| d.body.is_some());
        !around.filter_map(|d| d.body.as_ref()).any(|body| body.start <= bytes.start && bytes.end <= body.end)
    };
    let mut lines = outline.imports.iter().filter(|i| is_outer(&i.bytes)).map(|i| i.lines);
    let (first, mut last) = lines.next()?;
    for (from, to) in lines {
        if from > first + MOST_IMPORTS {
            break;
        }
        last = last.max(to);
    }
    Some((first, last))
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::super::code::Code;
    use super::*;
    use crate::fixer::testing::MemoryTree;

    #[test]
    fn the_imports_of_a_file_are_those_at_its_top() {
        let lines = |name: &str, text: &str| {
            let tree = MemoryTree::new(&[(name, text)]);
            let source: Rc<Source> = Code::new(&tree).source(&RepoPath::new(name).unwrap()).unwrap();
            imported_lines(&source)
        };
        let python = "\"\"\"import nothing\"\"\"\nfrom a import (\n    b,\n    c,\n)\nimport d\n\n\ndef f():\n    import e\n";
        assert_eq!(lines("a.py", python), Some((2, 6)));
        let rust = "use a::{\n    b,\n};\n\nfn f() {}\n\n#[cfg(test)]\nmod tests {\n    use super::*;\n}\n";
        assert_eq!(lines("a.rs", rust), Some((1, 3)));
        assert_eq!(
            lines("a.js", "'use strict';\nconst a = require('a');\nconst b = require('b');\n"),
            Some((2, 3))
        );
        assert_eq!(
            lines("a.go", "package a\n\nimport (\n\t\"fmt\"\n)\n\nfunc f() {}\n").map(|l| l.0),
            Some(4)
        );
        assert_eq!(lines("a.py", "x = 1\n"), None);
    }
}

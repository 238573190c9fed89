//! What is shown of a failing test: itself with its set-up, then what it reaches, by rank, inside the level's lines.

use std::collections::BTreeSet;

use super::code::{Code, Source};
use super::doc_tests::doc_test;
use super::quoted::quoted_names;
use super::reach::{Candidate, Search, Seed, SeedKind};
use super::{Builder, CodeLocation, LONG_BLOCK, Picked};
use crate::contract::bug::BugReport;
use crate::contract::git::RepoPath;
use crate::fixer::language::{Language, enclosing_block};
use crate::fixer::symbols;
use crate::syntax::{Bytes, Definition, LiteralKind, TestKind};

/// Lines of a test that are shown at most, at level 1 and later.
const TEST_LINES: (u32, u32) = (16, 90);
/// Of what is set up before it.
const SET_UP_LINES: u32 = 20;
/// Of the functions that a trace names, the deepest first, at level 1 and 2; later there are others to be shown.
const FRAME_LINES: [&[u32]; 3] = [&[30, 14, 8], &[LONG_BLOCK; 8], &[24; 4]];
/// Places in a test's file that may make a test that stands nowhere.
const MADE_AT: usize = 3;
/// Steps from the test, by level.
const FURTHEST: [u32; 5] = [0, 2, 3, 4, 4];

impl Builder<'_> {
    pub(super) fn test(&mut self, bug: &BugReport, level: u8) {
        let earlier = self.shown_earlier(bug, level);
        self.test_beside(bug, level, &earlier);
    }

    /// The same, where earlier levels have shown something of it.
    pub(super) fn test_beside(&mut self, bug: &BugReport, level: u8, earlier: &[Picked]) {
        let places = self.places(bug);
        let (mut tests, frames): (Vec<CodeLocation>, Vec<CodeLocation>) =
            places.into_iter().partition(|p| self.is_test_place(p) || self.is_doc_test(p));
        let hint = tests.first().map(|p| p.path.clone());
        let named = bug.test.as_deref().and_then(|id| {
            self.test_called(id, hint.as_ref())
                .or_else(|| symbols::find_test(id, hint.as_ref(), self.tree, |p| self.is_test_file(p)))
        });
        if let Some((path, line)) = named
            && !tests.iter().any(|t| t.path == path && t.line.is_some())
        {
            tests.push(CodeLocation { path, line: Some(line) });
        }
        let from = tests.first().or(frames.first()).map(|p| p.path.clone());
        let Some(from) = from else {
            self.manifests("", "the report names no file of the repository");
            return;
        };
        let of_dependency = self.is_about_dependencies(bug, Some(&from));
        let mut seeds = Vec::new();
        for place in tests.iter().take(3) {
            seeds.extend(self.failing_test(place, level));
        }
        if of_dependency {
            self.named_files(bug);
        }
        seeds.extend(self.frames(&frames, level));
        let failing = tests.iter().chain(&frames).filter_map(|p| Some((p.path.clone(), p.line?))).collect();
        let id = bug.test.as_deref().unwrap_or_default();
        seeds.extend(self.made_by(id, &tests));
        let reached = self.reached(seeds, failing, id, level);
        if reached.is_empty() {
            self.by_words(bug, &tests, &from, level);
        }
        let (shown, left_out) = self.ranked(&reached, earlier, level, !frames.is_empty());
        if level >= 2 {
            self.imports(&from);
            self.folders_of(frames.iter().map(|p| &p.path).chain(shown.iter().map(|c| &c.path)));
        }
        if shown.is_empty() || level >= 3 {
            self.twins(&from, level.max(2));
        }
        if level >= 3 {
            for place in &frames {
                self.whole(&place.path, place.line, "on the way to the failure");
            }
            for candidate in &shown {
                let line = candidate.lines.first().map(|(first, _)| *first);
                self.whole(&candidate.path, line, "holds what the test reaches");
            }
            self.imported_files(&from);
        }
        if level >= 4 {
            self.siblings(&from);
            self.manifests(from.parent(), "what the project depends on");
        }
        self.left_out = Some((from, left_out));
    }

    /// The test of this id, in the file the report names.
    fn test_called(&self, id: &str, file: Option<&RepoPath>) -> Option<(RepoPath, u32)> {
        let source = self.code.source(file?)?;
        let plain =
            id.split_once("::").map_or(id, |(first, rest)| if first.contains('.') { rest } else { id });
        let exact = source.outline.cases().find(|t| t.id == plain || t.id == id);
        let by_name = || source.outline.cases().find(|t| !t.name.is_empty() && plain.ends_with(&t.name));
        exact.or_else(by_name).map(|t| (source.path.clone(), t.head_line))
    }

    fn is_doc_test(&self, place: &CodeLocation) -> bool {
        place.line.is_some_and(|line| doc_test(self.tree, &place.path, line).is_some())
    }

    /// Shows a failing test and what is set up for it.
    fn failing_test(&mut self, place: &CodeLocation, level: u8) -> Vec<Seed> {
        let Some(line) = place.line else { return Vec::new() };
        if let Some(test) = doc_test(self.tree, &place.path, line) {
            self.add(&place.path, test.lines.0, test.lines.1, "the failing test");
            let bytes = 0..test.code.text.len();
            let name = "the failing test".to_owned();
            return vec![Seed { source: test.code, bytes, name, distance: 0, kind: SeedKind::Ran }];
        }
        let longest = if level == 1 { TEST_LINES.0 } else { TEST_LINES.1 };
        let Some(source) = self.code.source(&place.path) else {
            self.block(place, line, "the failing test", longest);
            return Vec::new();
        };
        let seed = |bytes: Bytes, name: &str| Seed {
            source: source.clone(),
            bytes,
            name: name.to_owned(),
            distance: 0,
            kind: SeedKind::Ran,
        };
        let holds = |(first, last): (u32, u32)| first <= line && line <= last;
        let case = source.outline.cases().filter(|t| holds(t.lines)).min_by_key(|t| t.bytes.len());
        let (bytes, lines, suites) = match (case, source.outline.innermost(line)) {
            (Some(case), _) => (case.bytes.clone(), case.lines, case.suites.clone()),
            (None, Some(around)) => (around.bytes.clone(), around.lines, Vec::new()),
            (None, None) => {
                self.block(place, line, "the failing test", longest);
                let near = (line.saturating_sub(10), line.saturating_add(10));
                return vec![seed(source.outline.bytes_of_lines(near), "the failing test")];
            }
        };
        self.part(&place.path, lines, line, longest, "the failing test");
        let mut seeds = vec![seed(bytes.clone(), "the failing test")];
        for set_up in source.outline.tests.iter().filter(|t| t.kind == TestKind::SetUp && t.bytes != bytes) {
            // Of the suites that the test stands in.
            let applies =
                case.is_some() && suites.starts_with(&set_up.suites) && !is_fixture(&source, &set_up.bytes);
            if applies {
                let (first, last) = set_up.lines;
                self.add(
                    &place.path,
                    first,
                    last.min(first + SET_UP_LINES - 1),
                    "set up for the failing test",
                );
                seeds.push(seed(set_up.bytes.clone(), "the test's set-up"));
            }
        }
        seeds
    }

    /// The functions that a trace names, the deepest call first: it is the nearest to the fault.
    fn frames(&mut self, frames: &[CodeLocation], level: u8) -> Vec<Seed> {
        let mut seeds = Vec::new();
        let longest = FRAME_LINES[usize::from(level.clamp(1, 3)) - 1];
        for (at, (place, longest)) in frames.iter().zip(longest).enumerate() {
            let kind = if at == 0 { SeedKind::Deepest } else { SeedKind::Ran };
            let Some(line) = place.line else { continue };
            self.block(place, line, "on the way to the failure", *longest);
            if let Some(source) = self.code.source(&place.path)
                && let Some(around) = source.outline.innermost(line)
            {
                let (bytes, name) = (around.bytes.clone(), format!("`{}`", around.name));
                seeds.push(Seed { source: source.clone(), bytes, name, distance: 1, kind });
            }
        }
        seeds
    }

    /// A test that is made when it runs stands nowhere; the strings of its file that its name holds say what makes it.
    fn made_by(&mut self, id: &str, tests: &[CodeLocation]) -> Vec<Seed> {
        let Some((file, name)) = id.split_once("::") else { return Vec::new() };
        let Some(source) = RepoPath::new(file).ok().and_then(|path| self.code.source(&path)) else {
            return Vec::new();
        };
        if tests.iter().any(|test| test.path == source.path && test.line.is_some()) {
            return Vec::new();
        }
        let mut texts: Vec<(&str, u32)> = Vec::new();
        for literal in source.outline.literals.iter().filter(|l| l.kind == LiteralKind::String) {
            let raw = source.text.get(literal.bytes.clone()).unwrap_or_default();
            let text = raw.trim_start_matches(|c: char| c.is_ascii_alphabetic()).trim_matches(['"', '\'']);
            if text.len() > 2 && name.contains(text) {
                texts.push((text, literal.line));
            }
        }
        texts.sort_by_key(|(text, line)| (std::cmp::Reverse(text.len()), *line));
        texts.dedup_by_key(|(text, _)| *text);
        let lines: BTreeSet<u32> = texts.into_iter().map(|(_, line)| line).take(MADE_AT).collect();
        for line in &lines {
            self.add(&source.path, *line, *line, "makes the failing test");
        }
        let seed = |line: u32| Seed {
            source: source.clone(),
            bytes: source.outline.bytes_of_lines((line, line)),
            name: "what makes the failing test".to_owned(),
            distance: 0,
            kind: SeedKind::Maker,
        };
        lines.into_iter().map(seed).collect()
    }

    fn reached(
        &self,
        seeds: Vec<Seed>,
        failing: Vec<(RepoPath, u32)>,
        test: &str,
        level: u8,
    ) -> Vec<Candidate> {
        let is_test = |path: &RepoPath, line: u32| {
            self.is_test_place(&CodeLocation { path: path.clone(), line: Some(line) })
        };
        let leads = self.leads;
        let furthest = FURTHEST[usize::from(level)];
        let code = &self.code;
        let search = Search { code, leads: &leads, failing, furthest, test, is_test: &is_test };
        let mut found = search.from(seeds);
        found.retain(|c| {
            let protection = self.paths.protection(c.path.as_str());
            !matches!(protection, Some(super::Protection::Vendored | super::Protection::Never))
        });
        found
    }

    /// Part of a definition that may be too long: its head, and the lines around the place.
    fn part(&mut self, path: &RepoPath, (first, last): (u32, u32), line: u32, longest: u32, why: &str) {
        if last - first < longest {
            self.add(path, first, last, why);
            return;
        }
        let from = line.saturating_sub(longest * 2 / 3).max(first);
        if from > first {
            self.add(path, first, first + 2, why);
        }
        // What stands behind the failing line did not run.
        self.add(path, from, (from + longest).min(last), why);
    }

    /// The last resort, where nothing was understood: by words.
    fn by_words(&mut self, bug: &BugReport, tests: &[CodeLocation], from: &RepoPath, level: u8) {
        let mut names: Vec<String> = Vec::new();
        for place in tests {
            let (Some(line), Some(text)) = (place.line, self.tree.read_text(&place.path)) else { continue };
            let language = Language::of(place.path.as_str());
            let (first, last) = enclosing_block(language, &text, line).unwrap_or((line, line));
            let code: Vec<&str> =
                text.lines().skip(first as usize - 1).take((last - first + 1) as usize).collect();
            names.extend(symbols::used_names(language, &code.join("\n")));
        }
        names.extend(quoted_names(&bug.message));
        names.retain(|n| {
            !bug.test.as_deref().is_some_and(|t| t.contains(n.as_str()) && n.to_lowercase().contains("test"))
        });
        self.definitions(&names, from, [0, 4, 10, 16, 24][usize::from(level)], LONG_BLOCK);
    }
}

/// Pytest's fixtures are made for the tests that name them.
fn is_fixture(source: &Source, bytes: &Bytes) -> bool {
    let named = |d: &&Definition| d.bytes == *bytes;
    let whole = source.text.get(bytes.clone()).unwrap_or_default();
    source.outline.definitions.iter().any(|d| named(&d))
        && whole.contains("fixture")
        && !whole.contains("autouse=True")
}

/// Kept for one request.
pub(super) type SharedCode<'t> = std::rc::Rc<Code<'t>>;

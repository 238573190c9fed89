//! Where controls go: the failing test in its file, and what of it can be said again.

use std::ops::Range;
use std::sync::Arc;

use super::ControlRequest;
use crate::contract::bug::BugReport;
use crate::contract::git::{RepoPath, SourceTree};
use crate::fixer::language::{Language, has_word, indent_of};
use crate::fixer::{Protection, symbols};
use crate::placing::find_file;
use crate::syntax::{Bytes, Definition, Grammar, Outline, Test};

/// A failing test.
pub(super) struct Site {
    pub(super) path: RepoPath,
    pub(super) grammar: Grammar,
    pub(super) text: String,
    pub(super) outline: Arc<Outline>,
    /// The outermost test that holds it: what a runner can be given a second of.
    pub(super) case: Test,
    /// Of the whole lines of the test.
    start: usize,
    pub(super) end: usize,
    /// Lines of this file that the log names.
    shown: Vec<u32>,
}

impl Site {
    pub(super) fn of(bug: &BugReport, request: &ControlRequest<'_>) -> Result<Self, String> {
        let ControlRequest { tree, paths, .. } = *request;
        let id = bug.test.as_deref().unwrap_or_default();
        let is_test = |path: &str| paths.protection(path) == Some(Protection::Test);
        let places: Vec<(RepoPath, u32)> = [(bug.file.as_deref(), bug.line)]
            .into_iter()
            .chain(bug.related.iter().map(|place| (Some(place.file.as_str()), place.line)))
            .filter_map(|(file, line)| Some((find_file(file?, tree)?, line?)))
            .collect();
        let hint = places.iter().map(|(path, _)| path).find(|path| is_test(path.as_str()));
        let hint = hint.or(places.first().map(|(path, _)| path));
        let named = || symbols::find_test(id, hint, tree, is_test);
        let (path, line) = places
            .iter()
            .find(|(path, line)| holds_test_called(id, path, *line, tree))
            .cloned()
            .or_else(named)
            .ok_or_else(|| format!("the failing test {id} is not found in the code"))?;
        // Where the file itself is changed, its lines are others.
        let is_changed = request.changes.iter().any(|change| change.path == path);
        let shown = places.into_iter().filter(|(at, _)| *at == path && !is_changed).map(|(_, line)| line);
        let shown = shown.collect();
        let holds = |test: &&Test| test.lines.0 <= line && line <= test.lines.1;
        let case_of =
            |outline: &Outline| outline.cases().filter(holds).max_by_key(|test| test.bytes.len()).cloned();
        Self::in_file(path, tree, case_of, shown)
    }

    /// At the first test of a file.
    pub(super) fn first_of(path: RepoPath, tree: &dyn SourceTree) -> Result<Self, String> {
        Self::in_file(path, tree, |outline| outline.cases().next().cloned(), Vec::new())
    }

    fn in_file(
        path: RepoPath,
        tree: &dyn SourceTree,
        case_of: impl Fn(&Outline) -> Option<Test>,
        shown: Vec<u32>,
    ) -> Result<Self, String> {
        let text = tree.read_text(&path).filter(|text| !text.contains('\r'));
        let text = text.ok_or_else(|| format!("{path} cannot be read as text with plain line ends"))?;
        let outline = Language::of(path.as_str()).whole_outline(&text);
        let outline = outline.ok_or_else(|| format!("tests cannot be planted into {path}"))?;
        let case = case_of(&outline).ok_or_else(|| format!("no test is found in {path}"))?;
        let start = text[..case.bytes.start].rfind('\n').map_or(0, |at| at + 1);
        let end = text[case.bytes.end..].find('\n').map_or(text.len(), |at| case.bytes.end + at);
        let (lead, rest) = (&text[start..case.bytes.start], text[case.bytes.end..end].trim());
        let stands_alone =
            lead.trim().is_empty() && (rest.trim_start_matches(';').is_empty() || is_remark(rest));
        if !stands_alone {
            return Err(format!("the test {} of {path} shares its lines with other code", case.name));
        }
        Ok(Self { path, grammar: outline.grammar, text, outline, case, start, end, shown })
    }

    /// The test's whole lines.
    fn lines(&self) -> &str {
        &self.text[self.start..self.end]
    }

    /// The test alone.
    pub(super) fn test(&self) -> &str {
        &self.text[self.case.bytes.clone()]
    }

    /// The function or method it is, where it is one.
    pub(super) fn definition(&self) -> Option<&Definition> {
        self.outline.definitions.iter().find(|d| d.name == self.case.name && d.bytes == self.case.bytes)
    }

    /// What stands between the brackets of its definition.
    pub(super) fn parameters(&self) -> Option<&str> {
        let behind = self.definition()?.name_bytes.end;
        let open = behind + self.text[behind..].find('(')?;
        let close = open + self.text[open..].find(')')?;
        Some(self.text[open + 1..close].trim())
    }

    /// What its definition is indented with.
    fn indent(&self) -> &str {
        let at = self.definition().map_or(self.case.bytes.start, |d| d.head);
        let start = self.text[..at].rfind('\n').map_or(0, |at| at + 1);
        indent_of(&self.text[start..])
    }

    /// `text`, indented as the test is; its own indentation is tabs.
    pub(super) fn indented(&self, text: &str) -> String {
        let (indent, unit) = (self.indent(), if self.lines().contains("\n\t") { "\t" } else { "    " });
        let line = |line: &str| {
            let tabs = line.len() - line.trim_start_matches('\t').len();
            if line.is_empty() {
                String::new()
            } else {
                format!("{indent}{}{}", unit.repeat(tabs), &line[tabs..])
            }
        };
        text.lines().map(line).collect::<Vec<_>>().join("\n")
    }

    /// The test's whole lines under another name, with parts of them replaced.
    pub(super) fn renamed(
        &self,
        mark: &str,
        replaced: impl IntoIterator<Item = (Bytes, String)>,
    ) -> Option<String> {
        let (name, other) = match self.definition() {
            Some(definition) => (definition.name_bytes.clone(), format!("{}_{mark}", self.case.name)),
            None => (self.quoted_name()?, format!("{} {mark}", self.case.name)),
        };
        let mut text = self.text[..self.end].to_owned();
        let mut parts: Vec<(Range<usize>, String)> = vec![(name, other)];
        parts.extend(replaced);
        parts.sort_by_key(|(bytes, _)| bytes.start);
        for (bytes, new) in parts.into_iter().rev() {
            text.replace_range(bytes, &new);
        }
        let copy = text.get(self.start..)?;
        Some(format!("\n{copy}\n"))
    }

    /// The string that a test is registered with, without its quotes.
    fn quoted_name(&self) -> Option<Range<usize>> {
        let name = &self.case.name;
        if name.is_empty() || name.contains(['\\', '$', '\n']) {
            return None;
        }
        let from = self.case.bytes.start;
        ['\'', '"', '`'].iter().find_map(|quote| {
            let at = self.test().find(&format!("{quote}{name}{quote}"))?;
            Some(from + at + 1..from + at + 1 + name.len())
        })
    }

    /// The assertion to turn round, and whether the log showed it failing.
    pub(super) fn decisive_assertion(&self) -> Option<(Bytes, bool)> {
        let inside = |bytes: &Bytes| self.case.bytes.start <= bytes.start && bytes.end <= self.case.bytes.end;
        let all: Vec<_> = self.outline.assertions.iter().filter(|a| inside(&a.bytes)).collect();
        let is_shown =
            |(first, last): (u32, u32)| self.shown.iter().any(|line| first <= *line && *line <= last);
        let shown = all.iter().filter(|a| is_shown(a.lines)).max_by_key(|a| a.bytes.len());
        match (shown, all.as_slice()) {
            (Some(assertion), _) => Some((assertion.bytes.clone(), true)),
            (None, [only]) => Some((only.bytes.clone(), false)),
            (None, _) => None,
        }
    }

    /// Why the step's command may not come to tests that stand beside this one: it names this one.
    pub(super) fn left_out_by(&self, script: &str) -> Option<String> {
        const SOME: [&str; 8] = [
            "--exact",
            "--lf",
            "--last-failed",
            "--shard",
            "--splits",
            "--only",
            "--test-name-pattern",
            "--runTestsByPath",
        ];
        let names = std::iter::once(&self.case.name).chain(&self.case.suites);
        // A module of tests is called as folders and commands are.
        let is_plain = |name: &&String| matches!(name.as_str(), "" | "test" | "tests");
        let named = names.filter(|name| !is_plain(name)).find(|name| {
            let is_name = name.chars().all(|c| c.is_alphanumeric() || c == '_');
            is_name && script.lines().any(|line| has_word(line, &[name.as_str()]))
        });
        if let Some(name) = named {
            return Some(format!("the command names {name} alone"));
        }
        let some = script.split_whitespace().find(|word| SOME.iter().any(|some| word.starts_with(some)))?;
        Some(format!("the command runs some tests alone ({some})"))
    }
}

/// Whether this line stands in a test whose name is in the id: runners have many ways to write ids.
fn holds_test_called(id: &str, path: &RepoPath, line: u32, tree: &dyn SourceTree) -> bool {
    let outline = tree.read_text(path).and_then(|text| Language::of(path.as_str()).outline(&text));
    outline.is_some_and(|outline| {
        outline.cases().any(|test| {
            test.lines.0 <= line && line <= test.lines.1 && !test.name.is_empty() && id.contains(&test.name)
        })
    })
}

fn is_remark(rest: &str) -> bool {
    let rest = rest.trim_start_matches(';').trim_start();
    rest.starts_with('#') || rest.starts_with("//")
}
